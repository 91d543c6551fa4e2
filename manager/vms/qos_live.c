/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/vms/qos_live.h"

#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "manager/core/agents.h"
#include "manager/vms/vm_int.h"

enum { CALL_MS = 30 * 1000, KILOBYTES_OF_MEGABIT = 125, KIB_OF_MIB = 1024 };

/* Something of a VM uses `id`: a profile, or the QoS of one. */
static bool is_used(const struct m_ref *profile, const struct m_ref *qos, const char *id)
{
	return g_strcmp0(profile->id, id) == 0 || (qos && g_strcmp0(qos->id, id) == 0);
}

/* ---- limits as agents take them ---- */

static void put_limit(json_t *out, const char *name, bool is_set, int64_t value, int64_t unit)
{
	json_object_set_new(out, name, json_integer(is_set && value > 0 ? value * unit : 0));
}

static json_t *disk_limits(const struct m_qos *q)
{
	json_t *out = json_object();

	put_limit(out, "total_bytes_sec", q && q->has.max_throughput, q ? q->max_throughput : 0, 1 << 20);
	put_limit(out, "read_bytes_sec", q && q->has.max_read_throughput, q ? q->max_read_throughput : 0, 1 << 20);
	put_limit(out, "write_bytes_sec", q && q->has.max_write_throughput, q ? q->max_write_throughput : 0, 1 << 20);
	put_limit(out, "total_iops_sec", q && q->has.max_iops, q ? q->max_iops : 0, 1);
	put_limit(out, "read_iops_sec", q && q->has.max_read_iops, q ? q->max_read_iops : 0, 1);
	put_limit(out, "write_iops_sec", q && q->has.max_write_iops, q ? q->max_write_iops : 0, 1);
	return out;
}

/* Empty: no limit. */
static json_t *way_limits(int64_t average, int64_t peak, int64_t burst)
{
	json_t *out = json_object();

	if (average <= 0)
		return out;
	json_object_set_new(out, "average", json_integer(average * KILOBYTES_OF_MEGABIT));
	if (peak > 0)
		json_object_set_new(out, "peak", json_integer(peak * KILOBYTES_OF_MEGABIT));
	if (burst > 0)
		json_object_set_new(out, "burst", json_integer(burst * KIB_OF_MIB));
	return out;
}

static json_t *card_limits(const struct m_qos *q)
{
	return json_pack("{s:o,s:o}", "inbound",
	                 way_limits(q ? M_GET(q, inbound_average, 0) : 0, q ? M_GET(q, inbound_peak, 0) : 0,
	                            q ? M_GET(q, inbound_burst, 0) : 0),
	                 "outbound",
	                 way_limits(q ? M_GET(q, outbound_average, 0) : 0, q ? M_GET(q, outbound_peak, 0) : 0,
	                            q ? M_GET(q, outbound_burst, 0) : 0));
}

/* ---- what of a VM is concerned ---- */

static void add_cpu(struct core *c, const struct m_vm *vm, const char *id, json_t *policy)
{
	const struct m_cpu_profile *cp = INV_LATEST(c->inv, CPU_PROFILE, cpu_profile, vm->cpu_profile.id);
	const struct m_qos *q = cp ? INV_LATEST(c->inv, QOS, qos, cp->qos.id) : NULL;

	if (is_used(&vm->cpu_profile, cp ? &cp->qos : NULL, id))
		json_object_set_new(policy, "vcpuLimit", json_integer(q ? M_GET(q, cpu_limit, 0) : 0));
}

static void add_disks(struct core *c, struct pool *p, const struct m_vm *vm, const char *id, json_t *policy)
{
	json_t *list = json_array();
	unsigned n;
	const struct m_disk_attachment **all = vm_attachments(c, p, vm->id, &n);

	for (unsigned i = 0; i < n; i++) {
		const struct m_disk *d = INV_LATEST(c->inv, DISK, disk, all[i]->disk.id);
		const struct m_disk_profile *dp =
		    d ? INV_LATEST(c->inv, DISK_PROFILE, disk_profile, d->disk_profile.id) : NULL;
		const struct m_qos *q = dp ? INV_LATEST(c->inv, QOS, qos, dp->qos.id) : NULL;

		if (!d || !M_GET(all[i], active, false) || !is_used(&d->disk_profile, dp ? &dp->qos : NULL, id))
			continue;
		json_array_append_new(list, json_pack("{s:s,s:o,s:o}", "imageID", d->id, "maximum", disk_limits(q),
		                                      "guaranteed", disk_limits(NULL)));
	}
	if (json_array_size(list))
		json_object_set(policy, "ioTune", list);
	json_decref(list);
}

/* Calls of VM.updateDevice, one for each card. */
static json_t *cards(struct core *c, struct pool *p, const struct m_vm *vm, const char *id)
{
	json_t *list = json_array();
	unsigned n;
	const struct m_nic **all = vm_nics(c, p, vm->id, &n);

	for (unsigned i = 0; i < n; i++) {
		const struct m_vnic_profile *vp =
		    INV_LATEST(c->inv, VNIC_PROFILE, vnic_profile, all[i]->vnic_profile.id);
		const struct m_qos *q = vp ? INV_LATEST(c->inv, QOS, qos, vp->qos.id) : NULL;

		if (!M_GET(all[i], plugged, true) || !is_used(&all[i]->vnic_profile, vp ? &vp->qos : NULL, id))
			continue;
		json_array_append_new(list, json_pack("{s:s,s:{s:s,s:s,s:o}}", "vmID", vm->id, "params", "deviceType",
		                                      "interface", "alias", domain_alias(p, all[i]->id), "specParams",
		                                      card_limits(q)));
	}
	return list;
}

/* ---- doing it ---- */

static void tell(struct core *c, const char *host, const char *vm_id, const char *method, json_t *params)
{
	struct err e = ERR_INIT;

	if (agent_call(c, host, method, params, CALL_MS, NULL, NULL, &e) < 0)
		log_warn("limits not changed", "VM_ID", vm_id, "HOST_ID", host, "REASON", e.detail);
}

static void follow(struct core *c, const char *vm_id, const char *id)
{
	const struct m_vm *vm = INV_LATEST(c->inv, VM, vm, vm_id);
	auto_pool p = pool_new();
	auto_json *policy = json_object(), *updates = NULL;
	struct err e = ERR_INIT;
	const char *host = vm && vm_is_live(vm) ? vm_host(c, p, vm, &e) : NULL;

	if (!host)
		return;
	add_cpu(c, vm, id, policy);
	add_disks(c, p, vm, id, policy);
	updates = cards(c, p, vm, id);
	if (json_object_size(policy))
		tell(c, host, vm_id, "VM.updateVmPolicy", json_pack("{s:s,s:O}", "vmID", vm_id, "params", policy));
	for (size_t i = 0; i < json_array_size(updates); i++)
		tell(c, host, vm_id, "VM.updateDevice", json_incref(json_array_get(updates, i)));
}

struct change {
	struct core *core;
	char *id;
};

static void follow_all(void *arg)
{
	struct change *ch = arg;
	GPtrArray *ids = g_ptr_array_new_with_free_func(g_free); /* VMs may come and go meanwhile */

	INV_EACH (e, ch->core->inv, KIND_VM)
		if (vm_is_live(ENTITY_OBJ(e, vm)))
			g_ptr_array_add(ids, g_strdup(e->id));
	for (guint i = 0; i < ids->len; i++)
		follow(ch->core, ids->pdata[i], ch->id);
	g_ptr_array_free(ids, TRUE);
	g_free(ch->id);
	g_free(ch);
}

void qos_live_published(struct core *c, const char *id, const void *old, const void *new)
{
	struct change *ch;

	if (!c->is_started || !old || !new)
		return;
	ch = g_new0(struct change, 1);
	*ch = (struct change){ c, g_strdup(id) };
	fiber_start(c->loop, "limits", follow_all, ch);
}

void qos_live_register(struct core *c)
{
	static const struct kind_ops OPS = { .published = qos_live_published };
	static const enum kind KINDS[] = { KIND_QOS, KIND_CPU_PROFILE, KIND_DISK_PROFILE, KIND_VNIC_PROFILE };

	for (size_t i = 0; i < G_N_ELEMENTS(KINDS); i++)
		core_register_kind(c, KINDS[i], &OPS);
}
