/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * JSON as a stream: the reader asks for what it expects, and no tree is built. Depth and number of values
 * are counted. After a failure the error is set, and reading must end.
 */
#include "model/internal.h"

struct json_in {
	const char *p, *end, *start;
	struct pool *pool;
	const struct m_limits *lim;
	struct err *e;
	int depth, nodes;
};

struct jin_number {
	bool is_int;
	int64_t i; /* when is_int */
	double d;  /* always */
};

/* Valid UTF-8, no longer than allowed? */
int jin_open(struct json_in *in, struct pool *p, const char *text, size_t len, const struct m_limits *lim,
             struct err *e);
/* Nothing more than white space comes. */
int jin_close(struct json_in *in);

/* The first character of the value that comes next: { [ " t f n - or a digit; else '\0' (for end, too). */
char jin_peek(struct json_in *in);
/* Into the object or array that comes next. */
int jin_enter(struct json_in *in);
/* 1: another member or item comes; 0: that was the last, and the container is left. first begins as true. */
int jin_more(struct json_in *in, char close, bool *first);
/* A member's name and the colon; longer names are cut off. */
int jin_name(struct json_in *in, char *buf, size_t size);
/* Values, when peek promised them. Strings come from the pool. */
int jin_string(struct json_in *in, char **out);
int jin_number(struct json_in *in, struct jin_number *out);
int jin_bool(struct json_in *in, bool *out);
int jin_null(struct json_in *in);
/* Whatever comes. */
int jin_skip(struct json_in *in);

/* "The document is not JSON: line 3, column 7: <why>". */
int jin_bad(struct json_in *in, const char *why);
