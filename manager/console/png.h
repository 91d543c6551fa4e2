/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Pictures of screens come from QEMU as PPM (P6); browsers want PNG. Pure; takes some 20 ms for a large screen. */
#include <glib.h>

#include "base/err.h"

/* A PNG for a PPM of up to 4096 x 4096 pixels, to be freed with g_string_free; NULL: it is no PPM. */
GString *png_from_ppm(const void *data, size_t n, struct err *e);
