/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/text.h"

#include <string.h>

static bool is_steering(gunichar c)
{
	GUnicodeType type = g_unichar_type(c);

	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		return true;
	return type == G_UNICODE_FORMAT || type == G_UNICODE_LINE_SEPARATOR || type == G_UNICODE_PARAGRAPH_SEPARATOR ||
	       type == G_UNICODE_SURROGATE || type == G_UNICODE_CONTROL;
}

static void append_escape(GString *out, gunichar c)
{
	if (c == '\n')
		g_string_append(out, "\\n");
	else if (c == '\r')
		g_string_append(out, "\\r");
	else if (c == '\t')
		g_string_append(out, "\\t");
	else if (c < 0x100)
		g_string_append_printf(out, "\\x%02x", (unsigned)c);
	else
		g_string_append_printf(out, "\\u%04x", (unsigned)c);
}

void text_append_printable(GString *out, const char *s, gssize len, bool with_lines)
{
	const char *end = s + (len < 0 ? (gssize)strlen(s) : len);

	while (s < end) {
		gunichar c;

		if (*s >= 0x20 && *s < 0x7f) {
			g_string_append_c(out, *s++);
			continue;
		}
		c = g_utf8_get_char_validated(s, end - s);
		if (c == (gunichar)-1 || c == (gunichar)-2) {
			g_string_append_printf(out, "\\x%02x", (unsigned char)*s++);
			continue;
		}
		if (is_steering(c) && !(with_lines && (c == '\n' || c == '\t')))
			append_escape(out, c);
		else
			g_string_append_unichar(out, c);
		s = g_utf8_next_char(s);
	}
}

char *text_printable(const char *s)
{
	GString *out = g_string_new(NULL);

	text_append_printable(out, s, -1, false);
	return g_string_free(out, FALSE);
}

int text_width(const char *s)
{
	int width = 0;

	while (*s) {
		gunichar c = g_utf8_get_char_validated(s, -1);

		if (c == (gunichar)-1 || c == (gunichar)-2) {
			width++;
			s++;
			continue;
		}
		if (!g_unichar_iszerowidth(c))
			width += g_unichar_iswide(c) ? 2 : 1;
		s = g_utf8_next_char(s);
	}
	return width;
}

void text_append_padded(GString *out, const char *s, int width)
{
	g_string_append(out, s);
	for (int n = text_width(s); n < width; n++)
		g_string_append_c(out, ' ');
}

int text_distance(const char *a, const char *b)
{
	int n = (int)strlen(b), row[97];

	if (n > 96 || strlen(a) > 96)
		return 1000;
	for (int j = 0; j <= n; j++)
		row[j] = j;
	for (int i = 1; a[i - 1]; i++) {
		int diagonal = row[0];

		row[0] = i;
		for (int j = 1; j <= n; j++) {
			int above = row[j], same = a[i - 1] == b[j - 1] ? 0 : 1;

			row[j] = MIN(MIN(above, row[j - 1]) + 1, diagonal + same);
			diagonal = above;
		}
	}
	return row[n];
}

void guess_offer(struct guess *g, const char *candidate)
{
	int d = text_distance(g->word, candidate);

	if (d < g->distance && strlen(candidate) < sizeof(g->best)) {
		g->distance = d;
		g_strlcpy(g->best, candidate, sizeof(g->best));
	}
}

const char *guess_best(const struct guess *g)
{
	int len = (int)strlen(g->word);

	return g->distance <= (len < 4 ? 1 : len < 8 ? 2 : 3) ? g->best : NULL;
}

bool text_same_without(const char *marks, const char *a, const char *b)
{
	for (;;) {
		a += strspn(a, marks);
		b += strspn(b, marks);
		if (g_ascii_tolower(*a) != g_ascii_tolower(*b))
			return false;
		if (!*a)
			return true;
		a++;
		b++;
	}
}

bool text_same_word(const char *a, const char *b) { return text_same_without("-_", a, b); }

char *text_dashed(const char *name) { return g_strdelimit(g_strdup(name), "_", '-'); }
