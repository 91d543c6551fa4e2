/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/log_text.h"

#include <stdio.h>
#include <string.h>

int64_t log_line_time(const char *line, size_t len)
{
	char text[20] = { 0 };
	int year, month, day, hour, minute, second;
	g_autoptr(GDateTime) t = NULL;

	if (len < 19)
		return -1;
	memcpy(text, line, 19);
	if (sscanf(text, "%4d-%2d-%2d%*1[T ]%2d:%2d:%2d", &year, &month, &day, &hour, &minute, &second) != 6)
		return -1;
	t = g_date_time_new_utc(year, month, day, hour, minute, second);
	return t ? g_date_time_to_unix(t) : -1;
}

static GRegex *secrets(void)
{
	static GRegex *regex;

	if (g_once_init_enter(&regex)) {
		GRegex *r = g_regex_new(
		    "((?:passw(?:or)?d|passphrase|ticket|token|secret|authorization|nonce)[\"']?\\s*[=:]\\s*)"
		    "(?:(?:bearer|basic)\\s+)?(?:\"[^\"]*\"|'[^']*'|[^\\s\"',}&]+)",
		    G_REGEX_CASELESS | G_REGEX_OPTIMIZE, 0, NULL);

		g_once_init_leave(&regex, r);
	}
	return regex;
}

void log_append_redacted(GString *out, const char *line, size_t len)
{
	g_autofree char *valid = g_utf8_make_valid(line, (gssize)len);
	g_autofree char *clean = g_regex_replace(secrets(), valid, -1, 0, "\\1***", 0, NULL);

	g_string_append(out, strstr(valid, "PRIVATE KEY") ? "***" : clean ? clean : "***");
	g_string_append_c(out, '\n');
}

struct span {
	size_t from, len;
};

/* Lines that count, as places in the text. */
static GArray *find_lines(const char *text, size_t len, int64_t since, size_t *end)
{
	GArray *lines = g_array_new(FALSE, FALSE, sizeof(struct span));
	int64_t time = -1;

	*end = 0;
	while (*end < len) {
		const char *at = text + *end, *nl = memchr(at, '\n', len - *end);
		const struct span s = { *end, nl ? (size_t)(nl - at) : 0 };
		int64_t own;

		if (!nl)
			break; /* it is still being written */
		*end = (size_t)(nl + 1 - text);
		own = log_line_time(at, s.len);
		time = own >= 0 ? own : time;
		if (since == 0 || time >= since)
			g_array_append_val(lines, s);
	}
	return lines;
}

size_t log_select(GString *out, const char *text, size_t len, int64_t since, unsigned n_lines, bool is_first)
{
	size_t end, bytes = 0;
	g_autoptr(GArray) lines = find_lines(text, len, since, &end);
	guint from = 0, to = lines->len;

	if (is_first) {
		for (to = 0; to < lines->len && to < n_lines; to++) {
			bytes += g_array_index(lines, struct span, to).len + 1;
			if (bytes > LOG_TEXT_MAX)
				break;
		}
		if (to < lines->len)
			end = g_array_index(lines, struct span, to).from;
	} else {
		for (from = lines->len; from > 0 && lines->len - from < n_lines; from--) {
			bytes += g_array_index(lines, struct span, from - 1).len + 1;
			if (bytes > LOG_TEXT_MAX)
				break;
		}
	}
	for (guint i = from; i < to; i++) {
		const struct span *s = &g_array_index(lines, struct span, i);

		log_append_redacted(out, text + s->from, MIN(s->len, 8192));
	}
	return end;
}
