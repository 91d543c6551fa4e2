/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Parts of this host's logs for those who may ask: bounded, without secrets. */
#include "agent/verb.h"

/* Host.getLogs: source, lines, since (seconds, 0: all), after (cursor) -> {text, cursor}. */
extern const struct verb LOG_VERBS[];
