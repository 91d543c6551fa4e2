/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The log in virtual time, in place of lib/base/log.c: the last lines are kept, and shown when a run fails. What the Manager
 * logs and what the world does stand in one story.
 */
#include <stdbool.h>
#include <stdint.h>

/* Where the Manager's own lines get their time from; NULL: 0. */
void sim_log_begin(int64_t (*now_ms)(const void *arg), const void *arg, bool is_printed);
void sim_log_line(int64_t at_ms, const char *text);
/* Print what is kept, and forget it. */
void sim_log_dump(void);
