/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs that make and unmake storage domains. Ids are chosen before they start, so that each step can look whether what it is to
 * make is there already, and is ours.
 */
#include <string.h>

#include "base/log.h"
#include "manager/storage/storage_int.h"

static const struct m_storage_connection *connection_of(struct job *j, struct err *e)
{
	const struct m_storage_connection *conn =
	    INV_LATEST(job_core(j)->inv, STORAGE_CONNECTION, storage_connection, job_text(j, "connection"));

	if (!conn)
		err_set(e, ERR_CONFLICT, "The storage connection was removed.");
	return conn;
}

static int connect_now(struct job *j, struct err *e)
{
	const struct m_storage_connection *conn = connection_of(j, e);
	return conn ? pool_connect_server(job_core(j), job_text(j, "host"), conn, job_correlation(j), e) : -1;
}

static int connect_step(struct job *j, struct err *e) { return storage_patiently(j, connect_now, e); }

/* Does another domain of the same host use the connection? */
static bool is_shared(struct job *j)
{
	INV_EACH_BY (en, job_core(j)->inv, KIND_STORAGE_DOMAIN, IDX_STORAGE_DOMAIN_connection,
	             job_text(j, "connection"))
		if (strcmp(en->id, job_text(j, "domain")) != 0)
			return true;
	return false;
}

static int disconnect_step(struct job *j, struct err *e)
{
	const struct m_storage_connection *conn = connection_of(j, e);

	if (!conn || is_shared(j))
		return 0;
	return pool_disconnect_server(job_core(j), job_text(j, "host"), conn, job_correlation(j), e);
}

static int domain_info(struct job *j, json_t **out, struct err *e)
{
	return agent_call(job_core(j), job_text(j, "host"), "StorageDomain.getInfo",
	                  json_pack("{s:s}", "storagedomainID", job_text(j, "domain")), STORAGE_CONNECT_MS,
	                  job_correlation(j), out, e);
}

static bool is_missing(const struct err *e) { return e->code == ERR_AGENT && e->agent_code == AGENT_SD_MISSING; }

/* ---- add ---- */

static int create_now(struct job *j, struct err *e)
{
	const struct m_storage_connection *conn;
	auto_json *info = NULL;

	if (domain_info(j, &info, e) == 0)
		return 0;
	if (!is_missing(e))
		return -1;
	conn = connection_of(j, e);
	if (!conn)
		return -1;
	if (agent_call(job_core(j), job_text(j, "host"), "StorageDomain.create",
	               json_pack("{s:s,s:i,s:s,s:s,s:i,s:i,s:i,s:i}", "storagedomainID", job_text(j, "domain"),
	                         "domainType", 4, "typeArgs", conn->path, "name", job_text(j, "name"), "domainClass", 1,
	                         "version", 5, "blockSize", (int)job_int(j, "block_size"), "maxHosts", 250),
	               STORAGE_CONNECT_MS, job_correlation(j), NULL, e) == 0)
		return 0;
	return e->code == ERR_AGENT && e->agent_code == AGENT_SD_EXISTS ? 0 : -1;
}

static int create_step(struct job *j, struct err *e) { return storage_patiently(j, create_now, e); }

/* To us it is in no data center; what its metadata says else is left over from an attachment that failed half-way. */
static int format_now(struct job *j, struct err *e)
{
	auto_json *info = NULL;

	if (connect_now(j, e) < 0)
		return -1;
	if (domain_info(j, &info, e) < 0)
		return is_missing(e) ? 0 : -1;
	if (agent_call(job_core(j), job_text(j, "host"), "StorageDomain.format",
	               json_pack("{s:s,s:b}", "storagedomainID", job_text(j, "domain"), "autoDetach", 1),
	               STORAGE_CONNECT_MS, job_correlation(j), NULL, e) < 0)
		return is_missing(e) ? 0 : -1;
	return 0;
}

static void note_space(struct job *j)
{
	auto_json *stats = NULL;
	struct err e;
	struct sd_hot *h;

	if (agent_call(job_core(j), job_text(j, "host"), "StorageDomain.getStats",
	               json_pack("{s:s}", "storagedomainID", job_text(j, "domain")), STORAGE_CONNECT_MS,
	               job_correlation(j), &stats, &e) < 0)
		return;
	h = sd_hot_of(job_core(j), job_text(j, "domain"));
	h->total = storage_int(json_object_get(stats, "disktotal"));
	h->free = storage_int(json_object_get(stats, "diskfree"));
}

static int look_now(struct job *j, struct err *e)
{
	auto_json *info = NULL;
	struct m_storage_domain *sd;

	if (domain_info(j, &info, e) < 0)
		return -1;
	note_space(j);
	sd = txn_edit(job_txn(j), KIND_STORAGE_DOMAIN, job_text(j, "domain"));
	if (!sd)
		return err_set(e, ERR_CONFLICT, "The storage domain was removed.");
	M_SET(sd, block_size, storage_int(json_object_get(info, "block_size")));
	if (sd->block_size <= 0)
		M_SET(sd, block_size, 512);
	M_SET(sd, version_on_disk, storage_int(json_object_get(info, "version")));
	sd->status = M_STORAGE_DOMAIN_STATUS_UNATTACHED;
	return 0;
}

static int look_step(struct job *j, struct err *e) { return storage_patiently(j, look_now, e); }

static struct event_refs refs_of(struct job *j)
{
	const char *user = job_text(j, "user");
	return (struct event_refs){ .storage_domain = job_text(j, "domain"),
		                    .user = *user ? user : NULL,
		                    .correlation_id = job_correlation(j) };
}

static void add_ended(struct job *j, struct txn *t, bool ok, const struct err *e)
{
	struct event_refs refs = refs_of(j);

	if (ok) {
		txn_event(t, "USER_ADD_STORAGE_DOMAIN", &refs, "Storage Domain %s was added.", job_text(j, "name"));
		return;
	}
	sd_remove_all(t, job_text(j, "domain"));
	refs.storage_domain = NULL;
	txn_event(t, "USER_ADD_STORAGE_DOMAIN_FAILED", &refs, "Failed to add Storage Domain %s: %s",
	          job_text(j, "name"), e->detail);
}

static const struct job_step ADD_STEPS[] = {
	{ "connect", "Connecting the storage server", connect_step, disconnect_step, false },
	{ "create", "Creating the storage domain", create_step, format_now, false },
	{ "look", "Reading the storage domain", look_step, NULL, false },
};
const struct command ADD_STORAGE_DOMAIN = { "AddStorageDomain", ADD_STEPS, G_N_ELEMENTS(ADD_STEPS), add_ended };

/* ---- remove ---- */

static int format_step(struct job *j, struct err *e) { return storage_patiently(j, format_now, e); }

static int release_step(struct job *j, struct err *e)
{
	struct err ignored;

	if (disconnect_step(j, &ignored) < 0)
		log_warn("storage server stays connected", "HOST", job_text(j, "host"), "REASON", ignored.detail);
	return 0;
}

static void remove_ended(struct job *j, struct txn *t, bool ok, const struct err *e)
{
	struct event_refs refs = refs_of(j);
	struct m_storage_domain *sd;

	if (ok) {
		sd_remove_all(t, job_text(j, "domain"));
		refs.storage_domain = NULL;
		txn_event(t, "USER_REMOVE_STORAGE_DOMAIN", &refs, "Storage Domain %s was removed.",
		          job_text(j, "name"));
		return;
	}
	sd = txn_edit(t, KIND_STORAGE_DOMAIN, job_text(j, "domain"));
	if (sd)
		sd->status = M_STORAGE_DOMAIN_STATUS_UNATTACHED;
	txn_event(t, "USER_REMOVE_STORAGE_DOMAIN_FAILED", &refs, "Failed to remove Storage Domain %s: %s",
	          job_text(j, "name"), e->detail);
}

static const struct job_step REMOVE_STEPS[] = {
	{ "format", "Formatting the storage domain", format_step, NULL, true },
	{ "disconnect", "Disconnecting the storage server", release_step, NULL, false },
};
const struct command REMOVE_STORAGE_DOMAIN = { "RemoveStorageDomain", REMOVE_STEPS, G_N_ELEMENTS(REMOVE_STEPS),
	                                       remove_ended };

/* ---- the records of a domain ---- */

static void remove_disks(struct txn *t, const char *sd_id)
{
	struct inventory *inv = txn_core(t)->inv;

	INV_EACH_BY (d, inv, KIND_DISK, IDX_DISK_storage_domains, sd_id) {
		INV_EACH_BY (a, inv, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_disk, d->id)
			txn_remove(t, KIND_DISK_ATTACHMENT, a->id);
		txn_remove(t, KIND_DISK, d->id);
	}
}

void sd_remove_all(struct txn *t, const char *sd_id)
{
	const struct m_storage_domain *sd = txn_get(t, KIND_STORAGE_DOMAIN, sd_id);
	struct inventory *inv = txn_core(t)->inv;
	bool is_shared_connection = false;

	if (!sd)
		return;
	remove_disks(t, sd_id);
	INV_EACH_BY (dp, inv, KIND_DISK_PROFILE, IDX_DISK_PROFILE_storage_domain, sd_id)
		txn_remove(t, KIND_DISK_PROFILE, dp->id);
	INV_EACH_BY (other, inv, KIND_STORAGE_DOMAIN, IDX_STORAGE_DOMAIN_connection, sd->connection.id)
		is_shared_connection |= strcmp(other->id, sd_id) != 0;
	if (sd->connection.id && !is_shared_connection)
		txn_remove(t, KIND_STORAGE_CONNECTION, sd->connection.id);
	txn_remove(t, KIND_STORAGE_DOMAIN, sd_id);
}

int storage_wait_job(struct call *c, const char *job_id, struct err *e)
{
	if (job_wait(c->core, job_id, STORAGE_WAIT_MS, e) == 0 || e->code == ERR_TIMEOUT)
		return 0;
	return -1;
}
