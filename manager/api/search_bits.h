/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A query evaluated on columns: sets of rows as bits. No waiting; what is not ready is said in work. */
#include "manager/api/search_index.h"
#include "manager/core/sessions.h"

/* Kinds with no more rows have no columns. */
extern uint32_t sbits_tiny;

struct sbits_eval {
	struct swork work;
	struct core *c;
	struct search *s;
	struct pool *p;
	uint64_t *terms[SEARCH_MAX_TERMS]; /* by term: known rows */
	bool is_exact;                     /* false: more rows than match; those are to be looked at one by one */
};

/* Rows of s->kind that match, as far as columns tell. */
uint64_t *sbits_query(struct sbits_eval *ev);
/* Keys to sort the rows by, 0: no value. NULL: columns cannot tell, or are not ready. */
uint64_t *sbits_keys(struct sbits_eval *ev);
/* Rows that somebody may see. NULL: ask perm_can_see(), or not ready. */
const uint64_t *sbits_visible(struct sbits_eval *ev, const struct identity *who, enum kind k);
size_t sbits_words(const struct sbits_eval *ev, enum kind k);

/* ---- shared with search_keys.c ---- */

/* Steps into structures before the one that reads or hops. */
int sbits_structs(const struct sstep *s);
/* Is all that r may read in the version, or told by sources? */
bool sbits_is_whole(const struct sread *r);
/* Do sources of the kind tell when their values change (search_touch)? */
bool sbits_is_touched(enum kind k);
struct sget_count;
/* How many refer to each row. NULL: not ready. */
double *sbits_counts(struct sbits_eval *ev, enum kind k, const struct sget_count *count);
