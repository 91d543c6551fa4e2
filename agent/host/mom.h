/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The host's policy at work: every 15 s balloons are moved, merging of pages is tuned and limits of processor
 * time are kept, by the formulas of memory.h. Until a Manager says what it wants, nothing is touched but what
 * single machines ask for.
 */
#include <jansson.h>

#include "base/err.h"

struct agent;

void mom_init(struct agent *a);
/* Host.setMOMPolicyParameters: balloonEnabled, ksmEnabled, ksmMergeAcrossNodes; others are ignored. */
int mom_set_policy(struct agent *a, json_t *parameters, struct err *e);
/* Look again now. */
void mom_soon(struct agent *a);
/* momStatus and what is told of merging. */
void mom_add_stats(struct agent *a, json_t *stats);
