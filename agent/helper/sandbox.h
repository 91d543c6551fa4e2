/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The root helper gives up what it does not need: all capabilities but a few, all system calls but a few, new programs. */
#include "base/err.h"

int sandbox_enter(struct err *e);
