/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of data centers: who manages the storage of each, looked at every 10 s.
 *
 *	uninitialized --first domain attached--> up <--> problematic --start sent--> contend --> up
 *	up --last domain deactivated--> maintenance --activated--> up;   last domain detached --> uninitialized
 */
#include <string.h>

#include "base/log.h"
#include "manager/storage/storage_int.h"

/* ---- states ---- */

static void each_domain(struct txn *t, const char *dc_id, enum m_storage_domain_status from,
                        enum m_storage_domain_status to)
{
	struct inventory *inv = txn_core(t)->inv;
	unsigned n;
	const void **list =
	    inv_latest_by(inv, txn_pool(t), KIND_STORAGE_DOMAIN, IDX_STORAGE_DOMAIN_data_center, dc_id, &n);

	for (unsigned i = 0; i < n; i++) {
		const struct m_storage_domain *sd =
		    txn_get(t, KIND_STORAGE_DOMAIN, ((const struct m_storage_domain *)list[i])->id);
		if (sd && sd->status == from)
			((struct m_storage_domain *)txn_edit(t, KIND_STORAGE_DOMAIN, sd->id))->status = to;
	}
}

void dc_set_up(struct txn *t, const char *dc_id, const char *host_id)
{
	const struct m_data_center *dc = txn_get(t, KIND_DATA_CENTER, dc_id);
	struct core *c = txn_core(t);
	struct m_data_center *draft;
	const struct m_host *h;

	if (!dc)
		return;
	if (dc->status == M_DATA_CENTER_STATUS_UP && g_strcmp0(dc->spm_host.id, host_id) == 0)
		return;
	draft = txn_edit(t, KIND_DATA_CENTER, dc_id);
	draft->status = M_DATA_CENTER_STATUS_UP;
	h = INV_LATEST(c->inv, HOST, host, host_id);
	REF_SET(txn_pool(t), draft->spm_host, host_id);
	each_domain(t, dc_id, M_STORAGE_DOMAIN_STATUS_UNKNOWN, M_STORAGE_DOMAIN_STATUS_ACTIVE);
	txn_event(t, "IRS_HOSTED_ON_VDS", &(struct event_refs){ .data_center = dc_id, .host = host_id },
	          "Storage Pool Manager runs on Host %s (Address: %s), Data Center %s.",
	          storage_name(c, KIND_HOST, host_id), h && h->address ? h->address : "-", draft->name);
}

void dc_set_problem(struct txn *t, const char *dc_id, const char *why)
{
	const struct m_data_center *dc = txn_get(t, KIND_DATA_CENTER, dc_id);
	struct m_data_center *draft;
	bool was_up;

	if (!dc || !dc->master.id || dc->status == M_DATA_CENTER_STATUS_MAINTENANCE ||
	    dc->status == M_DATA_CENTER_STATUS_UNINITIALIZED)
		return;
	if (dc->status == M_DATA_CENTER_STATUS_PROBLEMATIC)
		return;
	was_up = dc->status == M_DATA_CENTER_STATUS_UP;
	draft = txn_edit(t, KIND_DATA_CENTER, dc_id);
	draft->status = M_DATA_CENTER_STATUS_PROBLEMATIC;
	each_domain(t, dc_id, M_STORAGE_DOMAIN_STATUS_ACTIVE, M_STORAGE_DOMAIN_STATUS_UNKNOWN);
	if (!was_up)
		return;
	txn_event(t, "SYSTEM_CHANGE_STORAGE_POOL_STATUS_PROBLEMATIC", &(struct event_refs){ .data_center = dc_id },
	          "Invalid status on Data Center %s. Setting status to Non Responsive. %s", draft->name,
	          why ? why : "");
}

static void set_contend(struct core *c, const char *dc_id)
{
	struct txn *t = txn_begin(c);
	struct m_data_center *dc = txn_edit(t, KIND_DATA_CENTER, dc_id);
	struct err e;

	if (dc && dc->status != M_DATA_CENTER_STATUS_CONTEND) {
		dc->status = M_DATA_CENTER_STATUS_CONTEND;
		each_domain(t, dc_id, M_STORAGE_DOMAIN_STATUS_ACTIVE, M_STORAGE_DOMAIN_STATUS_UNKNOWN);
	}
	if (txn_commit(t, &e) < 0)
		log_warn("state of data center could not be recorded", "DATA_CENTER", dc_id, "REASON", e.detail);
}

static void record(struct core *c, const char *dc_id, const char *spm, const char *why)
{
	struct txn *t = txn_begin(c);
	struct err e;

	if (spm)
		dc_set_up(t, dc_id, spm);
	else
		dc_set_problem(t, dc_id, why);
	if (txn_commit(t, &e) < 0)
		log_warn("state of data center could not be recorded", "DATA_CENTER", dc_id, "REASON", e.detail);
}

/* ---- what the SPM knows about room ---- */

static void note_space(struct core *c, const char *sd_id, const json_t *one)
{
	const json_t *total = json_object_get(one, "disktotal"), *free = json_object_get(one, "diskfree");
	struct sd_hot *h;

	if (!sd_latest(c, sd_id) || !total || !free)
		return;
	h = sd_hot_of(c, sd_id);
	h->total = storage_int(total);
	h->free = storage_int(free);
}

static void check_space(struct core *c, const char *sd_id)
{
	const struct m_storage_domain *sd = INV_GET(c->inv, STORAGE_DOMAIN, storage_domain, sd_id);
	struct event_refs refs = { .storage_domain = sd_id, .data_center = sd ? sd->data_center.id : NULL };
	int64_t free, total, gib = 1LL << 30;

	if (!sd || !storage_space(c, sd_id, &free, &total) || total <= 0)
		return;
	if (free < M_GET(sd, critical_space_action_blocker, 5) * gib)
		event_emit(c, "IRS_DISK_SPACE_LOW_ERROR", &refs,
		           "Critical, Low disk space. %s domain has %lld GB of free space.", sd->name,
		           (long long)(free / gib));
	else if (free / (double)total * 100 < M_GET(sd, warning_low_space_indicator, 10))
		event_emit(c, "IRS_DISK_SPACE_LOW", &refs,
		           "Warning, Low disk space. %s domain has %lld GB of free space.", sd->name,
		           (long long)(free / gib));
}

static void read_pool(struct core *c, const char *host_id, const char *dc_id)
{
	auto_json *info = NULL;
	const char *sd_id;
	struct err e;
	json_t *one;

	if (agent_call(c, host_id, "StoragePool.getInfo", json_pack("{s:s}", "storagepoolID", dc_id), STORAGE_CALL_MS,
	               NULL, &info, &e) < 0)
		return;
	json_object_foreach (json_object_get(info, "dominfo"), sd_id, one) {
		note_space(c, sd_id, one);
		check_space(c, sd_id);
	}
}

/* ---- election ---- */

static int make_spm(struct core *c, const char *host_id, const char *dc_id, struct err *e)
{
	auto_pool p = pool_new();
	struct pool_plan plan;
	int rc;

	if (pool_connect_servers(c, host_id, dc_id, NULL, e) < 0)
		return -1;
	plan = pool_plan_of(c, p, dc_id);
	rc = pool_connect(c, host_id, &plan, NULL, e);
	json_decref(plan.domains);
	if (rc < 0)
		return -1;
	set_contend(c, dc_id);
	return pool_start_spm(c, host_id, dc_id, NULL, e);
}

/* The one that was it comes first: it may still be. A host that is silent keeps its lease, so agents refuse to be a second one. */
static const char **candidates(struct core *c, struct pool *p, const char *dc_id)
{
	const char **list = storage_hosts_up(c, p, dc_id, true);
	const struct m_data_center *dc = dc_latest(c, dc_id);

	for (int i = 1; list[0] && list[i]; i++) {
		const char *first = list[0];
		if (dc && g_strcmp0(dc->spm_host.id, list[i]) == 0) {
			list[0] = list[i];
			list[i] = first;
		}
	}
	return list;
}

static void elect(struct core *c, const char *dc_id)
{
	auto_pool p = pool_new();
	const char **list = candidates(c, p, dc_id);
	struct err e = ERR_INIT;

	err_set(&e, ERR_CONFLICT, "No Host of it is up.");
	for (int i = 0; list[i] && i < STORAGE_SPM_TRIES; i++) {
		if (make_spm(c, list[i], dc_id, &e) == 0) {
			record(c, dc_id, list[i], NULL);
			storage_clear_strays(c, list[i]);
			read_pool(c, list[i], dc_id);
			return;
		}
		log_warn("host did not become SPM", "HOST", list[i], "DATA_CENTER", dc_id, "REASON", e.detail);
	}
	record(c, dc_id, NULL, e.detail);
}

/* Is the SPM of the records still one? */
static bool is_fine(struct core *c, const char *host_id, const char *dc_id, struct err *e)
{
	enum spm_answer s;

	if (pool_spm_status(c, host_id, dc_id, NULL, &s, e) < 0)
		return false;
	if (s == SPM_HERE)
		return true;
	err_set(e, ERR_AGENT, "The Host %s is no longer SPM.", storage_name(c, KIND_HOST, host_id));
	return false;
}

static void check(struct core *c, const char *dc_id)
{
	const struct m_data_center *dc = dc_latest(c, dc_id);
	struct pool_hot *h = pool_hot_of(c, dc_id);
	g_autofree char *spm = NULL;
	struct err e = ERR_INIT;

	if (!dc || !dc->master.id || dc->status == M_DATA_CENTER_STATUS_UNINITIALIZED ||
	    dc->status == M_DATA_CENTER_STATUS_MAINTENANCE)
		return;
	spm = g_strdup(dc->spm_host.id);
	if (spm && host_is_connected(c, spm)) { /* it may still be on its way up */
		if (is_fine(c, spm, dc_id, &e)) {
			h->silent = 0;
			record(c, dc_id, spm, NULL);
			storage_clear_strays(c, spm);
			read_pool(c, spm, dc_id);
			return;
		}
		if (storage_is_lost(&e) && ++h->silent < STORAGE_SPM_TRIES)
			return;
		h->silent = 0;
	} else {
		err_set(&e, ERR_CONFLICT, "Its SPM is not up.");
	}
	record(c, dc_id, NULL, e.detail);
	elect(c, dc_id);
}

/* ---- the timer ---- */

struct check_args {
	struct core *core;
	char *dc_id;
};

static void check_fiber(void *arg)
{
	struct check_args *a = arg;

	pool_enter(a->core, a->dc_id);
	check(a->core, a->dc_id);
	pool_leave(a->core, a->dc_id);
	pool_hot_of(a->core, a->dc_id)->is_checking = false;
	g_free(a->dc_id);
	g_free(a);
}

void spm_check_soon(struct core *c, const char *dc_id)
{
	struct pool_hot *h = pool_hot_of(c, dc_id);
	struct check_args *a;

	if (h->is_checking)
		return;
	h->is_checking = true;
	a = g_new(struct check_args, 1);
	*a = (struct check_args){ c, g_strdup(dc_id) };
	fiber_start(c->loop, "spm-check", check_fiber, a);
}

void spm_tick(void *arg)
{
	struct storage *s = arg;
	struct core *c = s->core;

	INV_EACH (en, c->inv, KIND_DATA_CENTER)
		if (ENTITY_OBJ(en, data_center)->master.id)
			spm_check_soon(c, en->id);
	timer_start(c->loop, &s->tick, STORAGE_TICK_MS, spm_tick, s);
}
