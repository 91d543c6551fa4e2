/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Many runs: interruptions one after the other, and random lives. */
#include "sim/sim_scenario.h"

struct run_options {
	uint64_t seed;
	int n_runs, hours, at, refuse_after, share_begin, share_of;
	unsigned kills;
	const char *scenario, *refuse, *program;
	bool is_steps, is_list, is_verbose;
};

/* Number of runs that failed. */
int runs_all(const struct run_options *o);

/* A random life (sim_random.c). */
void random_life(struct sim *s, int hours);
