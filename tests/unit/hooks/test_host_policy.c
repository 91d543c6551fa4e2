/* SPDX-License-Identifier: Apache-2.0 */
/* What a host should have (T760, T763, T769-T775). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/auto.h"
#include "base/pool.h"
#include "manager/hosts/host_policy.h"

#define MIB (1LL << 20)
#define GIB (1LL << 30)

/* Half of the memory and 2, 4, 8, 16 GB. */
static const struct {
	int64_t memory, swap;
} SWAP[] = {
	{ 0, 0 },
	{ -GIB, 0 },
	{ 512 * MIB, 256 * MIB + 2 * GIB },
	{ 2 * GIB, 3 * GIB },
	{ 4 * GIB, 4 * GIB },
	{ 4 * GIB + 2, 6 * GIB + 1 },
	{ 8 * GIB, 8 * GIB },
	{ 16 * GIB, 12 * GIB },
	{ 17 * GIB, 16 * GIB + GIB / 2 },
	{ 64 * GIB, 40 * GIB },
	{ 65 * GIB, 48 * GIB + GIB / 2 },
	{ 256 * GIB, 144 * GIB },
	{ 1024 * GIB, 528 * GIB },
	{ INT64_MAX, INT64_MAX / 2 + 16 * GIB },
};

static void test_swap(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(SWAP); i++)
		if (host_recommended_swap(SWAP[i].memory) != SWAP[i].swap)
			fail_msg("%ld: %ld", (long)SWAP[i].memory, (long)host_recommended_swap(SWAP[i].memory));
}

static void test_complaints(void **state)
{
	auto_pool p = pool_new();

	assert_null(host_memory_complaint(p, 0)); /* not known */
	assert_null(host_memory_complaint(p, 512 * MIB));
	assert_null(host_memory_complaint(p, 1024 * GIB));
	assert_string_equal(host_memory_complaint(p, 511 * MIB),
	                    "It has 511 MB of memory; a host needs 512 MB at least.");
	assert_null(host_swap_complaint(p, 8 * GIB, 8 * GIB));
	assert_null(host_swap_complaint(p, 0, 0));
	assert_string_equal(host_swap_complaint(p, 8 * GIB, 8 * GIB - MIB),
	                    "It has 8191 MB of swap; 8192 MB are recommended for its memory.");
}

static void test_nics(void **state)
{
	static const struct {
		const char *nics;
		bool is_well;
	} CASES[] = {
		{ "{}", false },
		{ "[]", true }, /* nonsense is no complaint */
		{ "{\"eth0\": {\"speed\": 1000}}", true },
		{ "{\"eth0\": {\"speed\": 100}, \"eth1\": {\"speed\": \"10000\"}}", true },
		{ "{\"eth0\": {\"speed\": 100}, \"eth1\": {\"speed\": 10}}", false },
		{ "{\"eth0\": {\"speed\": 0}}", true }, /* it does not say */
		{ "{\"eth0\": 5}", true },
	};
	auto_pool p = pool_new();

	for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++) {
		auto_json *nics = json_loads(CASES[i].nics, 0, NULL);

		if (!host_nics_complaint(p, nics) != CASES[i].is_well)
			fail_msg("%s", CASES[i].nics);
	}
	assert_null(host_nics_complaint(p, NULL));
}

static void test_balloon_problems(void **state)
{
#define VM(more, cur, target)                                                                                          \
	"{\"status\": \"Up\", " more "\"balloonInfo\": {\"balloon_max\": \"1000\", \"balloon_cur\": \"" cur "\", "     \
	"\"balloon_target\": \"" target "\"}}"
	static const struct {
		const char *stats;
		enum balloon_problem problem;
	} CASES[] = {
		{ "{}", BALLOON_WELL },
		{ "{\"status\": \"Up\", \"balloonInfo\": []}", BALLOON_WELL },
		{ VM("", "1000", "1000"), BALLOON_WELL }, /* nobody wants it smaller */
		{ VM("", "1000", "500"), BALLOON_UNAVAILABLE },
		{ VM("\"memoryStats\": {}, ", "1000", "500"), BALLOON_UNAVAILABLE },
		{ VM("", "500", "500"), BALLOON_UNCONTROLLED },
		{ VM("\"memoryStats\": {}, ", "500", "500"), BALLOON_WELL },
		{ VM("\"memoryStats\": {}, ", "700", "500"), BALLOON_WELL }, /* on its way */
		{ VM("", "0", "500"), BALLOON_WELL },
		{ VM("", "x", "y"), BALLOON_WELL },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++) {
		auto_json *stats = json_loads(CASES[i].stats, 0, NULL);

		if (!stats || host_balloon_problem(stats) != CASES[i].problem)
			fail_msg("%s: %d", CASES[i].stats, host_balloon_problem(stats));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_swap),
		cmocka_unit_test(test_complaints),
		cmocka_unit_test(test_nics),
		cmocka_unit_test(test_balloon_problems),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
