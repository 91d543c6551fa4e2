/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Which members of a type are shown in lists, and how one looks. */
#include <glib.h>

#include "cli/cli.h"

struct column {
	char *title, *path; /* "MEMORY", "cpu.topology.cores" */
};
struct columns {
	struct column v[64];
	int n;
};

/* Good ones for a type, or those of --columns ("name,status,cores=cpu.topology.cores"). */
int columns_choose(struct columns *out, const struct cli *c, const struct m_type *t, struct err *e);
void columns_clear(struct columns *cs);
/* The top-level members that they and the extra one need: NULL-terminated, in the pool. */
const char *const *columns_members(struct pool *p, const struct columns *cs);
/*
 * Append one member of an item as text. for_people: sizes with units, local dates, names for references; else as the API
 * writes it.
 */
void columns_cell(GString *out, struct cli *c, const struct m_type *t, const json_t *item, const char *path,
                  bool for_people);
