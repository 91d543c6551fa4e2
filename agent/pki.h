/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Keys and certificates of this host: DIR/pki/vdsmkey.pem, vdsmcert.pem, cacert.pem. RSA, since libvirt
 * wants keys that can encipher keys. */
#include <stdbool.h>

#include "base/err.h"
#include "base/pool.h"

struct pki {
	char *dir, *ca, *cert, *key, *pairing_cert; /* paths */
};

/* Paths below the state directory, in the pool; makes the directory. */
int pki_open(struct pool *p, const char *state_dir, struct pki *out, struct err *e);
/* All three files are there, and our certificate has not ended. */
bool pki_is_complete(const struct pki *k);
/* A certificate request for our key (made if there is none) with this common name, as PEM in the pool. */
int pki_request(struct pool *p, const struct pki *k, const char *name, char **pem, struct err *e);
/* A self-signed certificate for pairing. */
int pki_self_sign(struct pool *p, const struct pki *k, const char *name, struct err *e);
/* All three files are there, but our certificate has ended. */
bool pki_is_expired(const struct pki *k);
/*
 * May this certificate and CA replace what we have? Only when the CA has the key of ours, or is signed by it, and the
 * certificate lasts as long as ours.
 */
int pki_check_successor(const struct pki *k, const char *cert_pem, const char *ca_pem, struct err *e);
/* Check that the certificate is for our key and issued by the CA, then put both in place. */
int pki_install(const struct pki *k, const char *cert_pem, const char *ca_pem, struct err *e);

/* SHA-256 as 64 hexadecimal characters, in the pool. */
char *pki_hash(struct pool *p, const void *data, size_t n);
/* Of a certificate's DER; of the public key in a request's DER. NULL with e. */
char *pki_cert_fingerprint(struct pool *p, const char *pem, struct err *e);
char *pki_request_fingerprint(struct pool *p, const char *pem, struct err *e);
/* HMAC-SHA256(key, a followed by b) as hexadecimal text, in the pool. */
char *pki_hmac(struct pool *p, const char *key, const char *a, const char *b);

/* Write a file so that it is whole or absent. */
int pki_write_file(const char *path, const char *text, unsigned mode, struct err *e);
