/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/api/history.h"

#include <glib.h>
#include <math.h>
#include <string.h>

enum { NO_VALUE = 255, PER_OCTAVE = 7, DAY_MS = 24 * 3600 * 1000 };

struct ring {
	int64_t at_ms;
	uint16_t next, n;
};

struct history {
	struct ring hour, day;
	uint8_t n_series, n_percent;
	uint16_t n_day;
	uint16_t n_sum; /* samples since the last mean */
	int64_t sum_from_ms;
	double sums[HISTORY_MAX_SERIES];
	uint8_t *day_values; /* NULL: none yet */
	uint8_t hour_values[];
};

struct history *history_new(int n_series, int n_percent, int n_day)
{
	struct history *h = g_malloc0(sizeof(*h) + (size_t)n_series * HISTORY_HOUR_SAMPLES);

	h->n_series = (uint8_t)MIN(n_series, HISTORY_MAX_SERIES);
	h->n_percent = (uint8_t)n_percent;
	h->n_day = (uint16_t)CLAMP(n_day, 1, HISTORY_MAX_SAMPLES);
	return h;
}

void history_free(struct history *h)
{
	if (!h)
		return;
	g_free(h->day_values);
	g_free(h);
}

static uint8_t encode(double v, bool is_percent)
{
	if (!(v > 0))
		return 0;
	if (is_percent)
		return (uint8_t)(MIN(v, 100) + 0.5);
	return (uint8_t)(v < 1 ? 0 : MIN(lround(log2(v) * PER_OCTAVE) + 1, NO_VALUE - 1));
}

static double decode(uint8_t code, bool is_percent)
{
	if (code == NO_VALUE)
		return NAN;
	return is_percent || code == 0 ? code : exp2((code - 1.0) / PER_OCTAVE);
}

static bool is_percent(const struct history *h, int series) { return series < h->n_percent; }

/* One place on, by way of those that were missed. */
static void advance(const struct history *h, struct ring *r, uint8_t *values, int size, int64_t step_ms, int64_t now_ms)
{
	int64_t steps = r->n ? MAX((now_ms - r->at_ms + step_ms / 2) / step_ms, 1) : 1;

	for (int64_t i = MIN(steps, size); i > 1; i--) {
		for (int s = 0; s < h->n_series; s++)
			values[s * size + r->next] = NO_VALUE;
		r->next = (uint16_t)((r->next + 1) % size);
		r->n = (uint16_t)MIN(r->n + 1, size);
	}
	r->at_ms = now_ms;
}

static void end_advance(struct ring *r, int size)
{
	r->next = (uint16_t)((r->next + 1) % size);
	r->n = (uint16_t)MIN(r->n + 1, size);
}

/* Means of the time since the last ones. */
static void put_means(struct history *h, int64_t now_ms)
{
	if (!h->day_values)
		h->day_values = g_malloc(h->n_series * (size_t)h->n_day);
	advance(h, &h->day, h->day_values, h->n_day, DAY_MS / h->n_day, now_ms);
	for (int s = 0; s < h->n_series; s++)
		h->day_values[s * h->n_day + h->day.next] = encode(h->sums[s] / h->n_sum, is_percent(h, s));
	end_advance(&h->day, h->n_day);
	memset(h->sums, 0, sizeof(h->sums));
	h->n_sum = 0;
}

void history_put(struct history *h, int64_t now_ms, const double *values)
{
	/* after a pause the means end with the samples they are made of */
	if (h->n_sum && now_ms - h->sum_from_ms > 2 * (DAY_MS / h->n_day))
		put_means(h, h->hour.at_ms);
	advance(h, &h->hour, h->hour_values, HISTORY_HOUR_SAMPLES, HISTORY_HOUR_MS, now_ms);
	if (h->n_sum == 0)
		h->sum_from_ms = now_ms;
	for (int s = 0; s < h->n_series; s++) {
		const double v = values[s] > 0 ? values[s] : 0;

		h->hour_values[s * HISTORY_HOUR_SAMPLES + h->hour.next] = encode(v, is_percent(h, s));
		h->sums[s] += is_percent(h, s) ? MIN(v, 100) : v;
	}
	end_advance(&h->hour, HISTORY_HOUR_SAMPLES);
	h->n_sum++;
	if (now_ms - h->sum_from_ms + HISTORY_HOUR_MS >= DAY_MS / h->n_day)
		put_means(h, now_ms);
}

bool history_is_due(const struct history *h, int64_t now_ms)
{
	return !h || !h->hour.n || now_ms - h->hour.at_ms >= HISTORY_HOUR_MS - 1000;
}

int history_get(const struct history *h, enum history_range r, int series, double *out)
{
	const struct ring *ring = !h ? NULL : r == HISTORY_HOUR ? &h->hour : &h->day;
	const int size = r == HISTORY_HOUR ? HISTORY_HOUR_SAMPLES : h ? h->n_day : 1;
	const uint8_t *values = !h ? NULL : r == HISTORY_HOUR ? h->hour_values : h->day_values;

	for (int i = 0; ring && i < ring->n; i++)
		out[i] = decode(values[series * size + (ring->next + size - 1 - i) % size], is_percent(h, series));
	return ring ? ring->n : 0;
}

int64_t history_end_ms(const struct history *h, enum history_range r)
{
	return !h ? 0 : r == HISTORY_HOUR ? h->hour.at_ms : h->day.at_ms;
}

int64_t history_step_ms(const struct history *h, enum history_range r)
{
	return r == HISTORY_HOUR || !h ? HISTORY_HOUR_MS : DAY_MS / h->n_day;
}

double history_last(const struct history *h, int series)
{
	if (!h || !h->hour.n)
		return NAN;
	return decode(h->hour_values[series * HISTORY_HOUR_SAMPLES +
	                             (h->hour.next + HISTORY_HOUR_SAMPLES - 1) % HISTORY_HOUR_SAMPLES],
	              is_percent(h, series));
}
