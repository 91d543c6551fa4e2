/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Between tls.c and stream.c. */
#include <openssl/ssl.h>

#include "rpc/tls.h"

/*
 * A new SSL over a non-blocking socket, which stays the caller's, in the role of tls. host is what the
 * client wanted to reach (may be NULL on a server).
 */
SSL *tls_session_new(struct rpc_tls *tls, int fd, const char *host, struct err *e);
/* Common name of the peer's certificate, newly allocated, or NULL. */
char *tls_peer_name(const SSL *ssl);
/* SHA-256 of the peer's certificate as 64 lower-case hex digits, newly allocated, or NULL. */
char *tls_peer_fingerprint(const SSL *ssl);
/* The same of its public key (DER, as in a certificate request). */
char *tls_peer_key(const SSL *ssl);
/* What OpenSSL complains about, for people; clears its queue. */
int tls_error(struct err *e, enum err_code code, const SSL *ssl, const char *what);
