/* SPDX-License-Identifier: Apache-2.0 */
/* Every type of the schema, with random content, through every codec and copy. HOSTLER_SEED repeats a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "random.h"

#define ROUNDS 8

static guint32 SEED;

/* Room for what a random object may grow to. */
static const struct m_limits WIDE = { .max_bytes = 64u << 20, .max_depth = 64, .max_nodes = 10000000 };

struct doc {
	const struct m_type *t;
	void *obj;
	GString *text;
	struct random_objects r;
};

static void each_type(bool has_internal, void (*check)(struct doc *d))
{
	print_message("seed %u\n", SEED);
	GRand *rand = g_rand_new_with_seed(SEED);

	for (const struct m_type *const *t = M_TYPES; *t; t++) {
		for (int i = 0; i < ROUNDS; i++) {
			auto_pool p = pool_new();
			struct doc d = { .t = *t, .text = g_string_new(NULL), .r = { p, rand, has_internal } };

			d.obj = random_object(&d.r, *t, 3);
			check(&d);
			g_string_free(d.text, TRUE);
		}
	}
	g_rand_free(rand);
}

static void same(const struct doc *d, const void *back, const char *how)
{
	if (m_equal(d->t, d->obj, back))
		return;
	GString *was = g_string_new(NULL), *is = g_string_new(NULL);
	gsize i = 0;

	m_write_json(was, d->t, d->obj, &(struct m_write){ .base = "", .flags = M_W_ALL_CONTENT });
	m_write_json(is, d->t, back, &(struct m_write){ .base = "", .flags = M_W_ALL_CONTENT });
	while (was->str[i] && was->str[i] == is->str[i])
		i++;
	fail_msg("%s: %s differs at %zu: %.160s <-> %.160s", d->t->name, how, i, was->str + MAX(i, 60) - 60,
	         is->str + MAX(i, 60) - 60);
}

static void check_xml(struct doc *d)
{
	struct err e = ERR_INIT;
	const unsigned FLAGS[] = { M_W_ALL_CONTENT, M_W_ALL_CONTENT | M_W_PRETTY };

	for (int i = 0; i < 2; i++) {
		struct m_write w = { .base = "/ovirt-engine/api", .flags = FLAGS[i] };
		void *back;

		g_string_truncate(d->text, 0);
		m_write_xml_head(d->text);
		m_write_xml(d->text, d->t, d->obj, NULL, &w);
		if (m_from_xml(d->r.p, d->t, d->text->str, d->text->len, &WIDE, &back, &e) < 0)
			fail_msg("%s: %s: %s", e.field, e.detail, d->text->str);
		same(d, back, "XML");
	}
}

static void check_json(struct doc *d)
{
	struct m_write w = { .base = "/ovirt-engine/api", .flags = M_W_ALL_CONTENT };
	struct err e = ERR_INIT;
	void *back;

	m_write_json(d->text, d->t, d->obj, &w);
	json_t *j = json_loadb(d->text->str, d->text->len, 0, NULL);

	assert_non_null(j);
	json_decref(j);
	if (m_from_json(d->r.p, d->t, d->text->str, d->text->len, &WIDE, &back, &e) < 0)
		fail_msg("%s: %s: %s", e.field, e.detail, d->text->str);
	same(d, back, "JSON");
}

static void check_journal(struct doc *d)
{
	struct err e = ERR_INIT;
	void *back;
	/* References keep their ids alone: as frozen objects do. */
	void *frozen = m_freeze(d->t, d->obj);

	m_write_journal(d->text, d->t, d->obj);
	if (m_from_journal(d->r.p, d->t, d->text->str, d->text->len, &back, &e) < 0)
		fail_msg("%s: %s: %s", e.field, e.detail, d->text->str);
	if (!m_equal(d->t, frozen, back))
		fail_msg("%s: journal differs: %s", d->t->name, d->text->str);
	m_frozen_release(frozen);
}

static void check_copies(struct doc *d)
{
	struct err e = ERR_INIT;
	void *copy = m_copy(d->r.p, d->t, d->obj), *merged = m_new(d->r.p, d->t), *common = m_new(d->r.p, d->t);

	same(d, copy, "copy");
	assert_int_equal(m_merge(d->r.p, d->t, merged, d->obj, 0, &e), 0);
	same(d, merged, "merge into nothing");
	assert_int_equal(m_merge(d->r.p, d->t, copy, d->obj, 0, &e), 0);
	same(d, copy, "merge into itself");
	m_copy_common(d->r.p, d->t, common, d->t, d->obj);
	if (d->t->is_identified)
		m_entity(d->t, common)->id = m_entity(d->t, d->obj)->id;
	if (m_field_find(d->t, "id") && !d->t->is_identified)
		return;
	same(d, common, "common members");
}

/* The frozen block lives on when its pool is gone. */
static void check_freeze(struct doc *d)
{
	struct pool *own = pool_new();
	void *frozen = m_freeze(d->t, m_copy(own, d->t, d->obj));
	GString *before = g_string_new(NULL), *after = g_string_new(NULL);

	pool_free(own);
	m_write_journal(before, d->t, d->obj);
	m_write_journal(after, d->t, frozen);
	assert_true(m_frozen_size(frozen) >= d->t->size);
	assert_ptr_equal(m_frozen_retain(frozen), frozen);
	m_frozen_release(frozen);
	void *again = m_freeze(d->t, frozen);

	assert_true(m_equal(d->t, frozen, again));
	assert_int_equal(m_frozen_size(frozen), m_frozen_size(again));
	assert_int_equal(before->len, after->len);
	m_frozen_release(frozen);
	m_frozen_release(again);
	g_string_free(before, TRUE);
	g_string_free(after, TRUE);
}

static void test_xml(void **state) { each_type(false, check_xml); }
static void test_json(void **state) { each_type(false, check_json); }
static void test_journal(void **state) { each_type(true, check_journal); }
static void test_copies(void **state) { each_type(true, check_copies); }
static void test_freeze(void **state) { each_type(true, check_freeze); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_xml),    cmocka_unit_test(test_json),   cmocka_unit_test(test_journal),
		cmocka_unit_test(test_copies), cmocka_unit_test(test_freeze),
	};
	const char *seed = g_getenv("HOSTLER_SEED");

	SEED = seed ? (guint32)strtoul(seed, NULL, 10) : g_random_int();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
