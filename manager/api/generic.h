/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Handlers that need no code of their own: a row of struct api_op says which kind and which relation. */
#include "manager/api/call.h"

/* All entities of the kind, or those of the parent: search, filter by permission, order, pages, follow. */
int generic_list(struct call *c, struct err *e);
/* ids[n-1], which must belong to ids[n-2] when the row has a parent. */
int generic_get(struct call *c, struct err *e);
/* An empty collection: for what this version has none of and never will (providers of retired products). */
int generic_list_empty(struct call *c, struct err *e);
/* Partial update without side effects: merge, validate, commit, answer. */
int generic_update(struct call *c, struct err *e);
/* Remove an entity that nothing depends on. */
int generic_remove(struct call *c, struct err *e);
/* Add an entity from the body as it is; the parent's reference is filled in. */
int generic_add(struct call *c, struct err *e);

/* Pieces of them, for handlers that do a little more. */

/* Check that ids[n-2] exists, that ids[n-1] is an entity of the row's kind and belongs to it. Published version or NULL. */
const void *generic_target(struct call *c, struct err *e);
/* Draft of target id with the body merged in and the rules checked; locks looked at. NULL on failure. */
void *generic_merge(struct call *c, struct txn *t, enum kind k, const char *id, struct err *e);
/* New draft of kind k with the body merged in and the rules checked. A client's id is used when take_id. NULL on failure. */
void *generic_create(struct call *c, struct txn *t, enum kind k, bool take_id, struct err *e);
/* List of given published versions: permission filter, search, order, pages, views. */
int generic_reply_versions(struct call *c, enum kind k, GPtrArray *versions, struct err *e);
