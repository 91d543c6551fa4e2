/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One state machine for both ends: find addresses, connect, shake hands, move bytes, finish, end. Writing
 * only queues; a timer of zero flushes once for all that was written in a turn, so that many small
 * frames leave in one record. The same timer goes on reading when a turn's share of bytes is used up,
 * for what TLS holds decrypted is invisible to epoll.
 */
#include "rpc/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rpc/resolve.h"
#include "rpc/tls_impl.h"

#define HANDSHAKE_MS   10000
#define FINISH_MS      2000
#define ONE_ADDRESS_MS 5000              /* when there are more to try */
#define READ_SHARE     (256 * 1024)      /* bytes a turn, lest one peer starves the others */
#define READ_PAUSE     (4 * 1024 * 1024) /* queued answers at which an accepted peer is not read any more */

enum state { S_RESOLVE, S_CONNECT, S_HANDSHAKE, S_OPEN, S_FINISH, S_CLOSED };

struct rpc_stream {
	struct loop *loop;
	struct rpc_tls *tls;
	const struct rpc_stream_ops *ops;
	void *arg;
	enum state state;
	bool is_accepted, is_freed, is_shut, is_held;
	int n_holds; /* callbacks under way */

	char *host;
	struct resolve *resolve;
	struct addrinfo *addresses, *next_address;
	struct err last_error;

	int fd;
	SSL *ssl;
	struct loop_watch watch;
	struct loop_timer limit;   /* all until ready, or the finish */
	struct loop_timer attempt; /* one address */
	struct loop_timer kick;
	bool wants_write; /* the socket is full */

	char *out;
	size_t out_start, out_end, out_capacity;

	char *peer_name, *fingerprint, *key;
	char local_address[INET6_ADDRSTRLEN], peer_address[INET6_ADDRSTRLEN];
};

static void try_next_address(struct rpc_stream *s);
static void on_events(void *arg, int events);
static void on_kick(void *arg);

/* --- life and death --- */

static void release(struct rpc_stream *s)
{
	g_free(s->host);
	g_free(s->out);
	g_free(s->peer_name);
	g_free(s->fingerprint);
	g_free(s->key);
	g_free(s);
}

static void hold(struct rpc_stream *s) { s->n_holds++; }

static void unhold(struct rpc_stream *s)
{
	if (--s->n_holds == 0 && s->is_freed)
		release(s);
}

static void close_socket(struct rpc_stream *s)
{
	watch_stop(s->loop, &s->watch);
	SSL_free(s->ssl);
	s->ssl = NULL;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static void shut(struct rpc_stream *s)
{
	s->state = S_CLOSED;
	timer_stop(s->loop, &s->limit);
	timer_stop(s->loop, &s->attempt);
	timer_stop(s->loop, &s->kick);
	if (s->resolve)
		resolve_cancel(s->resolve);
	s->resolve = NULL;
	if (s->addresses)
		freeaddrinfo(s->addresses);
	s->addresses = NULL;
	close_socket(s);
}

/* Everything that ends a stream by itself comes here. */
static void end(struct rpc_stream *s, const struct err *e)
{
	struct err copy = *e; /* it may lie in what is freed */

	if (s->state == S_CLOSED)
		return;
	shut(s);
	hold(s);
	s->ops->closed(s->arg, &copy);
	unhold(s);
}

static void end_quietly(struct rpc_stream *s)
{
	struct err none = ERR_INIT;

	end(s, &none);
}

static void end_errno(struct rpc_stream *s, int errnum, const char *what)
{
	struct err e;

	err_set(&e, ERR_NETWORK, "%s: %s", what, g_strerror(errnum));
	end(s, &e);
}

void rpc_stream_free(struct rpc_stream *s)
{
	if (!s || s->is_freed)
		return;
	if (s->state != S_CLOSED)
		shut(s);
	s->is_freed = true;
	if (s->n_holds == 0)
		release(s);
}

/* --- what to wait for --- */

static bool is_paused(const struct rpc_stream *s)
{
	return s->state == S_OPEN && (s->is_held || (s->is_accepted && rpc_stream_queued(s) > READ_PAUSE));
}

static void update_watch(struct rpc_stream *s)
{
	int events = 0;

	if (s->state == S_CLOSED)
		return;
	if (s->state == S_CONNECT) {
		events = LOOP_WRITE;
	} else {
		if (!is_paused(s))
			events |= LOOP_READ;
		if (s->wants_write)
			events |= LOOP_WRITE;
	}
	watch_change(s->loop, &s->watch, events);
}

static void kick_soon(struct rpc_stream *s)
{
	if (!timer_is_running(&s->kick))
		timer_start(s->loop, &s->kick, 0, on_kick, s);
}

/* --- moving bytes: > 0 moved, 0 not now, -1 the stream has ended (and may be gone) --- */

static ssize_t fail_io(struct rpc_stream *s, const char *what)
{
	struct err e;

	if (s->ssl)
		tls_error(&e, ERR_NETWORK, s->ssl, what);
	else
		err_set(&e, ERR_NETWORK, "%s: %s", what, g_strerror(errno));
	end(s, &e);
	return -1;
}

/* Outcome of an operation of OpenSSL that did not succeed. */
static ssize_t ssl_outcome(struct rpc_stream *s, int rc, const char *what)
{
	switch (SSL_get_error(s->ssl, rc)) {
	case SSL_ERROR_WANT_READ: return 0;
	case SSL_ERROR_WANT_WRITE: s->wants_write = true; return 0;
	case SSL_ERROR_ZERO_RETURN: end_quietly(s); return -1;
	case SSL_ERROR_SYSCALL:
		if (!ERR_peek_error()) {
			if (errno)
				end_errno(s, errno, what);
			else
				end_quietly(s);
			return -1;
		}
		/* fall through */
	default: return fail_io(s, what);
	}
}

static ssize_t read_some(struct rpc_stream *s, char *buf, size_t size)
{
	ssize_t got;
	int rc;

	if (s->ssl) {
		ERR_clear_error();
		errno = 0;
		rc = SSL_read(s->ssl, buf, (int)size);
		return rc > 0 ? rc : ssl_outcome(s, rc, "receive");
	}
	got = recv(s->fd, buf, size, 0);
	if (got == 0) {
		end_quietly(s);
		return -1;
	}
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : fail_io(s, "receive");
	return got;
}

static ssize_t write_some(struct rpc_stream *s)
{
	size_t n = s->out_end - s->out_start;
	ssize_t put;
	int rc;

	if (s->ssl) {
		ERR_clear_error();
		errno = 0;
		rc = SSL_write(s->ssl, s->out + s->out_start, (int)MIN(n, (size_t)G_MAXINT));
		return rc > 0 ? rc : ssl_outcome(s, rc, "send");
	}
	put = send(s->fd, s->out + s->out_start, n, MSG_NOSIGNAL);
	if (put < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return fail_io(s, "send");
		s->wants_write = true;
		return 0;
	}
	return put;
}

/* All is sent and nothing more will be: tell the peer, and wait for it to close. */
static void shut_sending(struct rpc_stream *s)
{
	if (s->is_shut)
		return;
	s->is_shut = true;
	if (s->ssl) {
		ERR_clear_error();
		SSL_shutdown(s->ssl);
	}
	shutdown(s->fd, SHUT_WR);
}

static bool flush(struct rpc_stream *s)
{
	s->wants_write = false;
	while (s->out_start < s->out_end) {
		ssize_t put = write_some(s);

		if (put < 0)
			return false;
		if (put == 0)
			return true;
		s->out_start += (size_t)put;
	}
	s->out_start = s->out_end = 0;
	if (s->out_capacity > 1024 * 1024) {
		g_free(s->out);
		s->out = NULL;
		s->out_capacity = 0;
	}
	if (s->state == S_FINISH)
		shut_sending(s);
	return true;
}

static bool receive(struct rpc_stream *s)
{
	char buf[16384]; /* a TLS record */
	size_t total = 0;

	while (total < READ_SHARE && !is_paused(s)) {
		ssize_t got = read_some(s, buf, sizeof(buf));

		if (got < 0)
			return false;
		if (got == 0)
			return true;
		total += (size_t)got;
		if (s->state == S_OPEN)
			s->ops->data(s->arg, buf, (size_t)got);
		if (s->state == S_CLOSED)
			return false;
	}
	if (!is_paused(s))
		kick_soon(s);
	return true;
}

/* --- opening --- */

static void address_text(const struct sockaddr_storage *a, char *text, socklen_t size)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)a;
	const struct sockaddr_in *four = (const struct sockaddr_in *)a;

	*text = '\0';
	if (a->ss_family == AF_INET)
		inet_ntop(AF_INET, &four->sin_addr, text, size);
	else if (a->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
		inet_ntop(AF_INET, &six->sin6_addr.s6_addr[12], text, size);
	else if (a->ss_family == AF_INET6)
		inet_ntop(AF_INET6, &six->sin6_addr, text, size);
}

static void note_addresses(struct rpc_stream *s)
{
	struct sockaddr_storage a = { 0 };
	socklen_t len = sizeof(a);

	if (getsockname(s->fd, (struct sockaddr *)&a, &len) == 0)
		address_text(&a, s->local_address, sizeof(s->local_address));
	len = sizeof(a);
	if (getpeername(s->fd, (struct sockaddr *)&a, &len) == 0)
		address_text(&a, s->peer_address, sizeof(s->peer_address));
}

static void become_open(struct rpc_stream *s)
{
	s->state = S_OPEN;
	s->wants_write = false;
	timer_stop(s->loop, &s->limit);
	if (s->ssl) {
		s->peer_name = tls_peer_name(s->ssl);
		s->fingerprint = tls_peer_fingerprint(s->ssl);
		s->key = tls_peer_key(s->ssl);
	}
	kick_soon(s); /* bytes may have come with the handshake */
	s->ops->ready(s->arg);
}

static void shake_hands(struct rpc_stream *s)
{
	int rc;

	s->wants_write = false;
	if (s->ssl) {
		ERR_clear_error();
		errno = 0;
		rc = SSL_do_handshake(s->ssl);
		if (rc != 1) {
			ssl_outcome(s, rc, "TLS handshake");
			return;
		}
	}
	become_open(s);
}

static void begin_handshake(struct rpc_stream *s)
{
	int on = 1;

	s->state = S_HANDSHAKE;
	timer_stop(s->loop, &s->attempt);
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(s->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	note_addresses(s);
	if (s->tls) {
		struct err e;

		s->ssl = tls_session_new(s->tls, s->fd, s->host, &e);
		if (!s->ssl) {
			end(s, &e);
			return;
		}
	}
	kick_soon(s);
}

static void connected(struct rpc_stream *s)
{
	int errnum = 0;
	socklen_t len = sizeof(errnum);

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &errnum, &len) < 0)
		errnum = errno;
	if (errnum == 0) {
		begin_handshake(s);
		return;
	}
	err_set(&s->last_error, ERR_NETWORK, "connect to %s: %s", s->host, g_strerror(errnum));
	try_next_address(s);
}

static void on_attempt_limit(void *arg)
{
	struct rpc_stream *s = arg;

	err_set(&s->last_error, ERR_NETWORK, "connect to %s: no answer", s->host);
	hold(s);
	try_next_address(s);
	unhold(s);
}

static bool start_connect(struct rpc_stream *s, const struct addrinfo *a)
{
	close_socket(s);
	s->fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || (connect(s->fd, a->ai_addr, a->ai_addrlen) < 0 && errno != EINPROGRESS)) {
		err_set(&s->last_error, ERR_NETWORK, "connect to %s: %s", s->host, g_strerror(errno));
		return false;
	}
	s->state = S_CONNECT;
	watch_start(s->loop, &s->watch, s->fd, LOOP_WRITE, on_events, s);
	timer_stop(s->loop, &s->attempt);
	if (a->ai_next)
		timer_start(s->loop, &s->attempt, ONE_ADDRESS_MS, on_attempt_limit, s);
	return true;
}

static void try_next_address(struct rpc_stream *s)
{
	while (s->next_address) {
		const struct addrinfo *a = s->next_address;

		s->next_address = a->ai_next;
		if (start_connect(s, a))
			return;
	}
	end(s, &s->last_error);
}

static void on_resolved(void *arg, struct addrinfo *list, const struct err *e)
{
	struct rpc_stream *s = arg;

	s->resolve = NULL;
	if (!list) {
		end(s, e);
		return;
	}
	s->addresses = s->next_address = list;
	err_set(&s->last_error, ERR_NETWORK, "%s has no address", s->host);
	hold(s);
	try_next_address(s);
	unhold(s);
}

static void on_limit(void *arg)
{
	struct rpc_stream *s = arg;
	struct err e;

	if (s->state == S_FINISH) {
		end_quietly(s);
		return;
	}
	err_set(&e, ERR_TIMEOUT, "%s", s->state == S_HANDSHAKE ? "no TLS handshake in time" : "no connection in time");
	end(s, &e);
}

/* --- events --- */

static void flush_and_resume(struct rpc_stream *s)
{
	bool was_paused = is_paused(s);

	if (flush(s) && was_paused && !is_paused(s))
		kick_soon(s);
}

/* Reading may need to write and the other way round (TLS), so each event tries both. */
static void advance(struct rpc_stream *s)
{
	hold(s);
	if (s->state == S_CONNECT)
		connected(s);
	else if (s->state == S_HANDSHAKE)
		shake_hands(s);
	else if (s->fd >= 0 && receive(s))
		flush_and_resume(s);
	update_watch(s);
	unhold(s);
}

static void on_events(void *arg, int events) { advance(arg); }

static void on_kick(void *arg)
{
	struct rpc_stream *s = arg;

	if (s->state != S_RESOLVE && s->state != S_CONNECT)
		advance(s);
}

static void on_unusable(void *arg)
{
	struct rpc_stream *s = arg;

	end(s, &s->last_error);
}

static struct rpc_stream *stream_new(struct loop *l, struct rpc_tls *tls, const struct rpc_stream_ops *ops, void *arg)
{
	struct rpc_stream *s = g_new0(struct rpc_stream, 1);

	s->loop = l;
	s->tls = tls;
	s->ops = ops;
	s->arg = arg;
	s->fd = -1;
	return s;
}

struct rpc_stream *rpc_stream_connect(struct loop *l, struct rpc_tls *tls, const char *host, int port,
                                      int64_t timeout_ms, const struct rpc_stream_ops *ops, void *arg)
{
	struct rpc_stream *s = stream_new(l, tls, ops, arg);

	s->state = S_RESOLVE;
	s->host = g_strdup(host);
	timer_start(l, &s->limit, timeout_ms, on_limit, s);
	s->resolve = resolve_start(l, host, port, on_resolved, s);
	return s;
}

struct rpc_stream *rpc_stream_accept(struct loop *l, struct rpc_tls *tls, int fd, const struct rpc_stream_ops *ops,
                                     void *arg)
{
	struct rpc_stream *s = stream_new(l, tls, ops, arg);
	int on = 1;

	s->is_accepted = true;
	s->fd = fd;
	s->state = S_HANDSHAKE;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	note_addresses(s);
	timer_start(l, &s->limit, HANDSHAKE_MS, on_limit, s);
	if (tls) {
		s->ssl = tls_session_new(tls, fd, NULL, &s->last_error);
		if (!s->ssl) {
			timer_start(l, &s->limit, 0, on_unusable, s);
			return s;
		}
	}
	watch_start(l, &s->watch, fd, LOOP_READ, on_events, s);
	kick_soon(s);
	return s;
}

/* Bytes move to the front only when at least half of the buffer has been sent: each moves once or twice. */
static void make_room(struct rpc_stream *s, size_t n)
{
	size_t queued = rpc_stream_queued(s);

	if (s->out_capacity - s->out_end >= n)
		return;
	if (s->out_start > 0 && s->out_start >= s->out_capacity / 2) {
		memmove(s->out, s->out + s->out_start, queued);
		s->out_start = 0;
		s->out_end = queued;
	}
	if (s->out_capacity - s->out_end < n) {
		s->out_capacity = MAX(s->out_end + n, MAX(s->out_capacity * 2, (size_t)4096));
		s->out = g_realloc(s->out, s->out_capacity);
	}
}

int rpc_stream_write(struct rpc_stream *s, const char *data, size_t n, struct err *e)
{
	size_t queued = rpc_stream_queued(s);

	if (s->state != S_OPEN)
		return err_set(e, ERR_NETWORK, "the connection is closed");
	if (n > RPC_STREAM_MAX_QUEUE - MIN(queued, (size_t)RPC_STREAM_MAX_QUEUE))
		return err_set(e, ERR_BUSY, "the peer reads too slowly: %zu bytes are waiting", queued);
	make_room(s, n);
	memcpy(s->out + s->out_end, data, n);
	s->out_end += n;
	if (!s->wants_write)
		kick_soon(s);
	return 0;
}

size_t rpc_stream_queued(const struct rpc_stream *s) { return s->out_end - s->out_start; }

void rpc_stream_finish(struct rpc_stream *s)
{
	if (s->state == S_FINISH || s->state == S_CLOSED)
		return;
	if (s->state != S_OPEN)
		close_socket(s);
	s->state = S_FINISH;
	timer_start(s->loop, &s->limit, s->fd < 0 ? 0 : FINISH_MS, on_limit, s);
	if (s->fd >= 0)
		kick_soon(s);
}

void rpc_stream_hold(struct rpc_stream *s, bool is_held)
{
	if (s->is_held == is_held)
		return;
	s->is_held = is_held;
	if (s->state == S_OPEN)
		kick_soon(s);
}

void rpc_stream_give(struct rpc_stream *s, const struct rpc_stream_ops *ops, void *arg)
{
	s->ops = ops;
	s->arg = arg;
}

const char *rpc_stream_peer_name(struct rpc_stream *s) { return s->peer_name; }

const char *rpc_stream_peer_fingerprint(struct rpc_stream *s) { return s->fingerprint; }
const char *rpc_stream_peer_key(struct rpc_stream *s) { return s->key; }

const char *rpc_stream_local_address(struct rpc_stream *s) { return s->local_address; }

const char *rpc_stream_peer_address(struct rpc_stream *s) { return s->peer_address; }
