/* SPDX-License-Identifier: Apache-2.0 */
/* The tables say what schema/search.json says, and every field takes each of its operators. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "manager/api/search_internal.h"
#include "tests/unit/search/scene.h"

static json_t *schema;

static const char *str(const json_t *o, const char *key) { return json_string_value(json_object_get(o, key)); }

static enum sent entity_named(const char *singular)
{
	for (int i = 0; i < N_SENT; i++)
		if (strcmp(SENTITIES[i].singular, singular) == 0)
			return (enum sent)i;
	fail_msg("no entity %s", singular);
	return SE_OTHER;
}

static const char *const TYPES[] = {
	[ST_STRING] = "string", [ST_UUID] = "uuid",       [ST_OS] = "os",
	[ST_INT] = "int",       [ST_DECIMAL] = "decimal", [ST_ENUM] = "enum",
	[ST_BOOL] = "bool",     [ST_DATE] = "date",       [ST_TIMESPAN] = "timespan",
};

static void check_field(const struct sentity *ent, const struct sfield *f, const json_t *want)
{
	unsigned ops = 0;
	const json_t *op;
	size_t i;

	if (strcmp(f->name, str(want, "field")) != 0)
		fail_msg("%s: %s where %s should be", ent->singular, f->name, str(want, "field"));
	assert_string_equal(TYPES[f->type], str(want, "type"));
	json_array_foreach (json_object_get(want, "ops"), i, op)
		for (int k = 0; k < N_SOP; k++)
			if (strcmp(SOP_TEXT[k], json_string_value(op)) == 0)
				ops |= 1u << k;
	if (ops != f->ops)
		fail_msg("%s.%s: operators", ent->singular, f->name);
	assert_int_equal(json_is_true(json_object_get(want, "free")), (f->flags & SF_FREE) != 0);
	assert_int_equal(json_is_true(json_object_get(want, "hidden")), (f->flags & SF_HIDDEN) != 0);
	if (f->type == ST_ENUM)
		assert_string_equal(f->en->name, str(want, "enum"));
}

static void check_fields(const struct sentity *ent, const json_t *fields)
{
	if ((int)json_array_size(fields) != ent->n_fields)
		fail_msg("%s: %d fields, not %zu", ent->singular, ent->n_fields, json_array_size(fields));
	for (int i = 0; i < ent->n_fields; i++)
		check_field(ent, &ent->fields[i], json_array_get(fields, (size_t)i));
}

static void test_tables(void **state)
{
	const json_t *o, *name;
	size_t i, k;

	json_array_foreach (json_object_get(schema, "entities"), i, o) {
		const struct sentity *ent = &SENTITIES[entity_named(str(o, "singular"))];

		if (ent->plural)
			assert_string_equal(ent->plural, str(o, "plural"));
		else
			assert_null(str(o, "plural"));
		check_fields(ent, json_object_get(o, "fields"));
		assert_int_equal(json_array_size(json_object_get(o, "cross")), ent->n_cross);
		json_array_foreach (json_object_get(o, "cross"), k, name)
			assert_int_equal(entity_named(json_string_value(name)), ent->cross[k].entity);
		assert_true(ent->n_cross <= SCROSS_MAX);
	}
	assert_int_equal(i, SE_JOB + 1);
	json_array_foreach (json_object_get(schema, "cross_only"), i, o)
		check_fields(&SENTITIES[entity_named(str(o, "entity"))], json_object_get(o, "fields"));
	for (i = 0; SDATE_WORDS[i]; i++)
		assert_string_equal(SDATE_WORDS[i],
		                    json_string_value(json_array_get(json_object_get(schema, "date_words"), i)));
}

static const json_t *enum_named(const char *name)
{
	const json_t *o;
	size_t i;

	json_array_foreach (json_object_get(schema, "enums"), i, o)
		if (strcmp(str(o, "enum"), name) == 0)
			return json_object_get(o, "values");
	fail_msg("no enumeration %s", name);
	return NULL;
}

static void check_enum(const struct senum *en)
{
	json_t *values = (json_t *)enum_named(en->name);
	g_auto(GStrv) words = g_strsplit(en->words, " ", -1);
	const char *word;
	uint64_t mask;
	json_t *v;

	assert_int_equal(g_strv_length(words), json_object_size(values));
	json_object_foreach (values, word, v) {
		g_autofree char *upper = g_ascii_strup(word, -1), *lower = g_ascii_strdown(word, -1);

		assert_true(senum_parse(en, word, &mask) && senum_parse(en, upper, &mask) &&
		            senum_parse(en, lower, &mask));
	}
	for (int i = 1; en->api && i < en->api->n_values; i++) {
		assert_true(senum_parse(en, en->api->values[i], &mask));
		assert_true(mask == UINT64_C(1) << i);
	}
	assert_false(senum_parse(en, "nonsense", &mask));
	assert_false(senum_parse(en, "", &mask));
}

static void test_enums(void **state)
{
	for (int i = 0; i < N_SENT; i++)
		for (int k = 0; k < SENTITIES[i].n_fields; k++)
			if (SENTITIES[i].fields[k].type == ST_ENUM)
				check_enum(SENTITIES[i].fields[k].en);
}

static void test_paths(void **state)
{
	auto_pool p = pool_new();

	for (int i = 0; i < N_SENT; i++) {
		const struct sentity *ent = &SENTITIES[i];
		const struct sstep *rel;
		struct sread r;

		for (int k = 0; k < ent->n_fields; k++)
			if (!sread_compile(p, &r, ent->kind, &ent->fields[k]))
				fail_msg("%s.%s: wrong path", ent->singular, ent->fields[k].name);
		for (int k = 0; k < ent->n_cross; k++) {
			if (!srel_compile(p, &rel, ent->kind, ent->cross[k].path))
				fail_msg("%s: wrong way to %s", ent->singular,
				         SENTITIES[ent->cross[k].entity].singular);
			/* relations that are not indexed are scanned, which works for the first step alone */
			for (int n = 1; rel && rel[0].op != S_END && rel[n].op != S_END; n++)
				assert_true(rel[n].op != S_REVERSE || rel[n].idx >= 0);
			if (rel && rel->op == S_REVERSE && rel->idx < 0)
				assert_int_equal(rel[1].op, S_END);
		}
	}
	for (int k = 0; k < N_KINDS; k++)
		if (sent_of_kind((enum kind)k) == SE_OTHER)
			for (int i = 0; i < SENTITIES[SE_OTHER].n_fields; i++) {
				struct sread r;
				assert_true(sread_compile(p, &r, k, &SENTITIES[SE_OTHER].fields[i]));
			}
}

static const char *sample(const struct sfield *f)
{
	static char word[64];

	switch (f->type) {
	case ST_INT: return "10";
	case ST_DECIMAL: return "1.5";
	case ST_BOOL: return "true";
	case ST_DATE: return "2026-11-22";
	case ST_TIMESPAN: return "1.02:03";
	case ST_ENUM:
		g_strlcpy(word, f->en->words, sizeof(word));
		word[strcspn(word, " ")] = '\0';
		return word;
	default: return "abc*";
	}
}

static void try_query(struct scene *sc, enum sent ent, const char *query, bool is_fine)
{
	int kind = SENTITIES[ent].kind;
	auto_pool p = pool_new();
	struct err e = ERR_INIT;
	struct search *s = search_parse_entity(p, ent, kind, query, 0, true, NULL, &e);

	if (is_fine != (s != NULL))
		fail_msg("%s: %s: %s", SENTITIES[ent].singular, query, e.detail);
	if (!s)
		assert_string_equal(e.field, "search");
	if (s && kind >= 0)
		INV_EACH (en, sc->core.inv, (enum kind)kind)
			search_matches(&sc->core, s, en->pub);
}

static void try_field(struct scene *sc, enum sent ent, const char *prefix, const struct sfield *f)
{
	char query[256];

	for (int op = 0; op < N_SOP; op++) {
		g_snprintf(query, sizeof(query), "%s%s %s %s", prefix, f->name, SOP_TEXT[op], sample(f));
		try_query(sc, ent, query, f->ops >> op & 1);
	}
	if (f->ops & 1 << OP_EQ) {
		g_snprintf(query, sizeof(query), "%s%s=\"\" or %s%s = null", prefix, f->name, prefix, f->name);
		try_query(sc, ent, query, true);
	}
	if (!*prefix) {
		g_snprintf(query, sizeof(query), "SORTBY %s desc", f->name);
		try_query(sc, ent, query, true);
	}
}

static void test_every_field(void **state)
{
	struct scene sc;

	scene_init(&sc);
	scene_fill(&sc);
	for (int i = 0; i < N_SENT; i++) {
		const struct sentity *ent = &SENTITIES[i];
		char prefix[64];

		for (int k = 0; k < ent->n_fields; k++)
			try_field(&sc, (enum sent)i, "", &ent->fields[k]);
		for (int k = 0; k < ent->n_cross; k++) {
			const struct sentity *x = &SENTITIES[ent->cross[k].entity];

			for (int f = 0; f < x->n_fields; f++) {
				g_snprintf(prefix, sizeof(prefix), "%s.", x->singular);
				try_field(&sc, (enum sent)i, prefix, &x->fields[f]);
				g_snprintf(prefix, sizeof(prefix), "%s.", x->plural ? x->plural : x->singular);
				try_field(&sc, (enum sent)i, prefix, &x->fields[f]);
			}
		}
	}
	scene_deinit(&sc);
}

/* ---- the schema's own words ---- */

static const char *value_for(const json_t *field)
{
	const char *type = str(field, "type");
	static const char *const SAMPLES[][2] = { { "int", "10" },           { "decimal", "1.5" },
		                                  { "bool", "true" },        { "date", "2026-11-22" },
		                                  { "timespan", "1.02:03" }, { NULL, NULL } };

	for (int i = 0; SAMPLES[i][0]; i++)
		if (strcmp(type, SAMPLES[i][0]) == 0)
			return SAMPLES[i][1];
	return strcmp(type, "enum") == 0
	           ? json_object_iter_key(json_object_iter((json_t *)enum_named(str(field, "enum"))))
	           : "abc*";
}

static void check_text(struct scene *sc, const char *text)
{
	auto_pool p = pool_new();
	struct search_place place;
	struct err e = ERR_INIT;
	enum kind k;
	struct search *s;

	if (!search_check(p, -1, text, &place))
		fail_msg("%s: %s", text, place.message);
	s = search_parse_query(p, text, false, &k, &e);
	if (s) {
		struct search_ask ask = { .kind = k, .search = s, .max = 3 };

		search_index_from(0);
		assert_int_equal(search_select(&sc->core, &ask, &e), 0);
		search_ask_clear(&ask);
	}
}

static void each_operator(struct scene *sc, const char *entity, const char *prefix, const json_t *field)
{
	const json_t *op;
	size_t i;

	json_array_foreach (json_object_get(field, "ops"), i, op) {
		g_autofree char *text = g_strdup_printf("%s: %s%s %s \"%s\"", entity, prefix, str(field, "field"),
		                                        json_string_value(op), value_for(field));
		check_text(sc, text);
	}
}

static const json_t *fields_of(const char *singular)
{
	const json_t *o;
	size_t i;

	json_array_foreach (json_object_get(schema, "entities"), i, o)
		if (strcmp(str(o, "singular"), singular) == 0)
			return json_object_get(o, "fields");
	json_array_foreach (json_object_get(schema, "cross_only"), i, o)
		if (strcmp(str(o, "entity"), singular) == 0)
			return json_object_get(o, "fields");
	fail_msg("no entity %s", singular);
	return NULL;
}

static void check_entity(struct scene *sc, const json_t *o)
{
	const char *names[] = { str(o, "singular"), str(o, "plural") };
	const json_t *field, *cross;
	size_t i, k;

	for (int n = 0; n < 2 && names[n]; n++) {
		json_array_foreach (json_object_get(o, "fields"), i, field) {
			g_autofree char *sorted =
			    g_strdup_printf("%s : sortby %s desc page 2", names[n], str(field, "field"));

			each_operator(sc, names[n], "", field);
			check_text(sc, sorted);
		}
		json_array_foreach (json_object_get(o, "cross"), i, cross) {
			g_autofree char *prefix = g_strdup_printf("%s.", json_string_value(cross));
			g_autofree char *free_text = g_strdup_printf("%s: %s != x", names[n], json_string_value(cross));

			check_text(sc, free_text);
			json_array_foreach (fields_of(json_string_value(cross)), k, field)
				each_operator(sc, names[n], prefix, field);
		}
	}
}

/* Everything that search.json says can be asked, by its own words, and is answered from columns. */
static void test_walk(void **state)
{
	struct scene sc;
	const json_t *o;
	size_t i;

	scene_init(&sc);
	scene_fill(&sc);
	json_array_foreach (json_object_get(schema, "entities"), i, o)
		check_entity(&sc, o);
	scene_deinit(&sc);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),  cmocka_unit_test(test_tables),      cmocka_unit_test(test_enums),
		cmocka_unit_test(test_paths), cmocka_unit_test(test_every_field),
	};
	const char *folder = g_getenv("HOSTLER_SCHEMA");
	g_autofree char *path = g_build_filename(folder ? folder : "schema", "search.json", NULL);
	int rc;

	schema = json_load_file(path, 0, NULL);
	if (!schema)
		g_error("cannot read %s", path);
	rc = cmocka_run_group_tests_name("search: schema", tests, NULL, NULL);
	json_decref(schema);
	return rc;
}
