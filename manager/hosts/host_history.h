/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* How busy hosts are and were, from what they report. In memory beside the inventory: about 3 KiB each. */
#include "manager/api/history.h"
#include "manager/core/core.h"

enum host_series {
	HOST_SERIES_CPU,
	HOST_SERIES_MEMORY,
	HOST_SERIES_NETWORK,
	N_HOST_PERCENT,
	HOST_SERIES_RX = N_HOST_PERCENT, /* bytes a second of all links */
	HOST_SERIES_TX,
	HOST_SERIES_SWAP, /* bytes */
	N_HOST_SERIES
};

/* What it is now; false when nothing is known, as of a host that is not up. */
bool host_percent(struct core *c, const char *host_id, enum host_series what, double *out);
/* A report has been kept: sample it when it is time. */
void host_history_take(struct core *c, const char *host_id);
/* Its last hour and day; NULL: none yet. Borrowed. */
const struct history *host_history(struct core *c, const char *host_id);
/* The values that searches look for in reports. Once, at start. */
void host_search_register(void);
