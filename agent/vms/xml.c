/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/vms/xml.h"

#include <libxml/parser.h>
#include <string.h>

#define X(s) ((const xmlChar *)(s))
#define S(x) ((const char *)(x))

enum { MAX_BYTES = 4 << 20 };

xmlDocPtr xml_parse(const char *text, struct err *e)
{
	const size_t n = strlen(text);
	xmlDocPtr doc;

	if (n > MAX_BYTES) {
		err_set(e, ERR_TOO_LARGE, "the XML document is larger than 4 MiB");
		return NULL;
	}
	doc = xmlReadMemory(text, (int)n, NULL, NULL,
	                    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA);
	if (!doc || !xmlDocGetRootElement(doc) || doc->intSubset) {
		err_set(e, ERR_SYNTAX,
		        doc && doc->intSubset ? "the XML document must not have a DTD" : "the text is not XML");
		xml_doc_free(&doc);
		return NULL;
	}
	return doc;
}

char *xml_text_of(struct pool *p, xmlDocPtr doc, xmlNodePtr node)
{
	xmlBufferPtr b;
	char *text;

	if (!node) {
		xmlChar *all = NULL;
		int n = 0;

		xmlDocDumpMemoryEnc(doc, &all, &n, "UTF-8");
		text = pool_strndup(p, S(all), (size_t)n);
		xmlFree(all);
		return text;
	}
	b = xmlBufferCreate();
	xmlNodeDump(b, doc, node, 0, 0);
	text = pool_strdup(p, S(xmlBufferContent(b)));
	xmlBufferFree(b);
	return text;
}

bool xml_is(xmlNodePtr n, const char *name)
{
	return n && n->type == XML_ELEMENT_NODE && strcmp(S(n->name), name) == 0;
}

xmlNodePtr xml_sibling(xmlNodePtr n)
{
	do {
		n = n->next;
	} while (n && n->type != XML_ELEMENT_NODE);
	return n;
}

xmlNodePtr xml_first(xmlNodePtr parent)
{
	xmlNodePtr n = parent ? parent->children : NULL;

	return n && n->type != XML_ELEMENT_NODE ? xml_sibling(n) : n;
}

xmlNodePtr xml_child(xmlNodePtr parent, const char *name)
{
	for (xmlNodePtr n = xml_first(parent); n; n = xml_sibling(n))
		if (xml_is(n, name))
			return n;
	return NULL;
}

xmlNodePtr xml_child_ns(xmlNodePtr parent, const char *name, const char *uri)
{
	for (xmlNodePtr n = xml_first(parent); n; n = xml_sibling(n))
		if (xml_is(n, name) && n->ns && n->ns->href && strcmp(S(n->ns->href), uri) == 0)
			return n;
	return NULL;
}

xmlNodePtr xml_next(xmlNodePtr n)
{
	const char *name = S(n->name);

	for (n = xml_sibling(n); n; n = xml_sibling(n))
		if (xml_is(n, name))
			return n;
	return NULL;
}

static char *take(struct pool *p, xmlChar *s)
{
	char *copy = pool_strdup(p, S(s));

	if (s)
		xmlFree(s);
	return copy;
}

char *xml_attr(struct pool *p, xmlNodePtr n, const char *name)
{
	return n ? take(p, xmlGetNoNsProp(n, X(name))) : NULL;
}

char *xml_content(struct pool *p, xmlNodePtr n) { return n ? take(p, xmlNodeGetContent(n)) : NULL; }

char *xml_child_content(struct pool *p, xmlNodePtr parent, const char *name)
{
	return xml_content(p, xml_child(parent, name));
}

bool xml_attr_is(xmlNodePtr n, const char *name, const char *value)
{
	xmlChar *v = n ? xmlGetNoNsProp(n, X(name)) : NULL;
	const bool is_same = v && strcmp(S(v), value) == 0;

	if (v)
		xmlFree(v);
	return is_same;
}

void xml_set(xmlNodePtr n, const char *attr, const char *value) { xmlSetProp(n, X(attr), X(value)); }

void xml_unset(xmlNodePtr n, const char *attr) { xmlUnsetProp(n, X(attr)); }

void xml_remove(xmlNodePtr n)
{
	if (!n)
		return;
	xmlUnlinkNode(n);
	xmlFreeNode(n);
}

xmlNodePtr xml_add(xmlNodePtr parent, const char *name, const char *content)
{
	return xmlNewTextChild(parent, NULL, X(name), X(content));
}
