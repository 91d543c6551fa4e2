/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The Manager's end of the protocol: one connection to one host agent. From the loop's thread.
 *
 * A new client is down. rpc_client_connect begins one attempt; its outcome is told by on_state, and so
 * is the later loss of the connection, after which one may connect again. Nothing reconnects by itself.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/loop.h"
#include "rpc/tls.h"

#define RPC_CALL_TIMEOUT_MS 180000
#define RPC_NETWORK_CODE    5022 /* agent_code of what the lost connection made fail */

struct rpc_client;

struct rpc_client_callbacks {
	/* Up: CONNECTED was received, calls may go out. Down: e says why; calls have failed already. */
	void (*on_state)(void *arg, bool is_up, const struct err *e);
	/* What the agent tells by itself: method is "|virt|VM_status|ID". params is borrowed, may be NULL. */
	void (*on_event)(void *arg, const char *method, json_t *params);
};

/*
 * tls must outlive the client; NULL: plain TCP. host is a name or a numeric address. A callback that is
 * NULL is not called. Callbacks come from the loop, never from within the calls below, but for those
 * that rpc_client_close and rpc_client_free make for calls under way. A name that is being looked up
 * goes on being so when the client is freed: the loop must live until then (numeric addresses are free
 * of that).
 */
struct rpc_client *rpc_client_new(struct loop *l, struct rpc_tls *tls, const char *host, int port,
                                  const struct rpc_client_callbacks *callbacks, void *arg);
/* Calls under way fail with ERR_CANCELLED, at once. Allowed in callbacks. NULL is fine. */
void rpc_client_free(struct rpc_client *c);

/* What is used when it is not set: connect 20 s, answers up to 32 MiB, agent's heart-beat every 15 s. */
void rpc_client_set_limits(struct rpc_client *c, int connect_ms, size_t max_body, int beat_ms);

/*
 * From now on, whoever shows another public key than the one with this SHA-256 (hex) is refused after the handshake, before
 * anything is said: on_state tells ERR_AUTH. NULL: any that tls trusts.
 */
void rpc_client_set_peer_key(struct rpc_client *c, const char *sha256);

/* Begin an attempt. Nothing happens when one is under way or the client is up. */
void rpc_client_connect(struct rpc_client *c);
/* Hang up: calls under way fail with ERR_NETWORK, at once; on_state is not called. */
void rpc_client_close(struct rpc_client *c);
bool rpc_client_is_up(const struct rpc_client *c);
/* Calls that wait for their answers. */
int rpc_client_calls(const struct rpc_client *c);
/* SHA-256 of the agent's certificate in hex, common name of it, or NULL. While up. */
const char *rpc_client_peer_fingerprint(const struct rpc_client *c);
/* SHA-256 of its public key in hex, or NULL. While up. */
const char *rpc_client_peer_key(const struct rpc_client *c);
const char *rpc_client_peer_name(const struct rpc_client *c);
/* Our numeric address as the agent sees it, or NULL. While up. */
const char *rpc_client_local_address(const struct rpc_client *c);

/* result is borrowed (json_incref to keep it) and NULL on failure; e is only meaningful then. */
typedef void rpc_done_fn(void *arg, json_t *result, const struct err *e);

/*
 * Call a verb; takes over params (NULL: none). timeout_ms 0: RPC_CALL_TIMEOUT_MS. correlation_id may be
 * NULL. done is called exactly once: ERR_AGENT with agent_code and the agent's words when it refused,
 * ERR_TIMEOUT, ERR_NETWORK (also when the client is not up), ERR_BUSY when it does not read.
 */
void rpc_client_call(struct rpc_client *c, const char *method, json_t *params, int64_t timeout_ms,
                     const char *correlation_id, rpc_done_fn *done, void *arg);

/* The same from a fiber: waits and gives the result, which the caller owns, or NULL with e. */
json_t *rpc_client_call_wait(struct rpc_client *c, const char *method, json_t *params, int64_t timeout_ms,
                             const char *correlation_id, struct err *e);
