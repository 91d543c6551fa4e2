/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The limits of a machine as its metadata keeps them (<ovirt-tune:qos>), and as JSON here:
 * {"vcpuLimit": PERCENT, "ioTune": [{"name", "path", "maximum": {...}, "guaranteed": {...}}]}. Pure.
 */
#include <jansson.h>
#include <libxml/tree.h>

#include "base/err.h"
#include "base/pool.h"

#define OVIRT_TUNE_URI "http://ovirt.org/vm/tune/1.0"

/* The six numbers of a disk: total, read and write, bytes and operations a second. NULL ends them. */
extern const char *const TUNE_NUMBERS[];

/* A new object; what is not there or makes no sense is left out. qos may be NULL. */
json_t *tune_policy_read(xmlNodePtr qos);
/* The same from a whole domain. */
json_t *tune_policy_of_domain(const char *xml);
/* The element without namespace, as virDomainSetMetadata wants it; in the pool. */
char *tune_policy_write(struct pool *p, const json_t *policy);
/* Six numbers from outside, checked; a new object, or NULL with e. `what` is for the message. */
json_t *tune_numbers_check(json_t *numbers, const char *what, struct err *e);
