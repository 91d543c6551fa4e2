/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/out.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "cli/body.h"
#include "cli/columns.h"
#include "cli/project.h"
#include "cli/resolve.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/value.h"

int out_format_parse(struct cli *c, struct err *e)
{
	static const char *const names[] = { "table", "wide", "json", "yaml", "xml", "id", "csv" };
	struct guess g;

	if (!c->opt.output)
		return 0;
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (strcmp(names[i], c->opt.output) == 0) {
			c->opt.format = (enum out_format)i;
			return 0;
		}
	g = (struct guess)GUESS(c->opt.output);
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		guess_offer(&g, names[i]);
	return err_set(e, ERR_SYNTAX, "-o must be table, wide, json, yaml, xml, id or csv, not '%.40s'%s%s",
	               c->opt.output, guess_best(&g) ? "; did you mean " : "", guess_best(&g) ? guess_best(&g) : "");
}

const char *out_accept(const struct cli *c)
{
	return c->opt.format == OUT_XML ? "application/xml" : "application/json";
}

void out_text(const struct cli *c, const char *s, size_t len)
{
	g_autoptr(GString) clean = NULL;

	if (!c->is_tty) {
		fwrite(s, 1, len, stdout);
		return;
	}
	clean = g_string_sized_new(len);
	text_append_printable(clean, s, (gssize)len, true);
	fwrite(clean->str, 1, clean->len, stdout);
}

int out_finish(struct err *e)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	return err_errno(e, errno ? errno : EIO, "write the output");
}

/* Where an entity's URLs are is noise to people; `hostler api` shows it. */
static void drop_noise(json_t *j)
{
	const char *key;
	json_t *v;
	size_t i;

	if (json_is_object(j)) {
		json_object_del(j, "actions");
		json_object_del(j, "link");
		json_object_foreach (j, key, v)
			drop_noise(v);
	}
	json_array_foreach (j, i, v)
		drop_noise(v);
}

static void print_json(const struct cli *c, const json_t *j)
{
	char *text = json_dumps(j, JSON_INDENT(2) | JSON_PRESERVE_ORDER);

	out_text(c, text, strlen(text));
	out_text(c, "\n", 1);
	free(text);
}

/* With --columns: of each item those members alone, by their paths. */
static json_t *pick_members(const struct columns *cs, const json_t *item)
{
	json_t *made = json_object();

	for (int i = 0; i < cs->n; i++) {
		g_auto(GStrv) words = g_strsplit(cs->v[i].path, ".", -1);
		const json_t *j = item;

		for (char **w = words; j && *w; w++)
			j = json_object_get(j, *w);
		if (j)
			json_object_set(made, cs->v[i].path, (json_t *)j);
	}
	return made;
}

/* j (an entity or a list of them) becomes what --columns asks for. */
static int narrow(struct cli *c, const struct m_type *t, json_t **j, struct err *e)
{
	struct columns cs = { .n = 0 };
	json_t *each, *made;
	size_t i;

	if (!c->opt.columns || (c->opt.format != OUT_JSON && c->opt.format != OUT_YAML))
		return 0;
	if (columns_choose(&cs, c, t, e) < 0) {
		columns_clear(&cs);
		return -1;
	}
	made = json_is_array(*j) ? json_array() : pick_members(&cs, *j);
	json_array_foreach (*j, i, each)
		json_array_append_new(made, pick_members(&cs, each));
	json_decref(*j);
	*j = made;
	columns_clear(&cs);
	return 0;
}

static void print_yaml(const struct cli *c, const json_t *j)
{
	g_autoptr(GString) text = g_string_new(NULL);

	yaml_append(text, j);
	out_text(c, text->str, text->len);
}

/* ---- lists ---- */

static int sort_column(const struct cli *c, struct columns *cs, const char *spec, bool *is_descending, struct err *e)
{
	g_autofree char *name = g_strdup(spec + (*spec == '-'));
	char *space = strchr(name, ' ');

	*is_descending = *spec == '-';
	if (space) {
		*is_descending = g_ascii_strcasecmp(g_strstrip(space), "desc") == 0;
		*space = '\0';
	}
	for (int i = 0; i < cs->n; i++)
		if (text_same_word(cs->v[i].path, name) || text_same_word(cs->v[i].title, name))
			return i;
	return err_set(e, ERR_SYNTAX, "--sort: '%.60s' is not one of the columns; name it in --columns, too", name);
}

static int print_table(struct cli *c, const struct m_type *t, struct columns *cs, const json_t *items, int key,
                       bool is_descending)
{
	const char *titles[64], *cells[65];
	GString *texts[64];
	struct table *table;
	const json_t *each;
	bool is_csv = c->opt.format == OUT_CSV;
	size_t i;

	for (int k = 0; k < cs->n; k++) {
		titles[k] = cs->v[k].title;
		texts[k] = g_string_new(NULL);
	}
	table = table_new(titles, cs->n);
	json_array_foreach (items, i, each) {
		for (int k = 0; k < cs->n; k++) {
			g_string_truncate(texts[k], 0);
			columns_cell(texts[k], c, t, each, cs->v[k].path, !is_csv);
			cells[k] = texts[k]->str;
		}
		table_row(table, cells);
	}
	if (key >= 0)
		table_sort(table, key, is_descending);
	if (is_csv)
		table_print_csv(table, stdout, !c->opt.no_headers);
	else
		table_print(table, stdout, !c->opt.no_headers, c->has_colour);
	table_free(table);
	for (int k = 0; k < cs->n; k++)
		g_string_free(texts[k], TRUE);
	return 0;
}

/* Order items by what the API says of one member: numbers as numbers. */
struct order {
	const struct m_type *type;
	struct cli *c;
	const char *path;
	int sign;
};

static int compare_items(const void *a, const void *b, void *arg)
{
	const struct order *o = arg;
	g_autoptr(GString) x = g_string_new(NULL), y = g_string_new(NULL);
	char *xe, *ye;
	double dx, dy;

	columns_cell(x, o->c, o->type, *(json_t *const *)a, o->path, false);
	columns_cell(y, o->c, o->type, *(json_t *const *)b, o->path, false);
	dx = g_ascii_strtod(x->str, &xe);
	dy = g_ascii_strtod(y->str, &ye);
	if (xe != x->str && ye != y->str && !*xe && !*ye)
		return o->sign * (dx < dy ? -1 : dx > dy);
	return o->sign * strcmp(x->str, y->str);
}

static json_t *sorted(struct cli *c, const struct m_type *t, json_t *items, const char *path, bool is_descending)
{
	struct order o = { .type = t, .c = c, .path = path, .sign = is_descending ? -1 : 1 };
	g_autoptr(GPtrArray) all = g_ptr_array_new();
	json_t *each, *made = json_array();
	size_t i;

	json_array_foreach (items, i, each)
		g_ptr_array_add(all, each);
	g_ptr_array_sort_with_data(all, compare_items, &o);
	for (guint k = 0; k < all->len; k++)
		json_array_append(made, all->pdata[k]);
	json_decref(items);
	return made;
}

static int list_in_columns(struct cli *c, const struct m_type *t, const struct web_answer *a, struct columns *cs,
                           struct err *e)
{
	auto_json *items = project_list(a->body->str, a->body->len, t->element, columns_members(c->pool, cs), e);
	bool is_descending = false;
	int key = -1;

	if (!items)
		return -1;
	if (c->opt.sort) {
		key = sort_column(c, cs, c->opt.sort, &is_descending, e);
		if (key < 0)
			return -1;
		if (m_field_find(t, cs->v[key].path) && m_field_find(t, cs->v[key].path)->kind != M_REF) {
			items = sorted(c, t, items, cs->v[key].path, is_descending);
			key = -1;
		}
	}
	return print_table(c, t, cs, items, key, is_descending);
}

static int list_whole(struct cli *c, const struct m_type *t, const struct web_answer *a, struct err *e)
{
	static const char *const only_id[] = { "id", NULL };
	auto_json *items = project_list(a->body->str, a->body->len, t->element,
	                                c->opt.format == OUT_ID && !c->opt.sort ? only_id : NULL, e);
	const json_t *each;
	size_t i;

	if (!items)
		return -1;
	if (c->opt.sort) {
		const char *key = c->opt.sort + (*c->opt.sort == '-');
		g_autofree char *path = g_strndup(key, strcspn(key, " "));

		items = sorted(c, t, items, path, *c->opt.sort == '-' || strcasestr(key, " desc"));
	}
	if (c->opt.format != OUT_ID)
		drop_noise(items);
	if (narrow(c, t, &items, e) < 0)
		return -1;
	if (c->opt.format == OUT_JSON)
		print_json(c, items);
	else if (c->opt.format == OUT_YAML)
		print_yaml(c, items);
	else
		json_array_foreach (items, i, each) {
			const char *id = json_string_value(json_object_get(each, "id"));

			if (id)
				out_text(c, id, strlen(id));
			out_text(c, "\n", 1);
		}
	return 0;
}

int out_list(struct cli *c, const struct m_type *t, const struct web_answer *a, struct err *e)
{
	struct columns cs = { .n = 0 };
	int rc;

	if (c->opt.format == OUT_XML) {
		out_text(c, a->body->str, a->body->len);
		return 0;
	}
	if (c->opt.format != OUT_TABLE && c->opt.format != OUT_WIDE && c->opt.format != OUT_CSV)
		return list_whole(c, t, a, e);
	rc = columns_choose(&cs, c, t, e);
	if (rc == 0)
		rc = list_in_columns(c, t, a, &cs, e);
	columns_clear(&cs);
	return rc;
}

/* ---- one entity ---- */

static bool is_noise(const char *name)
{
	static const char *const names[] = { "link", "actions", "href" };

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

struct lines {
	struct cli *c;
	GPtrArray *names, *values;
};

static void add_line(struct lines *l, const char *prefix, const struct m_type *t, const json_t *in, const char *name)
{
	GString *value = g_string_new(NULL);

	columns_cell(value, l->c, t, in, name, true);
	if (value->len || l->c->opt.format == OUT_WIDE) {
		g_ptr_array_add(l->names, g_strconcat(prefix, name, NULL));
		g_ptr_array_add(l->values, text_printable(value->str));
	}
	g_string_free(value, TRUE);
}

static void add_members(struct lines *l, const char *prefix, const struct m_type *t, const json_t *j)
{
	static const char *const first[] = { "id", "name", "status", NULL };

	for (int k = 0; !*prefix && first[k]; k++)
		if (json_object_get(j, first[k]) && m_field_find(t, first[k]))
			add_line(l, prefix, t, j, first[k]);
	for (int i = 0; i < t->n_fields; i++) {
		const struct m_field *f = &t->fields[i];
		const json_t *v = json_object_get(j, f->name);

		if (!v || is_noise(f->name) ||
		    (!*prefix &&
		     (strcmp(f->name, "id") == 0 || strcmp(f->name, "name") == 0 || strcmp(f->name, "status") == 0)))
			continue;
		if (json_is_object(v) && f->kind == M_STRUCT && !(f->flags & M_F_LIST)) {
			g_autofree char *deeper = g_strconcat(prefix, f->name, ".", NULL);

			add_members(l, deeper, f->type, v);
		} else {
			add_line(l, prefix, t, j, f->name);
		}
	}
}

static void print_lines(struct cli *c, const struct lines *l)
{
	g_autoptr(GString) out = g_string_new(NULL);
	int width = 0;

	for (guint i = 0; i < l->names->len; i++)
		width = MAX(width, text_width(l->names->pdata[i]));
	for (guint i = 0; i < l->names->len; i++) {
		const char *colour = c->has_colour ? table_colour(l->values->pdata[i]) : "";

		text_append_padded(out, l->names->pdata[i], width + 2);
		g_string_append_printf(out, "%s%s%s\n", colour, (char *)l->values->pdata[i], *colour ? "\033[0m" : "");
	}
	fwrite(out->str, 1, out->len, stdout);
}

static int show_columns(struct cli *c, const struct m_type *t, const json_t *j, struct err *e)
{
	struct columns cs = { .n = 0 };
	auto_json *one = json_pack("[O]", j);
	int rc = columns_choose(&cs, c, t, e);

	if (rc == 0)
		rc = print_table(c, t, &cs, one, -1, false);
	columns_clear(&cs);
	return rc;
}

static int show_json(struct cli *c, const struct m_type *t, const json_t *j, struct err *e)
{
	struct lines l = { .c = c };
	const char *id = json_string_value(json_object_get(j, "id"));

	if (c->opt.format == OUT_JSON) {
		print_json(c, j);
	} else if (c->opt.format == OUT_YAML) {
		print_yaml(c, j);
	} else if (c->opt.format == OUT_ID) {
		out_text(c, id ? id : "", id ? strlen(id) : 0);
		out_text(c, "\n", 1);
	} else if (c->opt.columns || c->opt.format == OUT_CSV) {
		return show_columns(c, t, j, e);
	} else {
		l.names = g_ptr_array_new_with_free_func(g_free);
		l.values = g_ptr_array_new_with_free_func(g_free);
		add_members(&l, "", t, j);
		print_lines(c, &l);
		g_ptr_array_unref(l.names);
		g_ptr_array_unref(l.values);
	}
	return 0;
}

int out_entity(struct cli *c, const struct m_type *t, const struct web_answer *a, struct err *e)
{
	auto_json *j = NULL;

	if (c->opt.format == OUT_XML) {
		out_text(c, a->body->str, a->body->len);
		return 0;
	}
	j = json_loadb(a->body->str, a->body->len, 0, NULL);
	if (!json_is_object(j))
		return err_set(e, ERR_BACKEND, "The answer cannot be read.");
	drop_noise(j);
	if (narrow(c, t, &j, e) < 0)
		return -1;
	return show_json(c, t, j, e);
}

int out_changed(struct cli *c, const struct m_type *t, const struct web_answer *a, struct err *e)
{
	if ((c->opt.format == OUT_TABLE && !c->opt.columns) || !a->body->len)
		return 0;
	return out_entity(c, t, a, e);
}
