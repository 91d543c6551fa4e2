/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The description of the API as OpenAPI 3.1, JSON. */
#include <stddef.h>

extern const char M_OPENAPI[];
extern const size_t M_OPENAPI_LEN;
