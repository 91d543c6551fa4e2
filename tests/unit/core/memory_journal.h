/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A journal in memory that keeps its contract (manager/core/journal.h) on any loop: groups are answered later, in order;
 * when one fails, all that was queued behind it fails too. It outlives cores: load it into the next one.
 */
#include "manager/core/journal.h"

struct memory_journal {
	struct journal base;
	struct loop *loop;
	GHashTable *rows; /* "kind id" -> text: what is durable */
	GQueue queue;
	int64_t delay_ms; /* from queueing to the answer; 0: next turn */
	struct loop_timer timer;
	bool is_posted;
	unsigned n_commits, n_rows, n_failed;
	/* faults */
	enum err_code fails_with; /* until reset to ERR_NONE */
	unsigned fails_in;        /* the n-th transaction from now fails with ERR_BACKEND; 0: none */
	bool is_held;             /* nothing is answered until it is released */
};

struct memory_journal *memory_journal_new(struct loop *l);
void memory_journal_free(struct memory_journal *j);
/* Serve another loop from now on (a restart); what was queued is lost. */
void memory_journal_attach(struct memory_journal *j, struct loop *l);
void memory_journal_release(struct memory_journal *j);
/* Text of a row, NULL: none. */
const char *memory_journal_row(struct memory_journal *j, enum kind k, const char *id);
