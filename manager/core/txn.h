/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Transactions: stage new versions, commit them to the journal together, publish them together.
 *
 *	struct txn *t = txn_begin(core);
 *	struct m_vm *vm = txn_edit(t, KIND_VM, id);      -- a draft; NULL if there is no such VM
 *	vm->status = M_VM_STATUS_DOWN;
 *	if (txn_commit(t, e) < 0) ...                    -- waits until it is durable
 *
 * No waits between txn_begin and txn_commit: drafts come from the latest versions, and a commit is
 * refused (ERR_CONFLICT) when one of them has changed since.
 */
#include "manager/core/core.h"

struct txn;

struct txn *txn_begin(struct core *c);
struct pool *txn_pool(struct txn *t);
struct core *txn_core(struct txn *t);
/* Latest version, own drafts included. Read-only. */
const void *txn_get(struct txn *t, enum kind k, const char *id);
/* Draft of the latest version, the same one each time. NULL: no such entity, or removed. */
void *txn_edit(struct txn *t, enum kind k, const char *id);
/* Draft of a new entity; the id (NULL: a new UUID) must not be in use. */
void *txn_new(struct txn *t, enum kind k, const char *id);
/* Permissions on it and its tags go with it. */
void txn_remove(struct txn *t, enum kind k, const char *id);
/*
 * What must still be true when a fiber commits: asked at each of its commits (no wait lies between the answer and the staging), until
 * one of them changes what is guarded. The owner keeps the memory until txn_guard_end.
 */
struct txn_guard {
	int (*check)(struct core *c, void *arg, struct err *e); /* -1 refuses the commit */
	bool (*covers)(void *arg, enum kind k, const char *id); /* is it what is guarded? */
	void *arg;
	struct fiber *fiber;
	struct txn_guard *next;
};
/* From the fiber whose commits are to be guarded. */
void txn_guard_begin(struct core *c, struct txn_guard *g);
void txn_guard_end(struct core *c, struct txn_guard *g);
bool txn_is_empty(const struct txn *t);

/* From a fiber: wait until durable and published. Frees t in any case. ERR_CONFLICT names the field when a name is
 * taken. Nothing changed when it fails. */
int txn_commit(struct txn *t, struct err *e);
/* Do not wait: for what the hosts report. A failure is logged and the state read again by the monitoring. Frees t. */
void txn_commit_async(struct txn *t);
void txn_cancel(struct txn *t);
