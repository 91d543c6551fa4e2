/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a cluster asks of its hosts' memory: ballooning, merging of equal pages; and whether a host is up to it. */
#include "manager/hosts/hosts.h"

/* Tell a host what its cluster wants of ballooning and of merging of equal pages. In a fiber. */
int host_policy_push(struct core *c, const char *host_id, struct err *e);
/* When a host comes up: push, and look whether memory, swap and network are what hosts should have. In a fiber. */
void host_policy_up(struct core *c, const char *host_id);
/* A version of a cluster was published: its hosts that are up are told what has changed. */
void host_policy_cluster(struct core *c, const char *id, const void *old, const void *new);
/* ksm and transparent_hugepages of a host as its statistics tell them. */
void host_policy_view(struct core *c, struct pool *p, struct m_host *copy);

/* A report of a host's VMs: tells of balloons that should be inflated and are not, or that nobody knows about. */
struct host_rt;
void host_policy_balloons(struct host_rt *rt, json_t *list);
enum balloon_problem { BALLOON_WELL, BALLOON_UNAVAILABLE, BALLOON_UNCONTROLLED };
enum balloon_problem host_balloon_problem(json_t *vm_stats);

/* Swap that a host with so much memory should have, in bytes. */
int64_t host_recommended_swap(int64_t memory);
/* What a host has less than it should, as a sentence in the pool; NULL when all is well. */
const char *host_memory_complaint(struct pool *p, int64_t memory);
const char *host_swap_complaint(struct pool *p, int64_t memory, int64_t swap);
/* nics: {name: {"speed": Mbps}} */
const char *host_nics_complaint(struct pool *p, json_t *nics);
