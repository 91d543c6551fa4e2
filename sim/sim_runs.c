/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim_runs.h"

#include <stdio.h>
#include <string.h>

#include "manager/core/jobs.h"
#include "sim/sim_host.h"
#include "sim/sim_log.h"

enum { MAX_SHOWN = 5 };

struct tally {
	const struct run_options *o;
	int n_runs, n_points, n_failed, n_lives;
	int number; /* of the interruption, over all scenarios */
	int64_t virtual_ms;
	GHashTable *seen_steps; /* what jobs went through, in all runs */
	GHashTable *commands;   /* "command/step" -> has it an undo */
};

/* What a run is: enough to repeat it. */
struct plan {
	const struct scenario *scenario; /* NULL: random */
	uint64_t seed;
	int at, refuse_after;
	unsigned kills;
	const char *refuse;
};

static const char *kill_name(unsigned kills)
{
	return kills == KILL_MANAGER ? "manager" : kills == KILL_AGENTS ? "agents" : "both";
}

static void print_plan(const struct tally *t, const struct plan *p)
{
	printf("    again with: %s --seed %llu", t->o->program, (unsigned long long)p->seed);
	if (!p->scenario)
		printf(" --runs 1 --hours %d", t->o->hours);
	else
		printf(" --steps --scenario %s", p->scenario->name);
	if (p->refuse)
		printf(" --refuse %s:%d", p->refuse, p->refuse_after);
	if (p->at)
		printf(" --at %d --kill %s", p->at, kill_name(p->kills));
	printf(" --verbose\n");
}

static int64_t now_of(const void *s) { return sim_now(s); }

static struct sim *begin(const struct tally *t, const struct plan *p, int n_hosts)
{
	struct sim *s;

	sim_log_begin(NULL, NULL, t->o->is_verbose);
	s = sim_new(p->seed, n_hosts);
	sim_log_begin(now_of, s, t->o->is_verbose);
	s->is_verbose = t->o->is_verbose;
	s->interrupt_at = p->at;
	s->interrupt_kills = p->kills;
	s->refuse_method = p->refuse;
	s->refuse_after = p->refuse_after;
	return s;
}

/* Remember which steps there are, and which were gone through. */
static void note_steps(struct tally *t, struct sim *s)
{
	const struct command *cmd;
	GHashTableIter it;
	gpointer name, bits;

	for (unsigned i = 0; s->core && (cmd = jobs_command(s->core, i)); i++)
		for (int k = 0; k < cmd->n_steps; k++)
			g_hash_table_insert(
			    t->commands, g_strdup_printf("%s/%s", cmd->name, cmd->steps[k].name),
			    GUINT_TO_POINTER(cmd->steps[k].undo ? SEEN_FORWARD | SEEN_UNDO : SEEN_FORWARD));
	g_hash_table_iter_init(&it, s->seen_steps);
	while (g_hash_table_iter_next(&it, &name, &bits)) {
		unsigned all = GPOINTER_TO_UINT(bits) | GPOINTER_TO_UINT(g_hash_table_lookup(t->seen_steps, name));
		g_hash_table_insert(t->seen_steps, g_strdup(name), GUINT_TO_POINTER(all));
	}
}

static bool end(struct tally *t, const struct plan *p, struct sim *s)
{
	bool is_good = sim_is_good(s);

	t->n_runs++;
	t->virtual_ms += sim_now(s);
	t->n_lives += (int)s->life + 1;
	note_steps(t, s);
	if (!is_good && t->n_failed++ < MAX_SHOWN) {
		if (!t->o->is_verbose && t->n_failed == 1)
			sim_log_dump();
		printf("FAILED: %s, seed %llu", p->scenario ? p->scenario->name : "random",
		       (unsigned long long)p->seed);
		if (p->refuse)
			printf(", %s refused", p->refuse);
		if (p->at)
			printf(", interrupted at %d (%s)", p->at, kill_name(p->kills));
		printf(": %s\n", (char *)g_ptr_array_index(s->failures, 0));
		print_plan(t, p);
	}
	sim_free(s);
	return is_good;
}

static bool play(struct tally *t, const struct plan *p, GPtrArray *points, GPtrArray *calls)
{
	struct sim *s = begin(t, p, p->scenario->n_hosts);

	s->points = points;
	s->job_calls = calls;
	scenario_play(s, p->scenario);
	return end(t, p, s);
}

/* ---- enumerated ---- */

static bool is_shared_out(struct tally *t) { return t->number++ % t->o->share_of != t->o->share_begin; }

static bool is_wanted(const char *label, bool is_undo_only) { return !is_undo_only || strstr(label, "(undo)"); }

/* The same story, once for each point and each victim. */
static void interrupt_everywhere(struct tally *t, struct plan p, GPtrArray *points, bool is_undo_only)
{
	static const unsigned KILLS[] = { KILL_MANAGER, KILL_AGENTS, KILL_MANAGER | KILL_AGENTS };

	for (guint i = 0; i < points->len; i++) {
		const char *label = g_ptr_array_index(points, i);

		if (!is_wanted(label, is_undo_only))
			continue;
		t->n_points++;
		for (int k = 0; k < 3; k++) {
			/* Agents are not moved by what happens in the journal. */
			if (KILLS[k] == KILL_AGENTS && strncmp(label, "commit", 6) == 0)
				continue;
			if (is_shared_out(t))
				continue;
			p.at = (int)i + 1;
			p.kills = KILLS[k];
			play(t, &p, NULL, NULL);
		}
	}
}

/* Each call that a job makes fails once, so that the job is undone; and the undoing is interrupted everywhere. */
static void refuse_everywhere(struct tally *t, struct plan p, GPtrArray *calls)
{
	for (guint i = 0; i < calls->len; i++) {
		g_autoptr(GPtrArray) points = g_ptr_array_new_with_free_func(g_free);

		p.refuse = g_ptr_array_index(calls, i);
		p.refuse_after = 0;
		for (guint k = 0; k < i; k++)
			p.refuse_after += strcmp(g_ptr_array_index(calls, k), p.refuse) == 0;
		/* What is asked again and again is refused early and late. */
		if (p.refuse_after > 1)
			continue;
		if (play(t, &p, points, NULL))
			interrupt_everywhere(t, p, points, true);
	}
}

static void enumerate(struct tally *t, const struct scenario *sc)
{
	struct plan p = { .scenario = sc, .seed = t->o->seed };
	g_autoptr(GPtrArray) points = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) calls = g_ptr_array_new_with_free_func(g_free);
	int n_failed = t->n_failed;

	if (play(t, &p, points, calls)) {
		interrupt_everywhere(t, p, points, false);
		refuse_everywhere(t, p, calls);
	}
	printf("%-24s %4u points, %3u calls: %s\n", sc->name, points->len, calls->len,
	       t->n_failed == n_failed ? "ok" : "FAILED");
}

static void run_steps(struct tally *t)
{
	const struct run_options *o = t->o;

	for (const struct scenario *sc = SCENARIOS; sc->name; sc++) {
		struct plan p = { .scenario = sc,
			          .seed = o->seed,
			          .at = o->at,
			          .kills = o->kills,
			          .refuse = o->refuse,
			          .refuse_after = o->refuse_after };

		if (o->scenario && strcmp(o->scenario, sc->name) != 0)
			continue;
		if (o->at || o->refuse)
			play(t, &p, NULL, NULL);
		else
			enumerate(t, sc);
	}
}

/* Steps that no scenario goes through: said, so that a new command does not stay without one. */
static void print_unseen(struct tally *t)
{
	g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(t->commands), (GCompareFunc)strcmp);

	for (GList *l = names; l; l = l->next) {
		unsigned want = GPOINTER_TO_UINT(g_hash_table_lookup(t->commands, l->data));
		unsigned seen = GPOINTER_TO_UINT(g_hash_table_lookup(t->seen_steps, l->data));

		if (want & ~seen)
			printf("not gone through: %s%s%s\n", (char *)l->data,
			       want & ~seen & SEEN_FORWARD ? " forward" : "", want & ~seen & SEEN_UNDO ? " undo" : "");
	}
}

/* ---- random ---- */

static void run_random(struct tally *t)
{
	for (int i = 0; i < t->o->n_runs; i++) {
		struct plan p = { .seed = t->o->seed + (uint64_t)i };
		struct sim *s = begin(t, &p, 4);
		uint64_t trace;

		random_life(s, t->o->hours);
		trace = s->trace;
		printf("random, seed %llu: %s (%u lives of the Manager, trace %016llx)\n", (unsigned long long)p.seed,
		       sim_is_good(s) ? "ok" : "FAILED", s->life + 1, (unsigned long long)trace);
		end(t, &p, s);
	}
}

int runs_all(const struct run_options *o)
{
	struct tally t = { .o = o };

	for (const struct scenario *sc = SCENARIOS; o->is_list && sc->name; sc++)
		puts(sc->name);
	if (o->is_list)
		return 0;
	t.seen_steps = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	t.commands = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	printf("seed %llu\n", (unsigned long long)o->seed);
	if (o->is_steps)
		run_steps(&t);
	if (o->n_runs)
		run_random(&t);
	if (o->is_steps && !o->scenario)
		print_unseen(&t);
	printf("%d scenarios, %d kill points, %d lives, virtual time %.1f hours, %d failed\n", t.n_runs, t.n_points,
	       t.n_lives, (double)t.virtual_ms / (3600.0 * SIM_SECOND), t.n_failed);
	g_hash_table_destroy(t.seen_steps);
	g_hash_table_destroy(t.commands);
	return t.n_failed;
}
