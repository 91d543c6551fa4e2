/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The document of a request, from flags: a JSON tree in the wire's form, checked against the schema's types. References given
 * by name are looked up by a function of the caller, so that nothing here needs a Manager.
 */
#include <jansson.h>
#include <stdbool.h>

#include "model/model.h"

struct body {
	const struct m_type *type; /* of the document */
	json_t *json;
	bool is_action; /* the document is an action: only op's parameters are members */
	const struct m_op *op;
	/* The id of the entity of type t that text (a name or an id) names; a new string, or NULL with e. */
	char *(*find)(void *arg, const struct m_type *t, const char *text, struct err *e);
	void *find_arg;
};

/* Does a flag (without dashes, "cpu.topology.cores") name a member? The last field, or NULL. */
const struct m_field *body_field(const struct body *b, const char *flag);
/* Would the flag take a value? A boolean may stand alone. */
static inline bool body_needs_value(const struct m_field *f) { return f->kind != M_BOOL; }
/* Set, or append when it is a list. */
int body_set(struct body *b, const char *flag, const char *text, struct err *e);
/* Put a document under what is there: flags win. */
int body_load(struct body *b, const char *path, struct err *e);
/* Names of flags near to a wrong one; offers the members of the level in question, and nested ones of the same name. */
char *body_suggest(const struct body *b, const char *flag);
/* Read YAML into JSON (yaml.c). NULL with e. */
json_t *yaml_to_json(const char *text, size_t len, struct err *e);
/* Write JSON as YAML. */
void yaml_append(GString *out, const json_t *j);
