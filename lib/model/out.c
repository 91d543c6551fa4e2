/* SPDX-License-Identifier: Apache-2.0 */
/* Escaping and numbers: runs of plain bytes are found by table and copied whole. */
#include "model/out.h"

void out_grow(struct out *o, size_t n)
{
	gsize len = (gsize)(o->p - o->s->str);

	o->s->len = len;
	g_string_set_size(o->s, MAX(len + n, len * 2) + 256);
	o->s->len = len;
	*o = out_open(o->s);
}

void put_int(struct out *o, int64_t v)
{
	char buf[24], *p = buf + sizeof(buf);
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	do {
		*--p = (char)('0' + u % 10);
		u /= 10;
	} while (u);
	if (v < 0)
		*--p = '-';
	put(o, p, (size_t)(buf + sizeof(buf) - p));
}

/*
 * Bytes that need care in XML text (T), JSON (J) and XML attributes (A). 0xEF begins U+FFFE and U+FFFF,
 * which XML does not have.
 */
enum { T = 1, J = 2, A = 4 };
#define ALL (T | J | A)
static const uint8_t CARE[256] = {
	ALL,           ALL,
	ALL,           ALL,
	ALL,           ALL,
	ALL,           ALL,
	ALL,           J | A,
	J | A,         ALL,
	ALL,           ALL,
	ALL,           ALL,
	ALL,           ALL,
	ALL,           ALL,
	ALL,           ALL,
	ALL,           ALL,
	ALL,           ALL,
	ALL,           ALL,
	ALL,           ALL,
	ALL,           ALL,
	['<'] = T | A, ['>'] = T | A,
	['&'] = T | A, ['"'] = J | A,
	['\\'] = J,    [0xEF] = T | A,
};

static const unsigned char *run_of_plain(struct out *o, const unsigned char *s, uint8_t care)
{
	const unsigned char *from = s;

	while (!(CARE[*s] & care))
		s++;
	out_add(o, (const char *)from, (size_t)(s - from));
	return s;
}

/* U+FFFE or U+FFFF begins here. */
static bool is_no_character(const unsigned char *s) { return *s == 0xEF && s[1] == 0xBF && s[2] >= 0xBE; }

static void put_xml_escape(struct out *o, unsigned char c)
{
	switch (c) {
	case '<': PUT(o, "&lt;"); break;
	case '>': PUT(o, "&gt;"); break;
	case '&': PUT(o, "&amp;"); break;
	case '"': PUT(o, "&quot;"); break;
	case '\n': PUT(o, "&#10;"); break;
	case '\r': PUT(o, "&#13;"); break;
	case '\t': PUT(o, "&#9;"); break;
	case 0xEF: put_c(o, (char)c); break;
	default: /* no character of XML */ PUT(o, "\xEF\xBF\xBD");
	}
}

void out_xml(struct out *o, const char *text, bool is_attribute)
{
	uint8_t care = is_attribute ? A : T;
	const unsigned char *s = run_of_plain(o, (const unsigned char *)text, care);

	while (*s) {
		out_need(o, 8);
		put_xml_escape(o, is_no_character(s) ? 0 : *s);
		s = run_of_plain(o, s + (is_no_character(s) ? 3 : 1), care);
	}
}

void out_json(struct out *o, const char *text)
{
	static const char HEX[] = "0123456789abcdef";
	const unsigned char *s = run_of_plain(o, (const unsigned char *)text, J);

	for (; *s; s = run_of_plain(o, s + 1, J)) {
		out_need(o, 8);
		put_c(o, '\\');
		if (*s == '"' || *s == '\\') {
			put_c(o, (char)*s);
		} else if (*s == '\n') {
			put_c(o, 'n');
		} else if (*s == '\t') {
			put_c(o, 't');
		} else if (*s == '\r') {
			put_c(o, 'r');
		} else {
			PUT(o, "u00");
			put_c(o, HEX[*s >> 4]);
			put_c(o, HEX[*s & 15]);
		}
	}
}

bool m_href_safe(const char *href)
{
	for (const unsigned char *s = (const unsigned char *)href; *s; s++) {
		if (CARE[*s])
			return false;
	}
	return true;
}
