/* SPDX-License-Identifier: Apache-2.0 */
/* Taking over what a VM, a template or a snapshot consists of. */
#include "manager/vms/clone.h"

#include <string.h>

#include "manager/api/generic.h"
#include "manager/clusters/clusters.h"
#include "manager/core/locks.h"
#include "manager/disks/disks_int.h"

/* ---- sources ---- */

static int check_disk(struct core *c, const struct m_disk *d, bool is_shared, const char *what, struct err *e)
{
	if (d->status == M_DISK_STATUS_ILLEGAL)
		return err_set(e, ERR_CONFLICT, "%s. Disk %s is illegal.", what, STR_OR(d->name, d->id));
	if (d->status == M_DISK_STATUS_LOCKED || (!is_shared && lock_check(c, d->id, NULL, e) < 0))
		return err_set(e, ERR_CONFLICT, "%s. Disk %s is locked. Please try again later.", what,
		               STR_OR(d->name, d->id));
	return 0;
}

static int add_disk(struct core *c, struct pool *p, struct source *s, const struct m_disk_attachment *a,
                    const char *volume, const char *what, struct err *e)
{
	const struct m_disk *d = INV_LATEST(c->inv, DISK, disk, a->disk.id);

	if (!d || check_disk(c, d, s->kind == KIND_TEMPLATE, what, e) < 0)
		return d ? -1 : 0;
	if (M_GET(d, shareable, false))
		return err_set(e, ERR_CONFLICT, "%s. Disk %s is shareable: it cannot be copied with its VM.", what,
		               STR_OR(d->name, d->id));
	d = m_copy(p, &M_TYPE_disk, d);
	s->disks[s->n_disks++] = (struct source_disk){ .disk = d,
		                                       .volume = pool_strdup(p, volume ? volume : d->volume_id),
		                                       .attachment = m_copy(p, &M_TYPE_disk_attachment, a) };
	return 0;
}

static int read_disks(struct core *c, struct pool *p, struct source *s, int index, const char *what, struct err *e)
{
	unsigned n;
	const void **list = inv_latest_by(c->inv, p, KIND_DISK_ATTACHMENT, index, s->id, &n);

	s->disks = POOL_ARRAY(p, struct source_disk, n + 1);
	for (unsigned i = 0; i < n; i++)
		if (add_disk(c, p, s, list[i], NULL, what, e) < 0)
			return -1;
	return 0;
}

static void read_nics(struct core *c, struct pool *p, struct source *s, int index)
{
	const void **list = inv_latest_by(c->inv, p, KIND_NIC, index, s->id, &s->n_nics);

	s->nics = POOL_ARRAY(p, const struct m_nic *, s->n_nics + 1);
	for (unsigned i = 0; i < s->n_nics; i++)
		s->nics[i] = m_copy(p, &M_TYPE_nic, list[i]);
}

int source_of_vm(struct core *c, struct pool *p, const char *vm_id, const char *what, struct source *s, struct err *e)
{
	const struct m_vm *vm = INV_LATEST(c->inv, VM, vm, vm_id);

	if (!vm)
		return err_set(e, ERR_NO_ENTITY, "There is no VM %s.", vm_id);
	if (vm->status != M_VM_STATUS_DOWN || lock_check(c, vm->id, NULL, e) < 0)
		return err_set(e, ERR_CONFLICT, "%s. VM %s is %s; it must be down.", what, vm->name,
		               vm->status == M_VM_STATUS_DOWN ? "locked" : m_enum_name(&M_ENUM_vm_status, vm->status));
	vm = m_copy(p, &M_TYPE_vm, vm);
	*s = (struct source){ .kind = KIND_VM, .id = vm->id, .name = vm->name, .cluster = vm->cluster.id, .vm = vm };
	read_nics(c, p, s, IDX_NIC_vm);
	return read_disks(c, p, s, IDX_DISK_ATTACHMENT_vm, what, e);
}

int source_of_template(struct core *c, struct pool *p, const char *id, const char *what, struct source *s,
                       struct err *e)
{
	const struct m_template *t = INV_LATEST(c->inv, TEMPLATE, template, id);

	if (!t)
		return err_set(e, ERR_NO_ENTITY, "There is no template %s.", id);
	if (t->status == M_TEMPLATE_STATUS_LOCKED || lock_check(c, t->id, NULL, e) < 0)
		return err_set(e, ERR_CONFLICT, "%s. Template %s is locked. Please try again later.", what, t->name);
	t = m_copy(p, &M_TYPE_template, t);
	*s = (struct source){
		.kind = KIND_TEMPLATE, .id = t->id, .name = t->name, .cluster = t->cluster.id, .template = t
	};
	read_nics(c, p, s, IDX_NIC_template);
	return read_disks(c, p, s, IDX_DISK_ATTACHMENT_template, what, e);
}

/* An entity that the content keeps in the journal's form. */
static void *unpack(struct pool *p, const struct m_type *t, const json_t *v)
{
	g_autofree char *text = json_dumps(v, JSON_COMPACT);
	struct err e = ERR_INIT;
	void *obj = NULL;

	return text && m_from_journal(p, t, text, strlen(text), &obj, &e) == 0 ? obj : NULL;
}

static void unpack_nics(struct pool *p, struct source *s, const json_t *list)
{
	json_t *one;
	size_t i;

	s->nics = POOL_ARRAY(p, const struct m_nic *, json_array_size(list) + 1);
	json_array_foreach (list, i, one) {
		struct m_nic *nic = unpack(p, &M_TYPE_nic, one);

		if (nic)
			s->nics[s->n_nics++] = nic;
	}
}

static int unpack_disks(struct core *c, struct pool *p, struct source *s, const json_t *content, const char *what,
                        struct err *e)
{
	json_t *list = json_object_get(content, "attachments"), *one;
	size_t i;

	s->disks = POOL_ARRAY(p, struct source_disk, json_array_size(list) + 1);
	json_array_foreach (list, i, one) {
		struct m_disk_attachment *a = unpack(p, &M_TYPE_disk_attachment, one);
		const char *volume = a ? snapshot_volume(content, a->disk.id) : NULL;

		if (volume && add_disk(c, p, s, a, volume, what, e) < 0)
			return -1;
	}
	return 0;
}

int source_of_snapshot(struct core *c, struct pool *p, const char *id, const char *what, struct source *s,
                       struct err *e)
{
	const struct m_snapshot *snap = INV_LATEST(c->inv, SNAPSHOT, snapshot, id);
	json_t *content = snap ? snapshot_read(snap) : NULL;
	int rc;

	if (!content || snap->snapshot_status != M_SNAPSHOT_STATUS_OK || M_GET(snap, is_broken, false)) {
		json_decref(content);
		return err_set(e, snap ? ERR_CONFLICT : ERR_NOT_FOUND, "%s. The snapshot cannot be used.", what);
	}
	*s = (struct source){ .kind = KIND_SNAPSHOT, .id = pool_strdup(p, id) };
	s->vm = unpack(p, &M_TYPE_vm, json_object_get(content, "vm"));
	if (!s->vm) {
		json_decref(content);
		return err_set(e, ERR_CONFLICT, "%s. The snapshot's configuration cannot be read.", what);
	}
	s->name = s->vm->name;
	s->cluster = s->vm->cluster.id;
	unpack_nics(p, s, json_object_get(content, "nics"));
	rc = unpack_disks(c, p, s, content, what, e);
	json_decref(content);
	return rc;
}

/* ---- disks ---- */

static const char *wished_id(const struct m_ref *w)
{
	const struct m_disk_attachment *a = w->obj;
	const struct m_disk *d = a ? a->disk.obj : NULL;

	return a && a->disk.id ? a->disk.id : d && d->id ? d->id : a ? a->id : w->id;
}

/* What the request says of this disk of the source. */
static struct m_disk_attachment *wish_for(const struct clone_spec *spec, const char *disk_id)
{
	for (unsigned i = 0; i < spec->n_wishes; i++) {
		const char *id = wished_id(&spec->wishes[i]);

		if (id && g_ascii_strcasecmp(id, disk_id) == 0)
			return spec->wishes[i].obj;
	}
	return NULL;
}

static int check_wishes(const struct clone_spec *spec, struct err *e)
{
	for (unsigned i = 0; i < spec->n_wishes; i++) {
		const char *id = wished_id(&spec->wishes[i]);
		bool is_known = false;

		for (unsigned k = 0; id && k < spec->source->n_disks; k++)
			is_known |= g_ascii_strcasecmp(spec->source->disks[k].disk->id, id) == 0;
		if (!is_known)
			return err_field(e, ERR_CONFLICT, spec->prefix,
			                 "%s. %s has no disk %.60s; other disks are attached afterwards.", spec->what,
			                 spec->source->name, id ? id : "without id");
	}
	return 0;
}

static struct m_disk *body_for(struct call *c, const struct clone_spec *spec, const struct m_disk_attachment *wish,
                               unsigned number)
{
	struct m_disk *b =
	    wish && wish->disk.obj ? m_copy(c->pool, &M_TYPE_disk, wish->disk.obj) : m_new(c->pool, &M_TYPE_disk);

	if (!b->alias && !b->name && spec->alias)
		b->alias = pool_printf(c->pool, "%.200s_Disk%u", spec->alias, number);
	if (spec->domain_id && !b->storage_domains.n && !b->storage_domain.id && !b->storage_domain.obj)
		b->storage_domain.id = pool_strdup(c->pool, spec->domain_id);
	return b;
}

static void attach(struct txn *t, const struct clone_spec *spec, struct m_disk *disk,
                   const struct m_disk_attachment *old, const struct m_disk_attachment *wish)
{
	struct m_disk_attachment *a = disk_attach(t, spec->owner_id, disk, old);

	M_SET(a, active, true);
	if (wish && wish->interface)
		a->interface = wish->interface;
	if (wish && wish->has.bootable)
		M_SET(a, bootable, wish->bootable);
	if (wish && wish->has.active)
		M_SET(a, active, wish->active);
	if (spec->owner_kind == KIND_TEMPLATE) {
		a->vm = (struct m_ref){ 0 };
		REF_SET(txn_pool(t), a->template, spec->owner_id);
	}
}

static int clone_disk(struct call *c, struct txn *t, const struct clone_spec *spec, const struct source_disk *s,
                      unsigned number, struct clone_work *work, struct err *e)
{
	struct m_disk_attachment *wish = wish_for(spec, s->disk->id);
	struct m_disk *d = disk_derive(c, t, s->disk, body_for(c, spec, wish, number), spec->is_thin,
	                               cluster_data_center(c->core, spec->cluster_id), spec->prefix, spec->what, e);
	json_t *plan;

	if (!d)
		return -1;
	plan = volume_plan(c->core, c->pool, d, d->volume_id);
	if (spec->is_thin)
		volume_plan_over(plan, s->disk->id, s->volume);
	else
		volume_plan_copy(plan, s->disk, s->volume);
	json_array_append_new(work->volumes, plan);
	g_ptr_array_add(work->locks, pool_strdup(c->pool, d->id));
	attach(t, spec, d, s->attachment, wish);
	return 0;
}

int clone_disks(struct call *c, struct txn *t, const struct clone_spec *spec, struct clone_work *work, struct err *e)
{
	if (check_wishes(spec, e) < 0)
		return -1;
	for (unsigned i = 0; i < spec->source->n_disks; i++)
		if (clone_disk(c, t, spec, &spec->source->disks[i], i + 1, work, e) < 0)
			return -1;
	return 0;
}

/* ---- cards, permissions, configuration ---- */

void clone_nics_to_template(struct txn *t, const struct source *s, const char *template_id)
{
	struct pool *p = txn_pool(t);

	for (unsigned i = 0; i < s->n_nics; i++) {
		struct m_nic *nic = txn_new(t, KIND_NIC, NULL);
		char *id = nic->id;

		m_copy_common(p, &M_TYPE_nic, nic, &M_TYPE_nic, s->nics[i]);
		nic->id = id;
		nic->mac = NULL;
		nic->vm = nic->instance_type = (struct m_ref){ 0 };
		REF_SET(p, nic->template, template_id);
	}
}

static bool is_made(const GPtrArray *made, const char *name)
{
	for (guint i = 0; i < made->len; i++)
		if (g_strcmp0(((struct m_nic *)made->pdata[i])->name, name) == 0)
			return true;
	return false;
}

int clone_nics_to_vm(struct call *c, struct txn *t, const struct source *s, const struct m_vm *vm, GPtrArray *made,
                     struct err *e)
{
	for (unsigned i = 0; i < s->n_nics; i++) {
		struct m_nic *body = m_copy(c->pool, &M_TYPE_nic, s->nics[i]);

		if (is_made(made, body->name))
			continue;
		body->id = NULL;
		body->mac = NULL;
		body->vm = body->template = (struct m_ref){ 0 };
		if (!nic_new(c, t, vm, body, made, e))
			return -1;
	}
	return 0;
}

static struct m_ref *owner_ref(struct m_permission *perm, enum kind k)
{
	return k == KIND_VM ? &perm->vm : &perm->template;
}

void clone_permissions(struct txn *t, enum kind from_kind, const char *from, enum kind to_kind, const char *to)
{
	int index = from_kind == KIND_VM ? IDX_PERMISSION_vm : IDX_PERMISSION_template;
	struct pool *p = txn_pool(t);

	INV_EACH_BY (en, txn_core(t)->inv, KIND_PERMISSION, index, from) {
		const struct m_permission *old = en->latest;
		struct m_permission *perm = old ? txn_new(t, KIND_PERMISSION, NULL) : NULL;

		if (!perm)
			continue;
		if (old->role.id)
			REF_SET(p, perm->role, old->role.id);
		if (old->user.id)
			REF_SET(p, perm->user, old->user.id);
		if (old->group.id)
			REF_SET(p, perm->group, old->group.id);
		REF_SET(p, *owner_ref(perm, to_kind), to);
	}
}

/* What is of one machine and its runs, not of its configuration. */
static void clear_life(struct m_vm *vm)
{
	vm->host = (struct m_ref){ 0 };
	vm->has.start_time = vm->has.stop_time = vm->has.exit_reason = 0;
	vm->has.boot_requested = vm->has.stop_requested = vm->has.cold_reboot = vm->has.run_once = 0;
	vm->has.next_run_configuration_exists = vm->has.is_initialized = vm->has.is_volatile = 0;
	vm->has.restart_wanted = vm->has.restart_next = vm->has.restart_tries = 0;
	vm->exit_message = vm->stop_reason = vm->display_info = vm->paused_code = vm->status_detail = NULL;
	vm->next_run = vm->running_cd = NULL;
	vm->memory_disk = vm->memory_config_disk = (struct m_ref){ 0 };
	vm->status = 0;
}

void clone_configuration(struct pool *p, struct m_vm *vm, const struct source *s)
{
	char *id = vm->id;

	if (s->template)
		m_copy_common(p, &M_TYPE_vm, vm, &M_TYPE_template, s->template);
	else
		m_copy_common(p, &M_TYPE_vm, vm, &M_TYPE_vm, s->vm);
	clear_life(vm);
	vm->id = id;
	vm->name = vm->description = vm->comment = NULL;
	vm->cluster = vm->cpu_profile = vm->template = vm->original_template = (struct m_ref){ 0 };
	vm->hostdevs.v = NULL;
	vm->hostdevs.n = 0;
	vm->has.creation_time = 0;
	vm->has.delete_protected = 0;
	if (M_GET(vm, migration_downtime, 0) < 0)
		vm->has.migration_downtime = 0;
}

/* Configuration as it was once; what it is called, where it belongs and how its life went stays. */
void clone_go_back(struct pool *p, struct m_vm *vm, const struct m_vm *then)
{
	struct m_vm *now = m_copy(p, &M_TYPE_vm, vm);

	*vm = *(struct m_vm *)m_copy(p, &M_TYPE_vm, then);
#define KEEP(m)   vm->m = now->m
#define KEEP_N(m) (vm->m = now->m, vm->has.m = now->has.m)
	KEEP(id);
	KEEP(name);
	KEEP(cluster);
	KEEP(cpu_profile);
	KEEP(template);
	KEEP(original_template);
	KEEP(host);
	KEEP(status);
	KEEP(status_detail);
	KEEP(exit_message);
	KEEP(stop_reason);
	KEEP(display_info);
	KEEP(paused_code);
	KEEP(running_cd);
	KEEP(next_run);
	KEEP(memory_disk);
	KEEP(memory_config_disk);
	KEEP(quota);
	KEEP_N(delete_protected);
	KEEP_N(creation_time);
	KEEP_N(start_time);
	KEEP_N(stop_time);
	KEEP_N(exit_reason);
	KEEP_N(boot_requested);
	KEEP_N(stop_requested);
	KEEP_N(cold_reboot);
	KEEP_N(run_once);
	KEEP_N(next_run_configuration_exists);
	KEEP_N(is_initialized);
	KEEP_N(is_volatile);
	KEEP_N(restart_wanted);
	KEEP_N(restart_next);
	KEEP_N(restart_tries);
#undef KEEP
#undef KEEP_N
}
