/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The agent's end of the protocol: a port that speaks STOMP with JSON-RPC inside, to Managers, command
 * line clients and other agents. Which verbs exist is the caller's business. From the loop's thread.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/loop.h"
#include "rpc/jsonrpc.h"
#include "rpc/tls.h"

#define RPC_PORT   54321
#define RPC_EVENTS "jms.queue.events"

struct rpc_server;
struct rpc_stream;

/* A call under way. Valid, texts included, until it is answered, even when its connection is gone. */
struct rpc_request {
	const char *method;
	json_t *params;                           /* an object (perhaps empty), or an array when given by position */
	const char *correlation_id;               /* of the Manager's job, or NULL */
	const char *peer_name;                    /* common name of the client's certificate, or "" */
	const char *peer_address, *local_address; /* numeric */
	bool is_notification;                     /* nobody gets the answer, which is to be given all the same */
};

struct rpc_server_config {
	const char *address; /* numeric; NULL: all of IPv6 and IPv4 */
	int port;            /* 0: any free one */
	struct rpc_tls *tls; /* must outlive the server; NULL: plain TCP */
	int max_connections; /* 0: 64; as many again may be shaking hands */
	int max_calls;       /* under way at a time, 0: 256; more are answered with JSONRPC_BUSY */
	size_t max_body;     /* 0: 32 MiB */
	int detect_ms;       /* 0: 10 s to say which protocol it will be */
	/* Each call comes here, from the loop, and is answered exactly once, now or later. */
	void (*call)(void *arg, struct rpc_request *r);
	/* A connection that speaks HTTP, with its first bytes, to be kept, answered and freed by who gets it. NULL: such are
	 * refused. */
	void (*http)(void *arg, struct rpc_stream *stream, const char *data, size_t n);
	void *arg;
};

struct rpc_server *rpc_server_new(struct loop *l, const struct rpc_server_config *config, struct err *e);
/* Not from within call. Requests that are not yet answered stay valid; their answers go nowhere. */
void rpc_server_free(struct rpc_server *s);
/* The port that it listens on. */
int rpc_server_port(const struct rpc_server *s);
/* Connections that speak STOMP. */
int rpc_server_connections(const struct rpc_server *s);
/* Calls that are not answered yet. */
int rpc_server_calls(const struct rpc_server *s);

/* Take over result (NULL: true) and end the request. */
void rpc_reply(struct rpc_request *r, json_t *result);
/* code is of the agent (or of JSON-RPC), message for people. Ends the request. */
void rpc_reply_error(struct rpc_request *r, int code, const char *message);

/* Tell all who listen: method is "|virt|VM_status|ID". Takes over params (NULL: none). */
void rpc_server_event(struct rpc_server *s, const char *method, json_t *params);
