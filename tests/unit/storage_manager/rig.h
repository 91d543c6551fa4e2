/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A core with the storage and disk domains, on virtual time, over a journal and host agents in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../support/fake_agent.h"
#include "../support/fake_journal.h"
#include "manager/api/call.h"

#define DC   "d0000000-0000-4000-8000-000000000001"
#define CL   "c0000000-0000-4000-8000-000000000001"
#define HOST "80000000-0000-4000-8000-000000000001"
#define VM   "e0000000-0000-4000-8000-000000000001"
#define VM2  "e0000000-0000-4000-8000-000000000002"
#define SD   "50000000-0000-4000-8000-000000000001"
#define SD2  "50000000-0000-4000-8000-000000000002"
#define DISK "a0000000-0000-4000-8000-000000000001"

struct rig {
	struct fake_journal *journal;
	struct fake_agents *agents;
	struct chance *chance;
	struct loop *loop;
	struct core *core;
	int n_hotplugs;
	bool is_hotplug_bad;
	/* where to crash: at the n-th call of an agent from now on, or at the n-th probe */
	int crash_at_probe, probes;
	bool is_crashed;
};
extern struct rig *rig;

/* A data center, cluster, host (up) and two VMs (down); no storage yet. */
void rig_make(bool is_local);
void rig_free(void);
/* What a power failure of the Manager does, and its next start. */
void rig_restart(void);
/* Have virtual time pass, or until no job runs (at most 10 minutes). */
void rig_run(int64_t ms);
void rig_settle(void);
/* Make a call; its answer is in the returned struct, valid until the next call. body is JSON or NULL. */
struct call *rig_call(const char *op, const char *ids, const char *body);
/* The same, and it must succeed or fail with this code. */
struct call *rig_ok(const char *op, const char *ids, const char *body);
struct call *rig_fails(enum err_code code, const char *op, const char *ids, const char *body);
/* Begin a call and do not wait for it. */
void rig_begin(const char *op, const char *ids, const char *body);
extern struct call_query rig_query; /* of the next call */

/* Scenes */
void rig_add_domain(const char *id, const char *name, const char *path);
void rig_attach(const char *id);
/* SD attached and active. */
void rig_with_storage(void);
void rig_add_disk(const char *id);

const struct m_storage_domain *rig_domain(const char *id);
const struct m_data_center *rig_center(void);
const struct m_disk *rig_disk(const char *id);
bool rig_has_event(const char *name);

/* Everything that must be true when nothing is under way: inventory and storage agree, nothing is locked, nothing is left. */
void rig_check_world(void);
