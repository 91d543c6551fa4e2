/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/resolve.h"

#include <string.h>

#include "base/auto.h"
#include "base/uuid.h"
#include "cli/project.h"
#include "cli/web.h"

/* Members by which people call things; the first that is there. */
static const char *const LABELS[] = {
	"name", "alias", "user_name", "description", "protocol", "address", "value", NULL
};
static const char *const WANTED[] = { "id",      "name",  "alias", "user_name", "description", "protocol",
	                              "address", "value", "disk",  "principal", "version",     NULL };

const char *resolve_label(const json_t *item)
{
	for (int i = 0; LABELS[i]; i++) {
		const char *s = json_string_value(json_object_get(item, LABELS[i]));

		if (s && *s)
			return s;
	}
	return NULL;
}

json_t *resolve_list(struct cli *c, const struct m_type *t, const char *path, const char *query,
                     const char *const *members, struct err *e)
{
	struct web *w = cli_web(c, e);
	g_autofree char *url = g_strconcat(API_BASE "/", path, query ? "?" : "", query, NULL);
	struct web_request r = { .method = "GET", .path = url };
	auto_answer a = { 0 };

	if (!w || web_call(w, &r, &a, e) < 0)
		return NULL;
	return project_list(a.body->str, a.body->len, t->element, members, e);
}

bool resolve_can_search(const char *path, const char *text)
{
	static const char *const paths[] = { "vms",       "hosts",         "clusters", "datacenters", "storagedomains",
		                             "templates", "instancetypes", "vmpools",  "disks",       "networks" };

	for (size_t i = 0; i < G_N_ELEMENTS(paths); i++)
		if (strcmp(paths[i], path) == 0)
			return !strpbrk(text, "\"'*;\\");
	return false;
}

/* Ids that are no UUIDs: of events, options, operating systems, file names. */
static bool is_other_id(const struct tree_level *l, const char *text)
{
	static const char *const services[] = { "events", "system_options", "files", "network_labels", NULL };

	if (l->item && !m_service_op(l->service, M_OP_LIST, NULL))
		return true;
	for (int i = 0; services[i]; i++)
		if (strcmp(services[i], l->service->name) == 0)
			return true;
	return false;
}

static bool fits(const json_t *item, const char *text)
{
	for (int i = 0; LABELS[i]; i++) {
		const char *s = json_string_value(json_object_get(item, LABELS[i]));

		if (s && *s && strcmp(s, text) == 0)
			return true;
	}
	return g_strcmp0(json_string_value(json_object_get(item, "id")), text) == 0;
}

static int several(const json_t *items, const char *text, const char *what, struct err *e)
{
	g_autoptr(GString) ids = g_string_new(NULL);
	const json_t *each;
	size_t i, n = 0;

	json_array_foreach (items, i, each)
		if (fits(each, text) && n++ < 8)
			g_string_append_printf(ids, "%s%s", ids->len ? ", " : "",
			                       json_string_value(json_object_get(each, "id")));
	return err_set(e, ERR_INVALID, "%zu of %s are called '%.60s'. Say which by its id: %s%s", n, what, text,
	               ids->str, n > 8 ? ", ..." : "");
}

static char *disk_id(struct cli *c, const char *text);

static char *pick(struct cli *c, const struct tree_level *l, const json_t *items, const char *path, const char *text,
                  struct err *e)
{
	const char *id = NULL, *other = NULL;
	const json_t *each;
	size_t i, n = 0;

	if (l->type && strcmp(l->type->name, "disk_attachment") == 0)
		other = disk_id(c, text);
	json_array_foreach (items, i, each) {
		const char *own = json_string_value(json_object_get(each, "id"));

		if (own && (fits(each, text) || (other && strcmp(own, other) == 0))) {
			id = own;
			n++;
		}
	}
	if (n == 1)
		return pool_strdup(c->pool, id);
	if (n == 0)
		err_set(e, ERR_NO_ENTITY, "There is no %s '%.100s'.", l->type ? l->type->name : path, text);
	else
		several(items, text, l->path, e);
	return NULL;
}

char *resolve_item(struct cli *c, const struct tree_level *l, const char *path, const char *text, struct err *e)
{
	g_autoptr(GString) query = g_string_new(NULL);
	auto_json *items = NULL;

	if (!*text) {
		err_set(e, ERR_SYNTAX, "An empty name names nothing.");
		return NULL;
	}
	if (uuid_is_valid(text) || is_other_id(l, text) || !l->type) {
		g_string_truncate(query, 0);
		web_append_escaped(query, text);
		return pool_strdup(c->pool, query->str);
	}
	if (resolve_can_search(path, text)) {
		g_autofree char *term = g_strdup_printf("name=\"%s\"", text);

		g_string_append(query, "search=");
		web_append_escaped(query, term);
	}
	items = resolve_list(c, l->type, path, query->len ? query->str : NULL, WANTED, e);
	return items ? pick(c, l, items, path, text, e) : NULL;
}

char *resolve_reference(void *cli, const struct m_type *t, const char *text, struct err *e)
{
	struct cli *c = cli;
	const struct m_locator *home = tree_home(t);
	struct tree_level l;

	if (!home) {
		err_set(e, ERR_SYNTAX, "a %s can only be given by its id", t->name);
		return NULL;
	}
	l = tree_level_of(home);
	return g_strdup(resolve_item(c, &l, home->path, text, e));
}

/* An attachment is called as its disk. */
static char *disk_id(struct cli *c, const char *text)
{
	struct err quiet = ERR_INIT;
	struct tree_level l = tree_level_of(tree_home(m_type_find("disk")));

	return resolve_item(c, &l, "disks", text, &quiet);
}

/* ---- ids to names ---- */

struct names {
	const struct m_type *type;
	json_t *by_id;
};

static GArray *known; /* of struct names; one command runs in one process */

static json_t *load_names(struct cli *c, const struct m_type *t)
{
	static const char *const members[] = { "id", "name", "alias", "user_name", NULL };
	const struct m_locator *home = tree_home(t);
	struct err quiet = ERR_INIT;
	json_t *items, *each, *made = json_object();
	size_t i;

	items = home ? resolve_list(c, t, home->path, NULL, members, &quiet) : NULL;
	json_array_foreach (items, i, each) {
		const char *id = json_string_value(json_object_get(each, "id")), *label = resolve_label(each);

		if (id && label)
			json_object_set_new_nocheck(made, id, json_string_nocheck(label));
	}
	json_decref(items);
	return made;
}

const char *resolve_name(struct cli *c, const struct m_type *t, const char *id)
{
	struct names n = { .type = t };
	const char *label;

	if (!known)
		known = g_array_new(FALSE, FALSE, sizeof(struct names));
	for (guint i = 0; i < known->len && !n.by_id; i++)
		if (g_array_index(known, struct names, i).type == t)
			n = g_array_index(known, struct names, i);
	if (!n.by_id) {
		n.by_id = load_names(c, t);
		pool_on_free(c->pool, (void (*)(void *))json_decref, n.by_id);
		g_array_append_val(known, n);
	}
	label = json_string_value(json_object_get(n.by_id, id));
	return label ? label : id;
}
