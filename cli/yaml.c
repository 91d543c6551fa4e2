/* SPDX-License-Identifier: Apache-2.0 */
/* YAML in and out, as far as documents of the API need it. */
#include <string.h>
#include <yaml.h>

#include "cli/body.h"

#define YAML_DEPTH 32
#define YAML_NODES 100000

struct reader {
	yaml_document_t doc;
	struct err *e;
	int nodes;
};

static json_t *read_node(struct reader *r, int index, int depth);

static json_t *read_scalar(const yaml_node_t *n)
{
	const char *s = (const char *)n->data.scalar.value;

	if (n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
		if (strcmp(s, "true") == 0 || strcmp(s, "false") == 0)
			return json_boolean(*s == 't');
		if (!*s || strcmp(s, "null") == 0 || strcmp(s, "~") == 0)
			return json_string("");
	}
	return json_stringn(s, n->data.scalar.length); /* numbers may be texts in the API */
}

static json_t *read_mapping(struct reader *r, const yaml_node_t *n, int depth)
{
	json_t *made = json_object();

	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
		const yaml_node_t *key = yaml_document_get_node(&r->doc, p->key);
		json_t *v = key->type == YAML_SCALAR_NODE ? read_node(r, p->value, depth + 1) : NULL;

		if (!v || json_object_set_new(made, (const char *)key->data.scalar.value, v) < 0) {
			if (r->e->code == ERR_NONE)
				err_set(r->e, ERR_SYNTAX, "line %zu: a name is expected", key->start_mark.line + 1);
			json_decref(made);
			return NULL;
		}
	}
	return made;
}

static json_t *read_sequence(struct reader *r, const yaml_node_t *n, int depth)
{
	json_t *made = json_array();

	for (yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++) {
		json_t *v = read_node(r, *i, depth + 1);

		if (!v) {
			json_decref(made);
			return NULL;
		}
		json_array_append_new(made, v);
	}
	return made;
}

static json_t *read_node(struct reader *r, int index, int depth)
{
	const yaml_node_t *n = yaml_document_get_node(&r->doc, index);

	if (!n || depth > YAML_DEPTH || ++r->nodes > YAML_NODES) { /* aliases may multiply */
		err_set(r->e, ERR_TOO_LARGE, "the document is too deep or too long");
		return NULL;
	}
	switch (n->type) {
	case YAML_MAPPING_NODE: return read_mapping(r, n, depth);
	case YAML_SEQUENCE_NODE: return read_sequence(r, n, depth);
	default: return read_scalar(n);
	}
}

json_t *yaml_to_json(const char *text, size_t len, struct err *e)
{
	struct reader r = { .e = e };
	yaml_parser_t parser;
	json_t *made = NULL;

	e->code = ERR_NONE;
	yaml_parser_initialize(&parser);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	if (!yaml_parser_load(&parser, &r.doc)) {
		err_set(e, ERR_SYNTAX, "line %zu: %s", parser.problem_mark.line + 1,
		        parser.problem ? parser.problem : "not YAML");
	} else {
		if (yaml_document_get_root_node(&r.doc))
			made = read_node(&r, 1, 0);
		else
			err_set(e, ERR_SYNTAX, "the document is empty");
		yaml_document_delete(&r.doc);
	}
	yaml_parser_delete(&parser);
	return made;
}

/* ---- writing ---- */

static bool is_plain(const char *s)
{
	if (!*s || strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_/") == 0)
		return false;
	for (const char *p = s; *p; p++)
		if (!g_ascii_isalnum(*p) && !strchr("_-./ @", *p))
			return false;
	if (s[strlen(s) - 1] == ' ')
		return false;
	for (const char *const *w =
	         (const char *const[]){ "true", "false", "yes", "no", "on", "off", "null", "y", "n", NULL };
	     *w; w++)
		if (g_ascii_strcasecmp(s, *w) == 0)
			return false;
	return true;
}

static void append_scalar(GString *out, const json_t *j)
{
	char *text;

	if (json_is_string(j) && is_plain(json_string_value(j))) {
		g_string_append(out, json_string_value(j));
		return;
	}
	text = json_dumps(j, JSON_ENCODE_ANY); /* YAML's double quotes are JSON's */
	g_string_append(out, text ? text : "\"\"");
	free(text);
}

static void append_node(GString *out, const json_t *j, int indent, bool in_list);

static void append_value(GString *out, const json_t *v, int indent)
{
	if ((json_is_object(v) && json_object_size(v)) || (json_is_array(v) && json_array_size(v))) {
		g_string_append_c(out, '\n');
		append_node(out, v, indent + 2, false);
	} else {
		g_string_append_c(out, ' ');
		append_node(out, v, indent, false);
		g_string_append_c(out, '\n');
	}
}

static void append_node(GString *out, const json_t *j, int indent, bool in_list)
{
	const char *key;
	json_t *v;
	size_t i;
	bool is_first = in_list;

	if (json_is_object(j) && json_object_size(j)) {
		json_object_foreach ((json_t *)j, key, v) {
			g_autofree char *pad = g_strnfill(is_first ? 0 : (gsize)indent, ' ');

			g_string_append_printf(out, "%s%s:", pad, key);
			append_value(out, v, indent);
			is_first = false;
		}
	} else if (json_is_array(j) && json_array_size(j)) {
		json_array_foreach (j, i, v) {
			g_autofree char *pad = g_strnfill((gsize)indent, ' ');

			g_string_append_printf(out, "%s- ", pad);
			append_node(out, v, indent + 2, true);
			if (!(json_is_object(v) && json_object_size(v)))
				g_string_append_c(out, '\n');
		}
	} else if (json_is_object(j)) {
		g_string_append(out, "{}");
	} else if (json_is_array(j)) {
		g_string_append(out, "[]");
	} else {
		append_scalar(out, j);
	}
}

void yaml_append(GString *out, const json_t *j)
{
	append_node(out, j, 0, false);
	if (!out->len || out->str[out->len - 1] != '\n')
		g_string_append_c(out, '\n');
}
