/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/hosts/host_policy.h"

#include <string.h>

#include "base/log.h"
#include "manager/clusters/clusters.h"
#include "manager/core/agents.h"
#include "manager/core/events.h"
#include "manager/hosts/host_int.h"

enum { PUSH_MS = 30 * 1000, GIGABIT = 1000, BALLOON_PATIENCE = 3 }; /* IterationsWithBalloonProblem */

static const int64_t MIB = 1LL << 20, GIB = 1LL << 30;

/* ---- what hosts should have ---- */

/* Half of the memory, and more for larger hosts; beyond the table the last row counts. */
int64_t host_recommended_swap(int64_t memory)
{
	static const struct {
		int64_t up_to_gib, extra_gib;
	} ROWS[] = { { 4, 2 }, { 16, 4 }, { 64, 8 }, { INT64_MAX >> 31, 16 } };
	size_t i = 0;

	if (memory <= 0)
		return 0;
	while (i + 1 < G_N_ELEMENTS(ROWS) && memory > ROWS[i].up_to_gib * GIB)
		i++;
	return memory / 2 + ROWS[i].extra_gib * GIB;
}

const char *host_memory_complaint(struct pool *p, int64_t memory)
{
	if (memory <= 0 || memory >= 512 * MIB)
		return NULL;
	return pool_printf(p, "It has %" G_GINT64_FORMAT " MB of memory; a host needs 512 MB at least.", memory / MIB);
}

const char *host_swap_complaint(struct pool *p, int64_t memory, int64_t swap)
{
	const int64_t should = host_recommended_swap(memory);

	if (swap >= should)
		return NULL;
	return pool_printf(
	    p, "It has %" G_GINT64_FORMAT " MB of swap; %" G_GINT64_FORMAT " MB are recommended for its memory.",
	    swap / MIB, should / MIB);
}

static double speed_of(json_t *nic)
{
	json_t *v = json_object_get(nic, "speed");

	return json_is_string(v) ? g_ascii_strtod(json_string_value(v), NULL) : json_number_value(v);
}

const char *host_nics_complaint(struct pool *p, json_t *nics)
{
	const char *name;
	json_t *nic;
	double best = 0;

	if (!json_is_object(nics))
		return NULL;
	json_object_foreach (nics, name, nic)
		best = MAX(best, speed_of(nic));
	if (json_object_size(nics) == 0)
		return "It has no network card.";
	if (best > 0 && best < GIGABIT) /* 0: no card says */
		return pool_printf(p, "Its fastest network card has %d Mbps; 1 Gbps is recommended.", (int)best);
	return NULL;
}

static void check(struct core *c, const struct m_host *h, struct pool *p)
{
	const struct event_refs refs = { .host = h->id, .cluster = h->cluster.id };
	json_t *stats = host_stats(c, h->id), *swap = json_object_get(stats, "swapTotal");
	const char *memory_text = host_memory_complaint(p, M_GET(h, memory, 0)),
	           *nics_text = host_nics_complaint(p, json_object_get(host_caps(c, h->id), "nics")), *swap_text = NULL;

	if (json_is_integer(swap))
		swap_text = host_swap_complaint(p, M_GET(h, memory, 0), json_integer_value(swap) * MIB);
	if (memory_text)
		event_emit(c, "VDS_LOW_MEM", &refs, "Host %s: %s", h->name, memory_text);
	if (swap_text)
		event_emit(c, "VDS_LOW_SWAP", &refs, "Host %s: %s", h->name, swap_text);
	if (nics_text)
		log_warn("host has a slow network", "HOST", h->name, "REASON", nics_text);
}

/* ---- what clusters ask for ---- */

static bool wants_ksm(const struct m_cluster *cl) { return cl->ksm && M_GET(cl->ksm, enabled, false); }

static bool merges_across(const struct m_cluster *cl) { return !cl->ksm || M_GET(cl->ksm, merge_across_nodes, true); }

static bool wants_balloons(const struct m_cluster *cl) { return M_GET(cl, ballooning_enabled, false); }

int host_policy_push(struct core *c, const char *host_id, struct err *e)
{
	const struct m_host *h = INV_LATEST(c->inv, HOST, host, host_id);
	const struct m_cluster *cl = h ? cluster_latest(c, h->cluster.id) : NULL;

	if (!cl)
		return err_set(e, ERR_NO_ENTITY, "The host or its cluster is gone.");
	return agent_call(c, host_id, "Host.setMOMPolicyParameters",
	                  json_pack("{s:{s:b,s:b,s:b}}", "key_value_store", "balloonEnabled", wants_balloons(cl),
	                            "ksmEnabled", wants_ksm(cl), "ksmMergeAcrossNodes", merges_across(cl)),
	                  PUSH_MS, NULL, NULL, e);
}

static void push_and_tell(struct core *c, const char *host_id, bool is_news)
{
	const struct m_host *h = INV_LATEST(c->inv, HOST, host, host_id);
	struct event_refs refs = { .host = host_id };
	struct err e = ERR_INIT;
	auto_pool p = pool_new();
	const char *name = pool_strdup(p, h ? h->name : NULL);

	if (!h)
		return;
	refs.cluster = pool_strdup(p, h->cluster.id);
	if (host_policy_push(c, host_id, &e) == 0) {
		if (is_news)
			event_emit(c, "USER_UPDATED_MOM_POLICIES", &refs, "The memory policy was updated on host %s.",
			           name);
		return;
	}
	log_warn("memory policy not given to host", "HOST", name, "REASON", e.detail);
	event_emit(c, "USER_FAILED_TO_UPDATE_MOM_POLICIES", &refs,
	           "The memory policy could not be updated on host %s: %s", name, e.detail);
}

void host_policy_up(struct core *c, const char *host_id)
{
	auto_pool p = pool_new();
	const char *id = pool_strdup(p, host_id);
	const struct m_host *h;

	push_and_tell(c, id, false);
	h = INV_LATEST(c->inv, HOST, host, id);
	if (h)
		check(c, h, p);
}

struct change {
	struct core *core;
	char *cluster;
};

static void change_fiber(void *arg)
{
	struct change *ch = arg;
	GPtrArray *ids = g_ptr_array_new_with_free_func(g_free); /* hosts may come and go meanwhile */

	INV_EACH_BY (e, ch->core->inv, KIND_HOST, IDX_HOST_cluster, ch->cluster)
		g_ptr_array_add(ids, g_strdup(e->id));
	for (guint i = 0; i < ids->len; i++)
		if (host_is_up(ch->core, ids->pdata[i]))
			push_and_tell(ch->core, ids->pdata[i], true);
	g_ptr_array_free(ids, TRUE);
	g_free(ch->cluster);
	g_free(ch);
}

void host_policy_cluster(struct core *c, const char *id, const void *old, const void *new)
{
	const struct m_cluster *was = old, *is = new;
	struct change *ch;

	if (!c->is_started || !c->hosts || !was || !is ||
	    (wants_ksm(was) == wants_ksm(is) && merges_across(was) == merges_across(is) &&
	     wants_balloons(was) == wants_balloons(is)))
		return;
	ch = g_new0(struct change, 1);
	*ch = (struct change){ c, g_strdup(id) };
	fiber_start(c->loop, "memory policy", change_fiber, ch);
}

/* ---- balloons that do not work ---- */

static double kib(json_t *info, const char *name)
{
	json_t *v = json_object_get(info, name);

	return json_is_string(v) ? g_ascii_strtod(json_string_value(v), NULL) : json_number_value(v);
}

enum balloon_problem host_balloon_problem(json_t *vm_stats)
{
	json_t *info = json_object_get(vm_stats, "balloonInfo");
	const double max = kib(info, "balloon_max"), now = kib(info, "balloon_cur"),
	             target = kib(info, "balloon_target");

	if (g_strcmp0(json_string_value(json_object_get(vm_stats, "status")), "Up") != 0 || max <= 0 || now <= 0 ||
	    target <= 0 || target >= max || json_is_false(json_object_get(info, "ballooning_enabled")))
		return BALLOON_WELL;
	if (now >= max)
		return BALLOON_UNAVAILABLE;
	return json_is_object(json_object_get(vm_stats, "memoryStats")) ? BALLOON_WELL : BALLOON_UNCONTROLLED;
}

static void tell_problem(struct host_rt *rt, const char *vm_id, enum balloon_problem problem)
{
	const struct m_vm *vm = INV_LATEST(rt->core->inv, VM, vm, vm_id);
	const struct m_host *h = INV_LATEST(rt->core->inv, HOST, host, rt->id);
	struct event_refs refs = { .host = rt->id, .vm = vm_id };

	if (!vm || !h)
		return;
	refs.cluster = h->cluster.id;
	if (problem == BALLOON_UNAVAILABLE)
		event_emit(rt->core, "VM_BALLOON_DRIVER_ERROR", &refs,
		           "The balloon of VM %s on host %s does not move: its guest has no driver for it.", vm->name,
		           h->name);
	else
		event_emit(rt->core, "VM_BALLOON_DRIVER_UNCONTROLLED", &refs,
		           "The balloon of VM %s on host %s is inflated, but its guest does not tell how it fares.",
		           vm->name, h->name);
}

void host_policy_balloons(struct host_rt *rt, json_t *list)
{
	const struct m_host *h = INV_LATEST(rt->core->inv, HOST, host, rt->id);
	const struct m_cluster *cl = h ? cluster_latest(rt->core, h->cluster.id) : NULL;
	GHashTable *now = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	json_t *vm;
	size_t i;

	json_array_foreach (list, i, vm) {
		const char *id = json_string_value(json_object_get(vm, "vmId"));
		const enum balloon_problem problem =
		    cl && wants_balloons(cl) && id ? host_balloon_problem(vm) : BALLOON_WELL;
		int n = 0;

		if (problem == BALLOON_WELL)
			continue;
		if (rt->balloon_problems)
			n = GPOINTER_TO_INT(g_hash_table_lookup(rt->balloon_problems, id));
		n = MIN(n + 1, BALLOON_PATIENCE + 1);
		g_hash_table_insert(now, g_strdup(id), GINT_TO_POINTER(n));
		if (n == BALLOON_PATIENCE)
			tell_problem(rt, id, problem);
	}
	if (rt->balloon_problems)
		g_hash_table_destroy(rt->balloon_problems);
	rt->balloon_problems = now;
}

/* ---- what hosts say ---- */

void host_policy_view(struct core *c, struct pool *p, struct m_host *copy)
{
	json_t *stats = host_stats(c, copy->id), *thp = json_object_get(stats, "thpState");

	if (!stats)
		return;
	copy->ksm = m_new(p, &M_TYPE_ksm);
	M_SET(copy->ksm, enabled, json_is_true(json_object_get(stats, "ksmState")));
	if (json_object_get(stats, "ksmMergeAcrossNodes"))
		M_SET(copy->ksm, merge_across_nodes, json_is_true(json_object_get(stats, "ksmMergeAcrossNodes")));
	if (!json_is_string(thp))
		return;
	copy->transparent_hugepages = m_new(p, &M_TYPE_transparent_huge_pages);
	M_SET(copy->transparent_hugepages, enabled, strcmp(json_string_value(thp), "always") == 0);
}
