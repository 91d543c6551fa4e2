/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Short stories: what is there before, and what is done. They are played quietly, and with interruptions at every point. */
#include "sim/sim.h"

struct scenario {
	const char *name;
	int n_hosts;
	void (*prepare)(struct sim *s); /* nothing goes wrong here */
	void (*act)(struct sim *s);     /* here anything may */
	void (*check)(struct sim *s);   /* when all is at rest again: findings; NULL: nothing more */
};
extern const struct scenario SCENARIOS[]; /* ends with name NULL */

/* Play it: 0, or -1 with findings in s. interrupt_at and the like are set by the caller before. */
int scenario_play(struct sim *s, const struct scenario *sc);

/* Id of the published entity of that name (disks: alias); "" when there is none. */
const char *sim_find_id(struct sim *s, enum kind k, const char *name);

/* What prepare() and random runs are made of. Findings when they fail. */
void sim_add_hosts(struct sim *s);                           /* all of the world's, to the cluster Default, up */
void sim_add_local(struct sim *s, int i);                    /* data center and cluster local<i> with host<i> */
void sim_add_domain(struct sim *s, int i, const char *name); /* with a storage domain, attached and active */
void sim_add_disk(struct sim *s, const char *domain, const char *name);
void sim_add_vm(struct sim *s, const char *cluster, const char *name, const char *domain); /* domain NULL: no disk */
