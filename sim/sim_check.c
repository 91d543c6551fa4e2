/* SPDX-License-Identifier: Apache-2.0 */
/* Does what the Manager believes agree with what is? Asked when nothing is under way. */
#include <string.h>

#include "manager/api/call.h"
#include "manager/core/jobs.h"
#include "manager/core/locks.h"
#include "sim/sim_host.h"

enum { SETTLE_LIMIT_MS = 40 * SIM_MINUTE, STAYS_MS = 2 * SIM_MINUTE };

#define WRONG(...) g_strdup_printf(__VA_ARGS__)

/* ---- jobs and locks ---- */

static char *wrong_jobs(struct sim *s)
{
	unsigned n = jobs_running(s->core), locks = lock_count(s->core);

	INV_EACH (e, s->core->inv, KIND_JOB) {
		const struct m_job *j = e->pub;
		if (j->status == M_JOB_STATUS_STARTED)
			return WRONG("job %s (%s) has not ended: step %lld%s %s", j->id, STR_OR(j->command, "?"),
			             (long long)M_GET(j, step_index, -1),
			             M_GET(j, is_undoing, false) ? ", being undone" : "", STR_OR(j->error, ""));
	}
	if (n || locks)
		return WRONG("%u jobs run, %u locks are held", n, locks);
	return sim_journal_is_idle(s->journal) ? NULL : WRONG("the journal is busy");
}

/* ---- hosts ---- */

static char *wrong_hosts(struct sim *s)
{
	for (int i = 0; i < s->n_hosts; i++)
		if (!sim_host_answers(s->hosts[i]) || s->hosts[i]->finds_vms_at_ms > sim_now(s))
			return WRONG("%s does not answer yet", s->hosts[i]->address);
	INV_EACH (e, s->core->inv, KIND_HOST) {
		const struct m_host *h = e->pub;
		if (h->status != M_HOST_STATUS_UP && h->status != M_HOST_STATUS_MAINTENANCE &&
		    h->status != M_HOST_STATUS_INSTALL_FAILED)
			return WRONG("host %s is %s: %s", h->name, m_enum_name(&M_ENUM_host_status, h->status),
			             STR_OR(h->status_detail, ""));
	}
	return NULL;
}

static const struct m_host *host_at(struct sim *s, const struct sim_host *where)
{
	INV_EACH (e, s->core->inv, KIND_HOST)
		if (g_strcmp0(ENTITY_OBJ(e, host)->address, where->address) == 0)
			return e->pub;
	return NULL;
}

/* ---- VMs ---- */

/* Of a VM that runs nowhere. */
static char *wrong_rest(struct sim *s, const struct m_vm *vm)
{
	/* Among many there may be no host left that could run it. */
	if (vm->has.restart_wanted && inv_count(s->core->inv, KIND_VM) == 1)
		return WRONG("VM %s is to be started again", vm->name);
	if (vm->status == M_VM_STATUS_SUSPENDED)
		return inv_get(s->core->inv, KIND_DISK, vm->memory_disk.id) &&
		               inv_get(s->core->inv, KIND_DISK, vm->memory_config_disk.id)
		           ? NULL
		           : WRONG("VM %s is suspended, and its memory is nowhere", vm->name);
	if (vm->memory_disk.id)
		return WRONG("VM %s is down, and its saved memory was not dropped", vm->name);
	return vm->status == M_VM_STATUS_DOWN
	           ? NULL
	           : WRONG("VM %s is %s, and runs nowhere", vm->name, m_enum_name(&M_ENUM_vm_status, vm->status));
}

static char *wrong_vm(struct sim *s, const struct m_vm *vm)
{
	struct sim_host *where = sim_vm_where(s, vm->id);
	const struct m_host *h = where ? host_at(s, where) : NULL;
	const char *status = m_enum_name(&M_ENUM_vm_status, vm->status);

	if (!where)
		return wrong_rest(s, vm);
	if (!h || g_strcmp0(vm->host.id, h->id) != 0)
		return WRONG("VM %s (%s) runs on %s, and not where the Manager believes", vm->name, status,
		             where->address);
	if (vm->status != M_VM_STATUS_UP && vm->status != M_VM_STATUS_PAUSED)
		return WRONG("VM %s runs on %s and is %s", vm->name, where->address, status);
	return NULL;
}

/* What it has open must be recorded as plugged, or somebody may delete it. */
static char *wrong_plugs(struct sim *s, const struct sim_vm *real)
{
	for (int i = 0; i < real->n_disks; i++) {
		bool is_known = false;

		INV_EACH_BY (e, s->core->inv, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_vm, real->id) {
			const struct m_disk_attachment *a = e->pub;
			is_known =
			    is_known || (g_strcmp0(a->disk.id, real->disks[i].img) == 0 && M_GET(a, active, true));
		}
		if (!is_known)
			return WRONG("VM %s has disk %s, and the Manager does not believe so", real->name,
			             real->disks[i].img);
	}
	return NULL;
}

static char *wrong_vms(struct sim *s)
{
	GHashTableIter it;
	struct sim_vm *real;

	INV_EACH (e, s->core->inv, KIND_VM) {
		char *wrong = wrong_vm(s, e->pub);
		if (wrong)
			return wrong;
	}
	for (int i = 0; i < s->n_hosts; i++) {
		const struct m_host *h = host_at(s, s->hosts[i]);

		g_hash_table_iter_init(&it, s->hosts[i]->vms);
		while (g_hash_table_iter_next(&it, NULL, (void **)&real)) {
			if (!inv_get(s->core->inv, KIND_VM, real->id) && real->is_running)
				return WRONG("VM %s runs on %s, and nobody knows it", real->name, real->host->address);
			if (real->is_running) {
				char *wrong = wrong_plugs(s, real);
				if (wrong)
					return wrong;
			}
			if (!real->is_running && h && h->status == M_HOST_STATUS_UP &&
			    inv_get(s->core->inv, KIND_VM, real->id))
				return WRONG("%s still lists VM %s, which is %s", real->host->address, real->name,
				             sim_vm_status_name(real->status));
		}
	}
	return NULL;
}

/* ---- disks ---- */

static int count_volumes(struct sim *s, const struct m_disk *d)
{
	GHashTableIter it;
	struct sim_sd *sd;
	int n = 0;

	g_hash_table_iter_init(&it, s->storage->domains);
	while (g_hash_table_iter_next(&it, NULL, (void **)&sd))
		n += d->volume_id && sim_volume_find(sd, d->id, d->volume_id) != NULL;
	return n;
}

static bool is_forgotten_memory(struct sim *s, const struct m_disk *d)
{
	const char *sd_id = d->storage_domains.n ? d->storage_domains.v[0].id : NULL;
	const struct m_storage_domain *sd = INV_GET(s->core->inv, STORAGE_DOMAIN, storage_domain, sd_id);

	if (!sd || sd->status != M_STORAGE_DOMAIN_STATUS_ACTIVE) /* it stays behind */
		return false;
	if (d->content_type != M_DISK_CONTENT_TYPE_MEMORY_DUMP_VOLUME &&
	    d->content_type != M_DISK_CONTENT_TYPE_MEMORY_METADATA_VOLUME)
		return false;
	INV_EACH (e, s->core->inv, KIND_VM)
		if (g_strcmp0(ENTITY_OBJ(e, vm)->memory_disk.id, d->id) == 0 ||
		    g_strcmp0(ENTITY_OBJ(e, vm)->memory_config_disk.id, d->id) == 0)
			return false;
	INV_EACH (e, s->core->inv, KIND_SNAPSHOT)
		if (ENTITY_OBJ(e, snapshot)->snapshot_type != M_SNAPSHOT_TYPE_ACTIVE) /* may have memory of its own */
			return false;
	return true;
}

static char *wrong_disks(struct sim *s)
{
	INV_EACH (e, s->core->inv, KIND_DISK) {
		const struct m_disk *d = e->pub;
		const char *sd_id = d->storage_domains.n ? d->storage_domains.v[0].id : NULL;
		struct sim_sd *sd = sd_id ? g_hash_table_lookup(s->storage->domains, sd_id) : NULL;

		if (d->storage_type != M_DISK_STORAGE_TYPE_NONE && d->storage_type != M_DISK_STORAGE_TYPE_IMAGE)
			continue;
		if (d->status == M_DISK_STATUS_ILLEGAL)
			continue;
		if (d->status != M_DISK_STATUS_OK)
			return WRONG("disk %s is %s", d->alias, m_enum_name(&M_ENUM_disk_status, d->status));
		if (!sd || !sim_volume_find(sd, d->id, STR_OR(d->volume_id, "")))
			return WRONG("disk %s (%s) has no volume", STR_OR(d->alias, "?"), d->id);
		if (is_forgotten_memory(s, d))
			return WRONG("disk %s holds memory of no VM", STR_OR(d->alias, "?"));
		if (count_volumes(s, d) != 1)
			return WRONG("disk %s has %d volumes", STR_OR(d->alias, "?"), count_volumes(s, d));
	}
	INV_EACH (e, s->core->inv, KIND_DISK_ATTACHMENT) {
		const struct m_disk_attachment *a = e->pub;
		if (!inv_get(s->core->inv, KIND_DISK, a->disk.id))
			return WRONG("the attachment %s has no disk", a->id);
	}
	return NULL;
}

static char *wrong_volumes(struct sim *s, struct sim_sd *sd)
{
	GHashTableIter it;
	struct sim_volume *v;

	g_hash_table_iter_init(&it, sd->volumes);
	while (g_hash_table_iter_next(&it, NULL, (void **)&v)) {
		const struct m_disk *d = INV_GET(s->core->inv, DISK, disk, v->img);
		if (!d)
			return WRONG("volume %s of image %s has no disk", v->vol, v->img);
		if (v->writer_host && sim_vm_where(s, v->writer_vm) != v->writer_host)
			return WRONG("volume %s is open for VM %s, which does not run", v->vol, v->writer_vm);
	}
	return sim_chains_wrong(s, sd);
}

/* ---- storage domains ---- */

static char *wrong_domain(struct sim *s, struct sim_sd *sd)
{
	const struct m_storage_domain *m = INV_GET(s->core->inv, STORAGE_DOMAIN, storage_domain, sd->id);
	GHashTableIter it;
	struct sim_task *t;

	if (!m)
		return WRONG("storage domain %s (%s) is unknown to the Manager", sd->name, sd->id);
	if (strcmp(STR_OR(m->data_center.id, ""), sd->pool) != 0)
		return WRONG("storage domain %s is of pool '%s', and the Manager believes '%s'", m->name, sd->pool,
		             STR_OR(m->data_center.id, ""));
	g_hash_table_iter_init(&it, sd->tasks);
	if (sd->lease && g_hash_table_iter_next(&it, NULL, (void **)&t)) /* without an SPM nobody can */
		return WRONG("task %s (%s, %s) is not cleared on %s; the agent %s it", t->id, t->verb,
		             t->is_finished ? t->outcome : "runs", sd->name,
		             g_hash_table_contains(s->storage->tasks, t->id) ? "knows" : "does not know");
	return wrong_volumes(s, sd);
}

static bool has_host_up(struct sim *s, const char *dc_id)
{
	INV_EACH (e, s->core->inv, KIND_HOST) {
		const struct m_host *h = e->pub;
		const struct m_cluster *cl = INV_GET(s->core->inv, CLUSTER, cluster, h->cluster.id);
		if (h->status == M_HOST_STATUS_UP && cl && g_strcmp0(cl->data_center.id, dc_id) == 0)
			return true;
	}
	return false;
}

static char *wrong_storage(struct sim *s)
{
	GHashTableIter it;
	struct sim_sd *sd;

	g_hash_table_iter_init(&it, s->storage->domains);
	while (g_hash_table_iter_next(&it, NULL, (void **)&sd)) {
		char *wrong = wrong_domain(s, sd);
		if (wrong)
			return wrong;
	}
	INV_EACH (e, s->core->inv, KIND_STORAGE_DOMAIN) {
		const struct m_storage_domain *m = e->pub;
		enum m_storage_domain_status st = m->status;

		if (!g_hash_table_contains(s->storage->domains, m->id))
			return WRONG("storage domain %s is not on any disk", m->name);
		if (st != M_STORAGE_DOMAIN_STATUS_ACTIVE && st != M_STORAGE_DOMAIN_STATUS_MAINTENANCE &&
		    st != M_STORAGE_DOMAIN_STATUS_UNATTACHED && has_host_up(s, m->data_center.id))
			return WRONG("storage domain %s is %s", m->name,
			             m_enum_name(&M_ENUM_storage_domain_status, st));
	}
	INV_EACH (e, s->core->inv, KIND_DATA_CENTER) {
		const struct m_data_center *dc = e->pub;
		if (dc->status != M_DATA_CENTER_STATUS_UP && dc->status != M_DATA_CENTER_STATUS_UNINITIALIZED &&
		    dc->status != M_DATA_CENTER_STATUS_MAINTENANCE && has_host_up(s, dc->id))
			return WRONG("data center %s is %s", dc->name,
			             m_enum_name(&M_ENUM_data_center_status, dc->status));
	}
	return NULL;
}

/* ---- all of it ---- */

char *sim_find_wrong(struct sim *s)
{
	char *wrong;

	if (!s->core || !s->is_ready)
		return WRONG("the Manager does not run");
	wrong = wrong_jobs(s);
	if (!wrong)
		wrong = wrong_hosts(s);
	if (!wrong)
		wrong = wrong_vms(s);
	if (!wrong)
		wrong = wrong_disks(s);
	return wrong ? wrong : wrong_storage(s);
}

struct look {
	char *wrong;
	int64_t at_ms;
};

static bool is_all_well(struct sim *s, void *arg)
{
	struct look *l = arg;

	/* To look is expensive, and nothing is so urgent. */
	if (sim_now(s) < l->at_ms + SIM_SECOND)
		return false;
	l->at_ms = sim_now(s);
	g_free(l->wrong);
	l->wrong = sim_find_wrong(s);
	return !l->wrong;
}

void sim_settle(struct sim *s)
{
	struct look state = { NULL, -SIM_SECOND };

	s->faults = (struct sim_faults){ 0 };
	s->is_counting = false;
	if (!sim_run_until(s, is_all_well, &state, SETTLE_LIMIT_MS)) {
		if (sim_is_good(s))
			sim_fail(s, "it does not come to rest: %s", state.wrong ? state.wrong : "?");
		g_free(state.wrong);
		return;
	}
	sim_run(s, STAYS_MS);
	state.wrong = sim_is_good(s) ? sim_find_wrong(s) : NULL;
	/* What is only just being looked at again may look wrong for a moment. */
	if (state.wrong) {
		state.at_ms = -SIM_SECOND;
		if (!sim_run_until(s, is_all_well, &state, SIM_MINUTE))
			sim_fail(s, "it does not stay at rest: %s", state.wrong);
	}
	g_free(state.wrong);
}
