/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/core/sessions.h"

#include <openssl/crypto.h>
#include <string.h>

#include "manager/core/auth.h"
#include "manager/core/events.h"
#include "manager/core/perm.h"
#include "manager/core/sessions_int.h"

enum { SWEEP_MS = 60 * 1000 };

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
	auth_register(c, &AUTH_INTERNAL);
	chance_bytes(c->chance, ss->secret, sizeof(ss->secret));
	return ss;
}

void sessions_free(struct sessions *ss)
{
	if (!ss)
		return;
	timer_stop(ss->core->loop, &ss->sweep);
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

static bool is_over(const struct sessions *ss, const struct session *s)
{
	return loop_now_ms(ss->core->loop) - s->used_ms > s->max_idle_ms;
}

static void session_expire(struct sessions *ss, struct session *s)
{
	if (!s->is_basic)
		event_emit(ss->core, "USER_VDC_LOGOUT", &(struct event_refs){ .user = s->who.user_id },
		           "The session %s of user %s from %s ended after %d minutes without use.", s->id,
		           s->who.user_name, s->address, (int)(s->max_idle_ms / 60000));
	session_end(ss, s);
}

/* Those that nobody comes back to. */
static void sweep(void *arg)
{
	struct sessions *ss = arg;

	for (GList *l = ss->lru.head, *next; l; l = next) {
		next = l->next;
		if (is_over(ss, l->data))
			session_expire(ss, l->data);
	}
	if (ss->lru.head)
		timer_start(ss->core->loop, &ss->sweep, SWEEP_MS, sweep, ss);
}

static void make_room(struct sessions *ss, const char *user_id)
{
	struct session *oldest = NULL;
	unsigned n = 0;

	if (g_queue_get_length(&ss->lru) >= MAX_SESSIONS)
		session_end(ss, g_queue_peek_head(&ss->lru));
	for (GList *l = ss->lru.tail; l; l = l->prev) {
		struct session *s = l->data;
		if (strcmp(s->who.user_id, user_id) == 0) {
			oldest = s;
			n++;
		}
	}
	if (n >= MAX_OF_USER)
		session_end(ss, oldest);
}

struct session *session_add(struct sessions *ss, const char *key, const struct identity *who, const char *address,
                            int64_t idle_ms)
{
	struct session *s = g_hash_table_lookup(ss->by_key, key);

	if (s)
		session_end(ss, s);
	make_room(ss, who->user_id);
	s = g_new0(struct session, 1);
	s->key = g_strdup(key);
	uuid_make(ss->core->chance, s->id);
	g_strlcpy(s->address, address ? address : "", sizeof(s->address));
	s->who = *who;
	s->used_ms = loop_now_ms(ss->core->loop);
	s->started_ms = loop_wall_ms(ss->core->loop);
	s->max_idle_ms = idle_ms;
	s->looked_at = ss->n_changes;
	g_queue_push_tail(&ss->lru, s);
	s->lru = g_queue_peek_tail_link(&ss->lru);
	g_hash_table_insert(ss->by_key, s->key, s);
	if (!timer_is_running(&ss->sweep))
		timer_start(ss->core->loop, &ss->sweep, SWEEP_MS, sweep, ss);
	return s;
}

static void look_again(struct sessions *ss, struct session *s)
{
	if (s->looked_at == ss->n_changes)
		return;
	s->who.is_admin = perm_is_admin(ss->core, s->who.user_id);
	s->looked_at = ss->n_changes;
}

struct session *session_find(struct sessions *ss, const char *key, bool prolong)
{
	struct session *s = g_hash_table_lookup(ss->by_key, key);

	if (!s)
		return NULL;
	if (is_over(ss, s)) {
		session_expire(ss, s);
		return NULL;
	}
	look_again(ss, s);
	if (prolong) {
		s->used_ms = loop_now_ms(ss->core->loop);
		g_queue_unlink(&ss->lru, s->lru);
		g_queue_push_tail_link(&ss->lru, s->lru);
	}
	return s;
}

int session_by_token(struct core *c, const char *token, struct identity *who, struct err *e)
{
	struct session *s = session_find(c->sessions, token, true);

	if (!s || s->is_basic)
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

	if (!s || s->is_basic)
		return;
	event_emit(c, "USER_VDC_LOGOUT", &(struct event_refs){ .user = s->who.user_id },
	           "User %s logged out from %s (session %s).", s->who.user_name, s->address, s->id);
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

/* ---- what administrators see of them ---- */

void session_each(struct core *c, void (*fn)(void *arg, const struct session_info *info), void *arg)
{
	struct sessions *ss = c->sessions;
	int64_t skew = loop_wall_ms(c->loop) - loop_now_ms(c->loop);

	for (GList *l = ss->lru.head; l; l = l->next) {
		struct session *s = l->data;
		struct session_info info = { .id = s->id, .address = s->address, .who = &s->who };

		if (is_over(ss, s))
			continue;
		look_again(ss, s);
		info.is_basic = s->is_basic;
		info.started_ms = s->started_ms;
		info.used_ms = s->used_ms + skew;
		info.expires_ms = info.used_ms + s->max_idle_ms;
		fn(arg, &info);
	}
}

bool session_terminate(struct core *c, const char *id, const struct identity *by)
{
	for (GList *l = c->sessions->lru.head; l; l = l->next) {
		struct session *s = l->data;

		if (strcmp(s->id, id) != 0)
			continue;
		event_emit(c, "USER_VDC_SESSION_TERMINATED", &(struct event_refs){ .user = s->who.user_id },
		           "The session %s of user %s from %s was ended by %s.", s->id, s->who.user_name, s->address,
		           by->user_name);
		session_end(c->sessions, s);
		return true;
	}
	return false;
}

const char *session_id_of(struct core *c, const char *token)
{
	struct session *s = token ? session_find(c->sessions, token, false) : NULL;

	return s ? s->id : NULL;
}
