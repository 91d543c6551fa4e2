/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/help.h"

#include <string.h>

#include "cli/text.h"
#include "cli/value.h"

static void append_spaced(GString *out, const char *name)
{
	for (; *name; name++)
		g_string_append_c(out, *name == '_' || *name == '-' ? ' ' : *name);
}

static void append_upper(GString *out, const char *word)
{
	for (; *word; word++)
		g_string_append_c(out, g_ascii_toupper(*word));
}

/* ---- pieces ---- */

/* Words for what the schema has no words for. */
static const struct {
	const char *name, *doc;
} DOCS[] = {
	{ "all_content", "with the members that cost more" },
	{ "async", "do not wait for the end of it" },
	{ "case_sensitive", "letters of --search: capital or not" },
	{ "clone", "copy the template's disks" },
	{ "clone_permissions", "copy the template's permissions" },
	{ "detach_only", "keep the disks" },
	{ "filter", "only what you have permissions on" },
	{ "force", "without some of the checks" },
	{ "from", "only events after this one" },
	{ "max", "so many at most" },
	{ "next_run", "the configuration of the next start" },
	{ "search", "for example 'status=up and name=web*'" },
	{ "unregistered", "what is on the domain, but not known here" },
	{ "destroy", "forget it, without touching the storage" },
	{ "format", "wipe it" },
	{ "memory", "given to the guest at its start" },
	{ "cpu.topology.cores", "cores of each socket" },
	{ "cluster", "where it lives" },
	{ "template", "made from this; Blank has nothing" },
	{ "provisioned_size", "as the guest sees it" },
	{ "sparse", "takes space as it is written" },
	{ "bootable", "the guest may boot from it" },
	{ "active", "plugged in" },
	{ "storage_domains", "where it is kept" },
	{ "vnic_profile", "network and rules of the card" },
	{ "placement_policy.hosts", "hosts on which it may run" },
	{ "high_availability.enabled", "started again when its host fails" },
	{ "delete_protected", "cannot be removed" },
	{ "reason", "kept in the events" },
	{ "root_password", "the host's pairing code" },
	{ "persist_memorystate", "with the memory of the running guest" },
};

const char *help_doc(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(DOCS); i++)
		if (text_same_word(DOCS[i].name, name))
			return DOCS[i].doc;
	return NULL;
}

void help_append_verb(GString *out, const struct tree_verb *v, const struct tree_level *l)
{
	g_autofree char *word = l ? tree_word(l) : g_strdup("system");
	g_autoptr(GString) what = g_string_new(NULL);

	append_spaced(what, word);
	switch (v->op->kind) {
	case M_OP_LIST: g_string_append_printf(out, "List each %s.", what->str); break;
	case M_OP_GET: g_string_append_printf(out, "Show all of one %s.", what->str); break;
	case M_OP_ADD:
		g_string_append_printf(
		    out, l && tree_takes_existing(l) ? "Put a %s there that exists." : "Create a %s.", what->str);
		break;
	case M_OP_UPDATE:
		g_string_append_printf(out, "Change members of a %s; what is not named stays.", what->str);
		break;
	case M_OP_REMOVE: g_string_append_printf(out, "Remove a %s.", what->str); break;
	case M_OP_ACTION:
		g_string_append(out, "Action: ");
		append_spaced(out, v->op->method);
		g_string_append_c(out, '.');
		break;
	}
	if (v->op->is_deprecated)
		g_string_append(out, " Deprecated.");
}

static void append_words(GString *out, const struct tree_place *p)
{
	g_string_append(out, "hostler");
	if (!p->depth)
		g_string_append(out, " system");
	for (int i = 0; i < p->depth; i++) {
		g_autofree char *word = tree_word(&p->level[i]);

		g_string_append_printf(out, " %s", word);
	}
}

void help_append_usage(GString *out, const struct tree_place *p, const struct tree_verb *v)
{
	int levels = v->is_item ? p->depth : p->depth - 1;

	append_words(out, p);
	g_string_append_printf(out, " %s", v->word);
	for (int i = 0; i < levels; i++) {
		g_autofree char *word = tree_word(&p->level[i]);

		g_string_append_c(out, ' ');
		append_upper(out, word);
	}
	if (v->is_item && p->depth)
		g_string_append(out, " ...");
	if (v->op->kind == M_OP_ADD && p->depth) {
		const struct tree_level *l = &p->level[p->depth - 1];
		const char *member = command_name_member(l);

		if (tree_takes_existing(l))
			g_string_append(out, " NAME");
		else if (member) {
			g_string_append(out, " [");
			append_upper(out, member);
			g_string_append_c(out, ']');
		}
	}
	g_string_append(out, " [flags]");
}

static void append_enum(GString *out, const struct m_enum *en)
{
	gsize start = out->len;

	for (int i = 1; i < en->n_values; i++) {
		if (out->len - start > 60) {
			g_string_append(out, "|...");
			break;
		}
		g_string_append_printf(out, "%s%s", i > 1 ? "|" : "", en->values[i]);
	}
}

void help_append_kind(GString *out, const struct m_field *f)
{
	switch (f->kind) {
	case M_BOOL: g_string_append(out, "true|false"); break;
	case M_INT: g_string_append(out, value_is_bytes(f->name) ? "SIZE" : "N"); break;
	case M_DECIMAL: g_string_append(out, "NUMBER"); break;
	case M_DATE: g_string_append(out, "DATE"); break;
	case M_ENUM: append_enum(out, f->enum_); break;
	case M_STRUCT:
	case M_REF:
		g_string_append(out, f->type->is_identified || f->kind == M_REF ? "NAME|ID" : "name=value,...");
		break;
	default: g_string_append(out, "TEXT"); break;
	}
}

bool help_has_flag(const struct m_op *op, const struct m_type *t, const struct m_field *f)
{
	bool is_link_list = (f->flags & M_F_LIST) && (f->flags & M_F_LINK) && f->type && !tree_home(f->type);

	if ((f->flags & (M_F_INTERNAL | M_F_READONLY)) || is_link_list)
		return false;
	if (op->kind == M_OP_UPDATE && (f->flags & M_F_CREATE_ONLY))
		return false;
	if (op->kind != M_OP_ACTION)
		return strcmp(f->name, "id") != 0 && strcmp(f->name, "creation_status") != 0;
	for (int i = 0; i < op->n_params; i++)
		if (op->params[i].via == M_VIA_ACTION && strcmp(op->params[i].name, f->name) == 0)
			return true;
	return false;
}

/* ---- printing ---- */

static void print_flag(const char *flag, const char *value, const char *doc)
{
	g_autofree char *left = g_strdup_printf("  --%s%s%s", flag, value && *value ? " " : "", value ? value : "");

	if (doc && *doc && strlen(left) < 36)
		printf("%-36s %s\n", left, doc);
	else if (doc && *doc)
		printf("%s\n%-36s %s\n", left, "", doc);
	else
		printf("%s\n", left);
}

static void print_fixed(const struct flag *flags)
{
	for (; flags->name; flags++) {
		g_autofree char *name =
		    flags->letter ? g_strdup_printf("%s, -%c", flags->name, flags->letter) : g_strdup(flags->name);

		print_flag(name, flags->kind == FLAG_TEXT ? "VALUE" : "", flags->doc);
	}
}

/* Flags of a structure's members; those of structures within follow behind it. */
static void print_members(const struct m_op *op, const struct m_type *t, const char *prefix, int depth)
{
	for (int i = 0; i < t->n_fields; i++) {
		const struct m_field *f = &t->fields[i];
		g_autoptr(GString) value = g_string_new(NULL);
		g_autofree char *dashed = text_dashed(f->name), *flag = g_strconcat(prefix, dashed, NULL);

		if (!help_has_flag(depth ? m_op_find("vms.add") : op, t, f) || f->type == t)
			continue;
		if (f->kind == M_STRUCT && !f->type->is_identified && !(f->flags & M_F_LIST)) {
			g_autofree char *deeper = g_strconcat(flag, ".", NULL);

			if (depth < 2) {
				print_members(op, f->type, deeper, depth + 1);
				continue;
			}
		}
		help_append_kind(value, f);
		if (f->flags & M_F_LIST)
			g_string_append(value, " (may be repeated)");
		print_flag(flag, value->str, f->doc ? f->doc : help_doc(flag));
	}
}

static void print_requires(const struct m_op *op)
{
	for (int i = 0; op->requires[i]; i++)
		printf("%s%s", i ? ", " : "Required: ", op->requires[i]);
	if (op->requires[0])
		printf("\n");
	for (int s = 0; s < op->n_signatures; s++) {
		if (!op->signatures[s].requires[0])
			continue;
		printf("%s", s ? "or " : "Required: ");
		for (int i = 0; op->signatures[s].requires[i]; i++)
			printf("%s%s", i ? ", " : "", op->signatures[s].requires[i]);
		printf("\n");
	}
}

static void help_op(const struct command *cmd)
{
	const struct m_op *op = cmd->verb.op;
	const struct tree_level *l = cmd->place.depth ? &cmd->place.level[cmd->place.depth - 1] : NULL;
	g_autoptr(GString) usage = g_string_new(NULL), doc = g_string_new(NULL);
	bool has_title = false;

	help_append_usage(usage, &cmd->place, &cmd->verb);
	help_append_verb(doc, &cmd->verb, l);
	printf("%s\n\n  %s\n\n", cmd->nice ? cmd->nice->doc : doc->str, usage->str);
	print_requires(op);
	if (cmd->nice && cmd->nice->flags) {
		printf("\nIn one go:\n");
		print_fixed(cmd->nice->flags((struct extras *)&cmd->extras));
	}
	for (int i = 0; i < op->n_params; i++) {
		const struct m_param *p = &op->params[i];
		g_autofree char *flag = text_dashed(p->name);

		if (p->via != M_VIA_QUERY || command_is_links(p))
			continue;
		if (!has_title)
			printf("\nOptions:\n");
		has_title = true;
		print_flag(flag, p->kind == M_BOOL ? "" : p->kind == M_INT ? "N" : "TEXT", help_doc(p->name));
	}
	if (cmd->body.type) {
		printf("\nMembers:\n");
		print_members(op, cmd->body.type, "", 0);
	}
	printf("\nFlags of every command: hostler help flags\n");
}

static void help_nicety(const struct command *cmd)
{
	g_autofree char *word = tree_word(&cmd->place.level[cmd->place.depth - 1]);

	printf("%s\n\n  hostler %s %s %s [flags]\n", cmd->nice->doc, word, cmd->nice->verb, cmd->nice->args);
	if (cmd->nice->flags) {
		printf("\nFlags:\n");
		print_fixed(cmd->nice->flags((struct extras *)&cmd->extras));
	}
}

static void print_verbs(const struct command *cmd)
{
	const struct tree_level *l = cmd->place.depth ? &cmd->place.level[cmd->place.depth - 1] : NULL;
	g_autoptr(GArray) verbs = tree_verbs(&cmd->place);
	g_autoptr(GString) usage = g_string_new(NULL);

	append_words(usage, &cmd->place);
	printf("%s VERB [NAME] [flags]\n\nVerbs:\n", usage->str);
	for (guint i = 0; i < verbs->len; i++) {
		const struct tree_verb *v = &g_array_index(verbs, struct tree_verb, i);
		g_autoptr(GString) doc = g_string_new(NULL);
		const struct nicety *n = nicety_find(&cmd->place, v->word);

		if (n && !n->is_op)
			continue; /* ours is told below */
		help_append_verb(doc, v, l);
		printf("  %-28s %s\n", v->word, doc->str);
	}
	for (const struct nicety *n = NICETIES; n->verb; n++)
		if (cmd->place.depth == 1 && !n->is_op && strcmp(n->service, l->service->name) == 0)
			printf("  %-28s %s\n", n->verb, n->doc);
}

static void print_parts(const struct command *cmd)
{
	const struct m_service *s = tree_below(&cmd->place);
	bool has_title = false;

	for (int i = 0; i < s->n_locators && cmd->place.depth; i++) {
		struct tree_level l = tree_level_of(&s->locators[i]);
		g_autofree char *word = tree_word(&l);

		if (!tree_is_part(s, i))
			continue;
		if (!has_title)
			printf("\nParts, each with verbs of its own:\n");
		has_title = true;
		printf("  %s\n", word);
	}
	printf("\nhostler ... VERB --help tells the flags of a verb.\n");
}

void help_place(const struct command *cmd)
{
	if (cmd->verb.op) {
		help_op(cmd);
	} else if (cmd->nice) {
		help_nicety(cmd);
	} else if (!cmd->place.depth && !cmd->is_root) {
		help_all();
	} else {
		print_verbs(cmd);
		print_parts(cmd);
	}
}

void help_builtin(const struct builtin *b)
{
	printf("%s\n\n  hostler %s %s\n", b->doc, b->word, b->args);
	if (b->flags)
		printf("\n%s", b->flags);
}

static void print_types(void)
{
	int column = 0;

	for (int i = 0; i < M_ROOT_SERVICE->n_locators; i++) {
		struct tree_level l = tree_level_of(&M_ROOT_SERVICE->locators[i]);
		g_autofree char *word = tree_word(&l);

		printf("%s%-28s", column % 3 ? "" : "  ", word);
		if (++column % 3 == 0)
			printf("\n");
	}
	printf("%ssystem\n", column % 3 ? "" : "  ");
}

void help_all(void)
{
	struct options o = { 0 };

	printf("hostler: the command line of the Manager\n\n"
	       "  hostler TYPE VERB [NAME|ID] [flags]\n"
	       "  hostler TYPE PART VERB NAME [PART'S NAME] [flags]\n\n"
	       "  hostler vm list --search 'status=up' -o wide\n"
	       "  hostler vm create web1 --cluster Default --memory 2GiB --cpu.topology.cores 2 --wait\n"
	       "  hostler vm disk attach web1 data1 --interface virtio_scsi\n"
	       "  hostler vm console web1\n\n"
	       "Commands:\n");
	for (const struct builtin *b = BUILTINS; b->word; b++)
		if (b->word[0] != '_')
			printf("  %-12s %s\n", b->word, b->doc);
	printf("\nTypes (hostler TYPE --help):\n");
	print_types();
	printf("\nFlags:\n");
	print_fixed(command_flags(&o));
	print_fixed(command_weak_flags(&o));
	print_flag("set", "member=value", "any member, whatever flags there are of its name");
	printf("\nExit codes: 0 done, 1 refused or failed, 2 not understood, 3 not found, 4 not logged in or not\n"
	       "permitted, 5 no connection, 6 --timeout is over, 7 not confirmed, 130 interrupted.\n");
}
