/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The front: from HTTP exchanges to calls and back. Routing, negotiation, reading documents and writing answers
 * happen on the edge's threads; what decides is posted to the core.
 */
#include "manager/api/call.h"
#include "manager/http/http.h"

struct front;
struct page_call;

/* A page beside the API ("/ovirt-engine/sso/oauth/token"): handled in a fiber on the core thread. */
struct page {
	const char *path;    /* exact, or a prefix when it ends with '*' */
	const char *methods; /* "GET,POST" */
	void (*run)(struct page_call *pc);
};
struct page_call {
	struct core *core;
	struct http_exchange *x; /* request: read-only here */
	struct pool *pool;
	char correlation_id[37];
	/* the answer */
	int status;
	const char *content_type;
	GString *body; /* taken */
	const char *location;
	const char *set_cookie;
	/* instead of it: called on the edge's thread, answers the exchange itself (WebSockets) */
	void (*take_over)(struct http_exchange *x, void *arg);
	void *take_over_arg;
};
/* Parameter of a form body (application/x-www-form-urlencoded) or of the query; decoded, in the pool. NULL: absent. */
const char *page_param(struct page_call *pc, const char *name);

/* tables of pages end with path NULL. */
struct front *front_new(struct core *core, const struct page *const *page_tables, int n_tables);
void front_free(struct front *f);
/* Serve these below /ovirt-engine/webadmin/ and /ovirt-engine/web-ui/; before the first request. Not taken. */
struct http_files;
void front_set_files(struct front *f, const struct http_files *files);
/* The handler for http_config. */
void front_handle(void *front, struct http_exchange *x);

/* HTTP status and reason of an error code. */
int front_status(enum err_code code);
const char *front_reason(enum err_code code);
