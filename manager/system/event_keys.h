/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Events of other programs by what these call them: origin and custom_id. */
#include "manager/core/core.h"

/* Is there one, or is one on its way? origin may be NULL. */
bool event_key_taken(struct core *c, const char *origin, int64_t custom_id);
