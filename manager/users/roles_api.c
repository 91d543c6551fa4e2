/* SPDX-License-Identifier: Apache-2.0 */
/* Roles: the predefined ones of schema/roles.json, which nobody changes, and those that administrators make. */
#include <stdlib.h>
#include <string.h>

#include "manager/api/generic.h"
#include "manager/core/jobs.h"
#include "manager/core/tables.h"
#include "manager/users/users.h"

static const struct permit_type *find_permit(const char *id, const char *name)
{
	for (const struct permit_type *p = PERMITS; p->name; p++)
		if (id ? atoi(id) == p->id && strspn(id, "0123456789") == strlen(id) : g_strcmp0(name, p->name) == 0)
			return p;
	return NULL;
}

static const struct permit_type *resolve_permit(const struct m_permit *b, const char *id, const char *field,
                                                struct err *e)
{
	const char *name = b ? b->name : NULL;
	const struct permit_type *p = find_permit(id, name);

	if (!p)
		err_field(e, ERR_INVALID, field,
		          "There is no permit %.60s. GET /permits of a role and clusterlevels list them.",
		          STR_OR(id, STR_OR(name, "without id and name")));
	return p;
}

static struct m_role *edit_own(struct call *c, struct txn *t, const char *id, const char *what, struct err *e)
{
	struct m_role *r = txn_edit(t, KIND_ROLE, id);

	if (!r)
		err_set(e, ERR_NO_ENTITY, "There is no role %s.", id);
	else if (!M_GET(r, mutable, true))
		err_set(e, ERR_CONFLICT, "Cannot %s Role. %s is predefined.", what, r->name);
	else
		return r;
	return NULL;
}

static bool holds(const struct m_role *r, const char *permit)
{
	for (uint32_t i = 0; i < r->permit_names.n; i++)
		if (strcmp(r->permit_names.v[i], permit) == 0)
			return true;
	return false;
}

/* A role of users must not hold what only administrators may. */
static int add_permit(struct txn *t, struct m_role *r, const struct permit_type *pt, struct err *e)
{
	char **list;

	if (holds(r, pt->name))
		return 0;
	if (pt->is_admin && !M_GET(r, administrative, false))
		return err_field(e, ERR_CONFLICT, "role.permits",
		                 "Permit %s is for administrators, and role %s is not.", pt->name, r->name);
	list = POOL_ARRAY(txn_pool(t), char *, r->permit_names.n + 1);
	if (r->permit_names.n)
		memcpy(list, r->permit_names.v, r->permit_names.n * sizeof(*list));
	list[r->permit_names.n] = pool_strdup(txn_pool(t), pt->name);
	r->permit_names.v = list;
	r->permit_names.n++;
	return 0;
}

static int take_permits(struct txn *t, struct m_role *r, const struct m_role *body, struct err *e)
{
	r->permit_names.n = 0;
	r->permits.n = 0;
	for (uint32_t i = 0; i < body->permits.n; i++) {
		const struct m_ref *ref = &body->permits.v[i];
		const struct permit_type *pt = resolve_permit(ref->obj, ref->id, "role.permits", e);

		if (!pt || add_permit(t, r, pt, e) < 0)
			return -1;
	}
	return 0;
}

static int role_add(struct call *c, struct err *e)
{
	struct txn *t = txn_begin(c->core);
	struct m_role *body = c->body, *r = generic_create(c, t, KIND_ROLE, false, e);
	char job[UUID_LEN + 1], *id;

	if (r)
		M_SET(r, administrative, M_GET(body, administrative, false));
	if (!r || take_permits(t, r, body, e) < 0) {
		txn_cancel(t);
		return -1;
	}
	M_SET(r, mutable, true);
	id = pool_strdup(c->pool, r->id);
	txn_event(t, "USER_ADD_ROLE_WITH_ACTION_GROUP",
	          &(struct event_refs){ .user = c->who.user_id, .correlation_id = c->correlation_id },
	          "Role %s was added.", r->name);
	job_record(t, c->correlation_id, c->who.user_id, job, "Adding Role %s", r->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_kind(c, KIND_ROLE, id);
}

static int role_update(struct call *c, struct err *e)
{
	struct m_role *body = c->body, *r;
	const char *id = pool_strdup(c->pool, c->ids[0]);
	struct txn *t = txn_begin(c->core);

	if (!edit_own(c, t, id, "update", e) || !(r = generic_merge(c, t, KIND_ROLE, id, e)) ||
	    (body->permits.v && take_permits(t, r, body, e) < 0)) {
		txn_cancel(t);
		return -1;
	}
	txn_event(t, "USER_UPDATE_ROLE",
	          &(struct event_refs){ .user = c->who.user_id, .correlation_id = c->correlation_id },
	          "Role %s was changed.", r->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_kind(c, KIND_ROLE, id);
}

static int role_remove(struct call *c, struct err *e)
{
	struct txn *t = txn_begin(c->core);
	struct m_role *r = edit_own(c, t, c->ids[0], "remove", e);
	char job[UUID_LEN + 1];

	if (r && inv_is_used(c->core->inv, KIND_PERMISSION, IDX_PERMISSION_role, r->id)) {
		err_set(e, ERR_CONFLICT,
		        "Cannot remove Role. %s is given to %u users or groups; take it from them first.", r->name,
		        inv_count_by(c->core->inv, KIND_PERMISSION, IDX_PERMISSION_role, r->id));
		r = NULL;
	}
	if (!r) {
		txn_cancel(t);
		return -1;
	}
	txn_event(t, "USER_REMOVE_ROLE",
	          &(struct event_refs){ .user = c->who.user_id, .correlation_id = c->correlation_id },
	          "Role %s was removed.", r->name);
	job_record(t, c->correlation_id, c->who.user_id, job, "Removing Role %s", r->name);
	txn_remove(t, KIND_ROLE, c->ids[0]);
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, job);
}

/* ---- permits of a role ---- */

static struct m_permit *permit_view(struct call *c, const struct permit_type *pt)
{
	struct m_permit *p = POOL_NEW(c->pool, struct m_permit);

	p->id = pool_printf(c->pool, "%d", pt->id);
	p->name = pool_strdup(c->pool, pt->name);
	M_SET(p, administrative, pt->is_admin);
	REF_SET(c->pool, p->role, c->ids[0]);
	call_set_href(c, &M_TYPE_permit, p, pool_printf(c->pool, "roles/%s/permits/%d", c->ids[0], pt->id), NULL);
	return p;
}

/* SuperUser may do everything, but its list is the one that clients know. */
static bool lists(struct core *c, const struct m_role *r, const char *permit)
{
	const struct role_type *pre = perm_role_type(r->id);

	return pre ? g_strv_contains(pre->permits, permit) : perm_role_has(c, r->id, permit);
}

/* roles/R..., and users/U/roles/R...: only of a user that one sees, and only a role that he has. NULL: e is set. */
static const struct m_role *role_in_path(struct call *c, int *at, struct err *e)
{
	const bool is_group = g_str_has_prefix(c->path, "groups/");

	*at = is_group || g_str_has_prefix(c->path, "users/");
	if (!*at)
		return CALL_ENTITY(c, 0, ROLE, role, e);
	if (!call_visible(c, 0, is_group ? KIND_GROUP : KIND_USER, e))
		return NULL;
	INV_EACH_BY (en, c->core->inv, KIND_PERMISSION, is_group ? IDX_PERMISSION_group : IDX_PERMISSION_user,
	             c->ids[0])
		if (g_strcmp0(ENTITY_OBJ(en, permission)->role.id, c->ids[1]) == 0)
			return CALL_ENTITY(c, 1, ROLE, role, e);
	err_set(e, ERR_NO_ENTITY, "The role is not given there.");
	return NULL;
}

static int role_get(struct call *c, struct err *e)
{
	int at;

	return role_in_path(c, &at, e) ? generic_get(c, e) : -1;
}

static int permit_list(struct call *c, struct err *e)
{
	int at;
	const struct m_role *r = role_in_path(c, &at, e);
	void **list = POOL_ARRAY(c->pool, void *, 256);
	size_t n = 0;

	if (!r)
		return -1;
	for (const struct permit_type *p = PERMITS; p->name && n < 256; p++)
		if (lists(c->core, r, p->name))
			list[n++] = permit_view(c, p);
	return call_reply_list(c, &M_TYPE_permit, list, n);
}

static int permit_get(struct call *c, struct err *e)
{
	int at;
	const struct m_role *r = role_in_path(c, &at, e);
	const struct permit_type *p = r ? find_permit(c->ids[at + 1], NULL) : NULL;

	if (r && (!p || !lists(c->core, r, p->name)))
		return err_set(e, ERR_NO_ENTITY, "The role does not hold this permit.");
	return r ? call_reply_entity(c, &M_TYPE_permit, permit_view(c, p)) : -1;
}

static int permit_add(struct call *c, struct err *e)
{
	struct m_permit *body = c->body;
	int at;
	const struct permit_type *pt = role_in_path(c, &at, e) ? resolve_permit(body, body->id, "permit", e) : NULL;
	struct txn *t = txn_begin(c->core);
	struct m_role *r = pt ? edit_own(c, t, c->ids[at], "update", e) : NULL;

	if (!r || add_permit(t, r, pt, e) < 0) {
		txn_cancel(t);
		return -1;
	}
	txn_event(t, "USER_ATTACHED_ACTION_GROUP_TO_ROLE",
	          &(struct event_refs){ .user = c->who.user_id, .correlation_id = c->correlation_id },
	          "Permit %s was given to role %s.", pt->name, r->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_entity(c, &M_TYPE_permit, permit_view(c, pt));
}

static int permit_remove(struct call *c, struct err *e)
{
	int at;
	const bool is_there = role_in_path(c, &at, e) != NULL;
	const struct permit_type *pt = find_permit(c->ids[at + 1], NULL);
	struct txn *t = txn_begin(c->core);
	struct m_role *r = is_there ? edit_own(c, t, c->ids[at], "update", e) : NULL;
	uint32_t n = 0;

	if (r && (!pt || !holds(r, pt->name))) {
		err_set(e, ERR_NO_ENTITY, "The role does not hold this permit.");
		r = NULL;
	}
	if (!r) {
		txn_cancel(t);
		return -1;
	}
	for (uint32_t i = 0; i < r->permit_names.n; i++)
		if (strcmp(r->permit_names.v[i], pt->name) != 0)
			r->permit_names.v[n++] = r->permit_names.v[i];
	r->permit_names.n = n;
	txn_event(t, "USER_DETACHED_ACTION_GROUP_FROM_ROLE",
	          &(struct event_refs){ .user = c->who.user_id, .correlation_id = c->correlation_id },
	          "Permit %s was taken from role %s.", pt->name, r->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, NULL);
}

/* users/{id}/roles, groups/{id}/roles: what they hold anywhere */
static int assigned_list(struct call *c, struct err *e)
{
	bool is_group = g_str_has_prefix(c->path, "groups/");
	g_autoptr(GPtrArray) v = g_ptr_array_new();

	if (!call_visible(c, 0, is_group ? KIND_GROUP : KIND_USER, e))
		return -1;
	INV_EACH_BY (en, c->core->inv, KIND_PERMISSION, is_group ? IDX_PERMISSION_group : IDX_PERMISSION_user,
	             c->ids[0]) {
		const void *role = inv_get(c->core->inv, KIND_ROLE, ENTITY_OBJ(en, permission)->role.id);
		if (role && !g_ptr_array_find(v, role, NULL))
			g_ptr_array_add(v, (void *)role);
	}
	return generic_reply_versions(c, KIND_ROLE, v, e);
}

const struct api_op ROLE_OPS[] = {
	ROW("roles.list", generic_list, KIND_ROLE),
	ROW("role.get", role_get, KIND_ROLE),
	ROW("roles.add", role_add, KIND_ROLE, SYS("manipulate_roles")),
	ROW("role.update", role_update, KIND_ROLE, SYS("manipulate_roles")),
	ROW("role.remove", role_remove, KIND_ROLE, SYS("manipulate_roles")),
	ROW("permits.list", permit_list, NO_KIND),
	ROW("permit.get", permit_get, NO_KIND),
	ROW("permits.add", permit_add, NO_KIND, SYS("manipulate_roles")),
	ROW("permit.remove", permit_remove, NO_KIND, SYS("manipulate_roles")),
	ROW("assigned_roles.list", assigned_list, KIND_ROLE),
	{ .name = NULL },
};
