/* SPDX-License-Identifier: Apache-2.0 */
#include "random.h"

#include <math.h>
#include <string.h>

static bool one_in(struct random_objects *r, int n) { return g_rand_int_range(r->rand, 0, n) == 0; }

/* Characters that need care somewhere, and plain ones. */
static char *random_text(struct random_objects *r)
{
	static const char *const PIECES[] = {
		"a", "Z",   "0",  "-",  "_",  " ", "<", ">", "&", "\"", "'", "\\",
		"/", "]]>", "\t", "\n", "\r", "é", "€", "😀", "{", "}",  "%", "&amp;",
	};
	GString *s = g_string_new(NULL);

	for (int n = g_rand_int_range(r->rand, 0, 12); n > 0; n--)
		g_string_append(s, PIECES[g_rand_int_range(r->rand, 0, G_N_ELEMENTS(PIECES))]);
	char *out = pool_strdup(r->p, s->str);

	g_string_free(s, TRUE);
	return out;
}

static int64_t random_int(struct random_objects *r, const struct m_field *f)
{
	static const int64_t EDGES[] = { 0, 1, -1, 7, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN };
	int64_t v = EDGES[g_rand_int_range(r->rand, 0, G_N_ELEMENTS(EDGES))];

	return f->flags & M_F_INT32 ? (int32_t)v : v;
}

static double random_decimal(struct random_objects *r)
{
	return one_in(r, 3) ? g_rand_int_range(r->rand, -1000, 1000)
	                    : (g_rand_double(r->rand) - 0.5) * pow(10, g_rand_int_range(r->rand, -10, 10));
}

/* Milliseconds of years 1 to 9999. */
static int64_t random_date(struct random_objects *r)
{
	return (int64_t)(g_rand_double(r->rand) * 315e12) - INT64_C(62000000000000);
}

static void random_ref(struct random_objects *r, const struct m_field *f, struct m_ref *ref, int depth)
{
	ref->id = one_in(r, 4) ? NULL : pool_printf(r->p, "%08x", g_rand_int(r->rand));
	if (!ref->id || (depth > 0 && one_in(r, 6))) {
		ref->obj = random_object(r, f->type, depth - 1);
		struct m_entity *ent = m_entity(f->type, ref->obj);

		ent->id = ref->id;
		/* A draft says more than the id: else a reader would drop it. */
		ent->name = random_text(r);
	}
}

static void random_value(struct random_objects *r, const struct m_field *f, void *at, int depth)
{
	switch (f->kind) {
	case M_STRING: *(char **)at = random_text(r); break;
	case M_BOOL: *(bool *)at = one_in(r, 2); break;
	case M_INT: *(int64_t *)at = random_int(r, f); break;
	case M_DECIMAL: *(double *)at = random_decimal(r); break;
	case M_DATE: *(int64_t *)at = random_date(r); break;
	case M_ENUM: *(int *)at = g_rand_int_range(r->rand, 1, f->enum_->n_values); break;
	case M_STRUCT: *(void **)at = random_object(r, f->type, depth - 1); break;
	case M_REF: random_ref(r, f, at, depth); break;
	}
}

static size_t value_size(const struct m_field *f)
{
	switch (f->kind) {
	case M_BOOL: return sizeof(bool);
	case M_ENUM: return sizeof(int);
	case M_REF: return sizeof(struct m_ref);
	default: return 8;
	}
}

static void random_list(struct random_objects *r, const struct m_field *f, void *at, int depth)
{
	struct {
		char *v;
		uint32_t n;
	} *l = at;

	l->n = (uint32_t)g_rand_int_range(r->rand, 0, 4);
	l->v = pool_alloc(r->p, (l->n + 1) * value_size(f));
	for (uint32_t i = 0; i < l->n; i++)
		random_value(r, f, l->v + i * value_size(f), depth);
}

void *random_object(struct random_objects *r, const struct m_type *t, int depth)
{
	char *obj = m_new(r->p, t);

	for (int i = 0; i < t->n_fields; i++) {
		const struct m_field *f = &t->fields[i];

		if (!one_in(r, depth > 1 ? 2 : 4) || (f->kind == M_STRUCT && depth <= 0))
			continue;
		if (f->flags & (M_F_INTERNAL | M_F_SECRET) && !r->has_internal)
			continue;
		if (f->flags & M_F_LIST)
			random_list(r, f, obj + f->offset, depth);
		else
			random_value(r, f, obj + f->offset, depth);
		if (f->has_bit >= 0)
			((uint64_t *)(void *)obj)[f->has_bit / 64] |= UINT64_C(1) << (f->has_bit % 64);
	}
	return obj;
}
