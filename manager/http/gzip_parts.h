/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Texts that are packed once and sent to many, each of whom has a gzip stream of his own. A part consists of whole
 * deflate blocks, looks at nothing that was said before it, and ends with a byte; so the same bytes fit anywhere into any
 * stream, and who has a part can unpack all of it. The sum at a stream's end is made of the sums of its parts.
 *
 * What is packed together can be guessed from its length by who chooses some of it. So nothing secret belongs into a part;
 * in what the event stream tells there is nothing of the kind, and each text of it only goes to who may read all of it.
 */
#include <glib.h>
#include <stdint.h>

struct gzip_packer;
struct gzip_packer *gzip_packer_new(void);
void gzip_packer_free(struct gzip_packer *g);

struct gzip_part {
	GBytes *bytes; /* NULL: not made */
	uint32_t crc, len;
	uint32_t shift; /* what len does to the sum of what came before */
};

/* g may be NULL for what is not worth packing: the text is only wrapped. */
void gzip_part_make(struct gzip_part *part, struct gzip_packer *g, GBytes *text);
void gzip_part_clear(struct gzip_part *part);

/* What one stream has been sent. */
struct gzip_sum {
	uint32_t crc, len;
};

extern const char GZIP_HEAD[10];
#define GZIP_TAIL_SIZE 10
void gzip_sum_add(struct gzip_sum *s, const struct gzip_part *part);
/* The orderly end. */
GBytes *gzip_tail(const struct gzip_sum *s);
