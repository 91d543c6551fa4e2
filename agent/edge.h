/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The agent's port: with certificates it serves the verbs, without them it waits for some (pairing.h). */
#include <jansson.h>

#include "base/err.h"

struct agent;

int edge_init(struct agent *a, struct err *e);
void edge_deinit(struct agent *a);
int edge_port(const struct agent *a);
/* Tell all clients. Takes over params. */
void edge_event(struct agent *a, const char *method, json_t *params);
/* New certificates are there: serve with them from now on. */
void edge_certificates_changed(struct agent *a);
