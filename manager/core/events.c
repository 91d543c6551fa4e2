/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/core/events.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "manager/core/tables.h"

enum { KEEP_DAYS = 30, KEEP_COUNT = 50000, CLEAN_PERIOD_MS = 3600 * 1000, CLEAN_BATCH = 500 };

struct events {
	struct core *core;
	int64_t next_id;
	GHashTable *last; /* "name object" -> when it may be repeated (monotonic ms) */
	struct loop_timer clean;
};

struct events *events_new(struct core *c)
{
	struct events *ev = g_new0(struct events, 1);

	ev->core = c;
	ev->next_id = 1;
	ev->last = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	return ev;
}

void events_free(struct events *ev)
{
	if (!ev)
		return;
	timer_stop(ev->core->loop, &ev->clean);
	g_hash_table_destroy(ev->last);
	g_free(ev);
}

int64_t events_next_id(struct core *c) { return c->events->next_id++; }

static int cmp_name(const void *key, const void *member)
{
	return strcmp(key, ((const struct event_type *)member)->name);
}

static const struct event_type *find_type(const char *name)
{
	const struct event_type *t = bsearch(name, EVENT_TYPES, N_EVENT_TYPES, sizeof(*t), cmp_name);

	if (!t)
		log_error("event type is not in the schema", "EVENT", name);
	return t;
}

static bool is_flood(struct events *ev, const struct event_type *type, const struct event_refs *r)
{
	const char *const about[] = { r->vm,          r->host, r->storage_domain, r->template, r->cluster,
		                      r->data_center, r->user };
	const char *object = "";
	int64_t now = loop_now_ms(ev->core->loop);
	g_autofree char *key = NULL;
	int64_t *last;

	if (type->flood_s == 0)
		return false;
	for (size_t i = 0; !*object && i < G_N_ELEMENTS(about); i++)
		object = about[i] ? about[i] : "";
	key = g_strconcat(type->name, " ", object, NULL);
	last = g_hash_table_lookup(ev->last, key);
	if (last && now < *last)
		return true;
	last = g_new(int64_t, 1);
	*last = now + type->flood_s * (int64_t)1000;
	g_hash_table_insert(ev->last, g_steal_pointer(&key), last);
	return false;
}

static void set_ref(struct txn *t, struct m_ref *ref, const char *id) { ref->id = pool_strdup(txn_pool(t), id); }

static void add_event(struct txn *t, const char *name, const struct event_refs *r, const char *text)
{
	struct core *c = txn_core(t);
	const struct event_type *type = find_type(name);
	struct m_event *ev;
	char id[24];
	int64_t number;

	if (!type || is_flood(c->events, type, r))
		return;
	number = events_next_id(c);
	g_snprintf(id, sizeof(id), "%" G_GINT64_FORMAT, number);
	ev = txn_new(t, KIND_EVENT, id);
	ev->description = pool_strdup(txn_pool(t), text);
	ev->event_name = pool_strdup(txn_pool(t), type->name);
	ev->correlation_id = pool_strdup(txn_pool(t), r->correlation_id);
	ev->origin = pool_strdup(txn_pool(t), "oVirt");
	ev->severity = type->severity;
	M_SET(ev, index, number);
	M_SET(ev, code, type->code);
	M_SET(ev, time, loop_wall_ms(c->loop));
	M_SET(ev, custom_id, -1);
	M_SET(ev, flood_rate, 30);
	set_ref(t, &ev->vm, r->vm);
	set_ref(t, &ev->host, r->host);
	set_ref(t, &ev->cluster, r->cluster);
	set_ref(t, &ev->data_center, r->data_center);
	set_ref(t, &ev->storage_domain, r->storage_domain);
	set_ref(t, &ev->template, r->template);
	set_ref(t, &ev->user, r->user);
}

void txn_event(struct txn *t, const char *name, const struct event_refs *refs, const char *fmt, ...)
{
	static const struct event_refs none = { 0 };
	g_autofree char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = g_strdup_vprintf(fmt, ap);
	va_end(ap);
	add_event(t, name, refs ? refs : &none, text);
}

void event_emit(struct core *c, const char *name, const struct event_refs *refs, const char *fmt, ...)
{
	struct txn *t = txn_begin(c);
	va_list ap;
	g_autofree char *text = NULL;

	va_start(ap, fmt);
	text = g_strdup_vprintf(fmt, ap);
	va_end(ap);
	txn_event(t, name, refs, "%s", text);
	txn_commit_async(t);
}

/* ---- old ones go: after 30 days, or when there are too many ---- */

static gboolean is_over(void *key, void *until, void *now) { return *(int64_t *)until <= *(int64_t *)now; }

static void clean(void *arg)
{
	struct events *ev = arg;
	struct core *c = ev->core;
	int64_t now = loop_now_ms(c->loop);
	int64_t oldest = loop_wall_ms(c->loop) - KEEP_DAYS * 86400LL * 1000;
	int64_t surplus = (int64_t)inv_count(c->inv, KIND_EVENT) - KEEP_COUNT;
	struct txn *t = txn_begin(c);
	int n = 0;

	INV_EACH (e, c->inv, KIND_EVENT) {
		if (n >= CLEAN_BATCH || (n >= surplus && ENTITY_OBJ(e, event)->time >= oldest))
			break;
		txn_remove(t, KIND_EVENT, e->id);
		n++;
	}
	txn_commit_async(t);
	g_hash_table_foreach_remove(ev->last, is_over, &now);
	timer_start(c->loop, &ev->clean, n == CLEAN_BATCH ? 1000 : CLEAN_PERIOD_MS, clean, ev);
}

static int by_index(const void *a, const void *b)
{
	int64_t x = ENTITY_OBJ(*(struct entity *const *)a, event)->index,
	        y = ENTITY_OBJ(*(struct entity *const *)b, event)->index;
	return (x > y) - (x < y);
}

void events_start(struct core *c)
{
	inv_sort(c->inv, KIND_EVENT, by_index); /* the journal knows their ids as text */
	INV_EACH (e, c->inv, KIND_EVENT)
		c->events->next_id = MAX(c->events->next_id, g_ascii_strtoll(e->id, NULL, 10) + 1);
	timer_start(c->loop, &c->events->clean, CLEAN_PERIOD_MS, clean, c->events);
}
