/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Login pages. */
#include "manager/api/front.h"

extern const struct page SSO_PAGES[];
