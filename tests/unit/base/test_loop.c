/* SPDX-License-Identifier: Apache-2.0 */
#include "test_util.h"

#include <glib.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/loop.h"

static GString *trace;

static void note(void *arg) { g_string_append_printf(trace, "%s ", (const char *)arg); }

static int setup(void **state)
{
	trace = g_string_new(NULL);
	return 0;
}

static int teardown(void **state)
{
	g_string_free(trace, TRUE);
	return 0;
}

static void timers_fire_in_order_and_the_clock_jumps(void **state)
{
	struct loop *l = loop_new_virtual(1000000);
	struct loop_timer a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };

	timer_start(l, &a, 3600 * 1000, note, "hour");
	timer_start(l, &b, 10, note, "ten");
	timer_start(l, &c, 10, note, "ten2");
	timer_start(l, &d, 5, note, "never");
	timer_stop(l, &d);
	assert_true(timer_is_running(&a));
	loop_run(l);
	assert_string_equal(trace->str, "ten ten2 hour ");
	assert_int_equal(loop_now_ms(l), 3600 * 1000);
	assert_int_equal(loop_wall_ms(l), 1000000 + 3600 * 1000);
	assert_false(timer_is_running(&a));
	loop_free(l);
}

static void a_virtual_turn_jumps_no_further_than_asked(void **state)
{
	struct loop *l = loop_new_virtual(0);
	struct loop_timer t = { 0 };

	timer_start(l, &t, 100, note, "t");
	assert_false(loop_turn(l, 0));
	assert_int_equal(loop_now_ms(l), 0);
	assert_false(loop_turn(l, 60));
	assert_int_equal(loop_now_ms(l), 60);
	assert_true(loop_turn(l, 60));
	assert_int_equal(loop_now_ms(l), 100);
	assert_false(loop_turn(l, -1));
	loop_free(l);
}

static void messages_come_before_time(void **state)
{
	struct loop *l = loop_new_virtual(0);
	struct loop_timer t = { 0 };

	timer_start(l, &t, 1, note, "timer");
	loop_post(l, note, "one");
	loop_post(l, note, "two");
	loop_run(l);
	assert_string_equal(trace->str, "one two timer ");
	loop_free(l);
}

struct periodic {
	struct loop *loop;
	struct loop_timer timer;
	int left;
};

static void again(void *arg)
{
	struct periodic *p = arg;

	if (--p->left > 0)
		timer_start(p->loop, &p->timer, 0, again, p);
}

static void a_timer_that_restarts_at_once_does_not_block_a_turn(void **state)
{
	struct loop *l = loop_new_virtual(0);
	struct periodic p = { .loop = l, .left = 5 };

	timer_start(l, &p.timer, 0, again, &p);
	loop_turn(l, 0);
	assert_int_equal(p.left, 4);
	loop_run(l);
	assert_int_equal(p.left, 0);
	loop_free(l);
}

static int64_t last_due;
static struct loop *heap_loop;

static void in_order(void *arg)
{
	struct loop_timer *t = arg;

	assert_true(t->due_ms >= last_due);
	assert_true(t->due_ms == loop_now_ms(heap_loop));
	last_due = t->due_ms;
}

static void many_timers_stay_ordered(void **state)
{
	enum { N = 5000 };
	struct loop_timer *t = g_new0(struct loop_timer, N);
	unsigned seed = 7;

	heap_loop = loop_new_virtual(0);
	last_due = 0;
	for (int i = 0; i < N; i++)
		timer_start(heap_loop, &t[i], rand_r(&seed) % 1000, in_order, &t[i]);
	for (int i = 0; i < N; i += 3)
		timer_stop(heap_loop, &t[i]);
	for (int i = 0; i < N; i += 5)
		timer_start(heap_loop, &t[i], rand_r(&seed) % 2000, in_order, &t[i]);
	loop_run(heap_loop);
	for (int i = 0; i < N; i++)
		assert_false(timer_is_running(&t[i]));
	loop_free(heap_loop);
	g_free(t);
}

struct flood {
	struct loop *loop;
	int seen, n;
	pthread_t thread;
};

static void count_one(void *arg)
{
	struct flood *f = arg;

	if (++f->seen == f->n)
		loop_stop(f->loop);
}

static void *post_many(void *arg)
{
	struct flood *f = arg;

	for (int i = 0; i < f->n / 2; i++)
		loop_post(f->loop, count_one, f);
	return NULL;
}

static void two_threads_post(void **state)
{
	struct loop *l = loop_new();
	struct flood f = { .loop = l, .n = 200000 };
	pthread_t other;
	int64_t begin = g_get_monotonic_time();

	pthread_create(&f.thread, NULL, post_many, &f);
	pthread_create(&other, NULL, post_many, &f);
	loop_run(l);
	assert_int_equal(f.seen, f.n);
	assert_true(loop_is_stopping(l));
	pthread_join(f.thread, NULL);
	pthread_join(other, NULL);
	print_message("%d posts from two threads: %.0f ns each\n", f.n,
	              (double)(g_get_monotonic_time() - begin) * 1000 / f.n);
	loop_free(l);
}

struct ends {
	struct loop *loop;
	struct loop_watch a, b;
	int calls, fd;
};

static void stop_both(void *arg, int events)
{
	struct ends *e = arg;

	e->calls++;
	watch_stop(e->loop, &e->a);
	watch_stop(e->loop, &e->b);
	loop_stop(e->loop);
}

static void a_watch_may_stop_another_of_the_same_turn(void **state)
{
	struct ends e = { .loop = loop_new() };
	int p[2], q[2];

	assert_int_equal(pipe(p), 0);
	assert_int_equal(pipe(q), 0);
	assert_int_equal(write(p[1], "x", 1), 1);
	assert_int_equal(write(q[1], "x", 1), 1);
	watch_start(e.loop, &e.a, p[0], LOOP_READ, stop_both, &e);
	watch_start(e.loop, &e.b, q[0], LOOP_READ, stop_both, &e);
	loop_run(e.loop);
	assert_int_equal(e.calls, 1);
	loop_free(e.loop);
	for (int i = 0; i < 2; i++) {
		close(p[i]);
		close(q[i]);
	}
}

static void hung_up(void *arg, int events)
{
	struct ends *e = arg;

	e->calls++;
	assert_true(events & LOOP_READ);
	watch_change(e->loop, &e->a, 0);
}

static void a_silent_watch_hears_no_hang_up(void **state)
{
	struct ends e = { .loop = loop_new() };
	int p[2];

	assert_int_equal(pipe(p), 0);
	watch_start(e.loop, &e.a, p[0], 0, hung_up, &e);
	close(p[1]);
	assert_false(loop_turn(e.loop, 10));
	watch_change(e.loop, &e.a, LOOP_READ);
	assert_true(loop_turn(e.loop, 1000));
	assert_int_equal(e.calls, 1);
	assert_false(loop_turn(e.loop, 10));
	watch_stop(e.loop, &e.a);
	close(p[0]);
	loop_free(e.loop);
}

static void real_time_passes(void **state)
{
	struct loop *l = loop_new();
	struct loop_timer t = { 0 };
	int64_t before = loop_now_ms(l);

	timer_start(l, &t, 30, note, "t");
	while (trace->len == 0)
		loop_turn(l, -1);
	assert_in_range(loop_now_ms(l) - before, 29, 1000);
	assert_true(llabs(loop_wall_ms(l) / 1000 - (int64_t)time(NULL)) <= 1);
	loop_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(timers_fire_in_order_and_the_clock_jumps, setup, teardown),
		cmocka_unit_test_setup_teardown(a_virtual_turn_jumps_no_further_than_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(messages_come_before_time, setup, teardown),
		cmocka_unit_test(a_timer_that_restarts_at_once_does_not_block_a_turn),
		cmocka_unit_test(many_timers_stay_ordered),
		cmocka_unit_test(two_threads_post),
		cmocka_unit_test(a_watch_may_stop_another_of_the_same_turn),
		cmocka_unit_test(a_silent_watch_hears_no_hang_up),
		cmocka_unit_test_setup_teardown(real_time_passes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
