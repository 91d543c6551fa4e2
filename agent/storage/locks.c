/* SPDX-License-Identifier: Apache-2.0 */
/* Named locks: shared or exclusive, first come first served as far as wakes go, with a time limit. */
#include "agent/storage/storage_int.h"

struct slock {
	int readers, waiting;
	bool is_written;
	struct waitq freed;
};

static struct slock *lock_get(struct storage *s, const char *key)
{
	struct slock *l = g_hash_table_lookup(s->locks, key);

	if (!l) {
		l = g_new0(struct slock, 1);
		g_hash_table_insert(s->locks, g_strdup(key), l);
	}
	return l;
}

static void drop_if_unused(struct storage *s, const char *key, struct slock *l)
{
	if (!l->readers && !l->is_written && !l->waiting)
		g_hash_table_remove(s->locks, key);
}

static bool wait_free(struct storage *s, struct slock *l, bool is_exclusive)
{
	int64_t until = loop_now_ms(s->loop) + STORAGE_LOCK_MS;

	while (l->is_written || (is_exclusive && l->readers)) {
		int64_t left = until - loop_now_ms(s->loop);

		if (s->is_stopping || left <= 0 || !waitq_wait(&l->freed, left))
			return false;
	}
	return true;
}

int slock_take(struct storage *s, const char *key, bool is_exclusive, struct err *e)
{
	struct slock *l = lock_get(s, key);
	bool is_free;

	storage_fiber_begin(s);
	l->waiting++;
	is_free = wait_free(s, l, is_exclusive);
	l->waiting--;
	storage_fiber_end(s);
	if (!is_free) {
		drop_if_unused(s, key, l);
		return err_agent(e, SC_LOCK_TIMEOUT, "Resource %s is locked by another operation", key);
	}
	if (is_exclusive)
		l->is_written = true;
	else
		l->readers++;
	return 0;
}

void slock_release(struct storage *s, const char *key, bool is_exclusive)
{
	struct slock *l = lock_get(s, key);

	if (is_exclusive)
		l->is_written = false;
	else
		l->readers--;
	waitq_wake_all(&l->freed);
	drop_if_unused(s, key, l);
}

void slocks_wake(struct storage *s)
{
	GHashTableIter it;
	gpointer value;

	g_hash_table_iter_init(&it, s->locks);
	while (g_hash_table_iter_next(&it, NULL, &value))
		waitq_wake_all(&((struct slock *)value)->freed);
}
