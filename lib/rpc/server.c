/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The port: accepting, finding out which protocol a client speaks, and the life of connections.
 *
 * A connection counts as pending until it has spoken. There may be as many pending ones as real ones,
 * and a new one pushes the oldest pending out: silent strangers never keep a Manager away.
 */
#include "rpc/server_impl.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

#define DEFAULT_CONNECTIONS 64
#define DEFAULT_CALLS       256
#define DETECT_MS           10000
#define ACCEPT_SHARE        64 /* a turn */

/* --- connections --- */

static void conn_free(void *arg)
{
	struct conn *c = arg;
	struct rpc_server *s = c->server;

	timer_stop(s->loop, &c->limit);
	if (c->prev)
		c->prev->next = c->next;
	else
		s->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	stomp_parser_free(c->parser);
	g_clear_pointer(&c->peer_name, g_ref_string_release);
	g_clear_pointer(&c->peer_address, g_ref_string_release);
	g_clear_pointer(&c->local_address, g_ref_string_release);
	g_free(c);
}

/* why NULL: nothing worth a line in the log. */
void conn_drop(struct conn *c, const char *why)
{
	struct rpc_server *s = c->server;

	if (!c->stream)
		return;
	if (why)
		log_info("agent connection ended", "PEER", c->peer_address, "NAME", c->peer_name, "REASON", why);
	if (c->state == CONN_DETECT)
		s->n_pending--;
	if (c->parser && c->state != CONN_DETECT)
		s->n_stomp--;
	c->state = CONN_ENDING;
	session_end(c);
	calls_forget_conn(c);
	rpc_stream_free(c->stream);
	c->stream = NULL;
	timer_start(s->loop, &c->limit, 0, conn_free, c);
}

void conn_finish(struct conn *c)
{
	if (!c->stream || c->state == CONN_ENDING)
		return;
	if (c->state == CONN_DETECT)
		c->server->n_pending--;
	c->state = CONN_ENDING;
	session_end(c);
	timer_stop(c->server->loop, &c->limit);
	rpc_stream_finish(c->stream);
}

void conn_send(struct conn *c, const char *data, size_t n)
{
	struct err e;

	if (!c->stream || c->state == CONN_ENDING)
		return;
	c->last_sent_ms = loop_now_ms(c->server->loop);
	if (rpc_stream_write(c->stream, data, n, &e) < 0)
		conn_drop(c, e.detail);
}

/* --- which protocol? --- */

enum protocol { P_UNKNOWN, P_NONE, P_STOMP, P_HTTP };

static enum protocol detect(const char *data, size_t n)
{
	static const struct {
		const char *begin;
		enum protocol protocol;
	} KNOWN[] = {
		{ "CONNECT", P_STOMP },     { "STOMP", P_STOMP },      { "SEND", P_STOMP }, { "SUBSCRIBE", P_STOMP },
		{ "UNSUBSCRIBE", P_STOMP }, { "DISCONNECT", P_STOMP }, { "PUT /", P_HTTP }, { "GET /", P_HTTP },
	};
	enum protocol answer = P_NONE;

	for (size_t i = 0; i < G_N_ELEMENTS(KNOWN); i++) {
		size_t len = strlen(KNOWN[i].begin);

		if (memcmp(data, KNOWN[i].begin, MIN(len, n)) != 0)
			continue;
		if (n >= len)
			return KNOWN[i].protocol;
		answer = P_UNKNOWN;
	}
	return answer;
}

/* The image channel of old is not served here. */
static void refuse_http(struct conn *c)
{
	static const char BODY[] = "{\"code\": 501, \"message\": \"images are not transferred on this port\"}";
	g_autofree char *answer = g_strdup_printf("HTTP/1.1 501 Not Implemented\r\nContent-Type: application/json\r\n"
	                                          "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
	                                          sizeof(BODY) - 1, BODY);

	conn_send(c, answer, strlen(answer));
	conn_finish(c);
}

static void become_stomp(struct conn *c)
{
	struct rpc_server *s = c->server;

	if (s->n_stomp >= s->config.max_connections) {
		conn_drop(c, "too many connections");
		return;
	}
	timer_stop(s->loop, &c->limit);
	s->n_pending--;
	s->n_stomp++;
	c->state = CONN_STOMP;
	c->parser = stomp_parser_new(s->config.max_body);
	session_begin(c);
	session_data(c, c->prefix, c->n_prefix);
}

static void on_given(void *arg) { conn_free(arg); }

/* The connection is somebody else's from here on; only our record of it goes. */
static void give_away(struct conn *c, const char *rest, size_t n)
{
	struct rpc_server *s = c->server;
	g_autoptr(GString) begin = g_string_new_len(c->prefix, (gssize)c->n_prefix);
	struct rpc_stream *stream = c->stream;

	g_string_append_len(begin, rest, (gssize)n);
	s->n_pending--;
	c->state = CONN_ENDING;
	c->stream = NULL;
	timer_start(s->loop, &c->limit, 0, on_given, c);
	s->config.http(s->config.arg, stream, begin->str, begin->len);
}

/* Returns how many of the bytes it has kept. */
static size_t detect_data(struct conn *c, const char *data, size_t n)
{
	size_t part = MIN(n, sizeof(c->prefix) - c->n_prefix);

	memcpy(c->prefix + c->n_prefix, data, part);
	c->n_prefix += part;
	switch (detect(c->prefix, c->n_prefix)) {
	case P_UNKNOWN: break;
	case P_NONE: conn_drop(c, "unknown protocol"); break;
	case P_STOMP: become_stomp(c); break;
	case P_HTTP:
		if (c->server->config.http) {
			give_away(c, data + part, n - part);
			return n;
		}
		refuse_http(c);
		break;
	}
	return part;
}

static void on_detect_limit(void *arg) { conn_drop(arg, "no protocol in time"); }

/* --- callbacks of the stream --- */

static void on_ready(void *arg)
{
	struct conn *c = arg;
	const char *name = rpc_stream_peer_name(c->stream);

	g_clear_pointer(&c->peer_name, g_ref_string_release);
	c->peer_name = g_ref_string_new(name ? name : "");
	timer_start(c->server->loop, &c->limit, c->server->config.detect_ms, on_detect_limit, c);
}

static void on_data(void *arg, const char *data, size_t n)
{
	struct conn *c = arg;

	if (c->state == CONN_DETECT) {
		size_t kept = detect_data(c, data, n);

		data += kept;
		n -= kept;
	}
	if (c->state == CONN_STOMP && n > 0)
		session_data(c, data, n);
}

static void on_closed(void *arg, const struct err *e)
{
	struct conn *c = arg;

	conn_drop(c, e->code == ERR_NONE ? NULL : e->detail);
}

static const struct rpc_stream_ops STREAM_OPS = { on_ready, on_data, on_closed };

/* --- the port --- */

static void push_out_oldest_pending(struct rpc_server *s)
{
	struct conn *oldest = NULL;

	for (struct conn *c = s->conns; c; c = c->next)
		if (c->stream && c->state == CONN_DETECT)
			oldest = c;
	if (oldest)
		conn_drop(oldest, "others are waiting");
}

static void conn_new(struct rpc_server *s, int fd)
{
	struct conn *c = g_new0(struct conn, 1);

	if (s->n_pending >= s->config.max_connections)
		push_out_oldest_pending(s);
	s->n_pending++;
	c->server = s;
	c->next = s->conns;
	if (c->next)
		c->next->prev = c;
	s->conns = c;
	c->stream = rpc_stream_accept(s->loop, s->config.tls, fd, &STREAM_OPS, c);
	c->peer_name = g_ref_string_new("");
	c->peer_address = g_ref_string_new(rpc_stream_peer_address(c->stream));
	c->local_address = g_ref_string_new(rpc_stream_local_address(c->stream));
}

static void on_retry(void *arg)
{
	struct rpc_server *s = arg;

	watch_change(s->loop, &s->watch, LOOP_READ);
}

static void on_accept(void *arg, int events)
{
	struct rpc_server *s = arg;

	for (int i = 0; i < ACCEPT_SHARE; i++) {
		int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			conn_new(s, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			log_error("cannot accept connections", "ERROR", g_strerror(errno));
			watch_change(s->loop, &s->watch, 0);
			timer_start(s->loop, &s->retry, 200, on_retry, s);
		}
		if (errno != ECONNABORTED && errno != EINTR)
			break;
	}
}

static int open_socket(const struct addrinfo *a, struct err *e)
{
	int on = 1, off = 0;
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_errno(e, errno, "make a socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, 64) < 0) {
		err_errno(e, errno, "listen");
		close(fd);
		return -1;
	}
	return fd;
}

static int open_address(const char *address, int port, struct err *e)
{
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
	};
	struct addrinfo *list = NULL;
	char service[12];
	int fd;

	g_snprintf(service, sizeof(service), "%d", port);
	if (port < 0 || port > 65535 || getaddrinfo(address, service, &hints, &list) != 0)
		return err_set(e, ERR_INVALID, "cannot listen on %s port %d: not an address", address, port);
	fd = open_socket(list, e);
	freeaddrinfo(list);
	if (fd < 0)
		return err_wrap(e, "%s port %d", address, port);
	return fd;
}

static int find_port(int fd)
{
	struct sockaddr_storage a = { 0 };
	socklen_t len = sizeof(a);

	if (getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		return 0;
	return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
	                                     : ((struct sockaddr_in *)&a)->sin_port);
}

struct rpc_server *rpc_server_new(struct loop *l, const struct rpc_server_config *config, struct err *e)
{
	struct rpc_server *s;
	int fd;

	if (config->address) {
		fd = open_address(config->address, config->port, e);
	} else {
		fd = open_address("::", config->port, e);
		if (fd < 0)
			fd = open_address("0.0.0.0", config->port, e);
	}
	if (fd < 0)
		return NULL;
	s = g_new0(struct rpc_server, 1);
	s->loop = l;
	s->config = *config;
	s->config.address = NULL; /* not ours to keep */
	if (s->config.max_connections <= 0)
		s->config.max_connections = DEFAULT_CONNECTIONS;
	if (s->config.max_calls <= 0)
		s->config.max_calls = DEFAULT_CALLS;
	if (s->config.detect_ms <= 0)
		s->config.detect_ms = DETECT_MS;
	s->fd = fd;
	s->port = find_port(fd);
	watch_start(l, &s->watch, fd, LOOP_READ, on_accept, s);
	return s;
}

void rpc_server_free(struct rpc_server *s)
{
	if (!s)
		return;
	while (s->conns) {
		conn_drop(s->conns, NULL);
		conn_free(s->conns);
	}
	calls_forget_server(s);
	timer_stop(s->loop, &s->retry);
	watch_stop(s->loop, &s->watch);
	close(s->fd);
	g_free(s);
}

int rpc_server_port(const struct rpc_server *s) { return s->port; }

int rpc_server_connections(const struct rpc_server *s) { return s->n_stomp; }

int rpc_server_calls(const struct rpc_server *s) { return s->n_requests; }
