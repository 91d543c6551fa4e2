/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/http/http_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/http/http_cert.h"

/* Not GAsyncQueue, since the thread sanitizer does not see GLib's locks. */
struct fixture_core {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	GPtrArray *queue, *held;
	bool is_stopping;
	atomic_int begun, done;
	char text[40000];
};

static void echo_param(void *arg, const char *name, const char *value)
{
	g_string_append_printf(arg, "%s=%s\n", name, value);
}

static void echo(struct http_exchange *x, void *arg)
{
	static const char *const HEADERS[] = { "Content-Type", "X-Test", "Authorization" };
	GString *out = g_string_new(NULL);
	size_t len;
	const char *body = http_body(x, &len), *cookie = http_cookie(x, "JSESSIONID");

	g_string_append_printf(out, "%s %s\n", http_method(x), http_path(x));
	http_query_each(x, echo_param, out);
	for (size_t i = 0; i < G_N_ELEMENTS(HEADERS); i++)
		if (http_header(x, HEADERS[i]))
			g_string_append_printf(out, "%s: %s\n", HEADERS[i], http_header(x, HEADERS[i]));
	if (cookie)
		g_string_append_printf(out, "cookie %s\n", cookie);
	g_string_append_printf(out, "from %s %s\nbody %zu ", http_peer(x), http_is_tls(x) ? "tls" : "plain", len);
	g_string_append_len(out, body, len);
	http_set_header(x, "Correlation-Id", "abc");
	http_reply(x, 200, "text/plain", out);
}

static void push(struct fixture_core *core, GPtrArray *to, struct http_exchange *x)
{
	pthread_mutex_lock(&core->lock);
	g_ptr_array_add(to, x);
	pthread_cond_signal(&core->more);
	pthread_mutex_unlock(&core->lock);
}

static void *core_main(void *arg)
{
	struct fixture_core *core = arg;

	pthread_mutex_lock(&core->lock);
	while (!core->is_stopping || core->queue->len) {
		if (core->queue->len) {
			struct http_exchange *x = g_ptr_array_steal_index(core->queue, 0);

			pthread_mutex_unlock(&core->lock);
			http_answer(x, echo, NULL);
			pthread_mutex_lock(&core->lock);
		} else {
			pthread_cond_wait(&core->more, &core->lock);
		}
	}
	pthread_mutex_unlock(&core->lock);
	return NULL;
}

/* n letters of an endless text, from the given place on. */
static void append_text(GString *out, size_t from, size_t n)
{
	static const char LETTERS[] = "abcdefghijklmnopqabcdef";
	size_t at = from % (sizeof(LETTERS) - 1);

	while (n) {
		size_t take = MIN(n, sizeof(LETTERS) - 1 - at);

		g_string_append_len(out, LETTERS + at, take);
		n -= take;
		at = 0;
	}
}

/* ---- streams ---- */

struct source {
	struct fixture_core *core;
	size_t left, made;
};

static bool produce(void *arg, GString *out)
{
	struct source *s = arg;
	size_t n = MIN(s->left, 64 * 1024);

	append_text(out, s->made, n);
	s->made += n;
	s->left -= n;
	return s->left > 0;
}

static void done(void *arg)
{
	struct source *s = arg;

	atomic_fetch_add(&s->core->done, 1);
	g_free(s);
}

static void handle_stream(struct fixture_core *core, struct http_exchange *x, size_t n)
{
	struct source *s = g_new0(struct source, 1);

	s->core = core;
	s->left = n;
	atomic_fetch_add(&core->begun, 1);
	http_reply_stream(x, 200, "text/plain", produce, done, s);
}

static void handle_size(struct http_exchange *x, size_t n)
{
	GString *s = g_string_sized_new(n);

	append_text(s, 0, n);
	http_reply(x, 200, "text/plain", s);
}

static void handle(void *arg, struct http_exchange *x)
{
	struct fixture_core *core = arg;
	const char *path = http_path(x), *n = http_query(x, "n");

	if (g_str_has_prefix(path, "/core"))
		push(core, core->queue, x);
	else if (strcmp(path, "/hold") == 0)
		push(core, core->held, x);
	else if (strcmp(path, "/stream") == 0)
		handle_stream(core, x, strtoul(n, NULL, 10));
	else if (strcmp(path, "/endless") == 0)
		handle_stream(core, x, SIZE_MAX);
	else if (strcmp(path, "/size") == 0)
		handle_size(x, strtoul(n, NULL, 10));
	else if (strcmp(path, "/none") == 0)
		http_reply(x, 200, NULL, NULL);
	else if (strcmp(path, "/static") == 0)
		http_reply_static(x, 200, "text/css", core->text, sizeof(core->text));
	else
		echo(x, NULL);
}

/* ---- life ---- */

struct fixture *fixture_new(const struct http_config *cfg)
{
	struct fixture *f = g_new0(struct fixture, 1);
	struct err e = ERR_INIT;

	f->core = g_new0(struct fixture_core, 1);
	for (size_t i = 0; i < sizeof(f->core->text); i++)
		f->core->text[i] = 'a' + i % 19;
	f->core->queue = g_ptr_array_new();
	f->core->held = g_ptr_array_new();
	pthread_mutex_init(&f->core->lock, NULL);
	pthread_cond_init(&f->core->more, NULL);
	pthread_create(&f->core->thread, NULL, core_main, f->core);
	f->dir = g_dir_make_tmp("hostler-test-XXXXXX", NULL);
	f->cert = g_build_filename(f->dir, "cert.pem", NULL);
	f->key = g_build_filename(f->dir, "key.pem", NULL);
	test_cert_write(f->dir, "localhost");
	f->cfg = *cfg;
	f->cfg.tls_listen = "127.0.0.1:0";
	if (!f->cfg.plain_listen)
		f->cfg.plain_listen = "127.0.0.1:0";
	f->cfg.cert_file = f->cert;
	f->cfg.key_file = f->key;
	f->cfg.handler = handle;
	f->cfg.arg = f->core;
	f->server = http_server_start(&f->cfg, &e);
	if (!f->server)
		g_error("%s", e.detail);
	f->tls = http_server_tls_port(f->server);
	f->plain = http_server_plain_port(f->server);
	return f;
}

void fixture_stop(struct fixture *f)
{
	http_server_stop(f->server);
	f->server = NULL;
}

static int count_held(struct fixture_core *core)
{
	int n;

	pthread_mutex_lock(&core->lock);
	n = core->held->len;
	pthread_mutex_unlock(&core->lock);
	return n;
}

void fixture_wait_held(struct fixture *f, int n) { eventually(count_held(f->core) == n); }

void fixture_release(struct fixture *f)
{
	pthread_mutex_lock(&f->core->lock);
	while (f->core->held->len)
		http_answer(g_ptr_array_steal_index(f->core->held, 0), echo, NULL);
	pthread_mutex_unlock(&f->core->lock);
}

int fixture_streams_done(struct fixture *f) { return atomic_load(&f->core->done); }

int fixture_streams_begun(struct fixture *f) { return atomic_load(&f->core->begun); }

void fixture_free(struct fixture *f)
{
	pthread_mutex_lock(&f->core->lock);
	f->core->is_stopping = true;
	pthread_cond_signal(&f->core->more);
	pthread_mutex_unlock(&f->core->lock);
	pthread_join(f->core->thread, NULL);
	fixture_stop(f);
	fixture_release(f);
	assert_int_equal(fixture_streams_done(f), fixture_streams_begun(f));
	test_cert_remove(f->dir);
	g_ptr_array_unref(f->core->queue);
	g_ptr_array_unref(f->core->held);
	g_free(f->core);
	g_free(f->dir);
	g_free(f->cert);
	g_free(f->key);
	g_free(f);
}
