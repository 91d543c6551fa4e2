/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The search language (schema/search.json): criteria, SORTBY, PAGE. Parsed into terms, evaluated on the inventory; no text
 * of a query ever reaches SQL.
 */
#include "manager/core/core.h"

struct identity;
struct search;

enum { SEARCH_MAX_BYTES = 4096, SEARCH_MAX_TERMS = 64 };

/* Parse a query for entities of kind k, in the pool. NULL: ERR_INVALID, saying where and what is allowed. */
struct search *search_parse(struct pool *p, enum kind k, const char *text, bool is_case_sensitive, struct err *e);
/* The same for a query that names its entity: "Vms: name = web*". Bookmarks hold such. *k: the kind it asks for. */
struct search *search_parse_query(struct pool *p, const char *text, bool is_case_sensitive, enum kind *k,
                                  struct err *e);
/* Where a query is wrong: bytes from and to, and why. */
struct search_place {
	int from, to;
	const char *message; /* in the pool */
};
/* Is it a query? kind -1: one that names its entity, or a directory. */
bool search_check(struct pool *p, int kind, const char *text, struct search_place *place);
/* Does a published version match? Core thread. In a fiber the first call for a query may yield: the caller holds its own
 * references to versions, and does not walk the inventory's lists meanwhile. */
bool search_matches(struct core *c, const struct search *s, const void *version);
/* Page asked for, from 1; 0: none. */
int64_t search_page(const struct search *s);
/* Has it a SORTBY? s may be NULL. */
bool search_has_order(const struct search *s);
/* Order of two versions: SORTBY, then the kind's own order. s NULL: the kind's own order. Any thread, as long as the versions
 * are retained. SORTBY by what is not in the version itself (names of other entities, statistics) goes by the values that
 * search_matches() saw; versions it has not seen count as without value. */
int search_compare(const struct search *s, enum kind k, const void *a, const void *b);

/*
 * A page of what is found among all published entities of a kind, in order: what GET of a collection shows. search NULL: all. viewer NULL: who sees
 * everything. Core thread; in a fiber it may yield.
 */
struct search_ask {
	enum kind kind;
	struct search *search;
	const struct identity *viewer;
	GPtrArray *among;  /* published versions to choose from; NULL: all of the kind */
	size_t first, max; /* of the results */
	bool wants_total;
	GPtrArray *versions; /* published versions, held on to */
	size_t total;        /* of all pages; only if it was wanted */
};
int search_select(struct core *c, struct search_ask *ask, struct err *e);
/* ask.versions and what it holds go. */
void search_ask_clear(struct search_ask *ask);
/* Statistics of an entity, or what its guest says, have changed: what is registered below gives something else now. */
void search_touch(struct core *c, enum kind k, const char *id);
/* Make ready, in a fiber of its own, what first questions would wait for. */
void search_warm(struct core *c);
/* Kinds with fewer entities are gone through one by one (512); for tests. */
void search_index_from(uint32_t n);

/* What may stand at the end of the text: texts in lower case, to be put in place of everything from byte `from`. */
enum { SEARCH_MAX_CHOICES = 256 };
struct search_choice {
	const char *text;
	const char *kind; /* "entity", "field", "related", "operator", "value", "keyword" */
};
struct search_choices {
	size_t from;
	struct search_choice *list; /* in the pool */
	int n;
};
/* kind -1: the text begins with an entity ("Vms: ..."). Never fails: where nothing can follow, nothing is offered. */
void search_complete(struct pool *p, int kind, const char *text, struct search_choices *out);

/*
 * Values that are not in the inventory: statistics, what guests report. Without a source, or when it gives no value, the
 * version's own member counts, if there is one. Sources are code, not state: registered once at start, before any search,
 * for all cores of the process; a second registration replaces the first. field is a name of schema/search.json; false: the
 * kind has no such field.
 */
typedef bool (*search_stat_fn)(struct core *c, const char *id, double *out);
/* Calls emit once per value until it returns true (enough). Texts need to live for that call only. */
typedef void (*search_text_fn)(struct core *c, const char *id, bool (*emit)(void *arg, const char *text), void *arg);
bool search_register_stat(enum kind k, const char *field, search_stat_fn fn);
bool search_register_text(enum kind k, const char *field, search_text_fn fn);

/*
 * Queries on a directory of users: "ADUSER@profile:namespace:allnames=adm* title!=x". Conditions are joined by AND.
 */
struct search_directory {
	bool is_group;
	const char *profile, *namespace; /* namespace NULL: any */
	struct search_directory_term *terms;
	int n_terms;
};
/* NULL: ERR_INVALID. */
struct search_directory *search_parse_directory(struct pool *p, const char *text, struct err *e);
/* value gives a field of the entry (name, username, lastname, department, title, groupname), or NULL. Case is ignored. */
bool search_directory_matches(const struct search_directory *d, const char *(*value)(void *arg, const char *field),
                              void *arg);
