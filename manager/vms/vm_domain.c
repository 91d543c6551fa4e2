/* SPDX-License-Identifier: Apache-2.0 */
/* From the inventory to a domain: what the VM has, and what the host can do. */
#include <string.h>

#include "manager/clusters/clusters.h"
#include "manager/disks/disks.h"
#include "manager/hosts/hosts.h"
#include "manager/networks/networks.h"
#include "manager/vms/vm_int.h"

int vm_nic_spec(struct core *c, struct pool *p, const struct m_nic *nic, struct domain_nic_spec *out, struct err *e)
{
	const struct m_vnic_profile *vp = INV_LATEST(c->inv, VNIC_PROFILE, vnic_profile, nic->vnic_profile.id);
	const struct m_network *net = network_of_profile(c, nic->vnic_profile.id);

	*out = (struct domain_nic_spec){ .nic = nic };
	if (nic->interface == M_NIC_INTERFACE_PCI_PASSTHROUGH || nic->interface == M_NIC_INTERFACE_SPAPR_VLAN)
		return err_field(e, ERR_UNSUPPORTED, "nic.interface",
		                 "NIC %s: this kind of interface is not supported.", nic->name);
	if (!net)
		return 0;
	out->bridge = pool_strdup(p, STR_OR(net->vdsm_name, net->name));
	out->mtu = M_GET(net, mtu, 0);
	out->is_mirrored = vp && M_GET(vp, port_mirroring, false);
	return 0;
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

	qsort(list, n, sizeof(*list), by_boot);
	s->disks = POOL_ARRAY(p, struct domain_disk_spec, n + 1);
	for (unsigned i = 0; i < n; i++) {
		if (!M_GET(list[i], active, true))
			continue;
		if (vm_disk_spec(c, p, list[i], &s->disks[s->n_disks], e) < 0)
			return -1;
		s->n_disks++;
	}
	return 0;
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
		s->n_nics++;
	}
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

char *vm_domain_xml(struct core *c, struct pool *p, const struct m_vm *vm, const char *host_id,
                    const struct run_once *once, struct err *e)
{
	struct domain_spec s = { .vm = vm,
		                 .cluster = cluster_latest(c, vm->cluster.id),
		                 .has_kvm = host_has_kvm(c, host_id),
		                 .machines = machines_of(c, p, host_id),
		                 .payloads = once->payloads,
		                 .n_payloads = once->n_payloads,
		                 .is_paused = once->is_paused,
		                 .display_network = display_network(c, vm->cluster.id) };

	if (take_disks(c, p, &s, e) < 0 || take_nics(c, p, &s, e) < 0 ||
	    take_cdrom(c, p, &s, vm_cdrom_file(vm), e) < 0)
		return NULL;
	return domain_xml(p, &s, e);
}
