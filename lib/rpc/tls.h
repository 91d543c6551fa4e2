/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Certificates of one end: who we are, and whom we trust. Made from PEM files, which are looked at again
 * for each new connection, so that renewed certificates serve without a restart. From the loop's thread.
 */
#include <stdbool.h>

#include "base/err.h"

struct rpc_tls_config {
	bool is_server;
	const char *ca_file;   /* trusted issuers; NULL with is_anonymous_ok: verify nothing */
	const char *cert_file; /* our chain; NULL on a client: none */
	const char *key_file;
	bool is_anonymous_ok; /* server: clients need no certificate; client: the server's is not verified */
	bool is_name_checked; /* client: the server's certificate must be for the host that was asked for */
};

struct rpc_tls;

/* TLS 1.2 and newer. Strings are copied. Fails when a file is absent or key and certificate do not match. */
struct rpc_tls *rpc_tls_new(const struct rpc_tls_config *config, struct err *e);
/* Connections made with it must be gone, or keep going: they do not need it any more. */
void rpc_tls_free(struct rpc_tls *tls);

/* Read the files again now; on failure the old certificates stay in use. */
int rpc_tls_reload(struct rpc_tls *tls, struct err *e);
