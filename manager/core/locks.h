/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Locks on entities: held by jobs for their whole life, also over a restart (the job's entity names them). They say who
 * holds them and why. Exclusive only; a command that waits for nothing needs none, but looks.
 */
#include "manager/core/core.h"

struct locks *locks_new(void);
void locks_free(struct locks *l);

/* Take a lock for a job. what says what it does ("Disk web1_Disk1 is being created"). Taking one's own again is fine.
 * ERR_CONFLICT with the holder's sentence. */
int lock_take(struct core *c, const char *entity_id, const char *job_id, const char *what, struct err *e);
void lock_drop(struct core *c, const char *entity_id, const char *job_id);
/* ERR_CONFLICT when somebody else than job_id (may be NULL) holds it. */
int lock_check(struct core *c, const char *entity_id, const char *job_id, struct err *e);
/* Locks held now, for invariants in tests. */
unsigned lock_count(struct core *c);
