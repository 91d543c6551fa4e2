/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Contexts: the Managers that were logged in to. What is known of them is in $XDG_CONFIG_HOME/hostler/contexts.json, each
 * token in $XDG_STATE_HOME/hostler/NAME.token; both only for the user to read.
 */
#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/pool.h"

struct context {
	char *name, *url, *user, *ca; /* ca: PEM, or NULL */
	bool is_insecure;
	char *token;
	int64_t expires_ms; /* of the token; 0: unknown */
};

/* The whole store: {"current": name, "contexts": {name: {...}}}. Empty when there is none. The caller owns it. */
json_t *contexts_load(struct err *e);
/* A context of the store into the pool; name NULL: the current one. ERR_AUTH when it is not there. */
int context_get(struct pool *p, const char *name, struct context *out, struct err *e);
/* Save a context with its token and make it the current one. */
int context_save(const struct context *c, struct err *e);
int context_use(const char *name, struct err *e);
/* Forget the token alone, or the whole context. */
int context_forget(const char *name, bool token_only, struct err *e);
/* A name for a URL: its host. */
char *context_name_of(const char *url);
