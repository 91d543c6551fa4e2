/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Verbs: the agent's side of the protocol is tables of names and handlers, one table per area.
 *
 * A handler runs in a fiber of the agent's loop and may wait (task_run, fiber_sleep...). It reads
 * c->params with the helpers below, sets c->result (a new reference, given away; left NULL the answer
 * is `true`) and returns 0; or returns -1 with e. How an error looks to the client:
 *
 *   ERR_AGENT                                      e->agent_code, e->detail
 *   ERR_SYNTAX, _INVALID, _RANGE, _MISSING         -32602 (the text names the parameter)
 *   ERR_NOT_IMPLEMENTED, ERR_METHOD                -32601
 *   ERR_BUSY                                       1100
 *   anything else                                  100 with the text (-32603 for ERR_INTERNAL)
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/pool.h"

struct agent;

struct verb_call {
	const char *method;         /* "VM.create" */
	json_t *params;             /* an object, never NULL; borrowed */
	json_t *result;             /* what "result" of the answer becomes; see above */
	struct pool *pool;          /* freed when the call has been answered */
	const char *correlation_id; /* "" when the client gave none; put it in log lines as CORRELATION */
	const char *peer;           /* address of the client, "" if unknown */
	const char *local;          /* address of ours that the client connected to, "" if unknown */
};

typedef int (*verb_fn)(struct agent *a, struct verb_call *c, struct err *e);

enum {
	VERB_EARLY = 1, /* answered while virtual machines are still being found again (others: code 99) */
	VERB_QUIET = 2, /* polled often: logged at level debug */
};

struct verb {
	const char *name; /* NULL ends a table */
	verb_fn fn;
	unsigned flags;
};

/* One table per area, each in its own folder. */
extern const struct verb HOST_VERBS[];
extern const struct verb NETWORK_VERBS[];
extern const struct verb VM_VERBS[];
extern const struct verb STORAGE_VERBS[]; /* agent/storage: pools, domains, images, volumes, tasks, SDM jobs */

/* The verb of that name in any table, or NULL. */
const struct verb *verb_find(const char *name);
/* True for a verb that the protocol has, implemented here or not. */
bool verb_is_known(const char *name);
/* Run the verb for a call whose method, params and pool are set. In a fiber. */
int verb_run(struct agent *a, struct verb_call *c, struct err *e);
/* Code and text of an error as the client is to see them. */
int verb_error_code(const struct err *e);

/*
 * Parameters. `name` may be a path of members ("vmParams.xml"). Missing or JSON null: the first form
 * fails, the _or form gives the fallback. Wrong type or range always fails, naming the parameter.
 * Texts are borrowed from the parameters, or live in c->pool.
 */
int verb_string(struct verb_call *c, const char *name, const char **out, struct err *e);
int verb_string_or(struct verb_call *c, const char *name, const char *fallback, const char **out, struct err *e);
/* Lower case, canonical. */
int verb_uuid(struct verb_call *c, const char *name, const char **out, struct err *e);
/* Fallback when missing, null or "". */
int verb_uuid_or(struct verb_call *c, const char *name, const char *fallback, const char **out, struct err *e);
/* A number, or the decimal text of one. */
int verb_int(struct verb_call *c, const char *name, int64_t min, int64_t max, int64_t *out, struct err *e);
int verb_int_or(struct verb_call *c, const char *name, int64_t min, int64_t max, int64_t fallback, int64_t *out,
                struct err *e);
/* true, false, 0, 1, or a text of these or yes/no. */
int verb_bool(struct verb_call *c, const char *name, bool *out, struct err *e);
int verb_bool_or(struct verb_call *c, const char *name, bool fallback, bool *out, struct err *e);
/* Borrowed. _or gives NULL when missing. */
int verb_object(struct verb_call *c, const char *name, json_t **out, struct err *e);
int verb_object_or(struct verb_call *c, const char *name, json_t **out, struct err *e);
int verb_array(struct verb_call *c, const char *name, json_t **out, struct err *e);
int verb_array_or(struct verb_call *c, const char *name, json_t **out, struct err *e);
