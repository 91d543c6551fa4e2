/* SPDX-License-Identifier: Apache-2.0 */
#include "test_util.h"

#include <glib.h>
#include <string.h>

#include "base/auto.h"
#include "rpc/jsonrpc.h"

static void requests(void **state)
{
	static const struct {
		const char *text, *method;
		bool has_id, has_params;
	} CASES[] = {
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"Host.ping\",\"id\":\"1\"}", "Host.ping", true, false },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"Host.ping\",\"params\":{}}", "Host.ping", false, true },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":[1],\"id\":7}", "m", true, true },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":null,\"id\":null}", "m", true, false },
		{ "{\"jsonrpc\":\"1.0\",\"method\":\"m\",\"id\":7}", NULL, true, false },
		{ "{\"jsonrpc\":\"2.0\",\"id\":7}", NULL, true, false },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"\",\"id\":7}", NULL, true, false },
		{ "{\"jsonrpc\":\"2.0\",\"method\":5,\"id\":7}", NULL, true, false },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":\"x\",\"id\":7}", NULL, true, true },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":[]}", NULL, false, false },
		{ "[]", NULL, false, false },
		{ "{}", NULL, false, false },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++) {
		struct err e = ERR_INIT;
		auto_json *message = jsonrpc_parse(CASES[i].text, strlen(CASES[i].text), &e);
		struct jsonrpc_request r;
		int rc = jsonrpc_read_request(message, &r, &e);

		if ((rc == 0) != (CASES[i].method != NULL) || (r.id != NULL) != CASES[i].has_id ||
		    (rc == 0 &&
		     (strcmp(r.method, CASES[i].method) != 0 || (r.params != NULL) != CASES[i].has_params)) ||
		    (rc < 0 && e.agent_code != JSONRPC_INVALID_REQUEST))
			fail_msg("case %zu: %s", i, CASES[i].text);
	}
}

static void not_json(void **state)
{
	static const char *const BAD[] = { "",
		                           "{",
		                           "nul",
		                           "\"text\"",
		                           "12",
		                           "{\"a\":1}x",
		                           "{\"a\":\"\xff\"}",
		                           "[1,]",
		                           "{\"a\":99999999999999999999}" };
	g_autofree char *deep = g_strnfill(100000, '[');
	struct err e;

	for (size_t i = 0; i < G_N_ELEMENTS(BAD); i++)
		if (jsonrpc_parse(BAD[i], strlen(BAD[i]), &e))
			fail_msg("%s", BAD[i]);
	assert_null(jsonrpc_parse(deep, strlen(deep), &e));
}

static void replies(void **state)
{
	struct err e = ERR_INIT;
	struct jsonrpc_reply reply;
	json_t *id = json_string("x"), *message;

	message = jsonrpc_make_result(id, NULL);
	assert_int_equal(jsonrpc_read_reply(message, &reply, &e), 0);
	assert_string_equal(reply.id, "x");
	assert_true(json_is_true(reply.result));
	json_decref(message);
	message = jsonrpc_make_error(id, 99, "recovering");
	assert_int_equal(jsonrpc_read_reply(message, &reply, &e), -1);
	assert_int_equal(e.code, ERR_AGENT);
	assert_int_equal(e.agent_code, 99);
	assert_string_equal(e.detail, "recovering");
	json_decref(message);
	message = jsonrpc_make_error(NULL, JSONRPC_PARSE_ERROR, "bad \xff");
	assert_true(json_is_null(json_object_get(message, "id")));
	json_decref(message);
	message = json_pack("{s:s}", "id", "x");
	assert_int_equal(jsonrpc_read_reply(message, &reply, &e), -1);
	json_decref(message);
	message = json_pack("{s:i,s:{s:s}}", "id", 5, "error", "code", "text");
	assert_int_equal(jsonrpc_read_reply(message, &reply, &e), -1);
	assert_null(reply.id);
	json_decref(message);
	json_decref(id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),
		cmocka_unit_test(not_json),
		cmocka_unit_test(replies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
