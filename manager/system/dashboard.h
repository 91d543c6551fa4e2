/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The dashboard: what there is, how full it is, what draws on it, what went wrong, and what may still fail. */
#include "manager/core/sessions.h"

/* Sampling begins. After loading. */
void dashboard_start(struct core *c);
void dashboard_free(struct core *c);
/* The document for whom asks, JSON, to be freed. In a fiber; may wait. */
char *dashboard_text(struct core *c, const struct identity *who);
/* Lines of an object, "vms/ID": {"hour": {"cpu": {"step", "end", "values"}, ...}, "day": ...}. NULL: none, or not to be seen. */
json_t *dashboard_history(struct core *c, const struct identity *who, const char *path);
