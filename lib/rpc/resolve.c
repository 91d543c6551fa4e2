/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/resolve.h"

#include <glib.h>

#include "base/task.h"

#define MAX_THREADS 4
#define MAX_QUEUED  10000

struct resolve {
	struct loop *loop;
	char *host, port[12];
	int flags;
	struct loop_timer timer;
	struct addrinfo *list;
	int rc;
	struct err busy;
	void (*done)(void *arg, struct addrinfo *list, const struct err *e);
	void *arg;
	bool is_cancelled;
};

/* One for the process: names are looked up rarely, and thousands of clients should not each have threads. */
static struct task_pool *workers(void)
{
	static struct task_pool *pool;

	if (g_once_init_enter(&pool))
		g_once_init_leave(&pool, task_pool_new("resolve", MAX_THREADS, MAX_QUEUED));
	return pool;
}

static void look_up(void *arg)
{
	struct resolve *r = arg;
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = r->flags };

	r->rc = getaddrinfo(r->host, r->port, &hints, &r->list);
	if (r->rc != 0)
		r->list = NULL;
}

static void resolve_free(struct resolve *r)
{
	if (r->list)
		freeaddrinfo(r->list);
	g_free(r->host);
	g_free(r);
}

static void over(void *arg)
{
	struct resolve *r = arg;
	struct addrinfo *list = r->list;
	struct err e = r->busy;

	if (!r->is_cancelled) {
		r->list = NULL;
		if (!list && e.code == ERR_NONE)
			err_set(&e, ERR_NETWORK, "cannot resolve %s: %s", r->host, gai_strerror(r->rc));
		r->done(r->arg, list, &e);
	}
	resolve_free(r);
}

struct resolve *resolve_start(struct loop *l, const char *host, int port,
                              void (*done)(void *arg, struct addrinfo *list, const struct err *e), void *arg)
{
	struct resolve *r = g_new0(struct resolve, 1);

	r->loop = l;
	r->host = g_strdup(host);
	g_snprintf(r->port, sizeof(r->port), "%d", port);
	r->done = done;
	r->arg = arg;
	r->flags = AI_NUMERICHOST | AI_NUMERICSERV;
	look_up(r);
	if (!r->list) {
		r->flags = AI_NUMERICSERV | AI_ADDRCONFIG;
		if (task_start(workers(), l, look_up, over, r, &r->busy) == 0)
			return r;
	}
	timer_start(l, &r->timer, 0, over, r);
	return r;
}

/* A look-up that is under way belongs to its worker until it is over. */
void resolve_cancel(struct resolve *r)
{
	if (timer_is_running(&r->timer)) {
		timer_stop(r->loop, &r->timer);
		resolve_free(r);
		return;
	}
	r->is_cancelled = true;
}
