/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The whole core on a virtual loop, two hosts whose agents do what a test says, and calls as clients make them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "manager/api/call.h"
#include "manager/core/jobs.h"
#include "manager/vms/vms.h"

#define HOST1 "11111111-0000-4000-8000-000000000001"
#define HOST2 "11111111-0000-4000-8000-000000000002"

/* One verb that was called. */
struct rig_verb {
	char host[40], method[40];
	json_t *params;
};

struct rig {
	struct loop *loop;
	struct chance *chance;
	struct fake_journal *journal;
	struct core *core;
	GArray *verbs; /* struct rig_verb */
	/* What the next calls of a verb on a host answer: "host verb" -> code of an error; -1: lost, 0: fine */
	GHashTable *answers;
	json_t *vm_stats; /* answer to VM.getStats, or NULL */
};
extern struct rig *rig;

int rig_open(void **state);
int rig_close(void **state);
/* Let time pass. */
void rig_pass(int64_t ms);
/* A call as administrator; the answer stays until the next one. "?next_run" behind the ids asks for that. */
struct call *rig_call(const char *op, const char *ids, const char *body);
struct call *rig_ok(const char *op, const char *ids, const char *body);
/* ... that must fail with a text in its detail. */
void rig_fails(const char *op, const char *ids, const char *body, const char *text);
/* Id of a VM that boots a kernel, so that it needs no disk. */
const char *rig_vm(const char *name);
const struct m_vm *rig_get(const char *vm_id);
unsigned rig_commits(void);
/* How often a verb was called on a host (NULL: any). */
int rig_count(const char *host, const char *method);
void rig_answer(const char *host, const char *method, int code);
/* A report of a host: "id=Status,id=Status". */
void rig_report(const char *host, const char *list);
void rig_event(const char *host, const char *vm_id, const char *json);
bool rig_told(const char *event_name);
