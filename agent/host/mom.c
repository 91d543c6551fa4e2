/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/mom.h"

#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/host/ksm.h"
#include "agent/host/system.h"
#include "agent/vms/sample.h"
#include "agent/vms/tune.h"
#include "agent/vms/vms.h"
#include "base/fiber.h"
#include "base/log.h"

enum { PERIOD_MS = 15000, HISTORY = 10 };

/* The last values of something, averaged. */
struct history {
	double v[HISTORY];
	int n, next;
};

struct vm_history {
	struct history unused, current;
	int64_t seen_ms; /* sample that was taken in last */
};

struct mom {
	bool is_told, has_balloons, has_ksm;
	int merge_across_nodes; /* -1: as it is */
	bool is_ksm_broken;     /* told once */
	struct history host_free;
	GHashTable *vms; /* id -> vm_history */
	struct waiter soon;
	int64_t ksm_ticks, ksm_ticks_ms;
	double ksm_cpu;
};

static void history_add(struct history *h, double v)
{
	h->v[h->next] = v;
	h->next = (h->next + 1) % HISTORY;
	h->n = MIN(h->n + 1, HISTORY);
}

static double history_mean(const struct history *h)
{
	double sum = 0;

	for (int i = 0; i < h->n; i++)
		sum += h->v[i];
	return h->n ? sum / h->n : 0;
}

/* --- balloons ------------------------------------------------------------------------ */

static struct vm_history *history_of(struct mom *m, const struct vm *vm)
{
	struct vm_history *h = g_hash_table_lookup(m->vms, vm->id);

	if (!h) {
		h = g_new0(struct vm_history, 1);
		g_hash_table_insert(m->vms, g_strdup(vm->id), h);
	}
	return h;
}

static void take_sample(struct vm_history *h, const struct vm_monitored *s)
{
	if (s->at_ms == h->seen_ms)
		return;
	h->seen_ms = s->at_ms;
	history_add(&h->unused, (double)s->mem_unused);
	history_add(&h->current, (double)s->balloon_cur);
}

static void move_balloon(struct mom *m, struct vm *vm)
{
	const struct vm_monitored *s = vm->samples.monitored;
	const struct domain *d = vm->domain;
	struct vm_history *h;
	struct balloon b;
	int64_t next;
	struct err e = ERR_INIT;

	if (vm->status != VM_UP || vm->is_locked || !s || !s->balloon_cur || !m->is_told ||
	    !domain_meta_bool(d, "ballooningEnabled", true))
		return;
	h = history_of(m, vm);
	if (s->has_guest_memory)
		take_sample(h, s);
	b = (struct balloon){
		.current_kib = (int64_t)s->balloon_cur,
		.max_kib = (int64_t)(s->balloon_max ? s->balloon_max : (uint64_t)d->mem_kib),
		.guaranteed_kib = domain_meta_int(d, "minGuaranteedMemoryMb", 0) * 1024,
		/* of what it has now: the averages are of sizes that it may not have any more */
		.unused_kib = h->unused.n ? (int64_t)(history_mean(&h->unused) / MAX(history_mean(&h->current), 1) *
		                                      (double)s->balloon_cur)
		                          : -1,
		.host_free = history_mean(&m->host_free),
		.is_policy_on = m->has_balloons,
	};
	if (b.guaranteed_kib <= 0)
		b.guaranteed_kib = b.max_kib;
	next = balloon_next(&b);
	if (next == b.current_kib)
		return;
	log_info("balloon", "VM", vm->id, "KIB", tune_number(b.current_kib), "TO", tune_number(next));
	if (tune_balloon(vm, next, &e) < 0)
		log_debug("balloon not moved", "VM", vm->id, "ERROR", e.detail);
}

/* --- pages ----------------------------------------------------------------------------- */

static void tune_ksm(struct agent *a, int64_t total_kib, int64_t vms_kib)
{
	struct mom *m = a->mom;
	const char *dir = a->opt.ksm_dir;
	struct ksm_state now, next;
	struct err e = ERR_INIT;

	if (!m->is_told || !ksm_read(dir, &now))
		return;
	next = ksm_next(&now, &(struct ksm_facts){
	                          .is_enabled = m->has_ksm,
	                          .merge_across_nodes = m->merge_across_nodes,
	                          .host_free = history_mean(&m->host_free),
	                          .vm_share = total_kib ? (double)vms_kib / (double)total_kib : 0,
	                          .total_kib = total_kib,
	                          .pages_shared = ksm_pages_shared(dir),
	                      });
	if (memcmp(&now, &next, sizeof(now)) == 0)
		return;
	if (ksm_write(dir, &now, &next, &e) == 0) {
		m->is_ksm_broken = false;
		return;
	}
	if (!m->is_ksm_broken)
		log_warn("merging of equal pages cannot be set here", "ERROR", e.detail);
	m->is_ksm_broken = true;
}

static void watch_ksm(struct mom *m, int64_t now_ms)
{
	const int64_t ticks = ksm_cpu_ticks(), ms = now_ms - m->ksm_ticks_ms;

	if (ticks >= 0 && m->ksm_ticks_ms && ms > 0 && ticks >= m->ksm_ticks)
		m->ksm_cpu = (double)(ticks - m->ksm_ticks) * 100 * 1000 / (double)(ms * sysconf(_SC_CLK_TCK));
	m->ksm_ticks = ticks;
	m->ksm_ticks_ms = now_ms;
}

/* --- the round -------------------------------------------------------------------------- */

static gboolean is_gone(gpointer id, gpointer history, gpointer a) { return !vms_find(a, id); }

/* Machines may come and go while one is seen to: ids are kept, not machines. */
static void look_after_vms(struct agent *a, int64_t *vms_kib)
{
	g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
	GHashTableIter it;
	gpointer id;

	g_hash_table_foreach_remove(a->mom->vms, is_gone, a);
	g_hash_table_iter_init(&it, a->vms->by_id);
	while (g_hash_table_iter_next(&it, &id, NULL))
		g_ptr_array_add(ids, g_strdup(id));
	for (guint i = 0; i < ids->len; i++) {
		struct vm *found = vms_find(a, ids->pdata[i]);
		auto_vm vm = found && vm_is_active(found) ? vm_ref(found) : NULL;

		if (!vm)
			continue;
		*vms_kib += vm->domain->mem_kib;
		move_balloon(a->mom, vm);
		tune_keep(vm);
	}
}

static void look(struct agent *a)
{
	auto_pool p = pool_new();
	const char *text = system_read(p, "/proc/meminfo");
	const int64_t total = system_keyed(text, "MemTotal"), available = system_keyed(text, "MemAvailable");
	int64_t vms_kib = 0;

	if (total > 0)
		history_add(&a->mom->host_free, (double)available / (double)total);
	look_after_vms(a, &vms_kib);
	tune_ksm(a, total, vms_kib);
	watch_ksm(a->mom, loop_now_ms(a->loop));
}

static void mom_fiber(void *arg)
{
	struct agent *a = arg;

	while (!a->is_stopping) {
		look(a);
		waiter_wait(&a->mom->soon, PERIOD_MS);
	}
}

void mom_init(struct agent *a)
{
	a->mom = g_new0(struct mom, 1);
	a->mom->merge_across_nodes = -1;
	a->mom->vms = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	fiber_start(a->loop, "memory policy", mom_fiber, a);
}

void mom_soon(struct agent *a) { waiter_wake(&a->mom->soon); }

/* --- the Manager ----------------------------------------------------------------------------- */

static int flag_of(json_t *parameters, const char *name, bool *is_given, bool *out, struct err *e)
{
	json_t *v = json_object_get(parameters, name);
	const char *s = json_string_value(v);

	*is_given = v && !json_is_null(v);
	if (!*is_given)
		return 0;
	if (json_is_boolean(v) || json_is_integer(v))
		*out = json_is_true(v) || json_integer_value(v);
	else if (s && (g_ascii_strcasecmp(s, "true") == 0 || strcmp(s, "1") == 0))
		*out = true;
	else if (s && (g_ascii_strcasecmp(s, "false") == 0 || strcmp(s, "0") == 0))
		*out = false;
	else
		return err_field(e, ERR_INVALID, "key_value_store",
		                 "parameter key_value_store: %s must be true or false", name);
	return 0;
}

int mom_set_policy(struct agent *a, json_t *parameters, struct err *e)
{
	bool has_balloons = a->mom->has_balloons, has_ksm = a->mom->has_ksm, merge = false, given, merge_given;

	if (flag_of(parameters, "balloonEnabled", &given, &has_balloons, e) < 0 ||
	    flag_of(parameters, "ksmEnabled", &given, &has_ksm, e) < 0 ||
	    flag_of(parameters, "ksmMergeAcrossNodes", &merge_given, &merge, e) < 0)
		return -1;
	if (!a->mom->is_told || has_balloons != a->mom->has_balloons || has_ksm != a->mom->has_ksm)
		log_info("memory policy", "BALLOONS", has_balloons ? "on" : "off", "KSM", has_ksm ? "on" : "off");
	a->mom->is_told = true;
	a->mom->has_balloons = has_balloons;
	a->mom->has_ksm = has_ksm;
	if (merge_given)
		a->mom->merge_across_nodes = merge;
	mom_soon(a);
	return 0;
}

void mom_add_stats(struct agent *a, json_t *stats)
{
	ksm_add_stats(a->opt.ksm_dir, stats);
	json_object_set_new(stats, "ksmCpu", json_integer((json_int_t)(a->mom->ksm_cpu + 0.5)));
	json_object_set_new(stats, "momStatus", json_string("active"));
}
