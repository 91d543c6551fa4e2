/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread of the edge: our own epoll around the library's. The library is run when one of its sockets is ready, when
 * it says that it has work left, or when we resumed something; its own waiting loop stalls when the number of ready
 * connections is a multiple of 128, and cannot be woken for answers. Messages come through a list that any thread
 * pushes to without a lock; the eventfd is only written when the thread sleeps, and never read (edge-triggered).
 */
#include "manager/http/http_internal.h"

#include <errno.h>
#include <gnutls/abstract.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "manager/http/gzip_parts.h"
#include "manager/http/websocket.h"

#define EVENTS       64
#define POOL_EXTRA   (16 * 1024) /* of a connection, beside max_header: parsed headers, our own headers */
#define SWEEP_MIN_MS 50
#define SWEEP_MAX_MS 1000

static struct edge_msg queue_closed; /* the head of the queue of a thread that has ended */

int64_t edge_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec * 1000ll + ts.tv_nsec / 1000000;
}

/* ---- messages ---- */

bool edge_post(struct edge_thread *t, struct edge_msg *m)
{
	struct edge_msg *head = atomic_load(&t->queue);
	uint64_t one = 1;

	do {
		if (head == &queue_closed)
			return false;
		m->next = head;
	} while (!atomic_compare_exchange_weak(&t->queue, &head, m));
	if (atomic_load(&t->sleeping) && atomic_exchange(&t->sleeping, 0) && write(t->event_fd, &one, sizeof(one)) < 0)
		log_error("cannot wake a thread", "ERROR", g_strerror(errno));
	return true;
}

static void run_messages(struct edge_thread *t, struct edge_msg *newest)
{
	struct edge_msg *m = NULL;

	while (newest) {
		struct edge_msg *next = newest->next;

		newest->next = m;
		m = newest;
		newest = next;
	}
	while (m) {
		struct edge_msg *next = m->next;

		m->fn(t, m);
		m = next;
	}
}

static void drain_queue(struct edge_thread *t)
{
	if (atomic_load_explicit(&t->queue, memory_order_relaxed))
		run_messages(t, atomic_exchange(&t->queue, NULL));
}

/* ---- the library ---- */

/* Escapes stay as they are: paths are given on as sent, queries are ours to decode. */
static size_t unescape_nothing(void *cls, struct MHD_Connection *mc, char *s) { return strlen(s); }

/* Never called, since each session gets our credentials; but the library wants a certificate at start. */
static int no_certificate(gnutls_session_t session, const gnutls_datum_t *req_ca, int n_req_ca,
                          const gnutls_pk_algorithm_t *algos, int n_algos, gnutls_pcert_st **certs, unsigned *n_certs,
                          gnutls_privkey_t *key)
{
	return -1;
}

static int daemon_start(struct edge_thread *t, enum edge_kind kind, struct edge_daemon *dm, struct err *e)
{
	struct http_server *s = t->server;
	unsigned flags =
	    MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET | (kind == EDGE_TLS ? MHD_USE_TLS : 0);
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)no_certificate },
		{ MHD_OPTION_END, 0, NULL },
	};
	struct MHD_Daemon *d;

	if (kind != EDGE_TLS)
		tls[0].option = MHD_OPTION_END;
	d = MHD_start_daemon(
	    flags, 0, NULL, NULL, edge_request_more, t, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)s->cfg.max_connections + 16, MHD_OPTION_CONNECTION_MEMORY_LIMIT, s->cfg.max_header + POOL_EXTRA,
	    MHD_OPTION_CONNECTION_TIMEOUT, 0u, MHD_OPTION_NOTIFY_CONNECTION, edge_conn_notify, t,
	    MHD_OPTION_NOTIFY_COMPLETED, edge_request_end, t, MHD_OPTION_URI_LOG_CALLBACK, edge_request_begin, t,
	    MHD_OPTION_UNESCAPE_CALLBACK, unescape_nothing, NULL, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
	if (!d)
		return err_set(e, ERR_INTERNAL, "libmicrohttpd does not start");
	dm->mhd = d;
	dm->fd = MHD_get_daemon_info(d, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	return 0;
}

static void daemon_run(struct edge_thread *t, struct edge_daemon *d)
{
	MHD_UNSIGNED_LONG_LONG wait;

	d->must_run = false;
	MHD_run(d->mhd);
	while (t->noted)
		edge_conn_attend(t->noted);
	if (MHD_get_timeout(d->mhd, &wait) == MHD_YES && wait == 0)
		d->must_run = true;
}

/* The next one that there is; NULL begins, and ends. */
static struct edge_daemon *next_daemon(struct edge_thread *t, struct edge_daemon *d)
{
	for (d = d ? d + 1 : t->daemons; d < t->daemons + G_N_ELEMENTS(t->daemons); d++)
		if (d->mhd)
			return d;
	return NULL;
}

static bool has_work(struct edge_thread *t)
{
	for (struct edge_daemon *d = next_daemon(t, NULL); d; d = next_daemon(t, d))
		if (d->must_run)
			return true;
	return false;
}

/* ---- the loop ---- */

static int watch(struct edge_thread *t, int fd, uint32_t events, void *tag, struct err *e)
{
	struct epoll_event ev = { .events = events, .data.ptr = tag };

	if (epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
		return err_errno(e, errno, "watch a descriptor");
	return 0;
}

/* Listen or not; the tag of a listener is its place in the server. */
static void set_accepting(struct edge_thread *t, bool on)
{
	struct http_server *s = t->server;
	struct err e = ERR_INIT;

	if (t->is_accepting == on)
		return;
	t->is_accepting = on;
	for (int k = 0; k < N_EDGE_KIND; k++) {
		int fd = s->listeners[k].fd;

		if (fd >= 0 && !on)
			epoll_ctl(t->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		else if (fd >= 0 && watch(t, fd, EPOLLIN | EPOLLEXCLUSIVE, &s->listeners[k], &e) < 0)
			log_error("cannot accept", "ERROR", e.detail);
	}
}

/* Tags of watches have their lowest bit set; the others are of the loop and of connections. */
static void *watch_tag(struct edge_watch *w) { return (void *)((uintptr_t)w | 1); }

int edge_watch_start(struct edge_thread *t, struct edge_watch *w, int fd, uint32_t events,
                     void (*fn)(struct edge_watch *w, uint32_t events))
{
	struct epoll_event ev = { .events = events, .data.ptr = watch_tag(w) };

	*w = (struct edge_watch){ .thread = t, .fn = fn, .fd = fd, .events = events };
	if (epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
		return errno;
	w->is_active = true;
	return 0;
}

void edge_watch_change(struct edge_watch *w, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = watch_tag(w) };

	if (!w->is_active || w->events == events)
		return;
	w->events = events;
	if (epoll_ctl(w->thread->epoll_fd, EPOLL_CTL_MOD, w->fd, &ev) < 0)
		log_error("cannot watch a descriptor", "ERROR", g_strerror(errno));
}

void edge_watch_stop(struct edge_watch *w)
{
	if (!w->is_active)
		return;
	w->is_active = false;
	epoll_ctl(w->thread->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
}

static void dispatch_other(void *tag, uint32_t events)
{
	struct edge_watch *w = (struct edge_watch *)((uintptr_t)tag & ~(uintptr_t)1);
	struct edge_conn *c = tag;

	if (tag != w) {
		if (w->is_active)
			w->fn(w, events);
	} else if (c->push) {
		edge_push_event(c->push, events);
	} else {
		c->ws ? edge_ws_event(c->ws, events) : edge_conn_unblock(c);
	}
}

static bool is_daemon(struct edge_thread *t, const void *tag)
{
	uintptr_t at = (uintptr_t)tag, first = (uintptr_t)t->daemons;

	return at >= first && at < first + sizeof(t->daemons);
}

static void dispatch(struct edge_thread *t, struct epoll_event *ev)
{
	void *tag = ev->data.ptr;

	if (tag == &t->event_fd)
		return; /* the queue is looked at anyway */
	for (int k = 0; k < N_EDGE_KIND; k++) {
		if (tag == &t->server->listeners[k]) {
			edge_accept(t, k);
			return;
		}
	}
	if (is_daemon(t, tag))
		((struct edge_daemon *)tag)->must_run = true;
	else
		dispatch_other(tag, ev->events);
}

static void sweep(struct edge_thread *t)
{
	struct edge_conn *next;

	t->next_sweep_ms = t->now_ms + t->sweep_every_ms;
	for (struct edge_conn *c = t->conns; c; c = next) {
		next = c->next;
		edge_conn_check(c);
		if (t->is_stopping && c->phase != PHASE_REPLY && c->phase != PHASE_BODY && c->phase != PHASE_UPGRADED &&
		    c->phase != PHASE_PUSH && c->phase != PHASE_CLOSING)
			edge_conn_shutdown(c);
	}
	if (!t->is_stopping && !t->is_accepting && t->now_ms >= t->accept_again_ms)
		set_accepting(t, true);
}

static int sleep_ms(struct edge_thread *t)
{
	if (has_work(t))
		return 0;
	atomic_store(&t->sleeping, 1);
	if (atomic_load(&t->queue))
		return 0;
	return MAX(t->next_sweep_ms - t->now_ms, 1);
}

static void turn(struct edge_thread *t)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(t->epoll_fd, events, EVENTS, sleep_ms(t));

	atomic_store(&t->sleeping, 0);
	t->now_ms = edge_now_ms();
	for (int i = 0; i < n; i++)
		dispatch(t, &events[i]);
	if (t->accept_again_ms > t->now_ms)
		set_accepting(t, false);
	drain_queue(t);
	for (struct edge_daemon *d = next_daemon(t, NULL); d; d = next_daemon(t, d))
		if (d->must_run)
			daemon_run(t, d);
	if (t->now_ms >= t->next_sweep_ms)
		sweep(t);
}

/* Ends what is left; whoever still has an exchange will find the queue closed. */
static void thread_finish(struct edge_thread *t)
{
	while (t->waiting)
		edge_exchange_abandon(t->waiting, FAULT_STOPPING);
	for (struct edge_conn *c = t->conns; c; c = c->next) {
		if (c->ws)
			edge_ws_drop(c->ws);
		if (c->push)
			edge_push_drop(c->push);
		edge_conn_shutdown(c);
		edge_conn_unblock(c);
	}
	for (struct edge_daemon *d = next_daemon(t, NULL); d; d = next_daemon(t, d))
		MHD_stop_daemon(d->mhd);
	run_messages(t, atomic_exchange(&t->queue, &queue_closed));
}

static void *thread_main(void *arg)
{
	struct edge_thread *t = arg;

	pthread_setname_np(pthread_self(), "edge");
	t->now_ms = edge_now_ms();
	t->next_sweep_ms = t->now_ms + t->sweep_every_ms;
	set_accepting(t, true);
	while (!t->is_stopping || (t->conns && t->now_ms < t->stop_by_ms))
		turn(t);
	thread_finish(t);
	return NULL;
}

static void begin_stop(struct edge_thread *t, struct edge_msg *m)
{
	set_accepting(t, false);
	t->is_stopping = true;
	t->stop_by_ms = t->now_ms + EDGE_DRAIN_MS;
	t->sweep_every_ms = SWEEP_MIN_MS;
	t->next_sweep_ms = t->now_ms;
	while (t->waiting)
		edge_exchange_abandon(t->waiting, FAULT_STOPPING);
	for (struct edge_conn *c = t->conns; c; c = c->next)
		if (c->phase == PHASE_UPGRADED)
			http_ws_close(c->ws, WS_GOING_AWAY, "the server is shutting down");
		else if (c->phase == PHASE_PUSH)
			edge_push_close(c->push);
}

/* ---- life ---- */

int edge_thread_init(struct edge_thread *t, struct http_server *s, struct err *e)
{
	const struct http_config *cfg = &s->cfg;
	int shortest_s = MIN(MIN(cfg->header_timeout_s, cfg->body_timeout_s), cfg->idle_timeout_s);

	t->server = s;
	t->sweep_every_ms = CLAMP(shortest_s * 100, SWEEP_MIN_MS, SWEEP_MAX_MS);
	t->deflate = edge_deflate_new(1);
	t->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	t->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (t->epoll_fd < 0 || t->event_fd < 0)
		return err_errno(e, errno, "create a loop");
	if (watch(t, t->event_fd, EPOLLIN | EPOLLET, &t->event_fd, e) < 0)
		return -1;
	for (int k = 0; k < N_EDGE_KIND; k++)
		for (int i = 0; s->listeners[k].fd >= 0 && i < EDGE_DAEMONS; i++) {
			struct edge_daemon *d = &t->daemons[k * EDGE_DAEMONS + i];

			if (daemon_start(t, k, d, e) < 0 || watch(t, d->fd, EPOLLIN, d, e) < 0)
				return -1;
		}
	return 0;
}

int edge_thread_start(struct edge_thread *t, struct err *e)
{
	int rc = pthread_create(&t->thread, NULL, thread_main, t);

	if (rc != 0)
		return err_errno(e, rc, "start a thread");
	t->is_started = true;
	return 0;
}

void edge_thread_stop(struct edge_thread *t)
{
	t->stop_msg.fn = begin_stop;
	if (t->is_started)
		edge_post(t, &t->stop_msg);
}

void edge_thread_join(struct edge_thread *t)
{
	if (t->is_started)
		pthread_join(t->thread, NULL);
	else
		thread_finish(t);
}

void edge_thread_deinit(struct edge_thread *t)
{
	edge_deflate_free(t->deflate);
	gzip_packer_free(t->packer);
	if (t->epoll_fd > 0)
		close(t->epoll_fd);
	if (t->event_fd > 0)
		close(t->event_fd);
}
