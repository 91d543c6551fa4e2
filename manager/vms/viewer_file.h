/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The file that Remote Viewer opens. Pure. */
#include "model/types.h"

#include <stdbool.h>

struct viewer_file {
	const struct m_vm *vm;
	bool is_spice, is_admin;
	const char *address;   /* of the console */
	int port, tls_port;    /* 0: none */
	const char *host_name; /* that the host's certificate is for */
	const char *password;
	int valid_s;
	const char *ca;                /* PEM, or NULL */
	const char *authority, *token; /* of the Manager; NULL: the viewer is not told about it */
};

/* To be freed. */
char *viewer_file_text(const struct viewer_file *v);
