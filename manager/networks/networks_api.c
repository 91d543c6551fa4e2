/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/networks/networks.h"

#include <string.h>

#include "manager/api/generic.h"
#include "manager/clusters/clusters.h"
#include "manager/clusters/qos.h"
#include "manager/core/jobs.h"
#include "manager/core/locks.h"
#include "manager/hosts/hosts.h"
#include "manager/networks/mac.h"
#include "manager/system/system.h"

#define NO_SPOOFING_FILTER "d2370ab4-fee3-11e9-a310-8c1645ce738e"

/* ---- pieces for others ---- */

static bool has_usage(const struct m_network *n, enum m_network_usage u)
{
	for (uint32_t i = 0; i < n->usages.n; i++)
		if (n->usages.v[i] == u)
			return true;
	return false;
}

static void set_usages(struct pool *p, struct m_network *n, const enum m_network_usage *list, uint32_t count)
{
	n->usages.v = POOL_ARRAY(p, enum m_network_usage, count + 1);
	memcpy(n->usages.v, list, sizeof(*list) * count);
	n->usages.n = count;
}

static void add_profile(struct txn *t, const struct m_network *net)
{
	struct m_vnic_profile *vp = txn_new(t, KIND_VNIC_PROFILE, NULL);
	struct pool *p = txn_pool(t);

	vp->name = pool_strdup(p, net->name);
	REF_SET(p, vp->network, net->id);
	REF_SET(p, vp->network_filter, NO_SPOOFING_FILTER);
	vp->pass_through = m_new(p, &M_TYPE_vnic_pass_through);
	vp->pass_through->mode = M_VNIC_PASS_THROUGH_MODE_DISABLED;
	M_SET(vp, port_mirroring, false);
	perm_grant(t, ROLE_VNIC_PROFILE_USER, NULL, KIND_VNIC_PROFILE, vp->id);
}

void network_add_management(struct txn *t, const char *dc_id)
{
	static const enum m_network_usage vm[] = { M_NETWORK_USAGE_VM };
	struct m_network *net = txn_new(t, KIND_NETWORK, NULL);
	struct pool *p = txn_pool(t);

	net->name = net->vdsm_name = MANAGEMENT_NETWORK;
	net->description = "Management Network";
	REF_SET(p, net->data_center, dc_id);
	M_SET(net, mtu, 0);
	M_SET(net, stp, false);
	M_SET(net, port_isolation, false);
	set_usages(p, net, vm, 1);
	add_profile(t, net);
}

const struct m_network *network_management_of(struct txn *t, const char *dc_id)
{
	struct entity *en = inv_by_name(txn_core(t)->inv, KIND_NETWORK, dc_id, MANAGEMENT_NETWORK);
	return en ? txn_get(t, KIND_NETWORK, en->id) : NULL;
}

static struct m_network *attach(struct txn *t, const char *cluster_id, const struct m_network *net)
{
	uuid_text id;
	struct m_network *cn;
	struct pool *p = txn_pool(t);

	uuid_derive(cluster_id, net->id, id);
	cn = txn_new(t, KIND_CLUSTER_NETWORK, id);
	cn->name = pool_strdup(p, net->name);
	REF_SET(p, cn->cluster, cluster_id);
	REF_SET(p, cn->of_network, net->id);
	REF_SET(p, cn->data_center, net->data_center.id);
	cn->status = M_NETWORK_STATUS_OPERATIONAL;
	return cn;
}

void network_attach_management(struct txn *t, const char *cluster_id, const struct m_network *net)
{
	static const enum m_network_usage all[] = { M_NETWORK_USAGE_DEFAULT_ROUTE, M_NETWORK_USAGE_DISPLAY,
		                                    M_NETWORK_USAGE_MANAGEMENT, M_NETWORK_USAGE_MIGRATION,
		                                    M_NETWORK_USAGE_VM };
	struct m_network *cn = attach(t, cluster_id, net);

	M_SET(cn, required, true);
	M_SET(cn, display, true);
	set_usages(txn_pool(t), cn, all, G_N_ELEMENTS(all));
}

void network_remove_all(struct txn *t, const char *network_id)
{
	struct inventory *inv = txn_core(t)->inv;
	const struct m_vnic_profile **profiles;
	const struct m_network **places;
	unsigned n;

	profiles = (void *)inv_latest_by(inv, txn_pool(t), KIND_VNIC_PROFILE, IDX_VNIC_PROFILE_network, network_id, &n);
	for (unsigned i = 0; i < n; i++)
		txn_remove(t, KIND_VNIC_PROFILE, profiles[i]->id);
	places = (void *)inv_latest_by(inv, txn_pool(t), KIND_CLUSTER_NETWORK, IDX_CLUSTER_NETWORK_of_network,
	                               network_id, &n);
	for (unsigned i = 0; i < n; i++)
		txn_remove(t, KIND_CLUSTER_NETWORK, places[i]->id);
	txn_remove(t, KIND_NETWORK, network_id);
}

const struct m_network *network_of_profile(struct core *c, const char *profile_id)
{
	const struct m_vnic_profile *vp = INV_LATEST(c->inv, VNIC_PROFILE, vnic_profile, profile_id);
	return vp ? INV_LATEST(c->inv, NETWORK, network, vp->network.id) : NULL;
}

bool network_is_in_cluster(struct core *c, const char *network_id, const char *cluster_id)
{
	const struct m_cluster *cl = cluster_latest(c, cluster_id);
	uuid_text id;

	uuid_derive(cluster_id, network_id, id);
	return inv_latest(c->inv, KIND_CLUSTER_NETWORK, id) ||
	       (cl && g_strcmp0(cl->management_network.id, network_id) == 0);
}

/* ---- networks ---- */

static int check_network(struct call *c, const struct m_network *net, struct err *e)
{
	INV_EACH_BY (en, c->core->inv, KIND_NETWORK, IDX_NETWORK_data_center, net->data_center.id) {
		const struct m_network *other = inv_latest(c->core->inv, KIND_NETWORK, en->id);
		if (other && net->vlan && net->vlan->has.id && other->vlan && other->vlan->has.id &&
		    other->vlan->id == net->vlan->id && strcmp(other->id, net->id) != 0)
			return err_field(e, ERR_CONFLICT, "network.vlan.id", "VLAN %d is used by network %s already.",
			                 (int)net->vlan->id, other->name);
	}
	if (net->has.mtu && net->mtu != 0 && net->mtu < 68)
		return err_field(e, ERR_RANGE, "network.mtu", "The MTU must be 0 (default) or 68 to 65535.");
	return 0;
}

/* Name of the bridge on hosts: the network's, when it can be one; else derived from the id. */
static char *vdsm_name(struct pool *p, const struct m_network *net)
{
	bool fits = strlen(net->name) <= 15;

	for (const char *s = net->name; *s; s++)
		fits = fits && (g_ascii_isalnum(*s) || *s == '_' || *s == '-');
	return fits ? pool_strdup(p, net->name) : pool_printf(p, "on%.8s%.5s", net->id, net->id + 24);
}

static int network_add(struct call *c, struct err *e)
{
	static const enum m_network_usage vm[] = { M_NETWORK_USAGE_VM };
	struct m_network *net, *body = c->body;
	struct txn *t;
	char *id;

	if (c->n_ids > 0)
		body->data_center.id = (char *)c->ids[0];
	if (call_resolve(c, &body->data_center, KIND_DATA_CENTER, NULL, true, "network.data_center", e) < 0 ||
	    call_asked(c, body->data_center.id, e) < 0)
		return -1;
	t = txn_begin(c->core);
	net = generic_create(c, t, KIND_NETWORK, false, e);
	if (!net || check_network(c, net, e) < 0) {
		txn_cancel(t);
		return -1;
	}
	DEFAULT(net, mtu, 0);
	DEFAULT(net, stp, false);
	DEFAULT(net, port_isolation, false);
	if (!net->usages.v)
		set_usages(txn_pool(t), net, vm, 1);
	net->cluster = (struct m_ref){ 0 };
	net->vdsm_name = vdsm_name(txn_pool(t), net);
	if (has_usage(net, M_NETWORK_USAGE_VM) && M_GET(net, profile_required, true))
		add_profile(t, net);
	net->has.profile_required = 0;
	id = pool_strdup(c->pool, net->id);
	txn_event(t, "NETWORK_ADD_NETWORK",
	          &(struct event_refs){
	              .data_center = net->data_center.id, .user = c->who.user_id, .correlation_id = c->correlation_id },
	          "Network %s was added.", net->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_kind(c, KIND_NETWORK, id);
}

/* The last id of the path; below a data center only when it belongs there. */
static const struct m_network *find_network(struct call *c, struct err *e)
{
	const struct m_network *net = NULL;

	if (c->n_ids < 2 || call_visible(c, 0, KIND_DATA_CENTER, e))
		net = call_visible(c, c->n_ids - 1, KIND_NETWORK, e);
	if (net && c->n_ids > 1 && g_strcmp0(net->data_center.id, c->ids[0]) != 0) {
		err_set(e, ERR_NO_ENTITY, "The network belongs to another data center.");
		return NULL;
	}
	return net;
}

static int network_update(struct call *c, struct err *e)
{
	struct m_network *draft, *body = c->body;
	const struct m_network *old = find_network(c, e);
	struct txn *t;
	char *id;

	if (!old)
		return -1;
	if (call_resolve(c, &body->data_center, KIND_DATA_CENTER, NULL, false, "network.data_center", e) < 0)
		return -1;
	if (body->data_center.id && g_strcmp0(body->data_center.id, old->data_center.id) != 0)
		return err_field(e, ERR_IMMUTABLE, "network.data_center",
		                 "Attempt to set immutable field: data_center");
	if (body->name && strcmp(old->name, MANAGEMENT_NETWORK) == 0 && strcmp(body->name, old->name) != 0)
		return err_field(e, ERR_CONFLICT, "network.name",
		                 "Cannot edit Network. The management network keeps its name.");
	id = pool_strdup(c->pool, old->id);
	t = txn_begin(c->core);
	draft = generic_merge(c, t, KIND_NETWORK, id, e);
	if (!draft || check_network(c, draft, e) < 0) {
		txn_cancel(t);
		return -1;
	}
	draft->vdsm_name = pool_strdup(txn_pool(t), old->vdsm_name); /* hosts know it by that */
	INV_EACH_BY (en, c->core->inv, KIND_CLUSTER_NETWORK, IDX_CLUSTER_NETWORK_of_network, id) {
		struct m_network *cn = txn_edit(t, KIND_CLUSTER_NETWORK, en->id);
		if (cn)
			cn->name = pool_strdup(txn_pool(t), draft->name);
	}
	txn_event(t, "NETWORK_UPDATE_NETWORK",
	          &(struct event_refs){ .data_center = draft->data_center.id,
	                                .user = c->who.user_id,
	                                .correlation_id = c->correlation_id },
	          "Network %s was updated.", draft->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_kind(c, KIND_NETWORK, id);
}

/* ERR_CONFLICT when a NIC uses the profile, be it only just being added. */
static int check_unused(struct call *c, const char *what, const char *profile_id, struct err *e)
{
	unsigned n;
	const struct m_nic **nics =
	    (void *)inv_latest_by(c->core->inv, c->pool, KIND_NIC, IDX_NIC_vnic_profile, profile_id, &n);
	const struct m_vm *vm = n ? INV_LATEST(c->core->inv, VM, vm, nics[0]->vm.id) : NULL;

	if (n == 0)
		return 0;
	return err_set(e, ERR_CONFLICT, "Cannot remove %s. It is used by NIC %s of VM %s.", what,
	               STR_OR(nics[0]->name, "-"), vm ? vm->name : "-");
}

static int network_remove(struct call *c, struct err *e)
{
	struct inventory *inv = c->core->inv;
	const struct m_network *net = find_network(c, e);
	struct event_refs refs = call_refs(c);
	struct txn *t;

	if (!net)
		return -1;
	if (strcmp(net->name, MANAGEMENT_NETWORK) == 0)
		return err_set(e, ERR_CONFLICT, "Cannot remove Network. The management network cannot be removed.");
	INV_EACH_BY (vp, inv, KIND_VNIC_PROFILE, IDX_VNIC_PROFILE_network, net->id)
		if (check_unused(c, "Network", vp->id, e) < 0)
			return -1;
	t = txn_begin(c->core);
	network_remove_all(t, net->id);
	txn_event(t, "NETWORK_REMOVE_NETWORK", &refs, "Network %s was removed.", net->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, NULL);
}

static int network_get(struct call *c, struct err *e)
{
	const struct m_network *net = find_network(c, e);

	return net ? call_reply_kind(c, KIND_NETWORK, net->id) : -1;
}

/* ---- networks of a cluster ---- */

/* A required network has to be on every host that is up. */
static enum m_network_status status_on_hosts(struct core *c, const struct m_network *cn, const struct m_network *net)
{
	const char *name = STR_OR(net->vdsm_name, net->name);

	if (!M_GET(cn, required, false))
		return M_NETWORK_STATUS_OPERATIONAL;
	INV_EACH_BY (en, c->inv, KIND_HOST, IDX_HOST_cluster, cn->cluster.id) {
		const struct m_host *h = ENTITY_OBJ(en, host);
		json_t *caps = h->status == M_HOST_STATUS_UP ? host_caps(c, h->id) : NULL;

		if (caps && !json_object_get(json_object_get(caps, "networks"), name))
			return M_NETWORK_STATUS_NON_OPERATIONAL;
	}
	return M_NETWORK_STATUS_OPERATIONAL;
}

/* The network, as this cluster has it. */
static struct m_network *cluster_network_view(struct call *c, const struct m_network *cn)
{
	const struct m_network *net = INV_GET(c->core->inv, NETWORK, network, cn->of_network.id);
	struct m_network *v = net ? call_view(c, KIND_NETWORK, net) : NULL;

	if (!v)
		return NULL;
	call_retain(c, cn);
	v->cluster.id = cn->cluster.id;
	v->status = status_on_hosts(c->core, cn, net);
	v->usages.v = cn->usages.v;
	v->usages.n = cn->usages.n;
	M_SET(v, required, M_GET(cn, required, false));
	M_SET(v, display, M_GET(cn, display, false));
	call_set_href(c, &M_TYPE_network, v, pool_printf(c->pool, "clusters/%s/networks/%s", cn->cluster.id, net->id),
	              M_OP_cluster_network_get.service);
	return v;
}

static int cluster_network_list(struct call *c, struct err *e)
{
	void **list;
	size_t n = 0;

	if (!call_visible(c, 0, KIND_CLUSTER, e))
		return -1;
	list = POOL_ARRAY(c->pool, void *,
	                  inv_count_by(c->core->inv, KIND_CLUSTER_NETWORK, IDX_CLUSTER_NETWORK_cluster, c->ids[0]) + 1);
	INV_EACH_BY (en, c->core->inv, KIND_CLUSTER_NETWORK, IDX_CLUSTER_NETWORK_cluster, c->ids[0])
		if ((list[n] = cluster_network_view(c, en->pub)))
			n++;
	return call_reply_list(c, &M_TYPE_network, list, n);
}

static const struct m_network *find_cluster_network(struct call *c, const char *network_id, struct err *e)
{
	if (!call_visible(c, 0, KIND_CLUSTER, e))
		return NULL;
	INV_EACH_BY (en, c->core->inv, KIND_CLUSTER_NETWORK, IDX_CLUSTER_NETWORK_cluster, c->ids[0])
		if (g_strcmp0(ENTITY_OBJ(en, network)->of_network.id, network_id) == 0)
			return en->pub;
	err_set(e, ERR_NO_ENTITY, "Network %s is not attached to the cluster.", network_id);
	return NULL;
}

static int reply_cluster_network(struct call *c, const char *network_id, struct err *e)
{
	const struct m_network *cn = find_cluster_network(c, network_id, e);
	struct m_network *view = cn ? cluster_network_view(c, cn) : NULL;

	if (cn && !view)
		err_set(e, ERR_NO_ENTITY, "There is no network %s.", network_id);
	return view ? call_reply_entity(c, &M_TYPE_network, view) : -1;
}

static int cluster_network_get(struct call *c, struct err *e) { return reply_cluster_network(c, c->ids[1], e); }

static void take_roles(struct txn *t, struct m_network *cn, const struct m_network *body)
{
	if (body->has.required)
		M_SET(cn, required, body->required);
	if (body->has.display)
		M_SET(cn, display, body->display);
	if (body->usages.v)
		set_usages(txn_pool(t), cn, body->usages.v, body->usages.n);
}

static int cluster_network_add(struct call *c, struct err *e)
{
	static const enum m_network_usage vm[] = { M_NETWORK_USAGE_VM };
	const struct m_cluster *cl = CALL_ENTITY(c, 0, CLUSTER, cluster, e);
	struct m_network *body = c->body, *cn;
	struct m_ref ref = { body->id, body };
	const struct m_network *net;
	struct txn *t;

	if (!cl || call_resolve(c, &ref, KIND_NETWORK, cl->data_center.id, true, "network", e) < 0)
		return -1;
	net = INV_LATEST(c->core->inv, NETWORK, network, ref.id);
	if (g_strcmp0(net->data_center.id, cl->data_center.id) != 0)
		return err_field(e, ERR_CONFLICT, "network", "Network %s belongs to another data center.", net->name);
	if (network_is_in_cluster(c->core, net->id, cl->id))
		return err_set(e, ERR_CONFLICT, "Cannot attach Network. Network %s is attached to the cluster already.",
		               net->name);
	t = txn_begin(c->core);
	cn = attach(t, cl->id, net);
	M_SET(cn, required, true);
	M_SET(cn, display, false);
	set_usages(txn_pool(t), cn, vm, has_usage(net, M_NETWORK_USAGE_VM) ? 1 : 0);
	take_roles(t, cn, body);
	txn_event(
	    t, "NETWORK_ATTACH_NETWORK_TO_CLUSTER",
	    &(struct event_refs){ .cluster = cl->id, .user = c->who.user_id, .correlation_id = c->correlation_id },
	    "Network %s was attached to cluster %s.", net->name, cl->name);
	if (txn_commit(t, e) < 0)
		return -1;
	return reply_cluster_network(c, ref.id, e);
}

static int cluster_network_update(struct call *c, struct err *e)
{
	const struct m_network *cn = find_cluster_network(c, c->ids[1], e);
	struct m_network *draft;
	struct txn *t;

	if (!cn)
		return -1;
	t = txn_begin(c->core);
	draft = txn_edit(t, KIND_CLUSTER_NETWORK, cn->id);
	if (!draft) {
		txn_cancel(t);
		return err_set(e, ERR_NO_ENTITY, "The network is being detached.");
	}
	take_roles(t, draft, c->body);
	return txn_commit(t, e) < 0 ? -1 : reply_cluster_network(c, c->ids[1], e);
}

static int cluster_network_remove(struct call *c, struct err *e)
{
	const struct m_network *cn = find_cluster_network(c, c->ids[1], e);
	const struct m_cluster *cl = CALL_ENTITY(c, 0, CLUSTER, cluster, e);
	struct txn *t;

	if (!cn || !cl)
		return -1;
	if (g_strcmp0(cl->management_network.id, c->ids[1]) == 0)
		return err_set(e, ERR_CONFLICT,
		               "Cannot detach Network. The management network of the cluster cannot be detached.");
	t = txn_begin(c->core);
	txn_remove(t, KIND_CLUSTER_NETWORK, cn->id);
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, NULL);
}

/* ---- vNIC profiles ---- */

/* What a profile refers to: a filter that there is, a QoS of its data center. */
static int check_profile(struct call *c, struct m_vnic_profile *body, const char *network_id, struct err *e)
{
	const struct m_network *net = INV_LATEST(c->core->inv, NETWORK, network, network_id);
	const char *filter = body->network_filter.id;

	if (body->pass_through && body->pass_through->mode == M_VNIC_PASS_THROUGH_MODE_ENABLED)
		return err_field(e, ERR_UNSUPPORTED, "vnic_profile.pass_through",
		                 "Handing parts of a card through is not supported.");
	if (filter && *filter && !network_filter_name(filter))
		return err_field(e, ERR_NOT_FOUND, "vnic_profile.network_filter", "There is no network filter %.80s.",
		                 filter);
	return qos_resolve(c, &body->qos, M_QOS_TYPE_NETWORK, net ? net->data_center.id : NULL, "vnic_profile.qos", e);
}

static int profile_update(struct call *c, struct err *e)
{
	const struct m_vnic_profile *vp = generic_target(c, e);

	return vp && check_profile(c, c->body, vp->network.id, e) == 0
	           ? qos_update_profile(c, offsetof(struct m_vnic_profile, qos), e)
	           : -1;
}

static int profile_add(struct call *c, struct err *e)
{
	struct m_vnic_profile *vp, *body = c->body;
	struct txn *t;
	char *id;

	if (c->n_ids > 0)
		body->network.id = (char *)c->ids[0];
	if (call_resolve(c, &body->network, KIND_NETWORK, NULL, true, "vnic_profile.network", e) < 0 ||
	    call_asked(c, body->network.id, e) < 0 || check_profile(c, body, body->network.id, e) < 0)
		return -1;
	t = txn_begin(c->core);
	vp = generic_create(c, t, KIND_VNIC_PROFILE, false, e);
	if (!vp) {
		txn_cancel(t);
		return -1;
	}
	qos_settle(&vp->qos);
	DEFAULT(vp, port_mirroring, false);
	if (!vp->pass_through) {
		vp->pass_through = m_new(txn_pool(t), &M_TYPE_vnic_pass_through);
		vp->pass_through->mode = M_VNIC_PASS_THROUGH_MODE_DISABLED;
	}
	if (!vp->network_filter.id)
		REF_SET(txn_pool(t), vp->network_filter, NO_SPOOFING_FILTER);
	id = pool_strdup(c->pool, vp->id);
	struct event_refs refs = call_refs(c);
	txn_event(t, "ADD_VNIC_PROFILE", &refs, "VM network interface profile %s was added.", vp->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_kind(c, KIND_VNIC_PROFILE, id);
}

static int profile_remove(struct call *c, struct err *e)
{
	const struct m_vnic_profile *vp = inv_get(c->core->inv, KIND_VNIC_PROFILE, c->ids[c->n_ids - 1]);
	struct event_refs refs = call_refs(c);
	struct txn *t;

	if (!vp)
		return err_set(e, ERR_NO_ENTITY, "There is no vNIC profile %s.", c->ids[c->n_ids - 1]);
	if (check_unused(c, "VM network interface profile", vp->id, e) < 0)
		return -1;
	t = txn_begin(c->core);
	txn_remove(t, KIND_VNIC_PROFILE, vp->id);
	txn_event(t, "REMOVE_VNIC_PROFILE", &refs, "VM network interface profile %s was removed.", vp->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, NULL);
}

static const struct api_op NETWORK_OPS[] = {
	ROW("networks.list", generic_list, KIND_NETWORK),
	ROW("network.get", network_get, KIND_NETWORK),
	ROW("networks.add", network_add, KIND_NETWORK, ASKS("create_storage_pool_network", KIND_DATA_CENTER)),
	ROW("network.update", network_update, KIND_NETWORK, ON("configure_storage_pool_network", KIND_NETWORK)),
	ROW("network.remove", network_remove, KIND_NETWORK, ON("delete_storage_pool_network", KIND_NETWORK)),
	ROW("data_center_networks.list", generic_list, KIND_NETWORK, BELOW(KIND_DATA_CENTER, IDX_NETWORK_data_center)),
	ROW("data_center_network.get", network_get, KIND_NETWORK),
	ROW("data_center_networks.add", network_add, KIND_NETWORK,
	    ASKS("create_storage_pool_network", KIND_DATA_CENTER)),
	ROW("data_center_network.update", network_update, KIND_NETWORK,
	    ON("configure_storage_pool_network", KIND_DATA_CENTER)),
	ROW("data_center_network.remove", network_remove, KIND_NETWORK,
	    ON("delete_storage_pool_network", KIND_DATA_CENTER)),
	ROW("cluster_networks.list", cluster_network_list, KIND_CLUSTER_NETWORK),
	ROW("cluster_network.get", cluster_network_get, KIND_CLUSTER_NETWORK),
	ROW("cluster_networks.add", cluster_network_add, KIND_CLUSTER_NETWORK,
	    ON("assign_cluster_network", KIND_CLUSTER)),
	ROW("cluster_network.update", cluster_network_update, KIND_CLUSTER_NETWORK,
	    ON("configure_cluster_network", KIND_CLUSTER)),
	ROW("cluster_network.remove", cluster_network_remove, KIND_CLUSTER_NETWORK,
	    ON("assign_cluster_network", KIND_CLUSTER)),
	ROW("vnic_profiles.list", generic_list, KIND_VNIC_PROFILE),
	ROW("vnic_profile.get", generic_get, KIND_VNIC_PROFILE),
	ROW("vnic_profiles.add", profile_add, KIND_VNIC_PROFILE, ASKS("create_network_vnic_profile", KIND_NETWORK)),
	ROW("vnic_profile.update", profile_update, KIND_VNIC_PROFILE,
	    ON("configure_network_vnic_profile", KIND_VNIC_PROFILE)),
	ROW("vnic_profile.remove", profile_remove, KIND_VNIC_PROFILE,
	    ON("delete_network_vnic_profile", KIND_VNIC_PROFILE)),
	ROW("assigned_vnic_profiles.list", generic_list, KIND_VNIC_PROFILE,
	    BELOW(KIND_NETWORK, IDX_VNIC_PROFILE_network)),
	ROW("assigned_vnic_profiles.add", profile_add, KIND_VNIC_PROFILE,
	    ASKS("create_network_vnic_profile", KIND_NETWORK)),
	{ .name = NULL },
};

extern const struct api_op MAC_POOL_OPS[];

static const struct kind_ops NIC_KIND = { .published = mac_nic_published };

void networks_register(struct core *c)
{
	c->macs = macs_new();
	core_register_kind(c, KIND_NIC, &NIC_KIND);
	api_register(NETWORK_OPS);
	api_register(MAC_POOL_OPS);
}

void networks_start(struct core *c)
{
	INV_EACH (e, c->inv, KIND_NIC)
		mac_nic_published(c, e->id, NULL, e->pub);
}

void networks_free(struct core *c)
{
	macs_free(c->macs);
	c->macs = NULL;
}
