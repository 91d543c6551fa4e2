/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The writers' way into a GString: room is made once for several pieces, which are then put down
 * without further checks. Nothing is in the GString's length until out_close.
 */
#include <string.h>

#include "model/internal.h"

struct out {
	char *p, *end; /* next byte, and one behind the last */
	GString *s;
};

static inline struct out out_open(GString *s)
{
	return (struct out){ s->str + s->len, s->str + s->allocated_len - 1, s };
}

static inline void out_close(struct out *o)
{
	o->s->len = (gsize)(o->p - o->s->str);
	*o->p = '\0';
}

void out_grow(struct out *o, size_t n);

static inline void out_need(struct out *o, size_t n)
{
	if ((size_t)(o->end - o->p) < n)
		out_grow(o, n);
}

/* After out_need. */
static inline void put(struct out *o, const char *s, size_t n)
{
	memcpy(o->p, s, n);
	o->p += n;
}

static inline void put_c(struct out *o, char c) { *o->p++ = c; }

#define PUT(o, literal) put((o), "" literal, sizeof(literal) - 1)

static inline void out_add(struct out *o, const char *s, size_t n)
{
	out_need(o, n);
	put(o, s, n);
}

#define OUT(o, literal) out_add((o), "" literal, sizeof(literal) - 1)

/* Room for 24 bytes must be there. */
void put_int(struct out *o, int64_t v);

/* Escaped text. */
void out_xml(struct out *o, const char *s, bool is_attribute);
void out_json(struct out *o, const char *s); /* without the quotes */

/*
 * The links or actions of a service in one of the two languages: constant text with the entity's href
 * between the pieces. An absent one (of a service that has none) writes nothing.
 */
enum link_text { LINKS_XML, ACTIONS_XML, LINKS_JSON, ACTIONS_JSON, N_LINK_TEXT };
void out_links(struct out *o, const struct m_service *s, enum link_text which, const char *href, size_t href_len);
/* The path words of a service's links or actions, one by one; NULL behind the last. */
const char *m_link_word(const struct m_service *s, bool is_action, int i);

/* Needs no escaping in any language. */
bool m_href_safe(const char *href);
