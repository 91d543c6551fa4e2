/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* From host names to addresses without holding up a loop. */
#include <netdb.h>

#include "base/err.h"
#include "base/loop.h"

struct resolve;

/*
 * Ask for the TCP addresses of host; done is called from the loop, later: list is the callee's to free
 * (freeaddrinfo), or NULL with e. Numeric addresses need no worker thread.
 */
struct resolve *resolve_start(struct loop *l, const char *host, int port,
                              void (*done)(void *arg, struct addrinfo *list, const struct err *e), void *arg);
/* Not interested any more. Not after done was called. */
void resolve_cancel(struct resolve *r);
