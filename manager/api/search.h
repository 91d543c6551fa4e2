/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The search language (schema/search.json): criteria, SORTBY, PAGE. Parsed into terms, evaluated on the inventory; no text
 * of a query ever reaches SQL.
 */
#include "manager/core/core.h"

struct search;

/* Parse a query for entities of kind k, in the pool. NULL: ERR_INVALID, saying where and what is allowed. */
struct search *search_parse(struct pool *p, enum kind k, const char *text, bool is_case_sensitive, struct err *e);
/* Does a published version match? Core thread. */
bool search_matches(struct core *c, const struct search *s, const void *version);
/* Page asked for, from 1; 0: none. */
int64_t search_page(const struct search *s);
/* Order of two versions: SORTBY, then the kind's own order. s NULL: the kind's own order. Any thread, as long as the versions
 * are retained (sorting by members of other entities is not offered). */
int search_compare(const struct search *s, enum kind k, const void *a, const void *b);
