/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The event stream (docs/event-stream.md): who listens, what they may see, and when it is sent. All of it is decided here, on
 * the core thread; what carries the bytes is behind a door, so that it can be tested without one.
 *
 * Streams that show the same thing (all of it, or what one user sees) share a channel: its text is made once.
 */
#include "manager/api/call.h"

struct event_stream;
struct event_streams;

enum { STREAM_EVENTS = 1, STREAM_CHANGES = 2 };

/* What carries the bytes (manager/http/push.h). Core thread. */
struct stream_door {
	void *(*feed_new)(void);
	void (*feed_free)(void *feed);
	void (*send)(void *feed, GBytes *text); /* text is taken */
	/* A stream on its way: it gets all that is sent from now on, and ends in event_stream_closed(). */
	void *(*invite)(void *feed, void *exchange, struct event_stream *s);
	void (*end)(void *push);
	void (*release)(void *push);
};

/* What happens from now on is noticed. Without it there are no streams. Once, when all has been loaded. */
void event_streams_start(struct core *c, const struct stream_door *door);
unsigned event_streams_count(struct core *c);
/* Where a stream has to begin to tell all that is not in an answer read now: an event's number; -1: there are no streams. */
int64_t event_stream_place(const struct core *c);

struct stream_limits {
	int all, each_user;
};
/* The answer to c becomes a stream: c->stream. ERR_BUSY beyond the limits. */
int event_stream_open(struct call *c, const struct stream_limits *limits, struct err *e);
/* Outside of fibers, with the answer going out right behind: its view begins here and now. */
void event_stream_begin(struct event_stream *s, void *exchange);
/* What the door's invite() gave. */
void *event_stream_push(const struct event_stream *s);
/* What it begins with; more (or NULL) is shared. Both are the caller's from then on. */
void event_stream_take(struct event_stream *s, GBytes **first, GBytes **more);
/* Its end. Any thread. */
void event_stream_closed(struct event_stream *s);
