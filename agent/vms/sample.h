/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Statistics of virtual machines: counters as libvirt gives them, taken for all machines in one call. */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct agent;
struct vm;

struct sample_net {
	char name[32];
	uint64_t rx_bytes, rx_errors, rx_drops, tx_bytes, tx_errors, tx_drops;
};

struct sample_disk {
	char name[32];
	uint64_t reads, read_bytes, read_ns, writes, write_bytes, write_ns, flushes, flush_ns;
	uint64_t allocation, capacity, physical;
};

struct vm_sample {
	int64_t at_ms; /* loop's clock */
	double wall_s;
	bool is_complete; /* the monitor answered: not only what libvirt knows by itself */
	uint64_t cpu_ns, system_ns;
	uint64_t balloon_cur, balloon_max; /* KiB */
	uint64_t mem_available, mem_unused, mem_usable, swap_in, swap_out, major_faults, minor_faults, rss;
	bool has_guest_memory;
	unsigned n_vcpus;
	unsigned n_nets, n_disks;
	struct sample_net *nets;
	struct sample_disk *disks;
};

void vm_sample_free(struct vm_sample *s);
/* Starts the fiber that samples every 15 s. */
void sample_init(struct agent *a);
/* Sample soon, for instance because a machine has started. */
void sample_soon(struct agent *a);
/* One machine as VM.getStats and Host.getAllVmStats tell it. */
json_t *vm_stats_json(const struct vm *vm);
