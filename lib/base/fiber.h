/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Fibers: work that waits and still reads top to bottom. A fiber runs on the thread of its loop, one
 * at a time, until it waits or returns; so data of the loop needs no locks. The one rule: after a
 * wait, look objects up again by id, for the world may have changed.
 *
 * Stacks are 128 KiB with a guard page, kept for reuse. The address, thread sanitizers and valgrind
 * are told of each switch.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"

struct fiber;

/* Start fn(arg) in a new fiber, soon. name is for logs and must be static text. From the loop's thread. */
struct fiber *fiber_start(struct loop *l, const char *name, void (*fn)(void *), void *arg);
/* The running fiber, or NULL in plain loop code. */
struct fiber *fiber_self(void);
/* Loop of the running fiber. */
struct loop *fiber_loop(void);
/* How many fibers of the loop have started and not returned. */
int fiber_count(const struct loop *l);

/* Let others run, then go on. */
void fiber_yield(void);
void fiber_sleep(int64_t ms);

/*
 * A place to wait for one thing. Zeroed memory is ready for use. A wake before the wait is
 * remembered, so there is no race between asking and waiting. One waiting fiber at a time.
 * The owner may free a waiter or waitq right after it woke it: the fiber does not look at it again.
 */
struct waiter {
	struct fiber *fiber;
	bool woken;
};
/* True when woken, false after timeout_ms (-1: no limit). Clears the wake. */
bool waiter_wait(struct waiter *w, int64_t timeout_ms);
/* From the loop's thread (from others: loop_post a function that does it). */
void waiter_wake(struct waiter *w);

/* A condition that many fibers may wait for. Zeroed memory is ready. */
struct waitq {
	struct waitq_entry *head;
};
/* True when woken, false after timeout_ms (-1: no limit). */
bool waitq_wait(struct waitq *q, int64_t timeout_ms);
void waitq_wake_all(struct waitq *q);

/*
 * Forget every fiber of the loop without running it, and free the stacks: what a power failure does.
 * Only for the simulator; whatever the fibers owned outside of pools is lost. From plain loop code,
 * and before the waiters that they wait for are freed.
 */
void fiber_abandon_all(struct loop *l);
