/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "manager/api/front.h"

/* WebSockets of consoles, tickets for serial ones, pictures of screens; see docs/consoles.md. */
extern const struct page CONSOLE_PAGES[];
/* Certificates for the way to the hosts. Once, before pages are served. */
int console_pages_init(struct core *c, struct err *e);
/* They are new: for consoles that are opened from now on. On failure the old ones stay. */
int console_pages_reload(struct core *c, struct err *e);
