/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS of connections. libmicrohttpd makes the sessions; we replace three things in each:
 * - the credentials, by the newest ones we hold, counted, so that a certificate can be replaced while serving;
 * - session tickets, which the library does not offer;
 * - record I/O. The library sends header and body as two records, each with a system call; we keep the header's record
 *   until the body's comes and send both at once. Reading goes through a small buffer, since GnuTLS asks for the five
 *   bytes of a record's head first.
 */
#include "manager/http/http_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#define PRIORITY                                                                                                       \
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-CIPHER-ALL:+AES-128-GCM:"         \
	"+AES-256-GCM:+CHACHA20-POLY1305:%SERVER_PRECEDENCE"

struct edge_cred {
	atomic_int refs;
	gnutls_certificate_credentials_t x509;
};

struct edge_cred *edge_cred_load(const char *cert_file, const char *key_file, struct err *e)
{
	struct edge_cred *cred = g_new0(struct edge_cred, 1);
	int rc;

	if (!cert_file || !key_file) {
		g_free(cred);
		err_set(e, ERR_MISSING, "no certificate and key for HTTPS");
		return NULL;
	}
	atomic_init(&cred->refs, 1);
	rc = gnutls_certificate_allocate_credentials(&cred->x509);
	if (rc == 0)
		rc = gnutls_certificate_set_x509_key_file(cred->x509, cert_file, key_file, GNUTLS_X509_FMT_PEM);
	if (rc < 0) {
		edge_cred_unref(cred);
		err_set(e, ERR_INVALID, "certificate %s with key %s: %s", cert_file, key_file, gnutls_strerror(rc));
		return NULL;
	}
	return cred;
}

void edge_cred_unref(struct edge_cred *cred)
{
	if (!cred || atomic_fetch_sub(&cred->refs, 1) != 1)
		return;
	if (cred->x509)
		gnutls_certificate_free_credentials(cred->x509);
	g_free(cred);
}

int edge_tls_init(struct http_server *s, struct err *e)
{
	int rc;

	s->cred = edge_cred_load(s->cfg.cert_file, s->cfg.key_file, e);
	if (!s->cred)
		return -1;
	rc = gnutls_priority_init(&s->priority, PRIORITY, NULL);
	if (rc == 0)
		rc = gnutls_session_ticket_key_generate(&s->ticket_key);
	if (rc < 0)
		return err_set(e, ERR_INTERNAL, "prepare TLS: %s", gnutls_strerror(rc));
	return 0;
}

void edge_tls_deinit(struct http_server *s)
{
	edge_cred_unref(s->cred);
	if (s->priority)
		gnutls_priority_deinit(s->priority);
	if (s->ticket_key.data) {
		gnutls_memset(s->ticket_key.data, 0, s->ticket_key.size);
		gnutls_free(s->ticket_key.data);
	}
}

static struct edge_cred *newest_cred(struct http_server *s)
{
	struct edge_cred *cred;

	pthread_mutex_lock(&s->lock);
	cred = s->cred;
	atomic_fetch_add(&cred->refs, 1);
	pthread_mutex_unlock(&s->lock);
	return cred;
}

static ssize_t pull(gnutls_transport_ptr_t ptr, void *data, size_t size)
{
	struct edge_conn *c = ptr;
	ssize_t n;

	if (c->in_len == 0) {
		bool skip = c->skip_read, direct = size >= sizeof(c->in);

		c->skip_read = false;
		if (skip) {
			errno = EAGAIN;
			return -1;
		}
		n = recv(c->fd, direct ? data : c->in, direct ? size : sizeof(c->in), 0);
		if (n < 0 && errno == EAGAIN) {
			c->want_write = false;
			if (!c->is_established)
				edge_conn_note(c);
			errno = EAGAIN;
		}
		if (n <= 0 || direct)
			return n;
		c->in_off = 0;
		c->in_len = n;
	}
	size = MIN(size, c->in_len);
	memcpy(data, c->in + c->in_off, size);
	c->in_off += size;
	c->in_len -= size;
	if (c->in_len)
		edge_conn_note(c);
	return size;
}

/* Records are small here: true when all of them are kept. */
static bool hold_records(struct edge_conn *c, const giovec_t *iov, int n, size_t total)
{
	if (!c->hold_next)
		return false;
	c->hold_next = false;
	if (c->hold_len != 0 || total > sizeof(c->hold))
		return false;
	for (int i = 0; i < n; i++) {
		memcpy(c->hold + c->hold_len, iov[i].iov_base, iov[i].iov_len);
		c->hold_len += iov[i].iov_len;
	}
	return true;
}

static ssize_t push_later(struct edge_conn *c)
{
	c->want_write = true;
	if (!c->is_established)
		edge_conn_note(c);
	errno = EAGAIN;
	return -1;
}

static ssize_t push(gnutls_transport_ptr_t ptr, const giovec_t *iov, int n)
{
	struct edge_conn *c = ptr;
	struct iovec parts[16];
	struct msghdr msg = { .msg_iov = parts };
	size_t total = 0, held;
	ssize_t sent;

	for (int i = 0; i < n; i++)
		total += iov[i].iov_len;
	if (hold_records(c, iov, n, total))
		return total;
	held = c->hold_len;
	if (held)
		parts[msg.msg_iovlen++] = (struct iovec){ .iov_base = c->hold, .iov_len = held };
	for (int i = 0; i < n && msg.msg_iovlen < G_N_ELEMENTS(parts); i++)
		parts[msg.msg_iovlen++] = (struct iovec){ .iov_base = iov[i].iov_base, .iov_len = iov[i].iov_len };
	sent = sendmsg(c->fd, &msg, MSG_NOSIGNAL | (c->more_follows ? MSG_MORE : 0));
	if (sent < 0)
		return errno == EAGAIN ? push_later(c) : -1;
	if (held && (size_t)sent <= held) {
		/* Not even what was kept, or no more: as if nothing of the new had gone. */
		memmove(c->hold, c->hold + sent, held - sent);
		c->hold_len -= sent;
		return push_later(c);
	}
	c->hold_len = 0;
	return sent - held;
}

void edge_tls_attach(struct edge_conn *c, gnutls_session_t session)
{
	struct http_server *s = c->thread->server;

	c->session = session;
	c->cred = newest_cred(s);
	gnutls_priority_set(session, s->priority);
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, c->cred->x509);
	gnutls_session_ticket_enable_server(session, &s->ticket_key);
	gnutls_transport_set_ptr(session, c);
	gnutls_transport_set_pull_function(session, pull);
	gnutls_transport_set_vec_push_function(session, push);
}
