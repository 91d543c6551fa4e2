/* SPDX-License-Identifier: Apache-2.0 */
/* Scalar values as text, the same for XML, JSON strings and the journal. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "model/internal.h"

const struct m_limits M_LIMITS_DEFAULT = { .max_bytes = 16u << 20, .max_depth = 64, .max_nodes = 200000 };

static int bad_value(const struct m_field *f, const char *text, const struct m_where *where, enum err_code code,
                     struct err *e, const char *must)
{
	char path[96];

	m_where_text(where, f->name, path, sizeof(path));
	return err_field(e, code, path, "'%.80s' is no value for %s: %s", text, path, must);
}

static int parse_bool(const struct m_field *f, const char *text, bool *v, const struct m_where *where, struct err *e)
{
	*v = !strcasecmp(text, "true") || !strcmp(text, "1");
	if (*v || !strcasecmp(text, "false") || !strcmp(text, "0"))
		return 0;
	return bad_value(f, text, where, ERR_INVALID, e, "allowed are true and false");
}

int m_int_check(const struct m_field *f, int64_t v, const struct m_where *where, struct err *e)
{
	char text[32];

	if (!(f->flags & M_F_INT32) || (v >= INT32_MIN && v <= INT32_MAX))
		return 0;
	g_snprintf(text, sizeof(text), "%" G_GINT64_FORMAT, v);
	return bad_value(f, text, where, ERR_RANGE, e, "allowed are integers of 32 bits, -2147483648 to 2147483647");
}

static int parse_int(const struct m_field *f, const char *text, int64_t *v, const struct m_where *where, struct err *e)
{
	char *end;

	errno = 0;
	*v = strtoll(text, &end, 10);
	if (*end || (text != end && isspace((unsigned char)*text)))
		return bad_value(f, text, where, ERR_INVALID, e, "an integer is needed");
	if (errno == ERANGE)
		return bad_value(f, text, where, ERR_RANGE, e, "allowed are integers of 64 bits");
	return m_int_check(f, *v, where, e);
}

static int parse_decimal(const struct m_field *f, const char *text, double *v, const struct m_where *where,
                         struct err *e)
{
	char *end = NULL;

	/* Only what looks like a decimal number: no "inf", no hexadecimal. */
	if (text[strspn(text, "0123456789+-.eE")] == '\0')
		*v = g_ascii_strtod(text, &end);
	if (!end || *end || end == text)
		return bad_value(f, text, where, ERR_INVALID, e, "a number is needed");
	return isfinite(*v) ? 0 : bad_value(f, text, where, ERR_RANGE, e, "it is too large");
}

static int parse_enum(const struct m_field *f, const char *text, int *v, const struct m_where *where, struct err *e)
{
	*v = m_enum_value(f->enum_, text);
	if (*v)
		return 0;
	g_autoptr(GString) allowed = g_string_new("allowed are ");

	for (int i = 1; i < f->enum_->n_values; i++)
		g_string_append_printf(allowed, "%s%s", i == 1 ? "" : ", ", f->enum_->values[i]);
	return bad_value(f, text, where, ERR_INVALID, e, allowed->str);
}

static int parse_date(const struct m_field *f, const char *text, int64_t *v, const struct m_where *where, struct err *e)
{
	char *end;

	if (m_date_parse(text, v))
		return 0;
	errno = 0;
	*v = strtoll(text, &end, 10);
	if (end != text && !*end && !errno && *v >= M_DATE_MIN && *v <= M_DATE_MAX)
		return 0;
	return bad_value(f, text, where, ERR_INVALID, e, "a date such as 2024-03-01T10:15:30.123Z is needed");
}

int m_scalar_parse(const struct m_field *f, const char *text, void *value, const struct m_where *where, struct err *e)
{
	switch (f->kind) {
	case M_STRING: *(const char **)value = text; return 0;
	case M_BOOL: return parse_bool(f, text, value, where, e);
	case M_INT: return parse_int(f, text, value, where, e);
	case M_DECIMAL: return parse_decimal(f, text, value, where, e);
	case M_DATE: return parse_date(f, text, value, where, e);
	case M_ENUM: return parse_enum(f, text, value, where, e);
	default: return bad_value(f, text, where, ERR_SYNTAX, e, "a structure is needed");
	}
}

size_t m_double_text(double v, char buf[40])
{
	if (!isfinite(v))
		v = 0;
	g_ascii_formatd(buf, 40, "%.15g", v);
	if (g_ascii_strtod(buf, NULL) != v)
		g_ascii_formatd(buf, 40, "%.17g", v);
	return strlen(buf);
}

/*
 * A draft that says no more than its id is dropped: the reference alone is enough. One that says
 * nothing at all stays: an empty element is how clients clear a reference.
 */
void m_ref_settle(const struct m_type *t, struct m_ref *ref, void *obj)
{
	ref->id = t->is_identified ? m_entity(t, obj)->id : NULL;
	ref->obj = ref->id ? NULL : obj;
	for (int i = 0; i < t->n_fields; i++) {
		if (strcmp(t->fields[i].name, "id") && m_has(t, obj, &t->fields[i])) {
			ref->obj = obj;
			return;
		}
	}
}
