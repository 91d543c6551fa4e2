/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Flags of commands that are not made from the schema, and of all commands: a table each. */
#include <stdbool.h>

#include "base/err.h"

enum flag_kind { FLAG_TEXT, FLAG_BOOL };

struct flag {
	const char *name; /* without dashes */
	enum flag_kind kind;
	void *value; /* const char **, bool * */
	char letter; /* -o, or '\0' */
	const char *doc;
};

/*
 * If argv[*i] is one of the flags ("--name value", "--name=value", "-n value"), take it, move *i to its last word and return 1; 0: it is
 * none of them; -1 with e.
 */
int flag_take(const struct flag *flags, int argc, char **argv, int *i, struct err *e);
/* A whole command line after the command: flags, and up to max words. */
int flags_parse(const struct flag *flags, int argc, char **argv, const char **words, int max, struct err *e);
