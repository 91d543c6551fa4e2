/* SPDX-License-Identifier: Apache-2.0 */
/* Who is asking: passwords, tokens, expiry, lock-out. */
#include "tests/unit/core/rig.h"

#include <string.h>

#include "manager/core/events.h"
#include "manager/core/sessions.h"
#include "manager/core/txn.h"
#include "model/types.h"

#define U1     "00000000-0000-0000-0000-0000000000b1"
#define MINUTE (60 * 1000)

/* "right" with one iteration and salt "00": tests shall not wait for the hashing */
static const char HASH[] = "pbkdf2-sha512$1$00$bbbca2e1d565b190360a815ec35fffd5f7e73b0be4105f95e4b8f3d588d0261c";

static void run_add_user(struct rig *r)
{
	struct txn *t = txn_begin(r->core);
	struct m_user *u = txn_new(t, KIND_USER, U1);
	struct err e;

	u->name = "jane";
	u->user_name = "jane@internal-authz";
	u->password_hash = (char *)HASH;
	assert_int_equal(txn_commit(t, &e), 0);
}

static int setup(void **state)
{
	rig_setup(state);
	rig_run(*state, run_add_user);
	return 0;
}

static const struct m_user *jane(struct rig *r) { return INV_GET(r->core->inv, USER, user, U1); }

/* How long it took, in ms; -1 - that when it was refused. */
static int64_t login(struct rig *r, const char *user, const char *password, struct login *out, struct err *e)
{
	int64_t began = loop_now_ms(r->loop);
	int rc;

	*e = (struct err)ERR_INIT;
	rc = session_login(r->core, user, password, out, e);
	return rc < 0 ? -1 - (loop_now_ms(r->loop) - began) : loop_now_ms(r->loop) - began;
}

static void test_hashes(void **state)
{
	struct chance *chance = chance_new_seeded(1);
	g_autofree char *a = password_hash(chance, "secret"), *b = password_hash(chance, "secret");
	static const char *const bad[] = {
		"",
		"x",
		"pbkdf2-sha512$1$00$",
		"pbkdf2-sha512$0$00$00",
		"pbkdf2-sha512$99999999999$00$00",
		"pbkdf2-sha256$1$00$0000000000000000000000000000000000000000000000000000000000000000",
		"pbkdf2-sha512$-1$00$0000000000000000000000000000000000000000000000000000000000000000",
		"$$$",
		"pbkdf2-sha512$1$00"
	};

	chance_free(chance);
	assert_true(strncmp(a, "pbkdf2-sha512$", 14) == 0 && !strstr(a, "secret"));
	assert_string_not_equal(a, b);
	assert_true(password_matches(a, "secret") && password_matches(b, "secret"));
	assert_false(password_matches(a, "Secret") || password_matches(a, "") || password_matches(a, "secret "));
	assert_true(password_matches(HASH, "right"));
	assert_false(password_matches(NULL, ""));
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_false(password_matches(bad[i], ""));
}

static void run_tokens(struct rig *r)
{
	struct login in, second;
	struct identity who;
	struct err e;

	assert_int_equal(login(r, "jane@internal", "right", &in, &e), 0);
	assert_int_equal(login(r, "JANE@Internal", "right", &second, &e), 0);
	assert_int_equal(strlen(in.token), 64);
	assert_string_not_equal(in.token, second.token);
	assert_int_equal(in.expires_ms, loop_wall_ms(r->loop) + 30 * MINUTE);
	assert_int_equal(session_by_token(r->core, in.token, &who, &e), 0);
	assert_string_equal(who.user_id, U1);
	assert_false(who.is_admin);
	assert_int_equal(session_by_token(r->core, "", &who, &e), -1);
	assert_int_equal(e.code, ERR_AUTH);
	assert_non_null(
	    strstr(e.detail, "invalid_grant: The provided authorization grant for the auth code has expired."));
	/* each use prolongs it; being told about it does not */
	for (int i = 0; i < 5; i++) {
		fiber_sleep(29 * MINUTE);
		assert_int_equal(session_by_token(r->core, in.token, &who, &e), 0);
	}
	assert_int_equal(session_by_token(r->core, second.token, &who, &e), -1);
	fiber_sleep(20 * MINUTE);
	assert_int_equal(session_expires(r->core, in.token), loop_wall_ms(r->loop) + 10 * MINUTE);
	fiber_sleep(10 * MINUTE + 1);
	assert_int_equal(session_expires(r->core, in.token), 0);
	assert_int_equal(session_by_token(r->core, in.token, &who, &e), -1);
	assert_int_equal(session_count(r->core), 0);
}

static void test_tokens(void **state) { rig_run(*state, run_tokens); }

static void run_logout(struct rig *r)
{
	struct login in;
	struct identity who;
	struct err e;

	login(r, "jane@internal", "right", &in, &e);
	session_logout(r->core, NULL);
	session_logout(r->core, "");
	session_logout(r->core, "unknown");
	assert_int_equal(session_by_token(r->core, in.token, &who, &e), 0);
	session_logout(r->core, in.token);
	assert_int_equal(session_by_token(r->core, in.token, &who, &e), -1);
	session_logout(r->core, in.token);
	assert_int_equal(session_expires(r->core, in.token), 0);
}

static void test_logout(void **state) { rig_run(*state, run_logout); }

/* Somebody who exists and somebody who does not look the same from outside. */
static void check_lock_out(struct rig *r, const char *user, bool exists)
{
	struct login in;
	struct err e;

	for (int i = 1; i <= 5; i++) {
		assert_int_equal(login(r, user, "wrong", &in, &e), -1 - 500 * i);
		assert_int_equal(e.code, ERR_AUTH);
		assert_non_null(strstr(e.detail, "The user name or password is incorrect."));
		assert_null(strstr(e.detail, "wrong"));
	}
	assert_int_equal(login(r, user, "right", &in, &e), -1);
	assert_non_null(strstr(e.detail, "user account is disabled or locked"));
	fiber_sleep(59 * MINUTE);
	assert_int_equal(login(r, user, "right", &in, &e), -1);
	fiber_sleep(MINUTE);
	assert_int_equal(login(r, user, "right", &in, &e), exists ? 0 : -501);
}

static void run_lock_out(struct rig *r)
{
	check_lock_out(r, "jane@internal", true);
	check_lock_out(r, "nobody@internal", false);
	assert_false(jane(r)->has.locked_until || jane(r)->has.failed_logins);
	assert_true(inv_count(r->core->inv, KIND_EVENT) >= 2);
	INV_EACH (ev, r->core->inv, KIND_EVENT)
		assert_null(strstr(ENTITY_OBJ(ev, event)->description, "wrong"));
}

static void test_lock_out(void **state) { rig_run(*state, run_lock_out); }

static void run_wrong(struct rig *r)
{
	struct login in;
	struct err e;

	for (int i = 0; i < 4; i++)
		login(r, "jane@internal", "wrong", &in, &e);
	fiber_sleep(1);
	assert_int_equal(jane(r)->failed_logins, 4);
}

static void run_wrong_then_right(struct rig *r)
{
	struct login in;
	struct err e;

	run_wrong(r);
	assert_int_equal(login(r, "jane@internal", "right", &in, &e), 0);
	fiber_sleep(1);
	assert_false(jane(r)->has.failed_logins);
	run_wrong(r);
}

static void run_fifth(struct rig *r)
{
	struct login in;
	struct err e;

	login(r, "jane@internal", "wrong", &in, &e);
	assert_int_equal(login(r, "jane@internal", "right", &in, &e), -1);
}

/* A right one in between starts the count anew; a restart does not. */
static void test_counting(void **state)
{
	rig_run(*state, run_wrong_then_right);
	for (int i = 0; i < 2; i++) {
		rig_restart(*state);
		events_start(((struct rig *)*state)->core);
		rig_run(*state, run_fifth);
	}
}

/* ---- many guesses at once ---- */

static int guesses_right, guesses_done;

static void guess_fiber(void *arg)
{
	struct rig *r = arg;
	struct login in;
	struct err e;

	/* the 20th would be right */
	guesses_right +=
	    session_login(r->core, "jane@internal", guesses_done++ == 20 ? "right" : "wrong", &in, &e) == 0;
}

static void run_guesses(struct rig *r)
{
	guesses_right = guesses_done = 0;
	for (int i = 0; i < 50; i++)
		fiber_start(r->loop, "guess", guess_fiber, r);
	fiber_sleep(20 * 1000);
	assert_int_equal(guesses_done, 50);
	assert_int_equal(guesses_right, 0);
	assert_true(jane(r)->has.locked_until);
}

static void test_guesses_at_once(void **state) { rig_run(*state, run_guesses); }

/* ---- basic ---- */

static void run_basic(struct rig *r)
{
	struct identity who;
	struct err e;

	assert_int_equal(session_basic(r->core, "jane@internal", "right", &who, &e), 0);
	assert_string_equal(who.user_id, U1);
	assert_int_equal(session_count(r->core), 1);
	assert_int_equal(session_basic(r->core, "jane@internal", "right", &who, &e), 0);
	assert_int_equal(session_count(r->core), 1);
	assert_int_equal(session_basic(r->core, "jane@internal", "wrong", &who, &e), -1);
	assert_int_equal(session_basic(r->core, "jane@internal", "right", &who, &e), 0); /* remembered */
	/* what is remembered is no token */
	assert_int_equal(session_by_token(r->core, "right", &who, &e), -1);
	/* it is not prolonged by use */
	fiber_sleep(59 * 1000);
	session_basic(r->core, "jane@internal", "right", &who, &e);
	fiber_sleep(2 * 1000);
	for (int i = 0; i < 5; i++)
		session_basic(r->core, "jane@internal", "wrong", &who, &e);
	assert_int_equal(session_basic(r->core, "jane@internal", "right", &who, &e), -1);
}

static void test_basic(void **state) { rig_run(*state, run_basic); }

/* ---- a password that is out of date ---- */

static void run_expiry(struct rig *r)
{
	struct txn *t = txn_begin(r->core);
	struct m_user *u = txn_edit(t, KIND_USER, U1);
	struct identity who;
	struct login in;
	struct err e = ERR_INIT;

	M_SET(u, password_expires, loop_wall_ms(r->loop) - 1);
	assert_int_equal(txn_commit(t, &e), 0);
	assert_true(login(r, "jane@internal", "right", &in, &e) < 0);
	assert_int_equal(in.refusal, LOGIN_EXPIRED);
	assert_true(login(r, "jane@internal", "wrong", &in, &e) < 0); /* that is not told to those who do not know it */
	assert_int_equal(in.refusal, LOGIN_WRONG);
	assert_int_equal(session_change_password(r->core, "jane@internal", "right", "another one", &who, &e), 0);
	assert_int_equal(login(r, "jane@internal", "another one", &in, &e) < 0, 0);
	assert_int_equal(in.refusal, LOGIN_FINE);
	assert_true(jane(r)->password_expires > loop_wall_ms(r->loop));
}

static void test_expiry(void **state) { rig_run(*state, run_expiry); }

/* ---- how many there may be ---- */

/* 21 others log in 500 times each. */
static void run_crowd(struct rig *r)
{
	struct txn *t = txn_begin(r->core);
	struct login in;
	struct err e;
	char name[32];

	for (int i = 0; i < 21; i++) {
		struct m_user *u = txn_new(t, KIND_USER, NULL);

		u->user_name = pool_printf(txn_pool(t), "u%d@internal-authz", i);
		u->password_hash = (char *)HASH;
	}
	assert_int_equal(txn_commit(t, &e), 0);
	for (int i = 0; i < 21 * 500; i++) {
		g_snprintf(name, sizeof(name), "u%d@internal", i / 500);
		assert_int_equal(login(r, name, "right", &in, &e), 0);
	}
}

static void run_bound(struct rig *r)
{
	struct login first, second, in;
	struct identity who;
	struct err e;

	login(r, "jane@internal", "right", &first, &e);
	login(r, "jane@internal", "right", &second, &e);
	for (int i = 0; i < 498; i++)
		login(r, "jane@internal", "right", &in, &e);
	assert_int_equal(session_count(r->core), 500);
	assert_int_equal(session_by_token(r->core, first.token, &who, &e), 0); /* now it is the most recently used */
	login(r, "jane@internal", "right", &in, &e);
	assert_int_equal(session_count(r->core), 500);
	assert_int_equal(session_by_token(r->core, first.token, &who, &e), 0);
	assert_int_equal(session_by_token(r->core, second.token, &who, &e), -1);
	run_crowd(r);
	assert_int_equal(session_count(r->core), 10000);
	assert_int_equal(session_by_token(r->core, first.token, &who, &e), -1);
}

static void test_bound(void **state) { rig_run(*state, run_bound); }

#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(hashes),          T(tokens), T(logout), T(lock_out), T(counting),
		T(guesses_at_once), T(basic),  T(expiry), T(bound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
