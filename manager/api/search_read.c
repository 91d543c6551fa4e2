/* SPDX-License-Identifier: Apache-2.0 */
/* Walking compiled paths: from a version to the values of a field, or to the entities of a relation. */
#include <math.h>
#include <string.h>

#include "manager/api/search_internal.h"
#include "model/types.h"

struct ref_list {
	struct m_ref *v;
	uint32_t n;
};

struct walk {
	struct core *c;
	const struct sread *r;
	sval_fn on_value;
	srow_fn on_row;
	void *arg;
	bool seen, stopped;
};

static const void *at(const void *obj, uint32_t offset) { return (const char *)obj + offset; }

static bool emit(struct walk *w, const void *obj, const struct sval *v)
{
	if (v->text && v->len == 0)
		return false; /* an empty text is none */
	w->seen = true;
	w->stopped = w->on_value(w->arg, obj, v);
	return w->stopped;
}

static bool emit_text(struct walk *w, const void *obj, const char *text)
{
	struct sval v;

	if (!text || !*text)
		return false;
	v.text = text;
	v.len = strlen(text);
	return emit(w, obj, &v);
}

static bool emit_number(struct walk *w, const void *obj, double num)
{
	struct sval v;

	v.text = NULL;
	v.num = num;
	return emit(w, obj, &v);
}

static bool emit_int(struct walk *w, const void *obj, int64_t n)
{
	if (w->r->f->flags & SF_MB)
		n >>= 20;
	else if (w->r->f->flags & SF_GB)
		n >>= 30;
	return emit_number(w, obj, (double)n);
}

/* "4.7", "4.5.1": full text if there is one, else the parts. */
static bool emit_version(struct walk *w, const void *obj, const struct m_version *ver)
{
	struct sval v = { .text = v.buf };

	if (!ver)
		return false;
	if (ver->full_version && *ver->full_version)
		return emit_text(w, obj, ver->full_version);
	if (!ver->has.major)
		return false;
	v.len = (size_t)g_snprintf(v.buf, sizeof(v.buf), "%" G_GINT64_FORMAT ".%" G_GINT64_FORMAT, ver->major,
	                           M_GET(ver, minor, 0));
	if (ver->has.build && v.len < sizeof(v.buf))
		v.len += (size_t)g_snprintf(v.buf + v.len, sizeof(v.buf) - v.len, ".%" G_GINT64_FORMAT, ver->build);
	v.len = strlen(v.buf);
	return emit(w, obj, &v);
}

static bool read_leaf(struct walk *w, const struct sstep *s, const void *obj)
{
	const struct m_field *f = s->field;
	const void *p = at(obj, s->offset);

	switch (f->kind) {
	case M_STRING: return emit_text(w, obj, *(char *const *)p);
	case M_ENUM: return *(const unsigned *)p ? emit_number(w, obj, *(const unsigned *)p) : false;
	case M_STRUCT: return emit_version(w, obj, *(const struct m_version *const *)p);
	case M_BOOL: /* absent is false */ return emit_number(w, obj, m_has(s->type, obj, f) && *(const bool *)p);
	default: break;
	}
	if (!m_has(s->type, obj, f))
		return false;
	return f->kind == M_DECIMAL ? emit_number(w, obj, *(const double *)p) : emit_int(w, obj, *(const int64_t *)p);
}

static bool walk(struct walk *w, const struct sstep *s, const void *obj);

static bool walk_ref(struct walk *w, const struct sstep *s, const char *id)
{
	const void *next = id ? inv_get(w->c->inv, (enum kind)s->kind, id) : NULL;

	return next && walk(w, s + 1, next);
}

static bool walk_list(struct walk *w, const struct sstep *s, const struct ref_list *list)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (s->op == S_LEAF_ID_LIST ? emit_text(w, list, list->v[i].id) : walk_ref(w, s, list->v[i].id))
			return true;
	return false;
}

static bool walk_reverse(struct walk *w, const struct sstep *s, const void *obj)
{
	if (s->idx < 0)
		return false; /* relations of this sort are scanned as a whole */
	INV_EACH_BY (e, w->c->inv, (enum kind)s->kind, s->idx, sid(s->type, obj))
		if (walk(w, s + 1, e->pub))
			return true;
	return false;
}

static bool walk(struct walk *w, const struct sstep *s, const void *obj)
{
	for (; s->op == S_STRUCT; s++) {
		obj = *(const void *const *)at(obj, s->offset);
		if (!obj)
			return false;
	}
	switch (s->op) {
	case S_LEAF: return read_leaf(w, s, obj);
	case S_LEAF_ID: return emit_text(w, obj, ((const struct m_ref *)at(obj, s->offset))->id);
	case S_HOP: return walk_ref(w, s, ((const struct m_ref *)at(obj, s->offset))->id);
	case S_HOP_LIST:
	case S_LEAF_ID_LIST: return walk_list(w, s, at(obj, s->offset));
	case S_REVERSE: return walk_reverse(w, s, obj);
	default: return w->on_row(w->arg, obj);
	}
}

static bool emit_source(void *arg, const char *text)
{
	struct walk *w = arg;

	return emit_text(w, NULL, text);
}

/* Those who know better than the inventory. */
static void read_sources(struct walk *w, const void *obj)
{
	const struct sread *r = w->r;
	double num;

	if (r->stat && r->stat(w->c, sid(r->type, obj), &num) && isfinite(num))
		emit_number(w, obj, num);
	if (r->text && !w->stopped)
		r->text(w->c, sid(r->type, obj), emit_source, w);
}

static void read_function(struct walk *w, const void *obj)
{
	struct sval v;

	v.text = NULL;
	if (w->r->f->get(w->c, obj, &v))
		emit(w, obj, &v);
}

bool sread_each(const struct sread *r, struct core *c, const void *obj, sval_fn fn, void *arg)
{
	struct walk w = { .c = c, .r = r, .on_value = fn, .arg = arg };

	if (!obj || !r->type)
		return false;
	if (r->stat || r->text)
		read_sources(&w, obj);
	if (r->f->get && !w.seen)
		read_function(&w, obj);
	for (int i = 0; i < r->n_alt && !w.seen; i++)
		walk(&w, r->alt[i], obj);
	return w.stopped;
}

bool srel_each(const struct sstep *rel, struct core *c, const void *obj, srow_fn fn, void *arg)
{
	struct walk w = { .c = c, .on_row = fn, .arg = arg };

	return rel && walk(&w, rel, obj);
}
