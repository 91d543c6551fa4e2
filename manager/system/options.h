/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Options of the whole installation, by the names that clients know. Some may be set by a line NAME=VALUE of the file options in
 * the Manager's folder; it is read when it is needed.
 */
#include "manager/core/core.h"

/* In the pool; NULL: there is no such option. */
char *option_text(struct core *c, struct pool *p, const char *name);
/* 0: no such option, or no number. */
int64_t option_number(struct core *c, const char *name);
