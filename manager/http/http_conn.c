/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections: accepted here, counted in all and per address, then driven by the library; ended here when they are
 * slow. To end one we shut its socket down and let the library notice, so that it is the only one that frees.
 */
#include "manager/http/http_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"

#define ACCEPT_BATCH 32

/* ---- counting ---- */

static bool addr_is_loopback(const struct edge_addr *a)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

	if (memcmp(a->bytes, mapped, sizeof(mapped)) == 0)
		return a->bytes[12] == 127;
	return IN6_IS_ADDR_LOOPBACK((const struct in6_addr *)a->bytes);
}

/* The peer as text and as a key; of IPv6 a whole /64 counts as one, since one machine has that many. */
static void conn_take_address(struct edge_conn *c)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&c->sockaddr;
	struct sockaddr_in *in = (struct sockaddr_in *)&c->sockaddr;
	const uint8_t *v4 = NULL;

	if (c->sockaddr.ss_family == AF_INET)
		v4 = (const uint8_t *)&in->sin_addr;
	else if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		v4 = in6->sin6_addr.s6_addr + 12;
	if (v4) {
		c->addr.bytes[10] = c->addr.bytes[11] = 0xff;
		memcpy(c->addr.bytes + 12, v4, 4);
		inet_ntop(AF_INET, v4, c->peer, sizeof(c->peer));
		return;
	}
	memcpy(c->addr.bytes, &in6->sin6_addr, 16);
	inet_ntop(AF_INET6, &in6->sin6_addr, c->peer, sizeof(c->peer));
}

static bool conn_count(struct edge_conn *c, struct http_server *s)
{
	guint limit = MAX(s->cfg.max_connections / 10, 1), n;
	struct edge_addr key = c->addr;

	if (atomic_fetch_add(&s->n_conns, 1) >= s->cfg.max_connections) {
		atomic_fetch_sub(&s->n_conns, 1);
		return false;
	}
	if (addr_is_loopback(&key))
		return true;
	if (!IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)key.bytes))
		memset(key.bytes + 8, 0, 8);
	c->addr = key;
	pthread_mutex_lock(&s->lock);
	n = GPOINTER_TO_UINT(g_hash_table_lookup(s->per_address, &key));
	if (n < limit) {
		g_hash_table_insert(s->per_address, g_memdup2(&key, sizeof(key)), GUINT_TO_POINTER(n + 1));
		c->is_counted = true;
	}
	pthread_mutex_unlock(&s->lock);
	if (!c->is_counted)
		atomic_fetch_sub(&s->n_conns, 1);
	return c->is_counted;
}

static void conn_uncount(struct edge_conn *c, struct http_server *s)
{
	guint n;

	atomic_fetch_sub(&s->n_conns, 1);
	if (!c->is_counted)
		return;
	pthread_mutex_lock(&s->lock);
	n = GPOINTER_TO_UINT(g_hash_table_lookup(s->per_address, &c->addr));
	if (n > 1)
		g_hash_table_insert(s->per_address, g_memdup2(&c->addr, sizeof(c->addr)), GUINT_TO_POINTER(n - 1));
	else
		g_hash_table_remove(s->per_address, &c->addr);
	pthread_mutex_unlock(&s->lock);
}

/* ---- begin and end ---- */

static void conn_free(struct edge_conn *c)
{
	struct edge_thread *t = c->thread;

	conn_uncount(c, t->server);
	if (c->is_parked)
		c->daemon->n_parked--;
	atomic_fetch_sub(&t->load, 1);
	edge_ws_free(c->ws);
	edge_push_free(c->push);
	edge_cred_unref(c->cred);
	g_free(c);
}

void edge_conn_notify(void *cls, struct MHD_Connection *mc, void **socket_context,
                      enum MHD_ConnectionNotificationCode what)
{
	struct edge_thread *t = cls;
	struct edge_conn *c;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		c = t->adding;
		t->adding = NULL;
		*socket_context = c;
		c->mc = mc;
		c->next = t->conns;
		if (c->next)
			c->next->prev = c;
		t->conns = c;
		edge_conn_enter(c, PHASE_HEADER);
		if (c->kind == EDGE_TLS)
			edge_tls_attach(c,
			                MHD_get_connection_info(mc, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session);
		return;
	}
	c = *socket_context;
	edge_conn_unblock(c);
	if (c->prev)
		c->prev->next = c->next;
	else
		t->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	conn_free(c);
}

static struct edge_daemon *choose_daemon(struct edge_thread *t, enum edge_kind kind)
{
	struct edge_daemon *first = &t->daemons[(unsigned)kind * EDGE_DAEMONS], *best = first;

	for (struct edge_daemon *d = first; d < first + EDGE_DAEMONS; d++)
		if (d->n_parked < best->n_parked)
			best = d;
	return best;
}

/* On its own thread. The library closes the socket whatever happens. */
static void conn_start(struct edge_thread *t, struct edge_msg *m)
{
	struct edge_conn *c = (struct edge_conn *)m;

	if (t->is_stopping) {
		close(c->fd);
		conn_free(c);
		return;
	}
	t->adding = c;
	c->daemon = choose_daemon(t, c->kind);
	c->daemon->must_run = true;
	MHD_add_connection(c->daemon->mhd, c->fd, (struct sockaddr *)&c->sockaddr, c->sockaddr_len);
	if (t->adding) {
		t->adding = NULL;
		conn_free(c);
	}
}

static struct edge_thread *least_loaded(struct edge_thread *t)
{
	struct http_server *s = t->server;
	struct edge_thread *best = t;
	int best_load = atomic_load_explicit(&t->load, memory_order_relaxed);

	for (int i = 0; i < s->n_threads; i++) {
		int load = atomic_load_explicit(&s->threads[i].load, memory_order_relaxed);

		if (load < best_load) {
			best = &s->threads[i];
			best_load = load;
		}
	}
	return best;
}

static int accept_one(struct edge_thread *t, enum edge_kind kind)
{
	struct edge_conn *c = g_new0(struct edge_conn, 1);
	int fd;

	c->sockaddr_len = sizeof(c->sockaddr);
	fd = accept4(t->server->listeners[kind].fd, (struct sockaddr *)&c->sockaddr, &c->sockaddr_len,
	             SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		int error = errno;

		g_free(c);
		errno = error;
		return -1;
	}
	c->fd = fd;
	c->kind = kind;
	conn_take_address(c);
	if (!conn_count(c, t->server)) {
		log_debug("connection refused, there are too many", "PEER", c->peer);
		close(fd);
		g_free(c);
		return 0;
	}
	c->thread = least_loaded(t);
	c->msg.fn = conn_start;
	atomic_fetch_add(&c->thread->load, 1);
	if (c->thread == t) {
		conn_start(t, &c->msg);
	} else if (!edge_post(c->thread, &c->msg)) {
		close(fd);
		conn_free(c);
	}
	return 0;
}

void edge_accept(struct edge_thread *t, enum edge_kind kind)
{
	for (int i = 0; i < ACCEPT_BATCH; i++) {
		if (accept_one(t, kind) == 0)
			continue;
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			log_warn("cannot accept connections for now", "ERROR", g_strerror(errno));
			t->accept_again_ms = t->now_ms + 200;
		}
		if (errno == ECONNABORTED || errno == EINTR)
			continue;
		return;
	}
}

/* ---- waiting ---- */

void edge_conn_suspend(struct edge_conn *c)
{
	MHD_suspend_connection(c->mc);
	c->is_suspended = true;
}

void edge_conn_resume(struct edge_conn *c)
{
	MHD_resume_connection(c->mc);
	c->is_suspended = false;
	c->daemon->must_run = true;
}

void edge_conn_park(struct edge_conn *c, enum edge_phase phase)
{
	if (!c->is_suspended)
		edge_conn_suspend(c);
	c->is_parked = true;
	c->daemon->n_parked++;
	edge_conn_enter(c, phase);
}

static void conn_block(struct edge_conn *c)
{
	struct epoll_event ev = { .events = (c->want_write ? EPOLLOUT : EPOLLIN) | EPOLLRDHUP, .data.ptr = c };

	edge_conn_suspend(c);
	if (epoll_ctl(c->thread->epoll_fd, EPOLL_CTL_ADD, c->fd, &ev) == 0) {
		c->is_blocked = true;
		return;
	}
	edge_conn_shutdown(c);
	edge_conn_resume(c);
}

/* Takes it off the list of the noted, too. */
void edge_conn_unblock(struct edge_conn *c)
{
	struct edge_thread *t = c->thread;

	if (c->is_noted) {
		c->is_noted = false;
		if (c->noted_prev)
			c->noted_prev->noted_next = c->noted_next;
		else
			t->noted = c->noted_next;
		if (c->noted_next)
			c->noted_next->noted_prev = c->noted_prev;
	}
	if (!c->is_blocked)
		return;
	c->is_blocked = false;
	epoll_ctl(t->epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
	edge_conn_resume(c);
}

void edge_conn_note(struct edge_conn *c)
{
	struct edge_thread *t = c->thread;

	if (c->is_noted)
		return;
	c->is_noted = true;
	c->noted_prev = NULL;
	c->noted_next = t->noted;
	if (t->noted)
		t->noted->noted_prev = c;
	t->noted = c;
}

static bool conn_is_reading(const struct edge_conn *c)
{
	return !c->is_suspended && (c->phase == PHASE_HEADER || c->phase == PHASE_IDLE || c->phase == PHASE_BODY);
}

/* The library tries to read again. */
static void conn_kick(struct edge_conn *c)
{
	edge_conn_suspend(c);
	edge_conn_resume(c);
}

void edge_conn_attend(struct edge_conn *c)
{
	edge_conn_unblock(c); /* off the list */
	if (c->in_len == 0 && !c->is_established && !c->is_suspended)
		conn_block(c);
	else if (c->in_len != 0 && conn_is_reading(c))
		conn_kick(c);
}

void edge_conn_shutdown(struct edge_conn *c)
{
	shutdown(c->fd, SHUT_RDWR);
	c->phase = PHASE_CLOSING;
}

/* ---- time limits ---- */

/* Of the kernel: bytes received, or acknowledged by the peer. */
static uint64_t conn_counter(struct edge_conn *c, bool received)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return 0;
	return received ? info.tcpi_bytes_received : info.tcpi_bytes_acked;
}

/* Whether the counter moved since the last look; the first look only takes its value. */
static bool conn_has_moved(struct edge_conn *c, bool received)
{
	uint64_t counter = conn_counter(c, received);
	bool moved = c->has_counter && counter != c->counter;

	c->counter = counter;
	c->has_counter = true;
	return moved;
}

void edge_conn_check(struct edge_conn *c)
{
	const struct http_config *cfg = &c->thread->server->cfg;
	int64_t now = c->thread->now_ms;
	int limit_s = 0;

	switch (c->phase) {
	case PHASE_HEADER: limit_s = cfg->header_timeout_s; break;
	case PHASE_IDLE:
		limit_s = cfg->idle_timeout_s;
		if (conn_has_moved(c, true))
			edge_conn_enter(c, PHASE_HEADER);
		break;
	case PHASE_BODY: limit_s = cfg->body_timeout_s; break;
	case PHASE_REPLY:
		limit_s = cfg->body_timeout_s;
		if (conn_has_moved(c, false))
			c->since_ms = now;
		break;
	case PHASE_UPGRADED: edge_ws_check(c->ws); return;
	case PHASE_PUSH: edge_push_check(c->push); return;
	case PHASE_WAITING:
	case PHASE_CLOSING: return;
	}
	if (now - c->since_ms > limit_s * 1000ll) {
		log_debug("slow client dropped", "PEER", c->peer);
		edge_conn_shutdown(c);
	}
}
