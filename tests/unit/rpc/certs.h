/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A small certificate authority for tests, in a temporary folder. */
struct certs {
	char *dir;
	char *ca, *other_ca;                /* certificates of two authorities */
	char *server_cert, *server_key;     /* of the first one, for "agent.test", localhost and 127.0.0.1 */
	char *client_cert, *client_key;     /* of the first one, for "manager.test" */
	char *stranger_cert, *stranger_key; /* of the other one */
};

void certs_make(struct certs *c);
/* A new certificate of the first authority in place of the server's: a renewal. */
void certs_renew_server(struct certs *c, const char *common_name);
void certs_remove(struct certs *c);
