/* SPDX-License-Identifier: Apache-2.0 */
/* Documents from outside: what is taken, what is refused and how it is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/types.h"

struct bad {
	const char *type, *doc;
	enum err_code code;
	const char *field, *says; /* part of the sentence */
};

static const struct bad BAD_XML[] = {
	{ "vm", "<vm><status>flying</status></vm>", ERR_INVALID, "vm.status", "allowed are" },
	{ "vm", "<vm><status>flying</status></vm>", ERR_INVALID, "vm.status", "powering_up" },
	{ "vm", "<vm><stateless>perhaps</stateless></vm>", ERR_INVALID, "vm.stateless", "true and false" },
	{ "vm", "<vm><memory>9223372036854775808</memory></vm>", ERR_RANGE, "vm.memory", "64 bits" },
	{ "vm", "<vm><cpu_shares>2147483648</cpu_shares></vm>", ERR_RANGE, "vm.cpu_shares", "32 bits" },
	{ "vm", "<vm><memory>12 MB</memory></vm>", ERR_INVALID, "vm.memory", "integer" },
	{ "vm", "<vm><cpu><topology><cores>x</cores></topology></cpu></vm>", ERR_INVALID, "vm.cpu.topology.cores",
	  "'x'" },
	{ "vm", "<vm><os><boot><devices><device>tape</device></devices></boot></os></vm>", ERR_INVALID,
	  "vm.os.boot.devices", "hd" },
	{ "vm", "<vm><creation_time>yesterday</creation_time></vm>", ERR_INVALID, "vm.creation_time", "date" },
	{ "vm", "<vm><creation_time>2023-02-29T00:00:00Z</creation_time></vm>", ERR_INVALID, "vm.creation_time",
	  "date" },
	{ "vm", "<vm><colour>red</colour></vm>", ERR_SYNTAX, "vm.colour", "'colour' is no member of vm" },
	{ "vm", "<vm><cpu><speed2/></cpu></vm>", ERR_SYNTAX, "vm.cpu.speed2", "no member of vm.cpu" },
	{ "vm", "<vm><nics><disk/></nics></vm>", ERR_SYNTAX, "vm.nics.disk", "no member of vm.nics" },
	{ "vm", "<vm><name>a<b/></name></vm>", ERR_SYNTAX, "vm.name.b", "no member" },
	{ "vm", "<vm colour='red'/>", ERR_SYNTAX, "vm.colour", "no member" },
	{ "vm", "<vm>hello</vm>", ERR_SYNTAX, "vm", "Text" },
	{ "vm", "<vm><nics>hello</nics></vm>", ERR_SYNTAX, "vm.nics", "Text" },
	{ "vm", "<nic/>", ERR_SYNTAX, "", "'vm'" },
	{ "vm", "<vm>", ERR_SYNTAX, "", "not XML" },
	{ "vm", "<vm></vm><vm/>", ERR_SYNTAX, "", "not XML" },
	{ "vm", "<vm><name>a</vm>", ERR_SYNTAX, "", "not XML" },
	{ "vm", "hello", ERR_SYNTAX, "", "not XML" },
	{ "vm", " ", ERR_SYNTAX, "", "not XML" },
	{ "vm", "<vm><name>\xC3\x28</name></vm>", ERR_SYNTAX, "", "not XML" },
	{ "vm", "<vm><name>&#0;</name></vm>", ERR_SYNTAX, "", "not XML" },
	{ "vm", "<vm><name>&#1;</name></vm>", ERR_SYNTAX, "", "not XML" },
	{ "vm", "<vm><name>&nbsp;</name></vm>", ERR_SYNTAX, "", "not XML" },
	{ "vm", "<!DOCTYPE vm><vm/>", ERR_SYNTAX, "", "DTD" },
	{ "vm", "<!DOCTYPE vm SYSTEM 'file:///etc/passwd'><vm/>", ERR_SYNTAX, "", "DTD" },
	{ "vm", "<!DOCTYPE vm [<!ENTITY a 'b'><!ENTITY c '&a;&a;&a;'>]><vm><name>&c;</name></vm>", ERR_SYNTAX, "",
	  "DTD" },
	{ "vm", "<!DOCTYPE vm [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><vm><name>&x;</name></vm>", ERR_SYNTAX, "",
	  "DTD" },
	{ "vlan", "<vlan id='many'/>", ERR_INVALID, "vlan.id", "integer" },
};

static const struct bad BAD_JSON[] = {
	{ "vm", "{\"status\": \"flying\"}", ERR_INVALID, "vm.status", "allowed are" },
	{ "vm", "{\"status\": 3}", ERR_SYNTAX, "vm.status", "string" },
	{ "vm", "{\"stateless\": \"perhaps\"}", ERR_INVALID, "vm.stateless", "true and false" },
	{ "vm", "{\"stateless\": 2}", ERR_SYNTAX, "vm.stateless", "true or false" },
	{ "vm", "{\"memory\": \"9223372036854775808\"}", ERR_RANGE, "vm.memory", "64 bits" },
	{ "vm", "{\"memory\": 9223372036854775808}", ERR_RANGE, "", "too large" },
	{ "vm", "{\"memory\": 1e999}", ERR_RANGE, "", "too large" },
	{ "vm", "{\"memory\": 1.}", ERR_SYNTAX, "", "not JSON" },
	{ "vm", "{\"memory\": -}", ERR_SYNTAX, "", "not JSON" },
	{ "vm", "{\"memory\": 1e}", ERR_SYNTAX, "", "not JSON" },
	{ "vm", "{\"memory\": +1}", ERR_SYNTAX, "", "not JSON" },
	{ "vm", "{\"stateless\": tru}", ERR_SYNTAX, "", "not JSON" },
	{ "vm", "{\"name\": nul}", ERR_SYNTAX, "", "not JSON" },
	{ "vm", "{\"name\": \"a\" \"memory\": 1}", ERR_SYNTAX, "", "line 1, column 14: ',' or '}' expected" },
	{ "vm", "{\"name\" \"a\"}", ERR_SYNTAX, "", "':' expected" },
	{ "vm", "{\"name\": \"a\",}", ERR_SYNTAX, "", "a name in quotes" },
	{ "vm", "{\"link\": [1,]}", ERR_SYNTAX, "", "not JSON" },
	{ "vm", "{\"link\": [1 2]}", ERR_SYNTAX, "", "',' or ']' expected" },
	{ "vm", "{\"link\": [}", ERR_SYNTAX, "", "not JSON" },
	{ "vm", "{\"name\": \"\\x\"}", ERR_SYNTAX, "", "unknown escape" },
	{ "vm", "{\"name\": \"\\u12g4\"}", ERR_SYNTAX, "", "hexadecimal" },
	{ "vm", "{\"name\": \"\\udc00\"}", ERR_SYNTAX, "", "half a character" },
	{ "vm", "{\"name\": \"\\ud800\\u0041\"}", ERR_SYNTAX, "", "half a character" },
	{ "vm", "{\"memory\": 1.5}", ERR_INVALID, "vm.memory", "an integer" },
	{ "vm", "{\"memory\": 1e300}", ERR_INVALID, "vm.memory", "an integer" },
	{ "vm", "{\"memory\": {}}", ERR_SYNTAX, "vm.memory", "a number" },
	{ "vm", "{\"cpu_shares\": 2147483648}", ERR_RANGE, "vm.cpu_shares", "32 bits" },
	{ "vm", "{\"creation_time\": 9e18}", ERR_INVALID, "vm.creation_time", "integer" },
	{ "vm", "{\"creation_time\": 1000000000000000}", ERR_RANGE, "vm.creation_time", "year" },
	{ "vm", "{\"name\": []}", ERR_SYNTAX, "vm.name", "a string" },
	{ "vm", "{\"cpu\": 1}", ERR_SYNTAX, "vm.cpu", "an object" },
	{ "vm", "{\"cluster\": \"Default\"}", ERR_SYNTAX, "vm.cluster", "an object" },
	{ "vm", "{\"nics\": \"none\"}", ERR_SYNTAX, "vm.nics", "array" },
	{ "vm", "{\"nics\": {\"disk\": []}}", ERR_SYNTAX, "vm.nics.disk", "no member of vm.nics" },
	{ "vm", "{\"nics\": {\"nic\": [1]}}", ERR_SYNTAX, "vm.nics", "an object" },
	{ "vm", "{\"cpu\": {\"topology\": {\"colour\": 1}}}", ERR_SYNTAX, "vm.cpu.topology.colour",
	  "no member of vm.cpu.topology" },
	{ "vm", "[]", ERR_SYNTAX, "", "an object expected" },
	{ "vm", "3", ERR_SYNTAX, "", "an object expected" },
	{ "vm", "{\"name\": \"a\"", ERR_SYNTAX, "", "not JSON" },
	{ "vm", "{\"name\": \"a\"} x", ERR_SYNTAX, "", "not JSON" },
	{ "vm", "{\"name\": \"\xC3\x28\"}", ERR_SYNTAX, "", "not JSON" },
	{ "vm", "{\"name\": \"a\\u0000b\"}", ERR_SYNTAX, "", "not JSON" },
	{ "vm", "{\"name\": \"\\ud800\"}", ERR_SYNTAX, "", "not JSON" },
	{ "vm", "{\"name\": \"a\nb\"}", ERR_SYNTAX, "", "not JSON" },
	{ "vm", "{\"name\": \"", ERR_SYNTAX, "", "not JSON" },
	{ "vm", "{\"name\": \"\\", ERR_SYNTAX, "", "not JSON" },
	{ "vm", "{name: 1}", ERR_SYNTAX, "", "not JSON" },
	{ "vm", "{\"memory\": 01}", ERR_SYNTAX, "", "not JSON" },
	{ "vm", "{\"memory\": NaN}", ERR_SYNTAX, "", "not JSON" },
};

typedef int reader(struct pool *, const struct m_type *, const char *, size_t, const struct m_limits *, void **,
                   struct err *);

static void refuse(const struct bad *b, reader *read)
{
	auto_pool p = pool_new();
	struct err e = ERR_INIT;
	void *out;

	if (read(p, m_type_find(b->type), b->doc, strlen(b->doc), NULL, &out, &e) == 0)
		fail_msg("taken: %s", b->doc);
	if (e.code != b->code || strcmp(e.field, b->field) || !strstr(e.detail, b->says))
		fail_msg("%s: %s, field '%s', '%s'", b->doc, err_code_name(e.code), e.field, e.detail);
}

static void test_bad_xml(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(BAD_XML); i++)
		refuse(&BAD_XML[i], m_from_xml);
}

static void test_bad_json(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(BAD_JSON); i++)
		refuse(&BAD_JSON[i], m_from_json);
}

static void refused_as(enum err_code code, reader *read, const char *doc, size_t len, const struct m_limits *lim)
{
	auto_pool p = pool_new();
	struct err e = ERR_INIT;
	void *out;

	assert_int_equal(read(p, &M_TYPE_vm, doc, len, lim, &out, &e), -1);
	if (e.code != code)
		fail_msg("%s: %s", err_code_name(e.code), e.detail);
}

static GString *repeat(const char *begin, const char *what, int n, const char *end)
{
	GString *s = g_string_new(begin);

	for (int i = 0; i < n; i++)
		g_string_append(s, what);
	g_string_append(s, end);
	return s;
}

static void test_limits(void **state)
{
	const struct m_limits small = { .max_bytes = 100, .max_depth = 3, .max_nodes = 10 };
	GString *deep = repeat("<vm>", "<actions>", 100, ""), *many = repeat("<vm>", "<link/>", 300000, "</vm>");
	GString *deep_json = repeat("{\"link\":", "[", 100000, ""),
	        *many_json = repeat("{\"link\":[", "1,", 300000, "1]}");
	GString *attributes = repeat("<vm>", "<link href='a' rel='b'/>", 100000, "</vm>");
	GString *wide = repeat("<vm><name>", "x", 200, "</name></vm>");

	refused_as(ERR_TOO_LARGE, m_from_xml, deep->str, deep->len, NULL);
	refused_as(ERR_TOO_LARGE, m_from_xml, many->str, many->len, NULL);
	refused_as(ERR_TOO_LARGE, m_from_xml, attributes->str, attributes->len, NULL);
	refused_as(ERR_TOO_LARGE, m_from_xml, wide->str, wide->len, &small);
	refused_as(ERR_TOO_LARGE, m_from_json, deep_json->str, deep_json->len, NULL);
	refused_as(ERR_TOO_LARGE, m_from_json, many_json->str, many_json->len, NULL);
	refused_as(ERR_TOO_LARGE, m_from_json, wide->str, wide->len, &small);
	refused_as(ERR_TOO_LARGE, m_from_xml, "<vm><cpu><topology><cores>1</cores></topology></cpu></vm>", 56, &small);
	for (int i = 0; i < 6; i++)
		g_string_free(((GString *[]){ deep, many, deep_json, many_json, attributes, wide })[i], TRUE);
}

static void test_nul_bytes(void **state)
{
	refused_as(ERR_SYNTAX, m_from_xml, "<vm><name>a\0b</name></vm>", 25, NULL);
	refused_as(ERR_SYNTAX, m_from_xml, "\0", 1, NULL);
	refused_as(ERR_SYNTAX, m_from_json, "{\"name\":\"a\0b\"}", 14, NULL);
	refused_as(ERR_SYNTAX, m_from_json, "\0", 1, NULL);
}

/* Each prefix of a good document is refused, and nothing worse. */
static void test_cut_off(void **state)
{
	static const char XML[] =
	    "<?xml version=\"1.0\"?><vm "
	    "id=\"1\"><name>a&amp;b</name><os><boot><devices><device>hd</device></devices></boot></os></vm>";
	static const char JSON[] = "{\"name\":\"a\\u00e9\\n\",\"os\":{\"boot\":{\"devices\":{\"device\":[\"hd\"]}}},"
	                           "\"memory\":\"12\",\"stateless\":true}";

	for (size_t n = 1; n < sizeof(XML) - 1; n++)
		refused_as(ERR_SYNTAX, m_from_xml, XML, n, NULL);
	for (size_t n = 1; n < sizeof(JSON) - 1; n++)
		refused_as(ERR_SYNTAX, m_from_json, JSON, n, NULL);
}

static void *read_good(struct pool *p, const struct m_type *t, reader *read, const char *doc)
{
	struct err e = ERR_INIT;
	void *out;

	if (read(p, t, doc, strlen(doc), NULL, &out, &e) < 0)
		fail_msg("%s: %s: %s", doc, e.field, e.detail);
	return out;
}

static void test_lenient_xml(void **state)
{
	auto_pool p = pool_new();
	struct m_vm *vm = read_good(
	    p, &M_TYPE_vm, m_from_xml,
	    "<?xml version='1.0'?>\n<!-- hi --><vm href='/x' id='7' xmlns:xsi='http://x' xsi:nil='false'>\n"
	    "<actions><link href='a' rel='b'><deep/></link></actions><link rel='nics' href='/x/nics'/><id>other</id>"
	    "<name><![CDATA[a<b]]></name><memory> 12\n</memory><cpu_shares></cpu_shares><stateless>TRUE</stateless>"
	    "<delete_protected>1</delete_protected><status>Powering_UP</status><description/>"
	    "<creation_time>2024-03-01T11:15:30.5+01:00</creation_time><cluster><name>Default</name></cluster>"
	    "<template id='t' href='/t'><link rel='x' href='y'/></template><quota/><nics href='/x/nics'/></vm>");

	assert_string_equal(vm->id, "7");
	assert_string_equal(vm->name, "a<b");
	assert_int_equal(vm->memory, 12);
	assert_true(vm->has.cpu_shares);
	assert_int_equal(vm->cpu_shares, 0);
	assert_true(vm->stateless && vm->delete_protected);
	assert_int_equal(vm->status, M_VM_STATUS_POWERING_UP);
	assert_string_equal(vm->description, "");
	assert_null(vm->comment);
	assert_int_equal(vm->creation_time, 1709288130500);
	assert_null(vm->cluster.id);
	assert_string_equal(((struct m_cluster *)vm->cluster.obj)->name, "Default");
	assert_string_equal(vm->template.id, "t");
	assert_null(vm->template.obj);
	/* An empty reference is there, and says nothing: clients clear with it. */
	assert_true(vm->quota.obj && !vm->quota.id);
	assert_true(vm->nics.v && vm->nics.n == 0);
}

static void test_lenient_json(void **state)
{
	auto_pool p = pool_new();
	struct m_vm *vm = read_good(
	    p, &M_TYPE_vm, m_from_json,
	    "{\"id\":\"7\",\"href\":\"/"
	    "x\",\"actions\":{\"link\":[]},\"link\":[{\"rel\":1}],\"memory\":\"12\",\"cpu_shares\":\"\","
	    "\"stateless\":\"True\",\"delete_protected\":true,\"status\":\"UP\",\"comment\":null,\"description\":5,"
	    "\"creation_time\":1709288130500,\"start_time\":\"2024-03-01T10:15:30.5Z\",\"memory\":13,"
	    "\"nics\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"tags\":{\"tag\":{\"id\":\"t\"}},\"sessions\":{},"
	    "\"os\":{\"boot\":{\"devices\":{\"device\":[\"hd\",\"CDROM\"]}}}}");

	assert_string_equal(vm->id, "7");
	assert_int_equal(vm->memory, 13);
	assert_true(vm->has.cpu_shares && vm->stateless && vm->delete_protected);
	assert_int_equal(vm->status, M_VM_STATUS_UP);
	assert_null(vm->comment);
	assert_string_equal(vm->description, "5");
	assert_int_equal(vm->creation_time, vm->start_time);
	assert_int_equal(vm->nics.n, 2);
	assert_string_equal(((struct m_nic *)vm->nics.v[1].obj)->name, "b");
	assert_int_equal(vm->tags.n, 1);
	assert_string_equal(vm->tags.v[0].id, "t");
	assert_true(vm->sessions.v && vm->sessions.n == 0);
	assert_int_equal(vm->os->boot->devices.v[1], M_BOOT_DEVICE_CDROM);
}

static void test_json_text(void **state)
{
	auto_pool p = pool_new();
	struct m_vm *vm = read_good(
	    p, &M_TYPE_vm, m_from_json,
	    " {\r\n\t\"name\" : \"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20AC\\ud83d\\ude00é\" , \"m\\u0065mory\":-0,"
	    "\"cpu\":{\"speed\":-1.5e+2},\"link\":{\"a\":[true,false,null,{\"b\":[]},\"\\n\",-1.0E-5]}} ");

	assert_string_equal(vm->name, "\"\\/\b\f\n\r\té€😀é");
	assert_true(vm->has.memory && vm->memory == 0);
	assert_true(vm->cpu->speed == -150.0);
}

static void test_small_documents(void **state)
{
	auto_pool p = pool_new();
	struct m_action *a = read_good(p, &M_TYPE_action, m_from_xml, "");

	assert_false(a->has.async);
	read_good(p, &M_TYPE_action, m_from_json, "");
	read_good(p, &M_TYPE_action, m_from_json, "{}");
	read_good(p, &M_TYPE_action, m_from_xml, "<action></action>");
	a = read_good(p, &M_TYPE_action, m_from_xml, "<action><async>false</async><vm><name>x</name></vm></action>");
	assert_true(a->has.async && !a->async);
	assert_string_equal(a->vm->name, "x");
	struct m_vlan *vlan = read_good(p, &M_TYPE_vlan, m_from_xml, "<vlan id='5'/>");

	assert_int_equal(vlan->id, 5);
	vlan = read_good(p, &M_TYPE_vlan, m_from_xml, "<vlan><id>6</id></vlan>");
	assert_int_equal(vlan->id, 6);
}

/* What is ours is as unknown on the wire as a wrong word, and is not written there. */
static void test_internal_members(void **state)
{
	int n = 0;

	for (const struct m_type *const *t = M_TYPES; *t; t++) {
		for (int i = 0; i < (*t)->n_fields; i++) {
			const struct m_field *f = &(*t)->fields[i];
			g_autofree char *xml = g_strdup_printf("<%s><%s/></%s>", (*t)->element, f->name, (*t)->element);
			g_autofree char *json = g_strdup_printf("{\"%s\":{}}", f->name);
			g_autofree char *field = g_strdup_printf("%s.%s", (*t)->name, f->name);
			struct bad bad = { (*t)->name, xml, ERR_SYNTAX, field, "no member" };

			if (!(f->flags & M_F_INTERNAL))
				continue;
			refuse(&bad, m_from_xml);
			bad.doc = json;
			refuse(&bad, m_from_json);
			n++;
		}
	}
	assert_true(n > 0);
}

/* Another version's journal: members and values that we do not know, and wrong ones. */
static void test_journal(void **state)
{
	static const char DOC[] = "{\"name\":\"a\",\"hologram\":{\"x\":[1]},\"status\":\"levitating\",\"host\":{\"id\":"
	                          "\"h\"},\"cpu_shares\":99999999999,"
	                          "\"nics\":[{\"id\":\"n\"}],\"stateless\":true}";
	auto_pool p = pool_new();
	struct err e = ERR_INIT;
	struct m_vm *vm;

	assert_int_equal(m_from_journal(p, &M_TYPE_vm, DOC, strlen(DOC), (void **)&vm, &e), 0);
	assert_string_equal(vm->name, "a");
	assert_int_equal(vm->status, M_VM_STATUS_ABSENT);
	assert_string_equal(vm->host.id, "h");
	assert_string_equal(vm->nics.v[0].id, "n");
	assert_true(vm->stateless);
	assert_int_equal(m_from_journal(p, &M_TYPE_vm, "{\"memory\":[]}", 13, (void **)&vm, &e), -1);
	assert_int_equal(m_from_journal(p, &M_TYPE_vm, "", 0, (void **)&vm, &e), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_xml),          cmocka_unit_test(test_bad_json),
		cmocka_unit_test(test_limits),           cmocka_unit_test(test_nul_bytes),
		cmocka_unit_test(test_cut_off),          cmocka_unit_test(test_lenient_xml),
		cmocka_unit_test(test_lenient_json),     cmocka_unit_test(test_json_text),
		cmocka_unit_test(test_small_documents),  cmocka_unit_test(test_journal),
		cmocka_unit_test(test_internal_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
