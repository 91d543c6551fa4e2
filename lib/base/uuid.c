/* SPDX-License-Identifier: Apache-2.0 */
#include "base/uuid.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define BUFFER_SIZE 256

struct chance {
	bool is_seeded;
	uint64_t state[4]; /* xoshiro256** */
	pid_t pid;         /* who filled the buffer: a forked child must not repeat it */
	size_t left;       /* unused bytes at the end of the buffer */
	uint8_t buffer[BUFFER_SIZE];
};

struct chance *chance_new_real(void) { return g_new0(struct chance, 1); }

static uint64_t splitmix(uint64_t *seed)
{
	uint64_t z = (*seed += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

struct chance *chance_new_seeded(uint64_t seed)
{
	struct chance *c = g_new0(struct chance, 1);

	c->is_seeded = true;
	for (int i = 0; i < 4; i++)
		c->state[i] = splitmix(&seed);
	return c;
}

void chance_free(struct chance *c)
{
	if (!c)
		return;
	explicit_bzero(c, sizeof(*c));
	g_free(c);
}

static uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

static uint64_t seeded_next(struct chance *c)
{
	uint64_t *s = c->state;
	uint64_t result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

static void seeded_bytes(struct chance *c, uint8_t *to, size_t n)
{
	while (n > 0) {
		uint64_t word = GUINT64_TO_LE(seeded_next(c));
		size_t part = MIN(n, sizeof(word));

		memcpy(to, &word, part);
		to += part;
		n -= part;
	}
}

static void kernel_bytes(uint8_t *to, size_t n)
{
	while (n > 0) {
		ssize_t got = getrandom(to, n, 0);

		if (got < 0 && errno != EINTR)
			g_error("getrandom: %s", g_strerror(errno));
		if (got > 0) {
			to += got;
			n -= (size_t)got;
		}
	}
}

static void real_bytes(struct chance *c, uint8_t *to, size_t n)
{
	uint8_t *from;

	if (n > BUFFER_SIZE / 2) {
		kernel_bytes(to, n);
		return;
	}
	if (c->left < n || c->pid != getpid()) {
		kernel_bytes(c->buffer, BUFFER_SIZE);
		c->left = BUFFER_SIZE;
		c->pid = getpid();
	}
	from = c->buffer + BUFFER_SIZE - c->left;
	memcpy(to, from, n);
	explicit_bzero(from, n);
	c->left -= n;
}

void chance_bytes(struct chance *c, void *buf, size_t n)
{
	if (c->is_seeded)
		seeded_bytes(c, buf, n);
	else
		real_bytes(c, buf, n);
}

uint64_t chance_below(struct chance *c, uint64_t bound)
{
	uint64_t x, limit;

	if (bound <= 1)
		return 0;
	/* Draw again from the incomplete last round, so that each result is equally likely. */
	limit = UINT64_MAX - UINT64_MAX % bound;
	do {
		chance_bytes(c, &x, sizeof(x));
		x = GUINT64_FROM_LE(x);
	} while (x >= limit);
	return x % bound;
}

static void write_text(const uint8_t b[16], uuid_text out)
{
	static const char HEX[] = "0123456789abcdef";
	char *to = out;

	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*to++ = '-';
		*to++ = HEX[b[i] >> 4];
		*to++ = HEX[b[i] & 15];
	}
	*to = '\0';
}

static void stamp(uint8_t b[16], int version)
{
	b[6] = (uint8_t)((b[6] & 0x0f) | version << 4);
	b[8] = (b[8] & 0x3f) | 0x80;
}

void uuid_make(struct chance *c, uuid_text out)
{
	uint8_t b[16];

	chance_bytes(c, b, sizeof(b));
	stamp(b, 4);
	write_text(b, out);
}

bool uuid_is_valid(const char *s)
{
	if (!s)
		return false;
	for (int i = 0; i < UUID_LEN; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (s[i] != '-')
				return false;
		} else if (!g_ascii_isxdigit(s[i])) {
			return false;
		}
	}
	return s[UUID_LEN] == '\0';
}

void uuid_derive(const char *ns, const char *name, uuid_text out)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA1);
	uint8_t digest[20];
	gsize len = sizeof(digest);

	if (uuid_is_valid(ns)) { /* as RFC 9562 has it */
		for (int i = 0; i < UUID_LEN;) {
			uint8_t byte;

			if (ns[i] == '-') {
				i++;
				continue;
			}
			byte = (uint8_t)(g_ascii_xdigit_value(ns[i]) << 4 | g_ascii_xdigit_value(ns[i + 1]));
			g_checksum_update(sum, &byte, 1);
			i += 2;
		}
	} else {
		g_checksum_update(sum, (const guchar *)ns, (gssize)strlen(ns) + 1);
	}
	g_checksum_update(sum, (const guchar *)name, (gssize)strlen(name));
	g_checksum_get_digest(sum, digest, &len);
	stamp(digest, 5);
	write_text(digest, out);
}
