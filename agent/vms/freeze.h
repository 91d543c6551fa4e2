/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* File systems of a guest, by way of its agent. All in fibers, with the machine's lock held. */
#include "agent/verb.h"
#include "agent/vms/vms.h"

enum { FREEZE_S = 8 };

/* 19: the agent does not answer in time; 76, 77: it refuses. */
int freeze_guest(struct vm *vm, int64_t limit_s, struct err *e);
int thaw_guest(struct vm *vm, struct err *e);

int vm_freeze(struct agent *a, struct verb_call *c, struct err *e);
int vm_thaw(struct agent *a, struct verb_call *c, struct err *e);
/* VM.desktopLogin, desktopLogoff, desktopLock, desktopSendHcCommand: what QEMU's agent cannot do, said so. */
int vm_desktop(struct agent *a, struct verb_call *c, struct err *e);

/* snapshot.c: VM.snapshot; resize.c: VM.diskSizeExtend. */
int vm_snapshot(struct agent *a, struct verb_call *c, struct err *e);
int vm_disk_size_extend(struct agent *a, struct verb_call *c, struct err *e);
