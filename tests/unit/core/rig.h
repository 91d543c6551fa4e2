/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A core on a virtual loop with a journal in memory, for tests. Everything happens inside the calls below. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "manager/core/core.h"
#include "tests/unit/core/memory_journal.h"

struct rig {
	struct loop *loop;
	struct chance *chance;
	struct memory_journal *journal;
	struct core *core;
	void (*made)(struct rig *r); /* called for each new core: registers commands and kinds; may be NULL */
	void *user;
};

enum { RIG_WALL_MS = 1000000 }; /* wall clock at the start */

void rig_open(struct rig *r, void (*made)(struct rig *r));
/* kill -9, and a new start from the journal; time goes on. */
void rig_restart(struct rig *r);
void rig_close(struct rig *r);
/* Run fn(r) in a fiber until it returns; fails the test when it does not within a quarter of a year. */
void rig_run(struct rig *r, void (*fn)(struct rig *r));
/* Let time pass. */
void rig_pass(struct rig *r, int64_t ms);

/* What entities are published: "a b c" in order of creation, by name, else by id; of at most 400 characters. */
const char *rig_names(struct rig *r, enum kind k);
/* For setup and teardown of cmocka: *state is a struct rig. */
int rig_setup(void **state);
int rig_teardown(void **state);
