/* SPDX-License-Identifier: Apache-2.0 */
/* Enough of YAML to tell users early that their script is none, and to write plain keys. */
#include <jansson.h>
#include <string.h>

#include "manager/vms/init_int.h"

/* Where the reader is between two lines. */
struct outline {
	int depth;        /* of open brackets */
	char quote;       /* open quote, or 0 */
	int block_indent; /* indent of the key whose block of text goes on, or -1 */
	bool is_open_key; /* the last key at the top has no value in its line */
	bool has_key;
};

static bool may_quote_here(char before) { return before == 0 || strchr(" \t[{,:", before) != NULL; }

/* Follow quotes and brackets through the rest of a line. False: a bracket closes what is not open. */
static bool scan(struct outline *o, const char *s, size_t n)
{
	char before = ' ';

	for (size_t i = 0; i < n; i++) {
		char ch = s[i];

		if (o->quote) {
			if (o->quote == '"' && ch == '\\')
				i++;
			else if (ch == o->quote)
				o->quote = 0;
		} else if ((ch == '"' || ch == '\'') && may_quote_here(before)) {
			o->quote = ch;
		} else if (ch == '#' && (before == ' ' || before == '\t')) {
			return true;
		} else if ((ch == '[' || ch == '{') && (o->depth > 0 || may_quote_here(before))) {
			o->depth++;
		} else if ((ch == ']' || ch == '}') && o->depth > 0) {
			o->depth--;
		}
		before = ch;
	}
	return true;
}

/* The place behind "key:", or NULL. */
static const char *after_key(const char *s, const char *end)
{
	const char *colon = s;

	if (*s == '"' || *s == '\'') {
		const char *close = memchr(s + 1, *s, (size_t)(end - s - 1));

		colon = close ? close + 1 : end;
		return colon < end && *colon == ':' ? colon + 1 : NULL;
	}
	if (strchr("-?:,[]{}&*!|>%@`", *s) && !(strchr("-?:", *s) && s + 1 < end && s[1] != ' '))
		return NULL;
	for (; colon < end; colon++)
		if (*colon == ':' && (colon + 1 == end || colon[1] == ' ' || colon[1] == '\t'))
			return colon + 1;
	return NULL;
}

static bool is_block_header(const char *value, const char *end)
{
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	if (value == end || (*value != '|' && *value != '>'))
		return false;
	for (value++; value < end && strchr("+-0123456789", *value); value++)
		;
	return value == end || *value == ' ' || *value == '#';
}

/* In deeper lines the value of a key or an item may be a block, too. */
static bool ends_with_block(const char *s, const char *end)
{
	for (const char *q = end; q > s && end - q < 8; q--)
		if ((q[-1] == '|' || q[-1] == '>') && (q - 1 == s || q[-2] == ' '))
			return is_block_header(q - 1, end);
	return false;
}

/* A line at the top level. NULL, or what is wrong. */
static const char *top_line(struct outline *o, const char *s, const char *end)
{
	const char *value;

	if (end - s >= 3 && (strncmp(s, "---", 3) == 0 || strncmp(s, "...", 3) == 0))
		return o->has_key && s[0] == '-' ? "it holds more than one document" : NULL;
	if (!o->has_key && *s == '{') { /* the whole mapping in braces */
		o->has_key = true;
		scan(o, s, (size_t)(end - s));
		return NULL;
	}
	if (*s == '-' && (s + 1 == end || s[1] == ' '))
		return o->is_open_key && scan(o, s + 1, (size_t)(end - s - 1)) ? NULL : "it is a list, not a mapping";
	value = after_key(s, end);
	if (!value)
		return "it is not a YAML mapping of keys to values";
	o->has_key = true;
	o->is_open_key = true;
	for (const char *v = value; v < end && *v != '#'; v++)
		o->is_open_key = o->is_open_key && (*v == ' ' || *v == '\t' || *v == '&' || *v == '!');
	if (is_block_header(value, end))
		o->block_indent = 0;
	else
		scan(o, value, (size_t)(end - value));
	return NULL;
}

static const char *check_line(struct outline *o, const char *line, const char *end)
{
	const char *s = line;
	int indent;

	while (end > line && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
		end--;
	while (s < end && *s == ' ')
		s++;
	indent = (int)(s - line);
	if (s == end)
		return NULL;
	if (o->block_indent >= 0) {
		if (indent > o->block_indent)
			return NULL;
		o->block_indent = -1;
	}
	if (o->depth || o->quote) {
		scan(o, s, (size_t)(end - s));
		return NULL;
	}
	if (*s == '#')
		return NULL;
	if (*s == '\t')
		return "lines must be indented by spaces, not by tabs";
	if (indent == 0)
		return top_line(o, s, end);
	if (!o->has_key)
		return "its first key must stand at the beginning of a line";
	if (ends_with_block(s, end))
		o->block_indent = indent;
	else
		scan(o, s, (size_t)(end - s));
	return NULL;
}

int init_check_yaml(const char *text, const char *field, struct err *e)
{
	struct outline o = { .block_indent = -1 };
	int number = 1;

	for (const char *line = text; *line; number++) {
		const char *end = strchrnul(line, '\n'), *wrong = check_line(&o, line, end);

		if (wrong)
			return err_field(e, ERR_INVALID, field, "Line %d of %s: %s.", number, field, wrong);
		line = *end ? end + 1 : end;
	}
	if (o.quote || o.depth)
		return err_field(e, ERR_INVALID, field, "%s ends inside of %s.", field,
		                 o.quote ? "quotes" : "brackets");
	return 0;
}

void init_yaml_put(GString *out, const char *key, const char *value)
{
	json_t *text;
	char *quoted;

	if (!value || !*value)
		return;
	text = json_string(value);
	quoted = text ? json_dumps(text, JSON_ENCODE_ANY) : NULL;
	if (quoted)
		g_string_append_printf(out, "%s %s\n", key, quoted);
	free(quoted);
	json_decref(text);
}
