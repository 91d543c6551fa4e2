/* SPDX-License-Identifier: Apache-2.0 */
/* JSON requests and the journal. The first byte picks the type; the journal's form must keep everything. */
#include <stdlib.h>

#include "model/types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void through_journal(struct pool *p, const struct m_type *t, const void *obj)
{
	struct err e = ERR_INIT;
	g_autoptr(GString) s = g_string_new(NULL);
	void *frozen = m_freeze(t, obj), *again;

	m_write_journal(s, t, frozen);
	if (m_from_journal(p, t, s->str, s->len, &again, &e) < 0 || !m_equal(t, frozen, again))
		abort();
	m_frozen_release(frozen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct m_limits wide = { .max_bytes = 64u << 20, .max_depth = 64, .max_nodes = 1000000 };
	struct err e = ERR_INIT;
	void *obj, *again;

	if (size == 0)
		return 0;
	auto_pool p = pool_new();
	const struct m_type *t = M_TYPES[data[0] % N_M_TYPES];

	m_from_journal(p, t, (const char *)data + 1, size - 1, &obj, &e);
	if (m_from_json(p, t, (const char *)data + 1, size - 1, NULL, &obj, &e) < 0)
		return 0;
	g_autoptr(GString) s = g_string_new(NULL);

	m_validate(t, obj, &e);
	through_journal(p, t, obj);
	m_write_xml(s, t, obj, NULL, NULL);
	m_write_json(g_string_truncate(s, 0), t, obj, &(struct m_write){ .base = "", .flags = M_W_ALL_CONTENT });
	/* Lists get a level of their own when written: the depth may grow. */
	if (m_from_json(p, t, s->str, s->len, &wide, &again, &e) < 0 && e.code != ERR_TOO_LARGE)
		abort();
	return 0;
}
