/* SPDX-License-Identifier: Apache-2.0 */
/* Man pages: hostler(1), and hostler-TYPE(1) for each type of the root. */
#include <errno.h>
#include <string.h>

#include "cli/help.h"
#include "cli/text.h"

static void append_roff(GString *out, const char *s)
{
	bool is_start = true;

	for (; *s; s++) {
		if (is_start && (*s == '.' || *s == '\''))
			g_string_append(out, "\\&");
		if (*s == '\\')
			g_string_append(out, "\\e");
		else if (*s == '-')
			g_string_append(out, "\\-");
		else
			g_string_append_c(out, *s);
		is_start = *s == '\n';
	}
}

static void append_line(GString *out, const char *macro, const char *text)
{
	g_string_append(out, macro);
	append_roff(out, text);
	g_string_append_c(out, '\n');
}

static void begin(GString *out, const char *name, const char *what)
{
	g_autofree char *upper = g_ascii_strup(name, -1);

	g_string_append_printf(
	    out,
	    ".\\\" Written by hostler itself from the schema.\n.TH \"%s\" 1 \"\" \"hostler " HOSTLER_VERSION
	    "\"\n.SH NAME\n",
	    upper);
	append_roff(out, name);
	g_string_append(out, " \\- ");
	append_roff(out, what);
	g_string_append_c(out, '\n');
}

static void append_flag(GString *out, const char *flag, const char *value, const char *doc)
{
	g_string_append(out, ".TP\n\\fB\\-\\-");
	append_roff(out, flag);
	g_string_append(out, "\\fR");
	if (value && *value) {
		g_string_append(out, " \\fI");
		append_roff(out, value);
		g_string_append(out, "\\fR");
	}
	g_string_append_c(out, '\n');
	if (doc && *doc)
		append_roff(out, doc);
	else
		g_string_append(out, "\\&");
	g_string_append_c(out, '\n');
}

static void append_fixed(GString *out, const struct flag *flags)
{
	for (; flags && flags->name; flags++)
		append_flag(out, flags->name, flags->kind == FLAG_TEXT ? "VALUE" : "", flags->doc);
}

static int save(const char *folder, const char *name, const GString *text, struct err *e)
{
	g_autofree char *file = g_strdup_printf("%s/%s.1", folder, name);
	g_autoptr(GError) ge = NULL;

	return g_file_set_contents(file, text->str, (gssize)text->len, &ge)
	           ? 0
	           : err_set(e, ERR_BACKEND, "%s", ge->message);
}

/* ---- a type's page ---- */

static void append_members(GString *out, const struct m_op *op, const struct m_type *t)
{
	for (int i = 0; i < t->n_fields; i++) {
		const struct m_field *f = &t->fields[i];
		g_autoptr(GString) value = g_string_new(NULL);
		g_autofree char *flag = text_dashed(f->name);

		if (!help_has_flag(op, t, f))
			continue;
		help_append_kind(value, f);
		append_flag(out, flag, value->str,
		            f->doc                  ? f->doc
		            : help_doc(f->name)     ? help_doc(f->name)
		            : (f->flags & M_F_LIST) ? "May be repeated."
		                                    : "");
	}
}

static void append_verb(GString *out, const struct tree_place *p, const struct tree_verb *v)
{
	const struct nicety *n = nicety_find(p, v->word);
	g_autoptr(GString) usage = g_string_new(NULL), doc = g_string_new(NULL);
	struct extras x = { 0 };

	help_append_usage(usage, p, v);
	help_append_verb(doc, v, p->depth ? &p->level[p->depth - 1] : NULL);
	append_line(out, ".SS ", usage->str);
	append_roff(out, n ? n->doc : doc->str);
	g_string_append_c(out, '\n');
	if (n && n->flags)
		append_fixed(out, n->flags(&x));
	for (int i = 0; i < v->op->n_params; i++) {
		const struct m_param *q = &v->op->params[i];
		g_autofree char *flag = text_dashed(q->name);

		if (q->via == M_VIA_QUERY && !command_is_links(q))
			append_flag(out, flag,
			            q->kind == M_BOOL  ? ""
			            : q->kind == M_INT ? "N"
			                               : "TEXT",
			            help_doc(q->name));
	}
	if (v->op->kind == M_OP_ACTION)
		append_members(out, v->op, m_type_find("action"));
	else if (v->op->body && p->depth == 1)
		append_members(out, v->op, v->op->body->type);
}

static void append_place(GString *out, const struct tree_place *p)
{
	g_autoptr(GArray) verbs = tree_verbs(p);

	for (guint i = 0; i < verbs->len; i++)
		append_verb(out, p, &g_array_index(verbs, struct tree_verb, i));
}

/* The parts of a type: their verbs, without repeating members. */
static void append_parts(GString *out, const struct tree_place *p)
{
	const struct m_service *s = tree_below(p);

	for (int i = 0; i < s->n_locators; i++) {
		struct tree_place deeper = *p;

		if (!tree_is_part(s, i) || p->depth >= 3)
			continue;
		deeper.level[deeper.depth++] = tree_level_of(&s->locators[i]);
		append_place(out, &deeper);
		append_parts(out, &deeper);
	}
}

static int type_page(const char *folder, const struct m_locator *l, struct err *e)
{
	struct tree_place p = { .level = { tree_level_of(l) }, .depth = 1 };
	g_autofree char *word = tree_word(&p.level[0]), *name = g_strconcat("hostler-", word, NULL),
	                *what = g_strdup_printf("the %s commands of hostler", word);
	g_autoptr(GString) out = g_string_new(NULL);
	struct extras x = { 0 };

	begin(out, name, what);
	g_string_append(out, ".SH VERBS\n");
	append_place(out, &p);
	for (const struct nicety *n = NICETIES; n->verb; n++)
		if (!n->is_op && strcmp(n->service, p.level[0].service->name) == 0) {
			g_autofree char *usage = g_strdup_printf("hostler %s %s %s [flags]", word, n->verb, n->args);

			append_line(out, ".SS ", usage);
			append_line(out, "", n->doc);
			append_fixed(out, n->flags(&x));
		}
	if (p.level[0].item && p.level[0].item->n_locators)
		g_string_append(out, ".SH PARTS\n");
	append_parts(out, &p);
	g_string_append(out, ".SH SEE ALSO\n\\fBhostler\\fR(1)\n");
	return save(folder, name, out, e);
}

/* ---- hostler(1) ---- */

static const char INTRO[] =
    ".SH SYNOPSIS\n\\fBhostler\\fR \\fITYPE VERB\\fR [\\fINAME\\fR|\\fIID\\fR] [\\fIflags\\fR]\n.br\n"
    "\\fBhostler\\fR \\fITYPE PART VERB NAME\\fR [\\fINAME\\fR] [\\fIflags\\fR]\n"
    ".SH DESCRIPTION\nThe command line of a Hostler Manager. Types, their parts and verbs are those of the REST API; "
    "each member of a\n"
    "document is a flag, nested ones with dots: \\fB\\-\\-cpu.topology.cores 2\\fR. Names stand for ids everywhere.\n"
    "Numbers take units: KiB, MiB, GiB, TiB (or K, M, G, T) are powers of 1024, KB, MB, GB, TB of 1000.\n";

static const char TAIL[] =
    ".SH ENVIRONMENT\n.TP\nHOSTLER_URL, HOSTLER_TOKEN, HOSTLER_CA_FILE, HOSTLER_INSECURE\nConnection, in place of a "
    "context.\n"
    ".TP\nHOSTLER_CONTEXT\nThe context to use.\n.TP\nHOSTLER_USER, HOSTLER_PASSWORD, HOSTLER_PASSWORD_FILE\nFor "
    "login.\n"
    ".TP\nNO_COLOR\nNo colours.\n"
    ".SH FILES\n.TP\n$XDG_CONFIG_HOME/hostler/contexts.json\nManagers, and the CAs that are trusted for them.\n"
    ".TP\n$XDG_STATE_HOME/hostler/*.token\nTokens.\n"
    ".SH EXIT STATUS\n0 done; 1 refused or failed; 2 not understood; 3 not found; 4 not logged in, or not permitted; 5 "
    "no connection,\n"
    "or one that cannot be trusted; 6 \\-\\-timeout is over; 7 not confirmed; 130 interrupted.\n";

static int main_page(const char *folder, struct err *e)
{
	g_autoptr(GString) out = g_string_new(NULL);
	struct options o = { 0 };

	begin(out, "hostler", "the command line of a virtualization manager");
	g_string_append(out, INTRO);
	g_string_append(out, ".SH COMMANDS\n");
	for (const struct builtin *b = BUILTINS; b->word; b++) {
		if (b->word[0] == '_')
			continue;
		g_string_append_printf(out, ".TP\n\\fB%s\\fR ", b->word);
		append_line(out, "", b->args);
		append_line(out, "", b->doc);
	}
	g_string_append(out, ".SH TYPES\n");
	for (int i = 0; i < M_ROOT_SERVICE->n_locators; i++) {
		struct tree_level l = tree_level_of(&M_ROOT_SERVICE->locators[i]);
		g_autofree char *word = tree_word(&l);

		g_string_append(out, "\\fBhostler\\-");
		append_roff(out, word);
		g_string_append(out, "\\fR(1)\n");
	}
	g_string_append(out, ".SH OPTIONS\n");
	append_fixed(out, command_flags(&o));
	append_fixed(out, command_weak_flags(&o));
	append_flag(out, "set", "member=value", "Any member, whatever flags there are of its name.");
	g_string_append(out, TAIL);
	return save(folder, "hostler", out, e);
}

int man_command(struct cli *c, int argc, char **argv, struct err *e)
{
	if (argc != 1)
		return err_set(e, ERR_SYNTAX, "hostler __man FOLDER");
	if (g_mkdir_with_parents(argv[0], 0755) < 0)
		return err_errno(e, errno, "make folder %s", argv[0]);
	if (main_page(argv[0], e) < 0)
		return -1;
	for (int i = 0; i < M_ROOT_SERVICE->n_locators; i++)
		if (type_page(argv[0], &M_ROOT_SERVICE->locators[i], e) < 0)
			return -1;
	return 0;
}
