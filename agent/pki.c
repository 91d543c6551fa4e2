/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pki.h"

#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"

enum { KEY_BITS = 3072, PAIRING_DAYS = 3650, MAX_PEM = 256 * 1024 };

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509_REQ, X509_REQ_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509_STORE, X509_STORE_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509_STORE_CTX, X509_STORE_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free_all)

/* --- files ------------------------------------------------------------------------- */

int pki_write_file(const char *path, const char *text, unsigned mode, struct err *e)
{
	g_autoptr(GError) error = NULL;

	if (g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
	                             (int)mode, &error))
		return 0;
	return err_set(e, ERR_BACKEND, "write %s: %s", path, error->message);
}

int pki_open(struct pool *p, const char *state_dir, struct pki *out, struct err *e)
{
	out->dir = pool_printf(p, "%s/pki", state_dir);
	out->ca = pool_printf(p, "%s/cacert.pem", out->dir);
	out->cert = pool_printf(p, "%s/vdsmcert.pem", out->dir);
	out->key = pool_printf(p, "%s/vdsmkey.pem", out->dir);
	out->pairing_cert = pool_printf(p, "%s/pairing.pem", out->dir);
	if (g_mkdir_with_parents(out->dir, 0700) < 0)
		return err_errno(e, errno, "make %s", out->dir);
	return 0;
}

static bool are_files_there(const struct pki *k)
{
	return access(k->ca, R_OK) == 0 && access(k->cert, R_OK) == 0 && access(k->key, R_OK) == 0;
}

static int no_passphrase(char *buf, int size, int is_writing, void *arg) { return 0; }

static X509 *cert_load(const char *path)
{
	g_autoptr(BIO) b = BIO_new_file(path, "r");

	return b ? PEM_read_bio_X509(b, NULL, no_passphrase, NULL) : NULL;
}

bool pki_is_expired(const struct pki *k)
{
	g_autoptr(X509) cert = are_files_there(k) ? cert_load(k->cert) : NULL;

	return cert && X509_cmp_current_time(X509_get0_notAfter(cert)) < 0;
}

bool pki_is_complete(const struct pki *k) { return are_files_there(k) && !pki_is_expired(k); }

static char *pem_text(struct pool *p, BIO *b)
{
	char *data;
	const long n = BIO_get_mem_data(b, &data);

	return pool_strndup(p, data, (size_t)n);
}

/* --- key ------------------------------------------------------------------------------ */

static EVP_PKEY *key_load(const struct pki *k)
{
	g_autoptr(BIO) b = BIO_new_file(k->key, "r");

	return b ? PEM_read_bio_PrivateKey(b, NULL, no_passphrase, NULL) : NULL;
}

static EVP_PKEY *key_get(struct pool *p, const struct pki *k, struct err *e)
{
	g_autoptr(EVP_PKEY) key = key_load(k);
	g_autoptr(BIO) b = NULL;

	if (key)
		return g_steal_pointer(&key);
	if (access(k->key, F_OK) == 0) {
		err_set(e, ERR_BACKEND, "%s cannot be read as a private key", k->key);
		return NULL;
	}
	key = EVP_RSA_gen(KEY_BITS);
	b = BIO_new(BIO_s_mem());
	if (!key || PEM_write_bio_PKCS8PrivateKey(b, key, NULL, NULL, 0, NULL, NULL) != 1) {
		err_set(e, ERR_INTERNAL, "cannot make a private key");
		return NULL;
	}
	if (pki_write_file(k->key, pem_text(p, b), 0600, e) < 0)
		return NULL;
	return g_steal_pointer(&key);
}

static int set_name(X509_NAME *n, const char *name, struct err *e)
{
	if (strlen(name) > 64)
		return err_set(e, ERR_RANGE, "the name %s is longer than the 64 characters of a certificate", name);
	X509_NAME_add_entry_by_txt(n, "O", MBSTRING_UTF8, (const unsigned char *)"hostler", -1, -1, 0);
	if (X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) != 1)
		return err_set(e, ERR_INVALID, "%s cannot be the name in a certificate", name);
	return 0;
}

/* --- requests and certificates ----------------------------------------------------------- */

int pki_request(struct pool *p, const struct pki *k, const char *name, char **pem, struct err *e)
{
	g_autoptr(EVP_PKEY) key = key_get(p, k, e);
	g_autoptr(X509_REQ) req = X509_REQ_new();
	g_autoptr(BIO) b = BIO_new(BIO_s_mem());

	if (!key || set_name(X509_REQ_get_subject_name(req), name, e) < 0)
		return -1;
	if (X509_REQ_set_pubkey(req, key) != 1 || X509_REQ_sign(req, key, EVP_sha256()) == 0 ||
	    PEM_write_bio_X509_REQ(b, req) != 1)
		return err_set(e, ERR_INTERNAL, "cannot make a certificate request");
	*pem = pem_text(p, b);
	return 0;
}

int pki_self_sign(struct pool *p, const struct pki *k, const char *name, struct err *e)
{
	g_autoptr(EVP_PKEY) key = key_get(p, k, e);
	g_autoptr(X509) x = X509_new();
	g_autoptr(BIO) b = BIO_new(BIO_s_mem());

	if (!key || set_name(X509_get_subject_name(x), name, e) < 0)
		return -1;
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -86400);
	X509_gmtime_adj(X509_getm_notAfter(x), (long)PAIRING_DAYS * 86400);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	if (X509_set_pubkey(x, key) != 1 || X509_sign(x, key, EVP_sha256()) == 0 || PEM_write_bio_X509(b, x) != 1)
		return err_set(e, ERR_INTERNAL, "cannot make a certificate");
	return pki_write_file(k->pairing_cert, pem_text(p, b), 0600, e);
}

static X509 *cert_parse(const char *pem)
{
	g_autoptr(BIO) b = strlen(pem) <= MAX_PEM ? BIO_new_mem_buf(pem, -1) : NULL;

	return b ? PEM_read_bio_X509(b, NULL, no_passphrase, NULL) : NULL;
}

static int check_chain(X509 *cert, X509 *ca, struct err *e)
{
	g_autoptr(X509_STORE) store = X509_STORE_new();
	g_autoptr(X509_STORE_CTX) ctx = X509_STORE_CTX_new();

	if (X509_STORE_add_cert(store, ca) != 1 || X509_STORE_CTX_init(ctx, store, cert, NULL) != 1)
		return err_set(e, ERR_INTERNAL, "cannot verify the certificate");
	if (X509_verify_cert(ctx) != 1)
		return err_set(e, ERR_INVALID, "the certificate was not issued by that CA: %s",
		               X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
	return 0;
}

int pki_check_successor(const struct pki *k, const char *cert_pem, const char *ca_pem, struct err *e)
{
	g_autoptr(X509) cert = cert_parse(cert_pem), ca = cert_parse(ca_pem), old = cert_load(k->cert),
	                old_ca = cert_load(k->ca);
	EVP_PKEY *old_key = old_ca ? X509_get0_pubkey(old_ca) : NULL;

	if (!cert || !ca || !old || !old_key)
		return err_set(e, ERR_INVALID, "certificates are missing, or are not PEM");
	if (X509_verify(ca, old_key) != 1)
		return err_set(e, ERR_DENIED, "the CA is not that of this host's Manager");
	if (ASN1_TIME_compare(X509_get0_notAfter(cert), X509_get0_notAfter(old)) < 0)
		return err_set(e, ERR_INVALID, "the certificate ends before the one that is there");
	return 0;
}

int pki_install(const struct pki *k, const char *cert_pem, const char *ca_pem, struct err *e)
{
	g_autoptr(X509) cert = cert_parse(cert_pem), ca = cert_parse(ca_pem);
	g_autoptr(EVP_PKEY) key = key_load(k);

	if (!cert || !ca)
		return err_set(e, ERR_INVALID, "the %s is not a PEM certificate", cert ? "CA" : "answer");
	if (!key || X509_check_private_key(cert, key) != 1)
		return err_set(e, ERR_INVALID, "the certificate does not belong to this host's key");
	if (check_chain(cert, ca, e) < 0)
		return -1;
	/* the certificate comes last: with it the set is complete */
	if (pki_write_file(k->ca, ca_pem, 0644, e) < 0 || pki_write_file(k->cert, cert_pem, 0644, e) < 0)
		return -1;
	return 0;
}

/* --- hashes --------------------------------------------------------------------------------- */

static char *hex(struct pool *p, const unsigned char *data, size_t n)
{
	char *text = pool_alloc(p, 2 * n + 1);

	for (size_t i = 0; i < n; i++)
		g_snprintf(text + 2 * i, 3, "%02x", data[i]);
	return text;
}

char *pki_hash(struct pool *p, const void *data, size_t n)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	EVP_Digest(data, n, md, &len, EVP_sha256(), NULL);
	return hex(p, md, len);
}

char *pki_cert_fingerprint(struct pool *p, const char *pem, struct err *e)
{
	g_autoptr(X509) x = cert_parse(pem);
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (!x || X509_digest(x, EVP_sha256(), md, &len) != 1) {
		err_set(e, ERR_SYNTAX, "not a PEM certificate");
		return NULL;
	}
	return hex(p, md, len);
}

char *pki_request_fingerprint(struct pool *p, const char *pem, struct err *e)
{
	g_autoptr(BIO) b = BIO_new_mem_buf(pem, -1);
	g_autoptr(X509_REQ) req = PEM_read_bio_X509_REQ(b, NULL, no_passphrase, NULL);
	unsigned char *der = NULL;
	char *text;
	int n;

	n = req ? i2d_PUBKEY(X509_REQ_get0_pubkey(req), &der) : -1;
	if (n <= 0) {
		err_set(e, ERR_SYNTAX, "not a certificate request");
		return NULL;
	}
	text = pki_hash(p, der, (size_t)n);
	OPENSSL_free(der);
	return text;
}

char *pki_hmac(struct pool *p, const char *key, const char *a, const char *b)
{
	const char *text = pool_printf(p, "%s%s", a, b);
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	HMAC(EVP_sha256(), key, (int)strlen(key), (const unsigned char *)text, strlen(text), md, &len);
	return hex(p, md, len);
}
