/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds. A feed has a lane on each thread that serves streams of it, touched by that thread alone. A lane is a chain of
 * links, one for each text sent; a stream that is behind holds the link it takes next, and each link holds the one after
 * it. So a text is freed when the last stream has taken it, and a stream that is up to date holds nothing. A text is
 * packed when the first stream of the lane takes it so, and only then.
 *
 * Many streams are not written at once, but some at a time, with other requests served in between.
 */
#include <string.h>

#include "base/log.h"
#include "manager/http/http_push_internal.h"

#define AT_ONCE 64 /* streams that are written in one turn */

/* ---- texts ---- */

static void text_init(struct push_text *t, const char *s)
{
	t->plain = g_bytes_new_static(s, strlen(s));
	gzip_part_make(&t->part, NULL, t->plain);
}

static void text_clear(struct push_text *t)
{
	g_clear_pointer(&t->plain, g_bytes_unref);
	gzip_part_clear(&t->part);
}

GBytes *push_take(struct http_push *p, struct push_text *text)
{
	struct edge_thread *t = p->thread;

	if (!p->is_packed)
		return g_bytes_ref(text->plain);
	if (!text->part.bytes) {
		if (!t->packer)
			t->packer = gzip_packer_new();
		gzip_part_make(&text->part, t->packer, text->plain);
	}
	gzip_sum_add(&p->sum, &text->part);
	return g_bytes_ref(text->part.bytes);
}

GBytes *push_take_more(struct http_push *p, GBytes *plain)
{
	struct push_text *kept = &p->lane->more;

	if (kept->plain != plain) {
		text_clear(kept);
		kept->plain = g_bytes_ref(plain);
	}
	return push_take(p, kept);
}

/* ---- links ---- */

void link_unref(struct link *l)
{
	while (l && --l->refs == 0) {
		struct link *next = l->next;

		text_clear(&l->text);
		g_free(l);
		l = next;
	}
}

struct link *link_ref(struct link *l)
{
	if (l)
		l->refs++;
	return l;
}

/* ---- feeds ---- */

struct http_feed *http_feed_new(const struct http_feed_config *cfg)
{
	struct http_feed *f = g_new0(struct http_feed, 1);

	f->cfg = *cfg;
	atomic_init(&f->refs, 1);
	text_init(&f->heartbeat, cfg->heartbeat);
	text_init(&f->excuse, cfg->excuse);
	return f;
}

struct http_feed *feed_ref(struct http_feed *f)
{
	atomic_fetch_add(&f->refs, 1);
	return f;
}

void http_feed_unref(struct http_feed *f)
{
	if (!f || atomic_fetch_sub(&f->refs, 1) != 1)
		return;
	text_clear(&f->heartbeat);
	text_clear(&f->excuse);
	if (f->server)
		edge_server_unref(f->server);
	g_free(f);
}

int thread_index(const struct edge_thread *t) { return (int)(t - t->server->threads); }

static void lane_unref(struct lane *l)
{
	if (--l->refs > 0)
		return;
	link_unref(l->last);
	text_clear(&l->more);
	http_feed_unref(l->feed);
	g_free(l);
}

/* ---- lanes ---- */

static void make_due(struct http_push *p)
{
	if (p->is_due)
		return;
	p->is_due = true;
	p->due_next = NULL;
	*p->lane->due_tail = p;
	p->lane->due_tail = &p->due_next;
}

static void not_due(struct http_push *p)
{
	struct http_push **at = &p->lane->due;

	if (!p->is_due)
		return;
	while (*at != p)
		at = &(*at)->due_next;
	*at = p->due_next;
	if (!*at)
		p->lane->due_tail = at;
	p->is_due = false;
}

void push_join_lane(struct http_push *p)
{
	int i = thread_index(p->thread);
	struct lane *l = p->feed->lanes[i];

	if (!l) {
		l = p->feed->lanes[i] = g_new0(struct lane, 1);
		l->feed = feed_ref(p->feed);
		l->due_tail = &l->due;
	}
	l->refs++;
	p->lane = l;
	p->taken = l->sent;
	p->next = l->streams;
	if (p->next)
		p->next->prev = p;
	l->streams = p;
}

void push_leave_lane(struct http_push *p)
{
	struct lane *l = p->lane;

	if (!l)
		return;
	not_due(p);
	if (p->prev)
		p->prev->next = p->next;
	else
		l->streams = p->next;
	if (p->next)
		p->next->prev = p->prev;
	p->lane = NULL;
	if (!l->streams)
		p->feed->lanes[thread_index(p->thread)] = NULL;
	lane_unref(l);
}

/* ---- a text of the feed ---- */

/* Too far behind: what it has begun is finished, the rest is left out. */
static void give_up(struct http_push *p)
{
	link_unref(p->link);
	p->link = NULL;
	p->owes_excuse = true;
	log_debug("stream is too slow, it starts anew", "PEER", p->conn->peer);
}

static void offer(struct http_push *p, struct link *l)
{
	struct lane *lane = p->lane;

	if (p->is_closing)
		return;
	if (!p->link && !p->owes_excuse)
		p->link = link_ref(l);
	if (p->now && !p->owes_excuse && lane->sent - p->taken > p->feed->cfg.max_lag)
		give_up(p);
	if (p->owes_excuse)
		p->taken = lane->sent;
	if (!p->now)
		make_due(p);
}

static void lane_turn(struct edge_thread *t, struct edge_msg *m);

static void turn_again(struct lane *l, struct edge_thread *t)
{
	if (l->is_turning)
		return;
	l->turn.fn = lane_turn;
	l->is_turning = edge_post(t, &l->turn);
	l->refs += l->is_turning;
}

static void lane_turn(struct edge_thread *t, struct edge_msg *m)
{
	struct lane *l = (struct lane *)m;

	l->is_turning = false;
	for (int i = 0; l->due && i < AT_ONCE; i++) {
		struct http_push *p = l->due;

		not_due(p);
		push_flush(p);
	}
	if (l->due)
		turn_again(l, t);
	lane_unref(l);
}

struct feed_msg {
	struct edge_msg msg; /* must be first */
	struct http_feed *feed;
	GBytes *text;
};

static void feed_msg_free(struct feed_msg *fm)
{
	http_feed_unref(fm->feed);
	g_bytes_unref(fm->text);
	g_free(fm);
}

static void on_text(struct edge_thread *t, struct edge_msg *m)
{
	struct feed_msg *fm = (struct feed_msg *)m;
	struct lane *l = fm->feed->lanes[thread_index(t)];

	if (l) {
		struct link *k = g_new0(struct link, 1);

		k->text.plain = g_bytes_ref(fm->text);
		k->refs = 1;
		if (l->last) {
			l->last->next = link_ref(k);
			link_unref(l->last);
		}
		l->last = k;
		l->sent += g_bytes_get_size(fm->text);
		for (struct http_push *p = l->streams; p; p = p->next)
			offer(p, k);
		if (!l->is_turning) {
			l->refs++;
			lane_turn(t, &l->turn);
		}
	}
	feed_msg_free(fm);
}

void http_feed_send(struct http_feed *f, GBytes *text)
{
	for (int i = 0; f->server && i < f->server->n_threads; i++) {
		struct feed_msg *fm;

		if (atomic_load(&f->invited[i]) == 0)
			continue;
		fm = g_new0(struct feed_msg, 1);
		fm->msg.fn = on_text;
		fm->feed = feed_ref(f);
		fm->text = g_bytes_ref(text);
		if (!edge_post(&f->server->threads[i], &fm->msg))
			feed_msg_free(fm);
	}
	g_bytes_unref(text);
}
