/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The Manager's certificate authority: files ca.pem, ca.key, server.pem, server.key, client.pem, client.key below
 * STATE/pki. RSA throughout: libvirt refuses certificates without key encipherment.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct pki;

/* Seconds that certificates made from now on are good for (5 years), the CA's four times as long. Before pki_init. */
void pki_set_life(int64_t seconds);

/* When a certificate begins and ends, in seconds since 1970. -1: it is none. */
int pki_cert_times(const char *pem, int64_t *from, int64_t *to);
/* Two thirds of its life are over then: time for the next one. */
int64_t pki_cert_due(int64_t from, int64_t to);
/* The same of a file in the folder. */
int pki_file_times(const struct pki *p, const char *name, int64_t *from, int64_t *to);

enum pki_renewed { PKI_CA = 1, PKI_SERVER = 2, PKI_CLIENT = 4 };
/*
 * Renew what is due of the Manager's own: the server's and the client's certificate, with the names they have, and the CA's,
 * with the same key, so that all that it has signed stays good. A set of enum pki_renewed, or -1. Blocks for some ms.
 */
int pki_renew(struct pki *p, struct err *e);

/* Make what is missing; names are host names and addresses that the server's certificate is for. Idempotent. Blocks. */
int pki_init(const char *dir, const char *const *names, int n_names, struct err *e);
struct pki *pki_open(const char *dir, struct err *e);
void pki_free(struct pki *p);

/* PEM of the CA's certificate. */
const char *pki_ca_pem(const struct pki *p);
/* SHA-256 of the CA's certificate (DER), hex, 64 characters. */
const char *pki_ca_fingerprint(const struct pki *p);
/* "OpenSSH" line of the server's public key. Allocated. */
char *pki_server_ssh_key(const struct pki *p);
const char *pki_file(const struct pki *p, const char *name); /* "ca.pem" -> path; owned by p */

/*
 * Sign a host's request: checks the signature in the CSR and the key's kind and size, takes nothing but the key from it;
 * the subject is O=hostler, CN=address. PEM, allocated, for g_free. May take some ms.
 */
char *pki_sign_host(const struct pki *p, const char *csr_pem, const char *address, struct err *e);
/* SHA-256 of the public key in a CSR, or in a certificate: hex (allocated); NULL: it is none. */
char *pki_csr_fingerprint(const char *csr_pem);
char *pki_cert_key(const char *cert_pem);

/* One-time tokens for enrolment: "<secret>.<fingerprint of the CA>", kept in STATE/tokens until used or an hour old. */
char *pki_make_token(const char *state_dir, const struct pki *p, struct err *e);
/* Is secret the first part of a token that is still good? It is used up. */
bool pki_use_token(const char *state_dir, const char *secret);
