/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Metadata of a volume: one block of 512 bytes, sorted KEY=VALUE lines, EOF, NULs. Written as V5; V3
 * and V4 (SIZE in 512-byte blocks instead of CAP) can be read. Pure: no I/O. What is read is hostile.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/uuid.h"

#define VOL_META_SIZE 512
#define VOL_DESC_MAX  210 /* bytes */
#define VOL_CAP_ALIGN 4096
#define VOL_CAP_MAX   ((uint64_t)8 << 50) /* 8 PiB: beyond what any file system of ours takes */
#define VOL_GEN_MAX   999

enum vol_format { VOL_RAW, VOL_COW, N_VOL_FORMAT };
enum vol_alloc { VOL_PREALLOCATED, VOL_SPARSE, N_VOL_ALLOC };
enum vol_role { VOL_LEAF, VOL_INTERNAL, VOL_SHARED, N_VOL_ROLE };
enum vol_legality { VOL_LEGAL, VOL_ILLEGAL, VOL_FAKE, N_VOL_LEGALITY };

struct vol_meta {
	uint64_t capacity; /* bytes */
	int64_t ctime;     /* seconds since 1970 */
	char description[VOL_DESC_MAX + 1];
	char disktype[8];
	uuid_text domain, image, parent; /* parent: UUID_NIL for the base */
	enum vol_format format;
	enum vol_alloc alloc;
	enum vol_role role;
	enum vol_legality legality;
	unsigned generation, sequence;
};

/* 757 for a cleared block, 751 or 753 for what is no metadata. */
int vol_meta_parse(const char *data, size_t len, struct vol_meta *m, struct err *e);
/* Fills the block, padded with NULs. 756 when the description is too long for it. */
int vol_meta_format(const struct vol_meta *m, char block[VOL_META_SIZE], struct err *e);

/* Words as on storage. */
const char *vol_format_name(enum vol_format f);
const char *vol_alloc_name(enum vol_alloc a);
const char *vol_role_name(enum vol_role r);
const char *vol_legality_name(enum vol_legality l);
/* -1 when it is none of them. Formats and allocations also as the numbers of old messages (5, 4; 1, 2). */
int vol_format_from(const char *s);
int vol_alloc_from(const char *s);
int vol_role_from(const char *s);
int vol_legality_from(const char *s);
bool vol_disktype_is_valid(const char *s);
/* Text that may stand in DESCRIPTION: no control characters, not too long. */
int vol_desc_check(const char *s, struct err *e);

/* Rounded up to 4096; 0 when it is 0 or too large. */
uint64_t vol_capacity_round(uint64_t bytes);
static inline unsigned vol_generation_next(unsigned g) { return g >= VOL_GEN_MAX ? 0 : g + 1; }
