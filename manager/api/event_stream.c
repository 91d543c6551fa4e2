/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of events: who opens them, what reaches them and when, and why they end. */
#include "manager/api/event_stream.h"

#include <string.h>

#include "base/log.h"
#include "manager/api/event_channel.h"
#include "manager/core/sessions.h"

enum { SEEN_MAX = 10000 };

struct event_stream {
	struct event_streams *es;
	struct channel *channel;
	GList link;
	char user_id[UUID_LEN + 1];
	char *token;    /* of the session; NULL: name and password came with the request */
	char *password; /* ... then: the hash that held */
	int filter;
	int64_t after; /* the event that it was told last; -1: none, -2: nobody knows */
	void *push;    /* the door's; NULL: not begun */
	GBytes *first, *more;
	bool is_over;
};

/* ---- what is published ---- */

static void flush(struct event_streams *es);

static int hold_ms(const struct event_streams *es)
{
	return CLAMP((int)es->streams.length / 2, STREAM_HOLD_MIN_MS, STREAM_HOLD_MAX_MS);
}

static bool has_pending(const struct event_streams *es)
{
	return es->events->len || !changes_is_empty(es->changes) || es->must_look;
}

static void on_hold_over(void *arg)
{
	struct event_streams *es = arg;

	if (has_pending(es))
		flush(es);
}

static void on_soon(void *arg)
{
	struct event_streams *es = arg;

	es->is_posted = false;
	if (!timer_is_running(&es->hold) && has_pending(es))
		flush(es);
}

/* After quiet at once: with the end of what the core is doing now. */
static void send_soon(struct event_streams *es)
{
	if (es->events->len > STREAM_BACKLOG)
		flush(es);
	if (es->is_posted || timer_is_running(&es->hold))
		return;
	es->is_posted = true;
	loop_post(es->core->loop, on_soon, es);
}

static char op_of(const void *old, const void *version) { return !old ? 'a' : !version ? 'r' : 'u'; }

static struct seen_by *take_seen(struct event_streams *es, enum kind k, const char *id)
{
	g_autofree char *key = NULL;
	void *stored = NULL, *seen = NULL;

	if (g_hash_table_size(es->seen) == 0)
		return NULL;
	key = g_strdup_printf("%d %s", (int)k, id);
	if (g_hash_table_steal_extended(es->seen, key, &stored, &seen))
		g_free(stored);
	return seen;
}

static void note(struct event_streams *es, enum kind k, const char *id, char op)
{
	g_autofree struct seen_by *seen = op == 'r' ? take_seen(es, k, id) : NULL;

	if (!id)
		return;
	es->changed_at[k] = es->max_id;
	if (es->streams.length)
		changes_note(es->changes, k, id, op, seen);
}

/* Parts that the API shows as part of something else. */
static void note_tagged(struct event_streams *es, const struct m_tag *a)
{
	note(es, KIND_VM, a->vm.id, 'u');
	note(es, KIND_HOST, a->host.id, 'u');
	note(es, KIND_TEMPLATE, a->template.id, 'u');
	note(es, KIND_USER, a->user.id, 'u');
	note(es, KIND_GROUP, a->group.id, 'u');
}

static bool is_leaf(enum kind k) { return k == KIND_VM || k == KIND_DISK || k == KIND_TEMPLATE; }

/* Whoever it concerns sees more or less than before. More of a single object is told as its change, and its end as that. */
static void permission_changed(struct event_streams *es, const struct m_permission *old, const struct m_permission *now)
{
	const char *id = NULL;
	const struct perm_target *t = perm_target_of(now ? now : old, &id);
	bool is_single = t && is_leaf(t->kind);

	es->must_look = true;
	if (is_single && !old)
		note(es, t->kind, id, 'u');
	if (is_single && (!old || (!now && !inv_latest(es->core->inv, t->kind, id))))
		return;
	if (old)
		channels_permission(es, old);
	if (now)
		channels_permission(es, now);
}

static void note_special(struct event_streams *es, enum kind k, const void *old, const void *now)
{
	const void *any = now ? now : old;

	switch (k) {
	case KIND_CLUSTER_NETWORK:
		note(es, KIND_CLUSTER, ((const struct m_network *)any)->cluster.id, 'u');
		note(es, KIND_NETWORK, ((const struct m_network *)any)->of_network.id, 'u');
		break;
	case KIND_TAG_ASSIGNMENT: note_tagged(es, any); break;
	case KIND_PERMISSION: permission_changed(es, old, now); break;
	case KIND_ROLE:
		es->must_look = true;
		channels_permission(es, NULL);
		break;
	case KIND_USER:
		if (old && now && !perm_same_groups(old, now)) {
			es->must_look = true;
			channels_permission(es, NULL);
		}
		break;
	default: break;
	}
}

static void published(struct inv_watcher *w, struct entity *en, const void *old, const void *version)
{
	struct event_streams *es = (struct event_streams *)w;
	enum kind k = en->kind;

	if (k == KIND_EVENT && !old) {
		es->last_id = ((const struct m_event *)version)->index;
		es->max_id = MAX(es->max_id, es->last_id);
		if (!es->streams.length)
			return;
		g_ptr_array_add(es->events, m_frozen_retain(version));
	} else {
		note_special(es, k, old, version);
		if (k != KIND_CLUSTER_NETWORK && k != KIND_TAG_ASSIGNMENT)
			note(es, k, en->id, op_of(old, version));
	}
	if (es->streams.length && has_pending(es))
		send_soon(es);
}

static void renumbered(struct inv_watcher *w, enum kind k) {}

static void removing(struct core *c, enum kind k, const char *id)
{
	struct event_streams *es = c->event_streams;
	struct seen_by *seen;

	if (!es->streams.length || k == KIND_EVENT || k == KIND_TAG_ASSIGNMENT || k == KIND_CLUSTER_NETWORK)
		return;
	seen = channels_that_see(es, k, id);
	if (seen)
		g_hash_table_insert(es->seen, g_strdup_printf("%d %s", (int)k, id), seen);
}

/* ---- who may go on ---- */

static bool sees_all(struct core *c, const struct identity *who, int filter)
{
	if (filter != 1 && perm_is_admin(c, who->user_id))
		return true;
	return perm_can_see(c, who, KIND_VM, NULL);
}

static void end_stream(struct event_stream *s)
{
	if (s->is_over)
		return;
	s->is_over = true;
	if (s->push)
		s->es->door->end(s->push);
}

/* One who sees more or less of the whole than before comes back as somebody else. */
static void look_again(struct event_streams *es)
{
	es->must_look = false;
	for (GList *l = es->streams.head; l; l = l->next) {
		struct event_stream *s = l->data;
		struct identity who = s->channel->who;

		g_strlcpy(who.user_id, s->user_id, sizeof(who.user_id));
		if (sees_all(es->core, &who, s->filter) != s->channel->sees_all)
			end_stream(s);
	}
}

static void flush(struct event_streams *es)
{
	if (es->must_look)
		look_again(es);
	/* Events go out before changes: who has heard of the last event only is told of these again. */
	for (int k = 0; k < N_KINDS; k++)
		if (changes_has(es->changes, k))
			es->changed_at[k] = es->max_id;
	channels_flush(es);
	timer_start(es->core->loop, &es->hold, hold_ms(es), on_hold_over, es);
}

static bool is_valid(const struct event_stream *s)
{
	struct core *c = s->es->core;
	const struct m_user *u = INV_GET(c->inv, USER, user, s->user_id);

	if (!u)
		return false;
	return s->token ? session_expires(c, s->token) != 0 : g_strcmp0(u->password_hash, s->password) == 0;
}

static void check(void *arg)
{
	struct event_streams *es = arg;

	for (GList *l = es->streams.head; l; l = l->next)
		if (!is_valid(l->data))
			end_stream(l->data);
	if (es->streams.length)
		timer_start(es->core->loop, &es->check, STREAM_CHECK_MS, check, es);
	if (!es->streams.length || g_hash_table_size(es->seen) > SEEN_MAX)
		g_hash_table_remove_all(es->seen); /* of removals that failed */
}

/* ---- opening ---- */

static void remove_stream(void *arg)
{
	struct event_stream *s = arg;
	struct event_streams *es = s->es;

	g_queue_unlink(&es->streams, &s->link);
	channel_unuse(s->channel);
	if (s->push)
		es->door->release(s->push);
	g_free(s->token);
	g_free(s->password);
	if (s->first)
		g_bytes_unref(s->first);
	if (s->more)
		g_bytes_unref(s->more);
	g_free(s);
	if (es->streams.length)
		return;
	g_ptr_array_set_size(es->events, 0);
	changes_clear(es->changes);
}

void event_stream_closed(struct event_stream *s) { loop_post(s->es->core->loop, remove_stream, s); }

static int read_topics(const char *text, int *topics, struct err *e)
{
	g_auto(GStrv) words = g_strsplit(text ? text : "events", ",", 8);

	*topics = 0;
	for (char **w = words; *w; w++) {
		if (strcmp(g_strstrip(*w), "events") == 0)
			*topics |= STREAM_EVENTS;
		else if (strcmp(*w, "changes") == 0)
			*topics |= STREAM_CHANGES;
		else
			return err_field(e, ERR_INVALID, "topics", "There is no topic '%.40s'; events and changes are.",
			                 *w);
	}
	return 0;
}

static int check_limits(struct call *c, const struct stream_limits *limits, struct err *e)
{
	struct event_streams *es = c->core->event_streams;
	int n = 0;

	for (GList *l = es->streams.head; l; l = l->next)
		n += strcmp(((struct event_stream *)l->data)->user_id, c->who.user_id) == 0;
	if (n >= limits->each_user)
		return err_set(e, ERR_BUSY,
		               "You have %d event streams open already, and no more are allowed. Close some of them.",
		               n);
	if ((int)es->streams.length >= limits->all)
		return err_set(e, ERR_BUSY, "There are %u event streams open already. Try again later.",
		               es->streams.length);
	return 0;
}

/* -1: absent, -2: nothing that we ever gave. */
static int64_t read_id(const char *text)
{
	size_t n = text ? strlen(text) : 0;

	if (n == 0)
		return -1;
	return n > 18 || strspn(text, "0123456789") != n ? -2 : g_ascii_strtoll(text, NULL, 10);
}

static GBytes *replay(struct channel *ch, GPtrArray *versions)
{
	g_autoptr(GString) out = g_string_new(NULL);

	channel_refresh(ch);
	for (guint i = 0; i < versions->len && out->len <= STREAM_REPLAY_BYTES; i++)
		if (channel_shows(ch, versions->pdata[i]))
			event_frame(ch->es->core, out, versions->pdata[i]);
	return g_bytes_new(out->str, out->len);
}

/* Where the stream goes on from; what it missed comes first. */
static void resume(struct event_stream *s, GString *out)
{
	struct event_streams *es = s->es;
	struct channel *ch = s->channel;
	g_autoptr(GPtrArray) versions = g_ptr_array_new();
	enum missed missed = events_since(es->core, es->max_id, s->after, versions);

	hello_frame(out, es->instance, -1);
	if (missed != MISSED_UNKNOWN &&
	    (!ch->replay || ch->replay_from != s->after || ch->replay_to != es->last_id || !ch->sees_all)) {
		if (ch->replay)
			g_bytes_unref(ch->replay);
		ch->replay = replay(ch, versions);
		ch->replay_from = s->after;
		ch->replay_to = es->last_id;
	}
	if (missed == MISSED_UNKNOWN || g_bytes_get_size(ch->replay) > STREAM_REPLAY_BYTES)
		reset_frame(out, es->last_id);
	else if (g_bytes_get_size(ch->replay))
		s->more = g_bytes_ref(ch->replay);
}

/* What has changed meanwhile is not known one by one: of which kinds something has. */
static void resume_changes(struct event_stream *s, GString *out)
{
	struct event_streams *es = s->es;
	struct changes *many = changes_new();
	g_autofree char *json = NULL;

	for (int k = 0; k < N_KINDS; k++)
		if (k != KIND_CLUSTER_NETWORK && k != KIND_TAG_ASSIGNMENT && k != KIND_EVENT &&
		    (!s->channel->sees_all || es->changed_at[k] >= s->after))
			changes_note_all(many, k);
	json = changes_text(many, NULL, NULL, 0);
	if (json)
		changes_frame(out, json, -1);
	changes_free(many);
}

static struct event_stream *stream_new(struct call *c, struct channel *ch)
{
	struct event_streams *es = c->core->event_streams;
	struct event_stream *s = g_new0(struct event_stream, 1);
	const struct m_user *u = INV_GET(c->core->inv, USER, user, c->who.user_id);

	s->es = es;
	s->channel = ch;
	s->link.data = s;
	s->filter = c->query.filter;
	g_strlcpy(s->user_id, c->who.user_id, sizeof(s->user_id));
	s->token = g_strdup(c->token);
	s->password = c->token ? NULL : g_strdup(u ? u->password_hash : NULL);
	s->after = read_id(c->query.last_event_id);
	if (s->after == -1 && c->query.from >= 0)
		s->after = c->query.from;
	g_queue_push_tail_link(&es->streams, &s->link);
	if (!timer_is_running(&es->check))
		timer_start(es->core->loop, &es->check, STREAM_CHECK_MS, check, es);
	return s;
}

int event_stream_open(struct call *c, const struct stream_limits *limits, struct err *e)
{
	struct event_streams *es = c->core->event_streams;
	struct channel *ch;
	int topics;

	if (!es)
		return err_set(e, ERR_BUSY, "The Manager is starting. Try again later.");
	if (c->query.is_head) {
		c->result = RESULT_TEXT;
		c->text = "";
		c->text_type = "text/event-stream";
		return 0;
	}
	if (read_topics(c->query.topics, &topics, e) < 0 || check_limits(c, limits, e) < 0)
		return -1;
	ch = channel_get(es, &c->who, sees_all(c->core, &c->who, c->query.filter), topics, c->query.search,
	                 c->query.case_sensitive, e);
	if (!ch)
		return -1;
	c->stream = stream_new(c, ch);
	c->result = RESULT_STREAM;
	return 0;
}

void event_stream_begin(struct event_stream *s, void *exchange)
{
	struct event_streams *es = s->es;
	GString *out = g_string_new(NULL);

	/* Whoever is there is told of what came before the new one, who is told here. */
	if (has_pending(es))
		flush(es);
	if (s->after == -1) {
		hello_frame(out, es->instance, es->last_id);
	} else {
		resume(s, out);
		if (s->channel->topics & STREAM_CHANGES)
			resume_changes(s, out);
	}
	s->first = g_string_free_to_bytes(out);
	s->push = es->door->invite(s->channel->feed, exchange, s);
	if (s->is_over)
		es->door->end(s->push);
}

void *event_stream_push(const struct event_stream *s) { return s->push; }

void event_stream_take(struct event_stream *s, GBytes **first, GBytes **more)
{
	*first = g_steal_pointer(&s->first);
	*more = g_steal_pointer(&s->more);
}

/* ---- life ---- */

unsigned event_streams_count(struct core *c) { return c->event_streams ? c->event_streams->streams.length : 0; }

/* With the inventory; streams that are still there belong to a door that is closed. */
static void watcher_free(struct inv_watcher *w)
{
	struct event_streams *es = (struct event_streams *)w;

	timer_stop(es->core->loop, &es->hold);
	timer_stop(es->core->loop, &es->check);
	g_hash_table_destroy(es->seen);
	changes_free(es->changes);
	g_ptr_array_free(es->events, TRUE);
	g_hash_table_destroy(es->channels);
	g_free(es);
}

int64_t event_stream_place(const struct core *c) { return c->event_streams ? c->event_streams->max_id : -1; }

void event_streams_start(struct core *c, const struct stream_door *door)
{
	struct event_streams *es = g_new0(struct event_streams, 1);

	es->watcher = (struct inv_watcher){ .published = published, .renumbered = renumbered, .free = watcher_free };
	es->core = c;
	es->door = door;
	uuid_make(c->chance, es->instance);
	es->channels = g_hash_table_new(g_str_hash, g_str_equal);
	g_queue_init(&es->streams);
	es->events = g_ptr_array_new_with_free_func((GDestroyNotify)m_frozen_release);
	es->changes = changes_new();
	es->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	INV_EACH (en, c->inv, KIND_EVENT)
		es->last_id = es->max_id = ENTITY_OBJ(en, event)->index;
	for (int k = 0; k < N_KINDS; k++)
		es->changed_at[k] = es->max_id;
	c->event_streams = es;
	c->removing = removing;
	inv_watch(c->inv, &es->watcher);
}
