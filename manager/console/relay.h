/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A relay joins a WebSocket and a socket of a host on the edge thread of the former. Little is kept of what passes: what one
 * side does not take, the other is not asked for. Nothing here waits or takes a thread.
 */
#include <netinet/in.h>

#include "manager/console/console.h"
#include "manager/http/http.h"

enum { RELAY_MAX_ADDRESSES = 4 };

/* Codes beyond those of WebSockets. */
enum { RELAY_NO_CONSOLE = 4404, RELAY_IN_USE = 4409 };

/* Certificates for TLS to hosts; counted, from any thread. */
struct relay_cred;
/* Trusts ca_file; shows cert_file, if it is not NULL. NULL with e. */
struct relay_cred *relay_cred_new(const char *ca_file, const char *cert_file, const char *key_file, struct err *e);
struct relay_cred *relay_cred_ref(struct relay_cred *rc);
void relay_cred_unref(struct relay_cred *rc); /* NULL is fine */

struct relay_target {
	enum console_protocol protocol;
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} addresses[RELAY_MAX_ADDRESSES]; /* tried in turn */
	socklen_t lengths[RELAY_MAX_ADDRESSES];
	int n_addresses;
	bool is_tls;             /* from the first byte */
	struct relay_cred *cred; /* for this and for TLS inside of RFB */
	char *name;              /* that the host's certificate is for */
	char *key;  /* SHA-256 (hex) of the public key that the host must show; NULL: any of a good certificate */
	char *head; /* what to say first; its answer is HTTP's. NULL: nothing */
};

void relay_target_clear(struct relay_target *t);

/* Takes what target points to. Both functions are called on the core's thread: opened when bytes flow, closed in the end, in
 * any case and last. */
struct relay *relay_new(struct core *core, struct http_exchange *x, const struct relay_target *target,
                        void (*opened)(struct core *c, struct relay *r, void *arg),
                        void (*closed)(struct core *c, struct relay *r, void *arg), void *arg);
/* On the edge's thread: answer the exchange with an upgrade and begin. Takes the maker's reference. */
void relay_run(struct http_exchange *x, void *relay);
/* Any thread. Nothing happens when it has ended. */
void relay_stop(struct relay *r, int code, const char *reason);
struct relay *relay_ref(struct relay *r);
void relay_unref(struct relay *r);
