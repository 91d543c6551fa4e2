/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The rules by which a VM has room on a host: for its start, and for what others reckon with. */
#include "manager/core/core.h"

/* Bytes left for VMs by the cluster's rule of overcommitment, less than 0 when there are too many; INT64_MAX: not known. */
int64_t vm_room_on(struct core *c, const struct m_host *h);
/* All that VMs can have there, and bytes promised to those that run or start there. */
int64_t vm_capacity_of(struct core *c, const struct m_host *h);
int64_t vm_promised_on(struct core *c, const char *host_id);
/* Bytes free in fact, swap included; INT64_MAX: not known. */
int64_t vm_physical_on(struct core *c, const char *host_id);
/* What a VM needs beside its memory, and what it must have of it. */
int64_t vm_overhead(const struct m_vm *vm);
int64_t vm_guaranteed(const struct m_vm *vm);
/* Processors; 0 of a host: not known. */
int64_t vm_count_cpus(const struct m_vm *vm);
int64_t host_count_cpus(const struct m_host *h);
/* Is the VM free to run there, as far as it is pinned to hosts? */
bool vm_is_allowed_on(const struct m_vm *vm, const char *host_id);
/* Has the host the network of a card's profile? A card without network asks for nothing. */
bool host_has_network_of(struct core *c, const char *host_id, const char *vnic_profile_id);
