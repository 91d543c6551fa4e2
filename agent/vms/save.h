/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A machine's memory on storage: VM.hibernate writes it, VM.create with memoryDumpVolume goes on from it. Two volumes: the
 * memory as libvirt saves it, and the configuration (pickle.h) with which it was saved.
 */
#include <libxml/tree.h>

#include "agent/verb.h"
#include "agent/vms/vms.h"

struct saved_volume {
	const char *sd, *img, *vol; /* NULL: none */
};

struct saved {
	struct saved_volume memory, config;
	char *path; /* of the memory, when it has been opened */
};

int vm_hibernate(struct agent *a, struct verb_call *c, struct err *e);

/* Saved memory in the parameters of VM.create; NULL when there is none. What is returned lives in p. */
int saved_params(struct verb_call *c, struct pool *p, struct saved **out, struct err *e);
/* Make the volumes usable and put what was saved under what the Manager says now: *doc is replaced. In a fiber. */
int saved_open(struct agent *a, struct pool *p, struct saved *s, xmlDocPtr *doc, struct err *e);
/* The volumes are not needed any more. In a fiber. */
void saved_close(struct agent *a, struct saved *s);

/* Pure part of it: a domain as it was saved, with disks, networks, consoles and metadata as they are to be now. */
int saved_merge(struct pool *p, xmlDocPtr old, xmlDocPtr now, struct err *e);
