/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * How many hosts of a cluster may fail at once, whichever they are, so that their VMs find places on the hosts that remain? Pure: no
 * inventory, no clock; on a worker thread.
 *
 * VMs of lost hosts are placed as they would be started: by priority, large ones first, each on the host with most room, by the
 * same rules of memory and processors (vms/vm_place.h). That all of them find a place so is a proof; that one finds none is
 * what would happen, although somebody who moves other VMs first might do better.
 */
#include <stdbool.h>
#include <stdint.h>

enum survival_limit {
	SURVIVAL_NONE,
	SURVIVAL_MEMORY,   /* no host has room by the cluster's rule of overcommitment */
	SURVIVAL_PHYSICAL, /* ... or has the physical memory that is guaranteed */
	SURVIVAL_CPUS,     /* hosts have fewer processors than the VM */
	SURVIVAL_PINNED,   /* bound to hosts that are lost */
	SURVIVAL_NETWORK,  /* hosts that remain lack a network */
	SURVIVAL_HARDWARE, /* ... or a device, CPU model and the like */
	SURVIVAL_HOSTS,    /* no host is left */
};

/* A host that is up. */
struct survival_host {
	int64_t room;     /* bytes for VMs by the rule; INT64_MAX: not known, never full */
	int64_t physical; /* bytes free in fact; INT64_MAX: not known */
	int cpus;         /* 0: not known */
};

/* A VM that runs on one of them. */
struct survival_vm {
	int host; /* index */
	int cpus;
	int64_t memory, overhead, guaranteed;
	int priority;
	bool is_ha;
	const uint64_t *allowed; /* a bit for each host; NULL: any */
	enum survival_limit why; /* what allowed comes from */
};

struct survival_cluster {
	const struct survival_host *hosts;
	const struct survival_vm *vms;
	int n_hosts, n_vms;
};

enum { SURVIVAL_MAX_SHOWN = 20, SURVIVAL_MAX_LOST = 32 };

struct survival_answer {
	int n_vms;     /* that count: all, or the highly available ones */
	int survives;  /* any so many hosts; all of them when n_vms is 0 */
	bool is_exact; /* false: proven for so many, and nobody knows of more */
	/* One more, and this may happen (when survives is less than all hosts and is_exact). */
	int n_lost, lost[SURVIVAL_MAX_LOST]; /* hosts: the first of n_lost */
	int n_to_move;
	int n_homeless, homeless[SURVIVAL_MAX_SHOWN]; /* VMs without a place: the first of n_homeless */
	enum survival_limit limit;
};

/* budget: of steps, about 20 a microsecond. */
void survival_find(const struct survival_cluster *c, bool only_ha, int64_t budget, struct survival_answer *out);
/* One case: these hosts are lost (lost[i] for each host). Fills n_to_move, homeless and limit; true when all find a place. */
bool survival_try(const struct survival_cluster *c, bool only_ha, const bool *lost, struct survival_answer *out);
