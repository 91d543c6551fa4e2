/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords: salted and hashed slowly, on a worker. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "manager/core/auth.h"
#include "manager/core/sessions_int.h"

enum { ITERATIONS = 60000, HASH_LEN = 32 };

void session_hex(const unsigned char *in, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++)
		g_snprintf(out + 2 * i, 3, "%02x", in[i]);
}

static bool derive(const char *password, const char *salt, int iterations, unsigned char out[HASH_LEN])
{
	return PKCS5_PBKDF2_HMAC(password, (int)strlen(password), (const unsigned char *)salt, (int)strlen(salt),
	                         iterations, EVP_sha512(), HASH_LEN, out) == 1;
}

bool password_matches(const char *hash, const char *password)
{
	g_auto(GStrv) part = g_strsplit(hash ? hash : "", "$", 4);
	unsigned char out[HASH_LEN];
	char hex[2 * HASH_LEN + 1];
	int iterations;

	if (g_strv_length(part) != 4 || strcmp(part[0], "pbkdf2-sha512") != 0 || strlen(part[3]) != 2 * HASH_LEN)
		return false;
	iterations = (int)g_ascii_strtoll(part[1], NULL, 10);
	if (iterations < 1 || iterations > 10000000 || !derive(password, part[2], iterations, out))
		return false;
	session_hex(out, sizeof(out), hex);
	return CRYPTO_memcmp(hex, part[3], 2 * HASH_LEN) == 0;
}

struct hashing {
	unsigned char salt[16];
	char *password, *hash;
};

static char *hash_with(const unsigned char salt_bytes[16], const char *password)
{
	unsigned char out[HASH_LEN];
	char salt[33], hex[2 * HASH_LEN + 1];

	session_hex(salt_bytes, 16, salt);
	if (!derive(password, salt, ITERATIONS, out))
		return NULL;
	session_hex(out, sizeof(out), hex);
	return g_strdup_printf("pbkdf2-sha512$%d$%s$%s", ITERATIONS, salt, hex);
}

char *password_hash(struct chance *chance, const char *password)
{
	unsigned char salt[16];

	chance_bytes(chance, salt, sizeof(salt));
	return hash_with(salt, password);
}

static void hash_work(void *arg)
{
	struct hashing *h = arg;
	h->hash = hash_with(h->salt, h->password);
}

int password_hash_wait(struct core *c, const char *password, char **hash, struct err *e)
{
	struct hashing h = { .password = g_strdup(password) };
	int rc = 0;

	chance_bytes(c->chance, h.salt, sizeof(h.salt));
	if (c->tasks)
		rc = task_run(c->tasks, hash_work, &h, e);
	else
		hash_work(&h);
	OPENSSL_cleanse(h.password, strlen(h.password));
	g_free(h.password);
	*hash = h.hash;
	return rc < 0 ? -1 : h.hash ? 0 : err_set(e, ERR_INTERNAL, "The password could not be hashed.");
}

struct check {
	char *hash, *password;
	bool matches;
};

static void check_work(void *arg)
{
	struct check *ck = arg;
	ck->matches = password_matches(ck->hash, ck->password);
}

int password_check(struct core *c, const char *hash, const char *password, bool *matches, struct err *e)
{
	struct check ck = { g_strdup(hash), g_strdup(password), false };
	int rc = 0;

	if (c->tasks)
		rc = task_run(c->tasks, check_work, &ck, e);
	else
		check_work(&ck);
	OPENSSL_cleanse(ck.password, strlen(ck.password));
	g_free(ck.hash);
	g_free(ck.password);
	*matches = ck.matches;
	return rc;
}
