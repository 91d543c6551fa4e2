/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A server with a handler of many faces, a thread to answer from, and a certificate:
 *
 *   /echo      method, path, parameters, body, one per line      /stream?n=  n bytes of text, in parts of 64 KiB
 *   /core...   the same, answered from another thread            /size?n=    n bytes of text at once
 *   /hold      answered when fixture_release() is called         /static     40 KB that are not copied
 *   /none      200 without body                                  /endless    a stream that never ends
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "manager/http/http.h"
#include "tests/unit/http/http_client.h"

struct fixture {
	struct http_server *server;
	struct http_config cfg;
	char *dir, *cert, *key;
	int tls, plain; /* ports */
	struct fixture_core *core;
};

/* Starts with cfg's limits (handler, files and addresses are set here). */
struct fixture *fixture_new(const struct http_config *cfg);
/* Stops the server if that was not done, answers what is held. */
void fixture_free(struct fixture *f);
void fixture_stop(struct fixture *f);
/* Wait until so many requests are held. */
void fixture_wait_held(struct fixture *f, int n);
void fixture_release(struct fixture *f);
/* Streams whose done() was called, streams begun. */
int fixture_streams_done(struct fixture *f);
int fixture_streams_begun(struct fixture *f);

#define assert_status(a, s)                                                                                            \
	do {                                                                                                           \
		assert_non_null(a);                                                                                    \
		assert_int_equal((a)->status, s);                                                                      \
	} while (0)
/* Times are longer under sanitizers. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SLOWNESS 10
#else
#define SLOWNESS 1
#endif
/* Poll for up to 10 s. */
#define eventually(condition)                                                                                          \
	do {                                                                                                           \
		for (int _i = 0; _i < 1000 && !(condition); _i++)                                                      \
			g_usleep(10000);                                                                               \
		assert_true(condition);                                                                                \
	} while (0)
