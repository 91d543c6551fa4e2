/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop runs fibers one after the other: it switches to a fiber, and the fiber switches back when it
 * waits or returns. Fibers never switch to each other, so order is that of the ready list.
 *
 * A fiber that was woken does not touch what it waited for any more: the waker has already taken the
 * fiber off the waiter. Therefore the owner may wake a waiter and free it at once.
 */
#include "base/fiber.h"

#include <assert.h>
#include <errno.h>
#include <glib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fiber_switch.h"
#include "base/fiber_tools.h"
#include "base/loop_impl.h"

#if defined(FIBER_ASAN) || defined(FIBER_TSAN)
#define STACK_SIZE (512 * 1024) /* their frames are much bigger */
#else
#define STACK_SIZE (128 * 1024)
#endif
#define MAX_SPARE      1024 /* beyond, stacks are unmapped */
#define MAX_SPARE_WARM 64   /* beyond, the memory of spare stacks goes back to the kernel */

struct waitq_entry {
	struct waitq_entry *prev, *next; /* a ring; the queue points to the oldest */
	struct waitq *queue;
	struct fiber *fiber;
};

/* Lies at the upper end of its own mapping, and the struct fiber behind it: a fiber is one allocation. */
struct fiber_stack {
	struct fiber_stack *next;
	void *map;
	size_t map_size;
	char *bottom; /* of what the fiber may use */
	size_t size;
	unsigned valgrind_id;
};

struct fiber {
	struct fiber *prev, *next; /* of all in the loop */
	struct fiber *next_ready;
	struct loop *loop;
	struct fiber_stack *stack;
	fiber_place place;
	void *fake, *tsan;
	const char *name;
	void (*fn)(void *);
	void *arg;
	struct loop_timer timer;
	struct waiter *waiter; /* what it waits for, one of the two */
	struct waitq_entry *entry;
	bool is_ready, was_woken, is_finished;
};

static __thread struct fiber *current;
static __thread fiber_place loop_place; /* where the loop left off to run the current fiber */
static __thread void *loop_fake;

/* --- stacks --- */

static struct fiber_stack *stack_new(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size = STACK_SIZE + page;
	struct fiber_stack *s;
	char *map =
	    mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);

	if (map == MAP_FAILED || mprotect(map, page, PROT_NONE) < 0)
		g_error("cannot map a stack: %s", g_strerror(errno));
	/* Next to the bytes that a fiber touches first, so that a small fiber stays in one page or two. */
	s = (struct fiber_stack *)(map + size - sizeof(struct fiber_stack) - sizeof(struct fiber) - 64);
	s = (struct fiber_stack *)((uintptr_t)s & ~(uintptr_t)63);
	s->map = map;
	s->map_size = size;
	s->bottom = map + page;
	s->size = (size_t)((char *)s - s->bottom);
	s->valgrind_id = VALGRIND_STACK_REGISTER(s->bottom, s->bottom + s->size);
	tools_stack_made(map + page, size - page);
	return s;
}

static void stack_free(struct fiber_stack *s)
{
	VALGRIND_STACK_DEREGISTER(s->valgrind_id);
	tools_stack_gone(s->bottom, s->map_size - (size_t)(s->bottom - (char *)s->map));
	munmap(s->map, s->map_size);
}

static struct fiber_stack *stack_get(struct fiber_set *set)
{
	struct fiber_stack *s = set->spare;

	if (!s)
		return stack_new();
	set->spare = s->next;
	set->n_spare--;
	return s;
}

static void stack_put(struct fiber_set *set, struct fiber_stack *s)
{
	tools_stack_clear(s->bottom, s->size);
	if (set->n_spare >= MAX_SPARE) {
		stack_free(s);
		return;
	}
	if (set->n_spare >= MAX_SPARE_WARM) {
		/* All but the page that holds the head of the stack. */
		size_t page = (size_t)sysconf(_SC_PAGESIZE);

		madvise(s->bottom, s->size & ~(page - 1), MADV_DONTNEED);
	}
	s->next = set->spare;
	set->spare = s;
	set->n_spare++;
}

/* --- running --- */

static void mark_ready(struct fiber *f)
{
	struct fiber_set *set = &f->loop->fibers;

	if (f->is_ready)
		return;
	f->is_ready = true;
	f->next_ready = NULL;
	if (set->ready_last)
		set->ready_last->next_ready = f;
	else
		set->ready_first = f;
	set->ready_last = f;
	set->n_ready++;
}

/* From the fiber back into the loop. */
static void leave(struct fiber *f)
{
	struct fiber_set *set = &f->loop->fibers;

	tools_leave(f->is_finished ? NULL : &f->fake, set->loop_stack_bottom, set->loop_stack_size);
	tools_tsan_switch(set->loop_tsan);
	fiber_switch(&f->place, &loop_place);
	tools_arrive(f->fake, (const void **)&set->loop_stack_bottom, &set->loop_stack_size);
}

static void fiber_main(void)
{
	struct fiber *f = current;
	struct fiber_set *set = &f->loop->fibers;

	tools_arrive(NULL, (const void **)&set->loop_stack_bottom, &set->loop_stack_size);
	f->fn(f->arg);
	f->is_finished = true;
	leave(f);
	g_assert_not_reached();
}

static void fiber_forget(struct fiber *f)
{
	struct fiber_set *set = &f->loop->fibers;

	if (f->prev)
		f->prev->next = f->next;
	else
		set->all = f->next;
	if (f->next)
		f->next->prev = f->prev;
	set->n_fibers--;
	tools_tsan_free(f->tsan);
	stack_put(set, f->stack); /* f lies in it */
}

static void run(struct fiber *f)
{
	current = f;
	tools_leave(&loop_fake, f->stack->bottom, f->stack->size);
	tools_tsan_switch(f->tsan);
	fiber_switch(&loop_place, &f->place);
	tools_arrive(loop_fake, NULL, NULL);
	current = NULL;
	if (f->is_finished)
		fiber_forget(f);
}

int fiber_run_ready(struct loop *l)
{
	struct fiber_set *set = &l->fibers;
	int n = set->n_ready;

	if (n == 0)
		return 0;
	assert(!current);
	set->loop_tsan = tools_tsan_self();
	for (int i = 0; i < n && set->ready_first; i++) {
		struct fiber *f = set->ready_first;

		set->ready_first = f->next_ready;
		if (!set->ready_first)
			set->ready_last = NULL;
		set->n_ready--;
		f->is_ready = false;
		run(f);
	}
	return n;
}

struct fiber *fiber_start(struct loop *l, const char *name, void (*fn)(void *), void *arg)
{
	struct fiber_set *set = &l->fibers;
	struct fiber_stack *s = stack_get(set);
	struct fiber *f = (struct fiber *)(((uintptr_t)(s + 1) + 15) & ~(uintptr_t)15);

	*f = (struct fiber){ .loop = l, .stack = s, .name = name, .fn = fn, .arg = arg, .next = set->all };
	if (set->all)
		set->all->prev = f;
	set->all = f;
	set->n_fibers++;
	f->tsan = tools_tsan_new();
	fiber_prepare(&f->place, s->bottom, s->size, fiber_main);
	mark_ready(f);
	return f;
}

struct fiber *fiber_self(void) { return current; }

struct loop *fiber_loop(void) { return current ? current->loop : NULL; }

int fiber_count(const struct loop *l) { return l->fibers.n_fibers; }

void fiber_yield(void)
{
	assert(current);
	mark_ready(current);
	leave(current);
}

static void sleep_over(void *arg) { mark_ready(arg); }

void fiber_sleep(int64_t ms)
{
	struct fiber *f = current;

	assert(f);
	timer_start(f->loop, &f->timer, ms, sleep_over, f);
	leave(f);
}

/* --- one waits --- */

static void waiter_over(void *arg)
{
	struct fiber *f = arg;

	f->waiter->fiber = NULL;
	f->waiter = NULL;
	mark_ready(f);
}

bool waiter_wait(struct waiter *w, int64_t timeout_ms)
{
	struct fiber *f = current;

	assert(f && !w->fiber);
	if (w->woken || timeout_ms == 0) {
		bool was_woken = w->woken;

		w->woken = false;
		return was_woken;
	}
	w->fiber = f;
	f->waiter = w;
	f->was_woken = false;
	if (timeout_ms > 0)
		timer_start(f->loop, &f->timer, timeout_ms, waiter_over, f);
	leave(f);
	return f->was_woken;
}

void waiter_wake(struct waiter *w)
{
	struct fiber *f = w->fiber;

	if (!f) {
		w->woken = true;
		return;
	}
	w->fiber = NULL;
	f->waiter = NULL;
	f->was_woken = true;
	timer_stop(f->loop, &f->timer);
	mark_ready(f);
}

/* --- many wait --- */

static void entry_remove(struct waitq_entry *entry)
{
	if (entry->next == entry) {
		entry->queue->head = NULL;
		return;
	}
	entry->prev->next = entry->next;
	entry->next->prev = entry->prev;
	if (entry->queue->head == entry)
		entry->queue->head = entry->next;
}

static void waitq_over(void *arg)
{
	struct fiber *f = arg;

	entry_remove(f->entry);
	f->entry = NULL;
	mark_ready(f);
}

bool waitq_wait(struct waitq *q, int64_t timeout_ms)
{
	struct fiber *f = current;
	struct waitq_entry entry = { .queue = q, .fiber = f };

	assert(f);
	if (timeout_ms == 0)
		return false;
	if (q->head) {
		entry.next = q->head;
		entry.prev = q->head->prev;
		entry.prev->next = entry.next->prev = &entry;
	} else {
		q->head = entry.prev = entry.next = &entry;
	}
	f->entry = &entry;
	f->was_woken = false;
	if (timeout_ms > 0)
		timer_start(f->loop, &f->timer, timeout_ms, waitq_over, f);
	leave(f);
	return f->was_woken;
}

void waitq_wake_all(struct waitq *q)
{
	while (q->head) {
		struct waitq_entry *entry = q->head;
		struct fiber *f = entry->fiber;

		entry_remove(entry);
		f->entry = NULL;
		f->was_woken = true;
		timer_stop(f->loop, &f->timer);
		mark_ready(f);
	}
}

/* --- the end --- */

void fiber_abandon_all(struct loop *l)
{
	struct fiber_set *set = &l->fibers;

	assert(!current);
	/* First leave all waiters, for some of them lie on the stacks of other fibers. */
	for (struct fiber *f = set->all; f; f = f->next) {
		timer_stop(l, &f->timer);
		if (f->waiter)
			f->waiter->fiber = NULL;
		if (f->entry)
			entry_remove(f->entry);
	}
	while (set->all)
		fiber_forget(set->all);
	set->ready_first = set->ready_last = NULL;
	set->n_ready = 0;
}

void fiber_set_deinit(struct loop *l)
{
	struct fiber_set *set = &l->fibers;

	fiber_abandon_all(l);
	while (set->spare) {
		struct fiber_stack *s = set->spare;

		set->spare = s->next;
		stack_free(s);
	}
}
