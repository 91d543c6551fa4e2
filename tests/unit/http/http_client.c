/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/http/http_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

struct client {
	int fd, tls_error;
	gnutls_session_t session;
	gnutls_certificate_credentials_t cred;
	GString *in; /* read and not yet taken */
};

int client_fd(const struct client *c) { return c->fd; }

int client_tls_error(const struct client *c) { return c->tls_error; }

bool client_is_resumed(const struct client *c) { return gnutls_session_is_resumed(c->session); }

struct client *client_new_at(const char *address, int port)
{
	struct client *c = g_new0(struct client, 1);
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct timeval limit = { .tv_sec = 10 };

	c->in = g_string_new(NULL);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	inet_pton(AF_INET, address, &sin.sin_addr);
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(c->fd, (struct sockaddr *)&sin, sizeof(sin)) < 0)
		g_error("connect: %s", g_strerror(errno));
	return c;
}

static struct client *tls_to(int port, const char *priority, const void *session, size_t len)
{
	struct client *c = client_new_at("127.0.0.1", port);

	gnutls_init(&c->session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL);
	gnutls_certificate_allocate_credentials(&c->cred);
	gnutls_credentials_set(c->session, GNUTLS_CRD_CERTIFICATE, c->cred);
	if (gnutls_priority_set_direct(c->session, priority, NULL) < 0)
		g_error("priority %s", priority);
	if (session)
		gnutls_session_set_data(c->session, session, len);
	gnutls_server_name_set(c->session, GNUTLS_NAME_DNS, "localhost", 9);
	gnutls_transport_set_int(c->session, c->fd);
	do
		c->tls_error = gnutls_handshake(c->session);
	while (c->tls_error < 0 && !gnutls_error_is_fatal(c->tls_error) && c->tls_error != GNUTLS_E_AGAIN);
	return c;
}

struct client *client_new(int port, const char *priority)
{
	return priority ? tls_to(port, priority, NULL, 0) : client_new_at("127.0.0.1", port);
}

struct client *client_new_resumed(int port, const void *session, size_t len)
{
	return tls_to(port, TLS_ANY, session, len);
}

void client_free(struct client *c)
{
	if (!c)
		return;
	if (c->session)
		gnutls_deinit(c->session);
	if (c->cred)
		gnutls_certificate_free_credentials(c->cred);
	close(c->fd);
	g_string_free(c->in, TRUE);
	g_free(c);
}

GBytes *client_session(struct client *c)
{
	gnutls_datum_t d;
	GBytes *b;

	if (gnutls_session_get_data2(c->session, &d) < 0)
		return NULL;
	b = g_bytes_new(d.data, d.size);
	gnutls_free(d.data);
	return b;
}

bool client_update_keys_and_puts(struct client *c, const char *text)
{
	int on = 1, off = 0;
	bool ok;

	setsockopt(c->fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
	ok = gnutls_session_key_update(c->session, GNUTLS_KU_PEER) == 0 && client_puts(c, "%s", text);
	setsockopt(c->fd, IPPROTO_TCP, TCP_CORK, &off, sizeof(off));
	return ok;
}

char *client_peer_name(struct client *c)
{
	unsigned n;
	const gnutls_datum_t *der = gnutls_certificate_get_peers(c->session, &n);
	gnutls_x509_crt_t cert;
	char name[100] = "";
	size_t len = sizeof(name);

	gnutls_x509_crt_init(&cert);
	if (!der || gnutls_x509_crt_import(cert, der, GNUTLS_X509_FMT_DER) < 0 ||
	    gnutls_x509_crt_get_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &len) < 0)
		g_error("no name in the certificate");
	gnutls_x509_crt_deinit(cert);
	return g_strdup(name);
}

bool client_send(struct client *c, const char *data, size_t len)
{
	while (len) {
		ssize_t n =
		    c->session ? gnutls_record_send(c->session, data, len) : send(c->fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		data += n;
		len -= n;
	}
	return true;
}

bool client_puts(struct client *c, const char *fmt, ...)
{
	g_autofree char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	s = g_strdup_vprintf(fmt, ap);
	va_end(ap);
	return client_send(c, s, strlen(s));
}

ssize_t client_read(struct client *c, void *buf, size_t len)
{
	gint64 limit = g_get_monotonic_time() + 9 * G_USEC_PER_SEC;
	ssize_t n;

	if (c->in->len) {
		n = MIN(len, c->in->len);
		memcpy(buf, c->in->str, n);
		g_string_erase(c->in, 0, n);
		return n;
	}
	if (!c->session)
		return recv(c->fd, buf, len, 0);
	/* "Again" also comes with tickets; the time limit of the socket, though, is final. */
	do
		n = gnutls_record_recv(c->session, buf, len);
	while ((n == GNUTLS_E_INTERRUPTED || n == GNUTLS_E_AGAIN) && g_get_monotonic_time() < limit);
	return n == GNUTLS_E_PREMATURE_TERMINATION ? 0 : MAX(n, -1);
}

bool client_is_closed(struct client *c, int ms)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	char buf[4096];
	ssize_t n;

	/* TLS has more to say: tickets, alerts. So look at the bare socket until it ends. */
	while (poll(&p, 1, ms) > 0) {
		n = recv(c->fd, buf, sizeof(buf), 0);
		if (n <= 0)
			return n == 0 || errno == ECONNRESET;
		if (!c->session)
			return false;
	}
	return false;
}

/* ---- answers ---- */

static bool read_more(struct client *c)
{
	char buf[16384];
	g_autoptr(GString) kept = g_string_new_len(c->in->str, c->in->len);
	ssize_t n;

	g_string_truncate(c->in, 0);
	n = client_read(c, buf, sizeof(buf));
	g_string_append_len(c->in, kept->str, kept->len);
	if (n > 0)
		g_string_append_len(c->in, buf, n);
	return n > 0;
}

static bool read_line(struct client *c, GString *line)
{
	char *end;

	while (!(end = memmem(c->in->str, c->in->len, "\r\n", 2)))
		if (!read_more(c))
			return false;
	g_string_truncate(line, 0);
	g_string_append_len(line, c->in->str, end - c->in->str);
	g_string_erase(c->in, 0, line->len + 2);
	return true;
}

static bool read_bytes(struct client *c, GString *out, size_t n)
{
	while (n) {
		size_t take;

		if (!c->in->len && !read_more(c))
			return false;
		take = MIN(n, c->in->len);
		g_string_append_len(out, c->in->str, take);
		g_string_erase(c->in, 0, take);
		n -= take;
	}
	return true;
}

static bool read_chunks(struct client *c, GString *out)
{
	g_autoptr(GString) line = g_string_new(NULL);
	size_t n;

	do {
		if (!read_line(c, line))
			return false;
		n = strtoul(line->str, NULL, 16);
		if (!read_bytes(c, out, n) || !read_line(c, line))
			return false;
	} while (n);
	return true;
}

static bool read_head(struct client *c, struct answer *a)
{
	g_autoptr(GString) line = g_string_new(NULL);

	if (!read_line(c, line) || sscanf(line->str, "HTTP/1.1 %d", &a->status) != 1)
		return false;
	g_string_append_printf(a->head, "%s\n", line->str);
	while (read_line(c, line)) {
		char *colon = strchr(line->str, ':');

		if (!line->len)
			return true;
		g_string_append_printf(a->head, "%s\n", line->str);
		if (!colon)
			return false;
		*colon = 0;
		g_hash_table_insert(a->headers, g_ascii_strdown(line->str, -1), g_strdup(g_strstrip(colon + 1)));
	}
	return false;
}

struct answer *client_answer(struct client *c, bool has_body)
{
	struct answer *a = g_new0(struct answer, 1);
	const char *length, *coding;
	bool ok;

	a->headers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	a->head = g_string_new(NULL);
	a->body = g_string_new(NULL);
	ok = read_head(c, a);
	length = answer_header(a, "content-length");
	coding = answer_header(a, "transfer-encoding");
	if (ok && has_body && a->status >= 200 && coding)
		ok = read_chunks(c, a->body);
	else if (ok && has_body && length)
		ok = read_bytes(c, a->body, strtoul(length, NULL, 10));
	else if (ok && has_body && a->status >= 200 && a->status != 204 && a->status != 304)
		while (read_more(c) || c->in->len) {
			g_string_append_len(a->body, c->in->str, c->in->len);
			g_string_truncate(c->in, 0);
		}
	if (ok)
		return a;
	answer_free(a);
	return NULL;
}

struct answer *client_do(struct client *c, const char *method_and_path, const char *headers, const char *body)
{
	g_autofree char *length = body ? g_strdup_printf("Content-Length: %zu\r\n", strlen(body)) : NULL;

	if (!client_puts(c, "%s HTTP/1.1\r\nHost: localhost\r\n%s%s\r\n%s", method_and_path, headers ? headers : "",
	                 length ? length : "", body ? body : ""))
		return NULL;
	return client_answer(c, !g_str_has_prefix(method_and_path, "HEAD "));
}

const char *answer_header(const struct answer *a, const char *name) { return g_hash_table_lookup(a->headers, name); }

GString *answer_unzip(const struct answer *a)
{
	GString *out = g_string_new(NULL);
	z_stream z = { .next_in = (Bytef *)a->body->str, .avail_in = a->body->len };
	char buf[65536];
	int rc = inflateInit2(&z, 15 + 16);

	while (rc == Z_OK) {
		z.next_out = (Bytef *)buf;
		z.avail_out = sizeof(buf);
		rc = inflate(&z, Z_NO_FLUSH);
		g_string_append_len(out, buf, sizeof(buf) - z.avail_out);
	}
	inflateEnd(&z);
	if (rc != Z_STREAM_END)
		g_error("not a whole gzip document: %d", rc);
	return out;
}

void answer_free(struct answer *a)
{
	if (!a)
		return;
	g_hash_table_destroy(a->headers);
	g_string_free(a->head, TRUE);
	g_string_free(a->body, TRUE);
	g_free(a);
}
