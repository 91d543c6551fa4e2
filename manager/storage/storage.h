/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Storage domains, their data centers, and the SPM of each. */
#include "manager/api/call.h"
#include "manager/core/jobs.h"

void storage_register(struct core *c);
/* After loading. */
void storage_start(struct core *c);
void storage_free(struct core *c);

/*
 * Called by the hosts' monitoring, in a fiber, while the host goes up: connect it to the storage of its data center (connection,
 * pool, SPM if it is to be). 0 also when the data center has no storage yet. Safe to repeat.
 */
int storage_host_up(struct core *c, const char *host_id, struct err *e);
/* ... while the host goes into maintenance: give back SPM, pool, connections. */
int storage_host_down(struct core *c, const char *host_id, struct err *e);
/* "storageDomains" of Host.getStats: health and space of domains as the host sees them. */
void storage_host_report(struct core *c, const char *host_id, json_t *domains);
/* The host does not answer any more: data center and domains that depend on it lose their status. */
void storage_host_lost(struct core *c, const char *host_id);

/* The host that may change the structure of the domain's data center; NULL with ERR_CONFLICT when there is none now. Borrowed. */
const char *storage_spm(struct core *c, const char *dc_id, struct err *e);
/* Is the domain attached and active? ERR_CONFLICT naming domain and status if not. Latest version. */
const struct m_storage_domain *storage_active(struct core *c, const char *sd_id, struct err *e);
/*
 * Call a verb that begins a storage task on the SPM, wait for its end with progress, clear it. patience_ms as in
 * job_agent_call. is_gone_fine: an answer that says the object does not exist counts as success (removals).
 */
int storage_run_task(struct job *j, const char *host_id, const char *method, json_t *params, struct err *e);

/* Bytes promised to disks of the domain (provisioned), for `committed`. */
int64_t storage_committed(struct core *c, const char *sd_id);
/* Room of the domain as last reported; false when nobody reported yet. */
bool storage_space(struct core *c, const char *sd_id, int64_t *free, int64_t *total);
/*
 * Wait until the data center has an SPM, at most patience_ms: after a loss of the host, before the real state is looked at.
 * The id is in the pool. NULL with the reason.
 */
const char *storage_wait_spm(struct core *c, struct pool *p, const char *dc_id, int64_t patience_ms, struct err *e);
/*
 * Run fn, which looks what is there and makes it so, again and again while hosts come and go, for about a minute. What other
 * lives began is waited for between.
 */
int storage_patiently(struct job *j, int (*fn)(struct job *j, struct err *e), struct err *e);
/* Wait until no task that we do not know of runs on the host: what an earlier life began. */
int storage_settle_host(struct core *c, const char *host_id, const char *correlation, struct err *e);
/* Does the agent itself say that it is SPM? ERR_NETWORK if not: one that restarted does not know the tasks that the next SPM, be it
 * the same host, will take up again. */
int storage_check_spm(struct core *c, const char *host_id, const char *dc_id, const char *correlation, struct err *e);
