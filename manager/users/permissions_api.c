/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Permissions: a role, for a user or a group, on an object or the system. Who may give some away gives no more than he
 * holds on that object himself.
 */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/core/jobs.h"
#include "manager/core/tables.h"
#include "manager/users/users.h"

/* Whose permissions a path lists: of an object, of a principal, or of the system. */
struct place {
	const struct perm_target *target; /* NULL: of a principal or the system */
	const char *id;                   /* of the object or the principal */
	bool is_user, is_group;
};

static int find_place(struct call *c, bool has_own_id, struct place *out, struct err *e)
{
	g_auto(GStrv) part = g_strsplit(c->path, "/", 12);
	guint n = g_strv_length(part) - (has_own_id ? 1 : 0);
	const char *collection = n >= 3 ? part[n - 3] : NULL;
	int i = c->n_ids - (has_own_id ? 2 : 1);

	*out = (struct place){ 0 };
	if (!collection)
		return 0;
	out->id = c->ids[i];
	out->is_user = strcmp(collection, "users") == 0;
	out->is_group = strcmp(collection, "groups") == 0;
	for (const struct perm_target *t = PERM_TARGETS; t->collection; t++)
		if (strcmp(t->collection, collection) == 0)
			out->target = t;
	if (!out->target && !out->is_user && !out->is_group)
		return err_set(e, ERR_NOT_IMPLEMENTED, "Permissions of %.40s are not implemented in this version.",
		               collection);
	return call_visible(c, i, out->target ? out->target->kind : out->is_user ? KIND_USER : KIND_GROUP, e) ? 0 : -1;
}

static int permission_list(struct call *c, struct err *e)
{
	g_autoptr(GPtrArray) v = g_ptr_array_new();
	struct place at;

	if (find_place(c, false, &at, e) < 0)
		return -1;
	if (at.id) {
		int idx = at.target ? at.target->idx : at.is_user ? IDX_PERMISSION_user : IDX_PERMISSION_group;
		INV_EACH_BY (en, c->core->inv, KIND_PERMISSION, idx, at.id)
			g_ptr_array_add(v, (void *)en->pub);
	} else {
		INV_EACH (en, c->core->inv, KIND_PERMISSION)
			if (M_GET(ENTITY_OBJ(en, permission), is_system, false))
				g_ptr_array_add(v, (void *)en->pub);
	}
	return generic_reply_versions(c, KIND_PERMISSION, v, e);
}

/* ---- give ---- */

/* What the body says the permission is on, resolved; the path has the last word. */
static int find_object(struct call *c, struct m_permission *body, const struct place *at,
                       const struct perm_target **target, const char **id, struct err *e)
{
	*target = at->target;
	*id = at->target ? at->id : NULL;
	for (const struct perm_target *t = PERM_TARGETS; t->collection && !*target; t++) {
		struct m_ref *ref = (struct m_ref *)((char *)body + t->offset);

		if (!ref->id && !ref->obj)
			continue;
		if (call_resolve(c, ref, t->kind, NULL, true, "permission", e) < 0)
			return -1;
		*target = t;
		*id = ref->id;
	}
	if (body->vm_pool.id || body->vm_pool.obj)
		return err_field(e, ERR_NOT_IMPLEMENTED, "permission.vm_pool",
		                 "There are no VM pools in this version.");
	return 0;
}

static int find_principal(struct call *c, struct m_permission *body, const struct place *at, struct err *e)
{
	if (at->is_user)
		body->user = (struct m_ref){ .id = (char *)at->id };
	if (at->is_group)
		body->group = (struct m_ref){ .id = (char *)at->id };
	if (call_resolve(c, &body->user, KIND_USER, NULL, false, "permission.user", e) < 0 ||
	    call_resolve(c, &body->group, KIND_GROUP, NULL, false, "permission.group", e) < 0)
		return -1;
	if (!body->user.id == !body->group.id)
		return err_field(e, ERR_INVALID, "permission.user", "Either a user or a group is wanted.");
	return 0;
}

/* Permits on pools and storage domains, which give nothing on a VM: basic roles have them for those places. */
static bool gives_nothing(const char *permit, enum kind k, const char *id)
{
	return k == KIND_VM && id &&
	       (strcmp(permit, "vm_pool_basic_operations") == 0 || strcmp(permit, "access_image_storage") == 0);
}

/* No role that holds a permit which the giver lacks there. */
static int check_no_more_than_own(struct call *c, const char *role_id, enum kind k, const char *id, struct err *e)
{
	struct err why;

	if (c->is_trusted)
		return 0;
	for (const struct permit_type *p = PERMITS; p->name; p++)
		if (!gives_nothing(p->name, k, id) && perm_role_has(c->core, role_id, p->name) &&
		    perm_check(c->core, &c->who, p->name, k, id, &why) < 0)
			return err_set(
			    e, ERR_DENIED,
			    "User is not authorized to perform this action: the role holds the permit '%s', which you "
			    "do not hold there.",
			    p->name);
	return 0;
}

static bool is_same(const struct m_permission *a, const struct m_permission *b, const struct perm_target *t,
                    const char *object_id)
{
	const char *on;

	return g_strcmp0(a->role.id, b->role.id) == 0 && g_strcmp0(a->user.id, b->user.id) == 0 &&
	       g_strcmp0(a->group.id, b->group.id) == 0 && perm_target_of(a, &on) == t && g_strcmp0(on, object_id) == 0;
}

/* "VM web1", in the call's pool. */
static const char *object_text(struct call *c, const struct perm_target *t, const char *id)
{
	const void *obj = t ? inv_get(c->core->inv, t->kind, id) : NULL;
	const struct m_entity *en = obj ? m_entity(M_KINDS[t->kind].type, obj) : NULL;

	return t ? pool_printf(c->pool, "%s %s", t->name, en ? STR_OR(en->name, id) : id) : "System";
}

/* Events of a permission are events of what it is on. */
static struct event_refs refs_on(struct call *c, const struct perm_target *t, const char *id)
{
	struct event_refs refs = call_refs(c);
	const struct {
		enum kind kind;
		const char **ref;
	} REFS[] = { { KIND_VM, &refs.vm },
		     { KIND_HOST, &refs.host },
		     { KIND_CLUSTER, &refs.cluster },
		     { KIND_DATA_CENTER, &refs.data_center },
		     { KIND_STORAGE_DOMAIN, &refs.storage_domain },
		     { KIND_TEMPLATE, &refs.template } };

	for (size_t i = 0; t && i < G_N_ELEMENTS(REFS); i++)
		if (REFS[i].kind == t->kind)
			*REFS[i].ref = id;
	return refs;
}

/* Who has it, and which role it is: "joe@internal-authz", "UserRole". */
static const char *holder_of(struct core *core, const struct m_permission *p, const char **role)
{
	const struct m_role *r = INV_GET(core->inv, ROLE, role, p->role.id);
	const struct m_user *u = INV_GET(core->inv, USER, user, p->user.id);
	const struct m_group *g = INV_GET(core->inv, GROUP, group, p->group.id);

	*role = r ? r->name : p->role.id;
	return u ? u->user_name : g ? g->name : "Nobody";
}

static int stage(struct call *c, const struct m_permission *body, const struct perm_target *t, const char *object_id,
                 char **id, struct err *e)
{
	struct txn *x = txn_begin(c->core);
	struct m_permission *p = txn_new(x, KIND_PERMISSION, NULL);
	const struct m_user *u = INV_GET(c->core->inv, USER, user, body->user.id);
	const struct m_group *g = INV_GET(c->core->inv, GROUP, group, body->group.id);
	struct event_refs refs = refs_on(c, t, object_id);
	const char *role, *holder = holder_of(c->core, body, &role);
	char job[UUID_LEN + 1];

	*id = pool_strdup(c->pool, p->id);
	REF_SET(txn_pool(x), p->role, body->role.id);
	if (u)
		REF_SET(txn_pool(x), p->user, u->id);
	if (g)
		REF_SET(txn_pool(x), p->group, g->id);
	if (t)
		REF_SET(txn_pool(x), *(struct m_ref *)((char *)p + t->offset), object_id);
	else
		M_SET(p, is_system, true);
	txn_event(x, t ? "USER_ADD_PERMISSION" : "USER_ADD_SYSTEM_PERMISSION", &refs, "%s was granted role %s on %s.",
	          holder, role, object_text(c, t, object_id));
	job_record(x, c->correlation_id, c->who.user_id, job, "Adding Permission");
	return txn_commit(x, e);
}

static int permission_add(struct call *c, struct err *e)
{
	struct m_permission *body = c->body;
	const struct perm_target *target;
	const char *object_id;
	struct place at;
	enum kind k;
	char *id;

	if (find_place(c, false, &at, e) < 0 || find_object(c, body, &at, &target, &object_id, e) < 0 ||
	    call_resolve(c, &body->role, KIND_ROLE, NULL, true, "permission.role", e) < 0 ||
	    find_principal(c, body, &at, e) < 0)
		return -1;
	k = target ? target->kind : KIND_VM;
	if (call_permit(c, "manipulate_permissions", k, object_id, e) < 0 ||
	    check_no_more_than_own(c, body->role.id, k, object_id, e) < 0)
		return -1;
	INV_EACH_BY (en, c->core->inv, KIND_PERMISSION, IDX_PERMISSION_role, body->role.id)
		if (is_same(en->pub, body, target, object_id))
			return err_set(e, ERR_CONFLICT, "Cannot add Permission. It is given already.");
	return stage(c, body, target, object_id, &id, e) < 0 ? -1 : call_reply_kind(c, KIND_PERMISSION, id);
}

/* ---- show and take away ---- */

static const struct m_permission *find(struct call *c, struct err *e)
{
	const struct m_permission *p = call_visible(c, c->n_ids - 1, KIND_PERMISSION, e);
	struct place at;
	const char *on;
	bool fits;

	if (!p || find_place(c, true, &at, e) < 0)
		return NULL;
	fits = !at.id || (at.target && perm_target_of(p, &on) == at.target && strcmp(on, at.id) == 0) ||
	       (at.is_user && g_strcmp0(p->user.id, at.id) == 0) || (at.is_group && g_strcmp0(p->group.id, at.id) == 0);
	if (!fits)
		err_set(e, ERR_NO_ENTITY, "The permission belongs to something else.");
	return fits ? p : NULL;
}

static int permission_get(struct call *c, struct err *e)
{
	const struct m_permission *p = find(c, e);

	return p ? call_reply_entity(c, &M_TYPE_permission, call_view(c, KIND_PERMISSION, p)) : -1;
}

/* The way in must stay open. */
static bool is_way_in(struct call *c, const struct m_permission *p)
{
	const struct m_user *u = INV_GET(c->core->inv, USER, user, p->user.id);

	return M_GET(p, is_system, false) && g_strcmp0(p->role.id, PERM_SUPER_USER_ROLE) == 0 && u &&
	       g_strcmp0(u->user_name, "admin@" INTERNAL_DOMAIN) == 0;
}

static int permission_remove(struct call *c, struct err *e)
{
	const struct m_permission *p = find(c, e);
	const struct perm_target *target;
	char job[UUID_LEN + 1];
	const char *on = NULL, *role, *holder;
	struct event_refs refs;
	struct txn *t;

	if (!p)
		return -1;
	target = perm_target_of(p, &on);
	refs = refs_on(c, target, on);
	holder = holder_of(c->core, p, &role);
	if (is_way_in(c, p))
		return err_set(e, ERR_CONFLICT,
		               "Cannot remove Permission. admin stays the administrator of the system.");
	t = txn_begin(c->core);
	txn_remove(t, KIND_PERMISSION, p->id);
	txn_event(t, target ? "USER_REMOVE_PERMISSION" : "USER_REMOVE_SYSTEM_PERMISSION", &refs,
	          "Role %s on %s was taken from %s.", role, object_text(c, target, on), holder);
	job_record(t, c->correlation_id, c->who.user_id, job, "Removing Permission");
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, job);
}

/* Judged by the path; where the object is named in the body only, somebody who may nowhere. */
static int may_give(struct call *c, struct err *e)
{
	struct place at;

	if (find_place(c, false, &at, e) < 0)
		return -1;
	if (at.target)
		return call_permit(c, "manipulate_permissions", at.target->kind, at.id, e);
	for (const struct perm_target *t = PERM_TARGETS; t->collection; t++)
		if (perm_anywhere(c->core, &c->who, "manipulate_permissions", t->kind))
			return 0;
	return call_permit(c, "manipulate_permissions", KIND_VM, NULL, e);
}

static int may_take(struct call *c, struct err *e)
{
	const struct m_permission *p = find(c, e);
	const struct perm_target *target;
	const char *on = NULL;

	if (!p)
		return -1;
	target = perm_target_of(p, &on);
	return call_permit(c, "manipulate_permissions", target ? target->kind : KIND_VM, on, e);
}

#define IN_FIBER .flags = OP_WAITS
const struct api_op PERMISSION_OPS[] = {
	ROW("system_permissions.list", permission_list, KIND_PERMISSION),
	ROW("system_permissions.add", permission_add, KIND_PERMISSION, .may = may_give, IN_FIBER),
	ROW("assigned_permissions.list", permission_list, KIND_PERMISSION),
	ROW("assigned_permissions.add", permission_add, KIND_PERMISSION, .may = may_give, IN_FIBER),
	ROW("permission.get", permission_get, KIND_PERMISSION),
	ROW("permission.remove", permission_remove, KIND_PERMISSION, .may = may_take, IN_FIBER),
	{ .name = NULL },
};
