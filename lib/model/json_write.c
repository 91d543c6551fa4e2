/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing JSON: the wire's form, where integers and booleans are strings, and the journal's, where values
 * are native and nothing is left out. Every member is written with a comma behind it; what closes an
 * object or array takes the last one away.
 */
#include "model/out.h"

struct writer {
	struct out o;
	const struct m_write *w;
	size_t base_len;
	uint32_t skip; /* members with one of these flags are not written */
	bool is_journal;
};

static void close_with(struct out *o, char c)
{
	out_need(o, 2);
	if (o->p[-1] == ',')
		o->p--;
	put_c(o, c);
	put_c(o, ',');
}

static void put_name(struct out *o, const char *name, size_t len)
{
	out_need(o, len + 64);
	put_c(o, '"');
	put(o, name, len);
	PUT(o, "\":");
}

static void quoted(struct out *o, const char *text)
{
	OUT(o, "\"");
	out_json(o, text ? text : "");
	OUT(o, "\"");
}

/* Room for 64 bytes is there. */
static void write_scalar(struct writer *x, const struct m_field *f, const void *at)
{
	struct out *o = &x->o;
	char buf[40];

	switch (f->kind) {
	case M_STRING: quoted(o, *(char *const *)at); break;
	case M_BOOL:
		if (x->is_journal)
			put(o, *(const bool *)at ? "true" : "false", *(const bool *)at ? 4 : 5);
		else
			put(o, *(const bool *)at ? "\"true\"" : "\"false\"", *(const bool *)at ? 6 : 7);
		break;
	case M_INT:
		if (!x->is_journal)
			put_c(o, '"');
		put_int(o, *(const int64_t *)at);
		if (!x->is_journal)
			put_c(o, '"');
		break;
	case M_DECIMAL: put(o, buf, m_double_text(*(const double *)at, buf)); break;
	case M_DATE: put_int(o, *(const int64_t *)at); break;
	default: quoted(o, m_enum_name(f->enum_, *(const int *)at));
	}
	OUT(o, ",");
}

static void write_object(struct writer *x, const struct m_type *t, const void *obj, const char *id, bool is_inner);

static void write_identity(struct writer *x, const struct m_type *t, const char *href, const char *id)
{
	struct out *o = &x->o;

	if (href || (t->ref_prefix && id)) {
		OUT(o, "\"href\":\"");
		if (href) {
			out_json(o, href);
		} else {
			out_add(o, x->w->base, x->base_len);
			OUT(o, "/");
			out_add(o, t->ref_prefix, strlen(t->ref_prefix));
			out_json(o, id);
		}
		OUT(o, "\",");
	}
	if (id) {
		OUT(o, "\"id\":");
		quoted(o, id);
		OUT(o, ",");
	}
}

static void write_ref(struct writer *x, const struct m_field *f, const struct m_ref *ref)
{
	if (ref->obj && !x->is_journal) {
		write_object(x, f->type, ref->obj, ref->id, true);
		return;
	}
	const char *id = m_ref_id(f, ref);

	OUT(&x->o, "{");
	if (!x->is_journal) {
		write_identity(x, f->type, NULL, id);
	} else if (id) {
		OUT(&x->o, "\"id\":");
		quoted(&x->o, id);
	}
	close_with(&x->o, '}');
}

static void write_value(struct writer *x, const struct m_field *f, const void *at)
{
	out_need(&x->o, 64);
	if (f->kind == M_REF)
		write_ref(x, f, at);
	else if (f->kind != M_STRUCT)
		write_scalar(x, f, at);
	else if (*(void *const *)at)
		write_object(x, f->type, *(void *const *)at, NULL, true);
}

/* {"nic": [...]}, {} when empty; in the journal the array alone. */
static void write_list(struct writer *x, const struct m_field *f, const struct m_list *l)
{
	struct out *o = &x->o;
	bool is_wrapped = !x->is_journal;

	if (is_wrapped)
		OUT(o, "{");
	if (is_wrapped && l->n)
		put_name(o, f->item, f->item_len);
	if (!is_wrapped || l->n) {
		OUT(o, "[");
		for (uint32_t i = 0; i < l->n; i++) {
			if (!x->is_journal || f->kind != M_REF || m_ref_id(f, m_item(f, l, i)))
				write_value(x, f, m_item(f, l, i));
		}
		close_with(o, ']');
	}
	if (is_wrapped)
		close_with(o, '}');
}

static void write_members(struct writer *x, const struct m_type *t, const void *obj, int from, int to)
{
	for (int i = from; i < to; i++) {
		const struct m_field *f = &t->fields[i];

		if (f->flags & x->skip || !m_has(t, obj, f))
			continue;
		if (x->is_journal && f->kind == M_REF && !m_is_list(f) && !m_ref_id(f, m_at(obj, f)))
			continue;
		put_name(&x->o, f->name, f->name_len);
		if (m_is_list(f))
			write_list(x, f, m_at(obj, f));
		else
			write_value(x, f, m_at(obj, f));
	}
}

static void write_links(struct writer *x, const struct m_entity *ent, bool is_action)
{
	if (!ent->href || !ent->service)
		return;
	if (m_href_safe(ent->href)) {
		out_links(&x->o, ent->service, is_action ? ACTIONS_JSON : LINKS_JSON, ent->href, strlen(ent->href));
		return;
	}
	g_autoptr(GString) escaped = g_string_new(NULL);
	struct out o = out_open(escaped);

	out_json(&o, ent->href);
	out_close(&o);
	out_links(&x->o, ent->service, is_action ? ACTIONS_JSON : LINKS_JSON, escaped->str, escaped->len);
}

static void write_names(struct writer *x, const struct m_type *t, const void *obj, const struct m_entity *ent)
{
	for (int i = 1; i < 4; i++) {
		const struct m_field *f = &t->fields[i];

		if (!m_has(t, obj, f) && !(f->flags & M_F_ALWAYS && ent->href && ent->name))
			continue;
		put_name(&x->o, f->name, f->name_len);
		write_scalar(x, f, m_at(obj, f));
	}
}

static void write_object(struct writer *x, const struct m_type *t, const void *obj, const char *id, bool is_inner)
{
	const struct m_entity *ent = x->is_journal ? NULL : m_entity(t, obj);

	OUT(&x->o, "{");
	if (ent) {
		write_links(x, ent, true);
		write_names(x, t, obj, ent);
		write_links(x, ent, false);
	}
	write_members(x, t, obj, ent ? 4 : 0, t->n_fields);
	if (ent && (ent->href || is_inner))
		write_identity(x, t, ent->href, id ? id : ent->id);
	else if (ent && ent->id)
		write_identity(x, &(const struct m_type){ 0 }, NULL, ent->id);
	close_with(&x->o, '}');
}

static void write_root(struct writer *x, const struct m_type *t, const void *obj)
{
	write_object(x, t, obj, NULL, false);
	x->o.p--; /* the comma */
	out_close(&x->o);
}

void m_write_json(GString *out, const struct m_type *t, const void *obj, const struct m_write *w)
{
	static const struct m_write PLAIN = { .base = "" };

	w = w ? w : &PLAIN;
	struct writer x = { .o = out_open(out), .w = w, .base_len = w->base ? strlen(w->base) : 0 };

	x.skip = M_F_INTERNAL | M_F_SECRET | (w->flags & M_W_ALL_CONTENT ? 0 : M_F_EXPENSIVE);
	write_root(&x, t, obj);
}

void m_write_journal(GString *out, const struct m_type *t, const void *obj)
{
	struct writer x = { .o = out_open(out), .is_journal = true };

	write_root(&x, t, obj);
}
