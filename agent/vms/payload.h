/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Media that come with a machine's definition: made before it starts, gone when it has ended. */
#include <libxml/tree.h>

#include "base/err.h"

struct agent;

/* Make the media that the metadata of the document describes and put them into their drives. In a fiber. */
int payload_make(struct agent *a, xmlDocPtr doc, const char *vm_id, struct err *e);
/* Remove those of one machine. */
void payload_remove(struct agent *a, const char *vm_id);
/* Remove what earlier lives of the agent left behind. */
void payload_sweep(struct agent *a);
