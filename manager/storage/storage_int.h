/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Inside manager/storage. What is journaled lives in the inventory; here is what is hot: what hosts report of domains,
 * who is talking to a pool just now, which storage tasks somebody waits for.
 */
#include <jansson.h>

#include "base/auto.h"
#include "manager/hosts/hosts.h"
#include "manager/storage/storage.h"
#include "manager/storage/storage_codes.h"

#define STORAGE_CALL_MS     (60 * 1000)  /* one verb that answers at once */
#define STORAGE_CONNECT_MS  (180 * 1000) /* verbs that may scan */
#define STORAGE_PATIENCE_MS (60 * 1000)  /* how long a step waits for a host that went away */
#define STORAGE_TICK_MS     (10 * 1000)
#define STORAGE_PROBLEM_MS  (5 * 60 * 1000) /* trouble that lasts so long counts */
#define STORAGE_MAX_AGE_S   30              /* older checks are trouble */
#define STORAGE_SLOW_S      5
#define STORAGE_WAIT_MS     (60 * 1000) /* how long a request waits for its job */
#define STORAGE_SPM_TRIES   3           /* silent checks of the SPM before another is looked for */

/* What one host said of one domain. */
struct sd_report {
	int code;
	double delay, age;
	int64_t problem_since; /* ms; -1: fine */
};
struct sd_hot {
	int64_t total, free; /* bytes; -1: not known */
	GHashTable *reports; /* host id -> struct sd_report */
};
struct pool_hot {
	bool is_busy; /* a fiber is changing connections, SPM or master */
	struct waitq free;
	bool is_checking;
	int silent; /* checks in a row that had no answer */
};

struct storage {
	struct core *core;
	GHashTable *domains; /* storage domain id -> struct sd_hot */
	GHashTable *pools;   /* data center id -> struct pool_hot */
	GHashTable *tasks;   /* "host/task" that a fiber waits for */
	GHashTable *strays;  /* "host/task" nobody waits for -> struct stray */
	int n_starting;      /* verbs under way whose task's id is not known yet */
	struct loop_timer tick;
};

/* ---- storage.c ---- */
struct sd_hot *sd_hot_of(struct core *c, const char *sd_id);
struct pool_hot *pool_hot_of(struct core *c, const char *dc_id);
/* Latest version; its data center may be NULL. */
const struct m_storage_domain *sd_latest(struct core *c, const char *id);
const struct m_data_center *dc_latest(struct core *c, const char *id);
/* Data center of a host; NULL if its cluster has none. */
const char *storage_dc_of_host(struct core *c, const char *host_id);
/* Name for sentences: never NULL. */
const char *storage_name(struct core *c, enum kind k, const char *id);
/* Hosts of the data center that are up, best candidates for SPM first: priority, then chance. NULL-terminated, in the pool. */
const char **storage_hosts_up(struct core *c, struct pool *p, const char *dc_id, bool is_for_spm);
/* An integer that may have come as text. */
int64_t storage_int(const json_t *v);
bool storage_is_lost(const struct err *e);
/* Why the path cannot be one of a server: fills e. The normal form, in the pool, otherwise. */
char *storage_path(struct pool *p, const char *path, const char *field, struct err *e);

/* ---- pool.c: conversations with agents about servers, pools, SPM ---- */

/* What a pool looks like for an agent. */
struct pool_plan {
	const char *dc, *master;
	int64_t version;
	json_t *domains; /* id -> "active" or "attached"; borrowed */
};
/* One at a time changes what hosts know of a data center's pool. In a fiber. */
void pool_enter(struct core *c, const char *dc_id);
void pool_leave(struct core *c, const char *dc_id);
int pool_connect_server(struct core *c, const char *host_id, const struct m_storage_connection *conn,
                        const char *correlation, struct err *e);
int pool_disconnect_server(struct core *c, const char *host_id, const struct m_storage_connection *conn,
                           const char *correlation, struct err *e);
/* Servers of all domains of the data center that this host is to see. */
int pool_connect_servers(struct core *c, const char *host_id, const char *dc_id, const char *correlation,
                         struct err *e);
/* Plan as the inventory has it. domains is a new reference. */
struct pool_plan pool_plan_of(struct core *c, struct pool *p, const char *dc_id);
int pool_connect(struct core *c, const char *host_id, const struct pool_plan *plan, const char *correlation,
                 struct err *e);
int pool_disconnect(struct core *c, const char *host_id, const char *dc_id, const char *correlation, struct err *e);
enum spm_answer { SPM_NONE, SPM_CONTENDS, SPM_HERE };
int pool_spm_status(struct core *c, const char *host_id, const char *dc_id, const char *correlation,
                    enum spm_answer *out, struct err *e);
/* Make the host, whose pool is connected, the SPM. It may be already. */
int pool_start_spm(struct core *c, const char *host_id, const char *dc_id, const char *correlation, struct err *e);
int pool_stop_spm(struct core *c, const char *host_id, const char *dc_id, const char *correlation, struct err *e);
/* Pools that list the domain in its metadata: 1 in dc_id, 0 in none, -1 with e. Code 358: there is no such domain. */
int pool_has_domain(struct core *c, const char *host_id, const char *sd_id, const char *dc_id, const char *correlation,
                    struct err *e);

/* ---- spm.c ---- */

/* Stage: the data center is up with this SPM; its unknown domains are active again. */
void dc_set_up(struct txn *t, const char *dc_id, const char *host_id);
/* Stage: nobody manages the pool; active domains become unknown. */
void dc_set_problem(struct txn *t, const char *dc_id, const char *why);
/* Timer. */
void spm_tick(void *arg);
/* Look now, at one data center. */
void spm_check_soon(struct core *c, const char *dc_id);

/* ---- task.c ---- */

/* Poll a task to its end and clear it. ERR_NETWORK: nobody knows how it went. */
int task_wait(struct core *c, const char *host_id, const char *task_id, const char *correlation, struct err *e);
/* Clear ended tasks that nobody waits for. */
void storage_clear_strays(struct core *c, const char *host_id);

/* ---- jobs ---- */
extern const struct command ADD_STORAGE_DOMAIN, REMOVE_STORAGE_DOMAIN, ATTACH_STORAGE_DOMAIN, ACTIVATE_STORAGE_DOMAIN,
    DEACTIVATE_STORAGE_DOMAIN, DETACH_STORAGE_DOMAIN;
/* Remove a domain with profiles, permissions, connection, and with its disks. */
void sd_remove_all(struct txn *t, const char *sd_id);
/* Wait for a job as a request does: its failure is the request's; a job that takes longer goes on by itself. */
int storage_wait_job(struct call *c, const char *job_id, struct err *e);

/* ---- tables of operations ---- */
extern const struct api_op STORAGE_OPS[], ATTACHED_STORAGE_OPS[], STORAGE_CONTENT_OPS[];
