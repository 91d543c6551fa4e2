/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Values from the command line: numbers with units, booleans, enumerations, dates; and back, for people. */
#include <glib.h>
#include <jansson.h>

#include "model/model.h"

/*
 * "512", "4GiB", "10G" and "1.5T" (1024), "10GB" (1000), "-1". ERR_SYNTAX, or ERR_RANGE when it does not fit into 64 bits.
 */
int value_size(const char *text, int64_t *out, struct err *e);
/* "90", "90s", "5m", "2h", "1d", "500ms" to milliseconds; a bare number is seconds. */
int value_duration(const char *text, int *out_ms, struct err *e);
/* true, yes, on, 1; false, no, off, 0. */
int value_bool(const char *text, bool *out, struct err *e);
/* One value of a scalar or enumeration as JSON of the API; flag names it in the error. The caller owns the result. */
json_t *value_scalar(enum m_kind kind, const struct m_enum *en, const char *flag, const char *text, struct err *e);

/* Is the number a count of bytes, judged by its name? */
bool value_is_bytes(const char *member);
/* "2 GiB", "1.5 MiB", "17 B" */
void value_append_bytes(GString *out, int64_t n);
/* "2026-11-22 21:03:10" in local time */
void value_append_date(GString *out, int64_t ms);
