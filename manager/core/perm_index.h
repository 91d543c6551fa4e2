/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What each user and group has been given, by object: made when it is first asked for, dropped when it changes. For perm.c, so that a
 * decision costs a few look-ups however many permissions there are.
 */
#include "manager/core/core.h"

struct perm_grant {
	const struct m_permission *permission; /* retained */
	enum kind kind;                        /* of the object */
	const char *object_id;                 /* NULL: the system */
	bool shows_children;                   /* who holds the role sees what lies below the object */
	const struct perm_grant *next;         /* of the same object */
};

struct perm_holder {
	GHashTable *by_object; /* object's id -> struct perm_grant */
	const struct perm_grant *on_system;
	bool is_admin; /* holds a role of admin type somewhere */
};

/* Valid until the next call of this. */
const struct perm_holder *perm_holder(struct core *c, const char *principal_id, bool is_group);
/* A permission or a role has changed: old or new version, of which one may be NULL. */
void perm_index_forget(struct core *c, enum kind k, const void *old, const void *new);
void perm_index_free(struct perm_index *x);
