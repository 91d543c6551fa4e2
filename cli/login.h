/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* login, logout, context: who we are, and to whom. */
#include "cli/cli.h"

int login_command(struct cli *c, int argc, char **argv, struct err *e);
int logout_command(struct cli *c, int argc, char **argv, struct err *e);
int context_command(struct cli *c, int argc, char **argv, struct err *e);
