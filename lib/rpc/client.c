/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/client.h"

#include <glib.h>
#include <string.h>

#include "base/auto.h"
#include "base/fiber.h"
#include "base/log.h"
#include "base/uuid.h"
#include "rpc/jsonrpc.h"
#include "rpc/stomp.h"
#include "rpc/stream.h"

#define CONNECT_MS  20000
#define BEAT_MS     15000
#define EVENTS      "jms.queue.events"
#define REQUESTS    "jms.topic.vdsm_requests"
#define MAX_BEAT_MS (24 * 3600 * 1000)

enum client_state { C_DOWN, C_CONNECTING, C_UP };

struct call {
	struct rpc_client *client;
	uuid_text id;
	char *method;
	rpc_done_fn *done;
	void *arg;
	struct loop_timer limit;
	struct err refused; /* failed before it was sent */
};

struct rpc_client {
	struct loop *loop;
	struct rpc_tls *tls;
	char *host, *peer_key;
	int port;
	struct rpc_client_callbacks callbacks;
	void *arg;
	int connect_ms, beat_ms;
	size_t max_body;

	enum client_state state;
	struct rpc_stream *stream;
	struct stomp_parser *parser;
	struct loop_timer limit; /* until CONNECTED */
	struct loop_timer beat;
	int64_t expect_every_ms, last_heard_ms;
	struct chance *chance;
	uuid_text queue;   /* where answers to us go; new for each connection */
	GHashTable *calls; /* id in the call -> struct call */
	int n_holds;       /* callbacks under way */
	bool is_freed;
};

/* --- life --- */

struct rpc_client *rpc_client_new(struct loop *l, struct rpc_tls *tls, const char *host, int port,
                                  const struct rpc_client_callbacks *callbacks, void *arg)
{
	struct rpc_client *c = g_new0(struct rpc_client, 1);

	c->loop = l;
	c->tls = tls;
	c->host = g_strdup(host);
	c->port = port;
	if (callbacks)
		c->callbacks = *callbacks;
	c->arg = arg;
	c->chance = chance_new_real();
	c->calls = g_hash_table_new(g_str_hash, g_str_equal);
	rpc_client_set_limits(c, 0, 0, 0);
	return c;
}

void rpc_client_set_limits(struct rpc_client *c, int connect_ms, size_t max_body, int beat_ms)
{
	c->connect_ms = connect_ms > 0 ? connect_ms : CONNECT_MS;
	c->max_body = max_body;
	c->beat_ms = beat_ms > 0 ? beat_ms : BEAT_MS;
}

void rpc_client_set_peer_key(struct rpc_client *c, const char *sha256)
{
	g_free(c->peer_key);
	c->peer_key = g_strdup(sha256);
}

static void release(struct rpc_client *c)
{
	stomp_parser_free(c->parser);
	g_hash_table_destroy(c->calls);
	chance_free(c->chance);
	g_free(c->host);
	g_free(c->peer_key);
	g_free(c);
}

static void hold(struct rpc_client *c) { c->n_holds++; }

static void unhold(struct rpc_client *c)
{
	if (--c->n_holds == 0 && c->is_freed)
		release(c);
}

/* The parser stays: the frame that it gave may be in use further up. */
static void hang_up(struct rpc_client *c)
{
	timer_stop(c->loop, &c->limit);
	timer_stop(c->loop, &c->beat);
	rpc_stream_free(c->stream);
	c->stream = NULL;
	c->state = C_DOWN;
}

/* --- calls --- */

/* Tell the caller, once. The call is gone afterwards. */
static void call_over(struct call *call, json_t *result, const struct err *e)
{
	struct rpc_client *c = call->client;

	timer_stop(c->loop, &call->limit);
	g_hash_table_remove(c->calls, call->id);
	hold(c);
	call->done(call->arg, result, e);
	unhold(c);
	g_free(call->method);
	g_free(call);
}

/* Those that are under way now; a caller may begin new ones, which fail by themselves. */
static void fail_calls(struct rpc_client *c, const struct err *e)
{
	GList *all = g_hash_table_get_values(c->calls);

	g_hash_table_remove_all(c->calls); /* so that a callback that frees or closes us finds none of them */
	for (GList *at = all; at; at = at->next)
		call_over(at->data, NULL, e);
	g_list_free(all);
}

static void network_error(struct err *e, const struct rpc_client *c, const char *why)
{
	err_set(e, ERR_NETWORK, "host agent %s: %s", c->host, why);
	e->agent_code = RPC_NETWORK_CODE;
}

/* The connection is over, by whatever cause. */
static void go_down_with(struct rpc_client *c, const struct err *e)
{
	if (c->state == C_DOWN)
		return;
	hang_up(c);
	hold(c);
	fail_calls(c, e);
	/* A callback above may have begun anew or freed us: then this end is no news any more. */
	if (c->state == C_DOWN && !c->is_freed && c->callbacks.on_state)
		c->callbacks.on_state(c->arg, false, e);
	unhold(c);
}

static void go_down(struct rpc_client *c, const char *why)
{
	struct err e;

	network_error(&e, c, why);
	go_down_with(c, &e);
}

void rpc_client_close(struct rpc_client *c)
{
	struct err e;

	network_error(&e, c, "connection closed by us");
	hang_up(c);
	hold(c);
	fail_calls(c, &e);
	unhold(c);
}

void rpc_client_free(struct rpc_client *c)
{
	struct err e;

	if (!c || c->is_freed)
		return;
	err_set(&e, ERR_CANCELLED, "host agent %s is not needed any more", c->host);
	hang_up(c);
	hold(c);
	c->is_freed = true;
	while (g_hash_table_size(c->calls) > 0)
		fail_calls(c, &e);
	unhold(c);
}

static void on_call_limit(void *arg)
{
	struct call *call = arg;
	struct err e = call->refused;

	if (e.code == ERR_NONE)
		err_set(&e, ERR_TIMEOUT, "host agent %s did not answer %s in time", call->client->host, call->method);
	call_over(call, NULL, &e);
}

static int send_call(struct rpc_client *c, const struct call *call, json_t *message, const char *correlation_id,
                     struct err *e)
{
	g_autoptr(GString) out = NULL;
	char *text;
	int rc;

	if (c->state != C_UP) {
		network_error(e, c, "not connected");
		return -1;
	}
	text = json_dumps(message, JSON_COMPACT);
	if (!text)
		return err_set(e, ERR_INVALID, "parameters of %s cannot be written", call->method);
	out = g_string_sized_new(strlen(text) + 512);
	stomp_begin(out, "SEND");
	stomp_add(out, "destination", REQUESTS);
	stomp_add(out, "content-type", "application/json");
	stomp_add(out, "reply-to", c->queue);
	if (correlation_id && strlen(correlation_id) <= 256)
		stomp_add(out, "ovirtCorrelationId", correlation_id);
	stomp_end(out, text, strlen(text));
	free(text);
	rc = rpc_stream_write(c->stream, out->str, out->len, e);
	if (rc < 0 && e->code == ERR_NETWORK)
		e->agent_code = RPC_NETWORK_CODE;
	return rc;
}

void rpc_client_call(struct rpc_client *c, const char *method, json_t *params, int64_t timeout_ms,
                     const char *correlation_id, rpc_done_fn *done, void *arg)
{
	struct call *call = g_new0(struct call, 1);
	auto_json *message = NULL;

	call->client = c;
	call->method = g_strdup(method);
	call->done = done;
	call->arg = arg;
	uuid_make(c->chance, call->id);
	message = jsonrpc_make_request(call->id, method, params);
	g_hash_table_insert(c->calls, call->id, call);
	if (send_call(c, call, message, correlation_id, &call->refused) < 0)
		timeout_ms = 0;
	else if (timeout_ms <= 0)
		timeout_ms = RPC_CALL_TIMEOUT_MS;
	timer_start(c->loop, &call->limit, timeout_ms, on_call_limit, call);
}

bool rpc_client_is_up(const struct rpc_client *c) { return c->state == C_UP; }

int rpc_client_calls(const struct rpc_client *c) { return (int)g_hash_table_size(c->calls); }

const char *rpc_client_peer_fingerprint(const struct rpc_client *c)
{
	return c->stream ? rpc_stream_peer_fingerprint(c->stream) : NULL;
}

const char *rpc_client_peer_key(const struct rpc_client *c)
{
	return c->stream ? rpc_stream_peer_key(c->stream) : NULL;
}

const char *rpc_client_peer_name(const struct rpc_client *c)
{
	return c->stream ? rpc_stream_peer_name(c->stream) : NULL;
}

const char *rpc_client_local_address(const struct rpc_client *c)
{
	return c->stream ? rpc_stream_local_address(c->stream) : NULL;
}

/* --- what arrives --- */

static void receive_reply(struct rpc_client *c, const json_t *message)
{
	struct jsonrpc_reply reply;
	struct err e = ERR_INIT;
	struct call *call;
	int rc = jsonrpc_read_reply(message, &reply, &e);

	call = reply.id ? g_hash_table_lookup(c->calls, reply.id) : NULL;
	if (call)
		call_over(call, rc == 0 ? reply.result : NULL, &e);
	else if (rc < 0)
		log_warn("agent complains", "HOST", c->host, "ERROR", e.detail);
	else
		log_debug("answer that nobody waits for", "HOST", c->host);
}

static void receive_one(struct rpc_client *c, const json_t *message)
{
	const char *method = json_string_value(json_object_get(message, "method"));

	if (!method) {
		receive_reply(c, message);
	} else if (c->callbacks.on_event && !json_object_get(message, "id")) {
		hold(c);
		c->callbacks.on_event(c->arg, method, json_object_get(message, "params"));
		unhold(c);
	}
}

static void do_message(struct rpc_client *c, const struct stomp_frame *f)
{
	struct err e;
	auto_json *message = jsonrpc_parse(f->body, f->body_len, &e);
	size_t n;

	if (!message) {
		log_warn("unreadable message from agent", "HOST", c->host, "ERROR", e.detail);
		return;
	}
	if (!json_is_array(message)) {
		receive_one(c, message);
		return;
	}
	n = json_array_size(message);
	for (size_t i = 0; i < n && !c->is_freed; i++)
		receive_one(c, json_array_get(message, i));
}

static void on_beat_limit(void *arg)
{
	struct rpc_client *c = arg;
	int64_t grace = c->expect_every_ms * 3 / 2, silent = loop_now_ms(c->loop) - c->last_heard_ms;

	if (silent >= grace)
		go_down(c, "no sign of life");
	else
		timer_start(c->loop, &c->beat, grace - silent, on_beat_limit, c);
}

/* The first number of "heart-beat:sx,sy" is what the agent promises to send. */
static int64_t promised_beat(const struct stomp_frame *f)
{
	const char *text = stomp_frame_header(f, "heart-beat");
	guint64 every = text && g_ascii_isdigit(*text) ? g_ascii_strtoull(text, NULL, 10) : 0;

	return (int64_t)MIN(every, (guint64)MAX_BEAT_MS);
}

static void do_connected(struct rpc_client *c, const struct stomp_frame *f)
{
	const char *version = stomp_frame_header(f, "version");

	if (c->state != C_CONNECTING)
		return;
	if (!version || strcmp(version, "1.2") != 0) {
		go_down(c, "speaks another version of STOMP");
		return;
	}
	timer_stop(c->loop, &c->limit);
	c->state = C_UP;
	c->expect_every_ms = promised_beat(f);
	if (c->expect_every_ms > 0)
		timer_start(c->loop, &c->beat, c->expect_every_ms * 3 / 2, on_beat_limit, c);
	if (c->callbacks.on_state)
		c->callbacks.on_state(c->arg, true, NULL);
}

static void do_error(struct rpc_client *c, const struct stomp_frame *f)
{
	const char *message = stomp_frame_header(f, "message");

	log_warn("agent sends an error", "HOST", c->host, "ERROR", message ? message : "");
	if (c->state == C_CONNECTING)
		go_down(c, message ? message : "refuses the connection");
}

/* --- the connection --- */

static bool is_expected(struct rpc_client *c)
{
	const char *key = rpc_stream_peer_key(c->stream);
	struct err e = ERR_INIT;

	if (!c->peer_key || !c->tls || (key && g_ascii_strcasecmp(key, c->peer_key) == 0))
		return true;
	err_set(
	    &e, ERR_AUTH,
	    "host agent %s: shows a key that is not this host's (SHA-256 %s, expected %s): it may be another machine",
	    c->host, key ? key : "-", c->peer_key);
	go_down_with(c, &e);
	return false;
}

static void on_ready(void *arg)
{
	struct rpc_client *c = arg;
	g_autoptr(GString) out = g_string_sized_new(512);
	struct err e;
	uuid_text id;

	if (!is_expected(c))
		return;
	stomp_begin(out, "CONNECT");
	stomp_add(out, "accept-version", "1.2");
	g_string_append_printf(out, "heart-beat:0,%d\n", c->beat_ms);
	stomp_end(out, NULL, 0);
	for (int i = 0; i < 2; i++) {
		uuid_make(c->chance, id);
		stomp_begin(out, "SUBSCRIBE");
		stomp_add(out, "destination", i == 0 ? c->queue : EVENTS);
		stomp_add(out, "ack", "auto");
		stomp_add(out, "id", id);
		stomp_end(out, NULL, 0);
	}
	if (rpc_stream_write(c->stream, out->str, out->len, &e) < 0)
		go_down(c, e.detail);
}

static void dispatch(struct rpc_client *c, const struct stomp_frame *f)
{
	if (strcmp(f->command, "MESSAGE") == 0)
		do_message(c, f);
	else if (strcmp(f->command, "CONNECTED") == 0)
		do_connected(c, f);
	else if (strcmp(f->command, "ERROR") == 0)
		do_error(c, f);
}

static void on_data(void *arg, const char *data, size_t n)
{
	struct rpc_client *c = arg;
	const struct rpc_stream *stream = c->stream;
	struct stomp_frame frame;
	struct err e;
	int rc;

	hold(c);
	c->last_heard_ms = loop_now_ms(c->loop);
	stomp_parser_feed(c->parser, data, n);
	/* A callback may hang up, even connect anew. */
	while (c->stream == stream) {
		rc = stomp_parser_next(c->parser, &frame, &e);
		if (rc > 0)
			dispatch(c, &frame);
		else if (rc < 0)
			go_down(c, e.detail);
		else
			break;
	}
	unhold(c);
}

static void on_closed(void *arg, const struct err *e)
{
	go_down(arg, e->code == ERR_NONE ? "connection closed by the agent" : e->detail);
}

static const struct rpc_stream_ops STREAM_OPS = { on_ready, on_data, on_closed };

static void on_connect_limit(void *arg) { go_down(arg, "no connection in time"); }

void rpc_client_connect(struct rpc_client *c)
{
	if (c->state != C_DOWN || c->is_freed)
		return;
	c->state = C_CONNECTING;
	c->expect_every_ms = 0;
	c->last_heard_ms = loop_now_ms(c->loop);
	uuid_make(c->chance, c->queue);
	stomp_parser_free(c->parser);
	c->parser = stomp_parser_new(c->max_body);
	timer_start(c->loop, &c->limit, c->connect_ms, on_connect_limit, c);
	c->stream = rpc_stream_connect(c->loop, c->tls, c->host, c->port, c->connect_ms, &STREAM_OPS, c);
}

/* --- from a fiber --- */

struct wait {
	struct waiter waiter;
	json_t *result;
	struct err *e;
};

static void wait_over(void *arg, json_t *result, const struct err *e)
{
	struct wait *w = arg;

	w->result = json_incref(result);
	if (!result)
		*w->e = *e;
	waiter_wake(&w->waiter);
}

json_t *rpc_client_call_wait(struct rpc_client *c, const char *method, json_t *params, int64_t timeout_ms,
                             const char *correlation_id, struct err *e)
{
	struct wait w = { .e = e };

	rpc_client_call(c, method, params, timeout_ms, correlation_id, wait_over, &w);
	waiter_wait(&w.waiter, -1);
	return w.result;
}
