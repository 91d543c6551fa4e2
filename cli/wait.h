/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* --wait: until what was asked for is so. */
#include "cli/cli.h"

struct wait_for {
	const struct m_op *op;
	const struct m_type *type; /* of the entity at path, or NULL */
	const char *path;          /* "vms/ID": what to look at, or NULL: jobs alone */
	const char *label;         /* for people */
	const char *correlation_id;
	bool is_paused; /* a VM that is started is to be paused then */
};

/* A boolean of the API, however it is written. */
bool wait_is_true(const json_t *v);

/* ERR_TIMEOUT after --timeout, ERR_CANCELLED at an interrupt, ERR_CONFLICT when it failed, in the words of its event. */
int wait_until_done(struct cli *c, const struct wait_for *w, struct err *e);

/* A line that changes on a terminal; single lines elsewhere. */
struct progress {
	char last[256];
	bool is_tty, is_drawn;
	int frame;
	int64_t begun_ms;
};
void progress_begin(struct progress *p);
/* percent -1: not known */
void progress_show(struct progress *p, const char *label, const char *state, int percent);
void progress_end(struct progress *p);
/* "[#####.....]  50%" */
void progress_append_bar(GString *out, int percent, int width);
