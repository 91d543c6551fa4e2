/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What loop.c and fiber.c know of each other. Not for others. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>

#include "base/loop.h"

#define LOOP_MAX_EVENTS 256

struct fiber;
struct fiber_stack;

/* Fibers of a loop; zeroed memory is ready. */
struct fiber_set {
	struct fiber *all;                      /* doubly linked */
	struct fiber *ready_first, *ready_last; /* to be run, in order */
	int n_fibers, n_ready;
	struct fiber_stack *spare; /* stacks kept for reuse */
	int n_spare;
	void *loop_stack_bottom; /* for the address sanitizer: where the loop itself runs */
	size_t loop_stack_size;
	void *loop_tsan;
};

struct loop_message {
	void (*fn)(void *);
	void *arg;
};

struct loop_inbox {
	struct loop_message *items;
	size_t n, capacity;
};

struct loop {
	bool is_virtual;
	int64_t now_ms;
	int64_t wall_base_ms; /* virtual: wall clock at time 0 */
	atomic_bool is_stopping;

	struct loop_timer **heap; /* heap[1] is due first */
	size_t n_timers, heap_capacity;
	uint64_t seq;

	int epoll_fd, wake_fd;
	struct epoll_event events[LOOP_MAX_EVENTS];
	int event_at, n_events;

	pthread_mutex_t lock; /* guards inbox and is_asleep; no other lock is taken under it */
	struct loop_inbox inbox;
	bool is_asleep;           /* in epoll_wait, and nobody has woken it yet */
	struct loop_inbox outbox; /* being delivered; loop's thread only */

	struct fiber_set fibers;
};

/* Run what is ready now; fibers that become ready meanwhile wait for the next turn. How many ran. */
int fiber_run_ready(struct loop *l);
/* Free the stacks of a loop that goes away. */
void fiber_set_deinit(struct loop *l);
