/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Links of the API's root document: where clients begin. */
#include <glib.h>
#include <stdbool.h>

/* Put them into a document of type api that was written to out from position at on. */
void root_links_insert(GString *out, gsize at, const char *base, bool is_json);
/* Value of the Link header: "<https://host/ovirt-engine/api/vms>; rel=vms,..." origin is "https://host:port". */
char *root_links_header(const char *origin, const char *base);
