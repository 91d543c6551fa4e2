/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/console/png.h"

#include <stdint.h>
#include <string.h>
#include <zlib.h>

enum { MAX_SIDE = 4096, BYTES = 3 };

struct ppm {
	const uint8_t *pixels;
	uint32_t width, height;
};

/* "P6 WIDTH HEIGHT 255" with any white space and comments in between, one white space, then pixels. */
static int read_number(const uint8_t **s, const uint8_t *end, uint32_t *out)
{
	uint32_t v = 0;
	bool has_digit = false;

	while (*s < end && (g_ascii_isspace(**s) || **s == '#')) {
		if (**s == '#')
			while (*s < end && **s != '\n')
				(*s)++;
		else
			(*s)++;
	}
	for (; *s < end && g_ascii_isdigit(**s) && v < 100000; (*s)++) {
		v = v * 10 + (uint32_t)(**s - '0');
		has_digit = true;
	}
	*out = v;
	return has_digit ? 0 : -1;
}

static int read_ppm(const uint8_t *s, size_t n, struct ppm *p)
{
	const uint8_t *end = s + n;
	uint32_t max;

	if (n < 2 || s[0] != 'P' || s[1] != '6')
		return -1;
	s += 2;
	if (read_number(&s, end, &p->width) < 0 || read_number(&s, end, &p->height) < 0 ||
	    read_number(&s, end, &max) < 0)
		return -1;
	if (max != 255 || p->width < 1 || p->height < 1 || p->width > MAX_SIDE || p->height > MAX_SIDE || s >= end)
		return -1;
	p->pixels = s + 1;
	return (size_t)(end - s - 1) >= (size_t)p->width * p->height * BYTES ? 0 : -1;
}

static void put32(GString *out, uint32_t v)
{
	const uint8_t b[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };

	g_string_append_len(out, (const char *)b, sizeof(b));
}

static void put_chunk(GString *out, const char *type, const void *data, size_t n)
{
	uLong crc = crc32(0, (const Bytef *)type, 4);

	put32(out, (uint32_t)n);
	g_string_append_len(out, type, 4);
	if (n)
		g_string_append_len(out, data, (gssize)n);
	put32(out, (uint32_t)(n ? crc32(crc, data, (uInt)n) : crc));
}

/* Rows with the filter "up": screens are mostly the same from row to row. */
static GByteArray *filter_rows(const struct ppm *p)
{
	size_t row = (size_t)p->width * BYTES;
	GByteArray *all = g_byte_array_sized_new((guint)((row + 1) * p->height));
	g_autofree uint8_t *line = g_malloc(row + 1);

	for (uint32_t y = 0; y < p->height; y++) {
		const uint8_t *now = p->pixels + y * row, *before = y ? now - row : NULL;

		line[0] = before ? 2 : 0;
		for (size_t i = 0; i < row; i++)
			line[1 + i] = (uint8_t)(now[i] - (before ? before[i] : 0));
		g_byte_array_append(all, line, (guint)(row + 1));
	}
	return all;
}

GString *png_from_ppm(const void *data, size_t n, struct err *e)
{
	g_autoptr(GByteArray) rows = NULL;
	g_autoptr(GString) head = g_string_new(NULL);
	g_autofree Bytef *packed = NULL;
	struct ppm p;
	GString *out;
	uLongf size;

	if (read_ppm(data, n, &p) < 0) {
		err_set(e, ERR_BACKEND, "The picture of the screen is of no known kind.");
		return NULL;
	}
	rows = filter_rows(&p);
	size = compressBound(rows->len);
	packed = g_malloc(size);
	compress2(packed, &size, rows->data, rows->len, 3);
	put32(head, p.width);
	put32(head, p.height);
	g_string_append_len(head, "\x08\x02\0\0\0", 5); /* 8 bits, RGB */
	out = g_string_sized_new(size + 64);
	g_string_append_len(out, "\x89PNG\r\n\x1a\n", 8);
	put_chunk(out, "IHDR", head->str, head->len);
	put_chunk(out, "IDAT", packed, size);
	put_chunk(out, "IEND", NULL, 0);
	return out;
}
