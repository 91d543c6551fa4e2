/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What commands print: lists and entities in each of the formats. */
#include "cli/cli.h"
#include "cli/web.h"

int out_format_parse(struct cli *c, struct err *e);
/* The Accept header that a format wants. */
const char *out_accept(const struct cli *c);
/* An answer that is a list of type t. */
int out_list(struct cli *c, const struct m_type *t, const struct web_answer *a, struct err *e);
/* An answer that is one object of type t. */
int out_entity(struct cli *c, const struct m_type *t, const struct web_answer *a, struct err *e);
/* What a change answers: the entity in -o json and the like; with -o id its id; else nothing. */
int out_changed(struct cli *c, const struct m_type *t, const struct web_answer *a, struct err *e);
/* Text or bytes as they came; made printable on a terminal. */
void out_text(const struct cli *c, const char *s, size_t len);
/* Flush; ERR_NO_SPACE and the like when standard output takes no more. */
int out_finish(struct err *e);
