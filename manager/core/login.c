/* SPDX-License-Identifier: Apache-2.0 */
/* Login: what is around the question whether a password is right, whoever answers it (auth.h). */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/auto.h"
#include "manager/core/auth.h"
#include "manager/core/events.h"
#include "manager/core/perm.h"
#include "manager/core/sessions_int.h"
#include "manager/core/txn.h"

enum {
	MAX_STRANGERS = 1000,
	MAX_FAILURES = 5, /* then the account is locked */
	LOCK_MS = 60 * 60 * 1000,
	FAILURE_DELAY_MS = 500, /* times the failures so far */
	FAILURE_DELAY_MAX_MS = 5000,
};

struct stranger {
	int64_t failures, locked_until_ms;
};

/* One try to get in. */
struct attempt {
	const char *login, *password, *address;
	bool is_change; /* of the password: one that is out of date will do */
	struct pool *pool;
	const struct auth_provider *provider; /* NULL: of no profile that there is */
	char *name;
	char user_id[UUID_LEN + 1]; /* "": unknown */
	enum login_refusal refusal;
};

static const char *from_text(const struct attempt *a)
{
	return a->address && *a->address ? pool_printf(a->pool, " from %s", a->address) : "";
}

static void record_failure(struct core *c, const struct attempt *a)
{
	struct txn *t = txn_begin(c);
	struct m_user *u = txn_edit(t, KIND_USER, a->user_id);
	struct event_refs refs = { .user = a->user_id };
	int64_t failures;

	if (!u) {
		txn_cancel(t);
		return;
	}
	failures = M_GET(u, failed_logins, 0) + 1; /* M_SET sets the presence before it looks at its value */
	if (failures >= MAX_FAILURES)
		M_SET(u, locked_until, loop_wall_ms(c->loop) + LOCK_MS);
	M_SET(u, failed_logins, failures >= MAX_FAILURES ? 0 : failures);
	txn_event(t, "USER_VDC_LOGIN_FAILED", &refs, "User %s could not log in%s: it was not the password.",
	          u->user_name, from_text(a));
	if (failures >= MAX_FAILURES)
		txn_event(t, "USER_ACCOUNT_DISABLED_OR_LOCKED", &refs,
		          "The account of user %s is locked for an hour after %d failed logins, the last%s.",
		          u->user_name, MAX_FAILURES, from_text(a));
	txn_commit_async(t);
}

static void record_success(struct core *c, const char *user_id)
{
	struct txn *t = txn_begin(c);
	struct m_user *u = txn_edit(t, KIND_USER, user_id);

	if (u) {
		u->has.failed_logins = 0;
		u->has.locked_until = 0;
	}
	txn_commit_async(t);
}

/* A name that nobody has: the same delays and the same lock-out, so that it cannot be told from one that exists. */
static struct stranger *find_stranger(struct sessions *ss, const char *login)
{
	g_autofree char *name = g_utf8_strdown(login, -1);
	struct stranger *s = g_hash_table_lookup(ss->strangers, name);

	if (s)
		return s;
	if (g_hash_table_size(ss->strangers) >= MAX_STRANGERS)
		g_hash_table_remove_all(ss->strangers);
	s = g_new0(struct stranger, 1);
	g_hash_table_insert(ss->strangers, g_steal_pointer(&name), s);
	return s;
}

static int64_t stranger_failed(struct core *c, const struct attempt *a)
{
	struct stranger *s = find_stranger(c->sessions, a->login);
	int64_t failures = ++s->failures;

	if (failures >= MAX_FAILURES) {
		s->locked_until_ms = loop_wall_ms(c->loop) + LOCK_MS;
		s->failures = 0;
		event_emit(c, "USER_VDC_LOGIN_FAILED", NULL,
		           "Somebody%s tried %d times to log in as '%.100s', which nobody is called.", from_text(a),
		           MAX_FAILURES, a->login);
	}
	return failures;
}

static int refuse(const struct attempt *a, int64_t failures, struct err *e)
{
	fiber_sleep(MIN(failures * FAILURE_DELAY_MS, FAILURE_DELAY_MAX_MS));
	return err_set(e, ERR_AUTH, "Cannot authenticate user '%.100s': The user name or password is incorrect.",
	               a->login);
}

/* Refuses when it is. */
static int check_lock(struct core *c, struct attempt *a, struct err *e)
{
	const struct m_user *u = INV_LATEST(c->inv, USER, user, a->user_id);
	int64_t until = u ? M_GET(u, locked_until, 0) : find_stranger(c->sessions, a->login)->locked_until_ms;

	if (until <= loop_wall_ms(c->loop))
		return 0;
	a->refusal = LOGIN_LOCKED;
	return err_set(e, ERR_AUTH,
	               "Cannot authenticate user '%.100s': The user account is disabled or locked. "
	               "It is unlocked again after an hour.",
	               a->login);
}

static int check_expiry(struct core *c, struct attempt *a, struct err *e)
{
	const struct m_user *u = INV_LATEST(c->inv, USER, user, a->user_id);

	if (!a->provider->is_expired || !a->provider->is_expired(c, a->user_id))
		return 0;
	a->refusal = LOGIN_EXPIRED;
	event_emit(c, "USER_ACCOUNT_PASSWORD_EXPIRED", &(struct event_refs){ .user = a->user_id },
	           "User %s cannot login, as the password has expired.", u->user_name);
	return err_set(e, ERR_AUTH,
	               "Cannot authenticate user '%.100s': The password is out of date. "
	               "Change it first: POST user, password and new_password to /ovirt-engine/hostler/password.",
	               a->login);
}

static int ask_provider(struct core *c, struct attempt *a, bool *matches, struct err *e)
{
	const struct auth_provider *p =
	    a->provider ? a->provider : &AUTH_INTERNAL; /* takes as long for nobody as for somebody */
	char found[UUID_LEN + 1] = "";

	if (p->check(c, *a->user_id ? a->user_id : NULL, a->name, a->password, matches, found, e) < 0)
		return -1;
	if (*found && a->provider)
		g_strlcpy(a->user_id, found, sizeof(a->user_id));
	return 0;
}

static void find_account(struct core *c, struct attempt *a)
{
	const char *id;

	a->provider = auth_of_login(c, a->pool, a->login, &a->name);
	id = a->provider ? a->provider->find(c, a->pool, a->name) : NULL;
	g_strlcpy(a->user_id, id ? id : "", sizeof(a->user_id));
}

static int authenticate(struct core *c, struct attempt *a, struct identity *who, struct err *e)
{
	const struct m_user *u;
	int64_t failures;
	bool matches = false;

	find_account(c, a);
	a->refusal = LOGIN_WRONG;
	if (check_lock(c, a, e) < 0 || ask_provider(c, a, &matches, e) < 0)
		return -1;
	if (check_lock(c, a, e) <
	    0) /* by others that were tried meanwhile: no number of guesses at once gets around it */
		return -1;
	u = INV_LATEST(c->inv, USER, user, a->user_id);
	failures = u ? M_GET(u, failed_logins, 0) : 0;
	if (!u || !matches) {
		if (u)
			record_failure(c, a);
		return refuse(a, u ? failures + 1 : stranger_failed(c, a), e);
	}
	if (!a->is_change && check_expiry(c, a, e) < 0)
		return -1;
	if (failures || u->has.locked_until)
		record_success(c, a->user_id);
	g_strlcpy(who->user_id, a->user_id, sizeof(who->user_id));
	g_strlcpy(who->user_name, a->login, sizeof(who->user_name));
	who->is_admin = perm_is_admin(c, a->user_id);
	a->refusal = LOGIN_FINE;
	return 0;
}

int session_open(struct core *c, const char *user, const char *password, const char *address, struct login *out,
                 struct err *e)
{
	auto_pool p = pool_new();
	struct attempt a = { .login = user, .password = password, .address = address, .pool = p };
	unsigned char bytes[32];
	struct session *s;
	int rc = authenticate(c, &a, &out->who, e);

	out->refusal = a.refusal;
	if (rc < 0)
		return -1;
	chance_bytes(c->chance, bytes, sizeof(bytes));
	session_hex(bytes, sizeof(bytes), out->token);
	s = session_add(c->sessions, out->token, &out->who, address, IDLE_MS);
	g_strlcpy(out->session_id, s->id, sizeof(out->session_id));
	out->expires_ms = loop_wall_ms(c->loop) + IDLE_MS;
	event_emit(c, "USER_VDC_LOGIN", &(struct event_refs){ .user = out->who.user_id },
	           "User %s logged in%s (session %s).", out->who.user_name, from_text(&a), s->id);
	return 0;
}

int session_login(struct core *c, const char *user, const char *password, struct login *out, struct err *e)
{
	return session_open(c, user, password, NULL, out, e);
}

int session_basic_from(struct core *c, const char *user, const char *password, const char *address,
                       struct identity *who, struct err *e)
{
	auto_pool p = pool_new();
	struct attempt a = { .login = user, .password = password, .address = address, .pool = p };
	char *both = pool_printf(p, "%s\n%s", user, password), key[80] = "basic ";
	unsigned char mac[32];
	struct session *s;

	HMAC(EVP_sha256(), c->sessions->secret, sizeof(c->sessions->secret), (unsigned char *)both, strlen(both), mac,
	     NULL);
	OPENSSL_cleanse(both, strlen(both));
	session_hex(mac, sizeof(mac), key + strlen(key));
	s = session_find(c->sessions, key, false);
	if (s) {
		*who = s->who;
		return 0;
	}
	if (authenticate(c, &a, who, e) < 0)
		return -1;
	session_add(c->sessions, key, who, address, BASIC_CACHE_MS)->is_basic = true;
	return 0;
}

int session_basic(struct core *c, const char *user, const char *password, struct identity *who, struct err *e)
{
	return session_basic_from(c, user, password, NULL, who, e);
}

int session_change_password(struct core *c, const char *user, const char *old_password, const char *new_password,
                            struct identity *who, struct err *e)
{
	auto_pool p = pool_new();
	struct attempt a = { .login = user, .password = old_password, .is_change = true, .pool = p };

	if (authenticate(c, &a, who, e) < 0)
		return -1;
	if (!a.provider->change)
		return err_set(e, ERR_UNSUPPORTED, "Passwords of %s are not changed here.", a.provider->profile);
	if (strcmp(old_password, new_password) == 0)
		return err_field(e, ERR_INVALID, "new_password", "The new password must differ from the old one.");
	return a.provider->change(c, who->user_id, new_password, e);
}
