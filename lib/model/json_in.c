/* SPDX-License-Identifier: Apache-2.0 */
/* The characters of JSON (RFC 8259). The text is valid UTF-8 without NUL before the first value is read. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "model/json_in.h"

int jin_bad(struct json_in *in, const char *why)
{
	int line = 1, column = 1;

	for (const char *s = in->start; s < in->p; s++) {
		column = *s == '\n' ? 1 : column + 1;
		line += *s == '\n';
	}
	return err_set(in->e, ERR_SYNTAX, "The document is not JSON: line %d, column %d: %s", line, column, why);
}

int jin_open(struct json_in *in, struct pool *p, const char *text, size_t len, const struct m_limits *lim,
             struct err *e)
{
	*in = (struct json_in){ .p = text, .end = text + len, .start = text, .pool = p, .lim = lim, .e = e };

	if (len > lim->max_bytes)
		return err_set(e, ERR_TOO_LARGE, "The document is longer than %zu bytes", lim->max_bytes);
	if (!g_utf8_validate_len(text, len, &in->p))
		return jin_bad(in, "invalid UTF-8");
	in->p = text;
	return 0;
}

char jin_peek(struct json_in *in)
{
	while (in->p < in->end && (*in->p == ' ' || *in->p == '\n' || *in->p == '\t' || *in->p == '\r'))
		in->p++;
	return in->p < in->end ? *in->p : '\0';
}

int jin_close(struct json_in *in)
{
	jin_peek(in);
	return in->p < in->end ? jin_bad(in, "text after the end") : 0;
}

static int count(struct json_in *in)
{
	if (++in->nodes > in->lim->max_nodes)
		return err_set(in->e, ERR_TOO_LARGE, "The document has more than %d members", in->lim->max_nodes);
	return 0;
}

int jin_enter(struct json_in *in)
{
	in->p++;
	if (++in->depth > in->lim->max_depth)
		return err_set(in->e, ERR_TOO_LARGE, "The document is nested deeper than %d levels",
		               in->lim->max_depth);
	return count(in);
}

int jin_more(struct json_in *in, char close, bool *first)
{
	char c = jin_peek(in);

	if (c == close) {
		in->p++;
		in->depth--;
		return 0;
	}
	if (!*first) {
		if (c != ',')
			return jin_bad(in, close == ']' ? "',' or ']' expected" : "',' or '}' expected");
		in->p++;
	}
	*first = false;
	return count(in) < 0 ? -1 : 1;
}

/* ---- strings --------------------------------------------------------------------------------- */

static int hex4(const char *s)
{
	int v = 0;

	for (int i = 0; i < 4; i++) {
		if (!g_ascii_isxdigit(s[i]))
			return -1;
		v = v * 16 + g_ascii_xdigit_value(s[i]);
	}
	return v;
}

/* Behind "\u": a character, perhaps of two halves. */
static int escape_unicode(struct json_in *in, char **out)
{
	int c = in->end - in->p >= 4 ? hex4(in->p) : -1;

	if (c < 0)
		return jin_bad(in, "four hexadecimal digits expected");
	in->p += 4;
	if (c >= 0xD800 && c < 0xDC00) {
		int low = in->end - in->p >= 6 && in->p[0] == '\\' && in->p[1] == 'u' ? hex4(in->p + 2) : -1;

		if (low < 0xDC00 || low > 0xDFFF)
			return jin_bad(in, "half a character");
		in->p += 6;
		c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
	} else if (c == 0 || (c >= 0xDC00 && c <= 0xDFFF)) {
		return jin_bad(in, c ? "half a character" : "NUL in a string");
	}
	*out += g_unichar_to_utf8((gunichar)c, *out);
	return 0;
}

static int escape(struct json_in *in, char **out)
{
	static const char FROM[] = "\"\\/bfnrt", TO[] = "\"\\/\b\f\n\r\t";
	char c = in->p < in->end ? *in->p++ : '\0';
	const char *at = c ? strchr(FROM, c) : NULL;

	if (c == 'u')
		return escape_unicode(in, out);
	if (!at)
		return jin_bad(in, "unknown escape");
	*(*out)++ = TO[at - FROM];
	return 0;
}

/* Where the plain characters from p on end: at a quote, a backslash, a control character or the end. */
static const char *plain_end(const struct json_in *in)
{
	const char *s = in->p;

	while (s < in->end && *s != '"' && *s != '\\' && (unsigned char)*s >= 32)
		s++;
	return s;
}

/* The length of the string's source, quotes not counted; -1 when it does not end. */
static int source_length(struct json_in *in, size_t *len)
{
	const char *s = in->p;

	while (s < in->end && *s != '"')
		s += *s == '\\' ? 2 : 1;
	*len = (size_t)(s - in->p);
	return s < in->end ? 0 : jin_bad(in, "a string does not end");
}

static int string_with_escapes(struct json_in *in, char **out)
{
	size_t len;

	if (source_length(in, &len) < 0)
		return -1;
	/* Escapes are longer than what they stand for. */
	char *to = *out = pool_alloc(in->pool, len + 1);

	for (;;) {
		const char *stop = plain_end(in);

		memcpy(to, in->p, (size_t)(stop - in->p));
		to += stop - in->p;
		in->p = stop;
		if (*stop != '"' && *stop != '\\')
			return jin_bad(in, "control character in a string");
		in->p++;
		if (*stop == '"')
			return 0;
		if (escape(in, &to) < 0)
			return -1;
	}
}

int jin_string(struct json_in *in, char **out)
{
	in->p++;
	const char *stop = plain_end(in);

	if (stop == in->end || *stop != '"')
		return string_with_escapes(in, out);
	*out = pool_strndup(in->pool, in->p, (size_t)(stop - in->p));
	in->p = stop + 1;
	return 0;
}

int jin_name(struct json_in *in, char *buf, size_t size)
{
	if (jin_peek(in) != '"')
		return jin_bad(in, "a name in quotes expected");
	in->p++;
	const char *stop = plain_end(in);

	if (stop < in->end && *stop == '"') {
		size_t n = MIN((size_t)(stop - in->p), size - 1);

		memcpy(buf, in->p, n);
		buf[n] = '\0';
		in->p = stop + 1;
	} else {
		char *name;

		if (string_with_escapes(in, &name) < 0)
			return -1;
		g_strlcpy(buf, name, size);
	}
	if (jin_peek(in) != ':')
		return jin_bad(in, "':' expected");
	in->p++;
	return 0;
}

/* ---- other values ---------------------------------------------------------------------------- */

static size_t digits(struct json_in *in)
{
	const char *from = in->p;

	while (in->p < in->end && g_ascii_isdigit(*in->p))
		in->p++;
	return (size_t)(in->p - from);
}

static bool at_char(const struct json_in *in, char a, char b)
{
	return in->p < in->end && (*in->p == a || *in->p == b);
}

/* Over the characters of a number, as the grammar has them; is_int says what it is. */
static int over_number(struct json_in *in, bool *is_int)
{
	if (at_char(in, '-', '-'))
		in->p++;
	bool is_zero = at_char(in, '0', '0');
	size_t n = digits(in);

	if (n == 0 || (is_zero && n > 1))
		return jin_bad(in, "a number expected");
	*is_int = true;
	if (at_char(in, '.', '.')) {
		*is_int = false;
		in->p++;
		if (digits(in) == 0)
			return jin_bad(in, "digits expected");
	}
	if (at_char(in, 'e', 'E')) {
		*is_int = false;
		in->p++;
		if (at_char(in, '+', '-'))
			in->p++;
		if (digits(in) == 0)
			return jin_bad(in, "digits expected");
	}
	return 0;
}

int jin_number(struct json_in *in, struct jin_number *out)
{
	const char *from = in->p;

	if (over_number(in, &out->is_int) < 0)
		return -1;
	char buf[64];
	size_t n = (size_t)(in->p - from);
	char *text = n < sizeof(buf) ? memcpy(buf, from, n) : pool_strndup(in->pool, from, n);

	text[n] = '\0';
	errno = 0;
	if (out->is_int) {
		out->i = g_ascii_strtoll(text, NULL, 10);
		out->d = (double)out->i;
	} else {
		out->d = g_ascii_strtod(text, NULL);
	}
	if ((out->is_int && errno == ERANGE) || !isfinite(out->d))
		return err_set(in->e, ERR_RANGE, "The number %.40s is too large", text);
	return 0;
}

static int literal(struct json_in *in, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(in->end - in->p) < n || memcmp(in->p, word, n) != 0)
		return jin_bad(in, "a value expected");
	in->p += n;
	return 0;
}

int jin_bool(struct json_in *in, bool *out)
{
	*out = *in->p == 't';
	return literal(in, *out ? "true" : "false");
}

int jin_null(struct json_in *in) { return literal(in, "null"); }

static int skip_container(struct json_in *in, char close)
{
	bool first = true;
	char name[8];
	int more;

	if (jin_enter(in) < 0)
		return -1;
	while ((more = jin_more(in, close, &first)) > 0) {
		if (close == '}' && jin_name(in, name, sizeof(name)) < 0)
			return -1;
		if (jin_skip(in) < 0)
			return -1;
	}
	return more;
}

int jin_skip(struct json_in *in)
{
	struct jin_number n;
	char *s;
	bool b;

	switch (jin_peek(in)) {
	case '{': return skip_container(in, '}');
	case '[': return skip_container(in, ']');
	case '"': return jin_string(in, &s);
	case 't':
	case 'f': return jin_bool(in, &b);
	case 'n': return jin_null(in);
	default: return jin_number(in, &n);
	}
}
