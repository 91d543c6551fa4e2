/* SPDX-License-Identifier: Apache-2.0 */
/* Documents as clients see them, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/types.h"

#define BASE "/ovirt-engine/api"

static void *parse(struct pool *p, const struct m_type *t, const char *json)
{
	struct err e = ERR_INIT;
	void *out;

	if (m_from_json(p, t, json, strlen(json), NULL, &out, &e) < 0)
		fail_msg("%s: %s: %s", json, e.field, e.detail);
	return out;
}

static void check(const struct m_type *t, const void *obj, unsigned flags, const char *xml, const char *json)
{
	const struct m_write w = { .base = BASE, .flags = flags };
	g_autoptr(GString) s = g_string_new(NULL);

	if (xml) {
		m_write_xml(s, t, obj, NULL, &w);
		assert_string_equal(s->str, xml);
		assert_int_equal(s->len, strlen(xml));
	}
	if (json) {
		g_string_truncate(s, 0);
		m_write_json(s, t, obj, &w);
		assert_string_equal(s->str, json);
	}
}

static struct m_vm *sample(struct pool *p)
{
	return parse(p, &M_TYPE_vm,
	             "{\"id\":\"6c2c\",\"name\":\"web1\",\"description\":\"\",\"cpu\":{\"architecture\":\"x86_64\","
	             "\"topology\":{\"cores\":2,\"sockets\":1,\"threads\":1}},\"memory\":1073741824,\"status\":\"up\","
	             "\"cluster\":{\"id\":\"9a01\"}}");
}

static void test_pretty(void **state)
{
	static const char XML[] = "<vm href=\"/ovirt-engine/api/vms/6c2c\" id=\"6c2c\">\n"
	                          "    <name>web1</name>\n"
	                          "    <description></description>\n"
	                          "    <comment></comment>\n"
	                          "    <cpu>\n"
	                          "        <architecture>x86_64</architecture>\n"
	                          "        <topology>\n"
	                          "            <cores>2</cores>\n"
	                          "            <sockets>1</sockets>\n"
	                          "            <threads>1</threads>\n"
	                          "        </topology>\n"
	                          "    </cpu>\n"
	                          "    <memory>1073741824</memory>\n"
	                          "    <cluster href=\"/ovirt-engine/api/clusters/9a01\" id=\"9a01\"/>\n"
	                          "    <status>up</status>\n"
	                          "</vm>\n";
	auto_pool p = pool_new();
	struct m_vm *vm = sample(p);

	vm->href = BASE "/vms/6c2c";
	check(&M_TYPE_vm, vm, M_W_PRETTY, XML, NULL);
}

static void test_compact(void **state)
{
	auto_pool p = pool_new();
	struct m_vm *vm = sample(p);

	check(&M_TYPE_vm, vm, 0,
	      "<vm "
	      "id=\"6c2c\"><name>web1</name><description></description><cpu><architecture>x86_64</"
	      "architecture><topology><cores>2</cores>"
	      "<sockets>1</sockets><threads>1</threads></topology></cpu><memory>1073741824</memory>"
	      "<cluster href=\"/ovirt-engine/api/clusters/9a01\" id=\"9a01\"/><status>up</status></vm>",
	      "{\"name\":\"web1\",\"description\":\"\",\"cpu\":{\"architecture\":\"x86_64\",\"topology\":{\"cores\":"
	      "\"2\",\"sockets\":\"1\",\"threads\":\"1\"}},"
	      "\"memory\":\"1073741824\",\"cluster\":{\"href\":\"/ovirt-engine/api/clusters/"
	      "9a01\",\"id\":\"9a01\"},\"status\":\"up\",\"id\":\"6c2c\"}");
}

/* Lists, an attribute that is no id, decimals and dates, and what JSON makes of them. */
static void test_values(void **state)
{
	auto_pool p = pool_new();

	check(
	    &M_TYPE_vm,
	    parse(
	        p, &M_TYPE_vm,
	        "{\"creation_time\":1700000000000,\"stateless\":false,\"sso\":{\"methods\":[{\"id\":\"guest_agent\"}]},"
	        "\"os\":{\"boot\":{\"devices\":[\"hd\",\"network\"]}},\"custom_properties\":[{\"name\":\"a\",\"value\":"
	        "\"b\"}],\"payloads\":[]}"),
	    0,
	    "<vm><creation_time>2023-11-14T22:13:20.000Z</creation_time><custom_properties><custom_property><name>a</"
	    "name><value>b</value></custom_property>"
	    "</custom_properties><os><boot><devices><device>hd</device><device>network</device></devices></boot></os>"
	    "<sso><methods><method id=\"guest_agent\"/></methods></sso><stateless>false</stateless><payloads/></vm>",
	    "{\"creation_time\":1700000000000,\"custom_properties\":{\"custom_property\":[{\"name\":\"a\",\"value\":"
	    "\"b\"}]},"
	    "\"os\":{\"boot\":{\"devices\":{\"device\":[\"hd\",\"network\"]}}},\"sso\":{\"methods\":{\"method\":[{"
	    "\"id\":\"guest_agent\"}]}},"
	    "\"stateless\":\"false\",\"payloads\":{}}");
	check(&M_TYPE_cpu, parse(p, &M_TYPE_cpu, "{\"speed\":2400.5}"), 0, "<cpu><speed>2400.5</speed></cpu>",
	      "{\"speed\":2400.5}");
	check(&M_TYPE_vm, parse(p, &M_TYPE_vm, "{\"sso\":{}}"), 0, "<vm><sso/></vm>", "{\"sso\":{}}");
	check(&M_TYPE_vm, parse(p, &M_TYPE_vm, "{}"), 0, "<vm/>", "{}");
	check(&M_TYPE_host_nic,
	      parse(p, &M_TYPE_host_nic, "{\"vlan\":{\"id\":5},\"bonding\":{\"slaves\":[{\"id\":\"n\"}]}}"), 0,
	      "<host_nic><bonding><slaves><host_nic id=\"n\"/></slaves></bonding><vlan id=\"5\"/></host_nic>",
	      "{\"bonding\":{\"slaves\":{\"host_nic\":[{\"id\":\"n\"}]}},\"vlan\":{\"id\":\"5\"}}");
}

static void test_escapes(void **state)
{
	struct m_vm vm = { .id = "a\"<\n", .name = "<a> & \"b\"\r\n\t\x01\xEF\xBF\xBE\xEF\xBB\xBF\\é" };

	check(&M_TYPE_vm, &vm, 0,
	      "<vm id=\"a&quot;&lt;&#10;\"><name>&lt;a&gt; &amp; "
	      "\"b\"&#13;\n\t\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBB\xBF\\é</name></vm>",
	      "{\"name\":\"<a> & \\\"b\\\"\\r\\n\\t\\u0001\xEF\xBF\xBE\xEF\xBB\xBF\\\\é\",\"id\":\"a\\\"<\\n\"}");
}

static void test_links(void **state)
{
	struct m_bookmark plain = {
		.id = "b", .name = "x", .href = BASE "/bookmarks/b", .service = &M_SERVICE_bookmark
	};
	struct m_job job = { .id = "j", .href = BASE "/jobs/j", .service = &M_SERVICE_job };
	struct m_job strange = { .id = "j", .href = "/a&b", .service = &M_SERVICE_job };
	static const char JOB_PRETTY[] = "<job href=\"/ovirt-engine/api/jobs/j\" id=\"j\">\n"
	                                 "    <actions>\n"
	                                 "        <link href=\"/ovirt-engine/api/jobs/j/clear\" rel=\"clear\"/>\n"
	                                 "        <link href=\"/ovirt-engine/api/jobs/j/end\" rel=\"end\"/>\n"
	                                 "    </actions>\n"
	                                 "    <link href=\"/ovirt-engine/api/jobs/j/steps\" rel=\"steps\"/>\n"
	                                 "</job>\n";

	check(&M_TYPE_bookmark, &plain, 0,
	      "<bookmark href=\"/ovirt-engine/api/bookmarks/b\" "
	      "id=\"b\"><name>x</name><description></description><comment></comment></bookmark>",
	      "{\"name\":\"x\",\"description\":\"\",\"comment\":\"\",\"href\":\"/ovirt-engine/api/bookmarks/"
	      "b\",\"id\":\"b\"}");
	check(&M_TYPE_job, &job, 0,
	      "<job href=\"/ovirt-engine/api/jobs/j\" id=\"j\"><actions><link href=\"/ovirt-engine/api/jobs/j/clear\" "
	      "rel=\"clear\"/>"
	      "<link href=\"/ovirt-engine/api/jobs/j/end\" rel=\"end\"/></actions><link "
	      "href=\"/ovirt-engine/api/jobs/j/steps\" rel=\"steps\"/></job>",
	      "{\"actions\":{\"link\":[{\"href\":\"/ovirt-engine/api/jobs/j/clear\",\"rel\":\"clear\"},{\"href\":\"/"
	      "ovirt-engine/api/jobs/j/end\",\"rel\":\"end\"}]},"
	      "\"link\":[{\"href\":\"/ovirt-engine/api/jobs/j/steps\",\"rel\":\"steps\"}],\"href\":\"/ovirt-engine/api/"
	      "jobs/j\",\"id\":\"j\"}");
	check(&M_TYPE_job, &job, M_W_PRETTY, JOB_PRETTY, NULL);
	check(&M_TYPE_job, &strange, 0,
	      "<job href=\"/a&amp;b\" id=\"j\"><actions><link href=\"/a&amp;b/clear\" rel=\"clear\"/><link "
	      "href=\"/a&amp;b/end\" rel=\"end\"/></actions>"
	      "<link href=\"/a&amp;b/steps\" rel=\"steps\"/></job>",
	      NULL);
}

/* What follow puts in is written whole; a draft gets the href that its reference would have. */
static void test_follow(void **state)
{
	struct m_cluster cluster = { .id = "c", .name = "Default", .href = BASE "/clusters/c" };
	struct m_cluster draft = { .name = "Default" };
	struct m_nic nic = { .id = "n", .name = "eth0", .href = BASE "/vms/v/nics/n" };
	struct m_ref nics[] = { { .id = "n", .obj = &nic } };
	struct m_vm vm = { .cluster = { .id = "c", .obj = &cluster }, .nics = { nics, 1 } };
	struct m_action action = { .job = &(struct m_job){ .id = "77" }, .status = "complete" };

	check(&M_TYPE_vm, &vm, 0,
	      "<vm><cluster href=\"/ovirt-engine/api/clusters/c\" "
	      "id=\"c\"><name>Default</name><description></description><comment></comment></cluster>"
	      "<nics><nic href=\"/ovirt-engine/api/vms/v/nics/n\" "
	      "id=\"n\"><name>eth0</name><description></description><comment></comment></nic></nics></vm>",
	      NULL);
	vm.cluster.obj = &draft;
	vm.nics.v = NULL;
	check(&M_TYPE_vm, &vm, 0,
	      "<vm><cluster href=\"/ovirt-engine/api/clusters/c\" id=\"c\"><name>Default</name></cluster></vm>",
	      "{\"cluster\":{\"name\":\"Default\",\"href\":\"/ovirt-engine/api/clusters/c\",\"id\":\"c\"}}");
	check(&M_TYPE_action, &action, 0,
	      "<action><job href=\"/ovirt-engine/api/jobs/77\" id=\"77\"/><status>complete</status></action>",
	      "{\"job\":{\"href\":\"/ovirt-engine/api/jobs/77\",\"id\":\"77\"},\"status\":\"complete\"}");
}

static void test_secret_and_expensive(void **state)
{
	for (const struct m_type *const *t = M_TYPES; *t; t++) {
		for (int i = 0; i < (*t)->n_fields; i++) {
			const struct m_field *f = &(*t)->fields[i];
			auto_pool p = pool_new();
			char *obj = m_new(p, *t);
			g_autoptr(GString) s = g_string_new(NULL);

			if (!(f->flags & (M_F_SECRET | M_F_EXPENSIVE | M_F_INTERNAL)) || f->kind != M_STRING ||
			    f->flags & M_F_LIST)
				continue;
			*(const char **)(void *)(obj + f->offset) = "hush";
			m_write_xml(s, *t, obj, NULL, NULL);
			m_write_json(s, *t, obj, NULL);
			assert_null(strstr(s->str, "hush"));
			m_write_xml(s, *t, obj, NULL, &(struct m_write){ .base = "", .flags = M_W_ALL_CONTENT });
			assert_int_equal(strstr(s->str, "hush") != NULL, !(f->flags & (M_F_SECRET | M_F_INTERNAL)));
			g_string_truncate(s, 0);
			m_write_journal(s, *t, obj);
			assert_non_null(strstr(s->str, "hush"));
		}
	}
}

static void write_list(GString *s, bool is_json, size_t n, unsigned flags)
{
	struct m_vm vm = { .id = "a" };
	const struct m_write w = { .base = BASE, .flags = flags };

	g_string_truncate(s, 0);
	m_write_list_begin(s, &M_TYPE_vm, is_json);
	for (size_t i = 0; i < n; i++)
		m_write_list_item(s, &M_TYPE_vm, &vm, i, is_json, &w);
	m_write_list_end(s, &M_TYPE_vm, n, is_json);
}

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n"

static void test_lists(void **state)
{
	g_autoptr(GString) s = g_string_new(NULL);

	write_list(s, false, 0, 0);
	assert_string_equal(s->str, HEAD "<vms/>");
	write_list(s, false, 2, 0);
	assert_string_equal(s->str, HEAD "<vms><vm id=\"a\"/><vm id=\"a\"/></vms>");
	write_list(s, false, 2, M_W_PRETTY);
	assert_string_equal(s->str, HEAD "<vms>\n    <vm id=\"a\"/>\n    <vm id=\"a\"/>\n</vms>");
	write_list(s, true, 0, 0);
	assert_string_equal(s->str, "{}");
	write_list(s, true, 2, 0);
	assert_string_equal(s->str, "{\"vm\":[{\"id\":\"a\"},{\"id\":\"a\"}]}");
	m_write_list_begin(g_string_truncate(s, 0), &M_TYPE_operating_system_info, false);
	m_write_list_end(s, &M_TYPE_operating_system_info, 0, false);
	assert_string_equal(s->str, HEAD "<operation_systems/>");
}

/* What a client reads it may send back. */
static void test_echo(void **state)
{
	auto_pool p = pool_new();
	struct m_vm *vm = sample(p);
	struct err e = ERR_INIT;
	g_autoptr(GString) s = g_string_new(NULL);
	const struct m_write w = { .base = BASE, .flags = M_W_PRETTY };
	void *back;

	vm->href = BASE "/vms/6c2c";
	vm->service = &M_SERVICE_vm;
	m_write_xml_head(s);
	m_write_xml(s, &M_TYPE_vm, vm, NULL, &w);
	assert_int_equal(m_from_xml(p, &M_TYPE_vm, s->str, s->len, NULL, &back, &e), 0);
	vm->comment = "";
	assert_true(m_equal(&M_TYPE_vm, vm, back));
	m_write_json(g_string_truncate(s, 0), &M_TYPE_vm, vm, &w);
	assert_int_equal(m_from_json(p, &M_TYPE_vm, s->str, s->len, NULL, &back, &e), 0);
	assert_true(m_equal(&M_TYPE_vm, vm, back));
	assert_true(strstr(s->str, "\"href\":\"/ovirt-engine/api/vms/6c2c/start\",\"rel\":\"start\"") != NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pretty),
		cmocka_unit_test(test_compact),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_follow),
		cmocka_unit_test(test_secret_and_expensive),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_echo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
