/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What has changed since the last look, each object once: [["vm","ID","u"], ["disk","ID","a"], ["job","*","u"]]. Pure: knows
 * neither streams nor permissions.
 */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "model/kinds.h"

enum {
	CHANGES_STAR = 50,   /* of one kind for one reader: beyond it is said that there are many */
	CHANGES_KEEP = 2000, /* of one kind: beyond nothing is known of the single ones */
};

struct changes;

/* Readers, by their numbers, that could see what is gone now. */
struct seen_by {
	unsigned n;
	uint64_t readers[];
};

struct changes *changes_new(void);
void changes_free(struct changes *ch);
void changes_clear(struct changes *ch);
bool changes_is_empty(const struct changes *ch);
bool changes_has(const struct changes *ch, enum kind k);
/* op: 'a', 'u', 'r'. seen may be NULL; copied. */
void changes_note(struct changes *ch, enum kind k, const char *id, char op, const struct seen_by *seen);
/* All of the kind. */
void changes_note_all(struct changes *ch, enum kind k);
/*
 * As JSON for one reader: can_see decides on what is there (NULL: all), the reader's number on what is gone. NULL: nothing
 * for him. To be freed with g_free.
 */
char *changes_text(const struct changes *ch, bool (*can_see)(void *arg, enum kind k, const char *id), void *arg,
                   uint64_t reader);
