/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside the dashboard: what one look at the inventory found (dashboard_collect.c), and its document (dashboard_json.c). */
#include "manager/api/history.h"
#include "manager/core/perm.h"
#include "manager/system/dashboard.h"
#include "manager/system/survival.h"

enum {
	DASH_TOP = 10, /* of each list */
	DASH_ALERTS = 10,
	DASH_HOSTS = 500,  /* drawn one by one */
	DASH_SLICE = 1000, /* entities looked at in one go */
	DASH_TREND = 24,   /* values of a small line: an hour */
};

enum dash_state { DASH_UP, DASH_WARNING, DASH_ERROR, DASH_ALERT, DASH_DOWN, N_DASH_STATES };

struct dash_counts {
	unsigned total, by[N_DASH_STATES];
};

/* of, taken: in the units of what is counted. */
struct dash_share {
	double used, total;
	double committed; /* to what runs */
	double allocated; /* to all that is defined */
};

struct dash_cluster {
	const char *id, *name;
	struct dash_share cpu, memory;
	bool is_known; /* some host told */
	unsigned n_vms, n_running;
	GPtrArray *hosts; /* struct dash_host */
	/* for the survival: hosts that are up, in order, and their VMs */
	GArray *sv_hosts, *sv_vms, *sv_ids;
	GPtrArray *up;
	GHashTable *masks; /* id of a vNIC profile -> bits of hosts, NULL: all */
	struct survival_answer ha, all;
};

struct dash_host {
	const char *id, *name;
	enum m_host_status status;
	struct dash_cluster *cluster;
	double cpu, memory; /* percent; NAN */
	int64_t capacity, promised, promised_ha;
	unsigned n_vms;
	int index; /* among those that are up; -1 */
};

struct dash_domain {
	const char *id, *name;
	bool is_known, is_data;
	int64_t used, total, provisioned;
};

struct dash_top {
	const char *id, *name;
	double value;
};

struct dash_list {
	struct dash_top rows[DASH_TOP];
	int n;
};

/* One look. */
struct dash {
	struct core *core;
	struct pool *pool;
	const struct identity *who; /* NULL: all */
	bool wants_survival;
	struct dash_counts data_centers, clusters_n, hosts_n, domains_n, vms_n, events_n;
	GHashTable *clusters, *hosts, *domains; /* by id */
	GPtrArray *cluster_list, *host_list, *domain_list;
	struct dash_share cpu, memory, storage;
	struct dash_list hosts_cpu, hosts_memory, vms_cpu, vms_memory, domains_used;
	char alerts[DASH_ALERTS][24]; /* ids of events, a ring */
	unsigned n_alerts;
	int64_t hardware_left; /* how many more pairs of host and VM are looked at closely */
};

void dash_init(struct dash *d, struct core *c, const struct identity *who);
void dash_deinit(struct dash *d);
/* In a fiber: goes through the inventory by slices. */
void dash_collect(struct dash *d);
/* ... through the part of the survival, on a worker. */
void dash_survive(struct dash *d);
/* The document; survival is borrowed, NULL: none for whom asks. */
json_t *dash_json(struct dash *d, json_t *survival);
json_t *dash_survival_json(struct dash *d);

/* Sums over hosts that are up and over domains, for lines; who NULL: all. */
void dash_add_host(struct core *c, const struct m_host *h, struct dash_share *cpu, struct dash_share *memory);

/* Histories: of everything (NULL), a cluster, a domain. NULL: none yet. */
enum { DASH_SERIES_CPU, DASH_SERIES_MEMORY, DASH_SERIES_STORAGE, N_DASH_SERIES };
const struct history *dash_history(struct core *c, enum kind k, const char *id);
/* Series of a history for documents: {"step", "end", "values": [oldest first, null where there is none]}. */
json_t *dash_line(struct core *c, const struct history *h, enum history_range r, int series);
