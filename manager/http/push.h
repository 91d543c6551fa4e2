/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One text to many: answers that never end, whose bytes come from a feed that they share. What is sent to a feed is kept
 * once for all of its streams, until the slowest has taken it. A stream that falls behind is not waited for: it is told
 * so (by the feed's excuse) and goes on with what comes next. No thread, no fiber and no buffer belongs to a stream.
 *
 * The connection is taken over as for a WebSocket, and ends with the answer.
 */
#include "manager/http/edge.h"
#include "manager/http/http.h"

/* ---- feeds ---- */

struct http_feed;

struct http_feed_config {
	const char *content_type;
	const char *heartbeat; /* sent after heartbeat_s of silence */
	const char *excuse;    /* sent to a stream in place of what it was too slow for */
	int heartbeat_s;
	size_t max_lag; /* bytes that a stream may be behind */
	/* A stream has ended; once for each http_feed_invite(). On an edge thread. */
	void (*closed)(void *arg);
};

/* Counted, too; cfg is copied, its texts must outlive all. Feeds are used by one thread (the core), but for the unref. */
struct http_feed *http_feed_new(const struct http_feed_config *cfg);
void http_feed_unref(struct http_feed *f);
/* To all streams that were invited before. Takes the reference. */
void http_feed_send(struct http_feed *f, GBytes *text);

/* ---- streams ---- */

struct http_push;

/*
 * The exchange is to become a stream of the feed: from here on all that is sent counts. To be followed by http_answer()
 * with a function that calls http_push_accept(). arg is for closed().
 */
struct http_push *http_feed_invite(struct http_feed *f, struct http_exchange *x, void *arg);
/*
 * On the edge's thread: answer 200, then first, then more (each may be NULL; the references are taken), then the feed. When
 * the client has gone, or asked with HEAD, the stream ends at once. Takes one of the two references that the invitation gave.
 */
void http_push_accept(struct http_push *p, struct http_exchange *x, GBytes *first, GBytes *more);
/* Have it end: what it was sent before still goes out. Any thread; does nothing when it has ended. */
void http_push_end(struct http_push *p);
/* Gives back the other reference: after closed(), and no use of it later. */
void http_push_unref(struct http_push *p);
