/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_test.h"

#include "agent/vms/domain.h"
#include "agent/vms/xml.h"

#define ID   "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
#define SD   "11111111-1111-4111-8111-111111111111"
#define IMG  "22222222-2222-4222-8222-222222222222"
#define VOL  "33333333-3333-4333-8333-333333333333"
#define HEAD "<domain type='kvm'><name>a</name><uuid>" ID "</uuid><memory unit='MiB'>128</memory>"
#define META "<metadata xmlns:ovirt-vm='" OVIRT_VM_URI "'><ovirt-vm:vm>"
#define DOMAIN                                                                                                         \
	HEAD META "<ovirt-vm:launchPaused type='bool'>true</ovirt-vm:launchPaused>"                                    \
	          "<ovirt-vm:minGuaranteedMemoryMb type='int'>64</ovirt-vm:minGuaranteedMemoryMb>"                     \
	          "<ovirt-vm:device devtype='disk' name='sda'><ovirt-vm:poolID>" SD                                    \
	          "</ovirt-vm:poolID><ovirt-vm:domainID>" SD "</ovirt-vm:domainID><ovirt-vm:imageID>" IMG              \
	          "</ovirt-vm:imageID><ovirt-vm:volumeID>" VOL "</ovirt-vm:volumeID>"                                  \
	          "</ovirt-vm:device></ovirt-vm:vm></metadata><vcpu current='2'>4</vcpu>"                              \
	          "<sysinfo type='smbios'><system><entry name='product'>OS-NAME:</entry><entry "                       \
	          "name='x'>keep</entry></system></sysinfo>"                                                           \
	          "<os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/><hyperv><relaxed "            \
	          "state='on'/></hyperv></features>"                                                                   \
	          "<cpu mode='host-passthrough' check='none'><feature name='svm' policy='require'/><topology "         \
	          "sockets='1' cores='4' threads='1'/></cpu>"                                                          \
	          "<clock offset='utc'><timer name='kvmclock'/><timer name='rtc'/></clock>"                            \
	          "<devices><disk type='file' device='disk'><source file='/a'/><target dev='sda' "                     \
	          "bus='scsi'/></disk>"                                                                                \
	          "<disk type='file' device='disk'><source file='/rhev/data-center/p/" SD "/images/" IMG "/" VOL       \
	          "'/><target dev='vda' bus='virtio'/></disk>"                                                         \
	          "<disk type='file' device='cdrom'><target dev='sdc' bus='sata'/></disk>"                             \
	          "<interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='b'/><link "              \
	          "state='down'/></interface>"                                                                         \
	          "<graphics type='vnc' port='-1'><listen type='network' network='vdsm-blue'/></graphics>"             \
	          "<channel type='unix'><source mode='bind' path='/nowhere/x.sock'/><target type='virtio' "            \
	          "name='org.qemu.guest_agent.0' state='connected'/></channel>"                                        \
	          "<console type='unix'><source mode='bind' path='/nowhere/c.sock'/></console></devices></domain>"

static void reads(void **unused)
{
	auto_pool p = pool_new();
	struct err e = ERR_INIT;
	struct domain *d, *again;

	assert_int_equal(domain_read(p, DOMAIN, &d, &e), 0);
	assert_string_equal(d->name, "a");
	assert_int_equal(d->mem_kib, 128 * 1024);
	assert_int_equal(d->vcpus, 2);
	assert_int_equal(d->max_vcpus, 4);
	assert_true(d->is_ours && d->has_agent_channel && d->is_agent_connected);
	assert_true(domain_meta_bool(d, "launchPaused", false));
	assert_int_equal(domain_meta_int(d, "minGuaranteedMemoryMb", 0), 64);
	assert_int_equal(d->n_disks, 3);
	for (int i = 0; i < 2; i++) { /* by metadata, and by the path */
		assert_string_equal(d->disks[i].domain_id, SD);
		assert_string_equal(d->disks[i].image_id, IMG);
		assert_string_equal(d->disks[i].volume_id, VOL);
	}
	assert_null(d->disks[2].path);
	assert_true(d->nics[0].is_link_down);
	assert_int_equal(domain_read(p, DOMAIN, &again, &e), 0);
	assert_int_equal(d->hash, again->hash);
}

static void refuses(void **unused)
{
	static const char *const BAD[] = {
		"",
		"<",
		"<a/>",
		"<domain/>",
		HEAD,
		"<domain><name>a</name><uuid>x</uuid></domain>",
		"<!DOCTYPE d [<!ENTITY x 'y'>]><domain><name>&x;</name><uuid>" ID "</uuid></domain>",
		"<domain><uuid>" ID "</uuid><name></name></domain>",
	};

	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		auto_pool p = pool_new();
		struct err e = ERR_INIT;
		struct domain *d;

		if (domain_read(p, BAD[i], &d, &e) != -1)
			fail_msg("%s", BAD[i]);
	}
}

static const char *address_of(void *arg, const char *network)
{
	return strcmp(network, "blue") == 0 ? "10.0.0.5" : NULL;
}

static bool no_directory(void *arg, const char *path) { return false; }

static const char *filled(struct pool *p, const char *xml, bool is_emulated)
{
	const struct domain_fill f = { .is_emulated = is_emulated,
		                       .os_name = "Debian & more",
		                       .os_version = "12",
		                       .host_serial = "s",
		                       .display_address = "0.0.0.0",
		                       .network_address = address_of,
		                       .directory_exists = no_directory,
		                       .start_time_s = 42 };
	struct err e = ERR_INIT;
	auto_xml doc = xml_parse(xml, &e);

	assert_non_null(doc);
	assert_int_equal(domain_fill(doc, &f, &e), 0);
	return xml_text_of(p, doc, NULL);
}

static void fills(void **unused)
{
	auto_pool p = pool_new();
	const char *kvm = filled(p, DOMAIN, false), *tcg = filled(p, DOMAIN, true);
	static const char *const IN_BOTH[] = { ">Debian &amp; more<", ">keep<", "address=\"10.0.0.5\"",
		                               "startTime type=\"float\">42<", "type=\"pty\"" };
	static const char *const ONLY_KVM[] = { "type=\"kvm\"", "hyperv", "kvmclock", "host-passthrough", "svm" };
	static const char *const ONLY_TCG[] = { "type=\"qemu\"", "tb-cache", "mode=\"maximum\"" };

	for (size_t i = 0; i < sizeof(IN_BOTH) / sizeof(IN_BOTH[0]); i++)
		if (!strstr(kvm, IN_BOTH[i]) || !strstr(tcg, IN_BOTH[i]))
			fail_msg("%s not in %s", IN_BOTH[i], kvm);
	for (size_t i = 0; i < sizeof(ONLY_KVM) / sizeof(ONLY_KVM[0]); i++)
		if (!strstr(kvm, ONLY_KVM[i]) || strstr(tcg, ONLY_KVM[i]))
			fail_msg("%s: %s", ONLY_KVM[i], tcg);
	for (size_t i = 0; i < sizeof(ONLY_TCG) / sizeof(ONLY_TCG[0]); i++)
		if (strstr(kvm, ONLY_TCG[i]) || !strstr(tcg, ONLY_TCG[i]))
			fail_msg("%s: %s", ONLY_TCG[i], tcg);
	assert_null(strstr(kvm, "/nowhere"));
	assert_null(strstr(kvm, "vdsm-blue"));
	assert_non_null(strstr(filled(p, HEAD "</domain>", false), OVIRT_VM_URI)); /* marked as ours */
}

static void refuses_leases(void **unused)
{
	const struct domain_fill f = { .display_address = "x" };
	struct err e = ERR_INIT;
	auto_xml doc = xml_parse(HEAD "<devices><lease><target path='LEASE-PATH:a:b' "
	                              "offset='LEASE-OFFSET:a:b'/></lease></devices></domain>",
	                         &e);

	assert_int_equal(domain_fill(doc, &f, &e), -1);
	assert_int_equal(e.agent_code, 75);
}

static void edits_metadata(void **unused)
{
	auto_pool p = pool_new();
	struct err e = ERR_INIT;
	const struct domain_meta set[] = { { "exitCode", "1" }, { "exitMessage", "a < b" } },
	                         unset[] = { { "exitCode", NULL } };
	auto_xml device =
	    xml_parse("<x xmlns:ovirt-vm='" OVIRT_VM_URI
	              "'><ovirt-vm:device devtype='disk' name='vda'><ovirt-vm:v>2</ovirt-vm:v></ovirt-vm:device></x>",
	              &e);
	xmlNodePtr node = xml_first(xmlDocGetRootElement(device));
	char *text;

	assert_int_equal(domain_meta_edit(p, NULL, set, 2, &text, &e), 0);
	assert_string_equal(text, "<vm><exitCode type=\"int\">1</exitCode><exitMessage>a &lt; b</exitMessage></vm>");
	assert_int_equal(domain_meta_edit(p, text, unset, 1, &text, &e), 0);
	assert_string_equal(text, "<vm><exitMessage>a &lt; b</exitMessage></vm>");
	assert_int_equal(domain_meta_put_device(p,
	                                        "<vm><device devtype=\"disk\" name=\"vda\"><v>1</v></device><device "
	                                        "devtype=\"disk\" name=\"vdb\"/></vm>",
	                                        node, false, &text, &e),
	                 0);
	assert_string_equal(text, "<vm><device devtype=\"disk\" name=\"vdb\"/><device devtype=\"disk\" "
	                          "name=\"vda\"><v>2</v></device></vm>");
	assert_int_equal(domain_meta_put_device(p, text, node, true, &text, &e), 0);
	assert_string_equal(text, "<vm><device devtype=\"disk\" name=\"vdb\"/></vm>");
}

static void sets_sources(void **unused)
{
	auto_pool p = pool_new();
	struct err e = ERR_INIT;
	auto_xml doc = xml_parse("<disk type='network'><source protocol='rbd' name='x'/></disk>", &e);
	xmlNodePtr disk = xmlDocGetRootElement(doc);

	domain_disk_set_source(disk, "/dev/x", true);
	assert_string_equal(xml_text_of(p, doc, disk), "<disk type=\"block\"><source dev=\"/dev/x\"/></disk>");
	domain_disk_set_source(disk, "/f", false);
	assert_string_equal(xml_text_of(p, doc, disk), "<disk type=\"file\"><source file=\"/f\"/></disk>");
	domain_disk_set_source(disk, NULL, false);
	assert_string_equal(xml_text_of(p, doc, disk), "<disk type=\"file\"/>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),          cmocka_unit_test(refuses),        cmocka_unit_test(fills),
		cmocka_unit_test(refuses_leases), cmocka_unit_test(edits_metadata), cmocka_unit_test(sets_sources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
