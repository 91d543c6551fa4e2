/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Permissions: (user or group, role, object), inherited down the tree of objects (schema/roles.json). The one place where
 * it is decided whether somebody may do something.
 */
#include "manager/core/sessions.h"

#define PERM_EVERYONE        "eee00000-0000-0000-0000-123456789eee"
#define PERM_SUPER_USER_ROLE "00000000-0000-0000-0000-000000000001"

/* ERR_DENIED unless who holds a role with the permit on the object, one of its ancestors, or the system. object_id NULL: on
 * the system itself. */
int perm_check(struct core *c, const struct identity *who, const char *permit, enum kind k, const char *object_id,
               struct err *e);
/* Has who the permit on some object of the kind, wherever that is? */
bool perm_anywhere(struct core *c, const struct identity *who, const char *permit, enum kind k);
/* What of kind wanted the object is, or lies in (a VM: its cluster, its data center); NULL: nothing. */
const char *perm_ancestor(struct core *c, enum kind k, const char *id, enum kind wanted);
/* May who see it? A permission on the object, on an ancestor whose role shows children, or a role on the system does; and
 * everybody sees himself and his jobs. */
bool perm_can_see(struct core *c, const struct identity *who, enum kind k, const char *object_id);
/* What permissions can be on, besides the system. */
struct perm_target {
	enum kind kind;
	const char *collection; /* in paths: "vms" */
	const char *name;       /* for people: "VM" */
	int idx;                /* IDX_PERMISSION_... */
	size_t offset;          /* of the reference in struct m_permission */
};
extern const struct perm_target PERM_TARGETS[]; /* ends with collection NULL */
/* The object that a permission is on; NULL: the system, or nothing. */
const struct perm_target *perm_target_of(const struct m_permission *p, const char **object_id);
/* A predefined role; NULL: it is none of them. */
struct role_type;
const struct role_type *perm_role_type(const char *role_id);
/* Does the role (predefined or not) hold the permit? */
bool perm_role_has(struct core *c, const char *role_id, const char *permit);
/* Holds the user a role of admin type anywhere? */
bool perm_is_admin(struct core *c, const char *user_id);

/* Is a user of the same groups in both versions? */
bool perm_same_groups(const struct m_user *a, const struct m_user *b);

/* Roles that are given without being asked for. */
#define ROLE_USER_VM_MANAGER      "def00006-0000-0000-0000-def000000006"
#define ROLE_DISK_OPERATOR        "def0000a-0000-0000-0000-def00000000b"
#define ROLE_TEMPLATE_OWNER       "def0000a-0000-0000-0000-def00000000f"
#define ROLE_VNIC_PROFILE_USER    "def0000a-0000-0000-0000-def000000010"
#define ROLE_CPU_PROFILE_OPERATOR "def00017-0000-0000-0000-def000000017"
#define ROLE_MAC_POOL_ADMIN       "def00013-0000-0000-0000-def000000013"
#define ROLE_DISK_PROFILE_USER    "def00020-0000-0000-0000-abc000000010"

struct txn;
/* A role on an object, for a user, or for everyone (user_id NULL). */
void perm_grant(struct txn *t, const char *role_id, const char *user_id, enum kind k, const char *object_id);
/* Who is no administrator gets a role on what he makes. */
void perm_grant_owner(struct txn *t, const struct identity *who, const char *role_id, enum kind k,
                      const char *object_id);
