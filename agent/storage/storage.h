/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Storage of this host: connections, domains, pools, tasks and jobs. Local (LOCALFS) V5 domains today;
 * what is particular to a type lives in connection.c and in the worker, the rest knows domains only.
 *
 * The agent never touches storage itself: a worker process per domain does (worker.h). All functions
 * here belong to the loop's thread; those that wait say so.
 */
#include <jansson.h>

#include "base/err.h"
#include "base/pool.h"

struct agent;

/* Makes a->storage. Directories of earlier connections are known again at once. */
int storage_init(struct agent *a, struct err *e);
/* Ends the workers, and with them our being SPM. Fibers must have ended. */
void storage_deinit(struct agent *a);

/*
 * Make a volume and those below it usable for QEMU and return the run-time path of the volume,
 * RUN/storage/<sd>/<img>/<vol>, in p. In a fiber. Repeating is harmless. 358, 268, 201, 227 (illegal),
 * 262 (broken chain) as the agent codes of e.
 */
int storage_prepare_volume(struct agent *a, struct pool *p, const char *sd, const char *img, const char *vol,
                           char **path, struct err *e);
/* Take the run-time path away. vol may be NULL: the image. Missing is fine. In a fiber. */
int storage_teardown_volume(struct agent *a, const char *sd, const char *img, const char *vol, struct err *e);

/* What the volumes of a running machine look like on storage. In a fiber. */
struct storage_volume_size {
	int64_t apparent, allocated, capacity; /* bytes */
	bool is_cow;
};
int storage_volume_size(struct agent *a, const char *sd, const char *img, const char *vol,
                        struct storage_volume_size *out, struct err *e);

/* "storageDomains" of Host.getStats: what the monitors saw last. Never waits. */
void storage_add_stats(struct agent *a, json_t *stats);
/* "domain_versions", "supported_block_size" and the like for Host.getCapabilities. Never waits. */
void storage_add_capabilities(struct agent *a, json_t *caps);
