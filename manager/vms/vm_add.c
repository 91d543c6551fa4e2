/* SPDX-License-Identifier: Apache-2.0 */
/* New VMs: the template's defaults, an instance type's, what the client says; then the rules. */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/clusters/clusters.h"
#include "manager/networks/networks.h"
#include "manager/vms/clone.h"
#include "manager/vms/vm_hardware.h"

#define MEMORY_LIMIT (64LL << 40)

/* What is an entity of its own, or reported, does not belong into the configuration. */
static void drop_foreign_lists(struct m_vm *b)
{
#define DROP(m) b->m.v = NULL, b->m.n = 0
	DROP(cdroms);
	DROP(disk_attachments);
	DROP(floppies);
	DROP(graphics_consoles);
	DROP(host_devices);
	DROP(katello_errata);
	DROP(mediated_devices);
	DROP(nics);
	DROP(host_numa_nodes);
	DROP(watchdogs);
#undef DROP
	b->external_host_provider = b->vm_pool = b->storage_domain = (struct m_ref){ 0 };
	b->dynamic_cpu = NULL;
	b->large_icon = b->small_icon = NULL;
	b->stop_reason = NULL;
	if (b->display) {
		b->display->address = NULL;
		b->display->has.port = b->display->has.secure_port = 0;
		b->display->certificate = NULL;
	}
	if (b->has.migration_downtime && b->migration_downtime == -1) /* the default, as we answer it */
		b->has.migration_downtime = 0;
	if (b->has.memory)
		b->memory &= ~((1LL << 20) - 1);
}

/* ISO disk for the drive: the only thing that can be in it. */
static int take_cdrom(struct call *c, struct m_vm *vm, const struct m_cdrom *cd, struct err *e)
{
	const char *id = cd && cd->file ? cd->file->id : NULL;
	const struct m_disk *disk = id && *id ? INV_LATEST(c->core->inv, DISK, disk, id) : NULL;

	if (!id || !*id)
		return 0;
	if (!disk || disk->content_type != M_DISK_CONTENT_TYPE_ISO)
		return err_field(e, ERR_NOT_FOUND, "cdrom.file", "Entity not found: File: id=%.80s", id);
	vm->cdroms.v = POOL_ARRAY(c->pool, struct m_ref, 1);
	vm->cdroms.v[0].id = (char *)disk->id;
	vm->cdroms.n = 1;
	return 0;
}

static int resolve_refs(struct call *c, struct m_vm *b, const char *cluster_id, struct err *e)
{
	for (uint32_t i = 0; b->placement_policy && i < b->placement_policy->hosts.n; i++)
		if (call_resolve(c, &b->placement_policy->hosts.v[i], KIND_HOST, NULL, true,
		                 "vm.placement_policy.hosts", e) < 0)
			return -1;
	if (call_resolve(c, &b->cpu_profile, KIND_CPU_PROFILE, cluster_id, false, "vm.cpu_profile", e) < 0 ||
	    call_resolve(c, &b->quota, KIND_QUOTA, NULL, false, "vm.quota", e) < 0 ||
	    call_resolve(c, &b->instance_type, KIND_INSTANCE_TYPE, NULL, false, "vm.instance_type", e) < 0)
		return -1;
	if (b->cpu_profile.id) {
		const struct m_cpu_profile *cp = INV_LATEST(c->core->inv, CPU_PROFILE, cpu_profile, b->cpu_profile.id);
		if (g_strcmp0(cp->cluster.id, cluster_id) != 0)
			return err_field(e, ERR_CONFLICT, "vm.cpu_profile",
			                 "The CPU profile belongs to another cluster.");
	}
	return 0;
}

static int refuse_unsupported(const struct m_vm *b, struct err *e)
{
	if (b->initialization && b->initialization->configuration)
		return err_field(e, ERR_UNSUPPORTED, "vm.initialization.configuration",
		                 "Cannot add VM. Import of OVF is not supported.");
	return 0;
}

/* ---- defaults ---- */

/* The newest of the template's versions. */
static const char *latest_version(struct core *c, const char *id)
{
	const struct m_template *t = INV_LATEST(c->inv, TEMPLATE, template, id), *best = t;
	const char *base = t->version && t->version->base_template.id ? t->version->base_template.id : id;

	INV_EACH (en, c->inv, KIND_TEMPLATE) {
		const struct m_template *v = en->latest;

		if (v && v->status == M_TEMPLATE_STATUS_OK && v->version &&
		    g_strcmp0(v->version->base_template.id, base) == 0 &&
		    M_GET(v->version, version_number, 1) >
		        (best->version ? M_GET(best->version, version_number, 1) : 1))
			best = v;
	}
	return best->id;
}

/* What the VM is made from: a snapshot of another one, or a template. */
static int find_source(struct call *c, struct m_vm *body, struct source *s, struct err *e)
{
	static const char WHAT[] = "Cannot add VM";
	const struct m_ref *snap = body->snapshots.n ? &body->snapshots.v[0] : NULL;
	const char *id = snap ? snap->id : NULL;

	if (snap && !id && snap->obj)
		id = ((const struct m_snapshot *)snap->obj)->id;
	if (snap && (!id || !inv_latest(c->core->inv, KIND_SNAPSHOT, id)))
		return err_field(e, ERR_NOT_FOUND, "vm.snapshots", "Entity not found: Snapshot: id=%.80s",
		                 id ? id : "");
	if (snap)
		return source_of_snapshot(c->core, c->pool, id, WHAT, s, e);
	id = body->template.id;
	if (M_GET(body, use_latest_template_version, false))
		body->template.id = pool_strdup(c->pool, id = latest_version(c->core, id));
	return source_of_template(c->core, c->pool, id, WHAT, s, e);
}

static void copy_source(struct pool *p, struct m_vm *vm, const struct source *s)
{
	const char *id = s->template ? s->id : BLANK_TEMPLATE;

	clone_configuration(p, vm, s);
	REF_SET(p, vm->template, id);
	REF_SET(p, vm->original_template,
	        s->template ? s->id : STR_OR(s->vm->original_template.id, STR_OR(s->vm->template.id, id)));
}

static void copy_instance_type(struct core *c, struct pool *p, struct m_vm *vm, const char *id)
{
	const struct m_instance_type *it = INV_LATEST(c->inv, INSTANCE_TYPE, instance_type, id);

	if (!it)
		return;
	if (it->has.memory)
		M_SET(vm, memory, it->memory);
	if (it->memory_policy)
		vm->memory_policy = m_copy(p, &M_TYPE_memory_policy, it->memory_policy);
	if (it->cpu)
		vm->cpu = m_copy(p, &M_TYPE_cpu, it->cpu);
	instance_type_take(p, vm, it);
}

static void default_memory(struct pool *p, struct m_vm *vm, const struct m_vm *body)
{
	const struct m_memory_policy *given = body->memory_policy;

	DEFAULT(vm, memory, 1LL << 30);
	if (!vm->memory_policy)
		vm->memory_policy = m_new(p, &M_TYPE_memory_policy);
	if (body->has.memory && !(given && given->has.guaranteed))
		M_SET(vm->memory_policy, guaranteed, vm->memory);
	if (body->has.memory && !(given && given->has.max))
		M_SET(vm->memory_policy, max, MIN(4 * vm->memory, MEMORY_LIMIT));
	DEFAULT(vm->memory_policy, guaranteed, vm->memory);
	DEFAULT(vm->memory_policy, max, MIN(4 * vm->memory, MEMORY_LIMIT));
	DEFAULT(vm->memory_policy, ballooning, true);
}

static const char *default_cpu_profile(struct core *c, const char *cluster_id)
{
	struct entity *e = inv_first_by(c->inv, KIND_CPU_PROFILE, IDX_CPU_PROFILE_cluster, cluster_id);
	return e ? e->id : NULL;
}

static void set_birth(struct core *c, struct pool *p, struct m_vm *vm)
{
	int64_t now = loop_wall_ms(c->loop);

	vm->status = M_VM_STATUS_DOWN;
	M_SET(vm, creation_time, now);
	M_SET(vm, stop_time, now);
	if (!vm->cpu_profile.id)
		REF_SET(p, vm->cpu_profile, default_cpu_profile(c, vm->cluster.id));
	if (vm->os && vm->os->type && g_str_has_prefix(vm->os->type, "windows") && vm->time_zone &&
	    g_strcmp0(vm->time_zone->name, "Etc/GMT") == 0)
		vm->time_zone->name = "GMT Standard Time";
}

/* ---- what comes with it ---- */

static void add_active_snapshot(struct txn *t, const struct m_vm *vm)
{
	struct m_snapshot *s = txn_new(t, KIND_SNAPSHOT, NULL);

	REF_SET(txn_pool(t), s->vm, vm->id);
	s->description = "Active VM";
	s->snapshot_type = M_SNAPSHOT_TYPE_ACTIVE;
	s->snapshot_status = M_SNAPSHOT_STATUS_OK;
	M_SET(s, date, vm->creation_time);
	M_SET(s, persist_memorystate, false);
}

/* Who is no administrator may use what he made. */
static void add_owner(struct call *c, struct txn *t, const struct m_vm *vm)
{
	perm_grant_owner(t, &c->who, ROLE_USER_VM_MANAGER, KIND_VM, vm->id);
}

/* An instance type knows no data center: a profile that the VM's cluster does not have is left out. */
static void take_type_nics(struct call *c, const struct m_vm *vm, struct source *out)
{
	const void **found = inv_latest_by(c->core->inv, c->pool, KIND_NIC, IDX_NIC_instance_type,
	                                   STR_OR(vm->instance_type.id, ""), &out->n_nics);

	out->nics = POOL_ARRAY(c->pool, const struct m_nic *, out->n_nics + 1);
	for (unsigned i = 0; i < out->n_nics; i++) {
		struct m_nic *nic = m_copy(c->pool, &M_TYPE_nic, found[i]);
		const struct m_network *net = network_of_profile(c->core, nic->vnic_profile.id);

		if (!net || !network_is_in_cluster(c->core, net->id, vm->cluster.id))
			nic->vnic_profile = (struct m_ref){ 0 };
		out->nics[i] = nic;
	}
}

/* Cards: those of the request, and of the others those of the instance type, if it has any, or those of the source. */
static int add_nics(struct call *c, struct txn *t, const struct m_vm *vm, const struct m_vm *body,
                    const struct source *s, struct err *e)
{
	g_autoptr(GPtrArray) made = g_ptr_array_new();
	struct source type_nics = { .n_nics = 0 };

	for (uint32_t i = 0; i < body->nics.n; i++) {
		struct m_nic *nic = body->nics.v[i].obj;

		if (nic && !nic_new(c, t, vm, nic, made, e))
			return -1;
	}
	take_type_nics(c, vm, &type_nics);
	return clone_nics_to_vm(c, t, type_nics.n_nics ? &type_nics : s, vm, made, e);
}

static int fill(struct call *c, struct txn *t, struct m_vm *vm, const struct m_vm *lists, const struct source *s,
                struct err *e)
{
	struct m_vm *body = c->body;
	struct pool *p = txn_pool(t);

	copy_source(p, vm, s);
	body->template = vm->template;
	if (body->instance_type.id)
		copy_instance_type(c->core, p, vm, body->instance_type.id);
	if (m_merge(p, &M_TYPE_vm, vm, body, M_MERGE_API | M_MERGE_CREATE, e) < 0)
		return -1;
	default_memory(p, vm, body);
	set_birth(c->core, p, vm);
	if (m_validate(&M_TYPE_vm, vm, e) < 0 || vm_check(c->core, vm, "add VM", e) < 0 ||
	    take_cdrom(c, vm, lists->cdroms.n ? lists->cdroms.v[0].obj : NULL, e) < 0)
		return -1;
	if (inv_name_taken(c->core->inv, KIND_VM, NULL, vm->name, vm->id))
		return err_field(e, ERR_CONFLICT, "vm.name", "Cannot add VM. The VM name is already in use.");
	return add_nics(c, t, vm, lists, s, e);
}

void vm_add_records(struct call *c, struct txn *t, const struct m_vm *vm)
{
	add_active_snapshot(t, vm);
	add_owner(c, t, vm);
}

/* Copies are asked for, or a format that no layer has, or there is nothing to lie over. */
static bool is_copied(const struct call *c, const struct m_vm *lists, const struct source *s)
{
	if (c->query.clone || s->kind != KIND_TEMPLATE)
		return true;
	for (uint32_t i = 0; i < lists->disk_attachments.n; i++) {
		const struct m_disk_attachment *a = lists->disk_attachments.v[i].obj;
		const struct m_disk *d = a ? a->disk.obj : NULL;

		if (d && (d->format == M_DISK_FORMAT_RAW || (d->has.sparse && !d->sparse)))
			return true;
	}
	return false;
}

static int add_disks(struct call *c, struct txn *t, const struct m_vm *vm, const struct m_vm *lists,
                     const struct source *s, struct clone_work *work, struct err *e)
{
	return clone_disks(c, t,
	                   &(struct clone_spec){ .source = s,
	                                         .owner_kind = KIND_VM,
	                                         .owner_id = vm->id,
	                                         .cluster_id = vm->cluster.id,
	                                         .is_thin = !is_copied(c, lists, s),
	                                         .prefix = "vm.disk_attachments",
	                                         .what = "Cannot add VM",
	                                         .domain_id = lists->storage_domain.id,
	                                         .wishes = lists->disk_attachments.v,
	                                         .n_wishes = lists->disk_attachments.n },
	                   work, e);
}

/* Without disks the transaction is all there is. */
static int finish(struct call *c, struct txn *t, struct m_vm *vm, const struct m_vm *lists, const struct source *s,
                  struct err *e)
{
	struct event_refs refs = vm_refs(vm, c->who.user_id, c->correlation_id);
	g_autoptr(GPtrArray) locks = g_ptr_array_new();
	struct clone_work work = { json_array(), locks };
	bool is_cloned = is_copied(c, lists, s) && s->template && s->n_disks;
	char job[UUID_LEN + 1];
	int rc;

	vm_add_records(c, t, vm);
	if (c->query.clone_permissions && s->template)
		clone_permissions(t, KIND_TEMPLATE, s->id, KIND_VM, vm->id);
	if (add_disks(c, t, vm, lists, s, &work, e) < 0) {
		txn_cancel(t);
		rc = -1;
	} else if (s->n_disks) {
		txn_event(t, "USER_ADD_VM_STARTED", &refs, "VM %s creation was initiated.", vm->name);
		rc = clone_start(c, t, vm, &work, NULL, is_cloned, job, e);
	} else {
		txn_event(t, "USER_ADD_VM", &refs, "VM %s was created.", vm->name);
		vm_warn_memory(t, vm, &refs);
		job_record(t, c->correlation_id, c->who.user_id, job, "Creating VM %s", vm->name);
		rc = txn_commit(t, e);
	}
	json_decref(work.volumes);
	return rc;
}

static int resolve_start(struct call *c, struct m_vm *body, struct err *e)
{
	if (!body->template.id && !body->template.obj)
		body->template.id = BLANK_TEMPLATE;
	if (refuse_unsupported(body, e) < 0 ||
	    call_resolve(c, &body->cluster, KIND_CLUSTER, NULL, true, "vm.cluster", e) < 0 ||
	    call_resolve(c, &body->template, KIND_TEMPLATE, NULL, true, "vm.template", e) < 0 ||
	    call_resolve(c, &body->storage_domain, KIND_STORAGE_DOMAIN, NULL, false, "vm.storage_domain", e) < 0 ||
	    call_asked(c, body->cluster.id, e) < 0 || resolve_refs(c, body, body->cluster.id, e) < 0)
		return -1;
	if (!body->name || !*body->name)
		return err_field(e, ERR_MISSING, "vm.name", "Vm [name] required for add");
	return 0;
}

int vm_add(struct call *c, struct err *e)
{
	struct m_vm *vm, *body = c->body, lists;
	struct source s;
	struct txn *t;
	char *id;

	if (resolve_start(c, body, e) < 0 || find_source(c, body, &s, e) < 0)
		return -1;
	lists = *body;
	drop_foreign_lists(body);
	body->snapshots.v = NULL;
	body->snapshots.n = 0;
	t = txn_begin(c->core);
	vm = txn_new(t, KIND_VM, NULL);
	if (fill(c, t, vm, &lists, &s, e) < 0) {
		txn_cancel(t);
		return -1;
	}
	vm->created_by = pool_strdup(txn_pool(t), c->who.user_id);
	id = pool_strdup(c->pool, vm->id);
	return finish(c, t, vm, &lists, &s, e) < 0 ? -1 : call_reply_kind(c, KIND_VM, id);
}

/* ---- what update shares ---- */

int vm_prepare_body(struct call *c, const struct m_vm *old, struct err *e)
{
	struct m_vm *body = c->body;

	if (call_resolve(c, &body->cluster, KIND_CLUSTER, NULL, false, "vm.cluster", e) < 0 ||
	    call_resolve(c, &body->template, KIND_TEMPLATE, NULL, false, "vm.template", e) < 0 ||
	    resolve_refs(c, body, body->cluster.id ? body->cluster.id : old->cluster.id, e) < 0)
		return -1;
	drop_foreign_lists(body);
	return 0;
}
