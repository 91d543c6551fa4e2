/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A WebSocket as a stream of bytes, over the connection of curl: for one thread that polls. */
#include <stdbool.h>
#include <sys/types.h>

#include "cli/web.h"

struct ws;

/* Connect and upgrade. An answer that is no upgrade is a fault in its words. NULL with e. */
struct ws *ws_open(struct web *w, const char *path, struct err *e);
void ws_free(struct ws *s);
int ws_fd(const struct ws *s);
/* Does it want to write? */
bool ws_wants_write(const struct ws *s);
/* Queue bytes, as one binary message. */
int ws_send(struct ws *s, const void *data, size_t n, struct err *e);
/* Read and write what can be done at once; what came is appended to in. 1: goes on, 0: the peer has closed, -1 with e. */
int ws_turn(struct ws *s, GString *in, struct err *e);
/* Why the peer closed: code, and text. */
int ws_close_code(const struct ws *s, const char **reason);
void ws_close(struct ws *s);
