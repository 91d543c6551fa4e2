/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the parts of lib/model share: access to members through the tables, and paths for errors. */
#include "model/date.h"
#include "model/model.h"

struct m_list {
	void *v;
	uint32_t n;
};

/* The position in a document, as a chain on the stack; becomes text only for an error. */
struct m_where {
	const struct m_where *up;
	const char *name;
};

static inline void *m_at(const void *obj, const struct m_field *f) { return (char *)(uintptr_t)obj + f->offset; }

static inline bool m_is_list(const struct m_field *f) { return f->flags & M_F_LIST; }

static inline bool m_bit(const void *obj, int bit) { return ((const uint64_t *)obj)[bit / 64] >> (bit % 64) & 1; }

static inline void m_set_bit(void *obj, int bit)
{
	if (bit >= 0)
		((uint64_t *)obj)[bit / 64] |= UINT64_C(1) << (bit % 64);
}

static inline void m_clear_bit(void *obj, int bit)
{
	if (bit >= 0)
		((uint64_t *)obj)[bit / 64] &= ~(UINT64_C(1) << (bit % 64));
}

/* Bytes of one value (of a list: of one item). */
size_t m_value_size(const struct m_field *f);

static inline void *m_item(const struct m_field *f, const struct m_list *l, uint32_t i)
{
	return (char *)l->v + (size_t)i * m_value_size(f);
}

/* Deep copy of one member from an object into another; the two may be of different types. */
void m_field_copy(struct pool *p, const struct m_field *dst_f, void *dst, const struct m_field *src_f, const void *src);
/* Is one member the same in both, or absent in both? */
bool m_field_equal(const struct m_type *t, const void *a, const void *b, const struct m_field *f);

/* The id by which a reference points, even if only its obj tells. */
const char *m_ref_id(const struct m_field *f, const struct m_ref *ref);

/* "vm.cpu.topology" and a last word (or NULL) into a buffer; cut off when too long. */
const char *m_where_text(const struct m_where *w, const char *last, char *buf, size_t size);

/*
 * A scalar or enumeration value from text. value points to char * (the text itself is taken, not
 * copied), bool, int64_t, double or int (enumeration). Where and name say what it is, for the error.
 */
int m_scalar_parse(const struct m_field *f, const char *text, void *value, const struct m_where *where, struct err *e);
/* An integer, from anywhere, in the range of the field? */
int m_int_check(const struct m_field *f, int64_t v, const struct m_where *where, struct err *e);

/* Skipped in requests, whatever the type. */
bool m_is_noise(const char *name);
/* A member that the wire knows: not the internal ones. */
const struct m_field *m_wire_field(const struct m_type *t, const char *name);
/* Put a reference's draft into ref: its id, and the draft itself if it says more than that. */
void m_ref_settle(const struct m_type *t, struct m_ref *ref, void *obj);

/* Shortest decimal text that reads back as v; "0" for what is no number. Returns its length. */
size_t m_double_text(double v, char buf[40]);
