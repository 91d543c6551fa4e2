/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* UUIDs as text, lower case, 36 characters, and the one door for chance. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UUID_LEN 36
#define UUID_NIL "00000000-0000-0000-0000-000000000000"

typedef char uuid_text[UUID_LEN + 1];

/* Source of chance. The real one asks the kernel; a seeded one repeats itself (simulator, tests). */
struct chance;
struct chance *chance_new_real(void);
struct chance *chance_new_seeded(uint64_t seed);
void chance_free(struct chance *c);
void chance_bytes(struct chance *c, void *buf, size_t n);
/* 0 <= result < bound. */
uint64_t chance_below(struct chance *c, uint64_t bound);

/* Version 4 UUID. */
void uuid_make(struct chance *c, uuid_text out);
/* Exactly the canonical form, either case. */
bool uuid_is_valid(const char *s);
/* Stable UUID derived from two texts (name-based, version 5 with SHA-1): devices that have none of their own. */
void uuid_derive(const char *ns, const char *name, uuid_text out);
