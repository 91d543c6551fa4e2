/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds and their streams: one text for all, slow clients, ends from both sides. */
#include <stdatomic.h>
#include <string.h>
#include <zlib.h>

#include "manager/http/gzip_parts.h"
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

static struct client *open_with(bool tls, const char *headers)
{
	struct client *c =
	    client_new(tls ? http_server_tls_port(server) : http_server_plain_port(server), tls ? TLS_ANY : NULL);
	g_autofree char *request = g_strdup_printf("GET /x HTTP/1.1\r\nHost: a\r\n%s\r\n", headers);

	client_puts(c, request);
	return c;
}

static struct client *open_client(bool tls) { return open_with(tls, ""); }

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

/* One who takes it packed. */
struct unpacker {
	struct client *c;
	GString *head, *text;
	z_stream z;
	bool has_ended;
};

static void unpack(struct unpacker *u, const char *data, size_t n)
{
	char out[4096];
	int rc = Z_OK;

	u->z.next_in = (Bytef *)data;
	u->z.avail_in = (uInt)n;
	do {
		u->z.next_out = (Bytef *)out;
		u->z.avail_out = sizeof(out);
		rc = inflate(&u->z, Z_SYNC_FLUSH);
		assert_true(rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR);
		g_string_append_len(u->text, out, sizeof(out) - u->z.avail_out);
	} while (rc == Z_OK && (u->z.avail_in || !u->z.avail_out));
	u->has_ended = rc == Z_STREAM_END;
	assert_int_equal(u->z.avail_in, 0);
}

static struct unpacker *unpacker_new(bool tls)
{
	struct unpacker *u = g_new0(struct unpacker, 1);

	u->c = open_with(tls, "Accept-Encoding: br, gzip;q=0.5\r\n");
	u->head = g_string_new(NULL);
	u->text = g_string_new(NULL);
	assert_int_equal(inflateInit2(&u->z, 15 + 16), Z_OK);
	return u;
}

static bool unpack_more(struct unpacker *u)
{
	char buf[3000], *body;
	ssize_t n = client_read(u->c, buf, sizeof(buf));

	if (n <= 0)
		return false;
	if (u->text->len || u->z.total_in) {
		unpack(u, buf, (size_t)n);
		return true;
	}
	g_string_append_len(u->head, buf, n);
	body = strstr(u->head->str, "\r\n\r\n");
	if (body && body + 4 < u->head->str + u->head->len)
		unpack(u, body + 4, u->head->len - (size_t)(body + 4 - u->head->str));
	return true;
}

static void unpack_until(struct unpacker *u, const char *mark)
{
	while (!strstr(u->text->str, mark))
		assert_true(unpack_more(u));
}

static void unpacker_free(struct unpacker *u)
{
	client_free(u->c);
	inflateEnd(&u->z);
	g_string_free(u->head, TRUE);
	g_string_free(u->text, TRUE);
	g_free(u);
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

/* Whatever the parts: together they are one stream, which may end behind each of them. */
static void test_parts(void **state)
{
	struct gzip_packer *g = gzip_packer_new();
	struct gzip_sum sum = { 0 };
	g_autoptr(GString) all = g_string_new(NULL);
	struct unpacker u = { .text = g_string_new(NULL) };

	assert_int_equal(inflateInit2(&u.z, 15 + 16), Z_OK);
	unpack(&u, GZIP_HEAD, sizeof(GZIP_HEAD));
	for (size_t len = 0; len < 300000; len = len * 3 + 1) {
		GBytes *text = g_bytes_new_take(g_strnfill(len, 'a'), len);
		struct gzip_part packed = { 0 }, stored = { 0 };

		for (size_t i = 0; i < len; i++)
			((char *)g_bytes_get_data(text, NULL))[i] =
			    (char)('a' + g_random_int_range(0, 1 + (int)(len % 26)));
		gzip_part_make(&packed, g, text);
		gzip_part_make(&stored, NULL, text);
		for (int i = 0; i < 3; i++) {
			struct gzip_part *part = i == 1 ? &stored : &packed;

			unpack(&u, g_bytes_get_data(part->bytes, NULL), g_bytes_get_size(part->bytes));
			gzip_sum_add(&sum, part);
			g_string_append_len(all, g_bytes_get_data(text, NULL), (gssize)len);
			assert_int_equal(u.text->len, all->len); /* at once */
		}
		gzip_part_clear(&packed);
		gzip_part_clear(&stored);
		g_bytes_unref(text);
	}
	GBytes *tail = gzip_tail(&sum);
	assert_false(u.has_ended);
	unpack(&u, g_bytes_get_data(tail, NULL), g_bytes_get_size(tail));
	assert_true(u.has_ended && g_string_equal(u.text, all));
	g_bytes_unref(tail);
	inflateEnd(&u.z);
	g_string_free(u.text, TRUE);
	gzip_packer_free(g);
}

/* Packed for some, plain for others; each text is there as soon as it is sent, and the end is one. */
static void test_packed(void **state)
{
	struct unpacker *u[6];
	struct http_push *p[6];
	struct client *plain = open_with(true, "Accept-Encoding: gzip;q=0, identity\r\n");
	g_autofree char *text = g_strnfill(40000, 'x');
	g_autoptr(GString) got = g_string_new(NULL);

	invite();
	for (int i = 0; i < 6; i++) {
		u[i] = unpacker_new(i % 2);
		p[i] = invite();
	}
	for (int i = 0; i < 20; i++) {
		g_autofree char *mark = g_strdup_printf("<%d>", i);

		memcpy(text + (i % 2 ? 0 : 39990), mark, strlen(mark));
		send_text(i % 3 ? text : mark);
		for (int k = 0; k < 6; k++)
			unpack_until(u[k], mark);
		read_until(plain, got, mark);
	}
	unpack_until(u[0], "beat\nbeat\n");
	for (int k = 0; k < 6; k++) {
		assert_non_null(strstr(u[k]->head->str, "Content-Encoding: gzip\r\n"));
		assert_non_null(strstr(u[k]->head->str, "Vary: Accept-Encoding\r\n"));
		assert_true(g_str_has_prefix(u[k]->text->str, "first\nmore\n<0>"));
		assert_false(u[k]->has_ended);
		http_push_end(p[k]);
		while (unpack_more(u[k]))
			continue;
		assert_true(u[k]->has_ended);
		unpacker_free(u[k]);
	}
	assert_null(strstr(got->str, "Content-Encoding"));
	client_free(plain);
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

/* What is left out is left out as a whole: what the slow one gets can still be unpacked. */
static void test_slow_packed(void **state)
{
	struct unpacker *slow = unpacker_new(true), *fast;
	g_autofree guint8 *noise = g_malloc(50001);
	struct http_push *p = invite();

	fast = unpacker_new(true);
	invite();
	for (int i = 0; i < 200; i++) {
		g_autofree char *mark = g_strdup_printf("<%d>", i);

		for (int k = 0; k < 50000; k++)
			noise[k] = (guint8)g_random_int_range('@', '~'); /* does not get much shorter */
		noise[50000] = 0;
		g_string_truncate(fast->text, 0);
		send_text((char *)noise);
		send_text(mark);
		unpack_until(fast, mark);
	}
	unpack_until(slow, EXCUSE);
	assert_true(slow->text->len < 200 * 50000 / 2);
	http_push_end(p);
	while (unpack_more(slow))
		continue;
	assert_true(slow->has_ended);
	unpacker_free(slow);
	unpacker_free(fast);
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
		cmocka_unit_test(test_parts),
		cmocka_unit_test_setup_teardown(test_packed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_heartbeat, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_packed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop, setup, teardown_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
