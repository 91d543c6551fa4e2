/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A new certificate before the old one ends, asked for by the Manager over the connection that the old one protects. */
#include "agent/verb.h"

/* Host.renewRequest: -> csr. Host.renewInstall: certificate, ca. */
extern const struct verb RENEW_VERBS[];
