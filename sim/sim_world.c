/* SPDX-License-Identifier: Apache-2.0 */
/* The world: one Manager after the other, hosts, and what is found wrong with them. */
#include "sim/sim.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "manager/api/call.h"
#include "manager/core/jobs.h"
#include "manager/manager.h"
#include "manager/system/bootstrap.h"
#include "sim/sim_host.h"
#include "sim/sim_log.h"

#define WALL_BEGIN_MS 1760000000000

/* ---- findings ---- */

void sim_fail(struct sim *s, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = g_strdup_vprintf(fmt, ap);
	va_end(ap);
	sim_tell(s, "WRONG: %s", text);
	g_ptr_array_add(s->failures, g_strdup_printf("at %lld ms: %s", (long long)sim_now(s), text));
	g_free(text);
}

bool sim_is_good(const struct sim *s) { return s->failures->len == 0; }

void sim_tell(struct sim *s, const char *fmt, ...)
{
	char text[700];
	va_list ap;

	va_start(ap, fmt);
	g_vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	s->trace = s->trace * 1099511628211u ^ g_str_hash(text) ^ (uint64_t)sim_now(s) << 32;
	sim_log_line(sim_now(s), text);
}

/* ---- interruptions ---- */

static const char *const POINT_NAMES[N_POINTS] = { "step", "taken", "call", "done", "commit" };

void sim_doom_manager(struct sim *s)
{
	if (!s->core || s->is_doomed)
		return;
	s->is_doomed = true;
	sim_tell(s, "the Manager is killed");
}

void sim_reach(struct sim *s, enum sim_point point, struct sim_host *host, const char *label)
{
	if (!s->is_counting || s->is_doomed)
		return;
	s->n_points++;
	sim_tell(s, "point %d: %s %s", s->n_points, POINT_NAMES[point], label);
	if (s->points)
		g_ptr_array_add(s->points, g_strdup_printf("%s %s", POINT_NAMES[point], label));
	if (s->n_points != s->interrupt_at)
		return;
	if (s->interrupt_kills & KILL_AGENTS)
		s->kill_agents_soon = host ? 1u << host->index : (1u << s->n_hosts) - 1;
	if (s->interrupt_kills & KILL_MANAGER)
		sim_doom_manager(s);
}

static void on_step(void *arg, const char *command, const char *step, bool is_undo, bool is_done)
{
	struct sim *s = arg;
	g_autofree char *name = g_strdup_printf("%s/%s", command, step);
	g_autofree char *label = g_strdup_printf("%s%s", name, is_undo ? " (undo)" : "");
	unsigned seen =
	    GPOINTER_TO_UINT(g_hash_table_lookup(s->seen_steps, name)) | (is_undo ? SEEN_UNDO : SEEN_FORWARD);

	if (s->is_doomed)
		return;
	g_hash_table_insert(s->seen_steps, g_strdup(name), GUINT_TO_POINTER(seen));
	sim_reach(s, is_done ? POINT_TAKEN : POINT_STEP, NULL, label);
	if (s->is_doomed) { /* dead is dead: this fiber never goes on */
		struct waiter never = { 0 };
		waiter_wait(&never, -1);
	}
}

/* ---- the Manager ---- */

static void start_fiber(void *arg)
{
	struct sim *s = arg;
	struct err e = ERR_INIT;

	if (bootstrap(s->core, "nobody logs in", &e) < 0) {
		sim_fail(s, "bootstrap: %s", e.detail);
		return;
	}
	manager_start_all(s->core);
	s->is_ready = true;
}

static void new_loop(struct sim *s)
{
	int64_t now = s->loop ? sim_now(s) : 0;

	if (s->loop)
		loop_free(s->loop);
	s->life_began_ms = now;
	s->loop = loop_new_virtual(WALL_BEGIN_MS + now);
}

void sim_start_manager(struct sim *s)
{
	struct core_config cfg = {
		.loop = s->loop,
		.chance = s->core_chance,
		.journal = sim_journal_open(s->journal),
		.agents = sim_net_door(s->net),
		.public_url = "https://manager:8443",
	};
	struct err e = ERR_INIT;

	if (s->core)
		return;
	sim_tell(s, "the Manager starts");
	s->core = core_new(&cfg);
	manager_register_all(s->core);
	jobs_set_probe(s->core, on_step, s);
	if (core_load(s->core, &e) < 0) {
		sim_fail(s, "the journal cannot be loaded: %s", e.detail);
		return;
	}
	fiber_start(s->loop, "start", start_fiber, s);
}

static void start_again(struct sim *s, void *arg) { sim_start_manager(s); }

static void bury(struct sim *s)
{
	fiber_abandon_all(s->loop);
	sim_api_forget(s);
	sim_net_forget(s->net);
	manager_free_all(s->core);
	core_free(s->core);
	s->core = NULL;
	s->is_ready = s->is_doomed = false;
	s->life++;
	new_loop(s);
}

void sim_kill_manager(struct sim *s)
{
	if (!s->core)
		return;
	sim_doom_manager(s);
	sim_journal_crash(s->journal);
	bury(s);
	sim_after(s, sim_between(s, 200, 5 * SIM_SECOND), start_again, NULL, NULL, &s->life);
}

/* ---- all of it ---- */

struct sim *sim_new(uint64_t seed, int n_hosts)
{
	struct sim *s = g_new0(struct sim, 1);

	s->seed = seed;
	s->chance = chance_new_seeded(seed);
	s->core_chance = chance_new_seeded(seed ^ 0x5deece66d);
	s->failures = g_ptr_array_new_with_free_func(g_free);
	s->api_calls = g_ptr_array_new();
	s->seen_steps = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	sim_time_init(s);
	new_loop(s);
	s->journal = sim_journal_new(s);
	s->net = sim_net_new(s);
	s->storage = sim_storage_new();
	for (s->n_hosts = 0; s->n_hosts < n_hosts; s->n_hosts++)
		s->hosts[s->n_hosts] = sim_host_new(s, s->n_hosts);
	sim_start_manager(s);
	return s;
}

void sim_free(struct sim *s)
{
	if (s->core)
		bury(s);
	sim_time_deinit(s);
	for (int i = 0; i < s->n_hosts; i++)
		sim_host_free(s->hosts[i]);
	sim_storage_free(s->storage);
	sim_net_free(s->net);
	sim_journal_free(s->journal);
	loop_free(s->loop);
	g_hash_table_destroy(s->seen_steps);
	g_ptr_array_free(s->api_calls, TRUE);
	g_ptr_array_free(s->failures, TRUE);
	chance_free(s->chance);
	chance_free(s->core_chance);
	g_free(s);
}
