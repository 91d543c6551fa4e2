/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Statistics: numbers of the moment, in the API's shape. One service ("statistics") serves every kind of owner. */
#include "manager/api/call.h"
#include "manager/api/history.h"

struct statistic {
	const char *name, *description;
	enum m_statistic_unit unit;
	double value;
};
/* Append rows to list (max places in all). How many were appended. */
size_t statistics_make(struct call *c, const char *owner_id, const struct statistic *rows, size_t n, void **list,
                       size_t max);
/* The hour of an owner whose first series are processors, memory and network, newest first: cpu.usage.history and so on. */
size_t statistics_history(struct call *c, const char *owner_id, const struct history *h, void **list, size_t max);

/* An owner: collection word in the path ("vms"), and who fills the list in; returns how many. */
struct statistics_owner {
	const char *word;
	enum kind kind;
	size_t (*fill)(struct call *c, const char *owner_id, void **list, size_t max);
	const char *above; /* only below this collection ("hosts"); NULL: wherever no other owner is named */
};
/* Owners below another one are told by the third word: "vms/{id}/nics/{id}". */
void statistics_register(const struct statistics_owner *owner);
extern const struct api_op STATISTICS_OPS[];
