/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a new installation holds (schema/initial.json), put into an empty journal. */
#include "manager/core/core.h"

/* Nothing happens when there are users already. In a fiber. password_hash: of admin@internal. */
int bootstrap(struct core *c, const char *password_hash, struct err *e);
/* A new password hash for admin@internal, when it differs; a lock-out ends with it. In a fiber. */
int bootstrap_set_password(struct core *c, const char *password_hash, struct err *e);
/* Members of the first initial object of a kind, without id and references: what a new one has by default. In the pool. */
void *initial_defaults(struct pool *p, enum kind k);
