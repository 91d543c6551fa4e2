/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim_log.h"

#include <glib.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

enum { KEPT = 400 };

static struct {
	char *lines[KEPT];
	unsigned n;
	int64_t (*now_ms)(const void *arg);
	const void *arg;
	bool is_printed;
} story;

static enum log_level max_level = LOG_LEVEL_INFO;

void sim_log_begin(int64_t (*now_ms)(const void *arg), const void *arg, bool is_printed)
{
	for (int i = 0; i < KEPT; i++)
		g_clear_pointer(&story.lines[i], g_free);
	story.n = 0;
	story.now_ms = now_ms;
	story.arg = arg;
	story.is_printed = is_printed;
}

void sim_log_line(int64_t at_ms, const char *text)
{
	char *line = g_strdup_printf("%7lld.%03d  %s", (long long)(at_ms / 1000), (int)(at_ms % 1000), text);

	if (story.is_printed)
		puts(line);
	g_free(story.lines[story.n % KEPT]);
	story.lines[story.n++ % KEPT] = line;
}

void sim_log_dump(void)
{
	unsigned from = story.n > KEPT ? story.n - KEPT : 0;

	for (unsigned i = from; i < story.n && !story.is_printed; i++)
		puts(story.lines[i % KEPT]);
	for (int i = 0; i < KEPT; i++)
		g_clear_pointer(&story.lines[i], g_free);
	story.n = 0;
}

/* ---- lib/base/log.h ---- */

void log_set_level(enum log_level level) { max_level = level; }

int log_level_from_name(const char *name)
{
	static const char *const NAMES[] = { "error", "warn", "info", "debug" };

	for (int i = 0; i < (int)G_N_ELEMENTS(NAMES); i++)
		if (strcmp(name, NAMES[i]) == 0)
			return i;
	return -1;
}

void log_set_name(const char *name) {}

void log_write(enum log_level level, const char *text, ...)
{
	static const char *const MARKS[] = { "ERROR ", "warning: ", "", "debug: " };
	g_autoptr(GString) line = NULL;
	const char *key;
	va_list ap;

	if (level > max_level)
		return;
	line = g_string_new("                manager: ");
	g_string_append_printf(line, "%s%s", MARKS[level], text);
	va_start(ap, text);
	while ((key = va_arg(ap, const char *))) {
		const char *value = va_arg(ap, const char *);
		if (value)
			g_string_append_printf(line, " %s=%s", key, value);
	}
	va_end(ap);
	sim_log_line(story.now_ms ? story.now_ms(story.arg) : 0, line->str);
}
