/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Tasks: work that blocks (SQL commit, LDAP, password hashing, libvirt calls) on a bounded pool of
 * worker threads. On a virtual loop they run inline.
 */
#include "base/err.h"
#include "base/loop.h"

struct task_pool;

/* name (static text) shows in thread names. max_threads are made on demand; at most max_queued wait. */
struct task_pool *task_pool_new(const char *name, int max_threads, int max_queued);
/* Waits for running tasks; drops queued ones. */
void task_pool_free(struct task_pool *p);

/* From a fiber: run work(arg) on a worker thread and wait for its end. work touches nothing but arg.
 * ERR_BUSY when the queue is full. */
int task_run(struct task_pool *p, void (*work)(void *), void *arg, struct err *e);

/* From the loop's thread: run work(arg) on a worker, then done(arg) on the loop. ERR_BUSY as above. */
int task_start(struct task_pool *p, struct loop *l, void (*work)(void *), void (*done)(void *), void *arg,
               struct err *e);
