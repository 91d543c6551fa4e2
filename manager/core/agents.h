/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The real door to the agents: a thread of its own that keeps one connection to each (lib/rpc). */
#include "manager/core/core.h"

struct agents;

/* PEM files of the Manager's own certificate, for mutual TLS. ca_file NULL: plain TCP (tests of the protocol alone). */
struct agents *agents_new(struct core *core, const char *ca_file, const char *cert_file, const char *key_file,
                          struct err *e);
/* The door to put into the core. */
struct agent_door agents_door(struct agents *a);
void agents_free(struct agents *a);

/*
 * Pairing: give an agent that has no certificate yet one, proving to each other that both know the code that the
 * agent shows on its host. In a fiber. sign(arg, csr) returns the certificate as PEM (allocated), or NULL with e.
 */
int agents_pair(struct agents *a, const char *address, int port, const char *code, const char *ca_pem,
                char *(*sign)(void *arg, const char *csr, struct err *e), void *arg, struct err *e);
