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
#include "manager/core/tables.h"
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
		s->disks[i].qos = object(p, &M_TYPE_qos, json_object_get(j, "qos"));
		s->disks[i].cache = text_of(j, "cache");
		s->disks[i].is_block = json_is_true(json_object_get(j, "block"));
		s->disks[i].io_thread = (int)json_integer_value(json_object_get(j, "io_thread"));
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
		s->nics[i].qos = object(p, &M_TYPE_qos, json_object_get(j, "qos"));
		s->nics[i].profile = object(p, &M_TYPE_vnic_profile, json_object_get(j, "profile"));
		s->nics[i].queues = (int)json_integer_value(json_object_get(j, "queues"));
	}
}

static void read_payloads(struct pool *p, json_t *list, struct domain_spec *s)
{
	json_t *j, *content;
	const char *path;
	size_t i;

	s->n_payloads = json_array_size(list);
	s->payloads = POOL_ARRAY(p, struct domain_payload, s->n_payloads + 1);
	json_array_foreach (list, i, j) {
		struct domain_payload *pl = &s->payloads[i];

		pl->is_floppy = json_is_true(json_object_get(j, "floppy"));
		pl->label = text_of(j, "label");
		pl->files =
		    POOL_ARRAY(p, struct domain_payload_file, json_object_size(json_object_get(j, "files")) + 1);
		json_object_foreach (json_object_get(j, "files"), path, content) {
			struct domain_payload_file *f = &pl->files[pl->n_files++];

			f->path = path;
			f->data = json_string_value(content);
			f->size = json_string_length(content);
		}
	}
}

static void read_hostdevs(struct pool *p, json_t *list, struct domain_spec *s)
{
	json_t *j;
	size_t i;

	s->n_hostdevs = json_array_size(list);
	s->hostdevs = POOL_ARRAY(p, struct domain_hostdev_spec, s->n_hostdevs + 1);
	json_array_foreach (list, i, j) {
		json_t *at = json_object_get(j, "address");

		s->hostdevs[i].name = text_of(j, "name");
		s->hostdevs[i].kind = (enum domain_hostdev_kind)json_integer_value(json_object_get(j, "kind"));
		for (size_t k = 0; k < 4; k++)
			s->hostdevs[i].address[k] = (unsigned)json_integer_value(json_array_get(at, k));
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
		                   .flags = text_of(j, "flags"),
		                   .has_plain_spice = json_is_true(json_object_get(j, "plain_spice")),
		                   .cpu_qos = object(p, &M_TYPE_qos, json_object_get(j, "cpu_qos")),
		                   .is_paused = json_is_true(json_object_get(j, "paused")) };
	domain_path_volume(p, s->cd_path, &s->cd_ids);
	read_disks(p, json_object_get(j, "disks"), s);
	read_nics(p, json_object_get(j, "nics"), s);
	read_payloads(p, json_object_get(j, "payloads"), s);
	read_hostdevs(p, json_object_get(j, "hostdevs"), s);
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

	g_string_replace(text, DOMAIN_NO_NETWORK, "none", 0);       /* which only libvirt's parser takes */
	g_string_replace(text, "\"*PAYLOAD:\"", "\"/payload\"", 0); /* which the agent replaces */
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

/* T801: the six processors of the first releases, word by word. */
static void test_classic_processors(void **state)
{
	static const struct {
		const char *type, *model, *vendor;
		int family, number, stepping, level;
		unsigned xlevel;
		const char *ecx, *extecx;
	} WANT[] = {
		{ "AMD Opteron G1", "Opteron_G1", "AuthenticAMD", 15, 6, 1, 5, 0x80000008, "x2apic pni|sse3", "" },
		{ "AMD Opteron G2", "Opteron_G2", "AuthenticAMD", 15, 6, 1, 5, 0x80000008, "x2apic cx16 pni|sse3",
		  "svm lahf_lm" },
		{ "AMD Opteron G3", "Opteron_G3", "AuthenticAMD", 15, 6, 1, 5, 0x80000008,
		  "popcnt x2apic cx16 monitor pni|sse3", "misalignsse sse4a abm svm lahf_lm" },
		{ "Intel Xeon Core2", "Conroe", "GenuineIntel", 6, 15, 3, 2, 0x8000000a, "x2apic ssse3 pni|sse3",
		  "lahf_lm" },
		{ "Intel Xeon 45nm Core2", "Penryn", "GenuineIntel", 6, 23, 3, 2, 0x8000000a,
		  "x2apic sse4.1|sse4_1 cx16 ssse3 pni|sse3", "lahf_lm" },
		{ "Intel Xeon Core i7", "Nehalem", "GenuineIntel", 6, 26, 3, 2, 0x8000000a,
		  "popcnt x2apic sse4.2|sse4_2 sse4.1|sse4_1 cx16 ssse3 pni|sse3", "lahf_lm" },
	};
	size_t n = 0;

	for (const struct classic_cpu *c = CLASSIC_CPUS; c->type; c++, n++) {
		assert_true(n < G_N_ELEMENTS(WANT));
		assert_string_equal(c->type, WANT[n].type);
		assert_string_equal(c->model, WANT[n].model);
		assert_string_equal(c->vendor, WANT[n].vendor);
		assert_int_equal(c->family, WANT[n].family);
		assert_int_equal(c->model_number, WANT[n].number);
		assert_int_equal(c->stepping, WANT[n].stepping);
		assert_int_equal(c->level, WANT[n].level);
		assert_int_equal(c->xlevel, WANT[n].xlevel);
		assert_string_equal(c->feature_ecx, WANT[n].ecx);
		assert_string_equal(c->extfeature_ecx, WANT[n].extecx);
		assert_true(g_str_has_prefix(c->feature_edx, "sse2 sse fxsr mmx clflush"));
		assert_non_null(strstr(c->feature_ecx, "x2apic")); /* T800 */
	}
	assert_int_equal(n, G_N_ELEMENTS(WANT));
}

/* T792, T794-T799: a cluster's type is the model of its domains; S100: newer families too. */
static void test_cluster_types(void **state)
{
	static const char *const PAIRS[][2] = {
		{ "AMD Opteron G1", "Opteron_G1" },  { "AMD Opteron G2", "Opteron_G2" },
		{ "AMD Opteron G3", "Opteron_G3" },  { "Intel Xeon Core2", "Conroe" },
		{ "Intel Conroe Family", "Conroe" }, { "Intel Xeon 45nm Core2", "Penryn" },
		{ "Intel Xeon Core i7", "Nehalem" }, { "Secure Intel Nehalem Family", "Nehalem,+spec-ctrl,+ssbd" },
		{ "AMD EPYC-Milan", "EPYC-Milan" },
	};
	struct m_cpu cpu = { 0 };
	struct m_cluster cl = { .cpu = &cpu };

	for (size_t i = 0; i < G_N_ELEMENTS(PAIRS); i++) {
		cpu.type = (char *)PAIRS[i][0];
		assert_string_equal(domain_cluster_cpu(&cl, 8), PAIRS[i][1]);
	}
	cpu.type = (char *)"Intel Skylake Client Family"; /* the same name, other contents from a level on */
	assert_string_equal(domain_cluster_cpu(&cl, 2), "Skylake-Client");
	assert_string_equal(domain_cluster_cpu(&cl, 8), "Skylake-Client,-hle,-rtm,-mpx");
	cpu.type = (char *)"Zilog Z80";
	assert_null(domain_cluster_cpu(&cl, 8));
}

static void test_consoles_of_a_vm(void **state)
{
	struct m_display d = { .type = M_DISPLAY_TYPE_SPICE };
	enum m_graphics_type both[] = { M_GRAPHICS_TYPE_SPICE, M_GRAPHICS_TYPE_VNC }, out[2];
	struct m_vm vm = { .display = &d };

	assert_int_equal(domain_graphics(&vm, out), 1);
	assert_int_equal(out[0], M_GRAPHICS_TYPE_SPICE);
	vm.graphics.v = both;
	vm.graphics.n = 2;
	assert_int_equal(domain_graphics(&vm, out), 2);
	vm.graphics.n = 0; /* given, but none: headless */
	assert_int_equal(domain_graphics(&vm, out), 0);
	vm.graphics.v = NULL;
	vm.display = NULL;
	assert_int_equal(domain_graphics(&vm, out), 0);
}

static void test_choices_by_chipset(void **state)
{
	auto_pool p = pool_new();

	assert_string_equal(domain_os_choice(p, "ich6,q35/ich9", true), "ich9");
	assert_string_equal(domain_os_choice(p, "ich6,q35/ich9", false), "ich6");
	assert_string_equal(domain_os_choice(p, "ac97", true), "ac97");
	assert_null(domain_os_choice(p, "", true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_plug_documents),
		cmocka_unit_test(test_no_path_no_volume),
		cmocka_unit_test(test_target_names),
		cmocka_unit_test(test_classic_processors),
		cmocka_unit_test(test_cluster_types),
		cmocka_unit_test(test_consoles_of_a_vm),
		cmocka_unit_test(test_choices_by_chipset),
	};

	folder = getenv("HOSTLER_DOMAINS");
	if (!folder)
		folder = "tests/data/domain";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
