/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of the internal domain. Members are found through the users' `groups`; everybody is in Everyone. */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/core/jobs.h"
#include "manager/users/users.h"

static int group_add(struct call *c, struct err *e)
{
	struct m_group *body = c->body, *g;
	char job[UUID_LEN + 1], *id;
	struct txn *t;

	INV_EACH (en, c->core->inv, KIND_GROUP)
		if (g_ascii_strcasecmp(STR_OR(ENTITY_OBJ(en, group)->name, ""), body->name) == 0)
			return err_field(e, ERR_CONFLICT, "group.name", "Cannot add Group. %s exists already.",
			                 body->name);
	t = txn_begin(c->core);
	g = generic_create(c, t, KIND_GROUP, false, e);
	if (!g) {
		txn_cancel(t);
		return -1;
	}
	id = pool_strdup(c->pool, g->id);
	g->namespace = pool_strdup(txn_pool(t), "*");
	g->domain_entry_id = pool_strdup(txn_pool(t), g->id);
	REF_SET(txn_pool(t), g->domain, users_domain(c, &AUTH_INTERNAL)->id);
	txn_event(t, "USER_ADD", &(struct event_refs){ .user = c->who.user_id, .correlation_id = c->correlation_id },
	          "Group %s was added.", g->name);
	job_record(t, c->correlation_id, c->who.user_id, job, "Adding Group %s", g->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_kind(c, KIND_GROUP, id);
}

/* Take the group out of its members. */
static void leave(struct txn *t, const char *user_id, const char *group_id)
{
	struct m_user *u = txn_edit(t, KIND_USER, user_id);
	uint32_t n = 0;

	for (uint32_t i = 0; u && i < u->groups.n; i++)
		if (g_strcmp0(u->groups.v[i].id, group_id) != 0)
			u->groups.v[n++] = u->groups.v[i];
	if (u)
		u->groups.n = n;
}

static int group_remove(struct call *c, struct err *e)
{
	const struct m_group *g = CALL_ENTITY(c, 0, GROUP, group, e);
	char job[UUID_LEN + 1];
	struct txn *t;

	if (!g)
		return -1;
	if (strcmp(g->id, PERM_EVERYONE) == 0)
		return err_set(e, ERR_CONFLICT, "Cannot remove Group. Everybody is in Everyone.");
	t = txn_begin(c->core);
	INV_EACH_BY (u, c->core->inv, KIND_USER, IDX_USER_groups, g->id)
		leave(t, u->id, g->id);
	INV_EACH_BY (p, c->core->inv, KIND_PERMISSION, IDX_PERMISSION_group, g->id)
		txn_remove(t, KIND_PERMISSION, p->id);
	txn_remove(t, KIND_GROUP, g->id);
	txn_event(t, "USER_REMOVE_AD_GROUP",
	          &(struct event_refs){ .user = c->who.user_id, .correlation_id = c->correlation_id },
	          "Group %s was removed.", g->name);
	job_record(t, c->correlation_id, c->who.user_id, job, "Removing Group %s", g->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, job);
}

/* users/{user}/groups, domains/{domain}/users/{user}/groups */
static int groups_of_user(struct call *c, struct err *e)
{
	const struct m_user *u = call_visible(c, c->n_ids - 1, KIND_USER, e);
	g_autoptr(GPtrArray) v = g_ptr_array_new();
	const struct m_group *g;

	if (!u)
		return -1;
	for (uint32_t i = 0; i < u->groups.n; i++)
		if ((g = INV_GET(c->core->inv, GROUP, group, u->groups.v[i].id)))
			g_ptr_array_add(v, (void *)g);
	return generic_reply_versions(c, KIND_GROUP, v, e);
}

static int domain_groups(struct call *c, struct err *e)
{
	const struct auth_provider *p = users_provider(c, e);
	g_autoptr(GPtrArray) v = g_ptr_array_new();

	if (!p)
		return -1;
	p->list(c->core, KIND_GROUP, v);
	return generic_reply_versions(c, KIND_GROUP, v, e);
}

static int domain_group(struct call *c, struct err *e)
{
	const struct m_group *g = users_provider(c, e) ? CALL_ENTITY(c, 1, GROUP, group, e) : NULL;

	return g ? call_reply_entity(c, &M_TYPE_group, call_view(c, KIND_GROUP, g)) : -1;
}

const struct api_op GROUP_OPS[] = {
	ROW("groups.list", generic_list, KIND_GROUP),
	ROW("group.get", generic_get, KIND_GROUP),
	ROW("groups.add", group_add, KIND_GROUP, SYS("manipulate_users")),
	ROW("group.remove", group_remove, KIND_GROUP, SYS("manipulate_users")),
	ROW("domain_user_groups.list", groups_of_user, KIND_GROUP),
	ROW("domain_groups.list", domain_groups, KIND_GROUP),
	ROW("domain_group.get", domain_group, KIND_GROUP),
	{ .name = NULL },
};
