/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The simulator: the Manager's own core under a virtual clock, with simulated hosts, storage, network and journal. One
 * thread, all chance from one seed: the same seed always tells the same story.
 *
 * The world outlives the Manager: it has a clock and a queue of events of its own, and each life of the Manager gets a new
 * loop and a new core, which know nothing of the earlier ones but what the journal kept. What a dead Manager still says is
 * not heard.
 */
#include <glib.h>
#include <jansson.h>

#include "manager/core/core.h"

struct sim;
struct sim_host;
struct sim_journal;
struct sim_net;
struct sim_storage;

enum { SIM_MAX_HOSTS = 8, SIM_SECOND = 1000, SIM_MINUTE = 60 * SIM_SECOND };

/* Places where a run may be interrupted. */
enum sim_point {
	POINT_STEP,   /* a step (or its undoing) is recorded and begins */
	POINT_TAKEN,  /* it was taken, and its end is not recorded */
	POINT_CALL,   /* a call of a job arrives at an agent */
	POINT_DONE,   /* the agent has done it, and has not answered */
	POINT_COMMIT, /* a transaction was given to the journal */
	N_POINTS
};
/* Whom an interruption kills. */
enum { KILL_MANAGER = 1, KILL_AGENTS = 2 };

/* How often things go wrong, in a million of those that might. All 0: a quiet world. */
struct sim_faults {
	unsigned lose_answer; /* an agent has done it, and the connection breaks before the answer */
	unsigned slow_call;   /* an agent takes its time, perhaps longer than the Manager has patience */
	unsigned refuse_call; /* an agent refuses for no good reason */
	unsigned fail_task;   /* a storage task fails in the end */
	unsigned fail_start;  /* a VM does not start */
	unsigned deaf_guest;  /* a guest does not react to the request to shut down */
};

struct sim {
	uint64_t seed;
	struct chance *chance;      /* the world's */
	struct chance *core_chance; /* the Manager's, for all its lives */
	struct sim_faults faults;

	/* time */
	int64_t life_began_ms; /* world's time at 0 of the loop */
	struct sim_queue *queue;
	uint64_t n_turns, n_idle_turns;

	/* the Manager */
	struct loop *loop;
	struct core *core;         /* NULL: it is dead */
	unsigned life;             /* counts its lives */
	bool is_ready, is_doomed;  /* doomed: killed, and only not yet buried */
	unsigned kill_agents_soon; /* bits of hosts */
	GPtrArray *api_calls;      /* under way */
	unsigned n_api_calls;      /* ever made */

	/* outside */
	struct sim_journal *journal;
	struct sim_net *net;
	struct sim_storage *storage;
	struct sim_host *hosts[SIM_MAX_HOSTS];
	int n_hosts;

	/* interruptions */
	bool is_counting;           /* points count */
	int n_points, interrupt_at; /* number of the point, from 1; 0: never */
	unsigned interrupt_kills;
	const char *refuse_method; /* the next call of this verb by a job is refused */
	int refuse_after;          /* ... but for so many before it */
	bool is_refused;
	GPtrArray *points;    /* labels of those counted, or NULL: not wanted */
	GPtrArray *job_calls; /* verbs that jobs called while points counted, or NULL */

	/* findings */
	GPtrArray *failures;
	GHashTable *seen_steps; /* "AddDisk/create-volume" -> bits of SEEN_... */
	bool is_verbose;
	uint64_t trace; /* hash of all that happened, to compare two runs */
};
enum { SEEN_FORWARD = 1, SEEN_UNDO = 2 };

/* ---- the world (sim_world.c) ---- */

struct sim *sim_new(uint64_t seed, int n_hosts);
void sim_free(struct sim *s);
/* Start the Manager from what the journal kept. It serves when is_ready. */
void sim_start_manager(struct sim *s);
/* kill -9. Nothing happens when it is dead. From the world's code alone. */
void sim_kill_manager(struct sim *s);
/* The same from anywhere: from now on nothing that it says is heard. */
void sim_doom_manager(struct sim *s);
/* A place where a run may be interrupted is reached. host may be NULL. */
void sim_reach(struct sim *s, enum sim_point point, struct sim_host *host, const char *label);
/* Something is wrong: remembered, printed at the end. */
void sim_fail(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool sim_is_good(const struct sim *s);
/* Tell the story: into the trace, and on the screen when that is wanted. */
void sim_tell(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- time and chance (sim_time.c) ---- */

typedef void sim_fn(struct sim *s, void *arg);

int64_t sim_now(const struct sim *s);
/* Call fn(s, arg) after delay_ms. When *life is not by then what it is now, drop(arg) is called instead; both may be NULL. */
void sim_after(struct sim *s, int64_t delay_ms, sim_fn *fn, void *arg, GDestroyNotify drop, const unsigned *life);
/* Let time pass. Stops early when something was found wrong. */
void sim_run(struct sim *s, int64_t ms);
/* Until the condition holds; false when it does not within limit_ms. */
bool sim_run_until(struct sim *s, bool (*holds)(struct sim *s, void *arg), void *arg, int64_t limit_ms);
/* lo <= result <= hi */
int64_t sim_between(struct sim *s, int64_t lo, int64_t hi);
bool sim_happens(struct sim *s, unsigned in_a_million);
void sim_time_init(struct sim *s);
void sim_time_deinit(struct sim *s);

/* ---- the API, without HTTP (sim_api.c) ---- */

struct sim_answer {
	struct err error; /* code ERR_NONE: fine; ERR_CANCELLED: the Manager died meanwhile */
	char id[64];      /* of the entity */
	char job[UUID_LEN + 1];
	json_t *object; /* the entity or action in the API's form, or NULL */
};

/* Call an operation ("vms.add") and let time pass until it is answered. body is taken, may be NULL. ids: up to three of
 * the path. Waits for a Manager that is starting. */
int sim_api(struct sim *s, struct sim_answer *a, const char *op, json_t *body, const char *id1, const char *id2,
            const char *id3);
void sim_answer_clear(struct sim_answer *a);
/* The same without waiting; what became of it is nobody's business. */
void sim_api_send(struct sim *s, const char *op, json_t *body, const char *id1, const char *id2, const char *id3);
/* The Manager is gone: forget what it was doing. */
void sim_api_forget(struct sim *s);

/* ---- the journal (sim_journal.c) ---- */

struct sim_journal *sim_journal_new(struct sim *s);
void sim_journal_free(struct sim_journal *j);
struct journal *sim_journal_open(struct sim_journal *j);
/* The Manager died: of what was on its way a prefix survives, as chance has it. */
void sim_journal_crash(struct sim_journal *j);
/* The disk under it is full for a while. */
void sim_journal_fill(struct sim_journal *j, int64_t ms);
bool sim_journal_is_idle(const struct sim_journal *j);

/* ---- the network and the agents' door (sim_net.c) ---- */

struct sim_net *sim_net_new(struct sim *s);
void sim_net_free(struct sim_net *n);
struct agent_door sim_net_door(struct sim_net *n);
/* The Manager died: its connections close, and nobody waits for answers any more. */
void sim_net_forget(struct sim_net *n);
/* All connections to a host break. */
void sim_net_break(struct sim_net *n, struct sim_host *h, const char *why);
/* Nothing gets through to the host and back for a while. */
void sim_net_cut(struct sim_net *n, struct sim_host *h, int64_t ms);
/* An agent tells something by itself. params is taken. */
void sim_net_event(struct sim_net *n, struct sim_host *h, const char *method, json_t *params);

/* ---- is all well? (sim_check.c) ---- */

/* What does not agree just now, or has not come to rest; NULL: nothing. For g_free. */
char *sim_find_wrong(struct sim *s);
/* No new faults; wait until all agrees, and look whether it stays so. A finding when it does not within half an hour. */
void sim_settle(struct sim *s);
