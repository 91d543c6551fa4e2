/* SPDX-License-Identifier: Apache-2.0 */
/* What a well-behaved client sends and gets: every case over TLS and plain. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/http/http_fixture.h"

static struct fixture *f;
static struct client *c; /* of the running test */
static bool with_tls;

static int setup(void **state)
{
	struct http_config cfg = { .threads = 2 };

	f = fixture_new(&cfg);
	return 0;
}

static int teardown(void **state)
{
	fixture_free(f);
	return 0;
}

static int connect_tls(void **state)
{
	with_tls = true;
	c = client_new(f->tls, TLS_ANY);
	return client_tls_error(c);
}

static int connect_plain(void **state)
{
	with_tls = false;
	c = client_new(f->plain, NULL);
	return 0;
}

static int disconnect(void **state)
{
	client_free(c);
	return 0;
}

static void test_what_is_sent_arrives(void **state)
{
	g_autofree char *wanted = g_strdup_printf(
	    "POST /a%%20b;c/d\nsearch=name = web* & x\nempty=\nflag=\nA=1\n"
	    "Content-Type: application/xml\nX-Test: one, two\ncookie 77\nfrom 127.0.0.1 %s\nbody 5 <vm/>",
	    with_tls ? "tls" : "plain");
	struct answer *a = client_do(
	    c, "POST /a%20b;c/d?search=name+%3D%20web*+%26+x&empty=&flag&&A=1",
	    "content-type: application/xml\r\nx-test: one, two\r\nX-TEST: three\r\nCookie: a=1; JSESSIONID=77; b=2\r\n",
	    "<vm/>");

	assert_status(a, 200);
	assert_string_equal(a->body->str, wanted);
	assert_string_equal(answer_header(a, "content-type"), "text/plain");
	assert_string_equal(answer_header(a, "correlation-id"), "abc");
	assert_string_equal(answer_header(a, "x-content-type-options"), "nosniff");
	assert_non_null(answer_header(a, "date"));
	assert_null(answer_header(a, "connection"));
	assert_null(answer_header(a, "access-control-allow-origin"));
	assert_int_equal(answer_header(a, "strict-transport-security") != NULL, with_tls);
	answer_free(a);
}

static void test_keep_alive(void **state)
{
	for (int i = 0; i < 200; i++) {
		g_autofree char *path = g_strdup_printf("GET %s/%d", i % 2 ? "/core" : "/echo", i);
		struct answer *a = client_do(c, path, NULL, NULL);

		assert_status(a, 200);
		assert_true(g_str_has_prefix(a->body->str, path));
		answer_free(a);
	}
}

static void test_pipelining_keeps_order(void **state)
{
	g_autoptr(GString) all = g_string_new(NULL);

	for (int i = 0; i < 300; i++)
		g_string_append_printf(all, "%s /%s/%d HTTP/1.1\r\nHost: a\r\n%s\r\n%s", i % 3 ? "GET" : "POST",
		                       i % 5 ? "core" : "echo", i, i % 3 ? "" : "Content-Length: 3\r\n",
		                       i % 3 ? "" : "abc");
	assert_true(client_send(c, all->str, all->len));
	for (int i = 0; i < 300; i++) {
		g_autofree char *line =
		    g_strdup_printf("%s /%s/%d\n", i % 3 ? "GET" : "POST", i % 5 ? "core" : "echo", i);
		struct answer *a = client_answer(c, true);

		assert_status(a, 200);
		assert_true(g_str_has_prefix(a->body->str, line));
		answer_free(a);
	}
}

static void test_head(void **state)
{
	static const char *const PATHS[] = { "/echo", "/core", "/none", "/size?n=5000", "/static", "/stream?n=100000" };

	for (size_t i = 0; i < G_N_ELEMENTS(PATHS); i++) {
		g_autofree char *get = g_strconcat("GET ", PATHS[i], NULL),
		                *head = g_strconcat("HEAD ", PATHS[i], NULL);
		struct answer *g = client_do(c, get, NULL, NULL), *h = client_do(c, head, NULL, NULL);
		const char *length = answer_header(g, "content-length");

		assert_status(h, 200);
		if (length)
			/* one letter more in "HEAD", which /echo gives back */
			assert_int_equal(atoi(length) + (i < 2), atoi(answer_header(h, "content-length")));
		else
			assert_string_equal(answer_header(h, "connection"), "close");
		answer_free(g);
		answer_free(h);
	}
	assert_true(client_is_closed(c, 5000));
}

static void test_empty_answer(void **state)
{
	struct answer *a = client_do(c, "GET /none", NULL, NULL);

	assert_status(a, 200);
	assert_string_equal(answer_header(a, "content-length"), "0");
	assert_null(answer_header(a, "content-type"));
	answer_free(a);
}

static void test_chunked_upload(void **state)
{
	g_autoptr(GString) body = g_string_new(NULL);
	struct answer *a;

	assert_true(client_puts(c, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"));
	for (int i = 0; i < 1000; i++) {
		g_autofree char *part = g_strdup_printf("part-%d;", i);

		g_string_append(body, part);
		assert_true(client_puts(c, "%zx;note=1\r\n%s\r\n", strlen(part), part));
	}
	assert_true(client_puts(c, "0\r\nTrailer: x\r\n\r\n"));
	a = client_answer(c, true);
	assert_status(a, 200);
	assert_non_null(strstr(a->body->str, body->str));
	answer_free(a);
	a = client_do(c, "GET /echo/next", NULL, NULL);
	assert_status(a, 200);
	answer_free(a);
}

static void test_large_body(void **state)
{
	g_autofree char *body = g_malloc(10 << 20);
	struct answer *a;

	memset(body, 'x', 10 << 20);
	body[(10 << 20) - 1] = 0;
	body[(10 << 20) - 2] = 'y';
	a = client_do(c, "PUT /core", NULL, body);
	assert_status(a, 200);
	assert_non_null(strstr(a->body->str, body));
	answer_free(a);
}

static void test_continue(void **state)
{
	struct answer *a;

	assert_true(
	    client_puts(c, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"));
	a = client_answer(c, true);
	assert_status(a, 100);
	answer_free(a);
	assert_true(client_puts(c, "body"));
	a = client_answer(c, true);
	assert_status(a, 200);
	assert_non_null(strstr(a->body->str, "body 4 body"));
	answer_free(a);
	/* Other expectations are the handler's matter. */
	a = client_do(c, "POST /echo", "Expect: 201-created\r\n", "x");
	assert_status(a, 200);
	answer_free(a);
}

static void test_http10_and_close(void **state)
{
	struct answer *a;

	assert_true(client_puts(c, "GET http://localhost/echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
	a = client_answer(c, true);
	assert_status(a, 200);
	assert_true(g_str_has_prefix(a->body->str, "GET /echo\n"));
	assert_string_equal(answer_header(a, "connection"), "close");
	answer_free(a);
	assert_true(client_is_closed(c, 5000));
	client_free(c);
	c = client_new(f->plain, NULL);
	assert_true(client_puts(c, "GET /stream?n=70000 HTTP/1.0\r\n\r\n"));
	a = client_answer(c, true);
	assert_status(a, 200);
	assert_int_equal(a->body->len, 70000);
	answer_free(a);
}

static void test_gzip(void **state)
{
	static const struct {
		const char *path, *accept;
		size_t len;
		bool is_packed, varies;
	} CASES[] = {
		{ "GET /size?n=5000", "gzip", 5000, true, true },
		{ "GET /size?n=5000", "deflate, GZIP;q=0.5, br", 5000, true, true },
		{ "GET /size?n=5000", "*", 5000, true, true },
		{ "GET /size?n=5000", "gzip;q=0, *", 5000, false, true },
		{ "GET /size?n=5000", "identity", 5000, false, true },
		{ "GET /size?n=500", "gzip", 500, false, false },
		{ "GET /size?n=9000000", "gzip", 9000000, true, true },
		{ "GET /size?n=9000000", "br", 9000000, false, true },
		{ "GET /stream?n=3000000", "gzip", 3000000, true, true },
		{ "GET /stream?n=3000000", "x", 3000000, false, true },
		{ "GET /stream?n=1", "gzip", 1, true, true },
		{ "GET /static", "gzip", 40000, true, true },
		{ "GET /static", "gzip", 40000, true, true },
		{ "GET /static", "gzip;q=0.0", 40000, false, true },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++) {
		g_autofree char *header = g_strdup_printf("Accept-Encoding: %s\r\n", CASES[i].accept);
		struct answer *a = client_do(c, CASES[i].path, header, NULL);
		const char *coding, *varies;

		assert_status(a, 200);
		coding = answer_header(a, "content-encoding");
		varies = answer_header(a, "vary");
		assert_int_equal(coding != NULL, CASES[i].is_packed);
		assert_int_equal(varies != NULL, CASES[i].varies);
		if (coding) {
			g_autoptr(GString) plain = answer_unzip(a);

			assert_int_equal(plain->len, CASES[i].len);
			assert_true(a->body->len < CASES[i].len / 2 || CASES[i].len < 100);
		} else {
			assert_int_equal(a->body->len, CASES[i].len);
		}
		answer_free(a);
	}
}

static void test_many_at_once(void **state)
{
	enum { N = 64 };
	struct client *all[N];

	for (int i = 0; i < N; i++)
		all[i] = client_new(with_tls ? f->tls : f->plain, with_tls ? TLS_ANY : NULL);
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < N; i++)
			assert_true(client_puts(all[i], "GET /core/%d HTTP/1.1\r\nHost: a\r\n\r\n", i));
		for (int i = 0; i < N; i++) {
			g_autofree char *line = g_strdup_printf("GET /core/%d\n", i);
			struct answer *a = client_answer(all[i], true);

			assert_status(a, 200);
			assert_true(g_str_has_prefix(a->body->str, line));
			answer_free(a);
		}
	}
	for (int i = 0; i < N; i++)
		client_free(all[i]);
}

#define BOTH(t)                                                                                                        \
	{ #t " tls", t, connect_tls, disconnect, NULL }, { #t " plain", t, connect_plain, disconnect, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_what_is_sent_arrives),
		BOTH(test_keep_alive),
		BOTH(test_pipelining_keeps_order),
		BOTH(test_head),
		BOTH(test_empty_answer),
		BOTH(test_chunked_upload),
		BOTH(test_large_body),
		BOTH(test_continue),
		BOTH(test_http10_and_close),
		BOTH(test_gzip),
		BOTH(test_many_at_once),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
