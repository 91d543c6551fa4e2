/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds and their streams: one text for all, slow clients, ends from both sides. */
#include <stdatomic.h>
#include <string.h>

#include "manager/http/push.h"
#include "tests/unit/http/http_cert.h"
#include "tests/unit/http/http_fixture.h"

#define EXCUSE "sorry\n"

static struct http_server *server;
static struct http_feed *feed;
static char *dir;
static GPtrArray *pushes; /* of the main thread, which plays the core */
static GAsyncQueue *asked;
static atomic_int n_closed;

static void closed(void *arg) { atomic_fetch_add(&n_closed, 1); }

static void handle(void *arg, struct http_exchange *x) { g_async_queue_push(asked, x); }

static void accept_it(struct http_exchange *x, void *arg)
{
	struct http_push *p = arg;

	http_set_header(x, "Cache-Control", "no-store");
	http_push_accept(p, x, g_bytes_new_static("first\n", 6), g_bytes_new_static("more\n", 5));
}

static int setup(void **state)
{
	struct http_feed_config fc = { "text/event-stream", "beat\n", EXCUSE, 1, 300000, closed };
	g_autofree char *cert = NULL, *key = NULL;
	struct http_config cfg = { .tls_listen = "127.0.0.1:0", .plain_listen = "127.0.0.1:0", .threads = 2 };
	struct err e = ERR_INIT;

	dir = g_dir_make_tmp("hostler-test-XXXXXX", NULL);
	cert = g_build_filename(dir, "cert.pem", NULL);
	key = g_build_filename(dir, "key.pem", NULL);
	test_cert_write(dir, "localhost");
	cfg.cert_file = cert;
	cfg.key_file = key;
	cfg.handler = handle;
	asked = g_async_queue_new();
	pushes = g_ptr_array_new();
	atomic_store(&n_closed, 0);
	feed = http_feed_new(&fc);
	server = http_server_start(&cfg, &e);
	assert_non_null(server);
	return 0;
}

static int teardown(void **state)
{
	int n = (int)pushes->len;

	http_server_stop(server);
	eventually(atomic_load(&n_closed) == n);
	for (int i = 0; i < n; i++)
		http_push_unref(pushes->pdata[i]);
	g_ptr_array_free(pushes, TRUE);
	http_feed_unref(feed);
	g_async_queue_unref(asked);
	test_cert_remove(dir);
	g_free(dir);
	return 0;
}

/* The core's part: the next request becomes a stream. */
static struct http_push *invite(void)
{
	struct http_exchange *x = g_async_queue_timeout_pop(asked, 10 * 1000000);
	struct http_push *p;

	assert_non_null(x);
	p = http_feed_invite(feed, x, NULL);
	g_ptr_array_add(pushes, p);
	http_answer(x, accept_it, p);
	return p;
}

static struct client *open_client(bool tls)
{
	struct client *c =
	    client_new(tls ? http_server_tls_port(server) : http_server_plain_port(server), tls ? TLS_ANY : NULL);

	client_puts(c, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
	return c;
}

/* Read until mark was said. */
static void read_until(struct client *c, GString *got, const char *mark)
{
	char buf[16384];
	size_t seen = got->len, n_mark = strlen(mark);

	while (!strstr(got->str + (seen > n_mark ? seen - n_mark : 0), mark)) {
		ssize_t n = client_read(c, buf, sizeof(buf));

		assert_true(n > 0);
		seen = got->len;
		g_string_append_len(got, buf, n);
	}
}

static void send_text(const char *text) { http_feed_send(feed, g_bytes_new(text, strlen(text))); }

static void test_shared(void **state)
{
	struct client *c[20];

	for (int i = 0; i < 20; i++) {
		c[i] = open_client(i % 2);
		invite();
	}
	send_text("one\n"); /* before some of them have been answered */
	for (int i = 0; i < 200; i++)
		send_text("and so on\n");
	send_text("last\n");
	for (int i = 0; i < 20; i++) {
		g_autoptr(GString) got = g_string_new(NULL);
		const char *body;

		read_until(c[i], got, "last\n");
		assert_true(g_str_has_prefix(got->str, "HTTP/1.1 200 OK\r\n"));
		assert_non_null(strstr(got->str, "Content-Type: text/event-stream\r\n"));
		assert_non_null(strstr(got->str, "Cache-Control: no-store\r\n"));
		body = strstr(got->str, "\r\n\r\n") + 4;
		assert_true(g_str_has_prefix(body, "first\nmore\none\nand so on\n"));
		assert_int_equal(strlen(body), 6 + 5 + 4 + 200 * 10 + 5);
		client_free(c[i]);
	}
	eventually(atomic_load(&n_closed) == 20);
	send_text("to nobody\n");
}

static void test_heartbeat(void **state)
{
	struct client *c = open_client(true);
	g_autoptr(GString) got = g_string_new(NULL);

	invite();
	read_until(c, got, "beat\nbeat\n");
	send_text("after\n");
	read_until(c, got, "after\n");
	client_free(c);
}

static void test_slow(void **state)
{
	for (int tls = 0; tls < 2; tls++) {
		struct client *slow = open_client(tls), *fast;
		g_autofree char *text = g_strnfill(50000, 'x');
		g_autoptr(GString) got = g_string_new(NULL), all = g_string_new(NULL);

		invite();
		fast = open_client(tls);
		invite();
		for (int i = 0; i < 200; i++) {
			text[49999] = '\n';
			send_text(text);
			g_string_truncate(all, 0);
			read_until(fast, all, "x\n");
		}
		read_until(slow, got, "\n" EXCUSE); /* what is sent before he reads it is excused, too */
		for (int i = 0; i < 1000 && !strstr(got->str + got->len - MIN(got->len, 20000), "\nnow\n"); i++) {
			char buf[16384];
			ssize_t n;

			send_text("now\n");
			n = client_read(slow, buf, sizeof(buf));
			assert_true(n > 0);
			g_string_append_len(got, buf, n);
		}
		assert_non_null(strstr(got->str + got->len - MIN(got->len, 20000), "\nnow\n"));
		assert_non_null(strstr(got->str, "\n" EXCUSE)); /* between whole texts */
		assert_true(got->len < 200 * 50000 / 2);
		client_free(slow);
		client_free(fast);
	}
}

static void test_end(void **state)
{
	struct client *c = open_client(true), *d;
	struct http_push *p = invite(), *q;
	g_autoptr(GString) got = g_string_new(NULL), other = g_string_new(NULL);

	d = open_client(false);
	q = invite();
	http_push_end(q); /* perhaps before it has begun */
	send_text("to the end\n");
	http_push_end(p);
	http_push_end(p);
	read_until(c, got, "to the end\n");
	assert_true(client_is_closed(c, 5000));
	read_until(d, other, "more\n");
	client_free(c);
	client_free(d);
	eventually(atomic_load(&n_closed) == 2);
	http_push_end(p);
}

/* The server stops with streams open, of which one does not read and one is not answered yet. */
static void test_stop(void **state)
{
	struct client *c[4];
	g_autofree char *text = g_strnfill(200000, 'x');

	for (int i = 0; i < 4; i++) {
		c[i] = open_client(i % 2);
		if (i < 3)
			invite();
	}
	for (int i = 0; i < 20; i++)
		send_text(text);
	http_server_stop(server);
	server = NULL;
	invite(); /* too late */
	send_text("nobody\n");
	for (int i = 0; i < 4; i++)
		client_free(c[i]);
}

static int teardown_stopped(void **state)
{
	struct http_config cfg = { .plain_listen = "127.0.0.1:0" };
	struct err e = ERR_INIT;

	server = http_server_start(&cfg, &e);
	return teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_shared, setup, teardown),
		cmocka_unit_test_setup_teardown(test_heartbeat, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop, setup, teardown_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
