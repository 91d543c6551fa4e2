/* SPDX-License-Identifier: Apache-2.0 */
/* New templates: the configuration of a VM, and copies of its disks that nothing changes any more. */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/clusters/clusters.h"
#include "manager/disks/disks_int.h"
#include "manager/templates/template_int.h"

static const char WHAT[] = "Cannot add Template";

/* ---- what is asked for ---- */

static int resolve_vm(struct call *c, struct m_template *body, struct m_ref *vm, struct m_ref *snapshot, struct err *e)
{
	const struct m_snapshot *s;

	if (body->initialization && body->initialization->configuration)
		return err_field(e, ERR_UNSUPPORTED, "template.initialization.configuration",
		                 "%s. Import of OVF is not supported.", WHAT);
	if (!body->vm)
		return err_field(e, ERR_MISSING, "template.vm", "Template [vm.id|name] required for add");
	*vm = (struct m_ref){ body->vm->id, body->vm };
	*snapshot = body->vm->snapshots.n ? body->vm->snapshots.v[0] : (struct m_ref){ 0 };
	s = snapshot->obj;
	if (s && !snapshot->id)
		snapshot->id = s->id;
	if (call_resolve(c, vm, KIND_VM, NULL, true, "template.vm", e) < 0)
		return -1;
	if (!snapshot->id)
		return 0;
	s = INV_LATEST(c->core->inv, SNAPSHOT, snapshot, snapshot->id);
	if (!s || g_strcmp0(s->vm.id, vm->id) != 0)
		return err_field(e, ERR_NOT_FOUND, "template.vm.snapshots", "Entity not found: Snapshot: id=%.80s",
		                 snapshot->id);
	return 0;
}

static int resolve_base(struct call *c, struct m_template *body, struct err *e)
{
	const struct m_template *base;

	if (!body->version || (!body->version->base_template.id && !body->version->base_template.obj))
		return 0;
	if (call_resolve(c, &body->version->base_template, KIND_TEMPLATE, NULL, true, "template.version.base_template",
	                 e) < 0)
		return -1;
	if (strcmp(body->version->base_template.id, BLANK_TEMPLATE) == 0)
		return err_field(e, ERR_CONFLICT, "template.version.base_template",
		                 "%s. The Blank template has no versions.", WHAT);
	base = INV_LATEST(c->core->inv, TEMPLATE, template, body->version->base_template.id);
	body->version->base_template.id = pool_strdup(c->pool, template_base(base));
	return 0;
}

static int check_name(struct call *c, const struct m_template *body, struct err *e)
{
	if (!body->name || !*body->name)
		return err_field(e, ERR_MISSING, "template.name", "Template [name] required for add");
	if (!(body->version && body->version->base_template.id) && template_name_taken(c->core, body->name, NULL))
		return err_field(e, ERR_CONFLICT, "template.name", "%s. The Template name is already in use.", WHAT);
	return 0;
}

static int resolve_cluster(struct call *c, struct m_template *body, const char *vm_cluster, struct err *e)
{
	const char *dc = cluster_data_center(c->core, vm_cluster);

	if (call_resolve(c, &body->cluster, KIND_CLUSTER, NULL, false, "template.cluster", e) < 0)
		return -1;
	if (!body->cluster.id)
		body->cluster.id = pool_strdup(c->pool, vm_cluster);
	if (g_strcmp0(cluster_data_center(c->core, body->cluster.id), dc) != 0)
		return err_field(e, ERR_CONFLICT, "template.cluster",
		                 "%s. The cluster is in another Data Center than the VM.", WHAT);
	if (call_asked(c, dc, e) < 0)
		return -1;
	return call_resolve(c, &body->storage_domain, KIND_STORAGE_DOMAIN, NULL, false, "template.storage_domain", e) <
	                   0 ||
	               call_resolve(c, &body->cpu_profile, KIND_CPU_PROFILE, body->cluster.id, false,
	                            "template.cpu_profile", e) < 0 ||
	               call_resolve(c, &body->quota, KIND_QUOTA, NULL, false, "template.quota", e) < 0
	           ? -1
	           : 0;
}

/* ---- the draft ---- */

static struct m_template_version *make_version(struct call *c, struct pool *p, const struct m_template *body)
{
	const struct m_template_version *wanted = body->version;
	struct m_template_version *v = m_new(p, &M_TYPE_template_version);
	const char *base = wanted ? wanted->base_template.id : NULL;
	int64_t number = 1;

	v->version_name = pool_strdup(p, wanted && wanted->version_name ? wanted->version_name
	                                 : base                         ? ""
	                                                                : "base version");
	if (base) {
		REF_SET(p, v->base_template, base);
		INV_EACH (en, c->core->inv, KIND_TEMPLATE) {
			const struct m_template *t = en->latest;

			if (t && t->version && g_strcmp0(template_base(t), base) == 0)
				number = MAX(number, M_GET(t->version, version_number, 1));
		}
		number++;
	}
	M_SET(v, version_number, number);
	return v;
}

static void drop_lists(struct m_template *t)
{
#define DROP(m) t->m.v = NULL, t->m.n = 0
	DROP(cdroms);
	DROP(disk_attachments);
	DROP(graphics_consoles);
	DROP(mediated_devices);
	DROP(nics);
	DROP(permissions);
	DROP(tags);
	DROP(watchdogs);
#undef DROP
	t->vm = NULL;
	t->large_icon = t->small_icon = NULL;
}

static struct m_template *make_draft(struct call *c, struct txn *t, struct m_template *body, const struct source *s,
                                     struct err *e)
{
	struct m_template *tm = txn_new(t, KIND_TEMPLATE, NULL);
	struct m_template_version *version = make_version(c, txn_pool(t), body);
	struct pool *p = txn_pool(t);
	char *id = tm->id;

	m_copy_common(p, &M_TYPE_template, tm, &M_TYPE_vm, s->vm);
	tm->id = id;
	drop_lists(tm);
	tm->name = tm->description = tm->comment = NULL;
	REF_SET(p, tm->cluster, body->cluster.id);
	drop_lists(body);
	body->version = NULL;
	if (g_strcmp0(body->cluster.id, s->cluster) != 0)
		tm->cpu_profile = (struct m_ref){ 0 };
	if (m_merge(p, &M_TYPE_template, tm, body, M_MERGE_API | M_MERGE_CREATE, e) < 0)
		return NULL;
	tm->version = version;
	tm->status = M_TEMPLATE_STATUS_LOCKED;
	tm->storage_domain = (struct m_ref){ 0 };
	tm->has.delete_protected = body->has.delete_protected;
	M_SET(tm, creation_time, loop_wall_ms(c->core->loop));
	return m_validate(&M_TYPE_template, tm, e) < 0 ? NULL : tm;
}

static void add_owner(struct call *c, struct txn *t, const struct m_template *tm)
{
	perm_grant_owner(t, &c->who, ROLE_TEMPLATE_OWNER, KIND_TEMPLATE, tm->id);
}

/* ---- the job ---- */

static struct event_refs job_refs(struct job *j)
{
	const char *user = job_text(j, "user");

	return (struct event_refs){ .user = *user ? user : NULL, .correlation_id = job_correlation(j) };
}

/* VM and disks that were read. */
static void release_source(struct job *j, struct txn *t)
{
	struct m_vm *vm = txn_edit(t, KIND_VM, job_text(j, "source"));
	json_t *one;
	size_t i;

	if (vm && vm->status == M_VM_STATUS_IMAGE_LOCKED)
		vm->status = M_VM_STATUS_DOWN;
	json_array_foreach (json_object_get(job_data(j), "volumes"), i, one) {
		struct m_disk *d = txn_edit(t, KIND_DISK, json_string_value(json_object_get(one, "from_image")));

		if (d && d->status == M_DISK_STATUS_LOCKED)
			d->status = M_DISK_STATUS_OK;
	}
}

static void drop_template(struct job *j, struct txn *t)
{
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(job_data(j), "volumes"), i, one)
		disk_remove_records(t, json_string_value(json_object_get(one, "disk")));
	template_remove_records(t, job_text(j, "template"));
}

static void add_ended(struct job *j, struct txn *t, bool ok, const struct err *e)
{
	const char *id = job_text(j, "template");
	struct event_refs refs = job_refs(j);
	struct m_template *tm;

	release_source(j, t);
	if (ok) {
		volumes_take(j, t);
		volumes_set_status(j, t, M_DISK_STATUS_OK);
		tm = txn_edit(t, KIND_TEMPLATE, id);
		if (tm)
			tm->status = M_TEMPLATE_STATUS_OK;
		refs.template = id;
		txn_event(t, "USER_ADD_VM_TEMPLATE_FINISHED_SUCCESS", &refs,
		          "Creation of Template %s from VM %s has been completed.", job_text(j, "name"),
		          job_text(j, "vm_name"));
		return;
	}
	if (job_has_left(j, "create-volumes")) { /* somebody has to remove it once more */
		volumes_set_status(j, t, M_DISK_STATUS_ILLEGAL);
		tm = txn_edit(t, KIND_TEMPLATE, id);
		if (tm)
			tm->status = M_TEMPLATE_STATUS_ILLEGAL;
	} else {
		drop_template(j, t);
	}
	txn_event(t, "USER_ADD_VM_TEMPLATE_FINISHED_FAILURE", &refs, "Failed to create Template %s from VM %s: %.400s",
	          job_text(j, "name"), job_text(j, "vm_name"), e->detail);
}

static const struct job_step STEPS[] = {
	{ "create-volumes", "Creating the volumes", volumes_create, volumes_create_undo, false },
	{ "copy-data", "Copying the data", volumes_copy, NULL, false },
	{ "seal", "Sealing the disks", volumes_seal, NULL, false },
	{ "share-volumes", "Making the volumes bases of others", volumes_share, NULL, false },
};
const struct command ADD_TEMPLATE_COMMAND = { "AddVmTemplate", STEPS, G_N_ELEMENTS(STEPS), add_ended };

static void lock_sources(struct call *c, struct txn *t, const struct source *s, const char *vm_id, GPtrArray *locks)
{
	struct m_vm *vm = txn_edit(t, KIND_VM, vm_id);

	if (vm)
		vm->status = M_VM_STATUS_IMAGE_LOCKED;
	g_ptr_array_add(locks, pool_strdup(c->pool, vm_id));
	for (unsigned i = 0; i < s->n_disks; i++) {
		struct m_disk *d = txn_edit(t, KIND_DISK, s->disks[i].disk->id);

		if (d)
			d->status = M_DISK_STATUS_LOCKED;
		g_ptr_array_add(locks, pool_strdup(c->pool, s->disks[i].disk->id));
	}
}

static int start(struct call *c, struct txn *t, const struct m_template *tm, const struct source *s, const char *vm_id,
                 struct clone_work *work, char *job, struct err *e)
{
	const char *objects[] = { tm->id, vm_id, NULL };
	const json_t *first = json_array_get(work->volumes, 0);
	const char *dc = json_string_value(json_object_get(first, "dc"));
	struct event_refs refs = template_refs(c, tm);
	struct job_spec spec;

	lock_sources(c, t, s, vm_id, work->locks);
	g_ptr_array_add(work->locks, pool_strdup(c->pool, tm->id));
	g_ptr_array_add(work->locks, NULL);
	refs.vm = vm_id;
	txn_event(t, "USER_ADD_VM_TEMPLATE", &refs, "Creation of Template %s from VM %s was initiated.", tm->name,
	          s->name);
	spec = (struct job_spec){
		.command = &ADD_TEMPLATE_COMMAND,
		.correlation_id = c->correlation_id,
		.owner_id = call_refs(c).user,
		.data = json_pack("{s:O,s:s,s:s,s:s,s:s,s:s,s:b,s:s}", "volumes", work->volumes, "template", tm->id,
		                  "name", tm->name, "source", vm_id, "vm_name", s->name, "user", c->who.user_id, "seal",
		                  c->query.seal, "dc", dc ? dc : ""),
		.locks = (const char *const *)work->locks->pdata,
		.objects = objects,
	};
	return job_start(t, &spec, job, e, "Creating Template %s from VM %s", tm->name, s->name);
}

/* ---- the operation ---- */

static int read_source(struct call *c, const char *vm_id, const char *snapshot_id, struct source *s, struct err *e)
{
	struct source vm;

	/* Also for a snapshot: nobody may remove it meanwhile. */
	if (source_of_vm(c->core, c->pool, vm_id, WHAT, snapshot_id ? &vm : s, e) < 0)
		return -1;
	if (snapshot_id && source_of_snapshot(c->core, c->pool, snapshot_id, WHAT, s, e) < 0)
		return -1;
	return vm_check_no_preview(c->core, vm_id, WHAT, e);
}

static int make_all(struct call *c, struct txn *t, struct m_template *body, const struct source *s, const char *vm_id,
                    char *id, struct err *e)
{
	struct m_ref *wishes = body->vm->disk_attachments.v, domain = body->storage_domain;
	unsigned n_wishes = body->vm->disk_attachments.n;
	g_autoptr(GPtrArray) locks = g_ptr_array_new();
	struct clone_work work = { json_array(), locks };
	struct m_template *tm = make_draft(c, t, body, s, e);
	char job[UUID_LEN + 1];
	int rc = -1;

	if (tm && clone_disks(c, t,
	                      &(struct clone_spec){ .source = s,
	                                            .owner_kind = KIND_TEMPLATE,
	                                            .owner_id = tm->id,
	                                            .cluster_id = tm->cluster.id,
	                                            .prefix = "template.vm.disk_attachments",
	                                            .what = WHAT,
	                                            .domain_id = domain.id,
	                                            .wishes = wishes,
	                                            .n_wishes = n_wishes },
	                      &work, e) == 0) {
		g_strlcpy(id, tm->id, UUID_LEN + 1);
		clone_nics_to_template(t, s, tm->id);
		add_owner(c, t, tm);
		if (c->query.clone_permissions)
			clone_permissions(t, KIND_VM, vm_id, KIND_TEMPLATE, tm->id);
		rc = start(c, t, tm, s, vm_id, &work, job, e);
	} else {
		txn_cancel(t);
	}
	json_decref(work.volumes);
	return rc;
}

int template_add(struct call *c, struct err *e)
{
	struct m_template *body = c->body;
	struct m_ref vm = { 0 }, snapshot = { 0 };
	uuid_text id;
	struct source s;

	if (resolve_vm(c, body, &vm, &snapshot, e) < 0 || resolve_base(c, body, e) < 0 || check_name(c, body, e) < 0 ||
	    read_source(c, vm.id, snapshot.id, &s, e) < 0 || resolve_cluster(c, body, s.cluster, e) < 0)
		return -1;
	if (make_all(c, txn_begin(c->core), body, &s, vm.id, id, e) < 0)
		return -1;
	return call_reply_kind(c, KIND_TEMPLATE, id);
}
