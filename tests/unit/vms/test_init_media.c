/* SPDX-License-Identifier: Apache-2.0 */
/* Media for first starts: what is on them, and what is refused. */
#include <jansson.h>
#include <libxml/parser.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <glib.h>

#include "manager/vms/init_int.h"

static struct m_vm VM = { .id = (char *)"123e4567-e89b-12d3-a456-426614174000", .name = (char *)"web1" };

static const char *text_of(struct domain_payload *l, const char *path)
{
	for (size_t i = 0; i < l->n_files; i++)
		if (strcmp(l->files[i].path, path) == 0) {
			assert_int_equal(l->files[i].size, strlen(l->files[i].data));
			return l->files[i].data;
		}
	return NULL;
}

static struct domain_payload *made(struct pool *p, const struct m_initialization *init, enum init_kind kind)
{
	struct domain_payload *list;
	struct err e = ERR_INIT;
	size_t n;

	if (init_media(p, &VM, init, kind, &list, &n, &e) < 0)
		fail_msg("%s", e.detail);
	assert_int_equal(n, 1);
	return list;
}

static void refused(const struct m_initialization *init, enum init_kind kind, const char *field)
{
	auto_pool p = pool_new();
	struct domain_payload *list;
	struct err e = ERR_INIT;
	size_t n;

	assert_int_equal(init_media(p, &VM, init, kind, &list, &n, &e), -1);
	assert_string_equal(e.field, field);
}

static void cloud_init_tells_all(void **state)
{
	auto_pool p = pool_new();
	struct m_ip v4 = { .address = (char *)"10.1.2.3",
		           .netmask = (char *)"255.255.255.0",
		           .gateway = (char *)"10.1.2.1" };
	struct m_ip v6 = { .address = (char *)"2001:db8::5", .netmask = (char *)"64" };
	struct m_nic_configuration nic = { .name = (char *)"eth0",
		                           .ip = &v4,
		                           .ipv6 = &v6,
		                           .boot_protocol = M_BOOT_PROTOCOL_STATIC,
		                           .ipv6_boot_protocol = M_BOOT_PROTOCOL_STATIC },
	                           *nics[] = { &nic };
	struct m_initialization init = { .host_name = (char *)"web.example.com",
		                         .user_name = (char *)"joe",
		                         .root_password = (char *)"secret \"x\"",
		                         .authorized_ssh_keys = (char *)"ssh-rsa AAA a@b\nssh-rsa BBB c@d\n",
		                         .dns_servers = (char *)"1.1.1.1 2001:db8::1",
		                         .timezone = (char *)"Europe/Berlin",
		                         .custom_script = (char *)"runcmd:\n- echo hi\n- [ls, /]\nwrite_files:\n  - "
		                                                  "path: /x\n    content: |\n      it's { not: yaml\n",
		                         .nic_configurations = { nics, 1 } };
	struct domain_payload *l = made(p, &init, INIT_CLOUD_INIT);
	const char *user = text_of(l, "openstack/latest/user_data"),
	           *net = text_of(l, "openstack/latest/network_data.json");
	json_t *meta = json_loads(text_of(l, "openstack/latest/meta_data.json"), 0, NULL),
	       *j = json_loads(net, 0, NULL);

	assert_string_equal(l->label, "config-2");
	assert_false(l->is_floppy);
	assert_string_equal(json_string_value(json_object_get(meta, "hostname")), "web.example.com");
	assert_string_equal(json_string_value(json_object_get(json_object_get(meta, "public_keys"), "mykey")),
	                    "ssh-rsa AAA a@b");
	assert_true(g_str_has_prefix(user, "#cloud-config\n"));
	assert_non_null(strstr(user, "password: \"$6$"));
	assert_null(strstr(user, "secret"));
	assert_non_null(strstr(user, "user: \"joe\"\n"));
	assert_non_null(strstr(user, "  - \"ssh-rsa BBB c@d\"\n"));
	assert_non_null(strstr(user, "\nruncmd:\n- echo hi\n"));
	assert_non_null(strstr(net, "10.1.2.1"));
	assert_non_null(strstr(net, "2001:db8::5/64"));
	assert_int_equal(json_array_size(json_object_get(j, "networks")), 2);
	assert_int_equal(json_array_size(json_object_get(j, "services")), 2);
	json_decref(meta);
	json_decref(j);
}

static struct m_custom_property SOURCE = { .name = (char *)"cloud_init_source" }, *PROPERTIES[] = { &SOURCE };

static void set_source(const char *value)
{
	SOURCE.value = (char *)value;
	VM.custom_properties.v = value ? PROPERTIES : NULL;
	VM.custom_properties.n = value != NULL;
}

static void nocloud_tells_the_same(void **state)
{
	auto_pool p = pool_new();
	struct m_ip v4 = { .address = (char *)"10.1.2.3",
		           .netmask = (char *)"255.255.255.0",
		           .gateway = (char *)"10.1.2.1" };
	struct m_nic_configuration a = { .name = (char *)"eth0",
		                         .ip = &v4,
		                         .boot_protocol = M_BOOT_PROTOCOL_STATIC,
		                         .ipv6_boot_protocol = M_BOOT_PROTOCOL_AUTOCONF },
	                           b = { .name = (char *)"eth1", .boot_protocol = M_BOOT_PROTOCOL_DHCP },
	                           *nics[] = { &a, &b };
	struct m_initialization init = { .host_name = (char *)"web.example.com",
		                         .authorized_ssh_keys = (char *)"ssh-rsa AAA a@b\nssh-rsa BBB c@d\n",
		                         .dns_servers = (char *)"1.1.1.1",
		                         .dns_search = (char *)"example.com",
		                         .custom_script = (char *)"runcmd:\n- echo hi\n",
		                         .nic_configurations = { nics, 2 } };
	struct domain_payload *l;
	json_t *meta, *net, *config, *first;
	const char *user;

	set_source("config-drive");
	user = text_of(made(p, &init, INIT_CLOUD_INIT), "openstack/latest/user_data");
	set_source("nocloud");
	assert_string_equal(made(p, NULL, INIT_IGNITION)->label, "config-2");
	M_SET(&b, on_boot, false);
	l = made(p, &init, INIT_CLOUD_INIT);
	assert_string_equal(l->label, "cidata");
	assert_int_equal(l->n_files, 3);
	assert_string_equal(text_of(l, "user-data"), user);
	meta = json_loads(text_of(l, "meta-data"), 0, NULL);
	assert_string_equal(json_string_value(json_object_get(meta, "instance-id")), VM.id);
	assert_string_equal(json_string_value(json_object_get(meta, "local-hostname")), "web.example.com");
	assert_int_equal(json_array_size(json_object_get(meta, "public-keys")), 2);
	json_decref(meta);
	net = json_loads(text_of(l, "network-config"), 0, NULL);
	config = json_object_get(net, "config");
	first = json_array_get(config, 0);
	assert_int_equal(json_integer_value(json_object_get(net, "version")), 1);
	assert_int_equal(json_array_size(config), 3); /* two cards and the servers of names */
	assert_string_equal(json_string_value(json_object_get(first, "name")), "eth0");
	first = json_array_get(json_object_get(first, "subnets"), 0);
	assert_string_equal(json_string_value(json_object_get(first, "type")), "static");
	assert_string_equal(json_string_value(json_object_get(first, "address")), "10.1.2.3/24");
	assert_string_equal(json_string_value(json_object_get(first, "gateway")), "10.1.2.1");
	assert_non_null(strstr(text_of(l, "network-config"), "\"ipv6_slaac\""));
	assert_non_null(strstr(text_of(l, "network-config"), "\"manual\""));
	assert_non_null(strstr(text_of(l, "network-config"), "\"example.com\""));
	json_decref(net);
	init.cloud_init_network_protocol = M_CLOUD_INIT_NETWORK_PROTOCOL_ENI;
	l = made(p, &init, INIT_CLOUD_INIT);
	assert_null(text_of(l, "network-config"));
	assert_non_null(strstr(text_of(l, "meta-data"), "iface eth0 inet static\\n  address 10.1.2.3"));
	l = made(p, NULL, INIT_CLOUD_INIT);
	assert_int_equal(l->n_files, 2);
	assert_non_null(strstr(text_of(l, "meta-data"), "\"web1\""));
	set_source(NULL);
}

static void cloud_init_writes_interfaces(void **state)
{
	auto_pool p = pool_new();
	struct m_ip v4 = { .address = (char *)"10.1.2.3", .netmask = (char *)"24" };
	struct m_nic_configuration a = { .name = (char *)"eth0", .ip = &v4, .boot_protocol = M_BOOT_PROTOCOL_STATIC },
	                           b = { .name = (char *)"eth1",
		                         .boot_protocol = M_BOOT_PROTOCOL_DHCP,
		                         .ipv6_boot_protocol = M_BOOT_PROTOCOL_AUTOCONF },
	                           *nics[] = { &a, &b };
	struct m_initialization init = { .cloud_init_network_protocol = M_CLOUD_INIT_NETWORK_PROTOCOL_ENI,
		                         .nic_configurations = { nics, 2 } };
	struct domain_payload *l = made(p, &init, INIT_CLOUD_INIT);
	const char *eni = text_of(l, "openstack/content/0000");

	assert_non_null(strstr(text_of(l, "openstack/latest/meta_data.json"), "/content/0000"));
	assert_non_null(
	    strstr(eni, "auto eth0\niface eth0 inet static\n  address 10.1.2.3\n  netmask 255.255.255.0\n"));
	assert_non_null(strstr(eni, "iface eth1 inet dhcp\niface eth1 inet6 auto\n"));
}

/* what openssl passwd -6 says with the salt of this machine, the start of the SHA-256 of its id */
static void passwords_are_hashed(void **state)
{
	auto_pool p = pool_new();
	const char *const CASES[][2] = {
		{ "x", "$6$986c0dc956dc822b$ay3kIW/hcGcWUQ.dNkb5403OLwP29U3h83jyxl/"
		       "eIY94DsGKhuCZXdcCDEdC4v7zj5Og2AZS5NrrqRpoDyqip." },
		{ "secret", "$6$986c0dc956dc822b$OIA7/"
		            "GUJUkTZAJrCB26E0lRF8FlVBff8Z8jUqyBi4pGYdtJUf5Ps7vzGTIQYsmdGJ0DmQ77JQQct84K4tslKi0" },
		{ "a long password, longer than one block of SHA-512, which has 128 bytes, so that the sequence goes "
		  "round at least once",
		  "$6$986c0dc956dc822b$IHn8BG.1kzW10rgJyg7."
		  "KA96E8DHsoS9hp2RqiImw4AieMkuRUJS9xJAA4xcC410QTtgW05k1lqVzwIWIHU/Z/" },
		{ "Grüße", "$6$986c0dc956dc822b$5mIrcHFQ7i."
		           "20PIR0mntdQIpP3maYfZawm756XRN0cTqeNfflivG3gX4uweZpTF0Y7ikfpcIhj9JklxChZ77u/" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++)
		assert_string_equal(init_hash(p, VM.id, CASES[i][0]), CASES[i][1]);
}

static void without_anything(void **state)
{
	auto_pool p = pool_new();

	assert_non_null(
	    strstr(text_of(made(p, NULL, INIT_CLOUD_INIT), "openstack/latest/user_data"), "hostname: \"web1\""));
	assert_non_null(
	    strstr(text_of(made(p, NULL, INIT_SYSPREP), "Unattend.xml"), "<ComputerName>web1</ComputerName>"));
	assert_non_null(strstr(text_of(made(p, NULL, INIT_IGNITION), "config.ign"), "/etc/hostname"));
}

static void scripts_are_checked(void **state)
{
	static const char *const GOOD[] = { "",
		                            "a: b",
		                            "---\na: 1\n",
		                            "# only\nkey:\n  - x\n  - y: z\n",
		                            "{a: b,\n c: [1, 2]}\n",
		                            "\"quoted key\": 'it''s'\n",
		                            "k: don't worry\n",
		                            "k: >-\n  folded\n  text: with [ brackets\nb: 1\n",
		                            "k: \"multi\n  line\"\nz: 1",
		                            "runcmd:\n- |\n  if [ -e x ]; then\n    y\n  fi\n- b\n",
		                            "url: http://x/y#z\n",
		                            "a: b\r\nc: d\r\n" };
	static const char *const BAD[] = {
		"just text",  "- a\n- b\n",      "#!/bin/sh\necho hi\n", "a: b\n\tc: d\n",    "a: [1, 2\n",
		"a: 'open\n", "  indented: 1\n", "a: b\nnonsense\n",     "a: 1\n---\nb: 2\n", "a: 1\n- b\n",
		"[a, b]"
	};
	struct m_initialization init = { .custom_script = NULL };
	g_autofree char *huge = g_strnfill(65530, 'x'), *script = g_strconcat("k: aaaa", huge, NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(GOOD); i++) {
		auto_pool p = pool_new();

		init.custom_script = (char *)GOOD[i];
		made(p, &init, INIT_CLOUD_INIT);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(BAD); i++) {
		init.custom_script = (char *)BAD[i];
		refused(&init, INIT_CLOUD_INIT, "vm.initialization.custom_script");
	}
	init.custom_script = script;
	refused(&init, INIT_CLOUD_INIT, "vm.initialization.custom_script");
	init.custom_script = (char *)"a: \x01";
	refused(&init, INIT_CLOUD_INIT, "vm.initialization.custom_script");
	init.custom_script = (char *)"a: \xff";
	refused(&init, INIT_CLOUD_INIT, "vm.initialization.custom_script");
	init.custom_script = (char *)"{\"ignition\": {}}";
	refused(&init, INIT_IGNITION, "vm.initialization.custom_script");
	init.custom_script = (char *)"<unattend>";
	refused(&init, INIT_SYSPREP, "vm.initialization.custom_script");
}

static void fields_are_checked(void **state)
{
	struct m_ip bad_ip = { .address = (char *)"10.1.2.300", .netmask = (char *)"24" },
	            bad_mask = { .address = (char *)"10.1.2.3", .netmask = (char *)"255.0.255.0" };
	struct m_nic_configuration nic = { .name = (char *)"eth0", .boot_protocol = M_BOOT_PROTOCOL_STATIC },
	                           *nics[] = { &nic, &nic };
	struct m_initialization init = { .host_name = (char *)"a b" };

	refused(&init, INIT_CLOUD_INIT, "vm.initialization.host_name");
	init = (struct m_initialization){ .user_name = (char *)"a:b" };
	refused(&init, INIT_CLOUD_INIT, "vm.initialization.user_name");
	init = (struct m_initialization){ .dns_servers = (char *)"1.1.1.1 nonsense" };
	refused(&init, INIT_CLOUD_INIT, "vm.initialization.dns_servers");
	init = (struct m_initialization){ .root_password = (char *)"a\nb" };
	refused(&init, INIT_CLOUD_INIT, "vm.initialization.root_password");
	init = (struct m_initialization){ .nic_configurations = { nics, 1 } };
	refused(&init, INIT_CLOUD_INIT, "vm.initialization.nic_configurations[0].ip");
	nic.ip = &bad_ip;
	refused(&init, INIT_CLOUD_INIT, "vm.initialization.nic_configurations[0].ip.address");
	nic.ip = &bad_mask;
	refused(&init, INIT_CLOUD_INIT, "vm.initialization.nic_configurations[0].ip.netmask");
	nic.boot_protocol = M_BOOT_PROTOCOL_DHCP;
	init.nic_configurations.n = 2;
	refused(&init, INIT_CLOUD_INIT, "vm.initialization.nic_configurations[1].name");
	nic.name = (char *)"../eth0";
	refused(&init, INIT_CLOUD_INIT, "vm.initialization.nic_configurations[0].name");
}

static void windows_is_answered(void **state)
{
	auto_pool p = pool_new();
	struct m_operating_system os = { .type = (char *)"windows_10x64" };
	struct m_initialization init = { .org_name = (char *)"A & B <C>",
		                         .root_password = (char *)"p<w",
		                         .user_name = (char *)"joe",
		                         .domain = (char *)"ad.example.com",
		                         .active_directory_ou = (char *)"OU=x",
		                         .windows_license_key = (char *)"K-E-Y" };
	struct domain_payload *l;
	const char *text;
	xmlDocPtr doc;

	VM.os = &os;
	l = made(p, &init, INIT_SYSPREP);
	text = text_of(l, "Unattend.xml");
	doc = xmlReadMemory(text, (int)strlen(text), NULL, NULL, XML_PARSE_NONET);
	assert_non_null(doc);
	xmlFreeDoc(doc);
	assert_non_null(strstr(text, "A &amp; B &lt;C&gt;"));
	assert_non_null(strstr(text, "<JoinDomain>ad.example.com</JoinDomain>"));
	os.type = (char *)"windows_xp";
	VM.custom_emulated_machine = (char *)"pc-i440fx-rhel7.6.0";
	l = made(p, &init, INIT_SYSPREP);
	assert_true(l->is_floppy);
	assert_non_null(strstr(text_of(l, "sysprep.inf"), "OrgName=\"A & B <C>\"\r\n"));
	VM.custom_emulated_machine = NULL;
	VM.os = NULL;
}

static void ignition_is_merged(void **state)
{
	auto_pool p = pool_new();
	struct m_initialization init = {
		.host_name = (char *)"core1",
		.authorized_ssh_keys = (char *)"ssh-rsa A",
		.custom_script =
		    (char *)"{\"ignition\":{\"version\":\"3.2.0\"},\"passwd\":{\"users\":[{\"name\":\"x\"}]}}"
	};
	json_t *j = json_loads(text_of(made(p, &init, INIT_IGNITION), "config.ign"), 0, NULL);

	assert_int_equal(json_array_size(json_object_get(json_object_get(j, "passwd"), "users")), 2);
	assert_int_equal(json_array_size(json_object_get(json_object_get(j, "storage"), "files")), 1);
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cloud_init_tells_all),   cmocka_unit_test(cloud_init_writes_interfaces),
		cmocka_unit_test(without_anything),       cmocka_unit_test(scripts_are_checked),
		cmocka_unit_test(nocloud_tells_the_same), cmocka_unit_test(fields_are_checked),
		cmocka_unit_test(windows_is_answered),    cmocka_unit_test(ignition_is_merged),
		cmocka_unit_test(passwords_are_hashed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
