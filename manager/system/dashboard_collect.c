/* SPDX-License-Identifier: Apache-2.0 */
/* One look at the whole inventory, a slice at a time, so that others go on meanwhile. What changes while it lasts may be seen or not. */
#include <math.h>
#include <string.h>

#include "base/task.h"
#include "manager/hosts/host_history.h"
#include "manager/hosts/hosts.h"
#include "manager/storage/storage.h"
#include "manager/system/dashboard_int.h"
#include "manager/vms/vm_hardware.h"
#include "manager/vms/vm_place.h"

enum { HARDWARE_PAIRS = 20000 };
#define SURVIVAL_BUDGET 20000000LL

/* ---- states ---- */

static const uint8_t VM_STATES[N_M_VM_STATUS] = {
	[M_VM_STATUS_UP] = DASH_UP,
	[M_VM_STATUS_POWERING_UP] = DASH_UP,
	[M_VM_STATUS_MIGRATING] = DASH_UP,
	[M_VM_STATUS_WAIT_FOR_LAUNCH] = DASH_UP,
	[M_VM_STATUS_REBOOT_IN_PROGRESS] = DASH_UP,
	[M_VM_STATUS_SAVING_STATE] = DASH_UP,
	[M_VM_STATUS_RESTORING_STATE] = DASH_UP,
	[M_VM_STATUS_POWERING_DOWN] = DASH_UP,
	[M_VM_STATUS_PAUSED] = DASH_WARNING,
	[M_VM_STATUS_UNKNOWN] = DASH_ERROR,
	[M_VM_STATUS_NOT_RESPONDING] = DASH_ERROR,
	[M_VM_STATUS_DOWN] = DASH_DOWN,
	[M_VM_STATUS_SUSPENDED] = DASH_DOWN,
	[M_VM_STATUS_IMAGE_LOCKED] = DASH_DOWN,
	[M_VM_STATUS_UNASSIGNED] = DASH_DOWN,
	[M_VM_STATUS_NONE] = DASH_DOWN,
};
static const uint8_t HOST_STATES[N_M_HOST_STATUS] = {
	[M_HOST_STATUS_UP] = DASH_UP,
	[M_HOST_STATUS_DOWN] = DASH_DOWN,
	[M_HOST_STATUS_MAINTENANCE] = DASH_DOWN,
	[M_HOST_STATUS_ERROR] = DASH_ERROR,
	[M_HOST_STATUS_NON_OPERATIONAL] = DASH_ERROR,
	[M_HOST_STATUS_NON_RESPONSIVE] = DASH_ERROR,
	[M_HOST_STATUS_INSTALL_FAILED] = DASH_ERROR,
	[M_HOST_STATUS_NONE] = DASH_WARNING,
	[M_HOST_STATUS_INITIALIZING] = DASH_WARNING,
	[M_HOST_STATUS_INSTALLING] = DASH_WARNING,
	[M_HOST_STATUS_PENDING_APPROVAL] = DASH_WARNING,
	[M_HOST_STATUS_PREPARING_FOR_MAINTENANCE] = DASH_WARNING,
	[M_HOST_STATUS_CONNECTING] = DASH_WARNING,
	[M_HOST_STATUS_REBOOT] = DASH_WARNING,
	[M_HOST_STATUS_UNASSIGNED] = DASH_WARNING,
	[M_HOST_STATUS_INSTALLING_OS] = DASH_WARNING,
	[M_HOST_STATUS_KDUMPING] = DASH_WARNING,
};
static const uint8_t DOMAIN_STATES[N_M_STORAGE_DOMAIN_STATUS] = {
	[M_STORAGE_DOMAIN_STATUS_ACTIVE] = DASH_UP,
	[M_STORAGE_DOMAIN_STATUS_INACTIVE] = DASH_ERROR,
	[M_STORAGE_DOMAIN_STATUS_UNKNOWN] = DASH_ERROR,
	[M_STORAGE_DOMAIN_STATUS_MAINTENANCE] = DASH_DOWN,
	[M_STORAGE_DOMAIN_STATUS_UNATTACHED] = DASH_DOWN,
	[M_STORAGE_DOMAIN_STATUS_NONE] = DASH_DOWN,
	[M_STORAGE_DOMAIN_STATUS_LOCKED] = DASH_WARNING,
	[M_STORAGE_DOMAIN_STATUS_MIXED] = DASH_WARNING,
	[M_STORAGE_DOMAIN_STATUS_PREPARING_FOR_MAINTENANCE] = DASH_WARNING,
	[M_STORAGE_DOMAIN_STATUS_DETACHING] = DASH_WARNING,
	[M_STORAGE_DOMAIN_STATUS_ACTIVATING] = DASH_WARNING,
};
static const uint8_t DATA_CENTER_STATES[N_M_DATA_CENTER_STATUS] = {
	[M_DATA_CENTER_STATUS_UP] = DASH_UP,
	[M_DATA_CENTER_STATUS_NONE] = DASH_DOWN,
	[M_DATA_CENTER_STATUS_UNINITIALIZED] = DASH_DOWN,
	[M_DATA_CENTER_STATUS_MAINTENANCE] = DASH_DOWN,
	[M_DATA_CENTER_STATUS_NOT_OPERATIONAL] = DASH_ERROR,
	[M_DATA_CENTER_STATUS_PROBLEMATIC] = DASH_ERROR,
	[M_DATA_CENTER_STATUS_CONTEND] = DASH_WARNING,
};

static void count(struct dash_counts *n, const uint8_t *states, int n_states, int status)
{
	n->total++;
	n->by[status >= 0 && status < n_states ? states[status] : DASH_DOWN]++;
}

/* ---- lists of the largest ---- */

static void note_top(struct dash *d, struct dash_list *l, const char *id, const char *name, double value)
{
	int at = l->n;

	if (!(value >= 0) || (l->n == DASH_TOP && value <= l->rows[DASH_TOP - 1].value))
		return;
	if (l->n < DASH_TOP)
		l->n++;
	else
		at--;
	for (; at > 0 && l->rows[at - 1].value < value; at--)
		l->rows[at] = l->rows[at - 1];
	l->rows[at] = (struct dash_top){ pool_strdup(d->pool, id), pool_strdup(d->pool, name), value };
}

/* ---- data centers, clusters ---- */

static void see_data_center(struct dash *d, const void *obj)
{
	count(&d->data_centers, DATA_CENTER_STATES, N_M_DATA_CENTER_STATUS,
	      ((const struct m_data_center *)obj)->status);
}

static void cluster_free(void *arg)
{
	struct dash_cluster *cl = arg;

	g_ptr_array_free(cl->hosts, TRUE);
	g_ptr_array_free(cl->up, TRUE);
	g_array_free(cl->sv_hosts, TRUE);
	g_array_free(cl->sv_vms, TRUE);
	g_array_free(cl->sv_ids, TRUE);
	g_hash_table_destroy(cl->masks);
}

static void see_cluster(struct dash *d, const void *obj)
{
	const struct m_cluster *m = obj;
	struct dash_cluster *cl = POOL_NEW(d->pool, struct dash_cluster);

	cl->id = pool_strdup(d->pool, m->id);
	cl->name = pool_strdup(d->pool, m->name);
	cl->hosts = g_ptr_array_new();
	cl->up = g_ptr_array_new();
	cl->sv_hosts = g_array_new(FALSE, FALSE, sizeof(struct survival_host));
	cl->sv_vms = g_array_new(FALSE, FALSE, sizeof(struct survival_vm));
	cl->sv_ids = g_array_new(FALSE, FALSE, sizeof(uuid_text));
	cl->masks = g_hash_table_new(g_str_hash, g_str_equal);
	g_hash_table_insert(d->clusters, (char *)cl->id, cl);
	g_ptr_array_add(d->cluster_list, cl);
	d->clusters_n.total++;
}

/* ---- hosts ---- */

void dash_add_host(struct core *c, const struct m_host *h, struct dash_share *cpu, struct dash_share *memory)
{
	const double cpus = (double)host_count_cpus(h), bytes = (double)M_GET(h, memory, 0);
	double percent;

	if (host_percent(c, h->id, HOST_SERIES_CPU, &percent)) {
		cpu->total += cpus;
		cpu->used += cpus * percent / 100;
	}
	if (host_percent(c, h->id, HOST_SERIES_MEMORY, &percent)) {
		memory->total += bytes;
		memory->used += bytes * percent / 100;
	}
}

static void see_host_up(struct dash *d, struct dash_cluster *cl, struct dash_host *row, const struct m_host *h)
{
	struct survival_host sv = { .room = row->capacity, /* what runs there is taken off in the end */
		                    .physical = vm_physical_on(d->core, h->id),
		                    .cpus = (int)MIN(host_count_cpus(h), G_MAXINT) };

	dash_add_host(d->core, h, &cl->cpu, &cl->memory);
	dash_add_host(d->core, h, &d->cpu, &d->memory);
	cl->is_known = true;
	row->index = (int)cl->sv_hosts->len;
	g_array_append_val(cl->sv_hosts, sv);
	g_ptr_array_add(cl->up, row);
}

static void see_host(struct dash *d, const void *obj)
{
	const struct m_host *h = obj;
	struct dash_host *row = POOL_NEW(d->pool, struct dash_host);

	count(&d->hosts_n, HOST_STATES, N_M_HOST_STATUS, (int)h->status);
	row->id = pool_strdup(d->pool, h->id);
	row->name = pool_strdup(d->pool, h->name);
	row->status = h->status;
	row->index = -1;
	row->cpu = row->memory = NAN;
	row->capacity = vm_capacity_of(d->core, h);
	host_percent(d->core, h->id, HOST_SERIES_CPU, &row->cpu);
	host_percent(d->core, h->id, HOST_SERIES_MEMORY, &row->memory);
	note_top(d, &d->hosts_cpu, row->id, row->name, row->cpu);
	note_top(d, &d->hosts_memory, row->id, row->name, row->memory);
	g_hash_table_insert(d->hosts, (char *)row->id, row);
	g_ptr_array_add(d->host_list, row);
	row->cluster = h->cluster.id ? g_hash_table_lookup(d->clusters, h->cluster.id) : NULL;
	if (!row->cluster)
		return;
	g_ptr_array_add(row->cluster->hosts, row);
	if (host_is_up(d->core, h->id))
		see_host_up(d, row->cluster, row, h);
}

/* ---- storage ---- */

static void see_domain(struct dash *d, const void *obj)
{
	const struct m_storage_domain *sd = obj;
	struct dash_domain *row = POOL_NEW(d->pool, struct dash_domain);
	int64_t free_bytes, total;

	count(&d->domains_n, DOMAIN_STATES, N_M_STORAGE_DOMAIN_STATUS, (int)sd->status);
	row->id = pool_strdup(d->pool, sd->id);
	row->name = pool_strdup(d->pool, sd->name);
	row->is_data = sd->type == M_STORAGE_DOMAIN_TYPE_DATA;
	row->is_known =
	    sd->status == M_STORAGE_DOMAIN_STATUS_ACTIVE && storage_space(d->core, sd->id, &free_bytes, &total);
	if (row->is_known) {
		row->total = total;
		row->used = MAX(total - free_bytes, 0);
		note_top(d, &d->domains_used, row->id, row->name,
		         total > 0 ? 100.0 * (double)row->used / (double)total : 0);
	}
	if (row->is_known && row->is_data) {
		d->storage.used += (double)row->used;
		d->storage.total += (double)row->total;
	}
	g_hash_table_insert(d->domains, (char *)row->id, row);
	g_ptr_array_add(d->domain_list, row);
}

static void see_disk(struct dash *d, const void *obj)
{
	const struct m_disk *disk = obj;
	const char *on = disk->storage_domains.n ? disk->storage_domains.v[0].id : NULL;
	struct dash_domain *row = on ? g_hash_table_lookup(d->domains, on) : NULL;

	if (!row)
		return;
	row->provisioned += M_GET(disk, provisioned_size, 0);
	if (!row->is_known || !row->is_data)
		return;
	d->storage.allocated += (double)M_GET(disk, provisioned_size, 0);
	d->storage.committed += (double)M_GET(disk, actual_size, 0);
}

/* ---- VMs ---- */

static uint64_t *new_mask(struct dash *d, const struct dash_cluster *cl)
{
	return POOL_ARRAY(d->pool, uint64_t, cl->up->len / 64 + 1);
}

static bool is_full(const struct dash_cluster *cl, const uint64_t *mask)
{
	for (unsigned h = 0; h < cl->up->len; h++)
		if (!(mask[h / 64] >> (h % 64) & 1))
			return false;
	return true;
}

/* Hosts that have the network of a profile; NULL: all. */
static const uint64_t *network_mask(struct dash *d, struct dash_cluster *cl, const char *profile)
{
	uint64_t *mask;
	void *known;

	if (g_hash_table_lookup_extended(cl->masks, profile, NULL, &known))
		return known;
	mask = new_mask(d, cl);
	for (unsigned h = 0; h < cl->up->len; h++)
		if (host_has_network_of(d->core, ((struct dash_host *)cl->up->pdata[h])->id, profile))
			mask[h / 64] |= 1ULL << (h % 64);
	if (is_full(cl, mask))
		mask = NULL;
	g_hash_table_insert(cl->masks, pool_strdup(d->pool, profile), mask);
	return mask;
}

static void narrow(struct dash *d, const struct dash_cluster *cl, struct survival_vm *sv, const uint64_t *by,
                   enum survival_limit why)
{
	uint64_t *mask = new_mask(d, cl);

	for (unsigned i = 0; i <= cl->up->len / 64; i++)
		mask[i] = by[i] & (sv->allowed ? sv->allowed[i] : ~0ULL);
	sv->allowed = mask;
	sv->why = why;
}

/* Where it may not go although there is room. What is too much to look at counts as bound to where it is. */
static void note_bounds(struct dash *d, struct dash_cluster *cl, const struct m_vm *vm, struct survival_vm *sv)
{
	const bool is_pinned = vm->placement_policy && vm->placement_policy->affinity == M_VM_AFFINITY_PINNED &&
	                       vm->placement_policy->hosts.n;
	const bool has_needs = vm_needs_hardware(vm);

	INV_EACH_BY (en, d->core->inv, KIND_NIC, IDX_NIC_vm, vm->id) {
		const struct m_nic *nic = ENTITY_OBJ(en, nic);
		const uint64_t *by = nic->vnic_profile.id && M_GET(nic, plugged, true)
		                         ? network_mask(d, cl, nic->vnic_profile.id)
		                         : NULL;
		if (by)
			narrow(d, cl, sv, by, SURVIVAL_NETWORK);
	}
	if (!is_pinned && !has_needs)
		return;
	uint64_t *mask = new_mask(d, cl);

	d->hardware_left -= has_needs ? cl->up->len : 0;
	for (unsigned h = 0; h < cl->up->len; h++) {
		const struct dash_host *row = cl->up->pdata[h];
		auto_pool p = pool_new();
		const struct m_host *host = INV_GET(d->core->inv, HOST, host, row->id);

		if (host && vm_is_allowed_on(vm, row->id) &&
		    (!has_needs || (d->hardware_left > 0 && !vm_refuse_hardware(d->core, p, vm, host))))
			mask[h / 64] |= 1ULL << (h % 64);
	}
	if (!is_full(cl, mask))
		narrow(d, cl, sv, mask, is_pinned ? SURVIVAL_PINNED : SURVIVAL_HARDWARE);
}

static void note_survivor(struct dash *d, struct dash_host *host, const struct m_vm *vm, bool is_ha)
{
	struct dash_cluster *cl = host->cluster;
	struct survival_vm sv = { .host = host->index,
		                  .cpus = (int)MIN(vm_count_cpus(vm), G_MAXINT),
		                  .memory = M_GET(vm, memory, 0),
		                  .overhead = vm_overhead(vm),
		                  .guaranteed = vm_guaranteed(vm),
		                  .is_ha = is_ha };
	uuid_text id;

	if (is_ha)
		sv.priority = (int)M_GET(vm->high_availability, priority, 0);
	note_bounds(d, cl, vm, &sv);
	g_strlcpy(id, vm->id, sizeof(id));
	g_array_append_val(cl->sv_vms, sv);
	g_array_append_val(cl->sv_ids, id);
}

static void see_running(struct dash *d, const struct m_vm *vm)
{
	struct dash_host *host = g_hash_table_lookup(d->hosts, vm->host.id);
	const struct history *h = vm_history(d->core, vm->id);
	const bool is_ha = vm->high_availability && M_GET(vm->high_availability, enabled, false);

	if (h) {
		note_top(d, &d->vms_cpu, vm->id, vm->name, history_last(h, 0));
		note_top(d, &d->vms_memory, vm->id, vm->name, history_last(h, 1));
	}
	if (!host)
		return;
	host->n_vms++;
	host->promised += M_GET(vm, memory, 0);
	host->promised_ha += is_ha ? M_GET(vm, memory, 0) : 0;
	if (host->index >= 0 && d->wants_survival)
		note_survivor(d, host, vm, is_ha);
}

static void see_vm(struct dash *d, const void *obj)
{
	const struct m_vm *vm = obj;
	struct dash_cluster *cl = vm->cluster.id ? g_hash_table_lookup(d->clusters, vm->cluster.id) : NULL;
	const double cpus = (double)vm_count_cpus(vm), memory = (double)M_GET(vm, memory, 0);
	const bool runs = vm_may_run(vm);

	count(&d->vms_n, VM_STATES, N_M_VM_STATUS, (int)vm->status);
	d->cpu.allocated += cpus;
	d->memory.allocated += memory;
	if (cl) {
		cl->n_vms++;
		cl->n_running += runs;
	}
	if (!runs)
		return;
	d->cpu.committed += cpus;
	d->memory.committed += memory;
	see_running(d, vm);
}

/* ---- events ---- */

static void see_event(struct dash *d, const void *obj)
{
	const struct m_event *ev = obj;

	d->events_n.total++;
	switch (ev->severity) {
	case M_LOG_SEVERITY_WARNING: d->events_n.by[DASH_WARNING]++; break;
	case M_LOG_SEVERITY_ERROR: d->events_n.by[DASH_ERROR]++; break;
	case M_LOG_SEVERITY_ALERT: d->events_n.by[DASH_ALERT]++; break;
	default: return;
	}
	g_strlcpy(d->alerts[d->n_alerts++ % DASH_ALERTS], ev->id, sizeof(d->alerts[0]));
}

/* ---- all of it ---- */

/* False when the place was lost, because just what came next was removed meanwhile. */
static bool each(struct dash *d, enum kind k, void (*see)(struct dash *d, const void *obj))
{
	struct inventory *inv = d->core->inv;
	struct entity *e = inv_first(inv, k);

	for (int n = 1; e; n++) {
		if (!d->who || perm_can_see(d->core, d->who, k, e->id))
			see(d, e->pub);
		e = e->all.next;
		if (e && n % DASH_SLICE == 0) {
			char id[64];

			g_strlcpy(id, e->id, sizeof(id));
			fiber_yield();
			e = inv_find(inv, k, id);
			if (!e || !e->pub)
				return false;
		}
	}
	return true;
}

static void settle_room(struct dash *d)
{
	for (unsigned i = 0; i < d->host_list->len; i++) {
		const struct dash_host *row = d->host_list->pdata[i];

		if (row->index >= 0 && row->capacity != INT64_MAX)
			g_array_index(row->cluster->sv_hosts, struct survival_host, row->index).room =
			    row->capacity - row->promised;
	}
}

static bool collect_once(struct dash *d)
{
	return each(d, KIND_DATA_CENTER, see_data_center) && each(d, KIND_CLUSTER, see_cluster) &&
	       each(d, KIND_HOST, see_host) && each(d, KIND_STORAGE_DOMAIN, see_domain) &&
	       each(d, KIND_DISK, see_disk) && each(d, KIND_VM, see_vm) && each(d, KIND_EVENT, see_event);
}

void dash_init(struct dash *d, struct core *c, const struct identity *who)
{
	*d = (struct dash){ .core = c, .who = who, .pool = pool_new(), .hardware_left = HARDWARE_PAIRS };
	d->clusters = g_hash_table_new(g_str_hash, g_str_equal);
	d->hosts = g_hash_table_new(g_str_hash, g_str_equal);
	d->domains = g_hash_table_new(g_str_hash, g_str_equal);
	d->cluster_list = g_ptr_array_new_with_free_func(cluster_free);
	d->host_list = g_ptr_array_new();
	d->domain_list = g_ptr_array_new();
}

void dash_deinit(struct dash *d)
{
	g_hash_table_destroy(d->clusters);
	g_hash_table_destroy(d->hosts);
	g_hash_table_destroy(d->domains);
	g_ptr_array_free(d->cluster_list, TRUE);
	g_ptr_array_free(d->host_list, TRUE);
	g_ptr_array_free(d->domain_list, TRUE);
	pool_free(d->pool);
}

void dash_collect(struct dash *d)
{
	const bool wants_survival = d->wants_survival;

	for (int i = 0; i < 5 && !collect_once(d); i++) {
		struct core *c = d->core;
		const struct identity *who = d->who;

		dash_deinit(d);
		dash_init(d, c, who);
		d->wants_survival = wants_survival;
	}
	settle_room(d);
}

/* ---- survival ---- */

static void survive_work(void *arg)
{
	struct dash *d = arg;
	const int64_t budget = SURVIVAL_BUDGET / MAX(d->cluster_list->len, 1);

	for (unsigned i = 0; i < d->cluster_list->len; i++) {
		struct dash_cluster *cl = d->cluster_list->pdata[i];
		const struct survival_cluster in = {
			.hosts = (const struct survival_host *)cl->sv_hosts->data,
			.vms = (const struct survival_vm *)cl->sv_vms->data,
			.n_hosts = (int)cl->sv_hosts->len,
			.n_vms = (int)cl->sv_vms->len,
		};
		survival_find(&in, true, budget / 2, &cl->ha);
		survival_find(&in, false, budget / 2, &cl->all);
	}
}

void dash_survive(struct dash *d)
{
	struct err e = ERR_INIT;

	if (task_run(d->core->tasks, survive_work, d, &e) < 0)
		d->wants_survival = false; /* too much to do just now: what was known stays */
}
