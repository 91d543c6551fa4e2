/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What is shown of a log's text. Pure. */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum { LOG_TEXT_MAX = 1 << 20 };

/* Seconds since 1970 at the beginning of a line ("2026-11-22T20:00:00.123Z ...", "2026-11-22 20:00:00.123+0000: ..."), or
 * -1. */
int64_t log_line_time(const char *line, size_t len);
/* The line with passwords, tickets, tokens and the like replaced by "***", and made valid UTF-8, appended. */
void log_append_redacted(GString *out, const char *line, size_t len);
/*
 * Of whole lines in text: those not before `since` (0: all; a line without a time has that of the one before), at most
 * n_lines of them and LOG_TEXT_MAX bytes: the last ones, or with is_first the first ones. Returns how many bytes of text
 * have been dealt with: where a later look goes on.
 */
size_t log_select(GString *out, const char *text, size_t len, int64_t since, unsigned n_lines, bool is_first);
