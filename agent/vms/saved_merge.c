/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory fits only to the devices that it was saved with, so the saved domain rules; where disks and networks are, which
 * consoles there are and our metadata come from the new one.
 */
#include <string.h>

#include "agent/vms/domain.h"
#include "agent/vms/save.h"
#include "agent/vms/xml.h"

static xmlNodePtr same(xmlNodePtr devices, xmlNodePtr n, const char *element, const char *attr, struct pool *p)
{
	const char *key = xml_attr(p, xml_child(n, element), attr);

	for (xmlNodePtr o = xml_child(devices, (const char *)n->name); key && o; o = xml_next(o))
		if (xml_attr_is(xml_child(o, element), attr, key))
			return o;
	return NULL;
}

static void take_child(xmlNodePtr to, xmlNodePtr from, const char *name)
{
	xmlNodePtr old = xml_child(to, name), new = xml_child(from, name), copy;

	if (new) {
		copy = xmlDocCopyNode(new, to->doc, 1);
		if (old)
			xmlReplaceNode(old, copy);
		else
			xmlAddChild(to, copy);
		xmlFreeNode(old);
	} else {
		xml_remove(old);
	}
}

static int merge_disks(struct pool *p, xmlNodePtr devices, xmlNodePtr now, struct err *e)
{
	xmlNodePtr next;

	for (xmlNodePtr n = xml_child(devices, "disk"); n; n = next) {
		xmlNodePtr with = same(now, n, "target", "dev", p);
		const char *name = xml_attr(p, xml_child(n, "target"), "dev"), *type;

		next = xml_next(n);
		if (!with && (xml_attr_is(n, "device", "cdrom") || xml_attr_is(n, "device", "floppy"))) {
			domain_disk_set_source(n, NULL, false);
			continue;
		}
		if (!with)
			return err_set(e, ERR_CONFLICT, "the saved machine has a disk %s that it does not have now",
			               name ? name : "");
		type = xml_attr(p, with, "type");
		xml_set(n, "type", type ? type : "file");
		take_child(n, with, "source");
		xml_remove(xml_child(n, "backingStore"));
		xml_remove(xml_child(n, "mirror"));
		type = xml_attr(p, xml_child(with, "driver"), "type");
		if (type && xml_child(n, "driver"))
			xml_set(xml_child(n, "driver"), "type", type);
	}
	return 0;
}

static void merge_cards(struct pool *p, xmlNodePtr devices, xmlNodePtr now)
{
	for (xmlNodePtr n = xml_child(devices, "interface"); n; n = xml_next(n)) {
		xmlNodePtr with = same(now, n, "mac", "address", p);
		const char *type = xml_attr(p, with, "type");

		xml_remove(xml_child(n, "target"));
		if (!with || !type)
			continue;
		xml_set(n, "type", type);
		take_child(n, with, "source");
		take_child(n, with, "link");
		take_child(n, with, "bandwidth");
		take_child(n, with, "filterref");
	}
}

static void merge_consoles(struct pool *p, xmlNodePtr devices, xmlNodePtr now)
{
	for (xmlNodePtr n = xml_child(devices, "graphics"), next; n; n = next) {
		const char *type = xml_attr(p, n, "type");
		xmlNodePtr with = xml_child(now, "graphics"), copy;

		next = xml_next(n);
		while (with && !xml_attr_is(with, "type", type ? type : ""))
			with = xml_next(with);
		if (!with)
			continue;
		copy = xmlDocCopyNode(with, n->doc, 1);
		xmlReplaceNode(n, copy);
		xmlFreeNode(n);
	}
}

int saved_merge(struct pool *p, xmlDocPtr old, xmlDocPtr now, struct err *e)
{
	xmlNodePtr root = xmlDocGetRootElement(old), with = xmlDocGetRootElement(now);
	const char *id = xml_child_content(p, root, "uuid"), *now_id = xml_child_content(p, with, "uuid");

	if (!xml_is(root, "domain") || !id || !now_id || g_ascii_strcasecmp(id, now_id) != 0)
		return err_set(e, ERR_CONFLICT, "what was saved is another machine");
	take_child(root, with, "metadata");
	if (merge_disks(p, xml_child(root, "devices"), xml_child(with, "devices"), e) < 0)
		return -1;
	merge_cards(p, xml_child(root, "devices"), xml_child(with, "devices"));
	merge_consoles(p, xml_child(root, "devices"), xml_child(with, "devices"));
	xml_remove(xml_child(root, "seclabel"));
	return 0;
}
