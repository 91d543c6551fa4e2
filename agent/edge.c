/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/edge.h"

#include <glib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/helper/helper.h"
#include "agent/network/network.h"
#include "agent/pairing.h"
#include "agent/pki.h"
#include "agent/verb.h"
#include "agent/vms/serial.h"
#include "base/fiber.h"
#include "base/log.h"
#include "rpc/server.h"

enum {
	LOOK_MS = 1000,         /* for certificates, while there are none */
	WATCH_MS = 5000,        /* whether ours has ended */
	ANSWER_LEAVES_MS = 300, /* the answer to pairInstall goes out before its connection is closed */
};

struct edge {
	struct agent *agent;
	struct pool *pool;
	struct pki pki;
	struct rpc_tls *tls;
	struct rpc_server *server;
	struct pairing *pairing; /* while there are no certificates, or ours has ended */
	bool is_told;            /* of the end of our certificate */
	int port;                /* once it is open; kept when it is opened again */
};

struct edge_call {
	struct agent *agent;
	struct rpc_request *request;
};

static void run_call(void *arg)
{
	struct edge_call *ec = arg;
	struct rpc_request *r = ec->request;
	struct verb_call c = { .method = r->method,
		               .params = r->params,
		               .pool = pool_new(),
		               .correlation_id = r->correlation_id ? r->correlation_id : "",
		               .peer = r->peer_address ? r->peer_address : "",
		               .local = r->local_address ? r->local_address : "" };
	struct edge *edge = ec->agent->edge;
	struct err e = ERR_INIT;
	int result;

	if (!json_is_object(c.params))
		result = err_set(&e, ERR_INVALID, "parameters must be given by name");
	else
		result = edge->pairing ? pairing_run(edge->pairing, &c, &e) : verb_run(ec->agent, &c, &e);
	if (result == 0) {
		rpc_reply(r, c.result);
	} else {
		g_autofree char *text = g_utf8_make_valid(e.detail, -1); /* it may be cut within a character */

		json_decref(c.result);
		rpc_reply_error(r, verb_error_code(&e), text);
	}
	pool_free(c.pool);
	g_free(ec);
}

static void on_call(void *arg, struct rpc_request *r)
{
	struct edge_call *ec = g_new0(struct edge_call, 1);

	ec->agent = arg;
	ec->request = r;
	network_client_seen(ec->agent);
	fiber_start(ec->agent->loop, "call", run_call, ec);
}

static void on_http(void *arg, struct rpc_stream *stream, const char *data, size_t n)
{
	serial_serve(arg, stream, data, n);
}

static int serve(struct edge *g, struct err *e)
{
	const struct rpc_tls_config tls = { .is_server = true,
		                            .ca_file = g->pairing ? NULL : g->pki.ca,
		                            .cert_file = g->pairing ? g->pki.pairing_cert : g->pki.cert,
		                            .key_file = g->pki.key,
		                            .is_anonymous_ok = g->pairing };
	struct rpc_server_config config = {
		.address = g->agent->opt.listen, .port = g->port, .call = on_call, .arg = g->agent
	};

	g->tls = rpc_tls_new(&tls, e);
	if (!g->tls)
		return -1;
	config.tls = g->tls;
	if (!g->pairing)
		config.http = on_http;
	g->server = rpc_server_new(g->agent->loop, &config, e);
	if (!g->server)
		return -1;
	g->port = rpc_server_port(g->server);
	log_info(g->pairing ? "waiting for certificates: enroll this host, or pair it with the code" : "serving",
	         "PORT", pool_printf(g->pool, "%d", g->port));
	return 0;
}

static void stop_serving(struct edge *g)
{
	rpc_server_free(g->server);
	rpc_tls_free(g->tls);
	g->server = NULL;
	g->tls = NULL;
}

static void serve_again(struct edge *g)
{
	struct err e = ERR_INIT;

	while (!g->agent->is_stopping && serve(g, &e) < 0) {
		log_error("the port cannot be opened", "ERROR", e.detail);
		stop_serving(g);
		fiber_sleep(LOOK_MS);
	}
}

struct console_task {
	struct err error;
	int rc;
};

static void install_work(void *arg)
{
	struct console_task *t = arg;

	t->rc = helper_install_tls(&t->error);
}

/* Consoles show the same certificate: QEMU reads it when a machine starts. */
static void install_for_consoles(struct agent *a)
{
	struct console_task t = { .rc = 0 };

	if (a->opt.console_tls_dir && (task_run(a->tasks, install_work, &t, &t.error) < 0 || t.rc < 0))
		log_warn("certificates for consoles not installed", "ERROR", t.error.detail);
}

/* From pairing to service. */
static void change_over(struct edge *g)
{
	log_info("certificates have come");
	stop_serving(g);
	pairing_free(g->pairing);
	g->pairing = NULL;
	g->is_told = false;
	pairing_forget_code(g->agent->opt.state_dir);
	serve_again(g);
	install_for_consoles(g->agent);
}

/*
 * And the way back, when our certificate has ended and nobody is connected any more (whoever still is can renew it): a
 * Manager would not accept it.
 */
static void ended(struct edge *g)
{
	struct err e = ERR_INIT;

	if (!g->is_told)
		log_error("the certificate has ended: enroll this host again, or pair it with the code of "
		          "'hostler-agent pairing-code'",
		          "FILE", g->pki.cert);
	g->is_told = true;
	if (rpc_server_connections(g->server) > 0)
		return;
	g->pairing = pairing_new(g->agent, &g->pki, &e);
	if (!g->pairing) {
		log_error("no pairing", "ERROR", e.detail);
		return;
	}
	stop_serving(g);
	serve_again(g);
}

static void look_after_certificates(void *arg)
{
	struct edge *g = arg;

	if (!g->pairing)
		install_for_consoles(g->agent);
	while (!g->agent->is_stopping) {
		fiber_sleep(g->pairing ? LOOK_MS : WATCH_MS);
		if (g->pairing && pki_is_complete(&g->pki)) {
			fiber_sleep(ANSWER_LEAVES_MS);
			change_over(g);
		} else if (!g->pairing && pki_is_expired(&g->pki)) {
			ended(g);
		}
	}
}

/* For connections there is nothing to do: files are looked at again for each one. */
void edge_certificates_changed(struct agent *a)
{
	a->edge->is_told = false;
	if (!a->edge->pairing)
		install_for_consoles(a);
}

int edge_init(struct agent *a, struct err *e)
{
	struct edge *g = g_new0(struct edge, 1);

	g->agent = a;
	g->pool = pool_new();
	g->port = a->opt.port;
	a->edge = g;
	if (pki_open(g->pool, a->opt.state_dir, &g->pki, e) < 0)
		return -1;
	if (!pki_is_complete(&g->pki)) {
		g->pairing = pairing_new(a, &g->pki, e);
		if (!g->pairing)
			return -1;
		if (pki_is_expired(&g->pki))
			log_error("the certificate of this host has ended", "FILE", g->pki.cert);
	}
	if (serve(g, e) < 0)
		return -1;
	fiber_start(a->loop, "certificates", look_after_certificates, g);
	return 0;
}

void edge_deinit(struct agent *a)
{
	if (!a->edge)
		return;
	stop_serving(a->edge);
	pairing_free(a->edge->pairing);
	pool_free(a->edge->pool);
	g_free(a->edge);
	a->edge = NULL;
}

int edge_port(const struct agent *a) { return a->edge->port; }

void edge_event(struct agent *a, const char *method, json_t *params)
{
	if (a->edge && a->edge->server && !a->edge->pairing)
		rpc_server_event(a->edge->server, method, params);
	else
		json_decref(params);
}
