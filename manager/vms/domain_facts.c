/* SPDX-License-Identifier: Apache-2.0 */
/* What a VM is, from what it and its cluster say. */
#include <stdlib.h>
#include <string.h>

#include "manager/vms/domain_int.h"

enum { NEWEST_LEVEL = 8 };

size_t domain_graphics(const struct m_vm *vm, enum m_graphics_type out[2])
{
	size_t n = 0;

	if (!vm->graphics.v) { /* nothing was ever said of consoles but in the display */
		if (!vm->display)
			return 0;
		out[0] = vm->display->type == M_DISPLAY_TYPE_SPICE ? M_GRAPHICS_TYPE_SPICE : M_GRAPHICS_TYPE_VNC;
		return 1;
	}
	for (uint32_t i = 0; i < vm->graphics.n && n < 2; i++)
		if (n == 0 || out[0] != vm->graphics.v[i])
			out[n++] = vm->graphics.v[i];
	return n;
}

int domain_level(const struct m_vm *vm, const struct m_cluster *cluster)
{
	const struct m_version *v = vm->custom_compatibility_version;

	if (!v || !v->has.minor)
		v = cluster ? cluster->version : NULL;
	return v ? (int)CLAMP(M_GET(v, minor, NEWEST_LEVEL), 2, NEWEST_LEVEL) : NEWEST_LEVEL;
}

enum m_bios_type domain_bios_of(const struct m_vm *vm, const struct m_cluster *cluster)
{
	enum m_bios_type t = vm->bios ? vm->bios->type : M_BIOS_TYPE_NONE;

	if (t == M_BIOS_TYPE_NONE || t == M_BIOS_TYPE_CLUSTER_DEFAULT)
		t = cluster ? cluster->bios_type : M_BIOS_TYPE_NONE;
	return t == M_BIOS_TYPE_NONE || t == M_BIOS_TYPE_CLUSTER_DEFAULT ? M_BIOS_TYPE_Q35_SEA_BIOS : t;
}

enum m_bios_type domain_bios(const struct domain_spec *s) { return domain_bios_of(s->vm, s->cluster); }

bool domain_is_q35(const struct domain_spec *s) { return domain_bios(s) != M_BIOS_TYPE_I440FX_SEA_BIOS; }

bool domain_is_windows(const struct m_vm *vm)
{
	return vm->os && vm->os->type && g_str_has_prefix(vm->os->type, "windows");
}

const char *domain_property(const struct m_vm *vm, const char *name)
{
	for (uint32_t i = 0; i < vm->custom_properties.n; i++)
		if (g_strcmp0(vm->custom_properties.v[i]->name, name) == 0)
			return vm->custom_properties.v[i]->value;
	return NULL;
}

int64_t domain_hugepage_kib(const struct m_vm *vm)
{
	const char *text = domain_property(vm, "hugepages");
	return text ? g_ascii_strtoll(text, NULL, 10) : 0;
}

char *domain_os_choice(struct pool *p, const char *list, bool is_q35)
{
	g_auto(GStrv) item = list ? g_strsplit(list, ",", 16) : NULL;
	const char *own = is_q35 ? "q35/" : "i440fx/", *common = NULL;

	for (int i = 0; item && item[i]; i++) {
		if (g_str_has_prefix(item[i], own))
			return pool_strdup(p, item[i] + strlen(own));
		if (!common && *item[i] && !strchr(item[i], '/'))
			common = item[i];
	}
	return pool_strdup(p, common);
}

/* ---- booting ---- */

size_t domain_boot(const struct domain_spec *s, const enum m_boot_device **list)
{
	static const enum m_boot_device disk_only[] = { M_BOOT_DEVICE_HD };
	const struct m_boot *b = s->vm->os ? s->vm->os->boot : NULL;

	if (s->n_boot) {
		*list = s->boot;
		return s->n_boot;
	}
	*list = b && b->devices.n ? b->devices.v : disk_only;
	return b && b->devices.n ? b->devices.n : 1;
}

static bool is_booted(const struct domain_disk_spec *d)
{
	return d->attachment && M_GET(d->attachment, bootable, false);
}

static int count_of(const struct domain_spec *s, enum m_boot_device sort)
{
	int n = 0;

	if (sort == M_BOOT_DEVICE_NETWORK)
		return (int)s->n_nics;
	if (sort == M_BOOT_DEVICE_CDROM)
		return 1;
	for (size_t i = 0; i < s->n_disks; i++)
		n += is_booted(&s->disks[i]);
	return n;
}

int domain_boot_order(const struct domain_spec *s, enum m_boot_device sort, size_t i)
{
	const enum m_boot_device *list;
	size_t n = domain_boot(s, &list);
	int order = 1;

	for (size_t k = 0; k < n; k++) {
		if (list[k] != sort) {
			order += count_of(s, list[k]);
			continue;
		}
		if (sort != M_BOOT_DEVICE_HD)
			return order + (int)i;
		if (!is_booted(&s->disks[i]))
			return 0;
		for (size_t d = 0; d < i; d++)
			order += is_booted(&s->disks[d]);
		return order;
	}
	return 0;
}
