/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A journal in memory for tests and the simulator. What is committed outlives the core: after a crash a new core opens the same
 * journal and loads what was durable.
 */
#include "manager/core/journal.h"

struct fake_journal;

struct fake_journal *fake_journal_new(void);
void fake_journal_free(struct fake_journal *fj);
/* Begin a life: answers come on this loop. What was queued in an earlier life and not durable is lost. */
struct journal *fake_journal_open(struct fake_journal *fj, struct loop *l);
/* The next n commits fail with this code. */
void fake_journal_fail(struct fake_journal *fj, int n, enum err_code code);
/* Commits that became durable, for bounds in tests. */
unsigned fake_journal_commits(const struct fake_journal *fj);
