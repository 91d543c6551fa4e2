/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's data in a domain: what it needs besides libvirt's own elements. */
#include <string.h>

#include "manager/vms/domain_int.h"

#define X(s) ((const xmlChar *)(s))

static xmlNodePtr add_ns(xmlNodePtr parent, const char *name, const char *uri, const char *prefix)
{
	xmlNodePtr n = dx_add(parent, name, NULL);

	xmlSetNs(n, xmlNewNs(n, X(uri), X(prefix)));
	return n;
}

xmlNodePtr domain_meta_vm(xmlNodePtr metadata) { return add_ns(metadata, "vm", OVIRT_VM_URI, "ovirt-vm"); }

static void put(xmlNodePtr vm, const char *name, const char *type, const char *value)
{
	dx_set(dx_add(vm, name, value), "type", type);
}

void domain_meta_disk(xmlNodePtr vm, const char *target, const struct volume_ids *ids, bool is_shared)
{
	xmlNodePtr n = dx_add(vm, "device", NULL);

	dx_set(dx_set(n, "devtype", "disk"), "name", target);
	if (!ids->volume)
		return;
	dx_add(n, "poolID", ids->pool);
	dx_add(n, "domainID", ids->domain);
	dx_add(n, "imageID", ids->image);
	dx_add(n, "volumeID", ids->volume);
	if (is_shared)
		put(n, "shared", "bool", "true");
}

/* Hooks see it as a variable of their environment. */
static void put_property(xmlNodePtr custom, const struct m_custom_property *cp)
{
	if (cp->name && xmlValidateNCName(X(cp->name), 0) == 0)
		dx_add(custom, cp->name, cp->value ? cp->value : "");
}

void domain_meta_nic(xmlNodePtr vm, const struct domain_nic_spec *s)
{
	xmlNodePtr n = dx_add(vm, "device", NULL), custom;

	dx_set(n, "mac_address", s->nic->mac ? s->nic->mac->address : "");
	custom = dx_add(n, "custom", NULL);
	for (uint32_t i = 0; s->profile && i < s->profile->custom_properties.n; i++)
		put_property(custom, s->profile->custom_properties.v[i]);
	if (s->is_mirrored && s->bridge)
		dx_add(dx_add(n, "portMirroring", NULL), "network", s->bridge);
}

static const char *resume_behavior(const struct m_vm *vm)
{
	switch (vm->storage_error_resume_behaviour) {
	case M_VM_STORAGE_ERROR_RESUME_BEHAVIOUR_KILL: return "kill";
	case M_VM_STORAGE_ERROR_RESUME_BEHAVIOUR_LEAVE_PAUSED: return "leave_paused";
	default: return "auto_resume";
	}
}

static void put_custom(xmlNodePtr vm, const struct m_vm *m)
{
	xmlNodePtr custom = dx_add(vm, "custom", NULL);

	for (uint32_t i = 0; i < m->custom_properties.n; i++)
		put_property(custom, m->custom_properties.v[i]);
}

/* The percentage of its host's processors that the VM may use is given for all of its own together. */
static void put_limits(xmlNodePtr qos, const struct domain_spec *s)
{
	if (s->cpu_qos && s->cpu_qos->has.cpu_limit)
		dx_addf(qos, "vcpuLimit", "%" G_GINT64_FORMAT, s->cpu_qos->cpu_limit);
}

static void put_payload(xmlNodePtr vm, const struct domain_spec *s, size_t i)
{
	const struct domain_payload *pl = &s->payloads[i];
	xmlNodePtr n = dx_set(dx_add(vm, "device", NULL), "devtype", "disk"), list;

	dx_set(n, "name", domain_payload_target(s, i));
	list = dx_add(n, "payload", NULL);
	if (pl->label)
		dx_add(list, "volId", pl->label);
	for (size_t k = 0; k < pl->n_files; k++) {
		g_autofree char *text = g_base64_encode(pl->files[k].data, pl->files[k].size);
		dx_set(dx_add(list, "file", text), "path", pl->files[k].path);
	}
}

static void put_mdev(xmlNodePtr vm, const struct m_vm_mediated_device *m)
{
	xmlNodePtr n = dx_set(dx_add(vm, "device", NULL), "devtype", "hostdev");

	dx_set(n, "uuid", m->id);
	for (uint32_t i = 0; i < m->spec_params.n; i++)
		if (g_strcmp0(m->spec_params.v[i]->name, "mdevType") == 0)
			dx_add(n, "mdevType", m->spec_params.v[i]->value);
		else if (g_strcmp0(m->spec_params.v[i]->name, "driverParams") == 0)
			dx_add(n, "mdevDriverParameters", m->spec_params.v[i]->value);
}

void domain_add_metadata(xmlNodePtr domain, const struct domain_spec *s)
{
	xmlNodePtr metadata = dx_add(domain, "metadata", NULL), vm;
	const struct m_memory_policy *mp = s->vm->memory_policy;
	int64_t guaranteed = mp ? M_GET(mp, guaranteed, s->vm->memory) : s->vm->memory;
	bool is_paused = s->is_paused || M_GET(s->vm, start_paused, false);
	char text[32];

	put_limits(add_ns(metadata, "qos", OVIRT_TUNE_URI, "ovirt-tune"), s);
	vm = domain_meta_vm(metadata);
	dx_addf(vm, "clusterVersion", "4.%d", domain_level(s->vm, s->cluster));
	g_snprintf(text, sizeof(text), "%" G_GINT64_FORMAT, guaranteed >> 20);
	put(vm, "minGuaranteedMemoryMb", "int", text);
	put(vm, "launchPaused", "bool", is_paused ? "true" : "false");
	dx_add(vm, "resumeBehavior", resume_behavior(s->vm));
	put(vm, "ballooningEnabled", "bool", !mp || M_GET(mp, ballooning, true) ? "true" : "false");
	put_custom(vm, s->vm);
	for (size_t i = 0; i < s->n_disks; i++)
		domain_meta_disk(vm, s->disks[i].target, &s->disks[i].ids, M_GET(s->disks[i].disk, shareable, false));
	if (s->cd_ids.volume)
		domain_meta_disk(vm, domain_cd_target(s), &s->cd_ids, false);
	for (size_t i = 0; i < s->n_nics; i++)
		domain_meta_nic(vm, &s->nics[i]);
	for (size_t i = 0; i < s->n_payloads; i++)
		put_payload(vm, s, i);
	for (uint32_t i = 0; i < s->vm->mdevs.n; i++)
		put_mdev(vm, s->vm->mdevs.v[i]);
}
