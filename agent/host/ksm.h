/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The kernel's merging of equal pages: its switches below a folder (/sys/kernel/mm/ksm). Quick enough for the loop. */
#include <jansson.h>
#include <stdbool.h>

#include "agent/host/memory.h"
#include "base/err.h"

/* False when the kernel does not have it. */
bool ksm_read(const char *dir, struct ksm_state *out);
int64_t ksm_pages_shared(const char *dir);
/* Write what differs. Through the root helper where we may not write ourselves. */
int ksm_write(const char *dir, const struct ksm_state *now, const struct ksm_state *next, struct err *e);
/* Ticks of processor time that the kernel's thread has used; -1: it is not to be seen. */
int64_t ksm_cpu_ticks(void);
/* ksmState, ksmPages, memShared, ksmMergeAcrossNodes. */
void ksm_add_stats(const char *dir, json_t *stats);
