/* SPDX-License-Identifier: Apache-2.0 */
/* Client and server, in one process, over real TLS. */
#include "test_util.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <glib.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fiber.h"
#include "base/log.h"
#include "certs.h"
#include "rpc/client.h"
#include "rpc/server.h"

static struct certs certs;
static struct loop *loop;
static struct rpc_tls *server_tls, *client_tls;
static struct rpc_server *server;
static struct rpc_client *client;
static int n_up, n_down, n_events;
static struct err down_error;
static char last_event[200];
static struct rpc_request *kept, *kept_before;

static void handle(void *arg, struct rpc_request *r)
{
	if (strcmp(r->method, "echo") == 0) {
		rpc_reply(r, json_incref(r->params));
	} else if (strcmp(r->method, "true") == 0) {
		rpc_reply(r, NULL);
	} else if (strcmp(r->method, "keep") == 0) {
		kept_before = kept;
		kept = r;
	} else if (strcmp(r->method, "correlation") == 0) {
		rpc_reply(r, json_string(r->correlation_id));
	} else {
		rpc_reply_error(r, 99, "Recovering from crash or Initializing");
	}
}

static void on_state(void *arg, bool is_up, const struct err *e)
{
	if (is_up) {
		n_up++;
	} else {
		n_down++;
		down_error = *e;
	}
}

static void on_event(void *arg, const char *method, json_t *params)
{
	g_strlcpy(last_event, method, sizeof(last_event));
	n_events++;
}

static const struct rpc_client_callbacks CALLBACKS = { on_state, on_event };

static void wait_for(const int *n, int at_least)
{
	int64_t limit = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;

	while (*n < at_least) {
		assert_true(g_get_monotonic_time() < limit);
		loop_turn(loop, 20);
	}
}

static int setup(void **state)
{
	struct rpc_tls_config s, c;
	struct rpc_server_config config = { .call = handle };
	struct err e = ERR_INIT;

	log_set_level(LOG_LEVEL_ERROR);
	certs_make(&certs);
	s = (struct rpc_tls_config){
		.is_server = true, .ca_file = certs.ca, .cert_file = certs.server_cert, .key_file = certs.server_key
	};
	c = (struct rpc_tls_config){ .ca_file = certs.ca,
		                     .cert_file = certs.client_cert,
		                     .key_file = certs.client_key };
	loop = loop_new();
	server_tls = rpc_tls_new(&s, &e);
	client_tls = rpc_tls_new(&c, &e);
	config.tls = server_tls;
	server = rpc_server_new(loop, &config, &e);
	assert_non_null(server);
	n_up = n_down = n_events = 0;
	kept = kept_before = NULL;
	client = rpc_client_new(loop, client_tls, "127.0.0.1", rpc_server_port(server), &CALLBACKS, NULL);
	rpc_client_connect(client);
	wait_for(&n_up, 1);
	return 0;
}

static int teardown(void **state)
{
	rpc_client_free(client);
	rpc_server_free(server);
	rpc_tls_free(server_tls);
	rpc_tls_free(client_tls);
	loop_free(loop);
	certs_remove(&certs);
	return 0;
}

struct outcome {
	int n;
	json_t *result;
	struct err e;
};

static void done(void *arg, json_t *result, const struct err *e)
{
	struct outcome *o = arg;

	o->n++;
	json_decref(o->result);
	o->result = json_incref(result);
	if (!result)
		o->e = *e;
}

static void outcome_clear(struct outcome *o)
{
	json_decref(o->result);
	*o = (struct outcome){ 0 };
}

static void calls_and_their_errors(void **state)
{
	struct outcome o = { 0 };

	rpc_client_call(client, "echo", json_pack("{s:[i,s]}", "a", 1, "é:\n\\"), 0, NULL, done, &o);
	assert_int_equal(o.n, 0);
	assert_int_equal(rpc_client_calls(client), 1);
	wait_for(&o.n, 1);
	assert_string_equal(json_string_value(json_array_get(json_object_get(o.result, "a"), 1)), "é:\n\\");
	rpc_client_call(client, "correlation", NULL, 0, "job:1\n2", done, &o);
	wait_for(&o.n, 2);
	assert_string_equal(json_string_value(o.result), "job:1\n2");
	rpc_client_call(client, "true", NULL, 0, NULL, done, &o);
	wait_for(&o.n, 3);
	assert_true(json_is_true(o.result));
	rpc_client_call(client, "nothing", NULL, 0, NULL, done, &o);
	wait_for(&o.n, 4);
	assert_null(o.result);
	assert_int_equal(o.e.code, ERR_AGENT);
	assert_int_equal(o.e.agent_code, 99);
	assert_string_equal(o.e.detail, "Recovering from crash or Initializing");
	assert_int_equal(rpc_client_calls(client), 0);
	outcome_clear(&o);
}

static void a_late_answer_is_ignored(void **state)
{
	struct outcome o = { 0 };

	rpc_client_call(client, "keep", NULL, 50, NULL, done, &o);
	wait_for(&o.n, 1);
	assert_int_equal(o.e.code, ERR_TIMEOUT);
	assert_non_null(kept);
	rpc_reply(kept, json_integer(1));
	rpc_client_call(client, "true", NULL, 0, NULL, done, &o);
	wait_for(&o.n, 2);
	assert_true(json_is_true(o.result));
	outcome_clear(&o);
}

static void events_arrive(void **state)
{
	rpc_server_event(server, "|virt|VM_status|1", json_pack("{s:i}", "notify_time", 5));
	rpc_server_event(server, "|net|host_conn|no_id", NULL);
	wait_for(&n_events, 2);
	assert_string_equal(last_event, "|net|host_conn|no_id");
}

static void a_lost_connection_fails_its_calls(void **state)
{
	struct outcome o = { 0 };
	int port = rpc_server_port(server);
	struct rpc_server_config config = { .call = handle, .tls = server_tls, .port = port };
	struct err e;

	rpc_client_call(client, "keep", NULL, 0, NULL, done, &o);
	rpc_client_call(client, "keep", NULL, 0, NULL, done, &o);
	while (!kept_before)
		loop_turn(loop, 10);
	rpc_server_free(server);
	server = NULL;
	wait_for(&n_down, 1);
	assert_int_equal(o.n, 2);
	assert_int_equal(o.e.code, ERR_NETWORK);
	assert_int_equal(o.e.agent_code, RPC_NETWORK_CODE);
	assert_false(rpc_client_is_up(client));
	rpc_client_call(client, "true", NULL, 0, NULL, done, &o); /* at once, but not from within the call */
	assert_int_equal(o.n, 2);
	wait_for(&o.n, 3);
	assert_int_equal(o.e.code, ERR_NETWORK);
	rpc_client_connect(client); /* nobody listens */
	wait_for(&n_down, 2);
	assert_non_null(strstr(down_error.detail, "refused"));
	server = rpc_server_new(loop, &config, &e);
	assert_non_null(server);
	rpc_client_connect(client);
	rpc_client_connect(client);
	wait_for(&n_up, 2);
	rpc_client_call(client, "true", NULL, 0, NULL, done, &o);
	wait_for(&o.n, 4);
	assert_true(json_is_true(o.result));
	outcome_clear(&o);
	rpc_reply(kept, NULL); /* of the server that is gone */
	rpc_reply(kept_before, NULL);
}

static void name_that_is_none(void **state)
{
	struct rpc_client *lost = rpc_client_new(loop, client_tls, "no-such-host.invalid", 54321, &CALLBACKS, NULL);
	struct rpc_client *cancelled = rpc_client_new(loop, client_tls, "nor-this.invalid", 54321, &CALLBACKS, NULL);

	rpc_client_connect(lost);
	rpc_client_connect(cancelled);
	rpc_client_free(cancelled);
	wait_for(&n_down, 1);
	assert_int_equal(down_error.code, ERR_NETWORK);
	rpc_client_free(lost);
	for (int i = 0; i < 20; i++) /* the look-up that was given up ends, too */
		loop_turn(loop, 10);
}

/* --- from fibers --- */

static int fibers_left;

static void call_often(void *arg)
{
	for (int i = 0; i < 100; i++) {
		struct err e;
		json_t *result = rpc_client_call_wait(client, "echo", json_pack("[i]", i), 0, NULL, &e);

		assert_non_null(result);
		assert_int_equal(json_integer_value(json_array_get(result, 0)), i);
		json_decref(result);
	}
	fibers_left--;
}

static void fibers_call(void **state)
{
	int64_t begin = g_get_monotonic_time();

	fibers_left = 100;
	for (int i = 0; i < 100; i++)
		fiber_start(loop, "caller", call_often, NULL);
	while (fibers_left > 0)
		loop_turn(loop, 1000);
	print_message("10,000 calls over TLS by 100 fibers, both ends in one thread: %.0f calls a second\n",
	              10000.0 * G_USEC_PER_SEC / (double)(g_get_monotonic_time() - begin));
}

static void call_in_vain(void *arg)
{
	struct err e;

	assert_null(rpc_client_call_wait(client, "keep", NULL, 0, NULL, &e));
	assert_int_equal(e.code, ERR_CANCELLED);
	fibers_left--;
}

static void a_freed_client_wakes_its_callers(void **state)
{
	fibers_left = 1;
	fiber_start(loop, "caller", call_in_vain, NULL);
	while (!kept)
		loop_turn(loop, 10);
	rpc_client_free(client);
	client = NULL;
	while (fibers_left > 0)
		loop_turn(loop, 10);
	rpc_reply(kept, NULL);
}

/* --- sizes --- */

static void megabytes_pass(void **state)
{
	struct outcome o = { 0 };
	g_autofree char *big = g_strnfill(8 * 1024 * 1024, 'm');
	int64_t begin = g_get_monotonic_time();

	for (int i = 0; i < 3; i++)
		rpc_client_call(client, "echo", json_pack("[s]", big), 0, NULL, done, &o);
	wait_for(&o.n, 3);
	assert_string_equal(json_string_value(json_array_get(o.result, 0)), big);
	print_message("24 MiB there and back: %.0f MiB/s\n",
	              48.0 * G_USEC_PER_SEC / (double)(g_get_monotonic_time() - begin));
	outcome_clear(&o);
}

static void answers_beyond_the_limit_end_the_connection(void **state)
{
	struct outcome o = { 0 };
	g_autofree char *big = g_strnfill(2 * 1024 * 1024, 'm');

	rpc_client_close(client);
	rpc_client_set_limits(client, 0, 1024 * 1024, 0);
	rpc_client_connect(client);
	wait_for(&n_up, 2);
	rpc_client_call(client, "echo", json_pack("[s]", big), 0, NULL, done, &o);
	wait_for(&n_down, 1);
	assert_int_equal(o.e.code, ERR_NETWORK);
	outcome_clear(&o);
}

/* --- callbacks that change everything --- */

static void free_client(void *arg, json_t *result, const struct err *e)
{
	++*(int *)arg;
	rpc_client_free(client);
	client = NULL;
}

static void a_callback_may_free_the_client(void **state)
{
	struct outcome o = { 0 };
	int n = 0;

	rpc_client_call(client, "true", NULL, 0, NULL, free_client, &n);
	rpc_client_call(client, "true", NULL, 0, NULL, done, &o);
	wait_for(&n, 1);
	assert_int_equal(o.n, 1);
	assert_int_equal(o.e.code, ERR_CANCELLED);
	loop_turn(loop, 10);
}

static void reconnect(void *arg, json_t *result, const struct err *e)
{
	++*(int *)arg;
	rpc_client_close(client);
	rpc_client_connect(client);
}

static void a_callback_may_connect_anew(void **state)
{
	int n = 0;

	rpc_client_call(client, "true", NULL, 0, NULL, reconnect, &n);
	wait_for(&n_up, 2);
	assert_int_equal(n_down, 0);
	rpc_client_call(client, "keep", NULL, 0, NULL, free_client, &n);
	while (!kept)
		loop_turn(loop, 10);
	rpc_server_free(server); /* free_client runs in the middle of going down */
	server = NULL;
	wait_for(&n, 2);
	assert_int_equal(n_down, 0);
	rpc_reply(kept, NULL);
}

/* --- an agent that falls silent --- */

static int accept_one(int listener)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	for (int i = 0; i < 500 && poll(&p, 1, 0) == 0; i++)
		loop_turn(loop, 10);
	return accept(listener, NULL, NULL);
}

static void no_sign_of_life(void **state)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	static const char CONNECTED[] = "CONNECTED\nversion:1.2\nheart-beat:200,0\n\n\0\n\n";
	socklen_t len = sizeof(to);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;
	struct rpc_client *c;
	struct outcome o = { 0 };
	int64_t begin;

	assert_int_equal(bind(listener, (struct sockaddr *)&to, len), 0);
	assert_int_equal(listen(listener, 5), 0);
	getsockname(listener, (struct sockaddr *)&to, &len);
	c = rpc_client_new(loop, NULL, "127.0.0.1", ntohs(to.sin_port), &CALLBACKS, NULL);

	/* Never says CONNECTED. */
	rpc_client_set_limits(c, 150, 0, 0);
	rpc_client_connect(c);
	wait_for(&n_down, 1);
	assert_int_equal(down_error.code, ERR_NETWORK);
	close(accept_one(listener));

	/* Says it, beats once, and falls silent. */
	rpc_client_connect(c);
	fd = accept_one(listener);
	begin = g_get_monotonic_time();
	assert_true(send(fd, CONNECTED, sizeof(CONNECTED) - 1, MSG_NOSIGNAL) > 0);
	wait_for(&n_up, 2);
	rpc_client_call(c, "true", NULL, 0, NULL, done, &o);
	for (int i = 0; i < 10; i++) {
		loop_turn(loop, 20);
		usleep(20000);
		assert_int_equal(send(fd, "\n", 1, MSG_NOSIGNAL), 1);
	}
	assert_int_equal(n_down, 1);
	wait_for(&n_down, 2);
	assert_in_range(g_get_monotonic_time() - begin, 450000, 3000000);
	assert_int_equal(o.n, 1);
	assert_int_equal(o.e.code, ERR_NETWORK);
	assert_non_null(strstr(down_error.detail, "no sign of life"));
	close(fd);

	/* Refuses. */
	rpc_client_connect(c);
	fd = accept_one(listener);
	assert_true(send(fd, "ERROR\nmessage:go away\n\n\0", 24, MSG_NOSIGNAL) > 0);
	log_set_level(-1);
	wait_for(&n_down, 3);
	assert_non_null(strstr(down_error.detail, "go away"));
	close(fd);

	/* Talks nonsense. */
	rpc_client_connect(c);
	fd = accept_one(listener);
	assert_true(send(fd, "HTTP/1.1 200 OK\n\n", 17, MSG_NOSIGNAL) > 0);
	wait_for(&n_down, 4);
	close(fd);
	close(listener);
	rpc_client_free(c);
}

static int n_answers;

static void count(void *arg, json_t *result, const struct err *e)
{
	assert_non_null(result);
	n_answers++;
}

static void throughput(void **state)
{
	int64_t begin = g_get_monotonic_time();

	n_answers = 0;
	for (int i = 0; i < 10000; i++) {
		rpc_client_call(client, "echo", json_pack("{s:s}", "vmID", "46024be7-ed55-41ba-a8de-ad8165000000"), 0,
		                NULL, count, NULL);
		if (i % 100 == 99)
			loop_turn(loop, 0);
	}
	wait_for(&n_answers, 10000);
	print_message("10,000 calls over TLS, pipelined, both ends in one thread: %.0f calls a second\n",
	              10000.0 * G_USEC_PER_SEC / (double)(g_get_monotonic_time() - begin));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(calls_and_their_errors),
		TEST(a_late_answer_is_ignored),
		TEST(events_arrive),
		TEST(a_lost_connection_fails_its_calls),
		TEST(name_that_is_none),
		TEST(fibers_call),
		TEST(a_freed_client_wakes_its_callers),
		TEST(megabytes_pass),
		TEST(answers_beyond_the_limit_end_the_connection),
		TEST(a_callback_may_free_the_client),
		TEST(a_callback_may_connect_anew),
		TEST(no_sign_of_life),
		TEST(throughput),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
