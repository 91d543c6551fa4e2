/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Data centers and clusters. */
#include "manager/api/call.h"

void clusters_register(struct core *c);
/* The cluster that is shown to a VM or host: NULL if it is gone. Latest version. */
const struct m_cluster *cluster_latest(struct core *c, const char *id);
/* Id of the data center of a cluster, NULL if it has none. Latest version. */
const char *cluster_data_center(struct core *c, const char *cluster_id);
