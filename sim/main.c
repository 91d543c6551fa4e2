/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostler-sim: runs the Manager's core against simulated hosts, and looks for what must never be.
 *
 *   steps    every scenario is interrupted at every point where a job's step is recorded, taken, asked of an agent or
 *            committed: the Manager is killed there, or the agents, or both
 *   random   long lives with random requests and random failures
 */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sim/sim_runs.h"

/* A killed Manager frees nothing: that is its nature, and no leak. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0"; }

static const struct argp_option OPTIONS[] = {
	{ "seed", 's', "N", 0, "Seed of the first run; 0 (default): by the clock", 0 },
	{ "runs", 'r', "N", 0, "Random runs, with the seeds that follow", 0 },
	{ "hours", 'H', "N", 0, "Virtual hours of a random run (default 2)", 0 },
	{ "steps", 'k', NULL, 0, "Enumerate the interruptions", 0 },
	{ "scenario", 'o', "NAME", 0, "Only this scenario", 0 },
	{ "at", 'a', "N", 0, "Interrupt the scenario at this point only", 0 },
	{ "kill", 'w', "WHO", 0, "... by killing: manager, agents or both", 0 },
	{ "refuse", 'f', "VERB:N", 0, "... while the call of a verb that follows N others of it is refused", 0 },
	{ "share", 'p', "N/M", 0, "Every M-th interruption only, beginning with number N", 0 },
	{ "list", 'l', NULL, 0, "List the scenarios", 0 },
	{ "verbose", 'v', NULL, 0, "Tell everything that happens", 0 },
	{ 0 },
};

static int read_share(struct run_options *o, char *arg)
{
	char *slash = strchr(arg, '/');

	if (!slash)
		return EINVAL;
	o->share_begin = atoi(arg);
	o->share_of = atoi(slash + 1);
	return o->share_of > 0 && o->share_begin >= 0 ? 0 : EINVAL;
}

static int read_refusal(struct run_options *o, char *arg)
{
	char *colon = strrchr(arg, ':');

	if (!colon)
		return EINVAL;
	*colon = 0;
	o->refuse = arg;
	o->refuse_after = atoi(colon + 1);
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct run_options *o = state->input;

	switch (key) {
	case 's': o->seed = strtoull(arg, NULL, 10); return 0;
	case 'r': o->n_runs = atoi(arg); return 0;
	case 'H': o->hours = atoi(arg); return 0;
	case 'k': o->is_steps = true; return 0;
	case 'o': o->scenario = arg; return 0;
	case 'a': o->at = atoi(arg); return 0;
	case 'w':
		o->kills = strcmp(arg, "manager") == 0  ? KILL_MANAGER
		           : strcmp(arg, "agents") == 0 ? KILL_AGENTS
		           : strcmp(arg, "both") == 0   ? KILL_MANAGER | KILL_AGENTS
		                                        : 0;
		return o->kills ? 0 : EINVAL;
	case 'f': return read_refusal(o, arg);
	case 'p': return read_share(o, arg);
	case 'l': o->is_list = true; return 0;
	case 'v': o->is_verbose = true; return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

/* Tables keyed by addresses must come out the same each time. */
static void forbid_random_addresses(char **argv)
{
	int now = personality(0xffffffff);

	if (now < 0 || now & ADDR_NO_RANDOMIZE || getenv("HOSTLER_SIM_AGAIN"))
		return;
	setenv("HOSTLER_SIM_AGAIN", "1", 1);
	if (personality((unsigned long)now | ADDR_NO_RANDOMIZE) >= 0)
		execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
	static const struct argp argp = { .options = OPTIONS,
		                          .parser = parse,
		                          .doc = "Simulates a Hostler Manager and its hosts from a seed." };
	struct run_options o = { .hours = 2, .share_of = 1, .program = argv[0] };

	forbid_random_addresses(argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argp_parse(&argp, argc, argv, 0, NULL, &o) != 0)
		return 2;
	if (o.seed == 0)
		o.seed = (uint64_t)(g_get_real_time() / 1000) % 1000000000;
	return runs_all(&o) == 0 ? 0 : 1;
}
