/* SPDX-License-Identifier: Apache-2.0 */
/* Channels of the event stream: what is made once for all who see the same. */
#include "manager/api/event_channel.h"

#include <string.h>

/* ---- life ---- */

/* All who see everything are one. */
static char *key_of(const struct identity *who, bool sees_all, int topics, const char *search, bool is_case_sensitive)
{
	return g_strdup_printf("%s %d%s%s", sees_all ? "*" : who->user_id, topics,
	                       !search             ? ""
	                       : is_case_sensitive ? " s "
	                                           : " i ",
	                       search ? search : "");
}

static int check_search(const char *search, bool is_case_sensitive, struct err *e)
{
	auto_pool p = pool_new();
	return search && !search_parse(p, KIND_EVENT, search, is_case_sensitive, e) ? -1 : 0;
}

void channel_refresh(struct channel *ch)
{
	struct err e = ERR_INIT;

	if (!ch->query)
		return;
	pool_free(ch->pool);
	ch->pool = pool_new();
	ch->search = search_parse(ch->pool, KIND_EVENT, ch->query, ch->is_case_sensitive, &e);
}

struct channel *channel_get(struct event_streams *es, const struct identity *who, bool sees_all, int topics,
                            const char *search, bool is_case_sensitive, struct err *e)
{
	g_autofree char *key = NULL;
	struct channel *ch;

	if (search && !*search)
		search = NULL;
	key = key_of(who, sees_all, topics, search, is_case_sensitive);
	ch = g_hash_table_lookup(es->channels, key);
	if (ch) {
		ch->n_streams++;
		return ch;
	}
	if (check_search(search, is_case_sensitive, e) < 0)
		return NULL;
	ch = g_new0(struct channel, 1);
	ch->query = g_strdup(search);
	ch->is_case_sensitive = is_case_sensitive;
	ch->es = es;
	ch->number = es->next_number++;
	ch->who = *who;
	ch->sees_all = sees_all;
	ch->topics = topics;
	ch->pending = g_string_new(NULL);
	ch->feed = es->door->feed_new();
	ch->n_streams = 1;
	ch->key = g_steal_pointer(&key);
	g_hash_table_insert(es->channels, ch->key, ch);
	return ch;
}

void channel_unuse(struct channel *ch)
{
	if (--ch->n_streams > 0)
		return;
	g_hash_table_remove(ch->es->channels, ch->key);
	ch->es->door->feed_free(ch->feed);
	if (ch->replay)
		g_bytes_unref(ch->replay);
	g_string_free(ch->pending, TRUE);
	pool_free(ch->pool);
	g_free(ch->query);
	g_free(ch->key);
	g_free(ch);
}

/* ---- who sees what ---- */

static bool can_see(void *arg, enum kind k, const char *id)
{
	const struct channel *ch = arg;
	return perm_can_see(ch->es->core, &ch->who, k, id);
}

bool channel_shows(struct channel *ch, const void *event)
{
	struct core *c = ch->es->core;

	if (!(ch->topics & STREAM_EVENTS))
		return false;
	if (!ch->sees_all && !can_see(ch, KIND_EVENT, ((const struct m_event *)event)->id))
		return false;
	return !ch->query || (ch->search && search_matches(c, ch->search, event));
}

struct seen_by *channels_that_see(struct event_streams *es, enum kind k, const char *id)
{
	struct seen_by *seen = NULL;
	GHashTableIter it;
	struct channel *ch;

	g_hash_table_iter_init(&it, es->channels);
	while (g_hash_table_iter_next(&it, NULL, (void **)&ch)) {
		if (ch->sees_all || !(ch->topics & STREAM_CHANGES))
			continue;
		if (!seen)
			seen = g_malloc0(sizeof(*seen) + g_hash_table_size(es->channels) * sizeof(seen->readers[0]));
		if (can_see(ch, k, id))
			seen->readers[seen->n++] = ch->number;
	}
	return seen;
}

static bool is_in_group(struct core *c, const char *user_id, const char *group_id)
{
	const struct m_user *u = INV_GET(c->inv, USER, user, user_id);

	if (strcmp(group_id, PERM_EVERYONE) == 0)
		return true;
	for (uint32_t i = 0; u && i < u->groups.n; i++)
		if (g_strcmp0(u->groups.v[i].id, group_id) == 0)
			return true;
	return false;
}

void channels_permission(struct event_streams *es, const struct m_permission *p)
{
	GHashTableIter it;
	struct channel *ch;

	g_hash_table_iter_init(&it, es->channels);
	while (g_hash_table_iter_next(&it, NULL, (void **)&ch))
		if (!ch->sees_all && (!p || g_strcmp0(p->user.id, ch->who.user_id) == 0 ||
		                      (p->group.id && is_in_group(es->core, ch->who.user_id, p->group.id))))
			ch->owes_reset = true;
}

/* ---- what is sent ---- */

static void send_pending(struct channel *ch)
{
	if (ch->pending->len == 0)
		return;
	ch->es->door->send(ch->feed, g_bytes_new(ch->pending->str, ch->pending->len));
	if (ch->pending->allocated_len > 2 * STREAM_PART) {
		g_string_free(ch->pending, TRUE);
		ch->pending = g_string_new(NULL);
	}
	g_string_truncate(ch->pending, 0);
}

static void add_text(struct channel *ch, const char *text, size_t len)
{
	g_string_append_len(ch->pending, text, (gssize)len);
	if (ch->pending->len >= STREAM_PART)
		send_pending(ch);
}

static void add_event(struct event_streams *es, const void *event)
{
	g_autoptr(GString) text = NULL;
	GHashTableIter it;
	struct channel *ch;

	g_hash_table_iter_init(&it, es->channels);
	while (g_hash_table_iter_next(&it, NULL, (void **)&ch)) {
		if (!channel_shows(ch, event))
			continue;
		if (!text) {
			text = g_string_sized_new(1024);
			event_frame(es->core, text, event);
		}
		add_text(ch, text->str, text->len);
	}
}

static void add_changes(struct event_streams *es)
{
	g_autofree char *for_all = NULL;
	bool is_made = false;
	GHashTableIter it;
	struct channel *ch;

	g_hash_table_iter_init(&it, es->channels);
	while (g_hash_table_iter_next(&it, NULL, (void **)&ch)) {
		g_autofree char *own = NULL;
		const char *json;

		if (!(ch->topics & STREAM_CHANGES))
			continue;
		if (ch->sees_all && !is_made) {
			for_all = changes_text(es->changes, NULL, NULL, 0);
			is_made = true;
		}
		if (!ch->sees_all)
			own = changes_text(es->changes, can_see, ch, ch->number);
		json = ch->sees_all ? for_all : own;
		if (json)
			changes_frame(ch->pending, json, es->last_id);
	}
}

void channels_flush(struct event_streams *es)
{
	GHashTableIter it;
	struct channel *ch;

	g_hash_table_iter_init(&it, es->channels);
	while (es->events->len && g_hash_table_iter_next(&it, NULL, (void **)&ch))
		channel_refresh(ch);
	for (guint i = 0; i < es->events->len; i++)
		add_event(es, es->events->pdata[i]);
	g_ptr_array_set_size(es->events, 0);
	if (!changes_is_empty(es->changes))
		add_changes(es);
	changes_clear(es->changes);
	g_hash_table_iter_init(&it, es->channels);
	while (g_hash_table_iter_next(&it, NULL, (void **)&ch)) {
		if (ch->owes_reset)
			reset_frame(ch->pending, es->last_id);
		ch->owes_reset = false;
		send_pending(ch);
	}
}
