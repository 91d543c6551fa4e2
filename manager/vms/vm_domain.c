/* SPDX-License-Identifier: Apache-2.0 */
/* From the inventory to a domain: what the VM has, and what the host can do. */
#include <string.h>

#include "manager/clusters/clusters.h"
#include "manager/disks/disks.h"
#include "manager/hosts/hosts.h"
#include "manager/networks/networks.h"
#include "manager/system/system.h"
#include "manager/vms/vm_hardware.h"
#include "manager/vms/vm_int.h"

enum { MAX_QUEUES = 4 };

int vm_nic_spec(struct core *c, struct pool *p, const struct m_nic *nic, struct domain_nic_spec *out, struct err *e)
{
	const struct m_vnic_profile *vp = INV_LATEST(c->inv, VNIC_PROFILE, vnic_profile, nic->vnic_profile.id);
	const struct m_network *net = network_of_profile(c, nic->vnic_profile.id);

	*out = (struct domain_nic_spec){ .nic = nic };
	if (nic_check_interface(nic->interface, e) < 0)
		return err_wrap(e, "NIC %s", nic->name);
	if (!net)
		return 0;
	out->profile = vp;
	out->qos = vp ? INV_LATEST(c->inv, QOS, qos, vp->qos.id) : NULL;
	out->filter = vp && vp->network_filter.id ? network_filter_name(vp->network_filter.id) : NULL;
	out->bridge = pool_strdup(p, STR_OR(net->vdsm_name, net->name));
	out->mtu = M_GET(net, mtu, 0);
	out->is_mirrored = vp && M_GET(vp, port_mirroring, false);
	return 0;
}

static const struct m_qos *qos_of_disk(struct core *c, const struct m_disk *d)
{
	const struct m_disk_profile *dp = INV_LATEST(c->inv, DISK_PROFILE, disk_profile, d->disk_profile.id);
	return dp ? INV_LATEST(c->inv, QOS, qos, dp->qos.id) : NULL;
}

static bool is_on_blocks(struct core *c, const struct m_disk *d)
{
	const char *id = d->storage_domains.n ? d->storage_domains.v[0].id : NULL;
	const struct m_storage_domain *sd = INV_LATEST(c->inv, STORAGE_DOMAIN, storage_domain, id);
	enum m_storage_type type = sd && sd->storage ? sd->storage->type : M_STORAGE_TYPE_NONE;

	return type == M_STORAGE_TYPE_ISCSI || type == M_STORAGE_TYPE_FCP;
}

int vm_disk_spec(struct core *c, struct pool *p, const struct m_disk_attachment *a, struct domain_disk_spec *out,
                 struct err *e)
{
	const struct m_disk *d = INV_LATEST(c->inv, DISK, disk, a->disk.id);

	*out = (struct domain_disk_spec){ .disk = d, .attachment = a };
	if (!d)
		return err_set(e, ERR_CONFLICT, "A disk of the VM is gone.");
	if (d->storage_type == M_DISK_STORAGE_TYPE_LUN ||
	    d->storage_type == M_DISK_STORAGE_TYPE_MANAGED_BLOCK_STORAGE ||
	    d->storage_type == M_DISK_STORAGE_TYPE_CINDER)
		return err_set(e, ERR_UNSUPPORTED, "Disk %s: only images are supported.", STR_OR(d->alias, d->id));
	out->qos = qos_of_disk(c, d);
	out->is_block = is_on_blocks(c, d);
	out->path = disk_path(c, p, d);
	if (!out->path || !domain_path_volume(p, out->path, &out->ids))
		return err_set(e, ERR_CONFLICT, "Disk %s is on no storage domain.", STR_OR(d->alias, d->id));
	return 0;
}

static int by_boot(const void *a, const void *b)
{
	const struct m_disk_attachment *const *x = a, *const *y = b;
	bool bx = M_GET(*x, bootable, false), by = M_GET(*y, bootable, false);

	return bx != by ? by - bx : g_strcmp0((*x)->disk.id, (*y)->disk.id);
}

static int take_disks(struct core *c, struct pool *p, struct domain_spec *s, struct err *e)
{
	unsigned n;
	const struct m_disk_attachment **list = vm_attachments(c, p, s->vm->id, &n);
	int64_t threads = s->vm->io ? M_GET(s->vm->io, threads, 0) : 0, n_virtio = 0;

	qsort(list, n, sizeof(*list), by_boot);
	s->disks = POOL_ARRAY(p, struct domain_disk_spec, n + 1);
	for (unsigned i = 0; i < n; i++) {
		if (!M_GET(list[i], active, true))
			continue;
		if (vm_disk_spec(c, p, list[i], &s->disks[s->n_disks], e) < 0)
			return -1;
		s->disks[s->n_disks].cache = domain_property(s->vm, "viodiskcache");
		if (threads > 0 && list[i]->interface == M_DISK_INTERFACE_VIRTIO)
			s->disks[s->n_disks].io_thread = (int)(n_virtio++ % threads) + 1;
		s->n_disks++;
	}
	return 0;
}

/* As many as it has processors, within what helps. */
static int queues_of(const struct m_vm *vm)
{
	const struct m_cpu_topology *t = vm->cpu ? vm->cpu->topology : NULL;
	int64_t n = t ? M_GET(t, sockets, 1) * M_GET(t, cores, 1) * M_GET(t, threads, 1) : 1;

	return (int)MIN(n, MAX_QUEUES);
}

static int take_nics(struct core *c, struct pool *p, struct domain_spec *s, struct err *e)
{
	unsigned n;
	const struct m_nic **list = vm_nics(c, p, s->vm->id, &n);

	s->nics = POOL_ARRAY(p, struct domain_nic_spec, n + 1);
	for (unsigned i = 0; i < n; i++) {
		if (!M_GET(list[i], plugged, true))
			continue;
		if (vm_nic_spec(c, p, list[i], &s->nics[s->n_nics], e) < 0)
			return -1;
		if (s->has_kvm && M_GET(s->vm, multi_queues_enabled, false))
			s->nics[s->n_nics].queues = queues_of(s->vm);
		s->n_nics++;
	}
	return 0;
}

static int take_hostdevs(struct core *c, struct pool *p, struct domain_spec *s, const char *host_id, struct err *e)
{
	s->hostdevs = POOL_ARRAY(p, struct domain_hostdev_spec, s->vm->hostdevs.n + 1);
	for (uint32_t i = 0; i < s->vm->hostdevs.n; i++, s->n_hostdevs++)
		if (vm_hostdev_spec(host_devices(c, host_id), s->vm->hostdevs.v[i], &s->hostdevs[i], e) < 0)
			return err_wrap(e, "Cannot run VM. The host has changed:");
	return 0;
}

static int take_cdrom(struct core *c, struct pool *p, struct domain_spec *s, const char *file, struct err *e)
{
	const struct m_disk *d = INV_LATEST(c->inv, DISK, disk, file);

	if (!file)
		return 0;
	if (!d)
		return err_set(e, ERR_CONFLICT,
		               "Cannot run VM. The disc in the VM's CD drive does not exist any more.");
	s->cd_path = disk_path(c, p, d);
	domain_path_volume(p, s->cd_path, &s->cd_ids);
	return 0;
}

static const char *display_network(struct core *c, const char *cluster_id)
{
	INV_EACH_BY (en, c->inv, KIND_CLUSTER_NETWORK, IDX_CLUSTER_NETWORK_cluster, cluster_id) {
		const struct m_network *cn = en->pub, *net = INV_GET(c->inv, NETWORK, network, cn->of_network.id);
		if (M_GET(cn, display, false) && net)
			return STR_OR(net->vdsm_name, net->name);
	}
	return NULL;
}

static const char *const *machines_of(struct core *c, struct pool *p, const char *host_id)
{
	json_t *list = json_object_get(host_caps(c, host_id), "emulatedMachines"), *m;
	const char **out = POOL_ARRAY(p, const char *, json_array_size(list) + 1);
	size_t i, n = 0;

	json_array_foreach (list, i, m)
		if (json_is_string(m))
			out[n++] = pool_strdup(p, json_string_value(m));
	return n ? out : NULL;
}

static const struct m_qos *cpu_qos(struct core *c, const struct m_vm *vm)
{
	const struct m_cpu_profile *cp = INV_LATEST(c->inv, CPU_PROFILE, cpu_profile, vm->cpu_profile.id);
	return cp ? INV_LATEST(c->inv, QOS, qos, cp->qos.id) : NULL;
}

char *vm_domain_xml(struct core *c, struct pool *p, const struct m_vm *vm, const char *host_id,
                    const struct run_once *once, struct err *e)
{
	struct domain_spec s = { .vm = vm,
		                 .cluster = cluster_latest(c, vm->cluster.id),
		                 .has_kvm = host_has_kvm(c, host_id),
		                 .machines = machines_of(c, p, host_id),
		                 .flags = json_string_value(json_object_get(host_caps(c, host_id), "cpuFlags")),
		                 .has_plain_spice = json_is_false(json_object_get(host_caps(c, host_id), "spiceTls")),
		                 .cpu_qos = cpu_qos(c, vm),
		                 .payloads = once->payloads,
		                 .n_payloads = once->n_payloads,
		                 .is_paused = once->is_paused,
		                 .display_network = display_network(c, vm->cluster.id) };

	if (vm_check_numa(vm, true, "run VM", e) < 0 || take_hostdevs(c, p, &s, host_id, e) < 0)
		return NULL;
	if (take_disks(c, p, &s, e) < 0 || take_nics(c, p, &s, e) < 0 || take_cdrom(c, p, &s, vm_cdrom_file(vm), e) < 0)
		return NULL;
	return domain_xml(p, &s, e);
}
