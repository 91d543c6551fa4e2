/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parser keeps one buffer. When a head is complete it is cut up in place (unescaping only shrinks);
 * positions are offsets until the frame is handed out, since the buffer moves when it grows. What has
 * been searched is not searched again, so bytes that trickle in cost no more than bytes in one piece.
 */
#include "rpc/stomp.h"

#include <string.h>

#define SMALL_BUFFER (256 * 1024) /* a bigger one is given back when it is empty */

struct slice {
	size_t name, value;
};

struct stomp_parser {
	size_t max_body;
	char *buf;
	size_t start, end, capacity; /* unread bytes of buf */
	size_t searched;             /* from start on, in vain */
	bool is_broken;

	bool has_head; /* of the frame at start */
	bool has_length;
	size_t command, body, body_len;
	size_t frame_end; /* of the frame handed out last, 0 if none */
	struct slice slices[STOMP_MAX_HEADERS];
	struct stomp_header headers[STOMP_MAX_HEADERS];
	size_t n_headers;
};

struct stomp_parser *stomp_parser_new(size_t max_body)
{
	struct stomp_parser *p = g_new0(struct stomp_parser, 1);

	p->max_body = max_body ? max_body : STOMP_DEFAULT_BODY;
	return p;
}

void stomp_parser_free(struct stomp_parser *p)
{
	if (!p)
		return;
	g_free(p->buf);
	g_free(p);
}

/* The frame handed out last is done with. */
static void drop_frame(struct stomp_parser *p)
{
	if (!p->frame_end)
		return;
	p->start = p->frame_end;
	p->frame_end = 0;
	p->has_head = false;
	p->searched = 0;
	if (p->start == p->end) {
		p->start = p->end = 0;
		if (p->capacity > SMALL_BUFFER) {
			g_free(p->buf);
			p->buf = NULL;
			p->capacity = 0;
		}
	}
}

/* Offsets that are kept across calls move along with the bytes. */
static void shift_to_front(struct stomp_parser *p)
{
	size_t by = p->start;

	if (by == 0)
		return;
	memmove(p->buf, p->buf + by, p->end - by);
	p->start = 0;
	p->end -= by;
	if (!p->has_head)
		return;
	p->command -= by;
	p->body -= by;
	for (size_t i = 0; i < p->n_headers; i++) {
		p->slices[i].name -= by;
		p->slices[i].value -= by;
	}
}

void stomp_parser_feed(struct stomp_parser *p, const char *data, size_t n)
{
	drop_frame(p);
	if (p->is_broken || n == 0)
		return;
	if (p->capacity - p->end < n) {
		shift_to_front(p);
		if (p->capacity - p->end < n) {
			size_t wanted = p->end + n;

			/* The length is known: make room once, if it is not a bare promise. */
			if (p->has_head && p->has_length && p->end > 65536)
				wanted = MAX(wanted, p->body + p->body_len + 1);
			p->capacity = MAX(wanted, MAX(p->capacity * 2, (size_t)4096));
			p->buf = g_realloc(p->buf, p->capacity);
		}
	}
	memcpy(p->buf + p->end, data, n);
	p->end += n;
}

static int broken(struct stomp_parser *p, struct err *e, enum err_code code, const char *why)
{
	p->is_broken = true;
	return err_set(e, code, "STOMP: %s", why);
}

/* Undo the escapes of a text that is len bytes long and may be written one byte beyond. False: unknown escape. */
static bool unescape(char *text, size_t len)
{
	char *to = text;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '\\') {
			i++;
			switch (i < len ? text[i] : '\0') {
			case 'r': c = '\r'; break;
			case 'n': c = '\n'; break;
			case 'c': c = ':'; break;
			case '\\': c = '\\'; break;
			default: return false;
			}
		}
		*to++ = c;
	}
	*to = '\0';
	return true;
}

static int parse_header(struct stomp_parser *p, char *line, size_t len, bool is_escaped, struct err *e)
{
	char *colon = memchr(line, ':', len);
	struct slice *s = &p->slices[p->n_headers];

	if (!colon || colon == line)
		return broken(p, e, ERR_SYNTAX, "a header without a name or a colon");
	if (p->n_headers == STOMP_MAX_HEADERS)
		return broken(p, e, ERR_TOO_LARGE, "too many headers");
	s->name = (size_t)(line - p->buf);
	s->value = (size_t)(colon + 1 - p->buf);
	*colon = '\0';
	line[len] = '\0'; /* the line's end, or its \r */
	if (is_escaped &&
	    (!unescape(line, (size_t)(colon - line)) || !unescape(colon + 1, len - (size_t)(colon + 1 - line))))
		return broken(p, e, ERR_SYNTAX, "an unknown escape in a header");
	if (!g_utf8_validate(line, -1, NULL) || !g_utf8_validate(colon + 1, -1, NULL))
		return broken(p, e, ERR_SYNTAX, "a header that is not UTF-8");
	p->n_headers++;
	return 0;
}

static int parse_command(struct stomp_parser *p, const char *line, size_t len, struct err *e)
{
	if (len == 0 || len > 32)
		return broken(p, e, ERR_SYNTAX, "not a command");
	for (size_t i = 0; i < len; i++)
		if (!g_ascii_isupper(line[i]))
			return broken(p, e, ERR_SYNTAX, "not a command");
	p->command = (size_t)(line - p->buf);
	return 0;
}

static const char *find_header(const struct stomp_parser *p, const char *name)
{
	for (size_t i = 0; i < p->n_headers; i++)
		if (strcmp(p->buf + p->slices[i].name, name) == 0)
			return p->buf + p->slices[i].value;
	return NULL;
}

static int parse_length(struct stomp_parser *p, struct err *e)
{
	const char *text = find_header(p, "content-length");
	size_t n = 0;

	p->has_length = text != NULL;
	p->body_len = 0;
	if (!text)
		return 0;
	if (!*text)
		return broken(p, e, ERR_SYNTAX, "a content-length that is not a number");
	for (; *text; text++) {
		if (!g_ascii_isdigit(*text))
			return broken(p, e, ERR_SYNTAX, "a content-length that is not a number");
		n = n * 10 + (size_t)(*text - '0');
		if (n > p->max_body)
			return broken(p, e, ERR_TOO_LARGE, "the body is too large");
	}
	p->body_len = n;
	return 0;
}

/* The head lies between start and head_end, which is behind the empty line. */
static int parse_head(struct stomp_parser *p, size_t head_end, struct err *e)
{
	char *line = p->buf + p->start, *end = p->buf + head_end;
	bool is_escaped = true, is_first = true;

	if (memchr(line, '\0', (size_t)(end - line)))
		return broken(p, e, ERR_SYNTAX, "a zero byte in a head");
	p->n_headers = 0;
	for (;;) {
		char *eol = memchr(line, '\n', (size_t)(end - line));
		size_t len = (size_t)(eol - line);

		if (len > 0 && line[len - 1] == '\r')
			len--;
		if (is_first) {
			if (parse_command(p, line, len, e) < 0)
				return -1;
			line[len] = '\0';
			/* For the sake of STOMP 1.0 these three know no escapes. */
			is_escaped = strcmp(line, "CONNECT") != 0 && strcmp(line, "CONNECTED") != 0 &&
			             strcmp(line, "STOMP") != 0;
			is_first = false;
		} else if (len == 0) {
			break;
		} else if (parse_header(p, line, len, is_escaped, e) < 0) {
			return -1;
		}
		line = eol + 1;
	}
	p->has_head = true;
	p->body = head_end;
	p->searched = 0;
	return parse_length(p, e);
}

static void skip_beats(struct stomp_parser *p)
{
	while (p->start < p->end) {
		char c = p->buf[p->start];

		if (c != '\n' && !(c == '\r' && p->start + 1 < p->end && p->buf[p->start + 1] == '\n'))
			break;
		p->start++;
	}
}

/* Offset behind the empty line that ends the head, or 0. */
static size_t find_head_end(struct stomp_parser *p)
{
	size_t at = p->start + p->searched;

	while (at < p->end) {
		char *eol = memchr(p->buf + at, '\n', p->end - at);
		size_t next;

		if (!eol)
			break;
		next = (size_t)(eol - p->buf) + 1;
		if (next < p->end && p->buf[next] == '\n')
			return next + 1;
		if (next + 1 < p->end && p->buf[next] == '\r' && p->buf[next + 1] == '\n')
			return next + 2;
		if (next + 1 >= p->end) { /* the next bytes will tell */
			p->searched = next - 1 - p->start;
			return 0;
		}
		at = next;
	}
	p->searched = p->end - p->start;
	return 0;
}

static int need_head(struct stomp_parser *p, struct err *e)
{
	size_t head_end;

	skip_beats(p);
	if (p->start == p->end)
		return 0;
	head_end = find_head_end(p);
	if ((head_end ? head_end : p->end) - p->start > STOMP_MAX_HEAD_SIZE)
		return broken(p, e, ERR_TOO_LARGE, "the headers are too large");
	if (head_end)
		return parse_head(p, head_end, e) < 0 ? -1 : 1;
	/* A client of another kind would be listened to for long. */
	if (!g_ascii_isupper(p->buf[p->start]) && p->buf[p->start] != '\r')
		return broken(p, e, ERR_SYNTAX, "not a command");
	return 0;
}

static int need_body(struct stomp_parser *p, struct err *e)
{
	size_t have = p->end - p->body;
	char *end;

	if (p->has_length) {
		if (have < p->body_len + 1)
			return 0;
		if (p->buf[p->body + p->body_len] != '\0')
			return broken(p, e, ERR_SYNTAX, "the body is longer than its content-length");
		return 1;
	}
	end = memchr(p->buf + p->body + p->searched, '\0', have - p->searched);
	p->searched = have;
	if (end)
		p->body_len = (size_t)(end - p->buf) - p->body;
	if ((end ? p->body_len : have) > p->max_body)
		return broken(p, e, ERR_TOO_LARGE, "the body is too large");
	return end != NULL;
}

int stomp_parser_next(struct stomp_parser *p, struct stomp_frame *frame, struct err *e)
{
	int rc;

	drop_frame(p);
	if (p->is_broken)
		return err_set(e, ERR_SYNTAX, "STOMP: the stream is broken");
	if (p->start == p->end)
		return 0;
	if (!p->has_head) {
		rc = need_head(p, e);
		if (rc <= 0)
			return rc;
	}
	rc = need_body(p, e);
	if (rc <= 0)
		return rc;
	for (size_t i = 0; i < p->n_headers; i++)
		p->headers[i] = (struct stomp_header){ p->buf + p->slices[i].name, p->buf + p->slices[i].value };
	*frame = (struct stomp_frame){
		.command = p->buf + p->command,
		.headers = p->headers,
		.n_headers = p->n_headers,
		.body = p->buf + p->body,
		.body_len = p->body_len,
	};
	p->frame_end = p->body + p->body_len + 1;
	return 1;
}

const char *stomp_frame_header(const struct stomp_frame *frame, const char *name)
{
	for (size_t i = 0; i < frame->n_headers; i++)
		if (strcmp(frame->headers[i].name, name) == 0)
			return frame->headers[i].value;
	return NULL;
}

/* --- building --- */

void stomp_begin(GString *out, const char *command)
{
	g_string_append(out, command);
	g_string_append_c(out, '\n');
}

static void append_escaped(GString *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '\r': g_string_append(out, "\\r"); break;
		case '\n': g_string_append(out, "\\n"); break;
		case ':': g_string_append(out, "\\c"); break;
		case '\\': g_string_append(out, "\\\\"); break;
		default: g_string_append_c(out, *text);
		}
	}
}

void stomp_add(GString *out, const char *name, const char *value)
{
	append_escaped(out, name);
	g_string_append_c(out, ':');
	append_escaped(out, value);
	g_string_append_c(out, '\n');
}

void stomp_end(GString *out, const char *body, size_t body_len)
{
	if (body)
		g_string_append_printf(out, "content-length:%zu\n", body_len);
	g_string_append_c(out, '\n');
	if (body)
		g_string_append_len(out, body, (gssize)body_len);
	g_string_append_c(out, '\0');
}
