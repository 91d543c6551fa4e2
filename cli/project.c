/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/project.h"

#include <string.h>

#include "model/json_in.h"

static const struct m_limits LIMITS = { .max_bytes = (size_t)1 << 30, .max_depth = 64, .max_nodes = 100000000 };

static json_t *read_value(struct json_in *in);

static json_t *read_object(struct json_in *in)
{
	json_t *made = json_object();
	bool first = true;
	char name[128];
	int more;

	if (jin_enter(in) == 0) {
		while ((more = jin_more(in, '}', &first)) == 1) {
			json_t *v = jin_name(in, name, sizeof(name)) < 0 ? NULL : read_value(in);

			if (!v || json_object_set_new_nocheck(made, name, v) < 0)
				more = -1;
			if (more < 0)
				break;
		}
		if (more == 0)
			return made;
	}
	json_decref(made);
	return NULL;
}

static json_t *read_array(struct json_in *in)
{
	json_t *made = json_array();
	bool first = true;
	int more;

	if (jin_enter(in) == 0) {
		while ((more = jin_more(in, ']', &first)) == 1) {
			json_t *v = read_value(in);

			if (!v || json_array_append_new(made, v) < 0)
				more = -1;
			if (more < 0)
				break;
		}
		if (more == 0)
			return made;
	}
	json_decref(made);
	return NULL;
}

static json_t *read_value(struct json_in *in)
{
	struct jin_number n;
	char *s;
	bool b;

	switch (jin_peek(in)) {
	case '{': return read_object(in);
	case '[': return read_array(in);
	case '"': return jin_string(in, &s) < 0 ? NULL : json_string_nocheck(s);
	case 't':
	case 'f': return jin_bool(in, &b) < 0 ? NULL : json_boolean(b);
	case 'n': return jin_null(in) < 0 ? NULL : json_null();
	case '\0': jin_bad(in, "a value is missing"); return NULL;
	default:
		if (jin_number(in, &n) < 0)
			return NULL;
		return n.is_int ? json_integer(n.i) : json_real(n.d);
	}
}

static bool is_wanted(const char *const *members, const char *name)
{
	for (; members && *members; members++)
		if (strcmp(*members, name) == 0)
			return true;
	return !members && strcmp(name, "actions") != 0 && strcmp(name, "link") != 0;
}

static json_t *read_item(struct json_in *in, const char *const *members)
{
	json_t *made = json_object();
	bool first = true;
	char name[128];
	int more = -1;

	if (jin_peek(in) == '{' && jin_enter(in) == 0) {
		while ((more = jin_more(in, '}', &first)) == 1) {
			json_t *v;

			if (jin_name(in, name, sizeof(name)) < 0)
				break;
			if (!is_wanted(members, name)) {
				if (jin_skip(in) < 0)
					break;
				continue;
			}
			v = read_value(in);
			if (!v || json_object_set_new_nocheck(made, name, v) < 0)
				break;
		}
	}
	if (more == 0)
		return made;
	json_decref(made);
	return NULL;
}

static int read_items(struct json_in *in, const char *const *members, json_t *out)
{
	bool first = true;
	int more;

	if (jin_peek(in) != '[' || jin_enter(in) < 0)
		return -1;
	while ((more = jin_more(in, ']', &first)) == 1) {
		json_t *v = read_item(in, members);

		if (!v)
			return -1;
		json_array_append_new(out, v);
	}
	return more;
}

json_t *project_list(const char *text, size_t len, const char *item, const char *const *members, struct err *e)
{
	auto_pool p = pool_new();
	struct json_in in;
	json_t *out = json_array();
	bool first = true;
	char name[128];
	int more = -1;

	e->code = ERR_NONE;
	if (jin_open(&in, p, text, len, &LIMITS, e) == 0 && jin_peek(&in) == '{' && jin_enter(&in) == 0)
		while ((more = jin_more(&in, '}', &first)) == 1)
			if (jin_name(&in, name, sizeof(name)) < 0 ||
			    (strcmp(name, item) == 0 ? read_items(&in, members, out) : jin_skip(&in)) < 0) {
				more = -1;
				break;
			}
	if (more == 0)
		return out;
	json_decref(out);
	if (e->code == ERR_NONE)
		err_set(e, ERR_BACKEND, "The answer is no list.");
	e->code = ERR_BACKEND;
	return NULL;
}
