/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Pairing: how a host without certificates gets some from a Manager that comes to it. The port serves
 * three verbs under a self-signed certificate. Both sides prove that they know the pairing code, which
 * a person carries from the host to the Manager; the proofs bind the certificates, so that nobody in
 * between can exchange them:
 *
 *   Host.ping2
 *   Host.pairRequest {proof: HMAC(code, "manager" || fingerprint of the agent's certificate)}
 *       -> {csr, proof: HMAC(code, "agent" || sha256 of the csr's text)}
 *   Host.pairInstall {certificate, ca, proof: HMAC(code, "install" || sha256 of the certificate's text)}
 *
 * HMAC is HMAC-SHA256 in lower-case hexadecimal, the code 10 characters
 * of base32, with or without the dash that it is shown with.
 * Five wrong proofs end pairing until the agent is started anew.
 */
#include "base/err.h"
#include "base/pool.h"

struct agent;
struct pairing;
struct pki;
struct verb_call;

struct pairing *pairing_new(struct agent *a, const struct pki *k, struct err *e);
void pairing_free(struct pairing *p);
int pairing_run(struct pairing *p, struct verb_call *c, struct err *e);
/* The code as it is shown, "ABCDE-FGHIJ"; NULL with e when the agent does not wait for one. */
char *pairing_read_code(struct pool *p, const char *state_dir, struct err *e);
void pairing_forget_code(const char *state_dir);
