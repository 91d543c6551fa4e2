/* SPDX-License-Identifier: Apache-2.0 */
/* What is shown of logs: times, bounds, cursors, and no secrets. */
#include "agent_test.h"

#include <glib.h>
#include <string.h>

#include "agent/log_text.h"

static void test_times(void **state)
{
	static const struct {
		const char *line;
		int64_t time;
	} CASES[] = {
		{ "1970-01-01T00:00:10.123Z info  hostler-agent: x", 10 },
		{ "1970-01-01 00:01:00.123+0000: 42: info : x", 60 },
		{ "2026-11-22T20:00:00+0000 host1 hostler-agent[1]: x", 1795377600 },
		{ "1970-01-01T00:00:1", -1 },
		{ "1970-13-01T00:00:10Z", -1 },
		{ "char device redirected to /dev/pts/1", -1 },
		{ "", -1 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++)
		if (log_line_time(CASES[i].line, strlen(CASES[i].line)) != CASES[i].time)
			fail_msg("%s", CASES[i].line);
}

static void test_secrets(void **state)
{
	static const struct {
		const char *line, *shown;
	} CASES[] = {
		{ "call VERB=Host.ping", "call VERB=Host.ping\n" },
		{ "password=abc next=1", "password=*** next=1\n" },
		{ "{\"ticket\": \"a b\", \"x\": 1}", "{\"ticket\": ***, \"x\": 1}\n" },
		{ "Authorization: Bearer abc.def", "Authorization: ***\n" },
		{ "passwd='x y' z", "passwd=*** z\n" },
		{ "TOKEN=1234&n=2", "TOKEN=***&n=2\n" },
		{ "-----BEGIN RSA PRIVATE KEY-----", "***\n" },
		{ "bad \xff bytes", "bad \xef\xbf\xbd bytes\n" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++) {
		g_autoptr(GString) out = g_string_new(NULL);

		log_append_redacted(out, CASES[i].line, strlen(CASES[i].line));
		assert_string_equal(out->str, CASES[i].shown);
	}
}

static const char TEXT[] = "1970-01-01T00:00:10Z one\n"
                           "and more\n"
                           "1970-01-01T00:00:20Z two\n"
                           "1970-01-01T00:00:30Z three\n"
                           "unfinished";

static void expect(const char *text, int64_t since, unsigned n, bool is_first, const char *shown, size_t used)
{
	g_autoptr(GString) out = g_string_new(NULL);

	assert_int_equal(log_select(out, text, strlen(text), since, n, is_first), used);
	assert_string_equal(out->str, shown);
}

static void test_selection(void **state)
{
	const size_t all = strlen(TEXT) - strlen("unfinished");

	expect(TEXT, 0, 1, false, "1970-01-01T00:00:30Z three\n", all);
	expect(TEXT, 10, 10, false,
	       "1970-01-01T00:00:10Z one\nand more\n1970-01-01T00:00:20Z two\n1970-01-01T00:00:30Z three\n", all);
	expect(TEXT, 11, 10, false, "1970-01-01T00:00:20Z two\n1970-01-01T00:00:30Z three\n", all);
	expect(TEXT, 99, 10, false, "", all);
	expect(TEXT, 0, 2, true, "1970-01-01T00:00:10Z one\nand more\n", 34);
	expect(TEXT, 0, 100, true,
	       "1970-01-01T00:00:10Z one\nand more\n1970-01-01T00:00:20Z two\n1970-01-01T00:00:30Z three\n", all);
	expect("", 0, 10, true, "", 0);
	expect("unfinished", 0, 10, true, "", 0);
}

/* Following in steps gives every line once, whatever the size of the steps. */
static void test_following(void **state)
{
	g_autoptr(GString) text = g_string_new(NULL), out = g_string_new(NULL);
	size_t at = 0;

	for (int i = 0; i < 1000; i++)
		g_string_append_printf(text, "line %d of some length, so that it fills\n", i);
	for (int i = 0; at < text->len && i < 2000; i++)
		at += log_select(out, text->str + at, text->len - at, 0, 7, true);
	assert_string_equal(out->str, text->str);
}

static void test_bounds(void **state)
{
	g_autoptr(GString) text = g_string_new(NULL), out = g_string_new(NULL);

	for (int i = 0; i < 3000; i++)
		g_string_append_printf(text, "%0999d\n", i);
	log_select(out, text->str, text->len, 0, 10000, false);
	assert_true(out->len <= LOG_TEXT_MAX && out->len > LOG_TEXT_MAX - 2000);
	assert_true(g_str_has_suffix(out->str, "2999\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times),     cmocka_unit_test(test_secrets), cmocka_unit_test(test_selection),
		cmocka_unit_test(test_following), cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
