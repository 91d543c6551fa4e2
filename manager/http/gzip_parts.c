/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/http/gzip_parts.h"

#include <string.h>
#include <zlib.h>

#define RAW_WINDOW  (-15) /* the minus leaves out zlib's frame */
#define LEVEL       1
#define STORED_MAX  128 /* shorter texts do not get much shorter */
#define STORED_HEAD 5
#define FLUSH_EXTRA 16 /* an empty block at the end, beyond what deflateBound() says */

struct gzip_packer {
	z_stream z;
};

/* Deflate, no name, no time, made on Unix. */
const char GZIP_HEAD[10] = { 0x1f, (char)0x8b, 8, 0, 0, 0, 0, 0, 0, 3 };

struct gzip_packer *gzip_packer_new(void)
{
	struct gzip_packer *g = g_new0(struct gzip_packer, 1);

	if (deflateInit2(&g->z, LEVEL, Z_DEFLATED, RAW_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		g_error("out of memory for compression");
	return g;
}

void gzip_packer_free(struct gzip_packer *g)
{
	if (!g)
		return;
	deflateEnd(&g->z);
	g_free(g);
}

/* ---- sums ---- */

static uint32_t shift_of(uint32_t len)
{
#if ZLIB_VERNUM >= 0x12c0
	return (uint32_t)crc32_combine_gen(len);
#else
	return len;
#endif
}

static uint32_t combine(uint32_t before, uint32_t crc, uint32_t shift)
{
#if ZLIB_VERNUM >= 0x12c0
	return (uint32_t)crc32_combine_op(before, crc, shift);
#else
	return (uint32_t)crc32_combine(before, crc, shift);
#endif
}

void gzip_sum_add(struct gzip_sum *s, const struct gzip_part *part)
{
	s->crc = combine(s->crc, part->crc, part->shift);
	s->len += part->len;
}

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

GBytes *gzip_tail(const struct gzip_sum *s)
{
	uint8_t tail[GZIP_TAIL_SIZE] = { 0x03, 0x00 }; /* the last block, empty */

	put32(tail + 2, s->crc);
	put32(tail + 6, s->len);
	return g_bytes_new(tail, sizeof(tail));
}

/* ---- parts ---- */

/* Blocks that are not packed: their head and the text. */
static GBytes *stored(const uint8_t *text, size_t len)
{
	GByteArray *out = g_byte_array_sized_new((guint)(len + len / UINT16_MAX * STORED_HEAD + STORED_HEAD));

	for (size_t at = 0, n; at < len; at += n) {
		uint8_t head[STORED_HEAD] = { 0 };

		n = MIN(len - at, UINT16_MAX);
		put32(head + 1, (uint32_t)n | ~(uint32_t)n << 16);
		g_byte_array_append(out, head, sizeof(head));
		g_byte_array_append(out, text + at, (guint)n);
	}
	return g_byte_array_free_to_bytes(out);
}

static GBytes *packed(struct gzip_packer *g, const uint8_t *text, size_t len)
{
	GBytes *bytes;
	size_t cap;
	uint8_t *out;

	deflateReset(&g->z);
	cap = deflateBound(&g->z, len) + FLUSH_EXTRA;
	out = g_malloc(cap);
	g->z.next_in = (Bytef *)text;
	g->z.avail_in = (uInt)len;
	g->z.next_out = out;
	g->z.avail_out = (uInt)cap;
	deflate(&g->z, Z_SYNC_FLUSH);
	if (g->z.avail_in || !g->z.avail_out) { /* not all of it is out, whatever zlib has promised */
		g_free(out);
		return stored(text, len);
	}
	bytes = g_bytes_new(out, cap - g->z.avail_out);
	g_free(out);
	return bytes;
}

void gzip_part_make(struct gzip_part *part, struct gzip_packer *g, GBytes *text)
{
	gsize len;
	const uint8_t *data = g_bytes_get_data(text, &len);

	part->bytes = g && len > STORED_MAX ? packed(g, data, len) : stored(data, len);
	part->crc = (uint32_t)crc32_z(0, data, len);
	part->len = (uint32_t)len;
	part->shift = shift_of(part->len);
}

void gzip_part_clear(struct gzip_part *part) { g_clear_pointer(&part->bytes, g_bytes_unref); }
