/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters of calls, and how errors look to clients. Pure. */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "agent/verb.h"
#include "base/uuid.h"

int verb_error_code(const struct err *e)
{
	switch (e->code) {
	case ERR_AGENT: return e->agent_code;
	case ERR_SYNTAX:
	case ERR_INVALID:
	case ERR_RANGE:
	case ERR_MISSING: return -32602;
	case ERR_NOT_IMPLEMENTED:
	case ERR_METHOD: return -32601;
	case ERR_INTERNAL: return -32603;
	case ERR_BUSY: return 1100;
	default: return 100;
	}
}

/* Follow a path of member names. NULL when there is nothing or null at its end. */
static json_t *param_get(struct verb_call *c, const char *path)
{
	json_t *at = c->params;

	while (at) {
		const char *dot = strchr(path, '.');
		size_t n = dot ? (size_t)(dot - path) : strlen(path);

		at = json_is_object(at) ? json_object_getn(at, path, n) : NULL;
		if (!dot)
			break;
		path = dot + 1;
	}
	return json_is_null(at) ? NULL : at;
}

static int missing(const char *name, struct err *e)
{
	return err_field(e, ERR_MISSING, name, "parameter %s is missing", name);
}

static int wrong(const char *name, const char *wanted, struct err *e)
{
	return err_field(e, ERR_INVALID, name, "parameter %s must be %s", name, wanted);
}

int verb_string_or(struct verb_call *c, const char *name, const char *fallback, const char **out, struct err *e)
{
	json_t *v = param_get(c, name);

	*out = fallback;
	if (!v)
		return 0;
	if (json_is_string(v) && strlen(json_string_value(v)) == json_string_length(v))
		*out = json_string_value(v);
	else if (json_is_integer(v))
		*out = pool_printf(c->pool, "%lld", (long long)json_integer_value(v));
	else
		return wrong(name, "a text", e);
	return 0;
}

int verb_string(struct verb_call *c, const char *name, const char **out, struct err *e)
{
	if (verb_string_or(c, name, NULL, out, e) < 0)
		return -1;
	return *out ? 0 : missing(name, e);
}

int verb_uuid_or(struct verb_call *c, const char *name, const char *fallback, const char **out, struct err *e)
{
	const char *s;
	char *lower;

	if (verb_string_or(c, name, NULL, &s, e) < 0)
		return -1;
	*out = fallback;
	if (!s || !*s)
		return 0;
	if (!uuid_is_valid(s))
		return wrong(name, "a UUID", e);
	lower = pool_strdup(c->pool, s);
	for (char *p = lower; *p; p++)
		*p = g_ascii_tolower(*p);
	*out = lower;
	return 0;
}

int verb_uuid(struct verb_call *c, const char *name, const char **out, struct err *e)
{
	if (verb_uuid_or(c, name, NULL, out, e) < 0)
		return -1;
	return *out ? 0 : missing(name, e);
}

static int int_of(json_t *v, int64_t *out)
{
	if (json_is_integer(v))
		*out = json_integer_value(v);
	else if (!json_is_string(v) ||
	         !g_ascii_string_to_signed(json_string_value(v), 10, G_MININT64, G_MAXINT64, out, NULL))
		return -1;
	return 0;
}

int verb_int_or(struct verb_call *c, const char *name, int64_t min, int64_t max, int64_t fallback, int64_t *out,
                struct err *e)
{
	json_t *v = param_get(c, name);

	*out = fallback;
	if (!v)
		return 0;
	if (int_of(v, out) < 0)
		return wrong(name, "a whole number", e);
	if (*out < min || *out > max)
		return err_field(e, ERR_RANGE, name, "parameter %s must be from %lld to %lld", name, (long long)min,
		                 (long long)max);
	return 0;
}

int verb_int(struct verb_call *c, const char *name, int64_t min, int64_t max, int64_t *out, struct err *e)
{
	if (!param_get(c, name))
		return missing(name, e);
	return verb_int_or(c, name, min, max, 0, out, e);
}

int verb_bool_or(struct verb_call *c, const char *name, bool fallback, bool *out, struct err *e)
{
	static const char *const YES[] = { "true", "yes", "1" }, *const NO[] = { "false", "no", "0" };
	json_t *v = param_get(c, name);

	*out = fallback;
	if (!v)
		return 0;
	if (json_is_boolean(v)) {
		*out = json_is_true(v);
		return 0;
	}
	if (json_is_integer(v) && (json_integer_value(v) == 0 || json_integer_value(v) == 1)) {
		*out = json_integer_value(v);
		return 0;
	}
	for (size_t i = 0; json_is_string(v) && i < G_N_ELEMENTS(YES); i++) {
		*out = g_ascii_strcasecmp(json_string_value(v), YES[i]) == 0;
		if (*out || g_ascii_strcasecmp(json_string_value(v), NO[i]) == 0)
			return 0;
	}
	return wrong(name, "true or false", e);
}

int verb_bool(struct verb_call *c, const char *name, bool *out, struct err *e)
{
	if (!param_get(c, name))
		return missing(name, e);
	return verb_bool_or(c, name, false, out, e);
}

int verb_object_or(struct verb_call *c, const char *name, json_t **out, struct err *e)
{
	*out = param_get(c, name);
	return !*out || json_is_object(*out) ? 0 : wrong(name, "an object", e);
}

int verb_object(struct verb_call *c, const char *name, json_t **out, struct err *e)
{
	if (verb_object_or(c, name, out, e) < 0)
		return -1;
	return *out ? 0 : missing(name, e);
}

int verb_array_or(struct verb_call *c, const char *name, json_t **out, struct err *e)
{
	*out = param_get(c, name);
	return !*out || json_is_array(*out) ? 0 : wrong(name, "a list", e);
}

int verb_array(struct verb_call *c, const char *name, json_t **out, struct err *e)
{
	if (verb_array_or(c, name, out, e) < 0)
		return -1;
	return *out ? 0 : missing(name, e);
}
