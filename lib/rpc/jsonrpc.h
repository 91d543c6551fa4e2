/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* JSON-RPC 2.0 messages: reading hostile ones, making ours. Pure. */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum {
	JSONRPC_PARSE_ERROR = -32700,
	JSONRPC_INVALID_REQUEST = -32600,
	JSONRPC_NO_METHOD = -32601,
	JSONRPC_INVALID_PARAMS = -32602,
	JSONRPC_INTERNAL = -32603,
	JSONRPC_BUSY = 1100, /* the agent's own: too many calls are waiting */
};

#define JSONRPC_MAX_METHOD 256

/* One request. Pointers are into the message. */
struct jsonrpc_request {
	const char *method;
	json_t *params; /* object or array, or NULL */
	json_t *id;     /* string, number or null; NULL in a notification */
};

/* One answer. Pointers are into the message. */
struct jsonrpc_reply {
	const char *id;
	json_t *result; /* NULL when it failed */
};

/* The message as a tree that the caller owns, or NULL. */
json_t *jsonrpc_parse(const char *text, size_t len, struct err *e);

/* 0, or -1 with e (JSONRPC_INVALID_REQUEST in e->agent_code); id is set whenever it is usable. */
int jsonrpc_read_request(const json_t *message, struct jsonrpc_request *r, struct err *e);
/*
 * Read an answer: 0 with a result, or -1 with the error that it carries (ERR_AGENT). reply->id is NULL
 * when the message answers nothing of ours.
 */
int jsonrpc_read_reply(const json_t *message, struct jsonrpc_reply *reply, struct err *e);

/* These take over result or params and give a new tree. params NULL: an empty object. id is borrowed. */
json_t *jsonrpc_make_result(json_t *id, json_t *result);
json_t *jsonrpc_make_error(json_t *id, int code, const char *message);
json_t *jsonrpc_make_request(const char *id, const char *method, json_t *params);
