/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/hosts/pki.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"

enum { CERT_DAYS = 1827, DAY_S = 86400, KEY_BITS = 2048, TOKEN_LIFE_S = 3600 };

static int64_t cert_life_s = (int64_t)CERT_DAYS * DAY_S;

void pki_set_life(int64_t seconds) { cert_life_s = seconds; }

struct pki {
	char *dir;
	EVP_PKEY *ca_key;
	X509 *ca;
	char *ca_pem;
	char fingerprint[65];
	GHashTable *paths;
};

static int fail(struct err *e, const char *what) { return err_set(e, ERR_BACKEND, "certificates: %s failed", what); }

/* ---- files ---- */

static int write_file(const char *path, const char *text, mode_t mode, struct err *e)
{
	g_autofree char *tmp = g_strconcat(path, ".new", NULL);
	auto_close int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	size_t len = strlen(text);

	if (fd < 0 || write(fd, text, len) != (ssize_t)len || fsync(fd) < 0 || rename(tmp, path) < 0)
		return err_errno(e, errno, "write %s", path);
	return 0;
}

static char *bio_text(BIO *b)
{
	char *data;
	long n = BIO_get_mem_data(b, &data);
	char *out = g_strndup(data, (gsize)n);

	BIO_free(b);
	return out;
}

static char *cert_pem(X509 *x)
{
	BIO *b = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(b, x);
	return bio_text(b);
}

static char *key_pem(EVP_PKEY *k)
{
	BIO *b = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey(b, k, NULL, NULL, 0, NULL, NULL);
	return bio_text(b);
}

/* ---- certificates ---- */

static void add_name(X509_NAME *n, const char *field, const char *value)
{
	X509_NAME_add_entry_by_txt(n, field, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0);
}

static bool add_ext(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	bool ok;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext && X509_add_ext(x, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return ok;
}

/* A clock that is a little behind must not matter, nor look like a large part of a short life. */
static void set_times(X509 *x, int64_t life_s)
{
	X509_gmtime_adj(X509_getm_notBefore(x), -(long)MIN(DAY_S, life_s / 10));
	X509_gmtime_adj(X509_getm_notAfter(x), (long)life_s);
}

static void set_serial(X509 *x)
{
	unsigned char serial[16];
	BIGNUM *bn;

	RAND_bytes(serial, sizeof(serial));
	serial[0] &= 0x7f;
	bn = BN_bin2bn(serial, sizeof(serial), NULL);
	BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x));
	BN_free(bn);
}

static X509 *new_cert(const char *cn, int64_t life_s)
{
	X509 *x = X509_new();

	set_serial(x);
	X509_set_version(x, 2);
	set_times(x, life_s);
	add_name(X509_get_subject_name(x), "O", "hostler");
	add_name(X509_get_subject_name(x), "CN", cn);
	return x;
}

/* "DNS:localhost,IP:127.0.0.1" */
static char *alt_names(const char *const *names, int n)
{
	GString *s = g_string_new(NULL);
	unsigned char buf[16];

	for (int i = 0; i < n; i++) {
		bool is_ip = inet_pton(AF_INET, names[i], buf) == 1 || inet_pton(AF_INET6, names[i], buf) == 1;
		g_string_append_printf(s, "%s%s:%s", s->len ? "," : "", is_ip ? "IP" : "DNS", names[i]);
	}
	return g_string_free(s, FALSE);
}

static X509 *make_leaf(EVP_PKEY *key, const char *cn, const char *const *names, int n_names, EVP_PKEY *ca_key, X509 *ca)
{
	X509 *x = new_cert(cn, cert_life_s);
	g_autofree char *san = alt_names(names, n_names);

	X509_set_issuer_name(x, X509_get_subject_name(ca));
	if (X509_set_pubkey(x, key) != 1 || !add_ext(x, ca, NID_basic_constraints, "critical,CA:FALSE") ||
	    !add_ext(x, ca, NID_key_usage, "critical,digitalSignature,keyEncipherment") ||
	    !add_ext(x, ca, NID_ext_key_usage, "serverAuth,clientAuth") || !add_ext(x, ca, NID_subject_alt_name, san) ||
	    !add_ext(x, ca, NID_authority_key_identifier, "keyid:always") || X509_sign(x, ca_key, EVP_sha256()) == 0) {
		X509_free(x);
		return NULL;
	}
	return x;
}

static int make_ca(const char *dir, struct err *e)
{
	g_autofree char *cert_path = g_build_filename(dir, "ca.pem", NULL),
	                *key_path = g_build_filename(dir, "ca.key", NULL);
	g_autofree char *cert = NULL, *key_text = NULL;
	EVP_PKEY *key = EVP_RSA_gen(KEY_BITS);
	X509 *x;
	char cn[64];
	bool ok;

	g_snprintf(cn, sizeof(cn), "Hostler CA %ld", (long)time(NULL));
	x = new_cert(cn, 4 * cert_life_s);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	ok = key && X509_set_pubkey(x, key) == 1 && add_ext(x, x, NID_basic_constraints, "critical,CA:TRUE") &&
	     add_ext(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") &&
	     add_ext(x, x, NID_subject_key_identifier, "hash") && X509_sign(x, key, EVP_sha256()) != 0;
	if (ok) {
		cert = cert_pem(x);
		key_text = key_pem(key);
	}
	X509_free(x);
	EVP_PKEY_free(key);
	if (!ok)
		return fail(e, "making the CA");
	return write_file(key_path, key_text, 0600, e) < 0 || write_file(cert_path, cert, 0644, e) < 0 ? -1 : 0;
}

static X509 *read_cert(const char *path)
{
	FILE *f = fopen(path, "re");
	X509 *x = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

	if (f)
		fclose(f);
	return x;
}

static EVP_PKEY *read_key(const char *path)
{
	FILE *f = fopen(path, "re");
	EVP_PKEY *k = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;

	if (f)
		fclose(f);
	return k;
}

static int times_of(const X509 *x, int64_t *from, int64_t *to)
{
	struct tm tm;

	if (!x || ASN1_TIME_to_tm(X509_get0_notBefore(x), &tm) != 1)
		return -1;
	*from = timegm(&tm);
	if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) != 1)
		return -1;
	*to = timegm(&tm);
	return 0;
}

int64_t pki_cert_due(int64_t from, int64_t to) { return to - (to - from) / 3; }

static bool is_due(const X509 *x)
{
	int64_t from, to;

	return times_of(x, &from, &to) < 0 || pki_cert_due(from, to) <= time(NULL);
}

int pki_cert_times(const char *pem, int64_t *from, int64_t *to)
{
	BIO *b = strlen(pem) < 16384 ? BIO_new_mem_buf(pem, -1) : NULL;
	X509 *x = b ? PEM_read_bio_X509(b, NULL, NULL, NULL) : NULL;
	int rc = times_of(x, from, to);

	X509_free(x);
	BIO_free(b);
	return rc;
}

int pki_file_times(const struct pki *p, const char *name, int64_t *from, int64_t *to)
{
	X509 *x = read_cert(pki_file(p, name));
	int rc = times_of(x, from, to);

	X509_free(x);
	return rc;
}

/* Is it for every one of the names, and not yet due to be renewed? */
static bool serves(const char *path, const char *const *names, int n)
{
	X509 *x = read_cert(path);
	bool ok = x && !is_due(x);

	for (int i = 0; ok && i < n; i++)
		ok = X509_check_host(x, names[i], 0, 0, NULL) == 1 || X509_check_ip_asc(x, names[i], 0) == 1;
	X509_free(x);
	return ok;
}

static int make_own(const struct pki *p, const char *name, const char *cn, const char *const *names, int n,
                    struct err *e)
{
	g_autofree char *cert_path = g_strdup_printf("%s/%s.pem", p->dir, name);
	g_autofree char *key_path = g_strdup_printf("%s/%s.key", p->dir, name);
	g_autofree char *cert = NULL, *key_text = NULL;
	EVP_PKEY *key;
	X509 *x;

	if (serves(cert_path, names, n) && g_file_test(key_path, G_FILE_TEST_EXISTS))
		return 0;
	key = EVP_RSA_gen(KEY_BITS);
	x = key ? make_leaf(key, cn, names, n, p->ca_key, p->ca) : NULL;
	if (x) {
		cert = cert_pem(x);
		key_text = key_pem(key);
	}
	X509_free(x);
	EVP_PKEY_free(key);
	if (!cert)
		return fail(e, "making the server's certificate");
	return write_file(key_path, key_text, 0600, e) < 0 || write_file(cert_path, cert, 0644, e) < 0 ? -1 : 0;
}

/* ---- renewal ---- */

static int write_cert(const struct pki *p, const char *name, X509 *x, struct err *e)
{
	g_autofree char *pem = cert_pem(x);

	return write_file(pki_file(p, name), pem, 0644, e);
}

/* Names that a certificate is for, as make_leaf takes them. */
static GPtrArray *names_of(const X509 *x)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);

	for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(all, i);
		char text[INET6_ADDRSTRLEN];

		if (n->type == GEN_DNS)
			g_ptr_array_add(names, g_strndup((const char *)ASN1_STRING_get0_data(n->d.dNSName),
			                                 (gsize)ASN1_STRING_length(n->d.dNSName)));
		else if (n->type == GEN_IPADD && inet_ntop(ASN1_STRING_length(n->d.iPAddress) == 4 ? AF_INET : AF_INET6,
		                                           ASN1_STRING_get0_data(n->d.iPAddress), text, sizeof(text)))
			g_ptr_array_add(names, g_strdup(text));
	}
	GENERAL_NAMES_free(all);
	return names;
}

/* The same key and names, another time. 1: renewed, 0: not due. */
static int renew_leaf(const struct pki *p, const char *name, struct err *e)
{
	g_autofree char *cert = g_strdup_printf("%s.pem", name), *key_name = g_strdup_printf("%s.key", name);
	g_autoptr(GPtrArray) names = NULL;
	X509 *old = read_cert(pki_file(p, cert)), *x = NULL;
	EVP_PKEY *key = NULL;
	char cn[256] = "";
	int rc = 0;

	if (old && is_due(old)) {
		key = read_key(pki_file(p, key_name));
		names = names_of(old);
		X509_NAME_get_text_by_NID(X509_get_subject_name(old), NID_commonName, cn, sizeof(cn));
		x = key && names->len
		        ? make_leaf(key, cn, (const char *const *)names->pdata, (int)names->len, p->ca_key, p->ca)
		        : NULL;
		rc = !x ? fail(e, "renewing the Manager's certificate") : write_cert(p, cert, x, e) < 0 ? -1 : 1;
	}
	X509_free(old);
	X509_free(x);
	EVP_PKEY_free(key);
	return rc;
}

static void tell_apart(struct pki *p)
{
	unsigned char md[32];
	unsigned len;

	g_free(p->ca_pem);
	p->ca_pem = cert_pem(p->ca);
	X509_digest(p->ca, EVP_sha256(), md, &len);
	for (int i = 0; i < 32; i++)
		g_snprintf(p->fingerprint + 2 * i, 3, "%02x", md[i]);
}

/* Subject and key stay: what it has signed is good under the new one, and what it will sign under the old one. */
static int renew_ca(struct pki *p, struct err *e)
{
	X509 *x;

	if (!is_due(p->ca))
		return 0;
	x = X509_dup(p->ca);
	set_times(x, 4 * cert_life_s);
	set_serial(x);
	if (X509_sign(x, p->ca_key, EVP_sha256()) == 0 || write_cert(p, "ca.pem", x, e) < 0) {
		X509_free(x);
		return e->code ? -1 : fail(e, "renewing the CA");
	}
	X509_free(p->ca);
	p->ca = x;
	tell_apart(p);
	return 1;
}

int pki_renew(struct pki *p, struct err *e)
{
	const int ca = renew_ca(p, e), server = ca < 0 ? -1 : renew_leaf(p, "server", e);
	const int client = server < 0 ? -1 : renew_leaf(p, "client", e);

	if (client < 0)
		return -1;
	return (ca ? PKI_CA : 0) | (server ? PKI_SERVER : 0) | (client ? PKI_CLIENT : 0);
}

int pki_init(const char *dir, const char *const *names, int n_names, struct err *e)
{
	g_autofree char *ca = g_build_filename(dir, "ca.pem", NULL);
	struct pki *p;
	int rc;

	if (g_mkdir_with_parents(dir, 0755) < 0)
		return err_errno(e, errno, "make folder %s", dir);
	if (!g_file_test(ca, G_FILE_TEST_EXISTS) && make_ca(dir, e) < 0)
		return -1;
	p = pki_open(dir, e);
	if (!p)
		return -1;
	rc = make_own(p, "server", names[0], names, n_names, e);
	if (rc == 0)
		rc = make_own(p, "client", "hostler-manager", names, 1, e);
	pki_free(p);
	return rc;
}

struct pki *pki_open(const char *dir, struct err *e)
{
	struct pki *p = g_new0(struct pki, 1);

	p->dir = g_strdup(dir);
	p->paths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	p->ca = read_cert(pki_file(p, "ca.pem"));
	p->ca_key = read_key(pki_file(p, "ca.key"));
	if (!p->ca || !p->ca_key) {
		err_set(e, ERR_BACKEND, "The certificate authority in %s cannot be read. Was 'hostlerd init' run?",
		        dir);
		pki_free(p);
		return NULL;
	}
	tell_apart(p);
	return p;
}

void pki_free(struct pki *p)
{
	if (!p)
		return;
	X509_free(p->ca);
	EVP_PKEY_free(p->ca_key);
	g_hash_table_destroy(p->paths);
	g_free(p->ca_pem);
	g_free(p->dir);
	g_free(p);
}

const char *pki_ca_pem(const struct pki *p) { return p->ca_pem; }
const char *pki_ca_fingerprint(const struct pki *p) { return p->fingerprint; }

const char *pki_file(const struct pki *p, const char *name)
{
	char *path = g_hash_table_lookup(p->paths, name);

	if (!path) {
		path = g_build_filename(p->dir, name, NULL);
		g_hash_table_insert(p->paths, g_strdup(name), path);
	}
	return path;
}

static void ssh_put(GByteArray *b, const void *data, guint32 n)
{
	guint32 be = GUINT32_TO_BE(n);

	g_byte_array_append(b, (guint8 *)&be, 4);
	g_byte_array_append(b, data, n);
}

static void ssh_put_number(GByteArray *b, EVP_PKEY *key, const char *param)
{
	unsigned char buf[1025] = { 0 };
	BIGNUM *bn = NULL;
	int n;

	EVP_PKEY_get_bn_param(key, param, &bn);
	n = bn && BN_num_bytes(bn) < 1024 ? BN_bn2bin(bn, buf + 1) : 0;
	if (n && buf[1] & 0x80)
		ssh_put(b, buf, (guint32)n + 1);
	else
		ssh_put(b, buf + 1, (guint32)n);
	BN_free(bn);
}

char *pki_server_ssh_key(const struct pki *p)
{
	EVP_PKEY *key = read_key(pki_file(p, "server.key"));
	GByteArray *b = g_byte_array_new();
	g_autofree char *b64 = NULL;

	if (!key)
		return NULL;
	ssh_put(b, "ssh-rsa", 7);
	ssh_put_number(b, key, OSSL_PKEY_PARAM_RSA_E);
	ssh_put_number(b, key, OSSL_PKEY_PARAM_RSA_N);
	b64 = g_base64_encode(b->data, b->len);
	g_byte_array_free(b, TRUE);
	EVP_PKEY_free(key);
	return g_strdup_printf("ssh-rsa %s hostler\n", b64);
}

/* ---- hosts ---- */

static X509_REQ *read_csr(const char *pem)
{
	BIO *b = BIO_new_mem_buf(pem, -1);
	X509_REQ *r = strlen(pem) < 16384 ? PEM_read_bio_X509_REQ(b, NULL, NULL, NULL) : NULL;

	BIO_free(b);
	return r;
}

char *pki_sign_host(const struct pki *p, const char *csr_pem, const char *address, struct err *e)
{
	X509_REQ *r = read_csr(csr_pem);
	EVP_PKEY *key = r ? X509_REQ_get0_pubkey(r) : NULL;
	char *out = NULL;
	X509 *x = NULL;

	if (!key || X509_REQ_verify(r, key) != 1)
		err_field(e, ERR_INVALID, "csr", "The certificate request is not valid.");
	else if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || EVP_PKEY_get_bits(key) < 2048 ||
	         EVP_PKEY_get_bits(key) > 8192)
		err_field(e, ERR_INVALID, "csr", "The key must be RSA of 2048 to 8192 bits.");
	else if (!(x = make_leaf(key, address, &address, 1, p->ca_key, p->ca)))
		fail(e, "signing the host's certificate");
	else
		out = cert_pem(x);
	X509_free(x);
	X509_REQ_free(r);
	return out;
}

static char *key_digest(EVP_PKEY *key)
{
	unsigned char *der = NULL;
	int n = key ? i2d_PUBKEY(key, &der) : -1;
	char *out = n > 0 ? g_compute_checksum_for_data(G_CHECKSUM_SHA256, der, (gsize)n) : NULL;

	OPENSSL_free(der);
	return out;
}

char *pki_csr_fingerprint(const char *csr_pem)
{
	X509_REQ *r = read_csr(csr_pem);
	char *out = key_digest(r ? X509_REQ_get0_pubkey(r) : NULL);

	X509_REQ_free(r);
	return out;
}

char *pki_cert_key(const char *cert_pem)
{
	BIO *b = BIO_new_mem_buf(cert_pem, -1);
	X509 *x = PEM_read_bio_X509(b, NULL, NULL, NULL);
	char *out = key_digest(x ? X509_get0_pubkey(x) : NULL);

	X509_free(x);
	BIO_free(b);
	return out;
}

/* ---- tokens: a file each, named by the hash of the secret ---- */

static char *token_path(const char *state_dir, const char *secret)
{
	g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, secret, -1);
	return g_build_filename(state_dir, "tokens", hash, NULL);
}

char *pki_make_token(const char *state_dir, const struct pki *p, struct err *e)
{
	g_autofree char *dir = g_build_filename(state_dir, "tokens", NULL), *path = NULL;
	unsigned char bytes[20];
	char secret[41];

	RAND_bytes(bytes, sizeof(bytes));
	for (int i = 0; i < 20; i++)
		g_snprintf(secret + 2 * i, 3, "%02x", bytes[i]);
	path = token_path(state_dir, secret);
	if (g_mkdir_with_parents(dir, 0700) < 0 || write_file(path, "", 0600, e) < 0) {
		err_set(e, ERR_BACKEND, "The token could not be stored in %s.", dir);
		return NULL;
	}
	return g_strconcat(secret, ".", p->fingerprint, NULL);
}

bool pki_use_token(const char *state_dir, const char *secret)
{
	g_autofree char *path = token_path(state_dir, secret);
	struct stat st;
	bool ok = strlen(secret) == 40 && stat(path, &st) == 0 && time(NULL) - st.st_mtime < TOKEN_LIFE_S;

	return ok && unlink(path) == 0;
}
