/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside manager/disks. */
#include <jansson.h>

#include "base/auto.h"
#include "manager/disks/disks.h"
#include "manager/storage/storage.h"
#include "manager/storage/storage_codes.h"
#include "manager/vms/vms.h"

#define DISK_SECTOR 4096 /* sizes are multiples of it */

extern const struct command ADD_DISK, REMOVE_DISK, REMOVE_VM, EXTEND_DISK, COPY_DISK, MOVE_DISK;
extern const struct api_op DISK_OPS[], DISK_ATTACHMENT_OPS[];

const struct m_disk *disk_latest(struct core *c, const char *id);
/* Storage domain of a disk; NULL: none. */
const char *disk_domain(const struct m_disk *disk);
/* ERR_CONFLICT unless it is ok and nobody works on it. what: "Cannot edit Virtual Disk". */
int disk_check_free(struct core *c, const struct m_disk *disk, const char *what, struct err *e);
/* A VM that runs and has the disk plugged; NULL: none. */
const struct m_vm *disk_running_vm(struct core *c, const char *disk_id);
/* JSON that storage keeps with the volume, so that disks can be found again: name and description, cut to fit. */
char *disk_description(struct pool *p, const struct m_disk *disk);
/* Write it, in the background; a failure is only logged. */
void disk_write_description(struct core *c, const char *disk_id);
/* Is there room for so many bytes more? ERR_CONFLICT if not. what as above. */
int disk_check_room(struct core *c, const struct m_storage_domain *sd, int64_t bytes, const char *what, struct err *e);
/* Can its storage hold a disk of this format? */
int disk_check_format(struct call *c, const struct m_disk *d, const struct m_storage_domain *sd, const char *prefix,
                      struct err *e);
/* Storage domain that a document asks for; id NULL when it names none and need not. */
int disk_resolve_domain(struct call *c, const struct m_disk *body, const char *prefix, bool is_required,
                        struct m_ref *out, struct err *e);
/* Disk profile that it asks for, or the domain's first. */
int disk_resolve_profile(struct call *c, struct m_disk *body, const char *sd_id, const char *prefix, struct err *e);
/* Sizes as multiples of DISK_SECTOR. */
int64_t disk_round(int64_t size);
/* Start growing a disk in t, which it commits. */
int disk_start_extend(struct call *c, struct txn *t, struct m_disk *draft, int64_t size, char *job_id, struct err *e);
/* Actions of disks (disk_copy.c). */
int disk_copy(struct call *c, struct err *e);
int disk_move(struct call *c, struct err *e);
/* The part of an update that every way in shares: names, flags, growth. ids[n-1] or the attachment's disk. */
int disk_apply_update(struct call *c, const char *disk_id, const struct m_disk *body, const char *prefix, char *job_id,
                      struct err *e);

/* ---- disk_storage.c: for jobs, whose data has domain and dc ---- */
#define DISK_CALL_MS (60 * 1000)

/* Parameters that name an image. New reference. */
json_t *disk_job_place(struct job *j, const char *disk_id);
/* The SPM of the job's data center, with nothing left running there that an earlier try began; waits for it. NULL with e. */
const char *disk_job_spm(struct job *j, struct err *e);
/* What storage knows of a volume: 1 there, 0 not there, -1 with e. */
int disk_job_volume(struct job *j, const char *host, const char *disk_id, const char *volume_id, json_t **info,
                    struct err *e);
/* An image that is not there is one that was deleted. */
int disk_job_delete_image(struct job *j, const char *host, const char *disk_id, bool post_zero, struct err *e);
/* An integer that may have come as text. */
int64_t disk_info_number(const json_t *info, const char *name);
bool disk_is_agent(const struct err *e, int code);
/* Data center of a disk; "" if it has none. */
const char *disk_data_center(struct core *c, const struct m_disk *d);
/* Stage the end of a disk, its attachments and permissions. */
void disk_remove_records(struct txn *t, const char *disk_id);
