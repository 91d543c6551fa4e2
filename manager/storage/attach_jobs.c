/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs that change the place of a storage domain in a data center. The first domain makes the pool and becomes its master; it
 * is the last one to leave.
 */
#include <string.h>

#include "base/log.h"
#include "manager/storage/storage_int.h"

static struct event_refs refs_of(struct job *j)
{
	const char *user = job_text(j, "user");
	return (struct event_refs){ .storage_domain = job_text(j, "domain"),
		                    .data_center = job_text(j, "dc"),
		                    .user = *user ? user : NULL,
		                    .correlation_id = job_correlation(j) };
}

static bool is_first(struct job *j) { return json_is_true(json_object_get(job_data(j), "is_first")); }

static struct m_storage_domain *edit_domain(struct job *j, struct txn *t)
{
	return txn_edit(t, KIND_STORAGE_DOMAIN, job_text(j, "domain"));
}

static bool is_agent(const struct err *e, int code) { return e->code == ERR_AGENT && e->agent_code == code; }

/* The one that works: of the first domain the chosen host, later the SPM, which is waited for. NULL: none. */
static const char *worker(struct job *j, struct err *e)
{
	if (is_first(j))
		return job_text(j, "host");
	return storage_wait_spm(job_core(j), job_pool(j), job_text(j, "dc"), STORAGE_PATIENCE_MS / 2, e);
}

/* The same for those who hold the pool: an election waits for them, so they must not wait for it. */
static const char *worker_now(struct job *j, struct err *e)
{
	const char *spm = is_first(j) ? job_text(j, "host") : storage_spm(job_core(j), job_text(j, "dc"), e);

	return spm ? pool_strdup(job_pool(j), spm) : NULL;
}

static int domain_verb(struct job *j, const char *host, const char *verb, struct err *e)
{
	json_t *params =
	    json_pack("{s:s,s:s}", "storagedomainID", job_text(j, "domain"), "storagepoolID", job_text(j, "dc"));

	/* Those that take a domain away want to hear of the next master. */
	if (strcmp(verb, "StorageDomain.deactivate") == 0 || strcmp(verb, "StorageDomain.detach") == 0) {
		json_object_set_new(params, "masterSdUUID", json_string(UUID_NIL));
		json_object_set_new(params, "masterVersion", json_integer(0));
	}
	return agent_call(job_core(j), host, verb, params, STORAGE_CONNECT_MS, job_correlation(j), NULL, e);
}

/* Connect the pool with this domain as its only one and master, and become SPM. */
static int hold_pool(struct job *j, const char *state, struct err *e)
{
	const char *host = job_text(j, "host"), *dc = job_text(j, "dc"), *sd = job_text(j, "domain");
	auto_json *domains = json_pack("{s:s}", sd, state);
	struct pool_plan plan = { dc, sd, job_int(j, "master_version"), domains };

	if (pool_connect(job_core(j), host, &plan, job_correlation(j), e) < 0)
		return -1;
	return pool_start_spm(job_core(j), host, dc, job_correlation(j), e);
}

/* Run fn while nobody else changes the pool. */
static int guarded(struct job *j, int (*fn)(struct job *, struct err *), struct err *e)
{
	int rc;

	pool_enter(job_core(j), job_text(j, "dc"));
	rc = fn(j, e);
	pool_leave(job_core(j), job_text(j, "dc"));
	return rc;
}

static int hold_now(struct job *j, struct err *e) { return hold_pool(j, "attached", e); }

/* A verb on the domain; an agent that restarted and forgot the pool of the first domain is told again. Others have the SPM check. */
static int domain_verb_held(struct job *j, const char *verb, struct err *e)
{
	const char *host = worker(j, e);

	if (!host)
		return -1;
	if (domain_verb(j, host, verb, e) == 0)
		return 0;
	/* An SPM that started meanwhile was told of the pool without a domain that is locked: to join again is safe. */
	if (!is_first(j) && is_agent(e, AGENT_SD_NOT_IN_POOL))
		return domain_verb(j, host, "StorageDomain.attach", e) < 0 ? -1 : domain_verb(j, host, verb, e);
	if (!is_first(j) || !(is_agent(e, AGENT_POOL_UNKNOWN) || is_agent(e, AGENT_NOT_SPM)))
		return -1;
	return guarded(j, hold_now, e) < 0 ? -1 : domain_verb(j, host, verb, e);
}

/* ---- attach ---- */

/* All hosts of the data center that are up: those which are not connect when they come. */
static int connect_all_now(struct job *j, struct err *e)
{
	struct core *c = job_core(j);
	const char **hosts = storage_hosts_up(c, job_pool(j), job_text(j, "dc"), false);
	const struct m_storage_domain *sd = sd_latest(c, job_text(j, "domain"));
	const char *only = sd ? pool_strdup(job_pool(j), sd->on_host.id) : NULL;
	int n = 0;

	for (; *hosts; hosts++) {
		const struct m_storage_connection *conn;

		sd = sd_latest(c, job_text(j, "domain"));
		conn = sd ? INV_LATEST(c->inv, STORAGE_CONNECTION, storage_connection, sd->connection.id) : NULL;
		if (!conn || (only && strcmp(only, *hosts) != 0))
			continue;
		if (pool_connect_server(c, *hosts, conn, job_correlation(j), e) < 0)
			return -1;
		n++;
	}
	return n ? 0 : err_set(e, ERR_NETWORK, "No Host of the Data Center that reaches the storage is up.");
}

static int connect_step(struct job *j, struct err *e) { return storage_patiently(j, connect_all_now, e); }

static int join_now(struct job *j, struct err *e)
{
	const char *host = worker(j, e), *sd = job_text(j, "domain"), *dc = job_text(j, "dc");

	if (!host)
		return -1;
	if (!is_first(j))
		return domain_verb(j, host, "StorageDomain.attach", e);
	return agent_call(job_core(j), host, "StoragePool.create",
	                  json_pack("{s:s,s:s,s:s,s:I,s:[s],s:i,s:i,s:i,s:i}", "storagepoolID", dc, "name",
	                            storage_name(job_core(j), KIND_DATA_CENTER, dc), "masterSdUUID", sd,
	                            "masterVersion", (json_int_t)job_int(j, "master_version"), "domainList", sd,
	                            "lockRenewalIntervalSec", 5, "leaseTimeSec", 60, "ioOpTimeoutSec", 10,
	                            "leaseRetries", 3),
	                  STORAGE_CONNECT_MS, job_correlation(j), NULL, e);
}

static int join_step(struct job *j, struct err *e) { return storage_patiently(j, join_now, e); }

/* The domain leaves the pool, whatever was reached of joining it. */
static int part_now(struct job *j, struct err *e)
{
	const char *host = worker_now(j, e), *sd = job_text(j, "domain"), *dc = job_text(j, "dc");
	struct core *c = job_core(j);
	struct err ignored;
	int in_pool;

	if (!host)
		return -1;
	in_pool = pool_has_domain(c, host, sd, dc, job_correlation(j), e);
	if (in_pool <= 0)
		return in_pool == 0 || is_agent(e, AGENT_SD_MISSING) ? 0 : -1;
	if (is_first(j)) {
		if (hold_pool(j, "attached", e) < 0)
			return -1;
		return agent_call(c, host, "StoragePool.destroy",
		                  json_pack("{s:s,s:i,s:s}", "storagepoolID", dc, "hostID", 1, "scsiKey", dc),
		                  STORAGE_CONNECT_MS, job_correlation(j), NULL, e);
	}
	domain_verb(j, host, "StorageDomain.deactivate", &ignored);
	if (domain_verb(j, host, "StorageDomain.detach", e) == 0)
		return 0;
	if (!is_agent(e, AGENT_SD_NOT_IN_POOL) || domain_verb(j, host, "StorageDomain.attach", e) < 0)
		return -1;
	return domain_verb(j, host, "StorageDomain.detach", e);
}

/* Connected first, for a domain that cannot be seen is not one that has left. */
static int part_guarded(struct job *j, struct err *e)
{
	return connect_all_now(j, e) < 0 || !worker(j, e) ? -1 : guarded(j, part_now, e);
}

static int manage_now(struct job *j, struct err *e) { return is_first(j) ? guarded(j, hold_now, e) : 0; }
static int manage_step(struct job *j, struct err *e) { return storage_patiently(j, manage_now, e); }

/* The data center is up from now on, and looked after. */
static int take_lead(struct job *j, struct txn *t, const struct m_storage_domain *sd, struct err *e)
{
	struct m_data_center *dc = txn_edit(t, KIND_DATA_CENTER, job_text(j, "dc"));

	if (!dc)
		return err_set(e, ERR_CONFLICT, "The data center was removed.");
	REF_SET(txn_pool(t), dc->master, sd->id);
	M_SET(dc, master_version, job_int(j, "master_version"));
	dc->storage_format = sd->storage_format;
	dc_set_up(t, dc->id, job_text(j, "host"));
	return 0;
}

static int activate_now(struct job *j, struct err *e)
{
	struct m_storage_domain *sd;

	if (domain_verb_held(j, "StorageDomain.activate", e) < 0)
		return -1;
	sd = edit_domain(j, job_txn(j));
	if (!sd)
		return err_set(e, ERR_CONFLICT, "The storage domain was removed.");
	sd->status = M_STORAGE_DOMAIN_STATUS_ACTIVE;
	if (!is_first(j))
		return 0;
	M_SET(sd, master, true);
	return take_lead(j, job_txn(j), sd, e);
}

static int activate_step(struct job *j, struct err *e) { return storage_patiently(j, activate_now, e); }

/* Hosts that do not manage the pool learn of a change by connecting again. Not worth failing for: they are told at each start. */
static int tell_others(struct job *j, struct err *e)
{
	struct core *c = job_core(j);
	const char **hosts = storage_hosts_up(c, job_pool(j), job_text(j, "dc"), false);
	struct pool_plan plan = pool_plan_of(c, job_pool(j), job_text(j, "dc"));
	const struct m_data_center *dc = dc_latest(c, job_text(j, "dc"));
	const char *spm = dc ? pool_strdup(job_pool(j), dc->spm_host.id) : NULL;
	struct err failure;

	for (; plan.master && *hosts; hosts++)
		if (g_strcmp0(*hosts, spm) != 0 && pool_connect(c, *hosts, &plan, job_correlation(j), &failure) < 0)
			log_warn("host was not told of a change of the pool", "HOST", *hosts, "REASON", failure.detail);
	json_decref(plan.domains);
	return 0;
}

static int tell_step(struct job *j, struct err *e) { return guarded(j, tell_others, e); }

static void clear_center(struct txn *t, const char *dc_id)
{
	struct m_data_center *dc = txn_edit(t, KIND_DATA_CENTER, dc_id);

	if (!dc)
		return;
	dc->master = dc->spm_host = (struct m_ref){ 0 };
	dc->has.master_version = 0;
	dc->storage_format = 0;
	dc->status = M_DATA_CENTER_STATUS_UNINITIALIZED;
}

static void set_unattached(struct job *j, struct txn *t)
{
	struct m_storage_domain *sd = edit_domain(j, t);

	if (is_first(j))
		clear_center(t, job_text(j, "dc"));
	if (!sd)
		return;
	sd->data_center = (struct m_ref){ 0 };
	sd->status = M_STORAGE_DOMAIN_STATUS_UNATTACHED;
	M_SET(sd, master, false);
}

static void attach_ended(struct job *j, struct txn *t, bool ok, const struct err *e)
{
	struct event_refs refs = refs_of(j);

	if (ok) {
		txn_event(t, "USER_ATTACH_STORAGE_DOMAIN_TO_POOL", &refs,
		          "Storage Domain %s was attached to Data Center %s.", job_text(j, "name"),
		          job_text(j, "dc_name"));
		spm_check_soon(job_core(j), job_text(j, "dc"));
		return;
	}
	set_unattached(j, t);
	txn_event(t, "USER_ATTACH_STORAGE_DOMAIN_TO_POOL_FAILED", &refs,
	          "Failed to attach Storage Domain %s to Data Center %s: %s", job_text(j, "name"),
	          job_text(j, "dc_name"), e->detail);
}

static const struct job_step ATTACH_STEPS[] = {
	{ "connect", "Connecting the storage server", connect_step, NULL, false },
	{ "join", "Attaching the storage domain", join_step, part_guarded, false },
	{ "manage", "Starting the storage pool manager", manage_step, NULL, false },
	{ "activate", "Activating the storage domain", activate_step, NULL, true },
	{ "tell", "Telling the other hosts", tell_step, NULL, false },
};
const struct command ATTACH_STORAGE_DOMAIN = { "AttachStorageDomain", ATTACH_STEPS, G_N_ELEMENTS(ATTACH_STEPS),
	                                       attach_ended };

/* ---- activate: is_first says that the pool has to be started with it ---- */

static int stop_pool_now(struct job *j, struct err *e)
{
	const char *host = job_text(j, "host"), *dc = job_text(j, "dc");

	if (!is_first(j))
		return 0;
	if (pool_stop_spm(job_core(j), host, dc, job_correlation(j), e) < 0)
		return -1;
	return pool_disconnect(job_core(j), host, dc, job_correlation(j), e);
}

static int stop_pool_guarded(struct job *j, struct err *e) { return guarded(j, stop_pool_now, e); }

static void set_maintenance(struct job *j, struct txn *t)
{
	struct m_data_center *dc = is_first(j) ? txn_edit(t, KIND_DATA_CENTER, job_text(j, "dc")) : NULL;
	struct m_storage_domain *sd = edit_domain(j, t);

	if (dc) {
		dc->status = M_DATA_CENTER_STATUS_MAINTENANCE;
		dc->spm_host = (struct m_ref){ 0 };
	}
	if (sd)
		sd->status = M_STORAGE_DOMAIN_STATUS_MAINTENANCE;
}

static void activate_ended(struct job *j, struct txn *t, bool ok, const struct err *e)
{
	struct event_refs refs = refs_of(j);

	if (ok) {
		txn_event(t, "USER_ACTIVATED_STORAGE_DOMAIN", &refs,
		          "Storage Domain %s (Data Center %s) was activated.", job_text(j, "name"),
		          job_text(j, "dc_name"));
		spm_check_soon(job_core(j), job_text(j, "dc"));
		return;
	}
	set_maintenance(j, t);
	txn_event(t, "USER_ACTIVATE_STORAGE_DOMAIN_FAILED", &refs,
	          "Failed to activate Storage Domain %s (Data Center %s): %s", job_text(j, "name"),
	          job_text(j, "dc_name"), e->detail);
}

static const struct job_step ACTIVATE_STEPS[] = {
	{ "connect", "Connecting the storage server", connect_step, NULL, false },
	{ "start-pool", "Starting the storage pool manager", manage_step, stop_pool_guarded, false },
	{ "activate", "Activating the storage domain", activate_step, NULL, true },
	{ "tell", "Telling the other hosts", tell_step, NULL, false },
};
const struct command ACTIVATE_STORAGE_DOMAIN = { "ActivateStorageDomain", ACTIVATE_STEPS, G_N_ELEMENTS(ACTIVATE_STEPS),
	                                         activate_ended };

/* ---- deactivate: is_first says that it is the last one, the master ---- */

static int deactivate_now(struct job *j, struct err *e) { return domain_verb_held(j, "StorageDomain.deactivate", e); }

static int deactivate_step(struct job *j, struct err *e) { return storage_patiently(j, deactivate_now, e); }

static int deactivate_undo(struct job *j, struct err *e) { return domain_verb_held(j, "StorageDomain.activate", e); }

static int stop_step(struct job *j, struct err *e) { return storage_patiently(j, stop_pool_guarded, e); }

static void deactivate_ended(struct job *j, struct txn *t, bool ok, const struct err *e)
{
	struct event_refs refs = refs_of(j);
	struct m_storage_domain *sd;
	struct m_data_center *dc;

	if (ok) {
		set_maintenance(j, t);
		txn_event(
		    t, is_first(j) ? "USER_DEACTIVATED_LAST_MASTER_STORAGE_DOMAIN" : "USER_DEACTIVATED_STORAGE_DOMAIN",
		    &refs, "Storage Domain %s (Data Center %s) was deactivated and moved to maintenance.",
		    job_text(j, "name"), job_text(j, "dc_name"));
		return;
	}
	sd = edit_domain(j, t);
	if (sd)
		sd->status = M_STORAGE_DOMAIN_STATUS_ACTIVE;
	dc = is_first(j) ? txn_edit(t, KIND_DATA_CENTER, job_text(j, "dc")) : NULL;
	if (dc) {
		dc->status = M_DATA_CENTER_STATUS_UP;
		REF_SET(txn_pool(t), dc->spm_host, job_text(j, "host"));
		spm_check_soon(job_core(j), dc->id);
	}
	txn_event(t, "USER_DEACTIVATE_STORAGE_DOMAIN_FAILED", &refs,
	          "Failed to deactivate Storage Domain %s (Data Center %s): %s", job_text(j, "name"),
	          job_text(j, "dc_name"), e->detail);
}

static const struct job_step DEACTIVATE_STEPS[] = {
	{ "deactivate", "Deactivating the storage domain", deactivate_step, deactivate_undo, false },
	{ "stop-pool", "Stopping the storage pool manager", stop_step, NULL, true },
	{ "tell", "Telling the other hosts", tell_step, NULL, false },
};
const struct command DEACTIVATE_STORAGE_DOMAIN = { "DeactivateStorageDomain", DEACTIVATE_STEPS,
	                                           G_N_ELEMENTS(DEACTIVATE_STEPS), deactivate_ended };

/* ---- detach ---- */

static int detach_step(struct job *j, struct err *e) { return storage_patiently(j, part_guarded, e); }

static void detach_ended(struct job *j, struct txn *t, bool ok, const struct err *e)
{
	struct event_refs refs = refs_of(j);
	struct m_storage_domain *sd;

	if (ok) {
		set_unattached(j, t);
		txn_event(t, "USER_DETACH_STORAGE_DOMAIN_FROM_POOL", &refs,
		          "Storage Domain %s was detached from Data Center %s.", job_text(j, "name"),
		          job_text(j, "dc_name"));
		return;
	}
	sd = edit_domain(j, t);
	if (sd)
		sd->status = M_STORAGE_DOMAIN_STATUS_MAINTENANCE;
	txn_event(t, "USER_DETACH_STORAGE_DOMAIN_FROM_POOL_FAILED", &refs,
	          "Failed to detach Storage Domain %s from Data Center %s: %s", job_text(j, "name"),
	          job_text(j, "dc_name"), e->detail);
}

static const struct job_step DETACH_STEPS[] = {
	{ "detach", "Detaching the storage domain", detach_step, stop_pool_guarded, true },
};
const struct command DETACH_STORAGE_DOMAIN = { "DetachStorageDomain", DETACH_STEPS, G_N_ELEMENTS(DETACH_STEPS),
	                                       detach_ended };
