/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <glib.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *const LEVEL_NAMES[] = { "error", "warn", "info", "debug" };
static const int SYSLOG_LEVELS[] = { 3, 4, 6, 7 };

static atomic_int max_level = LOG_LEVEL_INFO;
static _Atomic(const char *) program;

void log_set_level(enum log_level level) { atomic_store(&max_level, (int)level); }

int log_level_from_name(const char *name)
{
	for (int i = 0; name && i < (int)G_N_ELEMENTS(LEVEL_NAMES); i++)
		if (strcmp(name, LEVEL_NAMES[i]) == 0)
			return i;
	return -1;
}

void log_set_name(const char *name) { atomic_store(&program, name); }

/* systemd names device and inode of the stream it gave us; a redirected stderr is not the journal. */
static bool stderr_is_journal(void)
{
	static atomic_int known = -1;
	int answer = atomic_load(&known);

	if (answer < 0) {
		const char *stream = getenv("JOURNAL_STREAM");
		unsigned long dev, ino;
		struct stat st;

		answer = stream && sscanf(stream, "%lu:%lu", &dev, &ino) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
		         st.st_dev == dev && st.st_ino == ino;
		atomic_store(&known, answer);
	}
	return answer;
}

static bool needs_quotes(const char *s)
{
	if (!*s)
		return true;
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == '"' || *s == '\\' || *s == '=' || *s == 0x7f)
			return true;
	return false;
}

/* One fact is one line: what could end the line or move the cursor is escaped. */
static void append_escaped(GString *line, const char *s, bool is_quoted)
{
	for (; *s; s++) {
		if (*s == '\n')
			g_string_append(line, "\\n");
		else if ((unsigned char)*s < ' ' || *s == 0x7f)
			g_string_append_printf(line, "\\x%02x", (unsigned char)*s);
		else if (is_quoted && (*s == '"' || *s == '\\'))
			g_string_append_printf(line, "\\%c", *s);
		else
			g_string_append_c(line, *s);
	}
}

static void append_time(GString *line)
{
	struct timespec ts;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	g_string_append_printf(line, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ ", tm.tm_year + 1900, tm.tm_mon + 1,
	                       tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(ts.tv_nsec / 1000000));
}

static void append_fact(GString *line, const char *text, va_list ap)
{
	const char *key;

	append_escaped(line, text, false);
	while ((key = va_arg(ap, const char *))) {
		const char *value = va_arg(ap, const char *);

		if (!value)
			continue;
		g_string_append_printf(line, " %s=", key);
		if (needs_quotes(value)) {
			g_string_append_c(line, '"');
			append_escaped(line, value, true);
			g_string_append_c(line, '"');
		} else {
			g_string_append(line, value);
		}
	}
}

void log_write(enum log_level level, const char *text, ...)
{
	g_autoptr(GString) line = NULL;
	const char *name = atomic_load(&program);
	va_list ap;

	if ((int)level > atomic_load_explicit(&max_level, memory_order_relaxed))
		return;
	line = g_string_sized_new(256);
	if (stderr_is_journal()) {
		g_string_append_printf(line, "<%d>", SYSLOG_LEVELS[level]);
	} else {
		append_time(line);
		g_string_append_printf(line, "%-5s ", LEVEL_NAMES[level]);
		if (name)
			g_string_append_printf(line, "%s: ", name);
	}
	va_start(ap, text);
	append_fact(line, text, ap);
	va_end(ap);
	g_string_append_c(line, '\n');
	/* One write a line, so that lines of several threads do not mix. Nobody to tell when it fails. */
	if (write(STDERR_FILENO, line->str, line->len) < 0)
		return;
}
