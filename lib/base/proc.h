/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The one way to run another program: no shell, a fixed argument vector, bounded output, a time limit,
 * no inherited descriptors but 0-2, death together with the parent.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/pool.h"

struct proc_spec {
	const char *const *argv; /* argv[0] is an absolute path or looked up in PATH; NULL-terminated */
	const char *input;       /* standard input, or NULL for /dev/null */
	size_t input_len;
	const char *cwd;        /* or NULL */
	int timeout_ms;         /* 0: 60 s; the child is killed when it is over */
	size_t max_output;      /* per stream; 0: 1 MiB; more is dropped, is_truncated set */
	const char *const *env; /* "NAME=value" to add to our environment, NULL-terminated; or NULL */
	uid_t uid;              /* run as this user and group when uid is not 0 */
	gid_t gid;
};

struct proc_result {
	int exit_status; /* -1 when killed by a signal or by the time limit */
	int signal;
	bool is_timeout, is_truncated;
	char *out, *err_out; /* NUL-terminated, in the pool */
	size_t out_len;
};

/* Blocks the calling thread. 0 when the program ran and exited 0; else -1 with the end of its standard
 * error in e (ERR_BACKEND, ERR_TIMEOUT), r still filled in when the program ran at all. */
int proc_run(struct pool *p, const struct proc_spec *spec, struct proc_result *r, struct err *e);
