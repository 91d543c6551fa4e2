/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Statistics of the host, sampled every 15 s; rates are taken over the last two samples. */
#include <jansson.h>

struct agent;

/* Takes the first sample and starts the fiber. */
void host_stats_init(struct agent *a);
/* Host.getStats without what storage adds. */
json_t *host_stats_json(struct agent *a);
/* "network" of it alone, with the totals: Host.getNetworkStatistics. */
json_t *host_stats_network(struct agent *a);
