/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Text form of persisted tasks: key=value lines; "=" inside of values is written "_eq_". A task is a
 * directory of such files: ID.task, ID.job.0, ID.recover.N, ID.result, ID.resource. Pure: no I/O.
 */
#include <jansson.h>
#include <stddef.h>

#include "base/err.h"

#define TASK_FILE_MAX (256 * 1024)

/* Object of strings to text, keys sorted, to be freed with g_free. Line ends in values become blanks. */
char *task_file_format(const json_t *values);
/* Text to an object of strings, or NULL (408). */
json_t *task_file_parse(const char *text, size_t len, struct err *e);
