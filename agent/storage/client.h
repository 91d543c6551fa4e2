/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The agent's end of a storage worker: starts the process when it is needed, asks one thing at a time,
 * kills it when it does not answer in time, and starts a new one for the next question.
 */
#include <jansson.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/loop.h"

struct client;
struct client_host; /* what all workers of an agent share */

struct client_host *client_host_new(struct loop *l, uid_t uid, gid_t gid);
/* Waits a moment for killed workers to go; those that do not are left to the kernel. */
void client_host_free(struct client_host *h);
/* Processes that are alive or not yet gone. */
int client_host_count(const struct client_host *h);

/* No process yet. lease_fd (kept by the caller until the process has started) is inherited, or -1. */
struct client *client_new(struct client_host *h, int lease_fd);
/* Kills the process. A fiber that waits gets an error and the memory is freed after it. NULL is fine. */
void client_free(struct client *c);
/* The process dies; whoever waits gets ERR_CANCELLED. */
void client_kill(struct client *c);
/* After an error with unknown outcome: wait until the last process can do no more. False when it hangs
 * in the kernel longer than timeout_ms. In a fiber. */
bool client_wait_gone(struct client *c, int timeout_ms);
/* pid of the process, or 0. */
pid_t client_pid(const struct client *c);
void client_on_progress(struct client *c, void (*fn)(void *arg, int percent), void *arg);

/*
 * Ask, in a fiber. args are taken over. New reference of the result, or NULL: ERR_AGENT with the code
 * of the worker, ERR_TIMEOUT (it was killed), ERR_NETWORK (it died), ERR_CANCELLED; with the last
 * three nobody knows how far it came. timeout_ms -1: no limit. fd: where to put a descriptor that came
 * with the answer (-1 if none did), or NULL.
 */
json_t *client_call(struct client *c, const char *op, json_t *args, int timeout_ms, int *fd, struct err *e);
