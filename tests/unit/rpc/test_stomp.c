/* SPDX-License-Identifier: Apache-2.0 */
#include "test_util.h"

#include <glib.h>
#include <string.h>

#include "rpc/stomp.h"

#define BYTES(s) (s), sizeof(s) - 1

static const char STREAM[] = "\n\r\nCONNECT\naccept-version:1.2\nheart-beat:0,24000\nodd:a\\b\n\n\0\n\n"
                             "SUBSCRIBE\r\nid:1\r\nid:2\r\ndestination:a\\cb\\\\c\\nd\\re\r\n\r\n\0"
                             "SEND\ncontent-length:5\ndestination:x\n\na\0b\nc\0"
                             "SEND\ndestination:y\n\n{\"k\":1}\0\n"
                             "SEND\nempty:\ncontent-length:0\n\n\0";

static void append_frame(GString *out, const struct stomp_frame *f)
{
	g_string_append_printf(out, "%s{", f->command);
	for (size_t i = 0; i < f->n_headers; i++)
		g_string_append_printf(out, "%s=%s;", f->headers[i].name, f->headers[i].value);
	g_string_append_printf(out, "%zu:", f->body_len);
	for (size_t i = 0; i < f->body_len; i++)
		g_string_append_c(out, f->body[i] ? f->body[i] : '0');
	assert_int_equal(f->body[f->body_len], 0);
	g_string_append(out, "} ");
}

static void drain(struct stomp_parser *p, GString *out)
{
	struct stomp_frame f;
	struct err e;
	int rc;

	while ((rc = stomp_parser_next(p, &f, &e)) > 0)
		append_frame(out, &f);
	assert_int_equal(rc, 0);
}

static const char EXPECTED[] = "CONNECT{accept-version=1.2;heart-beat=0,24000;odd=a\\b;0:} "
                               "SUBSCRIBE{id=1;id=2;destination=a:b\\c\nd\re;0:} "
                               "SEND{content-length=5;destination=x;5:a0b\nc} "
                               "SEND{destination=y;7:{\"k\":1}} "
                               "SEND{empty=;content-length=0;0:} ";

static void frames_split_anywhere(void **state)
{
	size_t n = sizeof(STREAM) - 1;

	for (size_t first = 0; first <= n; first++) {
		for (size_t second = first; second <= n; second += 7) {
			struct stomp_parser *p = stomp_parser_new(0);
			g_autoptr(GString) out = g_string_new(NULL);

			stomp_parser_feed(p, STREAM, first);
			drain(p, out);
			stomp_parser_feed(p, STREAM + first, second - first);
			drain(p, out);
			stomp_parser_feed(p, STREAM + second, n - second);
			drain(p, out);
			assert_string_equal(out->str, EXPECTED);
			stomp_parser_free(p);
		}
	}
}

static void frames_byte_by_byte(void **state)
{
	struct stomp_parser *p = stomp_parser_new(0);
	g_autoptr(GString) out = g_string_new(NULL);

	for (size_t i = 0; i < sizeof(STREAM) - 1; i++) {
		g_autofree char *one = g_memdup2(STREAM + i, 1); /* its end is watched by the sanitizer */

		stomp_parser_feed(p, one, 1);
		drain(p, out);
	}
	assert_string_equal(out->str, EXPECTED);
	stomp_parser_free(p);
}

static void the_first_of_a_repeated_header_counts(void **state)
{
	struct stomp_parser *p = stomp_parser_new(0);
	struct stomp_frame f;
	struct err e;

	stomp_parser_feed(p, BYTES("SEND\na:1\na:2\n\n\0"));
	assert_int_equal(stomp_parser_next(p, &f, &e), 1);
	assert_string_equal(stomp_frame_header(&f, "a"), "1");
	assert_null(stomp_frame_header(&f, "b"));
	stomp_parser_free(p);
}

static void bad_streams(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		enum err_code code;
	} BAD[] = {
		{ BYTES("send\n\n\0"), ERR_SYNTAX },
		{ BYTES("\x16\x03\x01\x02"), ERR_SYNTAX },
		{ BYTES("SEND\nno colon\n\n\0"), ERR_SYNTAX },
		{ BYTES("SEND\n:x\n\n\0"), ERR_SYNTAX },
		{ BYTES("SEND\na:\\t\n\n\0"), ERR_SYNTAX },
		{ BYTES("SEND\na:\\\n\n\0"), ERR_SYNTAX },
		{ BYTES("SEND\na:\xff\n\n\0"), ERR_SYNTAX },
		{ BYTES("SEND\0\n\n\0"), ERR_SYNTAX },
		{ BYTES("SEND\ncontent-length:x\n\n\0"), ERR_SYNTAX },
		{ BYTES("SEND\ncontent-length:\n\n\0"), ERR_SYNTAX },
		{ BYTES("SEND\ncontent-length:-1\n\n\0"), ERR_SYNTAX },
		{ BYTES("SEND\ncontent-length:1\n\nab\0"), ERR_SYNTAX },
		{ BYTES("SEND\ncontent-length:1001\n\n"), ERR_TOO_LARGE },
		{ BYTES("SEND\ncontent-length:99999999999999999999999999\n\n"), ERR_TOO_LARGE },
		{ BYTES("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJ\n\n\0"), ERR_SYNTAX },
		{ BYTES("\r\rSEND\n\n\0"), ERR_SYNTAX },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(BAD); i++) {
		struct stomp_parser *p = stomp_parser_new(1000);
		struct stomp_frame f;
		struct err e;

		stomp_parser_feed(p, BAD[i].bytes, BAD[i].n);
		if (stomp_parser_next(p, &f, &e) != -1 || e.code != BAD[i].code)
			fail_msg("case %zu", i);
		stomp_parser_feed(p, BYTES("SEND\n\n\0"));
		assert_int_equal(stomp_parser_next(p, &f, &e), -1); /* stays broken */
		stomp_parser_free(p);
	}
}

/* Feeds copies of a part until the parser refuses; returns how many bytes it has taken. */
static size_t feed_until_refused(const char *begin, const char *part, enum err_code code)
{
	struct stomp_parser *p = stomp_parser_new(100000);
	struct stomp_frame f;
	struct err e;
	size_t n = 0;

	stomp_parser_feed(p, begin, strlen(begin));
	while (n < 10 * 1024 * 1024 && stomp_parser_next(p, &f, &e) == 0) {
		stomp_parser_feed(p, part, strlen(part));
		n += strlen(part);
	}
	assert_int_equal(e.code, code);
	stomp_parser_free(p);
	return n;
}

static void sizes_are_bounded(void **state)
{
	struct stomp_parser *p = stomp_parser_new(0);
	g_autoptr(GString) many = g_string_new("SEND\n");
	struct stomp_frame f;
	struct err e;

	assert_true(feed_until_refused("SEND\n", "h:some value that is longer\n", ERR_TOO_LARGE) < 70000);
	assert_true(feed_until_refused("SEND\nh:", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", ERR_TOO_LARGE) < 70000);
	assert_true(feed_until_refused("SEND\n\n", "0123456789012345678901234567890123456789", ERR_TOO_LARGE) < 100100);
	for (int i = 0; i <= STOMP_MAX_HEADERS; i++)
		g_string_append(many, "h:v\n");
	g_string_append_len(many, "\n\0", 2);
	stomp_parser_feed(p, many->str, many->len);
	assert_int_equal(stomp_parser_next(p, &f, &e), -1);
	assert_int_equal(e.code, ERR_TOO_LARGE);
	stomp_parser_free(p);
}

static void builder_and_parser_agree(void **state)
{
	g_autoptr(GString) out = g_string_new(NULL), text = g_string_new(NULL), big = g_string_new(NULL);
	struct stomp_parser *p = stomp_parser_new(0);
	struct stomp_frame f;
	struct err e;

	for (int i = 0; i < 300000; i++)
		g_string_append_printf(big, "%d,", i);
	stomp_begin(out, "MESSAGE");
	stomp_add(out, "key:with\\odd\n", "value:\r\n\\");
	stomp_end(out, BYTES("a\0b"));
	stomp_begin(out, "RECEIPT");
	stomp_end(out, NULL, 0);
	stomp_begin(out, "MESSAGE");
	stomp_end(out, big->str, big->len);
	for (size_t at = 0; at < out->len; at += 16384) {
		stomp_parser_feed(p, out->str + at, MIN(out->len - at, (size_t)16384));
		while (stomp_parser_next(p, &f, &e) > 0) {
			if (f.body_len < 1000)
				append_frame(text, &f);
			else
				assert_memory_equal(f.body, big->str, big->len);
		}
	}
	assert_string_equal(text->str, "MESSAGE{key:with\\odd\n=value:\r\n\\;content-length=3;3:a0b} RECEIPT{0:} ");
	stomp_parser_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_split_anywhere),
		cmocka_unit_test(frames_byte_by_byte),
		cmocka_unit_test(the_first_of_a_repeated_header_counts),
		cmocka_unit_test(bad_streams),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(builder_and_parser_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
