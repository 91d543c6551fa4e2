/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operation requires of its input. A required path is "vm.cluster.id|vm.cluster.name": the first
 * word is the body's parameter, or a member of the action. Of several signatures the one that lacks
 * least explains the failure.
 */
#include <ctype.h>
#include <string.h>

#include "model/types.h"

struct input {
	const struct m_op *op;
	const struct m_type *type; /* of the document */
	const void *obj;
};

/* "cluster.id" of "vm.cluster.id" when vm is the body. */
static const char *inner_path(const struct input *in, const char *path)
{
	const char *dot = strchr(path, '.');
	const char *body = in->op->body ? in->op->body->name : NULL;

	if (!body || strncmp(path, body, strlen(body)) != 0)
		return path;
	if (dot && (size_t)(dot - path) == strlen(body))
		return dot + 1;
	return path[strlen(body)] == '\0' ? "" : path;
}

static bool is_given(const struct input *in, const char *required)
{
	g_auto(GStrv) ways = g_strsplit(required, "|", -1);

	for (char **way = ways; *way; way++) {
		const char *path = inner_path(in, *way);

		if (in->obj && (!*path || m_path_present(in->type, in->obj, path)))
			return true;
	}
	return false;
}

/* Append what is missing to the list; its number. */
static int collect(const struct input *in, const char *const *requires, GPtrArray *missing)
{
	int n = 0;

	for (; *requires; requires ++) {
		if (!is_given(in, *requires)) {
			g_ptr_array_add(missing, (gpointer) * requires);
			n++;
		}
	}
	return n;
}

static int collect_mandatory(const struct input *in, GPtrArray *missing)
{
	for (int i = 0; i < in->op->n_params; i++) {
		const struct m_param *p = &in->op->params[i];

		if (p->is_mandatory && p->via == M_VIA_ACTION && !is_given(in, p->name))
			g_ptr_array_add(missing, (gpointer)p->name);
	}
	return (int)missing->len;
}

static int given_count(const struct input *in, const char *const *requires)
{
	int n = 0;

	for (; *requires; requires ++)
		n += is_given(in, *requires);
	return n;
}

/* Of the signature that lacks least (of equals: that has most): what it lacks. 0 when one fits. */
static int collect_signature(const struct input *in, GPtrArray *missing)
{
	int best = -1, best_missing = 0, best_given = 0;

	for (int i = 0; i < in->op->n_signatures; i++) {
		g_autoptr(GPtrArray) lacks = g_ptr_array_new();
		int n = collect(in, in->op->signatures[i].requires, lacks);
		int given = given_count(in, in->op->signatures[i].requires);

		if (n == 0)
			return 0;
		if (best < 0 || n < best_missing || (n == best_missing && given > best_given)) {
			best = i;
			best_missing = n;
			best_given = given;
		}
	}
	return best < 0 ? 0 : collect(in, in->op->signatures[best].requires, missing);
}

/* "StorageDomain" of "storage_domain". */
static char *title_of(const char *name)
{
	GString *s = g_string_new(NULL);
	bool is_start = true;

	for (; *name; name++) {
		if (*name != '_')
			g_string_append_c(s, is_start ? (char)toupper((unsigned char)*name) : *name);
		is_start = *name == '_';
	}
	return g_string_free(s, FALSE);
}

static int report(const struct input *in, GPtrArray *missing, struct err *e)
{
	g_autofree char *title = title_of(in->type->name);
	g_autoptr(GString) list = g_string_new(NULL);
	const char *first = g_ptr_array_index(missing, 0);
	g_autofree char *field = g_strndup(first, strcspn(first, "|"));

	for (guint i = 0; i < missing->len; i++) {
		g_auto(GStrv) ways = g_strsplit(g_ptr_array_index(missing, i), "|", -1);

		for (char **way = ways; *way; way++)
			g_string_append_printf(list, "%s%s", way != ways ? "|" : i ? ", " : "", inner_path(in, *way));
	}
	return err_field(e, ERR_MISSING, field, "%s [%s] required for %s", title, list->str, in->op->method);
}

int m_op_check_input(const struct m_op *op, const void *body, struct err *e)
{
	struct input in = { .op = op, .obj = body };
	g_autoptr(GPtrArray) missing = g_ptr_array_new();

	if (op->body)
		in.type = op->body->type;
	else if (op->kind == M_OP_ACTION)
		in.type = &M_TYPE_action;
	if (!in.type || (op->body && op->body->is_list))
		return 0;
	if (collect_mandatory(&in, missing)) {
		const char *name = g_ptr_array_index(missing, 0);

		return err_field(e, ERR_MISSING, name, "Parameter '%s' is mandatory but was not provided.", name);
	}
	if (collect(&in, op->requires, missing) + collect_signature(&in, missing) == 0)
		return 0;
	return report(&in, missing, e);
}
