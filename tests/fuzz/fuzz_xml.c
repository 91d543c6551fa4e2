/* SPDX-License-Identifier: Apache-2.0 */
/* XML requests. The first byte picks the type; what is taken must be written and read back the same. */
#include <stdlib.h>

#include "model/types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct m_limits wide = { .max_bytes = 64u << 20, .max_depth = 200, .max_nodes = 1000000 };
	struct err e = ERR_INIT;
	void *obj, *again;

	if (size == 0)
		return 0;
	auto_pool p = pool_new();
	const struct m_type *t = M_TYPES[data[0] % N_M_TYPES];

	if (m_from_xml(p, t, (const char *)data + 1, size - 1, NULL, &obj, &e) < 0)
		return 0;
	g_autoptr(GString) s = g_string_new(NULL);

	m_validate(t, obj, &e);
	m_frozen_release(m_freeze(t, obj));
	m_write_json(s, t, obj, NULL);
	m_write_xml(g_string_truncate(s, 0), t, obj, NULL,
	            &(struct m_write){ .base = "", .flags = M_W_ALL_CONTENT | M_W_PRETTY });
	/* Secrets are not written, so only that it can be read is certain. */
	if (m_from_xml(p, t, s->str, s->len, &wide, &again, &e) < 0)
		abort();
	return 0;
}
