/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects from JSON: requests of clients, and the journal's own form. Requests are read strictly, the
 * journal forgivingly: it may come from another version.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "model/json_in.h"

#define NAME_MAX_LEN 96

struct reader {
	struct json_in in;
	bool is_journal;
};

static int wrong(struct reader *r, enum err_code code, const struct m_where *where, const char *name, const char *need)
{
	char path[96];

	m_where_text(where, name, path, sizeof(path));
	return err_field(r->in.e, code, path, "%s must be %s", path, need);
}

/* A value of a wrong kind, or nothing that could be a value at all. */
static int wrong_type(struct reader *r, const struct m_where *where, const char *name, const char *need)
{
	char c = jin_peek(&r->in);

	if (!c || !strchr("{[\"tfn-0123456789", c))
		return jin_bad(&r->in, "a value expected");
	return wrong(r, ERR_SYNTAX, where, name, need);
}

static int unknown(struct reader *r, const struct m_where *where, const char *name)
{
	char path[96], owner[96];

	m_where_text(where, name, path, sizeof(path));
	m_where_text(where, NULL, owner, sizeof(owner));
	return err_field(r->in.e, ERR_SYNTAX, path, "'%.80s' is no member of %s", name, owner);
}

/* ---- scalars --------------------------------------------------------------------------------- */

static int set_number(struct reader *r, const struct m_field *f, struct jin_number n, void *at,
                      const struct m_where *where)
{
	if (f->kind == M_DECIMAL) {
		*(double *)at = n.d;
		return 0;
	}
	if (!n.is_int) {
		if (n.d != trunc(n.d) || fabs(n.d) > 9e15)
			return wrong(r, ERR_INVALID, where, f->name, "an integer");
		n.i = (int64_t)n.d;
	}
	*(int64_t *)at = n.i;
	if (r->is_journal)
		return 0;
	if (f->kind == M_DATE && (n.i < M_DATE_MIN || n.i > M_DATE_MAX))
		return wrong(r, ERR_RANGE, where, f->name, "milliseconds of a year from 1 to 9999");
	return f->kind == M_INT ? m_int_check(f, n.i, where, r->in.e) : 0;
}

/* A number, and what else it may stand for: text (people write port numbers so), 0 and 1 for booleans. */
static int read_number(struct reader *r, const struct m_field *f, void *at, const struct m_where *where)
{
	struct jin_number n;

	if (jin_number(&r->in, &n) < 0)
		return -1;
	if (f->kind == M_STRING && n.is_int) {
		*(char **)at = pool_printf(r->in.pool, "%" PRId64, n.i);
		return 0;
	}
	if (f->kind == M_BOOL && n.is_int && (n.i == 0 || n.i == 1)) {
		*(bool *)at = n.i;
		return 0;
	}
	if (f->kind == M_INT || f->kind == M_DECIMAL || f->kind == M_DATE)
		return set_number(r, f, n, at, where);
	return wrong(r, ERR_SYNTAX, where, f->name, f->kind == M_BOOL ? "true or false" : "a string");
}

static int read_bool(struct reader *r, const struct m_field *f, void *at, const struct m_where *where)
{
	bool b;

	if (jin_bool(&r->in, &b) < 0)
		return -1;
	if (f->kind == M_BOOL)
		*(bool *)at = b;
	else if (f->kind == M_STRING)
		*(char **)at = pool_strdup(r->in.pool, b ? "true" : "false");
	else
		return wrong(r, ERR_SYNTAX, where, f->name, f->kind == M_ENUM ? "a string" : "a number");
	return 0;
}

static int read_string(struct reader *r, const struct m_field *f, void *at, const struct m_where *where)
{
	char *text;

	if (jin_string(&r->in, &text) < 0)
		return -1;
	if (f->kind == M_ENUM && r->is_journal) {
		*(int *)at = m_enum_value(f->enum_, text);
		return 0;
	}
	return m_scalar_parse(f, text, at, where, r->in.e);
}

static int read_scalar(struct reader *r, const struct m_field *f, void *at, const struct m_where *where)
{
	char c = jin_peek(&r->in);

	if (c == '"')
		return read_string(r, f, at, where);
	if (c == '-' || g_ascii_isdigit(c))
		return read_number(r, f, at, where);
	if (c == 't' || c == 'f')
		return read_bool(r, f, at, where);
	bool is_text = f->kind == M_STRING || f->kind == M_ENUM;

	return wrong_type(r, where, f->name, is_text ? "a string" : f->kind == M_BOOL ? "true or false" : "a number");
}

/* ---- structures ------------------------------------------------------------------------------ */

static int read_object(struct reader *r, const struct m_type *t, void **out, const struct m_where *where);

static int read_value(struct reader *r, const struct m_field *f, void *at, const struct m_where *where)
{
	struct m_where here = { where, f->name };
	void *obj;

	if (f->kind != M_STRUCT && f->kind != M_REF)
		return read_scalar(r, f, at, where);
	if (jin_peek(&r->in) != '{')
		return wrong_type(r, where, f->name, "an object");
	if (read_object(r, f->type, &obj, &here) < 0)
		return -1;
	if (f->kind == M_REF)
		m_ref_settle(f->type, at, obj);
	else
		*(void **)at = obj;
	return 0;
}

/* A list while it grows. */
struct items {
	struct m_list list;
	uint32_t room;
};

static int read_item(struct reader *r, const struct m_field *f, struct items *l, const struct m_where *where)
{
	size_t size = m_value_size(f);

	if (l->list.n == l->room) {
		uint32_t room = l->room ? l->room * 2 : 4;
		char *v = pool_alloc(r->in.pool, room * size);

		if (l->list.n)
			memcpy(v, l->list.v, l->list.n * size);
		l->list.v = v;
		l->room = room;
	}
	void *at = m_item(f, &l->list, l->list.n);

	if (read_value(r, f, at, where) < 0)
		return -1;
	/* An enumeration value that this version does not know is dropped. */
	if (f->kind == M_ENUM && *(int *)at == 0)
		return 0;
	l->list.n++;
	return 0;
}

static int read_array(struct reader *r, const struct m_field *f, struct items *l, const struct m_where *where)
{
	bool first = true;
	int more;

	if (jin_enter(&r->in) < 0)
		return -1;
	while ((more = jin_more(&r->in, ']', &first)) > 0) {
		if (read_item(r, f, l, where) < 0)
			return -1;
	}
	return more;
}

/* {"item": [...]}, {"item": one}, {}. */
static int read_wrapper(struct reader *r, const struct m_field *f, struct items *l, const struct m_where *where)
{
	struct m_where here = { where, f->name };
	char name[NAME_MAX_LEN];
	bool first = true;
	int more, rc;

	if (jin_enter(&r->in) < 0)
		return -1;
	while ((more = jin_more(&r->in, '}', &first)) > 0) {
		if (jin_name(&r->in, name, sizeof(name)) < 0)
			return -1;
		if (strcmp(name, f->item) != 0)
			rc = m_is_noise(name) ? jin_skip(&r->in) : unknown(r, &here, name);
		else if (jin_peek(&r->in) == '[')
			rc = read_array(r, f, l, where);
		else
			rc = read_item(r, f, l, where);
		if (rc < 0)
			return -1;
	}
	return more;
}

static int read_list(struct reader *r, const struct m_field *f, struct m_list *out, const struct m_where *where)
{
	struct items l = { .room = 0 };
	char c = jin_peek(&r->in);
	int rc;

	if (c == '[')
		rc = read_array(r, f, &l, where);
	else if (c == '{')
		rc = read_wrapper(r, f, &l, where);
	else
		return wrong_type(r, where, f->name, "an object that holds an array");
	*out = l.list;
	if (!out->v)
		out->v = pool_alloc(r->in.pool, 1); /* given, but empty */
	return rc;
}

static int read_member(struct reader *r, const struct m_type *t, const char *name, void *obj,
                       const struct m_where *where)
{
	const struct m_field *f = r->is_journal ? m_field_find(t, name) : m_wire_field(t, name);

	if (!f)
		return r->is_journal || m_is_noise(name) ? jin_skip(&r->in) : unknown(r, where, name);
	if (jin_peek(&r->in) == 'n')
		return jin_null(&r->in);
	if (m_is_list(f))
		return read_list(r, f, m_at(obj, f), where);
	if (read_value(r, f, m_at(obj, f), where) < 0)
		return -1;
	m_set_bit(obj, f->has_bit);
	return 0;
}

static int read_object(struct reader *r, const struct m_type *t, void **out, const struct m_where *where)
{
	char name[NAME_MAX_LEN];
	bool first = true;
	int more;

	*out = m_new(r->in.pool, t);
	if (jin_enter(&r->in) < 0)
		return -1;
	while ((more = jin_more(&r->in, '}', &first)) > 0) {
		if (jin_name(&r->in, name, sizeof(name)) < 0 || read_member(r, t, name, *out, where) < 0)
			return -1;
	}
	return more;
}

static int read_document(struct reader *r, const struct m_type *t, void **out)
{
	struct m_where root = { NULL, t->name };

	if (jin_peek(&r->in) != '{')
		return jin_bad(&r->in, "an object expected");
	if (read_object(r, t, out, &root) < 0)
		return -1;
	return jin_close(&r->in);
}

int m_from_json(struct pool *p, const struct m_type *t, const char *text, size_t len, const struct m_limits *lim,
                void **out, struct err *e)
{
	struct reader r = { .is_journal = false };

	if (len == 0) {
		*out = m_new(p, t);
		return 0;
	}
	if (jin_open(&r.in, p, text, len, lim ? lim : &M_LIMITS_DEFAULT, e) < 0)
		return -1;
	return read_document(&r, t, out);
}

int m_from_journal(struct pool *p, const struct m_type *t, const char *text, size_t len, void **out, struct err *e)
{
	static const struct m_limits OURS = {
		.max_bytes = SIZE_MAX,
		.max_depth = 64,
		.max_nodes = INT32_MAX - 1,
	};
	struct reader r = { .is_journal = true };

	if (jin_open(&r.in, p, text, len, &OURS, e) < 0)
		return -1;
	return read_document(&r, t, out);
}
