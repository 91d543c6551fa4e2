/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The core: one thread, one loop, the inventory, and the doors to everything outside. Whatever decides
 * runs here, in fibers. No globals: the simulator has many cores in one process.
 */
#include <jansson.h>

#include "base/err.h"
#include "base/fiber.h"
#include "base/loop.h"
#include "base/pool.h"
#include "base/task.h"
#include "base/uuid.h"
#include "manager/core/inventory.h"
#include "manager/core/journal.h"

struct core;
struct locks;
struct jobs;
struct sessions;
struct events;
struct perm_index;
struct auth_provider;

/* What a domain wants to know of entities of a kind. All on the core thread. */
struct kind_ops {
	/* A version was published (old NULL: created; new NULL: removed). Must not wait. */
	void (*published)(struct core *c, const char *id, const void *old, const void *new);
	/* Fill in what is not journaled (statistics, computed members) in a shallow copy of the published version that is
	 * about to be written. New memory comes from the pool; nothing in nested structures may be changed in place. */
	void (*view)(struct core *c, struct pool *p, const void *published, void *copy);
};

/* The way to the host agents: the real one (agents.h), or simulated hosts. Called on the core thread. */
struct agent_door {
	/* Start connecting; ends in core_agent_state(). A second call replaces the address. */
	void (*connect)(void *arg, const char *host_id, const char *address, int port);
	void (*disconnect)(void *arg, const char *host_id);
	/* params is taken. done is called once, on the core thread; result is borrowed there. */
	void (*call)(void *arg, const char *host_id, const char *method, json_t *params, int timeout_ms,
	             const char *correlation_id, void (*done)(void *done_arg, json_t *result, const struct err *e),
	             void *done_arg);
	void *arg;
};

/* What the hosts' domain wants to hear from agents. On the core thread. */
struct agent_hooks {
	void (*state)(struct core *c, const char *host_id, bool is_up, const char *fingerprint, const struct err *e);
	/* params is borrowed */
	void (*event)(struct core *c, const char *host_id, const char *method, json_t *params);
	/*
	 * Whose key a host shows. key_of: SHA-256 (hex) of the public key that it must be, NULL: not known yet. meet: of one whose
	 * key was not known; -1 with e hangs up. May be NULL.
	 */
	const char *(*key_of)(struct core *c, struct pool *p, const char *host_id);
	int (*meet)(struct core *c, const char *host_id, const char *key, struct err *e);
};

struct core {
	struct loop *loop;
	struct chance *chance;
	struct journal *journal;
	struct inventory *inv;
	struct task_pool *tasks; /* blocking work: hashing, signing */
	struct agent_door agents;
	struct agent_hooks agent_hooks;
	const struct kind_ops *kind_ops[N_KINDS];
	struct locks *locks;
	struct jobs *jobs;
	struct sessions *sessions;
	struct perm_index *perm_index;
	const struct auth_provider *providers[8]; /* auth.h */
	int n_providers;
	struct events *events;
	const char *state_dir;    /* NULL in the simulator */
	const char *public_url;   /* "https://host:port", for faults and console files */
	struct txn_guard *guards; /* txn.h */
	struct waitq changed;     /* woken whenever something was published */
	/* Something is about to be removed: last chance to ask who could see it. Or NULL. */
	void (*removing)(struct core *c, enum kind k, const char *id);
	bool is_read_only; /* the journal refused the last commit (disk full, database away); it is tried again */
	struct err journal_error; /* why */
	struct loop_timer journal_probe;
	bool is_started;
	/* domains' own state, made by their *_start() and known to them alone */
	struct hosts *hosts;
	struct vms *vms;
	struct storage *storage;
	struct pki *pki;
	struct macs *macs;
	struct consoles *consoles;
	struct dashboard *dashboard;
	struct event_streams *event_streams;
};

struct core_config {
	struct loop *loop;
	struct chance *chance;
	struct journal *journal;
	struct task_pool *tasks;
	struct agent_door agents;
	const char *state_dir;
	const char *public_url;
};

struct core *core_new(const struct core_config *cfg);
void core_register_kind(struct core *c, enum kind k, const struct kind_ops *ops);
/* Read the journal into the inventory. Before core_start. */
int core_load(struct core *c, struct err *e);
/* Before the end, while the loop still runs: from now on nobody answers there, and who asks waits until he is abandoned. Closing
 * the journal commits what was queued. */
void core_close_agents(struct core *c);
void core_close_journal(struct core *c);
void core_free(struct core *c);

/* For transactions: what the journal said to a commit, e NULL when it is durable. */
void core_journal_answered(struct core *c, const struct err *e);

/* UUID from the core's door of chance, in the pool. */
char *core_uuid(struct core *c, struct pool *p);

/* ---- agents, from fibers ---- */

/*
 * Ask a host's agent and wait. params is taken. On success *result (may be NULL if not wanted) is a new
 * reference. ERR_NETWORK and ERR_TIMEOUT: nobody knows whether it was done. ERR_AGENT: it was refused.
 */
int agent_call(struct core *c, const char *host_id, const char *method, json_t *params, int timeout_ms,
               const char *correlation_id, json_t **result, struct err *e);
