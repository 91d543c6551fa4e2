/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The configuration beside a machine's saved memory is a Python pickle of plain data: dictionaries, lists, texts,
 * numbers. This reads that much and nothing else (no classes, no calls, no cycles), and writes it so that VDSM reads it.
 */
#include <glib.h>
#include <jansson.h>

#include "base/err.h"

enum { PICKLE_MAX = 8 << 20 };

/* New reference, or NULL with ERR_SYNTAX or ERR_TOO_LARGE. What follows the end is ignored: volumes are padded. */
json_t *pickle_read(const void *data, size_t n, struct err *e);
/* An object of texts, protocol 2. */
void pickle_write(GByteArray *out, const json_t *object);
