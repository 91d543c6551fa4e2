/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Metadata of a storage domain: sorted KEY=VALUE lines, sealed with a SHA-1 over the lines without
 * their ends. In memory it is a JSON object of strings, so that keys we do not know survive a rewrite.
 * Pure: no I/O. What is read is hostile.
 */
#include <jansson.h>
#include <stddef.h>

#include "base/err.h"

#define SD_META_MAX      (64 * 1024) /* bytes of a metadata file that we are willing to read */
#define SD_META_MAX_KEYS 512
#define SD_NAME_MAX      50 /* characters of DESCRIPTION */

/* Object of strings, or NULL: 752 when the seal is missing or wrong, 751 when it is no metadata. */
json_t *sd_meta_parse(const char *data, size_t len, struct err *e);

/* Text with its seal, to be freed with free(), or NULL. Values may not hold line ends. */
char *sd_meta_format(const json_t *meta, size_t *len, struct err *e);

/* The keys that every domain must have are there and make sense, and it is domain `sd`. */
int sd_meta_check(const json_t *meta, const char *sd, struct err *e);

/* Value of a key, or "" when absent. */
const char *sd_meta_get(const json_t *meta, const char *key);
/* Decimal number of a key, or dflt when absent or not a number. */
int64_t sd_meta_get_int(const json_t *meta, const char *key, int64_t dflt);
void sd_meta_set(json_t *meta, const char *key, const char *value);
void sd_meta_set_int(json_t *meta, const char *key, int64_t value);

/* POOL_UUID is a comma list; is `pool` in it? */
bool sd_meta_in_pool(const json_t *meta, const char *pool);

struct sd_meta_new {
	const char *sd, *name, *type, *sd_class, *remote_path;
	int block_size, alignment;
};
/* Metadata of a new V5 domain that belongs to no pool. Owned by the caller. */
json_t *sd_meta_new(const struct sd_meta_new *n);
/* Bytes between two hosts' areas for block size and number of hosts; 0 when they do not fit. */
int sd_meta_alignment(int block_size, int max_hosts);
