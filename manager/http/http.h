/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The network edge: HTTPS and HTTP on threads of their own, on top of libmicrohttpd. Knows nothing of
 * VMs: it hands whole requests (headers and body within limits) to one handler and writes what it is
 * given. It protects what is behind it: sizes, times and numbers of everything are bounded.
 */
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/pool.h"

struct http_server;
struct http_exchange;

struct http_config {
	const char *tls_listen;           /* "0.0.0.0:8443", "[::]:8443", "127.0.0.1:0"; NULL: no HTTPS */
	const char *plain_listen;         /* the same for HTTP; NULL: none */
	const char *cert_file, *key_file; /* PEM; chain allowed */
	int threads;                      /* 0: one per core, at most 4 */
	size_t max_body;                  /* 0: 16 MiB; more: 413 */
	size_t max_header;                /* 0: 32 KiB in all; more: 431 */
	int max_connections;              /* 0: 4096; at most a tenth of it from one address unless loopback */
	int header_timeout_s; /* 0: 15; from connect or last answer's end to the last header byte while one is begun */
	int body_timeout_s;   /* 0: 60 without progress */
	int idle_timeout_s;   /* 0: 120 of keep-alive */
	int max_waiting;      /* 0: 10,000 requests handed over and not answered; more: 503 with Retry-After */
	/* Called on an edge thread for each complete request. Must not block. Ends, now or later and on any thread, in
	 * http_answer() or http_reply*(). */
	void (*handler)(void *arg, struct http_exchange *x);
	void *arg;
};

struct http_server *http_server_start(const struct http_config *cfg, struct err *e);
/* Stops accepting, answers what waits with 503, waits for the threads. */
void http_server_stop(struct http_server *s);
/* Ports in use (for port 0), 0 if not listening. */
int http_server_tls_port(const struct http_server *s);
int http_server_plain_port(const struct http_server *s);
/* Take cert_file and key_file again for new connections. Any thread. */
int http_server_reload_certificate(struct http_server *s, struct err *e);

/* ---- the request: read-only, valid until the answer is sent ---- */
const char *http_method(const struct http_exchange *x); /* "GET"; HEAD is given as HEAD, its answer's body is dropped */
const char *http_path(const struct http_exchange *x);   /* as sent, without query; percent escapes not decoded */
const char *http_header(const struct http_exchange *x, const char *name); /* any case; NULL: absent */
/* Query parameter, percent-decoded ('+' is a blank), first of a name; "" without value; NULL: absent. */
const char *http_query(const struct http_exchange *x, const char *name);
/* All of them: fn(arg, name, value). */
void http_query_each(const struct http_exchange *x, void (*fn)(void *arg, const char *name, const char *value),
                     void *arg);
const char *http_body(const struct http_exchange *x, size_t *len); /* NUL behind its end */
const char *http_cookie(const struct http_exchange *x, const char *name);
const char *http_peer(const struct http_exchange *x); /* "192.0.2.7" */
bool http_is_tls(const struct http_exchange *x);
/* Lives as long as the exchange; the owner of the moment (handler, core, writer) uses it. */
struct pool *http_pool(struct http_exchange *x);

/* ---- the answer ---- */
/*
 * From any thread: have fn(x, arg) called on the exchange's edge thread, which then replies. This is how the core hands
 * over finished work, so that documents are written outside of it.
 */
void http_answer(struct http_exchange *x, void (*fn)(struct http_exchange *x, void *arg), void *arg);

/* The following are for the edge thread: in the handler, or in the function given to http_answer. */
void http_set_header(struct http_exchange *x, const char *name,
                     const char *value); /* copied; repeated names are allowed */
/* Takes body (NULL: empty, Content-Length 0, no Content-Type). Compressed when the client accepts gzip and it pays (> 1 KiB). */
void http_reply(struct http_exchange *x, int status, const char *content_type, GString *body);
/* Bytes that outlive the server. */
void http_reply_static(struct http_exchange *x, int status, const char *content_type, const void *data, size_t len);
/*
 * A long body, written as the client takes it, in chunks: produce(arg, out) appends the next part (64 to 256 KiB) and
 * returns false when that was the last; done(arg) is called once in the end, also when the client went away.
 */
void http_reply_stream(struct http_exchange *x, int status, const char *content_type,
                       bool (*produce)(void *arg, GString *out), void (*done)(void *arg), void *arg);
