/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects through their tables: presence, copies (into a pool, or into one frozen block), equality.
 *
 * One copying walk serves pools and frozen blocks; they differ in where memory comes from and in what
 * is left out (struct copier).
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "model/internal.h"

size_t m_value_size(const struct m_field *f)
{
	static const uint8_t SIZES[] = {
		[M_STRING] = sizeof(char *),  [M_BOOL] = sizeof(bool),        [M_INT] = sizeof(int64_t),
		[M_DECIMAL] = sizeof(double), [M_DATE] = sizeof(int64_t),     [M_ENUM] = sizeof(int),
		[M_STRUCT] = sizeof(void *),  [M_REF] = sizeof(struct m_ref),
	};

	return SIZES[f->kind];
}

void *m_new(struct pool *p, const struct m_type *t) { return pool_alloc(p, t->size); }

bool m_has(const struct m_type *t, const void *obj, const struct m_field *f)
{
	const void *at = m_at(obj, f);

	if (m_is_list(f))
		return ((const struct m_list *)at)->v;
	switch (f->kind) {
	case M_STRING:
	case M_STRUCT: return *(void *const *)at;
	case M_ENUM: return *(const int *)at;
	case M_REF: return ((const struct m_ref *)at)->id || ((const struct m_ref *)at)->obj;
	default: return m_bit(obj, f->has_bit);
	}
}

void m_clear(const struct m_type *t, void *obj, const struct m_field *f)
{
	memset(m_at(obj, f), 0, m_is_list(f) ? sizeof(struct m_list) : m_value_size(f));
	m_clear_bit(obj, f->has_bit);
}

const char *m_ref_id(const struct m_field *f, const struct m_ref *ref)
{
	if (ref->id || !ref->obj || !f->type->is_identified)
		return ref->id;
	return m_entity(f->type, ref->obj)->id;
}

/* ---- copies ---------------------------------------------------------------------------------- */

/* Of a frozen object, in front of it. */
struct block {
	atomic_uint refs;
	size_t size;
};
#define BLOCK_HEAD ((sizeof(struct block) + 15) / 16 * 16)

struct copier {
	struct pool *p;    /* or NULL: from the block below */
	char *wide, *text; /* next free byte for what needs alignment, and for strings */
	bool is_frozen;
};

static size_t round8(size_t n) { return (n + 7) & ~(size_t)7; }

static void *take(struct copier *c, size_t n)
{
	if (c->p)
		return pool_alloc(c->p, n);
	void *out = c->wide;

	c->wide += round8(n);
	return out;
}

static char *take_text(struct copier *c, const char *s)
{
	if (!s || c->p)
		return s ? pool_strdup(c->p, s) : NULL;
	size_t n = strlen(s) + 1;
	char *out = memcpy(c->text, s, n);

	c->text += n;
	return out;
}

static void *copy_object(struct copier *c, const struct m_type *t, const void *src);

/* Fix up one value whose bytes have been copied: what it points to is copied, too. */
static void copy_value(struct copier *c, const struct m_field *f, void *dst, const void *src)
{
	if (f->kind == M_STRING) {
		*(char **)dst = take_text(c, *(char *const *)src);
	} else if (f->kind == M_STRUCT) {
		const void *from = *(void *const *)src;

		*(void **)dst = from ? copy_object(c, f->type, from) : NULL;
	} else if (f->kind == M_REF) {
		const struct m_ref *from = src;
		struct m_ref *to = dst;

		to->id = take_text(c, c->is_frozen ? m_ref_id(f, from) : from->id);
		to->obj = from->obj && !c->is_frozen ? copy_object(c, f->type, from->obj) : NULL;
	}
}

/* In a frozen list: a reference without an id points nowhere. */
static bool is_kept(const struct m_field *f, const void *item) { return f->kind != M_REF || m_ref_id(f, item); }

static size_t kept_items(const struct m_field *f, const struct m_list *l)
{
	size_t n = l->n;

	for (uint32_t i = 0; f->kind == M_REF && i < l->n; i++)
		n -= !is_kept(f, m_item(f, l, i));
	return n;
}

static void copy_field(struct copier *c, const struct m_field *f, void *dst, const void *src)
{
	if (!m_is_list(f)) {
		copy_value(c, f, dst, src);
		return;
	}
	const struct m_list *from = src;
	struct m_list *to = dst;

	if (!from->v)
		return;
	size_t size = (c->is_frozen ? kept_items(f, from) : from->n) * m_value_size(f);

	/* An empty list is present by its pointer: never NULL. */
	to->v = take(c, size ? size : 1);
	if (size)
		memcpy(to->v, from->v, size);
	if (f->kind != M_STRING && f->kind != M_STRUCT && f->kind != M_REF)
		return;
	to->n = 0;
	for (uint32_t i = 0; i < from->n; i++) {
		const void *item = m_item(f, from, i);

		if (!c->is_frozen || is_kept(f, item))
			copy_value(c, f, m_item(f, to, to->n++), item);
	}
}

static void *copy_object(struct copier *c, const struct m_type *t, const void *src)
{
	void *dst = take(c, t->size);

	memcpy(dst, src, t->size);
	for (int i = 0; i < t->n_fields; i++)
		copy_field(c, &t->fields[i], m_at(dst, &t->fields[i]), m_at(src, &t->fields[i]));
	if (t->is_identified) {
		struct m_entity *ent = m_entity(t, dst);

		ent->href = c->is_frozen ? NULL : take_text(c, ent->href);
		if (c->is_frozen)
			ent->service = NULL;
	}
	return dst;
}

void *m_copy(struct pool *p, const struct m_type *t, const void *obj)
{
	struct copier c = { .p = p };

	return copy_object(&c, t, obj);
}

void m_field_copy(struct pool *p, const struct m_field *dst_f, void *dst, const struct m_field *src_f, const void *src)
{
	struct copier c = { .p = p };

	memcpy(m_at(dst, dst_f), m_at(src, src_f), m_is_list(src_f) ? sizeof(struct m_list) : m_value_size(src_f));
	m_set_bit(dst, dst_f->has_bit);
	copy_field(&c, src_f, m_at(dst, dst_f), m_at(src, src_f));
}

void m_copy_common(struct pool *p, const struct m_type *dst_t, void *dst, const struct m_type *src_t, const void *src)
{
	for (int i = 0; i < src_t->n_fields; i++) {
		const struct m_field *f = &src_t->fields[i];
		const struct m_field *to = m_field_find(dst_t, f->name);

		if (!to || !m_has(src_t, src, f) || !strcmp(f->name, "id") || to->kind != f->kind ||
		    m_is_list(to) != m_is_list(f) || to->type != f->type || to->enum_ != f->enum_)
			continue;
		m_field_copy(p, to, dst, f, src);
	}
}

/* ---- frozen ---------------------------------------------------------------------------------- */

struct measure {
	size_t wide, text;
};

static void measure_object(struct measure *m, const struct m_type *t, const void *obj);

static void measure_value(struct measure *m, const struct m_field *f, const void *at)
{
	const char *text = f->kind == M_STRING ? *(char *const *)at : f->kind == M_REF ? m_ref_id(f, at) : NULL;

	if (text)
		m->text += strlen(text) + 1;
	if (f->kind == M_STRUCT && *(void *const *)at)
		measure_object(m, f->type, *(void *const *)at);
}

static void measure_list(struct measure *m, const struct m_field *f, const struct m_list *l)
{
	size_t size = kept_items(f, l) * m_value_size(f);

	m->wide += round8(size ? size : 1);
	for (uint32_t i = 0; i < l->n; i++)
		measure_value(m, f, m_item(f, l, i));
}

static void measure_object(struct measure *m, const struct m_type *t, const void *obj)
{
	m->wide += round8(t->size);
	for (int i = 0; i < t->n_fields; i++) {
		const struct m_field *f = &t->fields[i];
		const struct m_list *l = m_at(obj, f);

		if (!m_is_list(f)) {
			measure_value(m, f, l);
		} else if (l->v) {
			measure_list(m, f, l);
		}
	}
}

void *m_freeze(const struct m_type *t, const void *obj)
{
	struct measure m = { 0 };

	measure_object(&m, t, obj);
	size_t size = BLOCK_HEAD + m.wide + m.text;
	struct block *b = g_malloc(size);
	char *wide = (char *)b + BLOCK_HEAD;
	struct copier c = { .wide = wide, .text = wide + m.wide, .is_frozen = true };

	atomic_init(&b->refs, 1);
	b->size = size;
	return copy_object(&c, t, obj);
}

static struct block *block_of(const void *frozen) { return (struct block *)((char *)(uintptr_t)frozen - BLOCK_HEAD); }

void *m_frozen_retain(const void *frozen)
{
	atomic_fetch_add_explicit(&block_of(frozen)->refs, 1, memory_order_relaxed);
	return (void *)(uintptr_t)frozen;
}

void m_frozen_release(const void *frozen)
{
	if (!frozen)
		return;
	/* Acquire on the last one: all that other threads did with the object happened before. */
	if (atomic_fetch_sub_explicit(&block_of(frozen)->refs, 1, memory_order_acq_rel) == 1)
		g_free(block_of(frozen));
}

size_t m_frozen_size(const void *frozen) { return block_of(frozen)->size; }

/* ---- equality -------------------------------------------------------------------------------- */

static bool equal_refs(const struct m_field *f, const struct m_ref *a, const struct m_ref *b)
{
	const char *ia = m_ref_id(f, a), *ib = m_ref_id(f, b);

	if (ia || ib)
		return ia && ib && !strcmp(ia, ib);
	if (!a->obj || !b->obj)
		return a->obj == b->obj;
	return m_equal(f->type, a->obj, b->obj);
}

static bool equal_values(const struct m_field *f, const void *a, const void *b)
{
	switch (f->kind) {
	case M_STRING: return g_strcmp0(*(char *const *)a, *(char *const *)b) == 0;
	case M_STRUCT: {
		const void *x = *(void *const *)a, *y = *(void *const *)b;

		return x && y ? m_equal(f->type, x, y) : x == y;
	}
	case M_REF: return equal_refs(f, a, b);
	case M_BOOL: return *(const bool *)a == *(const bool *)b;
	case M_DECIMAL: return *(const double *)a == *(const double *)b;
	case M_ENUM: return *(const int *)a == *(const int *)b;
	default: return *(const int64_t *)a == *(const int64_t *)b;
	}
}

bool m_field_equal(const struct m_type *t, const void *a, const void *b, const struct m_field *f)
{
	const void *x = m_at(a, f), *y = m_at(b, f);

	if (m_has(t, a, f) != m_has(t, b, f))
		return false;
	if (!m_has(t, a, f))
		return true;
	if (!m_is_list(f))
		return equal_values(f, x, y);
	const struct m_list *l = x, *r = y;

	if (l->n != r->n)
		return false;
	for (uint32_t i = 0; i < l->n; i++) {
		if (!equal_values(f, m_item(f, l, i), m_item(f, r, i)))
			return false;
	}
	return true;
}

bool m_equal(const struct m_type *t, const void *a, const void *b)
{
	if (a == b)
		return true;
	for (int i = 0; i < t->n_fields; i++) {
		if (!m_field_equal(t, a, b, &t->fields[i]))
			return false;
	}
	return true;
}

/* ---- paths ----------------------------------------------------------------------------------- */

static bool value_has_path(const struct m_field *f, const void *at, const char *rest)
{
	if (f->kind == M_REF) {
		const struct m_ref *ref = at;

		if (!strcmp(rest, "id"))
			return m_ref_id(f, ref);
		return ref->obj && m_path_present(f->type, ref->obj, rest);
	}
	const void *inner = f->kind == M_STRUCT ? *(void *const *)at : NULL;

	return inner && m_path_present(f->type, inner, rest);
}

bool m_path_present(const struct m_type *t, const void *obj, const char *path)
{
	char word[64];
	const char *dot = strchr(path, '.');

	size_t room = dot ? MIN((size_t)(dot - path) + 1, sizeof(word)) : sizeof(word);

	if (!obj || g_strlcpy(word, path, room) == 0)
		return false;
	const struct m_field *f = m_field_find(t, word);

	if (!f || !m_has(t, obj, f))
		return false;
	if (!dot)
		return true;
	if (!m_is_list(f))
		return value_has_path(f, m_at(obj, f), dot + 1);
	const struct m_list *l = m_at(obj, f);

	for (uint32_t i = 0; i < l->n; i++) {
		if (!value_has_path(f, m_item(f, l, i), dot + 1))
			return false;
	}
	return l->n > 0;
}
