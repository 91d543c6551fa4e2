/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The journal: where the inventory survives. Transactions are handed over in order and committed in
 * groups on the journal's own thread: while one group is being written, the next one gathers. A
 * transaction is durable when its done function is called with e == NULL; groups fail as a whole, and
 * then everything that was queued behind fails too (it may build on what failed).
 *
 * An interface, because the simulator has its own (sim/): memory that can lose its last groups.
 */
#include <stdint.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/pool.h"
#include "model/kinds.h"

/* One row: the new version of an entity, or its end. Rows of one transaction are applied together. */
struct journal_row {
	enum kind kind;
	const char *id;
	const void
	    *frozen; /* struct m_<type> *, frozen; NULL: removed. The journal holds a reference of its own meanwhile */
};

struct journal;

struct journal_ops {
	/*
	 * Queue one transaction (copied: ids and references to the frozen objects are taken). done(arg, e) is called on the
	 * loop given to journal_open: e NULL when durable, else ERR_NO_SPACE (disk full) or ERR_BACKEND.
	 */
	void (*commit)(struct journal *j, const struct journal_row *rows, int n,
	               void (*done)(void *arg, const struct err *e), void *arg);
	/* Call row(arg, kind, id, text, len) for each entity stored, in order of kinds; -1 stops. Before the first commit. */
	int (*load)(struct journal *j,
	            int (*row)(void *arg, enum kind kind, const char *id, const char *text, size_t len, struct err *e),
	            void *arg, struct err *e);
	/* Commits what is queued, then closes. */
	void (*close)(struct journal *j);
};
struct journal {
	const struct journal_ops *ops;
};

/*
 * The real one. url as for db_open. done functions are called while the answer of their group is being delivered: they
 * wake and note, and do not commit. commit, load and close belong to the thread of l; answers may still arrive on l
 * after close.
 *
 * A PostgreSQL server that goes away is waited for, 10 s, or as long as it takes when it went away during COMMIT, for only
 * it knows the outcome; what is queued behind fails. When another Manager used the database meanwhile, all fails.
 */
struct journal *journal_open(const char *url, struct loop *l, struct err *e);
/* Groups written so far; for measurements, on a journal of journal_open. Any thread. */
uint64_t journal_groups(const struct journal *j);
