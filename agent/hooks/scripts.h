/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Scripts of one hook point: which of a folder may run, and running them. Blocks; touches nothing but its
 * arguments, so it may run on any thread.
 */
#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

enum {
	HOOK_STDERR_MAX = 64 << 10, /* of one script; what is more is dropped */
	HOOK_DATA_MAX = 16 << 20,   /* of the file */
	HOOK_VALUE_MAX = 64 << 10,  /* of a variable */
};

/*
 * Names of the scripts in DIR/POINT in the order in which they run: executable files, none hidden. A folder
 * or script that others than root, us and `owner` could have written is left out; `refused` (may be NULL)
 * gets a sentence about each. *is_bare: there is nothing at all in it. NULL when the folder does not exist.
 */
GPtrArray *scripts_list(const char *dir, const char *point, uid_t owner, GPtrArray *refused, bool *is_bare);

/* May a property from outside become an environment variable of that name? Not what programs, shells or
 * the hooks' own protocol listen to. */
bool scripts_may_set(const char *name);

struct script_run {
	const char *dir, *point, *tmp_dir;
	const GPtrArray *names; /* of scripts_list */
	const GPtrArray *env;   /* "NAME=value"; no NULL at the end */
	uid_t uid;              /* 0: ours */
	gid_t gid;
	int timeout_ms;       /* of one script */
	const char *file_var; /* variable that names the file, NULL: there is none */
	const char *input;    /* content of the file */
	char *output;         /* of the file at the end; to be g_free'd */
	struct err first;     /* the first thing that went wrong, ERR_NONE if nothing did */
	int n_run, n_failed;
};

/*
 * Run them. Exit status 1 (and whatever is not 0 or 2, a signal too) is a failure that later scripts do not
 * care about; 2, or not ending in time, ends the round. A script that hangs is killed with its children.
 */
void scripts_run(struct script_run *r);
