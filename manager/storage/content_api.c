/* SPDX-License-Identifier: Apache-2.0 */
/* What is on a storage domain, its connections and disk profiles. */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/clusters/qos.h"
#include "manager/storage/storage_int.h"

/* ---- VMs and templates with disks there ---- */

static void add_once(GPtrArray *list, const void *version)
{
	if (version && !g_ptr_array_find(list, version, NULL))
		g_ptr_array_add(list, (void *)version);
}

static GPtrArray *users_of(struct core *c, const char *sd_id, enum kind k)
{
	GPtrArray *list = g_ptr_array_new();

	INV_EACH_BY (d, c->inv, KIND_DISK, IDX_DISK_storage_domains, sd_id)
		INV_EACH_BY (a, c->inv, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_disk, d->id) {
			const struct m_disk_attachment *da = a->pub;
			add_once(list, inv_get(c->inv, k, k == KIND_VM ? da->vm.id : da->template.id));
		}
	return list;
}

static int content_list(struct call *c, enum kind k, struct err *e)
{
	GPtrArray *list;
	int rc;

	if (!call_visible(c, 0, KIND_STORAGE_DOMAIN, e))
		return -1;
	list = users_of(c->core, c->ids[0], k);
	rc = generic_reply_versions(c, k, list, e);
	g_ptr_array_free(list, TRUE);
	return rc;
}

static int content_get(struct call *c, enum kind k, struct err *e)
{
	const void *version = inv_get(c->core->inv, k, c->ids[1]);
	GPtrArray *list;
	bool is_there;

	if (!call_visible(c, 0, KIND_STORAGE_DOMAIN, e))
		return -1;
	list = users_of(c->core, c->ids[0], k);
	is_there = version && g_ptr_array_find(list, version, NULL);
	g_ptr_array_free(list, TRUE);
	if (!is_there)
		return err_set(e, ERR_NO_ENTITY, "The storage domain has nothing of it.");
	return call_reply_kind(c, k, c->ids[1]);
}

static int vms_list(struct call *c, struct err *e) { return content_list(c, KIND_VM, e); }
static int vm_get(struct call *c, struct err *e) { return content_get(c, KIND_VM, e); }
static int templates_list(struct call *c, struct err *e) { return content_list(c, KIND_TEMPLATE, e); }
static int template_get(struct call *c, struct err *e) { return content_get(c, KIND_TEMPLATE, e); }

/* Files are what ISO domains hold; data domains hold disks. */
static int files_list(struct call *c, struct err *e)
{
	return call_visible(c, 0, KIND_STORAGE_DOMAIN, e) ? generic_list_empty(c, e) : -1;
}

/* ---- connections ---- */

static const struct m_storage_connection *connection_of(struct call *c, struct err *e)
{
	const struct m_storage_domain *sd = call_visible(c, 0, KIND_STORAGE_DOMAIN, e);
	const struct m_storage_connection *conn;

	if (!sd)
		return NULL;
	conn = INV_GET(c->core->inv, STORAGE_CONNECTION, storage_connection, sd->connection.id);
	if (!conn)
		err_set(e, ERR_NO_ENTITY, "The storage domain has no connection.");
	return conn;
}

static int domain_connections_list(struct call *c, struct err *e)
{
	const struct m_storage_connection *conn;
	void **list = POOL_ARRAY(c->pool, void *, 1);
	struct err none;

	if (!call_visible(c, 0, KIND_STORAGE_DOMAIN, e))
		return -1;
	conn = connection_of(c, &none);
	if (conn)
		list[0] = call_view(c, KIND_STORAGE_CONNECTION, conn);
	return call_reply_list(c, &M_TYPE_storage_connection, list, conn ? 1 : 0);
}

static int domain_connection_get(struct call *c, struct err *e)
{
	const struct m_storage_connection *conn = connection_of(c, e);

	if (!conn)
		return -1;
	if (strcmp(conn->id, c->ids[1]) != 0)
		return err_set(e, ERR_NO_ENTITY, "It is no connection of the storage domain.");
	return call_reply_entity(c, &M_TYPE_storage_connection, call_view(c, KIND_STORAGE_CONNECTION, conn));
}

/* ---- disk profiles ---- */

static int resolve_qos(struct call *c, struct m_disk_profile *body, const char *domain_id, struct err *e)
{
	const struct m_storage_domain *sd = INV_LATEST(c->core->inv, STORAGE_DOMAIN, storage_domain, domain_id);

	return qos_resolve(c, &body->qos, M_QOS_TYPE_STORAGE, sd ? sd->data_center.id : NULL, "disk_profile.qos", e);
}

static int profile_add(struct call *c, struct err *e)
{
	struct m_disk_profile *body = c->body, *dp;
	struct event_refs refs = call_refs(c);
	struct txn *t;
	char *id;

	if (c->n_ids > 0)
		body->storage_domain.id = (char *)c->ids[0];
	if (call_resolve(c, &body->storage_domain, KIND_STORAGE_DOMAIN, NULL, true, "disk_profile.storage_domain", e) <
	        0 ||
	    call_asked(c, body->storage_domain.id, e) < 0 || resolve_qos(c, body, body->storage_domain.id, e) < 0)
		return -1;
	t = txn_begin(c->core);
	dp = generic_create(c, t, KIND_DISK_PROFILE, false, e);
	if (!dp) {
		txn_cancel(t);
		return -1;
	}
	id = pool_strdup(c->pool, dp->id);
	qos_settle(&dp->qos);
	refs.storage_domain = dp->storage_domain.id;
	txn_event(t, "USER_ADDED_DISK_PROFILE", &refs, "Disk Profile %s was added.", dp->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_kind(c, KIND_DISK_PROFILE, id);
}

static int profile_remove(struct call *c, struct err *e)
{
	const struct m_disk_profile *dp = inv_get(c->core->inv, KIND_DISK_PROFILE, c->ids[c->n_ids - 1]);
	struct event_refs refs = call_refs(c);
	struct txn *t;

	if (!dp || (c->n_ids > 1 && g_strcmp0(dp->storage_domain.id, c->ids[0]) != 0))
		return err_set(e, ERR_NO_ENTITY, "There is no disk profile %s.", c->ids[c->n_ids - 1]);
	INV_EACH_BY (d, c->core->inv, KIND_DISK, IDX_DISK_storage_domains, dp->storage_domain.id)
		if (g_strcmp0(ENTITY_OBJ(d, disk)->disk_profile.id, dp->id) == 0)
			return err_set(e, ERR_CONFLICT, "Cannot remove Disk Profile. It is used by disk %s.",
			               ENTITY_OBJ(d, disk)->name);
	if (inv_count_by(c->core->inv, KIND_DISK_PROFILE, IDX_DISK_PROFILE_storage_domain, dp->storage_domain.id) == 1)
		return err_set(e, ERR_CONFLICT,
		               "Cannot remove Disk Profile. It is the last one of its Storage Domain.");
	t = txn_begin(c->core);
	refs.storage_domain = dp->storage_domain.id;
	txn_event(t, "USER_REMOVED_DISK_PROFILE", &refs, "Disk Profile %s was removed.", dp->name);
	txn_remove(t, KIND_DISK_PROFILE, dp->id);
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, NULL);
}

static int profile_update(struct call *c, struct err *e)
{
	const struct m_disk_profile *dp = generic_target(c, e);

	if (!dp || resolve_qos(c, c->body, dp->storage_domain.id, e) < 0)
		return -1;
	((struct m_disk_profile *)c->body)->storage_domain = (struct m_ref){ 0 };
	return qos_update_profile(c, offsetof(struct m_disk_profile, qos), e);
}

const struct api_op STORAGE_CONTENT_OPS[] = {
	ROW("storage_domain_vms.list", vms_list, KIND_VM),
	ROW("storage_domain_vm.get", vm_get, KIND_VM),
	ROW("storage_domain_templates.list", templates_list, KIND_TEMPLATE),
	ROW("storage_domain_template.get", template_get, KIND_TEMPLATE),
	ROW("files.list", files_list, NO_KIND),
	ROW("storage_server_connections.list", generic_list, KIND_STORAGE_CONNECTION),
	ROW("storage_server_connection.get", generic_get, KIND_STORAGE_CONNECTION),
	ROW("storage_domain_server_connections.list", domain_connections_list, KIND_STORAGE_CONNECTION),
	ROW("storage_domain_server_connection.get", domain_connection_get, KIND_STORAGE_CONNECTION),
	ROW("disk_profiles.list", generic_list, KIND_DISK_PROFILE),
	ROW("disk_profile.get", generic_get, KIND_DISK_PROFILE),
	ROW("disk_profiles.add", profile_add, KIND_DISK_PROFILE,
	    ASKS("create_storage_disk_profile", KIND_STORAGE_DOMAIN)),
	ROW("disk_profile.update", profile_update, KIND_DISK_PROFILE,
	    ON("configure_storage_disk_profile", KIND_DISK_PROFILE)),
	ROW("disk_profile.remove", profile_remove, KIND_DISK_PROFILE,
	    ON("delete_storage_disk_profile", KIND_DISK_PROFILE)),
	ROW("assigned_disk_profiles.list", generic_list, KIND_DISK_PROFILE,
	    BELOW(KIND_STORAGE_DOMAIN, IDX_DISK_PROFILE_storage_domain)),
	ROW("assigned_disk_profile.get", generic_get, KIND_DISK_PROFILE,
	    BELOW(KIND_STORAGE_DOMAIN, IDX_DISK_PROFILE_storage_domain)),
	ROW("assigned_disk_profiles.add", profile_add, KIND_DISK_PROFILE,
	    ASKS("create_storage_disk_profile", KIND_STORAGE_DOMAIN)),
	ROW("assigned_disk_profile.remove", profile_remove, KIND_DISK_PROFILE,
	    ON("delete_storage_disk_profile", KIND_STORAGE_DOMAIN)),
	{ .name = NULL },
};
