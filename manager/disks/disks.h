/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Disks and what they are attached to. */
#include "manager/api/call.h"
#include "manager/core/jobs.h"

void disks_register(struct core *c);

/*
 * A new disk as the body says, locked, in t; nothing happens on storage yet. ERR_... names fields below prefix ("disk",
 * "disk_attachment.disk"). The permit create_disk on the storage domain is checked with call c. NULL on failure.
 */
struct m_disk *disk_new(struct call *c, struct txn *t, struct m_disk *body, const char *prefix, struct err *e);
/* Commit t and start the job that makes the disk's volume. attach_vm: VM it is for (locks, text), or NULL. */
int disk_start_create(struct call *c, struct txn *t, const struct m_disk *disk, const char *attach_vm, char *job_id,
                      struct err *e);
/* Commit t and start the job that removes the disks' images and then the disks (and with vm_id the VM itself: "RemoveVm"). disk_ids
 * is NULL-terminated and may be empty. */
int disk_start_remove(struct call *c, struct txn *t, const char *const *disk_ids, const char *vm_id, char *job_id,
                      struct err *e);
/* For steps of other domains' jobs: the volume of a disk that is in the inventory is made, or its image is deleted. One disk for
 * each step; the job's data names it meanwhile ("disk", "volume", "domain", "dc"). */
int disk_job_create(struct job *j, const char *disk_id, struct err *e);
int disk_job_uncreate(struct job *j, const char *disk_id, struct err *e);
/*
 * A new disk made from another one, locked, in t: what the body (may be NULL) wants of it, the rest as the source is.
 * is_layer: it will be a layer over the source's volume, so it must be where that is. prefix as above, what as "Cannot add
 * VM". dc_id: the data center that it must be in.
 */
struct m_disk *disk_derive(struct call *c, struct txn *t, const struct m_disk *src, struct m_disk *body, bool is_layer,
                           const char *dc_id, const char *prefix, const char *what, struct err *e);
/* Path of the disk's active volume as domain XML names it: /rhev/data-center/<pool>/<sd>/images/<img>/<vol>. In the pool. */
char *disk_path(struct core *c, struct pool *p, const struct m_disk *disk);
/* Domain for a new disk of which nobody said where: the active data domain of the data center with most room. Borrowed; NULL
 * with ERR_CONFLICT when there is none. */
const char *disk_default_domain(struct core *c, const char *dc_id, struct err *e);
/* Inventory key of an attachment: a disk may be attached to several VMs, and its id is what clients see. owner: VM or template. */
void disk_attachment_key(const char *owner_id, const char *disk_id, uuid_text out);
/* Draft of an attachment of the disk, not yet of an owner: interface and the like from body (may be NULL), defaults. */
struct m_disk_attachment *disk_attach(struct txn *t, const char *vm_id, struct m_disk *disk,
                                      const struct m_disk_attachment *body);
/* Stage the end of everything that belongs to a VM, and of the VM; its disks stay, floating. */
void disk_remove_vm_records(struct txn *t, const char *vm_id);
