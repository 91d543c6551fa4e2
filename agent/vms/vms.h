/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The virtual machines of this host. Each is known by its id from VM.create (or from the moment when
 * it is found in libvirt after a restart) until VM.destroy; a machine that ended stays listed as Down
 * with the reason. libvirt is the truth: events move the state, and after every reconnection all of
 * it is read again. While libvirt is away nothing is concluded.
 *
 * Operations on one machine are serialized by its lock; machines do not wait for each other.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/vms/domain.h"
#include "agent/vms/sample.h"
#include "base/err.h"
#include "base/fiber.h"
#include "base/pool.h"
#include "base/uuid.h"

struct agent;
struct verb_call;
struct serial;

enum vm_status {
	VM_DOWN,
	VM_WAIT_FOR_LAUNCH,
	VM_UP,
	VM_PAUSED,
	VM_POWERING_DOWN,
	VM_REBOOTING,
	VM_SAVING,
	VM_RESTORING,
	N_VM_STATUS
};

enum vm_exit {
	EXIT_WELL = 0,
	EXIT_ERROR = 1,
	EXIT_LOST_QEMU = 2,
	EXIT_START_FAILED = 3,
	EXIT_MIGRATED = 4,
	EXIT_SAVED = 5,
	EXIT_BY_ADMIN = 6,
	EXIT_BY_GUEST = 7,
	EXIT_MISSING = 9,
	EXIT_DESTROYED_STARTING = 10,
	EXIT_HOST_SHUTDOWN = 11,
	EXIT_ON_REBOOT = 13,
	EXIT_PAUSED_TOO_LONG = 14,
};

struct vm {
	struct agent *agent;
	uuid_text id;
	enum vm_status status;
	int64_t status_ms;      /* agent_event_time_ms of the last change */
	const char *pause_code; /* "NOERR", "ENOSPC"...; static */
	bool is_failed;         /* exit code, while Down */
	enum vm_exit exit;
	char *exit_message;
	int64_t started_wall_ms; /* 0: not running */

	struct pool *domain_pool; /* of what follows; never NULL */
	struct domain *domain;    /* newest that is known; never NULL */
	char *xml;
	bool is_live_xml;

	bool is_locked, is_removed, is_doomed, is_admin_shutdown, is_reboot_destroy;
	struct waitq unlocked;
	struct waitq moved; /* woken by every change of status */
	unsigned n_refs, n_events;

	struct serial *serial; /* its serial console, or NULL */
	GHashTable *viewers;   /* connections to its screen, "address port"; or NULL */
	char *client_ip, *time_offset, *user_quota;
	json_t *watchdog; /* last event, or NULL */
	json_t *guest;    /* what the guest agent said, an object */
	int64_t guest_due_ms, guest_slow_due_ms;
	bool is_guest_busy, is_guest_cut;
	bool is_panicked, is_paused_too_long; /* reasons of an end that libvirt's event does not tell */
	bool is_syncing, is_sync_wanted;      /* its state is being read; and is to be read once more */
	bool is_saving, is_restoring;         /* libvirt is at it: a pause is part of that */
	struct vm_samples samples;            /* statistics */

	int64_t balloon_target_kib;      /* set last, 0: never */
	int64_t vcpu_quota, vcpu_period; /* set last, 0: never */
	int64_t kept_quota;              /* what the limit asks for, as it was tried last */
	int vcpu_limit;                  /* percent of the host's processors, 0: none */
	int32_t limit_hash;              /* of the domain that the limit was read from */
	bool is_limit_read, is_limit_broken;
};

struct vms {
	GHashTable *by_id; /* id -> struct vm */
	bool is_found;     /* libvirt has been read since the agent started */
	unsigned generation;
	bool is_reading;
};

int vms_init(struct agent *a, struct err *e);
bool vms_are_found(const struct agent *a);
/* From virt.c: the connection came (in a fiber) or went. */
void vms_libvirt_found(struct agent *a);
void vms_libvirt_lost(struct agent *a);

struct vm *vms_find(const struct agent *a, const char *id);
/* The machine that the call's vmID names; error 1 when there is none. */
int vms_of_call(struct agent *a, struct verb_call *c, struct vm **out, struct err *e);
int vms_count(const struct agent *a, bool only_active);

/* A new machine from a domain that has been read (pool and xml are taken over). */
struct vm *vm_add(struct agent *a, struct pool *domain_pool, struct domain *d, char *xml);
void vm_remove(struct vm *vm);
struct vm *vm_ref(struct vm *vm);
void vm_unref(struct vm *vm);
static inline void vm_unref_p(struct vm **vm)
{
	if (*vm)
		vm_unref(*vm);
}
#define auto_vm __attribute__((cleanup(vm_unref_p))) struct vm *

/* Exclusive use for an operation. Fails when the machine went away meanwhile, or after a minute. */
int vm_lock(struct vm *vm, struct err *e);
void vm_unlock(struct vm *vm);
static inline void vm_unlock_p(struct vm **vm)
{
	if (*vm)
		vm_unlock(*vm);
}
/* Locks for the rest of the block: auto_vm_lock held = NULL; if (vm_hold(vm, &held, e) < 0) ... */
#define auto_vm_lock __attribute__((cleanup(vm_unlock_p))) struct vm *
int vm_hold(struct vm *vm, struct vm **held, struct err *e);

/* The one place where a status changes: logs, tells the clients, wakes who waits. */
void vm_move(struct vm *vm, enum vm_status next);
void vm_pause_with(struct vm *vm, const char *pause_code);
/* To Down. message is shown to people. Keeps the reason in the domain's metadata. */
void vm_end(struct vm *vm, bool is_failed, enum vm_exit why, const char *message);
const char *vm_status_name(enum vm_status s);
bool vm_is_active(const struct vm *vm);
/* A start is under way, from nothing or from saved memory. */
static inline bool vm_is_starting(const struct vm *vm)
{
	return vm->status == VM_WAIT_FOR_LAUNCH || vm->status == VM_RESTORING;
}

/* Read state and XML from libvirt and follow them. In a fiber. */
int vm_sync(struct vm *vm, struct err *e);
/* The same, soon, in a fiber of its own. */
void vm_sync_soon(struct vm *vm);
/* Write plain values into the metadata. In a fiber. */
int vm_write_meta(struct vm *vm, const struct domain_meta *values, int n, struct err *e);
/* Tell all clients how the machine is. Every event is complete, so that none has to be merged with others. */
void vm_tell(struct vm *vm);
json_t *vm_display_info(const struct vm *vm);
