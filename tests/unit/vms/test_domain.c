/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Domains by pairs of files: tests/data/domain/NAME.json tells VM, devices and host; NAME.xml is what must come out.
 * HOSTLER_UPDATE=1 writes the second from the first. Each is checked against libvirt's schema.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <libxml/parser.h>
#include <libxml/relaxng.h>
#include <libxml/tree.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "manager/vms/domain_xml.h"

static const char *folder;

static void *object(struct pool *p, const struct m_type *t, json_t *j)
{
	g_autofree char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	struct err e = ERR_INIT;
	void *out = NULL;

	if (text && m_from_journal(p, t, text, strlen(text), &out, &e) < 0)
		fail_msg("%s: %s", t->name, e.detail);
	return out;
}

static const char *text_of(json_t *j, const char *key) { return json_string_value(json_object_get(j, key)); }

static void read_disks(struct pool *p, json_t *list, struct domain_spec *s)
{
	json_t *j;
	size_t i;

	s->n_disks = json_array_size(list);
	s->disks = POOL_ARRAY(p, struct domain_disk_spec, s->n_disks + 1);
	json_array_foreach (list, i, j) {
		s->disks[i].disk = object(p, &M_TYPE_disk, json_object_get(j, "disk"));
		s->disks[i].attachment = object(p, &M_TYPE_disk_attachment, json_object_get(j, "attachment"));
		s->disks[i].path = text_of(j, "path");
		domain_path_volume(p, s->disks[i].path, &s->disks[i].ids);
	}
}

static void read_nics(struct pool *p, json_t *list, struct domain_spec *s)
{
	json_t *j;
	size_t i;

	s->n_nics = json_array_size(list);
	s->nics = POOL_ARRAY(p, struct domain_nic_spec, s->n_nics + 1);
	json_array_foreach (list, i, j) {
		s->nics[i].nic = object(p, &M_TYPE_nic, json_object_get(j, "nic"));
		s->nics[i].bridge = text_of(j, "bridge");
		s->nics[i].filter = text_of(j, "filter");
		s->nics[i].mtu = json_integer_value(json_object_get(j, "mtu"));
		s->nics[i].is_mirrored = json_is_true(json_object_get(j, "mirrored"));
	}
}

static void read_spec(struct pool *p, json_t *j, struct domain_spec *s)
{
	json_t *machines = json_object_get(j, "machines");
	const char **list = POOL_ARRAY(p, const char *, json_array_size(machines) + 1);

	for (size_t i = 0; i < json_array_size(machines); i++)
		list[i] = json_string_value(json_array_get(machines, i));
	*s = (struct domain_spec){ .vm = object(p, &M_TYPE_vm, json_object_get(j, "vm")),
		                   .cluster = object(p, &M_TYPE_cluster, json_object_get(j, "cluster")),
		                   .has_kvm = json_is_true(json_object_get(j, "kvm")),
		                   .machines = machines ? list : NULL,
		                   .cd_path = text_of(j, "cd_path"),
		                   .display_network = text_of(j, "display_network"),
		                   .kernel = text_of(j, "kernel"),
		                   .initrd = text_of(j, "initrd"),
		                   .cmdline = text_of(j, "cmdline"),
		                   .is_paused = json_is_true(json_object_get(j, "paused")) };
	domain_path_volume(p, s->cd_path, &s->cd_ids);
	read_disks(p, json_object_get(j, "disks"), s);
	read_nics(p, json_object_get(j, "nics"), s);
}

#define SCHEMA "/usr/share/libvirt/schemas/domain.rng"

/* Against libvirt's own schema, on machines that have it. */
static void validate(const char *name, const char *xml)
{
	xmlRelaxNGParserCtxtPtr parser =
	    g_file_test(SCHEMA, G_FILE_TEST_EXISTS) ? xmlRelaxNGNewParserCtxt(SCHEMA) : NULL;
	xmlRelaxNGPtr schema = parser ? xmlRelaxNGParse(parser) : NULL;
	xmlRelaxNGValidCtxtPtr ctx = schema ? xmlRelaxNGNewValidCtxt(schema) : NULL;
	g_autoptr(GString) text = g_string_new(xml);
	xmlDocPtr doc;

	g_string_replace(text, DOMAIN_NO_NETWORK, "none", 0); /* which only libvirt's parser takes */
	doc = xmlReadMemory(text->str, (int)text->len, name, NULL, XML_PARSE_NONET);
	assert_non_null(doc);
	if (ctx && xmlRelaxNGValidateDoc(ctx, doc) != 0)
		fail_msg("%s is no valid domain", name);
	xmlFreeDoc(doc);
	xmlRelaxNGFreeValidCtxt(ctx);
	xmlRelaxNGFree(schema);
	xmlRelaxNGFreeParserCtxt(parser);
}

static void check_pair(const char *name)
{
	g_autofree char *in = g_strdup_printf("%s/%s.json", folder, name),
	                *out = g_strdup_printf("%s/%s.xml", folder, name);
	g_autofree char *expected = NULL;
	auto_pool p = pool_new();
	auto_json *j = NULL;
	struct domain_spec s;
	json_error_t je;
	struct err e = ERR_INIT;
	char *xml;

	j = json_load_file(in, 0, &je);
	if (!j)
		fail_msg("%s: %s", in, je.text);
	read_spec(p, j, &s);
	xml = domain_xml(p, &s, &e);
	if (!xml)
		fail_msg("%s: %s", name, e.detail);
	xml = pool_printf(p, "%s\n", xml);
	if (getenv("HOSTLER_UPDATE"))
		g_file_set_contents(out, xml, -1, NULL);
	assert_true(g_file_get_contents(out, &expected, NULL, NULL));
	assert_string_equal(xml, expected);
	validate(name, xml);
}

static void test_pairs(void **state)
{
	GDir *d = g_dir_open(folder, 0, NULL);
	const char *name;
	int n = 0;

	assert_non_null(d);
	while ((name = g_dir_read_name(d)))
		if (g_str_has_suffix(name, ".json")) {
			g_autofree char *stem = g_strndup(name, strlen(name) - 5);
			check_pair(stem);
			n++;
		}
	g_dir_close(d);
	assert_true(n > 0);
}

static xmlDocPtr parse(const char *text)
{
	xmlDocPtr doc = xmlReadMemory(text, (int)strlen(text), "plug", NULL, XML_PARSE_NONET);

	assert_non_null(doc);
	return doc;
}

static void test_plug_documents(void **state)
{
	auto_pool p = pool_new();
	struct m_mac mac = { .address = (char *)"56:6f:00:00:00:01" };
	struct m_nic nic = { .id = (char *)"11111111-2222-3333-4444-555555555555", .mac = &mac };
	struct m_disk disk = { .id = (char *)"21111111-2222-3333-4444-555555555555" };
	struct m_disk_attachment a = { .interface = M_DISK_INTERFACE_VIRTIO };
	struct domain_nic_spec n = { .nic = &nic, .bridge = "a<&\"b" };
	struct domain_disk_spec d = { .disk = &disk,
		                      .attachment = &a,
		                      .target = "vdb",
		                      .path =
		                          "/rhev/data-center/31111111-2222-3333-4444-555555555555/"
		                          "41111111-2222-3333-4444-555555555555/images/"
		                          "21111111-2222-3333-4444-555555555555/51111111-2222-3333-4444-555555555555" };
	char *text = domain_nic_plug_xml(p, &n);

	xmlFreeDoc(parse(text));
	assert_non_null(strstr(text, "ua-11111111-2222-3333-4444-555555555555"));
	assert_non_null(strstr(text, "<ovirt-vm:device mac_address=\"56:6f:00:00:00:01\">"));
	assert_true(domain_path_volume(p, d.path, &d.ids));
	text = domain_disk_plug_xml(p, &d);
	xmlFreeDoc(parse(text));
	assert_non_null(strstr(text, "<ovirt-vm:volumeID>51111111-2222-3333-4444-555555555555</ovirt-vm:volumeID>"));
}

static void test_no_path_no_volume(void **state)
{
	auto_pool p = pool_new();
	struct volume_ids ids = { 0 };

	assert_false(domain_path_volume(p, NULL, &ids));
	assert_false(domain_path_volume(p, "", &ids));
	assert_false(domain_path_volume(p, "/a/b/images/c/d", &ids));
}

static bool first_only(void *arg, const char *name) { return strcmp(name, arg) <= 0 && strlen(name) == 3; }

static void test_target_names(void **state)
{
	auto_pool p = pool_new();

	assert_string_equal(domain_free_target(p, "vd", first_only, (void *)"vda"), "vdb");
	assert_string_equal(domain_free_target(p, "sd", first_only, (void *)"sdb"), "sdd"); /* sdc is the CD drive's */
	assert_string_equal(domain_free_target(p, "vd", first_only, (void *)"vdz"), "vdaa");
}

static void test_spice_is_refused(void **state)
{
	auto_pool p = pool_new();
	struct m_display d = { .type = M_DISPLAY_TYPE_SPICE };
	struct m_vm vm = { .id = (char *)"11111111-2222-3333-4444-555555555555", .name = (char *)"x", .display = &d };
	struct domain_spec s = { .vm = &vm };
	struct err e = ERR_INIT;

	M_SET(&vm, memory, 1 << 28);
	assert_null(domain_xml(p, &s, &e));
	assert_int_equal(e.code, ERR_UNSUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_plug_documents),
		cmocka_unit_test(test_no_path_no_volume),
		cmocka_unit_test(test_target_names),
		cmocka_unit_test(test_spice_is_refused),
	};

	folder = getenv("HOSTLER_DOMAINS");
	if (!folder)
		folder = "tests/data/domain";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
