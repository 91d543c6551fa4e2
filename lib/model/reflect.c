/* SPDX-License-Identifier: Apache-2.0 */
/* Finding things in the generated tables. */
#include <string.h>
#include <strings.h>

#include "model/internal.h"

static GHashTable *TYPES, *OPS; /* by name; filled once, never changed after */

static void fill_tables(void)
{
	TYPES = g_hash_table_new(g_str_hash, g_str_equal);
	OPS = g_hash_table_new(g_str_hash, g_str_equal);
	for (const struct m_type *const *t = M_TYPES; *t; t++)
		g_hash_table_insert(TYPES, (gpointer)(*t)->name, (gpointer)*t);
	for (const struct m_op *const *op = M_OPS; *op; op++)
		g_hash_table_insert(OPS, (gpointer)(*op)->name, (gpointer)*op);
}

static void tables_ready(void)
{
	static gsize done;

	if (g_once_init_enter(&done)) {
		fill_tables();
		g_once_init_leave(&done, 1);
	}
}

const struct m_type *m_type_find(const char *name)
{
	tables_ready();
	return g_hash_table_lookup(TYPES, name);
}

const struct m_op *m_op_find(const char *name)
{
	tables_ready();
	return g_hash_table_lookup(OPS, name);
}

const struct m_field *m_field_find(const struct m_type *t, const char *name)
{
	int low = 0, high = t->n_fields;

	while (low < high) {
		int mid = (low + high) / 2;
		const struct m_field *f = &t->fields[t->by_name[mid]];
		int order = strcmp(name, f->name);

		if (order == 0)
			return f;
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

const struct m_field *m_wire_field(const struct m_type *t, const char *name)
{
	const struct m_field *f = m_field_find(t, name);

	return f && f->flags & M_F_INTERNAL ? NULL : f;
}

bool m_is_noise(const char *name)
{
	static const char *const NOISE[] = { "link", "actions", "href", "rel", NULL };

	return g_strv_contains(NOISE, name);
}

int m_enum_value(const struct m_enum *en, const char *name)
{
	for (int i = 1; i < en->n_values; i++) {
		if (!strcasecmp(en->values[i], name))
			return i;
	}
	return 0;
}

const char *m_enum_name(const struct m_enum *en, int value)
{
	return value > 0 && value < en->n_values ? en->values[value] : "";
}

struct m_entity *m_entity(const struct m_type *t, const void *obj)
{
	if (!t->is_identified)
		return NULL;
	return (struct m_entity *)((char *)(uintptr_t)obj + t->has_words * sizeof(uint64_t));
}

const struct m_op *m_service_op(const struct m_service *s, enum m_op_kind kind, const char *action_path)
{
	for (int i = 0; i < s->n_ops; i++) {
		const struct m_op *op = s->ops[i];

		if (op->kind == kind && (kind != M_OP_ACTION || !g_strcmp0(op->path, action_path)))
			return op;
	}
	return NULL;
}

const char *m_where_text(const struct m_where *w, const char *last, char *buf, size_t size)
{
	GString *s = g_string_new(last);

	for (; w; w = w->up) {
		if (s->len)
			g_string_prepend_c(s, '.');
		g_string_prepend(s, w->name);
	}
	g_strlcpy(buf, s->str, size);
	g_string_free(s, TRUE);
	return buf;
}
