/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside manager/vms. */
#include "manager/vms/domain_xml.h"
#include "manager/vms/init_media.h"
#include "manager/vms/vms.h"

#define BLANK_TEMPLATE UUID_NIL
#define CDROM_ID       UUID_NIL

struct history;

/* What is known of a VM while the Manager runs; not in the journal. */
struct vm_rt {
	char *id;
	json_t *stats;      /* last report of its host, or NULL */
	json_t *net_before; /* counters of its network cards in the report before, or NULL */
	json_t *end;        /* report of its end, left to the job that starts it */
	int n_missing;      /* complete reports in a row that lack it */
	int n_strays;       /* reports in a row of another host that has it */
	char stray_host[UUID_LEN + 1];
	bool is_ending;          /* its end is being recorded and acknowledged */
	bool is_saving;          /* its memory is being saved: what becomes of it is told to that job */
	struct history *history; /* its last hour and day; vm_history.h */
	struct waitq wake;
};

struct vms {
	struct core *core;
	GHashTable *by_id;     /* id -> vm_rt */
	GHashTable *foreign;   /* ids of machines on hosts that are not ours, told once */
	GHashTable *stateless; /* ids of VMs whose stateless run is being ended */
	GHashTable *kept;      /* ids of VMs for which the keeper has something to do */
	struct waitq keeper;
};

struct vm_rt *vm_rt(struct core *c, const char *id);

/* ---- facts ---- */

/* A host has been told to start it, and it has not been seen running. */
bool vm_is_launching(const struct m_vm *vm);
/* Answers to its console, devices can be plugged: up, paused and the like. */
bool vm_is_live(const struct m_vm *vm);
struct event_refs vm_refs(const struct m_vm *vm, const char *user_id, const char *correlation_id);
/* "Cannot run VM. ..." for a status in which the action is refused; 0 when it is allowed. */
enum vm_action { VM_RUN, VM_STOP, VM_SHUTDOWN, VM_REBOOT, VM_RESET, VM_REMOVE, VM_SUSPEND, VM_MIGRATE };
int vm_check_action(const struct m_vm *vm, enum vm_action a, struct err *e);
/* Rules that span members; what names the command in faults ("add VM"). */
int vm_check(struct core *c, const struct m_vm *vm, const char *what, struct err *e);
/* Does the running domain differ when the configuration changes from a to b? */
bool vm_differs_at_run_time(const struct m_vm *a, const struct m_vm *b);
void vm_view(struct core *c, struct pool *p, const void *published, void *copy);
void template_view(struct core *c, struct pool *p, const void *published, void *copy);

/* ---- changes ---- */

int vm_add(struct call *c, struct err *e);
/* The body of a change of a VM: references resolved, what is no configuration dropped. */
int vm_prepare_body(struct call *c, const struct m_vm *old, struct err *e);
/* Stage that the VM does not run any more; what waited for that comes into force. vm: a draft of t. */
void vm_set_down(struct txn *t, struct m_vm *vm);
/* New NIC of a VM in t. made: NICs that t makes for the VM already (struct m_nic *), to which it is added. */
struct m_nic *nic_new(struct call *c, struct txn *t, const struct m_vm *vm, struct m_nic *body, GPtrArray *made,
                      struct err *e);
/* Take what the host's report says of a VM that ended into a draft, with its event. */
void vm_take_end(struct txn *t, struct m_vm *vm, json_t *news, const char *correlation_id);
/* Tell a host to forget a machine that ended. Starts a fiber. */
void vm_forget_on_host(struct core *c, const char *host_id, const char *vm_id);

/* ---- where and what to run ---- */

/* What a start says beyond the VM's configuration (run_once.c). */
struct run_once {
	const struct m_vm *vm; /* the VM as it is to run this time; NULL: as it is configured */
	bool is_paused;
	bool is_volatile;      /* the configuration of this start ends with the first reboot */
	const char *hosts[16]; /* only these; none: any */
	size_t n_hosts;
	bool has_init; /* the guest is to be initialized (again) in this way */
	enum init_kind init;
	const char *authorized_key; /* one more, for the guest's initialization */
	/* found out for each start by run_once_media */
	struct domain_payload *payloads;
	size_t n_payloads;
	bool is_initializing; /* they hold what the guest's first start is for */
};
/* From the action's document. vm: its latest version. */
int run_once_read(struct call *c, const struct m_vm *vm, const struct m_action *a, struct run_once *o, struct err *e);
/* For the job's data, and back; texts stay those of j or the pool. */
json_t *run_once_pack(const struct run_once *o);
int run_once_unpack(struct pool *p, json_t *j, struct run_once *o, struct err *e);
/* Does it differ from a plain start? */
bool run_once_is_special(const struct run_once *o);
/* The VM that the start is about: the overridden one, or vm itself. */
const struct m_vm *run_once_vm(const struct run_once *o, const struct m_vm *vm);
/* Media that the guest finds: payloads of the VM, and what its first start needs. */
int run_once_media(struct pool *p, const struct m_vm *vm, struct run_once *o, struct err *e);
/* Where the VM can run, apart from the n hosts of not_on. Borrowed; NULL with the reason for each host. */
const char *vm_place(struct core *c, const struct m_vm *vm, const struct run_once *once, const char *const *not_on,
                     size_t n, struct err *e);
/* Is there anything to boot from, are disks usable? */
int vm_check_bootable(struct core *c, const struct m_vm *vm, struct err *e);
/* The domain of a VM for a host. */
char *vm_domain_xml(struct core *c, struct pool *p, const struct m_vm *vm, const char *host_id,
                    const struct run_once *once, struct err *e);
/* The parts of it. */
/* What else a VM takes over from its instance type. */
void instance_type_take(struct pool *p, struct m_vm *vm, const struct m_instance_type *it);
/* Can a VM have a network card of this kind? ERR_UNSUPPORTED with field nic.interface. */
int nic_check_interface(enum m_nic_interface i, struct err *e);
int vm_nic_spec(struct core *c, struct pool *p, const struct m_nic *nic, struct domain_nic_spec *out, struct err *e);
int vm_disk_spec(struct core *c, struct pool *p, const struct m_disk_attachment *a, struct domain_disk_spec *out,
                 struct err *e);
/* Latest versions of the VM's NICs, by name; of its attachments. */
const struct m_nic **vm_nics(struct core *c, struct pool *p, const char *vm_id, unsigned *n);
const struct m_disk_attachment **vm_attachments(struct core *c, struct pool *p, const char *vm_id, unsigned *n);
/* Id of the ISO disk in the drive, or NULL. */
const char *vm_cdrom_file(const struct m_vm *vm);

/* Start a VM: checks, host, first transaction, job. In a fiber. */
int vm_run(struct core *c, const char *vm_id, const struct run_once *once, const char *user_id,
           const char *correlation_id, char *job, struct err *e);
/* Would it start, as things are? Nothing is changed. */
int vm_check_run(struct core *c, const struct m_vm *vm, const struct run_once *once, struct err *e);
/* The host that the VM is on, connected; ERR_CONFLICT if not. Copied into the pool. */
const char *vm_host(struct core *c, struct pool *p, const struct m_vm *vm, struct err *e);

extern const struct command VM_RUN_COMMAND, VM_RESTORE_COMMAND, VM_STOP_COMMAND, VM_SHUTDOWN_COMMAND, VM_REBOOT_COMMAND,
    VM_RESET_COMMAND, VM_RESUME_COMMAND, VM_SUSPEND_COMMAND, VM_DROP_MEMORY_COMMAND;
extern const struct api_op VM_OPS[], VM_ACTION_OPS[], VM_UPDATE_OPS[], VM_NIC_OPS[], VM_CONSOLE_OPS[], VM_CDROM_OPS[],
    VM_GUEST_OPS[], VM_SNAPSHOT_OPS[], DISK_SNAPSHOT_OPS[];

/* ---- configuration of the next start (next_run.c) ---- */

/* What a member of a VM's configuration needs to come into force while it runs. */
enum change_when { CHANGE_NOW, CHANGE_PLUGGED, CHANGE_NEXT_RUN };
struct vm_change {
	const char *member; /* "memory", "cpu.topology.sockets" */
	enum change_when when;
	const char *why; /* of CHANGE_NEXT_RUN, or NULL */
};
/* The configuration that the VM will have next, or the VM as it is. In the pool, to be changed. */
struct m_vm *next_run_of(struct pool *p, const struct m_vm *vm);
/* How `wanted` differs from the VM, by top members. *n of them, in the pool. */
struct vm_change *next_run_changes(struct core *c, struct pool *p, const struct m_vm *vm, const struct m_vm *wanted,
                                   bool is_all_later, size_t *n);
/* What waits already (in the configuration to come, before the change) and is not said again goes on waiting. */
void next_run_keep_waiting(struct pool *p, const struct m_vm *waiting, const struct m_vm *wanted,
                           const struct m_vm *said, struct vm_change *list, size_t n);
/* Into a draft of a VM: what is to be now; the rest is kept for the next start. Pool: the draft's. */
void next_run_stage(struct pool *p, struct m_vm *draft, const struct m_vm *wanted, const struct vm_change *list,
                    size_t n);
/* The next configuration, if there is one, becomes that of a draft. */
void next_run_apply(struct pool *p, struct m_vm *draft);

/* ---- plugging (hotplug_api.c) ---- */

/* Has a running VM all disks that are recorded as active? Not while one is still being plugged, or when nobody knows. May wait. */
int vm_check_plugged(struct call *c, const char *vm_id, const char *what, struct err *e);

/* Can the running VM take over the number of sockets, or the memory, now? NULL, or the reason why not. In the pool. */
const char *hotplug_refuse_cpus(struct core *c, struct pool *p, const struct m_vm *vm, const struct m_vm *wanted);
const char *hotplug_refuse_memory(struct core *c, struct pool *p, const struct m_vm *vm, const struct m_vm *wanted);
/* Do it. In a fiber. */
int hotplug_cpus(struct call *c, const char *vm_id, const struct m_vm *wanted, struct err *e);
int hotplug_memory(struct call *c, const char *vm_id, int64_t from, int64_t to, struct err *e);
/* Tell the host of a running VM what memory is guaranteed to it by now. In a fiber; a failure is only logged. */
void hotplug_guaranteed(struct core *c, const char *vm_id);

/* ---- memory saved (suspend_jobs.c) ---- */

/* Is memory of it on storage that must not be used any more, since it runs, ran, or was stopped? */
bool suspend_is_stale(const struct m_vm *vm);
/* Drop it. In a fiber. 0 also when there is nothing to do. */
int suspend_drop(struct core *c, const char *vm_id, struct err *e);
/* What VM.create is told of a saved memory; NULL with e when it is not there. */
json_t *suspend_volume(struct core *c, const char *disk_id, struct err *e);
/* Power a suspended VM off: its memory is lost. */
int suspend_stop(struct call *c, const struct m_vm *vm, struct err *e);
int suspend_vm(struct call *c, struct err *e);

/* ---- what is to be done again and again (keeper.c) ---- */

/* Look at the VM: should it be restarted, is memory of it to be dropped? Cheap; from publications. */
void keeper_notice(struct core *c, const struct m_vm *vm);
void keeper_start(struct core *c);
/* Stage that a highly available VM is to be started again. */
void keeper_want_restart(struct core *c, struct m_vm *vm);

extern const struct api_op VM_GUEST_ACTION_OPS[];

/* ---- numbers ---- */
size_t vm_statistics(struct call *c, const char *vm_id, void **list, size_t max);
size_t vm_nic_statistics(struct call *c, const char *nic_id, void **list, size_t max);
size_t vm_disk_statistics(struct call *c, const char *disk_id, void **list, size_t max);
/* Text and number of a report; both take what agents send: numbers often come as text. */
const char *rep_text(json_t *o, const char *key);
double rep_number(json_t *o, const char *key);
