/* SPDX-License-Identifier: Apache-2.0 */
/* NUMA nodes of VMs: do they fit together, do they fit the VM? Pure. */
#include <string.h>

#include "manager/vms/vm_hardware.h"

static int64_t cpus_of(const struct m_vm *vm)
{
	const struct m_cpu_topology *t = vm->cpu ? vm->cpu->topology : NULL;
	return t ? M_GET(t, sockets, 1) * M_GET(t, cores, 1) * M_GET(t, threads, 1) : 1;
}

static int check_cpus(const struct m_vm *vm, GHashTable *seen, const struct m_virtual_numa_node *node, const char *what,
                      struct err *e)
{
	int64_t n = cpus_of(vm);

	for (uint32_t i = 0; node->cpu && i < node->cpu->cores.n; i++) {
		int64_t index = M_GET(node->cpu->cores.v[i], index, -1);

		if (index < 0 || index >= n)
			return err_field(e, ERR_INVALID, "vm_numa_node.cpu.cores",
			                 "Cannot %s. Virtual CPU %" G_GINT64_FORMAT
			                 " is in a NUMA node, but the VM has %" G_GINT64_FORMAT
			                 " (0 to %" G_GINT64_FORMAT ").",
			                 what, index, n, n - 1);
		if (!g_hash_table_add(seen, GINT_TO_POINTER((int)index)))
			return err_field(e, ERR_INVALID, "vm_numa_node.cpu.cores",
			                 "Cannot %s. Virtual CPU %" G_GINT64_FORMAT " is in two NUMA nodes.", what,
			                 index);
	}
	return 0;
}

static int check_node(const struct m_vm *vm, uint32_t i, const char *what, struct err *e)
{
	const struct m_virtual_numa_node *node = vm->numa.v[i];
	enum m_numa_tune_mode mode = node->numa_tune_mode ? node->numa_tune_mode : vm->numa_tune_mode;
	int64_t page = domain_hugepage_kib(vm);

	if (!node->has.index || node->index < 0)
		return err_field(e, ERR_MISSING, "vm_numa_node.index", "Cannot %s. A NUMA node has no index.", what);
	for (uint32_t k = 0; k < i; k++)
		if (vm->numa.v[k]->index == node->index)
			return err_field(e, ERR_INVALID, "vm_numa_node.index",
			                 "Cannot %s. There is a NUMA node %" G_GINT64_FORMAT " already.", what,
			                 node->index);
	if (M_GET(node, memory, 0) <= 0)
		return err_field(e, ERR_MISSING, "vm_numa_node.memory",
		                 "Cannot %s. NUMA node %" G_GINT64_FORMAT " has no memory.", what, node->index);
	if (page > 0 && (node->memory << 10) % page != 0)
		return err_field(
		    e, ERR_INVALID, "vm_numa_node.memory",
		    "Cannot %s. Memory of NUMA nodes must be a multiple of the size of huge pages, which is "
		    "%" G_GINT64_FORMAT " KiB.",
		    what, page);
	if (mode == M_NUMA_TUNE_MODE_PREFERRED && node->numa_node_pins.n > 1)
		return err_field(e, ERR_INVALID, "vm_numa_node.numa_node_pins",
		                 "Cannot %s. With the mode preferred a NUMA node is pinned to one node of the host.",
		                 what);
	for (uint32_t k = 0; k < node->numa_node_pins.n; k++)
		if (M_GET(node->numa_node_pins.v[k], index, -1) < 0)
			return err_field(e, ERR_MISSING, "vm_numa_node.numa_node_pins",
			                 "Cannot %s. A pin does not say the index of the host's node.", what);
	return 0;
}

static int check_whole(const struct m_vm *vm, int64_t sum, unsigned n_cpus, const char *what, struct err *e)
{
	for (uint32_t i = 0; i < vm->numa.n; i++)
		if (vm->numa.v[i]->index >= vm->numa.n)
			return err_field(e, ERR_CONFLICT, "vm_numa_node.index",
			                 "Cannot %s. Its %u NUMA nodes must have the indexes 0 to %u.", what,
			                 vm->numa.n, vm->numa.n - 1);
	if (sum != vm->memory >> 20)
		return err_field(e, ERR_CONFLICT, "vm_numa_node.memory",
		                 "Cannot %s. Its NUMA nodes have %" G_GINT64_FORMAT " MB together, the VM has "
		                 "%" G_GINT64_FORMAT " MB.",
		                 what, sum, vm->memory >> 20);
	if (n_cpus != cpus_of(vm))
		return err_field(e, ERR_CONFLICT, "vm_numa_node.cpu.cores",
		                 "Cannot %s. %u of its %" G_GINT64_FORMAT " virtual CPUs are in NUMA nodes.", what,
		                 n_cpus, cpus_of(vm));
	return 0;
}

int vm_check_numa(const struct m_vm *vm, bool is_complete, const char *what, struct err *e)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
	int64_t sum = 0;

	if (!vm->numa.n)
		return 0;
	if (vm->numa.n > cpus_of(vm))
		return err_field(e, ERR_INVALID, "vm_numa_node",
		                 "Cannot %s. There are %u NUMA nodes, but %" G_GINT64_FORMAT " virtual CPUs.", what,
		                 vm->numa.n, cpus_of(vm));
	for (uint32_t i = 0; i < vm->numa.n; i++) {
		if (check_node(vm, i, what, e) < 0 || check_cpus(vm, seen, vm->numa.v[i], what, e) < 0)
			return -1;
		sum += vm->numa.v[i]->memory;
	}
	if (sum > vm->memory >> 20)
		return err_field(e, ERR_INVALID, "vm_numa_node.memory",
		                 "Cannot %s. The NUMA nodes have %" G_GINT64_FORMAT " MB together, the VM has "
		                 "%" G_GINT64_FORMAT " MB.",
		                 what, sum, vm->memory >> 20);
	return is_complete ? check_whole(vm, sum, g_hash_table_size(seen), what, e) : 0;
}
