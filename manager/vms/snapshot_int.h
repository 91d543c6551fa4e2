/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Snapshots: between their operations, their jobs, previews, and stateless runs. */
#include "manager/vms/clone.h"

extern const struct command ADD_SNAPSHOT_COMMAND, REMOVE_SNAPSHOT_COMMAND, PREVIEW_SNAPSHOT_COMMAND,
    UNDO_SNAPSHOT_COMMAND, COMMIT_SNAPSHOT_COMMAND, RESTORE_SNAPSHOT_COMMAND, END_STATELESS_COMMAND;
extern const struct api_op VM_PREVIEW_OPS[];

int snapshot_add(struct call *c, struct err *e);
int snapshot_remove(struct call *c, struct err *e);
int snapshot_restore(struct call *c, struct err *e);

/* The VM's snapshot of this type, latest version; NULL: none. */
const struct m_snapshot *snapshot_of_type(struct core *c, const char *vm_id, enum m_snapshot_type type);
/* Snapshot ids[1] of VM ids[0], latest version. NULL with e. */
const struct m_snapshot *snapshot_in_path(struct call *c, struct err *e);
/* Its regular ones, the oldest first, in the pool. */
const struct m_snapshot **snapshots_of(struct core *c, struct pool *p, const char *vm_id, unsigned *n);
/* ERR_CONFLICT unless the VM is down, or with may_run up; nobody works on it, no snapshot is in preview. */
int snapshot_check_vm(struct core *c, const char *vm_id, bool may_run, const char *what, struct err *e);
/* An attached disk that has an image of its own, ok and free. 0: it is none of those; -1 with e: it is busy. */
int snapshot_disk(struct core *c, const char *vm_id, const char *disk_id, const char *what, const struct m_disk **out,
                  struct err *e);

/* Lock VM and disks in t for a job. add_lock: in the pool. */
void snapshot_lock_vm(struct txn *t, const char *vm_id);
void snapshot_unlock_vm(struct txn *t, const char *vm_id);
void snapshot_lock_disk(struct call *c, struct txn *t, const char *disk_id, GPtrArray *locks);
/* Disks of a list of the job's data are ok again. */
void snapshot_free_disks(struct job *j, struct txn *t, const char *list);
struct event_refs snapshot_refs(struct job *j);

/* Stage that a disk's active volume is that of a content's entry. */
void snapshot_take_volume(struct txn *t, const json_t *content, const char *disk_id, const char *volume);
/* Stage the VM's configuration and cards as the content has them. */
void snapshot_take_configuration(struct txn *t, const char *vm_id, const json_t *content);
