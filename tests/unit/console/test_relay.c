/* SPDX-License-Identifier: Apache-2.0 */
/* WebSockets and relays on a real server: good and bad clients, good and bad hosts, slow ones, many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "manager/console/relay.h"
#include "manager/http/websocket.h"
#include "tests/unit/http/http_cert.h"
#include "tests/unit/http/http_client.h"

#define KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

#if defined(__SANITIZE_ADDRESS__)
#define MANY 200
#else
#define MANY 1000
#endif

static struct {
	struct core core; /* nothing of it but the loop is used */
	pthread_t loop_thread;
	struct http_server *server;
	char *dir;
	int tls, plain;
	atomic_int made, opened, closed;
	_Atomic(struct relay *) last;
} t;

/* ---- the Manager's part ---- */

static void on_opened(struct core *c, struct relay *r, void *arg) { atomic_fetch_add(&t.opened, 1); }

static void on_closed(struct core *c, struct relay *r, void *arg) { atomic_fetch_add(&t.closed, 1); }

/* GET /PROTOCOL/PORT */
static void handle(void *arg, struct http_exchange *x)
{
	struct relay_target to = { .n_addresses = 1 };
	const char *why = NULL, *path = http_path(x);
	int status = http_ws_check(x, &why);
	struct relay *r, *old;

	if (status) {
		http_reply(x, status, "text/plain", g_string_new(why));
		return;
	}
	to.protocol = g_str_has_prefix(path, "/vnc/") ? CONSOLE_VNC : CONSOLE_SPICE;
	if (g_str_has_prefix(path, "/head/"))
		to.head = g_strdup("GET /serial HTTP/1.1\r\n\r\n");
	to.addresses[0].in = (struct sockaddr_in){ .sin_family = AF_INET,
		                                   .sin_port = htons((uint16_t)atoi(strrchr(path, '/') + 1)),
		                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	to.lengths[0] = sizeof(struct sockaddr_in);
	atomic_fetch_add(&t.made, 1);
	r = relay_new(&t.core, x, &to, on_opened, on_closed, NULL);
	old = atomic_exchange(&t.last, relay_ref(r));
	if (old)
		relay_unref(old);
	http_answer(x, relay_run, r);
}

static void *run_loop(void *arg)
{
	loop_run(t.core.loop);
	return NULL;
}

static void start_server(void)
{
	g_autofree char *cert = g_build_filename(t.dir, "cert.pem", NULL),
	                *key = g_build_filename(t.dir, "key.pem", NULL);
	const struct http_config cfg = { .tls_listen = "127.0.0.1:0",
		                         .plain_listen = "127.0.0.1:0",
		                         .cert_file = cert,
		                         .key_file = key,
		                         .threads = 2,
		                         .handler = handle };
	struct err e = ERR_INIT;

	t.server = http_server_start(&cfg, &e);
	assert_non_null(t.server);
	t.tls = http_server_tls_port(t.server);
	t.plain = http_server_plain_port(t.server);
}

static int setup(void **state)
{
	t.dir = g_dir_make_tmp("hostler-test-XXXXXX", NULL);
	test_cert_write(t.dir, "localhost");
	t.core.loop = loop_new();
	pthread_create(&t.loop_thread, NULL, run_loop, NULL);
	start_server();
	return 0;
}

#define eventually(condition)                                                                                          \
	do {                                                                                                           \
		for (int i_ = 0; i_ < 1500 && !(condition); i_++)                                                      \
			g_usleep(10000);                                                                               \
		assert_true(condition);                                                                                \
	} while (0)

/* How many have ended, once those of earlier tests have. */
static int settled(void)
{
	eventually(atomic_load(&t.closed) == atomic_load(&t.made));
	return atomic_load(&t.closed);
}

static int teardown(void **state)
{
	struct relay *r = atomic_exchange(&t.last, NULL);

	if (t.server)
		http_server_stop(t.server);
	loop_stop(t.core.loop);
	pthread_join(t.loop_thread, NULL);
	while (loop_turn(t.core.loop, 0))
		;
	if (r)
		relay_unref(r);
	loop_free(t.core.loop);
	test_cert_remove(t.dir);
	g_free(t.dir);
	return 0;
}

/* ---- the host's part ---- */

static int listen_any(int *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 1024), 0);
	getsockname(fd, (struct sockaddr *)&a, &len);
	*port = ntohs(a.sin_port);
	return fd;
}

static void read_fully(int fd, void *buf, size_t n)
{
	for (size_t got = 0; got < n;) {
		ssize_t part = read(fd, (char *)buf + got, n - got);

		assert_true(part > 0);
		got += (size_t)part;
	}
}

/* ---- the client's part ---- */

struct frame {
	int opcode;
	GString *data;
};

static struct client *ask(bool tls, const char *path, const char *more)
{
	struct client *c = client_new(tls ? t.tls : t.plain, tls ? TLS_ANY : NULL);

	client_puts(c,
	            "GET %s HTTP/1.1\r\nHost: manager\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
	            "Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
	            path, more ? more : "");
	return c;
}

/* The rest of the answer is left to be read: byte by byte up to the empty line. */
static void read_answer(struct client *c, GString *out)
{
	char b;

	while (!strstr(out->str, "\r\n\r\n") && client_read(c, &b, 1) == 1)
		g_string_append_c(out, b);
}

static struct client *connect_ws(bool tls, const char *protocol, int port)
{
	g_autofree char *path = g_strdup_printf("/%s/%d", protocol, port);
	struct client *c = ask(tls, path, "Sec-WebSocket-Protocol: base64, binary\r\n");
	g_autoptr(GString) answer = g_string_new(NULL);

	read_answer(c, answer);
	assert_true(g_str_has_prefix(answer->str, "HTTP/1.1 101 "));
	assert_non_null(strstr(answer->str, "\r\nSec-WebSocket-Accept: " ACCEPT "\r\n"));
	assert_non_null(strstr(answer->str, "\r\nSec-WebSocket-Protocol: binary\r\n"));
	return c;
}

static bool send_frame(struct client *c, int first, const void *data, size_t n)
{
	g_autoptr(GString) s = g_string_new(NULL);

	g_string_append_c(s, (char)first);
	if (n < 126) {
		g_string_append_c(s, (char)(0x80 | n));
	} else if (n < 65536) {
		g_string_append_len(s, (char[]){ (char)(0x80 | 126), (char)(n >> 8), (char)n }, 3);
	} else {
		g_string_append_len(s, "\xff\0\0\0\0", 5);
		g_string_append_len(s, (char[]){ (char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n }, 4);
	}
	g_string_append_len(s, "\0\0\0\0", 4); /* a mask that changes nothing */
	g_string_append_len(s, data, (gssize)n);
	return client_send(c, s->str, s->len);
}

static bool read_bytes(struct client *c, void *buf, size_t n)
{
	for (size_t got = 0; got < n;) {
		ssize_t part = client_read(c, (char *)buf + got, n - got);

		if (part <= 0)
			return false;
		got += (size_t)part;
	}
	return true;
}

static bool read_frame(struct client *c, struct frame *f)
{
	uint8_t head[10];
	uint64_t n;
	int more;

	f->data = NULL;
	if (!read_bytes(c, head, 2))
		return false;
	assert_int_equal(head[0] & 0xf0, 0x80);
	assert_false(head[1] & 0x80);
	f->opcode = head[0] & 15;
	n = head[1];
	more = n == 126 ? 2 : n == 127 ? 8 : 0;
	if (more) {
		if (!read_bytes(c, head + 2, (size_t)more))
			return false;
		n = 0;
		for (int i = 0; i < more; i++)
			n = n << 8 | head[2 + i];
	}
	f->data = g_string_sized_new(n);
	g_string_set_size(f->data, n);
	return read_bytes(c, f->data->str, n);
}

static void frame_clear(struct frame *f)
{
	if (f->data)
		g_string_free(f->data, TRUE);
}

/* Read over data until the goodbye; its code, or -1. */
static int read_goodbye(struct client *c, GString *reason)
{
	struct frame f;
	int code = -1;

	while (code < 0 && read_frame(c, &f)) {
		if (f.opcode == WS_CLOSE) {
			code = f.data->len >= 2 ? (uint8_t)f.data->str[0] << 8 | (uint8_t)f.data->str[1] : 0;
			if (reason && f.data->len > 2)
				g_string_assign(reason, f.data->str + 2);
		}
		frame_clear(&f);
	}
	return code;
}

/* ---- tests ---- */

static void test_bytes_pass(void **state)
{
	for (int tls = 0; tls < 2; tls++) {
		int port, fd = listen_any(&port), host, before = settled();
		struct client *c = connect_ws(tls, "raw", port);
		g_autofree char *big = g_malloc0(200000), *got = g_malloc0(200000);
		struct frame f;
		size_t n = 0;

		host = accept(fd, NULL, NULL);
		memset(big, 'x', 200000);
		send_frame(c, 0x82, "hello", 5);
		read_fully(host, got, 5);
		assert_memory_equal(got, "hello", 5);
		assert_int_equal(write(host, "world", 5), 5);
		assert_true(read_frame(c, &f));
		assert_int_equal(f.opcode, WS_BINARY);
		assert_string_equal(f.data->str, "world");
		frame_clear(&f);
		send_frame(c, 0x89, "are you there", 13);
		assert_true(read_frame(c, &f));
		assert_int_equal(f.opcode, WS_PONG);
		assert_string_equal(f.data->str, "are you there");
		frame_clear(&f);
		send_frame(c, 0x82, big, 200000);
		read_fully(host, got, 200000);
		assert_memory_equal(got, big, 200000);
		assert_int_equal(write(host, big, 100000), 100000);
		while (n < 100000 && read_frame(c, &f)) {
			n += f.data->len;
			frame_clear(&f);
		}
		assert_int_equal(n, 100000);
		send_frame(c, 0x88, "\x03\xe8", 2);
		assert_int_equal(read_goodbye(c, NULL), 1000);
		assert_int_equal(read(host, got, 1), 0); /* the host hears of it */
		eventually(atomic_load(&t.closed) == before + 1);
		client_free(c);
		close(host);
		close(fd);
	}
}

static void expect_status(const char *method_path, const char *headers, int status)
{
	struct client *c = client_new(t.tls, TLS_ANY);
	g_autoptr(GString) answer = g_string_new(NULL);

	client_puts(c, "%s HTTP/1.1\r\nHost: manager:1\r\n%s\r\n", method_path, headers);
	read_answer(c, answer);
	assert_int_equal(atoi(answer->str + 9), status);
	client_free(c);
}

#define FIT "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n"

static void test_unfit_requests(void **state)
{
	expect_status("GET /raw/1", "", 426);
	expect_status("GET /raw/1", "Upgrade: h2c\r\nConnection: Upgrade\r\n", 426);
	expect_status("GET /raw/1", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n", 426);
	expect_status("GET /raw/1", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n", 400);
	expect_status(
	    "GET /raw/1",
	    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: a\r\n", 400);
	expect_status("POST /raw/1", FIT, 400);
	expect_status("GET /raw/1", FIT "Origin: https://elsewhere:1\r\n", 403);
	expect_status("GET /raw/1", FIT "Origin: http://manager:1\r\n", 403);
	expect_status("GET /raw/1", FIT "Origin: null\r\n", 403);
	expect_status("GET /raw/1", FIT "Origin: https://MANAGER:1\r\n", 101);
}

static void test_rule_breakers(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		int code;
	} BAD[] = {
		{ "\x82\x05hello", 7, WS_PROTOCOL_ERROR },
		{ "\x80\x80\0\0\0\0", 6, WS_PROTOCOL_ERROR },
		{ "\xf2\x80\0\0\0\0", 6, WS_PROTOCOL_ERROR },
		{ "\x82\xff\0\0\0\0\x7f\xff\xff\xff\0\0\0\0", 14, WS_TOO_BIG },
		{ "\x88\x81\0\0\0\0x", 7, WS_PROTOCOL_ERROR },
	};
	int port, fd = listen_any(&port);

	for (size_t i = 0; i < G_N_ELEMENTS(BAD); i++) {
		struct client *c = connect_ws(true, "raw", port);
		int host = accept(fd, NULL, NULL);
		char more[60000] = { 0 };

		client_send(c, BAD[i].bytes, BAD[i].n);
		if (BAD[i].bytes[0] != '\x88')
			client_send(c, more, sizeof(more)); /* what he had on his way */
		assert_int_equal(read_goodbye(c, NULL), BAD[i].code);
		client_free(c);
		close(host);
	}
	close(fd);
}

static void test_parts_and_half_frames(void **state)
{
	int port, fd = listen_any(&port), host;
	struct client *c = connect_ws(true, "raw", port), *half = connect_ws(true, "raw", port);
	char got[16];

	host = accept(fd, NULL, NULL);
	client_send(half, "\x82\x8f\0\0", 4); /* and no more: nobody else is held up by it */
	send_frame(c, 0x02, "a", 1);
	send_frame(c, 0x00, "bc", 2);
	send_frame(c, 0x8a, "", 0);
	send_frame(c, 0x80, "d", 1);
	read_fully(host, got, 4);
	assert_memory_equal(got, "abcd", 4);
	client_free(half); /* without a word */
	client_free(c);
	assert_int_equal(read(host, got, 1), 0);
	close(host);
	close(fd);
}

static void test_hosts_that_fail(void **state)
{
	int port, fd = listen_any(&port), host, free_port, free_fd = listen_any(&free_port);
	struct client *c;
	static char garbage[100000];

	close(free_fd);
	c = connect_ws(true, "raw", free_port); /* nobody there */
	assert_int_equal(read_goodbye(c, NULL), WS_SERVER_ERROR);
	client_free(c);
	memset(garbage, 'Z', sizeof(garbage));
	c = connect_ws(true, "vnc", port);
	host = accept(fd, NULL, NULL);
	send(host, garbage, sizeof(garbage), MSG_NOSIGNAL);
	assert_int_equal(read_goodbye(c, NULL), WS_SERVER_ERROR);
	client_free(c);
	close(host);
	c = connect_ws(true, "head", port);
	host = accept(fd, NULL, NULL);
	send(host, garbage, sizeof(garbage), MSG_NOSIGNAL);
	assert_int_equal(read_goodbye(c, NULL), WS_SERVER_ERROR);
	client_free(c);
	close(host);
	c = connect_ws(true, "raw", port);
	host = accept(fd, NULL, NULL);
	assert_int_equal(write(host, "last words", 10), 10);
	close(host);
	assert_int_equal(read_goodbye(c, NULL), WS_NORMAL);
	client_free(c);
	close(fd);
}

static void test_first_words(void **state)
{
	static const struct {
		const char *answer;
		int code;
	} CASES[] = { { "HTTP/1.1 404 Not Found\r\n\r\n", RELAY_NO_CONSOLE },
		      { "HTTP/1.1 409 Conflict\r\n\r\n", RELAY_IN_USE },
		      { "HTTP/1.1 500 Oh\r\n\r\n", WS_SERVER_ERROR } };
	int port, fd = listen_any(&port), host;
	struct client *c;
	struct frame f;
	char got[64];

	for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++) {
		c = connect_ws(true, "head", port);
		host = accept(fd, NULL, NULL);
		read_fully(host, got, 24);
		assert_true(write(host, CASES[i].answer, strlen(CASES[i].answer)) > 0);
		assert_int_equal(read_goodbye(c, NULL), CASES[i].code);
		client_free(c);
		close(host);
	}
	c = connect_ws(true, "head", port);
	host = accept(fd, NULL, NULL);
	send_frame(c, 0x82, "early", 5); /* kept until the host has said yes */
	assert_true(write(host, "HTTP/1.1 101 Yes\r\n\r\nlogin: ", 27) == 27);
	assert_true(read_frame(c, &f));
	assert_string_equal(f.data->str, "login: ");
	frame_clear(&f);
	read_fully(host, got, 24 + 5);
	assert_memory_equal(got + 24, "early", 5);
	client_free(c);
	close(host);
	close(fd);
}

/* ---- back pressure ---- */

/* How much the other side takes before it stalls for half a second. */
static size_t fill(int fd, size_t max)
{
	static char block[65536];
	size_t total = 0;
	int quiet = 0;

	while (total < max && quiet < 50) {
		ssize_t put = send(fd, block, sizeof(block), MSG_DONTWAIT | MSG_NOSIGNAL);

		if (put > 0) {
			total += (size_t)put;
			quiet = 0;
		} else {
			quiet++;
			g_usleep(10000);
		}
	}
	return total;
}

#define LOT ((size_t)64 << 20)

static void test_slow_reader(void **state)
{
	int port, fd = listen_any(&port), host;
	struct client *c = connect_ws(true, "raw", port), *other = connect_ws(true, "raw", port);
	size_t sent, got = 0;
	struct frame f;
	int host2;

	host = accept(fd, NULL, NULL);
	host2 = accept(fd, NULL, NULL);
	sent = fill(host, LOT);
	assert_true(sent < LOT / 2); /* only what sockets' buffers hold, not us */
	assert_int_equal(write(host2, "x", 1), 1);
	assert_true(read_frame(other, &f)); /* nobody else suffers */
	frame_clear(&f);
	close(host);
	while (read_frame(c, &f) && f.opcode == WS_BINARY) {
		got += f.data->len;
		frame_clear(&f);
	}
	assert_int_equal(f.opcode, WS_CLOSE);
	frame_clear(&f);
	assert_int_equal(got, sent);
	client_free(c);
	client_free(other);
	close(host2);
	close(fd);
}

struct writer {
	struct client *c;
	atomic_size_t sent;
};

static void *write_a_lot(void *arg)
{
	struct writer *w = arg;
	g_autofree char *block = g_malloc0(65536);

	while (atomic_load(&w->sent) < LOT && send_frame(w->c, 0x82, block, 65536))
		atomic_fetch_add(&w->sent, 65536);
	return NULL;
}

static void test_slow_host(void **state)
{
	int port, fd = listen_any(&port), host;
	struct writer w = { .c = connect_ws(false, "raw", port) };
	g_autofree char *buf = g_malloc(1 << 20);
	size_t got = 0;
	pthread_t thread;

	host = accept(fd, NULL, NULL);
	pthread_create(&thread, NULL, write_a_lot, &w);
	g_usleep(700000);
	assert_true(atomic_load(&w.sent) < LOT / 2);
	while (got < LOT) {
		ssize_t n = read(host, buf, 1 << 20);

		assert_true(n > 0);
		got += (size_t)n;
	}
	pthread_join(thread, NULL);
	assert_int_equal(got, LOT);
	client_free(w.c);
	close(host);
	close(fd);
}

/* ---- ends ---- */

static void test_stop_from_elsewhere(void **state)
{
	int port, fd = listen_any(&port), host;
	struct client *c = connect_ws(true, "raw", port);
	g_autoptr(GString) reason = g_string_new(NULL);
	char b;

	host = accept(fd, NULL, NULL);
	relay_stop(atomic_load(&t.last), WS_POLICY, "logged out");
	relay_stop(atomic_load(&t.last), WS_POLICY, "again");
	assert_int_equal(read_goodbye(c, reason), WS_POLICY);
	assert_string_equal(reason->str, "logged out");
	assert_int_equal(read(host, &b, 1), 0);
	client_free(c);
	close(host);
	close(fd);
}

static size_t memory_kib(void)
{
	g_autofree char *text = NULL;
	const char *at;

	g_file_get_contents("/proc/self/status", &text, NULL, NULL);
	at = strstr(text, "VmRSS:");
	return at ? strtoul(at + 6, NULL, 10) : 0;
}

static void test_many(void **state)
{
	int port, fd = listen_any(&port), before = settled();
	g_autofree struct client **all = g_new0(struct client *, MANY);
	g_autofree int *hosts = g_new0(int, MANY);
	size_t kib = memory_kib();
	struct frame f;
	char got[4];

	for (int i = 0; i < MANY; i++) {
		all[i] = connect_ws(true, "raw", port);
		hosts[i] = accept(fd, NULL, NULL);
		assert_true(hosts[i] >= 0);
	}
	print_message("%d idle consoles: %zu KiB each, clients' ends included\n", MANY, (memory_kib() - kib) / MANY);
	for (int i = 0; i < MANY; i += MANY / 10) {
		send_frame(all[i], 0x82, "ping", 4);
		read_fully(hosts[i], got, 4);
		assert_int_equal(write(hosts[i], "pong", 4), 4);
		assert_true(read_frame(all[i], &f));
		frame_clear(&f);
	}
	for (int i = 0; i < MANY / 2; i++)
		client_free(all[i]);
	eventually(atomic_load(&t.closed) >= before + MANY / 2);
	for (int i = MANY / 2; i < MANY; i++)
		close(hosts[i]);
	for (int i = MANY / 2; i < MANY; i++) {
		assert_int_equal(read_goodbye(all[i], NULL), WS_NORMAL);
		client_free(all[i]);
	}
	eventually(atomic_load(&t.closed) == before + MANY);
	for (int i = 0; i < MANY / 2; i++)
		close(hosts[i]);
	close(fd);
}

static void *stop_server(void *arg)
{
	http_server_stop(t.server);
	return NULL;
}

static void test_server_stops(void **state)
{
	int port, fd = listen_any(&port), host, before = settled();
	struct client *c = connect_ws(true, "raw", port), *deaf = connect_ws(true, "raw", port);
	pthread_t thread;

	host = accept(fd, NULL, NULL);
	pthread_create(&thread, NULL, stop_server, NULL);
	assert_int_equal(read_goodbye(c, NULL), WS_GOING_AWAY);
	client_free(c);
	pthread_join(thread, NULL); /* the deaf one does not hold it up for long */
	t.server = NULL;
	eventually(atomic_load(&t.closed) == before + 2);
	relay_stop(atomic_load(&t.last), WS_POLICY, "too late");
	client_free(deaf);
	close(host);
	close(fd);
	start_server();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_pass),          cmocka_unit_test(test_unfit_requests),
		cmocka_unit_test(test_rule_breakers),       cmocka_unit_test(test_parts_and_half_frames),
		cmocka_unit_test(test_hosts_that_fail),     cmocka_unit_test(test_first_words),
		cmocka_unit_test(test_slow_reader),         cmocka_unit_test(test_slow_host),
		cmocka_unit_test(test_stop_from_elsewhere), cmocka_unit_test(test_many),
		cmocka_unit_test(test_server_stops),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
