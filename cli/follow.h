/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* --follow: what is new, until it is interrupted. */
#include "cli/command.h"

bool follow_can(const struct command *cmd);
int follow_run(struct command *cmd, struct err *e);
