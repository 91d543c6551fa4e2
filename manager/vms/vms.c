/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of VMs beside the journal, and the start of it all. */
#include <string.h>

#include "manager/api/statistics.h"
#include "manager/templates/templates.h"
#include "manager/vms/qos_live.h"
#include "manager/vms/stateless.h"
#include "manager/vms/vm_hardware.h"
#include "manager/vms/vm_history.h"
#include "manager/vms/vm_int.h"

/* ---- runtime state ---- */

struct vm_rt *vm_rt(struct core *c, const char *id)
{
	struct vm_rt *rt = g_hash_table_lookup(c->vms->by_id, id);

	if (!rt) {
		rt = g_new0(struct vm_rt, 1);
		rt->id = g_strdup(id);
		g_hash_table_insert(c->vms->by_id, rt->id, rt);
	}
	return rt;
}

static void rt_free(void *p)
{
	struct vm_rt *rt = p;

	json_decref(rt->stats);
	json_decref(rt->net_before);
	json_decref(rt->end);
	history_free(rt->history);
	g_free(rt->id);
	g_free(rt);
}

json_t *vm_stats(struct core *c, const char *vm_id)
{
	const struct vm_rt *rt = vm_id && c->vms ? g_hash_table_lookup(c->vms->by_id, vm_id) : NULL;
	return rt ? rt->stats : NULL;
}

/* ---- counts ---- */

unsigned vms_on_host(struct core *c, const char *host_id)
{
	unsigned n = 0;

	INV_EACH_BY (e, c->inv, KIND_VM, IDX_VM_host, host_id)
		n += vm_may_run(e->pub);
	return n;
}

int64_t vms_memory_on_host(struct core *c, const char *host_id)
{
	int64_t sum = 0;

	INV_EACH_BY (e, c->inv, KIND_VM, IDX_VM_host, host_id)
		if (vm_may_run(e->pub))
			sum += M_GET(ENTITY_OBJ(e, vm), memory, 0);
	return sum;
}

static int by_name(const void *a, const void *b)
{
	const struct m_nic *const *x = a, *const *y = b;
	return g_strcmp0((*x)->name, (*y)->name);
}

const struct m_nic **vm_nics(struct core *c, struct pool *p, const char *vm_id, unsigned *n)
{
	const struct m_nic **list = (const struct m_nic **)inv_latest_by(c->inv, p, KIND_NIC, IDX_NIC_vm, vm_id, n);

	qsort(list, *n, sizeof(*list), by_name);
	return list;
}

const struct m_disk_attachment **vm_attachments(struct core *c, struct pool *p, const char *vm_id, unsigned *n)
{
	return (const struct m_disk_attachment **)inv_latest_by(c->inv, p, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_vm,
	                                                        vm_id, n);
}

const char *vm_cdrom_file(const struct m_vm *vm) { return vm->cdroms.n ? vm->cdroms.v[0].id : NULL; }

/* ---- kinds, start ---- */

static void published(struct core *c, const char *id, const void *old, const void *new)
{
	struct vm_rt *rt = g_hash_table_lookup(c->vms->by_id, id);

	if (new)
		keeper_notice(c, new);
	if (new)
		vm_stateless_end(c, id);
	if (rt && !new && !rt->wake.head)
		g_hash_table_remove(c->vms->by_id, id);
	else if (rt)
		waitq_wake_all(&rt->wake);
}

static const struct kind_ops VM_KIND = { .published = published, .view = vm_view };

static const struct statistics_owner STATISTICS[] = {
	{ "vms", KIND_VM, vm_statistics },
	{ "nics", KIND_NIC, vm_nic_statistics },
	{ "disks", KIND_DISK, vm_disk_statistics },
};

void vms_register(struct core *c)
{
	static const struct command *const COMMANDS[] = { &VM_RUN_COMMAND,        &VM_STOP_COMMAND,
		                                          &VM_SHUTDOWN_COMMAND,   &VM_REBOOT_COMMAND,
		                                          &VM_RESET_COMMAND,      &VM_RESUME_COMMAND,
		                                          &VM_RESTORE_COMMAND,    &VM_SUSPEND_COMMAND,
		                                          &VM_DROP_MEMORY_COMMAND };
	static const struct api_op *const TABLES[] = { VM_OPS,         VM_UPDATE_OPS,    VM_ACTION_OPS,
		                                       VM_NIC_OPS,     VM_CONSOLE_OPS,   VM_CDROM_OPS,
		                                       VM_GUEST_OPS,   VM_SNAPSHOT_OPS,  WATCHDOG_OPS,
		                                       VM_NUMA_OPS,    VM_HOSTDEV_OPS,   INSTANCE_TYPE_OPS,
		                                       NIC_FILTER_OPS, DISK_SNAPSHOT_OPS };

	c->vms = g_new0(struct vms, 1);
	c->vms->core = c;
	c->vms->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, rt_free);
	c->vms->foreign = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	c->vms->stateless = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	c->vms->kept = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	core_register_kind(c, KIND_VM, &VM_KIND);
	for (size_t i = 0; i < G_N_ELEMENTS(COMMANDS); i++)
		jobs_register(c, COMMANDS[i]);
	for (size_t i = 0; i < G_N_ELEMENTS(TABLES); i++)
		api_register(TABLES[i]);
	for (size_t i = 0; i < G_N_ELEMENTS(STATISTICS); i++)
		statistics_register(&STATISTICS[i]);
	api_register(VM_GUEST_ACTION_OPS);
	vm_search_register();
	qos_live_register(c);
	templates_register(c);
}

void vms_start(struct core *c)
{
	keeper_start(c);
	vm_stateless_start(c);
}

void vms_free(struct core *c)
{
	if (!c->vms)
		return;
	g_hash_table_destroy(c->vms->by_id);
	g_hash_table_destroy(c->vms->foreign);
	g_hash_table_destroy(c->vms->kept);
	g_hash_table_destroy(c->vms->stateless);
	g_free(c->vms);
	c->vms = NULL;
}
