/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing XML. An element is opened as if it had content; when nothing came, "<x>" becomes "<x/>".
 * Order: actions, name, description, comment, links, then the members, bases first.
 */
#include "model/out.h"

struct writer {
	struct out o;
	const struct m_write *w;
	size_t base_len;
	bool is_pretty;
	int depth;
};

static void indent(struct writer *x)
{
	if (!x->is_pretty)
		return;
	out_need(&x->o, (size_t)x->depth * 4 + 1);
	if (x->o.p > x->o.s->str && x->o.p[-1] != '\n')
		put_c(&x->o, '\n');
	memset(x->o.p, ' ', (size_t)x->depth * 4);
	x->o.p += x->depth * 4;
}

static void newline(struct writer *x)
{
	if (x->is_pretty)
		OUT(&x->o, "\n");
}

static void open_tag(struct writer *x, const char *name, size_t len)
{
	indent(x);
	out_need(&x->o, len + 2);
	put_c(&x->o, '<');
	put(&x->o, name, len);
	x->depth++;
}

/* mark: where the content began, just behind the '>'. */
static void close_tag(struct writer *x, const char *name, size_t len, size_t mark)
{
	struct out *o = &x->o;

	x->depth--;
	if ((size_t)(o->p - o->s->str) == mark) {
		o->p--;
		OUT(o, "/>");
	} else {
		if (o->p[-1] == '\n')
			indent(x);
		out_need(o, len + 3);
		PUT(o, "</");
		put(o, name, len);
		put_c(o, '>');
	}
	newline(x);
}

static size_t mark_of(struct writer *x)
{
	OUT(&x->o, ">");
	return (size_t)(x->o.p - x->o.s->str);
}

/* ---- scalars --------------------------------------------------------------------------------- */

static void write_text(struct out *o, const struct m_field *f, const void *at, bool is_attribute)
{
	char buf[40];

	out_need(o, 40);
	switch (f->kind) {
	case M_STRING:
		if (*(char *const *)at)
			out_xml(o, *(char *const *)at, is_attribute);
		break;
	case M_BOOL: put(o, *(const bool *)at ? "true" : "false", *(const bool *)at ? 4 : 5); break;
	case M_INT: put_int(o, *(const int64_t *)at); break;
	case M_DECIMAL: put(o, buf, m_double_text(*(const double *)at, buf)); break;
	case M_DATE: put(o, buf, m_date_format(*(const int64_t *)at, buf)); break;
	default: {
		const char *name = m_enum_name(f->enum_, *(const int *)at);

		out_add(o, name, strlen(name));
	}
	}
}

static void write_scalar(struct writer *x, const struct m_field *f, const char *name, size_t len, const void *at)
{
	struct out *o = &x->o;

	indent(x);
	out_need(o, len + 2);
	put_c(o, '<');
	put(o, name, len);
	put_c(o, '>');
	write_text(o, f, at, false);
	out_need(o, len + 3);
	PUT(o, "</");
	put(o, name, len);
	put_c(o, '>');
	newline(x);
}

static void write_attribute(struct writer *x, const char *name, size_t len, const struct m_field *f, const void *at)
{
	struct out *o = &x->o;

	out_need(o, len + 3);
	put_c(o, ' ');
	put(o, name, len);
	PUT(o, "=\"");
	write_text(o, f, at, true);
	OUT(o, "\"");
}

/* ---- objects --------------------------------------------------------------------------------- */

static void write_href(struct writer *x, const struct m_type *t, const char *href, const char *id)
{
	struct out *o = &x->o;

	if (!href && !(t->ref_prefix && id))
		return;
	OUT(o, " href=\"");
	if (href) {
		out_xml(o, href, true);
	} else {
		out_add(o, x->w->base, x->base_len);
		OUT(o, "/");
		out_add(o, t->ref_prefix, strlen(t->ref_prefix));
		out_xml(o, id, true);
	}
	OUT(o, "\"");
}

static void write_id(struct writer *x, const char *id)
{
	if (!id)
		return;
	OUT(&x->o, " id=\"");
	out_xml(&x->o, id, true);
	OUT(&x->o, "\"");
}

static void pretty_links(struct writer *x, const struct m_service *s, const char *href, bool is_action)
{
	const char *word;

	for (int i = 0; (word = m_link_word(s, is_action, i)); i++) {
		indent(x);
		OUT(&x->o, "<link href=\"");
		out_xml(&x->o, href, true);
		OUT(&x->o, "/");
		out_add(&x->o, word, strlen(word));
		OUT(&x->o, "\" rel=\"");
		out_add(&x->o, word, strlen(word));
		OUT(&x->o, "\"/>");
		newline(x);
	}
}

static void write_links(struct writer *x, const struct m_entity *ent, bool is_action)
{
	if (!ent->href || !ent->service || !m_link_word(ent->service, is_action, 0))
		return;
	if (!x->is_pretty && m_href_safe(ent->href)) {
		out_links(&x->o, ent->service, is_action ? ACTIONS_XML : LINKS_XML, ent->href, strlen(ent->href));
		return;
	}
	if (!is_action) {
		pretty_links(x, ent->service, ent->href, false);
		return;
	}
	open_tag(x, "actions", 7);
	size_t mark = mark_of(x);

	pretty_links(x, ent->service, ent->href, true);
	close_tag(x, "actions", 7, mark);
}

static void write_object(struct writer *x, const struct m_type *t, const void *obj, const char *name, size_t len,
                         const char *id, bool is_inner);

static void write_ref(struct writer *x, const struct m_field *f, const char *name, size_t len, const struct m_ref *ref)
{
	if (ref->obj) {
		write_object(x, f->type, ref->obj, name, len, ref->id, true);
		return;
	}
	indent(x);
	out_need(&x->o, len + 1);
	put_c(&x->o, '<');
	put(&x->o, name, len);
	write_href(x, f->type, NULL, ref->id);
	write_id(x, ref->id);
	OUT(&x->o, "/>");
	newline(x);
}

static void write_value(struct writer *x, const struct m_field *f, const char *name, size_t len, const void *at)
{
	if (f->kind == M_REF)
		write_ref(x, f, name, len, at);
	else if (f->kind != M_STRUCT)
		write_scalar(x, f, name, len, at);
	else if (*(void *const *)at)
		write_object(x, f->type, *(void *const *)at, name, len, NULL, true);
}

static void write_list(struct writer *x, const struct m_field *f, const struct m_list *l)
{
	open_tag(x, f->name, f->name_len);
	size_t mark = mark_of(x);

	for (uint32_t i = 0; i < l->n; i++)
		write_value(x, f, f->item, f->item_len, m_item(f, l, i));
	close_tag(x, f->name, f->name_len, mark);
}

static void write_members(struct writer *x, const struct m_type *t, const void *obj)
{
	uint32_t expensive = x->w->flags & M_W_ALL_CONTENT ? 0 : M_F_EXPENSIVE;
	uint32_t skip = M_F_INTERNAL | M_F_SECRET | M_F_XML_ATTR | expensive;

	/* id, name, description and comment come first, and are written elsewhere. */
	for (int i = t->is_identified ? 4 : 0; i < t->n_fields; i++) {
		const struct m_field *f = &t->fields[i];

		if (f->flags & skip || !m_has(t, obj, f))
			continue;
		if (m_is_list(f))
			write_list(x, f, m_at(obj, f));
		else
			write_value(x, f, f->name, f->name_len, m_at(obj, f));
	}
}

static void write_names(struct writer *x, const struct m_type *t, const void *obj, const struct m_entity *ent)
{
	for (int i = 1; i < 4; i++) {
		const struct m_field *f = &t->fields[i];

		if (m_has(t, obj, f) || (f->flags & M_F_ALWAYS && ent->href && ent->name))
			write_scalar(x, f, f->name, f->name_len, m_at(obj, f));
	}
}

static void write_attributes(struct writer *x, const struct m_type *t, const void *obj)
{
	for (int i = 0; i < t->n_fields; i++) {
		const struct m_field *f = &t->fields[i];

		if (f->flags & M_F_XML_ATTR && m_has(t, obj, f))
			write_attribute(x, f->name, f->name_len, f, m_at(obj, f));
	}
}

static void write_object(struct writer *x, const struct m_type *t, const void *obj, const char *name, size_t len,
                         const char *id, bool is_inner)
{
	const struct m_entity *ent = m_entity(t, obj);
	size_t mark;

	open_tag(x, name, len);
	if (ent) {
		id = id ? id : ent->id;
		if (ent->href || is_inner)
			write_href(x, t, ent->href, id);
		write_id(x, id);
		mark = mark_of(x);
		write_links(x, ent, true);
		write_names(x, t, obj, ent);
		write_links(x, ent, false);
	} else {
		write_attributes(x, t, obj);
		mark = mark_of(x);
	}
	write_members(x, t, obj);
	close_tag(x, name, len, mark);
}

static struct writer writer_open(GString *out, const struct m_write *w, int depth)
{
	static const struct m_write PLAIN = { .base = "" };

	w = w ? w : &PLAIN;
	return (struct writer){ out_open(out), w, w->base ? strlen(w->base) : 0, w->flags & M_W_PRETTY, depth };
}

void m_write_xml(GString *out, const struct m_type *t, const void *obj, const char *element, const struct m_write *w)
{
	struct writer x = writer_open(out, w, 0);

	element = element ? element : t->element;
	write_object(&x, t, obj, element, strlen(element), NULL, false);
	out_close(&x.o);
}

void m_write_xml_head(GString *out)
{
	g_string_append(out, "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n");
}

/* ---- collections, in both languages ---------------------------------------------------------- */

void m_write_list_begin(GString *out, const struct m_type *t, bool is_json)
{
	if (is_json) {
		g_string_append_c(out, '{');
		return;
	}
	m_write_xml_head(out);
	g_string_append_printf(out, "<%s>", t->collection);
}

void m_write_list_item(GString *out, const struct m_type *t, const void *obj, size_t i, bool is_json,
                       const struct m_write *w)
{
	if (is_json) {
		if (i == 0)
			g_string_append_printf(out, "\"%s\":[", t->element);
		else
			g_string_append_c(out, ',');
		m_write_json(out, t, obj, w);
		return;
	}
	struct writer x = writer_open(out, w, 1);

	write_object(&x, t, obj, t->element, strlen(t->element), NULL, false);
	out_close(&x.o);
}

void m_write_list_end(GString *out, const struct m_type *t, size_t n, bool is_json)
{
	if (is_json) {
		g_string_append(out, n ? "]}" : "}");
	} else if (n) {
		g_string_append_printf(out, "</%s>", t->collection);
	} else {
		/* "<vms>" is still there: nothing is sent before the first item. */
		if (out->len)
			g_string_truncate(out, out->len - 1);
		g_string_append(out, "/>");
	}
}
