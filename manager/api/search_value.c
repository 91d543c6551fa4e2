/* SPDX-License-Identifier: Apache-2.0 */
/* Values of terms: read once from the query, compared with what the inventory holds. */
#include <string.h>

#include "manager/api/search_internal.h"

/* Letters and digits alone, lower case: "PreparingForMaintenance" is "preparing_for_maintenance". */
static void plain_word(const char *s, size_t len, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + 1 < size; i++)
		if (g_ascii_isalnum(s[i]))
			out[n++] = g_ascii_tolower(s[i]);
	out[n] = '\0';
}

static uint64_t api_bit(const struct m_enum *api, const char *word, size_t len)
{
	char a[64], b[64];

	plain_word(word, len, a, sizeof(a));
	for (int i = 1; i < api->n_values && i < 64; i++) {
		plain_word(api->values[i], strlen(api->values[i]), b, sizeof(b));
		if (strcmp(a, b) == 0)
			return UINT64_C(1) << i;
	}
	return 0;
}

static uint64_t alias_bit(const struct senum *en, const char *word, size_t len)
{
	for (const char *s = en->aliases; s && *s;) {
		size_t n = strcspn(s, "="), end = strcspn(s, " ");

		if (n == len && g_ascii_strncasecmp(s, word, len) == 0)
			return api_bit(en->api, s + n + 1, end - n - 1);
		s += end + (s[end] == ' ');
	}
	return 0;
}

bool senum_parse(const struct senum *en, const char *word, uint64_t *mask)
{
	size_t len = strlen(word);
	int position = 0, api;

	for (const char *s = en->words; *s; position++) {
		size_t n = strcspn(s, " ");

		if (n == len && g_ascii_strncasecmp(s, word, len) == 0) {
			*mask =
			    !en->api ? UINT64_C(1) << position : api_bit(en->api, word, len) | alias_bit(en, word, len);
			return true;
		}
		s += n + (s[n] == ' ');
	}
	api = en->api && len ? m_enum_value(en->api, word) : 0;
	*mask = api > 0 && api < 64 ? UINT64_C(1) << api : 0;
	return *mask != 0;
}

/* ---- reading ---- */

static bool login_value(struct pool *p, struct sterm *t, const char *text, bool any_case)
{
	const char *at = strrchr(text, '@');

	t->pat = spattern_make(p, at ? pool_strndup(p, text, (size_t)(at - text)) : text, any_case, false);
	if (at)
		t->profile = spattern_make(p, at + 1, any_case, false);
	return true;
}

static bool bool_value(struct sterm *t, const char *text)
{
	t->num = g_ascii_strcasecmp(text, "true") == 0;
	return t->num || g_ascii_strcasecmp(text, "false") == 0;
}

static bool enum_value(struct sterm *t, const struct sfield *f, const char *text)
{
	if (!senum_parse(f->en, text, &t->mask))
		return false;
	t->num = t->mask ? g_bit_nth_lsf((gulong)t->mask, -1) : -1;
	return true;
}

bool sterm_value(struct pool *p, struct sterm *t, const struct sfield *f, const char *text, bool is_quoted,
                 bool any_case, const char **allowed)
{
	t->type = (enum stype)f->type;
	*allowed = NULL;
	if (!*text || (!is_quoted && g_ascii_strcasecmp(text, "null") == 0)) {
		*allowed = "a value (the empty one goes with = and != only)";
		t->is_empty = true;
		return t->op == OP_EQ || t->op == OP_NE;
	}
	switch (t->type) {
	case ST_STRING:
		if (f->flags & SF_LOGIN)
			return login_value(p, t, text, any_case);
		t->pat = spattern_make(p, text, any_case, f->flags & SF_SUBSTRING);
		return true;
	case ST_UUID:
	case ST_OS: t->pat = spattern_make(p, text, true, false); return true;
	case ST_INT:
	case ST_DECIMAL: *allowed = "a number"; return snumber_parse(text, &t->num);
	case ST_TIMESPAN: *allowed = "D, hh:mm[:ss] or D.hh:mm[:ss]"; return stimespan_parse(text, &t->num);
	case ST_BOOL: *allowed = "true, false"; return bool_value(t, text);
	case ST_ENUM: *allowed = f->en->words; return enum_value(t, f, text);
	case ST_DATE:
		*allowed = "today, yesterday, a weekday, or a date such as 2026-11-22, 11/22/26, \"Nov 22, 2026\"";
		return sdate_parse(text, &t->date);
	}
	return false;
}

/* ---- comparing ---- */

static bool login_hit(const struct sterm *t, const struct sval *v)
{
	const char *profile = v->text + v->len;

	if (!spattern_matches(&t->pat, v->text, v->len))
		return false;
	if (!t->profile.text)
		return true;
	profile += *profile == '@';
	return spattern_matches(&t->profile, profile, strlen(profile));
}

static bool number_hit(const struct sterm *t, double v)
{
	switch (t->op) {
	case OP_LT: return v < t->num;
	case OP_GT: return v > t->num;
	case OP_LE: return v <= t->num;
	case OP_GE: return v >= t->num;
	default: return v == t->num;
	}
}

static bool enum_hit(const struct sterm *t, double v)
{
	if (t->op == OP_EQ || t->op == OP_NE)
		return v >= 0 && v < 64 && (t->mask >> (int)v & 1);
	return t->num >= 0 && number_hit(t, v);
}

static bool date_hit(const struct sterm *t, double v)
{
	if (t->op == OP_LT)
		return v < t->lo;
	return t->op == OP_GT ? v > t->lo : v >= t->lo && v < t->hi;
}

bool sterm_hit(const struct sterm *t, const struct sfield *f, const struct sval *v)
{
	switch (t->type) {
	case ST_STRING:
		if (!v->text)
			return false;
		return f->flags & SF_LOGIN && t->profile.text ? login_hit(t, v)
		                                              : spattern_matches(&t->pat, v->text, v->len);
	case ST_UUID:
	case ST_OS: return v->text && spattern_matches(&t->pat, v->text, v->len);
	case ST_ENUM: return !v->text && enum_hit(t, v->num);
	case ST_DATE: return !v->text && date_hit(t, v->num);
	default: return !v->text && number_hit(t, v->num);
	}
}
