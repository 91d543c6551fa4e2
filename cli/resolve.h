/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Names to ids, and ids to names, by asking the Manager. */
#include "cli/cli.h"
#include "cli/tree.h"

/*
 * The id of the item of a collection that text names: its id, its name, or what its type has instead (a snapshot's description). path is
 * the collection's below the API's root ("vms/ID/nics"). NULL with e: none (ERR_NO_ENTITY), several (ERR_INVALID). In the pool.
 */
char *resolve_item(struct cli *c, const struct tree_level *level, const char *path, const char *text, struct err *e);
/* For struct body: the entity of a type, in its collection at the root. */
char *resolve_reference(void *cli, const struct m_type *t, const char *text, struct err *e);
/* The name of an entity, asked for once for all of its type; the id when it is not known. */
const char *resolve_name(struct cli *c, const struct m_type *t, const char *id);
/* Can the names of a collection be searched for this text? */
bool resolve_can_search(const char *path, const char *text);
/* What people call an item: name, or description, ... ; NULL. */
const char *resolve_label(const json_t *item);
/* The items of a collection, with a query ("search=..." or NULL), members as in project_list. NULL with e. */
json_t *resolve_list(struct cli *c, const struct m_type *t, const char *path, const char *query,
                     const char *const *members, struct err *e);
