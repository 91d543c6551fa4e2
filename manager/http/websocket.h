/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * WebSockets: a request becomes a stream of bytes both ways. The connection stays on its edge thread, with its place among
 * the counted connections; there is no thread and no fiber for it. Where messages begin and end means nothing here.
 *
 * All functions are for the edge thread.
 */
#include "manager/http/edge.h"
#include "manager/http/http.h"
#include "manager/http/ws_frame.h"

struct http_ws;

struct http_ws_ops {
	/* What the client sent, at most 16 KiB at a time. Do not keep. */
	void (*data)(void *arg, const char *data, size_t n);
	/* All that was sent is with the kernel. */
	void (*drained)(void *arg);
	/* About once a second. */
	void (*tick)(void *arg, int64_t now_ms);
	/* The end, once; the last call. http_ws_* may not be called any more. */
	void (*closed)(void *arg);
};

/* Is it a fit request for a WebSocket, from an origin that is this server? 0, or the status to refuse it with (400, 403, 426),
 * and why. Any thread that owns the exchange. */
int http_ws_check(struct http_exchange *x, const char **why);

/*
 * Answer 101 and take the connection over. Only after http_ws_check() said 0. NULL: the client is gone, or the server
 * stops; the exchange is answered in any case, and no callback was called.
 */
struct http_ws *http_ws_accept(struct http_exchange *x, const struct http_ws_ops *ops, void *arg);

/* One binary message; a copy is queued. Bounding what is queued is the caller's part: ask http_ws_queued(). */
void http_ws_send(struct http_ws *ws, const char *data, size_t n);
/* Bytes that wait for the client to take them. */
size_t http_ws_queued(const struct http_ws *ws);
/* Do not read from the client for a while. */
void http_ws_pause(struct http_ws *ws, bool is_paused);
/* Say goodbye; closed() comes when the client did as well, or in two seconds. Nothing is sent or delivered any more. */
void http_ws_close(struct http_ws *ws, int code, const char *reason);
