/* SPDX-License-Identifier: Apache-2.0 */
/* The survival of host failures against all cases tried one by one, by other means. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <glib.h>
#include <string.h>

#include "manager/system/survival.h"

#define GIB (1LL << 30)
enum { MAX_HOSTS = 7, MAX_VMS = 24 };
#define PLENTY 1000000000LL

struct rig {
	struct survival_host hosts[MAX_HOSTS];
	struct survival_vm vms[MAX_VMS];
	uint64_t masks[MAX_VMS];
	struct survival_cluster c;
};

static void rig_set(struct rig *r, int hosts, int vms)
{
	r->c = (struct survival_cluster){ r->hosts, r->vms, hosts, vms };
}

/* Room is what is left beside the VMs that run there. */
static void put_vm(struct rig *r, int i, int host, int64_t memory, bool is_ha)
{
	r->vms[i] =
	    (struct survival_vm){ .host = host, .cpus = 1, .memory = memory, .guaranteed = memory, .is_ha = is_ha };
	r->hosts[host].room -= memory;
	r->hosts[host].physical -= memory;
}

static void put_hosts(struct rig *r, int n, int64_t room)
{
	for (int h = 0; h < n; h++)
		r->hosts[h] = (struct survival_host){ .room = room, .physical = room, .cpus = 8 };
}

/* ---- all cases, plainly ---- */

static bool goes_before(const struct survival_vm *a, const struct survival_vm *b)
{
	return a->priority != b->priority ? a->priority > b->priority : a->memory > b->memory;
}

static bool fits(const struct survival_vm *vm, const struct survival_host *h, int index)
{
	return (!vm->allowed || vm->allowed[0] >> index & 1) && h->room >= vm->memory + vm->overhead &&
	       h->physical >= vm->guaranteed + vm->overhead && (!h->cpus || vm->cpus <= h->cpus);
}

static bool place_plainly(const struct rig *r, bool only_ha, unsigned lost)
{
	struct survival_host left[MAX_HOSTS];
	bool is_done[MAX_VMS] = { 0 };

	memcpy(left, r->hosts, sizeof(left));
	for (;;) {
		int next = -1, best = -1;

		for (int i = 0; i < r->c.n_vms; i++)
			if (!is_done[i] && (lost >> r->vms[i].host & 1) && (r->vms[i].is_ha || !only_ha) &&
			    (next < 0 || goes_before(&r->vms[i], &r->vms[next])))
				next = i;
		if (next < 0)
			return true;
		is_done[next] = true;
		for (int h = 0; h < r->c.n_hosts; h++)
			if (!(lost >> h & 1) && fits(&r->vms[next], &left[h], h) &&
			    (best < 0 || left[h].room > left[best].room))
				best = h;
		if (best < 0)
			return false;
		left[best].room -= r->vms[next].memory;
		left[best].physical -= r->vms[next].guaranteed + r->vms[next].overhead;
	}
}

static int survive_plainly(const struct rig *r, bool only_ha)
{
	for (int n = 1; n <= r->c.n_hosts; n++)
		for (unsigned lost = 0; lost < 1u << r->c.n_hosts; lost++)
			if (__builtin_popcount(lost) == n && !place_plainly(r, only_ha, lost))
				return n - 1;
	return r->c.n_hosts;
}

/* ---- chance ---- */

static void make_any(struct rig *r, GRand *g)
{
	const int hosts = g_rand_int_range(g, 1, MAX_HOSTS + 1), vms = g_rand_int_range(g, 0, MAX_VMS + 1);
	const bool is_plain = g_rand_boolean(g);

	rig_set(r, hosts, vms);
	for (int h = 0; h < hosts; h++)
		r->hosts[h] = (struct survival_host){ .room = g_rand_int_range(g, 0, 64) * GIB,
			                              .physical = g_rand_int_range(g, 4, 80) * GIB,
			                              .cpus = is_plain ? 8 : g_rand_int_range(g, 0, 8) };
	for (int i = 0; i < vms; i++) {
		const int64_t memory = g_rand_int_range(g, 1, 9) * GIB;

		r->masks[i] = g_rand_int(g);
		r->vms[i] = (struct survival_vm){ .host = g_rand_int_range(g, 0, hosts),
			                          .cpus = is_plain ? 1 : g_rand_int_range(g, 1, 7),
			                          .memory = memory,
			                          .overhead = GIB / 8,
			                          .guaranteed = memory / g_rand_int_range(g, 1, 3),
			                          .is_ha = g_rand_boolean(g) };
		if (r->vms[i].is_ha)
			r->vms[i].priority = g_rand_int_range(g, 0, 3);
		if (!is_plain && g_rand_int_range(g, 0, 10) == 0)
			r->vms[i].allowed = &r->masks[i], r->vms[i].why = SURVIVAL_PINNED;
	}
}

static unsigned bits(const struct survival_answer *a)
{
	unsigned lost = 0;

	for (int i = 0; i < a->n_lost; i++)
		lost |= 1u << a->lost[i];
	return lost;
}

static void check_answer(const struct rig *r, bool only_ha, const struct survival_answer *a)
{
	const int true_number = survive_plainly(r, only_ha);

	if (!a->is_exact) {
		assert_true(a->survives <= true_number);
		return;
	}
	assert_int_equal(a->survives, true_number);
	if (a->survives == r->c.n_hosts) {
		assert_int_equal(a->n_lost, 0);
		return;
	}
	assert_int_equal(a->n_lost, a->survives + 1);
	assert_false(place_plainly(r, only_ha, bits(a)));
	assert_true(a->n_homeless > 0 && a->n_homeless <= a->n_to_move);
	assert_true(a->limit != SURVIVAL_NONE);
	for (int i = 0; i < MIN(a->n_homeless, SURVIVAL_MAX_SHOWN); i++)
		assert_true(bits(a) >> r->vms[a->homeless[i]].host & 1);
}

static void test_like_all_cases(void **state)
{
	GRand *g = g_rand_new_with_seed(20261123);
	int survivals = 0;

	for (int i = 0; i < 4000; i++) {
		struct rig r = { 0 };
		struct survival_answer a;

		make_any(&r, g);
		for (int only_ha = 0; only_ha < 2; only_ha++) {
			survival_find(&r.c, only_ha, PLENTY, &a);
			assert_true(a.is_exact);
			check_answer(&r, only_ha, &a);
			survivals += a.survives > 1;
			survival_find(&r.c, only_ha, 200, &a); /* by the proof, as far as it goes */
			check_answer(&r, only_ha, &a);
		}
	}
	assert_true(survivals > 500); /* the question was not always trivial */
	g_rand_free(g);
}

/* ---- by hand ---- */

static void test_the_worst_host_counts(void **state)
{
	struct survival_answer a;
	struct rig r = { 0 };

	put_hosts(&r, 3, 10 * GIB);
	rig_set(&r, 3, 4);
	put_vm(&r, 0, 0, 2 * GIB, true);
	put_vm(&r, 1, 1, 2 * GIB, true);
	put_vm(&r, 2, 2, 5 * GIB, true);
	put_vm(&r, 3, 2, 4 * GIB, false);
	survival_find(&r.c, true, PLENTY, &a);
	assert_int_equal(a.n_vms, 3);
	assert_int_equal(a.survives, 1); /* of two, host 2 keeps one GiB only */
	assert_int_equal(a.n_lost, 2);
	assert_int_equal(a.limit, SURVIVAL_MEMORY);
	survival_find(&r.c, false, PLENTY, &a);
	assert_int_equal(a.n_vms, 4);
	assert_int_equal(a.survives, 1);
}

static void test_nothing_to_lose(void **state)
{
	struct survival_answer a;
	struct rig r = { 0 };

	put_hosts(&r, 2, GIB);
	rig_set(&r, 2, 1);
	put_vm(&r, 0, 0, GIB / 2, false);
	survival_find(&r.c, true, PLENTY, &a);
	assert_true(a.n_vms == 0 && a.survives == 2 && a.is_exact && a.n_lost == 0);
	survival_find(&r.c, false, PLENTY, &a);
	assert_true(a.survives == 1 && a.limit == SURVIVAL_HOSTS && a.n_homeless == 1 && a.homeless[0] == 0);
	rig_set(&r, 0, 0);
	survival_find(&r.c, false, PLENTY, &a);
	assert_true(a.survives == 0 && a.is_exact && a.n_lost == 0);
}

static void test_what_limits(void **state)
{
	static const uint64_t only_first = 1;
	struct survival_answer a;
	struct rig r = { 0 };

	put_hosts(&r, 2, 10 * GIB);
	rig_set(&r, 2, 1);
	put_vm(&r, 0, 0, GIB, true);
	r.vms[0].allowed = &only_first;
	r.vms[0].why = SURVIVAL_PINNED;
	survival_find(&r.c, true, PLENTY, &a);
	assert_true(a.survives == 0 && a.limit == SURVIVAL_PINNED && a.lost[0] == 0);
	r.vms[0].allowed = NULL;
	r.vms[0].cpus = 9;
	survival_find(&r.c, true, PLENTY, &a);
	assert_true(a.survives == 0 && a.limit == SURVIVAL_CPUS);
	r.vms[0].cpus = 1;
	r.hosts[1].physical = GIB / 2;
	survival_find(&r.c, true, PLENTY, &a);
	assert_true(a.survives == 0 && a.limit == SURVIVAL_PHYSICAL);
	r.hosts[1].physical = r.hosts[1].room = INT64_MAX; /* not known: not held against it */
	survival_find(&r.c, true, PLENTY, &a);
	assert_true(a.survives == 1 && a.limit == SURVIVAL_HOSTS);
}

/* 200 hosts, 10,000 VMs: an answer in bounded time, not a wrong one. */
static void test_large(void **state)
{
	enum { HOSTS = 200, VMS = 10000 };
	struct survival_host *hosts = g_new0(struct survival_host, HOSTS);
	struct survival_vm *vms = g_new0(struct survival_vm, VMS);
	const struct survival_cluster c = { hosts, vms, HOSTS, VMS };
	const gint64 from = g_get_monotonic_time();
	struct survival_answer a;

	for (int h = 0; h < HOSTS; h++)
		hosts[h] = (struct survival_host){ .room = (512 - 200) * GIB, .physical = 320 * GIB, .cpus = 64 };
	for (int i = 0; i < VMS; i++)
		vms[i] = (struct survival_vm){ .host = i % HOSTS,
			                       .cpus = 2,
			                       .memory = 4 * GIB,
			                       .overhead = GIB / 16,
			                       .guaranteed = 4 * GIB,
			                       .is_ha = i % 3 == 0 };
	survival_find(&c, false, 20000000, &a);
	/* 200 GiB on each host, 312 beside: of 200 hosts, 121 may go by the sum */
	assert_true(a.survives >= 100 && a.survives <= 122);
	survival_find(&c, true, 20000000, &a);
	assert_int_equal(a.n_vms, 3334);
	assert_true(a.survives >= 150);
	print_message("large: %d ms\n", (int)((g_get_monotonic_time() - from) / 1000));
	vms[0].cpus = 65; /* no proof by sums any more: case by case */
	survival_find(&c, false, 20000000, &a);
	assert_true(a.survives == 0 && a.is_exact && a.limit == SURVIVAL_CPUS);
	vms[0].cpus = 2;
	vms[1].allowed = g_new0(uint64_t, 4);
	memset((void *)vms[1].allowed, 0xff, 32);
	survival_find(&c, false, 20000000, &a);
	assert_true(a.survives >= 1);
	print_message("large, case by case: %d, %d ms\n", a.survives, (int)((g_get_monotonic_time() - from) / 1000));
	g_free((void *)vms[1].allowed);
	g_free(hosts);
	g_free(vms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_like_all_cases),  cmocka_unit_test(test_the_worst_host_counts),
		cmocka_unit_test(test_nothing_to_lose), cmocka_unit_test(test_what_limits),
		cmocka_unit_test(test_large),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
