/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long answers: the library asks for the next bytes when the client has taken the last ones, and we have them produced,
 * and compressed, then and there. One stream holds at most one part of its producer in memory.
 */
#include "manager/http/http_internal.h"

#include <string.h>

#include "base/log.h"

#define BLOCK (32 * 1024)

struct stream {
	struct http_exchange *x; /* its pool may be used by the producer until done() */
	bool (*produce)(void *arg, GString *out);
	void (*done)(void *arg);
	void *arg;
	GString *part;
	size_t taken; /* of part */
	bool is_last;
	struct edge_deflate *deflate; /* NULL: as it is */
};

/* Have something in part, unless that was all. */
static void stream_refill(struct stream *s)
{
	if (s->taken < s->part->len)
		return;
	g_string_truncate(s->part, 0);
	s->taken = 0;
	while (!s->is_last && s->part->len == 0)
		s->is_last = !s->produce(s->arg, s->part);
}

static ssize_t stream_plain(struct stream *s, char *out, size_t cap)
{
	size_t n;

	stream_refill(s);
	n = MIN(cap, s->part->len - s->taken);
	if (n == 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	memcpy(out, s->part->str + s->taken, n);
	s->taken += n;
	return n;
}

static ssize_t stream_gzip(struct stream *s, char *out, size_t cap)
{
	for (;;) {
		size_t used;
		ssize_t n;

		stream_refill(s);
		n = edge_deflate_step(s->deflate, s->part->str + s->taken, s->part->len - s->taken, &used, s->is_last,
		                      out, cap);
		s->taken += used;
		if (n < 0)
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (n > 0)
			return n;
	}
}

static ssize_t stream_read(void *cls, uint64_t pos, char *out, size_t cap)
{
	struct stream *s = cls;

	return s->deflate ? stream_gzip(s, out, cap) : stream_plain(s, out, cap);
}

static void stream_free(void *cls)
{
	struct stream *s = cls;

	if (s->done)
		s->done(s->arg);
	edge_deflate_free(s->deflate);
	g_string_free(s->part, TRUE);
	edge_exchange_unref(s->x);
	g_free(s);
}

void http_reply_stream(struct http_exchange *x, int status, const char *content_type,
                       bool (*produce)(void *arg, GString *out), void (*done)(void *arg), void *arg)
{
	enum edge_coding coding;
	struct MHD_Response *r;
	struct stream *s;

	if (!edge_reply_begin(x)) {
		if (done)
			done(arg);
		return;
	}
	coding = edge_reply_coding(x, content_type, SIZE_MAX);
	s = g_new0(struct stream, 1);
	s->x = x;
	x->refs++;
	s->produce = produce;
	s->done = done;
	s->arg = arg;
	s->part = g_string_new(NULL);
	if (coding == CODING_GZIP)
		s->deflate = edge_deflate_new(1);
	r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, stream_read, s, stream_free);
	/* The library ends chunks even where it sent none, to HEAD; so these end the connection instead. */
	if (strcmp(x->method, "HEAD") == 0)
		MHD_set_response_options(r, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
	edge_reply_with(x, status, content_type, r, coding, false);
}

/* ---- a body that is there already, but takes long to compress ---- */

struct rest {
	GString *body;
	size_t taken;
};

static bool rest_produce(void *arg, GString *out)
{
	struct rest *r = arg;
	size_t n = MIN(r->body->len - r->taken, 2 * BLOCK);

	g_string_append_len(out, r->body->str + r->taken, n);
	r->taken += n;
	return r->taken < r->body->len;
}

static void rest_done(void *arg)
{
	struct rest *r = arg;

	g_string_free(r->body, TRUE);
	g_free(r);
}

void edge_stream_string(struct http_exchange *x, int status, const char *content_type, GString *body)
{
	struct rest *r = g_new0(struct rest, 1);

	r->body = body;
	http_reply_stream(x, status, content_type, rest_produce, rest_done, r);
}
