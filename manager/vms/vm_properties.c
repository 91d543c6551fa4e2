/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Custom properties of VMs: names that the agent or its hooks act upon, each with the values it may have. What an
 * administrator allows besides is in the file custom-properties of the Manager's folder, a line NAME=PATTERN for each.
 */
#include <string.h>

#include "manager/vms/vm_hardware.h"

static const struct property {
	const char *name, *pattern;
	int since; /* minor of the compatibility level */
} PREDEFINED[] = {
	{ "sap_agent", "^(true|false)$", 2 },
	{ "sndbuf", "^[0-9]+$", 2 },
	{ "vhost", "^(([a-zA-Z0-9_-]*):(true|false))(,(([a-zA-Z0-9_-]*):(true|false)))*$", 2 },
	{ "viodiskcache", "^(none|writeback|writethrough)$", 2 },
	{ "hugepages", "^[0-9]+$", 2 },
	{ "scsi_hostdev", "^(scsi_generic|scsi_block|scsi_hd|virtio_blk_pci)$", 4 },
	{ "nvram_template", "^.*$", 4 },
	{ "cloud_init_source", "^(config-drive|nocloud)$", 2 },
	{ "extra_cpu_flags", "^([+-]?[a-zA-Z0-9_-]+)(,[+-]?[a-zA-Z0-9_-]+)*$", 6 },
};

/* Lines of the administrator's file; NULL: there is none. */
static char **own_lines(struct core *c)
{
	g_autofree char *path = c->state_dir ? g_build_filename(c->state_dir, "custom-properties", NULL) : NULL;
	g_autofree char *text = NULL;

	return path && g_file_get_contents(path, &text, NULL, NULL) ? g_strsplit(text, "\n", 1000) : NULL;
}

/* The pattern of a name, in the pool; NULL: it is not known. */
static char *pattern_of(struct pool *p, char **own, const char *name, int level)
{
	for (size_t i = 0; i < G_N_ELEMENTS(PREDEFINED); i++)
		if (strcmp(PREDEFINED[i].name, name) == 0 && level >= PREDEFINED[i].since)
			return pool_strdup(p, PREDEFINED[i].pattern);
	for (; own && *own; own++) {
		size_t len = strcspn(*own, "=");

		if (len == strlen(name) && strncmp(*own, name, len) == 0 && (*own)[len] == '=')
			return pool_strdup(p, g_strchomp(*own + len + 1));
	}
	return NULL;
}

char *vm_property_names(struct core *c, struct pool *p, int level)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_auto(GStrv) own = own_lines(c);

	for (size_t i = 0; i < G_N_ELEMENTS(PREDEFINED); i++)
		if (level >= PREDEFINED[i].since)
			g_string_append_printf(text, "%s%s", text->len ? ", " : "", PREDEFINED[i].name);
	for (char **at = own; at && *at && text->len < 300; at++)
		if (strchr(*at, '='))
			g_string_append_printf(text, ", %.*s", (int)strcspn(*at, "="), *at);
	return pool_strdup(p, text->str);
}

static int check_one(struct core *c, struct pool *p, char **own, const struct m_custom_property *cp, int level,
                     const char *what, struct err *e)
{
	const char *value = cp->value ? cp->value : "", *pattern;

	if (!cp->name || !*cp->name)
		return err_field(e, ERR_MISSING, "vm.custom_properties", "Cannot %s. A custom property has no name.",
		                 what);
	pattern = pattern_of(p, own, cp->name, level);
	if (!pattern)
		return err_field(e, ERR_INVALID, "vm.custom_properties",
		                 "Cannot %s. There is no custom property '%.60s'. Known are: %s.", what, cp->name,
		                 vm_property_names(c, p, level));
	if (!g_regex_match_simple(pattern, value, G_REGEX_DOLLAR_ENDONLY, 0))
		return err_field(e, ERR_INVALID, "vm.custom_properties",
		                 "Cannot %s. The custom property %.60s cannot be '%.60s'; it must match %.200s.", what,
		                 cp->name, value, pattern);
	return 0;
}

int vm_check_properties(struct core *c, const struct m_vm *vm, int level, const char *what, struct err *e)
{
	g_auto(GStrv) own = vm->custom_properties.n ? own_lines(c) : NULL;
	auto_pool p = pool_new();

	for (uint32_t i = 0; i < vm->custom_properties.n; i++) {
		const struct m_custom_property *cp = vm->custom_properties.v[i];

		if (check_one(c, p, own, cp, level, what, e) < 0)
			return -1;
		for (uint32_t k = 0; k < i; k++)
			if (strcmp(vm->custom_properties.v[k]->name, cp->name) == 0)
				return err_field(e, ERR_INVALID, "vm.custom_properties",
				                 "Cannot %s. The custom property %.60s is given twice.", what,
				                 cp->name);
	}
	return 0;
}
