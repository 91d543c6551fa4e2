/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A turn is: sleep until something is due, then descriptors, messages, timers, fibers, in this order.
 * Each kind works off only what was there when its part began, so none can starve the others.
 *
 * Posting from another thread costs a lock, and a system call only when the loop is really asleep.
 */
#include "base/loop_impl.h"

#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

static int64_t read_clock_ms(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static struct loop *loop_alloc(void)
{
	struct loop *l = g_new0(struct loop, 1);

	l->epoll_fd = l->wake_fd = -1;
	pthread_mutex_init(&l->lock, NULL);
	return l;
}

struct loop *loop_new(void)
{
	struct loop *l = loop_alloc();
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = NULL };

	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->epoll_fd < 0 || l->wake_fd < 0 || epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->wake_fd, &ev) < 0)
		g_error("cannot make an event loop: %s", g_strerror(errno));
	l->now_ms = read_clock_ms(CLOCK_MONOTONIC);
	return l;
}

struct loop *loop_new_virtual(int64_t wall_ms)
{
	struct loop *l = loop_alloc();

	l->is_virtual = true;
	l->wall_base_ms = wall_ms;
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	fiber_set_deinit(l);
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	if (l->wake_fd >= 0)
		close(l->wake_fd);
	pthread_mutex_lock(&l->lock); /* whoever posted last is out of it by now */
	pthread_mutex_unlock(&l->lock);
	pthread_mutex_destroy(&l->lock);
	free(l->heap);
	free(l->inbox.items);
	free(l->outbox.items);
	g_free(l);
}

bool loop_is_virtual(const struct loop *l) { return l->is_virtual; }

int64_t loop_now_ms(const struct loop *l) { return l->now_ms; }

int64_t loop_wall_ms(const struct loop *l)
{
	return l->is_virtual ? l->wall_base_ms + l->now_ms : read_clock_ms(CLOCK_REALTIME);
}

/* --- timers: a binary heap, ordered by time, then by order of starting --- */

static bool is_before(const struct loop_timer *a, const struct loop_timer *b)
{
	return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->seq < b->seq;
}

static void heap_put(struct loop *l, size_t i, struct loop_timer *t)
{
	l->heap[i] = t;
	t->heap_index = (int)i;
}

static void heap_up(struct loop *l, size_t i, struct loop_timer *t)
{
	for (; i > 1 && is_before(t, l->heap[i / 2]); i /= 2)
		heap_put(l, i, l->heap[i / 2]);
	heap_put(l, i, t);
}

static void heap_down(struct loop *l, size_t i, struct loop_timer *t)
{
	for (size_t child; (child = 2 * i) <= l->n_timers; i = child) {
		if (child < l->n_timers && is_before(l->heap[child + 1], l->heap[child]))
			child++;
		if (!is_before(l->heap[child], t))
			break;
		heap_put(l, i, l->heap[child]);
	}
	heap_put(l, i, t);
}

void timer_stop(struct loop *l, struct loop_timer *t)
{
	size_t i = (size_t)t->heap_index;
	struct loop_timer *last;

	if (i == 0)
		return;
	t->heap_index = 0;
	last = l->heap[l->n_timers--];
	if (last == t)
		return;
	if (i > 1 && is_before(last, l->heap[i / 2]))
		heap_up(l, i, last);
	else
		heap_down(l, i, last);
}

void timer_start(struct loop *l, struct loop_timer *t, int64_t delay_ms, void (*fn)(void *), void *arg)
{
	/* The time of the turn may be old when a callback took long; a timer must not fire early. */
	int64_t now = l->is_virtual ? l->now_ms : read_clock_ms(CLOCK_MONOTONIC);

	timer_stop(l, t);
	if (delay_ms < 0)
		delay_ms = 0;
	t->due_ms = delay_ms > INT64_MAX - now ? INT64_MAX : now + delay_ms;
	t->seq = l->seq++;
	t->fn = fn;
	t->arg = arg;
	if (l->n_timers + 2 > l->heap_capacity) {
		l->heap_capacity = l->heap_capacity ? l->heap_capacity * 2 : 64;
		l->heap = realloc(l->heap, l->heap_capacity * sizeof(*l->heap));
		if (!l->heap)
			g_error("out of memory for timers");
	}
	heap_up(l, ++l->n_timers, t);
}

static int run_timers(struct loop *l)
{
	uint64_t end = l->seq;
	int n = 0;

	while (l->n_timers > 0) {
		struct loop_timer *t = l->heap[1];

		if (t->due_ms > l->now_ms || t->seq >= end)
			break;
		timer_stop(l, t);
		t->fn(t->arg); /* t may be gone afterwards */
		n++;
	}
	return n;
}

/* --- messages --- */

static void wake_locked(struct loop *l)
{
	uint64_t one = 1;

	if (!l->is_asleep)
		return;
	l->is_asleep = false;
	/* Only a full counter could fail, and then the loop is awake already. */
	if (write(l->wake_fd, &one, sizeof(one)) < 0)
		return;
}

void loop_post(struct loop *l, void (*fn)(void *), void *arg)
{
	pthread_mutex_lock(&l->lock);
	if (l->inbox.n == l->inbox.capacity) {
		l->inbox.capacity = l->inbox.capacity ? l->inbox.capacity * 2 : 64;
		l->inbox.items = realloc(l->inbox.items, l->inbox.capacity * sizeof(*l->inbox.items));
		if (!l->inbox.items)
			g_error("out of memory for messages");
	}
	l->inbox.items[l->inbox.n++] = (struct loop_message){ fn, arg };
	wake_locked(l);
	pthread_mutex_unlock(&l->lock);
}

void loop_stop(struct loop *l)
{
	pthread_mutex_lock(&l->lock);
	atomic_store(&l->is_stopping, true);
	wake_locked(l);
	pthread_mutex_unlock(&l->lock);
}

bool loop_is_stopping(const struct loop *l) { return atomic_load(&l->is_stopping); }

static int run_messages(struct loop *l)
{
	struct loop_inbox batch;
	size_t n;

	pthread_mutex_lock(&l->lock);
	batch = l->inbox;
	l->inbox = l->outbox; /* an empty buffer that was used before */
	l->outbox = (struct loop_inbox){ 0 };
	pthread_mutex_unlock(&l->lock);
	n = batch.n;
	for (size_t i = 0; i < n; i++)
		batch.items[i].fn(batch.items[i].arg);
	batch.n = 0;
	if (batch.capacity > 65536) { /* do not keep the memory of a rare flood */
		free(batch.items);
		batch = (struct loop_inbox){ 0 };
	}
	free(l->outbox.items);
	l->outbox = batch;
	return n > 0;
}

/* --- descriptors --- */

static uint32_t to_epoll(int events)
{
	return (events & LOOP_READ ? EPOLLIN | EPOLLRDHUP : 0u) | (events & LOOP_WRITE ? EPOLLOUT : 0u);
}

static void watch_apply(struct loop *l, struct loop_watch *w, int op)
{
	struct epoll_event ev = { .events = to_epoll(w->events), .data.ptr = w };

	if (epoll_ctl(l->epoll_fd, op, w->fd, &ev) < 0 && op != EPOLL_CTL_DEL)
		log_error("cannot watch a descriptor", "ERROR", g_strerror(errno));
}

void watch_start(struct loop *l, struct loop_watch *w, int fd, int events, void (*fn)(void *, int), void *arg)
{
	if (l->is_virtual)
		g_error("a virtual loop has no descriptors");
	if (w->is_active && w->fd != fd)
		watch_stop(l, w);
	w->fn = fn;
	w->arg = arg;
	if (!w->is_active) {
		w->fd = fd;
		w->events = 0;
		w->is_active = true;
	}
	watch_change(l, w, events);
}

/* Hang-ups are always reported by epoll, so a silent watch is taken out of it. */
void watch_change(struct loop *l, struct loop_watch *w, int events)
{
	int before = w->events;

	if (!w->is_active || events == before)
		return;
	w->events = events;
	watch_apply(l, w, before == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD);
}

void watch_stop(struct loop *l, struct loop_watch *w)
{
	if (!w->is_active)
		return;
	watch_change(l, w, 0);
	w->is_active = false;
	for (int i = l->event_at; i < l->n_events; i++)
		if (l->events[i].data.ptr == w)
			l->events[i].data.ptr = NULL;
}

static int run_watches(struct loop *l)
{
	int n = 0;

	while (l->event_at < l->n_events) {
		struct epoll_event *ev = &l->events[l->event_at++];
		struct loop_watch *w = ev->data.ptr;
		int events = 0;

		if (!w)
			continue;
		if (ev->events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP))
			events |= LOOP_READ;
		if (ev->events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
			events |= LOOP_WRITE;
		events &= w->events;
		if (events) {
			w->fn(w->arg, events);
			n++;
		}
	}
	return n;
}

/* --- turns --- */

static int64_t next_delay_ms(const struct loop *l, int64_t max_wait_ms)
{
	int64_t delay;

	if (l->fibers.n_ready > 0 || loop_is_stopping(l))
		return 0;
	if (l->n_timers == 0)
		return max_wait_ms;
	delay = l->heap[1]->due_ms - read_clock_ms(CLOCK_MONOTONIC);
	if (delay < 0)
		delay = 0;
	return max_wait_ms < 0 || delay < max_wait_ms ? delay : max_wait_ms;
}

static void clear_wake(struct loop *l)
{
	uint64_t count;

	for (int i = 0; i < l->n_events; i++)
		if (!l->events[i].data.ptr && read(l->wake_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
			log_error("cannot read the loop's event descriptor", "ERROR", g_strerror(errno));
}

static void wait_for_events(struct loop *l, int64_t max_wait_ms)
{
	int64_t delay = next_delay_ms(l, max_wait_ms);

	pthread_mutex_lock(&l->lock);
	if (l->inbox.n > 0 || loop_is_stopping(l))
		delay = 0;
	l->is_asleep = delay != 0;
	pthread_mutex_unlock(&l->lock);

	l->event_at = 0;
	l->n_events = epoll_wait(l->epoll_fd, l->events, LOOP_MAX_EVENTS, (int)MIN(delay, 60 * 60 * 1000));
	if (l->n_events < 0)
		l->n_events = 0;
	if (delay != 0) {
		pthread_mutex_lock(&l->lock);
		l->is_asleep = false;
		pthread_mutex_unlock(&l->lock);
	}
	clear_wake(l);
	l->now_ms = read_clock_ms(CLOCK_MONOTONIC);
}

static bool turn_real(struct loop *l, int64_t max_wait_ms)
{
	int n;

	wait_for_events(l, max_wait_ms);
	n = run_watches(l);
	n += run_messages(l);
	n += run_timers(l);
	n += fiber_run_ready(l);
	return n > 0;
}

static bool turn_virtual(struct loop *l, int64_t max_wait_ms)
{
	int64_t next;
	int n = run_messages(l);

	n += run_timers(l);
	n += fiber_run_ready(l);
	if (n > 0)
		return true;
	next = l->n_timers > 0 ? l->heap[1]->due_ms : INT64_MAX;
	if (max_wait_ms >= 0 && next > l->now_ms + max_wait_ms) {
		l->now_ms += max_wait_ms;
		return false;
	}
	if (l->n_timers == 0)
		return false;
	l->now_ms = next;
	return run_timers(l) > 0;
}

bool loop_turn(struct loop *l, int64_t max_wait_ms)
{
	return l->is_virtual ? turn_virtual(l, max_wait_ms) : turn_real(l, max_wait_ms);
}

void loop_run(struct loop *l)
{
	while (!loop_is_stopping(l))
		if (!loop_turn(l, -1) && l->is_virtual)
			break;
}
