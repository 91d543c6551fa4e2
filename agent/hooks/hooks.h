/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Hooks: scripts of the host's owner that run around what the agent does and may change it. They live in
 * DIR/POINT, run one after the other in order of name, and get a domain or device as XML, or an answer as
 * JSON, in a file that they edit in place. docs/hooks.md tells the whole of it.
 *
 * Without scripts a call costs one stat(). With some, they run on worker threads of their own while the
 * fiber waits, so a script that hangs delays only what it belongs to.
 */
#include <jansson.h>
#include <libxml/tree.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/pool.h"

struct agent;
struct vm;

enum hook_point {
	HOOK_BEFORE_VDSM_START,
	HOOK_AFTER_VDSM_STOP,
	HOOK_BEFORE_VM_START,
	HOOK_AFTER_VM_START,
	HOOK_BEFORE_VM_DESTROY,
	HOOK_AFTER_VM_DESTROY,
	HOOK_BEFORE_VM_PAUSE,
	HOOK_AFTER_VM_PAUSE,
	HOOK_BEFORE_VM_CONT,
	HOOK_AFTER_VM_CONT,
	HOOK_BEFORE_VM_HIBERNATE,
	HOOK_AFTER_VM_HIBERNATE,
	HOOK_BEFORE_VM_DEHIBERNATE,
	HOOK_AFTER_VM_DEHIBERNATE,
	HOOK_BEFORE_VM_SET_TICKET,
	HOOK_AFTER_VM_SET_TICKET,
	HOOK_BEFORE_VM_MIGRATE_SOURCE,
	HOOK_AFTER_VM_MIGRATE_SOURCE,
	HOOK_BEFORE_VM_MIGRATE_DESTINATION,
	HOOK_AFTER_VM_MIGRATE_DESTINATION,
	HOOK_BEFORE_DEVICE_CREATE,
	HOOK_AFTER_DEVICE_CREATE,
	HOOK_BEFORE_DEVICE_DESTROY,
	HOOK_AFTER_DEVICE_DESTROY,
	HOOK_BEFORE_DEVICE_MIGRATE_SOURCE,
	HOOK_AFTER_DEVICE_MIGRATE_SOURCE,
	HOOK_BEFORE_DEVICE_MIGRATE_DESTINATION,
	HOOK_AFTER_DEVICE_MIGRATE_DESTINATION,
	HOOK_BEFORE_NIC_HOTPLUG,
	HOOK_AFTER_NIC_HOTPLUG,
	HOOK_AFTER_NIC_HOTPLUG_FAIL,
	HOOK_BEFORE_NIC_HOTUNPLUG,
	HOOK_AFTER_NIC_HOTUNPLUG,
	HOOK_AFTER_NIC_HOTUNPLUG_FAIL,
	HOOK_BEFORE_DISK_HOTPLUG,
	HOOK_AFTER_DISK_HOTPLUG,
	HOOK_BEFORE_DISK_HOTUNPLUG,
	HOOK_AFTER_DISK_HOTUNPLUG,
	HOOK_BEFORE_MEMORY_HOTPLUG,
	HOOK_AFTER_MEMORY_HOTPLUG,
	HOOK_BEFORE_SET_NUM_OF_CPUS,
	HOOK_AFTER_SET_NUM_OF_CPUS,
	HOOK_BEFORE_UPDATE_DEVICE,
	HOOK_AFTER_UPDATE_DEVICE,
	HOOK_AFTER_UPDATE_DEVICE_FAIL,
	HOOK_AFTER_DISK_PREPARE,
	HOOK_BEFORE_NETWORK_SETUP,
	HOOK_AFTER_NETWORK_SETUP,
	HOOK_AFTER_NETWORK_SETUP_FAIL,
	HOOK_BEFORE_GET_CAPS,
	HOOK_AFTER_GET_CAPS,
	HOOK_BEFORE_GET_STATS,
	HOOK_AFTER_GET_STATS,
	HOOK_BEFORE_GET_VM_STATS,
	HOOK_AFTER_GET_VM_STATS,
	HOOK_BEFORE_GET_ALL_VM_STATS,
	HOOK_AFTER_GET_ALL_VM_STATS,
	HOOK_AFTER_HOSTDEV_LIST_BY_CAPS,
	N_HOOK_POINT,
	HOOK_NONE = -1
};

const char *hook_point_name(enum hook_point point);

/* Reads the options. hooks_started() runs before_vdsm_start, hooks_stopped() after_vdsm_stop. */
void hooks_init(struct agent *a);
void hooks_started(struct agent *a); /* in a fiber */
void hooks_stopped(struct agent *a); /* blocks, at the very end */

/* Who runs the scripts; false: we do. */
bool hooks_user(const struct agent *a, uid_t *uid, gid_t *gid);
/* Are there scripts for this point? One stat() when there are none. */
bool hooks_has(struct agent *a, enum hook_point point);
/* "hooks" of the capabilities: {POINT: {SCRIPT: {"checksum": SHA-256, "md5": MD5}}}. */
json_t *hooks_installed(struct agent *a);

/*
 * Run the scripts of a point, in a fiber. `vars` is an object of texts that become environment variables
 * (NULL: none; borrowed). `in` is the content of the file (NULL: the point has none), `*out` (may be NULL)
 * what the scripts made of it, in the pool; it is `in` itself without scripts. -1 only at points where a
 * script may stop what is going on: error 1500 (78 at some) with the script's words.
 */
int hooks_text(struct agent *a, enum hook_point point, const char *vm_id, json_t *vars, struct pool *p, const char *in,
               const char **out, struct err *e);
/* The same with a JSON value, which is replaced by what the scripts made of it. */
int hooks_json(struct agent *a, enum hook_point point, const char *vm_id, json_t *vars, json_t **value, struct err *e);

/*
 * Of machines (machine.c). Variables are the machine's custom properties and `more` (may be NULL, borrowed);
 * the file is `xml`, or what is known of the machine when it is NULL.
 */
int hooks_vm(struct vm *vm, enum hook_point point, json_t *more, struct err *e);
int hooks_vm_xml(struct vm *vm, enum hook_point point, json_t *more, struct pool *p, const char *xml, const char **out,
                 struct err *e);
/* Before a start: the domain as it is to be, and the flags of the start, both for the scripts to change. */
int hooks_vm_start(struct vm *vm, xmlDocPtr *doc, unsigned *flags, struct pool *p, struct err *e);

/*
 * One device: `meta` is its <ovirt-vm:device> or NULL, its custom properties become variables too. *device
 * is replaced by what the scripts made of it (out true; it stays in its document).
 */
int hooks_device(struct vm *vm, enum hook_point point, xmlNodePtr *device, xmlNodePtr meta, bool out, struct err *e);
/* Every device of the domain that has custom properties; with `out` in place. */
int hooks_devices(struct vm *vm, enum hook_point point, xmlDocPtr doc, bool out, struct err *e);
/* The same with what is known of the machine. */
int hooks_devices_of(struct vm *vm, enum hook_point point, struct err *e);
