/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * STOMP 1.2 frames: a parser that is fed bytes as they come, split anywhere, and a builder. Pure; knows
 * nothing of sockets or sessions. Everything it reads is hostile.
 */
#include <glib.h>
#include <stddef.h>

#include "base/err.h"

#define STOMP_MAX_HEADERS   128
#define STOMP_MAX_HEAD_SIZE (64 * 1024)
#define STOMP_DEFAULT_BODY  (32 * 1024 * 1024)

struct stomp_header {
	const char *name, *value; /* unescaped UTF-8 */
};

/* Valid until the parser is used again. */
struct stomp_frame {
	const char *command;
	const struct stomp_header *headers;
	size_t n_headers;
	const char *body; /* body_len bytes and a NUL */
	size_t body_len;
};

struct stomp_parser;

/* max_body 0: STOMP_DEFAULT_BODY. */
struct stomp_parser *stomp_parser_new(size_t max_body);
/* NULL is fine. */
void stomp_parser_free(struct stomp_parser *p);

/* Append what has arrived; then call stomp_parser_next until it gives no more. Invalidates the last frame. */
void stomp_parser_feed(struct stomp_parser *p, const char *data, size_t n);
/* 1: *frame is filled in; 0: more bytes are needed; -1: the stream is broken for good (ERR_SYNTAX, ERR_TOO_LARGE). */
int stomp_parser_next(struct stomp_parser *p, struct stomp_frame *frame, struct err *e);

/* Value of the first header of the name, or NULL. */
const char *stomp_frame_header(const struct stomp_frame *frame, const char *name);

/* A frame is begun, gets its headers, and is ended, in this order; several may follow each other in out. */
void stomp_begin(GString *out, const char *command);
void stomp_add(GString *out, const char *name, const char *value);
/* body NULL: a frame without one, and without content-length. */
void stomp_end(GString *out, const char *body, size_t body_len);
