/* SPDX-License-Identifier: Apache-2.0 */
/* Domain XML as it comes from a Manager or from libvirt, hot plug documents and metadata. */
#include <glib.h>
#include <stdint.h>
#include <string.h>

#include "agent/vms/domain.h"
#include "agent/vms/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool nothing_exists(void *arg, const char *path) { return false; }

static void fill(const char *text, bool is_emulated)
{
	const struct domain_fill f = { .is_emulated = is_emulated,
		                       .os_name = "os",
		                       .os_version = "1",
		                       .host_serial = "s",
		                       .display_address = "::",
		                       .directory_exists = nothing_exists };
	auto_pool p = pool_new();
	struct err e = ERR_INIT;
	auto_xml doc = xml_parse(text, &e);
	struct domain *d;

	if (!doc || domain_read_doc(p, doc, &d, &e) < 0 || domain_fill(doc, &f, &e) < 0)
		return;
	/* what was filled in can be read again */
	if (domain_read(p, xml_text_of(p, doc, NULL), &d, &e) < 0)
		g_error("not readable after filling: %s", e.detail);
	if (!d->is_ours)
		g_error("not marked as ours");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);
	const struct domain_meta values[] = { { "exitCode", "1" }, { "gone", NULL } };
	auto_pool p = pool_new();
	struct err e = ERR_INIT;
	auto_xml doc = xml_parse(text, &e);
	char *out;

	fill(text, false);
	fill(text, true);
	if (domain_meta_edit(p, text, values, 2, &out, &e) == 0 && domain_meta_edit(p, out, values, 2, &out, &e) < 0)
		g_error("metadata not readable after a change");
	if (doc)
		domain_meta_put_device(p, text, xmlDocGetRootElement(doc), false, &out, &e);
	return 0;
}
