/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include <string.h>

#include "cli/out.h"
#include "cli/resolve.h"
#include "cli/text.h"
#include "cli/value.h"
#include "cli/web.h"

const struct flag *command_flags(struct options *o)
{
	static struct flag flags[24];
	int n = 0;

	flags[n++] = (struct flag){ "output", FLAG_TEXT, &o->output, 'o', "table, wide, json, yaml, xml, id or csv" };
	flags[n++] =
	    (struct flag){ "columns", FLAG_TEXT, &o->columns, 'c', "members to show: name,cores=cpu.topology.cores" };
	flags[n++] = (struct flag){ "no-headers", FLAG_BOOL, &o->no_headers, 0, "no line of titles" };
	flags[n++] =
	    (struct flag){ "sort", FLAG_TEXT, &o->sort, 0, "order by a member; -member for the other way round" };
	flags[n++] = (struct flag){ "page", FLAG_TEXT, &o->page, 0, "page of a list, of --max (100) items" };
	flags[n++] = (struct flag){ "links", FLAG_TEXT, &o->links, 0,
		                    "follow these links: nics,cluster.data_center (the API's follow)" };
	flags[n++] = (struct flag){ "from-file", FLAG_TEXT, &o->from_file, 'f',
		                    "read the document: JSON, YAML or XML; - is standard input" };
	flags[n++] = (struct flag){ "wait", FLAG_BOOL, &o->wait, 'w', "wait until it is done" };
	flags[n++] = (struct flag){ "timeout", FLAG_TEXT, &o->timeout, 0, "how long to wait: 90s, 5m (10m)" };
	flags[n++] = (struct flag){ "yes", FLAG_BOOL, &o->yes, 'y', "ask nothing" };
	flags[n++] = (struct flag){ "dry-run", FLAG_BOOL, &o->dry_run, 0, "show the request, do not send it" };
	flags[n++] = (struct flag){ "help", FLAG_BOOL, &o->help, 'h', "what this command can do" };
	flags[n++] = (struct flag){ NULL };
	return flags;
}

/* Those that yield to members of the same name; --set reaches them all. */
const struct flag *command_weak_flags(struct options *o)
{
	static struct flag flags[12];
	int n = 0;

	flags[n++] =
	    (struct flag){ "context", FLAG_TEXT, &o->context, 0, "which Manager, by the name that login gave it" };
	flags[n++] = (struct flag){ "url", FLAG_TEXT, &o->url, 0, "URL of the Manager" };
	flags[n++] = (struct flag){ "token", FLAG_TEXT, &o->token, 0, "token to use" };
	flags[n++] = (struct flag){ "ca-file", FLAG_TEXT, &o->ca_file, 0, "CA certificate to trust" };
	flags[n++] = (struct flag){ "insecure", FLAG_BOOL, &o->insecure, 0, "trust whoever answers" };
	flags[n++] = (struct flag){ "follow", FLAG_BOOL, &o->follow, 0, "go on with what is new" };
	flags[n++] = (struct flag){ "debug", FLAG_BOOL, &o->debug, 0, "say what is asked of the Manager" };
	flags[n++] = (struct flag){ NULL };
	return flags;
}

const struct nicety *nicety_find(const struct tree_place *p, const char *verb)
{
	const char *service = p->depth == 1 ? p->level[0].service->name : "";

	for (const struct nicety *n = NICETIES; n->verb; n++)
		if (strcmp(n->service, service) == 0 && text_same_word(n->verb, verb))
			return n;
	return NULL;
}

bool command_is_links(const struct m_param *p) { return strcmp(p->name, "follow") == 0 && p->via == M_VIA_QUERY; }

/* ---- words ---- */

static void begin_verb(struct command *cmd, const char *word)
{
	const struct m_op *op = cmd->verb.op;

	cmd->verb_word = word;
	if (op && op->kind == M_OP_ACTION) {
		cmd->body.type = m_type_find("action");
		cmd->body.is_action = true;
	} else if (op && op->body) {
		cmd->body.type = op->body->type;
	}
	cmd->body.op = op;
}

static int unknown_word(const struct command *cmd, const char *word, struct err *e)
{
	struct guess g = GUESS(word);
	const struct m_service *s = tree_below(&cmd->place);
	g_autofree char *what = NULL;
	g_autoptr(GArray) verbs = cmd->place.depth ? tree_verbs(&cmd->place) : NULL;

	for (int i = 0; i < s->n_locators; i++)
		if (!s->locators[i].param) {
			struct tree_level l = tree_level_of(&s->locators[i]);
			g_autofree char *name = tree_word(&l);

			guess_offer(&g, name);
			guess_offer(&g, l.path);
		}
	for (guint i = 0; verbs && i < verbs->len; i++)
		guess_offer(&g, g_array_index(verbs, struct tree_verb, i).word);
	for (const struct nicety *n = NICETIES; n->verb; n++)
		if (cmd->place.depth == 1 && strcmp(n->service, cmd->place.level[0].service->name) == 0)
			guess_offer(&g, n->verb);
	if (!cmd->place.depth && !cmd->is_root)
		return err_set(e, ERR_SYNTAX, "There is no type or command '%.60s'%s%s; 'hostler help' lists them.",
		               word, guess_best(&g) ? "; did you mean " : "", guess_best(&g) ? guess_best(&g) : "");
	what = cmd->is_root ? g_strdup("system") : tree_word(&cmd->place.level[cmd->place.depth - 1]);
	return err_set(e, ERR_SYNTAX, "%s has no verb or part '%.60s'%s%s; see --help.", what, word,
	               guess_best(&g) ? "; did you mean " : "", guess_best(&g) ? guess_best(&g) : "");
}

int command_word(struct command *cmd, const char *word, struct err *e)
{
	if (cmd->verb_word) {
		g_ptr_array_add(cmd->args, (char *)word);
		return 0;
	}
	if (!cmd->place.depth && !cmd->is_root && strcmp(word, "system") == 0) {
		cmd->is_root = true;
		return 0;
	}
	cmd->nice = nicety_find(&cmd->place, word);
	if (cmd->nice && !cmd->nice->is_op) {
		begin_verb(cmd, word);
		return 0;
	}
	if (!cmd->is_root && tree_enter(&cmd->place, word))
		return 0;
	if ((cmd->place.depth || cmd->is_root) && tree_verb_find(&cmd->place, word, &cmd->verb)) {
		cmd->nice = nicety_find(&cmd->place, cmd->verb.word);
		begin_verb(cmd, word);
		return 0;
	}
	return unknown_word(cmd, word, e);
}

/* ---- flags ---- */

static void add_query(struct command *cmd, const char *name, const char *value)
{
	if (cmd->query->len)
		g_string_append_c(cmd->query, '&');
	g_string_append(cmd->query, name);
	g_string_append_c(cmd->query, '=');
	web_append_escaped(cmd->query, value);
}

static const struct m_param *find_query(const struct command *cmd, const char *name)
{
	const struct m_op *op = cmd->verb.op;

	for (int i = 0; op && i < op->n_params; i++)
		if (op->params[i].via == M_VIA_QUERY && !command_is_links(&op->params[i]) &&
		    text_same_word(op->params[i].name, name))
			return &op->params[i];
	return NULL;
}

/* The value of a flag: behind '=', or the next word; a boolean's may be left out. */
static int flag_value(const char *name, const char *inline_value, bool is_bool, int argc, char **argv, int *i,
                      const char **out, struct err *e)
{
	*out = inline_value;
	if (*out)
		return 0;
	if (is_bool) {
		bool is_word =
		    *i + 1 < argc && (strcmp(argv[*i + 1], "true") == 0 || strcmp(argv[*i + 1], "false") == 0);

		*out = is_word ? argv[++*i] : "true";
		return 0;
	}
	if (*i + 1 >= argc)
		return err_set(e, ERR_SYNTAX, "--%.60s needs a value", name);
	*out = argv[++*i];
	return 0;
}

static int take_query(struct command *cmd, const struct m_param *p, const char *name, const char *value, struct err *e)
{
	json_t *v;

	if (strcmp(p->name, "search") == 0) {
		cmd->search = value;
		return 0;
	}
	if (p->kind == M_STRUCT)
		return err_set(e, ERR_UNSUPPORTED, "--%s cannot be given here; use 'hostler api'", name);
	v = value_scalar(p->kind, p->enum_, name, value, e);
	if (!v)
		return -1;
	if (strcmp(p->name, "max") == 0)
		cmd->max = value;
	if (json_is_string(v))
		add_query(cmd, p->name, json_string_value(v));
	else {
		char *text = json_dumps(v, JSON_ENCODE_ANY);

		add_query(cmd, p->name, text);
		free(text);
	}
	json_decref(v);
	return 0;
}

/* A parameter or a member of the operation's document. 1: taken. */
static int take_schema_flag(struct command *cmd, const char *name, const char *inline_value, int argc, char **argv,
                            int *i, struct err *e)
{
	const struct m_param *p = find_query(cmd, name);
	const struct m_field *f = NULL;
	const char *value;
	bool is_no = g_str_has_prefix(name, "no-");

	if (p)
		return flag_value(name, inline_value, p->kind == M_BOOL, argc, argv, i, &value, e) < 0 ||
		               take_query(cmd, p, name, value, e) < 0
		           ? -1
		           : 1;
	if (!cmd->body.type)
		return 0;
	f = body_field(&cmd->body, name);
	if (f) {
		if (flag_value(name, inline_value, f->kind == M_BOOL && !(f->flags & M_F_LIST), argc, argv, i, &value,
		               e) < 0)
			return -1;
		return body_set(&cmd->body, name, value, e) < 0 ? -1 : 1;
	}
	f = is_no ? body_field(&cmd->body, name + 3) : NULL;
	if (f && f->kind == M_BOOL && !inline_value)
		return body_set(&cmd->body, name + 3, "false", e) < 0 ? -1 : 1;
	return 0;
}

/* --set cpu.topology.cores=2: any member, whatever flags there are of its name */
static int take_set(struct command *cmd, const char *spec, struct err *e)
{
	const char *eq = spec ? strchr(spec, '=') : NULL;
	g_autofree char *path = eq ? g_strndup(spec, (gsize)(eq - spec)) : NULL;

	if (!eq || !cmd->body.type)
		return err_set(e, ERR_SYNTAX,
		               eq ? "--set: this command takes no document" : "--set needs member=value");
	return body_set(&cmd->body, path, eq + 1, e);
}

static int unknown_flag(struct command *cmd, const char *name, struct err *e)
{
	struct guess g = GUESS(name);
	g_autofree char *member = cmd->body.type && cmd->verb.op ? body_suggest(&cmd->body, name) : NULL;
	const struct flag *tables[] = { command_flags(&cmd->c->opt), command_weak_flags(&cmd->c->opt),
		                        cmd->nice && cmd->nice->flags ? cmd->nice->flags(&cmd->extras) : NULL };

	for (size_t t = 0; t < G_N_ELEMENTS(tables); t++)
		for (const struct flag *f = tables[t]; f && f->name; f++)
			guess_offer(&g, f->name);
	for (int i = 0; cmd->verb.op && i < cmd->verb.op->n_params; i++)
		if (cmd->verb.op->params[i].via == M_VIA_QUERY)
			guess_offer(&g, cmd->verb.op->params[i].name);
	if (member && (!guess_best(&g) || text_distance(name, member) <= g.distance || strchr(member, '.')))
		return err_set(e, ERR_SYNTAX, "Unknown flag --%.60s; did you mean --%s?", name, member);
	if (guess_best(&g))
		return err_set(e, ERR_SYNTAX, "Unknown flag --%.60s; did you mean --%s?", name, guess_best(&g));
	return err_set(e, ERR_SYNTAX, "Unknown flag --%.60s; --help lists them", name);
}

static int take_flag(struct command *cmd, int argc, char **argv, int *i, struct err *e)
{
	const char *word = argv[*i], *eq = strchr(word, '=');
	g_autofree char *name = g_strndup(word, eq ? (gsize)(eq - word) : strlen(word));
	const char *bare = name + strspn(name, "-");
	int taken = flag_take(command_flags(&cmd->c->opt), argc, argv, i, e);

	if (taken)
		return taken;
	if (strcmp(name, "--set") == 0) {
		const char *value;

		return flag_value("set", eq ? eq + 1 : NULL, false, argc, argv, i, &value, e) < 0
		           ? -1
		           : take_set(cmd, value, e);
	}
	if (cmd->nice && cmd->nice->flags)
		taken = flag_take(cmd->nice->flags(&cmd->extras), argc, argv, i, e);
	if (taken)
		return taken;
	if (cmd->verb.op && g_str_has_prefix(name, "--"))
		taken = take_schema_flag(cmd, bare, eq ? eq + 1 : NULL, argc, argv, i, e);
	if (!taken)
		taken = flag_take(command_weak_flags(&cmd->c->opt), argc, argv, i, e);
	return taken ? taken : unknown_flag(cmd, bare, e);
}

static int parse_words(struct command *cmd, int argc, char **argv, struct err *e)
{
	bool only_words = false;

	for (int i = 0; i < argc; i++) {
		int rc;

		if (!only_words && strcmp(argv[i], "--") == 0) {
			only_words = true;
			continue;
		}
		if (!only_words && argv[i][0] == '-' && argv[i][1])
			rc = take_flag(cmd, argc, argv, &i, e);
		else
			rc = command_word(cmd, argv[i], e);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static bool asks_help(int argc, char **argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

int command_parse(struct command *cmd, struct cli *c, int argc, char **argv, struct err *e)
{
	*cmd = (struct command){ .c = c, .args = g_ptr_array_new(), .query = g_string_new(NULL) };
	cmd->body.json = json_object();
	cmd->body.find = resolve_reference;
	cmd->body.find_arg = c;
	if (asks_help(argc, argv)) { /* nothing is looked up for it */
		c->opt.help = true;
		for (int i = 0; i < argc && !cmd->verb_word; i++)
			if (argv[i][0] != '-' && command_word(cmd, argv[i], e) < 0)
				return -1;
		return 0;
	}
	if (parse_words(cmd, argc, argv, e) < 0 || out_format_parse(c, e) < 0)
		return -1;
	c->opt.timeout_ms = 600000;
	if (c->opt.timeout && value_duration(c->opt.timeout, &c->opt.timeout_ms, e) < 0)
		return err_wrap(e, "--timeout");
	if (c->opt.from_file && !cmd->body.type)
		return err_set(e, ERR_SYNTAX, "--from-file: this command takes no document");
	return c->opt.from_file ? body_load(&cmd->body, c->opt.from_file, e) : 0;
}

void command_clear(struct command *cmd)
{
	g_ptr_array_unref(cmd->args);
	g_string_free(cmd->query, TRUE);
	json_decref(cmd->body.json);
}

/* ---- places ---- */

int command_levels(const struct command *cmd)
{
	bool is_item = cmd->verb.op ? cmd->verb.is_item : true;

	return is_item ? cmd->place.depth : MAX(cmd->place.depth - 1, 0);
}

char *command_path(struct command *cmd, int levels, struct err *e)
{
	GString *path = g_string_new(NULL);
	char *made;

	for (int i = 0; i < cmd->place.depth; i++) {
		const struct tree_level *l = &cmd->place.level[i];
		char *id;

		g_string_append_printf(path, "%s%s", i ? "/" : "", l->path);
		if (i >= levels)
			continue;
		if ((guint)i >= cmd->args->len) {
			g_autofree char *word = tree_word(l);

			err_set(e, ERR_SYNTAX, "Which %s? Give its name or id.", word);
			g_string_free(path, TRUE);
			return NULL;
		}
		id = resolve_item(cmd->c, l, path->str, cmd->args->pdata[i], e);
		if (!id) {
			g_string_free(path, TRUE);
			return NULL;
		}
		g_string_append_printf(path, "/%s", id);
	}
	made = pool_strdup(cmd->c->pool, path->str);
	g_string_free(path, TRUE);
	return made;
}

const char *command_name_member(const struct tree_level *l)
{
	static const struct {
		const char *type, *member;
	} other[] = { { "disk_attachment", "disk" },
		      { "snapshot", "description" },
		      { "user", "user_name" },
		      { "permission", NULL },
		      { "graphics_console", "protocol" },
		      { "cdrom", NULL },
		      { "event", "description" },
		      { "job", "description" } };

	if (!l->type || tree_takes_existing(l))
		return NULL;
	for (size_t i = 0; i < G_N_ELEMENTS(other); i++)
		if (strcmp(other[i].type, l->type->name) == 0)
			return other[i].member;
	return m_field_find(l->type, "name") ? "name" : NULL;
}
