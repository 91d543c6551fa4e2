/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users of the internal domain. It is directory and list of known users in one: adding a user makes the account, with a
 * password if one is given, and removing takes it away. Membership in groups is the user's member `groups`.
 */
#include <openssl/crypto.h>
#include <string.h>

#include "base/auto.h"
#include "manager/api/generic.h"
#include "manager/core/jobs.h"
#include "manager/core/sessions.h"
#include "manager/users/users.h"

enum { PASSWORD_MIN = 6, MAX_GROUPS = 256 };

static bool is_internal(const struct m_ref *domain)
{
	const struct m_domain *d = domain->obj;
	uuid_text id;

	uuid_derive("domain", INTERNAL_DOMAIN, id);
	if (domain->id)
		return strcmp(domain->id, id) == 0;
	return !d || !d->name || strcmp(d->name, INTERNAL_DOMAIN) == 0 || strcmp(d->name, INTERNAL_PROFILE) == 0;
}

static bool is_name_taken(struct core *c, const char *full)
{
	INV_EACH (en, c->inv, KIND_USER)
		if (g_ascii_strcasecmp(STR_OR(ENTITY_OBJ(en, user)->user_name, ""), full) == 0)
			return true;
	return false;
}

/* Groups of the body as references by id; Everyone is everybody's and is not kept. */
static int take_groups(struct call *c, struct txn *t, struct m_user *u, struct m_user *body, struct err *e)
{
	uint32_t n = 0;

	if (body->groups.n > MAX_GROUPS)
		return err_field(e, ERR_RANGE, "user.groups", "A user can be in %d groups at most.", MAX_GROUPS);
	for (uint32_t i = 0; i < body->groups.n; i++)
		if (call_resolve(c, &body->groups.v[i], KIND_GROUP, NULL, true, "user.groups", e) < 0)
			return -1;
	u->groups.v = POOL_ARRAY(txn_pool(t), struct m_ref, body->groups.n + 1);
	for (uint32_t i = 0; i < body->groups.n; i++)
		if (strcmp(body->groups.v[i].id, PERM_EVERYONE) != 0)
			REF_SET(txn_pool(t), u->groups.v[n++], body->groups.v[i].id);
	u->groups.n = n;
	return 0;
}

static int hash_password(struct call *c, const char *password, char **hash, struct err *e)
{
	*hash = NULL;
	if (!password)
		return 0;
	if (strlen(password) < PASSWORD_MIN)
		return err_field(e, ERR_INVALID, "user.password", "A password has at least %d characters.",
		                 PASSWORD_MIN);
	return password_hash_wait(c->core, password, hash, e);
}

static void take_password(struct call *c, struct txn *t, struct m_user *u, const char *hash)
{
	if (!hash)
		return;
	u->password_hash = pool_strdup(txn_pool(t), hash);
	u->has.failed_logins = u->has.locked_until = 0;
	M_SET(u, password_expires, loop_wall_ms(c->core->loop) + PASSWORD_VALID_MS);
}

static int add(struct call *c, struct txn *t, struct m_user *body, const char *full, const char *hash, char **id,
               struct err *e)
{
	struct pool *p = txn_pool(t);
	struct m_user *u = generic_create(c, t, KIND_USER, false, e);

	if (!u || take_groups(c, t, u, body, e) < 0)
		return -1;
	*id = pool_strdup(c->pool, u->id);
	u->user_name = pool_strdup(p, full);
	u->principal = user_short_name(p, full);
	u->name = pool_strdup(p, STR_OR(body->name, u->principal));
	u->namespace = pool_strdup(p, "*");
	u->domain_entry_id = pool_strdup(p, u->id);
	REF_SET(p, u->domain, users_domain(c, &AUTH_INTERNAL)->id);
	take_password(c, t, u, hash);
	u->password = NULL;
	txn_event(t, "USER_ADD", &(struct event_refs){ .user = c->who.user_id, .correlation_id = c->correlation_id },
	          "User %s was added.", full);
	return 0;
}

static int user_add(struct call *c, struct err *e)
{
	struct m_user *body = c->body;
	g_autofree char *hash = NULL;
	char *full, *id, job[UUID_LEN + 1];
	struct txn *t;

	if (!is_internal(&body->domain))
		return err_field(e, ERR_INVALID, "user.domain",
		                 "There is no such domain. Allowed: " INTERNAL_DOMAIN ".");
	if (!*body->user_name || *body->user_name == '@')
		return err_field(e, ERR_INVALID, "user.user_name", "A name is wanted.");
	full = user_full_name(c->pool, body->user_name);
	if (is_name_taken(c->core, full))
		return err_field(e, ERR_CONFLICT, "user.user_name", "Cannot add User. %s exists already.", full);
	if (hash_password(c, body->password, &hash, e) < 0)
		return -1;
	if (is_name_taken(c->core, full)) /* it took a while */
		return err_field(e, ERR_CONFLICT, "user.user_name", "Cannot add User. %s exists already.", full);
	t = txn_begin(c->core);
	if (add(c, t, body, full, hash, &id, e) < 0) {
		txn_cancel(t);
		return -1;
	}
	job_record(t, c->correlation_id, c->who.user_id, job, "Adding User %s", full);
	return txn_commit(t, e) < 0 ? -1 : call_reply_kind(c, KIND_USER, id);
}

static int user_update(struct call *c, struct err *e)
{
	struct m_user *body = c->body, *u;
	const struct m_user *old = CALL_ENTITY(c, 0, USER, user, e);
	g_autofree char *hash = NULL;
	const char *id;
	struct txn *t;

	if (!old)
		return -1;
	if (body->user_name && g_ascii_strcasecmp(user_full_name(c->pool, body->user_name), old->user_name) != 0)
		return err_field(e, ERR_IMMUTABLE, "user.user_name", "The name of an account cannot be changed.");
	if (body->domain.id && g_strcmp0(body->domain.id, old->domain.id) != 0)
		return err_field(e, ERR_IMMUTABLE, "user.domain", "A user stays in his domain.");
	id = pool_strdup(c->pool, old->id);
	body->user_name = pool_strdup(c->pool, old->user_name);
	if (hash_password(c, body->password, &hash, e) < 0)
		return -1;
	t = txn_begin(c->core);
	u = generic_merge(c, t, KIND_USER, id, e);
	if (!u || (body->groups.v && take_groups(c, t, u, body, e) < 0)) {
		txn_cancel(t);
		return -1;
	}
	take_password(c, t, u, hash);
	u->password = NULL;
	if (hash)
		txn_event(t, "USER_PASSWORD_CHANGED", &(struct event_refs){ .user = id },
		          "Password changed successfully for %s", u->user_name);
	if (txn_commit(t, e) < 0)
		return -1;
	if (hash)
		users_forget_first_password(c->core, id);
	return call_reply_kind(c, KIND_USER, id);
}

static int user_remove(struct call *c, struct err *e)
{
	const struct m_user *u = CALL_ENTITY(c, 0, USER, user, e);
	char job[UUID_LEN + 1];
	struct txn *t;

	if (!u)
		return -1;
	if (g_strcmp0(u->user_name, "admin@" INTERNAL_DOMAIN) == 0)
		return err_set(e, ERR_CONFLICT, "Cannot remove User. admin is the way in and stays.");
	if (strcmp(u->id, c->who.user_id) == 0)
		return err_set(e, ERR_CONFLICT, "Cannot remove User. Nobody removes himself.");
	t = txn_begin(c->core);
	INV_EACH_BY (p, c->core->inv, KIND_PERMISSION, IDX_PERMISSION_user, u->id)
		txn_remove(t, KIND_PERMISSION, p->id);
	INV_EACH_BY (k, c->core->inv, KIND_SSH_PUBLIC_KEY, IDX_SSH_PUBLIC_KEY_user, u->id)
		txn_remove(t, KIND_SSH_PUBLIC_KEY, k->id);
	INV_EACH_BY (o, c->core->inv, KIND_USER_OPTION, IDX_USER_OPTION_user, u->id)
		txn_remove(t, KIND_USER_OPTION, o->id);
	txn_remove(t, KIND_USER, u->id);
	txn_event(t, "USER_REMOVE_ADUSER",
	          &(struct event_refs){ .user = c->who.user_id, .correlation_id = c->correlation_id },
	          "User %s was removed.", u->user_name);
	job_record(t, c->correlation_id, c->who.user_id, job, "Removing User %s", u->user_name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, job);
}

/* ---- domains ---- */

static int domain_list(struct call *c, struct err *e)
{
	void **list = POOL_ARRAY(c->pool, void *, MAX_PROVIDERS);
	const struct auth_provider *p;
	size_t n = 0;

	while ((p = auth_number(c->core, (int)n)))
		list[n++] = users_domain(c, p);
	return call_reply_list(c, &M_TYPE_domain, list, n);
}

static int domain_get(struct call *c, struct err *e)
{
	const struct auth_provider *p = users_provider(c, e);

	return p ? call_reply_entity(c, &M_TYPE_domain, users_domain(c, p)) : -1;
}

static int domain_users(struct call *c, struct err *e)
{
	const struct auth_provider *p = users_provider(c, e);
	g_autoptr(GPtrArray) v = g_ptr_array_new();

	if (!p)
		return -1;
	p->list(c->core, KIND_USER, v);
	return generic_reply_versions(c, KIND_USER, v, e);
}

static int domain_user(struct call *c, struct err *e)
{
	const struct m_user *u = users_provider(c, e) ? CALL_ENTITY(c, 1, USER, user, e) : NULL;

	return u ? call_reply_entity(c, &M_TYPE_user, call_view(c, KIND_USER, u)) : -1;
}

const struct api_op USER_OPS[] = {
	ROW("users.list", generic_list, KIND_USER),
	ROW("user.get", generic_get, KIND_USER),
	ROW("users.add", user_add, KIND_USER, SYS("manipulate_users")),
	ROW("user.update", user_update, KIND_USER, SYS("manipulate_users")),
	ROW("user.remove", user_remove, KIND_USER, SYS("manipulate_users")),
	{ .name = "domains.list", .run = domain_list, .kind = NO_KIND },
	{ .name = "domain.get", .run = domain_get, .kind = NO_KIND },
	ROW("domain_users.list", domain_users, KIND_USER),
	ROW("domain_user.get", domain_user, KIND_USER),
	{ .name = NULL },
};
