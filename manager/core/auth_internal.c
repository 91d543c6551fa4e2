/* SPDX-License-Identifier: Apache-2.0 */
/* The register of providers, and the one for accounts of this installation: users in the inventory with a password hash. */
#include <string.h>

#include "manager/core/auth.h"
#include "manager/core/events.h"
#include "manager/core/sessions.h"
#include "manager/core/txn.h"

enum { PASSWORD_MIN = 6, PASSWORD_MAX = 256 };

void auth_register(struct core *c, const struct auth_provider *p)
{
	if (c->n_providers < MAX_PROVIDERS)
		c->providers[c->n_providers++] = p;
}

const struct auth_provider *auth_number(struct core *c, int i) { return i < c->n_providers ? c->providers[i] : NULL; }

const struct auth_provider *auth_of_domain(struct core *c, const char *domain)
{
	for (int i = 0; i < c->n_providers; i++)
		if (g_ascii_strcasecmp(c->providers[i]->domain, domain) == 0)
			return c->providers[i];
	return NULL;
}

const struct auth_provider *auth_of_login(struct core *c, struct pool *p, const char *login, char **name)
{
	const char *at = strrchr(login, '@');

	*name = at ? pool_strndup(p, login, (size_t)(at - login)) : pool_strdup(p, login);
	if (!at)
		return NULL;
	for (int i = 0; i < c->n_providers; i++)
		if (g_ascii_strcasecmp(c->providers[i]->profile, at + 1) == 0)
			return c->providers[i];
	return auth_of_domain(c, at + 1);
}

/* ---- internal ---- */

static const char *find(struct core *c, struct pool *p, const char *name)
{
	const char *full = pool_printf(p, "%s@%s", name, AUTH_INTERNAL.domain);

	INV_EACH (en, c->inv, KIND_USER) {
		const char *known = ENTITY_OBJ(en, user)->user_name;
		if (known && g_ascii_strcasecmp(known, full) == 0)
			return pool_strdup(p, en->id);
	}
	return NULL;
}

static int check(struct core *c, const char *user_id, const char *name, const char *password, bool *matches,
                 char *found, struct err *e)
{
	static const char dummy[] = "pbkdf2-sha512$60000$00$"
	                            "0000000000000000000000000000000000000000000000000000000000000000";
	const struct m_user *u = INV_GET(c->inv, USER, user, user_id);

	return password_check(c, u && u->password_hash ? u->password_hash : dummy, password, matches, e);
}

static bool is_expired(struct core *c, const char *user_id)
{
	const struct m_user *u = INV_LATEST(c->inv, USER, user, user_id);

	return u && u->has.password_expires && u->password_expires <= loop_wall_ms(c->loop);
}

static int change(struct core *c, const char *user_id, const char *password, struct err *e)
{
	g_autofree char *hash = NULL;
	struct txn *t;
	struct m_user *u;

	if (strlen(password) < PASSWORD_MIN || strlen(password) > PASSWORD_MAX)
		return err_field(e, ERR_INVALID, "new_password", "A password has %d to %d characters.", PASSWORD_MIN,
		                 PASSWORD_MAX);
	if (password_hash_wait(c, password, &hash, e) < 0)
		return -1;
	t = txn_begin(c);
	u = txn_edit(t, KIND_USER, user_id);
	if (!u) {
		txn_cancel(t);
		return err_set(e, ERR_AUTH, "The user was removed meanwhile.");
	}
	u->password_hash = pool_strdup(txn_pool(t), hash);
	if (u->has.password_expires)
		M_SET(u, password_expires, loop_wall_ms(c->loop) + PASSWORD_VALID_MS);
	txn_event(t, "USER_PASSWORD_CHANGED", &(struct event_refs){ .user = user_id },
	          "Password changed successfully for %s", u->user_name);
	return txn_commit(t, e);
}

static void list(struct core *c, enum kind k, GPtrArray *versions)
{
	INV_EACH (en, c->inv, k)
		g_ptr_array_add(versions, (void *)en->pub);
}

const struct auth_provider AUTH_INTERNAL = { .profile = "internal",
	                                     .domain = "internal-authz",
	                                     .find = find,
	                                     .check = check,
	                                     .is_expired = is_expired,
	                                     .change = change,
	                                     .list = list };
