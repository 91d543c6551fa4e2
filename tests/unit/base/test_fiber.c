/* SPDX-License-Identifier: Apache-2.0 */
#include "test_util.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fiber.h"
#include "base/task.h"

static struct loop *loop;
static GString *trace;

static int setup(void **state)
{
	loop = loop_new_virtual(0);
	trace = g_string_new(NULL);
	return 0;
}

static int teardown(void **state)
{
	loop_free(loop);
	g_string_free(trace, TRUE);
	return 0;
}

static void twice(void *arg)
{
	g_string_append_printf(trace, "%s1 ", (char *)arg);
	fiber_yield();
	g_string_append_printf(trace, "%s2 ", (char *)arg);
}

static void fibers_take_turns(void **state)
{
	fiber_start(loop, "a", twice, "a");
	fiber_start(loop, "b", twice, "b");
	assert_int_equal(fiber_count(loop), 2);
	assert_string_equal(trace->str, "");
	assert_null(fiber_self());
	loop_run(loop);
	assert_string_equal(trace->str, "a1 b1 a2 b2 ");
	assert_int_equal(fiber_count(loop), 0);
}

static void sleeper(void *arg)
{
	fiber_sleep((intptr_t)arg);
	g_string_append_printf(trace, "%d@%d ", (int)(intptr_t)arg, (int)loop_now_ms(fiber_loop()));
}

static void sleep_is_virtual(void **state)
{
	fiber_start(loop, "s", sleeper, (void *)(intptr_t)3000000);
	fiber_start(loop, "s", sleeper, (void *)(intptr_t)5);
	fiber_start(loop, "s", sleeper, (void *)(intptr_t)0);
	loop_run(loop);
	assert_string_equal(trace->str, "0@0 5@5 3000000@3000000 ");
}

static struct waiter door;

static void wait_for_door(void *arg)
{
	bool was_woken = waiter_wait(&door, (intptr_t)arg);

	g_string_append_printf(trace, "%s@%d ", was_woken ? "woken" : "late", (int)loop_now_ms(loop));
}

static void open_door(void *arg) { waiter_wake(&door); }

static void waits_end_by_wake_or_time(void **state)
{
	struct loop_timer t = { 0 };

	memset(&door, 0, sizeof(door));
	waiter_wake(&door);
	fiber_start(loop, "early", wait_for_door, (void *)(intptr_t)-1);
	loop_run(loop);
	fiber_start(loop, "late", wait_for_door, (void *)(intptr_t)10);
	loop_run(loop);
	timer_start(loop, &t, 3, open_door, NULL);
	fiber_start(loop, "timely", wait_for_door, (void *)(intptr_t)10);
	loop_run(loop);
	fiber_start(loop, "poll", wait_for_door, (void *)(intptr_t)0);
	loop_run(loop);
	assert_string_equal(trace->str, "woken@0 late@10 woken@13 late@13 ");
}

static void wait_freed(void *arg)
{
	struct waiter *w = arg;

	assert_true(waiter_wait(w, 100));
	g_string_append(trace, "on ");
}

static void a_woken_waiter_may_be_freed_at_once(void **state)
{
	struct waiter *w = g_new0(struct waiter, 1);

	fiber_start(loop, "w", wait_freed, w);
	loop_turn(loop, 0);
	waiter_wake(w);
	g_free(w);
	loop_run(loop);
	assert_string_equal(trace->str, "on ");
}

static struct waitq queue;

static void wait_in_queue(void *arg)
{
	bool was_woken = waitq_wait(&queue, (intptr_t)arg);

	g_string_append_printf(trace, "%d%s ", (int)(intptr_t)arg, was_woken ? "+" : "-");
}

static void a_queue_wakes_all_in_order(void **state)
{
	static const int LIMITS[] = { 100, 5, 200, 3, 300 };

	memset(&queue, 0, sizeof(queue));
	for (size_t i = 0; i < G_N_ELEMENTS(LIMITS); i++)
		fiber_start(loop, "q", wait_in_queue, (void *)(intptr_t)LIMITS[i]);
	while (loop_now_ms(loop) < 50)
		loop_turn(loop, 50 - loop_now_ms(loop));
	waitq_wake_all(&queue);
	assert_null(queue.head);
	loop_run(loop);
	assert_string_equal(trace->str, "3- 5- 100+ 200+ 300+ ");
	assert_int_equal(loop_now_ms(loop), 50);
}

struct node {
	struct waiter done;
	int depth, sum;
};

/* Each fiber starts two and waits for them, over a buffer that must survive. */
static void grow(void *arg)
{
	struct node *n = arg, child[2] = { 0 };
	char local[512];

	memset(local, n->depth, sizeof(local));
	for (int i = 0; n->depth > 0 && i < 2; i++) {
		child[i].depth = n->depth - 1;
		fiber_start(fiber_loop(), "grow", grow, &child[i]);
	}
	n->sum = 1;
	for (int i = 0; n->depth > 0 && i < 2; i++) {
		assert_true(waiter_wait(&child[i].done, -1));
		n->sum += child[i].sum;
	}
	for (size_t i = 0; i < sizeof(local); i++)
		assert_int_equal(local[i], n->depth);
	waiter_wake(&n->done);
}

static void thousands_of_nested_fibers(void **state)
{
	struct node root = { .depth = 11 };

	fiber_start(loop, "root", grow, &root);
	loop_run(loop);
	assert_int_equal(root.sum, (1 << 12) - 1);
	assert_int_equal(fiber_count(loop), 0);
}

static void wait_forever(void *arg)
{
	struct waiter own = { 0 };

	if (arg)
		waitq_wait(&queue, -1);
	waiter_wait(&own, 5000);
	g_string_append(trace, "never ");
}

static void abandoned_fibers_never_run(void **state)
{
	memset(&queue, 0, sizeof(queue));
	memset(&door, 0, sizeof(door));
	for (int i = 0; i < 100; i++)
		fiber_start(loop, "f", wait_forever, i % 2 ? trace : NULL);
	fiber_start(loop, "d", wait_for_door, (void *)(intptr_t)-1);
	loop_turn(loop, 0);
	fiber_start(loop, "ready", twice, "x");
	fiber_abandon_all(loop);
	assert_int_equal(fiber_count(loop), 0);
	assert_null(queue.head);
	assert_null(door.fiber);
	waitq_wake_all(&queue);
	waiter_wake(&door);
	loop_run(loop);
	assert_string_equal(trace->str, "");
	fiber_start(loop, "again", twice, "y");
	loop_run(loop);
	assert_string_equal(trace->str, "y1 y2 ");
}

static void spin(void *arg)
{
	for (int i = *(int *)arg; i > 0; i--)
		fiber_yield();
}

static void switches_are_fast(void **state)
{
	int n = 500000;
	int64_t begin = g_get_monotonic_time();

	fiber_start(loop, "spin", spin, &n);
	fiber_start(loop, "spin", spin, &n);
	loop_run(loop);
	print_message("%.1f million fiber turns a second\n", 2.0 * n / (double)(g_get_monotonic_time() - begin));
}

static void count(void *arg) { ++*(int *)arg; }

static void starts_are_fast(void **state)
{
	int n = 200000, done = 0;
	int64_t begin = g_get_monotonic_time();

	for (int i = 0; i < n; i++) {
		fiber_start(loop, "count", count, &done);
		if (i % 64 == 63)
			loop_turn(loop, 0);
	}
	loop_run(loop);
	assert_int_equal(done, n);
	print_message("%.1f million fibers a second\n", n / (double)(g_get_monotonic_time() - begin));
}

/* --- tasks --- */

struct work {
	struct task_pool *pool;
	int result, left;
	struct loop *loop;
	gint *released;
	gint n_held; /* that have begun */
};

static void square(void *arg)
{
	struct work *w = arg;

	w->result = w->result * w->result;
}

static void run_square(void *arg)
{
	struct work *w = arg;
	struct err e = ERR_INIT;

	for (int i = 2; i < 200; i++) {
		w->result = i;
		assert_int_equal(task_run(w->pool, square, w, &e), 0);
		assert_int_equal(w->result, i * i);
	}
	if (--*w->released == 0)
		loop_stop(w->loop);
}

static void fibers_wait_for_tasks(void **state)
{
	struct loop *l = loop_new();
	struct task_pool *p = task_pool_new("test", 4, 100);
	struct work w[50];
	int left = G_N_ELEMENTS(w);

	for (size_t i = 0; i < G_N_ELEMENTS(w); i++) {
		w[i] = (struct work){ .pool = p, .loop = l, .released = &left };
		fiber_start(l, "square", run_square, &w[i]);
	}
	loop_run(l);
	assert_int_equal(left, 0);
	task_pool_free(p);
	loop_free(l);
}

static void hold(void *arg)
{
	struct work *w = arg;

	g_atomic_int_inc(&w->n_held);
	while (!g_atomic_int_get(w->released))
		usleep(1000);
}

static void held(void *arg)
{
	struct work *w = arg;

	w->left--;
	if (w->left == 0)
		loop_stop(w->loop);
}

static void a_full_queue_is_busy(void **state)
{
	struct loop *l = loop_new();
	struct task_pool *p = task_pool_new("test", 2, 3);
	gint released = 0;
	struct work w = { .pool = p, .loop = l, .released = &released };
	struct err e = ERR_INIT;
	int taken = 0;

	while (taken < 50 && task_start(p, l, hold, held, &w, &e) == 0) {
		taken++;
		while (g_atomic_int_get(&w.n_held) < MIN(taken, 2)) /* two threads take one each; the others wait */
			usleep(1000);
	}
	assert_int_equal(e.code, ERR_BUSY);
	assert_int_equal(taken, 5);
	w.left = taken;
	g_atomic_int_set(&released, 1);
	loop_run(l);
	assert_int_equal(w.left, 0);
	task_pool_free(p);
	loop_free(l);
}

static void cancelled_run(void *arg)
{
	struct work *w = arg;
	struct err e = ERR_INIT;

	if (task_run(w->pool, hold, w, &e) < 0) {
		assert_int_equal(e.code, ERR_CANCELLED);
		w->left++;
	}
	w->result++;
}

static void *release_soon(void *arg)
{
	usleep(300000);
	g_atomic_int_set((gint *)arg, 1);
	return NULL;
}

static void a_pool_that_ends_cancels_what_waits(void **state)
{
	struct loop *l = loop_new();
	gint released = 0;
	struct work w = { .pool = task_pool_new("test", 1, 10), .loop = l, .released = &released };
	GThread *releaser;

	for (int i = 0; i < 4; i++)
		fiber_start(l, "c", cancelled_run, &w);
	loop_turn(l, 0);
	while (!g_atomic_int_get(&w.n_held))
		usleep(1000);
	releaser = g_thread_new("releaser", release_soon, &released);
	task_pool_free(w.pool);
	while (w.result < 4)
		loop_turn(l, 100);
	assert_int_equal(w.left, 3);
	g_thread_join(releaser);
	loop_free(l);
}

static void tasks_run_inline_on_a_virtual_loop(void **state)
{
	struct work w = { .pool = NULL, .result = 7, .left = 1, .loop = loop };
	struct err e = ERR_INIT;

	assert_int_equal(task_start(NULL, loop, square, held, &w, &e), 0);
	assert_int_equal(w.result, 49);
	assert_int_equal(w.left, 1);
	loop_run(loop);
	assert_int_equal(w.left, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(fibers_take_turns, setup, teardown),
		cmocka_unit_test_setup_teardown(sleep_is_virtual, setup, teardown),
		cmocka_unit_test_setup_teardown(waits_end_by_wake_or_time, setup, teardown),
		cmocka_unit_test_setup_teardown(a_woken_waiter_may_be_freed_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_queue_wakes_all_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(thousands_of_nested_fibers, setup, teardown),
		cmocka_unit_test_setup_teardown(abandoned_fibers_never_run, setup, teardown),
		cmocka_unit_test_setup_teardown(switches_are_fast, setup, teardown),
		cmocka_unit_test_setup_teardown(starts_are_fast, setup, teardown),
		cmocka_unit_test(fibers_wait_for_tasks),
		cmocka_unit_test(a_full_queue_is_busy),
		cmocka_unit_test(a_pool_that_ends_cancels_what_waits),
		cmocka_unit_test_setup_teardown(tasks_run_inline_on_a_virtual_loop, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
