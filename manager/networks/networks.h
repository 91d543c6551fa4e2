/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Logical networks, their place in clusters, vNIC profiles, MAC addresses. */
#include "manager/api/call.h"

#define MANAGEMENT_NETWORK "ovirtmgmt"

void networks_register(struct core *c);
/* After loading: which MAC addresses are in use. */
void networks_start(struct core *c);
void networks_free(struct core *c);

/* A management network, with its vNIC profile, for a new data center. */
void network_add_management(struct txn *t, const char *dc_id);
/* The management network of a data center: its first network of that name. NULL: it has none. */
const struct m_network *network_management_of(struct txn *t, const char *dc_id);
/* Attach a cluster's management network with all roles. */
void network_attach_management(struct txn *t, const char *cluster_id, const struct m_network *net);
/* Remove a network with its profiles and its places in clusters. */
void network_remove_all(struct txn *t, const char *network_id);

/* The network of a vNIC profile in its latest version; NULL for none. */
const struct m_network *network_of_profile(struct core *c, const char *profile_id);
/* Is the network attached to the cluster? */
bool network_is_in_cluster(struct core *c, const char *network_id, const char *cluster_id);

/* A free address of the cluster's MAC pool, in the pool p. NULL: ERR_CONFLICT, none is left. */
char *mac_draw(struct core *c, struct pool *p, const char *cluster_id, struct err *e);
/*
 * An address that two NICs of VMs have in the clusters of a MAC pool; cluster_id: as if this cluster were of the pool, too
 * (may be NULL). NULL: there is none.
 */
char *mac_find_twice(struct core *c, struct pool *p, const char *pool_id, const char *cluster_id);
/* ERR_CONFLICT when another NIC than except_nic has the address and the pool does not allow duplicates. */
int mac_check_free(struct core *c, const char *cluster_id, const char *mac, const char *except_nic, struct err *e);
