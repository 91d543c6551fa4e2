/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* HTTPS to a Manager. One connection, kept open from call to call. */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

#define API_BASE "/ovirt-engine/api"

struct web_config {
	const char *url;    /* "https://manager:8443", no path */
	const char *token;  /* or NULL */
	const char *ca_pem; /* trust this; NULL: what the machine trusts */
	bool is_insecure;   /* trust anybody */
	bool is_debug;      /* say what is asked, on standard error */
};

struct web_answer {
	long status;
	char *type, *location, *cursor; /* Content-Type, Location, X-Hostler-Cursor; or NULL */
	GString *body;
};
void web_answer_clear(struct web_answer *a);
#define auto_answer __attribute__((cleanup(web_answer_clear))) struct web_answer

struct web_request {
	const char *method, *path;  /* path from the root, with query */
	const char *accept;         /* application/json when NULL */
	const char *type;           /* of the body; application/json when NULL */
	const char *body;           /* or NULL */
	const char *correlation_id; /* or NULL */
	int timeout_ms;             /* 0: 10 minutes */
	bool all_content;
	/* Of an answer with status 200: its parts as they come, for as long as they do; false: enough. Or NULL. */
	bool (*part)(void *arg, const char *data, size_t n);
	void *arg;
};

struct web *web_new(const struct web_config *cfg);
void web_free(struct web *w);
const char *web_url(const struct web *w);
const char *web_token(const struct web *w);
void web_set_token(struct web *w, const char *token);
/* The Correlation-Id of changes whose request names none. Copied; NULL: none. */
void web_set_correlation(struct web *w, const char *id);

/* Any answer is a success of this one; fails only without one: ERR_NETWORK, ERR_CANCELLED after an interrupt. */
int web_ask(struct web *w, const struct web_request *r, struct web_answer *a, struct err *e);
/* As web_ask; an answer of 400 and more is a failure in the words of its fault. */
int web_call(struct web *w, const struct web_request *r, struct web_answer *a, struct err *e);
/* GET or another call with a JSON answer. NULL with e. */
json_t *web_json(struct web *w, const char *method, const char *path, const json_t *body, struct err *e);

/* The connection's TLS stream for what is not HTTP (WebSocket): connected, nothing sent yet. curl handle of its own. */
void *web_open_stream(struct web *w, struct err *e);
/* Turn an answer's fault into e. */
int web_fault(const struct web_answer *a, struct err *e);
/* Append text percent-encoded. */
void web_append_escaped(GString *out, const char *s);
