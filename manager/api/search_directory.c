/* SPDX-License-Identifier: Apache-2.0 */
/* Queries on a directory: ADUSER@profile:namespace:conditions. */
#include <string.h>

#include "manager/api/search_internal.h"

struct search_directory_term {
	const char *field;
	bool is_not;
	struct spattern pat;
};

static const char *const USER_NAMES[] = { "name", "username", "allnames", "lastname", "department", "title", NULL };
static const char *const GROUP_NAMES[] = { "name", "groupname", "allnames", NULL };
/* What "allnames" looks at. */
static const char *const ALL_USER_NAMES[] = { "name", "lastname", "username", NULL };
static const char *const ALL_GROUP_NAMES[] = { "name", "groupname", NULL };

static int fail(struct err *e, const char *text, const char *at, const char *allowed)
{
	return err_field(e, ERR_INVALID, "search",
	                 "search, at character %d: this is no query on a directory; allowed here: %s", (int)(at - text),
	                 allowed);
}

static bool starts_with(const char **s, const char *word)
{
	size_t n = strlen(word);

	if (g_ascii_strncasecmp(*s, word, n) != 0)
		return false;
	*s += n;
	return true;
}

static void skip_blanks(const char **s)
{
	while (**s == ' ' || **s == '\t')
		(*s)++;
}

/* "ADUSERS@profile:namespace:" */
static int parse_head(struct pool *p, struct search_directory *d, const char *text, const char **s, struct err *e)
{
	const char *colon;

	d->is_group = !starts_with(s, "aduser");
	if (d->is_group && !starts_with(s, "adgroup"))
		return fail(e, text, *s, "ADUSER@profile:namespace:, ADGROUP@profile:namespace:");
	if (**s == 's' || **s == 'S')
		(*s)++;
	if (**s != '@')
		return fail(e, text, *s, "@");
	colon = strchr(++*s, ':');
	if (!colon || colon == *s || !strchr(colon + 1, ':'))
		return fail(e, text, *s, "profile:namespace:");
	d->profile = pool_strndup(p, *s, (size_t)(colon - *s));
	*s = colon + 1;
	colon = strchr(*s, ':');
	if (colon > *s)
		d->namespace = pool_strndup(p, *s, (size_t)(colon - *s));
	*s = colon + 1;
	return 0;
}

static const char *take_name(const char **s, bool is_group)
{
	size_t n = 0;

	while (g_ascii_isalpha((*s)[n]))
		n++;
	for (const char *const *name = is_group ? GROUP_NAMES : USER_NAMES; *name; name++)
		if (strlen(*name) == n && g_ascii_strncasecmp(*name, *s, n) == 0) {
			*s += n;
			return *name;
		}
	return NULL;
}

static char *take_value(struct pool *p, const char **s)
{
	const char *begin, *end;

	skip_blanks(s);
	begin = *s;
	if (*begin == '"') {
		end = strchr(++begin, '"');
		if (!end)
			return NULL;
		*s = end + 1;
	} else {
		end = begin + strcspn(begin, " \t\"");
		*s = end;
		if (end == begin)
			return NULL;
	}
	return **s && **s != ' ' && **s != '\t' ? NULL : pool_strndup(p, begin, (size_t)(end - begin));
}

static int parse_term(struct pool *p, struct search_directory *d, const char *text, const char **s, struct err *e)
{
	struct search_directory_term *t = &d->terms[d->n_terms];
	const char *begin = *s;
	char *value;

	t->field = take_name(s, d->is_group);
	if (!t->field)
		return fail(e, text, begin,
		            d->is_group ? "name, groupname, allnames"
		                        : "name, username, allnames, lastname, department, title");
	skip_blanks(s);
	t->is_not = starts_with(s, "!=");
	if (!t->is_not && !starts_with(s, "="))
		return fail(e, text, *s, "=, !=");
	begin = *s;
	value = take_value(p, s);
	if (!value)
		return fail(e, text, begin, "a word, or text in quotes");
	t->pat = spattern_make(p, value, true, false);
	d->n_terms++;
	return 0;
}

struct search_directory *search_parse_directory(struct pool *p, const char *text, struct err *e)
{
	struct search_directory *d = POOL_NEW(p, struct search_directory);
	const char *s = text;

	if (strlen(text) > SEARCH_MAX_BYTES || !g_utf8_validate(text, -1, NULL) || strpbrk(text, "';")) {
		err_field(e, ERR_INVALID, "search", "search is too long, no UTF-8, or holds ' or ;");
		return NULL;
	}
	d->terms = POOL_ARRAY(p, struct search_directory_term, SEARCH_MAX_TERMS);
	if (parse_head(p, d, text, &s, e) < 0)
		return NULL;
	for (skip_blanks(&s); *s; skip_blanks(&s)) {
		if (d->n_terms == SEARCH_MAX_TERMS) {
			err_field(e, ERR_INVALID, "search", "search has more than %d conditions", SEARCH_MAX_TERMS);
			return NULL;
		}
		if (parse_term(p, d, text, &s, e) < 0)
			return NULL;
	}
	if (d->n_terms == 0) {
		fail(e, text, s, "a condition");
		return NULL;
	}
	return d;
}

static bool one_matches(const struct search_directory_term *t, const char *text)
{
	return text && spattern_matches(&t->pat, text, strlen(text));
}

bool search_directory_matches(const struct search_directory *d, const char *(*value)(void *arg, const char *field),
                              void *arg)
{
	for (int i = 0; i < d->n_terms; i++) {
		const struct search_directory_term *t = &d->terms[i];
		bool hit = false;

		if (strcmp(t->field, "allnames") != 0)
			hit = one_matches(t, value(arg, t->field));
		else
			for (const char *const *n = d->is_group ? ALL_GROUP_NAMES : ALL_USER_NAMES; *n; n++)
				hit = hit || one_matches(t, value(arg, *n));
		if (hit == t->is_not)
			return false;
	}
	return true;
}
