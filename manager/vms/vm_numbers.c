/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics of VMs, of their network cards and disks, from the last report of the host. */
#include <string.h>

#include "manager/api/statistics.h"
#include "manager/vms/vm_history.h"
#include "manager/vms/vm_int.h"

/* ---- VMs ---- */

/* The guest's memory in bytes; the share in use is all that a guest without agent has. */
static double memory_used(const struct m_vm *vm, json_t *s)
{
	return (double)M_GET(vm, memory, 0) * rep_number(s, "memUsage") / 100;
}

static double hypervisor_cpu(json_t *s, double cpus)
{
	double all = rep_number(s, "cpuSys") + rep_number(s, "cpuUser");
	return cpus > 0 ? all / cpus : all;
}

/* A statistic without value yet. */
static struct m_statistic *bare(struct call *c, const char *vm_id, const char *name, const char *description)
{
	struct m_statistic *s = m_new(c->pool, &M_TYPE_statistic);
	uuid_text id;

	uuid_derive(vm_id, name, id);
	s->id = pool_strdup(c->pool, id);
	s->name = (char *)name;
	s->description = (char *)description;
	s->kind = M_STATISTIC_KIND_GAUGE;
	return s;
}

/* File systems as the guest tells them, a JSON text. */
static struct m_statistic *disks_usage(struct call *c, const char *vm_id, json_t *stats)
{
	struct m_statistic *s = bare(c, vm_id, "disks.usage", "Disk usage, in bytes, as JSON.");
	json_t *list = json_object_get(stats, "disksUsage");
	char *text = json_is_array(list) ? json_dumps(list, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	struct m_value *v = m_new(c->pool, &M_TYPE_value);

	s->type = M_VALUE_TYPE_STRING;
	s->unit = M_STATISTIC_UNIT_NONE;
	v->detail = pool_strdup(c->pool, text ? text : "[]");
	s->values.v = POOL_ARRAY(c->pool, struct m_value *, 1);
	s->values.v[s->values.n++] = v;
	free(text);
	return s;
}

static size_t more_of_vm(struct call *c, const char *vm_id, json_t *stats, void **list, size_t max)
{
	const size_t n = statistics_history(c, vm_id, vm_history(c->core, vm_id), list, max);

	if (n < max)
		list[n] = disks_usage(c, vm_id, stats);
	return MIN(n + 1, max);
}

size_t vm_statistics(struct call *c, const char *vm_id, void **list, size_t max)
{
	const struct m_vm *vm = INV_GET(c->core->inv, VM, vm, vm_id);
	json_t *s = vm && vm_is_live(vm) ? vm_stats(c->core, vm_id) : NULL, *m = json_object_get(s, "memoryStats");
	double cpus = MAX(rep_number(s, "vcpuCount"), 1), user = rep_number(s, "cpuUser") / cpus,
	       sys = rep_number(s, "cpuSys") / cpus;
	double network = 0;
	size_t n;

	if (s)
		vm_percent(c->core, vm_id, VM_SERIES_NETWORK, &network);
	const struct statistic rows[] = {
		{ "memory.installed", "Total memory configured", M_STATISTIC_UNIT_BYTES,
		  vm ? (double)M_GET(vm, memory, 0) : 0 },
		{ "memory.used", "Memory used (agent)", M_STATISTIC_UNIT_BYTES, vm ? memory_used(vm, s) : 0 },
		{ "memory.free", "Memory free", M_STATISTIC_UNIT_BYTES, rep_number(m, "mem_free") * 1024 },
		{ "memory.buffered", "Memory buffered", M_STATISTIC_UNIT_BYTES, rep_number(m, "mem_buffers") * 1024 },
		{ "memory.cached", "Memory cached", M_STATISTIC_UNIT_BYTES, rep_number(m, "mem_cached") * 1024 },
		{ "cpu.current.guest", "CPU used by guest", M_STATISTIC_UNIT_PERCENT, user },
		{ "cpu.current.hypervisor", "CPU overhead", M_STATISTIC_UNIT_PERCENT, sys },
		{ "cpu.current.total", "Total CPU used", M_STATISTIC_UNIT_PERCENT, hypervisor_cpu(s, cpus) },
		{ "migration.progress", "Migration Progress", M_STATISTIC_UNIT_PERCENT,
		  rep_number(s, "migrationProgress") },
		{ "network.current.total", "Total network used", M_STATISTIC_UNIT_PERCENT, network },
		{ "elapsed.time", "Elapsed VM runtime", M_STATISTIC_UNIT_SECONDS, rep_number(s, "elapsedTime") },
	};

	n = statistics_make(c, vm_id, rows, G_N_ELEMENTS(rows), list, max);
	return n + more_of_vm(c, vm_id, s, list + n, max - n);
}

/* ---- network cards ---- */

static json_t *card_by_mac(json_t *cards, const char *mac)
{
	const char *name;
	json_t *card;

	json_object_foreach (cards, name, card)
		if (mac && g_ascii_strcasecmp(rep_text(card, "macAddr"), mac) == 0)
			return card;
	return NULL;
}

static double rate(json_t *now, json_t *before, const char *key)
{
	double seconds = rep_number(now, "sampleTime") - rep_number(before, "sampleTime");
	double n = rep_number(now, key) - rep_number(before, key);

	return before && seconds > 0 && n > 0 ? n / seconds : 0;
}

size_t vm_nic_statistics(struct call *c, const char *nic_id, void **list, size_t max)
{
	const struct m_nic *nic = INV_GET(c->core->inv, NIC, nic, nic_id);
	const struct m_vm *vm = nic ? INV_GET(c->core->inv, VM, vm, nic->vm.id) : NULL;
	struct vm_rt *rt = vm && vm_is_live(vm) ? vm_rt(c->core, vm->id) : NULL;
	const char *mac = nic && nic->mac ? nic->mac->address : NULL;
	json_t *now = rt ? card_by_mac(json_object_get(rt->stats, "network"), mac) : NULL;
	json_t *before = rt ? card_by_mac(rt->net_before, mac) : NULL;
	const struct statistic rows[] = {
		{ "data.current.rx", "Receive data rate", M_STATISTIC_UNIT_BYTES_PER_SECOND, rate(now, before, "rx") },
		{ "data.current.tx", "Transmit data rate", M_STATISTIC_UNIT_BYTES_PER_SECOND, rate(now, before, "tx") },
		{ "data.current.rx.bps", "Receive data rate", M_STATISTIC_UNIT_BITS_PER_SECOND,
		  8 * rate(now, before, "rx") },
		{ "data.current.tx.bps", "Transmit data rate", M_STATISTIC_UNIT_BITS_PER_SECOND,
		  8 * rate(now, before, "tx") },
		{ "errors.total.rx", "Total Receive errors", M_STATISTIC_UNIT_NONE, rep_number(now, "rxErrors") },
		{ "errors.total.tx", "Total transmit errors", M_STATISTIC_UNIT_NONE, rep_number(now, "txErrors") },
		{ "data.total.rx", "Total received data", M_STATISTIC_UNIT_BYTES, rep_number(now, "rx") },
		{ "data.total.tx", "Total transmitted data", M_STATISTIC_UNIT_BYTES, rep_number(now, "tx") },
	};

	return statistics_make(c, nic_id, rows, G_N_ELEMENTS(rows), list, max);
}

/* ---- disks ---- */

static json_t *disk_report(struct core *c, const char *disk_id)
{
	INV_EACH_BY (a, c->inv, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_disk, disk_id) {
		json_t *disks = json_object_get(vm_stats(c, ENTITY_OBJ(a, disk_attachment)->vm.id), "disks"), *d;
		const char *name;

		json_object_foreach (disks, name, d)
			if (strcmp(rep_text(d, "imageID"), disk_id) == 0)
				return d;
	}
	return NULL;
}

size_t vm_disk_statistics(struct call *c, const char *disk_id, void **list, size_t max)
{
	json_t *d = disk_report(c->core, disk_id);
	const struct statistic rows[] = {
		{ "data.current.read", "Read data rate", M_STATISTIC_UNIT_BYTES_PER_SECOND, rep_number(d, "readRate") },
		{ "data.current.write", "Write data rate", M_STATISTIC_UNIT_BYTES_PER_SECOND,
		  rep_number(d, "writeRate") },
		{ "disk.read.latency", "Read latency", M_STATISTIC_UNIT_SECONDS, rep_number(d, "readLatency") / 1e9 },
		{ "disk.write.latency", "Write latency", M_STATISTIC_UNIT_SECONDS,
		  rep_number(d, "writeLatency") / 1e9 },
		{ "disk.flush.latency", "Flush latency", M_STATISTIC_UNIT_SECONDS,
		  rep_number(d, "flushLatency") / 1e9 },
	};

	return statistics_make(c, disk_id, rows, G_N_ELEMENTS(rows), list, max);
}
