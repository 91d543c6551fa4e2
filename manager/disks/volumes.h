/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The volume-chain engine: what jobs on templates, clones, snapshots, and disks do to volumes. Each function is a step that
 * makes it so, however often it is run: ids are chosen before, and storage is asked what is done already.
 *
 * The job's data says what is to be done:
 *   "volumes": volumes that are made (see volume_plan), perhaps with the data of others
 *   "merges":  {disk, name, domain, dc, base, top}: top's data goes down into base
 *   "doomed":  {disk, name, domain, dc, volume}: volumes that go, each before its parent
 */
#include <jansson.h>

#include "manager/api/call.h"
#include "manager/core/jobs.h"

/* A volume for a disk, whose record says domain, format, size and description. volume_id: its id. New reference. */
json_t *volume_plan(struct core *c, struct pool *p, const struct m_disk *disk, const char *volume_id);
/* It is a layer over another volume, of the same image or of a template's. */
void volume_plan_over(json_t *plan, const char *image, const char *parent);
/* It gets the data of another disk's volume, with all that is below that one. */
void volume_plan_copy(json_t *plan, const struct m_disk *src, const char *volume);
/* One of "doomed", or with top one of "merges". New reference. */
json_t *volume_doom(struct core *c, const struct m_disk *disk, const char *volume);
json_t *volume_merge(struct core *c, const struct m_disk *disk, const char *base, const char *top);

/* ---- steps ---- */
int volumes_create(struct job *j, struct err *e);
int volumes_create_undo(struct job *j, struct err *e);
int volumes_copy(struct job *j, struct err *e);
/* Bases of templates: nothing changes them any more. */
int volumes_share(struct job *j, struct err *e);
/* Clean the new disks of what belongs to one machine (VM.seal). data "vm": whose they are. */
int volumes_seal(struct job *j, struct err *e);
int volumes_delete(struct job *j, struct err *e);
/* Room in the base; its generation is remembered, which tells later whether the data went down. */
int volumes_merge_prepare(struct job *j, struct err *e);
int volumes_merge(struct job *j, struct err *e);
int volumes_merge_finish(struct job *j, struct err *e);

/* Stage in t that the disks of "volumes" have these now, and how much they take. */
void volumes_take(struct job *j, struct txn *t);
/* Disks of "volumes" get this status. */
void volumes_set_status(struct job *j, struct txn *t, enum m_disk_status status);

/* Run one of the host's jobs (SDM.*, VM.seal) to its end. word and volume make its id; params are taken. */
int host_job_run(struct job *j, const char *host, const char *method, const char *word, const char *volume,
                 json_t *params, struct err *e);
