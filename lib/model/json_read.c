/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading JSON: requests of clients, and the journal's own form.
 *
 * The text is scanned for depth and count before jansson sees it: a tree costs far more than its text,
 * and is built by recursion. Requests are read strictly, the journal forgivingly: it may come from
 * another version.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/auto.h"
#include "model/internal.h"

struct reader {
	struct pool *p;
	bool is_journal;
	struct err *e;
};

int m_json_scan(const char *text, size_t len, const struct m_limits *lim, struct err *e)
{
	int depth = 0, nodes = 0;
	bool in_string = false;

	if (len > lim->max_bytes)
		return err_set(e, ERR_TOO_LARGE, "The document is longer than %zu bytes", lim->max_bytes);
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
			continue;
		}
		if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			depth++;
			nodes++;
		} else if (c == '}' || c == ']') {
			depth--;
		} else if (c == ',') {
			nodes++;
		}
		if (depth > lim->max_depth)
			return err_set(e, ERR_TOO_LARGE, "The document is nested deeper than %d levels", lim->max_depth);
		if (nodes > lim->max_nodes)
			return err_set(e, ERR_TOO_LARGE, "The document has more than %d members", lim->max_nodes);
	}
	return 0;
}

static int wrong_type(const struct reader *r, const struct m_where *where, const char *name, const char *need)
{
	char path[96];

	m_where_text(where, name, path, sizeof(path));
	return err_field(r->e, ERR_SYNTAX, path, "%s must be %s", path, need);
}

static int unknown(const struct reader *r, const struct m_where *where, const char *name)
{
	char path[96], owner[96];

	m_where_text(where, name, path, sizeof(path));
	m_where_text(where, NULL, owner, sizeof(owner));
	return err_field(r->e, ERR_SYNTAX, path, "'%.80s' is no member of %s", name, owner);
}

static int bad_number(const struct reader *r, const struct m_field *f, const struct m_where *where, enum err_code code, const char *need)
{
	char path[96];

	m_where_text(where, f->name, path, sizeof(path));
	return err_field(r->e, code, path, "%s must be %s", path, need);
}

static int read_number(const struct reader *r, const struct m_field *f, const json_t *j, void *at, const struct m_where *where)
{
	double d = json_number_value(j);

	if (f->kind == M_DECIMAL) {
		*(double *)at = d;
		return 0;
	}
	if (json_is_integer(j)) {
		*(int64_t *)at = json_integer_value(j);
	} else {
		if (d != trunc(d) || fabs(d) > 9e15)
			return bad_number(r, f, where, ERR_INVALID, "an integer");
		*(int64_t *)at = (int64_t)d;
	}
	int64_t v = *(int64_t *)at;

	if (f->kind == M_DATE && (v < M_DATE_MIN || v > M_DATE_MAX) && !r->is_journal)
		return bad_number(r, f, where, ERR_RANGE, "milliseconds of a year from 1 to 9999");
	return f->kind == M_INT && !r->is_journal ? m_int_check(f, v, where, r->e) : 0;
}

static int read_string(const struct reader *r, const struct m_field *f, const json_t *j, void *at, const struct m_where *where)
{
	const char *text = json_string_value(j);

	if (f->kind == M_STRING) {
		*(char **)at = pool_strndup(r->p, text, json_string_length(j));
		return 0;
	}
	if (f->kind == M_ENUM && r->is_journal) {
		*(int *)at = m_enum_value(f->enum_, text);
		return 0;
	}
	return m_scalar_parse(f, text, at, where, r->e);
}

/* Numbers and booleans where a string is asked for: people write port numbers so. */
static int read_as_string(const struct reader *r, const struct m_field *f, const json_t *j, char **at, const struct m_where *where)
{
	if (json_is_boolean(j))
		*at = pool_strdup(r->p, json_is_true(j) ? "true" : "false");
	else if (json_is_integer(j))
		*at = pool_printf(r->p, "%" JSON_INTEGER_FORMAT, json_integer_value(j));
	else
		return wrong_type(r, where, f->name, "a string");
	return 0;
}

static int read_scalar(const struct reader *r, const struct m_field *f, const json_t *j, void *at, const struct m_where *where)
{
	if (json_is_string(j))
		return read_string(r, f, j, at, where);
	switch (f->kind) {
	case M_STRING:
		return read_as_string(r, f, j, at, where);
	case M_BOOL:
		if (!json_is_boolean(j) && !(json_is_integer(j) && json_integer_value(j) >> 1 == 0))
			return wrong_type(r, where, f->name, "true or false");
		*(bool *)at = json_is_true(j) || json_integer_value(j) == 1;
		return 0;
	case M_ENUM:
		return wrong_type(r, where, f->name, "a string");
	default:
		return json_is_number(j) ? read_number(r, f, j, at, where) : wrong_type(r, where, f->name, "a number");
	}
}

static int read_object(const struct reader *r, const struct m_type *t, const json_t *j, void **out, const struct m_where *where);

static int read_value(const struct reader *r, const struct m_field *f, const json_t *j, void *at, const struct m_where *where)
{
	struct m_where here = { where, f->name };
	void *obj;

	if (f->kind != M_STRUCT && f->kind != M_REF)
		return read_scalar(r, f, j, at, where);
	if (!json_is_object(j))
		return wrong_type(r, where, f->name, "an object");
	if (read_object(r, f->type, j, &obj, &here) < 0)
		return -1;
	if (f->kind == M_REF)
		m_ref_settle(f->type, at, obj);
	else
		*(void **)at = obj;
	return 0;
}

/* The array of a list: bare, or {"item": [...]}, or {"item": one}, or {} for none (*array NULL). */
static int unwrap_list(const struct reader *r, const struct m_field *f, json_t *j, json_t **array, json_t **one, const struct m_where *where)
{
	const char *name;
	json_t *v;
	struct m_where here = { where, f->name };

	*array = json_is_array(j) ? j : NULL;
	*one = NULL;
	if (*array)
		return 0;
	if (!json_is_object(j))
		return wrong_type(r, where, f->name, "an object that holds an array");
	json_object_foreach(j, name, v) {
		if (!strcmp(name, f->item) && json_is_array(v))
			*array = v;
		else if (!strcmp(name, f->item))
			*one = v;
		else if (!m_is_noise(name))
			return unknown(r, &here, name);
	}
	return 0;
}

static int read_list(const struct reader *r, const struct m_field *f, json_t *j, struct m_list *l, const struct m_where *where)
{
	json_t *array, *one, *v;
	size_t i;

	if (unwrap_list(r, f, j, &array, &one, where) < 0)
		return -1;
	size_t n = array ? json_array_size(array) : one ? 1 : 0;

	l->n = 0;
	l->v = pool_alloc(r->p, n ? n * m_value_size(f) : 1);
	if (one) {
		l->n = 1;
		return read_value(r, f, one, l->v, where);
	}
	json_array_foreach(array, i, v) {
		void *at = m_item(f, l, l->n);

		if (read_value(r, f, v, at, where) < 0)
			return -1;
		/* An enumeration value that this version does not know is dropped. */
		if (f->kind != M_ENUM || *(int *)at)
			l->n++;
	}
	return 0;
}

static int read_member(const struct reader *r, const struct m_type *t, const char *name, json_t *v, void *obj, const struct m_where *where)
{
	const struct m_field *f = r->is_journal ? m_field_find(t, name) : m_wire_field(t, name);

	if (!f)
		return r->is_journal || m_is_noise(name) ? 0 : unknown(r, where, name);
	if (json_is_null(v))
		return 0;
	if (m_is_list(f))
		return read_list(r, f, v, m_at(obj, f), where);
	if (read_value(r, f, v, m_at(obj, f), where) < 0)
		return -1;
	m_set_bit(obj, f->has_bit);
	return 0;
}

static int read_object(const struct reader *r, const struct m_type *t, const json_t *j, void **out, const struct m_where *where)
{
	const char *name;
	json_t *v;

	*out = m_new(r->p, t);
	json_object_foreach((json_t *)(uintptr_t)j, name, v) {
		if (read_member(r, t, name, v, *out, where) < 0)
			return -1;
	}
	return 0;
}

static int read_document(const struct reader *r, const struct m_type *t, const char *text, size_t len, const struct m_limits *lim, void **out)
{
	struct m_where root = { NULL, t->name };
	json_error_t error;

	if (m_json_scan(text, len, lim, r->e) < 0)
		return -1;
	auto_json *j = json_loadb(text, len, JSON_DECODE_ANY, &error);

	if (!j)
		return err_set(r->e, ERR_SYNTAX, "The document is not JSON: line %d, column %d: %s", error.line, error.column, error.text);
	if (!json_is_object(j))
		return err_set(r->e, ERR_SYNTAX, "The document must be a JSON object");
	return read_object(r, t, j, out, &root);
}

int m_from_json(struct pool *p, const struct m_type *t, const char *text, size_t len, const struct m_limits *lim, void **out, struct err *e)
{
	struct reader r = { .p = p, .e = e };

	if (len == 0) {
		*out = m_new(p, t);
		return 0;
	}
	return read_document(&r, t, text, len, lim ? lim : &M_LIMITS_DEFAULT, out);
}

int m_from_journal(struct pool *p, const struct m_type *t, const char *text, size_t len, void **out, struct err *e)
{
	static const struct m_limits OURS = { .max_bytes = SIZE_MAX, .max_depth = 64, .max_nodes = INT32_MAX - 1 };
	struct reader r = { .p = p, .is_journal = true, .e = e };

	return read_document(&r, t, text, len, &OURS, out);
}
