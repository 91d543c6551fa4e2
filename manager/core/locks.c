/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/core/locks.h"

struct locks {
	GHashTable *held; /* entity id -> holder */
};
struct holder {
	char *job_id, *what;
};

static void holder_free(void *p)
{
	struct holder *h = p;

	g_free(h->job_id);
	g_free(h->what);
	g_free(h);
}

struct locks *locks_new(void)
{
	struct locks *l = g_new0(struct locks, 1);

	l->held = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, holder_free);
	return l;
}

void locks_free(struct locks *l)
{
	if (!l)
		return;
	g_hash_table_destroy(l->held);
	g_free(l);
}

int lock_check(struct core *c, const char *entity_id, const char *job_id, struct err *e)
{
	const struct holder *h = g_hash_table_lookup(c->locks->held, entity_id);

	if (h && g_strcmp0(h->job_id, job_id) != 0)
		return err_set(e, ERR_CONFLICT,
		               "Related operation is currently in progress. %s (job %s). Please try again later.",
		               h->what, h->job_id);
	return 0;
}

int lock_take(struct core *c, const char *entity_id, const char *job_id, const char *what, struct err *e)
{
	struct holder *h;

	if (lock_check(c, entity_id, job_id, e) < 0)
		return -1;
	h = g_new0(struct holder, 1);
	h->job_id = g_strdup(job_id);
	h->what = g_strdup(what);
	g_hash_table_replace(c->locks->held, g_strdup(entity_id), h);
	return 0;
}

void lock_drop(struct core *c, const char *entity_id, const char *job_id)
{
	const struct holder *h = g_hash_table_lookup(c->locks->held, entity_id);

	if (h && g_strcmp0(h->job_id, job_id) == 0)
		g_hash_table_remove(c->locks->held, entity_id);
}

unsigned lock_count(struct core *c) { return g_hash_table_size(c->locks->held); }
