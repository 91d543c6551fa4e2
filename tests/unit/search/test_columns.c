/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns find what going through all finds, in the same order: queries of every field, and made at random, on a scene that changes in
 * between.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "manager/api/search_index.h"
#include "manager/core/perm.h"
#include "manager/core/perm_index.h"
#include "tests/unit/search/scene.h"

enum { N_MORE = 90, N_RANDOM = 4000, N_CHANGES = 1500 };

/* Roles: one shows only what it is given on, one what lies below, too. */
#define VIEWER "def00020-0000-0000-0000-abc000000010"
#define OWNER  "def00001-0000-0000-0000-def000000001"

static struct scene scene;
static GRand *chance;

static int pick(int n) { return g_rand_int_range(chance, 0, n); }

static const char *one_of(const char *const *words) { return words[pick((int)g_strv_length((char **)words))]; }

/* ---- what is found ---- */

static char *found(enum kind k, const char *query, bool is_case_sensitive, size_t first, size_t max, size_t *total)
{
	auto_pool p = pool_new();
	struct err e = ERR_INIT;
	struct search_ask ask = { .kind = k, .first = first, .max = max, .wants_total = true };
	GString *out = g_string_new(NULL);

	ask.search = search_parse(p, k, query, is_case_sensitive, &e);
	if (!ask.search)
		fail_msg("%s: %s", query, e.detail);
	assert_int_equal(search_select(&scene.core, &ask, &e), 0);
	for (guint i = 0; i < ask.versions->len; i++)
		g_string_append_printf(out, "%s ", m_entity(M_KINDS[k].type, ask.versions->pdata[i])->id);
	*total = ask.total;
	search_ask_clear(&ask);
	return g_string_free(out, FALSE);
}

static unsigned n_hits;

static void compare(enum kind k, const char *query, bool is_case_sensitive)
{
	size_t first = pick(3) ? 0 : (size_t)pick(20), max = pick(2) ? SIZE_MAX : (size_t)pick(12), a_total, b_total;
	char *a, *b;

	search_index_from(UINT32_MAX);
	a = found(k, query, is_case_sensitive, first, max, &a_total);
	search_index_from(0);
	b = found(k, query, is_case_sensitive, first, max, &b_total);
	if (strcmp(a, b) != 0 || a_total != b_total)
		fail_msg("%s, %s (case %d, from %zu, %zd):\none by one: %s(%zu)\ncolumns:    %s(%zu)", M_KINDS[k].name,
		         query, is_case_sensitive, first, (ssize_t)max, a, a_total, b, b_total);
	n_hits += a_total > 0;
	g_free(a);
	g_free(b);
}

/* What users see, with a query or without, is what perm_can_see() says of each. */
static void compare_view(const char *user_id, enum kind k)
{
	struct identity who = { .is_admin = false };
	struct search_ask ask = { .kind = k, .viewer = &who, .max = SIZE_MAX, .wants_total = true };
	struct err e = ERR_INIT;
	unsigned n = 0;

	g_strlcpy(who.user_id, user_id, sizeof(who.user_id));
	search_index_from(0);
	assert_int_equal(search_select(&scene.core, &ask, &e), 0);
	INV_EACH (en, scene.core.inv, k) {
		bool is_found = false;

		for (guint i = 0; i < ask.versions->len; i++)
			is_found = is_found || ask.versions->pdata[i] == en->pub;
		n += is_found;
		if (is_found != perm_can_see(&scene.core, &who, k, en->id))
			fail_msg("%s %s %s %s", user_id, is_found ? "sees" : "does not see", M_KINDS[k].name, en->id);
	}
	assert_int_equal(n, ask.versions->len);
	assert_int_equal(n, ask.total);
	search_ask_clear(&ask);
}

/* ---- queries ---- */

static const char *const NAMES[] = { "web*", "*0*", "alpha", "nfs*", "*e*",   "Default", "WEB*1", "\"\"",
	                             "null", "*",   "w*b*",  "zzz",  "\"a\"", "europe",  "*Ä*",   NULL };
static const char *const NUMBERS[] = { "0", "1", "2", "10", "1024", "2048", "4", "16384", "-1", "1.5", "30", NULL };
static const char *const DATES[] = { "today", "yesterday", "monday", "2026-11-20", "2025-01-01", NULL };

static const char *value_of(const struct sfield *f)
{
	g_auto(GStrv) words = NULL;
	static char word[64];

	if (f->ops & 1 << OP_EQ && pick(12) == 0)
		return "";
	switch (f->type) {
	case ST_INT:
	case ST_DECIMAL: return one_of(NUMBERS);
	case ST_BOOL: return pick(2) ? "true" : "false";
	case ST_DATE: return one_of(DATES);
	case ST_TIMESPAN: return pick(2) ? "1" : "0.10:30";
	case ST_UUID: return pick(2) ? "v3" : "V*";
	case ST_ENUM:
		words = g_strsplit(f->en->words, " ", -1);
		g_strlcpy(word, words[pick((int)g_strv_length(words))], sizeof(word));
		return word;
	default: return one_of(NAMES);
	}
}

static void add_field(GString *q, const struct sentity *ent)
{
	const struct sfield *f = &ent->fields[pick(ent->n_fields)];
	const char *value = value_of(f);
	int op;

	do
		op = pick(N_SOP);
	while (!(f->ops >> op & 1));
	if (!*value && op > OP_NE)
		value = "1";
	g_string_append_printf(q, "%s %s %s", f->name, SOP_TEXT[op], *value ? value : "\"\"");
}

/* Dates take no numbers, and what has no "=" has no empty value: some are refused, which is no matter here. */
static bool parses(enum kind k, const char *query)
{
	auto_pool p = pool_new();
	struct err e = ERR_INIT;

	return search_parse(p, k, query, true, &e) != NULL;
}

static void add_condition(GString *q, const struct sentity *ent)
{
	const struct sentity *x;

	switch (pick(ent->n_cross ? 5 : 3)) {
	case 0: g_string_append_printf(q, "%s", one_of(NAMES)); break;
	case 1:
	case 2: add_field(q, ent); break;
	default:
		x = &SENTITIES[ent->cross[pick(MIN(ent->n_cross, 1 + pick(ent->n_cross)))].entity];
		if (pick(6) == 0) {
			g_string_append_printf(q, "%s %s %s", x->singular, pick(2) ? "=" : "!=", one_of(NAMES));
			break;
		}
		g_string_append_printf(q, "%s.", x->singular);
		add_field(q, x);
	}
}

static void random_view(void)
{
	static const enum kind KINDS[] = { KIND_VM, KIND_VM, KIND_HOST, KIND_TEMPLATE, KIND_DISK, KIND_CLUSTER };

	compare_view(pick(2) ? "u1" : "u2", KINDS[pick(G_N_ELEMENTS(KINDS))]);
}

static void random_query(enum kind k)
{
	static const char *const JOINS[] = { " ", " and ", " or ", NULL };
	const struct sentity *ent = &SENTITIES[sent_of_kind(k)];
	GString *q = g_string_new(NULL);

	for (int i = 0, n = pick(5); i < n; i++) {
		if (i)
			g_string_append(q, one_of(JOINS));
		add_condition(q, ent);
	}
	if (pick(3) == 0)
		g_string_append_printf(q, " sortby %s%s", ent->fields[pick(ent->n_fields)].name,
		                       pick(2) ? " desc" : "");
	if (parses(k, q->str))
		compare(k, q->str, pick(2));
	g_string_free(q, TRUE);
}

static const enum kind SEARCHED[] = { KIND_VM,      KIND_VM,      KIND_VM,    KIND_HOST,         KIND_TEMPLATE,
	                              KIND_USER,    KIND_CLUSTER, KIND_DISK,  KIND_DATA_CENTER,  KIND_STORAGE_DOMAIN,
	                              KIND_NETWORK, KIND_EVENT,   KIND_GROUP, KIND_VNIC_PROFILE, KIND_JOB,
	                              KIND_ROLE };

/* ---- the scene ---- */

static void add_vm(int i)
{
	static const char *const PREFIX[] = { "web", "WEB", "db", "Änne", "alpha" };
	static const char *const HOSTS[] = { "h1", "h2", "h3", NULL, "nowhere" };
	char id[32], name[64];
	struct m_vm *vm;

	g_snprintf(id, sizeof(id), "m%d", i);
	g_snprintf(name, sizeof(name), "%s-%02d", PREFIX[pick(5)], pick(40));
	vm = SCENE_NEW(&scene, VM, vm, id, pick(10) ? name : "same");
	vm->status = (enum m_vm_status)(1 + pick(4));
	vm->cluster.id = (char *)(pick(2) ? "c1" : "c2");
	vm->host.id = (char *)HOSTS[pick(5)];
	vm->template.id = (char *)(pick(2) ? "t1" : NULL);
	if (pick(3))
		M_SET(vm, memory, (int64_t)(pick(6)) << 30);
	if (pick(3) == 0)
		vm->description = (char *)(pick(2) ? "Alpha *e* host" : "zzz");
	if (pick(2))
		M_SET(vm, start_time, scene_ms("2026-11-22T18:00:00Z") - pick(3) * INT64_C(40000000));
	if (pick(2))
		M_SET(vm, creation_time, scene_ms("2026-11-19T18:00:00Z") + pick(4) * INT64_C(86400000));
	if (pick(4) == 0)
		vm->comment = (char *)"said by web";
	scene_publish(&scene, KIND_VM, vm);
}

static void add_assignment(int i)
{
	char id[32];
	struct m_tag *a;

	g_snprintf(id, sizeof(id), "ma%d", i);
	a = SCENE_NEW(&scene, TAG_ASSIGNMENT, tag, id, NULL);
	a->of_tag.id = pool_printf(scene.pool, "tag%d", 1 + pick(3));
	a->vm.id = pool_printf(scene.pool, "m%d", pick(N_MORE));
	scene_publish(&scene, KIND_TAG_ASSIGNMENT, a);
}

static void add_permission(int i)
{
	char id[32];
	struct m_permission *perm;

	g_snprintf(id, sizeof(id), "mp%d", i);
	perm = SCENE_NEW(&scene, PERMISSION, permission, id, NULL);
	if (pick(4))
		perm->user.id = pool_printf(scene.pool, "u%d", 1 + pick(2));
	else
		perm->group.id = (char *)(pick(8) ? "g1" : PERM_EVERYONE);
	perm->role.id = (char *)(pick(2) ? VIEWER : OWNER);
	switch (pick(12)) {
	case 0: perm->cluster.id = pool_printf(scene.pool, "c%d", 1 + pick(2)); break;
	case 1: perm->data_center.id = (char *)(pick(3) ? "nowhere" : "dc1"); break;
	case 2: perm->host.id = pool_printf(scene.pool, "h%d", 1 + pick(3)); break;
	case 3: perm->template.id = (char *)"t1"; break;
	default: perm->vm.id = pool_printf(scene.pool, "m%d", pick(N_MORE));
	}
	scene_publish(&scene, KIND_PERMISSION, perm);
}

static void add_disk(int i)
{
	char id[32];
	struct m_disk *d;
	struct m_disk_attachment *a;

	g_snprintf(id, sizeof(id), "md%d", i);
	d = SCENE_NEW(&scene, DISK, disk, id, pick(2) ? "alpha" : "Web-disk");
	M_SET(d, provisioned_size, (int64_t)pick(3) << 30);
	d->storage_domains.n = (uint32_t)pick(3);
	d->storage_domains.v = POOL_ARRAY(scene.pool, struct m_ref, 3);
	for (uint32_t n = 0; n < d->storage_domains.n; n++)
		d->storage_domains.v[n].id = pool_printf(scene.pool, "s%d", 1 + pick(3));
	scene_publish(&scene, KIND_DISK, d);
	g_snprintf(id, sizeof(id), "mda%d", i);
	a = SCENE_NEW(&scene, DISK_ATTACHMENT, disk_attachment, id, NULL);
	a->disk.id = pool_printf(scene.pool, "md%d", pick(N_MORE));
	a->vm.id = pool_printf(scene.pool, "m%d", pick(N_MORE));
	scene_publish(&scene, KIND_DISK_ATTACHMENT, a);
}

static void add_event(int i)
{
	char id[32];
	struct m_event *ev;

	g_snprintf(id, sizeof(id), "%d", 5000 + i);
	ev = SCENE_NEW(&scene, EVENT, event, id, NULL);
	M_SET(ev, index, 5000 + i);
	ev->severity = (enum m_log_severity)(1 + pick(4));
	ev->vm.id = pool_printf(scene.pool, "m%d", pick(N_MORE + 5));
	ev->host.id = (char *)(pick(2) ? "h1" : NULL);
	ev->description = pool_printf(scene.pool, "web %d", pick(30));
	scene_publish(&scene, KIND_EVENT, ev);
}

static void remove_one(enum kind k, const char *id)
{
	struct entity *e = inv_find(scene.core.inv, k, id);

	if (!e || !e->pub)
		return;
	perm_index_forget(&scene.core, k, e->pub, NULL);
	inv_publish(scene.core.inv, e, NULL);
}

static void add_one(int i)
{
	add_vm(i);
	add_assignment(i);
	add_permission(i);
	add_disk(i);
	add_event(i);
}

static void change_groups(void)
{
	struct m_user *u = SCENE_NEW(&scene, USER, user, "u2", "Jane");

	u->user_name = (char *)"jane@corp@ldap";
	u->groups.v = POOL_NEW(scene.pool, struct m_ref);
	u->groups.v[0].id = (char *)"g1";
	u->groups.n = (uint32_t)pick(2);
	scene_publish(&scene, KIND_USER, u);
}

static void change_something(int i)
{
	char id[32];

	switch (pick(10)) {
	case 0:
		g_snprintf(id, sizeof(id), "m%d", pick(N_MORE));
		remove_one(KIND_VM, id);
		break;
	case 8:
		g_snprintf(id, sizeof(id), "mp%d", pick(N_MORE));
		remove_one(KIND_PERMISSION, id);
		break;
	case 9: change_groups(); break;
	case 1: remove_one(KIND_DISK, "md3"); break;
	case 2: add_event(200 + i); break;
	case 3: add_assignment(pick(N_MORE)); break;
	case 4: add_permission(pick(N_MORE)); break;
	case 5: add_disk(pick(N_MORE)); break;
	default: add_vm(pick(N_MORE)); break;
	}
}

/* ---- tests ---- */

static void test_every_field(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(SEARCHED); i++) {
		const struct sentity *ent = &SENTITIES[sent_of_kind(SEARCHED[i])];

		for (int f = 0; f < ent->n_fields; f++)
			for (int n = 0; n < 12; n++) {
				const char *value = value_of(&ent->fields[f]);
				g_autofree char *q =
				    g_strdup_printf("%s %s %s sortby %s %s", ent->fields[f].name, SOP_TEXT[n % N_SOP],
				                    *value ? value : "\"\"", ent->fields[f].name, n & 1 ? "desc" : "");
				if (parses(SEARCHED[i], q))
					compare(SEARCHED[i], q, n & 1);
			}
	}
}

static void test_random(void **state)
{
	n_hits = 0;
	for (int i = 0; i < N_RANDOM; i++)
		random_query(SEARCHED[pick(G_N_ELEMENTS(SEARCHED))]);
	assert_true(n_hits > N_RANDOM / 10);
}

static void test_changing(void **state)
{
	for (int i = 0; i < N_CHANGES; i++) {
		search_index_from(pick(2) ? 0 : 512); /* what came finds its place at once, or later */
		change_something(i);
		if (i % 3 == 0)
			random_view();
		random_query(pick(3) ? KIND_VM : SEARCHED[pick(G_N_ELEMENTS(SEARCHED))]);
	}
}

/* So many go that what is left is numbered anew. */
static void test_renumbered(void **state)
{
	for (int i = 0; i < 2500; i++) {
		char id[32];

		g_snprintf(id, sizeof(id), "x%d", i);
		scene_publish(&scene, KIND_VM, SCENE_NEW(&scene, VM, vm, id, id));
		g_snprintf(id, sizeof(id), "x%d", i - 20);
		remove_one(KIND_VM, id);
		if (i % 50 == 0)
			random_query(KIND_VM);
	}
	assert_true(inv_rows(scene.core.inv, KIND_VM)->n < 2000);
	test_changing(state);
}

static int setup(void **state)
{
	chance = g_rand_new_with_seed((guint32)(g_getenv("SEED") ? atoi(g_getenv("SEED")) : 4711));
	scene_init(&scene);
	scene_fill(&scene);
	for (int i = 0; i < N_MORE; i++)
		add_one(i);
	return 0;
}

static int teardown(void **state)
{
	scene_deinit(&scene);
	g_rand_free(chance);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_field),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_changing),
		cmocka_unit_test(test_renumbered),
	};

	return cmocka_run_group_tests_name("search: columns", tests, setup, teardown);
}
