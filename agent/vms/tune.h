/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a running machine may use: memory by its balloon, processor time, throughput of disks. */
#include "agent/verb.h"
#include "agent/vms/vms.h"

/* Set the balloon. In a fiber; does not take the machine's lock. */
int tune_balloon(struct vm *vm, int64_t kib, struct err *e);
/* Bring the machine's limit of processor time in line with its policy, if it is not. In a fiber. */
void tune_keep(struct vm *vm);
/* For one log line: a number as text, good until the eighth next call. */
const char *tune_number(int64_t v);
/* vcpuQuota, vcpuPeriod, vcpuUserLimit, ioTune of the statistics. */
void tune_add_stats(const struct vm *vm, json_t *stats);

int vm_set_balloon_target(struct agent *a, struct verb_call *c, struct err *e);
int vm_set_cpu_tune_quota(struct agent *a, struct verb_call *c, struct err *e);
int vm_set_cpu_tune_period(struct agent *a, struct verb_call *c, struct err *e);
int vm_update_policy(struct agent *a, struct verb_call *c, struct err *e);
int vm_get_io_tune(struct agent *a, struct verb_call *c, struct err *e);
int vm_set_io_tune(struct agent *a, struct verb_call *c, struct err *e);
int vm_get_io_tune_policy(struct agent *a, struct verb_call *c, struct err *e);
int host_get_all_io_tune_policies(struct agent *a, struct verb_call *c, struct err *e);
