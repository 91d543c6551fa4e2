/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A whole Manager without HTTP on a virtual loop: initial data, and one of several things besides. Its agents answer at random,
 * and nothing of interest. It ends with a power failure: what fibers own then is lost.
 */
#include "manager/core/core.h"
#include "tests/unit/core/memory_journal.h"

#define WORLD_HOST     "00000000-0000-0000-0000-0000000000a1"
#define WORLD_DOMAIN   "00000000-0000-0000-0000-0000000000a2"
#define WORLD_DISK     "00000000-0000-0000-0000-0000000000a3"
#define WORLD_VM       "00000000-0000-0000-0000-0000000000a4"
#define WORLD_NIC      "00000000-0000-0000-0000-0000000000a5"
#define WORLD_SNAPSHOT "00000000-0000-0000-0000-0000000000a6"
#define WORLD_USER     "00000000-0000-0000-0000-0000000000a7" /* jane@internal, may nothing */
#define WORLD_KEY      "00000000-0000-0000-0000-0000000000a8" /* of the administrator */

/* The password of both users is "secret", hashed with one iteration: the login shall not be what takes the time. */
#define WORLD_HASH "pbkdf2-sha512$1$00$2c97d82dda686b29840750c6b30522d81f6cf23d5c14c436096c4929f094ac6a"

struct world {
	struct loop *loop;
	struct chance *chance;
	struct memory_journal *journal;
	struct core *core;
	void (*started)(struct world *w);
	bool is_ready;
};

/* started (may be NULL) is called in a fiber when all domains run. */
void world_open(struct world *w, void (*started)(struct world *w));
void world_close(struct world *w);
