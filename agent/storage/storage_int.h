/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Inside of agent/storage. Objects of tables live until storage_deinit (there are few, and fibers hold
 * on to them while they wait), except for tasks and jobs, which go when they are cleared.
 */
#include <glib.h>
#include <jansson.h>

#include "agent/agent.h"
#include "agent/storage/client.h"
#include "agent/storage/storage.h"
#include "agent/storage/storage_codes.h"
#include "agent/storage/verbs.h"
#include "agent/storage/vol_meta.h"
#include "agent/verb.h"
#include "base/fiber.h"
#include "base/uuid.h"

#define STORAGE_CALL_MS          (60 * 1000)  /* limit of one call to a domain's worker */
#define STORAGE_LOCK_MS          (120 * 1000) /* limit of waiting for a lock */
#define STORAGE_MONITOR_MS       (10 * 1000)
#define STORAGE_MAX_POOL_DOMAINS 100
#define STORAGE_MAX_TASKS        500
#define STORAGE_MAX_JOBS         500
#define STORAGE_TYPE_LOCALFS     4

struct storage {
	struct agent *agent;
	struct loop *loop;
	struct client_host *workers;
	char *mnt_dir;           /* ROOT/mnt */
	char *link_dir;          /* RUN/storage */
	GHashTable *connections; /* mount -> struct connection */
	GHashTable *domains;     /* id -> struct sdomain */
	GHashTable *pools;       /* id -> struct spool */
	GHashTable *tasks;       /* id -> struct stask */
	GHashTable *jobs;        /* id -> struct sjob */
	GHashTable *locks;       /* key -> struct slock */
	int n_fibers;            /* of ours: monitors, tasks, jobs */
	bool is_stopping;
	struct waitq changed; /* something ended; for those who wait in deinit and in tests */
};

/* --- connections (connection.c) --- */

struct connection {
	char *path;  /* of the server: for local domains a directory */
	char *mount; /* ROOT/mnt/... */
	json_t *ids; /* set of connection ids that use it */
	bool is_connected;
};
/* Those of links that an earlier agent made. */
void connections_restore(struct storage *s);
/* The connected one for a path, or NULL. */
struct connection *connection_find(struct storage *s, const char *path);

/* --- domains (domain.c) --- */

struct sdomain {
	uuid_text id;
	struct storage *storage;
	char *mount;  /* NULL while it was not found */
	json_t *meta; /* as last read; NULL before */
	struct client *worker;
	/* monitor */
	bool is_monitored, is_checked, is_monitor_running;
	int code;
	double delay_s;
	int64_t last_check_ms, total_bytes, free_bytes;
	struct waiter poke; /* of the monitor */
};
/* Known, or found on a connected mount; 358 when nowhere. Waits. */
int sdomain_find(struct storage *s, const char *id, struct sdomain **out, struct err *e);
/* The object, made if need be, without looking whether it is anywhere. */
struct sdomain *sdomain_get(struct storage *s, const char *id);
void sdomain_free(void *d);
/* Call the domain's worker. args (taken over) get mount and sd. New reference or NULL. Waits. */
json_t *sdomain_call(struct sdomain *d, const char *op, json_t *args, struct err *e);
/* The same in a process of its own, for what takes long. */
json_t *sdomain_call_alone(struct sdomain *d, const char *op, json_t *args, int timeout_ms, struct err *e);
/* Answers with the ids of the image's volumes; UUID_NIL: of all images. */
int sdomain_volumes(struct sdomain *d, const char *img, struct verb_call *c, struct err *e);
/* Arguments that name the domain to a worker: {mount, sd}. */
json_t *sdomain_args(const struct sdomain *d);
/* Read the metadata anew; borrowed. NULL with e. Waits. */
const json_t *sdomain_read(struct sdomain *d, struct err *e);
/* Change keys of the metadata (object of strings, taken over). Waits. */
int sdomain_update(struct sdomain *d, json_t *set, struct err *e);
/* 394 unless it is V5: we write nothing else. From what was read last. */
int sdomain_check_writable(struct sdomain *d, struct err *e);
void sdomain_monitor_start(struct sdomain *d);
void sdomain_monitor_stop(struct sdomain *d);
/* The mount has gone: forget what was found there. */
void sdomains_forget_mount(struct storage *s, const char *mount);
json_t *sdomain_stats_json(const struct sdomain *d);

/* --- pools and SPM (pool.c, spm.c) --- */

enum spm_state { SPM_FREE, SPM_CONTEND, SPM_IS_SPM };

struct spool {
	uuid_text id, master;
	struct storage *storage;
	bool is_connected;
	int64_t host_id, master_version;
	json_t *domains; /* id -> "Active" or "Attached" */
	enum spm_state spm;
	int64_t lver;
	int lease_fd; /* -1 unless SPM */
};
/* 309 unless connected. */
int spool_find(struct storage *s, const char *id, struct spool **out, struct err *e);
/* 654 unless we are its SPM. */
int spool_check_spm(const struct spool *p, struct err *e);
struct spool *spool_of_domain(struct storage *s, const char *sd);
void spool_free(void *p);
/* Record a domain's state in memory, and on the master for those who read it there. Waits. */
int spool_set_domain(struct spool *p, const char *sd, const char *state, struct err *e);
void spool_link_domain(struct spool *p, const struct sdomain *d);
void spool_unlink_domain(struct spool *p, const char *sd);
/* Give up being SPM, whatever it takes. Waits. */
void spm_release(struct spool *p);

/* --- locks (locks.c) --- */

/* In a fiber. 851 when it takes longer than STORAGE_LOCK_MS. Keys: "<sd>" or "<sd>/<img>". */
int slock_take(struct storage *s, const char *key, bool is_exclusive, struct err *e);
void slock_release(struct storage *s, const char *key, bool is_exclusive);

/* Everybody who waits looks again; with is_stopping they give up. */
void slocks_wake(struct storage *s);

/* What only the SPM may do on a domain: pool and domain, which is of the pool, active and one that we can write. */
int spm_target_of(struct storage *s, const char *pool, const char *sd, struct spool **p, struct sdomain **d,
                  struct err *e);

/* --- tasks (tasks.c) --- */

struct stask {
	uuid_text id;
	struct storage *storage;
	struct spool *pool;
	char *verb, *op;
	const char *state;   /* "init", "running", "finished"... as Task.getStatus has it */
	const char *outcome; /* "", "success", "cleanSuccess", "cleanFailure" */
	char *message;
	int code;
	bool is_persisted, is_stop_asked, is_fiber_running;
	json_t *args; /* of the operation */
	char *lock_sd, *lock_img;
	struct client *worker;
	int (*fn)(struct stask *t, struct err *e); /* of tasks without a worker of their own */
};
/* Start an operation of the worker as a persisted task on d; args taken over. lock_img: image that it
 * locks, or NULL. The id of the task in c->result. Waits until it is written down. */
int stask_start(struct verb_call *c, struct spool *p, struct sdomain *d, const char *op, json_t *args,
                const char *lock_img, struct err *e);
/* A task in memory only that runs fn in a fiber. */
int stask_start_fn(struct storage *s, struct verb_call *c, struct spool *p, int (*fn)(struct stask *, struct err *),
                   struct err *e);
void stask_free(void *t);
bool stask_is_finished(const struct stask *t);
/* {master, id, verb, op, args}: how a worker is told of a task. */
json_t *stask_args(const struct stask *t);
/* Load the pool's tasks from its master and end the unfinished ones. Waits. */
int stasks_load(struct spool *p, struct err *e);
bool stasks_are_running(const struct spool *p);
/* Forget the persisted tasks of a pool that we are no longer SPM of. */
void stasks_forget(struct spool *p);

/* --- jobs (jobs.c) --- */

struct sjob;
void sjob_free(void *j);
/* A job named by the call's job_id. NULL with e. */
struct sjob *sjob_new(struct storage *s, struct verb_call *c, const char *op, const char *description, struct err *e);
/* Start one that changes an image of d alone, however long it takes; args are taken over. Frees it when that fails. */
int sjob_start(struct sjob *j, struct sdomain *d, const char *img, json_t *args, struct err *e);

/* --- all --- */

struct storage *storage_of(struct agent *a);
/* Make a call's fiber count as ours, so that deinit waits for it. */
void storage_fiber_begin(struct storage *s);
void storage_fiber_end(struct storage *s);
/* Outcome unknown (worker died or hung) becomes an agent code. Returns -1. */
int storage_settle_error(struct err *e);

/* Link an image and answer {"chain":[...]} from the volume down (storage.c). NULL with e. Waits. */
json_t *storage_prepare_chain(struct storage *s, struct sdomain *d, const char *img, const char *vol,
                              bool allow_illegal, struct err *e);
int verb_volume_target(struct agent *a, struct verb_call *c, struct sdomain **d, json_t **args, struct err *e);
