/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/http/http_cert.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <gnutls/x509.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

static void write_pem(const char *dir, const char *file, gnutls_datum_t *pem)
{
	g_autofree char *path = g_build_filename(dir, file, NULL);

	if (!g_file_set_contents(path, (const char *)pem->data, pem->size, NULL))
		g_error("cannot write %s", path);
	gnutls_free(pem->data);
}

void test_cert_write(const char *dir, const char *name)
{
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t cert;
	gnutls_datum_t pem;
	uint8_t serial[] = { 1, (uint8_t)g_random_int(), 3 };
	time_t now = time(NULL);
	g_autofree char *dn = g_strconcat("CN=", name, NULL);

	gnutls_x509_privkey_init(&key);
	gnutls_x509_privkey_generate(key, GNUTLS_PK_RSA, 2048, 0);
	gnutls_x509_crt_init(&cert);
	gnutls_x509_crt_set_key(cert, key);
	gnutls_x509_crt_set_version(cert, 3);
	gnutls_x509_crt_set_serial(cert, serial, sizeof(serial));
	gnutls_x509_crt_set_activation_time(cert, now - 3600);
	gnutls_x509_crt_set_expiration_time(cert, now + 86400);
	gnutls_x509_crt_set_dn(cert, dn, NULL);
	gnutls_x509_crt_set_subject_alt_name(cert, GNUTLS_SAN_DNSNAME, name, strlen(name), GNUTLS_FSAN_SET);
	if (gnutls_x509_crt_sign2(cert, cert, key, GNUTLS_DIG_SHA256, 0) < 0)
		g_error("cannot sign a certificate");
	gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_PEM, &pem);
	write_pem(dir, "cert.pem", &pem);
	gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem);
	write_pem(dir, "key.pem", &pem);
	gnutls_x509_crt_deinit(cert);
	gnutls_x509_privkey_deinit(key);
}

void test_cert_remove(const char *dir)
{
	g_autofree char *cert = g_build_filename(dir, "cert.pem", NULL), *key = g_build_filename(dir, "key.pem", NULL);

	g_unlink(cert);
	g_unlink(key);
	g_rmdir(dir);
}
