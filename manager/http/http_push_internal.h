/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What feeds (http_feed.c) and their streams (http_push.c) share. */
#include "manager/http/gzip_parts.h"
#include "manager/http/http_internal.h"
#include "manager/http/push.h"

#define MAX_LANES 64 /* threads of a server */

/* As it is, and packed when the first has asked for that. */
struct push_text {
	GBytes *plain;
	struct gzip_part part;
};

struct link {
	struct link *next; /* held */
	struct push_text text;
	int refs;
};

struct lane {
	struct edge_msg turn; /* to ourselves: go on writing; must be first */
	struct http_feed *feed;
	struct http_push *streams;
	struct http_push *due, **due_tail; /* have something to write, and were not tried yet */
	struct link *last;                 /* held, if there is one */
	uint64_t sent;                     /* bytes so far, not packed */
	struct push_text more;             /* what a stream began with last: many come back at once */
	int refs;                          /* its streams, and a turn under way */
	bool is_turning;
};

struct http_feed {
	struct http_feed_config cfg;
	atomic_int refs;
	struct http_server *server; /* held; NULL before the first stream */
	struct push_text heartbeat, excuse;
	atomic_int invited[MAX_LANES]; /* streams of each thread, on their way included */
	struct lane *lanes[MAX_LANES];
};

struct http_push {
	struct edge_msg end_msg; /* must be first */
	atomic_int refs;         /* the owner's, the connection's, a message's */
	atomic_bool is_told;     /* to end */
	struct http_feed *feed;
	struct edge_thread *thread;
	struct edge_conn *conn; /* NULL: not yet, or no more */
	void *arg;
	struct lane *lane;
	struct http_push *prev, *next, *due_next;
	GBytes *now;       /* being written */
	size_t off;        /* of now */
	GBytes *more;      /* comes next, before the feed */
	struct link *link; /* then this; NULL: up to date */
	uint64_t taken;    /* of the lane's bytes */
	int64_t wrote_ms, close_by_ms;
	size_t heard;
	struct gzip_sum sum; /* when it is packed */
	uint32_t events;     /* watched */
	bool is_packed, is_due, owes_excuse, is_closing, has_tail, is_failed, is_ended;
};

/* ---- http_feed.c ---- */

struct http_feed *feed_ref(struct http_feed *f);
int thread_index(const struct edge_thread *t);
struct link *link_ref(struct link *l);
void link_unref(struct link *l);
void push_join_lane(struct http_push *p);
void push_leave_lane(struct http_push *p);
/* As p takes it; counted as sent. */
GBytes *push_take(struct http_push *p, struct push_text *text);
/* The same of a text that others may begin with, too. */
GBytes *push_take_more(struct http_push *p, GBytes *plain);

/* ---- http_push.c ---- */

/* As much as the socket takes. */
void push_flush(struct http_push *p);
