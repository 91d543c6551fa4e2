/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords as /etc/shadow has them: SHA-512 crypt with 5000 rounds, as all of Linux reads it. */
#include <string.h>

#include "manager/vms/init_int.h"

enum { SIZE = 64, ROUNDS = 5000, SALT_LEN = 16, MAX_PASSWORD = 512 };

/* A sum over parts, one call per part; ends with put_end(). */
static GChecksum *sum_new(void) { return g_checksum_new(G_CHECKSUM_SHA512); }

static void put(GChecksum *sum, const void *data, size_t n) { g_checksum_update(sum, data, (gssize)n); }

static void put_end(GChecksum *sum, guint8 out[SIZE])
{
	gsize n = SIZE;

	g_checksum_get_digest(sum, out, &n);
	g_checksum_free(sum);
}

static void put_repeated(GChecksum *sum, const guint8 block[SIZE], size_t n)
{
	for (; n > SIZE; n -= SIZE)
		put(sum, block, SIZE);
	put(sum, block, n);
}

static void first_sum(const char *key, size_t key_len, const char *salt, guint8 out[SIZE])
{
	GChecksum *sum = sum_new();
	guint8 other[SIZE];

	put(sum, key, key_len);
	put(sum, salt, SALT_LEN);
	put(sum, key, key_len);
	put_end(sum, other);
	sum = sum_new();
	put(sum, key, key_len);
	put(sum, salt, SALT_LEN);
	put_repeated(sum, other, key_len);
	for (size_t n = key_len; n; n >>= 1)
		if (n & 1)
			put(sum, other, SIZE);
		else
			put(sum, key, key_len);
	put_end(sum, out);
}

/* A sequence of n bytes from the sum over text, repeated. */
static void sequence(const char *text, size_t n, size_t times, guint8 *out)
{
	GChecksum *sum = sum_new();
	guint8 digest[SIZE];

	while (times--)
		put(sum, text, n);
	put_end(sum, digest);
	for (size_t i = 0; i < n; i++)
		out[i] = digest[i % SIZE];
}

static void rounds(const guint8 *key, size_t key_len, const guint8 salt[SALT_LEN], guint8 a[SIZE])
{
	for (int i = 0; i < ROUNDS; i++) {
		GChecksum *sum = sum_new();

		put(sum, i & 1 ? key : a, i & 1 ? key_len : SIZE);
		if (i % 3)
			put(sum, salt, SALT_LEN);
		if (i % 7)
			put(sum, key, key_len);
		put(sum, i & 1 ? a : key, i & 1 ? SIZE : key_len);
		put_end(sum, a);
	}
}

static void encode(GString *out, unsigned value, int n)
{
	static const char DIGITS[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	for (; n > 0; n--, value >>= 6)
		g_string_append_c(out, DIGITS[value & 63]);
}

static char *text_of(struct pool *p, const char *salt, const guint8 a[SIZE])
{
	g_autoptr(GString) out = g_string_new(NULL);
	int x = 0, y = 21, z = 42;

	g_string_append_printf(out, "$6$%s$", salt);
	for (int i = 0; i < 21; i++) {
		const int next = y;

		encode(out, (unsigned)a[x] << 16 | (unsigned)a[y] << 8 | a[z], 4);
		y = z + 1; /* the three places go round */
		z = x + 1;
		x = next + 1;
	}
	encode(out, a[63], 2);
	return pool_strdup(p, out->str);
}

char *init_hash(struct pool *p, const char *vm_id, const char *password)
{
	g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, vm_id ? vm_id : "", -1);
	const size_t n = strlen(password);
	guint8 a[SIZE], key[MAX_PASSWORD], salt_bytes[SALT_LEN];
	char salt[SALT_LEN + 1];

	if (n > sizeof(key))
		return NULL;
	g_strlcpy(salt, digest, sizeof(salt));
	first_sum(password, n, salt, a);
	sequence(password, n, n, key);
	sequence(salt, SALT_LEN, 16 + (size_t)a[0], salt_bytes);
	rounds(key, n, salt_bytes, a);
	explicit_bzero(key, sizeof(key));
	return text_of(p, salt, a);
}
