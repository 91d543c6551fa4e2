/* SPDX-License-Identifier: Apache-2.0 */
/* JSON-RPC messages of strangers, read as requests and as answers. */
#include <stdint.h>
#include <stdlib.h>

#include "base/auto.h"
#include "rpc/jsonrpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_one(const json_t *message)
{
	struct jsonrpc_request request;
	struct jsonrpc_reply reply;
	struct err e = ERR_INIT;
	json_t *answer;

	if (jsonrpc_read_request(message, &request, &e) == 0)
		answer = jsonrpc_make_result(request.id, json_incref(request.params));
	else
		answer = jsonrpc_make_error(request.id, e.agent_code, e.detail);
	free(json_dumps(answer, JSON_COMPACT));
	json_decref(answer);
	if (jsonrpc_read_reply(message, &reply, &e) == 0 && !reply.result)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	auto_json *message = jsonrpc_parse((const char *)data, size, &e);

	if (!message)
		return 0;
	read_one(message);
	for (size_t i = 0; i < json_array_size(message); i++)
		read_one(json_array_get(message, i));
	return 0;
}
