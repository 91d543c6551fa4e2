/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading XML: libxml2's SAX events drive a stack of frames, so that limits hold while the document is
 * read and no tree is built. A frame is an object, a list, a scalar's text, or something to be skipped.
 * The first error stops the parser.
 *
 * An <id> element inside of an entity is no id (that is an attribute) and is skipped. Where an attribute
 * belongs to a type without identity (a VLAN's id), an element of that name is read as well.
 */
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <string.h>

#include "model/internal.h"

enum frame_kind { IN_OBJECT, IN_LIST, IN_SCALAR, IN_NOISE };

struct frame {
	enum frame_kind kind;
	const struct m_type *type;   /* of an object, else NULL */
	void *obj;                   /* the object; of a scalar or a list: the one that gets it */
	const struct m_field *field; /* what this frame's value becomes; NULL for the root */
	GByteArray *items;           /* of a list */
	struct m_where here;         /* of an object */
	const struct m_where *at;    /* the object around, or this one: what an error's path begins with */
};

struct reader {
	struct pool *p;
	const struct m_type *type;
	const struct m_limits *lim;
	struct err *e;
	xmlParserCtxtPtr ctxt;
	struct frame *frames; /* max_depth of them */
	int depth;
	GString *text;
	void *root;
	int nodes;
	bool failed;
};

static struct frame *top(struct reader *r) { return r->depth ? &r->frames[r->depth - 1] : NULL; }

/* The path of what is being read, and a last word (or NULL). */
static const char *position(struct reader *r, const char *last, char *buf, size_t size)
{
	const struct frame *fr = top(r);
	struct m_where inner = { fr->at, fr->field ? fr->field->name : NULL };

	return m_where_text(fr->kind == IN_OBJECT ? fr->at : &inner, last, buf, size);
}

static void stop(struct reader *r)
{
	r->failed = true;
	xmlStopParser(r->ctxt);
}

static void refuse_element(struct reader *r, const char *name)
{
	char path[96], owner[96];

	position(r, name, path, sizeof(path));
	position(r, NULL, owner, sizeof(owner));
	err_field(r->e, ERR_SYNTAX, path, "'%.80s' is no member of %s", name, owner);
	stop(r);
}

static void push(struct reader *r, struct frame fr)
{
	const struct frame *up = top(r);
	struct frame *new = &r->frames[r->depth++];

	*new = fr;
	new->at = up ? up->at : NULL;
	if (fr.kind == IN_OBJECT) {
		new->here = (struct m_where){ new->at, fr.field ? fr.field->name : fr.type->name };
		new->at = &new->here;
	}
	if (fr.kind == IN_LIST)
		new->items = g_byte_array_new();
	if (fr.kind == IN_SCALAR)
		g_string_truncate(r->text, 0);
}

/* Count elements and attributes; false when there are too many, or they are too deep. */
static bool within_limits(struct reader *r, int more)
{
	r->nodes += more;
	if (r->nodes > r->lim->max_nodes)
		err_set(r->e, ERR_TOO_LARGE, "The document has more than %d elements and attributes",
		        r->lim->max_nodes);
	else if (r->depth >= r->lim->max_depth)
		err_set(r->e, ERR_TOO_LARGE, "The document is nested deeper than %d levels", r->lim->max_depth);
	else
		return true;
	stop(r);
	return false;
}

/* text is ours to change. */
static bool set_scalar(struct reader *r, const struct m_field *f, char *text, void *at)
{
	if (f->kind == M_STRING) {
		*(char **)at = pool_strdup(r->p, text);
		return true;
	}
	if (m_scalar_parse(f, g_strstrip(text), at, top(r)->at, r->e) == 0)
		return true;
	stop(r);
	return false;
}

/* libxml2 gives attributes in fives: name, prefix, URI, begin and end of the value. */
static void read_attributes(struct reader *r, const struct m_type *t, void *obj, int n, const xmlChar **attrs)
{
	for (int i = 0; i < n && !r->failed; i++, attrs += 5) {
		const char *name = (const char *)attrs[0];
		const struct m_field *f = attrs[1] ? NULL : m_wire_field(t, name);

		if (attrs[1] || m_is_noise(name) || (!f && !strcmp(name, "id")))
			continue;
		if (!f || !(f->flags & M_F_XML_ATTR)) {
			refuse_element(r, name);
			return;
		}
		g_autofree char *text = g_strndup((const char *)attrs[3], (gsize)(attrs[4] - attrs[3]));

		if (set_scalar(r, f, text, m_at(obj, f)))
			m_set_bit(obj, f->has_bit);
	}
}

static void enter_object(struct reader *r, const struct m_type *t, const struct m_field *f, int n,
                         const xmlChar **attrs)
{
	struct frame fr = { .kind = IN_OBJECT, .type = t, .obj = m_new(r->p, t), .field = f };

	push(r, fr);
	read_attributes(r, t, fr.obj, n, attrs);
}

static void enter_value(struct reader *r, const struct m_field *f, void *obj, int n, const xmlChar **attrs)
{
	if (f->kind == M_STRUCT || f->kind == M_REF)
		enter_object(r, f->type, f, n, attrs);
	else
		push(r, (struct frame){ .kind = IN_SCALAR, .field = f, .obj = obj });
}

static void enter_member(struct reader *r, struct frame *up, const char *name, int n, const xmlChar **attrs)
{
	const struct m_field *f = m_wire_field(up->type, name);
	void *obj = up->obj;

	if (!f) {
		refuse_element(r, name);
	} else if (f->flags & M_F_XML_ATTR && up->type->is_identified) {
		push(r, (struct frame){ .kind = IN_NOISE });
	} else if (m_is_list(f)) {
		push(r, (struct frame){ .kind = IN_LIST, .field = f, .obj = obj });
	} else {
		enter_value(r, f, obj, n, attrs);
	}
}

static void start_element(void *arg, const xmlChar *name_, const xmlChar *prefix, const xmlChar *uri, int n_ns,
                          const xmlChar **ns, int n, int n_default, const xmlChar **attrs)
{
	struct reader *r = arg;
	const char *name = (const char *)name_;
	struct frame *up = top(r);

	if (r->failed || !within_limits(r, 1 + n))
		return;
	if (!up) {
		if (!strcmp(name, r->type->element)) {
			enter_object(r, r->type, NULL, n, attrs);
			return;
		}
		err_set(r->e, ERR_SYNTAX, "The root element must be '%s', not '%.80s'", r->type->element, name);
		stop(r);
	} else if (up->kind == IN_NOISE || (up->kind != IN_SCALAR && m_is_noise(name))) {
		push(r, (struct frame){ .kind = IN_NOISE });
	} else if (up->kind == IN_LIST && !strcmp(name, up->field->item)) {
		enter_value(r, up->field, NULL, n, attrs);
	} else if (up->kind == IN_OBJECT) {
		enter_member(r, up, name, n, attrs);
	} else {
		refuse_element(r, name);
	}
}

/* Where the value of the frame that ends goes: a new item of the list around it, or the member. */
static void *target(struct reader *r, const struct frame *fr, struct frame *up)
{
	if (up->kind != IN_LIST)
		return m_at(up->obj, fr->field);
	guint at = up->items->len;

	g_byte_array_set_size(up->items, at + (guint)m_value_size(fr->field));
	memset(up->items->data + at, 0, up->items->len - at);
	return up->items->data + at;
}

static void finish_list(struct reader *r, const struct frame *fr)
{
	struct m_list *l = m_at(fr->obj, fr->field);

	l->n = (uint32_t)(fr->items->len / m_value_size(fr->field));
	l->v = pool_alloc(r->p, fr->items->len ? fr->items->len : 1);
	if (fr->items->len)
		memcpy(l->v, fr->items->data, fr->items->len);
}

static void finish(struct reader *r, const struct frame *fr, struct frame *up)
{
	if (fr->kind == IN_LIST) {
		finish_list(r, fr);
	} else if (fr->kind == IN_SCALAR) {
		if (set_scalar(r, fr->field, r->text->str, target(r, fr, up)) && up->kind == IN_OBJECT)
			m_set_bit(up->obj, fr->field->has_bit);
	} else if (fr->kind == IN_OBJECT && fr->field->kind == M_REF) {
		m_ref_settle(fr->type, target(r, fr, up), fr->obj);
	} else if (fr->kind == IN_OBJECT) {
		*(void **)target(r, fr, up) = fr->obj;
	}
}

static void end_element(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct reader *r = arg;
	struct frame *fr = top(r);

	if (r->failed || !fr)
		return;
	if (r->depth == 1)
		r->root = fr->obj;
	else
		finish(r, fr, fr - 1);
	if (fr->items)
		g_byte_array_unref(fr->items);
	r->depth--;
}

static void characters(void *arg, const xmlChar *text, int len)
{
	struct reader *r = arg;
	struct frame *fr = top(r);

	if (r->failed || !fr || fr->kind == IN_NOISE)
		return;
	if (fr->kind == IN_SCALAR) {
		g_string_append_len(r->text, (const char *)text, len);
		return;
	}
	for (int i = 0; i < len; i++) {
		if (!strchr(" \t\r\n", text[i])) {
			char path[96];

			position(r, NULL, path, sizeof(path));
			err_field(r->e, ERR_SYNTAX, path, "Text is not allowed in %s", path);
			stop(r);
			return;
		}
	}
}

static void refuse_dtd(void *arg, const xmlChar *name, const xmlChar *id, const xmlChar *system_id)
{
	struct reader *r = arg;

	if (!r->failed)
		err_set(r->e, ERR_SYNTAX, "The document may not have a DTD");
	stop(r);
}

static xmlEntityPtr no_entity(void *arg, const xmlChar *name) { return NULL; }

static void syntax_error(void *arg, xmlErrorPtr error)
{
	struct reader *r = arg;

	if (r->failed || error->level < XML_ERR_FATAL)
		return;
	r->failed = true;
	g_autofree char *text = g_utf8_make_valid(error->message ? error->message : "", -1);

	err_set(r->e, ERR_SYNTAX, "The document is not XML: line %d: %s", error->line, g_strstrip(text));
}

/*
 * libxml2 compares each attribute of an element with all the others, so many of them take long: a number that no document of
 * ours comes near ends it before. A '<' or '>' of a comment or of CDATA may deceive this, to no harm.
 */
enum { MAX_ATTRIBUTES = 500 };

static bool has_too_many_attributes(const char *text, size_t len)
{
	char quote = 0;
	bool is_tag = false;
	int n = 0;

	for (size_t i = 0; i < len; i++) {
		if (quote) {
			quote = text[i] == quote || text[i] == '<' ? 0 : quote; /* no '<' can be in a value */
			if (text[i] != '<')
				continue;
		}
		if (text[i] == '<') {
			is_tag = true;
			n = 0;
		} else if (is_tag && text[i] == '>') {
			is_tag = false;
		} else if (is_tag && (text[i] == '"' || text[i] == '\'')) {
			quote = text[i];
		} else if (is_tag && text[i] == '=' && ++n > MAX_ATTRIBUTES) {
			return true;
		}
	}
	return false;
}

/* Before libxml2 sees it: documents are UTF-8, whatever they declare, so what was looked at is what is parsed. */
static int check_text(const char *text, size_t len, struct err *e)
{
	if (!g_utf8_validate_len(text, len, NULL))
		return err_set(e, ERR_SYNTAX, "The document is not XML: it is not UTF-8");
	if (has_too_many_attributes(text, len))
		return err_set(e, ERR_TOO_LARGE, "An element may have %d attributes at most", MAX_ATTRIBUTES);
	return 0;
}

static void run(struct reader *r, const char *text, size_t len)
{
	r->ctxt = xmlCreateMemoryParserCtxt(text, (int)len);
	if (!r->ctxt) {
		err_set(r->e, ERR_SYNTAX, "The document is not XML");
		r->failed = true;
		return;
	}
	xmlSAXHandler *sax = r->ctxt->sax;

	memset(sax, 0, sizeof(*sax));
	sax->initialized = XML_SAX2_MAGIC;
	sax->startElementNs = start_element;
	sax->endElementNs = end_element;
	sax->characters = characters;
	sax->cdataBlock = characters;
	sax->internalSubset = refuse_dtd;
	sax->getEntity = no_entity;
	sax->serror = syntax_error;
	/* Substitution is needed for "&amp;" in attributes; other entities cannot be declared without a DTD. */
	xmlCtxtUseOptions(r->ctxt, XML_PARSE_NONET | XML_PARSE_NOENT | XML_PARSE_IGNORE_ENC);
	r->ctxt->userData = r;
	xmlParseDocument(r->ctxt);
	if (!r->failed && (!r->ctxt->wellFormed || !r->root)) {
		err_set(r->e, ERR_SYNTAX, "The document is not XML");
		r->failed = true;
	}
	xmlFreeParserCtxt(r->ctxt);
}

static void init_library(void)
{
	static gsize done;

	if (g_once_init_enter(&done)) {
		xmlInitParser();
		g_once_init_leave(&done, 1);
	}
}

int m_from_xml(struct pool *p, const struct m_type *t, const char *text, size_t len, const struct m_limits *lim,
               void **out, struct err *e)
{
	struct reader r = { .p = p, .type = t, .lim = lim ? lim : &M_LIMITS_DEFAULT, .e = e };

	if (len == 0) {
		*out = m_new(p, t);
		return 0;
	}
	if (len > r.lim->max_bytes || len > INT32_MAX)
		return err_set(e, ERR_TOO_LARGE, "The document is longer than %zu bytes", r.lim->max_bytes);
	if (check_text(text, len, e) < 0)
		return -1;
	init_library();
	r.frames = g_new(struct frame, r.lim->max_depth);
	r.text = g_string_new(NULL);
	run(&r, text, len);
	for (int i = 0; i < r.depth; i++)
		g_clear_pointer(&r.frames[i].items, g_byte_array_unref);
	g_free(r.frames);
	g_string_free(r.text, TRUE);
	*out = r.root;
	return r.failed ? -1 : 0;
}
