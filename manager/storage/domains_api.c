/* SPDX-License-Identifier: Apache-2.0 */
/* /storagedomains: add, change, remove. */
#include <string.h>

#include "base/log.h"
#include "manager/api/generic.h"
#include "manager/core/locks.h"
#include "manager/storage/storage_int.h"

/* ---- add ---- */

static int check_kind_of_storage(const struct m_storage_domain *body, struct err *e)
{
	if (body->type != M_STORAGE_DOMAIN_TYPE_DATA)
		return err_field(
		    e, ERR_UNSUPPORTED, "storage_domain.type",
		    "Cannot add Storage. Storage domains of type %s are not supported in this version; data is.",
		    m_enum_name(&M_ENUM_storage_domain_type, body->type));
	if (body->storage->type != M_STORAGE_TYPE_LOCALFS)
		return err_field(e, ERR_UNSUPPORTED, "storage_domain.storage.type",
		                 "Cannot add Storage. Storage of type %s is not supported in this version; localfs is.",
		                 m_enum_name(&M_ENUM_storage_type, body->storage->type));
	if (body->storage_format && body->storage_format != M_STORAGE_FORMAT_V5)
		return err_field(e, ERR_UNSUPPORTED, "storage_domain.storage_format",
		                 "Cannot add Storage. New storage domains have the format v5.");
	if (M_GET(body, import, false))
		return err_field(
		    e, ERR_UNSUPPORTED, "storage_domain.import",
		    "Cannot import Storage. Importing existing storage domains is not supported in this version.");
	if (body->has.block_size && body->block_size != 512 && body->block_size != 4096 && body->block_size != 0)
		return err_field(e, ERR_INVALID, "storage_domain.block_size", "The block size must be 512 or 4096.");
	return 0;
}

/* Local storage belongs to the one host of a local data center. */
static int check_local_host(struct core *c, const char *host_id, struct err *e)
{
	const struct m_host *host = INV_LATEST(c->inv, HOST, host, host_id);
	const char *dc_id = storage_dc_of_host(c, host_id);
	const struct m_data_center *dc = dc_id ? dc_latest(c, dc_id) : NULL;

	if (!host_is_up(c, host_id))
		return err_field(e, ERR_CONFLICT, "storage_domain.host",
		                 "Cannot add Storage. The Host %s is not up (status: %s).", host->name,
		                 m_enum_name(&M_ENUM_host_status, host->status));
	if (!dc || !M_GET(dc, local, false))
		return err_field(e, ERR_CONFLICT, "storage_domain.host",
		                 "Cannot add Storage. The Data Center %s of the Host is not of "
		                 "type local: local storage can be added on hosts of local Data Centers.",
		                 dc ? dc->name : "-");
	return 0;
}

static const struct m_storage_domain *find_same(struct core *c, const char *host_id, const char *path)
{
	INV_EACH_BY (en, c->inv, KIND_STORAGE_DOMAIN, IDX_STORAGE_DOMAIN_on_host, host_id) {
		const struct m_storage_domain *sd = en->latest;
		if (sd && sd->storage && g_strcmp0(sd->storage->path, path) == 0)
			return sd;
	}
	return NULL;
}

static int check_body(struct call *c, struct m_storage_domain *body, struct err *e)
{
	const struct m_storage_domain *same;
	char *path;

	if (!body->storage || !body->storage->path)
		return err_field(e, ERR_MISSING, "storage_domain.storage.path",
		                 "StorageDomain [storage.path] required for add");
	if (!body->name || !*body->name)
		return err_field(e, ERR_MISSING, "storage_domain.name", "StorageDomain [name] required for add");
	if (check_kind_of_storage(body, e) < 0 ||
	    call_resolve(c, &body->host, KIND_HOST, NULL, true, "storage_domain.host", e) < 0 ||
	    check_local_host(c->core, body->host.id, e) < 0)
		return -1;
	path = storage_path(c->pool, body->storage->path, "storage_domain.storage.path", e);
	if (!path)
		return -1;
	same = find_same(c->core, body->host.id, path);
	if (same)
		return err_field(
		    e, ERR_CONFLICT, "storage_domain.storage.path",
		    "Cannot add Storage. Storage connection already exists: it is used by Storage Domain %s.",
		    same->name);
	body->storage->path = path;
	return 0;
}

static void add_profile(struct txn *t, const struct m_storage_domain *sd)
{
	struct m_disk_profile *dp = txn_new(t, KIND_DISK_PROFILE, NULL);

	dp->name = pool_strdup(txn_pool(t), sd->name);
	REF_SET(txn_pool(t), dp->storage_domain, sd->id);
	perm_grant(t, ROLE_DISK_PROFILE_USER, NULL, KIND_DISK_PROFILE, dp->id);
}

/* From what the client said to what there is: connection, defaults, locked until it exists. */
static void complete(struct txn *t, struct m_storage_domain *sd, const char *host_id)
{
	struct m_storage_connection *conn = txn_new(t, KIND_STORAGE_CONNECTION, NULL);
	struct m_host_storage *asked = sd->storage;
	struct pool *p = txn_pool(t);

	conn->type = asked->type;
	conn->path = pool_strdup(p, asked->path);
	sd->storage = m_new(p, &M_TYPE_host_storage);
	sd->storage->type = asked->type;
	sd->storage->path = asked->path;
	REF_SET(p, sd->connection, conn->id);
	REF_SET(p, sd->on_host, host_id);
	sd->host = sd->data_center = (struct m_ref){ 0 };
	sd->has.import = 0;
	sd->storage_format = M_STORAGE_FORMAT_V5;
	sd->status = M_STORAGE_DOMAIN_STATUS_LOCKED;
	M_SET(sd, master, false);
	DEFAULT(sd, backup, false);
	DEFAULT(sd, block_size, 512);
	DEFAULT(sd, critical_space_action_blocker, 5);
	DEFAULT(sd, warning_low_space_indicator, 10);
	DEFAULT(sd, wipe_after_delete, false);
	DEFAULT(sd, discard_after_delete, false);
	M_SET(sd, supports_discard, false);
	M_SET(sd, supports_discard_zeroes_data, false);
}

static int domain_add(struct call *c, struct err *e)
{
	struct m_storage_domain *sd, *body = c->body;
	char job[UUID_LEN + 1];
	struct txn *t;
	char *id;

	if (check_body(c, body, e) < 0)
		return -1;
	t = txn_begin(c->core);
	sd = generic_create(c, t, KIND_STORAGE_DOMAIN, true, e);
	if (!sd) {
		txn_cancel(t);
		return -1;
	}
	complete(t, sd, body->host.id);
	add_profile(t, sd);
	id = pool_strdup(c->pool, sd->id);
	struct job_spec spec = {
		.command = &ADD_STORAGE_DOMAIN,
		.correlation_id = c->correlation_id,
		.owner_id = call_refs(c).user,
		.data = json_pack("{s:s,s:s,s:s,s:s,s:s,s:I}", "domain", id, "name", sd->name, "host", body->host.id,
		                  "connection", sd->connection.id, "user", c->who.user_id, "block_size",
		                  (json_int_t)(body->has.block_size ? body->block_size : 0)),
		.locks = (const char *const[]){ id, NULL },
		.objects = (const char *const[]){ id, body->host.id, NULL },
	};
	if (job_start(t, &spec, job, e, "Adding Storage Domain %s", body->name) < 0 || storage_wait_job(c, job, e) < 0)
		return -1;
	return call_reply_kind(c, KIND_STORAGE_DOMAIN, id);
}

/* ---- change ---- */

/* The name is written in the domain, too; when it cannot be, the domain still works. */
static void write_name(struct call *c, const char *id)
{
	const struct m_storage_domain *sd = INV_GET(c->core->inv, STORAGE_DOMAIN, storage_domain, id);
	struct err e = ERR_INIT;
	const char *spm;

	if (!sd || !sd->data_center.id)
		return;
	spm = storage_spm(c->core, sd->data_center.id, &e);
	if (spm && agent_call(c->core, spm, "StorageDomain.setDescription",
	                      json_pack("{s:s,s:s}", "storagedomainID", id, "description", sd->name), 10000,
	                      c->correlation_id, NULL, &e) < 0)
		log_warn("name of storage domain could not be written there", "DOMAIN", id, "REASON", e.detail);
}

static int domain_update(struct call *c, struct err *e)
{
	const struct m_storage_domain *old = CALL_ENTITY(c, 0, STORAGE_DOMAIN, storage_domain, e);
	struct m_storage_domain *body = c->body, *draft;
	struct event_refs refs = call_refs(c);
	char job[UUID_LEN + 1];
	bool is_renamed;
	struct txn *t;
	char *id;

	if (!old)
		return -1;
	id = pool_strdup(c->pool, old->id);
	is_renamed = body->name && g_strcmp0(body->name, old->name) != 0;
	body->storage = NULL; /* the way to it is changed by its connection */
	body->host = body->data_center = (struct m_ref){ 0 };
	body->has.import = 0;
	t = txn_begin(c->core);
	draft = generic_merge(c, t, KIND_STORAGE_DOMAIN, id, e);
	if (!draft) {
		txn_cancel(t);
		return -1;
	}
	refs.storage_domain = id;
	job_record(t, c->correlation_id, c->who.user_id, job, "Editing Storage Domain %s", draft->name);
	txn_event(t, "USER_UPDATE_STORAGE_DOMAIN", &refs, "Storage Domain %s was updated.", draft->name);
	if (txn_commit(t, e) < 0)
		return -1;
	if (is_renamed)
		write_name(c, id);
	return call_reply_kind(c, KIND_STORAGE_DOMAIN, id);
}

/* ---- remove ---- */

/* A disk or a job of the domain is being worked on. */
static int check_idle(struct core *c, const struct m_storage_domain *sd, struct err *e)
{
	if (lock_check(c, sd->id, NULL, e) < 0)
		return -1;
	INV_EACH_BY (en, c->inv, KIND_DISK, IDX_DISK_storage_domains, sd->id)
		if (lock_check(c, en->id, NULL, e) < 0)
			return -1;
	return 0;
}

/* Only the records go. */
static int forget(struct call *c, const struct m_storage_domain *sd, struct err *e)
{
	const struct m_data_center *dc = sd->data_center.id ? dc_latest(c->core, sd->data_center.id) : NULL;
	struct event_refs refs = call_refs(c);
	char job[UUID_LEN + 1];
	struct txn *t;

	if (dc && sd->status != M_STORAGE_DOMAIN_STATUS_MAINTENANCE && sd->status != M_STORAGE_DOMAIN_STATUS_INACTIVE &&
	    sd->status != M_STORAGE_DOMAIN_STATUS_UNKNOWN)
		return err_set(e, ERR_CONFLICT,
		               "Cannot destroy Storage. The Storage Domain %s is %s; put it into maintenance first.",
		               sd->name, m_enum_name(&M_ENUM_storage_domain_status, sd->status));
	if (dc && g_strcmp0(dc->master.id, sd->id) == 0 &&
	    inv_count_by(c->core->inv, KIND_STORAGE_DOMAIN, IDX_STORAGE_DOMAIN_data_center, dc->id) > 1)
		return err_set(e, ERR_CONFLICT,
		               "Cannot destroy Storage. %s is the master of Data Center %s, which has other domains.",
		               sd->name, dc->name);
	t = txn_begin(c->core);
	if (dc && g_strcmp0(dc->master.id, sd->id) == 0) {
		struct m_data_center *draft = txn_edit(t, KIND_DATA_CENTER, dc->id);
		draft->master = draft->spm_host = (struct m_ref){ 0 };
		draft->has.master_version = 0;
		draft->status = M_DATA_CENTER_STATUS_UNINITIALIZED;
	}
	job_record(t, c->correlation_id, c->who.user_id, job, "Destroying Storage Domain %s", sd->name);
	txn_event(t, "USER_FORCE_REMOVE_STORAGE_DOMAIN", &refs, "Storage Domain %s was forcibly removed.", sd->name);
	sd_remove_all(t, sd->id);
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, job);
}

/* The host that is to format: the one named, that of local storage, or any that is up. NULL with e. */
static const char *formatting_host(struct call *c, const struct m_storage_domain *sd, struct err *e)
{
	struct m_host named = { 0 };
	struct m_ref ref = { 0 };

	if (c->query.host && uuid_is_valid(c->query.host))
		ref.id = (char *)c->query.host;
	else if (c->query.host)
		named.name = (char *)c->query.host, ref.obj = &named;
	if (call_resolve(c, &ref, KIND_HOST, NULL, false, "host", e) < 0)
		return NULL;
	if (!ref.id)
		ref.id = sd->on_host.id;
	if (ref.id && sd->on_host.id && strcmp(ref.id, sd->on_host.id) != 0) {
		err_field(e, ERR_CONFLICT, "host", "Cannot remove Storage. The local storage is on Host %s.",
		          storage_name(c->core, KIND_HOST, sd->on_host.id));
		return NULL;
	}
	if (!ref.id) {
		err_field(e, ERR_MISSING, "host", "StorageDomain [host] required for remove");
		return NULL;
	}
	if (!host_is_up(c->core, ref.id)) {
		err_field(e, ERR_CONFLICT, "host", "Cannot remove Storage. The Host %s is not up.",
		          storage_name(c->core, KIND_HOST, ref.id));
		return NULL;
	}
	return ref.id;
}

static int format_domain(struct call *c, const char *id, const char *host_id, struct err *e)
{
	struct txn *t = txn_begin(c->core);
	struct m_storage_domain *sd = txn_edit(t, KIND_STORAGE_DOMAIN, id);
	char job[UUID_LEN + 1];
	struct job_spec spec = {
		.command = &REMOVE_STORAGE_DOMAIN,
		.correlation_id = c->correlation_id,
		.owner_id = call_refs(c).user,
		.data = json_pack("{s:s,s:s,s:s,s:s,s:s}", "domain", id, "name", sd->name, "host", host_id,
		                  "connection", sd->connection.id ? sd->connection.id : "", "user", c->who.user_id),
		.locks = (const char *const[]){ id, NULL },
		.objects = (const char *const[]){ id, host_id, NULL },
	};

	sd->status = M_STORAGE_DOMAIN_STATUS_LOCKED;
	if (job_start(t, &spec, job, e, "Removing Storage Domain %s", sd->name) < 0)
		return -1;
	if (!c->query.is_async && storage_wait_job(c, job, e) < 0)
		return -1;
	return call_reply_action(c, job);
}

static int domain_remove(struct call *c, struct err *e)
{
	const struct m_storage_domain *sd = CALL_ENTITY(c, 0, STORAGE_DOMAIN, storage_domain, e);
	const char *host_id;

	if (!sd)
		return -1;
	sd = sd_latest(c->core, c->ids[0]);
	if (!sd)
		return err_set(e, ERR_NO_ENTITY, "The storage domain was removed meanwhile.");
	if (check_idle(c->core, sd, e) < 0)
		return -1;
	if (c->query.destroy)
		return forget(c, sd, e);
	if (sd->data_center.id || sd->status != M_STORAGE_DOMAIN_STATUS_UNATTACHED)
		return err_set(e, ERR_CONFLICT,
		               "Cannot remove Storage. The Storage Domain %s is attached to Data Center %s; detach it "
		               "first.",
		               sd->name, storage_name(c->core, KIND_DATA_CENTER, sd->data_center.id));
	if (!c->query.format) /* what is on it stays, and may be imported one day */
		return forget(c, sd, e);
	host_id = formatting_host(c, sd, e);
	return host_id ? format_domain(c, pool_strdup(c->pool, sd->id), host_id, e) : -1;
}

const struct api_op STORAGE_OPS[] = {
	ROW("storage_domains.list", generic_list, KIND_STORAGE_DOMAIN),
	ROW("storage_domain.get", generic_get, KIND_STORAGE_DOMAIN),
	ROW("storage_domains.add", domain_add, KIND_STORAGE_DOMAIN, SYS("create_storage_domain")),
	ROW("storage_domain.update", domain_update, KIND_STORAGE_DOMAIN,
	    ON("edit_storage_domain_configuration", KIND_STORAGE_DOMAIN)),
	ROW("storage_domain.remove", domain_remove, KIND_STORAGE_DOMAIN,
	    ON("delete_storage_domain", KIND_STORAGE_DOMAIN)),
	{ .name = NULL },
};
