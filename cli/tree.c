/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tree.h"

#include <glib.h>
#include <string.h>

#include "cli/text.h"

/* Words beside the paths and types of the tree. */
static const struct {
	const char *service, *word, *path;
} ALIASES[] = {
	{ "system", "dc", "datacenters" },
	{ "system", "sd", "storagedomains" },
	{ "system", "storage", "storagedomains" },
	{ "system", "pool", "vmpools" },
	{ "system", "provider", "openstacknetworkproviders" },
	{ "system", "os", "operatingsystems" },
	{ "system", "profile", "vnicprofiles" },
	{ "system", "connection", "storageconnections" },
	{ "system", "instance", "instancetypes" },
	{ "data_center", "storage", "storagedomains" },
	{ "data_center", "sd", "storagedomains" },
	{ "data_center", "qos", "qoss" },
	{ "vm", "disk", "diskattachments" },
	{ "vm", "app", "applications" },
	{ "vm", "label", "affinitylabels" },
	{ "template", "disk", "diskattachments" },
	{ "host", "network", "networkattachments" },
	{ "host", "label", "affinitylabels" },
};

static const struct {
	const char *word;
	enum m_op_kind kind;
} VERBS[] = {
	{ "list", M_OP_LIST },       { "ls", M_OP_LIST },       { "show", M_OP_GET },      { "get", M_OP_GET },
	{ "create", M_OP_ADD },      { "add", M_OP_ADD },       { "attach", M_OP_ADD },    { "new", M_OP_ADD },
	{ "assign", M_OP_ADD },      { "update", M_OP_UPDATE }, { "set", M_OP_UPDATE },    { "edit", M_OP_UPDATE },
	{ "remove", M_OP_REMOVE },   { "rm", M_OP_REMOVE },     { "delete", M_OP_REMOVE }, { "detach", M_OP_REMOVE },
	{ "unassign", M_OP_REMOVE },
};

const struct m_type *tree_type(const struct m_service *s)
{
	const struct m_op *op = m_service_op(s, M_OP_LIST, NULL);

	if (!op)
		op = m_service_op(s, M_OP_GET, NULL);
	if (!op)
		op = m_service_op(s, M_OP_ADD, NULL);
	if (op && op->result)
		return op->result->type;
	return op && op->body ? op->body->type : NULL;
}

bool tree_is_part(const struct m_service *s, int i)
{
	if (s->locators[i].param)
		return false;
	for (int k = 0; k < i; k++)
		if (strcmp(s->locators[k].path, s->locators[i].path) == 0)
			return false;
	return true;
}

struct tree_level tree_level_of(const struct m_locator *l)
{
	struct tree_level level = { .path = l->path, .service = l->service };

	for (int i = 0; i < l->service->n_locators; i++)
		if (l->service->locators[i].param) {
			level.locator = &l->service->locators[i];
			level.item = level.locator->service;
		}
	level.type = tree_type(l->service);
	if (!level.type && level.item)
		level.type = tree_type(level.item);
	return level;
}

static bool is_singular(const char *path, const char *word)
{
	size_t n = strlen(path);
	g_autofree char *cut = NULL;

	if (n > 3 && strcmp(path + n - 3, "ies") == 0)
		cut = g_strdup_printf("%.*sy", (int)n - 3, path);
	else if (n > 1 && path[n - 1] == 's')
		cut = g_strndup(path, n - 1);
	return cut && text_same_word(cut, word);
}

static bool is_type_word(const struct m_type *t, const char *word)
{
	g_autofree char *plural = t ? g_strconcat(t->name, "s", NULL) : NULL;

	return t &&
	       (text_same_word(t->name, word) || text_same_word(plural, word) || text_same_word(t->collection, word));
}

static const struct m_locator *find_locator(const struct m_service *s, const char *word)
{
	const struct m_locator *end = s->locators + s->n_locators;

	for (const struct m_locator *l = s->locators; l < end; l++)
		if (!l->param && (text_same_word(l->path, word) || is_singular(l->path, word)))
			return l;
	for (size_t i = 0; i < G_N_ELEMENTS(ALIASES); i++)
		if (strcmp(ALIASES[i].service, s->name) == 0 && text_same_word(ALIASES[i].word, word))
			return find_locator(s, ALIASES[i].path);
	for (const struct m_locator *l = s->locators; l < end; l++)
		if (!l->param && is_type_word(tree_type(l->service), word))
			return l;
	return NULL;
}

const struct m_service *tree_below(const struct tree_place *p)
{
	const struct tree_level *last;

	if (p->depth == 0)
		return M_ROOT_SERVICE;
	last = &p->level[p->depth - 1];
	return last->item ? last->item : last->service;
}

bool tree_enter(struct tree_place *p, const char *word)
{
	const struct m_locator *l = find_locator(tree_below(p), word);

	if (!l || p->depth == TREE_DEPTH)
		return false;
	p->level[p->depth++] = tree_level_of(l);
	return true;
}

char *tree_word(const struct tree_level *l)
{
	static const char *const by_path[] = { "glusterhooks", "externalhostproviders", "operatingsystems", "storage",
		                               "tags" };
	size_t n = strlen(l->path);

	for (size_t i = 0; i < G_N_ELEMENTS(by_path); i++)
		if (strcmp(by_path[i], l->path) == 0)
			return l->path[n - 1] == 's' ? g_strndup(l->path, n - 1) : g_strdup(l->path);
	if (l->type && !is_singular(l->path, l->type->name) && !is_type_word(l->type, l->path))
		return is_singular(l->path, l->path) || l->path[n - 1] != 's' ? g_strdup(l->path)
		                                                              : g_strndup(l->path, n - 1);
	return l->type ? text_dashed(l->type->name) : g_strdup(l->path);
}

/* ---- verbs ---- */

static const char *kind_word(const struct m_op *op)
{
	static const char *const words[] = { [M_OP_LIST] = "list",
		                             [M_OP_GET] = "show",
		                             [M_OP_ADD] = "create",
		                             [M_OP_UPDATE] = "update",
		                             [M_OP_REMOVE] = "remove" };

	if (op->kind == M_OP_ACTION) {
		g_autofree char *dashed = text_dashed(op->method);

		return text_same_word(dashed, op->path) ? g_intern_string(dashed) : op->path;
	}
	return words[op->kind];
}

static bool find_action(const struct m_service *s, const char *word, const struct m_op **op)
{
	for (int i = 0; s && i < s->n_ops; i++)
		if (s->ops[i]->kind == M_OP_ACTION && text_same_word(s->ops[i]->path, word)) {
			*op = s->ops[i];
			return true;
		}
	return false;
}

/* Several can be removed at once, and one. */
static bool removes_both(const struct m_service *coll, const struct m_service *item)
{
	return item && m_service_op(coll, M_OP_REMOVE, NULL) && m_service_op(item, M_OP_REMOVE, NULL);
}

bool tree_verb_find(const struct tree_place *p, const char *word, struct tree_verb *out)
{
	const struct tree_level *last = p->depth ? &p->level[p->depth - 1] : NULL;
	const struct m_service *coll = last ? last->service : M_ROOT_SERVICE, *item = last ? last->item : NULL;
	const struct m_op *op = NULL;

	*out = (struct tree_verb){ .word = word };
	if (find_action(item, word, &op)) {
		*out = (struct tree_verb){ kind_word(op), op, true };
		return true;
	}
	if (find_action(coll, word, &op)) {
		*out = (struct tree_verb){ kind_word(op), op, false };
		return true;
	}
	if (text_same_word(word, "remove-all") && removes_both(coll, item)) {
		*out = (struct tree_verb){ "remove-all", m_service_op(coll, M_OP_REMOVE, NULL), false };
		return true;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(VERBS); i++) {
		bool is_item = VERBS[i].kind != M_OP_LIST && VERBS[i].kind != M_OP_ADD;

		if (!text_same_word(VERBS[i].word, word))
			continue;
		for (int turn = 0; turn < 2; turn++, is_item = !is_item) {
			op = is_item ? (item ? m_service_op(item, VERBS[i].kind, NULL) : NULL)
			             : m_service_op(coll, VERBS[i].kind, NULL);
			if (op) {
				*out = (struct tree_verb){ kind_word(op), op, is_item };
				return true;
			}
		}
	}
	return false;
}

static void add_verbs(GArray *out, const struct m_service *s, bool is_item)
{
	for (int kind = M_OP_LIST; kind <= M_OP_ACTION; kind++)
		for (int i = 0; s && i < s->n_ops; i++)
			if (s->ops[i]->kind == (enum m_op_kind)kind) {
				struct tree_verb v = { kind_word(s->ops[i]), s->ops[i], is_item };

				g_array_append_val(out, v);
			}
}

GArray *tree_verbs(const struct tree_place *p)
{
	const struct tree_level *last = p->depth ? &p->level[p->depth - 1] : NULL;
	GArray *out = g_array_new(FALSE, TRUE, sizeof(struct tree_verb));

	add_verbs(out, last ? last->service : M_ROOT_SERVICE, false);
	for (guint i = 0; last && removes_both(last->service, last->item) && i < out->len; i++)
		if (g_array_index(out, struct tree_verb, i).op->kind == M_OP_REMOVE)
			g_array_index(out, struct tree_verb, i).word = "remove-all";
	add_verbs(out, last ? last->item : NULL, true);
	return out;
}

/* ---- where entities live ---- */

const struct m_locator *tree_home(const struct m_type *t)
{
	const struct m_service *root = M_ROOT_SERVICE;
	size_t n;

	if (!t || !t->ref_prefix)
		return NULL;
	n = strlen(t->ref_prefix) - 1;
	for (int i = 0; i < root->n_locators; i++)
		if (strlen(root->locators[i].path) == n && strncmp(root->locators[i].path, t->ref_prefix, n) == 0)
			return &root->locators[i];
	return NULL;
}

bool tree_takes_existing(const struct tree_level *l)
{
	static const char *const makers[] = { "data_center_networks",   "assigned_cpu_profiles",
		                              "assigned_disk_profiles", "assigned_vnic_profiles",
		                              "user_options",           "assigned_permissions" };

	for (size_t i = 0; i < G_N_ELEMENTS(makers); i++)
		if (strcmp(l->service->name, makers[i]) == 0)
			return false;
	return l->type && tree_home(l->type) && l->item && l->type->path_service != l->item;
}
