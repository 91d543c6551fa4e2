/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams from feeds. A feed has a lane on each thread that serves streams of it, touched by that thread alone. A lane is
 * a chain of links, one for each text sent; a stream that is behind holds the link it takes next, and each link holds the
 * one after it. So a text is freed when the last stream has taken it, and a stream that is up to date holds nothing.
 *
 * Writing is one record for one text. Many streams are not written at once, but some at a time, with other requests
 * served in between.
 */
#include "manager/http/push.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/log.h"
#include "manager/http/http_internal.h"

#define MAX_LANES   64 /* threads of a server */
#define RECORD      (16 * 1024)
#define SEND_BUFFER (128 * 1024) /* of the kernel, for each stream */
#define AT_ONCE     64           /* streams that are written in one turn */
#define READ_MAX    (64 * 1024)  /* nobody has to say that much to a stream */
#define STALL_MS    60000
#define GOODBYE_MS  1500

struct link {
	struct link *next; /* held */
	GBytes *text;
	int refs;
};

struct lane {
	struct edge_msg turn; /* to ourselves: go on writing; must be first */
	struct http_feed *feed;
	struct http_push *streams;
	struct http_push *due, **due_tail; /* have something to write, and were not tried yet */
	struct link *last;                 /* held, if there is one */
	uint64_t sent;                     /* bytes so far */
	int refs;                          /* its streams, and a turn under way */
	bool is_turning;
};

struct http_feed {
	struct http_feed_config cfg;
	atomic_int refs;
	struct http_server *server; /* held; NULL before the first stream */
	GBytes *heartbeat, *excuse;
	atomic_int invited[MAX_LANES]; /* streams of each thread, on their way included */
	struct lane *lanes[MAX_LANES];
};

struct http_push {
	struct edge_msg end_msg; /* must be first */
	atomic_int refs;         /* the owner's, the connection's, a message's */
	atomic_bool is_told;     /* to end */
	struct http_feed *feed;
	struct edge_thread *thread;
	struct edge_conn *conn; /* NULL: not yet, or no more */
	void *arg;
	struct lane *lane;
	struct http_push *prev, *next, *due_next;
	GBytes *now;       /* being written */
	size_t off;        /* of now */
	GBytes *more;      /* comes next, before the feed */
	struct link *link; /* then this; NULL: up to date */
	uint64_t taken;    /* of the lane's bytes */
	int64_t wrote_ms, close_by_ms;
	size_t heard;
	uint32_t events; /* watched */
	bool is_due, owes_excuse, is_closing, is_failed, is_ended;
};

/* ---- texts ---- */

static GBytes *text_of(const char *s) { return g_bytes_new_static(s, strlen(s)); }

static void text_unref(GBytes *b)
{
	if (b)
		g_bytes_unref(b);
}

/* ---- links ---- */

static void link_unref(struct link *l)
{
	while (l && --l->refs == 0) {
		struct link *next = l->next;

		text_unref(l->text);
		g_free(l);
		l = next;
	}
}

static struct link *link_ref(struct link *l)
{
	if (l)
		l->refs++;
	return l;
}

/* ---- feeds ---- */

struct http_feed *http_feed_new(const struct http_feed_config *cfg)
{
	struct http_feed *f = g_new0(struct http_feed, 1);

	f->cfg = *cfg;
	atomic_init(&f->refs, 1);
	f->heartbeat = text_of(cfg->heartbeat);
	f->excuse = text_of(cfg->excuse);
	return f;
}

static struct http_feed *feed_ref(struct http_feed *f)
{
	atomic_fetch_add(&f->refs, 1);
	return f;
}

void http_feed_unref(struct http_feed *f)
{
	if (!f || atomic_fetch_sub(&f->refs, 1) != 1)
		return;
	text_unref(f->heartbeat);
	text_unref(f->excuse);
	if (f->server)
		edge_server_unref(f->server);
	g_free(f);
}

static int thread_index(const struct edge_thread *t) { return (int)(t - t->server->threads); }

static void lane_unref(struct lane *l)
{
	if (--l->refs > 0)
		return;
	link_unref(l->last);
	http_feed_unref(l->feed);
	g_free(l);
}

/* ---- a stream: references and lists ---- */

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

static void make_due(struct http_push *p)
{
	if (p->is_due)
		return;
	p->is_due = true;
	p->due_next = NULL;
	*p->lane->due_tail = p;
	p->lane->due_tail = &p->due_next;
}

static void not_due(struct http_push *p)
{
	struct http_push **at = &p->lane->due;

	if (!p->is_due)
		return;
	while (*at != p)
		at = &(*at)->due_next;
	*at = p->due_next;
	if (!*at)
		p->lane->due_tail = at;
	p->is_due = false;
}

static void join_lane(struct http_push *p)
{
	int i = thread_index(p->thread);
	struct lane *l = p->feed->lanes[i];

	if (!l) {
		l = p->feed->lanes[i] = g_new0(struct lane, 1);
		l->feed = feed_ref(p->feed);
		l->due_tail = &l->due;
	}
	l->refs++;
	p->lane = l;
	p->taken = l->sent;
	p->next = l->streams;
	if (p->next)
		p->next->prev = p;
	l->streams = p;
}

static void leave_lane(struct http_push *p)
{
	struct lane *l = p->lane;

	if (!l)
		return;
	not_due(p);
	if (p->prev)
		p->prev->next = p->next;
	else
		l->streams = p->next;
	if (p->next)
		p->next->prev = p->prev;
	p->lane = NULL;
	if (!l->streams)
		p->feed->lanes[thread_index(p->thread)] = NULL;
	lane_unref(l);
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
		p->now = p->more;
		p->more = NULL;
	} else if (p->owes_excuse) {
		p->now = g_bytes_ref(p->feed->excuse);
		p->owes_excuse = false;
	} else if ((l = p->link)) {
		p->now = g_bytes_ref(l->text);
		p->taken += g_bytes_get_size(l->text);
		p->link = link_ref(l->next);
		link_unref(l);
	}
	return p->now != NULL;
}

/* Bytes, 0: not now, -1: never. */
static ssize_t write_some(struct edge_conn *c, const char *data, size_t n)
{
	ssize_t put;

	if (c->kind != EDGE_TLS) {
		put = send(c->fd, data, n, MSG_NOSIGNAL);
		return put >= 0 ? put : errno == EAGAIN || errno == EINTR ? 0 : -1;
	}
	put = gnutls_record_send(c->session, data, MIN(n, RECORD));
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
	leave_lane(p);
	if (c->kind == EDGE_TLS && !p->is_failed && !p->now)
		gnutls_bye(c->session, GNUTLS_SHUT_WR);
	edge_conn_shutdown(c);
	edge_conn_resume(c);
}

static void flush(struct http_push *p)
{
	while (!p->is_failed && take_next(p)) {
		gsize len;
		const char *data = g_bytes_get_data(p->now, &len);
		ssize_t put = write_some(p->conn, data + p->off, len - p->off);

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

/* ---- a text of the feed ---- */

/* Too far behind: what it has begun is finished, the rest is left out. */
static void give_up(struct http_push *p)
{
	link_unref(p->link);
	p->link = NULL;
	p->owes_excuse = true;
	log_debug("stream is too slow, it starts anew", "PEER", p->conn->peer);
}

static void offer(struct http_push *p, struct link *l)
{
	struct lane *lane = p->lane;

	if (p->is_closing)
		return;
	if (!p->link && !p->owes_excuse)
		p->link = link_ref(l);
	if (p->now && !p->owes_excuse && lane->sent - p->taken > p->feed->cfg.max_lag)
		give_up(p);
	if (p->owes_excuse)
		p->taken = lane->sent;
	if (!p->now)
		make_due(p);
}

static void lane_turn(struct edge_thread *t, struct edge_msg *m);

static void turn_again(struct lane *l, struct edge_thread *t)
{
	if (l->is_turning)
		return;
	l->turn.fn = lane_turn;
	l->is_turning = edge_post(t, &l->turn);
	l->refs += l->is_turning;
}

static void lane_turn(struct edge_thread *t, struct edge_msg *m)
{
	struct lane *l = (struct lane *)m;

	l->is_turning = false;
	for (int i = 0; l->due && i < AT_ONCE; i++) {
		struct http_push *p = l->due;

		not_due(p);
		flush(p);
	}
	if (l->due)
		turn_again(l, t);
	lane_unref(l);
}

struct feed_msg {
	struct edge_msg msg; /* must be first */
	struct http_feed *feed;
	GBytes *text;
};

static void feed_msg_free(struct feed_msg *fm)
{
	http_feed_unref(fm->feed);
	text_unref(fm->text);
	g_free(fm);
}

static void on_text(struct edge_thread *t, struct edge_msg *m)
{
	struct feed_msg *fm = (struct feed_msg *)m;
	struct lane *l = fm->feed->lanes[thread_index(t)];

	if (l) {
		struct link *k = g_new0(struct link, 1);

		k->text = g_bytes_ref(fm->text);
		k->refs = 1;
		if (l->last) {
			l->last->next = link_ref(k);
			link_unref(l->last);
		}
		l->last = k;
		l->sent += g_bytes_get_size(fm->text);
		for (struct http_push *p = l->streams; p; p = p->next)
			offer(p, k);
		if (!l->is_turning) {
			l->refs++;
			lane_turn(t, &l->turn);
		}
	}
	feed_msg_free(fm);
}

void http_feed_send(struct http_feed *f, GBytes *text)
{
	for (int i = 0; f->server && i < f->server->n_threads; i++) {
		struct feed_msg *fm;

		if (atomic_load(&f->invited[i]) == 0)
			continue;
		fm = g_new0(struct feed_msg, 1);
		fm->msg.fn = on_text;
		fm->feed = feed_ref(f);
		fm->text = g_bytes_ref(text);
		if (!edge_post(&f->server->threads[i], &fm->msg))
			feed_msg_free(fm);
	}
	text_unref(text);
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
	leave_lane(p);
	text_unref(p->now);
	text_unref(p->more);
	link_unref(p->link);
	p->now = p->more = NULL;
	p->link = NULL;
	atomic_fetch_sub(&p->feed->invited[thread_index(p->thread)], 1);
	p->feed->cfg.closed(p->arg);
	http_push_unref(p);
}

static GBytes *write_head(struct http_exchange *x, const char *content_type, GBytes *first)
{
	GString *s = g_string_new("HTTP/1.1 200 OK\r\n");
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *date = g_date_time_format(now, "%a, %d %b %Y %H:%M:%S GMT");

	g_string_append_printf(s, "Date: %s\r\nContent-Type: %s\r\nConnection: close\r\n", date, content_type);
	for (const struct edge_pair *p = x->reply_headers; p; p = p->next)
		g_string_append_printf(s, "%s: %s\r\n", p->name, p->value);
	g_string_append(s, "X-Content-Type-Options: nosniff\r\n");
	if (x->is_tls)
		g_string_append(s, "Strict-Transport-Security: max-age=31536000\r\n");
	g_string_append(s, "\r\n");
	if (first)
		g_string_append_len(s, g_bytes_get_data(first, NULL), (gssize)g_bytes_get_size(first));
	return g_string_free_to_bytes(s);
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

static void take_over(struct http_push *p, struct http_exchange *x)
{
	struct edge_conn *c = x->conn;
	struct edge_thread *t = x->thread;
	struct epoll_event ev = { .data.ptr = c };
	int size = SEND_BUFFER, on = 1, off = 0;

	if (!c->is_suspended)
		edge_conn_suspend(c);
	c->push = p;
	p->conn = c;
	p->wrote_ms = t->now_ms;
	c->hold_next = c->skip_read = false;
	edge_conn_enter(c, PHASE_PUSH);
	x->is_upgraded = true;
	edge_reply_done(x);
	forget_request(x);
	join_lane(p);
	setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	/* Answers before this one may have left it corked: the kernel would keep each text for 200 ms. */
	setsockopt(c->fd, IPPROTO_TCP, TCP_CORK, &off, sizeof(off));
	if (epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, c->fd, &ev) < 0)
		p->is_failed = true;
	p->close_by_ms = t->now_ms + GOODBYE_MS;
	flush(p);
}

void http_push_accept(struct http_push *p, struct http_exchange *x, GBytes *first, GBytes *more)
{
	bool is_there = edge_reply_begin(x);

	if (is_there && x->thread->is_stopping) {
		edge_reply_fault(x, FAULT_STOPPING);
		is_there = false;
	}
	if (is_there) {
		p->now = write_head(x, p->feed->cfg.content_type, first);
		p->more = more ? g_bytes_ref(more) : NULL;
		take_over(p, x);
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
		flush(p);
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
		flush(p);
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
		p->now = g_bytes_ref(p->feed->heartbeat);
		p->off = 0;
		flush(p);
	}
}

void edge_push_close(struct http_push *p) { begin_close(p); }

void edge_push_drop(struct http_push *p) { drop(p); }

void edge_push_free(struct http_push *p)
{
	if (p)
		push_gone(p);
}
