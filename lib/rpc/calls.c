/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls: out of a body, to the handler, and back. A single call, alone or in an array of one, is answered
 * with a bare object as soon as it is done; longer arrays with one array, when the last call is done.
 */
#include "rpc/server_impl.h"

#include <string.h>

#include "base/auto.h"
#include "base/log.h"

#define MAX_BATCH       1024
#define MAX_CORRELATION 256

/* An array of calls. Lives until the last of them is answered. */
struct batch {
	json_t *answers;
	size_t n_left;
};

/* Takes over message. */
static void send_answer(struct conn *c, const char *reply_to, json_t *message)
{
	const struct subscription *sub = c && c->stream ? session_subscription(c, reply_to) : NULL;
	char *text;

	if (c && c->stream && !sub)
		log_debug("nobody waits for an answer", "PEER", c->peer_address, "QUEUE", reply_to);
	if (sub) {
		text = json_dumps(message, JSON_COMPACT);
		if (text)
			session_message(c, sub, reply_to, text, strlen(text));
		free(text);
	}
	json_decref(message);
}

/* Takes over answer, which is NULL for a notification. */
static void deliver(struct conn *c, const char *reply_to, struct batch *batch, json_t *answer)
{
	if (!batch) {
		if (answer)
			send_answer(c, reply_to, answer);
		return;
	}
	if (answer)
		json_array_append_new(batch->answers, answer);
	if (--batch->n_left > 0)
		return;
	if (json_array_size(batch->answers) > 0)
		send_answer(c, reply_to, json_incref(batch->answers));
	json_decref(batch->answers);
	g_free(batch);
}

static void link_request(struct request *r, struct rpc_server *s)
{
	r->server = s;
	r->next = s->requests;
	if (r->next)
		r->next->prev = r;
	s->requests = r;
	s->n_requests++;
}

static void unlink_request(struct request *r)
{
	struct rpc_server *s = r->server;

	if (!s)
		return;
	if (r->prev)
		r->prev->next = r->next;
	else
		s->requests = r->next;
	if (r->next)
		r->next->prev = r->prev;
	s->n_requests--;
}

static void request_free(struct request *r)
{
	unlink_request(r);
	json_decref(r->pub.params);
	json_decref(r->message);
	g_free(r->reply_to);
	g_free(r->correlation_id);
	g_ref_string_release(r->peer_name);
	g_ref_string_release(r->peer_address);
	g_ref_string_release(r->local_address);
	g_free(r);
}

/* Takes over answer. */
static void finish_request(struct rpc_request *pub, json_t *answer)
{
	struct request *r = (struct request *)pub;

	if (!r->id) {
		json_decref(answer);
		answer = NULL;
	}
	deliver(r->conn, r->reply_to, r->batch, answer);
	request_free(r);
}

void rpc_reply(struct rpc_request *r, json_t *result)
{
	finish_request(r, jsonrpc_make_result(((struct request *)r)->id, result));
}

void rpc_reply_error(struct rpc_request *r, int code, const char *message)
{
	finish_request(r, jsonrpc_make_error(((struct request *)r)->id, code, message));
}

struct origin {
	struct conn *conn;
	const char *reply_to, *correlation_id;
};

static void start_call(const struct origin *o, struct batch *batch, json_t *message, const struct jsonrpc_request *call)
{
	struct conn *c = o->conn;
	struct request *r = g_new0(struct request, 1);

	r->conn = c;
	r->batch = batch;
	r->message = json_incref(message);
	r->id = call->id;
	r->reply_to = g_strdup(o->reply_to);
	r->correlation_id = g_strdup(o->correlation_id);
	r->peer_name = g_ref_string_acquire(c->peer_name);
	r->peer_address = g_ref_string_acquire(c->peer_address);
	r->local_address = g_ref_string_acquire(c->local_address);
	r->pub = (struct rpc_request){
		.method = call->method,
		.params = call->params ? json_incref(call->params) : json_object(),
		.correlation_id = r->correlation_id,
		.peer_name = r->peer_name,
		.peer_address = r->peer_address,
		.local_address = r->local_address,
		.is_notification = !call->id,
	};
	link_request(r, c->server);
	c->server->config.call(c->server->config.arg, &r->pub);
}

static void receive_one(const struct origin *o, struct batch *batch, json_t *message)
{
	struct rpc_server *s = o->conn->server;
	struct jsonrpc_request call;
	struct err e;
	json_t *answer;

	if (jsonrpc_read_request(message, &call, &e) < 0) {
		deliver(o->conn, o->reply_to, batch, jsonrpc_make_error(call.id, e.agent_code, e.detail));
		return;
	}
	if (s->n_requests >= s->config.max_calls) {
		answer = call.id ? jsonrpc_make_error(call.id, JSONRPC_BUSY, "too many calls are waiting") : NULL;
		log_warn("too many calls are waiting", "METHOD", call.method, "PEER", o->conn->peer_address);
		deliver(o->conn, o->reply_to, batch, answer);
		return;
	}
	start_call(o, batch, message, &call);
}

static void receive_batch(const struct origin *o, json_t *list)
{
	size_t n = json_array_size(list);
	struct batch *batch = NULL;
	struct err e;

	if (n == 0 || n > MAX_BATCH) {
		err_set(&e, ERR_INVALID, "a batch of %zu requests", n);
		send_answer(o->conn, o->reply_to, jsonrpc_make_error(NULL, JSONRPC_INVALID_REQUEST, e.detail));
		return;
	}
	if (n > 1) {
		batch = g_new0(struct batch, 1);
		batch->answers = json_array();
		batch->n_left = n;
	}
	for (size_t i = 0; i < n; i++)
		receive_one(o, batch, json_array_get(list, i));
}

void calls_receive(struct conn *c, const char *reply_to, const char *correlation_id, const char *body, size_t len)
{
	struct origin o = { c, reply_to, correlation_id };
	struct err e;
	auto_json *message = jsonrpc_parse(body, len, &e);

	if (correlation_id && strlen(correlation_id) > MAX_CORRELATION)
		o.correlation_id = NULL;
	if (!message)
		send_answer(c, reply_to, jsonrpc_make_error(NULL, JSONRPC_PARSE_ERROR, e.detail));
	else if (json_is_array(message))
		receive_batch(&o, message);
	else
		receive_one(&o, NULL, message);
}

void calls_forget_conn(struct conn *c)
{
	for (struct request *r = c->server->requests; r; r = r->next)
		if (r->conn == c)
			r->conn = NULL;
}

void calls_forget_server(struct rpc_server *s)
{
	while (s->requests) {
		struct request *r = s->requests;

		unlink_request(r);
		r->server = NULL;
		r->conn = NULL;
		r->prev = r->next = NULL;
	}
}
