/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Statistics of virtual machines. What costs little, processor time and network, is read for all machines in one round every
 * 15 s. What QEMU's monitor must be asked for, its disks and balloon, takes milliseconds for each machine: a few machines at a
 * time have their turn, each of them every 15 s.
 */
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
	uint64_t cpu_ns, system_ns;
	unsigned n_nets;
	struct sample_net *nets;
};

/* What the monitor answered. */
struct vm_monitored {
	int64_t at_ms;
	bool is_complete;                  /* it did: not only what libvirt knows by itself */
	uint64_t balloon_cur, balloon_max; /* KiB */
	uint64_t mem_available, mem_unused, mem_usable, swap_in, swap_out, major_faults, minor_faults, rss;
	bool has_guest_memory;
	unsigned n_disks;
	struct sample_disk *disks;
};

/* Of one machine: newest and the one before, or NULL. */
struct vm_samples {
	struct vm_sample *now, *before;
	struct vm_monitored *monitored, *monitored_before;
	int64_t due_ms; /* its next turn with the monitor */
};

void vm_samples_clear(struct vm_samples *s);
/* Starts the fiber that samples. */
void sample_init(struct agent *a);
/* Sample soon, for instance because a machine has started. */
void sample_soon(struct agent *a);
/* One machine as VM.getStats and Host.getAllVmStats tell it. */
json_t *vm_stats_json(const struct vm *vm);
