/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Facts with keys: log_info("vm started", "VM", vm->id, "HOST", host->id). Values are strings; NULL
 * values are left out. One line on stderr per fact (time, level, text, KEY=value quoted where needed;
 * under systemd the time is left to journald). Errors are logged once, where they are handled.
 * Never pass secrets. Any thread, any fiber.
 */
enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_set_level(enum log_level level);
/* "error", "warn", "info" or "debug"; -1 if it is none of them. */
int log_level_from_name(const char *name);
/* Name of the program for each line; the pointer is kept. */
void log_set_name(const char *name);

void log_write(enum log_level level, const char *text, ...) __attribute__((sentinel));

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__, (char *)0)
#define log_warn(...)  log_write(LOG_LEVEL_WARN, __VA_ARGS__, (char *)0)
#define log_info(...)  log_write(LOG_LEVEL_INFO, __VA_ARGS__, (char *)0)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__, (char *)0)
