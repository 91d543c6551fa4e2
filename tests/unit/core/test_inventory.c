/* SPDX-License-Identifier: Apache-2.0 */
/* The inventory and transactions: names, indexes, versions in flight. */
#include "tests/unit/core/rig.h"

#include <string.h>

#include "manager/core/txn.h"
#include "model/types.h"

#define DC1 "00000000-0000-0000-0000-0000000000d1"
#define DC2 "00000000-0000-0000-0000-0000000000d2"
#define T1  "00000000-0000-0000-0000-000000000001"
#define T2  "00000000-0000-0000-0000-000000000002"
#define T3  "00000000-0000-0000-0000-000000000003"

static void add_tag(struct txn *t, const char *id, const char *name, const char *parent)
{
	struct m_tag *tag = txn_new(t, KIND_TAG, id);

	tag->name = pool_strdup(txn_pool(t), name);
	tag->parent.id = pool_strdup(txn_pool(t), parent);
}

static void add_network(struct txn *t, const char *id, const char *name, const char *dc)
{
	struct m_network *n = txn_new(t, KIND_NETWORK, id);

	n->name = pool_strdup(txn_pool(t), name);
	n->data_center.id = pool_strdup(txn_pool(t), dc);
}

static struct txn *begin(struct rig *r) { return txn_begin(r->core); }

static void rename_tag(struct txn *t, const char *id, const char *name)
{
	((struct m_tag *)txn_edit(t, KIND_TAG, id))->name = pool_strdup(txn_pool(t), name);
}

static void must(struct txn *t)
{
	struct err e = ERR_INIT;
	if (txn_commit(t, &e) < 0)
		fail_msg("commit: %s", e.detail);
}

static void must_not(struct txn *t, enum err_code code, const char *field)
{
	struct err e = ERR_INIT;

	assert_int_equal(txn_commit(t, &e), -1);
	assert_int_equal(e.code, code);
	assert_string_equal(e.field, field);
}

/* Commit without waiting, and say what came of it in the next turns. */
static void later(struct txn *t) { txn_commit_async(t); }

static const char *tag_id(struct rig *r, const char *name)
{
	struct entity *e = inv_by_name(r->core->inv, KIND_TAG, NULL, name);
	return e ? e->id : "-";
}

/* ---- names and indexes ---- */

static void run_indexes(struct rig *r)
{
	struct inventory *inv = r->core->inv;
	struct txn *t = begin(r);
	unsigned n;
	auto_pool p = pool_new();

	add_tag(t, T1, "a", NULL);
	add_tag(t, T2, "b", T1);
	add_tag(t, T3, "c", T1);
	must(t);
	assert_string_equal(rig_names(r, KIND_TAG), "a b c");
	assert_int_equal(inv_count(inv, KIND_TAG), 3);
	assert_int_equal(inv_count_by(inv, KIND_TAG, IDX_TAG_parent, T1), 2);
	assert_string_equal(tag_id(r, "b"), T2);

	t = begin(r);
	rename_tag(t, T2, "bb");
	((struct m_tag *)txn_edit(t, KIND_TAG, T2))->parent.id = T3;
	must(t);
	assert_string_equal(tag_id(r, "b"), "-");
	assert_string_equal(tag_id(r, "bb"), T2);
	assert_int_equal(inv_count_by(inv, KIND_TAG, IDX_TAG_parent, T1), 1);
	assert_int_equal(inv_count_by(inv, KIND_TAG, IDX_TAG_parent, T3), 1);
	assert_string_equal(rig_names(r, KIND_TAG), "a bb c");

	t = begin(r);
	txn_remove(t, KIND_TAG, T1);
	must(t);
	assert_string_equal(rig_names(r, KIND_TAG), "bb c");
	assert_null(inv_find(inv, KIND_TAG, T1));
	inv_latest_by(inv, p, KIND_TAG, IDX_TAG_parent, T1, &n);
	assert_int_equal(n, 1); /* the reference of c: whose end leads nowhere is the caller's business */
}

static void test_indexes(void **state) { rig_run(*state, run_indexes); }

static void run_scopes(struct rig *r)
{
	struct txn *t = begin(r);

	add_network(t, T1, "lan", DC1);
	add_network(t, T2, "lan", DC2);
	must(t);
	t = begin(r);
	add_network(t, T3, "lan", DC2);
	must_not(t, ERR_CONFLICT, "network.name");
	t = begin(r);
	((struct m_network *)txn_edit(t, KIND_NETWORK, T1))->data_center.id = DC2;
	must_not(t, ERR_CONFLICT, "network.name");
	assert_string_equal(inv_by_name(r->core->inv, KIND_NETWORK, DC1, "lan")->id, T1);
	assert_string_equal(inv_by_name(r->core->inv, KIND_NETWORK, DC2, "lan")->id, T2);
	/* what is in no scope may be called anything */
	t = begin(r);
	add_network(t, T3, "lan", NULL);
	add_network(t, NULL, "lan", NULL);
	must(t);
	assert_int_equal(inv_count(r->core->inv, KIND_NETWORK), 4);
}

static void test_scopes(void **state) { rig_run(*state, run_scopes); }

static void run_names_in_flight(struct rig *r)
{
	struct txn *t = begin(r);

	add_tag(t, T1, "a", NULL);
	later(t); /* not durable yet */
	assert_string_equal(rig_names(r, KIND_TAG), "");
	t = begin(r);
	add_tag(t, T2, "a", NULL);
	must_not(t, ERR_CONFLICT, "tag.name");
	fiber_yield();
	assert_string_equal(rig_names(r, KIND_TAG), "a");
	/* a name that is being given up is free */
	t = begin(r);
	rename_tag(t, T1, "b");
	later(t);
	assert_false(inv_name_taken(r->core->inv, KIND_TAG, NULL, "a", NULL));
	t = begin(r);
	add_tag(t, T2, "a", NULL);
	must(t);
	assert_string_equal(rig_names(r, KIND_TAG), "b a");
	assert_string_equal(tag_id(r, "a"), T2);
	assert_string_equal(tag_id(r, "b"), T1);
	/* and so is one whose bearer is being removed */
	t = begin(r);
	txn_remove(t, KIND_TAG, T2);
	later(t);
	t = begin(r);
	add_tag(t, T3, "a", NULL);
	must(t);
	assert_string_equal(tag_id(r, "a"), T3);
}

static void test_names_in_flight(void **state) { rig_run(*state, run_names_in_flight); }

static void run_names_in_one(struct rig *r)
{
	struct txn *t = begin(r);

	add_tag(t, T1, "a", NULL);
	add_tag(t, T2, "a", NULL);
	must_not(t, ERR_CONFLICT, "tag.name");
	assert_int_equal(r->journal->n_commits, 0);
	assert_null(inv_find(r->core->inv, KIND_TAG, T1));
	/* removed and made anew under one id: one version */
	t = begin(r);
	add_tag(t, T1, "a", NULL);
	must(t);
	t = begin(r);
	txn_remove(t, KIND_TAG, T1);
	assert_null(txn_get(t, KIND_TAG, T1));
	assert_null(txn_edit(t, KIND_TAG, T1));
	add_tag(t, T1, "aa", NULL);
	must(t);
	assert_string_equal(rig_names(r, KIND_TAG), "aa");
	/* made and removed again: nothing */
	t = begin(r);
	add_tag(t, T2, "b", NULL);
	txn_remove(t, KIND_TAG, T2);
	must(t);
	assert_string_equal(rig_names(r, KIND_TAG), "aa");
	assert_null(inv_find(r->core->inv, KIND_TAG, T2));
}

static void test_names_in_one(void **state) { rig_run(*state, run_names_in_one); }

static void run_used(struct rig *r)
{
	struct inventory *inv = r->core->inv;
	struct txn *t = begin(r);

	add_tag(t, T1, "a", NULL);
	must(t);
	t = begin(r);
	add_tag(t, T2, "b", T1);
	later(t);
	assert_int_equal(inv_count_by(inv, KIND_TAG, IDX_TAG_parent, T1), 0);
	assert_true(inv_is_used(inv, KIND_TAG, IDX_TAG_parent, T1)); /* being added */
	fiber_yield();
	assert_true(inv_is_used(inv, KIND_TAG, IDX_TAG_parent, T1));
	t = begin(r);
	txn_remove(t, KIND_TAG, T2);
	later(t);
	assert_false(inv_is_used(inv, KIND_TAG, IDX_TAG_parent, T1)); /* being removed */
	assert_int_equal(inv_count_by(inv, KIND_TAG, IDX_TAG_parent, T1), 1);
	assert_false(inv_is_used(inv, KIND_TAG, IDX_TAG_parent, NULL));
}

static void test_used(void **state) { rig_run(*state, run_used); }

/* ---- versions ---- */

static void run_conflicts(struct rig *r)
{
	struct txn *a, *b;

	a = begin(r);
	add_tag(a, T1, "a", NULL);
	must(a);
	a = begin(r);
	b = begin(r);
	rename_tag(a, T1, "x");
	rename_tag(b, T1, "y");
	later(a);
	must_not(b, ERR_CONFLICT, "");
	fiber_yield();
	assert_string_equal(rig_names(r, KIND_TAG), "x");
	a = begin(r);
	b = begin(r);
	txn_remove(a, KIND_TAG, T1);
	rename_tag(b, T1, "y");
	later(a);
	must_not(b, ERR_CONFLICT, "");
	a = begin(r);
	assert_null(txn_edit(a, KIND_TAG, T1)); /* it is on its way out */
	txn_cancel(a);
	fiber_yield();
	assert_string_equal(rig_names(r, KIND_TAG), "");
	a = begin(r);
	b = begin(r);
	add_tag(a, T1, "a", NULL);
	add_tag(b, T1, "b", NULL);
	later(a);
	must_not(b, ERR_CONFLICT, "id");
}

static void test_conflicts(void **state) { rig_run(*state, run_conflicts); }

static void run_pipeline(struct rig *r)
{
	char name[16];

	r->journal->is_held = true;
	for (int i = 0; i < 5; i++) {
		struct txn *t = begin(r);
		g_snprintf(name, sizeof(name), "n%d", i);
		if (i == 0)
			add_tag(t, T1, name, NULL);
		else
			rename_tag(t, T1, name); /* builds on what is not durable */
		later(t);
	}
	assert_string_equal(INV_LATEST(r->core->inv, TAG, tag, T1)->name, "n4");
	assert_null(inv_get(r->core->inv, KIND_TAG, T1));
	memory_journal_release(r->journal);
	fiber_yield();
	assert_string_equal(rig_names(r, KIND_TAG), "n4");
	assert_int_equal(r->journal->n_commits, 5);
	assert_int_equal(inv_find(r->core->inv, KIND_TAG, T1)->n_staged, 0);
}

static void test_pipeline(void **state) { rig_run(*state, run_pipeline); }

static void run_failure(struct rig *r)
{
	struct inventory *inv = r->core->inv;
	struct txn *t = begin(r);

	add_tag(t, T1, "a", NULL);
	must(t);
	r->journal->is_held = true;
	t = begin(r);
	rename_tag(t, T1, "b");
	later(t);
	t = begin(r);
	rename_tag(t, T1, "c"); /* builds on what will fail */
	add_tag(t, T2, "a", NULL);
	later(t);
	t = begin(r);
	txn_remove(t, KIND_TAG, T1);
	later(t);
	r->journal->fails_with = ERR_NO_SPACE;
	memory_journal_release(r->journal);
	fiber_yield();
	assert_int_equal(r->journal->n_failed, 3);
	assert_string_equal(rig_names(r, KIND_TAG), "a");
	assert_null(inv_find(inv, KIND_TAG, T2));
	assert_int_equal(inv_find(inv, KIND_TAG, T1)->n_staged, 0);
	assert_ptr_equal(inv_latest(inv, KIND_TAG, T1), inv_get(inv, KIND_TAG, T1));
	assert_false(inv_name_taken(inv, KIND_TAG, NULL, "b", NULL));
	assert_true(inv_name_taken(inv, KIND_TAG, NULL, "a", NULL));
	t = begin(r);
	rename_tag(t, T1, "d");
	must_not(t, ERR_NO_SPACE, "");
	assert_true(r->core->is_read_only);
	r->journal->fails_with = ERR_NONE;
	t = begin(r);
	rename_tag(t, T1, "d");
	must(t);
	assert_false(r->core->is_read_only);
	assert_string_equal(rig_names(r, KIND_TAG), "d");
}

static void test_failure(void **state) { rig_run(*state, run_failure); }

/* Nobody asks for a change, and yet it shows that the disk has room again. */
static void run_probe(struct rig *r)
{
	struct txn *t = begin(r);

	((struct m_user *)txn_new(t, KIND_USER, T1))->user_name = "u";
	must(t);
	r->journal->fails_with = ERR_NO_SPACE;
	t = begin(r);
	add_tag(t, T2, "a", NULL);
	must_not(t, ERR_NO_SPACE, "");
	fiber_sleep(60 * 1000);
	assert_true(r->core->is_read_only);
	assert_int_equal(r->core->journal_error.code, ERR_NO_SPACE);
	r->journal->fails_with = ERR_NONE;
	fiber_sleep(6 * 1000);
	assert_false(r->core->is_read_only);
}

static void test_probe(void **state) { rig_run(*state, run_probe); }

/* ---- publication ---- */

static GString *told;

static void on_tag(struct core *c, const char *id, const void *old, const void *new)
{
	const struct m_tag *a = old, *b = new;
	g_string_append_printf(told, "%s>%s ", a ? a->name : "", b ? b->name : "");
}

static void run_order(struct rig *r)
{
	static const struct kind_ops ops = { .published = on_tag };
	struct txn *t = begin(r);

	core_register_kind(r->core, KIND_TAG, &ops);
	told = g_string_new(NULL);
	add_tag(t, T1, "a", NULL);
	add_tag(t, T2, "b", NULL);
	later(t);
	t = begin(r);
	rename_tag(t, T2, "c");
	txn_remove(t, KIND_TAG, T1);
	must(t);
	assert_string_equal(told->str, ">a >b b>c a> ");
	r->journal->fails_in = 1;
	t = begin(r);
	rename_tag(t, T2, "d");
	must_not(t, ERR_BACKEND, "");
	assert_string_equal(told->str, ">a >b b>c a> ");
	g_string_free(told, TRUE);
}

static void test_order(void **state) { rig_run(*state, run_order); }

/* Readers hold on to what they have. */
static void run_held_versions(struct rig *r)
{
	struct txn *t = begin(r);
	const struct m_tag *held;

	add_tag(t, T1, "a", NULL);
	must(t);
	held = m_frozen_retain(inv_get(r->core->inv, KIND_TAG, T1));
	t = begin(r);
	rename_tag(t, T1, "b");
	must(t);
	t = begin(r);
	txn_remove(t, KIND_TAG, T1);
	must(t);
	assert_string_equal(held->name, "a");
	m_frozen_release(held);
}

static void test_held_versions(void **state) { rig_run(*state, run_held_versions); }

static void run_fill(struct rig *r)
{
	struct txn *t = begin(r);

	add_tag(t, T1, "a", NULL);
	add_tag(t, T2, "b", T1);
	add_network(t, T3, "lan", DC1);
	must(t);
	t = begin(r);
	txn_remove(t, KIND_TAG, T1);
	rename_tag(t, T2, "\xc3\xa4\"\\\n\x01");
	must(t);
	t = begin(r);
	rename_tag(t, T2, "never");
	r->journal->is_held = true;
	later(t);
}

static void check_filled(struct rig *r)
{
	assert_string_equal(rig_names(r, KIND_TAG), "\xc3\xa4\"\\\n\x01");
	assert_string_equal(tag_id(r, "\xc3\xa4\"\\\n\x01"), T2);
	assert_int_equal(inv_count_by(r->core->inv, KIND_TAG, IDX_TAG_parent, T1), 1);
	assert_non_null(inv_by_name(r->core->inv, KIND_NETWORK, DC1, "lan"));
}

static void test_restart(void **state)
{
	struct rig *r = *state;

	rig_run(r, run_fill);
	memory_journal_release(r->journal);
	r->journal->fails_with = ERR_BACKEND;
	rig_pass(r, 10);
	r->journal->fails_with = ERR_NONE;
	rig_restart(r);
	check_filled(r);
	rig_restart(r);
	check_filled(r);
}

static void test_broken_row(void **state)
{
	struct rig *r = *state;
	struct err e = ERR_INIT;
	struct core_config cfg = { .loop = r->loop, .chance = r->chance, .journal = &r->journal->base };
	struct core *c = core_new(&cfg);

	g_hash_table_insert(r->journal->rows, g_strdup_printf("%05d " T1, KIND_TAG), g_strdup("{\"name\": [1]"));
	assert_int_equal(core_load(c, &e), -1);
	assert_non_null(strstr(e.detail, T1));
	core_free(c);
}

/* ---- chance: many transactions at once, some failing; in the end journal and inventory agree ---- */

static void random_change(struct rig *r, struct txn *t)
{
	char id[UUID_LEN + 1], name[8];
	const char *ids[] = { T1, T2, T3 };
	unsigned k = (unsigned)chance_below(r->chance, 12);

	g_snprintf(name, sizeof(name), "n%d", (int)chance_below(r->chance, 5));
	g_strlcpy(id, ids[k % 3], sizeof(id));
	if (!txn_get(t, KIND_TAG, id)) {
		if (!inv_find(r->core->inv, KIND_TAG, id) || inv_latest(r->core->inv, KIND_TAG, id) == NULL)
			add_tag(t, id, name, ids[(k + 1) % 3]);
	} else if (k < 3) {
		txn_remove(t, KIND_TAG, id);
	} else {
		rename_tag(t, id, name);
	}
}

static void check_agreement(struct rig *r)
{
	struct inventory *inv = r->core->inv;
	unsigned n = 0;

	INV_EACH (e, inv, KIND_TAG) {
		const struct m_tag *tag = e->pub;
		const char *row = memory_journal_row(r->journal, KIND_TAG, e->id);
		assert_non_null(row);
		assert_non_null(strstr(row, tag->name));
		assert_ptr_equal(inv_by_name(inv, KIND_TAG, NULL, tag->name), e);
		assert_ptr_equal(e->pub, e->latest);
		assert_int_equal(e->n_staged, 0);
		n++;
	}
	assert_int_equal(n, g_hash_table_size(r->journal->rows));
}

static void run_chance(struct rig *r)
{
	for (int i = 0; i < 3000; i++) {
		struct txn *t = begin(r);

		random_change(r, t);
		if (chance_below(r->chance, 3) == 0)
			random_change(r, t);
		txn_commit_async(t);
		if (chance_below(r->chance, 20) == 0)
			r->journal->fails_in = 1 + (unsigned)chance_below(r->chance, 3);
		if (chance_below(r->chance, 4) == 0) {
			fiber_sleep(1);
			check_agreement(r);
		}
	}
	fiber_sleep(10);
	check_agreement(r);
	assert_true(r->journal->n_failed > 50 && r->journal->n_commits > 500);
}

static void test_chance(void **state) { rig_run(*state, run_chance); }

#define T(name) cmocka_unit_test_setup_teardown(test_##name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(indexes), T(scopes), T(names_in_flight), T(names_in_one),  T(used),    T(conflicts),  T(pipeline),
		T(failure), T(probe),  T(order),           T(held_versions), T(restart), T(broken_row), T(chance),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
