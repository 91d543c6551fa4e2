/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/jsonrpc.h"

#include <string.h>

json_t *jsonrpc_parse(const char *text, size_t len, struct err *e)
{
	json_error_t why;
	json_t *message = json_loadb(text, len, 0, &why);

	if (!message) {
		/* What was near the fault may be secret: name the place only. */
		err_set(e, ERR_SYNTAX, "not JSON at byte %d", why.position);
		return NULL;
	}
	if (!json_is_object(message) && !json_is_array(message)) {
		json_decref(message);
		err_set(e, ERR_SYNTAX, "neither an object nor an array");
		return NULL;
	}
	return message;
}

static int invalid(struct err *e, const char *why)
{
	err_set(e, ERR_INVALID, "invalid request: %s", why);
	e->agent_code = JSONRPC_INVALID_REQUEST;
	return -1;
}

int jsonrpc_read_request(const json_t *message, struct jsonrpc_request *r, struct err *e)
{
	const char *version;

	*r = (struct jsonrpc_request){ 0 };
	if (!json_is_object(message))
		return invalid(e, "not an object");
	r->id = json_object_get(message, "id");
	if (r->id && !json_is_string(r->id) && !json_is_number(r->id) && !json_is_null(r->id)) {
		r->id = NULL;
		return invalid(e, "the id is neither text nor number");
	}
	version = json_string_value(json_object_get(message, "jsonrpc"));
	if (!version || strcmp(version, "2.0") != 0)
		return invalid(e, "not of version 2.0");
	r->method = json_string_value(json_object_get(message, "method"));
	if (!r->method || !*r->method)
		return invalid(e, "no method");
	if (json_string_length(json_object_get(message, "method")) > JSONRPC_MAX_METHOD)
		return invalid(e, "the method's name is too long");
	r->params = json_object_get(message, "params");
	if (json_is_null(r->params))
		r->params = NULL;
	if (r->params && !json_is_object(r->params) && !json_is_array(r->params))
		return invalid(e, "params are neither an object nor an array");
	return 0;
}

int jsonrpc_read_reply(const json_t *message, struct jsonrpc_reply *reply, struct err *e)
{
	const json_t *error, *code;
	const char *text;

	*reply = (struct jsonrpc_reply){ 0 };
	if (!json_is_object(message))
		return err_set(e, ERR_SYNTAX, "an answer that is not an object");
	reply->id = json_string_value(json_object_get(message, "id"));
	error = json_object_get(message, "error");
	if (error && !json_is_null(error)) {
		code = json_object_get(error, "code");
		text = json_string_value(json_object_get(error, "message"));
		return err_agent(e, json_is_integer(code) ? (int)json_integer_value(code) : JSONRPC_INTERNAL, "%s",
		                 text ? text : "the agent gives no reason");
	}
	reply->result = json_object_get(message, "result");
	if (!reply->result)
		return err_agent(e, JSONRPC_INTERNAL, "an answer without a result");
	return 0;
}

static json_t *begin(json_t *id)
{
	json_t *message = json_object();

	json_object_set_new(message, "jsonrpc", json_string("2.0"));
	if (id)
		json_object_set(message, "id", id);
	return message;
}

json_t *jsonrpc_make_result(json_t *id, json_t *result)
{
	json_t *message = begin(id);

	json_object_set_new(message, "result", result ? result : json_true());
	return message;
}

json_t *jsonrpc_make_error(json_t *id, int code, const char *text)
{
	json_t *message = begin(id), *error = json_object(), *sentence = json_string(text);

	if (!id)
		json_object_set_new(message, "id", json_null());
	json_object_set_new(error, "code", json_integer(code));
	json_object_set_new(error, "message", sentence ? sentence : json_string("unreadable error"));
	json_object_set_new(message, "error", error);
	return message;
}

json_t *jsonrpc_make_request(const char *id, const char *method, json_t *params)
{
	json_t *message = begin(NULL);

	json_object_set_new(message, "method", json_string(method));
	json_object_set_new(message, "params", params ? params : json_object());
	if (id)
		json_object_set_new(message, "id", json_string(id));
	return message;
}
