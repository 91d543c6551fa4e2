/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/rig.h"

#include <string.h>

#include "base/log.h"

static void make_core(struct rig *r)
{
	struct core_config cfg = { .loop = r->loop, .chance = r->chance, .journal = &r->journal->base };

	r->core = core_new(&cfg);
	if (r->made)
		r->made(r);
}

void rig_open(struct rig *r, void (*made)(struct rig *r))
{
	log_set_level(LOG_LEVEL_ERROR - 1);
	r->loop = loop_new_virtual(RIG_WALL_MS);
	r->chance = chance_new_seeded(7);
	r->journal = memory_journal_new(r->loop);
	r->made = made;
	make_core(r);
}

void rig_restart(struct rig *r)
{
	struct loop *next = loop_new_virtual(loop_wall_ms(r->loop));
	struct err e = ERR_INIT;

	fiber_abandon_all(r->loop);
	core_free(r->core);
	memory_journal_attach(r->journal, next);
	loop_free(r->loop);
	r->loop = next;
	make_core(r);
	if (core_load(r->core, &e) < 0)
		fail_msg("load: %s", e.detail);
}

void rig_close(struct rig *r)
{
	fiber_abandon_all(r->loop);
	core_free(r->core);
	memory_journal_free(r->journal);
	chance_free(r->chance);
	loop_free(r->loop);
}

struct run {
	struct rig *r;
	void (*fn)(struct rig *r);
	bool is_done;
};

static void run_fiber(void *arg)
{
	struct run *run = arg;

	run->fn(run->r);
	run->is_done = true;
}

void rig_run(struct rig *r, void (*fn)(struct rig *r))
{
	struct run run = { r, fn, false };
	int64_t until = loop_now_ms(r->loop) + 90 * 86400LL * 1000;

	fiber_start(r->loop, "test", run_fiber, &run);
	while (!run.is_done && loop_now_ms(r->loop) < until)
		if (!loop_turn(r->loop, until - loop_now_ms(r->loop)))
			break;
	assert_true(run.is_done);
}

void rig_pass(struct rig *r, int64_t ms)
{
	int64_t until = loop_now_ms(r->loop) + ms;

	do
		loop_turn(r->loop, until - loop_now_ms(r->loop));
	while (loop_now_ms(r->loop) < until);
	while (loop_turn(r->loop, 0))
		;
}

const char *rig_names(struct rig *r, enum kind k)
{
	static char text[400];

	text[0] = 0;
	INV_EACH (e, r->core->inv, k) {
		const char *name = m_entity(M_KINDS[k].type, e->pub)->name;
		g_strlcat(text, text[0] ? " " : "", sizeof(text));
		g_strlcat(text, name ? name : e->id, sizeof(text));
	}
	return text;
}

int rig_setup(void **state)
{
	struct rig *r = g_new0(struct rig, 1);

	rig_open(r, NULL);
	*state = r;
	return 0;
}

int rig_teardown(void **state)
{
	rig_close(*state);
	g_free(*state);
	return 0;
}
