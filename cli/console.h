/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What is beside the API: consoles, pictures, logs. */
#include "cli/command.h"

int console_run(struct command *cmd, struct err *e);
/* The serial console of the VM with this id, until Ctrl-] or its end. */
int console_serial(struct command *cmd, const char *vm_id, struct err *e);
int screenshot_run(struct command *cmd, struct err *e);
int logs_run(struct command *cmd, struct err *e);
