/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The edge without a network: what manager/http/http.h promises, for one exchange at a time, on the calling thread. To be
 * linked instead of the edge.
 */
#include "manager/http/http.h"
#include "manager/http/push.h"

struct http_exchange {
	struct pool *pool;
	const char *method, *path, *query; /* query NULL: none; still encoded */
	const char *header_names[16], *header_values[16];
	int n_headers;
	const char *body;
	size_t body_len;
	/* the answer */
	int n_answers, status;
	char *content_type;
	GString *reply;
	char *location;
};

struct http_exchange *fake_exchange_new(void);
void fake_exchange_free(struct http_exchange *x);
