/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Jobs: operations with recorded steps that survive the Manager.
 *
 * A command names its steps. Before a step is taken, the journal says so; what the step changes in the inventory is
 * committed together with its end. A step may therefore run twice and is written as "make it so". A failure before the
 * pivot undoes the steps taken, last first; behind the pivot a job only goes forward, and tries again. After a restart
 * jobs_resume() goes on with every job that had not ended: same step, same direction, same locks.
 */
#include "manager/core/events.h"
#include "manager/core/txn.h"

struct job;

struct job_step {
	const char *name;  /* stable: it is in the journal's params ("create-volume") */
	const char *title; /* for people ("Creating the volume") */
	/* Make it so. May wait, may call agents; then stages changes in job_txn(). 0, or -1 with e. */
	int (*run)(struct job *j, struct err *e);
	/* Undo it, also when it was half done or not done at all. NULL: nothing to undo. Failing is retried for a while. */
	int (*undo)(struct job *j, struct err *e);
	bool is_pivot; /* once this step is done there is no way back */
};

struct command {
	const char *name; /* stable: names the command in the journal ("AddDisk") */
	const struct job_step *steps;
	int n_steps;
	/* The job ends: stage the last changes (status of entities, events) into t. ok tells how; e is the reason if not. Must not
	 * wait. */
	void (*ended)(struct job *j, struct txn *t, bool ok, const struct err *e);
};

struct jobs *jobs_new(struct core *c);
void jobs_free(struct jobs *js);
/* Commands are known by name, for resuming. Each domain registers its own at start. */
void jobs_register(struct core *c, const struct command *cmd);
/* Every registered command, for the tests that enumerate them; NULL behind the last. */
const struct command *jobs_command(struct core *c, unsigned i);
/* After loading and registering: take the locks of unfinished jobs and go on with them; start clearing old ones. */
void jobs_resume(struct core *c);

/* What a new job is. */
struct job_spec {
	const struct command *command;
	const char *correlation_id;
	const char *owner_id;       /* user, or NULL */
	json_t *data;               /* taken: parameters, and what steps find out; saved with each step */
	const char *const *locks;   /* entity ids, NULL-terminated; may be NULL */
	const char *const *objects; /* entities it is about, for searches; NULL-terminated; may be NULL */
};
/*
 * Take the locks, add job and first step to t, commit t (which may hold more: the locked entities in their
 * first status), and start the job's fiber. Waits for the commit. job_id gets its id (UUID_LEN + 1). Frees t in any
 * case; when it fails nothing changed. title is what people read in the list of jobs.
 */
int job_start(struct txn *t, const struct job_spec *spec, char *job_id, struct err *e, const char *title, ...)
    __attribute__((format(printf, 5, 6)));
/* A job that needs no steps because the transaction is all there is: its record, finished, goes into t. */
void job_record(struct txn *t, const char *correlation_id, const char *owner_id, char *job_id, const char *title, ...)
    __attribute__((format(printf, 5, 6)));
/* Wait until the job has ended, at most timeout_ms. 0: it succeeded; -1: its error (ERR_TIMEOUT when it goes on). */
int job_wait(struct core *c, const char *job_id, int64_t timeout_ms, struct err *e);

/* ---- inside steps ---- */
struct core *job_core(struct job *j);
const char *job_id(const struct job *j);
const char *job_correlation(const struct job *j);
/* Memory of this run of the step. */
struct pool *job_pool(struct job *j);
json_t *job_data(struct job *j);
/* Text of data, "" when absent. */
const char *job_text(struct job *j, const char *key);
int64_t job_int(struct job *j, const char *key);
void job_set_text(struct job *j, const char *key, const char *value);
/* Transaction of this step, begun at the first call: call it behind the last wait. */
struct txn *job_txn(struct job *j);
void job_progress(struct job *j, int percent);
/* Was this run of the step, or the undo, begun by an earlier life of the Manager? */
bool job_is_resumed(const struct job *j);
/* For ended(): was it given up to undo this step? What it made may still be there, and its record should stay. */
bool job_has_left(const struct job *j, const char *step);
/* agent_call with the job's correlation id; a lost or silent host is tried again until patience_ms is over (0: once). */
int job_agent_call(struct job *j, const char *host_id, const char *method, json_t *params, int timeout_ms,
                   int64_t patience_ms, json_t **result, struct err *e);
/* Jobs running now, for invariants in tests. */
unsigned jobs_running(struct core *c);
/* Called before each step is taken and after it was, its end not being recorded yet (the simulator kills the Manager there).
 * NULL: nobody. */
void jobs_set_probe(struct core *c,
                    void (*probe)(void *arg, const char *command, const char *step, bool is_undo, bool is_done),
                    void *arg);
