/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The grammar: words of the command line to places in the API's service tree. `vm nic update` is the chain vms, {vm}, nics, {nic}
 * and its operation `update`.
 */
#include "model/model.h"

#define TREE_DEPTH 8

/* One place on the way: a collection, and the service of its items. */
struct tree_level {
	const char *path;                /* "nics" */
	const struct m_service *service; /* vm_nics */
	const struct m_locator *locator; /* to the items: {nic}; NULL when there are none */
	const struct m_service *item;    /* vm_nic, or NULL */
	const struct m_type *type;       /* of the items: nic; or NULL when unknown */
};

struct tree_place {
	struct tree_level level[TREE_DEPTH];
	int depth; /* 0: the root */
};

/* Enter the collection that a word names below the place (an item of its last level, or the root). False: there is none. */
bool tree_enter(struct tree_place *p, const char *word);
/* The collection at a locator, as a level. */
struct tree_level tree_level_of(const struct m_locator *l);
/* The service in which the sub-collections of a place are. */
const struct m_service *tree_below(const struct tree_place *p);
/* Is locator i of a service a way to a collection that no earlier one leads to? */
bool tree_is_part(const struct m_service *s, int i);
/* The type that a service's list or get answers; NULL. */
const struct m_type *tree_type(const struct m_service *s);
/* Word for people of a collection: "disk-attachment". */
char *tree_word(const struct tree_level *l);

struct tree_verb {
	const char *word; /* the usual one: "list", "show", "create", "update", "remove", or the action's */
	const struct m_op *op;
	bool is_item; /* acts on one item: needs its name */
};
/* The operation that a verb means at a place. False: there is none. */
bool tree_verb_find(const struct tree_place *p, const char *word, struct tree_verb *out);
/* All verbs of a place: a new array of struct tree_verb. */
GArray *tree_verbs(const struct tree_place *p);

/*
 * The collection at the root in which entities of a type live; NULL. References to them may be given by name.
 */
const struct m_locator *tree_home(const struct m_type *t);
/* Does adding to this collection take an existing entity (a tag, a network of a cluster) rather than make one? */
bool tree_takes_existing(const struct tree_level *l);
