/* SPDX-License-Identifier: Apache-2.0 */
/* Streams from feeds: how one begins, what it writes, why it ends. Writing is one record for one text, if it fits. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/log.h"
#include "manager/http/http_push_internal.h"

#define RECORD      (16 * 1024)
#define SEND_BUFFER (128 * 1024) /* of the kernel, for each stream */
#define READ_MAX    (64 * 1024)  /* nobody has to say that much to a stream */
#define STALL_MS    60000
#define GOODBYE_MS  1500

static void text_unref(GBytes *b)
{
	if (b)
		g_bytes_unref(b);
}

/* ---- references ---- */

static struct http_push *push_ref(struct http_push *p)
{
	atomic_fetch_add(&p->refs, 1);
	return p;
}

void http_push_unref(struct http_push *p)
{
	if (!p || atomic_fetch_sub(&p->refs, 1) != 1)
		return;
	http_feed_unref(p->feed);
	g_free(p);
}

/* ---- writing ---- */

/* The next text, if there is one. */
static bool take_next(struct http_push *p)
{
	struct link *l;

	if (p->now)
		return true;
	p->off = 0;
	if (p->more) {
		p->now = g_steal_pointer(&p->more);
	} else if (p->owes_excuse) {
		p->now = push_take(p, &p->feed->excuse);
		p->owes_excuse = false;
	} else if ((l = p->link)) {
		p->now = push_take(p, &l->text);
		p->taken += g_bytes_get_size(l->text.plain);
		p->link = link_ref(l->next);
		link_unref(l);
	} else if (p->is_closing && p->is_packed && !p->has_tail) {
		p->now = gzip_tail(&p->sum);
		p->has_tail = true;
	}
	return p->now != NULL;
}

static bool has_next(const struct http_push *p) { return p->more || p->owes_excuse || p->link; }

/* Bytes, 0: not now, -1: never. What is followed by more at once goes to the network with it. */
static ssize_t write_some(struct http_push *p, const char *data, size_t n)
{
	struct edge_conn *c = p->conn;
	ssize_t put;

	if (c->kind != EDGE_TLS) {
		put = send(c->fd, data, n, MSG_NOSIGNAL | (has_next(p) ? MSG_MORE : 0));
		return put >= 0 ? put : errno == EAGAIN || errno == EINTR ? 0 : -1;
	}
	c->more_follows = n > RECORD || has_next(p);
	put = gnutls_record_send(c->session, data, MIN(n, RECORD));
	c->more_follows = false;
	return put >= 0 ? put : put == GNUTLS_E_AGAIN || put == GNUTLS_E_INTERRUPTED ? 0 : -1;
}

static void watch(struct http_push *p)
{
	uint32_t want = EPOLLIN | EPOLLRDHUP | (p->now ? EPOLLOUT : 0);
	struct epoll_event ev = { .events = want, .data.ptr = p->conn };

	if (want == p->events)
		return;
	p->events = want;
	if (epoll_ctl(p->thread->epoll_fd, EPOLL_CTL_MOD, p->conn->fd, &ev) < 0)
		p->is_failed = true;
}

/* The end of it, but for the memory; the connection is given back to the library, which will notice. */
static void drop(struct http_push *p)
{
	struct edge_conn *c = p->conn;

	if (p->is_ended)
		return;
	p->is_ended = true;
	epoll_ctl(p->thread->epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
	push_leave_lane(p);
	if (c->kind == EDGE_TLS && !p->is_failed && !p->now)
		gnutls_bye(c->session, GNUTLS_SHUT_WR);
	edge_conn_shutdown(c);
	edge_conn_resume(c);
}

void push_flush(struct http_push *p)
{
	while (!p->is_failed && take_next(p)) {
		gsize len;
		const char *data = g_bytes_get_data(p->now, &len);
		ssize_t put = write_some(p, data + p->off, len - p->off);

		if (put == 0)
			break;
		if (put < 0)
			p->is_failed = true;
		else
			p->off += (size_t)put;
		p->wrote_ms = p->thread->now_ms;
		if (p->off == len) {
			text_unref(p->now);
			p->now = NULL;
		}
	}
	if (p->is_failed || (p->is_closing && !p->now))
		drop(p);
	else
		watch(p);
}

/* ---- begin ---- */

struct http_push *http_feed_invite(struct http_feed *f, struct http_exchange *x, void *arg)
{
	struct http_push *p = g_new0(struct http_push, 1);

	if (!f->server) {
		f->server = x->server;
		atomic_fetch_add(&f->server->refs, 1);
	}
	atomic_init(&p->refs, 2);
	atomic_init(&p->is_told, false);
	p->feed = feed_ref(f);
	p->thread = x->thread;
	p->arg = arg;
	atomic_fetch_add(&f->invited[thread_index(x->thread)], 1);
	return p;
}

/* The connection's part is over. */
static void push_gone(struct http_push *p)
{
	p->is_ended = true;
	p->conn = NULL;
	push_leave_lane(p);
	text_unref(p->now);
	text_unref(p->more);
	link_unref(p->link);
	p->now = p->more = NULL;
	p->link = NULL;
	atomic_fetch_sub(&p->feed->invited[thread_index(p->thread)], 1);
	p->feed->cfg.closed(p->arg);
	http_push_unref(p);
}

static GString *write_head(struct http_exchange *x, const struct http_push *p)
{
	GString *s = g_string_new("HTTP/1.1 200 OK\r\n");
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *date = g_date_time_format(now, "%a, %d %b %Y %H:%M:%S GMT");

	g_string_append_printf(s, "Date: %s\r\nContent-Type: %s\r\nConnection: close\r\n", date,
	                       p->feed->cfg.content_type);
	for (const struct edge_pair *h = x->reply_headers; h; h = h->next)
		g_string_append_printf(s, "%s: %s\r\n", h->name, h->value);
	g_string_append(s, "Vary: Accept-Encoding\r\nX-Content-Type-Options: nosniff\r\n");
	if (p->is_packed)
		g_string_append(s, "Content-Encoding: gzip\r\n");
	if (x->is_tls)
		g_string_append(s, "Strict-Transport-Security: max-age=31536000\r\n");
	g_string_append(s, "\r\n");
	return s;
}

/* The head of the answer, and what comes before the feed. */
static void begin_with(struct http_push *p, GString *head, GBytes *first, GBytes *more)
{
	struct push_text text = { .plain = first };

	if (p->is_packed)
		g_string_append_len(head, GZIP_HEAD, sizeof(GZIP_HEAD));
	if (first) {
		GBytes *taken = push_take(p, &text);

		g_string_append_len(head, g_bytes_get_data(taken, NULL), (gssize)g_bytes_get_size(taken));
		g_bytes_unref(taken);
		gzip_part_clear(&text.part);
	}
	p->now = g_string_free_to_bytes(head);
	if (more)
		p->more = push_take_more(p, more);
}

/* Nobody reads the request any more: its memory is not kept for hours. */
static void forget_request(struct http_exchange *x)
{
	x->n_headers = x->n_params = 0;
	x->headers = x->params = x->reply_headers = NULL;
	x->reply_tail = &x->reply_headers;
	x->method = x->path = "";
	x->target = NULL;
	pool_free(x->pool);
	x->pool = NULL;
}

static void take_over(struct http_push *p, struct http_exchange *x, GBytes *first, GBytes *more)
{
	GString *head = write_head(x, p);
	struct edge_conn *c = x->conn;
	struct edge_thread *t = x->thread;
	struct epoll_event ev = { .data.ptr = c };
	int size = SEND_BUFFER, on = 1, off = 0;

	c->push = p;
	p->conn = c;
	p->wrote_ms = t->now_ms;
	c->hold_next = c->skip_read = false;
	edge_conn_park(c, PHASE_PUSH);
	x->is_upgraded = true;
	edge_reply_done(x);
	forget_request(x);
	push_join_lane(p);
	begin_with(p, head, first, more);
	setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	/* Answers before this one may have left it corked: the kernel would keep each text for 200 ms. */
	setsockopt(c->fd, IPPROTO_TCP, TCP_CORK, &off, sizeof(off));
	if (epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, c->fd, &ev) < 0)
		p->is_failed = true;
	p->close_by_ms = t->now_ms + GOODBYE_MS;
	push_flush(p);
}

void http_push_accept(struct http_push *p, struct http_exchange *x, GBytes *first, GBytes *more)
{
	bool is_there = edge_reply_begin(x);

	if (is_there && x->thread->is_stopping) {
		edge_reply_fault(x, FAULT_STOPPING);
		is_there = false;
	}
	if (is_there) {
		p->is_packed = edge_accepts_gzip(x);
		take_over(p, x, first, more);
	} else {
		push_gone(p);
	}
	text_unref(first);
	text_unref(more);
}

/* ---- end ---- */

/* What was begun, and what comes before the feed, still goes out. */
static void begin_close(struct http_push *p)
{
	if (p->is_ended || p->is_closing)
		return;
	p->is_closing = true;
	p->close_by_ms = p->thread->now_ms + GOODBYE_MS;
	if (!p->now)
		push_flush(p);
}

static void on_end(struct edge_thread *t, struct edge_msg *m)
{
	struct http_push *p = (struct http_push *)m;

	if (p->conn)
		begin_close(p);
	else
		p->is_closing = true; /* as soon as it has begun */
	http_push_unref(p);
}

void http_push_end(struct http_push *p)
{
	if (atomic_exchange(&p->is_told, true))
		return;
	push_ref(p);
	p->end_msg.fn = on_end;
	if (!edge_post(p->thread, &p->end_msg))
		http_push_unref(p);
}

/* ---- what the thread tells ---- */

/* Whatever he says is not for us; but his goodbye is. */
static void hear(struct http_push *p)
{
	char buf[2048];
	ssize_t got;

	do {
		if (p->conn->kind == EDGE_TLS) {
			got = gnutls_record_recv(p->conn->session, buf, sizeof(buf));
			if (got == GNUTLS_E_INTERRUPTED || (got == GNUTLS_E_AGAIN && p->conn->in_len))
				continue;
			if (got == GNUTLS_E_AGAIN)
				return;
		} else {
			got = recv(p->conn->fd, buf, sizeof(buf), 0);
			if (got < 0 && (errno == EAGAIN || errno == EINTR))
				return;
		}
		if (got <= 0 || (p->heard += (size_t)got) > READ_MAX)
			p->is_failed = true;
	} while (!p->is_failed);
}

void edge_push_event(struct http_push *p, uint32_t events)
{
	if (p->is_ended)
		return;
	if (events & (EPOLLERR | EPOLLHUP))
		p->is_failed = true;
	else if (events & (EPOLLIN | EPOLLRDHUP))
		hear(p);
	if (p->is_failed)
		drop(p);
	else if (events & EPOLLOUT)
		push_flush(p);
}

void edge_push_check(struct http_push *p)
{
	int64_t now = p->thread->now_ms;

	if (p->is_ended)
		return;
	if (p->now ? now - p->wrote_ms > STALL_MS || (p->is_closing && now > p->close_by_ms) : p->is_closing) {
		log_debug("client of a stream dropped", "PEER", p->conn->peer);
		p->is_failed = true;
		drop(p);
	} else if (!p->now && now - p->wrote_ms >= p->feed->cfg.heartbeat_s * 1000ll) {
		p->now = push_take(p, &p->feed->heartbeat);
		p->off = 0;
		push_flush(p);
	}
}

void edge_push_close(struct http_push *p) { begin_close(p); }

void edge_push_drop(struct http_push *p) { drop(p); }

void edge_push_free(struct http_push *p)
{
	if (p)
		push_gone(p);
}
