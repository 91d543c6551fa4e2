/* SPDX-License-Identifier: Apache-2.0 */
/* What parses, what does not and what is said then; values as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "manager/api/search_internal.h"
#include "tests/unit/search/scene.h"

static void test_queries(void **state)
{
	static const struct {
		const char *query;
		int kind;
	} QUERIES[] = {
		{ "Vms:", KIND_VM },
		{ "Vms: status = up and cpu_usage > 80 sortby cpu_usage desc page 2", KIND_VM },
		{ "Vms: Host.name = h1* or name=web-0*", KIND_VM },
		{ "Vms: user.name=joe users.name=jane", KIND_VM },
		{ "Hosts: vms.name = \"my vm\"", KIND_HOST },
		{ "Hosts: storage.name != \"\" and status=Up", KIND_HOST },
		{ "Template: hosts.name=h3 and quota=null", KIND_TEMPLATE },
		{ "Events: severity > normal and time > yesterday", KIND_EVENT },
		{ "Events: Vm.name=testdesktop and Hosts.name=gonzo.example.com", KIND_EVENT },
		{ "Disks: disk_type = image and number_of_vms > 1", KIND_DISK },
		{ "DataCenter: Clusters.name=Input-cluster1", KIND_DATA_CENTER },
		{ "Storage: free_size < 10", KIND_STORAGE_DOMAIN },
		{ "Users: Vms.name=desktop* and usrname=ann@internal", KIND_USER },
		{ "Quota: thresholdstoragepercentage > 50", KIND_QUOTA },
		{ "Networks: Cluster_network.cluster_name = Default", KIND_NETWORK },
		{ "  vms  :  page 3 ", KIND_VM },
		{ "Vms : tag = name", KIND_VM },
		{ "Pools: name=x", -1 },
		{ "Nic: mac=1", -1 },
		{ "name=x", -1 },
		{ "Vms", -1 },
		{ "", -1 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(QUERIES); i++) {
		auto_pool p = pool_new();
		struct err e = ERR_INIT;
		enum kind k = N_KINDS;
		struct search *s = search_parse_query(p, QUERIES[i].query, false, &k, &e);

		if (QUERIES[i].kind < 0 ? s != NULL : !s || (int)k != QUERIES[i].kind)
			fail_msg("%s: %s", QUERIES[i].query, e.detail);
	}
}

/* As clients write them to the API. */
static void test_rest(void **state)
{
	static const struct {
		enum kind kind;
		const char *query;
	} QUERIES[] = {
		{ KIND_VM, "name=web*" },
		{ KIND_VM, "name=\"my vm\"" },
		{ KIND_VM, "datacenter=x" },
		{ KIND_VM, "cluster=x" },
		{ KIND_VM, "status=up" },
		{ KIND_VM, "status = image_locked or status=ImageLocked" },
		{ KIND_VM, "id=7d2e8a80-2f9f-4a39-bb7b-4e4b1a64a8f0" },
		{ KIND_VM, "sortby name asc" },
		{ KIND_VM, "SORTBY NAME ASC page 1" },
		{ KIND_VM, "page 2" },
		{ KIND_VM, "web" },
		{ KIND_VM, "name" },
		{ KIND_VM, "\"a=b; and\"" }, /* forbidden even there */
		{ KIND_VM, "" },
		{ KIND_VM, "  \t " },
		{ KIND_VM, "host=\"x y\" and template != z" },
		{ KIND_VM, "name != web* AND (x" },
		{ KIND_DATA_CENTER, "storage.name=x" },
		{ KIND_HOST, "hw_id=x and datacenter=y and status=Up" },
		{ KIND_HOST, "vms.name=x" },
		{ KIND_DISK, "vm_names=x" },
		{ KIND_DISK, "alias=x" },
		{ KIND_DISK, "disk_type=image and disk_content_type=iso" },
		{ KIND_USER, "usrname=x" },
		{ KIND_JOB, "correlation_id=X" },
		{ KIND_EVENT, "severity=error" },
		{ KIND_EVENT, "severity>=warning and time < \"Nov 22, 2026 6:00 PM\"" },
		{ KIND_STORAGE_DOMAIN, "low_space_threshold (%) = 10 sortby critical_space_threshold (gb)" },
		{ KIND_NETWORK, "vlanid > 5 and host_network=x or provider.name=y" },
		{ KIND_TAG, "name=x or description=y" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(QUERIES); i++) {
		auto_pool p = pool_new();
		struct err e = ERR_INIT;
		struct search *s = search_parse(p, QUERIES[i].kind, QUERIES[i].query, true, &e);
		bool is_fine = !strchr(QUERIES[i].query, ';');

		if (is_fine != (s != NULL))
			fail_msg("%s: %s", QUERIES[i].query, e.detail);
	}
}

static void test_errors(void **state)
{
	static const struct {
		enum kind kind;
		const char *query, *place, *allowed;
	} CASES[] = {
		{ KIND_VM, "name='x'", "5 to 6", "other characters" },
		{ KIND_VM, "name=x; drop", "6 to 7", "other characters" },
		{ KIND_VM, "name=a\001", "6 to 7", "other characters" },
		{ KIND_VM, "name ~ x", "5 to 6", "=, !=" },
		{ KIND_VM, "nam = x", "0 to 3", "name" },
		{ KIND_VM, "name=a and nam != x", "11 to 14", "name" },
		{ KIND_VM, "name > x", "5 to 6", "=, !=" },
		{ KIND_VM, "uptime = 1", "7 to 8", "<, >" },
		{ KIND_VM, "name=", "5 to 5", "a word" },
		{ KIND_VM, "name = \"abc", "7 to 11", "\"" },
		{ KIND_VM, "name=\"a\"b", "8 to 9", "a blank" },
		{ KIND_VM, "name=a\"b\"", "5 to 9", "quotes around" },
		{ KIND_VM, "name=a\\", "6 to 7", "other characters" },
		{ KIND_VM, "status=sleepy", "7 to 13", "PoweringUp" },
		{ KIND_VM, "status=up*", "7 to 10", "PoweringUp" },
		{ KIND_VM, "memory > lots", "9 to 13", "a number" },
		{ KIND_VM, "memory > 1e3", "9 to 12", "a number" },
		{ KIND_VM, "memory > 0x10", "9 to 13", "a number" },
		{ KIND_VM, "memory < null", "9 to 13", "with = and != only" },
		{ KIND_VM, "uptime > 25:00", "9 to 14", "hh:mm" },
		{ KIND_VM, "creationdate > soon", "15 to 19", "yesterday" },
		{ KIND_VM, "creationdate > 2026-02-30", "15 to 25", "yesterday" },
		{ KIND_VM, "has_illegal_images=maybe", "19 to 24", "true, false" },
		{ KIND_VM, "nmae=web", "0 to 4", "description" },
		{ KIND_VM, "host.nmae=web", "5 to 13", "update_available" },
		{ KIND_VM, "host.name", "5 to 9", "update_available" },
		{ KIND_VM, "cluster.name=x", "0 to 12", "host." },
		{ KIND_VM, "and name=x", "0 to 3", "name" },
		{ KIND_VM, "name=x and", "10 to 10", "name" },
		{ KIND_VM, "name=x and or name=y", "11 to 13", "name" },
		{ KIND_VM, "name=x or sortby name", "10 to 16", "name" },
		{ KIND_VM, "a b", "2 to 3", "description" },
		{ KIND_VM, "host=a host!=b", "13 to 14", "address" },
		{ KIND_VM, "sortby", "6 to 6", "name" },
		{ KIND_VM, "sortby size", "7 to 11", "name" },
		{ KIND_VM, "sortby host.name", "7 to 16", "name" },
		{ KIND_VM, "sortby name up", "12 to 14", "ASC, DESC, PAGE" },
		{ KIND_VM, "sortby name asc name", "16 to 20", "PAGE" },
		{ KIND_VM, "page", "4 to 4", "a number" },
		{ KIND_VM, "page 0", "5 to 6", "a number" },
		{ KIND_VM, "page two", "5 to 8", "a number" },
		{ KIND_VM, "page 99999999999", "5 to 16", "a number" },
		{ KIND_VM, "page 1 name=x", "7 to 13", "nothing" },
		{ KIND_VM, "page 1 page 2", "7 to 13", "nothing" },
		{ KIND_JOB, "status=started", "0 to 6", "correlation_id" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++) {
		auto_pool p = pool_new();
		struct err e = ERR_INIT;
		const char *q = CASES[i].query, *colon;

		if (search_parse(p, CASES[i].kind, q, true, &e))
			fail_msg("%s: accepted", q);
		assert_int_equal(e.code, ERR_INVALID);
		assert_string_equal(e.field, "search");
		colon = strstr(e.detail, "allowed here: ");
		if (!colon || !strstr(colon, CASES[i].allowed) || !strstr(e.detail, CASES[i].place))
			fail_msg("%s: %s", q, e.detail);
	}
}

static void test_limits(void **state)
{
	auto_pool p = pool_new();
	struct err e = ERR_INIT;
	GString *q = g_string_new(NULL);

	for (int i = 0; i < SEARCH_MAX_TERMS; i++)
		g_string_append(q, "memory>1 ");
	assert_non_null(search_parse(p, KIND_VM, q->str, true, &e));
	g_string_append(q, "memory>1 ");
	assert_null(search_parse(p, KIND_VM, q->str, true, &e));
	assert_non_null(strstr(e.detail, "64 conditions"));
	g_string_assign(q, "name=");
	while (q->len < SEARCH_MAX_BYTES)
		g_string_append_c(q, '*');
	assert_non_null(search_parse(p, KIND_VM, q->str, true, &e));
	g_string_append_c(q, 'x');
	assert_null(search_parse(p, KIND_VM, q->str, true, &e));
	assert_null(search_parse(p, KIND_VM, "name=\xff", true, &e));
	assert_string_equal(e.field, "search");
	g_string_free(q, TRUE);
}

static void test_dates(void **state)
{
	static const struct {
		const char *text, *date;
	} CASES[] = {
		{ "today", "2026-11-22T00:00:00Z" },
		{ "Yesterday", "2026-11-21T00:00:00Z" },
		{ "sunday", "2026-11-15T00:00:00Z" },
		{ "monday", "2026-11-16T00:00:00Z" },
		{ "FRIDAY", "2026-11-20T00:00:00Z" },
		{ "saturday", "2026-11-21T00:00:00Z" },
		{ "2026-11-22", "2026-11-22T00:00:00Z" },
		{ "2026-11-22 18:30", "2026-11-22T18:30:00Z" },
		{ "2026-11-22T18:30:05+01:00", "2026-11-22T17:30:05Z" },
		{ "11/22/26", "2026-11-22T00:00:00Z" },
		{ "1/2/2026", "2026-01-02T00:00:00Z" },
		{ "11/22/26, 6:30 PM", "2026-11-22T18:30:00Z" },
		{ "11/22/26 12:05:01 am", "2026-11-22T00:05:01Z" },
		{ "Nov 22, 2026", "2026-11-22T00:00:00Z" },
		{ "november 2, 2026 23:59:59", "2026-11-02T23:59:59Z" },
		{ "Sunday, November 22, 2026", "2026-11-22T00:00:00Z" },
		{ "Feb 29, 2028", "2028-02-29T00:00:00Z" },
		{ "Feb 29, 2026", NULL },
		{ "13/1/26", NULL },
		{ "11/22", NULL },
		{ "Nov 22", NULL },
		{ "Nov", NULL },
		{ "2026-11-22 24:00", NULL },
		{ "2026-11-22 13:00 PM", NULL },
		{ "2026-11-22x", NULL },
		{ "tomorrow", NULL },
	};
	const int64_t now = scene_ms("2026-11-22T18:00:00Z");

	for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++) {
		struct sdate d;
		bool is_date = sdate_parse(CASES[i].text, &d);

		if (is_date != (CASES[i].date != NULL) || (is_date && sdate_ms(&d, now) != scene_ms(CASES[i].date)))
			fail_msg("%s", CASES[i].text);
	}
}

static void test_timespans(void **state)
{
	static const struct {
		const char *text;
		double seconds;
	} CASES[] = {
		{ "2", 2 * 86400 }, { "1:30", 5400 }, { "01:30:05", 5405 }, { "3.02:00", 3 * 86400 + 7200 },
		{ "", -1 },         { "1.5", -1 },    { "1:60", -1 },       { "24:00", -1 },
		{ "1:2:3:4", -1 },  { ":30", -1 },    { "-1", -1 },         { "9999999", -1 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++) {
		double seconds = -1;

		if (!stimespan_parse(CASES[i].text, &seconds))
			seconds = -1;
		if (seconds != CASES[i].seconds)
			fail_msg("%s: %f", CASES[i].text, seconds);
	}
}

static void test_patterns(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool any_case, is_match;
	} CASES[] = {
		{ "web*", "web-01", false, true },
		{ "web*", "Web-01", false, false },
		{ "WEB*", "web-01", true, true },
		{ "*01", "web-01", false, true },
		{ "*e*0*", "web-01", false, true },
		{ "*e*0", "web-01", false, false },
		{ "*", "", false, true },
		{ "**", "x", false, true },
		{ "a*a", "a", false, false },
		{ "a*b*c", "abbbc", false, true },
		{ "a*bc", "abcabc", false, true },
		{ "100%", "100%", false, true },
		{ "100%", "1000", false, false },
		{ "db_1", "dbx1", false, false },
		{ "\xc3\xa4*", "\xc3\x84pfel", true, true }, /* ä* and Äpfel */
		{ "\xc3\xa4*", "\xc3\x84pfel", false, false },
		{ "*", "\xff\xfe", false, true },
		{ "x*", "\xff\xfe", true, false },
		{ "abc", "ab", false, false },
		{ "ab", "abc", false, false },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++) {
		auto_pool p = pool_new();
		struct spattern pat = spattern_make(p, CASES[i].pattern, CASES[i].any_case, false);

		if (spattern_matches(&pat, CASES[i].text, strlen(CASES[i].text)) != CASES[i].is_match)
			fail_msg("%s on %s", CASES[i].pattern, CASES[i].text);
	}
}

static const char *directory_value(void *arg, const char *field)
{
	return strcmp(field, "name") == 0       ? "Ann"
	       : strcmp(field, "lastname") == 0 ? "Admore"
	       : strcmp(field, "username") == 0 ? "ann"
	                                        : NULL;
}

static void test_directory(void **state)
{
	static const struct {
		const char *query;
		int result;
	} CASES[] = {
		{ "ADUSER@internal-authz::allnames=adm*", 1 },
		{ "adusers@internal-authz:dc=example:name = ann lastname!=\"B*\"", 1 },
		{ "ADUSER@internal-authz::allnames=b*", 0 },
		{ "ADUSER@internal-authz::title!=x", 1 },
		{ "ADUSER@internal-authz::title=x", 0 },
		{ "ADGROUP@p::groupname=x", 0 },
		{ "ADUSER@internal-authz::", -1 },
		{ "ADUSER@::name=x", -1 },
		{ "ADUSER@p:name=x", -1 },
		{ "ADGROUP@p::lastname=x", -1 },
		{ "ADUSER@p::name>x", -1 },
		{ "ADUSER@p::name=", -1 },
		{ "ADUSER@p::name=\"x", -1 },
		{ "ADUSER@p::name='x'", -1 },
		{ "Vms: name=x", -1 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++) {
		auto_pool p = pool_new();
		struct err e = ERR_INIT;
		struct search_directory *d = search_parse_directory(p, CASES[i].query, &e);
		int result = d ? search_directory_matches(d, directory_value, NULL) : -1;

		if (result != CASES[i].result)
			fail_msg("%s: %d %s", CASES[i].query, result, e.detail);
		if (d && i == 1)
			assert_string_equal(d->namespace, "dc=example");
		if (!d)
			assert_string_equal(e.field, "search");
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queries),  cmocka_unit_test(test_rest),      cmocka_unit_test(test_errors),
		cmocka_unit_test(test_limits),   cmocka_unit_test(test_dates),     cmocka_unit_test(test_timespans),
		cmocka_unit_test(test_patterns), cmocka_unit_test(test_directory),
	};
	return cmocka_run_group_tests_name("search: parse", tests, NULL, NULL);
}
