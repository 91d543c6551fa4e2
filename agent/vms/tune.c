/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/vms/tune.h"

#include <libvirt/libvirt.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/host/memory.h"
#include "agent/host/mom.h"
#include "agent/vms/life.h"
#include "agent/vms/tune_policy.h"
#include "agent/vms/virt.h"
#include "agent/vms/xml.h"
#include "base/auto.h"
#include "base/log.h"

#define MAX_GUARANTEED_MIB (1LL << 30)

enum { BALLOON_ERROR = 53, CPU_TUNE_ERROR = 62, POLICY_ERROR = 63, IO_TUNE_ERROR = 64 };

static int failed(int code, struct err *e)
{
	const struct err cause = *e;

	return err_agent(e, code, "%s", cause.detail);
}

const char *tune_number(int64_t v)
{
	static char texts[8][24];
	static unsigned next;
	char *s = texts[next++ % G_N_ELEMENTS(texts)];

	g_snprintf(s, sizeof(texts[0]), "%" G_GINT64_FORMAT, v);
	return s;
}

/* --- memory ------------------------------------------------------------------------- */

static int balloon_work(virDomainPtr dom, void *arg, struct err *e)
{
	return virDomainSetMemoryFlags(dom, *(const unsigned long *)arg, VIR_DOMAIN_AFFECT_LIVE) < 0
	           ? virt_err(e, "set the balloon")
	           : 0;
}

int tune_balloon(struct vm *vm, int64_t kib, struct err *e)
{
	unsigned long target = (unsigned long)kib;

	if (virt_run_domain(vm->agent, VIRT_OPS, vm->id, balloon_work, &target, e) < 0)
		return -1;
	vm->balloon_target_kib = kib;
	return 0;
}

int vm_set_balloon_target(struct agent *a, struct verb_call *c, struct err *e)
{
	auto_vm_lock held = NULL;
	struct vm *vm;
	int64_t kib;

	if (vms_running(a, c, &vm, e) < 0 || verb_int(c, "target", 1, INT64_MAX / 2048, &kib, e) < 0)
		return -1;
	if (kib > vm->domain->mem_kib)
		return err_agent(e, BALLOON_ERROR, "The machine has %s KiB, not %s", tune_number(vm->domain->mem_kib),
		                 tune_number(kib));
	if (vm_hold(vm, &held, e) < 0)
		return -1;
	return tune_balloon(vm, kib, e) < 0 ? failed(BALLOON_ERROR, e) : 0;
}

/* --- processor time ------------------------------------------------------------------- */

struct schedule {
	int64_t quota, period; /* 0: as it is */
};

static int schedule_work(virDomainPtr dom, void *arg, struct err *e)
{
	const struct schedule *s = arg;
	virTypedParameterPtr params = NULL;
	int n = 0, max = 0, r;

	if (s->period > 0)
		virTypedParamsAddULLong(&params, &n, &max, VIR_DOMAIN_SCHEDULER_VCPU_PERIOD,
		                        (unsigned long long)s->period);
	if (s->quota != 0)
		virTypedParamsAddLLong(&params, &n, &max, VIR_DOMAIN_SCHEDULER_VCPU_QUOTA, s->quota);
	r = virDomainSetSchedulerParametersFlags(dom, params, n, VIR_DOMAIN_AFFECT_LIVE);
	virTypedParamsFree(params, n);
	return r < 0 ? virt_err(e, "limit the processor time") : 0;
}

static int schedule(struct vm *vm, struct schedule s, struct err *e)
{
	if (virt_run_domain(vm->agent, VIRT_OPS, vm->id, schedule_work, &s, e) < 0)
		return -1;
	vm->vcpu_quota = s.quota ? s.quota : vm->vcpu_quota;
	vm->vcpu_period = s.period ? s.period : vm->vcpu_period;
	return 0;
}

static void read_limit(struct vm *vm)
{
	auto_json *policy = NULL;

	if (vm->is_limit_read && vm->limit_hash == vm->domain->hash)
		return;
	policy = tune_policy_of_domain(vm->xml);
	vm->vcpu_limit = (int)json_integer_value(json_object_get(policy, "vcpuLimit"));
	vm->limit_hash = vm->domain->hash;
	vm->is_limit_read = true;
}

void tune_keep(struct vm *vm)
{
	struct cpu_quota q;
	struct err e = ERR_INIT;

	if (vm->is_locked || vm->is_removed || !vm_is_active(vm))
		return;
	read_limit(vm);
	q = cpu_quota_of(vm->vcpu_limit, (int)sysconf(_SC_NPROCESSORS_ONLN), vm->domain->vcpus);
	if ((q.quota < 0 && vm->kept_quota <= 0) || (vm->kept_quota == q.quota && vm->vcpu_quota == q.quota))
		return;
	if (vm->kept_quota == q.quota && vm->is_limit_broken)
		return;
	vm->kept_quota = q.quota;
	vm->is_limit_broken = schedule(vm, (struct schedule){ q.quota, q.period }, &e) < 0;
	if (vm->is_limit_broken)
		log_warn("limit of processor time not set", "VM", vm->id, "ERROR", e.detail);
	else
		log_info("limit of processor time", "VM", vm->id, "PERCENT", tune_number(vm->vcpu_limit), "QUOTA",
		         tune_number(q.quota), "PERIOD", tune_number(q.period));
}

static int set_schedule(struct agent *a, struct verb_call *c, const char *name, int64_t min, int64_t max, bool is_quota,
                        struct err *e)
{
	auto_vm_lock held = NULL;
	struct vm *vm;
	int64_t v;

	if (vms_running(a, c, &vm, e) < 0 || verb_int(c, name, min, max, &v, e) < 0 || vm_hold(vm, &held, e) < 0)
		return -1;
	return schedule(vm, is_quota ? (struct schedule){ v, 0 } : (struct schedule){ 0, v }, e) < 0
	           ? failed(CPU_TUNE_ERROR, e)
	           : 0;
}

int vm_set_cpu_tune_quota(struct agent *a, struct verb_call *c, struct err *e)
{
	return set_schedule(a, c, "quota", -1, 17592186044415, true, e);
}

int vm_set_cpu_tune_period(struct agent *a, struct verb_call *c, struct err *e)
{
	return set_schedule(a, c, "period", 1000, 1000000, false, e);
}

/* --- disks ------------------------------------------------------------------------------ */

struct io {
	struct pool *pool;
	const struct domain *domain;
	json_t *list; /* to be set: {name, ioTune}; or where the answer goes */
};

static int io_set_work(virDomainPtr dom, void *arg, struct err *e)
{
	struct io *io = arg;

	for (size_t i = 0; i < json_array_size(io->list); i++) {
		json_t *row = json_array_get(io->list, i), *numbers = json_object_get(row, "ioTune");
		const char *name = json_string_value(json_object_get(row, "name"));
		virTypedParameterPtr params = NULL;
		int n = 0, max = 0, r;

		for (const char *const *k = TUNE_NUMBERS; *k; k++)
			virTypedParamsAddULLong(&params, &n, &max, *k,
			                        (unsigned long long)json_integer_value(json_object_get(numbers, *k)));
		r = virDomainSetBlockIoTune(dom, name, params, n, VIR_DOMAIN_AFFECT_LIVE);
		virTypedParamsFree(params, n);
		if (r < 0)
			return virt_err(e, "limit disk %s", name);
	}
	return 0;
}

static json_t *numbers_of(const virTypedParameter *params, int n)
{
	json_t *out = json_object();

	for (const char *const *k = TUNE_NUMBERS; *k; k++) {
		json_int_t v = 0;

		for (int i = 0; i < n; i++)
			if (strcmp(params[i].field, *k) == 0 && params[i].type == VIR_TYPED_PARAM_ULLONG)
				v = (json_int_t)params[i].value.ul;
		json_object_set_new(out, *k, json_integer(v));
	}
	return out;
}

/* libvirt takes exactly as much room as it has asked for. */
static int read_numbers(virDomainPtr dom, const char *disk, json_t **out, struct err *e)
{
	g_autofree virTypedParameter *params = NULL;
	int n = 0;

	if (virDomainGetBlockIoTune(dom, disk, NULL, &n, VIR_DOMAIN_AFFECT_LIVE) < 0)
		return virt_err(e, "read the limits of disk %s", disk);
	params = g_new0(virTypedParameter, n + 1);
	if (n > 0 && virDomainGetBlockIoTune(dom, disk, params, &n, VIR_DOMAIN_AFFECT_LIVE) < 0)
		return virt_err(e, "read the limits of disk %s", disk);
	*out = numbers_of(params, n);
	virTypedParamsClear(params, n);
	return 0;
}

static int io_get_work(virDomainPtr dom, void *arg, struct err *e)
{
	struct io *io = arg;

	for (int i = 0; i < io->domain->n_disks; i++) {
		const struct domain_disk *d = &io->domain->disks[i];
		json_t *numbers = NULL;

		if (!d->name[0] || strcmp(d->device, "disk") != 0)
			continue;
		if (read_numbers(dom, d->name, &numbers, e) < 0)
			return -1;
		json_array_append_new(io->list, json_pack("{s:s, s:s, s:o}", "name", d->name, "path",
		                                          d->path ? d->path : "", "ioTune", numbers));
	}
	return 0;
}

static int get_io(struct agent *a, struct vm *vm, json_t **out, struct err *e)
{
	auto_pool p = pool_new();
	struct io io = { .pool = p, .list = json_array() };
	struct domain *copy; /* the machine's own may be replaced meanwhile */
	struct err bad = ERR_INIT;

	*out = io.list;
	if (!vm->xml || domain_read(p, vm->xml, &copy, &bad) < 0)
		return 0;
	io.domain = copy;
	return virt_run_domain(a, VIRT_OPS, vm->id, io_get_work, &io, e);
}

int vm_get_io_tune(struct agent *a, struct verb_call *c, struct err *e)
{
	struct vm *vm;

	if (vms_running(a, c, &vm, e) < 0)
		return -1;
	return get_io(a, vm, &c->result, e) < 0 ? failed(IO_TUNE_ERROR, e) : 0;
}

/* The disk that a row from outside means: by name, path or ids. */
static const struct domain_disk *disk_of_row(const struct vm *vm, json_t *row)
{
	const char *name = json_string_value(json_object_get(row, "name")),
	           *path = json_string_value(json_object_get(row, "path")),
	           *image = json_string_value(json_object_get(row, "imageID"));

	for (int i = 0; i < vm->domain->n_disks; i++) {
		const struct domain_disk *d = &vm->domain->disks[i];

		if ((name && strcmp(name, d->name) == 0) || (path && d->path && strcmp(path, d->path) == 0) ||
		    (image && d->image_id && g_ascii_strcasecmp(image, d->image_id) == 0))
			return d;
	}
	return NULL;
}

int vm_set_io_tune(struct agent *a, struct verb_call *c, struct err *e)
{
	auto_vm_lock held = NULL;
	auto_json *todo = json_array();
	struct io io = { .list = todo };
	struct vm *vm;
	json_t *rows, *row;
	size_t i;

	if (vms_running(a, c, &vm, e) < 0 || verb_array(c, "tunables", &rows, e) < 0 || vm_hold(vm, &held, e) < 0)
		return -1;
	json_array_foreach (rows, i, row) {
		const struct domain_disk *d = disk_of_row(vm, row);
		json_t *numbers = tune_numbers_check(json_object_get(row, "ioTune"), "tunables", e);

		if (!numbers)
			return -1;
		json_array_append_new(todo, json_pack("{s:s, s:o}", "name", d ? d->name : "", "ioTune", numbers));
		if (!d)
			return err_agent(e, IO_TUNE_ERROR, "The machine has no such disk");
	}
	return virt_run_domain(a, VIRT_OPS, vm->id, io_set_work, &io, e) < 0 ? failed(IO_TUNE_ERROR, e) : 0;
}

/* --- the policy in the metadata ------------------------------------------------------------ */

struct policy_change {
	const char *element;
};

static int policy_work(virDomainPtr dom, void *arg, struct err *e)
{
	const struct policy_change *pc = arg;

	if (virDomainSetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT, pc->element, "ovirt-tune", OVIRT_TUNE_URI,
	                         VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG) < 0)
		return virt_err(e, "write the machine's limits");
	return 0;
}

static int take_row(struct vm *vm, json_t *row, json_t *policy, json_t *todo, struct err *e)
{
	const struct domain_disk *d = disk_of_row(vm, row);
	json_t *list = json_object_get(policy, "ioTune"), *old, *maximum, *guaranteed;
	size_t i;

	if (!d)
		return err_agent(e, POLICY_ERROR, "The machine has no such disk");
	maximum = tune_numbers_check(json_object_get(row, "maximum"), "params.ioTune", e);
	guaranteed = maximum ? tune_numbers_check(json_object_get(row, "guaranteed"), "params.ioTune", e) : NULL;
	if (!guaranteed) {
		json_decref(maximum);
		return -1;
	}
	json_array_foreach (list, i, old)
		if (g_strcmp0(json_string_value(json_object_get(old, "name")), d->name) == 0) {
			json_array_remove(list, i);
			break;
		}
	json_array_append_new(todo, json_pack("{s:s, s:O}", "name", d->name, "ioTune", maximum));
	json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:o}", "name", d->name, "path", d->path ? d->path : "",
	                                      "maximum", maximum, "guaranteed", guaranteed));
	return 0;
}

/* What is left to the machine when memory is short: kept in its metadata, where the memory policy reads it. */
static int write_guaranteed(struct vm *vm, int64_t mib, struct err *e)
{
	const struct domain_meta value = { "minGuaranteedMemoryMb", tune_number(mib) };

	return mib > 0 ? vm_write_meta(vm, &value, 1, e) : 0;
}

int vm_update_policy(struct agent *a, struct verb_call *c, struct err *e)
{
	auto_vm_lock held = NULL;
	auto_json *policy = NULL, *todo = json_array();
	struct io io = { .list = todo };
	struct policy_change pc;
	json_t *rows, *row;
	int64_t limit, guaranteed;
	struct vm *vm;
	size_t i;

	if (vms_running(a, c, &vm, e) < 0 || verb_int_or(c, "params.vcpuLimit", 0, 100, -1, &limit, e) < 0 ||
	    verb_int_or(c, "params.memGuaranteedSize", 1, MAX_GUARANTEED_MIB, 0, &guaranteed, e) < 0 ||
	    verb_array_or(c, "params.ioTune", &rows, e) < 0 || vm_hold(vm, &held, e) < 0)
		return -1;
	policy = tune_policy_of_domain(vm->xml);
	if (limit > 0)
		json_object_set_new(policy, "vcpuLimit", json_integer(limit));
	else if (limit == 0)
		json_object_del(policy, "vcpuLimit");
	json_array_foreach (rows, i, row)
		if (take_row(vm, row, policy, todo, e) < 0)
			return -1;
	pc.element = tune_policy_write(c->pool, policy);
	if (virt_run_domain(a, VIRT_OPS, vm->id, policy_work, &pc, e) < 0 ||
	    (json_array_size(todo) && virt_run_domain(a, VIRT_OPS, vm->id, io_set_work, &io, e) < 0) ||
	    write_guaranteed(vm, guaranteed, e) < 0)
		return failed(POLICY_ERROR, e);
	if (vm_sync(vm, e) < 0)
		log_debug("state not read after a change of limits", "VM", vm->id, "ERROR", e->detail);
	vm_unlock_p(&held);
	held = NULL;
	tune_keep(vm);
	if (guaranteed)
		mom_soon(a);
	return 0;
}

int vm_get_io_tune_policy(struct agent *a, struct verb_call *c, struct err *e)
{
	auto_json *policy = NULL;
	struct vm *vm;

	if (vms_of_call(a, c, &vm, e) < 0)
		return -1;
	policy = tune_policy_of_domain(vm->xml);
	c->result = json_incref(json_object_get(policy, "ioTune"));
	return 0;
}

int host_get_all_io_tune_policies(struct agent *a, struct verb_call *c, struct err *e)
{
	g_autoptr(GPtrArray) vms = g_ptr_array_new_with_free_func((GDestroyNotify)vm_unref);
	GHashTableIter it;
	gpointer found;

	g_hash_table_iter_init(&it, a->vms->by_id);
	while (g_hash_table_iter_next(&it, NULL, &found))
		if (vm_is_active(found))
			g_ptr_array_add(vms, vm_ref(found));
	c->result = json_object();
	for (guint i = 0; i < vms->len; i++) {
		struct vm *vm = vms->pdata[i];
		auto_json *policy = tune_policy_of_domain(vm->xml);
		json_t *now = NULL;
		struct err ignored = ERR_INIT;

		if (get_io(a, vm, &now, &ignored) == 0)
			json_object_set_new(c->result, vm->id,
			                    json_pack("{s:O, s:O}", "policy", json_object_get(policy, "ioTune"),
			                              "current_values", now));
		json_decref(now);
	}
	return 0;
}

void tune_add_stats(const struct vm *vm, json_t *j)
{
	json_object_set_new(j, "vcpuQuota", json_sprintf("%" G_GINT64_FORMAT, vm->vcpu_quota ? vm->vcpu_quota : -1));
	json_object_set_new(j, "vcpuPeriod", json_integer(vm->vcpu_period));
	if (vm->vcpu_limit > 0)
		json_object_set_new(j, "vcpuUserLimit", json_integer(vm->vcpu_limit));
}
