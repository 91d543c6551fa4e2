/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of the API, called. */
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/uuid.h"
#include "cli/command.h"
#include "cli/follow.h"
#include "cli/out.h"
#include "cli/resolve.h"
#include "cli/text.h"
#include "cli/wait.h"

static const char *method_of(const struct m_op *op)
{
	static const char *const methods[] = {
		[M_OP_LIST] = "GET",   [M_OP_GET] = "GET",       [M_OP_ADD] = "POST",
		[M_OP_UPDATE] = "PUT", [M_OP_REMOVE] = "DELETE", [M_OP_ACTION] = "POST"
	};

	return methods[op->kind];
}

void command_correlate(struct command *cmd)
{
	struct chance *chance = chance_new_real();

	uuid_make(chance, cmd->correlation_id);
	chance_free(chance);
}

static void append_query(GString *url, const char *name, const char *value)
{
	g_string_append_c(url, strchr(url->str, '?') ? '&' : '?');
	g_string_append_printf(url, "%s=", name);
	web_append_escaped(url, value);
}

/* The search of a list: --search, --sort and --page become one text. */
static int append_search(struct command *cmd, GString *url, struct err *e)
{
	const struct options *o = &cmd->c->opt;
	bool can_search = false;
	g_autoptr(GString) text = g_string_new(cmd->search);

	for (int i = 0; i < cmd->verb.op->n_params; i++)
		can_search = can_search || strcmp(cmd->verb.op->params[i].name, "search") == 0;
	if (o->page && (!can_search || strspn(o->page, "0123456789") != strlen(o->page)))
		return err_set(e, ERR_SYNTAX, can_search ? "--page must be a number" : "This list has no pages.");
	if (o->sort && can_search && (o->page || cmd->max)) {
		const char *name = o->sort + (*o->sort == '-');

		g_string_append_printf(text, "%ssortby %.*s %s", text->len ? " " : "", (int)strcspn(name, " "), name,
		                       *o->sort == '-' || strcasestr(name, " desc") ? "desc" : "asc");
	}
	if (o->page)
		g_string_append_printf(text, "%spage %s", text->len ? " " : "", o->page);
	if (o->page && !cmd->max)
		append_query(url, "max", "100");
	if (text->len)
		append_query(url, "search", text->str);
	return 0;
}

static char *make_url(struct command *cmd, const char *path, struct err *e)
{
	g_autoptr(GString) url = g_string_new(API_BASE);

	if (*path)
		g_string_append_printf(url, "/%s", path);
	if (cmd->verb.op->kind == M_OP_ACTION)
		g_string_append_printf(url, "/%s", cmd->verb.op->path);
	if (cmd->query->len)
		g_string_append_printf(url, "?%s", cmd->query->str);
	if (cmd->c->opt.links)
		append_query(url, "follow", cmd->c->opt.links);
	if (cmd->verb.op->kind == M_OP_LIST && append_search(cmd, url, e) < 0)
		return NULL;
	return pool_strdup(cmd->c->pool, url->str);
}

/* -o xml and --links want all; a table only what its columns show, which the list gives anyway. */
static int send(struct command *cmd, const char *url, struct web_answer *a, struct err *e)
{
	const struct m_op *op = cmd->verb.op;
	bool has_body = op->kind == M_OP_ADD || op->kind == M_OP_UPDATE || op->kind == M_OP_ACTION;
	char *text = has_body ? json_dumps(cmd->body.json, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
	struct web_request r = { .method = method_of(op),
		                 .path = url,
		                 .accept = out_accept(cmd->c),
		                 .body = text,
		                 .correlation_id = *cmd->correlation_id ? cmd->correlation_id : NULL };
	struct web *w = cli_web(cmd->c, e);
	int rc = w ? web_call(w, &r, a, e) : -1;

	free(text);
	return rc;
}

static int print_request(struct command *cmd, const char *url, struct err *e)
{
	const struct m_op *op = cmd->verb.op;
	struct web *w = cli_web(cmd->c, e);
	char *text;

	if (!w)
		return -1;
	printf("%s %s%s\n", method_of(op), web_url(w), url);
	if (op->kind == M_OP_ADD || op->kind == M_OP_UPDATE || op->kind == M_OP_ACTION) {
		text = json_dumps(cmd->body.json, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
		out_text(cmd->c, text, strlen(text));
		printf("\n");
		free(text);
	}
	return 0;
}

/* ---- after the answer ---- */

/* The id in an answer, JSON or XML. */
static char *answer_id(struct cli *c, const struct m_type *t, const struct web_answer *a)
{
	auto_json *j = NULL;
	const char *id;

	if (a->type && strstr(a->type, "xml")) {
		const char *at = strstr(a->body->str, " id=\"");

		return at ? pool_strndup(c->pool, at + 5, strcspn(at + 5, "\"")) : NULL;
	}
	j = json_loadb(a->body->str, a->body->len, 0, NULL);
	id = json_string_value(json_object_get(j, "id"));
	return pool_strdup(c->pool, id);
}

static const char *label_of(struct command *cmd)
{
	int n = command_levels(cmd);

	if (n > 0 && cmd->verb.op->kind != M_OP_ADD && (guint)n <= cmd->args->len)
		return cmd->args->pdata[n - 1];
	if ((guint)n < cmd->args->len)
		return cmd->args->pdata[n];
	if (resolve_label(cmd->body.json))
		return resolve_label(cmd->body.json);
	return cmd->place.depth ? cmd->place.level[cmd->place.depth - 1].path : "system";
}

static int wait_for_answer(struct command *cmd, const char *path, const struct web_answer *a, struct err *e)
{
	const struct m_op *op = cmd->verb.op;
	struct wait_for w = { .op = op,
		              .path = cmd->verb.is_item ? path : NULL,
		              .label = label_of(cmd),
		              .correlation_id = cmd->correlation_id,
		              .is_paused = wait_is_true(json_object_get(cmd->body.json, "pause")) };
	const char *id;

	if (op->kind == M_OP_ADD) {
		id = answer_id(cmd->c, op->result ? op->result->type : NULL, a);
		w.path = id ? pool_printf(cmd->c->pool, "%s/%s", path, id) : NULL;
	}
	return wait_until_done(cmd->c, &w, e);
}

/* One line that says what was done; not in the way of what -o asked for. */
static void say_done(struct command *cmd, const struct web_answer *a)
{
	const struct m_op *op = cmd->verb.op;
	const char *id;

	if (cmd->c->opt.output || !cmd->place.depth)
		return;
	if (op->kind == M_OP_ADD) {
		id = answer_id(cmd->c, NULL, a);
		g_autofree char *label = text_printable(label_of(cmd));
		printf("%s %s\n", id ? id : "", id && strcmp(label, id) == 0 ? "" : label);
	}
}

static int print_answer(struct command *cmd, const struct web_answer *a, struct err *e)
{
	const struct m_op *op = cmd->verb.op;
	const struct m_type *t = op->result ? op->result->type : NULL;

	if (op->kind == M_OP_LIST)
		return out_list(cmd->c, t, a, e);
	if (op->kind == M_OP_GET)
		return out_entity(cmd->c, t, a, e);
	if (op->kind == M_OP_ACTION) {
		if (op->result && cmd->c->opt.format == OUT_TABLE) {
			auto_json *j = json_loadb(a->body->str, a->body->len, 0, NULL);
			json_t *inner = json_object_get(j, op->result->name);
			struct web_answer part = { .body = NULL };
			char *text = json_is_object(inner) && t ? json_dumps(inner, 0) : NULL;
			int rc = 0;

			if (text) {
				part.body = g_string_new(text);
				rc = out_entity(cmd->c, t, &part, e);
				g_string_free(part.body, TRUE);
				free(text);
				return rc;
			}
		}
		return out_changed(cmd->c, m_type_find("action"), a, e);
	}
	say_done(cmd, a);
	return op->kind == M_OP_REMOVE ? 0 : out_changed(cmd->c, t, a, e);
}

/* ---- one call ---- */

/* After --wait the entity is read again: what is printed is what became of it. */
static int read_again(struct command *cmd, const char *path, struct web_answer *a, struct err *e)
{
	struct tree_level *l = &cmd->place.level[cmd->place.depth - 1];
	const char *id = answer_id(cmd->c, l->type, a);
	struct web_request r = { .method = "GET", .accept = out_accept(cmd->c) };

	if (!cmd->c->opt.output || cmd->verb.op->kind != M_OP_ADD || !id || !l->item ||
	    !m_service_op(l->item, M_OP_GET, NULL))
		return 0;
	r.path = pool_printf(cmd->c->pool, API_BASE "/%s/%s", path, id);
	web_answer_clear(a);
	return web_call(cmd->c->web, &r, a, e);
}

static int call_once(struct command *cmd, struct err *e)
{
	const struct m_op *op = cmd->verb.op;
	char *path = command_path(cmd, command_levels(cmd), e);
	char *url = path ? make_url(cmd, path, e) : NULL;
	g_autofree char *word = cmd->place.depth ? tree_word(&cmd->place.level[cmd->place.depth - 1]) : NULL;
	auto_answer a = { 0 };

	if (!url)
		return -1;
	if (cmd->c->opt.dry_run)
		return print_request(cmd, url, e);
	if (op->kind == M_OP_REMOVE && cli_confirm(cmd->c, e, "Remove %s %s?", word, label_of(cmd)) < 0)
		return -1;
	if (op->kind != M_OP_LIST && op->kind != M_OP_GET)
		command_correlate(cmd);
	if (send(cmd, url, &a, e) < 0)
		return -1;
	if (cmd->c->opt.wait && *cmd->correlation_id &&
	    (wait_for_answer(cmd, path, &a, e) < 0 || read_again(cmd, path, &a, e) < 0))
		return -1;
	return print_answer(cmd, &a, e);
}

/* The word behind the parents: a name for what is new, or the entity that is put there. */
static int take_name(struct command *cmd, struct err *e)
{
	const struct tree_level *l = &cmd->place.level[cmd->place.depth - 1];
	int parents = command_levels(cmd);
	const char *member = command_name_member(l), *word;

	if (cmd->args->len <= (guint)parents)
		return 0;
	word = cmd->args->pdata[parents];
	if (cmd->args->len > (guint)parents + 1)
		return err_set(e, ERR_SYNTAX, "'%.60s' is one word too many", (char *)cmd->args->pdata[parents + 1]);
	if (tree_takes_existing(l)) {
		g_autofree char *id =
		    uuid_is_valid(word) ? g_strdup(word) : resolve_reference(cmd->c, l->type, word, e);

		if (!id)
			return -1;
		json_object_set_new(cmd->body.json, "id", json_string(id));
		return 0;
	}
	if (!member)
		return err_set(e, ERR_SYNTAX, "'%.60s' is one word too many; use flags", word);
	return body_set(&cmd->body, member, word, e);
}

/* Several names: one after the other, and on when one fails. */
static int call_each(struct command *cmd, int levels, struct err *e)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	struct err first = ERR_INIT;

	for (guint i = (guint)levels - 1; i < cmd->args->len; i++)
		g_ptr_array_add(names, cmd->args->pdata[i]);
	for (guint i = 0; i < names->len; i++) {
		g_ptr_array_set_size(cmd->args, levels - 1);
		g_ptr_array_add(cmd->args, names->pdata[i]);
		if (call_once(cmd, e) == 0)
			continue;
		if (names->len == 1 || e->code == ERR_CANCELLED || e->code == ERR_NETWORK || e->code == ERR_AUTH)
			return -1;
		cli_say("hostler: %s: %s", (char *)names->pdata[i], e->detail);
		if (first.code == ERR_NONE)
			first = *e;
	}
	if (first.code != ERR_NONE)
		cmd->c->exit_code = cli_exit_code(&first);
	return 0;
}

int command_run(struct command *cmd, struct err *e)
{
	int levels = command_levels(cmd);

	if (cmd->c->opt.follow) {
		if (follow_can(cmd))
			return follow_run(cmd, e);
		return err_set(
		    e, ERR_SYNTAX,
		    "--follow is for events, jobs and logs of hosts; links are followed with --links nics,cluster");
	}
	if (cmd->verb.op->kind == M_OP_ADD && cmd->place.depth && take_name(cmd, e) < 0)
		return -1;
	if (cmd->verb.op->kind == M_OP_ADD || (!cmd->verb.is_item && cmd->args->len <= (guint)levels))
		return call_once(cmd, e);
	if (!cmd->verb.is_item || !levels)
		return err_set(e, ERR_SYNTAX, "'%.60s' is one word too many",
		               (char *)cmd->args->pdata[cmd->args->len - 1]);
	if (cmd->args->len <= (guint)levels)
		return call_once(cmd, e);
	return call_each(cmd, levels, e);
}
