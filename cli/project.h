/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Of a long list, only the members that are wanted: the rest is skipped without being built. */
#include <jansson.h>

#include "base/err.h"

/* Items of {"<item>": [...]} as an array of objects with those top-level members (NULL: all but actions and link), NULL-terminated. NULL with e. */
json_t *project_list(const char *text, size_t len, const char *item, const char *const *members, struct err *e);
