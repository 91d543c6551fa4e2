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

enum { CA_DAYS = 7300, CERT_DAYS = 1827, KEY_BITS = 2048, TOKEN_LIFE_S = 3600 };

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

static X509 *new_cert(const char *cn, int days)
{
	X509 *x = X509_new();
	unsigned char serial[16];
	BIGNUM *bn;

	RAND_bytes(serial, sizeof(serial));
	serial[0] &= 0x7f;
	bn = BN_bin2bn(serial, sizeof(serial), NULL);
	BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x));
	BN_free(bn);
	X509_set_version(x, 2);
	X509_gmtime_adj(X509_getm_notBefore(x), -86400);
	X509_gmtime_adj(X509_getm_notAfter(x), (long)days * 86400);
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
	X509 *x = new_cert(cn, CERT_DAYS);
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
	x = new_cert(cn, CA_DAYS);
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

/* Is it for every one of the names, and good for another 60 days? */
static bool serves(const char *path, const char *const *names, int n)
{
	X509 *x = read_cert(path);
	time_t limit = time(NULL) + 60 * 86400;
	bool ok = x && X509_cmp_time(X509_get0_notAfter(x), &limit) > 0;

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
	unsigned char md[32];
	unsigned len;

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
	p->ca_pem = cert_pem(p->ca);
	X509_digest(p->ca, EVP_sha256(), md, &len);
	for (int i = 0; i < 32; i++)
		g_snprintf(p->fingerprint + 2 * i, 3, "%02x", md[i]);
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

char *pki_csr_fingerprint(const char *csr_pem)
{
	X509_REQ *r = read_csr(csr_pem);
	EVP_PKEY *key = r ? X509_REQ_get0_pubkey(r) : NULL;
	unsigned char *der = NULL;
	int n = key ? i2d_PUBKEY(key, &der) : -1;
	char *out = n > 0 ? g_compute_checksum_for_data(G_CHECKSUM_SHA256, der, (gsize)n) : NULL;

	OPENSSL_free(der);
	X509_REQ_free(r);
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
