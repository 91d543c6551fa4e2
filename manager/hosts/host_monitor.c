/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One fiber for each host looks after it: connects, brings it up, asks for statistics, notices silence, lets it go into
 * maintenance. It is the only one to move a host between the statuses that come from how the host is; the API moves
 * it between those that people ask for, and pokes.
 */
#include <string.h>

#include "base/log.h"
#include "manager/api/statistics.h"
#include "manager/clusters/clusters.h"
#include "manager/core/agents.h"
#include "manager/core/jobs.h"
#include "manager/core/txn.h"
#include "manager/hosts/host_hardware.h"
#include "manager/hosts/host_history.h"
#include "manager/hosts/host_int.h"
#include "manager/hosts/host_policy.h"
#include "manager/storage/storage.h"
#include "manager/vms/vms.h"

enum {
	POLL_MS = 15 * 1000,    /* full statistics */
	SETTLING_MS = 3 * 1000, /* while things change */
	RETRY_MS = 1000,
	RETRY_MAX_MS = 5 * 1000,
	GRACE_MS = 60 * 1000,     /* TimeoutToResetVdsInSeconds */
	GRACE_SPM_MS = 20 * 1000, /* DelayResetForSpmInSeconds */
	GRACE_VM_MS = 500,        /* DelayResetPerVmInSeconds */
};

/* ---- runtime state ---- */

struct host_rt *host_rt(struct core *c, const char *id)
{
	struct host_rt *rt = g_hash_table_lookup(c->hosts->by_id, id);

	if (!rt) {
		rt = g_new0(struct host_rt, 1);
		rt->core = c;
		rt->id = g_strdup(id);
		g_hash_table_insert(c->hosts->by_id, rt->id, rt);
	}
	return rt;
}

static void rt_free(void *p)
{
	struct host_rt *rt = p;

	json_decref(rt->caps);
	json_decref(rt->devices);
	json_decref(rt->stats);
	json_decref(rt->stats_before);
	history_free(rt->history);
	if (rt->balloon_problems)
		g_hash_table_destroy(rt->balloon_problems);
	g_free(rt->new_key);
	g_free(rt->fingerprint);
	g_free(rt->id);
	g_free(rt);
}

static const struct host_rt *known(struct core *c, const char *id)
{
	return id ? g_hash_table_lookup(c->hosts->by_id, id) : NULL;
}

bool host_is_connected(struct core *c, const char *id)
{
	const struct host_rt *rt = known(c, id);
	return rt && rt->is_connected;
}

bool host_is_up(struct core *c, const char *id)
{
	const struct m_host *h = INV_GET(c->inv, HOST, host, id);
	return h && h->status == M_HOST_STATUS_UP && host_is_connected(c, id);
}

json_t *host_caps(struct core *c, const char *id)
{
	const struct host_rt *rt = known(c, id);
	return rt ? rt->caps : NULL;
}

json_t *host_stats(struct core *c, const char *id)
{
	const struct host_rt *rt = known(c, id);
	return rt ? rt->stats : NULL;
}

json_t *host_devices(struct core *c, const char *id)
{
	const struct host_rt *rt = known(c, id);
	return rt ? rt->devices : NULL;
}

int host_read_devices(struct core *c, const char *id, struct err *e)
{
	json_t *list = NULL;
	struct host_rt *rt;

	if (agent_call(c, id, "Host.hostdevListByCaps", json_pack("{s:[]}", "caps"), HOST_CALL_MS, NULL, &list, e) < 0)
		return -1;
	rt = g_hash_table_lookup(c->hosts->by_id, id);
	if (!rt || !json_is_object(list)) {
		json_decref(list);
		return err_set(e, ERR_CONFLICT, "The host does not list its devices.");
	}
	json_decref(rt->devices);
	rt->devices = list;
	return 0;
}

bool host_has_kvm(struct core *c, const char *id)
{
	const struct m_host *h = INV_GET(c->inv, HOST, host, id);
	return h && g_strcmp0(h->accel, "kvm") == 0;
}

static void wake(struct host_rt *rt)
{
	rt->poke = true;
	waitq_wake_all(&rt->wake);
}

void host_refresh_soon(struct core *c, const char *id)
{
	struct host_rt *rt = host_rt(c, id);

	rt->is_asked = true;
	wake(rt);
}

int host_wait_up(struct core *c, const char *id, int64_t timeout_ms, struct err *e)
{
	int64_t until = loop_now_ms(c->loop) + timeout_ms;

	while (!host_is_up(c, id)) {
		int64_t left = until - loop_now_ms(c->loop);
		if (left <= 0 || !waitq_wait(&c->changed, MIN(left, 1000)))
			if (loop_now_ms(c->loop) >= until)
				return err_set(e, ERR_TIMEOUT, "The host is not up.");
	}
	return 0;
}

void host_set_status(struct core *c, const char *id, enum m_host_status status, const char *detail)
{
	struct txn *t = txn_begin(c);
	struct m_host *h = txn_edit(t, KIND_HOST, id);

	if (!h || (h->status == status && g_strcmp0(h->status_detail, detail) == 0)) {
		txn_cancel(t);
		return;
	}
	log_info("host status", "HOST", h->name, "FROM", m_enum_name(&M_ENUM_host_status, h->status), "TO",
	         m_enum_name(&M_ENUM_host_status, status), "REASON", detail);
	h->status = status;
	h->status_detail = pool_strdup(txn_pool(t), detail);
	txn_commit_async(t);
}

/* ---- news from the agents' thread ---- */

static void agent_state(struct core *c, const char *id, bool is_up, const char *fingerprint, const struct err *e)
{
	struct host_rt *rt = host_rt(c, id);

	rt->is_connected = is_up;
	rt->is_connecting = false;
	if (fingerprint) {
		g_free(rt->fingerprint);
		rt->fingerprint = g_strdup(fingerprint);
	}
	if (e)
		rt->last_error = *e;
	if (e && e->code == ERR_AUTH && !rt->is_stranger)
		host_tell_stranger(c, id, e);
	rt->is_stranger = is_up ? false : rt->is_stranger || (e && e->code == ERR_AUTH);
	wake(rt);
}

static void agent_event(struct core *c, const char *id, const char *method, json_t *params)
{
	static const char vm_status[] = "|virt|VM_status|";
	const char *vm_id = strncmp(method, vm_status, strlen(vm_status)) == 0 ? method + strlen(vm_status) : NULL;

	if (vm_id && uuid_is_valid(vm_id))
		vms_host_event(c, id, vm_id, json_object_get(params, vm_id));
	else
		wake(host_rt(c, id));
}

/* ---- the monitor's fiber ---- */

const struct m_host *host_rt_latest(struct host_rt *rt) { return INV_LATEST(rt->core->inv, HOST, host, rt->id); }

static void pause_for(struct host_rt *rt, int64_t ms)
{
	if (!rt->poke)
		waitq_wait(&rt->wake, ms);
	rt->poke = false;
}

/* ... unless somebody asks, or its status is not that any more. The monitor's own changes of the host end no such pause. */
static void pause_as(struct host_rt *rt, enum m_host_status s, int64_t ms)
{
	int64_t until = loop_now_ms(rt->core->loop) + ms;
	const struct m_host *h;

	rt->is_asked = false;
	while (loop_now_ms(rt->core->loop) < until && (h = host_rt_latest(rt)) && h->status == s && rt->is_connected &&
	       !rt->is_asked && !loop_is_stopping(rt->core->loop))
		waitq_wait(&rt->wake, until - loop_now_ms(rt->core->loop));
	rt->poke = false;
}

/* Statuses in which nobody talks to the agent. */
static bool is_left_alone(enum m_host_status s)
{
	return s == M_HOST_STATUS_PENDING_APPROVAL || s == M_HOST_STATUS_MAINTENANCE ||
	       s == M_HOST_STATUS_INSTALL_FAILED || s == M_HOST_STATUS_INSTALLING_OS || s == M_HOST_STATUS_DOWN;
}

static bool connect_once(struct host_rt *rt, const struct m_host *h)
{
	struct core *c = rt->core;

	rt->is_connecting = true;
	c->agents.connect(c->agents.arg, rt->id, h->address, (int)M_GET(h, port, 54321));
	for (int64_t until = loop_now_ms(c->loop) + HOST_CALL_MS; rt->is_connecting && loop_now_ms(c->loop) < until;)
		waitq_wait(&rt->wake, until - loop_now_ms(c->loop));
	rt->poke = false;
	return rt->is_connected;
}

static int64_t grace_ms(struct host_rt *rt)
{
	bool is_spm = false;

	INV_EACH (e, rt->core->inv, KIND_DATA_CENTER)
		is_spm = is_spm || g_strcmp0(ENTITY_OBJ(e, data_center)->spm_host.id, rt->id) == 0;
	return GRACE_MS + (is_spm ? GRACE_SPM_MS : 0) + GRACE_VM_MS * vms_on_host(rt->core, rt->id);
}

static void went_silent(struct host_rt *rt, const struct m_host *h)
{
	struct core *c = rt->core;
	int64_t now = loop_now_ms(c->loop);

	if (rt->silent_since_ms == 0) {
		rt->silent_since_ms = now;
		rt->failures = 0;
		log_warn("host does not answer", "HOST", h->name, "REASON", rt->last_error.detail);
	}
	rt->failures++;
	if (h->status == M_HOST_STATUS_UP || h->status == M_HOST_STATUS_INITIALIZING)
		host_set_status(c, rt->id, M_HOST_STATUS_CONNECTING, rt->last_error.detail);
	if (h->status == M_HOST_STATUS_NON_RESPONSIVE || h->status == M_HOST_STATUS_INSTALLING || rt->failures <= 2 ||
	    now - rt->silent_since_ms < grace_ms(rt))
		return;
	event_emit(c, "VDS_FAILURE", &(struct event_refs){ .host = rt->id, .cluster = h->cluster.id },
	           "Host %s is non responsive.", h->name);
	host_set_status(c, rt->id, M_HOST_STATUS_NON_RESPONSIVE, rt->last_error.detail);
	vms_host_lost(c, rt->id);
	storage_host_lost(c, rt->id);
}

static void back_again(struct host_rt *rt)
{
	if (rt->silent_since_ms)
		log_info("host answers again", "HOST_ID", rt->id);
	rt->silent_since_ms = 0;
	rt->failures = 0;
}

/* ---- going up ---- */

static void is_up(struct host_rt *rt, const struct m_host *h)
{
	const char *reason = json_string_value(json_object_get(rt->caps, "kvmReason"));
	struct event_refs refs = { .host = rt->id, .cluster = h->cluster.id };

	host_set_status(rt->core, rt->id, M_HOST_STATUS_UP, NULL);
	event_emit(rt->core, "VDS_DETECTED", &refs, "Status of host %s was set to Up.", h->name);
	if (g_strcmp0(h->accel, "kvm") != 0)
		event_emit(rt->core, "VDS_RUN_IN_NO_KVM_MODE", &refs,
		           "Host %s cannot use KVM%s%s. Its VMs run by emulation, which is slow.", h->name,
		           reason ? ": " : "", reason ? reason : "");
	host_refresh_soon(rt->core, rt->id);
}

/* An error of the network is silence; any other one tells that the host cannot serve now. */
static bool is_silence(const struct err *e) { return e->code == ERR_NETWORK || e->code == ERR_TIMEOUT; }

static void try_bring_up(struct host_rt *rt)
{
	const struct m_host *h = host_rt_latest(rt);
	struct err e = ERR_INIT;

	if (h->status != M_HOST_STATUS_INITIALIZING)
		host_set_status(rt->core, rt->id, M_HOST_STATUS_INITIALIZING, NULL);
	if (host_bring_up(rt, &e) == 0) {
		h = host_rt_latest(rt);
		if (h && h->status == M_HOST_STATUS_INITIALIZING) {
			is_up(rt, h);
			host_policy_up(rt->core, rt->id);
		}
		return;
	}
	h = host_rt_latest(rt);
	rt->last_error = e;
	if (!h || h->status != M_HOST_STATUS_INITIALIZING)
		return;
	if (is_silence(&e)) {
		went_silent(rt, h);
		pause_as(rt, M_HOST_STATUS_CONNECTING, RETRY_MS);
	} else if (e.code == ERR_AGENT && e.agent_code == 99) { /* recovering: it will soon know its VMs */
		rt->poke = false;                               /* that was our own change of status */
		pause_for(rt, RETRY_MS);
	} else {
		event_emit(rt->core, "VDS_SET_NONOPERATIONAL",
		           &(struct event_refs){ .host = rt->id, .cluster = h->cluster.id },
		           "Host %s moved to Non-Operational state: %s", h->name, e.detail);
		host_set_status(rt->core, rt->id, M_HOST_STATUS_NON_OPERATIONAL, e.detail);
	}
}

/* ---- maintenance ---- */

/* So that who waits knows for what. */
static void say_what_runs(struct host_rt *rt)
{
	const struct m_host *h = host_rt_latest(rt);
	unsigned n = (unsigned)vms_on_host(rt->core, rt->id);
	char text[80] = "1 virtual machine is still running on it.";

	if (!h || h->status != M_HOST_STATUS_PREPARING_FOR_MAINTENANCE || n == 0)
		return;
	if (n > 1)
		g_snprintf(text, sizeof(text), "%u virtual machines are still running on it.", n);
	host_set_status(rt->core, rt->id, h->status, text);
}

static void try_maintenance(struct host_rt *rt)
{
	const struct m_host *h;
	struct err e = ERR_INIT;

	if (host_poll_vms(rt, &e) < 0 || vms_on_host(rt->core, rt->id) > 0) {
		say_what_runs(rt);
		pause_for(rt, SETTLING_MS);
		return;
	}
	if (storage_host_down(rt->core, rt->id, &e) < 0) {
		log_warn("host cannot go into maintenance yet", "HOST_ID", rt->id, "REASON", e.detail);
		host_set_status(rt->core, rt->id, M_HOST_STATUS_PREPARING_FOR_MAINTENANCE, e.detail);
		pause_for(rt, SETTLING_MS);
		return;
	}
	h = host_rt_latest(rt);
	if (!h || h->status != M_HOST_STATUS_PREPARING_FOR_MAINTENANCE)
		return;
	host_set_status(rt->core, rt->id, M_HOST_STATUS_MAINTENANCE, h->maintenance_reason);
	event_emit(rt->core, "VDS_MAINTENANCE", &(struct event_refs){ .host = rt->id, .cluster = h->cluster.id },
	           "Host %s was switched to Maintenance mode.", h->name);
}

/* ---- one round ---- */

static void look_after(struct host_rt *rt)
{
	struct err e = ERR_INIT;

	/* A Manager that has just started finds hosts up, and has to ask what they can do. */
	if ((rt->caps || host_read_capabilities(rt, &e) == 0) && host_poll_vms(rt, &e) == 0 &&
	    host_poll_stats(rt, &e) == 0)
		return;
	rt->last_error = e;
	if (!is_silence(&e) && !(e.code == ERR_AGENT && e.agent_code == 99))
		log_warn("host answered with an error", "HOST_ID", rt->id, "REASON", e.detail);
	pause_for(rt, RETRY_MS);
}

static void round_connected(struct host_rt *rt, const struct m_host *h)
{
	back_again(rt);
	switch (h->status) {
	case M_HOST_STATUS_UP:
		look_after(rt);
		if (rt->is_connected)
			pause_for(rt, POLL_MS);
		return;
	case M_HOST_STATUS_PREPARING_FOR_MAINTENANCE: try_maintenance(rt); return;
	case M_HOST_STATUS_INSTALLING: /* a job talks to it */ pause_for(rt, SETTLING_MS); return;
	case M_HOST_STATUS_NON_OPERATIONAL:
		pause_as(rt, M_HOST_STATUS_NON_OPERATIONAL, 5 * 60 * 1000); /* auto recovery */
		if (rt->is_connected && host_rt_latest(rt) &&
		    host_rt_latest(rt)->status == M_HOST_STATUS_NON_OPERATIONAL)
			try_bring_up(rt);
		return;
	default: try_bring_up(rt);
	}
}

static void monitor(void *arg)
{
	struct host_rt *rt = arg;
	struct core *c = rt->core;
	int64_t pause = RETRY_MS;
	const struct m_host *h;

	while ((h = host_rt_latest(rt)) && !loop_is_stopping(c->loop)) {
		if (is_left_alone(h->status)) {
			if (rt->is_held) {
				pause_for(rt, SETTLING_MS);
				continue;
			}
			if (rt->is_connected)
				c->agents.disconnect(c->agents.arg, rt->id);
			rt->is_connected = false;
			rt->silent_since_ms = 0;
			pause_for(rt, 60 * 1000);
			continue;
		}
		if (rt->is_connected) {
			pause = RETRY_MS;
			round_connected(rt, h);
			continue;
		}
		if (connect_once(rt, h))
			continue;
		h = host_rt_latest(rt);
		if (!h)
			break;
		went_silent(rt, h);
		pause_for(rt, pause);
		pause = MIN(pause * 2, RETRY_MAX_MS);
	}
	c->agents.disconnect(c->agents.arg, rt->id);
	rt->is_connected = rt->has_monitor = false;
	if (!h)
		g_hash_table_remove(c->hosts->by_id, rt->id);
}

void host_watch(struct core *c, const char *id)
{
	struct host_rt *rt = host_rt(c, id);

	if (rt->has_monitor)
		return;
	rt->has_monitor = true;
	fiber_start(c->loop, "host monitor", monitor, rt);
}

/* ---- kinds, start ---- */

static void published(struct core *c, const char *id, const void *old, const void *new)
{
	const struct m_host *before = old, *now = new;

	if (!c->is_started)
		return;
	if (new && !old)
		host_watch(c, id);
	else if (new &&
	         (g_strcmp0(before->address, now->address) != 0 || M_GET(before, port, 0) != M_GET(now, port, 0)))
		host_refresh_soon(c, id);
	else
		wake(host_rt(c, id));
}

static void view(struct core *c, struct pool *p, const void *pub, void *copy)
{
	struct m_host *h = copy;
	const struct m_cluster *cl = cluster_latest(c, h->cluster.id);
	bool is_spm = false;

	host_policy_view(c, p, h);
	h->summary = m_new(p, &M_TYPE_vm_summary);
	M_SET(h->summary, active, vms_on_host(c, h->id));
	M_SET(h->summary, migrating, 0);
	M_SET(h->summary, total, vms_on_host(c, h->id));
	if (h->has.memory)
		M_SET(h, max_scheduling_memory, MAX(h->memory - (321LL << 20) - vms_memory_on_host(c, h->id), 0));
	if (cl && cl->data_center.id) {
		const struct m_data_center *dc = INV_GET(c->inv, DATA_CENTER, data_center, cl->data_center.id);
		is_spm = dc && g_strcmp0(dc->spm_host.id, h->id) == 0;
	}
	h->spm = m_copy(p, &M_TYPE_spm, h->spm ? h->spm : m_new(p, &M_TYPE_spm));
	DEFAULT(h->spm, priority, 5);
	h->spm->status = is_spm ? M_SPM_STATUS_SPM : M_SPM_STATUS_NONE;
}

static const struct kind_ops HOST_KIND = { .published = published, .view = view };

static const struct statistics_owner STATISTICS = { "hosts", KIND_HOST, host_statistics };
static const struct statistics_owner NIC_STATISTICS = { "nics", NO_KIND, host_nic_statistics, .above = "hosts" };

void hosts_register(struct core *c)
{
	c->hosts = g_new0(struct hosts, 1);
	c->hosts->core = c;
	c->hosts->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, rt_free);
	c->hosts->pairing_codes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	c->agent_hooks = (struct agent_hooks){ agent_state, agent_event, host_key_of, host_meet };
	core_register_kind(c, KIND_HOST, &HOST_KIND);
	jobs_register(c, &HOST_INSTALL_COMMAND);
	api_register(HOST_OPS);
	api_register(HOST_DEVICE_OPS);
	api_register(HOST_HARDWARE_OPS);
	api_register(HOST_HOOK_OPS);
	host_search_register();
	statistics_register(&STATISTICS);
	statistics_register(&NIC_STATISTICS);
}

void hosts_start(struct core *c)
{
	INV_EACH (e, c->inv, KIND_HOST)
		host_watch(c, e->id);
	if (c->pki)
		host_certificates_start(c);
}

void hosts_free(struct core *c)
{
	if (!c->hosts)
		return;
	g_hash_table_destroy(c->hosts->by_id);
	g_hash_table_destroy(c->hosts->pairing_codes);
	g_free(c->hosts);
	c->hosts = NULL;
}
