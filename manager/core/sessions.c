/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/core/sessions.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/log.h"
#include "manager/core/events.h"
#include "manager/core/perm.h"
#include "manager/core/txn.h"

enum {
	IDLE_MS = 30 * 60 * 1000, /* UserSessionTimeOutInterval */
	BASIC_CACHE_MS = 60 * 1000,
	MAX_SESSIONS = 10000,
	MAX_STRANGERS = 1000,
	MAX_FAILURES = 5, /* then the account is locked */
	LOCK_MS = 60 * 60 * 1000,
	FAILURE_DELAY_MS = 500, /* times the failures so far */
	FAILURE_DELAY_MAX_MS = 5000,
	ITERATIONS = 60000,
	HASH_LEN = 32,
	PASSWORD_MIN = 6,
	PASSWORD_MAX = 256,
};

struct session {
	char *key; /* token, or digest of basic credentials */
	int64_t used_ms;
	int64_t max_idle_ms;
	struct identity who;
	unsigned looked_at; /* count of changes when is_admin was last looked up */
	GList *lru;
};

struct sessions {
	struct core *core;
	GHashTable *by_key;
	GQueue lru;               /* least recently used first */
	unsigned char secret[32]; /* keys the digests of basic credentials */
	unsigned n_changes;       /* of permissions and memberships */
	GHashTable *strangers;    /* names that nobody has: treated as if somebody had them */
};

struct stranger {
	int64_t failures, locked_until_ms;
};

static void session_free(void *p)
{
	struct session *s = p;

	g_free(s->key);
	g_free(s);
}

struct sessions *sessions_new(struct core *c)
{
	struct sessions *ss = g_new0(struct sessions, 1);

	ss->core = c;
	ss->by_key = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, session_free);
	ss->strangers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_queue_init(&ss->lru);
	chance_bytes(c->chance, ss->secret, sizeof(ss->secret));
	return ss;
}

void sessions_free(struct sessions *ss)
{
	if (!ss)
		return;
	g_queue_clear(&ss->lru);
	g_hash_table_destroy(ss->by_key);
	g_hash_table_destroy(ss->strangers);
	OPENSSL_cleanse(ss->secret, sizeof(ss->secret));
	g_free(ss);
}

unsigned session_count(struct core *c) { return g_hash_table_size(c->sessions->by_key); }

static void session_end(struct sessions *ss, struct session *s)
{
	g_queue_delete_link(&ss->lru, s->lru);
	g_hash_table_remove(ss->by_key, s->key);
}

static struct session *session_add(struct sessions *ss, const char *key, const struct identity *who, int64_t idle_ms)
{
	struct session *s = g_hash_table_lookup(ss->by_key, key);

	if (s)
		session_end(ss, s);
	if (g_queue_get_length(&ss->lru) >= MAX_SESSIONS)
		session_end(ss, g_queue_peek_head(&ss->lru));
	s = g_new0(struct session, 1);
	s->key = g_strdup(key);
	s->who = *who;
	s->used_ms = loop_now_ms(ss->core->loop);
	s->max_idle_ms = idle_ms;
	s->looked_at = ss->n_changes;
	g_queue_push_tail(&ss->lru, s);
	s->lru = g_queue_peek_tail_link(&ss->lru);
	g_hash_table_insert(ss->by_key, s->key, s);
	return s;
}

static struct session *session_find(struct sessions *ss, const char *key, bool prolong)
{
	struct session *s = g_hash_table_lookup(ss->by_key, key);
	int64_t now = loop_now_ms(ss->core->loop);

	if (!s)
		return NULL;
	if (now - s->used_ms > s->max_idle_ms) {
		session_end(ss, s);
		return NULL;
	}
	if (s->looked_at != ss->n_changes) {
		s->who.is_admin = perm_is_admin(ss->core, s->who.user_id);
		s->looked_at = ss->n_changes;
	}
	if (prolong) {
		s->used_ms = now;
		g_queue_unlink(&ss->lru, s->lru);
		g_queue_push_tail_link(&ss->lru, s->lru);
	}
	return s;
}

int session_by_token(struct core *c, const char *token, struct identity *who, struct err *e)
{
	struct session *s = session_find(c->sessions, token, true);

	if (!s)
		return err_set(e, ERR_AUTH,
		               "invalid_grant: The provided authorization grant for the auth code has expired.");
	*who = s->who;
	return 0;
}

int64_t session_expires(struct core *c, const char *token)
{
	struct session *s = session_find(c->sessions, token, false);

	return s ? loop_wall_ms(c->loop) + s->max_idle_ms - (loop_now_ms(c->loop) - s->used_ms) : 0;
}

void session_logout(struct core *c, const char *token)
{
	struct session *s = token ? session_find(c->sessions, token, false) : NULL;

	if (s)
		session_end(c->sessions, s);
}

void session_look_again(struct core *c)
{
	c->sessions->n_changes++; /* there may be many in a row: each session looks when it is used */
}

void session_end_user(struct core *c, const char *user_id)
{
	for (GList *l = c->sessions->lru.head, *next; l; l = next) {
		struct session *s = l->data;
		next = l->next;
		if (strcmp(s->who.user_id, user_id) == 0)
			session_end(c->sessions, s);
	}
}

bool session_is_logged_in(struct core *c, const char *user_id)
{
	for (GList *l = c->sessions->lru.head; l; l = l->next) {
		const struct session *s = l->data;
		if (strcmp(s->who.user_id, user_id) == 0)
			return true;
	}
	return false;
}

/* ---- passwords ---- */

static void to_hex(const unsigned char *in, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++)
		g_snprintf(out + 2 * i, 3, "%02x", in[i]);
}

static bool derive(const char *password, const char *salt, int iterations, unsigned char out[HASH_LEN])
{
	return PKCS5_PBKDF2_HMAC(password, (int)strlen(password), (const unsigned char *)salt, (int)strlen(salt),
	                         iterations, EVP_sha512(), HASH_LEN, out) == 1;
}

bool password_matches(const char *hash, const char *password)
{
	g_auto(GStrv) part = g_strsplit(hash ? hash : "", "$", 4);
	unsigned char out[HASH_LEN];
	char hex[2 * HASH_LEN + 1];
	int iterations;

	if (g_strv_length(part) != 4 || strcmp(part[0], "pbkdf2-sha512") != 0 || strlen(part[3]) != 2 * HASH_LEN)
		return false;
	iterations = (int)g_ascii_strtoll(part[1], NULL, 10);
	if (iterations < 1 || iterations > 10000000 || !derive(password, part[2], iterations, out))
		return false;
	to_hex(out, sizeof(out), hex);
	return CRYPTO_memcmp(hex, part[3], 2 * HASH_LEN) == 0;
}

struct hashing {
	unsigned char salt[16];
	char *password, *hash;
};

static char *hash_with(const unsigned char salt_bytes[16], const char *password)
{
	unsigned char out[HASH_LEN];
	char salt[33], hex[2 * HASH_LEN + 1];

	to_hex(salt_bytes, 16, salt);
	if (!derive(password, salt, ITERATIONS, out))
		return NULL;
	to_hex(out, sizeof(out), hex);
	return g_strdup_printf("pbkdf2-sha512$%d$%s$%s", ITERATIONS, salt, hex);
}

char *password_hash(struct chance *chance, const char *password)
{
	unsigned char salt[16];

	chance_bytes(chance, salt, sizeof(salt));
	return hash_with(salt, password);
}

static void hash_work(void *arg)
{
	struct hashing *h = arg;
	h->hash = hash_with(h->salt, h->password);
}

int password_hash_wait(struct core *c, const char *password, char **hash, struct err *e)
{
	struct hashing h = { .password = g_strdup(password) };
	int rc = 0;

	chance_bytes(c->chance, h.salt, sizeof(h.salt));
	if (c->tasks)
		rc = task_run(c->tasks, hash_work, &h, e);
	else
		hash_work(&h);
	OPENSSL_cleanse(h.password, strlen(h.password));
	g_free(h.password);
	*hash = h.hash;
	return rc < 0 ? -1 : h.hash ? 0 : err_set(e, ERR_INTERNAL, "The password could not be hashed.");
}

struct check {
	char *hash, *password;
	bool matches;
};

static void check_work(void *arg)
{
	struct check *ck = arg;
	ck->matches = password_matches(ck->hash, ck->password);
}

static int check_password(struct core *c, const char *hash, const char *password, bool *matches, struct err *e)
{
	struct check ck = { g_strdup(hash), g_strdup(password), false };
	int rc = 0;

	if (c->tasks)
		rc = task_run(c->tasks, check_work, &ck, e);
	else
		check_work(&ck);
	OPENSSL_cleanse(ck.password, strlen(ck.password));
	g_free(ck.hash);
	g_free(ck.password);
	*matches = ck.matches;
	return rc;
}

/* ---- login ---- */

/* "admin@internal" logs in through profile internal, whose users are named "admin@internal-authz". */
static const struct m_user *find_user(struct core *c, const char *login)
{
	g_autofree char *full = g_strconcat(login, "-authz", NULL);

	INV_EACH (en, c->inv, KIND_USER) {
		const char *name = ENTITY_OBJ(en, user)->user_name;
		if (name && (g_ascii_strcasecmp(name, full) == 0 || g_ascii_strcasecmp(name, login) == 0))
			return en->pub;
	}
	return NULL;
}

static void record_failure(struct core *c, const char *user_id)
{
	struct txn *t = txn_begin(c);
	struct m_user *u = txn_edit(t, KIND_USER, user_id);
	struct event_refs refs = { .user = user_id };
	int64_t failures;

	if (!u) {
		txn_cancel(t);
		return;
	}
	failures = M_GET(u, failed_logins, 0) + 1; /* M_SET sets the presence before it looks at its value */
	if (failures >= MAX_FAILURES)
		M_SET(u, locked_until, loop_wall_ms(c->loop) + LOCK_MS);
	M_SET(u, failed_logins, failures >= MAX_FAILURES ? 0 : failures);
	txn_event(t, "USER_VDC_LOGIN_FAILED", &refs, "User %s could not log in.", u->user_name);
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

static int64_t stranger_failed(struct core *c, const char *login)
{
	struct stranger *s = find_stranger(c->sessions, login);
	int64_t failures = ++s->failures;

	if (failures >= MAX_FAILURES) {
		s->locked_until_ms = loop_wall_ms(c->loop) + LOCK_MS;
		s->failures = 0;
	}
	return failures;
}

static int refuse(struct core *c, const char *user, int64_t failures, struct err *e)
{
	fiber_sleep(MIN(failures * FAILURE_DELAY_MS, FAILURE_DELAY_MAX_MS));
	return err_set(e, ERR_AUTH, "Cannot authenticate user '%.100s': The user name or password is incorrect.", user);
}

static bool is_locked(struct core *c, const char *login, const char *user_id)
{
	const struct m_user *u = INV_LATEST(c->inv, USER, user, user_id);
	int64_t until = u ? M_GET(u, locked_until, 0) : find_stranger(c->sessions, login)->locked_until_ms;

	return until > loop_wall_ms(c->loop);
}

static int refuse_locked(const char *user, struct err *e)
{
	return err_set(e, ERR_AUTH,
	               "Cannot authenticate user '%.100s': The user account is disabled or locked. "
	               "It is unlocked again after an hour.",
	               user);
}

static int check_expiry(struct core *c, const struct m_user *u, struct err *e)
{
	struct event_refs refs = { .user = u->id };

	if (!u->has.password_expires || u->password_expires > loop_wall_ms(c->loop))
		return 0;
	event_emit(c, "USER_ACCOUNT_PASSWORD_EXPIRED", &refs, "User %s cannot login, as the password has expired.",
	           u->user_name);
	return err_set(e, ERR_AUTH,
	               "Cannot authenticate user '%.100s': The password is out of date. "
	               "Change it first: POST user, password and new_password to /ovirt-engine/hostler/password.",
	               u->user_name);
}

static int authenticate(struct core *c, const char *user, const char *password, bool is_change, struct identity *who,
                        struct err *e)
{
	static const char dummy[] = "pbkdf2-sha512$60000$00$"
	                            "0000000000000000000000000000000000000000000000000000000000000000";
	const struct m_user *u = find_user(c, user);
	g_autofree char *id = u ? g_strdup(u->id) : NULL;
	g_autofree char *hash = g_strdup(u && u->password_hash ? u->password_hash : dummy);
	int64_t failures;
	bool matches;

	if (is_locked(c, user, id))
		return refuse_locked(user, e);
	if (check_password(c, hash, password, &matches, e) < 0)
		return -1;
	if (is_locked(c, user,
	              id)) /* by others that were tried meanwhile: no number of guesses at once gets around it */
		return refuse_locked(user, e);
	u = INV_LATEST(c->inv, USER, user, id);
	failures = u ? M_GET(u, failed_logins, 0) : 0;
	if (!u || !matches) {
		if (u)
			record_failure(c, id);
		return refuse(c, user, u ? failures + 1 : stranger_failed(c, user), e);
	}
	if (!is_change && check_expiry(c, u, e) < 0)
		return -1;
	if (failures || u->has.locked_until)
		record_success(c, id);
	g_strlcpy(who->user_id, id, sizeof(who->user_id));
	g_strlcpy(who->user_name, user, sizeof(who->user_name));
	who->is_admin = perm_is_admin(c, id);
	return 0;
}

int session_login(struct core *c, const char *user, const char *password, struct login *out, struct err *e)
{
	unsigned char bytes[32];

	if (authenticate(c, user, password, false, &out->who, e) < 0)
		return -1;
	chance_bytes(c->chance, bytes, sizeof(bytes));
	to_hex(bytes, sizeof(bytes), out->token);
	session_add(c->sessions, out->token, &out->who, IDLE_MS);
	out->expires_ms = loop_wall_ms(c->loop) + IDLE_MS;
	event_emit(c, "USER_VDC_LOGIN", &(struct event_refs){ .user = out->who.user_id }, "User %s logged in.",
	           out->who.user_name);
	return 0;
}

int session_basic(struct core *c, const char *user, const char *password, struct identity *who, struct err *e)
{
	g_autofree char *both = g_strconcat(user, "\n", password, NULL);
	unsigned char mac[32];
	char key[80] = "basic ";
	struct session *s;

	HMAC(EVP_sha256(), c->sessions->secret, sizeof(c->sessions->secret), (unsigned char *)both, strlen(both), mac,
	     NULL);
	OPENSSL_cleanse(both, strlen(both));
	to_hex(mac, sizeof(mac), key + strlen(key));
	s = session_find(c->sessions, key, false);
	if (s) {
		*who = s->who;
		return 0;
	}
	if (authenticate(c, user, password, false, who, e) < 0)
		return -1;
	session_add(c->sessions, key, who, BASIC_CACHE_MS);
	return 0;
}

int session_change_password(struct core *c, const char *user, const char *old_password, const char *new_password,
                            struct identity *who, struct err *e)
{
	g_autofree char *hash = NULL;
	struct txn *t;
	struct m_user *u;

	if (authenticate(c, user, old_password, true, who, e) < 0)
		return -1;
	if (strlen(new_password) < PASSWORD_MIN || strlen(new_password) > PASSWORD_MAX)
		return err_field(e, ERR_INVALID, "new_password", "A password has %d to %d characters.", PASSWORD_MIN,
		                 PASSWORD_MAX);
	if (strcmp(old_password, new_password) == 0)
		return err_field(e, ERR_INVALID, "new_password", "The new password must differ from the old one.");
	if (password_hash_wait(c, new_password, &hash, e) < 0)
		return -1;
	t = txn_begin(c);
	u = txn_edit(t, KIND_USER, who->user_id);
	if (!u) {
		txn_cancel(t);
		return err_set(e, ERR_AUTH, "The user was removed meanwhile.");
	}
	u->password_hash = pool_strdup(txn_pool(t), hash);
	if (u->has.password_expires)
		M_SET(u, password_expires, loop_wall_ms(c->loop) + PASSWORD_VALID_MS);
	txn_event(t, "USER_PASSWORD_CHANGED", &(struct event_refs){ .user = who->user_id },
	          "Password changed successfully for %s", who->user_name);
	return txn_commit(t, e);
}
