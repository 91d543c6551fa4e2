/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/body.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/uuid.h"
#include "cli/text.h"
#include "cli/value.h"

static bool is_param(const struct body *b, const char *name)
{
	for (int i = 0; i < b->op->n_params; i++)
		if (b->op->params[i].via == M_VIA_ACTION && strcmp(b->op->params[i].name, name) == 0)
			return true;
	return false;
}

/* A member of t by a word of a flag: '-' and '_' are the same. */
static const struct m_field *find_member(const struct m_type *t, const char *word, size_t len)
{
	g_autofree char *name = g_strndup(word, len);

	for (int i = 0; i < t->n_fields; i++)
		if (!(t->fields[i].flags & M_F_INTERNAL) && text_same_word(t->fields[i].name, name))
			return &t->fields[i];
	return NULL;
}

static const struct m_field *member_of(const struct body *b, const struct m_type *t, const char *word, size_t len)
{
	const struct m_field *f = find_member(t, word, len);

	return f && t == b->type && b->is_action && !is_param(b, f->name) ? NULL : f;
}

const struct m_field *body_field(const struct body *b, const char *flag)
{
	const struct m_type *t = b->type;
	const struct m_field *f = NULL;

	while (t) {
		size_t len = strcspn(flag, ".");

		f = len ? member_of(b, t, flag, len) : NULL;
		if (!f || !flag[len])
			return f;
		flag += len + 1;
		t = f->kind == M_STRUCT || f->kind == M_REF ? f->type : NULL;
	}
	return NULL;
}

/* ---- values ---- */

static json_t *struct_value(struct body *b, const struct m_type *t, const char *flag, const char *text, struct err *e);

static json_t *ref_value(struct body *b, const struct m_field *f, const char *flag, const char *text, struct err *e)
{
	g_autofree char *id = NULL;

	if (strncmp(text, "id=", 3) == 0)
		return json_pack("{s:s}", "id", text + 3);
	if (strncmp(text, "name=", 5) == 0)
		return json_pack("{s:s}", "name", text + 5);
	if (uuid_is_valid(text))
		return json_pack("{s:s}", "id", text);
	if (*text == '{' || (strchr(text, '=') && !f->type->ref_prefix))
		return struct_value(b, f->type, flag, text, e);
	if (!b->find || !f->type->ref_prefix)
		return json_pack("{s:s}", "name", text);
	id = b->find(b->find_arg, f->type, text, e);
	if (!id) {
		err_wrap(e, "--%s", flag);
		return NULL;
	}
	return json_pack("{s:s}", "id", id);
}

static json_t *one_value(struct body *b, const struct m_field *f, const char *flag, const char *text, struct err *e)
{
	if (f->kind == M_REF || (f->kind == M_STRUCT && f->type->is_identified))
		return ref_value(b, f, flag, text, e);
	if (f->kind == M_STRUCT)
		return struct_value(b, f->type, flag, text, e);
	return value_scalar(f->kind, f->enum_, flag, text, e);
}

/* The object at a member, made when it is not there. */
static json_t *child_object(json_t *in, const char *name)
{
	json_t *there = json_object_get(in, name);

	if (!json_is_object(there)) {
		there = json_object();
		json_object_set_new(in, name, there);
	}
	return there;
}

/* Lists are {"item": [...]} on the wire. */
static json_t *child_list(json_t *in, const struct m_field *f)
{
	json_t *wrap = child_object(in, f->name), *items = json_object_get(wrap, f->item);

	if (!json_is_array(items)) {
		items = json_array();
		json_object_set_new(wrap, f->item, items);
	}
	return items;
}

/* One value, or, for lists of words and numbers, several with commas between. */
static int append_values(struct body *b, json_t *in, const struct m_field *f, const char *flag, const char *text,
                         struct err *e)
{
	json_t *items = child_list(in, f);
	bool is_split = f->kind != M_STRING && f->kind != M_STRUCT && *text != '{';
	g_auto(GStrv) parts = NULL;

	if (!*text) /* an empty list */
		return 0;
	parts = g_strsplit(text, is_split ? "," : "\001", -1);
	for (char **p = parts; *p; p++) {
		json_t *v = one_value(b, f, flag, *p, e);

		if (!v)
			return -1;
		json_array_append_new(items, v);
	}
	return 0;
}

static int set_in(struct body *b, const struct m_type *t, json_t *in, const char *flag, const char *path,
                  const char *text, struct err *e)
{
	size_t len = strcspn(path, ".");
	const struct m_field *f = member_of(b, t, path, len);
	json_t *v;

	if (!f)
		return err_set(e, ERR_SYNTAX, "--%.60s: %s has no member '%.*s'", flag, t->name, (int)MIN(len, 60),
		               path);
	if (path[len]) {
		if ((f->kind != M_STRUCT && f->kind != M_REF) || (f->flags & M_F_LIST))
			return err_set(e, ERR_SYNTAX, "--%.60s: %s has no members that can be given so", flag, f->name);
		return set_in(b, f->type, child_object(in, f->name), flag, path + len + 1, text, e);
	}
	if (f->flags & M_F_LIST)
		return append_values(b, in, f, flag, text, e);
	v = one_value(b, f, flag, text, e);
	if (!v)
		return -1;
	if (json_is_object(v) && json_is_object(json_object_get(in, f->name))) {
		json_object_update_recursive(json_object_get(in, f->name), v);
		json_decref(v);
	} else {
		json_object_set_new(in, f->name, v);
	}
	return 0;
}

/* The only member of a structure, if it is a plain one: a bare value is meant for it. */
static const struct m_field *only_member(const struct m_type *t)
{
	return t->n_fields == 1 && t->fields[0].kind != M_STRUCT && !(t->fields[0].flags & M_F_LIST) ? &t->fields[0]
	                                                                                             : NULL;
}

/* "cores=2,sockets=1", or JSON. */
static json_t *struct_value(struct body *b, const struct m_type *t, const char *flag, const char *text, struct err *e)
{
	g_auto(GStrv) parts = NULL;
	json_t *made, *sub;
	json_error_t je;

	if (*text == '{') {
		made = json_loads(text, 0, &je);
		if (!made)
			err_set(e, ERR_SYNTAX, "--%s: %s", flag, je.text);
		return made;
	}
	made = json_object();
	if (only_member(t) && !strchr(text, '=')) {
		if (set_in(b, t, made, flag, only_member(t)->name, text, e) == 0)
			return made;
		json_decref(made);
		return NULL;
	}
	parts = g_strsplit(text, ",", -1);
	for (char **p = parts; *p; p++) {
		char *eq = strchr(*p, '=');

		sub = made;
		if (!eq) {
			err_set(e, ERR_SYNTAX, "--%s: write name=value pairs with commas between, for example %s=...",
			        flag, t->n_fields ? t->fields[0].name : "name");
			json_decref(made);
			return NULL;
		}
		*eq = '\0';
		if (set_in(b, t, sub, flag, *p, eq + 1, e) < 0) {
			json_decref(made);
			return NULL;
		}
	}
	return made;
}

int body_set(struct body *b, const char *flag, const char *text, struct err *e)
{
	if (!g_utf8_validate(text, -1, NULL))
		return err_set(e, ERR_SYNTAX, "--%s: the value is not UTF-8", flag);
	return set_in(b, b->type, b->json, flag, flag, text, e);
}

/* ---- files ---- */

static json_t *read_xml(const struct body *b, const char *text, size_t len, struct err *e)
{
	auto_pool p = pool_new();
	g_autoptr(GString) out = g_string_new(NULL);
	struct m_write w = { .base = "/ovirt-engine/api" };
	void *obj;

	if (m_from_xml(p, b->type, text, len, &M_LIMITS_DEFAULT, &obj, e) < 0)
		return NULL;
	m_write_json(out, b->type, obj, &w);
	return json_loadb(out->str, out->len, 0, NULL);
}

int body_load(struct body *b, const char *path, struct err *e)
{
	g_autofree char *text = NULL;
	const char *first, *file = strcmp(path, "-") == 0 ? "/dev/stdin" : path;
	gsize len = 0;
	json_t *doc;

	if (access(file, R_OK) < 0 || !g_file_get_contents(file, &text, &len, NULL))
		return err_set(e, ERR_BACKEND, "%s cannot be read: %s", path, g_strerror(errno));
	first = text + strspn(text, " \t\r\n");
	if (g_str_has_prefix(first, "\xef\xbb\xbf"))
		first += 3;
	if (*first == '<')
		doc = read_xml(b, first, len - (gsize)(first - text), e);
	else if (*first == '{')
		doc = json_loadb(first, len - (gsize)(first - text), 0, NULL);
	else
		doc = yaml_to_json(first, len - (gsize)(first - text), e);
	if (!doc && *first == '{')
		doc =
		    yaml_to_json(first, len - (gsize)(first - text), e); /* YAML's flow form, and the better message */
	if (!doc)
		return err_wrap(e, "%s", path);
	if (!json_is_object(doc)) {
		json_decref(doc);
		return err_set(e, ERR_SYNTAX, "%s: the document must be one object", path);
	}
	json_object_update_recursive(doc, b->json);
	json_decref(b->json);
	b->json = doc;
	return 0;
}

/* ---- what was meant ---- */

static void offer_members(struct guess *g, const struct body *b, const struct m_type *t, const char *prefix)
{
	for (int i = 0; i < t->n_fields; i++) {
		g_autofree char *dashed = NULL, *full = NULL;

		if ((t->fields[i].flags & (M_F_INTERNAL | M_F_READONLY)) ||
		    (t == b->type && b->is_action && !is_param(b, t->fields[i].name)))
			continue;
		dashed = text_dashed(t->fields[i].name);
		full = g_strconcat(prefix, dashed, NULL);
		guess_offer(g, full);
	}
}

/* A nested member of exactly that name: --cores is --cpu.topology.cores. */
static char *find_nested(const struct body *b, const struct m_type *t, const char *word, const char *prefix, int depth)
{
	const struct m_field *f = depth ? find_member(t, word, strlen(word)) : NULL;

	if (f && f->kind != M_STRUCT && !(f->flags & M_F_LIST)) {
		g_autofree char *dashed = text_dashed(f->name);
		return g_strconcat(prefix, dashed, NULL);
	}
	for (int i = 0; depth < 3 && i < t->n_fields; i++) {
		g_autofree char *dashed = NULL, *full = NULL;
		char *found;

		f = &t->fields[i];
		if (f->kind != M_STRUCT || (f->flags & (M_F_LIST | M_F_INTERNAL)) || f->type->is_identified ||
		    f->type == t || (t == b->type && b->is_action && !is_param(b, f->name)))
			continue;
		dashed = text_dashed(f->name);
		full = g_strconcat(prefix, dashed, ".", NULL);
		found = find_nested(b, f->type, word, full, depth + 1);
		if (found)
			return found;
	}
	return NULL;
}

char *body_suggest(const struct body *b, const char *flag)
{
	struct guess g = GUESS(flag);
	const struct m_type *t = b->type;
	const char *dot = strrchr(flag, '.');
	g_autofree char *head = dot ? g_strndup(flag, (gsize)(dot - flag)) : NULL,
	                *prefix = dot ? g_strndup(flag, (gsize)(dot - flag) + 1) : g_strdup("");
	const struct m_field *f = head ? body_field(b, head) : NULL;

	if (!t)
		return NULL;
	if (!dot) {
		char *nested = find_nested(b, t, flag, "", 0);

		if (nested)
			return nested;
	}
	if (f && f->type)
		t = f->type;
	offer_members(&g, b, t, f ? prefix : "");
	return g_strdup(guess_best(&g));
}
