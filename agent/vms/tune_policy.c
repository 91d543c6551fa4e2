/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/vms/tune_policy.h"

#include <glib.h>
#include <string.h>

#include "agent/vms/xml.h"

const char *const TUNE_NUMBERS[] = { "total_bytes_sec",
	                             "read_bytes_sec",
	                             "write_bytes_sec",
	                             "total_iops_sec",
	                             "read_iops_sec",
	                             "write_iops_sec",
	                             NULL };

enum { MAX_LIMITED_DISKS = 256 };

static bool number_of(const char *text, gint64 *out)
{
	return text && g_ascii_string_to_signed(text, 10, 0, G_MAXINT64 / 2, out, NULL);
}

static json_t *read_numbers(struct pool *p, xmlNodePtr n)
{
	json_t *out = json_object();
	gint64 v;

	for (const char *const *name = TUNE_NUMBERS; *name; name++)
		json_object_set_new(out, *name, json_integer(number_of(xml_child_content(p, n, *name), &v) ? v : 0));
	return out;
}

static json_t *read_device(struct pool *p, xmlNodePtr n)
{
	json_t *out = json_object();
	const char *name = xml_attr(p, n, "name"), *path = xml_attr(p, n, "path");

	if (name)
		json_object_set_new(out, "name", json_string(name));
	if (path)
		json_object_set_new(out, "path", json_string(path));
	json_object_set_new(out, "maximum", read_numbers(p, xml_child(n, "maximum")));
	json_object_set_new(out, "guaranteed", read_numbers(p, xml_child(n, "guaranteed")));
	return out;
}

json_t *tune_policy_read(xmlNodePtr qos)
{
	auto_pool p = pool_new();
	json_t *out = json_object(), *list = json_array();
	gint64 limit;

	if (number_of(xml_child_content(p, qos, "vcpuLimit"), &limit) && limit > 0 && limit <= 100)
		json_object_set_new(out, "vcpuLimit", json_integer(limit));
	for (xmlNodePtr n = xml_child(xml_child(qos, "ioTune"), "device");
	     n && json_array_size(list) < MAX_LIMITED_DISKS; n = xml_next(n))
		json_array_append_new(list, read_device(p, n));
	json_object_set_new(out, "ioTune", list);
	return out;
}

json_t *tune_policy_of_domain(const char *xml)
{
	struct err e = ERR_INIT;
	auto_xml doc = xml ? xml_parse(xml, &e) : NULL;

	return tune_policy_read(
	    doc ? xml_child_ns(xml_child(xmlDocGetRootElement(doc), "metadata"), "qos", OVIRT_TUNE_URI) : NULL);
}

static void write_numbers(xmlNodePtr device, const char *name, const json_t *numbers)
{
	xmlNodePtr n = xml_add(device, name, NULL);

	for (const char *const *k = TUNE_NUMBERS; *k; k++) {
		g_autofree char *text =
		    g_strdup_printf("%" G_GINT64_FORMAT, (gint64)json_integer_value(json_object_get(numbers, *k)));

		xml_add(n, *k, text);
	}
}

char *tune_policy_write(struct pool *p, const json_t *policy)
{
	auto_xml doc = xmlNewDoc((const xmlChar *)"1.0");
	xmlNodePtr root = xmlNewDocNode(doc, NULL, (const xmlChar *)"qos", NULL), io, n;
	const json_t *limit = json_object_get(policy, "vcpuLimit"), *list = json_object_get(policy, "ioTune");
	g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, (gint64)json_integer_value(limit));

	xmlDocSetRootElement(doc, root);
	if (limit)
		xml_add(root, "vcpuLimit", text);
	io = json_array_size(list) ? xml_add(root, "ioTune", NULL) : NULL;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *d = json_array_get(list, i);
		const char *name = json_string_value(json_object_get(d, "name")),
		           *path = json_string_value(json_object_get(d, "path"));

		n = xml_add(io, "device", NULL);
		if (name)
			xml_set(n, "name", name);
		if (path)
			xml_set(n, "path", path);
		write_numbers(n, "maximum", json_object_get(d, "maximum"));
		write_numbers(n, "guaranteed", json_object_get(d, "guaranteed"));
	}
	return xml_text_of(p, doc, root);
}

json_t *tune_numbers_check(json_t *numbers, const char *what, struct err *e)
{
	json_t *out = json_object();

	for (const char *const *k = TUNE_NUMBERS; *k; k++) {
		json_t *v = json_object_get(numbers, *k);
		gint64 n = json_integer_value(v);

		if (json_is_string(v) ? !number_of(json_string_value(v), &n)
		                      : (v && !json_is_null(v) && !json_is_integer(v)) || n < 0 || n > G_MAXINT64 / 2) {
			json_decref(out);
			err_field(e, ERR_INVALID, what, "parameter %s: %s must be a number from 0 on", what, *k);
			return NULL;
		}
		json_object_set_new(out, *k, json_integer(n));
	}
	return out;
}
