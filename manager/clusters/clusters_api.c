/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/clusters/clusters.h"

#include <string.h>

#include "manager/api/generic.h"
#include "manager/clusters/qos.h"
#include "manager/core/jobs.h"
#include "manager/hosts/host_policy.h"
#include "manager/hosts/hosts.h"
#include "manager/networks/networks.h"
#include "manager/system/bootstrap.h"

#define DEFAULT_MAC_POOL "58ca604b-017d-0374-0220-00000000014e"
#define DEFAULT_POLICY   "b4ed2332-a7ac-4d5f-9596-99a439cb2812"

const struct m_cluster *cluster_latest(struct core *c, const char *id)
{
	return INV_LATEST(c->inv, CLUSTER, cluster, id);
}

const char *cluster_data_center(struct core *c, const char *cluster_id)
{
	const struct m_cluster *cl = cluster_latest(c, cluster_id);
	return cl ? cl->data_center.id : NULL;
}

static struct m_version *level(struct pool *p, int64_t major, int64_t minor)
{
	struct m_version *v = m_new(p, &M_TYPE_version);

	M_SET(v, major, major);
	M_SET(v, minor, minor);
	return v;
}

/* Levels 4.2 to 4.8 exist. */
static int check_level(struct pool *p, struct m_version **v, const char *field, struct err *e)
{
	if (!*v || !(*v)->has.major) {
		*v = level(p, 4, 8);
		return 0;
	}
	if ((*v)->major != 4 || M_GET(*v, minor, -1) < 2 || (*v)->minor > 8)
		return err_field(e, ERR_INVALID, field, "Compatibility levels are 4.2 to 4.8.");
	*v = level(p, 4, (*v)->minor);
	return 0;
}

/* ---- data centers ---- */

static void data_center_view(struct core *c, struct pool *p, const void *published, void *copy)
{
	struct m_data_center *dc = copy;

	dc->supported_versions.v = POOL_ARRAY(p, struct m_version *, 1);
	dc->supported_versions.v[0] = level(p, 4, 8);
	dc->supported_versions.n = 1;
}

static void add_default_quota(struct txn *t, const char *dc_id)
{
	struct m_quota *q = txn_new(t, KIND_QUOTA, NULL);
	struct pool *p = txn_pool(t);

	q->name = "Default";
	q->description = "Default unlimited quota";
	q->data_center = m_new(p, &M_TYPE_data_center);
	q->data_center->id = pool_strdup(p, dc_id);
	M_SET(q, cluster_hard_limit_pct, 20);
	M_SET(q, cluster_soft_limit_pct, 80);
	M_SET(q, storage_hard_limit_pct, 20);
	M_SET(q, storage_soft_limit_pct, 80);
}

static int dc_add(struct call *c, struct err *e)
{
	struct m_data_center *dc, *body = c->body;
	struct txn *t;
	char *id;

	if (call_resolve(c, &body->mac_pool, KIND_MAC_POOL, NULL, false, "data_center.mac_pool", e) < 0 ||
	    check_level(c->pool, &body->version, "data_center.version", e) < 0)
		return -1;
	t = txn_begin(c->core);
	dc = generic_create(c, t, KIND_DATA_CENTER, false, e);
	if (!dc) {
		txn_cancel(t);
		return -1;
	}
	if (!dc->mac_pool.id)
		REF_SET(txn_pool(t), dc->mac_pool, DEFAULT_MAC_POOL);
	DEFAULT(dc, local, false);
	if (!dc->quota_mode)
		dc->quota_mode = M_QUOTA_MODE_TYPE_DISABLED;
	dc->storage_format = 0;
	dc->status = M_DATA_CENTER_STATUS_UNINITIALIZED;
	id = pool_strdup(c->pool, dc->id);
	network_add_management(t, id);
	add_default_quota(t, id);
	txn_event(
	    t, "USER_ADD_STORAGE_POOL",
	    &(struct event_refs){ .data_center = id, .user = c->who.user_id, .correlation_id = c->correlation_id },
	    "Data Center %s was added.", dc->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_kind(c, KIND_DATA_CENTER, id);
}

static int dc_update(struct call *c, struct err *e)
{
	struct m_data_center *body = c->body;
	const struct m_data_center *old = CALL_ENTITY(c, 0, DATA_CENTER, data_center, e);

	if (!old || call_resolve(c, &body->mac_pool, KIND_MAC_POOL, NULL, false, "data_center.mac_pool", e) < 0)
		return -1;
	if (body->version && check_level(c->pool, &body->version, "data_center.version", e) < 0)
		return -1;
	if (body->has.local && body->local != M_GET(old, local, false) &&
	    inv_first_by(c->core->inv, KIND_STORAGE_DOMAIN, IDX_STORAGE_DOMAIN_data_center, old->id))
		return err_field(e, ERR_CONFLICT, "data_center.local",
		                 "Cannot edit Data Center. Its type cannot change while storage domains are attached.");
	body->storage_format = 0;
	return generic_update(c, e);
}

/* Remove all that refers to ref_id, what is being added included. */
static void remove_all(struct txn *t, enum kind k, int idx, const char *ref_id)
{
	unsigned n;
	const void **list = inv_latest_by(txn_core(t)->inv, txn_pool(t), k, idx, ref_id, &n);

	for (unsigned i = 0; i < n; i++)
		txn_remove(t, k, m_entity(M_KINDS[k].type, list[i])->id);
}

static int dc_remove(struct call *c, struct err *e)
{
	struct inventory *inv = c->core->inv;
	const struct m_data_center *dc = CALL_ENTITY(c, 0, DATA_CENTER, data_center, e);
	struct event_refs refs = call_refs(c);
	const struct m_cluster **clusters;
	const struct m_network **networks;
	struct txn *t;
	unsigned n;

	if (!dc)
		return -1;
	if (inv_is_used(inv, KIND_STORAGE_DOMAIN, IDX_STORAGE_DOMAIN_data_center, dc->id))
		return err_set(
		    e, ERR_CONFLICT,
		    "Cannot remove Data Center %s which contains Storage Domains. Please detach or remove them first.",
		    dc->name);
	INV_EACH_BY (cl, inv, KIND_CLUSTER, IDX_CLUSTER_data_center, dc->id)
		if (inv_is_used(inv, KIND_VM, IDX_VM_cluster, cl->id) ||
		    inv_is_used(inv, KIND_HOST, IDX_HOST_cluster, cl->id))
			return err_set(e, ERR_CONFLICT, "Cannot remove Data Center %s. Cluster %s has hosts or VMs.",
			               dc->name, ENTITY_OBJ(cl, cluster)->name);
	t = txn_begin(c->core);
	clusters = (void *)inv_latest_by(inv, txn_pool(t), KIND_CLUSTER, IDX_CLUSTER_data_center, dc->id, &n);
	for (unsigned i = 0; i < n; i++) {
		struct m_cluster *draft = txn_edit(t, KIND_CLUSTER, clusters[i]->id);
		draft->data_center = draft->management_network = (struct m_ref){ 0 };
		remove_all(t, KIND_CLUSTER_NETWORK, IDX_CLUSTER_NETWORK_cluster, clusters[i]->id);
	}
	networks = (void *)inv_latest_by(inv, txn_pool(t), KIND_NETWORK, IDX_NETWORK_data_center, dc->id, &n);
	for (unsigned i = 0; i < n; i++)
		network_remove_all(t, networks[i]->id);
	INV_EACH (q, inv, KIND_QUOTA)
		if (ENTITY_OBJ(q, quota)->data_center && g_strcmp0(ENTITY_OBJ(q, quota)->data_center->id, dc->id) == 0)
			txn_remove(t, KIND_QUOTA, q->id);
	remove_all(t, KIND_QOS, IDX_QOS_data_center, dc->id);
	txn_remove(t, KIND_DATA_CENTER, dc->id);
	txn_event(t, "USER_REMOVE_STORAGE_POOL", &refs, "Data Center %s was removed.", dc->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, NULL);
}

/* ---- clusters ---- */

static void cluster_view(struct core *c, struct pool *p, const void *published, void *copy)
{
	struct m_cluster *cl = copy;

	cl->supported_versions.v = POOL_ARRAY(p, struct m_version *, 1);
	cl->supported_versions.v[0] = level(p, 4, 8);
	cl->supported_versions.n = 1;
}

static int resolve_cluster(struct call *c, struct m_cluster *body, bool is_new, struct err *e)
{
	if (call_resolve(c, &body->data_center, KIND_DATA_CENTER, NULL, is_new, "cluster.data_center", e) < 0 ||
	    call_resolve(c, &body->mac_pool, KIND_MAC_POOL, NULL, false, "cluster.mac_pool", e) < 0)
		return -1;
	if (body->cpu && body->cpu->type && *body->cpu->type && !cpu_type_is_known(body->cpu->type))
		return err_field(e, ERR_INVALID, "cluster.cpu.type", "'%.80s' is no known CPU type.", body->cpu->type);
	body->scheduling_policy.obj = NULL;
	if (body->scheduling_policy.id && !uuid_is_valid(body->scheduling_policy.id))
		return err_field(e, ERR_INVALID, "cluster.scheduling_policy", "'%.80s' is no valid id.",
		                 body->scheduling_policy.id);
	if (body->version && check_level(c->pool, &body->version, "cluster.version", e) < 0)
		return -1;
	return 0;
}

/* May the cluster have this MAC pool: may the caller use it, and are the addresses of its VMs free there? */
static int check_mac_pool(struct call *c, const char *cluster_id, const char *old_id, const char *id, struct err *e)
{
	const struct m_mac_pool *mp = id ? INV_LATEST(c->core->inv, MAC_POOL, mac_pool, id) : NULL;
	const char *twice;

	if (!mp || g_strcmp0(id, old_id) == 0)
		return 0;
	if (call_permit(c, "configure_mac_pool", KIND_MAC_POOL, id, e) < 0)
		return -1;
	twice =
	    cluster_id && !M_GET(mp, allow_duplicates, false) ? mac_find_twice(c->core, c->pool, id, cluster_id) : NULL;
	if (twice)
		return err_field(
		    e, ERR_CONFLICT, "cluster.mac_pool",
		    "MAC pool %s does not allow duplicates, but MAC address %s would be in use more than once.",
		    mp->name, twice);
	return 0;
}

static int cluster_add(struct call *c, struct err *e)
{
	struct m_cluster *cl, *body = c->body, *all;
	const char *parent = strncmp(c->path, "datacenters/", 12) == 0 ? c->ids[0] : NULL;
	const struct m_network *mgmt;
	struct txn *t;
	char *id;

	if (parent)
		body->data_center.id = (char *)parent;
	if (resolve_cluster(c, body, true, e) < 0 || call_asked(c, body->data_center.id, e) < 0 ||
	    check_mac_pool(c, NULL, NULL, body->mac_pool.id, e) < 0)
		return -1;
	if (call_resolve(c, &body->management_network, KIND_NETWORK, body->data_center.id, false,
	                 "cluster.management_network", e) < 0)
		return -1;
	all = initial_defaults(c->pool, KIND_CLUSTER);
	if (m_merge(c->pool, &M_TYPE_cluster, all, body, M_MERGE_API | M_MERGE_CREATE, e) < 0)
		return -1;
	c->body = all;
	t = txn_begin(c->core);
	cl = generic_create(c, t, KIND_CLUSTER, false, e);
	if (!cl) {
		txn_cancel(t);
		return -1;
	}
	if (!cl->mac_pool.id)
		REF_SET(txn_pool(t), cl->mac_pool, DEFAULT_MAC_POOL);
	if (!cl->scheduling_policy.id)
		REF_SET(txn_pool(t), cl->scheduling_policy, DEFAULT_POLICY);
	if (cl->cpu && cl->cpu->type && *cl->cpu->type && cl->cpu->architecture <= M_ARCHITECTURE_UNDEFINED)
		cl->cpu->architecture = M_ARCHITECTURE_X86_64;
	id = pool_strdup(c->pool, cl->id);
	mgmt = cl->management_network.id ? txn_get(t, KIND_NETWORK, cl->management_network.id)
	                                 : network_management_of(t, cl->data_center.id);
	if (mgmt) {
		REF_SET(txn_pool(t), cl->management_network, mgmt->id);
		network_attach_management(t, id, mgmt);
	}
	struct m_cpu_profile *cp = txn_new(t, KIND_CPU_PROFILE, NULL);
	cp->name = pool_strdup(txn_pool(t), cl->name);
	REF_SET(txn_pool(t), cp->cluster, id);
	perm_grant(t, ROLE_CPU_PROFILE_OPERATOR, NULL, KIND_CPU_PROFILE, cp->id);
	txn_event(t, "USER_ADD_CLUSTER",
	          &(struct event_refs){ .cluster = id, .user = c->who.user_id, .correlation_id = c->correlation_id },
	          "Cluster %s was added.", cl->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_kind(c, KIND_CLUSTER, id);
}

/* The last id of the path; below a data center only when it belongs there. */
static const struct m_cluster *find_cluster(struct call *c, struct err *e)
{
	const struct m_cluster *cl = call_visible(c, c->n_ids - 1, KIND_CLUSTER, e);

	if (cl && c->n_ids > 1 && g_strcmp0(cl->data_center.id, c->ids[0]) != 0) {
		err_set(e, ERR_NO_ENTITY, "The cluster belongs to another data center.");
		return NULL;
	}
	return cl;
}

static int cluster_update(struct call *c, struct err *e)
{
	struct m_cluster *body = c->body;
	const struct m_cluster *old = find_cluster(c, e);

	if (!old)
		return -1;
	if (resolve_cluster(c, body, false, e) < 0 ||
	    check_mac_pool(c, old->id, old->mac_pool.id, body->mac_pool.id, e) < 0)
		return -1;
	if (call_resolve(c, &body->management_network, KIND_NETWORK, old->data_center.id, false,
	                 "cluster.management_network", e) < 0)
		return -1;
	if (body->data_center.id && g_strcmp0(body->data_center.id, old->data_center.id) != 0 && old->data_center.id)
		return err_field(e, ERR_CONFLICT, "cluster.data_center",
		                 "Cannot edit Cluster. Its Data Center cannot be changed.");
	if (body->version && old->version && M_GET(body->version, minor, 8) < M_GET(old->version, minor, 8) &&
	    (inv_is_used(c->core->inv, KIND_VM, IDX_VM_cluster, old->id) ||
	     inv_is_used(c->core->inv, KIND_HOST, IDX_HOST_cluster, old->id)))
		return err_field(
		    e, ERR_CONFLICT, "cluster.version",
		    "Cannot edit Cluster. The compatibility level cannot be lowered while hosts or VMs use it.");
	return generic_update(c, e);
}

static int cluster_remove(struct call *c, struct err *e)
{
	struct inventory *inv = c->core->inv;
	const struct m_cluster *cl = find_cluster(c, e);
	struct event_refs refs = call_refs(c);
	struct txn *t;

	if (!cl)
		return -1;
	if (inv_is_used(inv, KIND_HOST, IDX_HOST_cluster, cl->id))
		return err_set(e, ERR_CONFLICT,
		               "Cannot remove Cluster. Host Cluster %s has hosts; remove or move them first.",
		               cl->name);
	if (inv_is_used(inv, KIND_VM, IDX_VM_cluster, cl->id))
		return err_set(e, ERR_CONFLICT, "Cannot remove Cluster. One or more VMs are assigned to cluster %s.",
		               cl->name);
	if (inv_is_used(inv, KIND_TEMPLATE, IDX_TEMPLATE_cluster, cl->id))
		return err_set(e, ERR_CONFLICT,
		               "Cannot remove Cluster. One or more Templates are assigned to cluster %s.", cl->name);
	t = txn_begin(c->core);
	remove_all(t, KIND_CLUSTER_NETWORK, IDX_CLUSTER_NETWORK_cluster, cl->id);
	remove_all(t, KIND_CPU_PROFILE, IDX_CPU_PROFILE_cluster, cl->id);
	txn_remove(t, KIND_CLUSTER, cl->id);
	txn_event(t, "USER_REMOVE_CLUSTER", &refs, "Cluster %s was removed.", cl->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, NULL);
}

/* "clusters.list" serves /clusters and /datacenters/{id}/clusters alike. */
static int cluster_list(struct call *c, struct err *e)
{
	GPtrArray *v;
	int rc;

	if (c->n_ids > 0 && !call_visible(c, 0, KIND_DATA_CENTER, e))
		return -1;
	v = g_ptr_array_new();
	INV_EACH (en, c->core->inv, KIND_CLUSTER)
		if (c->n_ids == 0 || g_strcmp0(ENTITY_OBJ(en, cluster)->data_center.id, c->ids[0]) == 0)
			g_ptr_array_add(v, (void *)en->pub);
	rc = generic_reply_versions(c, KIND_CLUSTER, v, e);
	g_ptr_array_free(v, TRUE);
	return rc;
}

static int cluster_get(struct call *c, struct err *e)
{
	const struct m_cluster *cl = find_cluster(c, e);

	return cl ? call_reply_kind(c, KIND_CLUSTER, cl->id) : -1;
}

/* ---- quotas: the unlimited default of each data center ---- */

static int quota_list(struct call *c, struct err *e)
{
	void **list = POOL_ARRAY(c->pool, void *, inv_count(c->core->inv, KIND_QUOTA) + 1);
	size_t n = 0;

	if (!call_visible(c, 0, KIND_DATA_CENTER, e))
		return -1;
	INV_EACH (en, c->core->inv, KIND_QUOTA)
		if (g_strcmp0(ENTITY_OBJ(en, quota)->data_center->id, c->ids[0]) == 0)
			list[n++] = call_view(c, KIND_QUOTA, en->pub);
	return call_reply_list(c, &M_TYPE_quota, list, n);
}

static int quota_get(struct call *c, struct err *e)
{
	const struct m_quota *q = call_visible(c, 1, KIND_QUOTA, e);

	if (!q)
		return -1;
	if (g_strcmp0(q->data_center->id, c->ids[0]) != 0)
		return err_set(e, ERR_NO_ENTITY, "The quota belongs to another data center.");
	return call_reply_entity(c, &M_TYPE_quota, call_view(c, KIND_QUOTA, q));
}

static const struct api_op CLUSTER_OPS[] = {
	ROW("data_centers.list", generic_list, KIND_DATA_CENTER),
	ROW("data_center.get", generic_get, KIND_DATA_CENTER),
	ROW("data_centers.add", dc_add, KIND_DATA_CENTER, SYS("create_storage_pool")),
	ROW("data_center.update", dc_update, KIND_DATA_CENTER, ON("edit_storage_pool_configuration", KIND_DATA_CENTER)),
	ROW("data_center.remove", dc_remove, KIND_DATA_CENTER, ON("delete_storage_pool", KIND_DATA_CENTER)),
	ROW("clusters.list", cluster_list, KIND_CLUSTER),
	ROW("cluster.get", cluster_get, KIND_CLUSTER),
	ROW("clusters.add", cluster_add, KIND_CLUSTER, ASKS("create_cluster", KIND_DATA_CENTER)),
	ROW("cluster.update", cluster_update, KIND_CLUSTER, .flags = OP_WAITS, .permit = "edit_cluster_configuration",
	    .is_on_last = true, .on = KIND_CLUSTER),
	ROW("cluster.remove", cluster_remove, KIND_CLUSTER, .flags = OP_WAITS, .permit = "delete_cluster",
	    .is_on_last = true, .on = KIND_CLUSTER),
	ROW("quotas.list", quota_list, KIND_QUOTA, .flags = OP_HREF_HERE),
	ROW("quota.get", quota_get, KIND_QUOTA, .flags = OP_HREF_HERE),
	{ .name = NULL },
};

static const struct kind_ops DC_KIND = { .view = data_center_view };
static const struct kind_ops CLUSTER_KIND = { .published = host_policy_cluster, .view = cluster_view };

void clusters_register(struct core *c)
{
	core_register_kind(c, KIND_DATA_CENTER, &DC_KIND);
	core_register_kind(c, KIND_CLUSTER, &CLUSTER_KIND);
	api_register(CLUSTER_OPS);
	api_register(QOS_OPS);
	api_register(CPU_PROFILE_OPS);
}
