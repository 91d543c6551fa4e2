/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The STOMP parser: the same frames must come out however the bytes are split, and what it accepts must
 * survive being built and read again. The first byte of the input chooses the split.
 */
#include <glib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/stomp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void rebuild(GString *out, const struct stomp_frame *f)
{
	stomp_begin(out, f->command);
	for (size_t i = 0; i < f->n_headers; i++)
		if (strcmp(f->headers[i].name, "content-length") != 0)
			stomp_add(out, f->headers[i].name, f->headers[i].value);
	stomp_end(out, f->body, f->body_len);
}

static int parse(const char *data, size_t n, size_t step, GString *out)
{
	struct stomp_parser *p = stomp_parser_new(4096);
	struct stomp_frame f;
	struct err e;
	int rc = 0;

	for (size_t at = 0; at < n && rc >= 0; at += step) {
		stomp_parser_feed(p, data + at, MIN(step, n - at));
		while ((rc = stomp_parser_next(p, &f, &e)) > 0)
			rebuild(out, &f);
	}
	stomp_parser_free(p);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GString) whole = g_string_new(NULL), split = g_string_new(NULL);
	int rc;

	if (size < 1)
		return 0;
	rc = parse((const char *)data + 1, size - 1, size, whole);
	if (parse((const char *)data + 1, size - 1, (size_t)data[0] % 64 + 1, split) != rc ||
	    !g_string_equal(whole, split))
		abort();
	/* CONNECT knows no escapes, so its headers do not survive; all others do. */
	if (!memmem(whole->str, whole->len, "CONNECT", 7) && !memmem(whole->str, whole->len, "STOMP", 5)) {
		g_autoptr(GString) again = g_string_new(NULL);

		if (parse(whole->str, whole->len, whole->len + 1, again) == 0 && !g_string_equal(whole, again))
			abort();
	}
	return 0;
}
