/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_test.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <sys/stat.h>

#include "agent/pki.h"

/* A certificate that signs itself, with a key of its own. */
static char *make_foreign(struct pool *p)
{
	g_autofree char *dir = g_dir_make_tmp("agent-pki-XXXXXX", NULL), *pem = NULL;
	struct err e = ERR_INIT;
	struct pki k;

	assert_int_equal(pki_open(p, dir, &k, &e), 0);
	assert_int_equal(pki_self_sign(p, &k, "host", &e), 0);
	assert_true(g_file_get_contents(k.pairing_cert, &pem, NULL, NULL));
	g_unlink(k.key);
	g_unlink(k.pairing_cert);
	g_rmdir(k.dir);
	g_rmdir(dir);
	return pool_strdup(p, pem);
}

static void keys_and_certificates(void **unused)
{
	g_autofree char *dir = g_dir_make_tmp("agent-pki-XXXXXX", NULL), *self = NULL, *key = NULL, *again = NULL;
	auto_pool p = pool_new();
	struct err e = ERR_INIT;
	struct pki k;
	struct stat st;
	char *csr, *foreign;

	assert_int_equal(pki_open(p, dir, &k, &e), 0);
	assert_false(pki_is_complete(&k));
	assert_int_equal(pki_self_sign(p, &k, "host", &e), 0);
	assert_int_equal(stat(k.key, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(g_file_get_contents(k.pairing_cert, &self, NULL, NULL));
	assert_true(g_file_get_contents(k.key, &key, NULL, NULL));
	assert_int_equal(strlen(pki_cert_fingerprint(p, self, &e)), 64);
	assert_int_equal(pki_request(p, &k, "host", &csr, &e), 0);
	assert_int_equal(strlen(pki_request_fingerprint(p, csr, &e)), 64);
	assert_true(g_file_get_contents(k.key, &again, NULL, NULL));
	assert_string_equal(key, again); /* the key stays */

	assert_int_equal(
	    pki_request(p, &k, "a name that is far longer than the sixty-four characters that X.509 knows", &csr, &e),
	    -1);
	assert_null(pki_cert_fingerprint(p, "nonsense", &e));
	assert_int_equal(pki_install(&k, "nonsense", self, &e), -1);
	assert_false(pki_is_complete(&k));
	assert_int_equal(pki_install(&k, self, self, &e), 0); /* issued by itself */
	assert_true(pki_is_complete(&k));
	assert_false(pki_is_expired(&k));

	/* a successor comes from the same CA: one that signs itself with another key does not */
	assert_int_equal(pki_check_successor(&k, self, self, &e), 0);
	assert_int_equal(pki_check_successor(&k, self, "nonsense", &e), -1);
	foreign = make_foreign(p);
	assert_int_equal(pki_check_successor(&k, foreign, foreign, &e), -1);
	assert_int_equal(e.code, ERR_DENIED);
	assert_int_equal(pki_check_successor(&k, self, foreign, &e), -1);
	g_unlink(k.ca);
	g_unlink(k.cert);
	g_unlink(k.key);
	g_unlink(k.pairing_cert);
	g_rmdir(k.dir);
	g_rmdir(dir);
}

static void hashes(void **unused)
{
	auto_pool p = pool_new();

	assert_string_equal(pki_hash(p, "abc", 3), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	/* RFC 4231, case 2 */
	assert_string_equal(pki_hmac(p, "Jefe", "what do ya want ", "for nothing?"),
	                    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(keys_and_certificates), cmocka_unit_test(hashes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
