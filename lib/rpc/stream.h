/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A connection of bytes on a loop, over TLS or plain TCP: connects or accepts, shakes hands within 10
 * seconds, buffers what is written, and tells when it ends. Callbacks come from the loop, never from
 * within the calls below, and none comes after rpc_stream_free.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/loop.h"
#include "rpc/tls.h"

#define RPC_STREAM_MAX_QUEUE (64u * 1024 * 1024)

struct rpc_stream;

struct rpc_stream_ops {
	/* Connected, and trusted as far as tls asks for. */
	void (*ready)(void *arg);
	void (*data)(void *arg, const char *data, size_t n);
	/* The end, once; e->code is ERR_NONE when the peer closed or a finish is over. Free the stream then or later. */
	void (*closed)(void *arg, const struct err *e);
};

/*
 * Connect to a numeric address or a name (resolved on a worker thread, its addresses tried in turn).
 * tls NULL: plain TCP. Any failure is told by closed; timeout_ms is for all until ready.
 */
struct rpc_stream *rpc_stream_connect(struct loop *l, struct rpc_tls *tls, const char *host, int port,
                                      int64_t timeout_ms, const struct rpc_stream_ops *ops, void *arg);
/* Take over an accepted, non-blocking socket. A peer that does not read its answers is not listened to. */
struct rpc_stream *rpc_stream_accept(struct loop *l, struct rpc_tls *tls, int fd, const struct rpc_stream_ops *ops,
                                     void *arg);
/* At once, what is not yet sent is lost. Allowed in callbacks; NULL is fine. */
void rpc_stream_free(struct rpc_stream *s);

/* Queue a copy of the bytes. ERR_BUSY beyond RPC_STREAM_MAX_QUEUE (nothing is queued), ERR_NETWORK when closed. */
int rpc_stream_write(struct rpc_stream *s, const char *data, size_t n, struct err *e);
/* Bytes that wait for the peer to read. */
size_t rpc_stream_queued(const struct rpc_stream *s);
/* Send what is queued, then close (within 2 seconds) and call closed. No more data is delivered. */
void rpc_stream_finish(struct rpc_stream *s);

/* Do not read from the peer for a while. */
void rpc_stream_hold(struct rpc_stream *s, bool is_held);
/* Somebody else has it from here on: callbacks go to him, what is received next included. */
void rpc_stream_give(struct rpc_stream *s, const struct rpc_stream_ops *ops, void *arg);

/* Of the peer's certificate, or NULL. Valid from ready on, as long as the stream. */
const char *rpc_stream_peer_name(struct rpc_stream *s);
const char *rpc_stream_peer_fingerprint(struct rpc_stream *s);
const char *rpc_stream_peer_key(struct rpc_stream *s); /* SHA-256 of its public key in hex */
/* Numeric addresses of the two ends, "" when unknown. IPv4 is written as IPv4. */
const char *rpc_stream_local_address(struct rpc_stream *s);
const char *rpc_stream_peer_address(struct rpc_stream *s);
