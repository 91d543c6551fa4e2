/* SPDX-License-Identifier: Apache-2.0 */
/* A table beside the inventory, made when it is asked for the first time. Its keys are the published versions themselves. */
#include "manager/system/event_keys.h"

#include "manager/core/inventory.h"
#include "model/model.h"

struct event_keys {
	struct inv_watcher watcher; /* must be first */
	GHashTable *taken;          /* struct m_event */
};

static guint key_hash(gconstpointer p)
{
	const struct m_event *ev = p;
	return (ev->origin ? g_str_hash(ev->origin) : 0) ^ g_int64_hash(&ev->custom_id);
}

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
	const struct m_event *x = a, *y = b;
	return x->custom_id == y->custom_id && g_strcmp0(x->origin, y->origin) == 0;
}

/* Our own events have none. */
static bool has_key(const struct m_event *ev) { return ev && M_GET(ev, custom_id, -1) >= 0; }

static void published(struct inv_watcher *w, struct entity *en, const void *old, const void *version)
{
	GHashTable *taken = ((struct event_keys *)w)->taken;

	if (en->kind != KIND_EVENT)
		return;
	if (has_key(old) && g_hash_table_lookup(taken, old) == old)
		g_hash_table_remove(taken, old);
	if (has_key(version))
		g_hash_table_add(taken, (void *)version);
}

static void renumbered(struct inv_watcher *w, enum kind k) {}

static void keys_free(struct inv_watcher *w)
{
	g_hash_table_destroy(((struct event_keys *)w)->taken);
	g_free(w);
}

static struct event_keys *keys_of(struct core *c)
{
	struct event_keys *keys = (struct event_keys *)inv_find_watcher(c->inv, published);

	if (keys)
		return keys;
	keys = g_new0(struct event_keys, 1);
	keys->watcher = (struct inv_watcher){ .published = published, .renumbered = renumbered, .free = keys_free };
	keys->taken = g_hash_table_new(key_hash, key_equal);
	INV_EACH (en, c->inv, KIND_EVENT)
		if (has_key(en->pub))
			g_hash_table_add(keys->taken, (void *)en->pub);
	inv_watch(c->inv, &keys->watcher);
	return keys;
}

struct look {
	const struct m_event *key;
	bool is_found;
};

static void look_at(void *arg, const void *version)
{
	struct look *l = arg;
	l->is_found = l->is_found || (has_key(version) && key_equal(version, l->key));
}

bool event_key_taken(struct core *c, const char *origin, int64_t custom_id)
{
	const struct m_event key = { .origin = (char *)origin, .custom_id = custom_id };
	struct look l = { &key, g_hash_table_contains(keys_of(c)->taken, &key) };

	if (!l.is_found)
		inv_each_staged(c->inv, KIND_EVENT, look_at, &l);
	return l.is_found;
}
