/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A loop: timers, file descriptors, messages from other threads, and the one door for time.
 *
 * A loop belongs to the thread that runs it; only loop_post and loop_stop may be called from others.
 * A *virtual* loop has a clock of its own that jumps to the next timer when nothing else is left to
 * do, knows no file descriptors, and runs tasks inline: with it the Manager's core is single-threaded
 * and reproducible (see sim/). GLib's main loop was not taken because its time cannot be virtual.
 */
#include <stdbool.h>
#include <stdint.h>

struct loop;

struct loop *loop_new(void);
/* Monotonic time starts at 0, wall clock at wall_ms (milliseconds since 1970, UTC). */
struct loop *loop_new_virtual(int64_t wall_ms);
/* Timers and watches must be gone; messages not yet delivered are dropped. NULL is fine. */
void loop_free(struct loop *l);
bool loop_is_virtual(const struct loop *l);

/* Milliseconds of a clock that never jumps. Cheap: read once a turn. */
int64_t loop_now_ms(const struct loop *l);
/* Milliseconds since 1970, UTC. */
int64_t loop_wall_ms(const struct loop *l);

/* Run until loop_stop, or, on a virtual loop, until nothing is left that could ever happen. */
void loop_run(struct loop *l);
/* One turn: deliver what is due, waiting at most max_wait_ms (-1: no limit, 0: not at all).
 * On a virtual loop a turn may jump the clock to the next timer, at most by max_wait_ms.
 * False when nothing was done. */
bool loop_turn(struct loop *l, int64_t max_wait_ms);
/* Any thread. Takes effect at the end of the turn. */
void loop_stop(struct loop *l);
/* True from loop_stop on. */
bool loop_is_stopping(const struct loop *l);

/* Have the loop call fn(arg) soon, in order of posting. Any thread. */
void loop_post(struct loop *l, void (*fn)(void *), void *arg);

/* A timer, embedded in what it belongs to. Zeroed memory is a stopped timer. */
struct loop_timer {
	int64_t due_ms;
	uint64_t seq;
	void (*fn)(void *arg);
	void *arg;
	int heap_index; /* 1-based; 0: not running */
};

/* Call fn(arg) once after delay_ms (restarts a running timer). Equal times fire in order of starting. */
void timer_start(struct loop *l, struct loop_timer *t, int64_t delay_ms, void (*fn)(void *), void *arg);
void timer_stop(struct loop *l, struct loop_timer *t);
static inline bool timer_is_running(const struct loop_timer *t) { return t->heap_index != 0; }

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

/* A watched descriptor, embedded. fn gets the ready events; errors and hang-up count as both. */
struct loop_watch {
	int fd;
	int events;
	void (*fn)(void *arg, int events);
	void *arg;
	bool is_active;
};

/* Start watching, or change the events of a watch. events 0 keeps it registered but silent. */
void watch_start(struct loop *l, struct loop_watch *w, int fd, int events, void (*fn)(void *, int), void *arg);
void watch_change(struct loop *l, struct loop_watch *w, int events);
/* Before the descriptor is closed. Safe in any callback of the loop, also for another watch. */
void watch_stop(struct loop *l, struct loop_watch *w);
