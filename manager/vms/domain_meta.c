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

void domain_meta_nic(xmlNodePtr vm, const struct domain_nic_spec *s)
{
	xmlNodePtr n = dx_add(vm, "device", NULL);

	dx_set(n, "mac_address", s->nic->mac ? s->nic->mac->address : "");
	dx_add(n, "custom", NULL);
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

	for (uint32_t i = 0; i < m->custom_properties.n; i++) {
		const struct m_custom_property *cp = m->custom_properties.v[i];

		if (cp->name && xmlValidateNCName(X(cp->name), 0) == 0)
			dx_add(custom, cp->name, cp->value ? cp->value : "");
	}
}

static const char *level_of(const struct domain_spec *s, char *buf, size_t size)
{
	const struct m_version *v = s->vm->custom_compatibility_version;

	if (!v || !v->has.major)
		v = s->cluster ? s->cluster->version : NULL;
	g_snprintf(buf, size, "%d.%d", v ? (int)M_GET(v, major, 4) : 4, v ? (int)M_GET(v, minor, 8) : 8);
	return buf;
}

void domain_add_metadata(xmlNodePtr domain, const struct domain_spec *s)
{
	xmlNodePtr metadata = dx_add(domain, "metadata", NULL), vm;
	const struct m_memory_policy *mp = s->vm->memory_policy;
	int64_t guaranteed = mp ? M_GET(mp, guaranteed, s->vm->memory) : s->vm->memory;
	bool is_paused = s->is_paused || M_GET(s->vm, start_paused, false);
	char text[32];

	add_ns(metadata, "qos", OVIRT_TUNE_URI, "ovirt-tune");
	vm = domain_meta_vm(metadata);
	dx_add(vm, "clusterVersion", level_of(s, text, sizeof(text)));
	g_snprintf(text, sizeof(text), "%" G_GINT64_FORMAT, guaranteed >> 20);
	put(vm, "minGuaranteedMemoryMb", "int", text);
	put(vm, "launchPaused", "bool", is_paused ? "true" : "false");
	dx_add(vm, "resumeBehavior", resume_behavior(s->vm));
	put(vm, "ballooningEnabled", "bool", !mp || M_GET(mp, ballooning, true) ? "true" : "false");
	put_custom(vm, s->vm);
	for (size_t i = 0; i < s->n_disks; i++)
		domain_meta_disk(vm, s->disks[i].target, &s->disks[i].ids, M_GET(s->disks[i].disk, shareable, false));
	if (s->cd_ids.volume)
		domain_meta_disk(vm, domain_is_q35(s) ? "sdc" : "hdc", &s->cd_ids, false);
	for (size_t i = 0; i < s->n_nics; i++)
		domain_meta_nic(vm, &s->nics[i]);
}
