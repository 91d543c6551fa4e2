/* SPDX-License-Identifier: Apache-2.0 */
/* Who may talk to whom. */
#include "test_util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "certs.h"
#include "rpc/client.h"
#include "rpc/server.h"

static struct certs certs;
static struct loop *loop;
static struct rpc_tls *server_tls;
static struct rpc_server *server;

static void handle(void *arg, struct rpc_request *r) { rpc_reply(r, json_string(r->peer_name)); }

static void start(bool is_anonymous_ok)
{
	struct rpc_tls_config t = { .is_server = true,
		                    .ca_file = certs.ca,
		                    .cert_file = certs.server_cert,
		                    .key_file = certs.server_key,
		                    .is_anonymous_ok = is_anonymous_ok };
	struct rpc_server_config config = { .call = handle, .max_connections = 4 };
	struct err e = ERR_INIT;

	server_tls = rpc_tls_new(&t, &e);
	if (!server_tls)
		fail_msg("%s", e.detail);
	config.tls = server_tls;
	server = rpc_server_new(loop, &config, &e);
	assert_non_null(server);
}

static int setup(void **state)
{
	log_set_level(LOG_LEVEL_ERROR);
	certs_make(&certs);
	loop = loop_new();
	start(false);
	return 0;
}

static void stop(void)
{
	rpc_server_free(server);
	rpc_tls_free(server_tls);
}

static int teardown(void **state)
{
	stop();
	loop_free(loop);
	certs_remove(&certs);
	return 0;
}

/* --- one client, one attempt --- */

struct attempt {
	struct rpc_tls *tls;
	struct rpc_client *client;
	int n_up, n_down, n_done;
	struct err e;
	char name[64];
};

static void on_state(void *arg, bool is_up, const struct err *e)
{
	struct attempt *a = arg;

	if (is_up) {
		a->n_up++;
	} else {
		a->n_down++;
		a->e = *e;
	}
}

static void on_done(void *arg, json_t *result, const struct err *e)
{
	struct attempt *a = arg;

	a->n_done++;
	if (result)
		g_strlcpy(a->name, json_string_value(result), sizeof(a->name));
}

static void begin(struct attempt *a, struct rpc_tls_config config, const char *host)
{
	static const struct rpc_client_callbacks CALLBACKS = { .on_state = on_state };
	struct err e = ERR_INIT;

	*a = (struct attempt){ 0 };
	a->tls = rpc_tls_new(&config, &e);
	if (!a->tls)
		fail_msg("%s", e.detail);
	a->client = rpc_client_new(loop, a->tls, host, rpc_server_port(server), &CALLBACKS, a);
	rpc_client_connect(a->client);
}

static void run_until(const int *flag, int ms)
{
	int64_t limit = g_get_monotonic_time() + ms * 1000;

	while (!*flag) {
		assert_true(g_get_monotonic_time() < limit);
		loop_turn(loop, 10);
	}
}

static void finish(struct attempt *a)
{
	rpc_client_free(a->client);
	rpc_tls_free(a->tls);
}

static bool works(struct rpc_tls_config config, const char *host)
{
	struct attempt a;
	bool is_up;

	begin(&a, config, host);
	while (!a.n_up && !a.n_down)
		loop_turn(loop, 100);
	is_up = a.n_up > 0;
	if (is_up) {
		assert_int_equal(strlen(rpc_client_peer_fingerprint(a.client)), 64);
		rpc_client_call(a.client, "who", NULL, 0, NULL, on_done, &a);
		run_until(&a.n_done, 5000);
		assert_string_equal(a.name, config.cert_file ? "manager.test" : "");
	} else {
		assert_int_equal(a.e.code, ERR_NETWORK);
		assert_int_equal(a.e.agent_code, RPC_NETWORK_CODE);
		print_message("refused: %s\n", a.e.detail);
	}
	finish(&a);
	return is_up;
}

static struct rpc_tls_config manager(void)
{
	return (
	    struct rpc_tls_config){ .ca_file = certs.ca, .cert_file = certs.client_cert, .key_file = certs.client_key };
}

static void both_sides_prove_themselves(void **state)
{
	struct rpc_tls_config none = { .ca_file = certs.ca };
	struct rpc_tls_config stranger = { .ca_file = certs.ca,
		                           .cert_file = certs.stranger_cert,
		                           .key_file = certs.stranger_key };
	struct rpc_tls_config wary = manager();

	assert_true(works(manager(), "127.0.0.1"));
	assert_false(works(none, "127.0.0.1"));
	assert_false(works(stranger, "127.0.0.1"));
	wary.ca_file = certs.other_ca;
	assert_false(works(wary, "127.0.0.1"));
	assert_int_equal(rpc_server_calls(server), 0);
}

static void names_are_checked_when_asked_for(void **state)
{
	struct rpc_tls_config t = manager();

	t.is_name_checked = true;
	assert_true(works(t, "127.0.0.1"));
	assert_true(works(t, "localhost"));
	assert_false(works(t, "127.0.0.2"));
	t.is_name_checked = false;
	assert_true(works(t, "127.0.0.2"));
}

static void only_the_key_that_is_expected_will_do(void **state)
{
	struct attempt a;
	g_autofree char *key = NULL;

	begin(&a, manager(), "127.0.0.1");
	run_until(&a.n_up, 5000);
	key = g_strdup(rpc_client_peer_key(a.client));
	assert_int_equal(strlen(key), 64);
	finish(&a);

	begin(&a, manager(), "127.0.0.1");
	rpc_client_set_peer_key(a.client, key);
	run_until(&a.n_up, 5000);
	finish(&a);

	key[5] = key[5] == '0' ? '1' : '0';
	begin(&a, manager(), "127.0.0.1");
	rpc_client_set_peer_key(a.client, key);
	run_until(&a.n_down, 5000);
	assert_int_equal(a.e.code, ERR_AUTH);
	assert_non_null(strstr(a.e.detail, key));
	assert_int_equal(a.n_up, 0);
	assert_false(rpc_client_is_up(a.client));
	rpc_client_set_peer_key(a.client, NULL); /* and again, with anybody */
	rpc_client_connect(a.client);
	run_until(&a.n_up, 5000);
	finish(&a);
}

static void a_server_may_do_without_certificates_of_clients(void **state)
{
	stop();
	start(true);
	assert_true(works((struct rpc_tls_config){ .ca_file = certs.ca }, "127.0.0.1"));
	assert_true(works((struct rpc_tls_config){ .is_anonymous_ok = true }, "127.0.0.1"));
	assert_true(works(manager(), "127.0.0.1"));
}

static void renewed_certificates_are_taken(void **state)
{
	struct attempt before, after;
	int never = 0;

	begin(&before, manager(), "127.0.0.1");
	run_until(&before.n_up, 5000);
	assert_string_equal(rpc_client_peer_name(before.client), "agent.test");
	certs_renew_server(&certs, "renewed.test");
	begin(&after, manager(), "127.0.0.1");
	run_until(&after.n_up, 5000);
	assert_string_equal(rpc_client_peer_name(after.client), "renewed.test");
	rpc_client_call(before.client, "who", NULL, 0, NULL, on_done, &before); /* goes on */
	run_until(&before.n_done, 5000);
	finish(&after);
	/* A broken file changes nothing. */
	assert_true(g_file_set_contents(certs.server_cert, "rubbish", -1, NULL));
	log_set_level(-1);
	begin(&after, manager(), "127.0.0.1");
	run_until(&after.n_up, 5000);
	assert_string_equal(rpc_client_peer_name(after.client), "renewed.test");
	finish(&after);
	finish(&before);
	assert_int_equal(never, 0);
}

static void bad_files_are_refused(void **state)
{
	struct rpc_tls_config t = manager();
	struct err e = ERR_INIT;

	t.key_file = certs.server_key;
	assert_null(rpc_tls_new(&t, &e));
	t.key_file = "/nonexistent";
	assert_null(rpc_tls_new(&t, &e));
	t = manager();
	t.ca_file = "/nonexistent";
	assert_null(rpc_tls_new(&t, &e));
	t.ca_file = NULL;
	assert_null(rpc_tls_new(&t, &e));
	assert_int_equal(e.code, ERR_MISSING);
}

static int open_raw(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		                  .sin_port = htons(rpc_server_port(server)),
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void slow_handshakes_hold_nobody_up(void **state)
{
	static const char HALF_HELLO[] = "\x16\x03\x01\x02\x00\x01\x00";
	int fds[30];
	int64_t begin_us;

	for (size_t i = 0; i < G_N_ELEMENTS(fds); i++) {
		fds[i] = open_raw();
		assert_true(send(fds[i], HALF_HELLO, i % 2 ? sizeof(HALF_HELLO) - 1 : 0, MSG_NOSIGNAL) >= 0);
		loop_turn(loop, 0);
	}
	begin_us = g_get_monotonic_time();
	assert_true(works(manager(), "127.0.0.1"));
	assert_true(g_get_monotonic_time() - begin_us < G_USEC_PER_SEC);
	for (size_t i = 0; i < G_N_ELEMENTS(fds); i++)
		close(fds[i]);
}

static void garbage_instead_of_tls(void **state)
{
	char buf[256];
	ssize_t n = -1;
	int fd = open_raw();

	assert_true(send(fd, "CONNECT\naccept-version:1.2\n\n\0", 29, MSG_NOSIGNAL) > 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 100 && n != 0; i++) {
		loop_turn(loop, 20);
		n = recv(fd, buf, sizeof(buf), 0); /* perhaps an alert, then the end */
		if (n < 0 && errno == ECONNRESET)
			n = 0;
	}
	assert_int_equal(n, 0);
	close(fd);
	assert_true(works(manager(), "127.0.0.1"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(both_sides_prove_themselves),           TEST(names_are_checked_when_asked_for),
		TEST(only_the_key_that_is_expected_will_do), TEST(a_server_may_do_without_certificates_of_clients),
		TEST(renewed_certificates_are_taken),        TEST(bad_files_are_refused),
		TEST(slow_handshakes_hold_nobody_up),        TEST(garbage_instead_of_tls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
