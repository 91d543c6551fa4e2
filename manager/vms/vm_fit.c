/* SPDX-License-Identifier: Apache-2.0 */
/* Can a host carry what a VM is made of? By what it reported of itself; what it does not report is not held against it. */
#include <string.h>

#include "manager/hosts/hosts.h"
#include "manager/vms/vm_hardware.h"

static bool has_model(json_t *caps, const char *spec)
{
	const char *flags = json_string_value(json_object_get(caps, "cpuFlags"));
	g_autofree char *model = g_strndup(spec, strcspn(spec, ","));
	g_auto(GStrv) list = flags ? g_strsplit(flags, ",", -1) : NULL;

	for (int i = 0; list && list[i]; i++)
		if (g_str_has_prefix(list[i], "model_") && strcmp(list[i] + 6, model) == 0)
			return true;
	return !flags;
}

static const char *refuse_model(struct pool *p, json_t *caps, const struct m_vm *vm)
{
	json_t *machines = json_object_get(caps, "emulatedMachines"), *m;
	const char *machine = vm->custom_emulated_machine;
	size_t i;

	if (vm->custom_cpu_model && *vm->custom_cpu_model && !has_model(caps, vm->custom_cpu_model))
		return pool_printf(p, "it does not have the CPU model %.60s", vm->custom_cpu_model);
	if (!machine || !*machine || !machines)
		return NULL;
	json_array_foreach (machines, i, m)
		if (g_strcmp0(json_string_value(m), machine) == 0)
			return NULL;
	return pool_printf(p, "it does not have the machine %.60s", machine);
}

/* ---- pins ---- */

static int64_t number_of_cpus(json_t *caps)
{
	const char *online = json_string_value(json_object_get(caps, "onlineCpus"));
	int64_t last = -1;

	for (const char *at = online; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		last = MAX(last, g_ascii_strtoll(at, NULL, 10));
	return last + 1;
}

static const char *refuse_pins(struct pool *p, json_t *caps, const struct m_vm *vm)
{
	const struct m_cpu_tune *ct = vm->cpu ? vm->cpu->cpu_tune : NULL;
	int64_t n = number_of_cpus(caps);

	for (uint32_t i = 0; ct && n > 0 && i < ct->vcpu_pins.n; i++) {
		g_autoptr(GArray) set = g_array_new(FALSE, FALSE, sizeof(int64_t));
		struct err e = ERR_INIT;

		if (vm_parse_cpu_set(ct->vcpu_pins.v[i]->cpu_set, set, n, &e) < 0)
			return pool_printf(
			    p, "the VM's CPUs are pinned to '%.40s', but it has CPUs 0 to %" G_GINT64_FORMAT,
			    ct->vcpu_pins.v[i]->cpu_set, n - 1);
	}
	return NULL;
}

static const char *refuse_node(struct pool *p, json_t *nodes, const struct m_vm *vm,
                               const struct m_virtual_numa_node *node)
{
	enum m_numa_tune_mode mode = node->numa_tune_mode ? node->numa_tune_mode : vm->numa_tune_mode;

	for (uint32_t k = 0; k < node->numa_node_pins.n; k++) {
		int64_t index = M_GET(node->numa_node_pins.v[k], index, -1);
		json_t *there = json_object_get(nodes, pool_printf(p, "%" G_GINT64_FORMAT, index));

		if (!there)
			return pool_printf(p, "it has no NUMA node %" G_GINT64_FORMAT, index);
		if (mode == M_NUMA_TUNE_MODE_STRICT && rep_number(there, "totalMemory") < (double)node->memory)
			return pool_printf(p, "its NUMA node %" G_GINT64_FORMAT " has less memory than the VM's",
			                   index);
	}
	return NULL;
}

static const char *refuse_numa(struct pool *p, json_t *caps, const struct m_vm *vm)
{
	json_t *nodes = json_object_get(caps, "numaNodes");
	const char *why = NULL;

	for (uint32_t i = 0; nodes && !why && i < vm->numa.n; i++)
		why = refuse_node(p, nodes, vm, vm->numa.v[i]);
	return why;
}

/* ---- sources ---- */

static const char *refuse_pages(struct pool *p, json_t *caps, const struct m_vm *vm)
{
	json_t *sizes = json_object_get(caps, "hugepages"), *v;
	int64_t page = domain_hugepage_kib(vm);
	size_t i;

	if (!page || !json_is_array(sizes))
		return NULL;
	json_array_foreach (sizes, i, v)
		if ((json_is_string(v) ? g_ascii_strtoll(json_string_value(v), NULL, 10) : json_integer_value(v)) ==
		    page)
			return NULL;
	return pool_printf(p, "it has no huge pages of %" G_GINT64_FORMAT " KiB", page);
}

static const char *refuse_rng(json_t *caps, const struct m_vm *vm)
{
	json_t *sources = json_object_get(caps, "rngSources"), *v;
	size_t i;

	if (!vm->rng_device || vm->rng_device->source != M_RNG_SOURCE_HWRNG || !json_is_array(sources))
		return NULL;
	json_array_foreach (sources, i, v)
		if (g_strcmp0(json_string_value(v), "hwrng") == 0)
			return NULL;
	return "it has no hardware random number generator";
}

static const char *refuse_hostdevs(struct core *c, struct pool *p, const struct m_vm *vm, const struct m_host *h)
{
	json_t *listed = host_devices(c, h->id);

	for (uint32_t i = 0; i < vm->hostdevs.n; i++) {
		struct domain_hostdev_spec spec;
		struct err e = ERR_INIT;

		if (vm_hostdev_spec(listed, vm->hostdevs.v[i], &spec, &e) < 0)
			return pool_strdup(p, e.detail);
	}
	return NULL;
}

const char *vm_refuse_hardware(struct core *c, struct pool *p, const struct m_vm *vm, const struct m_host *h)
{
	json_t *caps = host_caps(c, h->id);
	const char *why = refuse_model(p, caps, vm);

	if (!why)
		why = refuse_pins(p, caps, vm);
	if (!why)
		why = refuse_numa(p, caps, vm);
	if (!why)
		why = refuse_pages(p, caps, vm);
	if (!why)
		why = refuse_rng(caps, vm);
	return why ? why : refuse_hostdevs(c, p, vm, h);
}

bool vm_needs_hardware(const struct m_vm *vm)
{
	const struct m_cpu_tune *ct = vm->cpu ? vm->cpu->cpu_tune : NULL;

	return vm->hostdevs.n || vm->numa.n || (ct && ct->vcpu_pins.n) || domain_hugepage_kib(vm) ||
	       (vm->custom_cpu_model && *vm->custom_cpu_model) ||
	       (vm->custom_emulated_machine && *vm->custom_emulated_machine) ||
	       (vm->rng_device && vm->rng_device->source == M_RNG_SOURCE_HWRNG);
}

/* ---- devices of the host ---- */

static unsigned part(json_t *address, const char *key) { return (unsigned)rep_number(address, key); }

int vm_hostdev_spec(json_t *listed, const char *name, struct domain_hostdev_spec *out, struct err *e)
{
	json_t *params = json_object_get(json_object_get(listed, name), "params");
	json_t *at = json_object_get(params, "address");
	const char *kind = rep_text(params, "capability");
	static const char *const KEYS[][4] = {
		[HOSTDEV_PCI] = { "domain", "bus", "slot", "function" },
		[HOSTDEV_USB] = { "bus", "device", NULL, NULL },
		[HOSTDEV_SCSI] = { "host", "bus", "target", "lun" },
	};

	*out = (struct domain_hostdev_spec){ .name = name };
	if (!params)
		return err_set(e, ERR_NOT_FOUND, "it has no device %.80s", name);
	if (strcmp(kind, "pci") != 0 && strcmp(kind, "usb_device") != 0 && strcmp(kind, "scsi") != 0)
		return err_set(e, ERR_UNSUPPORTED,
		               "its device %.80s is of the kind %.40s, which cannot be handed through", name, kind);
	if (!json_is_object(at))
		return err_set(e, ERR_CONFLICT, "it does not tell where its device %.80s is", name);
	if (strcmp(rep_text(params, "is_assignable"), "false") == 0 && strcmp(kind, "scsi") != 0)
		return err_set(e, ERR_CONFLICT, "its device %.80s cannot be handed through (it is in no IOMMU group)",
		               name);
	out->kind = strcmp(kind, "pci") == 0 ? HOSTDEV_PCI : strcmp(kind, "scsi") == 0 ? HOSTDEV_SCSI : HOSTDEV_USB;
	for (int i = 0; i < 4 && KEYS[out->kind][i]; i++)
		out->address[i] = part(at, KEYS[out->kind][i]);
	return 0;
}
