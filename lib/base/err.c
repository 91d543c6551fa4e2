/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>
#include <glib.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const CODE_NAMES[N_ERR_CODE] = {
	[ERR_NONE] = "none",
	[ERR_SYNTAX] = "syntax",
	[ERR_INVALID] = "invalid",
	[ERR_RANGE] = "range",
	[ERR_MISSING] = "missing",
	[ERR_UNSUPPORTED] = "unsupported",
	[ERR_AUTH] = "auth",
	[ERR_DENIED] = "denied",
	[ERR_NO_ENTITY] = "no_entity",
	[ERR_NOT_FOUND] = "not_found",
	[ERR_METHOD] = "method",
	[ERR_NOT_ACCEPTABLE] = "not_acceptable",
	[ERR_MEDIA_TYPE] = "media_type",
	[ERR_TOO_LARGE] = "too_large",
	[ERR_CONFLICT] = "conflict",
	[ERR_IMMUTABLE] = "immutable",
	[ERR_PRECONDITION] = "precondition",
	[ERR_BUSY] = "busy",
	[ERR_NOT_IMPLEMENTED] = "not_implemented",
	[ERR_NO_SPACE] = "no_space",
	[ERR_BACKEND] = "backend",
	[ERR_NETWORK] = "network",
	[ERR_TIMEOUT] = "timeout",
	[ERR_AGENT] = "agent",
	[ERR_CANCELLED] = "cancelled",
	[ERR_INTERNAL] = "internal",
};

/* A sentence that was cut must still be UTF-8: it travels in XML and JSON. */
static void cut_to_utf8(char *text)
{
	const char *end;

	if (!g_utf8_validate(text, -1, &end)) {
		size_t len = strlen(text);

		if (len - (size_t)(end - text) < 4) {
			text[end - text] = '\0';
			return;
		}
		for (char *c = text; *c; c++)
			if ((unsigned char)*c >= 0x80)
				*c = '?';
	}
}

/* Arguments may point into e itself (wrapping by hand), so the text is made beside it. */
static int fill(struct err *e, enum err_code code, const char *field, const char *fmt, va_list ap)
{
	char detail[sizeof(e->detail)];
	char name[sizeof(e->field)];

	vsnprintf(detail, sizeof(detail), fmt, ap);
	g_strlcpy(name, field ? field : "", sizeof(name));
	cut_to_utf8(detail);
	e->code = code;
	e->agent_code = 0;
	memcpy(e->detail, detail, sizeof(detail));
	memcpy(e->field, name, sizeof(name));
	return -1;
}

int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(e, code, "", fmt, ap);
	va_end(ap);
	return -1;
}

int err_field(struct err *e, enum err_code code, const char *field, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(e, code, field, fmt, ap);
	va_end(ap);
	return -1;
}

int err_agent(struct err *e, int agent_code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(e, ERR_AGENT, "", fmt, ap);
	va_end(ap);
	e->agent_code = agent_code;
	return -1;
}

int err_errno(struct err *e, int errnum, const char *fmt, ...)
{
	bool is_full = errnum == ENOSPC || errnum == EDQUOT;
	size_t used;
	va_list ap;

	va_start(ap, fmt);
	fill(e, is_full ? ERR_NO_SPACE : ERR_BACKEND, "", fmt, ap);
	va_end(ap);
	used = strlen(e->detail);
	snprintf(e->detail + used, sizeof(e->detail) - used, ": %s", g_strerror(errnum));
	cut_to_utf8(e->detail);
	return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char old[sizeof(e->detail)];
	size_t used;
	va_list ap;

	memcpy(old, e->detail, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(e->detail, sizeof(e->detail), fmt, ap);
	va_end(ap);
	used = strlen(e->detail);
	snprintf(e->detail + used, sizeof(e->detail) - used, ": %s", old);
	cut_to_utf8(e->detail);
	return -1;
}

const char *err_code_name(enum err_code code)
{
	if ((unsigned)code >= N_ERR_CODE || !CODE_NAMES[code])
		return "unknown";
	return CODE_NAMES[code];
}
