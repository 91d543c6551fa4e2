/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * An agent that has storage and nothing else, in a folder of its own, with real worker processes. A
 * test program that uses it lets rig_main run first: the workers are the program itself.
 */
#include <jansson.h>
#include <stdbool.h>

#include "agent/agent.h"
#include "agent/storage/storage.h"

#define GIB   ((json_int_t)1 << 30)
#define MIB   ((json_int_t)1 << 20)
#define SD1   "11111111-aaaa-4000-8000-000000000001"
#define SD2   "11111111-aaaa-4000-8000-000000000002"
#define POOL1 "22222222-aaaa-4000-8000-000000000001"
#define IMG1  "33333333-aaaa-4000-8000-000000000001"
#define IMG2  "33333333-aaaa-4000-8000-000000000002"
#define IMG3  "33333333-aaaa-4000-8000-000000000003"
#define VOL1  "44444444-aaaa-4000-8000-000000000001"
#define VOL2  "44444444-aaaa-4000-8000-000000000002"
#define VOL3  "44444444-aaaa-4000-8000-000000000003"
#define NIL   "00000000-0000-0000-0000-000000000000"

struct rig {
	struct agent agent;
	char *dir, *data; /* folder of all; folder of the domain, owned by 36:36 when we are root */
	char *root, *run;
};

/* If the program was started as a storage worker: be one and exit. */
void rig_main(int argc, char **argv);

/* A new folder. */
void rig_make(struct rig *r);
/* Start and stop the agent's storage in it. */
void rig_start(struct rig *r);
void rig_stop(struct rig *r);
void rig_remove(struct rig *r);

/* Call a verb in a fiber; params are taken over. Fails the test unless the code is as expected.
 * New reference of the result (or NULL). */
json_t *rig_call(struct rig *r, const char *verb, json_t *params, int expect);
/* The same without expectation; the code of the answer in *code. */
json_t *rig_try(struct rig *r, const char *verb, json_t *params, int *code);
/* A verb without interest in its result. */
void rig_do(struct rig *r, const char *verb, json_t *params, int expect);
/* A verb that answers with a task: wait for its end, clear it, and return its code (or the verb's). */
int rig_task(struct rig *r, const char *verb, json_t *params);
/* Let the loop turn for a while, or until fn says true; false when the time is over. */
bool rig_wait(struct rig *r, bool (*fn)(struct rig *r), int ms);

/* connect, create, pool, connect pool, become SPM, activate: everything up to volumes. */
void rig_up(struct rig *r);
/* The same after a restart: nothing is created. The code of spmStart. */
int rig_up_again(struct rig *r);

/* Parameters {storagepoolID, storagedomainID, imageID, volumeID}. */
json_t *rig_volume(const char *img, const char *vol);
/* ... and those of Volume.create without a parent. */
json_t *rig_creation(const char *img, const char *vol, json_int_t size, const char *format, const char *alloc);
json_t *rig_connection(const struct rig *r);
/* Path below the domain, to be freed. */
char *rig_path(const struct rig *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool rig_exists(const struct rig *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Any file below the domain whose name ends or begins like something unfinished. */
char *rig_find_garbage(const struct rig *r);
/* Run a program; its output, to be freed; fails the test when the program fails. */
char *rig_run(const char *const *argv);
