/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The inventory: every entity, typed, in memory, with indexes by id, by name and by relation.
 *
 * An entity has at most two versions that matter: the *published* one, which readers see and which is
 * durable, and the *latest*, which a transaction has staged and the journal has not yet confirmed.
 * Commands decide on the latest, so that two of them in flight cannot give one name twice; requests
 * that read are answered from the published. Both are frozen and counted (lib/model), so a reader may
 * keep a version and hand it to another thread. The inventory itself is the core thread's alone.
 */
#include <glib.h>

#include "base/err.h"
#include "base/pool.h"
#include "model/kinds.h"
#include "model/types.h"

struct inventory;
struct entity;

struct inv_bucket {
	struct entity *first, *last;
	unsigned n;
};
struct inv_link {
	struct entity *prev, *next;
	struct inv_bucket *bucket; /* NULL: not linked */
};

struct entity {
	enum kind kind;
	uint32_t row; /* among the published of its kind: inv_rows() */
	const char *id;
	const void *pub;      /* published version, struct m_<type> *; NULL: being created */
	const void *latest;   /* == pub when nothing is staged; NULL: removed, or being removed */
	int n_staged;         /* transactions in flight that touch it */
	struct inv_link all;  /* among the published of its kind, in order of creation */
	struct inv_link by[]; /* one per index of its kind */
};

struct inventory *inv_new(void);
void inv_free(struct inventory *inv);

/* Entity, published or being created; NULL if there is none. */
struct entity *inv_find(const struct inventory *inv, enum kind k, const char *id);
/* Published version; NULL if there is none. id may be NULL. */
const void *inv_get(const struct inventory *inv, enum kind k, const char *id);
/* Latest version, staged changes included. */
const void *inv_latest(const struct inventory *inv, enum kind k, const char *id);
/* Published entity by name; scope is the id of the reference that names are unique within, or NULL. */
struct entity *inv_by_name(const struct inventory *inv, enum kind k, const char *scope, const char *name);
/* Another entity whose latest version bears this name? */
bool inv_name_taken(const struct inventory *inv, enum kind k, const char *scope, const char *name,
                    const char *except_id);

unsigned inv_count(const struct inventory *inv, enum kind k);
/* Published entities of a kind in order of creation: next is e->all.next. */
struct entity *inv_first(const struct inventory *inv, enum kind k);
/* Published entities whose indexed reference (IDX_<KIND>_<member>) is ref_id: next is e->by[idx].next. */
struct entity *inv_first_by(const struct inventory *inv, enum kind k, int idx, const char *ref_id);
unsigned inv_count_by(const struct inventory *inv, enum kind k, int idx, const char *ref_id);

/* Does the latest version of anything refer to ref_id? What is being removed does not count, what is being added does. */
bool inv_is_used(const struct inventory *inv, enum kind k, int idx, const char *ref_id);

/*
 * Published entities of a kind by number, for those who keep tables beside the inventory (searches). Numbers are not given again
 * until all are given anew, when more than half of them are of removed entities; those are NULL.
 */
struct inv_rows {
	struct entity **at;
	uint32_t n, n_removed, cap;
};
const struct inv_rows *inv_rows(const struct inventory *inv, enum kind k);

/* Told of every publication, after it: old NULL: added; version NULL: removed, which is the last moment of e. Must not wait. */
struct inv_watcher {
	void (*published)(struct inv_watcher *w, struct entity *e, const void *old, const void *version);
	void (*renumbered)(struct inv_watcher *w, enum kind k);
	void (*free)(struct inv_watcher *w); /* the inventory ends */
	struct inv_watcher *next;
};
void inv_watch(struct inventory *inv, struct inv_watcher *w);
/* The watcher with this function, NULL if there is none. */
struct inv_watcher *inv_find_watcher(const struct inventory *inv,
                                     void (*published)(struct inv_watcher *w, struct entity *e, const void *old,
                                                       const void *version));

#define INV_EACH(e, inv, k)             for (struct entity *e = inv_first(inv, k); e; e = e->all.next)
#define INV_EACH_BY(e, inv, k, idx, id) for (struct entity *e = inv_first_by(inv, k, idx, id); e; e = e->by[idx].next)

/* Latest versions of those whose reference is ref_id, staged ones included: array in the pool, *n of them. */
const void **inv_latest_by(const struct inventory *inv, struct pool *p, enum kind k, int idx, const char *ref_id,
                           unsigned *n);

/* Versions of a kind that transactions have staged and the journal has not confirmed: few at any time. */
void inv_each_staged(const struct inventory *inv, enum kind k, void (*fn)(void *arg, const void *version), void *arg);

/* Typed access: INV_GET(core->inv, VM, vm, id) is a const struct m_vm *. */
#define INV_GET(inv, K, type, id)    ((const struct m_##type *)inv_get(inv, KIND_##K, id))
#define INV_LATEST(inv, K, type, id) ((const struct m_##type *)inv_latest(inv, KIND_##K, id))
#define ENTITY_OBJ(e, type)          ((const struct m_##type *)(e)->pub)

/* ---- for transactions (txn.c) and loading alone ---- */
/* Put the published entities of a kind in order; compare gets pointers to struct entity pointers. */
void inv_sort(struct inventory *inv, enum kind k, int (*compare)(const void *a, const void *b));
struct entity *inv_make(struct inventory *inv, enum kind k, const char *id);
/* latest becomes version (owned by the caller until published or dropped). */
void inv_stage(struct inventory *inv, struct entity *e, const void *version);
/* version (a reference is taken over) becomes what readers see; NULL removes. May free e. */
void inv_publish(struct inventory *inv, struct entity *e, const void *version);
/* The staging of version failed. May free e. */
void inv_unstage(struct inventory *inv, struct entity *e, const void *version);
