/* SPDX-License-Identifier: Apache-2.0 */
/* Each job, each call of an agent in it, each way that call can go wrong: all done, or all undone. */
#include <string.h>

#include "jobs.h"

static const char *const FAULTS[] = { "refuse", "lose-before", "lose-after", "restart", "task-fails" };

/* How many calls the job makes when nothing goes wrong. */
static unsigned count_calls(const struct scenario *s)
{
	unsigned before, after;

	rig_make(true);
	s->prepare();
	rig_settle();
	before = fake_agents_calls(rig->agents);
	begin(s);
	rig_run(1);
	rig_settle();
	after = fake_agents_calls(rig->agents);
	if (!s->is_done())
		fail_msg("%s did not work", s->name);
	rig_check_world();
	rig_free();
	return after - before;
}

static void one_fault(const struct scenario *s, unsigned i, enum fake_fault f)
{
	rig_make(true);
	s->prepare();
	rig_settle();
	fake_agents_fault_at(rig->agents, fake_agents_calls(rig->agents) + i, f, NULL, NULL);
	begin(s);
	rig_run(1);
	rig_settle();
	/* what was lost is found again: these never fail */
	if ((f == FAKE_LOSE_BEFORE || f == FAKE_LOSE_AFTER || f == FAKE_RESTART) && !s->is_done())
		fail_msg("%s: %s at call %u (%s) was not overcome", s->name, FAULTS[f], i,
		         fake_agents_call_name(rig->agents, fake_agents_calls(rig->agents) - 1));
	rig_check_world();
	rig_free();
}

static void run(void **state)
{
	const struct scenario *s = *state;
	unsigned n = count_calls(s);

	for (unsigned i = 0; i < n; i++)
		for (int f = FAKE_REFUSE; f <= FAKE_TASK_FAILS; f++) {
			print_message("%s: %s at %u\n", s->name, FAULTS[f], i);
			one_fault(s, i, f);
		}
}

/* The verb that does the work is refused for good: the job fails, and nothing of it is left. */
static void refused_for_good(void **state)
{
	static const struct {
		const char *scenario, *verb;
	} CASES[] = {
		{ "AddStorageDomain", "StorageDomain.create" }, { "AttachFirst", "StorageDomain.activate" },
		{ "AttachSecond", "StorageDomain.activate" },   { "DeactivateLast", "StoragePool.spmStop" },
		{ "ActivateMaster", "StorageDomain.activate" }, { "AddDisk", "Volume.create" },
		{ "ExtendDisk", "Volume.extendSize" },          { "RemoveDisk", "Image.delete" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++)
		for (size_t k = 0; k < G_N_ELEMENTS(SCENARIOS); k++) {
			if (strcmp(SCENARIOS[k].name, CASES[i].scenario) != 0)
				continue;
			print_message("%s without %s\n", CASES[i].scenario, CASES[i].verb);
			rig_make(true);
			SCENARIOS[k].prepare();
			rig_settle();
			fake_agents_fault_verb(rig->agents, CASES[i].verb, FAKE_REFUSE, 100);
			begin(&SCENARIOS[k]);
			rig_run(1);
			rig_settle();
			assert_false(SCENARIOS[k].is_done());
			fake_agents_heal(rig->agents);
			rig_check_world();
			rig_free();
		}
}

/* Without SPM a pool can be neither started nor taken apart again: what is left does not hinder the next try. */
static void half_attached(void **state)
{
	rig_make(true);
	one_domain();
	fake_agents_fault_verb(rig->agents, "StoragePool.spmStart", FAKE_REFUSE, 100);
	rig_call("attached_storage_domains.add", DC, "{\"id\":\"" SD "\"}");
	rig_settle();
	assert_true(is_free());
	assert_int_equal(rig_center()->status, M_DATA_CENTER_STATUS_UNINITIALIZED);
	fake_agents_heal(rig->agents);
	rig_attach(SD);
	rig_check_world();
	rig_free();
}

int main(void)
{
	struct CMUnitTest tests[G_N_ELEMENTS(SCENARIOS) + 2];
	size_t n = 0;

	for (; n < G_N_ELEMENTS(SCENARIOS); n++)
		tests[n] = (struct CMUnitTest){ SCENARIOS[n].name, run, NULL, NULL, (void *)&SCENARIOS[n] };
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(refused_for_good);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(half_attached);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
