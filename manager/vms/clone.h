/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What VMs and templates are made from: another VM, a template, a snapshot; and how its parts are taken over. */
#include "manager/disks/volumes.h"
#include "manager/vms/vm_int.h"

struct source_disk {
	const struct m_disk *disk; /* latest version */
	const char *volume;        /* of it; that of a snapshot differs from the disk's own */
	const struct m_disk_attachment *attachment;
};

struct source {
	enum kind kind; /* KIND_VM, KIND_TEMPLATE, KIND_SNAPSHOT */
	const char *id, *name;
	const char *cluster;
	const struct m_vm *vm;             /* its configuration; NULL for templates */
	const struct m_template *template; /* NULL for others */
	const struct m_nic **nics;
	unsigned n_nics;
	struct source_disk *disks;
	unsigned n_disks;
};

/* Read it; copies in the pool. Disks must be ok and free. what: "Cannot add VM". */
int source_of_vm(struct core *c, struct pool *p, const char *vm_id, const char *what, struct source *out,
                 struct err *e);
int source_of_template(struct core *c, struct pool *p, const char *template_id, const char *what, struct source *out,
                       struct err *e);
int source_of_snapshot(struct core *c, struct pool *p, const char *snapshot_id, const char *what, struct source *out,
                       struct err *e);

/* How the disks of a source are taken over. */
struct clone_spec {
	const struct source *source;
	enum kind owner_kind; /* KIND_VM or KIND_TEMPLATE */
	const char *owner_id, *cluster_id;
	bool is_thin;               /* layers over the template's volumes */
	const char *prefix;         /* of the field that holds `wishes`: "vm.disk_attachments" */
	const char *what;           /* "Cannot add VM" */
	const char *domain_id;      /* all disks go there; NULL: as the wishes say, or beside their sources */
	const char *alias;          /* disks are called ALIAS_Disk1...; NULL: as their sources */
	const struct m_ref *wishes; /* attachments of the request, known by the ids of the source's disks */
	unsigned n_wishes;
};
/* What becomes of it: the job's "volumes" and its locks (new disks; sources too when they are copied from). */
struct clone_work {
	json_t *volumes;
	GPtrArray *locks; /* ids, in the call's pool */
};
/* New disks and their attachments, locked, in t, with the plans for their volumes. */
int clone_disks(struct call *c, struct txn *t, const struct clone_spec *spec, struct clone_work *work, struct err *e);
/* Network cards of the source for a template in t; those of a VM are made by nic_new(). */
void clone_nics_to_template(struct txn *t, const struct source *s, const char *template_id);
int clone_nics_to_vm(struct call *c, struct txn *t, const struct source *s, const struct m_vm *vm, GPtrArray *made,
                     struct err *e);
/* Permissions on from, for to. */
void clone_permissions(struct txn *t, enum kind from_kind, const char *from, enum kind to_kind, const char *to);
/* Configuration of the source over a new VM. */
void clone_configuration(struct pool *p, struct m_vm *vm, const struct source *s);

/* Configuration of a VM as it was then, over its draft. */
void clone_go_back(struct pool *p, struct m_vm *vm, const struct m_vm *then);

/* Commit t, in which the VM is locked, and start the job that fills its disks. source_vm: VM that is locked meanwhile, or NULL. */
int clone_start(struct call *c, struct txn *t, struct m_vm *vm, const struct clone_work *work, const char *source_vm,
                bool is_detached, char *job, struct err *e);

extern const struct command CLONE_VM_COMMAND;
extern const struct api_op VM_CLONE_OPS[];

/* ---- snapshots' contents (snapshot_content.c) ---- */

/* {"vm", "nics", "attachments", "volumes": [{disk, volume, name, format, sparse, size}]} of a VM now, as text in the pool. */
char *snapshot_content(struct core *c, struct pool *p, const struct m_vm *vm);
/* New reference, NULL: it has none. */
json_t *snapshot_read(const struct m_snapshot *s);
/* The disk's entry of "volumes", borrowed; NULL: it is not in it. */
json_t *snapshot_entry(const json_t *content, const char *disk_id);
/* Volume of the disk in it; NULL: it is not in it. */
const char *snapshot_volume(const json_t *content, const char *disk_id);
/* The disk's entry becomes that of another content, whose volume took over its data; the size stays. */
void snapshot_replace_volume(json_t *content, const json_t *from, const char *disk_id);
/* Write the content back into a draft. */
void snapshot_write(struct txn *t, struct m_snapshot *draft, const json_t *content);

/* Clones, snapshots, stateless runs. */
void snapshots_register(struct core *c);
/* ERR_CONFLICT while a snapshot of the VM is being looked at. */
int vm_check_no_preview(struct core *c, const char *vm_id, const char *what, struct err *e);
/* Active snapshot and owner's permission of a new VM (vm_add.c). */
void vm_add_records(struct call *c, struct txn *t, const struct m_vm *vm);
