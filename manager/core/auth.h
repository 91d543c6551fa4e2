/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Where people's accounts come from. A provider answers for one profile (what is written behind the @ at login) and the directory behind
 * it (its authorization domain, which users' names end with). There is one now, for the users of this installation; whatever is
 * around a login — sessions, lock-out, delays, events, permissions — is the same for all (login.c).
 */
#include "manager/core/core.h"

enum { MAX_PROVIDERS = 8 };

struct auth_provider {
	const char *profile; /* "internal" */
	const char *domain;  /* "internal-authz" */
	/* Id of the known user whose account the name (without @profile) is, in the pool; NULL: none. Must not wait. */
	const char *(*find)(struct core *c, struct pool *p, const char *name);
	/*
	 * Is the password right? May wait. user_id NULL: a name that nobody has, which must take as long as one that somebody has. A
	 * directory may make the user known now, and tells the id in found (UUID_LEN + 1 bytes, "" before).
	 */
	int (*check)(struct core *c, const char *user_id, const char *name, const char *password, bool *matches,
	             char *found, struct err *e);
	/* Is the password out of date? Must not wait. NULL: the directory says so itself. */
	bool (*is_expired)(struct core *c, const char *user_id);
	/* Set another password. May wait. NULL: it cannot be changed here. */
	int (*change)(struct core *c, const char *user_id, const char *password, struct err *e);
	/* What the directory holds, for domains/ID/users and /groups: published versions, in the order that pleases. */
	void (*list)(struct core *c, enum kind k, GPtrArray *versions);
};

extern const struct auth_provider AUTH_INTERNAL;

/* Static memory. Before the first login. */
void auth_register(struct core *c, const struct auth_provider *p);
/* Provider of "name@profile" or "name@domain", any case; *name gets the part before the @, in the pool. NULL: there is none. */
const struct auth_provider *auth_of_login(struct core *c, struct pool *p, const char *login, char **name);
const struct auth_provider *auth_of_domain(struct core *c, const char *domain);
/* Number i, NULL behind the last. */
const struct auth_provider *auth_number(struct core *c, int i);

/* password_matches on a worker; the hash is copied. */
int password_check(struct core *c, const char *hash, const char *password, bool *matches, struct err *e);
