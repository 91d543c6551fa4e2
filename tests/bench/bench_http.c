/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many small requests the edge answers, measured with wrk on the same machine:
 *
 *   bench_http [seconds] [threads]      all cases, each with 64 kept-alive connections
 *   bench_http --serve [threads]        only serve, on ports that it prints, until killed
 *
 * "core": each request is handed to another thread (a queue and an eventfd, as the Manager's core is) and answered from
 * there; "inline": answered by the handler. /list gives 100 KiB of XML instead of 300 bytes.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/proc.h"
#include "manager/http/http.h"
#include "tests/unit/http/http_cert.h"

#define CONNECTIONS "64"

static GString *make_list(void)
{
	GString *s = g_string_new("<vms>");

	for (int i = 0; s->len < 100 * 1024; i++)
		g_string_append_printf(s,
		                       "<vm id=\"%08x-0000-0000-0000-%012d\"><name>vm%d</name><memory>%d</memory></vm>",
		                       i * 2654435761u, i, i, (i % 64 + 1) << 20);
	return g_string_append(s, "</vms>");
}

static const char SMALL[] =
    "<vm href=\"/ovirt-engine/api/vms/123\" id=\"123\"><name>web1</name><status>up</status>"
    "<memory>1073741824</memory><cpu><topology><cores>1</cores><sockets>2</sockets><threads>1</threads></topology>"
    "</cpu><cluster href=\"/ovirt-engine/api/clusters/1\" id=\"1\"/><origin>hostler</origin></vm>\n";
static GString *list;

static void reply(struct http_exchange *x, void *arg)
{
	const GString *doc = strcmp(http_path(x), "/list") == 0 ? list : NULL;

	http_set_header(x, "Correlation-Id", "7e2d4a31-1b1f-4d11-a1a0-8d6a7e9c9a00");
	http_reply(x, 200, "application/xml",
	           doc ? g_string_new_len(doc->str, doc->len) : g_string_new_len(SMALL, sizeof(SMALL) - 1));
}

/* ---- a core: one thread, a queue, an eventfd ---- */

struct core {
	pthread_mutex_t lock;
	GPtrArray *queue;
	int fd;
	pthread_t thread;
	bool is_stopping;
};

static void *core_main(void *arg)
{
	struct core *c = arg;
	GPtrArray *mine = g_ptr_array_new();
	bool stop = false;

	while (!stop) {
		struct pollfd p = { .fd = c->fd, .events = POLLIN };
		uint64_t n;

		if (poll(&p, 1, -1) < 0 || read(c->fd, &n, sizeof(n)) < 0)
			continue;
		do {
			GPtrArray *theirs;

			pthread_mutex_lock(&c->lock);
			theirs = c->queue;
			c->queue = mine;
			stop = c->is_stopping;
			pthread_mutex_unlock(&c->lock);
			mine = theirs;
			for (guint i = 0; i < mine->len; i++)
				http_answer(mine->pdata[i], reply, NULL);
			n = mine->len;
			g_ptr_array_set_size(mine, 0);
		} while (n);
	}
	g_ptr_array_unref(mine);
	return NULL;
}

static void core_wake(struct core *c)
{
	uint64_t one = 1;

	if (write(c->fd, &one, sizeof(one)) < 0)
		perror("eventfd");
}

static void core_start(struct core *c)
{
	pthread_mutex_init(&c->lock, NULL);
	c->queue = g_ptr_array_new();
	c->fd = eventfd(0, EFD_CLOEXEC);
	pthread_create(&c->thread, NULL, core_main, c);
}

static void core_stop(struct core *c)
{
	pthread_mutex_lock(&c->lock);
	c->is_stopping = true;
	pthread_mutex_unlock(&c->lock);
	core_wake(c);
	pthread_join(c->thread, NULL);
	g_ptr_array_unref(c->queue);
	close(c->fd);
}

static void handle_core(void *arg, struct http_exchange *x)
{
	struct core *c = arg;
	bool was_empty;

	pthread_mutex_lock(&c->lock);
	was_empty = c->queue->len == 0;
	g_ptr_array_add(c->queue, x);
	pthread_mutex_unlock(&c->lock);
	if (was_empty)
		core_wake(c);
}

static void handle_inline(void *arg, struct http_exchange *x) { reply(x, NULL); }

/* ---- cases ---- */

static struct http_server *serve(const char *dir, int threads, struct core *core)
{
	g_autofree char *cert = g_build_filename(dir, "cert.pem", NULL), *key = g_build_filename(dir, "key.pem", NULL);
	struct http_config cfg = {
		.tls_listen = "127.0.0.1:0",
		.plain_listen = "127.0.0.1:0",
		.cert_file = cert,
		.key_file = key,
		.threads = threads,
		.handler = core ? handle_core : handle_inline,
		.arg = core,
	};
	struct err e = ERR_INIT;
	struct http_server *s = http_server_start(&cfg, &e);

	if (!s) {
		fprintf(stderr, "%s\n", e.detail);
		exit(1);
	}
	return s;
}

/* The lines of wrk's report that matter, on one line. */
static void print_report(const char *name, char *report)
{
	static const char *const WANTED[] = {
		"50%", "99%", "Requests/sec", "Transfer/sec", "Non-2xx", "Socket errors"
	};
	char *save = NULL;

	printf("%-28s", name);
	for (char *line = strtok_r(report, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		line = g_strstrip(line);
		for (size_t i = 0; i < G_N_ELEMENTS(WANTED); i++)
			if (g_str_has_prefix(line, WANTED[i]))
				printf(" | %s", line);
	}
	printf("\n");
	fflush(stdout);
}

static void run_case(struct http_server *s, const char *handling, bool tls, const char *path, bool gzip,
                     const char *seconds)
{
	auto_pool p = pool_new();
	const char *url = pool_printf(p, "%s://127.0.0.1:%d%s", tls ? "https" : "http",
	                              tls ? http_server_tls_port(s) : http_server_plain_port(s), path);
	const char *argv[] = { "wrk",
		               "-t1",
		               "-c" CONNECTIONS,
		               pool_printf(p, "-d%ss", seconds),
		               "--latency",
		               url,
		               gzip ? "-HAccept-Encoding: gzip" : NULL,
		               NULL };
	struct proc_spec spec = { .argv = argv };
	struct proc_result r = { 0 };
	struct err e = ERR_INIT;

	if (proc_run(p, &spec, &r, &e) < 0) {
		fprintf(stderr, "%s\n", e.detail);
		exit(1);
	}
	print_report(pool_printf(p, "%s %s %s%s", handling, tls ? "https" : "http", path, gzip ? " gzip" : ""), r.out);
}

int main(int argc, char **argv)
{
	bool only_serve = argc > 1 && strcmp(argv[1], "--serve") == 0;
	int threads = argc > 2 ? atoi(argv[2]) : 0;
	g_autofree char *dir = g_dir_make_tmp("hostler-bench-XXXXXX", NULL);
	const char *seconds = argc > 1 && !only_serve ? argv[1] : "5";
	bool with_inline = only_serve && argc > 3 && strcmp(argv[3], "inline") == 0;
	struct core core = { 0 };

	list = make_list();
	test_cert_write(dir, "localhost");
	core_start(&core);
	for (int i = 0; i < 2; i++) {
		struct core *c = i == 0 && !with_inline ? &core : NULL;
		struct http_server *s = serve(dir, threads, c);

		if (only_serve) {
			printf("https %d, http %d\n", http_server_tls_port(s), http_server_plain_port(s));
			fflush(stdout);
			for (;;)
				pause();
		}
		run_case(s, c ? "core" : "inline", true, "/vm", false, seconds);
		run_case(s, c ? "core" : "inline", false, "/vm", false, seconds);
		run_case(s, c ? "core" : "inline", true, "/list", false, seconds);
		run_case(s, c ? "core" : "inline", true, "/list", true, seconds);
		http_server_stop(s);
	}
	core_stop(&core);
	g_string_free(list, TRUE);
	test_cert_remove(dir);
	return 0;
}
