/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"

#include <glib.h>
#include <string.h>
#include <time.h>

#include "agent/edge.h"
#include "agent/host/system.h"
#include "agent/identity.h"
#include "agent/pki.h"

int64_t agent_event_time_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void agent_event(struct agent *a, const char *method, json_t *params)
{
	json_object_set_new(params, "notify_time", json_integer(agent_event_time_ms()));
	edge_event(a, method, params);
}

/* Of the hardware if it has one, else from what the installation made up for itself. */
static void find_identity(uuid_text out)
{
	auto_pool p = pool_new();
	const char *dmi = system_read(p, "/sys/class/dmi/id/product_uuid"),
	           *machine = system_read(p, "/etc/machine-id");
	struct chance *chance;

	if (dmi && uuid_is_valid(dmi) && strncmp(dmi, "00000000", 8) != 0 &&
	    g_ascii_strncasecmp(dmi, "ffffffff", 8) != 0) {
		g_strlcpy(out, dmi, sizeof(uuid_text));
	} else if (machine && *machine) {
		uuid_derive("hostler-host", machine, out);
	} else {
		chance = chance_new_real();
		uuid_make(chance, out);
		chance_free(chance);
	}
	for (char *c = out; *c; c++)
		*c = g_ascii_tolower(*c);
}

int identity_read(const char *state_dir, uuid_text out, struct err *e)
{
	auto_pool p = pool_new();
	const char *path = pool_printf(p, "%s/vdsm.id", state_dir), *text = system_read(p, path);

	if (!text)
		text = system_read(p, "/etc/vdsm/vdsm.id");
	if (text && strlen(text) == UUID_LEN && uuid_is_valid(text)) {
		g_strlcpy(out, text, sizeof(uuid_text));
		return 0;
	}
	find_identity(out);
	return pki_write_file(path, pool_printf(p, "%s\n", out), 0644, e);
}
