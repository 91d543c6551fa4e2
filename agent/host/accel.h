/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Does KVM really run guests here? /dev/kvm may exist and yet hang ordinary kernels (nested or
 * para-virtual hosts), so a tiny guest proves it once: a kernel of this host if there is one, else
 * an image of ours that does what kernels do. The verdict is kept in DIR/accel.json for as long as
 * kernel, QEMU and processor stay the same.
 */
#include <stdbool.h>

#include "base/err.h"

struct agent;

/* Starts the probe, or takes the verdict of the last one. */
void accel_init(struct agent *a);
/* Waits until it is known. In a fiber. */
int accel_wait(struct agent *a, struct err *e);
bool accel_is_known(const struct agent *a);
bool accel_is_kvm(const struct agent *a);
/* Why, in words for people: "booted vmlinuz-6.1.0 under KVM", "there is no /dev/kvm". */
const char *accel_reason(const struct agent *a);

/* The image: 64 KiB of firmware, or size 0 where the processor is another one. */
extern const unsigned char accel_image[];
extern const unsigned int accel_image_size;
/* Exit status of QEMU when the image ran to its end. */
enum { ACCEL_IMAGE_OK = (0x2a << 1) | 1 };
