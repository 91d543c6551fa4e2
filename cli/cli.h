/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * hostler, the command line: what its parts share. One process runs one command, so what is read from the command line
 * and the environment lives in one struct, and memory in one pool.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/pool.h"
#include "model/model.h"

/* What the process ends with; docs/cli.md lists them. */
enum exit_code {
	EXIT_OK = 0,
	EXIT_FAULT = 1,      /* the Manager refused, or something here failed */
	EXIT_USAGE = 2,      /* the command cannot be understood */
	EXIT_NOT_FOUND = 3,  /* no such entity */
	EXIT_DENIED = 4,     /* not logged in, or without the permit */
	EXIT_CONNECTION = 5, /* no connection, or one that cannot be trusted */
	EXIT_LATE = 6,       /* --wait: not reached within --timeout */
	EXIT_REFUSED = 7,    /* a question was not answered with yes */
	EXIT_INTERRUPTED = 130,
};

enum out_format { OUT_TABLE, OUT_WIDE, OUT_JSON, OUT_YAML, OUT_XML, OUT_ID, OUT_CSV };

struct options {
	const char *output, *columns, *sort, *page, *from_file, *timeout, *links;
	const char *context, *url, *ca_file, *token;
	bool no_headers, wait, yes, dry_run, follow, help, insecure, debug, all_content;
	enum out_format format;
	int timeout_ms; /* of --wait */
};

struct web;

struct cli {
	struct pool *pool;
	struct options opt;
	struct web *web; /* connected on first use */
	bool is_tty;     /* standard output is a terminal */
	bool has_colour;
	int exit_code; /* of a command that did its work and yet has something to say; 0 as a rule */
};

/* The exit code that an error deserves. */
int cli_exit_code(const struct err *e);
/* The connection of the current context; logs nothing in. NULL with e when there is no context. */
struct web *cli_web(struct cli *c, struct err *e);
/* Ask on the terminal; ERR_CANCELLED unless the answer is yes, or --yes was given. */
int cli_confirm(struct cli *c, struct err *e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A line for people, on standard error, printable. */
void cli_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Interrupts: from the first call on SIGINT and SIGTERM only set a flag. */
void cli_catch_interrupts(void);
bool cli_interrupted(void);
/* Wait, and wake up at an interrupt. ERR_CANCELLED then. */
int cli_pause(int ms, struct err *e);
int64_t cli_now_ms(void);
