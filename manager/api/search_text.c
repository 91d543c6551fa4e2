/* SPDX-License-Identifier: Apache-2.0 */
/* Text against patterns: '*' stands for any run, everything else for itself. */
#include <string.h>

#include "manager/api/search_internal.h"

/* One character; bytes that are no UTF-8 stand for themselves. */
static inline gunichar next_char(const char **s, const char *end, bool any_case)
{
	unsigned char b = (unsigned char)**s;
	gunichar u;

	if (b < 0x80) {
		(*s)++;
		return any_case && b >= 'A' && b <= 'Z' ? b + ('a' - 'A') : b;
	}
	u = g_utf8_get_char_validated(*s, end - *s);
	if (u == (gunichar)-1 || u == (gunichar)-2) {
		(*s)++;
		return b;
	}
	*s += g_unichar_to_utf8(u, NULL);
	return any_case ? g_unichar_tolower(u) : u;
}

struct spattern spattern_make(struct pool *p, const char *text, bool any_case, bool is_substring)
{
	struct spattern pat = { NULL, any_case };
	GString *out = g_string_new(is_substring ? "*" : NULL);
	const char *end = text + strlen(text);

	for (const char *s = text; s < end;) {
		gunichar u = next_char(&s, end, any_case);
		/* "**" is "*": the fewer stars, the less to go back to */
		if (u != '*' || out->len == 0 || out->str[out->len - 1] != '*')
			g_string_append_unichar(out, u);
	}
	if (is_substring && out->str[out->len - 1] != '*')
		g_string_append_c(out, '*');
	pat.text = pool_strdup(p, out->str);
	g_string_free(out, TRUE);
	return pat;
}

bool spattern_matches(const struct spattern *pat, const char *s, size_t len)
{
	const char *end = s + len, *p = pat->text, *p_end = p + strlen(p);
	const char *star = NULL, *from = NULL; /* where to go on when the run of the last '*' must grow */

	while (s < end) {
		const char *s1 = s, *p1 = p;

		if (p < p_end && *p == '*') {
			star = ++p;
			from = s;
			if (p == p_end)
				return true;
			continue;
		}
		if (p < p_end && next_char(&p1, p_end, false) == next_char(&s1, end, pat->any_case)) {
			p = p1;
			s = s1;
			continue;
		}
		if (!star)
			return false;
		next_char(&from, end, false);
		s = from;
		p = star;
	}
	while (p < p_end && *p == '*')
		p++;
	return p == p_end;
}
