/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_test.h"

#include "agent/verb.h"
#include "base/auto.h"

static struct verb_call call_with(const char *text)
{
	struct verb_call c = { .method = "Test.verb", .params = json_loads(text, 0, NULL), .pool = pool_new() };

	assert_non_null(c.params);
	return c;
}

static void call_end(struct verb_call *c)
{
	json_decref(c->params);
	pool_free(c->pool);
}

static void texts_and_ids(void **unused)
{
	struct verb_call c =
	    call_with("{\"a\":\"x\",\"n\":5,\"null\":null,\"o\":{\"i\":\"AAAAAAAA-BBBB-4ccc-8ddd-EEEEEEEEEEEE\"}}");
	struct err e = ERR_INIT;
	const char *s;

	assert_int_equal(verb_string(&c, "a", &s, &e), 0);
	assert_string_equal(s, "x");
	assert_int_equal(verb_string(&c, "n", &s, &e), 0);
	assert_string_equal(s, "5");
	assert_int_equal(verb_string_or(&c, "null", "other", &s, &e), 0);
	assert_string_equal(s, "other");
	assert_int_equal(verb_uuid(&c, "o.i", &s, &e), 0);
	assert_string_equal(s, "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee");
	for (size_t i = 0; i < 3; i++) {
		static const char *const BAD[] = { "missing", "null", "o" };

		assert_int_equal(verb_string(&c, BAD[i], &s, &e), -1);
		assert_string_equal(e.field, BAD[i]);
		assert_int_equal(verb_error_code(&e), -32602);
		assert_non_null(strstr(e.detail, BAD[i]));
	}
	assert_int_equal(verb_uuid(&c, "a", &s, &e), -1);
	assert_int_equal(verb_uuid_or(&c, "a", NULL, &s, &e), -1);
	assert_int_equal(verb_string(&c, "a.b.c", &s, &e), -1);
	call_end(&c);
}

static void numbers(void **unused)
{
	static const struct {
		const char *text;
		int result;
		int64_t value;
	} CASES[] = {
		{ "{\"v\":7}", 0, 7 },    { "{\"v\":\"7\"}", 0, 7 },   { "{\"v\":\"-1\"}", -1, 0 },
		{ "{\"v\":101}", -1, 0 }, { "{\"v\":\"7x\"}", -1, 0 }, { "{\"v\":\"\"}", -1, 0 },
		{ "{\"v\":1.5}", -1, 0 }, { "{\"v\":[]}", -1, 0 },     { "{\"v\":\"99999999999999999999\"}", -1, 0 },
		{ "{}", -1, 0 },
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct verb_call c = call_with(CASES[i].text);
		struct err e = ERR_INIT;
		int64_t v;

		if (verb_int(&c, "v", 0, 100, &v, &e) != CASES[i].result)
			fail_msg("%s", CASES[i].text);
		if (CASES[i].result == 0)
			assert_int_equal(v, CASES[i].value);
		call_end(&c);
	}
}

static void booleans(void **unused)
{
	static const struct {
		const char *text;
		int result;
		bool value;
	} CASES[] = {
		{ "{\"v\":true}", 0, true },
		{ "{\"v\":0}", 0, false },
		{ "{\"v\":\"True\"}", 0, true },
		{ "{\"v\":\"no\"}", 0, false },
		{ "{\"v\":\"maybe\"}", -1, false },
		{ "{\"v\":2}", -1, false },
		{ "{}", 0, true },
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct verb_call c = call_with(CASES[i].text);
		struct err e = ERR_INIT;
		bool v;

		if (verb_bool_or(&c, "v", true, &v, &e) != CASES[i].result ||
		    (CASES[i].result == 0 && v != CASES[i].value))
			fail_msg("%s", CASES[i].text);
		call_end(&c);
	}
}

static void codes(void **unused)
{
	struct err e = ERR_INIT;

	err_agent(&e, 4, "exists");
	assert_int_equal(verb_error_code(&e), 4);
	err_set(&e, ERR_BUSY, "x");
	assert_int_equal(verb_error_code(&e), 1100);
	err_set(&e, ERR_NOT_IMPLEMENTED, "x");
	assert_int_equal(verb_error_code(&e), -32601);
	err_set(&e, ERR_BACKEND, "x");
	assert_int_equal(verb_error_code(&e), 100);
	assert_true(verb_is_known("VM.migrate"));
	assert_true(verb_is_known("Volume.verify_untrusted"));
	assert_false(verb_is_known("VM.migrat"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(texts_and_ids), cmocka_unit_test(numbers),
		                            cmocka_unit_test(booleans), cmocka_unit_test(codes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
