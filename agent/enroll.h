/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * `hostler-agent enroll`: this host asks a Manager to take it in. The Manager's CA is fetched without
 * trust and then compared with the fingerprint that the token or the administrator gave; all further
 * calls are verified against it. The request waits for approval; an interrupted enrolment goes on with
 * the same nonce when it is run again.
 */
#include <stdbool.h>

#include "base/err.h"

struct enroll_options {
	const char *manager; /* https://manager:port */
	const char *state_dir;
	const char *token;       /* "secret.fingerprint", or NULL */
	const char *fingerprint; /* of the CA, or NULL */
	const char *ca_pem;      /* the CA, already known to be right, or NULL: fetch it */
	const char *name;        /* NULL: the host's name */
	const char *address;     /* NULL: the address that the Manager is reached from */
	int port;
	bool is_no_wait;
};

int enroll(const struct enroll_options *o, struct err *e);
