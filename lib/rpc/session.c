/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A STOMP session: one row per command. The agent is its own small broker: requests are for it, answers
 * and events go out to subscriptions, and what is sent elsewhere is passed on to who listens there.
 */
#include "rpc/server_impl.h"

#include <string.h>

#include "base/log.h"

#define MIN_BEAT_MS      1000
#define MAX_BEAT_MS      (24 * 3600 * 1000)
#define MAX_NAME         256               /* of ids and destinations: what we send back must stay below 1 KiB */
#define MAX_RELAY_QUEUE  (8 * 1024 * 1024) /* a listener so far behind misses what is passed on */
#define DEFAULT_REPLY_TO "jms.topic.vdsm_responses"

/* --- sending --- */

static void send_simple(struct conn *c, const char *command, const char *name, const char *value)
{
	g_autoptr(GString) out = g_string_sized_new(128);

	stomp_begin(out, command);
	if (name)
		stomp_add(out, name, value);
	stomp_end(out, NULL, 0);
	conn_send(c, out->str, out->len);
}

static void send_error(struct conn *c, const char *message) { send_simple(c, "ERROR", "message", message); }

void session_message(struct conn *c, const struct subscription *sub, const char *destination, const char *body,
                     size_t len)
{
	GString *out;

	if (!c->stream)
		return;
	out = g_string_sized_new(len + 512);
	stomp_begin(out, "MESSAGE");
	stomp_add(out, "destination", destination);
	stomp_add(out, "subscription", sub->id);
	stomp_add(out, "content-type", "application/json");
	stomp_end(out, body, len);
	conn_send(c, out->str, out->len);
	g_string_free(out, TRUE);
}

/* --- subscriptions --- */

static bool is_under(const char *destination, const char *parent)
{
	size_t len = strlen(parent);

	return strncmp(destination, parent, len) == 0 && (destination[len] == '\0' || destination[len] == '.');
}

const struct subscription *session_subscription(const struct conn *c, const char *destination)
{
	const struct subscription *found = NULL;

	for (int i = 0; i < c->n_subs; i++) {
		if (strcmp(c->subs[i].destination, destination) == 0)
			return &c->subs[i];
		if (!found && is_under(destination, c->subs[i].destination))
			found = &c->subs[i];
	}
	return found;
}

static struct subscription *find_id(struct conn *c, const char *id)
{
	for (int i = 0; i < c->n_subs; i++)
		if (strcmp(c->subs[i].id, id) == 0)
			return &c->subs[i];
	return NULL;
}

static void do_subscribe(struct conn *c, const struct stomp_frame *f)
{
	const char *id = stomp_frame_header(f, "id"), *destination = stomp_frame_header(f, "destination");
	const char *ack = stomp_frame_header(f, "ack");

	if (!id || !destination || !*destination)
		send_error(c, "SUBSCRIBE needs destination and id");
	else if (strlen(id) > MAX_NAME || strlen(destination) > MAX_NAME)
		send_error(c, "Name too long");
	else if (ack && strcmp(ack, "auto") != 0)
		send_error(c, "Only ack:auto is supported");
	else if (find_id(c, id))
		send_error(c, "Subscription id already in use");
	else if (c->n_subs == (int)G_N_ELEMENTS(c->subs))
		send_error(c, "Too many subscriptions");
	else
		c->subs[c->n_subs++] = (struct subscription){ g_strdup(id), g_strdup(destination) };
}

static void do_unsubscribe(struct conn *c, const struct stomp_frame *f)
{
	const char *id = stomp_frame_header(f, "id");
	struct subscription *sub = id ? find_id(c, id) : NULL;

	if (!id) {
		send_error(c, "UNSUBSCRIBE needs id");
	} else if (!sub) {
		send_error(c, "No subscription of this id");
	} else {
		g_free(sub->id);
		g_free(sub->destination);
		c->n_subs--;
		memmove(sub, sub + 1, (size_t)(c->subs + c->n_subs - sub) * sizeof(*sub));
	}
}

/* --- heart-beats --- */

/* At four fifths of the promised time, so that a little delay breaks no promise. */
static void on_send_beat(void *arg)
{
	struct conn *c = arg;
	struct loop *l = c->server->loop;
	int64_t every = c->send_every_ms * 4 / 5, silent = loop_now_ms(l) - c->last_sent_ms;

	if (silent >= every) {
		conn_send(c, "\n", 1);
		silent = 0;
	}
	if (c->stream)
		timer_start(l, &c->send_beat, every - silent, on_send_beat, c);
}

/* Half as long again as agreed is the grace that clients give us, too. */
static void on_expect_beat(void *arg)
{
	struct conn *c = arg;
	struct loop *l = c->server->loop;
	int64_t grace = c->expect_every_ms * 3 / 2, silent = loop_now_ms(l) - c->last_heard_ms;

	if (silent >= grace)
		conn_drop(c, "no heart-beat");
	else
		timer_start(l, &c->expect_beat, grace - silent, on_expect_beat, c);
}

/* "cx,cy" in milliseconds: what the client will send, what it wants to get. */
static bool parse_beats(const char *text, int64_t *cx, int64_t *cy)
{
	guint64 value[2];

	for (int i = 0; i < 2; i++) {
		char *end;

		if (!g_ascii_isdigit(*text))
			return false;
		value[i] = g_ascii_strtoull(text, &end, 10);
		if (*end != (i == 0 ? ',' : '\0'))
			return false;
		text = end + 1;
		value[i] = MIN(value[i], (guint64)MAX_BEAT_MS);
		if (value[i] > 0)
			value[i] = MAX(value[i], (guint64)MIN_BEAT_MS);
	}
	*cx = (int64_t)value[0];
	*cy = (int64_t)value[1];
	return true;
}

static void start_beats(struct conn *c)
{
	struct loop *l = c->server->loop;

	timer_stop(l, &c->send_beat);
	timer_stop(l, &c->expect_beat);
	if (c->send_every_ms)
		timer_start(l, &c->send_beat, c->send_every_ms * 4 / 5, on_send_beat, c);
	if (c->expect_every_ms)
		timer_start(l, &c->expect_beat, c->expect_every_ms * 3 / 2, on_expect_beat, c);
}

/* --- commands --- */

static void do_connect(struct conn *c, const struct stomp_frame *f)
{
	const char *version = stomp_frame_header(f, "accept-version"), *beats = stomp_frame_header(f, "heart-beat");
	g_autoptr(GString) out = NULL;
	char answer[64];

	if (!version || strcmp(version, "1.2") != 0) {
		send_error(c, "Version unsupported");
		return;
	}
	if (!parse_beats(beats ? beats : "0,0", &c->expect_every_ms, &c->send_every_ms)) {
		send_error(c, "Unreadable heart-beat");
		return;
	}
	g_snprintf(answer, sizeof(answer), "%lld,%lld", (long long)c->send_every_ms, (long long)c->expect_every_ms);
	out = g_string_sized_new(128);
	g_string_append_printf(out, "CONNECTED\nversion:1.2\nheart-beat:%s\n", answer);
	stomp_end(out, NULL, 0);
	conn_send(c, out->str, out->len);
	start_beats(c);
}

static void do_disconnect(struct conn *c, const struct stomp_frame *f)
{
	const char *receipt = stomp_frame_header(f, "receipt");

	if (receipt && strlen(receipt) <= MAX_NAME)
		send_simple(c, "RECEIPT", "receipt-id", receipt);
	conn_finish(c);
}

static void relay(struct conn *from, const char *destination, const struct stomp_frame *f)
{
	int n = 0;

	for (struct conn *c = from->server->conns; c; c = c->next) {
		const struct subscription *sub =
		    c->stream && c->state == CONN_STOMP ? session_subscription(c, destination) : NULL;

		if (!sub)
			continue;
		n++;
		if (rpc_stream_queued(c->stream) <= MAX_RELAY_QUEUE)
			session_message(c, sub, destination, f->body, f->body_len);
	}
	if (n == 0)
		send_error(from, "Subscription not available");
}

static void do_send(struct conn *c, const struct stomp_frame *f)
{
	const char *destination = stomp_frame_header(f, "destination");
	const char *reply_to = stomp_frame_header(f, "reply-to");

	if (!destination || !*destination)
		send_error(c, "SEND needs destination");
	else if (strlen(destination) > MAX_NAME || (reply_to && strlen(reply_to) > MAX_NAME))
		send_error(c, "Name too long");
	else if (g_str_has_prefix(destination, "jms.topic.vdsm_requests") ||
	         g_str_has_prefix(destination, "jms.topic.vdsm_irs_requests"))
		calls_receive(c, reply_to ? reply_to : DEFAULT_REPLY_TO, stomp_frame_header(f, "ovirtCorrelationId"),
		              f->body, f->body_len);
	else
		relay(c, destination, f);
}

static const struct {
	const char *name;
	void (*run)(struct conn *c, const struct stomp_frame *f);
} COMMANDS[] = {
	{ "SEND", do_send },           { "CONNECT", do_connect },         { "STOMP", do_connect },
	{ "SUBSCRIBE", do_subscribe }, { "UNSUBSCRIBE", do_unsubscribe }, { "DISCONNECT", do_disconnect },
};

static void dispatch(struct conn *c, const struct stomp_frame *f)
{
	for (size_t i = 0; i < G_N_ELEMENTS(COMMANDS); i++) {
		if (strcmp(f->command, COMMANDS[i].name) == 0) {
			COMMANDS[i].run(c, f);
			return;
		}
	}
	send_error(c, "Unknown command");
}

void session_begin(struct conn *c)
{
	log_debug("agent connection", "PEER", c->peer_address, "NAME", c->peer_name);
	c->last_heard_ms = c->last_sent_ms = loop_now_ms(c->server->loop);
}

/* The connection may end at any frame; its memory stays until the next turn. */
void session_data(struct conn *c, const char *data, size_t n)
{
	struct stomp_frame frame;
	struct err e;
	int rc;

	c->last_heard_ms = loop_now_ms(c->server->loop);
	stomp_parser_feed(c->parser, data, n);
	while (c->state == CONN_STOMP) {
		rc = stomp_parser_next(c->parser, &frame, &e);
		if (rc == 0)
			break;
		if (rc > 0) {
			dispatch(c, &frame);
		} else {
			log_warn("bad frame", "PEER", c->peer_address, "NAME", c->peer_name, "ERROR", e.detail);
			send_error(c, e.detail);
			conn_finish(c);
		}
	}
}

void session_end(struct conn *c)
{
	timer_stop(c->server->loop, &c->send_beat);
	timer_stop(c->server->loop, &c->expect_beat);
	for (int i = 0; i < c->n_subs; i++) {
		g_free(c->subs[i].id);
		g_free(c->subs[i].destination);
	}
	c->n_subs = 0;
}

void rpc_server_event(struct rpc_server *s, const char *method, json_t *params)
{
	json_t *message = jsonrpc_make_request(NULL, method, params);
	char *text = json_dumps(message, JSON_COMPACT);

	json_decref(message);
	if (!text) {
		log_error("unreadable event", "METHOD", method);
		return;
	}
	for (struct conn *c = s->conns; c; c = c->next) {
		const struct subscription *sub =
		    c->stream && c->state == CONN_STOMP ? session_subscription(c, RPC_EVENTS) : NULL;

		if (sub && rpc_stream_queued(c->stream) <= MAX_RELAY_QUEUE)
			session_message(c, sub, RPC_EVENTS, text, strlen(text));
	}
	free(text);
}
