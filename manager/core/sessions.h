/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Who is asking: login with user and password, tokens with expiry, lock-out after wrong passwords.
 * Sessions live in memory; after a restart clients log in again.
 */
#include "manager/core/core.h"

/* Who a request acts as. Copied, so that it outlives the session. */
struct identity {
	char user_id[UUID_LEN + 1];
	char user_name[160]; /* "admin@internal" */
	bool is_admin;       /* holds a role of admin type somewhere */
};

/* Why somebody does not get in: a wrong name or password, locked after too many of them, a password that is out of date. */
enum login_refusal { LOGIN_FINE, LOGIN_WRONG, LOGIN_LOCKED, LOGIN_EXPIRED };

struct login {
	char token[65];
	int64_t expires_ms; /* wall clock */
	struct identity who;
	char session_id[UUID_LEN + 1]; /* what others may know it by */
	enum login_refusal refusal;    /* also when it fails */
};

enum { SESSION_ADDRESS_MAX = 64 };

/* A session as administrators see it. Times by the wall clock. */
struct session_info {
	const char *id, *address;
	const struct identity *who;
	bool is_basic; /* user and password with each request, remembered for a minute */
	int64_t started_ms, used_ms, expires_ms;
};

struct sessions *sessions_new(struct core *c);
void sessions_free(struct sessions *s);

/*
 * Check user ("name@profile") and password: waits (hashing, and a delay after a failure). ERR_AUTH says the same whether
 * the user is unknown or the password wrong; ERR_AUTH with the word "locked" when the account is locked out.
 */
int session_login(struct core *c, const char *user, const char *password, struct login *out, struct err *e);
/* The same from a known address ("192.0.2.7"; NULL: unknown), which the events name. */
int session_open(struct core *c, const char *user, const char *password, const char *address, struct login *out,
                 struct err *e);
/* As session_login, but answered from memory when the same credentials were right a short time ago. */
int session_basic(struct core *c, const char *user, const char *password, struct identity *who, struct err *e);
int session_basic_from(struct core *c, const char *user, const char *password, const char *address,
                       struct identity *who, struct err *e);
/* Whose token is it? Each use prolongs it. ERR_AUTH when unknown or expired, in the words that clients know. */
int session_by_token(struct core *c, const char *token, struct identity *who, struct err *e);
/* When does it end (wall clock, ms); 0: no such token. */
int64_t session_expires(struct core *c, const char *token);
/* Unknown tokens are fine. */
void session_logout(struct core *c, const char *token);
unsigned session_count(struct core *c);
/* Roles have changed: look again who is an administrator. A user is gone or has another password: his sessions end. */
void session_look_again(struct core *c);
void session_end_user(struct core *c, const char *user_id);
void session_each(struct core *c, void (*fn)(void *arg, const struct session_info *info), void *arg);
/* End it for somebody, whose right was checked before. False: there is none of this id. */
bool session_terminate(struct core *c, const char *id, const struct identity *by);
/* Id of the session that a token opens; NULL: none. */
const char *session_id_of(struct core *c, const char *token);
bool session_is_logged_in(struct core *c, const char *user_id);
/* Another password for one's own account, also when the old one is out of date. Waits. */
int session_change_password(struct core *c, const char *user, const char *old_password, const char *new_password,
                            struct identity *who, struct err *e);

/* "pbkdf2-sha512$iterations$salt$hash"; blocks for some 50 ms: on a worker, or at set-up. */
char *password_hash(struct chance *chance, const char *password);
/* The same on a worker, in a fiber; *hash is to be freed. */
int password_hash_wait(struct core *c, const char *password, char **hash, struct err *e);
#define PASSWORD_VALID_MS (180LL * 24 * 3600 * 1000)
bool password_matches(const char *hash, const char *password);
