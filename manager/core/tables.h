/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Facts of schema/ that the core looks up: event types, permits, predefined roles. Written by tools/gen_tables.py. */
#include <stdbool.h>
#include <stddef.h>

#include "model/kinds.h"
#include "model/types.h"

struct event_type {
	const char *name; /* "USER_ADD_VM" */
	int code;         /* what clients match on */
	enum m_log_severity severity;
	int flood_s; /* the same event of the same object is not repeated within so many seconds */
};
extern const struct event_type EVENT_TYPES[]; /* sorted by name */
extern const size_t N_EVENT_TYPES;

struct permit_type {
	int id;
	const char *name;
	bool is_admin;
};
extern const struct permit_type PERMITS[]; /* ends with name NULL */

struct role_type {
	const char *id, *name;
	bool is_admin, view_children;
	const char *const *permits;
};
extern const struct role_type ROLES[]; /* ends with id NULL */

/* What a new installation holds: objects in the journal's form, in which "$x" stands for something drawn at set-up. */
struct initial_row {
	enum kind kind;
	const char *id, *object;
};
extern const struct initial_row INITIAL_ROWS[]; /* ends with id NULL */

struct os_type {
	int id;
	const char *key, *name, *arch, *family;
};
extern const struct os_type OS_TYPES[]; /* ends with key NULL */
