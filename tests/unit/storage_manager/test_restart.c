/* SPDX-License-Identifier: Apache-2.0 */
/* The Manager is lost before and after each step is recorded, and at each call of an agent: its next life ends the job. */
#include "jobs.h"

static void crash(void *arg) { rig->is_crashed = true; }

static void prepare(const struct scenario *s)
{
	rig_make(true);
	s->prepare();
	rig_settle();
	rig->probes = 0;
}

/* False: it never came to the point where it was to crash. */
static bool go_on(const struct scenario *s)
{
	bool was_recorded;

	begin(s);
	rig_run(1);
	rig_settle();
	if (!rig->is_crashed)
		return false;
	rig_restart();
	was_recorded = jobs_running(rig->core) > 0;
	rig_settle();
	if (was_recorded && !s->is_done())
		fail_msg("%s was not done after the restart", s->name);
	rig_check_world();
	return true;
}

static void at_steps(void **state)
{
	const struct scenario *s = *state;
	bool again = true;

	for (int i = 1; again; i++) {
		print_message("%s: crash at probe %d\n", s->name, i);
		prepare(s);
		rig->crash_at_probe = i;
		again = go_on(s);
		rig_free();
	}
}

static void at_calls(void **state)
{
	const struct scenario *s = *state;
	bool again = true;

	for (unsigned i = 0; again; i++) {
		print_message("%s: crash at call %u\n", s->name, i);
		prepare(s);
		fake_agents_fault_at(rig->agents, fake_agents_calls(rig->agents) + i, FAKE_HOOK, crash, NULL);
		again = go_on(s);
		rig_free();
	}
}

int main(void)
{
	struct CMUnitTest tests[2 * G_N_ELEMENTS(SCENARIOS)];
	size_t n = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(SCENARIOS); i++) {
		tests[n++] = (struct CMUnitTest){ SCENARIOS[i].name, at_steps, NULL, NULL, (void *)&SCENARIOS[i] };
		tests[n++] = (struct CMUnitTest){ SCENARIOS[i].name, at_calls, NULL, NULL, (void *)&SCENARIOS[i] };
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
