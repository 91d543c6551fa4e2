/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "manager/api/front.h"

extern const struct page SERVICE_PAGES[], PORTAL_PAGES[], SEARCH_PAGES[], DASHBOARD_PAGES[];

/* GET hostler/jobs */
void jobs_page(struct page_call *pc);
