/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Random objects of any type, from a seed. */
#include <glib.h>

#include "model/types.h"

struct random_objects {
	struct pool *p;
	GRand *rand;
	bool has_internal; /* fill internal and secret members, too */
};

/* Members filled by chance, structures nested to a small depth. References have ids, some have drafts. */
void *random_object(struct random_objects *r, const struct m_type *t, int depth);
