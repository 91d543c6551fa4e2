/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Tables beside the inventory, for searches in much: for each kind that somebody searches, columns of single members by row (numbers,
 * texts as numbers in a set, references as rows of the other kind), and the order of lists. A column is made when a query first needs it,
 * follows what is published from then on, and goes when it is not used and memory is short. Core thread.
 */
#include "manager/api/search_texts.h"

enum scol_type { SC_NUM, SC_SMALL, SC_TEXT, SC_REF };
enum { SCOL_STEPS = 6 };

struct scol {
	enum scol_type type;
	enum kind kind;
	struct sstep step[SCOL_STEPS]; /* to the value in the version itself; only S_END: all that f says */
	const struct sfield *f;
	struct sread read;
	struct pool *pool; /* what read consists of */
	bool is_live;      /* a source may change it between publications: search_touch() */
	bool is_given_up;  /* too much text */
	bool is_age;       /* spans of time: kept is when they began */
	int target;        /* SC_REF: the other kind */
	uint32_t revived;
	uint32_t built; /* rows that are read */
	uint32_t cap;
	union {
		double *num;     /* NAN: no value */
		uint8_t *small;  /* value + 1; 0: none */
		uint32_t *words; /* codes of texts; rows referred to, or SREF_LIST | place in lists */
	};
	struct stexts texts;
	GArray *lists; /* of uint32_t: how many, and the rows */
	uint64_t used;
};
#define SREF_NONE UINT32_MAX
#define SREF_LIST (UINT32_C(1) << 31)

struct stable {
	bool is_active;
	uint64_t *live, *dirty; /* by row */
	uint32_t cap;           /* of both, in rows */
	GArray *changed;        /* rows whose columns are to be read again, from first_changed */
	guint first_changed;
	GPtrArray *cols;
	GHashTable *missing; /* hashes of ids that were looked for in vain, or have gone */
	uint32_t revived;    /* how often one of them came */
	uint32_t epoch;      /* how often the rows were numbered anew */
	uint32_t *order;     /* rows, as lists are ordered; NULL: not made */
	uint32_t n_order;
	bool is_ordering;  /* somebody sorts */
	GArray *misplaced; /* rows that are to be put in their places (live), or to be taken out */
	uint64_t *is_misplaced;
};

struct sindex {
	struct inv_watcher watcher;
	struct core *core;
	struct inventory *inv;
	struct stable tables[N_KINDS];
	uint64_t pass;
	GPtrArray *visible; /* of struct svisible: what some users may see */
};

/* What one evaluation may read from versions before others get their turn; -1: as much as it takes. */
struct swork {
	struct sindex *x;
	int64_t left;
	bool is_waiting; /* something is not ready: once more, later */
};

struct sindex *sindex_of(struct core *c);
/* search_visible.c */
void svisible_drop(struct sindex *x);
void svisible_published(struct sindex *x, const struct entity *e, const void *old, const void *version);
/* The table of a kind, with what was published meanwhile; NULL: not ready. */
struct stable *sindex_table(struct swork *w, enum kind k);
/* The column of a value at the end of steps (up to n), or of all that r says (n 0). NULL: not ready. */
struct scol *sindex_values(struct swork *w, enum kind k, const struct sstep *steps, int n, const struct sread *r);
/* The column of a reference at the end of steps. */
struct scol *sindex_refs(struct swork *w, enum kind k, const struct sstep *steps, int n);
/* Have the order of lists ready in the table: 0; 1: others had their turn meanwhile, so look at everything again. */
int sindex_order(struct core *c, enum kind k, struct err *e);
/* How much is left to the next question: rows that came or were changed. */
enum { SINDEX_MUCH = 32 };
extern uint32_t sindex_much;
/* Find the places of what came, if that is much. */
void sindex_place(struct sindex *x, enum kind k);
/* Values that sources give for an entity have changed. */
void sindex_touch(struct sindex *x, enum kind k, const char *id);

static inline bool sbit(const uint64_t *bits, uint32_t i) { return bits[i / 64] >> (i % 64) & 1; }
static inline void sbit_set(uint64_t *bits, uint32_t i) { bits[i / 64] |= UINT64_C(1) << (i % 64); }
