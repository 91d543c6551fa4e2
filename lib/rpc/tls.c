/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/tls_impl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/log.h"

struct file_mark {
	struct timespec mtime;
	ino_t inode;
	off_t size;
};

struct rpc_tls {
	bool is_server, is_anonymous_ok, is_name_checked;
	char *ca_file, *cert_file, *key_file;
	struct file_mark marks[3];
	SSL_CTX *ctx;
};

int tls_error(struct err *e, enum err_code code, const SSL *ssl, const char *what)
{
	long verdict = ssl ? SSL_get_verify_result(ssl) : X509_V_OK;
	unsigned long number = ERR_peek_error();
	const char *reason = number ? ERR_reason_error_string(number) : "connection closed";
	char text[256];

	if (number && ERR_SYSTEM_ERROR(number))
		reason = g_strerror(ERR_GET_REASON(number));
	if (reason)
		g_strlcpy(text, reason, sizeof(text));
	else
		ERR_error_string_n(number, text, sizeof(text));
	ERR_clear_error();
	if (verdict != X509_V_OK)
		return err_set(e, code, "%s: %s (%s)", what, text, X509_verify_cert_error_string(verdict));
	return err_set(e, code, "%s: %s", what, text);
}

/* Never ask a terminal for the passphrase of a key. */
static int no_passphrase(char *buf, int size, int is_writing, void *arg) { return 0; }

static int load_own(SSL_CTX *ctx, const struct rpc_tls *tls, struct err *e)
{
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	if (!tls->cert_file)
		return 0;
	if (SSL_CTX_use_certificate_chain_file(ctx, tls->cert_file) != 1) {
		tls_error(e, ERR_BACKEND, NULL, tls->cert_file);
		return err_wrap(e, "read certificate");
	}
	if (SSL_CTX_use_PrivateKey_file(ctx, tls->key_file, SSL_FILETYPE_PEM) != 1) {
		tls_error(e, ERR_BACKEND, NULL, tls->key_file);
		return err_wrap(e, "read private key");
	}
	return 0;
}

static int load_trust(SSL_CTX *ctx, const struct rpc_tls *tls, struct err *e)
{
	int mode = SSL_VERIFY_PEER | (tls->is_server ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);

	if (!tls->ca_file) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
		return 0;
	}
	if (SSL_CTX_load_verify_file(ctx, tls->ca_file) != 1) {
		tls_error(e, ERR_BACKEND, NULL, tls->ca_file);
		return err_wrap(e, "read CA certificate");
	}
	if (tls->is_server) {
		STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(tls->ca_file);

		if (names)
			SSL_CTX_set_client_CA_list(ctx, names);
		if (tls->is_anonymous_ok)
			mode = SSL_VERIFY_PEER;
	} else if (tls->is_anonymous_ok) {
		mode = SSL_VERIFY_NONE;
	}
	SSL_CTX_set_verify(ctx, mode, NULL);
	return 0;
}

static SSL_CTX *context_new(const struct rpc_tls *tls, struct err *e)
{
	SSL_CTX *ctx = SSL_CTX_new(tls->is_server ? TLS_server_method() : TLS_client_method());

	ERR_clear_error();
	if (!ctx) {
		tls_error(e, ERR_INTERNAL, NULL, "make a TLS context");
		return NULL;
	}
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
	                             SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CIPHER_SERVER_PREFERENCE);
	/* Connections live for days: resuming sessions would only be one more thing to get wrong. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
	                          SSL_MODE_RELEASE_BUFFERS);
	if (load_own(ctx, tls, e) < 0 || load_trust(ctx, tls, e) < 0) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

static void take_mark(struct file_mark *mark, const char *path)
{
	struct stat st;

	*mark = (struct file_mark){ 0 };
	if (path && stat(path, &st) == 0)
		*mark = (struct file_mark){ st.st_mtim, st.st_ino, st.st_size };
}

static void take_marks(const struct rpc_tls *tls, struct file_mark marks[3])
{
	memset(marks, 0, 3 * sizeof(*marks)); /* also the holes, for they are compared as bytes */
	take_mark(&marks[0], tls->ca_file);
	take_mark(&marks[1], tls->cert_file);
	take_mark(&marks[2], tls->key_file);
}

int rpc_tls_reload(struct rpc_tls *tls, struct err *e)
{
	SSL_CTX *ctx;

	take_marks(tls, tls->marks);
	ctx = context_new(tls, e);
	if (!ctx)
		return -1;
	SSL_CTX_free(tls->ctx);
	tls->ctx = ctx;
	return 0;
}

static void reload_if_changed(struct rpc_tls *tls)
{
	struct file_mark marks[3];
	struct err e = ERR_INIT;

	take_marks(tls, marks);
	if (memcmp(marks, tls->marks, sizeof(marks)) == 0)
		return;
	if (rpc_tls_reload(tls, &e) < 0)
		log_error("new certificates cannot be used, the old ones stay", "ERROR", e.detail);
	else
		log_info("certificates read again", "CERTIFICATE", tls->cert_file);
}

struct rpc_tls *rpc_tls_new(const struct rpc_tls_config *config, struct err *e)
{
	struct rpc_tls *tls;

	if (!config->ca_file && !config->is_anonymous_ok) {
		err_set(e, ERR_MISSING, "TLS needs the certificate of a CA");
		return NULL;
	}
	if ((config->is_server && !config->cert_file) || (config->cert_file && !config->key_file)) {
		err_set(e, ERR_MISSING, "TLS needs a certificate and its private key");
		return NULL;
	}
	tls = g_new0(struct rpc_tls, 1);
	tls->is_server = config->is_server;
	tls->is_anonymous_ok = config->is_anonymous_ok;
	tls->is_name_checked = config->is_name_checked;
	tls->ca_file = g_strdup(config->ca_file);
	tls->cert_file = g_strdup(config->cert_file);
	tls->key_file = g_strdup(config->key_file);
	if (rpc_tls_reload(tls, e) < 0) {
		rpc_tls_free(tls);
		return NULL;
	}
	return tls;
}

void rpc_tls_free(struct rpc_tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->ctx);
	g_free(tls->ca_file);
	g_free(tls->cert_file);
	g_free(tls->key_file);
	g_free(tls);
}

/* --- a BIO over a socket that never raises SIGPIPE --- */

static int fd_of(BIO *b) { return (int)(intptr_t)BIO_get_data(b); }

static int bio_read(BIO *b, char *buf, int n)
{
	ssize_t got = recv(fd_of(b), buf, (size_t)n, 0);

	BIO_clear_retry_flags(b);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_read(b);
	if (got == 0)
		BIO_set_flags(b, BIO_FLAGS_IN_EOF);
	return (int)got;
}

static int bio_write(BIO *b, const char *buf, int n)
{
	ssize_t put = send(fd_of(b), buf, (size_t)n, MSG_NOSIGNAL);

	BIO_clear_retry_flags(b);
	if (put < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(b);
	return (int)put;
}

static long bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	if (cmd == BIO_CTRL_FLUSH)
		return 1;
	if (cmd == BIO_CTRL_EOF)
		return BIO_test_flags(b, BIO_FLAGS_IN_EOF) != 0;
	return 0;
}

static BIO *bio_new(int fd)
{
	static BIO_METHOD *method; /* made once, kept */
	BIO *b;

	if (g_once_init_enter(&method)) {
		BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without signals");

		BIO_meth_set_read(m, bio_read);
		BIO_meth_set_write(m, bio_write);
		BIO_meth_set_ctrl(m, bio_ctrl);
		g_once_init_leave(&method, m);
	}
	b = BIO_new(method);
	if (b) {
		BIO_set_data(b, (void *)(intptr_t)fd);
		BIO_set_init(b, 1);
	}
	return b;
}

static bool is_address(const char *host)
{
	struct in6_addr addr;

	return inet_pton(AF_INET, host, &addr) == 1 || inet_pton(AF_INET6, host, &addr) == 1;
}

static void set_host(SSL *ssl, const char *host, bool is_checked)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	if (is_address(host)) {
		if (is_checked)
			X509_VERIFY_PARAM_set1_ip_asc(param, host);
		return;
	}
	SSL_set_tlsext_host_name(ssl, host);
	if (is_checked)
		SSL_set1_host(ssl, host);
}

SSL *tls_session_new(struct rpc_tls *tls, int fd, const char *host, struct err *e)
{
	SSL *ssl;
	BIO *bio;

	reload_if_changed(tls);
	ERR_clear_error();
	ssl = SSL_new(tls->ctx);
	bio = bio_new(fd);
	if (!ssl || !bio) {
		tls_error(e, ERR_INTERNAL, NULL, "make a TLS session");
		SSL_free(ssl);
		BIO_free(bio);
		return NULL;
	}
	SSL_set_bio(ssl, bio, bio);
	if (tls->is_server) {
		SSL_set_accept_state(ssl);
	} else {
		SSL_set_connect_state(ssl);
		if (host)
			set_host(ssl, host, tls->is_name_checked);
	}
	return ssl;
}

char *tls_peer_name(const SSL *ssl)
{
	const X509 *cert = SSL_get0_peer_certificate(ssl);
	const X509_NAME *subject;
	unsigned char *text = NULL;
	char *name = NULL;
	int at, len;

	if (!cert)
		return NULL;
	subject = X509_get_subject_name(cert);
	at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	if (at < 0)
		return NULL;
	len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	if (len > 0 && len < 1024 && !memchr(text, '\0', (size_t)len))
		name = g_utf8_make_valid((const char *)text, len);
	OPENSSL_free(text);
	return name;
}

char *tls_peer_fingerprint(const SSL *ssl)
{
	const X509 *cert = SSL_get0_peer_certificate(ssl);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;
	GString *hex;

	if (!cert || X509_digest(cert, EVP_sha256(), digest, &len) != 1)
		return NULL;
	hex = g_string_sized_new(2 * len);
	for (unsigned i = 0; i < len; i++)
		g_string_append_printf(hex, "%02x", digest[i]);
	return g_string_free(hex, FALSE);
}

char *tls_peer_key(const SSL *ssl)
{
	X509 *cert = SSL_get0_peer_certificate(ssl);
	EVP_PKEY *key = cert ? X509_get0_pubkey(cert) : NULL;
	unsigned char *der = NULL;
	int n = key ? i2d_PUBKEY(key, &der) : -1;
	char *hex = n > 0 ? g_compute_checksum_for_data(G_CHECKSUM_SHA256, der, (gsize)n) : NULL;

	OPENSSL_free(der);
	return hex;
}
