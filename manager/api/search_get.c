/* SPDX-License-Identifier: Apache-2.0 */
/* Fields that no single member gives. */
#include "manager/api/search_get.h"

#include <string.h>

#include "model/types.h"

static bool number(struct sval *v, double num)
{
	v->text = NULL;
	v->num = num;
	return true;
}

static bool text(struct sval *v, const char *s, size_t len)
{
	v->text = s;
	v->len = len;
	return true;
}

/* ---- virtual machines, templates ---- */

bool sget_vm_uptime(struct core *c, const void *obj, struct sval *v)
{
	const struct m_vm *vm = obj;

	if (!vm->has.start_time || vm->status == M_VM_STATUS_DOWN || vm->status == M_VM_STATUS_SUSPENDED ||
	    vm->status == M_VM_STATUS_IMAGE_LOCKED)
		return false;
	return number(v, (double)MAX(0, loop_wall_ms(c->loop) - vm->start_time) / 1000);
}

static double cores(const struct m_cpu *cpu, bool with_threads)
{
	const struct m_cpu_topology *t = cpu ? cpu->topology : NULL;

	if (!t)
		return 0;
	return (double)M_GET(t, sockets, 1) * (double)M_GET(t, cores, 1) *
	       (with_threads ? (double)M_GET(t, threads, 1) : 1);
}

bool sget_vm_vcpus(struct core *c, const void *obj, struct sval *v)
{
	double n = cores(((const struct m_vm *)obj)->cpu, true);
	return number(v, n ? n : 1);
}

bool sget_template_children(struct core *c, const void *obj, struct sval *v)
{
	return number(v, inv_count_by(c->inv, KIND_VM, IDX_VM_template, ((const struct m_template *)obj)->id));
}

/* ---- hosts ---- */

bool sget_host_cpus(struct core *c, const void *obj, struct sval *v)
{
	return number(v, cores(((const struct m_host *)obj)->cpu, false)) && v->num > 0;
}

/* Nobody complained: ok. */
bool sget_host_external_status(struct core *c, const void *obj, struct sval *v)
{
	enum m_external_status status = ((const struct m_host *)obj)->external_status;
	return number(v, status ? status : M_EXTERNAL_STATUS_OK);
}

bool sget_host_active_vms(struct core *c, const void *obj, struct sval *v)
{
	return number(v, inv_count_by(c->inv, KIND_VM, IDX_VM_host, ((const struct m_host *)obj)->id));
}

bool sget_host_migrating_vms(struct core *c, const void *obj, struct sval *v)
{
	int n = 0;

	INV_EACH_BY (e, c->inv, KIND_VM, IDX_VM_host, ((const struct m_host *)obj)->id)
		n += ENTITY_OBJ(e, vm)->status == M_VM_STATUS_MIGRATING;
	return number(v, n);
}

bool sget_host_committed_mem(struct core *c, const void *obj, struct sval *v)
{
	double mib = 0;

	INV_EACH_BY (e, c->inv, KIND_VM, IDX_VM_host, ((const struct m_host *)obj)->id)
		mib += (double)(M_GET(ENTITY_OBJ(e, vm), memory, 0) >> 20);
	return number(v, mib);
}

/* ---- users: user_name is "login@profile" ---- */

bool sget_user_login(struct core *c, const void *obj, struct sval *v)
{
	const struct m_user *u = obj;
	const char *name = u->user_name ? u->user_name : u->principal, *at = name ? strrchr(name, '@') : NULL;

	return name && text(v, name, at ? (size_t)(at - name) : strlen(name));
}

bool sget_user_profile(struct core *c, const void *obj, struct sval *v)
{
	const char *name = ((const struct m_user *)obj)->user_name, *at = name ? strrchr(name, '@') : NULL;

	return at && text(v, at + 1, strlen(at + 1));
}

bool sget_user_type(struct core *c, const void *obj, struct sval *v) { return text(v, "user", strlen("user")); }

/* ---- storage ---- */

bool sget_storage_shared_status(struct core *c, const void *obj, struct sval *v)
{
	enum { UNATTACHED, ACTIVE, INACTIVE, MIXED }; /* as StorageDomainSharedStatus counts */

	switch (((const struct m_storage_domain *)obj)->status) {
	case M_STORAGE_DOMAIN_STATUS_NONE:
	case M_STORAGE_DOMAIN_STATUS_UNATTACHED: return number(v, UNATTACHED);
	case M_STORAGE_DOMAIN_STATUS_ACTIVE: return number(v, ACTIVE);
	case M_STORAGE_DOMAIN_STATUS_MIXED: return number(v, MIXED);
	default: return number(v, INACTIVE);
	}
}

bool sget_storage_external_status(struct core *c, const void *obj, struct sval *v)
{
	enum m_external_status status = ((const struct m_storage_domain *)obj)->external_status;
	return number(v, status ? status : M_EXTERNAL_STATUS_OK);
}

bool sget_storage_total(struct core *c, const void *obj, struct sval *v)
{
	const struct m_storage_domain *d = obj;

	if (!d->has.available || !d->has.used)
		return false;
	return number(v, (double)(int64_t)(((uint64_t)d->available + (uint64_t)d->used) >> 30));
}

bool sget_disk_allocation(struct core *c, const void *obj, struct sval *v)
{
	enum { PREALLOCATED = 1, SPARSE = 2 }; /* as VolumeType counts */
	const struct m_disk *d = obj;

	return d->has.sparse && number(v, d->sparse ? SPARSE : PREALLOCATED);
}

bool sget_disk_vms(struct core *c, const void *obj, struct sval *v)
{
	int n = 0;

	INV_EACH_BY (e, c->inv, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_disk, ((const struct m_disk *)obj)->id)
		n += inv_get(c->inv, KIND_VM, ENTITY_OBJ(e, disk_attachment)->vm.id) != NULL;
	return number(v, n);
}

/* ---- networks ---- */

bool sget_network_is_vm(struct core *c, const void *obj, struct sval *v)
{
	const struct m_network *n = obj;
	bool is_vm = false;

	for (uint32_t i = 0; i < n->usages.n; i++)
		is_vm = is_vm || n->usages.v[i] == M_NETWORK_USAGE_VM;
	return number(v, is_vm);
}

bool sget_profile_passthrough(struct core *c, const void *obj, struct sval *v)
{
	const struct m_vnic_pass_through *pass = ((const struct m_vnic_profile *)obj)->pass_through;
	return number(v, pass && pass->mode == M_VNIC_PASS_THROUGH_MODE_ENABLED);
}

/* ---- events ---- */

bool sget_event_custom_id(struct core *c, const void *obj, struct sval *v)
{
	const struct m_event *ev = obj;
	return ev->has.custom_id && ev->custom_id >= 0 && number(v, (double)ev->custom_id);
}

bool sget_false(struct core *c, const void *obj, struct sval *v) { return number(v, 0); }

/* ---- what they need ---- */

bool sget_is_pure(sget_fn fn)
{
	static const sget_fn PURE[] = {
		sget_vm_vcpus,        sget_host_cpus,       sget_host_external_status,  sget_user_login,
		sget_user_profile,    sget_user_type,       sget_storage_shared_status, sget_storage_external_status,
		sget_storage_total,   sget_disk_allocation, sget_network_is_vm,         sget_profile_passthrough,
		sget_event_custom_id, sget_false,
	};

	for (size_t i = 0; i < G_N_ELEMENTS(PURE); i++)
		if (PURE[i] == fn)
			return true;
	return false;
}

const struct sget_count *sget_count_of(sget_fn fn)
{
	static const struct sget_count COUNTS[] = {
		{ sget_template_children, KIND_VM, "template", NULL },
		{ sget_host_active_vms, KIND_VM, "host", NULL },
		{ sget_disk_vms, KIND_DISK_ATTACHMENT, "disk", "vm" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(COUNTS); i++)
		if (COUNTS[i].fn == fn)
			return &COUNTS[i];
	return NULL;
}
