/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that send too much, nonsense, too slowly or too often; the others must not notice. */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "tests/unit/http/http_fixture.h"

#define KIB 1024

static struct fixture *f;

static int setup(void **state)
{
	struct http_config cfg = { .threads = 2,
		                   .max_body = 100 * KIB,
		                   .header_timeout_s = 1,
		                   .body_timeout_s = 1,
		                   .idle_timeout_s = 2,
		                   .max_waiting = 5,
		                   .max_connections = 300 };

	f = fixture_new(&cfg);
	return 0;
}

static int teardown(void **state)
{
	fixture_free(f);
	return 0;
}

/* The server still answers, quickly. */
static void assert_alive(void)
{
	struct client *c = client_new(f->tls, TLS_ANY);
	gint64 begin = g_get_monotonic_time();
	struct answer *a = client_do(c, "GET /core", NULL, NULL);

	assert_status(a, 200);
	assert_true(g_get_monotonic_time() - begin < G_USEC_PER_SEC / 2 * SLOWNESS);
	answer_free(a);
	client_free(c);
}

static void assert_fault(struct answer *a, int status)
{
	assert_status(a, status);
	assert_string_equal(answer_header(a, "content-type"), "application/xml");
	assert_non_null(strstr(a->body->str, "<fault><detail>"));
	assert_true(g_str_has_suffix(a->body->str, "</reason></fault>\n"));
}

static void send_expect(const char *data, size_t len, int status)
{
	for (int tls = 0; tls < 2; tls++) {
		struct client *c = client_new(tls ? f->tls : f->plain, tls ? TLS_ANY : NULL);
		struct answer *a;

		client_send(c, data, len);
		a = client_answer(c, true);
		assert_fault(a, status);
		assert_string_equal(answer_header(a, "connection"), "close");
		assert_true(client_is_closed(c, 5000));
		answer_free(a);
		client_free(c);
	}
	assert_alive();
}

static char *filled(const char *format, size_t n)
{
	g_autofree char *many = g_strnfill(n, 'a');

	return g_strdup_printf(format, many);
}

static void test_malformed(void **state)
{
#define HOST " HTTP/1.1\r\nHost: a\r\n"
	static const struct {
		const char *text;
		int status;
	} CASES[] = {
		{ "GET /a\x01" HOST "\r\n", 400 },
		{ "GET /a\x7f" HOST "\r\n", 400 },
		{ "GET /a%00" HOST "\r\n", 400 },
		{ "GET /a%0a" HOST "\r\n", 400 },
		{ "GET /a%7F" HOST "\r\n", 400 },
		{ "GET /a%zz" HOST "\r\n", 400 },
		{ "GET /a%2" HOST "\r\n", 400 },
		{ "GET /a b" HOST "\r\n", 400 },
		{ "GET /a?b=%00" HOST "\r\n", 400 },
		{ "GET /a?b=%ff" HOST "\r\n", 400 },
		{ "GET a" HOST "\r\n", 400 },
		{ "GET *" HOST "\r\n", 400 },
		{ "GET http://" HOST "\r\n", 400 },
		{ "GET /a HTTP/1.1\r\n\r\n", 400 },
		{ "GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400 },
		{ "G(T /a" HOST "\r\n", 400 },
		{ "GET /a" HOST "A B: c\r\n\r\n", 400 },
		{ "GET /a" HOST "A : c\r\n\r\n", 400 },
		{ "GET /a" HOST "A: c\x02\r\n\r\n", 400 },
		{ "GET /a" HOST "A: c\rd\r\n\r\n", 400 },
		{ "POST /a" HOST "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400 },
		{ "POST /a" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
		{ "POST /a" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
		{ "POST /a" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++)
		send_expect(CASES[i].text, strlen(CASES[i].text), CASES[i].status);
	send_expect("GET /a\0b" HOST "\r\n", 10 + strlen(HOST), 400);
}

static void test_too_large(void **state)
{
	g_autofree char *path = filled("GET /%s" HOST "\r\n", 8192), *just = filled("GET /core/%s", 8000),
	                *query = filled("GET /?a=%s" HOST "\r\n", 20000),
	                *header = filled("GET /" HOST "X-Test: %s\r\n\r\n", 33 * KIB),
	                *fits = filled("X-Test: %s\r\n", 22 * KIB),
	                *body = filled("POST /" HOST "Content-Length: 102401\r\n\r\n%s", 102401),
	                *drained = filled("POST /core" HOST "Content-Length: 300000\r\n\r\n%s", 300000),
	                *chunks = filled("POST /" HOST "Transfer-Encoding: chunked\r\n\r\n"
	                                 "30d40\r\n%s\r\n0\r\n\r\n",
	                                 200000);
	g_autoptr(GString) many = g_string_new("GET /" HOST);
	struct client *c = client_new(f->tls, TLS_ANY);
	struct answer *a = client_do(c, just, fits, NULL);

	assert_status(a, 200);
	answer_free(a);
	client_free(c);
	send_expect(path, strlen(path), 414);
	send_expect(query, strlen(query), 414);
	send_expect(header, strlen(header), 431);
	send_expect(body, strlen(body), 413);
	send_expect(drained, strlen(drained), 413);
	send_expect(chunks, strlen(chunks), 413);
	for (int i = 0; i < 101; i++)
		g_string_append_printf(many, "X-%d: y\r\n", i);
	g_string_append(many, "\r\n");
	send_expect(many->str, many->len, 431);
	/* Told before the body is sent. */
	send_expect("POST /" HOST "Content-Length: 102401\r\nExpect: 100-continue\r\n\r\n",
	            strlen("POST /" HOST "Content-Length: 102401\r\nExpect: 100-continue\r\n\r\n"), 413);
}

/* Beyond what is even read over: the connection just ends, or the library says 431 in its own words. */
static void test_far_too_large(void **state)
{
	g_autofree char *header = filled("GET /" HOST "X-Test: %s\r\n\r\n", 2000 * KIB),
	                *chunk = g_strnfill(64 * KIB, 'a');
	struct client *c = client_new(f->tls, TLS_ANY);

	client_send(c, header, strlen(header));
	assert_true(client_is_closed(c, 5000));
	client_free(c);
	c = client_new(f->plain, NULL);
	client_puts(c, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 100; i++)
		if (!client_puts(c, "10000\r\n%s\r\n", chunk))
			break;
	assert_true(client_is_closed(c, 5000));
	client_free(c);
	assert_alive();
}

/* ---- slow ---- */

static struct client *slow_open(bool tls, const char *text)
{
	struct client *c = client_new(tls ? f->tls : f->plain, tls ? TLS_ANY : NULL);

	assert_true(client_puts(c, "%s", text));
	return c;
}

/* Sends a byte each 100 ms and expects the end between min_ms and max_ms. */
static void drip_until_closed(struct client *c, int min_ms, int max_ms)
{
	gint64 begin = g_get_monotonic_time();
	int took;

	while (!client_is_closed(c, 100)) {
		client_send(c, "a", 1);
		assert_true(g_get_monotonic_time() - begin < max_ms * 1000);
	}
	took = (g_get_monotonic_time() - begin) / 1000;
	assert_in_range(took, min_ms, max_ms);
	client_free(c);
}

static void test_slow_headers(void **state)
{
	struct answer *a;
	struct client *c;

	for (int tls = 0; tls < 2; tls++) {
		drip_until_closed(slow_open(tls, "GET / HTTP/1.1\r\nHost: a\r\nX-Test: "), 500, 3000);
		drip_until_closed(slow_open(tls, "GE"), 500, 3000);
		drip_until_closed(slow_open(tls, ""), 500, 3000);
		/* Of a second request on the connection. */
		c = slow_open(tls, "");
		a = client_do(c, "GET /", NULL, NULL);
		assert_status(a, 200);
		answer_free(a);
		drip_until_closed(c, 500, 3500);
	}
	/* Nothing at all, not even a handshake. */
	c = client_new(f->plain, NULL);
	assert_true(client_is_closed(c, 3000));
	client_free(c);
	assert_alive();
}

static void test_idle(void **state)
{
	gint64 begin = g_get_monotonic_time();
	struct client *c = client_new(f->tls, TLS_ANY);
	struct answer *a = client_do(c, "GET /", NULL, NULL);

	assert_status(a, 200);
	answer_free(a);
	assert_false(client_is_closed(c, 1300)); /* longer than the limit for headers */
	assert_true(client_is_closed(c, 3000));
	assert_true(g_get_monotonic_time() - begin > 1900 * 1000);
	client_free(c);
}

static void test_slow_body(void **state)
{
	for (int tls = 0; tls < 2; tls++) {
		struct client *c = slow_open(tls, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 25\r\n\r\n");
		struct answer *a;

		/* Slow, but moving: longer than the limit in all. */
		for (int i = 0; i < 25; i++) {
			assert_true(client_puts(c, "x"));
			g_usleep(60000);
		}
		a = client_answer(c, true);
		assert_status(a, 200);
		answer_free(a);
		assert_true(client_puts(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 25\r\n\r\nabc"));
		assert_true(client_is_closed(c, 3000));
		client_free(c);
	}
}

static void test_reader_that_stops(void **state)
{
	for (int tls = 0; tls < 2; tls++) {
		struct client *c = slow_open(tls, "GET /endless HTTP/1.1\r\nHost: a\r\n\r\n");
		int done = fixture_streams_done(f);

		eventually(fixture_streams_begun(f) > done);
		eventually(fixture_streams_done(f) > done);
		client_free(c);
		c = slow_open(tls, "GET /size?n=60000000 HTTP/1.1\r\nHost: a\r\n\r\n");
		g_usleep(2500 * 1000);
		shutdown(client_fd(c), SHUT_WR);
		assert_alive();
		client_free(c);
	}
}

/* ---- the TLS port ---- */

static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void test_stalled_handshakes_cost_nothing(void **state)
{
	static const char HELLO[] = "\x16\x03\x01\x02\x00\x01\x00\x01";
	struct client *all[50];
	double before;

	for (int i = 0; i < 50; i++) {
		all[i] = client_new(f->tls, NULL);
		client_send(all[i], HELLO, i % 8 + 1);
	}
	g_usleep(100000);
	before = cpu_seconds();
	g_usleep(400000);
	assert_true(cpu_seconds() - before < 0.1);
	assert_alive();
	for (int i = 0; i < 50; i++) {
		assert_true(client_is_closed(all[i], 4000));
		client_free(all[i]);
	}
}

static void test_garbage_on_tls_port(void **state)
{
	g_autofree char *noise = g_malloc(20000);
	struct client *c;

	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 20000; i++)
			noise[i] = (char)g_random_int();
		if (round % 2) /* begins like a handshake */
			memcpy(noise, "\x16\x03\x01\x02\x00", 5);
		c = client_new(f->tls, NULL);
		client_send(c, noise, round * 1000);
		if (round % 3 == 0)
			assert_true(client_is_closed(c, 4000));
		client_free(c);
	}
	c = client_new(f->tls, NULL);
	client_puts(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_true(client_is_closed(c, 4000));
	client_free(c);
	assert_alive();
}

static void test_protocol_versions(void **state)
{
	static const struct {
		const char *priority;
		bool works;
	} CASES[] = {
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.3", true },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.2", true },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+CHACHA20-POLY1305", true },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.1:+VERS-TLS1.0:+SHA1", false },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA", false },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC", false },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++) {
		struct client *c = client_new(f->tls, CASES[i].priority);

		assert_int_equal(client_tls_error(c) == 0, CASES[i].works);
		if (CASES[i].works) {
			struct answer *a = client_do(c, "GET /core", NULL, NULL);

			assert_status(a, 200);
			answer_free(a);
		}
		client_free(c);
	}
}

/* ---- numbers ---- */

static void test_max_waiting(void **state)
{
	struct client *c[8];
	struct answer *a;

	for (int i = 0; i < 8; i++)
		c[i] = client_new(i % 2 ? f->tls : f->plain, i % 2 ? TLS_ANY : NULL);
	for (int i = 0; i < 5; i++) {
		assert_true(client_puts(c[i], "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"));
		fixture_wait_held(f, i + 1);
	}
	for (int i = 5; i < 8; i++) {
		a = client_do(c[i], "GET /echo", NULL, NULL);
		assert_fault(a, 503);
		assert_string_equal(answer_header(a, "retry-after"), "1");
		assert_null(answer_header(a, "connection"));
		answer_free(a);
	}
	/* No time limit of the edge applies while the handler has the request. */
	g_usleep(2500 * 1000);
	fixture_release(f);
	for (int i = 0; i < 5; i++) {
		a = client_answer(c[i], true);
		assert_status(a, 200);
		answer_free(a);
	}
	for (int i = 0; i < 5; i++) {
		a = client_do(c[i], "GET /echo", NULL, NULL);
		assert_status(a, 200);
		answer_free(a);
	}
	for (int i = 0; i < 8; i++)
		client_free(c[i]);
}

static void test_max_connections(void **state)
{
	struct client *c[310];
	int refused = 0;

	for (int i = 0; i < 310; i++)
		c[i] = client_new(f->plain, NULL);
	for (int i = 0; i < 310; i++)
		client_puts(c[i], "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	for (int i = 0; i < 310; i++) {
		struct answer *a = client_answer(c[i], true);

		refused += a == NULL;
		answer_free(a);
	}
	assert_in_range(refused, 10, 20); /* some of the tests before may still be closing */
	for (int i = 0; i < 310; i++)
		client_free(c[i]);
	g_usleep(200000);
	assert_alive();
}

/* An address of this machine that others could have, too. */
static char *outer_address(void)
{
	struct ifaddrs *all, *i;
	char text[INET_ADDRSTRLEN] = "";

	if (getifaddrs(&all) < 0)
		return NULL;
	for (i = all; i && !text[0]; i = i->ifa_next)
		if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET && !(i->ifa_flags & IFF_LOOPBACK))
			inet_ntop(AF_INET, &((struct sockaddr_in *)i->ifa_addr)->sin_addr, text, sizeof(text));
	freeifaddrs(all);
	return text[0] ? g_strdup(text) : NULL;
}

static int count_answered(struct client **c, int n)
{
	int answered = 0;

	for (int i = 0; i < n; i++)
		client_puts(c[i], "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	for (int i = 0; i < n; i++) {
		struct answer *a = client_answer(c[i], true);

		answered += a != NULL;
		answer_free(a);
	}
	return answered;
}

static void test_one_address_gets_a_tenth(void **state)
{
	struct http_config cfg = { .threads = 2, .max_connections = 100, .plain_listen = "[::]:0" };
	g_autofree char *address = outer_address();
	struct client *c[20], *local;
	struct fixture *mine;

	if (!address)
		skip();
	mine = fixture_new(&cfg);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 20; i++)
			c[i] = client_new_at(address, mine->plain);
		local = client_new(mine->plain, NULL);
		assert_int_equal(count_answered(c, 20), 10);
		assert_int_equal(count_answered(&local, 1), 1);
		for (int i = 0; i < 20; i++)
			client_free(c[i]);
		client_free(local);
		g_usleep(200000);
	}
	fixture_free(mine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_far_too_large),
		cmocka_unit_test(test_slow_headers),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_slow_body),
		cmocka_unit_test(test_reader_that_stops),
		cmocka_unit_test(test_stalled_handshakes_cost_nothing),
		cmocka_unit_test(test_garbage_on_tls_port),
		cmocka_unit_test(test_protocol_versions),
		cmocka_unit_test(test_max_waiting),
		cmocka_unit_test(test_max_connections),
		cmocka_unit_test(test_one_address_gets_a_tenth),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
