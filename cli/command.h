/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One command of the grammar TYPE [SUB] VERB [NAME...] [flags], as it was understood. */
#include "cli/body.h"
#include "cli/cli.h"
#include "cli/flags.h"
#include "cli/tree.h"

struct command;

/* What is beside the API's operations: commands of their own, and flags that operations have more here. */
struct extras {
	const char *disk, *network, *iso, *storage, *file, *lines, *since, *source;
	bool start, console, vnc, spice, force, no_history, follow;
};

struct nicety {
	const char *service, *verb; /* of the last level's collection: "vms" */
	const char *args, *doc;     /* for the help */
	bool is_op;                 /* the operation of that name with more flags, not a verb of its own */
	const struct flag *(*flags)(struct extras *x);
	int (*run)(struct command *cmd, struct err *e);
};
extern const struct nicety NICETIES[]; /* the last one has no verb */

struct command {
	struct cli *c;
	struct tree_place place;
	bool is_root;          /* `system`: the API's root itself */
	const char *verb_word; /* as it was given; NULL: none */
	struct tree_verb verb; /* op NULL: a nicety of its own */
	const struct nicety *nice;
	GPtrArray *args; /* words after the verb */
	struct body body;
	GString *query; /* "a=b&c=d" */
	const char *search, *max;
	struct extras extras;
	char correlation_id[37];
};

/* Understand argv[0..argc). With --help or without a verb the rest is left unread. */
int command_parse(struct command *cmd, struct cli *c, int argc, char **argv, struct err *e);
void command_clear(struct command *cmd);
/* Take one word that is no flag. */
int command_word(struct command *cmd, const char *word, struct err *e);
/* Flags of every command. */
const struct flag *command_flags(struct options *o);
/* Those that yield to members of the same name. */
const struct flag *command_weak_flags(struct options *o);
const struct nicety *nicety_find(const struct tree_place *p, const char *verb);
/* Levels whose items must be named before the operation can be called. */
int command_levels(const struct command *cmd);
/* "vms/ID/nics", from the first words in args; names are looked up. In the pool; NULL with e. */
char *command_path(struct command *cmd, int levels, struct err *e);
/* The member that a name after `create` fills: "name", "disk" ... ; NULL when there is none. */
const char *command_name_member(const struct tree_level *l);
/* Give the command a Correlation-Id of its own. */
void command_correlate(struct command *cmd);
/* Run an operation of the API. */
int command_run(struct command *cmd, struct err *e);
/* Is this the parameter of lists and entities that we call --links? */
bool command_is_links(const struct m_param *p);
