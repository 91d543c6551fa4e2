/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the QEMU guest agent tells: asked seldom, on a line of its own, since guests may not answer. */
#include <jansson.h>
#include <libvirt/libvirt.h>

struct agent;

/* Starts the fiber that asks. */
void guest_init(struct agent *a);
/* Set in what guest_json gives when the guest said more than is kept. */
#define GUEST_IS_CUT "_cut"
/* libvirt's flat parameters as the members of the machine's statistics: bounded, valid UTF-8, no control characters. */
json_t *guest_json(const virTypedParameter *params, int n);
/* Version in an answer to "guest-info", or NULL; to be freed. */
char *guest_agent_version(const char *answer);
