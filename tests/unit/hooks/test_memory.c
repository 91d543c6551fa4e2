/* SPDX-License-Identifier: Apache-2.0 */
/* The formulas of the host's memory policy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/host/memory.h"

#define MIB 1024L

/* --- balloons ------------------------------------------------------------------------ */

static const struct {
	const char *name;
	struct balloon b;
	int64_t next;
} BALLOONS[] = {
	/*                       current     max         guaranteed unused      free  on */
	{ "much is free, full", { 1000 * MIB, 1000 * MIB, 500 * MIB, 400 * MIB, 0.50, true }, 1000 * MIB },
	{ "much is free, grows", { 800 * MIB, 1000 * MIB, 500 * MIB, 400 * MIB, 0.50, true }, 840 * MIB },
	{ "grows to the top", { 990 * MIB, 1000 * MIB, 500 * MIB, 400 * MIB, 0.50, true }, 1000 * MIB },
	{ "last step is taken", { 999 * MIB, 1000 * MIB, 500 * MIB, 400 * MIB, 0.50, true }, 1000 * MIB },
	{ "pressure, shrinks", { 1000 * MIB, 1000 * MIB, 500 * MIB, 600 * MIB, 0.10, true }, 950 * MIB },
	{ "to what is used", { 1000 * MIB, 1000 * MIB, 500 * MIB, 120 * MIB, 0.10, true }, 980 * MIB },
	{ "all is used", { 1000 * MIB, 1000 * MIB, 500 * MIB, 0, 0.10, true }, 1000 * MIB },
	{ "emergency, swaps", { 1000 * MIB, 1000 * MIB, 500 * MIB, 0, 0.02, true }, 970 * MIB },
	{ "emergency, at 5 %", { 1000 * MIB, 1000 * MIB, 500 * MIB, 30 * MIB, 0.05, true }, 970 * MIB },
	{ "guaranteed", { 510 * MIB, 1000 * MIB, 500 * MIB, 400 * MIB, 0.10, true }, 500 * MIB },
	{ "at the guarantee", { 500 * MIB, 1000 * MIB, 500 * MIB, 400 * MIB, 0.10, true }, 500 * MIB },
	{ "below it", { 400 * MIB, 1000 * MIB, 500 * MIB, 400 * MIB, 0.10, true }, 500 * MIB },
	{ "below, silent guest", { 400 * MIB, 1000 * MIB, 500 * MIB, -1, 0.10, true }, 500 * MIB },
	{ "silent guest", { 1000 * MIB, 1000 * MIB, 500 * MIB, -1, 0.10, true }, 1000 * MIB },
	{ "policy off", { 1000 * MIB, 1000 * MIB, 500 * MIB, 600 * MIB, 0.10, false }, 1000 * MIB },
	{ "policy off, grows", { 800 * MIB, 1000 * MIB, 500 * MIB, 600 * MIB, 0.10, false }, 840 * MIB },
	{ "not worth it", { 1000 * MIB, 1000 * MIB, 998 * MIB, 600 * MIB, 0.10, true }, 1000 * MIB },
	{ "more than there is", { 500 * MIB, 1000 * MIB, 100 * MIB, 9000 * MIB, 0.10, true }, 475 * MIB },
	{ "guaranteed > max", { 900 * MIB, 1000 * MIB, 5000 * MIB, 0, 0.50, true }, 1000 * MIB },
	{ "nothing is known", { 0, 0, 0, 0, 0, true }, 0 },
};

static void test_balloons(void **state)
{
	for (size_t i = 0; i < sizeof(BALLOONS) / sizeof(BALLOONS[0]); i++) {
		const int64_t next = balloon_next(&BALLOONS[i].b);

		if (next / MIB != BALLOONS[i].next / MIB)
			fail_msg("%s: %ld MiB, not %ld", BALLOONS[i].name, (long)(next / MIB),
			         (long)(BALLOONS[i].next / MIB));
	}
}

/* Whatever the numbers, the target stays within what the machine has. */
static void test_balloon_bounds(void **state)
{
	uint64_t seed = 1;

	for (int i = 0; i < 200000; i++) {
		struct balloon b;
		int64_t next;

#define RANDOM(n) ((int64_t)((seed = seed * 6364136223846793005ULL + 1442695040888963407ULL) >> 33) % (n))
		b.max_kib = 1 + RANDOM(64 * 1024 * MIB);
		b.current_kib = 1 + RANDOM(b.max_kib);
		b.guaranteed_kib = RANDOM(b.max_kib);
		b.unused_kib = RANDOM(2 * b.max_kib) - b.max_kib / 10;
		b.host_free = (double)RANDOM(1000) / 1000;
		b.is_policy_on = RANDOM(2);
		next = balloon_next(&b);
		assert_true(next > 0 && next <= b.max_kib);
		assert_true(next >= b.current_kib || next >= b.guaranteed_kib - 1);
		if (!b.is_policy_on || b.host_free >= 0.2)
			assert_true(next >= b.current_kib);
	}
}

/* Under lasting pressure the guest ends at its floor and rests there. */
static void test_balloon_rests(void **state)
{
	struct balloon b = { 1000 * MIB, 1000 * MIB, 300 * MIB, 700 * MIB, 0.10, true };
	int steps = 0;

	for (int64_t next; (next = balloon_next(&b)) != b.current_kib; steps++) {
		assert_true(next < b.current_kib && steps < 100);
		b.unused_kib -= b.current_kib - next;
		b.current_kib = next;
	}
	assert_true(b.current_kib >= 300 * MIB && b.current_kib <= 350 * MIB);
}

/* --- equal pages ------------------------------------------------------------------------ */

static const struct {
	const char *name;
	struct ksm_state now;
	struct ksm_facts facts;
	struct ksm_state next;
} KSM[] = {
	/*                       run pages sleep merge     on merge free  vms  total     shared */
	{ "not needed", { 0, 100, 20, 1 }, { true, -1, 0.50, 0.2, 16777216, 0 }, { 0, 100, 20, 1 } },
	{ "memory is short", { 0, 100, 20, 1 }, { true, -1, 0.10, 0.2, 16777216, 0 }, { 1, 400, 10, 1 } },
	{ "at the edge", { 1, 400, 10, 1 }, { true, -1, 0.20, 0.2, 16777216, 0 }, { 1, 350, 10, 1 } },
	{ "host full of VMs", { 0, 100, 20, 1 }, { true, -1, 0.50, 0.8, 16777216, 0 }, { 1, 64, 10, 1 } },
	{ "not beyond", { 1, 1200, 10, 1 }, { true, -1, 0.10, 0.2, 16777216, 9 }, { 1, 1250, 10, 1 } },
	{ "small host sleeps", { 0, 100, 20, 1 }, { true, -1, 0.10, 0.2, 8388608, 0 }, { 1, 400, 20, 1 } },
	{ "relaxed again", { 1, 500, 10, 1 }, { true, -1, 0.50, 0.2, 16777216, 9 }, { 0, 500, 10, 1 } },
	{ "switched off", { 1, 500, 10, 1 }, { false, -1, 0.10, 0.2, 16777216, 9 }, { 2, 500, 10, 1 } },
	{ "nothing shared", { 2, 500, 10, 1 }, { false, -1, 0.10, 0.2, 16777216, 0 }, { 0, 500, 10, 1 } },
	{ "other merging", { 1, 500, 10, 1 }, { true, 0, 0.10, 0.2, 16777216, 9 }, { 2, 500, 10, 1 } },
	{ "now it may change", { 2, 500, 10, 1 }, { true, 0, 0.10, 0.2, 16777216, 0 }, { 1, 800, 10, 0 } },
	{ "no such switch", { 1, 500, 10, -1 }, { true, 0, 0.10, 0.2, 16777216, 9 }, { 1, 800, 10, -1 } },
	{ "as wanted", { 1, 500, 10, 0 }, { true, 0, 0.10, 0.2, 16777216, 9 }, { 1, 800, 10, 0 } },
};

static void test_ksm(void **state)
{
	for (size_t i = 0; i < sizeof(KSM) / sizeof(KSM[0]); i++) {
		const struct ksm_state got = ksm_next(&KSM[i].now, &KSM[i].facts), *want = &KSM[i].next;

		if (got.run != want->run || got.pages_to_scan != want->pages_to_scan ||
		    got.sleep_ms != want->sleep_ms || got.merge_across_nodes != want->merge_across_nodes)
			fail_msg("%s: run %d pages %d sleep %d merge %d", KSM[i].name, got.run, got.pages_to_scan,
			         got.sleep_ms, got.merge_across_nodes);
	}
}

/* --- processor time ------------------------------------------------------------------------ */

static const struct {
	int limit, cpus, vcpus;
	int64_t quota, period;
} CPU[] = {
	{ 50, 4, 2, 100000, 100000 }, { 50, 4, 4, 50000, 100000 }, { 10, 2, 1, 20000, 100000 },
	{ 100, 4, 2, -1, 100000 },    { 0, 4, 2, -1, 100000 },     { -5, 4, 2, -1, 100000 },
	{ 1, 1, 1, 2000, 200000 },    { 1, 1, 2, 1500, 300000 },   { 1, 1, 64, 1000, 1000000 },
	{ 99, 1, 1, 99000, 100000 },  { 50, 0, 1, -1, 100000 },    { 50, 1, 0, -1, 100000 },
};

static void test_cpu_quota(void **state)
{
	for (size_t i = 0; i < sizeof(CPU) / sizeof(CPU[0]); i++) {
		const struct cpu_quota q = cpu_quota_of(CPU[i].limit, CPU[i].cpus, CPU[i].vcpus);

		if (q.quota != CPU[i].quota || q.period != CPU[i].period)
			fail_msg("%d %% of %d for %d: %ld of %ld", CPU[i].limit, CPU[i].cpus, CPU[i].vcpus,
			         (long)q.quota, (long)q.period);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_balloons),      cmocka_unit_test(test_balloon_bounds),
		cmocka_unit_test(test_balloon_rests), cmocka_unit_test(test_ksm),
		cmocka_unit_test(test_cpu_quota),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
