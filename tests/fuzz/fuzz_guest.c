/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What guests say, and what was saved with a machine. The first byte chooses. Answers of a guest: lines "name=value" of
 * libvirt's parameters, a value of digits being a number.
 */
#include <glib.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/vms/guest.h"
#include "agent/vms/pickle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_PARAMS = 2048, MAX_OUT = 512 * 1024 };

static void try_params(const char *text)
{
	g_autofree virTypedParameter *params = g_new0(virTypedParameter, MAX_PARAMS);
	g_auto(GStrv) lines = g_strsplit(text, "\n", MAX_PARAMS);
	char *dump;
	json_t *j;
	int n = 0;

	for (char **l = lines; *l; l++) {
		char *value = strchr(*l, '=');

		if (!value)
			continue;
		*value++ = 0;
		g_strlcpy(params[n].field, *l, sizeof(params[n].field));
		if (g_ascii_isdigit(*value)) {
			params[n].type = VIR_TYPED_PARAM_UINT;
			params[n].value.ui = (unsigned)strtoul(value, NULL, 10);
		} else {
			params[n].type = VIR_TYPED_PARAM_STRING;
			params[n].value.s = value;
		}
		n++;
	}
	j = guest_json(params, n);
	dump = json_dumps(j, JSON_COMPACT);
	if (!dump || strlen(dump) > MAX_OUT)
		abort();
	free(dump);
	json_decref(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = NULL;
	struct err e = ERR_INIT;

	if (size < 1)
		return 0;
	text = g_strndup((const char *)data + 1, size - 1);
	switch (data[0] % 3) {
	case 0: try_params(text); break;
	case 1: json_decref(pickle_read(data + 1, size - 1, &e)); break;
	default: g_free(guest_agent_version(text));
	}
	return 0;
}
