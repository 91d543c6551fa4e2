/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of the event stream, and what is sent again to those who come back. */
#include <stdlib.h>
#include <string.h>

#include "manager/api/event_channel.h"

#define API_BASE "/ovirt-engine/api"

/* Numbers are taken before events are published: two transactions may end in another order. No further than this. */
enum { DISORDER = 64 };

void event_frame(struct core *c, GString *out, const void *event)
{
	auto_pool p = pool_new();
	const struct kind_ops *ops = c->kind_ops[KIND_EVENT];
	struct m_event *copy = pool_alloc(p, sizeof(*copy));

	memcpy(copy, event, sizeof(*copy));
	if (ops && ops->view)
		ops->view(c, p, event, copy);
	copy->href = pool_printf(p, API_BASE "/events/%s", copy->id);
	copy->service = M_TYPE_event.path_service;
	g_string_append_printf(out, "id: %" G_GINT64_FORMAT "\nevent: event\ndata: ", copy->index);
	m_write_json(out, &M_TYPE_event, copy, &(struct m_write){ API_BASE, 0 });
	g_string_append(out, "\n\n");
}

static void frame(GString *out, int64_t id, const char *name, const char *data)
{
	if (id >= 0)
		g_string_append_printf(out, "id: %" G_GINT64_FORMAT "\n", id);
	g_string_append_printf(out, "event: %s\ndata: %s\n\n", name, data);
}

void hello_frame(GString *out, const char *instance, int64_t id)
{
	json_t *j = json_pack("{ss}", "instance", instance);
	char *text = json_dumps(j, JSON_COMPACT);

	g_string_append(out, "retry: 2000\n");
	frame(out, id, "hello", text);
	free(text);
	json_decref(j);
}

void reset_frame(GString *out, int64_t id) { frame(out, id, "reset", "{}"); }

void changes_frame(GString *out, const char *json, int64_t id) { frame(out, id, "changes", json); }

/* ---- what was missed ---- */

static int64_t index_of(const struct entity *en) { return ENTITY_OBJ(en, event)->index; }

static void add_backwards(GPtrArray *versions, struct entity *from)
{
	for (struct entity *en = from; en; en = en->all.next)
		g_ptr_array_add(versions, (void *)en->pub);
}

/*
 * Events are listed in the order in which they were published; so what comes behind the one that was told last is exactly
 * what was missed. When that one is gone, the numbers say it.
 */
enum missed events_since(struct core *c, int64_t max_id, int64_t after, GPtrArray *versions)
{
	struct entity *first = inv_first(c->inv, KIND_EVENT), *en = first ? first->all.bucket->last : NULL,
	              *begin = NULL;
	int steps = 0;

	if (after < 0 || after > max_id)
		return MISSED_UNKNOWN;
	for (; en && index_of(en) != after && index_of(en) > after - DISORDER; en = en->all.prev) {
		if (index_of(en) <= after)
			continue;
		begin = en;
		if (++steps > STREAM_REPLAY_MAX)
			return MISSED_UNKNOWN;
	}
	if (en && index_of(en) == after) {
		add_backwards(versions, en->all.next);
	} else if (en || after == max_id || (first && index_of(first) <= after + 1)) {
		for (en = begin; en; en = en->all.next)
			if (index_of(en) > after)
				g_ptr_array_add(versions, (void *)en->pub);
	} else {
		return MISSED_UNKNOWN;
	}
	return versions->len ? MISSED_SOME : MISSED_NOTHING;
}
