/* SPDX-License-Identifier: Apache-2.0 */
/* Where a VM can run: hosts that are up, have the memory, the processors and the networks; the emptiest of them. */
#include <string.h>

#include "manager/clusters/clusters.h"
#include "manager/hosts/hosts.h"
#include "manager/networks/networks.h"
#include "manager/storage/storage.h"
#include "manager/vms/vm_hardware.h"
#include "manager/vms/vm_int.h"
#include "manager/vms/vm_place.h"

#define RESERVED (321LL << 20) /* what a host needs for itself, and one guest's overhead */

/* ---- what stands against a host ---- */

static bool has_id(const char *const *list, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (g_strcmp0(list[i], id) == 0)
			return true;
	return false;
}

bool vm_is_allowed_on(const struct m_vm *vm, const char *host_id)
{
	const struct m_vm_placement_policy *pp = vm->placement_policy;

	if (!pp || !pp->hosts.n || pp->affinity != M_VM_AFFINITY_PINNED)
		return true;
	for (uint32_t i = 0; i < pp->hosts.n; i++)
		if (g_strcmp0(pp->hosts.v[i].id, host_id) == 0)
			return true;
	return false;
}

/* Hosts that the VM is bound to: those of the request, or those of a pinned VM. */
static bool is_allowed(const struct m_vm *vm, const struct run_once *once, const char *host_id)
{
	return once->n_hosts ? has_id(once->hosts, once->n_hosts, host_id) : vm_is_allowed_on(vm, host_id);
}

static bool is_preferred(const struct m_vm *vm, const char *host_id)
{
	for (uint32_t i = 0; vm->placement_policy && i < vm->placement_policy->hosts.n; i++)
		if (g_strcmp0(vm->placement_policy->hosts.v[i].id, host_id) == 0)
			return true;
	return false;
}

int64_t vm_promised_on(struct core *c, const char *host_id)
{
	auto_pool p = pool_new();
	int64_t sum = 0;
	unsigned n;
	const void **list = inv_latest_by(c->inv, p, KIND_VM, IDX_VM_host, host_id, &n);

	for (unsigned i = 0; i < n; i++)
		if (vm_may_run(list[i]))
			sum += M_GET((const struct m_vm *)list[i], memory, 0);
	return sum;
}

int64_t vm_capacity_of(struct core *c, const struct m_host *h)
{
	const struct m_cluster *cl = cluster_latest(c, h->cluster.id);
	const struct m_memory_over_commit *oc = cl && cl->memory_policy ? cl->memory_policy->over_commit : NULL;
	int64_t percent = oc ? M_GET(oc, percent, 100) : 100;

	return h->has.memory ? h->memory / 100 * MAX(percent, 1) - RESERVED : INT64_MAX;
}

int64_t vm_room_on(struct core *c, const struct m_host *h)
{
	return h->has.memory ? vm_capacity_of(c, h) - vm_promised_on(c, h->id) : INT64_MAX;
}

int64_t vm_physical_on(struct core *c, const char *host_id)
{
	json_t *s = host_stats(c, host_id);

	if (!s || !json_object_get(s, "memFree"))
		return INT64_MAX;
	return (int64_t)((rep_number(s, "memFree") + rep_number(s, "swapFree")) * 1048576);
}

int64_t vm_guaranteed(const struct m_vm *vm)
{
	return vm->memory_policy ? M_GET(vm->memory_policy, guaranteed, vm->memory) : vm->memory;
}

int64_t vm_overhead(const struct m_vm *vm) { return (64LL << 20) + vm->memory / 512; }

static const char *refuse_memory(struct core *c, const struct m_vm *vm, const struct m_host *h)
{
	if (vm_room_on(c, h) < vm->memory + vm_overhead(vm))
		return "it has not enough free memory";
	if (vm_physical_on(c, h->id) < vm_guaranteed(vm) + vm_overhead(vm))
		return "it has not enough physical memory left";
	return NULL;
}

static int64_t count_cpus(const struct m_cpu_topology *t)
{
	return M_GET(t, sockets, 1) * M_GET(t, cores, 1) * M_GET(t, threads, 1);
}

int64_t vm_count_cpus(const struct m_vm *vm)
{
	return vm->cpu && vm->cpu->topology ? count_cpus(vm->cpu->topology) : 1;
}

int64_t host_count_cpus(const struct m_host *h)
{
	return h->cpu && h->cpu->topology ? count_cpus(h->cpu->topology) : 0;
}

static const char *refuse_cpus(const struct m_vm *vm, const struct m_host *h)
{
	const int64_t there = host_count_cpus(h);

	return there && vm_count_cpus(vm) > there ? "it has fewer processors than the VM" : NULL;
}

bool host_has_network_of(struct core *c, const char *host_id, const char *vnic_profile_id)
{
	const struct m_network *net = vnic_profile_id ? network_of_profile(c, vnic_profile_id) : NULL;
	json_t *networks = json_object_get(host_caps(c, host_id), "networks");

	return !net ||
	       json_is_true(json_object_get(json_object_get(networks, STR_OR(net->vdsm_name, net->name)), "bridged"));
}

static const char *refuse_networks(struct core *c, struct pool *p, const struct m_vm *vm, const struct m_host *h)
{
	unsigned n;
	const struct m_nic **nics = vm_nics(c, p, vm->id, &n);

	for (unsigned i = 0; i < n; i++)
		if (M_GET(nics[i], plugged, true) && !host_has_network_of(c, h->id, nics[i]->vnic_profile.id))
			return pool_printf(p, "it lacks network %s",
			                   network_of_profile(c, nics[i]->vnic_profile.id)->name);
	return NULL;
}

static const char *refuse(struct core *c, struct pool *p, const struct m_vm *vm, const struct run_once *once,
                          const struct m_host *h)
{
	const char *why;

	if (!is_allowed(vm, once, h->id))
		return "the VM is pinned to other hosts";
	if (!host_is_up(c, h->id))
		return "it is not up";
	why = refuse_memory(c, vm, h);
	if (!why)
		why = refuse_cpus(vm, h);
	if (!why)
		why = vm_refuse_hardware(c, p, vm, h);
	return why ? why : refuse_networks(c, p, vm, h);
}

/* Preferred ones first, then those with most room. */
static bool is_better(struct core *c, const struct m_vm *vm, const struct m_host *a, const struct m_host *b)
{
	bool pa = is_preferred(vm, a->id), pb = is_preferred(vm, b->id);

	return pa != pb ? pa : vm_room_on(c, a) > vm_room_on(c, b);
}

const char *vm_place(struct core *c, const struct m_vm *vm, const struct run_once *once, const char *const *not_on,
                     size_t n, struct err *e)
{
	g_autoptr(GString) why = g_string_new(NULL);
	const struct m_host *best = NULL;
	auto_pool p = pool_new();
	int hosts = 0;

	INV_EACH_BY (en, c->inv, KIND_HOST, IDX_HOST_cluster, vm->cluster.id) {
		const struct m_host *h = en->pub;
		const char *reason = has_id(not_on, n, h->id) ? "it failed already" : refuse(c, p, vm, once, h);

		hosts++;
		if (reason && why->len < 300)
			g_string_append_printf(why, " Host %s: %s.", h->name, reason);
		if (!reason && (!best || is_better(c, vm, h, best)))
			best = h;
	}
	if (best)
		return best->id;
	if (!hosts)
		err_set(e, ERR_CONFLICT, "Cannot run VM. There are no hosts in the VM's cluster.");
	else
		err_set(e, ERR_CONFLICT,
		        "Cannot run VM. There is no host that satisfies current scheduling constraints.%s", why->str);
	return NULL;
}

/* ---- what there is to boot from ---- */

static int check_disk(struct core *c, const struct m_vm *vm, const char *disk_id, struct err *e)
{
	const struct m_disk *d = INV_LATEST(c->inv, DISK, disk, disk_id);
	const char *sd_id = d && d->storage_domains.n ? d->storage_domains.v[0].id : NULL;
	const struct m_storage_domain *sd;

	if (!d)
		return 0;
	if (d->status == M_DISK_STATUS_LOCKED)
		return err_set(e, ERR_CONFLICT, "Cannot run VM. Disk is locked: %s. Please try again in a few minutes.",
		               STR_OR(d->alias, d->id));
	if (d->status == M_DISK_STATUS_ILLEGAL)
		return err_set(e, ERR_CONFLICT, "Cannot run VM. Disk %s is illegal.", STR_OR(d->alias, d->id));
	if (!sd_id)
		return 0;
	sd = storage_active(c, sd_id, e);
	if (!sd)
		return err_wrap(e, "Cannot run VM");
	if (g_strcmp0(sd->data_center.id, cluster_data_center(c, vm->cluster.id)) != 0)
		return err_set(e, ERR_CONFLICT, "Cannot run VM. Storage domain %s is not in the VM's data center.",
		               sd->name);
	return 0;
}

struct bootable {
	bool disk, nic, cd;
};

static bool can_boot(const struct m_vm *vm, const struct bootable *b)
{
	const struct m_boot *own = vm->os ? vm->os->boot : NULL;
	const enum m_boot_device *list = own ? own->devices.v : NULL;
	size_t n = own ? own->devices.n : 0;

	if (vm->os && vm->os->kernel && *vm->os->kernel)
		return true;
	if (n == 0)
		return b->disk;
	for (size_t i = 0; i < n; i++)
		if ((list[i] == M_BOOT_DEVICE_HD && b->disk) || (list[i] == M_BOOT_DEVICE_NETWORK && b->nic) ||
		    (list[i] == M_BOOT_DEVICE_CDROM && b->cd))
			return true;
	return false;
}

int vm_check_bootable(struct core *c, const struct m_vm *vm, struct err *e)
{
	auto_pool p = pool_new();
	unsigned n;
	const struct m_disk_attachment **disks = vm_attachments(c, p, vm->id, &n);
	struct bootable b = { .cd = vm_cdrom_file(vm) };
	const struct m_nic **nics;

	for (unsigned i = 0; i < n; i++) {
		if (!M_GET(disks[i], active, true))
			continue;
		if (check_disk(c, vm, disks[i]->disk.id, e) < 0)
			return -1;
		b.disk = b.disk || M_GET(disks[i], bootable, false);
	}
	nics = vm_nics(c, p, vm->id, &n);
	for (unsigned i = 0; i < n; i++)
		b.nic = b.nic || M_GET(nics[i], plugged, true);
	if (!can_boot(vm, &b))
		return err_set(e, ERR_CONFLICT,
		               "Cannot run VM without at least one bootable disk. Please add one, or boot it from "
		               "network, CD or a kernel.");
	return 0;
}
