/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Verbs of a machine's life, and what they share. */
#include "agent/verb.h"
#include "agent/vms/vms.h"

/* VM.create and VM.destroy (create.c). */
int vm_create(struct agent *a, struct verb_call *c, struct err *e);
int vm_destroy(struct agent *a, struct verb_call *c, struct err *e);

/* life.c */
int vm_shutdown(struct agent *a, struct verb_call *c, struct err *e);
int vm_reset(struct agent *a, struct verb_call *c, struct err *e);
int vm_pause(struct agent *a, struct verb_call *c, struct err *e);
int vm_cont(struct agent *a, struct verb_call *c, struct err *e);
int vm_set_destroy_on_reboot(struct agent *a, struct verb_call *c, struct err *e);
/* The guest has rebooted. */
void life_rebooted(struct vm *vm);
/* The call's machine, which must run. */
int vms_running(struct agent *a, struct verb_call *c, struct vm **out, struct err *e);

/* device.c: updateDevice, changeCD; hotplug.c */
int vm_update_device(struct agent *a, struct verb_call *c, struct err *e);
int vm_change_cd(struct agent *a, struct verb_call *c, struct err *e);
int vm_change_floppy(struct agent *a, struct verb_call *c, struct err *e);
int vm_set_ticket(struct agent *a, struct verb_call *c, struct err *e);
int vm_hotplug_nic(struct agent *a, struct verb_call *c, struct err *e);
int vm_hotunplug_nic(struct agent *a, struct verb_call *c, struct err *e);
int vm_hotplug_disk(struct agent *a, struct verb_call *c, struct err *e);
int vm_hotunplug_disk(struct agent *a, struct verb_call *c, struct err *e);
int vm_hotplug_memory(struct agent *a, struct verb_call *c, struct err *e);
int vm_hotunplug_memory(struct agent *a, struct verb_call *c, struct err *e);
int vm_set_number_of_cpus(struct agent *a, struct verb_call *c, struct err *e);
int vm_screenshot(struct agent *a, struct verb_call *c, struct err *e);

/* Make the volume of a <disk> usable here and put its path into the element. create.c */
int disk_prepare(struct agent *a, struct pool *p, xmlNodePtr node, const struct domain_disk *d, struct err *e);

/* Give a disk that has been prepared to the hooks, which may change its path. */
int disk_prepared(struct vm *vm, struct pool *p, xmlNodePtr node, const struct domain_disk *d, struct err *e);

/* What verbs that change a machine answer: its definition in short. */
json_t *vm_definition(const struct vm *vm);
