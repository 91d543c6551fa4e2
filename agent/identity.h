/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/err.h"
#include "base/uuid.h"

/* The host's identity: DIR/vdsm.id, else /etc/vdsm/vdsm.id, else the machine's own, kept in DIR/vdsm.id. */
int identity_read(const char *state_dir, uuid_text out, struct err *e);
