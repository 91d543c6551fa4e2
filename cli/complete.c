/* SPDX-License-Identifier: Apache-2.0 */
/* Completion: scripts for the shells, and the answers to what they ask. */
#include <string.h>
#include <sys/wait.h>

#include "base/auto.h"
#include "cli/help.h"
#include "cli/resolve.h"
#include "cli/text.h"
#include "cli/web.h"

static const char BASH[] = "# completion of hostler for bash: source <(hostler completion bash)\n"
                           "_hostler() {\n"
                           "\tlocal cur words cword\n"
                           "\tif declare -F _get_comp_words_by_ref >/dev/null; then\n"
                           "\t\t_get_comp_words_by_ref -n =: cur words cword\n"
                           "\telse\n"
                           "\t\tcur=${COMP_WORDS[COMP_CWORD]} words=(\"${COMP_WORDS[@]}\") cword=$COMP_CWORD\n"
                           "\tfi\n"
                           "\tlocal IFS=$'\\n' answer\n"
                           "\tCOMPREPLY=()\n"
                           "\tfor answer in $(hostler __complete \"${words[@]:1:cword}\" 2>/dev/null); do\n"
                           "\t\tanswer=${answer%%$'\\t'*}\n"
                           "\t\t[[ $answer == :files ]] && { COMPREPLY=($(compgen -f -- \"$cur\")); return; }\n"
                           "\t\tCOMPREPLY+=(\"$(printf '%q' \"$answer\")\")\n"
                           "\tdone\n"
                           "}\n"
                           "complete -F _hostler hostler\n";

static const char ZSH[] =
    "#compdef hostler\n"
    "# completion of hostler for zsh: source <(hostler completion zsh), or as _hostler in $fpath\n"
    "_hostler() {\n"
    "\tlocal -a answers\n"
    "\tlocal line\n"
    "\tfor line in \"${(@f)$(hostler __complete \"${(@)words[2,CURRENT]}\" 2>/dev/null)}\"; do\n"
    "\t\t[[ -z $line ]] && continue\n"
    "\t\t[[ $line == :files ]] && { _files; return }\n"
    "\t\tlocal word=${line%%$'\\t'*} doc=${line#*$'\\t'}\n"
    "\t\tword=${word//:/\\\\:}\n"
    "\t\t[[ $line == *$'\\t'* ]] && answers+=(\"$word:$doc\") || answers+=(\"$word\")\n"
    "\tdone\n"
    "\t_describe hostler answers\n"
    "}\n"
    "if [ \"$funcstack[1]\" = _hostler ]; then _hostler; else compdef _hostler hostler; fi\n";

static const char FISH[] = "# completion of hostler for fish: hostler completion fish | source\n"
                           "function __hostler_complete\n"
                           "\tset -l words (commandline -opc) (commandline -ct)\n"
                           "\tfor line in (hostler __complete $words[2..-1] 2>/dev/null)\n"
                           "\t\tif test \"$line\" = :files\n"
                           "\t\t\t__fish_complete_path (commandline -ct)\n"
                           "\t\telse\n"
                           "\t\t\techo $line\n"
                           "\t\tend\n"
                           "\tend\n"
                           "end\n"
                           "complete -c hostler -f -a '(__hostler_complete)'\n";

int completion_command(struct cli *c, int argc, char **argv, struct err *e)
{
	const char *shell = argc == 1 ? argv[0] : "";

	if (strcmp(shell, "bash") == 0)
		fputs(BASH, stdout);
	else if (strcmp(shell, "zsh") == 0)
		fputs(ZSH, stdout);
	else if (strcmp(shell, "fish") == 0)
		fputs(FISH, stdout);
	else
		return err_set(e, ERR_SYNTAX, "hostler completion bash, zsh or fish");
	return 0;
}

/* ---- answers ---- */

static void offer(const char *start, const char *word, const char *doc)
{
	g_autofree char *clean = NULL, *clean_doc = NULL;

	if (!g_str_has_prefix(word, start))
		return;
	clean = text_printable(word);
	clean_doc = doc ? text_printable(doc) : NULL;
	printf("%s%s%s\n", clean, clean_doc && *clean_doc ? "\t" : "", clean_doc ? clean_doc : "");
}

static void offer_flag(const char *start, const char *name, const char *doc)
{
	g_autofree char *dashed = g_strdelimit(g_strconcat("--", name, NULL), "_", '-');

	offer(start, dashed, doc);
}

static void offer_fixed(const char *start, const struct flag *flags)
{
	for (; flags && flags->name; flags++)
		offer_flag(start, flags->name, flags->doc);
}

/* Members as flags; nested ones once the dot is there, so that lists stay short. */
static void offer_members(const char *start, const struct m_op *op, const struct m_type *t, const char *prefix,
                          int depth)
{
	for (int i = 0; i < t->n_fields; i++) {
		const struct m_field *f = &t->fields[i];
		g_autofree char *flag = g_strconcat(prefix, f->name, NULL), *deeper = g_strconcat(flag, ".", NULL),
		                *dashed = NULL;

		if (!help_has_flag(depth ? m_op_find("vms.add") : op, t, f))
			continue;
		dashed = g_strdelimit(g_strconcat("--", deeper, NULL), "_", '-');
		if (f->kind == M_STRUCT && !f->type->is_identified && !(f->flags & M_F_LIST)) {
			if (g_str_has_prefix(start, dashed) && depth < 5)
				offer_members(start, op, f->type, deeper, depth + 1);
			else
				offer(start, dashed, f->doc);
			continue;
		}
		offer_flag(start, flag, f->doc);
	}
}

static void offer_flags(struct command *cmd, const char *start)
{
	const struct m_op *op = cmd->verb.op;

	if (cmd->nice && cmd->nice->flags)
		offer_fixed(start, cmd->nice->flags(&cmd->extras));
	for (int i = 0; op && i < op->n_params; i++)
		if (op->params[i].via == M_VIA_QUERY && !command_is_links(&op->params[i]))
			offer_flag(start, op->params[i].name, help_doc(op->params[i].name));
	if (op && cmd->body.type)
		offer_members(start, op, cmd->body.type, "", 0);
	offer_fixed(start, command_flags(&cmd->c->opt));
	offer_fixed(start, command_weak_flags(&cmd->c->opt));
}

static void offer_names(struct command *cmd, const char *start, const struct m_type *t, const char *path)
{
	static const char *const members[] = { "id", "name", "alias", "user_name", "description", "protocol", NULL };
	struct err quiet = ERR_INIT;
	g_autoptr(GString) query = g_string_new("max=500");
	auto_json *items = NULL;
	const json_t *each;
	size_t i;

	if (*start && resolve_can_search(path, start)) {
		g_autofree char *term = g_strdup_printf("name=\"%s*\"", start);

		g_string_append(query, "&search=");
		web_append_escaped(query, term);
	}
	items = resolve_list(cmd->c, t, path, query->str, members, &quiet);
	json_array_foreach (items, i, each) {
		const char *label = resolve_label(each);

		if (label)
			offer(start, label, NULL);
	}
}

/* Names for the word that is being typed behind the verb. */
static void offer_args(struct command *cmd, const char *start)
{
	int at = (int)cmd->args->len, levels = command_levels(cmd);
	struct err quiet = ERR_INIT;
	struct command part = *cmd;
	char *path;

	if (cmd->nice && !cmd->nice->is_op && at >= 1) {
		printf(":files\n");
		return;
	}
	if (levels && at >= levels && cmd->verb.is_item)
		at = levels - 1; /* several names */
	if (at >= levels) {
		const struct tree_level *l = cmd->place.depth ? &cmd->place.level[cmd->place.depth - 1] : NULL;
		const struct m_locator *home = l && tree_takes_existing(l) ? tree_home(l->type) : NULL;

		if (l && cmd->verb.op && cmd->verb.op->kind == M_OP_ADD &&
		    g_strcmp0(command_name_member(l), "disk") == 0)
			offer_names(cmd, start, m_type_find("disk"), "disks");
		else if (home && cmd->verb.op && cmd->verb.op->kind == M_OP_ADD)
			offer_names(cmd, start, l->type, home->path);
		return;
	}
	part.place.depth = at + 1;
	path = command_path(&part, at, &quiet);
	if (path && cmd->place.level[at].type)
		offer_names(cmd, start, cmd->place.level[at].type, path);
}

static void offer_words(struct command *cmd, const char *start)
{
	const struct m_service *s = tree_below(&cmd->place);
	g_autoptr(GArray) verbs = cmd->place.depth || cmd->is_root ? tree_verbs(&cmd->place) : NULL;

	for (const struct builtin *b = BUILTINS; !cmd->place.depth && !cmd->is_root && b->word; b++)
		if (b->word[0] != '_')
			offer(start, b->word, b->doc);
	for (guint i = 0; verbs && i < verbs->len; i++) {
		const struct tree_verb *v = &g_array_index(verbs, struct tree_verb, i);
		g_autoptr(GString) doc = g_string_new(NULL);

		help_append_verb(doc, v, cmd->place.depth ? &cmd->place.level[cmd->place.depth - 1] : NULL);
		offer(start, v->word, doc->str);
	}
	for (const struct nicety *n = NICETIES; n->verb; n++)
		if (cmd->place.depth == 1 && !n->is_op && strcmp(n->service, cmd->place.level[0].service->name) == 0)
			offer(start, n->verb, n->doc);
	for (int i = 0; i < s->n_locators && !cmd->is_root; i++)
		if (tree_is_part(s, i)) {
			struct tree_level l = tree_level_of(&s->locators[i]);
			g_autofree char *word = tree_word(&l);

			offer(start, word, NULL);
		}
	if (!cmd->place.depth && !cmd->is_root)
		offer(start, "system", NULL);
}

/* Values of the flag before the word; false: it is none that we know values of. */
static bool offer_values(struct command *cmd, const char *flag, const char *start)
{
	static const char *const formats[] = { "table", "wide", "json", "yaml", "xml", "id", "csv" };
	const char *name = flag + strspn(flag, "-");
	const struct m_field *f = cmd->verb.op && cmd->body.type ? body_field(&cmd->body, name) : NULL;

	if (strcmp(flag, "-o") == 0 || strcmp(flag, "--output") == 0) {
		for (size_t i = 0; i < G_N_ELEMENTS(formats); i++)
			offer(start, formats[i], NULL);
		return true;
	}
	if (strcmp(flag, "-f") == 0 || strstr(flag, "-file") || strcmp(flag, "--file") == 0) {
		printf(":files\n");
		return true;
	}
	if (f && f->kind == M_ENUM)
		for (int i = 1; i < f->enum_->n_values; i++)
			offer(start, f->enum_->values[i], NULL);
	else if (f && (f->kind == M_REF || (f->kind == M_STRUCT && f->type->is_identified)) && tree_home(f->type))
		offer_names(cmd, start, f->type, tree_home(f->type)->path);
	return f && f->kind != M_BOOL;
}

/* Does a flag take the next word? */
static bool takes_word(struct command *cmd, const char *word)
{
	const struct flag *tables[] = { command_flags(&cmd->c->opt), command_weak_flags(&cmd->c->opt),
		                        cmd->nice && cmd->nice->flags ? cmd->nice->flags(&cmd->extras) : NULL };
	const char *name = word + strspn(word, "-");
	const struct m_field *f;

	if (strchr(word, '='))
		return false;
	for (size_t t = 0; t < G_N_ELEMENTS(tables); t++)
		for (const struct flag *k = tables[t]; k && k->name; k++)
			if (strcmp(k->name, name) == 0 || (k->letter == name[0] && !name[1]))
				return k->kind == FLAG_TEXT;
	for (int i = 0; cmd->verb.op && i < cmd->verb.op->n_params; i++)
		if (cmd->verb.op->params[i].via == M_VIA_QUERY && text_same_word(cmd->verb.op->params[i].name, name))
			return cmd->verb.op->params[i].kind != M_BOOL;
	f = cmd->verb.op && cmd->body.type ? body_field(&cmd->body, name) : NULL;
	return f && f->kind != M_BOOL;
}

/* argv: the words so far; the last one is being typed. Never fails, and is silent about what it cannot find out. */
int complete_command(struct cli *c, int argc, char **argv, struct err *e)
{
	const char *start = argc ? argv[argc - 1] : "";
	struct command cmd;
	struct err quiet = ERR_INIT;

	if (command_parse(&cmd, c, 0, NULL, &quiet) < 0)
		return 0;
	for (int i = 0; i + 1 < argc; i++) {
		if (argv[i][0] == '-' && argv[i][1]) {
			if (takes_word(&cmd, argv[i]) && ++i + 1 >= argc) {
				if (!offer_values(&cmd, argv[i - 1], start))
					break;
				goto out;
			}
			continue;
		}
		if (command_word(&cmd, argv[i], &quiet) < 0)
			goto out;
	}
	if (start[0] == '-')
		offer_flags(&cmd, start);
	else if (cmd.verb_word)
		offer_args(&cmd, start);
	else
		offer_words(&cmd, start);
out:
	command_clear(&cmd);
	return 0;
}
