/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The one error type: a code for machines, a field for forms, a sentence for people.
 *
 * A struct err lives on the caller's stack and has fixed buffers, so that reporting an error cannot
 * fail. Functions that may fail take `struct err *e` last and return 0 or -1 (or a pointer or NULL);
 * `e` is only meaningful after a failure and may never be NULL.
 */
#include <stdbool.h>

enum err_code {
	ERR_NONE = 0,
	ERR_SYNTAX,          /* the document cannot be read: not XML or JSON, unknown member */
	ERR_INVALID,         /* a value that is not allowed: wrong enum, bad boolean, bad reference */
	ERR_RANGE,           /* a number outside of what is allowed */
	ERR_MISSING,         /* required input is absent */
	ERR_UNSUPPORTED,     /* right words, but this version cannot do it */
	ERR_AUTH,            /* not logged in, token expired, wrong password */
	ERR_DENIED,          /* logged in, but without the permit */
	ERR_NO_ENTITY,       /* the entity of the URL does not exist */
	ERR_NOT_FOUND,       /* something named inside the request does not exist */
	ERR_METHOD,          /* known path, wrong HTTP method */
	ERR_NOT_ACCEPTABLE,  /* Accept asks for what we cannot write */
	ERR_MEDIA_TYPE,      /* body of a type that we cannot read, or of no type */
	ERR_TOO_LARGE,       /* beyond a limit of size, depth or count */
	ERR_CONFLICT,        /* wrong state for the action, duplicate name, locked entity */
	ERR_PRECONDITION,    /* If-Match: somebody else changed it since it was read */
	ERR_IMMUTABLE,       /* change of a fixed field */
	ERR_BUSY,            /* queue full; try again later */
	ERR_NOT_IMPLEMENTED, /* operation exists in the API, but not here yet */
	ERR_NO_SPACE,        /* disk full under journal or storage domain */
	ERR_BACKEND,         /* a system call, libvirt, SQL or a child process failed */
	ERR_NETWORK,         /* peer cannot be reached or connection lost; outcome unknown */
	ERR_TIMEOUT,         /* no answer in time; outcome unknown */
	ERR_AGENT,           /* the host agent answered with an error, see agent_code */
	ERR_CANCELLED,       /* the waiting party went away */
	ERR_INTERNAL,        /* should not happen */
	N_ERR_CODE
};

struct err {
	enum err_code code;
	int agent_code;   /* VDSM's error number when code is ERR_AGENT */
	char field[96];   /* dotted path of the field at fault ("vm.cpu.topology.cores"), or "" */
	char detail[600]; /* one sentence for people; never holds secrets */
};

#define ERR_INIT                                                                                                       \
	{                                                                                                              \
		.code = ERR_NONE                                                                                       \
	}

/* Set code and sentence, clear field. Always returns -1, so that failing is one line. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* As err_set, and names the field at fault. */
int err_field(struct err *e, enum err_code code, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Error of the host agent's protocol: VDSM code and message. */
int err_agent(struct err *e, int agent_code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* As err_set with the text of an errno appended; ENOSPC and EDQUOT become ERR_NO_SPACE. */
int err_errno(struct err *e, int errnum, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Put "what was being done: " in front of the sentence. Keeps code and field. Returns -1. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Stable lower-case name of a code ("conflict"), for logs and the journal. Never NULL. */
const char *err_code_name(enum err_code code);
