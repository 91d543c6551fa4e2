/* SPDX-License-Identifier: Apache-2.0 */
#include "certs.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

static EVP_PKEY *first_key, *other_key;
static X509 *first_ca, *other_authority;

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	g_assert_nonnull(ext);
	X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
}

static X509 *make_cert(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
	static long serial = 1;
	X509 *cert = X509_new();
	X509_NAME *subject = X509_get_subject_name(cert);

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
	X509_set_pubkey(cert, key);
	X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : subject);
	add_extension(cert, issuer ? issuer : cert, NID_basic_constraints, issuer ? "CA:FALSE" : "critical,CA:TRUE");
	if (issuer)
		add_extension(cert, issuer, NID_subject_alt_name, "DNS:agent.test,DNS:localhost,IP:127.0.0.1");
	g_assert_cmpint(X509_sign(cert, issuer_key ? issuer_key : key, EVP_sha256()), >, 0);
	return cert;
}

static void write_cert(const char *path, X509 *cert)
{
	FILE *f = fopen(path, "w");

	g_assert_nonnull(f);
	g_assert_cmpint(PEM_write_X509(f, cert), ==, 1);
	fclose(f);
}

static void write_key(const char *path, EVP_PKEY *key)
{
	FILE *f = fopen(path, "w");

	g_assert_nonnull(f);
	g_assert_cmpint(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), ==, 1);
	fclose(f);
}

static void issue(const char *name, X509 *ca, EVP_PKEY *ca_key, const char *cert_path, const char *key_path)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = make_cert(name, key, ca, ca_key);

	write_cert(cert_path, cert);
	write_key(key_path, key);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static char *in_dir(const struct certs *c, const char *name) { return g_build_filename(c->dir, name, NULL); }

void certs_make(struct certs *c)
{
	c->dir = g_dir_make_tmp("hostler-certs-XXXXXX", NULL);
	g_assert_nonnull(c->dir);
	c->ca = in_dir(c, "ca.pem");
	c->other_ca = in_dir(c, "other-ca.pem");
	c->server_cert = in_dir(c, "server.pem");
	c->server_key = in_dir(c, "server.key");
	c->client_cert = in_dir(c, "client.pem");
	c->client_key = in_dir(c, "client.key");
	c->stranger_cert = in_dir(c, "stranger.pem");
	c->stranger_key = in_dir(c, "stranger.key");
	first_key = EVP_EC_gen("P-256");
	other_key = EVP_EC_gen("P-256");
	first_ca = make_cert("Test CA", first_key, NULL, NULL);
	other_authority = make_cert("Other CA", other_key, NULL, NULL);
	write_cert(c->ca, first_ca);
	write_cert(c->other_ca, other_authority);
	issue("agent.test", first_ca, first_key, c->server_cert, c->server_key);
	issue("manager.test", first_ca, first_key, c->client_cert, c->client_key);
	issue("stranger.test", other_authority, other_key, c->stranger_cert, c->stranger_key);
}

void certs_renew_server(struct certs *c, const char *common_name)
{
	issue(common_name, first_ca, first_key, c->server_cert, c->server_key);
}

void certs_remove(struct certs *c)
{
	char **all[] = { &c->ca,          &c->other_ca,   &c->server_cert,   &c->server_key,
		         &c->client_cert, &c->client_key, &c->stranger_cert, &c->stranger_key };

	for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
		g_unlink(*all[i]);
		g_clear_pointer(all[i], g_free);
	}
	g_rmdir(c->dir);
	g_clear_pointer(&c->dir, g_free);
	X509_free(first_ca);
	X509_free(other_authority);
	EVP_PKEY_free(first_key);
	EVP_PKEY_free(other_key);
}
