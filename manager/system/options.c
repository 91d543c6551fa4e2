/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/system/options.h"

#include <string.h>

#include "base/log.h"

static const struct option {
	const char *name, *value;
	int64_t min, max; /* of numbers that may be set; both 0: it is fixed */
} OPTIONS[] = {
	{ "ApplicationMode", "1" },
	{ "ConsoleReleaseCursorKeys", "shift+f12" },
	{ "ConsoleToggleFullScreenKeys", "shift+f11" },
	{ "DefaultGeneralTimeZone", "Etc/GMT" },
	{ "DefaultWindowsTimeZone", "GMT Standard Time" },
	{ "ENGINE_DEFAULT_LANGUAGE", "en_US" },
	{ "EventStreamsMax", "2000", 1, 100000 },
	{ "EventStreamsPerUser", "100", 1, 100000 },
	{ "MaxNumOfVmCpus", "{x86=710, x86_64=710}" },
	{ "MaxNumOfVmSockets", "10000" },
	{ "MaxNumOfCpuPerSocket", "254" },
	{ "MaxNumOfThreadsPerCpu", "8" },
	{ "PredefinedVMProperties",
	  "sap_agent=^(true|false)$;sndbuf=^[0-9]+$;vhost=^(([a-zA-Z0-9_-]*):(true|false))(,(([a-zA-Z0-9_-]*):(true|"
	  "false)))*$;viodiskcache=^(none|writeback|writethrough)$;hugepages=^[0-9]+$;scsi_hostdev=^(scsi_generic|scsi_"
	  "block|scsi_hd|virtio_blk_pci)$;nvram_template=^.*$;cloud_init_source=^(config-drive|nocloud)$;extra_cpu_"
	  "flags=^("
	  "[+-]?[a-zA-Z0-9_-]+)(,[+-]?[a-zA-Z0-9_-]+)*$" },
	{ "SpiceUsbAutoShare", "true" },
	{ "UserSessionTimeOutInterval", "30" },
	{ "VmGracefulShutdownTimeout", "30", 1, 3600 },
	{ "WebSocketProxy", "Off" },
};

static const struct option *option_of(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(OPTIONS); i++)
		if (strcmp(OPTIONS[i].name, name) == 0)
			return &OPTIONS[i];
	return NULL;
}

/* What the administrator's file says; NULL: nothing, or nothing that can be. */
static char *own_value(struct core *c, const struct option *o)
{
	g_autofree char *path = c->state_dir ? g_build_filename(c->state_dir, "options", NULL) : NULL;
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	const size_t len = strlen(o->name);
	gint64 ignored;

	if (o->max == 0 || !path || !g_file_get_contents(path, &text, NULL, NULL))
		return NULL;
	lines = g_strsplit(text, "\n", 1000);
	for (char **l = lines; *l; l++) {
		const char *value = *l + len + 1;

		if (strncmp(*l, o->name, len) != 0 || (*l)[len] != '=')
			continue;
		g_strchomp(*l);
		if (g_ascii_string_to_signed(value, 10, o->min, o->max, &ignored, NULL))
			return g_strdup(value);
		log_warn("option not taken, it cannot be", "OPTION", o->name, "VALUE", value);
	}
	return NULL;
}

char *option_text(struct core *c, struct pool *p, const char *name)
{
	const struct option *o = option_of(name);
	g_autofree char *own = o ? own_value(c, o) : NULL;

	return o ? pool_strdup(p, own ? own : o->value) : NULL;
}

int64_t option_number(struct core *c, const char *name)
{
	auto_pool p = pool_new();
	const char *text = option_text(c, p, name);

	return text ? g_ascii_strtoll(text, NULL, 10) : 0;
}
