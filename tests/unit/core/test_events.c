/* SPDX-License-Identifier: Apache-2.0 */
/* Events: numbers, floods, and how old ones go. */
#include "tests/unit/core/rig.h"

#include <string.h>

#include "manager/core/events.h"
#include "manager/core/tables.h"
#include "model/types.h"

#define U1 "00000000-0000-0000-0000-0000000000b1"
#define U2 "00000000-0000-0000-0000-0000000000b2"
#define H1 "00000000-0000-0000-0000-0000000000c1"

static unsigned count(struct rig *r) { return inv_count(r->core->inv, KIND_EVENT); }

static void run_fields(struct rig *r)
{
	struct txn *t = txn_begin(r->core);
	struct err e;
	const struct m_event *ev;

	txn_event(t, "USER_ADD_TAG", &(struct event_refs){ .user = U1, .correlation_id = "c1" }, "Tag %s was %s.", "%s",
	          "added");
	txn_event(t, "NO_SUCH_EVENT", NULL, "never");
	assert_int_equal(txn_commit(t, &e), 0);
	assert_int_equal(count(r), 1);
	ev = inv_first(r->core->inv, KIND_EVENT)->pub;
	assert_string_equal(ev->id, "1");
	assert_string_equal(ev->description, "Tag %s was added.");
	assert_string_equal(ev->correlation_id, "c1");
	assert_string_equal(ev->user.id, U1);
	assert_null(ev->vm.id);
	assert_true(ev->has.index && ev->index == 1 && ev->has.code && ev->code > 0);
	assert_int_equal(ev->time, RIG_WALL_MS);
	assert_int_equal(events_next_id(r->core), 2);
}

static void test_fields(void **state) { rig_run(*state, run_fields); }

static void login(struct rig *r, const char *user)
{
	event_emit(r->core, "USER_VDC_LOGIN", &(struct event_refs){ .user = user }, "User %s logged in.", user);
}

static void test_floods(void **state)
{
	struct rig *r = *state;

	login(r, U1);
	login(r, U1);
	login(r, U2); /* somebody else */
	event_emit(r->core, "USER_VDC_LOGIN_FAILED", &(struct event_refs){ .user = U1 }, "another event");
	rig_pass(r, 4900);
	login(r, U1);
	rig_pass(r, 0);
	assert_int_equal(count(r), 3);
	rig_pass(r, 200); /* it is kept for 5 s */
	login(r, U1);
	rig_pass(r, 0);
	assert_int_equal(count(r), 4);
	/* what has no flood time may be repeated at will */
	for (int i = 0; i < 5; i++)
		event_emit(r->core, "USER_ADD_TAG", &(struct event_refs){ .user = U1 }, "x");
	rig_pass(r, 0);
	assert_int_equal(count(r), 9);
	/* the object counts, not who did it */
	event_emit(r->core, "VDS_SET_NONOPERATIONAL", &(struct event_refs){ .host = H1, .user = U1 }, "x");
	event_emit(r->core, "VDS_SET_NONOPERATIONAL", &(struct event_refs){ .host = H1, .user = U2 }, "x");
	rig_pass(r, 0);
	assert_int_equal(count(r), 10);
}

static void fill(struct rig *r, int n)
{
	struct txn *t = txn_begin(r->core);

	for (int i = 0; i < n; i++)
		txn_event(t, "USER_ADD_TAG", NULL, "event");
	txn_commit_async(t);
}

static const char *first_id(struct rig *r) { return inv_first(r->core->inv, KIND_EVENT)->id; }

static void test_old_ones_go(void **state)
{
	struct rig *r = *state;

	events_start(r->core);
	fill(r, 1200);
	rig_pass(r, 29 * 86400LL * 1000);
	fill(r, 5);
	rig_pass(r, 0);
	assert_int_equal(count(r), 1205);
	rig_pass(r, 2 * 86400LL * 1000);
	assert_int_equal(count(r), 5);
	assert_string_equal(first_id(r), "1201");
}

/* The journal gives them back in the order of texts ("10" before "9"); the oldest are still the first to go. */
static void test_restart(void **state)
{
	struct rig *r = *state;
	int64_t last = 0;

	fill(r, 50);
	rig_pass(r, 30 * 86400LL * 1000 + 1000);
	fill(r, 70);
	rig_pass(r, 0);
	rig_restart(r);
	events_start(r->core);
	INV_EACH (e, r->core->inv, KIND_EVENT) {
		assert_true(ENTITY_OBJ(e, event)->index == last + 1);
		last++;
	}
	assert_int_equal(last, 120);
	assert_int_equal(events_next_id(r->core), 121);
	rig_pass(r, 2 * 3600 * 1000);
	assert_int_equal(count(r), 70);
	assert_string_equal(first_id(r), "51");
}

static void test_surplus(void **state)
{
	struct rig *r = *state;

	events_start(r->core);
	for (int i = 0; i < 51; i++)
		fill(r, 1000);
	rig_pass(r, 0);
	assert_int_equal(count(r), 51000);
	rig_pass(r, 3600 * 1000 + 60 * 1000);
	assert_int_equal(count(r), 50000);
	assert_string_equal(first_id(r), "1001");
}

/* The table is sorted by name, and codes are not given twice. */
static void test_table(void **state)
{
	g_autoptr(GHashTable) codes = g_hash_table_new(NULL, NULL);

	for (size_t i = 0; i < N_EVENT_TYPES; i++) {
		if (i > 0)
			assert_true(strcmp(EVENT_TYPES[i - 1].name, EVENT_TYPES[i].name) < 0);
		assert_true(EVENT_TYPES[i].severity > 0);
		if (!g_hash_table_add(codes, GINT_TO_POINTER(EVENT_TYPES[i].code)))
			fail_msg("code %d is given twice", EVENT_TYPES[i].code);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(test_##name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { T(fields), T(floods), T(old_ones_go), T(restart), T(surplus), T(table) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
