/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of the fields: lengths, ranges, patterns. Patterns are compiled once and kept. */
#include <inttypes.h>
#include <math.h>
#include <regex.h>
#include <string.h>

#include "model/internal.h"

static GMutex PATTERNS_LOCK; /* guards PATTERNS; the compiled expressions never change nor go away */
static GHashTable *PATTERNS; /* the pattern's address -> regex_t *, NULL when it does not compile */

static const regex_t *compiled(const char *pattern)
{
	gpointer found;

	g_mutex_lock(&PATTERNS_LOCK);
	if (!PATTERNS)
		PATTERNS = g_hash_table_new(NULL, NULL);
	if (!g_hash_table_lookup_extended(PATTERNS, pattern, NULL, &found)) {
		regex_t *re = g_new0(regex_t, 1);

		if (regcomp(re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
			g_clear_pointer(&re, g_free);
		g_hash_table_insert(PATTERNS, (gpointer)pattern, re);
		found = re;
	}
	g_mutex_unlock(&PATTERNS_LOCK);
	return found;
}

static int refuse(const struct m_field *f, const struct m_where *where, enum err_code code, struct err *e,
                  const char *must)
{
	char path[96];

	m_where_text(where, f->name, path, sizeof(path));
	return err_field(e, code, path, "%s must %s", path, must);
}

/* "be between 1 and 255", "be at least 1", "be at most 255" and a unit. */
static const char *range_text(const struct m_field *f, const char *verb, const char *unit, char *buf, size_t size)
{
	if (f->has_min && f->has_max)
		g_snprintf(buf, size, "%s between %" PRId64 " and %" PRId64 "%s", verb, f->min, f->max, unit);
	else
		g_snprintf(buf, size, "%s at %s %" PRId64 "%s", verb, f->has_min ? "least" : "most",
		           f->has_min ? f->min : f->max, unit);
	return buf;
}

static bool out_of_range(const struct m_field *f, int64_t v)
{
	return (f->has_min && v < f->min) || (f->has_max && v > f->max);
}

enum { MAX_TEXT = 256 * 1024 }; /* of what has no rule: scripts, contents of files, keys */

static int check_string(const struct m_field *f, const char *s, const struct m_where *where, struct err *e)
{
	char text[160];
	const regex_t *re;

	if (!f->has_max && strlen(s) > MAX_TEXT) {
		g_snprintf(text, sizeof(text), "have at most %d bytes", MAX_TEXT);
		return refuse(f, where, ERR_INVALID, e, text);
	}
	if (out_of_range(f, g_utf8_strlen(s, -1)))
		return refuse(f, where, ERR_INVALID, e, range_text(f, "have", " characters", text, sizeof(text)));
	re = f->pattern ? compiled(f->pattern) : NULL;
	if (re && regexec(re, s, 0, NULL, 0) != 0) {
		g_snprintf(text, sizeof(text), "consist of %s", f->pattern_hint);
		return refuse(f, where, ERR_INVALID, e, text);
	}
	return 0;
}

static int check_number(const struct m_field *f, const void *at, const struct m_where *where, struct err *e)
{
	char text[160];
	bool is_bad;

	if (f->kind == M_DECIMAL) {
		double v = *(const double *)at;

		is_bad = (f->has_min && v < (double)f->min) || (f->has_max && v > (double)f->max) || isnan(v);
	} else {
		is_bad = out_of_range(f, *(const int64_t *)at);
	}
	return is_bad ? refuse(f, where, ERR_RANGE, e, range_text(f, "be", "", text, sizeof(text))) : 0;
}

static int validate_object(const struct m_type *t, const void *obj, const struct m_where *where, struct err *e);

static int check_value(const struct m_field *f, const void *at, const struct m_where *where, struct err *e)
{
	struct m_where here = { where, f->name };

	switch (f->kind) {
	case M_STRING: return *(char *const *)at ? check_string(f, *(char *const *)at, where, e) : 0;
	case M_STRUCT: return *(void *const *)at ? validate_object(f->type, *(void *const *)at, &here, e) : 0;
	case M_INT:
	case M_DATE:
	case M_DECIMAL: return f->has_min || f->has_max ? check_number(f, at, where, e) : 0;
	default: return 0;
	}
}

static int validate_object(const struct m_type *t, const void *obj, const struct m_where *where, struct err *e)
{
	for (int i = 0; i < t->n_fields; i++) {
		const struct m_field *f = &t->fields[i];
		const struct m_list *l = m_at(obj, f);

		if (!m_has(t, obj, f))
			continue;
		if (!m_is_list(f)) {
			if (check_value(f, l, where, e) < 0)
				return -1;
			continue;
		}
		for (uint32_t k = 0; k < l->n; k++) {
			if (check_value(f, m_item(f, l, k), where, e) < 0)
				return -1;
		}
	}
	return 0;
}

int m_validate(const struct m_type *t, const void *obj, struct err *e)
{
	struct m_where root = { NULL, t->name };

	return validate_object(t, obj, &root, e);
}
