/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * How something was: an hour of samples every 30 seconds, and a day of their means. In memory alone: a restart begins anew. A
 * byte for each value: percent as it is, rates by their logarithm, to about 5 %. Times in which nothing was put have no value.
 */
#include <stdbool.h>
#include <stdint.h>

struct history;

enum {
	HISTORY_HOUR_SAMPLES = 120,
	HISTORY_HOUR_MS = 30 * 1000,
	HISTORY_MAX_SERIES = 8,
	HISTORY_MAX_SAMPLES = 288,
};
enum history_range { HISTORY_HOUR, HISTORY_DAY };

/* The first n_percent of n_series are percent, the others rates. A day has n_day values (144: every 10 minutes; at most
 * HISTORY_MAX_SAMPLES), and takes its memory when there is the first. */
struct history *history_new(int n_series, int n_percent, int n_day);
void history_free(struct history *h);
/* Is it time for a sample? h may be NULL. */
bool history_is_due(const struct history *h, int64_t now_ms);
/* Values below 0 and what is not a number count as 0; percent ends at 100. */
void history_put(struct history *h, int64_t now_ms, const double *values);
/* Newest first, NAN where there is none; how many (room for HISTORY_MAX_SAMPLES). h may be NULL. */
int history_get(const struct history *h, enum history_range r, int series, double *out);
/* Time of the newest value, by the clock of history_put, and between values. */
int64_t history_end_ms(const struct history *h, enum history_range r);
int64_t history_step_ms(const struct history *h, enum history_range r);
/* The newest sample alone; NAN without one. */
double history_last(const struct history *h, int series);
