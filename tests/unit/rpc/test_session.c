/* SPDX-License-Identifier: Apache-2.0 */
/* The server as seen by a client that writes its frames by hand, over plain TCP. */
#include "test_util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "rpc/server.h"

static struct loop *loop;
static struct rpc_server *server;
static GPtrArray *kept; /* requests that the test answers */

static void handle(void *arg, struct rpc_request *r)
{
	if (strcmp(r->method, "Host.ping") == 0)
		rpc_reply(r, NULL);
	else if (strcmp(r->method, "echo") == 0)
		rpc_reply(r, json_incref(r->params));
	else if (strcmp(r->method, "who") == 0)
		rpc_reply(r, json_pack("{s:s,s:s,s:s*}", "peer", r->peer_address, "local", r->local_address,
		                       "correlation", r->correlation_id));
	else if (strcmp(r->method, "keep") == 0)
		g_ptr_array_add(kept, r);
	else
		rpc_reply_error(r, JSONRPC_NO_METHOD, "no such method");
}

static void start(struct rpc_server_config config)
{
	struct err e = ERR_INIT;

	config.call = handle;
	server = rpc_server_new(loop, &config, &e);
	if (!server)
		fail_msg("%s", e.detail);
}

static int setup(void **state)
{
	log_set_level(LOG_LEVEL_ERROR);
	loop = loop_new();
	kept = g_ptr_array_new();
	start((struct rpc_server_config){ .max_connections = 8, .max_calls = 5, .detect_ms = 300 });
	return 0;
}

static int teardown(void **state)
{
	rpc_server_free(server);
	g_ptr_array_free(kept, TRUE);
	loop_free(loop);
	return 0;
}

/* --- a client by hand --- */

struct raw {
	int fd;
	GString *got;
	bool is_closed;
};

static struct raw *raw_open(void)
{
	struct raw *r = g_new0(struct raw, 1);
	struct sockaddr_in to = { .sin_family = AF_INET,
		                  .sin_port = htons(rpc_server_port(server)),
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	r->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(r->fd, (struct sockaddr *)&to, sizeof(to)), 0);
	fcntl(r->fd, F_SETFL, O_NONBLOCK);
	r->got = g_string_new(NULL);
	return r;
}

static void raw_close(struct raw *r)
{
	close(r->fd);
	g_string_free(r->got, TRUE);
	g_free(r);
}

static void raw_send(struct raw *r, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t put = send(r->fd, bytes, n, MSG_NOSIGNAL);

		if (put < 0 && errno != EAGAIN)
			return;
		if (put > 0) {
			bytes += put;
			n -= (size_t)put;
		}
		loop_turn(loop, 0);
	}
}

#define SEND(r, text) raw_send(r, text, sizeof(text) - 1)

static void raw_pump(struct raw *r, int ms)
{
	char buf[65536];
	ssize_t n;

	loop_turn(loop, ms);
	while ((n = recv(r->fd, buf, sizeof(buf), 0)) > 0)
		for (ssize_t i = 0; i < n; i++)
			g_string_append_c(r->got, buf[i] ? buf[i] : '^'); /* NUL as ^, for strstr */
	if (n == 0 || (n < 0 && errno != EAGAIN))
		r->is_closed = true;
}

/* Forget all up to and including the text, which must come within 5 s. */
static void raw_expect(struct raw *r, const char *text)
{
	int64_t limit = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;
	char *at;

	while (!(at = strstr(r->got->str, text))) {
		if (r->is_closed || g_get_monotonic_time() > limit)
			fail_msg("wanted %s, got %s", text, r->got->str);
		raw_pump(r, 10);
	}
	g_string_erase(r->got, 0, at - r->got->str + (gssize)strlen(text));
}

static void raw_expect_close(struct raw *r)
{
	int64_t limit = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;

	while (!r->is_closed) {
		assert_true(g_get_monotonic_time() < limit);
		raw_pump(r, 10);
	}
}

static struct raw *raw_hello(void)
{
	struct raw *r = raw_open();

	SEND(r, "CONNECT\naccept-version:1.2\nheart-beat:0,0\n\n\0");
	SEND(r, "SUBSCRIBE\ndestination:q\nid:s1\nack:auto\n\n\0");
	raw_expect(r, "CONNECTED\nversion:1.2\nheart-beat:0,0\n\n^");
	return r;
}

static void raw_call(struct raw *r, const char *body)
{
	g_autofree char *frame = g_strdup_printf("SEND\ndestination:jms.topic.vdsm_requests\nreply-to:q\n"
	                                         "content-type:application/json\novirtCorrelationId:job1\n"
	                                         "content-length:%zu\n\n%s",
	                                         strlen(body), body);

	raw_send(r, frame, strlen(frame) + 1);
}

/* --- tests --- */

static void an_exchange_as_the_python_client_makes_it(void **state)
{
	struct raw *r = raw_open();

	SEND(r, "CONNECT\naccept-version:1.2\nheart-beat:0,24000\n\n\0"
	        "SUBSCRIBE\ndestination:46024be7\nack:auto\nid:217c8e79\n\n\0"
	        "SEND\ndestination:jms.topic.vdsm_requests\ncontent-type:application/json\nreply-to:46024be7\n"
	        "content-length:78\n\n"
	        "[{\"jsonrpc\": \"2.0\", \"method\": \"Host.ping\", \"params\": {}, \"id\": \"b2ef855f-12\"}]\0");
	raw_expect(r, "CONNECTED\nversion:1.2\nheart-beat:24000,0\n\n^");
	raw_expect(r, "MESSAGE\ndestination:46024be7\nsubscription:217c8e79\ncontent-type:application/json\n"
	              "content-length:50\n\n{\"jsonrpc\":\"2.0\",\"id\":\"b2ef855f-12\",\"result\":true}^");
	raw_close(r);
}

static void subscribing_may_come_first(void **state)
{
	struct raw *r = raw_open();

	SEND(r, "SUBSCRIBE\ndestination:jms.topic.vdsm_responses\nid:1\n\n\0\n\n");
	SEND(r, "CONNECT\naccept-version:1.2\n\n\0");
	SEND(r, "SEND\ndestination:jms.topic.vdsm_irs_requests.x\n\n"
	        "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":[1],\"id\":5}\0");
	raw_expect(r, "CONNECTED");
	raw_expect(r, "destination:jms.topic.vdsm_responses\nsubscription:1\n");
	raw_expect(r, "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":[1]}^");
	raw_close(r);
}

static void batches(void **state)
{
	struct raw *r = raw_hello();

	raw_call(r, "[{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":{\"a\":1},\"id\":1},"
	            "{\"jsonrpc\":\"2.0\",\"method\":\"keep\",\"id\":2},"
	            "{\"jsonrpc\":\"2.0\",\"method\":\"Host.ping\"}, 5]");
	raw_call(r, "{\"jsonrpc\":\"2.0\",\"method\":\"nothing\",\"id\":9}");
	raw_expect(r, "\"id\":9,\"error\":{\"code\":-32601");
	assert_null(strstr(r->got->str, "\"id\":1"));
	assert_int_equal(kept->len, 1);
	rpc_reply(kept->pdata[0], json_string("late"));
	raw_expect(r, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":1}},");
	raw_expect(r, "-32600");
	raw_expect(r, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"late\"}]^");
	raw_call(r, "[]");
	raw_expect(r, "\"id\":null,\"error\":{\"code\":-32600");
	raw_call(r, "{\"jsonrpc\"");
	raw_expect(r, "\"id\":null,\"error\":{\"code\":-32700");
	raw_close(r);
}

static void who_calls(void **state)
{
	struct raw *r = raw_hello();

	raw_call(r, "{\"jsonrpc\":\"2.0\",\"method\":\"who\",\"id\":1}");
	raw_expect(r, "{\"peer\":\"127.0.0.1\",\"local\":\"127.0.0.1\",\"correlation\":\"job1\"}");
	raw_close(r);
}

static void too_many_calls(void **state)
{
	struct raw *r = raw_hello();

	for (int i = 0; i < 6; i++)
		raw_call(r, "{\"jsonrpc\":\"2.0\",\"method\":\"keep\",\"id\":1}");
	raw_expect(r, "\"code\":1100");
	assert_int_equal(rpc_server_calls(server), 5);
	assert_int_equal(kept->len, 5);
	raw_close(r);
	while (rpc_server_connections(server) > 0)
		loop_turn(loop, 100);
	rpc_reply(kept->pdata[0], json_integer(1)); /* nobody is there */
	assert_int_equal(rpc_server_calls(server), 4);
	rpc_server_free(server);
	server = NULL;
	for (guint i = 1; i < kept->len; i++)
		rpc_reply_error(kept->pdata[i], 1, "not even a server");
}

static void errors_of_sessions(void **state)
{
	struct raw *r = raw_hello();

	SEND(r, "CONNECT\naccept-version:1.1,1.2\n\n\0");
	raw_expect(r, "ERROR\nmessage:Version unsupported\n\n^");
	SEND(r, "CONNECT\n\n\0");
	raw_expect(r, "Version unsupported");
	SEND(r, "CONNECT\naccept-version:1.2\nheart-beat:a,b\n\n\0");
	raw_expect(r, "ERROR");
	SEND(r, "SUBSCRIBE\ndestination:z\nid:s1\n\n\0");
	raw_expect(r, "ERROR");
	SEND(r, "SUBSCRIBE\ndestination:z\n\n\0");
	raw_expect(r, "ERROR");
	SEND(r, "SUBSCRIBE\ndestination:z\nid:s2\nack:client\n\n\0");
	raw_expect(r, "ERROR");
	SEND(r, "UNSUBSCRIBE\nid:nope\n\n\0");
	raw_expect(r, "ERROR");
	SEND(r, "UNSUBSCRIBE\n\n\0");
	raw_expect(r, "ERROR");
	SEND(r, "SEND\n\nx\0");
	raw_expect(r, "ERROR");
	SEND(r, "ABORT\n\n\0");
	raw_expect(r, "ERROR\nmessage:Unknown command");
	for (int i = 0; i < 40; i++) {
		g_autofree char *f = g_strdup_printf("SUBSCRIBE\ndestination:d%d\nid:i%d\n\n", i, i);

		raw_send(r, f, strlen(f) + 1);
	}
	raw_expect(r, "Too many");
	SEND(r, "UNSUBSCRIBE\nid:i3\n\n\0UNSUBSCRIBE\nid:s1\n\n\0SUBSCRIBE\ndestination:q\nid:new\n\n\0");
	raw_call(r, "{\"jsonrpc\":\"2.0\",\"method\":\"Host.ping\",\"id\":1}");
	raw_expect(r, "subscription:new\n"); /* it has survived all this */
	SEND(r, "SEND\ncontent-length:oops\n\n\0");
	raw_expect(r, "ERROR");
	raw_expect_close(r);
	raw_close(r);
}

static void relayed_messages(void **state)
{
	struct raw *a = raw_hello(), *b = raw_hello();

	SEND(a, "SEND\ndestination:jms.elsewhere\n\nhello\0");
	raw_expect(a, "ERROR\nmessage:Subscription not available");
	SEND(b, "SUBSCRIBE\ndestination:jms.queue\nid:x\n\n\0SEND\ndestination:nowhere\n\n\0");
	raw_expect(b, "ERROR"); /* so it is subscribed by now */
	SEND(a, "SEND\ndestination:jms.queue.special\n\n{\"a\":1}\0SEND\ndestination:jms.queue2\n\nno\0");
	raw_expect(b, "MESSAGE\ndestination:jms.queue.special\nsubscription:x\ncontent-type:application/json\n"
	              "content-length:7\n\n{\"a\":1}^");
	raw_expect(a, "ERROR");
	rpc_server_event(server, "|virt|VM_status|1", json_pack("{s:i}", "notify_time", 3));
	raw_expect(b, "destination:jms.queue.events\nsubscription:x\n");
	raw_expect(b, "{\"jsonrpc\":\"2.0\",\"method\":\"|virt|VM_status|1\",\"params\":{\"notify_time\":3}}^");
	raw_close(a);
	raw_close(b);
}

static void a_disconnect_is_confirmed(void **state)
{
	struct raw *r = raw_hello();

	SEND(r, "DISCONNECT\nreceipt:77\n\n\0SEND\n\n\0");
	raw_expect(r, "RECEIPT\nreceipt-id:77\n\n^");
	raw_expect_close(r);
	assert_null(strstr(r->got->str, "ERROR"));
	raw_close(r);
}

static void beats_go_both_ways(void **state)
{
	struct raw *r = raw_open();
	int64_t begin = g_get_monotonic_time();

	SEND(r, "CONNECT\naccept-version:1.2\nheart-beat:5,10\n\n\0");
	raw_expect(r, "heart-beat:1000,1000\n\n^");
	raw_expect(r, "\n"); /* its beat */
	assert_in_range(g_get_monotonic_time() - begin, 700000, 1100000);
	raw_expect_close(r); /* we have sent none */
	assert_in_range(g_get_monotonic_time() - begin, 1400000, 2500000);
	assert_int_equal(rpc_server_connections(server), 0);
	raw_close(r);
}

static void http_is_refused_politely(void **state)
{
	struct raw *r = raw_open();

	SEND(r, "PUT / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc");
	raw_expect(r, "HTTP/1.1 501 ");
	raw_expect(r, "\"code\": 501");
	raw_expect_close(r);
	raw_close(r);
	r = raw_open();
	SEND(r, "GET ");
	raw_pump(r, 10);
	SEND(r, "/x");
	raw_expect(r, "HTTP/1.1 501 ");
	raw_close(r);
}

static void garbage_is_hung_up_on(void **state)
{
	static const char *const GARBAGE[] = { "\x16\x03\x01\x02\x05\x01", "POST / HTTP/1.1\r\n", "CONNEXT", "\n",
		                               "SENT" };
	struct raw *r;

	for (size_t i = 0; i < G_N_ELEMENTS(GARBAGE); i++) {
		r = raw_open();
		raw_send(r, GARBAGE[i], strlen(GARBAGE[i]));
		raw_expect_close(r);
		raw_close(r);
	}
	srand(11);
	for (int i = 0; i < 200; i++) { /* the right beginning, then anything */
		char noise[300];

		for (size_t k = 0; k < sizeof(noise); k++)
			noise[k] = (char)(rand() % 8 ? "\n:\\aC0"[rand() % 6] : rand());
		r = raw_open();
		SEND(r, "SEND\n");
		raw_send(r, noise, sizeof(noise));
		raw_pump(r, 0);
		raw_close(r);
	}
}

static void who_says_nothing_goes(void **state)
{
	struct raw *r = raw_open(), *half = raw_open();

	SEND(half, "CONN");
	raw_expect_close(r); /* after detect_ms */
	raw_expect_close(half);
	raw_close(r);
	raw_close(half);
}

static void silent_ones_keep_nobody_out(void **state)
{
	struct raw *silent[20], *speaker;

	for (size_t i = 0; i < G_N_ELEMENTS(silent); i++) {
		silent[i] = raw_open();
		loop_turn(loop, 0);
	}
	speaker = raw_hello();
	raw_call(speaker, "{\"jsonrpc\":\"2.0\",\"method\":\"Host.ping\",\"id\":1}");
	raw_expect(speaker, "true");
	raw_close(speaker);
	for (size_t i = 0; i < G_N_ELEMENTS(silent); i++)
		raw_close(silent[i]);
}

static void connections_are_limited(void **state)
{
	struct raw *r[8], *extra;

	for (size_t i = 0; i < G_N_ELEMENTS(r); i++)
		r[i] = raw_hello();
	assert_int_equal(rpc_server_connections(server), 8);
	extra = raw_open();
	SEND(extra, "CONNECT\naccept-version:1.2\n\n\0");
	raw_expect_close(extra);
	raw_close(extra);
	raw_close(r[0]);
	while (rpc_server_connections(server) == 8)
		loop_turn(loop, 100);
	r[0] = raw_hello();
	for (size_t i = 0; i < G_N_ELEMENTS(r); i++)
		raw_close(r[i]);
}

static void who_does_not_read_is_not_read(void **state)
{
	struct raw *r = raw_hello();
	g_autofree char *big = g_strnfill(1000000, 'x');
	g_autofree char *body =
	    g_strdup_printf("{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":[\"%s\"],\"id\":1}", big);
	g_autofree char *frame = g_strdup_printf("SEND\ndestination:jms.topic.vdsm_requests\nreply-to:q\n\n%s", body);
	int64_t limit = g_get_monotonic_time() + 300000;
	size_t sent = 0, n = strlen(frame) + 1, at = 0, seen = 0;

	/* Push until the server takes no more: its queue and both sockets are full then. */
	while (g_get_monotonic_time() < limit && sent < 200u * 1000 * 1000) {
		ssize_t put = send(r->fd, frame + at, n - at, MSG_NOSIGNAL);

		if (put > 0) {
			at = (at + (size_t)put) % n;
			sent += (size_t)put;
			limit = g_get_monotonic_time() + 300000;
		}
		loop_turn(loop, 0);
	}
	assert_true(sent < 60u * 1000 * 1000);
	/* Read again: everything that was sent whole is answered. */
	while (seen < sent / n) {
		raw_pump(r, 100);
		assert_false(r->is_closed);
		for (char *c; (c = strchr(r->got->str, '^')); seen++)
			g_string_erase(r->got, 0, c - r->got->str + 1);
	}
	raw_close(r);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_exchange_as_the_python_client_makes_it),
		TEST(subscribing_may_come_first),
		TEST(batches),
		TEST(who_calls),
		TEST(too_many_calls),
		TEST(errors_of_sessions),
		TEST(relayed_messages),
		TEST(a_disconnect_is_confirmed),
		TEST(beats_go_both_ways),
		TEST(http_is_refused_politely),
		TEST(garbage_is_hung_up_on),
		TEST(who_says_nothing_goes),
		TEST(silent_ones_keep_nobody_out),
		TEST(connections_are_limited),
		TEST(who_does_not_read_is_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
