/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start and stop of the edge. All threads share the listening sockets; whoever accepts gives the connection to the
 * thread with the fewest. The memory of the server lives as long as an exchange is out with its owner, so that a late
 * http_answer() finds it.
 */
#include "manager/http/http_internal.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "base/auto.h"
#include "base/log.h"

static guint addr_hash(gconstpointer key)
{
	const struct edge_addr *a = key;
	guint h = 2166136261u;

	for (size_t i = 0; i < sizeof(a->bytes); i++)
		h = (h ^ a->bytes[i]) * 16777619u;
	return h;
}

static gboolean addr_equal(gconstpointer a, gconstpointer b) { return memcmp(a, b, sizeof(struct edge_addr)) == 0; }

static void bytes_free(void *p) { g_string_free(p, TRUE); }

static void set_default(int *value, int standard)
{
	if (*value <= 0)
		*value = standard;
}

static struct http_server *server_new(const struct http_config *cfg)
{
	struct http_server *s = g_new0(struct http_server, 1);
	struct http_config *c = &s->cfg;

	*c = *cfg;
	c->tls_listen = g_strdup(cfg->tls_listen);
	c->plain_listen = g_strdup(cfg->plain_listen);
	c->cert_file = g_strdup(cfg->cert_file);
	c->key_file = g_strdup(cfg->key_file);
	set_default(&c->threads, MIN(get_nprocs(), EDGE_MAX_THREADS));
	c->threads = MIN(c->threads, 64);
	set_default(&c->max_connections, 4096);
	set_default(&c->header_timeout_s, 15);
	set_default(&c->body_timeout_s, 60);
	set_default(&c->idle_timeout_s, 120);
	set_default(&c->max_waiting, 10000);
	if (!c->max_body)
		c->max_body = 16 << 20;
	if (!c->max_header)
		c->max_header = 32 << 10;
	s->max_body_total = MAX(16 * c->max_body, (size_t)256 << 20);
	for (int k = 0; k < N_EDGE_KIND; k++)
		s->listeners[k].fd = -1;
	atomic_init(&s->refs, 1);
	pthread_mutex_init(&s->lock, NULL);
	s->per_address = g_hash_table_new_full(addr_hash, addr_equal, g_free, NULL);
	s->packed = g_hash_table_new_full(NULL, NULL, NULL, bytes_free);
	return s;
}

static void server_free(struct http_server *s)
{
	for (int i = 0; i < s->n_threads; i++)
		edge_thread_deinit(&s->threads[i]);
	free(s->threads);
	edge_tls_deinit(s);
	g_hash_table_destroy(s->per_address);
	g_hash_table_destroy(s->packed);
	pthread_mutex_destroy(&s->lock);
	g_free((char *)s->cfg.tls_listen);
	g_free((char *)s->cfg.plain_listen);
	g_free((char *)s->cfg.cert_file);
	g_free((char *)s->cfg.key_file);
	g_free(s);
}

void edge_server_unref(struct http_server *s)
{
	if (atomic_fetch_sub(&s->refs, 1) == 1)
		server_free(s);
}

/* "host:port", "[v6]:port" -> the two parts; both are taken from spec's copy in buf. */
static int split_listen(char *buf, const char **host, const char **port)
{
	char *colon = strrchr(buf, ':');

	if (!colon || !colon[1])
		return -1;
	*colon = 0;
	*port = colon + 1;
	if (buf[0] == '[' && colon[-1] == ']') {
		colon[-1] = 0;
		buf++;
	}
	*host = buf[0] ? buf : NULL;
	return 0;
}

static int bound_port(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0)
		return 0;
	if (ss.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&ss)->sin6_port);
	return ntohs(((struct sockaddr_in *)&ss)->sin_port);
}

static int listener_open(struct edge_listener *l, const char *spec, struct err *e)
{
	g_autofree char *buf = g_strdup(spec);
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		                  .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *ai = NULL;
	const char *host, *port;
	auto_close int fd = -1;
	int on = 1, off = 0, rc;

	if (split_listen(buf, &host, &port) < 0)
		return err_set(e, ERR_INVALID, "listen address %s is not of the form address:port", spec);
	rc = getaddrinfo(host, port, &hints, &ai);
	if (rc != 0)
		return err_set(e, ERR_INVALID, "listen address %s: %s", spec, gai_strerror(rc));
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		if (ai->ai_family == AF_INET6)
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	}
	rc = fd < 0 || bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, 1024) < 0 ? errno : 0;
	freeaddrinfo(ai);
	if (rc != 0)
		return err_errno(e, rc, "listen on %s", spec);
	l->port = bound_port(fd);
	l->fd = fd;
	fd = -1;
	return 0;
}

static int server_open(struct http_server *s, struct err *e)
{
	if (!s->cfg.tls_listen && !s->cfg.plain_listen)
		return err_set(e, ERR_MISSING, "no address to listen on");
	if (s->cfg.tls_listen &&
	    (edge_tls_init(s, e) < 0 || listener_open(&s->listeners[EDGE_TLS], s->cfg.tls_listen, e) < 0))
		return -1;
	if (s->cfg.plain_listen && listener_open(&s->listeners[EDGE_PLAIN], s->cfg.plain_listen, e) < 0)
		return -1;
	s->threads = aligned_alloc(64, sizeof(*s->threads) * s->cfg.threads);
	if (!s->threads)
		return err_set(e, ERR_INTERNAL, "out of memory");
	memset(s->threads, 0, sizeof(*s->threads) * s->cfg.threads);
	for (int i = 0; i < s->cfg.threads; i++) {
		s->n_threads++;
		if (edge_thread_init(&s->threads[i], s, e) < 0)
			return -1;
	}
	/* Only now, since they hand connections to each other. */
	for (int i = 0; i < s->n_threads; i++)
		if (edge_thread_start(&s->threads[i], e) < 0)
			return -1;
	return 0;
}

struct http_server *http_server_start(const struct http_config *cfg, struct err *e)
{
	struct http_server *s = server_new(cfg);

	if (server_open(s, e) < 0) {
		err_wrap(e, "start the HTTP server");
		http_server_stop(s);
		return NULL;
	}
	return s;
}

void http_server_stop(struct http_server *s)
{
	if (!s)
		return;
	for (int i = 0; i < s->n_threads; i++)
		edge_thread_stop(&s->threads[i]);
	for (int i = 0; i < s->n_threads; i++)
		edge_thread_join(&s->threads[i]);
	for (int k = 0; k < N_EDGE_KIND; k++)
		if (s->listeners[k].fd >= 0)
			close(s->listeners[k].fd);
	edge_server_unref(s);
}

int http_server_tls_port(const struct http_server *s) { return s->listeners[EDGE_TLS].port; }

int http_server_plain_port(const struct http_server *s) { return s->listeners[EDGE_PLAIN].port; }

int http_server_reload_certificate(struct http_server *s, struct err *e)
{
	struct edge_cred *fresh, *old;

	if (!s->cfg.tls_listen)
		return 0;
	fresh = edge_cred_load(s->cfg.cert_file, s->cfg.key_file, e);
	if (!fresh)
		return err_wrap(e, "reload the certificate");
	pthread_mutex_lock(&s->lock);
	old = s->cred;
	s->cred = fresh;
	pthread_mutex_unlock(&s->lock);
	edge_cred_unref(old);
	log_info("certificate reloaded", "FILE", s->cfg.cert_file);
	return 0;
}
