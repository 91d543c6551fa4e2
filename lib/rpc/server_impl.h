/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the parts of the server share: server.c has the port, session.c STOMP, calls.c JSON-RPC. */
#include <glib.h>

#include "rpc/server.h"
#include "rpc/stomp.h"
#include "rpc/stream.h"

struct batch;

enum conn_state { CONN_DETECT, CONN_STOMP, CONN_ENDING };

struct subscription {
	char *id, *destination;
};

struct conn {
	struct conn *prev, *next;
	struct rpc_server *server;
	struct rpc_stream *stream; /* NULL: dead, freed at the next turn */
	enum conn_state state;
	struct loop_timer limit; /* of detection; or of the end */
	char prefix[16];         /* while the protocol is not known */
	size_t n_prefix;
	struct stomp_parser *parser;
	struct subscription subs[32];
	int n_subs;
	int64_t send_every_ms, expect_every_ms; /* heart-beats, 0: none */
	int64_t last_sent_ms, last_heard_ms;
	struct loop_timer send_beat, expect_beat;
	char *peer_name, *peer_address, *local_address; /* g_ref_string */
};

struct request {
	struct rpc_request pub; /* first */
	struct request *prev, *next;
	struct rpc_server *server; /* NULL when it is gone */
	struct conn *conn;         /* NULL when it is gone */
	json_t *message, *id;      /* id NULL: notification */
	char *reply_to, *correlation_id;
	struct batch *batch; /* NULL: answered by itself */
	char *peer_name, *peer_address, *local_address;
};

struct rpc_server {
	struct loop *loop;
	struct rpc_server_config config;
	int fd, port;
	struct loop_watch watch;
	struct loop_timer retry; /* of accepting, when descriptors have run out */
	struct conn *conns;      /* newest first */
	int n_stomp, n_pending;  /* those that speak; those that have not said anything yet */
	struct request *requests;
	int n_requests;
};

/* End a connection now; its memory stays until the next turn. */
void conn_drop(struct conn *c, const char *why);
/* Say no more than what is queued, then end. */
void conn_finish(struct conn *c);
/* Queue bytes; a peer that lets too much pile up is dropped. */
void conn_send(struct conn *c, const char *data, size_t n);

/* session.c */
void session_begin(struct conn *c);
void session_data(struct conn *c, const char *data, size_t n);
void session_end(struct conn *c);
/* Is the connection subscribed to the destination, or to a dotted parent of it? */
const struct subscription *session_subscription(const struct conn *c, const char *destination);
/* A MESSAGE to one subscription. */
void session_message(struct conn *c, const struct subscription *sub, const char *destination, const char *body,
                     size_t len);

/* calls.c */
void calls_receive(struct conn *c, const char *reply_to, const char *correlation_id, const char *body, size_t len);
/* Their answers have nowhere to go. */
void calls_forget_conn(struct conn *c);
void calls_forget_server(struct rpc_server *s);
