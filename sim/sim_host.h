/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Simulated hosts. What a host knows is in three places, as with the real ones: the agent's memory (lost when it is killed),
 * the machine (running VMs; lost with the power), and storage (lost never).
 *
 * Verbs are strict: a call that the protocol does not allow is a mistake of the Manager and ends the run as a failure.
 */
#include "sim/sim.h"

enum sim_vm_status {
	SIM_VM_WAIT,
	SIM_VM_POWERING_UP,
	SIM_VM_UP,
	SIM_VM_PAUSED,
	SIM_VM_POWERING_DOWN,
	SIM_VM_REBOOTING,
	SIM_VM_SAVING,
	SIM_VM_RESTORING,
	SIM_VM_DOWN
};

struct sim_vm_disk {
	char sd[UUID_LEN + 1], img[UUID_LEN + 1], vol[UUID_LEN + 1];
	char name[16]; /* "vda" */
	bool is_readonly;
};
struct sim_vm {
	char id[UUID_LEN + 1];
	char *name, *xml;
	enum sim_vm_status status;
	bool is_running; /* the truth: a QEMU process is there */
	bool is_admin_shutdown, is_reboot_destroy, is_start_paused;
	struct sim_vm_disk memory; /* where its memory is saved to, or comes from; img "": nowhere */
	bool is_restoring;
	int exit_code, exit_reason;
	const char *exit_message;
	int64_t started_ms;
	int64_t mem_kib;
	int vcpus;
	struct sim_vm_disk *disks;
	int n_disks;
	struct sim_host *host;
	unsigned life; /* changes when what was planned for it is no longer true */
};

struct sim_host {
	struct sim *sim;
	int index;
	char address[32]; /* "host0" */
	char uuid[UUID_LEN + 1];
	/* power */
	bool is_on;
	/* network */
	int64_t cut_until_ms;
	/* agent */
	bool is_agent_up;
	unsigned agent_life;     /* counts its starts and ends */
	int64_t busy_until_ms;   /* with the calls that came before */
	int64_t finds_vms_at_ms; /* until then most verbs are answered with 99 */
	json_t *networks;        /* bridges made: survives */
	GHashTable *vms;         /* id -> sim_vm */
	GHashTable *pools;       /* id -> sim_pool: agent's memory */
	GHashTable *connections; /* path -> set of ids: agent's memory */
};

struct sim_host *sim_host_new(struct sim *s, int index);
void sim_host_free(struct sim_host *h);
/* The agent dies and is started again soon. */
void sim_host_kill_agent(struct sim_host *h);
/* The machine loses power, and gets it back after off_ms. */
void sim_host_cut_power(struct sim_host *h, int64_t off_ms);
bool sim_host_answers(const struct sim_host *h);

/* Run a verb now. New reference (true when there is nothing to say), or NULL with e (ERR_AGENT). */
json_t *sim_host_run(struct sim_host *h, const char *method, json_t *params, struct err *e);
/* How long a verb takes here. */
int64_t sim_host_takes(struct sim_host *h, const char *method);

/* A verb and its parameters: "vmID=u delay=i?": u UUID, s text or number, i number or text of one, b boolean, o object, a list,
 * x anything; ? may be left out. */
struct sim_verb {
	const char *name, *params;
	json_t *(*run)(struct sim_host *h, json_t *params, struct err *e);
	bool is_early; /* also while VMs are being found */
};
extern const struct sim_verb SIM_VM_VERBS[], SIM_MEMORY_VERBS[], SIM_STORAGE_VERBS[], SIM_VOLUME_VERBS[];
json_t *sim_refuse(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Parameters that were checked: "" and 0 when absent. */
const char *sim_text(json_t *params, const char *name);
int64_t sim_int(json_t *params, const char *name);
bool sim_bool(json_t *params, const char *name);

/* ---- VMs (sim_vms.c) ---- */

void sim_vm_free(void *vm);
/* The agent died, or came back: what it was about to do is not done. */
void sim_vms_agent_died(struct sim_host *h);
void sim_vms_power_lost(struct sim_host *h);
/* Guests do as they like: one of those that run powers off, or its process dies. */
void sim_vms_whim(struct sim_host *h);
/* The process of a VM dies. */
void sim_vm_crash(struct sim *s, const char *vm_id);
/* A VM that exists there, and one whose process is there; NULL with the refusal. */
struct sim_vm *sim_vm_of(struct sim_host *h, json_t *params, struct err *e);
struct sim_vm *sim_vm_running(struct sim_host *h, json_t *params, struct err *e);
json_t *sim_vm_definition(const struct sim_vm *vm);
void sim_vm_move(struct sim_vm *vm, enum sim_vm_status next);
void sim_vm_end(struct sim_vm *vm, int code, int reason, const char *message);
/* Later, unless something else became of it meanwhile; what was planned before is forgotten with is_instead. */
void sim_vm_plan(struct sim_vm *vm, int64_t ms, void (*fn)(struct sim_vm *vm), bool is_instead);
/* Saved memory (sim_memory.c): what VM.create says of it; at the start of the process: is it good? 0 or -1. */
int sim_memory_read(struct sim_vm *vm, json_t *vm_params, struct err *e);
int sim_memory_use(struct sim_vm *vm, struct err *e);
/* Where the VM runs; NULL: nowhere. */
struct sim_host *sim_vm_where(struct sim *s, const char *vm_id);
const char *sim_vm_status_name(enum sim_vm_status st);

/* ---- storage (sim_storage.c, sim_volumes.c) ---- */

struct sim_volume {
	char sd[UUID_LEN + 1], img[UUID_LEN + 1], vol[UUID_LEN + 1];
	int64_t size;
	char *format, *preallocate, *description;
	bool is_legal;
	char parent[UUID_LEN + 1], parent_img[UUID_LEN + 1]; /* "": it is a base */
	bool is_shared;                                      /* a template's */
	int generation;
	uint64_t data;                /* a bit for each thing that was written into it */
	char writer_vm[UUID_LEN + 1]; /* "" : nobody has it open */
	char memory_of[UUID_LEN + 1]; /* VM whose memory is in it */
	int memory_run;               /* after so many runs of the VM */
	struct sim_host *writer_host;
};

/* A job of the agent, in its memory. */
struct sim_work {
	char id[UUID_LEN + 1];
	struct sim *sim;
	struct sim_host *host;
	char *verb, *message;
	json_t *params;
	bool is_finished;
	int code;
};

struct sim_task {
	char id[UUID_LEN + 1], pool[UUID_LEN + 1], sd[UUID_LEN + 1], img[UUID_LEN + 1], vol[UUID_LEN + 1];
	struct sim *sim;
	struct sim_host *host;
	char *verb;
	json_t *params;
	bool is_finished, is_persisted;
	const char *outcome;
	int code;
	char *message;
};

/* A storage domain: what is on its disk. */
struct sim_sd {
	char id[UUID_LEN + 1];
	struct sim_host *local; /* the host whose directory it is; NULL: shared */
	char *path, *name;
	char pool[UUID_LEN + 1]; /* "": of none */
	bool is_master;
	int64_t master_version, spm_id, lver;
	json_t *pool_domains;   /* id -> "Active", "Attached": on the master */
	GHashTable *volumes;    /* "img/vol" -> sim_volume */
	GHashTable *tasks;      /* id -> sim_task: those written down on the master */
	struct sim_host *lease; /* who is SPM */
};

struct sim_pool {
	char id[UUID_LEN + 1], master[UUID_LEN + 1];
	bool is_connected, is_contending, is_spm;
	int64_t host_id, master_version, lver;
	json_t *domains;
};

struct sim_storage {
	GHashTable *domains; /* id -> sim_sd */
	GHashTable *tasks;   /* id -> sim_task: in the agents' memories */
	GHashTable *works;   /* "address/id" -> sim_work: in the agents' memories */
	int n_writes;        /* things written so far */
	GHashTable *runs;    /* id of a VM -> how often it was started or went on, anywhere: what its disks have seen */
};

struct sim_storage *sim_storage_new(void);
void sim_storage_free(struct sim_storage *st);
void sim_pool_free(void *p);
/* The agent died: tasks stop where they are, leases go. */
void sim_storage_agent_died(struct sim_host *h);
/* The "storageDomains" of Host.getStats. */
json_t *sim_storage_stats(struct sim_host *h);
/* A domain that the host can reach, connected or not found. */
struct sim_sd *sim_sd_find(struct sim_host *h, const char *id, struct err *e);
struct sim_pool *sim_pool_find(struct sim_host *h, const char *id, struct err *e);
/* The pool of which this host is SPM. */
struct sim_pool *sim_pool_spm(struct sim_host *h, const char *id, struct err *e);
struct sim_volume *sim_volume_find(struct sim_sd *sd, const char *img, const char *vol);
void sim_volume_free(void *v);
void sim_task_free(void *t);
/* Begin a task. New reference to its id. run is called at its end unless the agent dies before. */
json_t *sim_task_begin(struct sim_host *h, const char *verb, const char *pool, json_t *params, bool is_persisted);
/* Do what the task is for. Sets outcome, code and message. */
void sim_task_work(struct sim_task *t);
/* Unfinished tasks of a pool that gets a new SPM. */
void sim_tasks_recover(struct sim_host *h, struct sim_sd *master);
/* A VM opens its disks from number first on for writing, or closes them. 0, or -1 with the disk at fault and none of these open. */
int sim_volumes_open(struct sim_vm *vm, int first, struct err *e);
void sim_volumes_close(struct sim_vm *vm, int first);

/* ---- chains of volumes, and the agents' jobs on them (sim_chain.c) ---- */

extern const struct sim_verb SIM_CHAIN_VERBS[];
struct sim_volume *sim_volume_parent(struct sim_sd *sd, const struct sim_volume *v);
/* How many stand on it? */
int sim_volume_children(struct sim_sd *sd, const struct sim_volume *v);
/* All that a guest finds in it and below. */
uint64_t sim_volume_read(struct sim_sd *sd, const struct sim_volume *v);
/* Is all there that it stands on? */
bool sim_volume_is_whole(struct sim_sd *sd, const struct sim_volume *v);
/* A guest writes. */
void sim_volume_write(struct sim *s, struct sim_volume *v);
/* What the tasks prepareMerge and finalizeMerge do. */
int sim_merge_work(struct sim_task *t, struct sim_sd *sd, struct err *e);
void sim_work_free(void *w);
/* The agent died: its jobs stop where they are. */
void sim_works_agent_died(struct sim_host *h);
/* What lies on a domain's disk and belongs to no chain of a disk or a snapshot, or is missing there; NULL: nothing. For g_free. */
char *sim_chains_wrong(struct sim *s, struct sim_sd *sd);
