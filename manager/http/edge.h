/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A thread of the edge, for what lives on it beside HTTP: messages from other threads, and sockets of one's own that its
 * loop watches.
 */
#include <stdbool.h>
#include <stdint.h>

struct edge_thread;
struct http_exchange;

/* The thread that an exchange belongs to for life. */
struct edge_thread *http_thread(const struct http_exchange *x);

/* ---- messages to a thread: first in, first out ---- */

struct edge_msg {
	struct edge_msg *next;
	void (*fn)(struct edge_thread *t, struct edge_msg *m);
};

/* Wakes the thread if it sleeps. False, and nothing done, once the thread has ended. Any thread. */
bool edge_post(struct edge_thread *t, struct edge_msg *m);

/* ---- sockets; from the thread itself ---- */

/*
 * A watched descriptor, embedded in what it belongs to; zeroed memory is a stopped one. events are those of epoll, level
 * triggered; errors and hang-ups come in any case. It may be stopped at any time, but its memory must stay until a message
 * that was posted then arrives: events that were fetched together are still on their way.
 */
struct edge_watch {
	struct edge_thread *thread;
	void (*fn)(struct edge_watch *w, uint32_t events);
	int fd;
	uint32_t events;
	bool is_active;
};

/* 0 or an errno. */
int edge_watch_start(struct edge_thread *t, struct edge_watch *w, int fd, uint32_t events,
                     void (*fn)(struct edge_watch *w, uint32_t events));
void edge_watch_change(struct edge_watch *w, uint32_t events);
/* Before the descriptor is closed. */
void edge_watch_stop(struct edge_watch *w);
