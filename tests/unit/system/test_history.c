/* SPDX-License-Identifier: Apache-2.0 */
/* An hour and a day of numbers. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>

#include "manager/api/history.h"

enum { STEP = HISTORY_HOUR_MS };

static void put(struct history *h, int64_t at, double percent, double rate)
{
	history_put(h, at, (double[]){ percent, rate });
}

static void test_hour(void **state)
{
	struct history *h = history_new(2, 1, 144);
	double out[HISTORY_MAX_SAMPLES];

	assert_true(isnan(history_last(h, 0)) && history_get(h, HISTORY_HOUR, 0, out) == 0 && history_is_due(h, 0));
	assert_int_equal(history_get(NULL, HISTORY_DAY, 0, out), 0);
	for (int i = 0; i < 150; i++)
		put(h, i * (int64_t)STEP, i % 100, 1000.0 * i);
	assert_int_equal(history_get(h, HISTORY_HOUR, 0, out), HISTORY_HOUR_SAMPLES);
	assert_true(out[0] == 49 && out[119] == 30);
	assert_int_equal(history_get(h, HISTORY_HOUR, 1, out), HISTORY_HOUR_SAMPLES);
	assert_true(fabs(out[0] / 149000 - 1) < 0.06 && fabs(out[119] / 30000 - 1) < 0.06);
	assert_false(history_is_due(h, 149 * (int64_t)STEP + 5000));
	assert_true(history_is_due(h, 150 * (int64_t)STEP) && history_end_ms(h, HISTORY_HOUR) == 149 * (int64_t)STEP);
	history_free(h);
}

static void test_gaps_and_nonsense(void **state)
{
	struct history *h = history_new(2, 1, 144);
	double out[HISTORY_MAX_SAMPLES];

	put(h, 0, 10, 1e300);
	put(h, 4 * STEP, 400, -5);
	assert_int_equal(history_get(h, HISTORY_HOUR, 0, out), 5);
	assert_true(out[0] == 100 && isnan(out[1]) && isnan(out[3]) && out[4] == 10);
	put(h, 1000LL * STEP, NAN, NAN);
	assert_int_equal(history_get(h, HISTORY_HOUR, 0, out), HISTORY_HOUR_SAMPLES);
	assert_true(out[0] == 0 && isnan(out[1]) && isnan(out[119]));
	history_free(h);
}

static void test_day_has_means(void **state)
{
	struct history *h = history_new(2, 1, 144);
	double out[HISTORY_MAX_SAMPLES];
	int64_t at = 0;

	for (int i = 0; i < 40; i++, at += STEP) /* 20 samples in ten minutes */
		put(h, at, i < 20 ? (i % 2 ? 10 : 30) : 50, 1 << 20);
	assert_int_equal(history_get(h, HISTORY_DAY, 0, out), 2);
	assert_true(out[0] == 50 && out[1] == 20);
	assert_int_equal(history_get(h, HISTORY_DAY, 1, out), 2);
	assert_true(fabs(out[0] / (1 << 20) - 1) < 0.06);
	at += 3600 * 1000; /* an hour of silence */
	for (int i = 0; i < 20; i++, at += STEP)
		put(h, at, 70, 0);
	assert_int_equal(history_get(h, HISTORY_DAY, 0, out), 9);
	assert_true(out[0] == 70 && isnan(out[1]) && isnan(out[6]) && out[7] == 50);
	for (int i = 0; i < 20 * 200; i++, at += STEP)
		put(h, at, 1, 0);
	assert_int_equal(history_get(h, HISTORY_DAY, 0, out), 144);
	history_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hour),
		cmocka_unit_test(test_gaps_and_nonsense),
		cmocka_unit_test(test_day_has_means),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
