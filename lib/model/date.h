/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Dates of the API: milliseconds since 1970 in UTC, as text RFC 3339. Years 0001 to 9999. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define M_DATE_TEXT 32
#define M_DATE_MIN  INT64_C(-62135596800000) /* 0001-01-01T00:00:00.000Z */
#define M_DATE_MAX  INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

/* "2024-03-01T10:15:30.123Z"; returns the length. Dates out of range become the nearest in range. */
size_t m_date_format(int64_t ms, char buf[M_DATE_TEXT]);

/*
 * Read RFC 3339 with any number of fraction digits (cut to milliseconds), `Z` or an offset; without
 * one it is UTC. False when the text is something else, or no date that exists.
 */
bool m_date_parse(const char *text, int64_t *ms);
