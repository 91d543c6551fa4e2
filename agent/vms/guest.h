/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the QEMU guest agent tells: asked seldom, on a line of its own, since guests may not answer. */
#include <jansson.h>
#include <libvirt/libvirt.h>

struct agent;

/* Starts the fiber that asks. */
void guest_init(struct agent *a);
/* libvirt's flat parameters as the members of the machine's statistics. */
json_t *guest_json(const virTypedParameter *params, int n);
