/* SPDX-License-Identifier: Apache-2.0 */
/* Partial updates: what is present in one object goes over into another. */
#include "model/internal.h"

struct merge {
	struct pool *p;
	unsigned flags;
	struct err *e;
};

static int merge_object(const struct merge *m, const struct m_type *t, void *dst, const void *src,
                        const struct m_where *where);

static bool is_left_out(const struct merge *m, const struct m_field *f)
{
	return m->flags & M_MERGE_API && f->flags & (M_F_READONLY | M_F_INTERNAL);
}

static int refuse_change(const struct merge *m, const struct m_field *f, const struct m_where *where)
{
	char path[96];

	return err_field(m->e, ERR_IMMUTABLE, m_where_text(where, f->name, path, sizeof(path)),
	                 "Attempt to set immutable field: %s", f->name);
}

static int merge_struct(const struct merge *m, const struct m_field *f, void *dst, const void *src,
                        const struct m_where *where)
{
	void **to = m_at(dst, f);
	struct m_where here = { where, f->name };

	if (!*to)
		*to = m_new(m->p, f->type);
	return merge_object(m, f->type, *to, *(void *const *)m_at(src, f), &here);
}

static int merge_object(const struct merge *m, const struct m_type *t, void *dst, const void *src,
                        const struct m_where *where)
{
	for (int i = 0; i < t->n_fields; i++) {
		const struct m_field *f = &t->fields[i];

		if (!m_has(t, src, f) || is_left_out(m, f))
			continue;
		if (m->flags & M_MERGE_API && !(m->flags & M_MERGE_CREATE) && f->flags & M_F_CREATE_ONLY) {
			if (!m_field_equal(t, dst, src, f))
				return refuse_change(m, f, where);
			continue;
		}
		if (f->kind == M_STRUCT && !m_is_list(f)) {
			if (merge_struct(m, f, dst, src, where) < 0)
				return -1;
		} else {
			m_field_copy(m->p, f, dst, f, src);
		}
	}
	return 0;
}

int m_merge(struct pool *p, const struct m_type *t, void *dst, const void *src, unsigned flags, struct err *e)
{
	struct merge m = { p, flags, e };
	struct m_where root = { NULL, t->name };

	return merge_object(&m, t, dst, src, &root);
}
