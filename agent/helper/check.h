/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What texts may look like that the agent sends to its root helper. Pure. */
#include "agent/helper/protocol.h"

enum helper_arg {
	ARG_NONE,   /* empty */
	ARG_DEVICE, /* a network device: 1 to 15 of letters, digits, "_.;-", not beginning with "." or "-" */
	ARG_LEAF, /* a file name without path: letters, digits, "_.:@+[]-", at most 250, not beginning with "." or "-" */
	ARG_EXPORT,  /* server:/path */
	ARG_ADDRESS, /* numeric, IPv4 or IPv6 */
	ARG_OPTIONS, /* of a mount: "name" or "name=number", those of our list */
};

bool check_text(enum helper_arg kind, const char text[HELPER_TEXT]);
