/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WebSockets on connections that began as HTTP. The library's own way of upgrading puts a pair of sockets and a copy
 * between TLS and us; instead its connection stays suspended, as while a request waits for its answer, and we read and
 * write its session (or socket) ourselves. In the end the socket is shut down and the connection given back, for the
 * library to notice and to free.
 *
 * What a client sends before it has read our 101 is in the library's buffer and lost: it must not do that.
 */
#include "manager/http/websocket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>

#include "base/log.h"
#include "manager/http/http_internal.h"

#define CHUNK        (16 * 1024) /* a TLS record */
#define READ_SHARE   (8 * CHUNK) /* of one connection, before others have their turn */
#define MAX_FRAME    (1024 * 1024)
#define KEEP_BUFFER  (64 * 1024)
#define PONG_ROOM    (16 * 1024) /* no pongs beyond: who does not read needs none */
#define PING_MS      30000
#define SILENCE_MS   60000
#define STALL_MS     60000
#define GOODBYE_MS   2000
#define ACCEPT_MAGIC "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

struct http_ws {
	struct edge_msg again; /* to ourselves: there is more to read; must be first */
	struct edge_conn *conn;
	struct edge_thread *thread;
	const struct http_ws_ops *ops;
	void *arg;
	struct ws_parser parser;
	char *out;
	size_t out_off, out_end, out_cap;
	uint32_t events; /* watched */
	int64_t heard_ms, pinged_ms, moved_ms, close_by_ms;
	bool is_paused, is_again, is_gone;
	bool is_closing; /* our close frame is on its way; nothing is delivered any more */
	bool is_deaf; /* he broke the rules: the rest is read, lest a reset overtakes our goodbye, but not understood */
	bool has_said_goodbye, is_failed;
	bool was_full; /* out was not empty: drained() is due */
	bool is_ended;
};

/* ---- the request ---- */

static bool has_token(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *s = list; s && *s; s += strcspn(s, ","), s += *s == ',') {
		s += strspn(s, " \t");
		if (strncasecmp(s, word, n) == 0 && strchr(" \t,", s[n])) /* the end of the text, too */
			return true;
	}
	return false;
}

static bool is_key(const char *key)
{
	gsize n = 0;
	g_autofree guchar *raw = key && strlen(key) == 24 ? g_base64_decode(key, &n) : NULL;

	return raw && n == 16;
}

/* An origin is "https://host:port", as is the Host header but for the scheme. */
static bool is_own_origin(struct http_exchange *x, const char *origin)
{
	const char *host = http_header(x, "Host"), *scheme = http_is_tls(x) ? "https://" : "http://";
	size_t n = strlen(scheme);

	return host && strncasecmp(origin, scheme, n) == 0 && strcasecmp(origin + n, host) == 0;
}

int http_ws_check(struct http_exchange *x, const char **why)
{
	const char *origin = http_header(x, "Origin"), *version = http_header(x, "Sec-WebSocket-Version");
	size_t body;

	http_body(x, &body);
	if (!has_token(http_header(x, "Upgrade"), "websocket") || !has_token(http_header(x, "Connection"), "upgrade") ||
	    !version || strcmp(version, "13") != 0) {
		*why = "This is a WebSocket; ask for an upgrade, version 13.";
		return 426;
	}
	if (strcmp(http_method(x), "GET") != 0 || body || !is_key(http_header(x, "Sec-WebSocket-Key"))) {
		*why = "The request for a WebSocket is not well-formed.";
		return 400;
	}
	if (origin && !is_own_origin(x, origin)) {
		*why = "Pages of other origins may not connect.";
		return 403;
	}
	return 0;
}

/* ---- watching ---- */

static bool edge_has_more(const struct edge_conn *c)
{
	return c->kind == EDGE_TLS && (c->in_len || gnutls_record_check_pending(c->session));
}

static void watch(struct http_ws *ws)
{
	uint32_t want = (ws->is_paused ? 0 : EPOLLIN) | (ws->out_end > ws->out_off ? EPOLLOUT : 0);
	struct epoll_event ev = { .events = want, .data.ptr = ws->conn };

	if (ws->is_ended || want == ws->events)
		return;
	ws->events = want;
	if (epoll_ctl(ws->thread->epoll_fd, EPOLL_CTL_MOD, ws->conn->fd, &ev) < 0)
		ws->is_failed = true;
}

static void on_again(struct edge_thread *t, struct edge_msg *m)
{
	struct http_ws *ws = (struct http_ws *)m;

	ws->is_again = false;
	if (ws->is_gone)
		g_free(ws);
	else if (!ws->is_ended)
		edge_ws_event(ws, ws->is_paused ? 0 : EPOLLIN);
}

/* Go on in a while: for what the kernel will not wake us for, and for ends that must not come within a call of theirs. */
static void again(struct http_ws *ws)
{
	if (ws->is_again)
		return;
	ws->again.fn = on_again;
	ws->is_again = edge_post(ws->thread, &ws->again);
}

/* ---- out ---- */

static ssize_t write_some(struct edge_conn *c, const char *data, size_t n)
{
	ssize_t put;

	if (c->kind != EDGE_TLS) {
		put = send(c->fd, data, n, MSG_NOSIGNAL);
		return put >= 0 ? put : errno == EAGAIN || errno == EINTR ? 0 : -1;
	}
	put = gnutls_record_send(c->session, data, n);
	return put >= 0 ? put : put == GNUTLS_E_AGAIN || put == GNUTLS_E_INTERRUPTED ? 0 : -1;
}

static void flush(struct http_ws *ws)
{
	while (ws->out_off < ws->out_end && !ws->is_failed) {
		ssize_t put = write_some(ws->conn, ws->out + ws->out_off, MIN(ws->out_end - ws->out_off, CHUNK));

		if (put == 0)
			return;
		if (put < 0)
			ws->is_failed = true;
		else
			ws->out_off += (size_t)put;
		ws->moved_ms = ws->thread->now_ms;
	}
	if (ws->is_failed)
		return;
	ws->out_off = ws->out_end = 0;
	if (ws->out_cap > KEEP_BUFFER) {
		g_free(ws->out);
		ws->out = NULL;
		ws->out_cap = 0;
	}
}

static void queue(struct http_ws *ws, const void *data, size_t n)
{
	if (ws->out_cap - ws->out_end < n && ws->out_off) {
		memmove(ws->out, ws->out + ws->out_off, ws->out_end - ws->out_off);
		ws->out_end -= ws->out_off;
		ws->out_off = 0;
	}
	if (ws->out_cap - ws->out_end < n) {
		ws->out_cap = MAX(ws->out_end + n, MAX(ws->out_cap * 2, (size_t)512));
		ws->out = g_realloc(ws->out, ws->out_cap);
	}
	memcpy(ws->out + ws->out_end, data, n);
	ws->out_end += n;
}

static void send_frame(struct http_ws *ws, enum ws_opcode opcode, const void *data, size_t n)
{
	uint8_t head[WS_MAX_HEADER];
	bool was_empty = ws->out_off == ws->out_end;

	queue(ws, head, ws_write_head(head, opcode, n));
	queue(ws, data, n);
	if (was_empty) {
		ws->moved_ms = ws->thread->now_ms;
		flush(ws);
	}
	if (ws->out_off < ws->out_end)
		ws->was_full = true;
	if (ws->is_failed)
		again(ws);
	watch(ws);
}

void http_ws_send(struct http_ws *ws, const char *data, size_t n)
{
	if (!ws->is_closing && !ws->is_failed && n)
		send_frame(ws, WS_BINARY, data, n);
}

size_t http_ws_queued(const struct http_ws *ws) { return ws->out_end - ws->out_off; }

void http_ws_close(struct http_ws *ws, int code, const char *reason)
{
	uint8_t data[WS_MAX_CONTROL];
	size_t n = reason ? MIN(strlen(reason), sizeof(data) - 2) : 0;

	if (ws->is_closing || ws->is_ended)
		return;
	data[0] = (uint8_t)(code >> 8);
	data[1] = (uint8_t)code;
	if (n)
		memcpy(data + 2, reason, n);
	ws->close_by_ms = ws->thread->now_ms + GOODBYE_MS;
	if (!ws->is_failed)
		send_frame(ws, WS_CLOSE, data, code == WS_NO_STATUS ? 0 : 2 + n);
	ws->is_closing = true;
	ws->is_paused = false; /* for his goodbye */
	watch(ws);
	again(ws);
}

/* ---- in ---- */

static void on_data(void *arg, const char *data, size_t n)
{
	struct http_ws *ws = arg;

	if (!ws->is_closing && !ws->is_failed)
		ws->ops->data(ws->arg, data, n);
}

static bool on_control(void *arg, enum ws_opcode opcode, const uint8_t *data, size_t n)
{
	struct http_ws *ws = arg;
	int code;

	if (opcode == WS_PING && !ws->is_closing && http_ws_queued(ws) < PONG_ROOM)
		send_frame(ws, WS_PONG, data, n);
	if (opcode != WS_CLOSE)
		return true;
	ws->has_said_goodbye = true;
	code = ws_close_code(data, n);
	http_ws_close(ws, code, NULL);
	return false;
}

static const struct ws_sink SINK = { on_data, on_control };

/* > 0 bytes, 0: nothing now, -1: the end. */
static ssize_t read_some(struct edge_conn *c, char *buf, size_t size)
{
	ssize_t got;

	if (c->kind != EDGE_TLS) {
		got = recv(c->fd, buf, size, 0);
		return got > 0 ? got : got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
	}
	do
		got = gnutls_record_recv(c->session, buf, size);
	while (got == GNUTLS_E_INTERRUPTED || (got == GNUTLS_E_AGAIN && c->in_len));
	return got > 0 ? got : got == GNUTLS_E_AGAIN ? 0 : -1;
}

static void receive(struct http_ws *ws)
{
	char buf[CHUNK];
	size_t total = 0;

	while (!ws->is_paused && !ws->is_failed && total < READ_SHARE) {
		ssize_t got = read_some(ws->conn, buf, sizeof(buf));
		int code;

		if (got == 0)
			return;
		if (got < 0) {
			ws->is_failed = true;
			return;
		}
		total += (size_t)got;
		ws->heard_ms = ws->thread->now_ms;
		if (ws->has_said_goodbye || ws->is_deaf)
			continue; /* what comes behind a close frame means nothing */
		code = ws_parse(&ws->parser, buf, (size_t)got, &SINK, ws);
		if (code) {
			log_debug("a client of a WebSocket breaks its rules", "PEER", ws->conn->peer);
			http_ws_close(ws, code, NULL);
			ws->is_deaf = true;
		}
	}
	if (!ws->is_failed && !ws->is_paused)
		again(ws);
}

void http_ws_pause(struct http_ws *ws, bool is_paused)
{
	if (ws->is_paused == is_paused || ws->is_closing || ws->is_ended)
		return;
	ws->is_paused = is_paused;
	ws->heard_ms = ws->thread->now_ms;
	watch(ws);
	if (!is_paused && edge_has_more(ws->conn))
		again(ws);
}

/* ---- life ---- */

void edge_ws_drop(struct http_ws *ws)
{
	struct edge_conn *c = ws->conn;

	if (ws->is_ended)
		return;
	ws->is_ended = true;
	epoll_ctl(ws->thread->epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
	ws->ops->closed(ws->arg);
	if (c->kind == EDGE_TLS && !ws->is_failed && ws->out_off == ws->out_end)
		gnutls_bye(c->session, GNUTLS_SHUT_WR);
	edge_conn_shutdown(c);
	edge_conn_resume(c);
}

/* Has it come to its end? */
static void settle(struct http_ws *ws)
{
	bool is_sent = ws->out_off == ws->out_end;

	if (ws->is_ended)
		return;
	if (ws->is_failed || (ws->is_closing && ws->has_said_goodbye && is_sent)) {
		edge_ws_drop(ws);
		return;
	}
	watch(ws);
	if (is_sent && ws->was_full && !ws->is_closing) {
		ws->was_full = false;
		ws->ops->drained(ws->arg);
	}
}

void edge_ws_event(struct http_ws *ws, uint32_t events)
{
	if (ws->is_ended)
		return;
	if (events & EPOLLERR || (events & EPOLLHUP && ws->is_paused))
		ws->is_failed = true;
	if (events & EPOLLOUT && !ws->is_failed)
		flush(ws);
	if (events & (EPOLLIN | EPOLLHUP) && !ws->is_failed)
		receive(ws);
	settle(ws);
}

void edge_ws_check(struct http_ws *ws)
{
	int64_t now = ws->thread->now_ms;
	bool is_stalled = ws->out_off < ws->out_end && now - ws->moved_ms > STALL_MS;

	if (ws->is_ended)
		return;
	if (ws->is_closing ? now > ws->close_by_ms
	                   : is_stalled || (!ws->is_paused && now - ws->heard_ms > SILENCE_MS)) {
		log_debug("client of a WebSocket dropped", "PEER", ws->conn->peer);
		edge_ws_drop(ws);
		return;
	}
	if (ws->is_closing)
		return;
	if (now - MAX(ws->heard_ms, ws->pinged_ms) >= PING_MS && ws->out_off == ws->out_end) {
		ws->pinged_ms = now;
		send_frame(ws, WS_PING, NULL, 0);
	}
	ws->ops->tick(ws->arg, now);
	settle(ws);
}

void edge_ws_free(struct http_ws *ws)
{
	if (!ws)
		return;
	g_free(ws->out);
	ws->out = NULL;
	if (ws->is_again)
		ws->is_gone = true; /* the message frees it */
	else
		g_free(ws);
}

static void write_answer(struct http_ws *ws, struct http_exchange *x)
{
	const char *asked = http_header(x, "Sec-WebSocket-Protocol");
	g_autoptr(GString) s =
	    g_string_new("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n");
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA1);
	g_autofree char *accept = NULL;
	const char *key = http_header(x, "Sec-WebSocket-Key");
	guint8 digest[20];
	gsize n = sizeof(digest);

	g_checksum_update(sum, (const guchar *)key, (gssize)strlen(key));
	g_checksum_update(sum, (const guchar *)ACCEPT_MAGIC, sizeof(ACCEPT_MAGIC) - 1);
	g_checksum_get_digest(sum, digest, &n);
	accept = g_base64_encode(digest, n);
	g_string_append_printf(s, "Sec-WebSocket-Accept: %s\r\n", accept);
	if (has_token(asked, "binary"))
		g_string_append(s, "Sec-WebSocket-Protocol: binary\r\n");
	g_string_append(s, "\r\n");
	queue(ws, s->str, s->len);
}

struct http_ws *http_ws_accept(struct http_exchange *x, const struct http_ws_ops *ops, void *arg)
{
	struct edge_conn *c = x->conn;
	struct edge_thread *t = x->thread;
	struct epoll_event ev = { .data.ptr = c };
	int on = 1, off = 0;
	struct http_ws *ws;

	if (!edge_reply_begin(x))
		return NULL;
	if (t->is_stopping) {
		edge_reply_fault(x, FAULT_STOPPING);
		return NULL;
	}
	ws = c->ws = g_new0(struct http_ws, 1);
	ws->conn = c;
	ws->thread = t;
	ws->ops = ops;
	ws->arg = arg;
	ws->heard_ms = ws->moved_ms = ws->pinged_ms = t->now_ms;
	ws_parser_init(&ws->parser, MAX_FRAME);
	c->hold_next = c->skip_read = false;
	edge_conn_park(c, PHASE_UPGRADED);
	x->is_upgraded = true;
	write_answer(ws, x);
	edge_reply_done(x);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	/* The library may have left it corked: the kernel would keep what is small for 200 ms. */
	setsockopt(c->fd, IPPROTO_TCP, TCP_CORK, &off, sizeof(off));
	if (epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, c->fd, &ev) < 0)
		ws->is_failed = true;
	flush(ws);
	watch(ws);
	again(ws); /* bytes may have come already */
	return ws;
}
