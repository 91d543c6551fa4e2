/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Host agents that exist in memory only, for tests and the simulator: a door for the core, behind it hosts with local
 * directories, storage domains, pools, SPM, volumes and tasks that behave as those of the agent do (agent/storage). What is
 * on "disk" outlives restarts of the agents; what they knew does not.
 *
 * Faults: the n-th call, or a verb, can be refused, get lost before or after it was done; a task can fail at its end.
 */
#include "manager/core/core.h"

struct fake_agents;

enum fake_fault {
	FAKE_REFUSE,      /* ERR_AGENT, nothing done */
	FAKE_LOSE_BEFORE, /* ERR_NETWORK, nothing done */
	FAKE_LOSE_AFTER,  /* ERR_NETWORK, done */
	FAKE_RESTART,     /* done, and the agent restarts before it answers: ERR_NETWORK */
	FAKE_TASK_FAILS,  /* the task that the call begins fails and undoes itself */
	FAKE_HOOK,        /* nothing by itself: fn is called, and the call goes on */
	N_FAKE_FAULTS
};

struct fake_agents *fake_agents_new(struct loop *l);
void fake_agents_free(struct fake_agents *fa);
/* Another life of the Manager: answers under way are forgotten. */
void fake_agents_move(struct fake_agents *fa, struct loop *l);
struct agent_door fake_agents_door(struct fake_agents *fa);

void fake_agents_add_host(struct fake_agents *fa, const char *host_id);
void fake_agents_set_up(struct fake_agents *fa, const char *host_id, bool is_up);
bool fake_agents_is_up(struct fake_agents *fa, const char *host_id);
/* The agent forgets what it knew, as after a crash. */
void fake_agents_restart(struct fake_agents *fa, const char *host_id);

/* Calls answered, or lost, so far; the name of one. */
unsigned fake_agents_calls(const struct fake_agents *fa);
const char *fake_agents_call_name(const struct fake_agents *fa, unsigned i);
/* Fault at call number i (fake_agents_calls() counts), once. fn(arg) is for FAKE_HOOK. */
void fake_agents_fault_at(struct fake_agents *fa, unsigned i, enum fake_fault f, void (*fn)(void *), void *arg);
/* Fault at each call of a verb until fake_agents_heal(). code: of refusals. */
void fake_agents_fault_verb(struct fake_agents *fa, const char *verb, enum fake_fault f, int code);
void fake_agents_heal(struct fake_agents *fa);

/* ---- what there is ---- */

/* {domain id: {"host", "path", "pool", "role", "images": {image: {volume: {"capacity", "format", "type"...}}}}}. Borrowed. */
json_t *fake_agents_disk(struct fake_agents *fa);
/* {pool: {"connected", "spm", "master", "domains": {id: "Active"|"Attached"}}} as a host knows it. Borrowed. */
json_t *fake_agents_pools(struct fake_agents *fa, const char *host_id);
/* Storage tasks that a host has not been told to clear; those of starting the SPM agents forget by themselves. */
unsigned fake_agents_tasks(struct fake_agents *fa, const char *host_id);
/* "storageDomains" of Host.getStats. New reference. */
json_t *fake_agents_report(struct fake_agents *fa, const char *host_id, int code);
