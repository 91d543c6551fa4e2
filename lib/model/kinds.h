/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The kinds of entity that the inventory holds, from `kinds` of schema/inventory.json. */
#include "model/model.h"
#include "model/model_kinds.h"

struct m_kind_info {
	const char *name; /* "vm" */
	const struct m_type *type;
	bool unique_name;          /* no two of them with one name */
	const char *unique_within; /* ... among those with the same value of this reference, or NULL */
	const char *const *index;  /* members by which the inventory finds them, NULL-terminated */
	int n_index;
	const struct m_field *const *index_fields; /* the same; IDX_<KIND>_<member> are the positions */
};

extern const struct m_kind_info M_KINDS[]; /* by enum kind; the entry after the last has no name */
