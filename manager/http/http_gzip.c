/* SPDX-License-Identifier: Apache-2.0 */
/* Compression of answers: fast (level 1), and only for what is text and long enough. */
#include "manager/http/http_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#define GZIP_WINDOW (15 + 16)   /* the 16 asks for gzip's frame */
#define STEP_INPUT  (64 * 1024) /* takes less than a millisecond */

struct edge_deflate {
	z_stream z;
	bool is_ended;
	size_t unseen; /* input since the last output */
};

struct edge_deflate *edge_deflate_new(int level)
{
	struct edge_deflate *d = g_new0(struct edge_deflate, 1);

	if (deflateInit2(&d->z, level, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		g_error("out of memory for compression");
	return d;
}

void edge_deflate_free(struct edge_deflate *d)
{
	if (!d)
		return;
	deflateEnd(&d->z);
	g_free(d);
}

GString *edge_gzip(struct edge_deflate *d, const void *data, size_t len)
{
	size_t cap = len - len / 16; /* not worth it for less */
	GString *out;

	if (len > UINT32_MAX / 2)
		return NULL;
	out = g_string_sized_new(len / 4 + 256);
	deflateReset(&d->z);
	d->z.next_in = (Bytef *)data;
	d->z.avail_in = len;
	for (;;) {
		size_t room = out->allocated_len - 1 - out->len;
		int rc;

		d->z.next_out = (Bytef *)out->str + out->len;
		d->z.avail_out = room;
		rc = deflate(&d->z, Z_FINISH);
		g_string_set_size(out, out->len + room - d->z.avail_out);
		if (rc == Z_STREAM_END && out->len <= cap)
			return out;
		if (rc != Z_OK || out->len > cap)
			break;
		/* Make room, and take it back: the length is what is written. */
		room = out->len;
		g_string_set_size(out, room * 2);
		g_string_truncate(out, room);
	}
	g_string_free(out, TRUE);
	return NULL;
}

ssize_t edge_deflate_step(struct edge_deflate *d, const void *in, size_t len, size_t *used, bool is_last, void *out,
                          size_t cap)
{
	int flush = Z_NO_FLUSH;

	*used = 0;
	if (d->is_ended)
		return -1;
	d->z.next_in = (Bytef *)in;
	d->z.avail_in = MIN(len, STEP_INPUT);
	d->z.next_out = out;
	d->z.avail_out = MIN(cap, UINT32_MAX);
	cap = d->z.avail_out;
	if (is_last && len <= STEP_INPUT)
		flush = Z_FINISH;
	else if (d->unseen >= STEP_INPUT)
		flush = Z_SYNC_FLUSH; /* very compressible; let something out */
	d->is_ended = deflate(&d->z, flush) == Z_STREAM_END;
	*used = MIN(len, STEP_INPUT) - d->z.avail_in;
	cap -= d->z.avail_out;
	d->unseen = cap ? 0 : d->unseen + *used;
	return cap || !d->is_ended ? (ssize_t)cap : -1;
}

/* "gzip;q=0.5": the weight after the coding, 1 if there is none. */
static double coding_weight(const char *s, size_t len)
{
	const char *q = memmem(s, len, "q=", 2);

	return q ? g_ascii_strtod(q + 2, NULL) : 1;
}

bool edge_accepts_gzip(const struct http_exchange *x)
{
	const char *s = http_header(x, "Accept-Encoding");
	double any = 0;

	while (s && *s) {
		size_t len = strcspn(s, ","), name;

		while (len && (*s == ' ' || *s == '\t'))
			s++, len--;
		name = strcspn(s, "; \t,");
		if (name == 4 && strncasecmp(s, "gzip", 4) == 0)
			return coding_weight(s, len) > 0;
		if (name == 1 && *s == '*')
			any = coding_weight(s, len);
		s += len;
		s += *s == ',';
	}
	return any > 0;
}

bool edge_is_compressible(const char *type)
{
	static const char *const PACKED[] = { "image/",
		                              "video/",
		                              "audio/",
		                              "font/woff",
		                              "application/zip",
		                              "application/gzip",
		                              "application/octet-stream",
		                              "text/event-stream" };

	if (!type)
		return false;
	if (g_ascii_strncasecmp(type, "image/svg", 9) == 0)
		return true;
	for (size_t i = 0; i < G_N_ELEMENTS(PACKED); i++)
		if (g_ascii_strncasecmp(type, PACKED[i], strlen(PACKED[i])) == 0)
			return false;
	return true;
}
