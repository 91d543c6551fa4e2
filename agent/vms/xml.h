/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Small helpers over libxml2. Documents come from outside: no DTD, no entities, no network, bounded. */
#include <libxml/tree.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/pool.h"

static inline void xml_doc_free(xmlDocPtr *d)
{
	if (*d)
		xmlFreeDoc(*d);
}
#define auto_xml __attribute__((cleanup(xml_doc_free))) xmlDocPtr

/* The parsed document, to be freed; NULL with ERR_SYNTAX or ERR_TOO_LARGE. */
xmlDocPtr xml_parse(const char *text, struct err *e);
/* The document, or one node of it, as text in the pool. */
char *xml_text_of(struct pool *p, xmlDocPtr doc, xmlNodePtr node);

/* First child element of that name, and the next sibling of the same name as n. NULL node gives NULL. */
xmlNodePtr xml_child(xmlNodePtr parent, const char *name);
xmlNodePtr xml_next(xmlNodePtr n);
/* Any name; namespaces are those of uri only. */
xmlNodePtr xml_child_ns(xmlNodePtr parent, const char *name, const char *uri);
/* First element child. */
xmlNodePtr xml_first(xmlNodePtr parent);
xmlNodePtr xml_sibling(xmlNodePtr n);

bool xml_is(xmlNodePtr n, const char *name);
/* Copies in the pool; NULL when absent (node NULL too). */
char *xml_attr(struct pool *p, xmlNodePtr n, const char *name);
char *xml_content(struct pool *p, xmlNodePtr n);
/* Content of a child. */
char *xml_child_content(struct pool *p, xmlNodePtr parent, const char *name);
bool xml_attr_is(xmlNodePtr n, const char *name, const char *value);
void xml_set(xmlNodePtr n, const char *attr, const char *value);
void xml_unset(xmlNodePtr n, const char *attr);
void xml_remove(xmlNodePtr n);
xmlNodePtr xml_add(xmlNodePtr parent, const char *name, const char *content);
