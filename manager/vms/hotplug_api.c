/* SPDX-License-Identifier: Apache-2.0 */
/* Processors and memory for VMs that run: when that is possible, and how it is done. */
#include <string.h>

#include "base/log.h"
#include "manager/hosts/hosts.h"
#include "manager/vms/domain_int.h"
#include "manager/vms/vm_int.h"

#define BLOCK (256LL << 20)

enum { PLUG_MS = 90 * 1000, TELL_MS = 20 * 1000, MAX_SOCKETS = 16 };

/* ---- whether ---- */

static const char *refuse_both(struct core *c, struct pool *p, const struct m_vm *vm)
{
	if (vm->status != M_VM_STATUS_UP)
		return pool_printf(p, "the VM is %s", m_enum_name(&M_ENUM_vm_status, vm->status));
	if (!vm->host.id || !host_is_connected(c, vm->host.id))
		return "the VM's host does not answer";
	if (!host_has_kvm(c, vm->host.id))
		return "the VM is emulated, and has no room for what could be plugged";
	return NULL;
}

static int64_t part(const struct m_vm *vm, int which)
{
	const struct m_cpu_topology *t = vm->cpu ? vm->cpu->topology : NULL;

	if (!t)
		return 1;
	return which == 0 ? M_GET(t, sockets, 1) : which == 1 ? M_GET(t, cores, 1) : M_GET(t, threads, 1);
}

const char *hotplug_refuse_cpus(struct core *c, struct pool *p, const struct m_vm *vm, const struct m_vm *wanted)
{
	if (part(vm, 1) != part(wanted, 1) || part(vm, 2) != part(wanted, 2))
		return "cores and threads of a running VM stay what they are";
	if (part(wanted, 0) < part(vm, 0))
		return "processors are not taken from a running VM";
	if (part(wanted, 0) > MAX_SOCKETS)
		return pool_printf(p, "a running VM can grow to %d sockets", MAX_SOCKETS);
	return refuse_both(c, p, vm);
}

const char *hotplug_refuse_memory(struct core *c, struct pool *p, const struct m_vm *vm, const struct m_vm *wanted)
{
	const struct m_memory_policy *mp = vm->memory_policy;
	const char *why = refuse_both(c, p, vm);
	int64_t more = wanted->memory - vm->memory;

	if (why)
		return why;
	if (more < 0)
		return "memory is not taken from a running VM";
	if (more % BLOCK)
		return pool_printf(p, "memory is plugged in multiples of %lld MiB", BLOCK >> 20);
	if (!mp || wanted->memory > M_GET(mp, max, 0))
		return "the VM was started with a lower maximum of memory";
	return NULL;
}

/* ---- how ---- */

static int start(struct call *c, const char *vm_id, const char **host, struct err *e)
{
	const struct m_vm *vm = INV_LATEST(c->core->inv, VM, vm, vm_id);

	*host = vm ? vm_host(c->core, c->pool, vm, e) : NULL;
	return *host ? 0 : vm ? -1 : err_set(e, ERR_NO_ENTITY, "There is no VM %s.", vm_id);
}

static void tell(struct call *c, const char *vm_id, bool ok, const char *done, const char *failed, const char *what,
                 int64_t from, int64_t to, const struct err *e)
{
	const struct m_vm *vm = INV_LATEST(c->core->inv, VM, vm, vm_id);
	struct txn *t = txn_begin(c->core);
	struct event_refs refs;

	if (!vm) {
		txn_cancel(t);
		return;
	}
	refs = vm_refs(vm, c->who.user_id, c->correlation_id);
	if (ok)
		txn_event(t, done, &refs, "Hotset %s: changed the %s on VM %s from %lld to %lld.", what, what, vm->name,
		          (long long)from, (long long)to);
	else
		txn_event(t, failed, &refs, "Failed to hot set %s to VM %s. Underlying error message: %.300s", what,
		          vm->name, e->detail);
	txn_commit_async(t);
}

int hotplug_cpus(struct call *c, const char *vm_id, const struct m_vm *wanted, struct err *e)
{
	const struct m_vm *vm = INV_LATEST(c->core->inv, VM, vm, vm_id);
	int64_t per_socket = part(wanted, 1) * part(wanted, 2), n = part(wanted, 0) * per_socket;
	int64_t before = vm ? part(vm, 0) * per_socket : 0;
	const char *host;
	int rc;

	if (start(c, vm_id, &host, e) < 0)
		return -1;
	rc = agent_call(c->core, host, "VM.setNumberOfCpus",
	                json_pack("{s:s,s:I}", "vmID", vm_id, "numberOfCpus", (json_int_t)n), PLUG_MS,
	                c->correlation_id, NULL, e);
	tell(c, vm_id, rc == 0, "HOT_SET_NUMBER_OF_CPUS", "FAILED_HOT_SET_NUMBER_OF_CPUS", "number of CPUs", before, n,
	     e);
	return rc < 0 ? err_wrap(e, "Failed to hot set number of CPUs") : 0;
}

static char *memory_xml(struct pool *p, int64_t bytes, const char *id)
{
	xmlDocPtr doc = xmlNewDoc((const xmlChar *)"1.0");
	xmlNodePtr root = xmlNewNode(NULL, (const xmlChar *)"hotplug"), dimm, target;
	char *text;

	xmlDocSetRootElement(doc, root);
	dimm = dx_set(dx_add(dx_add(root, "devices", NULL), "memory", NULL), "model", "dimm");
	target = dx_add(dimm, "target", NULL);
	dx_set(dx_addf(target, "size", "%lld", (long long)bytes / 1024), "unit", "KiB");
	dx_add(target, "node", "0");
	dx_set(dx_add(dimm, "alias", NULL), "name", domain_alias(p, id));
	text = dx_text(p, doc, root);
	xmlFreeDoc(doc);
	return text;
}

int hotplug_memory(struct call *c, const char *vm_id, int64_t from, int64_t to, struct err *e)
{
	char *xml = memory_xml(c->pool, to - from, core_uuid(c->core, c->pool));
	const char *host;
	int rc;

	if (start(c, vm_id, &host, e) < 0)
		return -1;
	rc = agent_call(c->core, host, "VM.hotplugMemory",
	                json_pack("{s:s,s:{s:s,s:s}}", "vmID", vm_id, "params", "vmId", vm_id, "xml", xml), PLUG_MS,
	                c->correlation_id, NULL, e);
	tell(c, vm_id, rc == 0, "HOT_SET_MEMORY", "FAILED_HOT_SET_MEMORY", "memory (MiB)", from >> 20, to >> 20, e);
	return rc < 0 ? err_wrap(e, "Failed to hot set memory") : 0;
}

void hotplug_guaranteed(struct core *c, const char *vm_id)
{
	const struct m_vm *vm = INV_LATEST(c->inv, VM, vm, vm_id);
	auto_pool p = pool_new();
	struct err e = ERR_INIT;
	const char *host;
	int64_t mib;

	if (!vm || !vm->host.id || !vm_is_live(vm) || !vm->memory_policy)
		return;
	mib = M_GET(vm->memory_policy, guaranteed, vm->memory) >> 20;
	host = vm_host(c, p, vm, &e);
	if (!host || agent_call(c, host, "VM.updateVmPolicy",
	                        json_pack("{s:s,s:{s:I}}", "vmID", vm_id, "params", "memGuaranteedSize",
	                                  (json_int_t)MAX(mib, 1)),
	                        TELL_MS, NULL, NULL, &e) < 0)
		log_warn("guaranteed memory not told to the host", "VM_ID", vm_id, "REASON", e.detail);
}
