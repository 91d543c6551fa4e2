/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The helper's side of the socket. */
#include "agent/helper/protocol.h"

/* Answer requests until the agent hangs up. */
void __attribute__((noreturn)) helper_serve(int sock, const struct helper_config *c);
