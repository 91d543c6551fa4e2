/* SPDX-License-Identifier: Apache-2.0 */
/* The world's clock and its queue of events. Time is that of the Manager's loop, whichever it is just now. */
#include "sim/sim_host.h"

enum { MAX_IDLE_TURNS = 200000 };

struct event {
	int64_t due_ms;
	uint64_t seq;
	sim_fn *fn;
	void *arg;
	GDestroyNotify drop;
	const unsigned *life;
	unsigned life_then;
};

struct sim_queue {
	GArray *heap; /* of struct event; first is next */
	uint64_t seq;
};

void sim_time_init(struct sim *s)
{
	s->queue = g_new0(struct sim_queue, 1);
	s->queue->heap = g_array_new(FALSE, FALSE, sizeof(struct event));
}

static struct event *event_at(struct sim_queue *q, guint i) { return &g_array_index(q->heap, struct event, i); }

void sim_time_deinit(struct sim *s)
{
	for (guint i = 0; i < s->queue->heap->len; i++) {
		struct event *ev = event_at(s->queue, i);
		if (ev->drop)
			ev->drop(ev->arg);
	}
	g_array_free(s->queue->heap, TRUE);
	g_free(s->queue);
}

int64_t sim_now(const struct sim *s) { return s->life_began_ms + loop_now_ms(s->loop); }

static bool is_before(const struct event *a, const struct event *b)
{
	return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->seq < b->seq;
}

static void swap(struct sim_queue *q, guint a, guint b)
{
	struct event t = *event_at(q, a);

	*event_at(q, a) = *event_at(q, b);
	*event_at(q, b) = t;
}

void sim_after(struct sim *s, int64_t delay_ms, sim_fn *fn, void *arg, GDestroyNotify drop, const unsigned *life)
{
	struct sim_queue *q = s->queue;
	struct event ev = { sim_now(s) + MAX(delay_ms, 0), q->seq++, fn, arg, drop, life, life ? *life : 0 };
	guint i = q->heap->len;

	g_array_append_val(q->heap, ev);
	for (; i > 0 && is_before(event_at(q, i), event_at(q, (i - 1) / 2)); i = (i - 1) / 2)
		swap(q, i, (i - 1) / 2);
}

static struct event pop(struct sim_queue *q)
{
	struct event first = *event_at(q, 0);
	guint i = 0, n;

	*event_at(q, 0) = *event_at(q, q->heap->len - 1);
	g_array_set_size(q->heap, q->heap->len - 1);
	n = q->heap->len;
	for (;;) {
		guint least = i, l = 2 * i + 1, r = 2 * i + 2;

		if (l < n && is_before(event_at(q, l), event_at(q, least)))
			least = l;
		if (r < n && is_before(event_at(q, r), event_at(q, least)))
			least = r;
		if (least == i)
			return first;
		swap(q, i, least);
		i = least;
	}
}

static void run_event(struct sim *s)
{
	struct event ev = pop(s->queue);

	if (!ev.life || *ev.life == ev.life_then)
		ev.fn(s, ev.arg);
	else if (ev.drop)
		ev.drop(ev.arg);
}

static void kill_who_is_doomed(struct sim *s)
{
	unsigned agents = s->kill_agents_soon;

	s->kill_agents_soon = 0;
	for (int i = 0; i < s->n_hosts; i++)
		if (agents & 1u << i)
			sim_host_kill_agent(s->hosts[i]);
	if (s->is_doomed)
		sim_kill_manager(s);
}

/* False when nothing is left to do before the time is over. */
static bool turn(struct sim *s, int64_t until_ms)
{
	int64_t now = sim_now(s), next = until_ms, wait;

	s->n_turns++;
	kill_who_is_doomed(s);
	if (s->queue->heap->len > 0) {
		if (event_at(s->queue, 0)->due_ms <= now) {
			run_event(s);
			return true;
		}
		next = MIN(next, event_at(s->queue, 0)->due_ms);
	}
	wait = MAX(next - now, 0);
	if (loop_turn(s->loop, wait) || wait > 0) {
		s->n_idle_turns = sim_now(s) > now ? 0 : s->n_idle_turns + 1;
		if (s->n_idle_turns > MAX_IDLE_TURNS)
			sim_fail(s, "the Manager is busy without end: time stands still");
		return true;
	}
	return false;
}

void sim_run(struct sim *s, int64_t ms)
{
	int64_t until = sim_now(s) + ms;

	while (sim_is_good(s) && turn(s, until))
		;
}

bool sim_run_until(struct sim *s, bool (*holds)(struct sim *s, void *arg), void *arg, int64_t limit_ms)
{
	int64_t until = sim_now(s) + limit_ms;

	for (;;) {
		if (!s->is_doomed && holds(s, arg))
			return true;
		if (!sim_is_good(s) || !turn(s, until))
			return false;
	}
}

int64_t sim_between(struct sim *s, int64_t lo, int64_t hi)
{
	return lo + (int64_t)chance_below(s->chance, (uint64_t)(hi - lo + 1));
}

bool sim_happens(struct sim *s, unsigned in_a_million)
{
	return in_a_million > 0 && chance_below(s->chance, 1000000) < in_a_million;
}
