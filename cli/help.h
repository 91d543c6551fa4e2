/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What can be typed: help, man pages, completion; all from the schema. */
#include "cli/command.h"

/* A command that is not of the grammar TYPE VERB. */
struct builtin {
	const char *word, *args, *doc;
	int (*run)(struct cli *c, int argc, char **argv, struct err *e);
	const char *flags; /* for help: a line each */
};
extern const struct builtin BUILTINS[]; /* the last one has no word */

/* `hostler help`, `hostler vm --help`, `hostler vm create --help` */
void help_all(void);
void help_builtin(const struct builtin *b);
void help_place(const struct command *cmd);
/* A member's flag and what it takes: "--memory SIZE"; "size", "true|false", enumerations as a|b|c. */
void help_append_kind(GString *out, const struct m_field *f);
/* A sentence for a verb. */
void help_append_verb(GString *out, const struct tree_verb *v, const struct tree_level *l);
/* The words of a call: "hostler vm nic update VM NIC [flags]" */
void help_append_usage(GString *out, const struct tree_place *p, const struct tree_verb *v);
/* A few words about a parameter or member; NULL. */
const char *help_doc(const char *name);
/* Should a member have a flag in help and completion? */
bool help_has_flag(const struct m_op *op, const struct m_type *t, const struct m_field *f);

/* Write man pages into a folder. */
int man_command(struct cli *c, int argc, char **argv, struct err *e);
/* `hostler completion bash|zsh|fish`, and what those scripts ask: `hostler __complete WORDS...` */
int completion_command(struct cli *c, int argc, char **argv, struct err *e);
int complete_command(struct cli *c, int argc, char **argv, struct err *e);
