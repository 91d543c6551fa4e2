/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The host's policy in numbers: how large a balloon should be, how busily equal pages are looked for, what a
 * limit of processor time means. Pure.
 */
#include <stdbool.h>
#include <stdint.h>

struct balloon {
	int64_t current_kib, max_kib;
	int64_t guaranteed_kib; /* never below */
	int64_t unused_kib;     /* by the guest, as it says itself; < 0: it says nothing */
	double host_free;       /* 0..1 of the host's memory */
	bool is_policy_on;
};

/* The size that the guest should have now; current_kib when nothing is to be done. */
int64_t balloon_next(const struct balloon *b);

struct ksm_state {
	int run; /* 0 off, 1 on, 2 take apart what is shared */
	int pages_to_scan, sleep_ms;
	int merge_across_nodes; /* -1: the kernel does not have it */
};

struct ksm_facts {
	bool is_enabled;
	int merge_across_nodes; /* as wanted; -1: as it is */
	double host_free;       /* 0..1 */
	double vm_share;        /* memory of the machines, 0.. of the host's */
	int64_t total_kib, pages_shared;
};

struct ksm_state ksm_next(const struct ksm_state *now, const struct ksm_facts *f);

/* A limit of `limit` percent of the host's processors for a machine of n_vcpus. Outside 1..99: no limit,
 * quota -1. */
struct cpu_quota {
	int64_t quota, period;
};
struct cpu_quota cpu_quota_of(int limit, int n_cpus, int n_vcpus);
