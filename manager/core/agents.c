/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/core/agents.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "rpc/client.h"

/*
 * Everything here runs on one of two threads: functions named on_core_* on the core's, the others on the agents' own.
 * They talk by loop_post, passing ownership.
 */
struct agents {
	struct core *core;
	struct loop *loop;
	struct rpc_tls *tls, *tls_pairing;
	pthread_t thread;
	GHashTable *links; /* host id -> link */
};

struct link {
	struct agents *agents;
	char *host_id, *address;
	int port;
	struct rpc_client *client;
};

/* One message to either thread. */
struct note {
	struct agents *agents;
	char *host_id, *address, *method, *correlation, *fingerprint, *key;
	int port, timeout_ms;
	bool is_up;
	json_t *json;
	struct err error;
	void (*done)(void *, json_t *, const struct err *);
	void *done_arg;
};

static struct note *note_new(struct agents *a, const char *host_id)
{
	struct note *n = g_new0(struct note, 1);

	n->agents = a;
	n->host_id = g_strdup(host_id);
	return n;
}

static void note_free(struct note *n)
{
	g_free(n->host_id);
	g_free(n->address);
	g_free(n->method);
	g_free(n->correlation);
	g_free(n->fingerprint);
	g_free(n->key);
	json_decref(n->json);
	g_free(n);
}

/* ---- towards the core ---- */

static void on_core_disconnect(void *arg, const char *host_id);

static void on_core_state(void *arg)
{
	struct note *n = arg;
	struct core *c = n->agents->core;

	if (n->is_up && c->agent_hooks.meet && c->agent_hooks.meet(c, n->host_id, n->key, &n->error) < 0) {
		n->is_up = false;
		on_core_disconnect(n->agents, n->host_id);
	}
	if (c->agent_hooks.state)
		c->agent_hooks.state(c, n->host_id, n->is_up, n->fingerprint, n->is_up ? NULL : &n->error);
	note_free(n);
}

static void on_core_event(void *arg)
{
	struct note *n = arg;
	struct core *c = n->agents->core;

	if (c->agent_hooks.event)
		c->agent_hooks.event(c, n->host_id, n->method, n->json);
	note_free(n);
}

static void on_core_done(void *arg)
{
	struct note *n = arg;

	n->done(n->done_arg, n->json, n->error.code ? &n->error : NULL);
	note_free(n);
}

/* ---- the agents' thread ---- */

static void link_state(void *arg, bool is_up, const struct err *e)
{
	struct link *l = arg;
	struct note *n = note_new(l->agents, l->host_id);

	n->is_up = is_up;
	if (e)
		n->error = *e;
	if (is_up)
		n->fingerprint = g_strdup(rpc_client_peer_fingerprint(l->client));
	if (is_up)
		n->key = g_strdup(rpc_client_peer_key(l->client));
	loop_post(l->agents->core->loop, on_core_state, n);
}

static void link_event(void *arg, const char *method, json_t *params)
{
	struct link *l = arg;
	struct note *n = note_new(l->agents, l->host_id);

	n->method = g_strdup(method);
	n->json = json_incref(params);
	loop_post(l->agents->core->loop, on_core_event, n);
}

static const struct rpc_client_callbacks LINK_CALLBACKS = { .on_state = link_state, .on_event = link_event };

static void link_free(void *arg)
{
	struct link *l = arg;

	rpc_client_free(l->client);
	g_free(l->host_id);
	g_free(l->address);
	g_free(l);
}

static void do_connect(void *arg)
{
	struct note *n = arg;
	struct agents *a = n->agents;
	struct link *l = g_hash_table_lookup(a->links, n->host_id);

	if (l && (strcmp(l->address, n->address) != 0 || l->port != n->port)) {
		g_hash_table_remove(a->links, n->host_id);
		l = NULL;
	}
	if (!l) {
		l = g_new0(struct link, 1);
		l->agents = a;
		l->host_id = g_strdup(n->host_id);
		l->address = g_strdup(n->address);
		l->port = n->port;
		l->client = rpc_client_new(a->loop, a->tls, l->address, l->port, &LINK_CALLBACKS, l);
		g_hash_table_insert(a->links, l->host_id, l);
	}
	rpc_client_set_peer_key(l->client, n->key);
	rpc_client_connect(l->client);
	note_free(n);
}

static void do_disconnect(void *arg)
{
	struct note *n = arg;

	g_hash_table_remove(n->agents->links, n->host_id);
	note_free(n);
}

static void call_done(void *arg, json_t *result, const struct err *e)
{
	struct note *n = arg;

	n->json = json_incref(result);
	if (e && !result)
		n->error = *e;
	loop_post(n->agents->core->loop, on_core_done, n);
}

static void do_call(void *arg)
{
	struct note *n = arg;
	struct link *l = g_hash_table_lookup(n->agents->links, n->host_id);
	json_t *params = n->json;

	n->json = NULL;
	if (!l) {
		json_decref(params);
		err_set(&n->error, ERR_NETWORK, "There is no connection to the host's agent.");
		loop_post(n->agents->core->loop, on_core_done, n);
		return;
	}
	rpc_client_call(l->client, n->method, params, n->timeout_ms, n->correlation, call_done, n);
}

static void *agents_main(void *arg)
{
	struct agents *a = arg;

	pthread_setname_np(pthread_self(), "agents");
	loop_run(a->loop);
	g_hash_table_remove_all(a->links);
	return NULL;
}

/* ---- the door, on the core's thread ---- */

static void on_core_connect(void *arg, const char *host_id, const char *address, int port)
{
	struct note *n = note_new(arg, host_id);
	struct core *c = n->agents->core;
	auto_pool p = pool_new();

	n->address = g_strdup(address);
	n->port = port;
	if (c->agent_hooks.key_of)
		n->key = g_strdup(c->agent_hooks.key_of(c, p, host_id));
	loop_post(n->agents->loop, do_connect, n);
}

static void on_core_disconnect(void *arg, const char *host_id)
{
	struct agents *a = arg;
	loop_post(a->loop, do_disconnect, note_new(a, host_id));
}

static void on_core_call(void *arg, const char *host_id, const char *method, json_t *params, int timeout_ms,
                         const char *correlation_id, void (*done)(void *, json_t *, const struct err *), void *done_arg)
{
	struct note *n = note_new(arg, host_id);

	n->method = g_strdup(method);
	n->json = params;
	n->timeout_ms = timeout_ms;
	n->correlation = g_strdup(correlation_id);
	n->done = done;
	n->done_arg = done_arg;
	loop_post(n->agents->loop, do_call, n);
}

struct agent_door agents_door(struct agents *a)
{
	return (struct agent_door){ on_core_connect, on_core_disconnect, on_core_call, a };
}

struct agents *agents_new(struct core *core, const char *ca_file, const char *cert_file, const char *key_file,
                          struct err *e)
{
	struct agents *a = g_new0(struct agents, 1);
	struct rpc_tls_config cfg = { .ca_file = ca_file, .cert_file = cert_file, .key_file = key_file };
	struct rpc_tls_config pairing = { .is_anonymous_ok = true };

	a->core = core;
	if (ca_file && (!(a->tls = rpc_tls_new(&cfg, e)) || !(a->tls_pairing = rpc_tls_new(&pairing, e)))) {
		rpc_tls_free(a->tls);
		g_free(a);
		return NULL;
	}
	a->loop = loop_new();
	a->links = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, link_free);
	if (pthread_create(&a->thread, NULL, agents_main, a) != 0) {
		err_set(e, ERR_BACKEND, "The agents' thread could not be started.");
		g_free(a);
		return NULL;
	}
	return a;
}

void agents_free(struct agents *a)
{
	if (!a)
		return;
	core_close_agents(a->core);
	loop_stop(a->loop);
	pthread_join(a->thread, NULL);
	g_hash_table_destroy(a->links);
	loop_free(a->loop);
	rpc_tls_free(a->tls);
	rpc_tls_free(a->tls_pairing);
	g_free(a);
}

/* ---- pairing ---- */

struct pairing {
	struct agents *agents;
	const char *address, *code, *ca_pem;
	int port;
	char *(*sign)(void *, const char *, struct err *);
	void *arg;
	struct waiter *waiter; /* on the core */
	struct waiter up;      /* here */
	struct err error;
	bool is_up;
	struct rpc_client *client;
};

static void proof(const char *code, const char *what, const char *text, char out[65])
{
	g_autofree char *message = g_strconcat(what, text, NULL);
	unsigned char mac[32];

	HMAC(EVP_sha256(), code, (int)strlen(code), (unsigned char *)message, strlen(message), mac, NULL);
	for (int i = 0; i < 32; i++)
		g_snprintf(out + 2 * i, 3, "%02x", mac[i]);
}

static void pairing_state(void *arg, bool is_up, const struct err *e)
{
	struct pairing *pr = arg;

	pr->is_up = is_up;
	if (!is_up && e)
		pr->error = *e;
	waiter_wake(&pr->up);
}

static int pair_talk(struct pairing *pr, struct err *e)
{
	auto_json *r1 = NULL, *r2 = NULL;
	g_autofree char *csr_hash = NULL, *cert_hash = NULL, *cert = NULL;
	const char *csr, *answer;
	char mac[65];

	proof(pr->code, "manager", rpc_client_peer_fingerprint(pr->client), mac);
	r1 = rpc_client_call_wait(pr->client, "Host.pairRequest", json_pack("{s:s}", "proof", mac), 20000, NULL, e);
	if (!r1)
		return -1;
	csr = json_string_value(json_object_get(r1, "csr"));
	answer = json_string_value(json_object_get(r1, "proof"));
	if (!csr || !answer)
		return err_set(e, ERR_BACKEND, "The agent answered the pairing with nonsense.");
	csr_hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, csr, -1);
	proof(pr->code, "agent", csr_hash, mac);
	if (g_ascii_strcasecmp(mac, answer) != 0)
		return err_set(e, ERR_AUTH,
		               "The agent at %s does not know the pairing code: it may be another machine.",
		               pr->address);
	cert = pr->sign(pr->arg, csr, e);
	if (!cert)
		return -1;
	cert_hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, cert, -1);
	proof(pr->code, "install", cert_hash, mac);
	r2 = rpc_client_call_wait(pr->client, "Host.pairInstall",
	                          json_pack("{s:s,s:s,s:s}", "certificate", cert, "ca", pr->ca_pem, "proof", mac),
	                          20000, NULL, e);
	return r2 ? 0 : -1;
}

static void on_core_paired(void *arg) { waiter_wake(((struct pairing *)arg)->waiter); }

static void pair_fiber(void *arg)
{
	static const struct rpc_client_callbacks callbacks = { .on_state = pairing_state };
	struct pairing *pr = arg;
	struct err e = ERR_INIT;

	pr->client = rpc_client_new(pr->agents->loop, pr->agents->tls_pairing, pr->address, pr->port, &callbacks, pr);
	rpc_client_connect(pr->client);
	waiter_wait(&pr->up, 25000);
	if (!pr->is_up && pr->error.code == ERR_NONE)
		err_set(&pr->error, ERR_TIMEOUT, "The agent at %s:%d does not answer.", pr->address, pr->port);
	if (pr->is_up && pair_talk(pr, &e) < 0)
		pr->error = e;
	rpc_client_free(pr->client);
	loop_post(pr->agents->core->loop, on_core_paired, pr);
}

static void do_pair(void *arg)
{
	struct pairing *pr = arg;
	fiber_start(pr->agents->loop, "pairing", pair_fiber, pr);
}

int agents_pair(struct agents *a, const char *address, int port, const char *code, const char *ca_pem,
                char *(*sign)(void *arg, const char *csr, struct err *e), void *arg, struct err *e)
{
	struct waiter w = { 0 };
	struct pairing pr = { .agents = a,
		              .address = address,
		              .port = port,
		              .code = code,
		              .ca_pem = ca_pem,
		              .sign = sign,
		              .arg = arg,
		              .waiter = &w };

	if (!a)
		return err_set(e, ERR_NETWORK, "There is no way to agents.");
	loop_post(a->loop, do_pair, &pr);
	waiter_wait(&w, -1);
	if (pr.error.code == ERR_NONE)
		return 0;
	*e = pr.error;
	return err_wrap(e, "Pairing with %s:%d failed", address, port);
}
