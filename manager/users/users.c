/* SPDX-License-Identifier: Apache-2.0 */
/* What users, groups and the internal domain share. */
#include <string.h>
#include <unistd.h>

#include "manager/core/perm.h"
#include "manager/core/sessions.h"
#include "manager/users/users.h"

char *user_short_name(struct pool *p, const char *name)
{
	char *copy = pool_strdup(p, name), *at = strrchr(copy, '@');

	if (at)
		*at = '\0';
	return copy;
}

char *user_full_name(struct pool *p, const char *name)
{
	return pool_printf(p, "%s@" INTERNAL_DOMAIN, user_short_name(p, name));
}

struct m_domain *users_domain(struct call *c, const struct auth_provider *p)
{
	struct m_domain *d = POOL_NEW(c->pool, struct m_domain);
	uuid_text id;

	uuid_derive("domain", p->domain, id);
	d->id = pool_strdup(c->pool, id);
	d->name = pool_strdup(c->pool, p->domain);
	call_set_href(c, &M_TYPE_domain, d, pool_printf(c->pool, "domains/%s", id), NULL);
	return d;
}

const struct auth_provider *users_provider(struct call *c, struct err *e)
{
	const struct auth_provider *p;

	for (int i = 0; (p = auth_number(c->core, i)); i++)
		if (strcmp(users_domain(c, p)->id, c->ids[0]) == 0)
			return p;
	err_set(e, ERR_NO_ENTITY, "There is no domain %s.", c->ids[0]);
	return NULL;
}

void users_forget_first_password(struct core *c, const char *user_id)
{
	const struct m_user *u = INV_GET(c->inv, USER, user, user_id);
	g_autofree char *path = c->state_dir ? g_build_filename(c->state_dir, "admin-password", NULL) : NULL;

	if (path && u && g_strcmp0(u->user_name, "admin@" INTERNAL_DOMAIN) == 0)
		unlink(path);
}

/* Who is an administrator may have changed. */
static void permission_published(struct core *c, const char *id, const void *old, const void *new)
{
	session_look_again(c);
}

static void user_published(struct core *c, const char *id, const void *old, const void *new)
{
	const struct m_user *a = old, *b = new;

	if (a && (!b || g_strcmp0(a->password_hash, b->password_hash) != 0))
		session_end_user(c, id);
	else if (a)
		session_look_again(c); /* perhaps he is in other groups now */
}

static void user_view(struct core *c, struct pool *p, const void *published, void *copy)
{
	struct m_user *u = copy;

	M_SET(u, logged_in, session_is_logged_in(c, u->id));
}

void users_register(struct core *c)
{
	static const struct kind_ops permission = { .published = permission_published };
	static const struct kind_ops user = { .published = user_published, .view = user_view };

	core_register_kind(c, KIND_PERMISSION, &permission);
	core_register_kind(c, KIND_USER, &user);
	api_register(USER_OPS);
	api_register(GROUP_OPS);
	api_register(ROLE_OPS);
	api_register(PERMISSION_OPS);
}
