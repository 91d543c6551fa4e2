/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/templates/templates.h"

#include <string.h>

#include "manager/api/generic.h"
#include "manager/clusters/clusters.h"
#include "manager/core/locks.h"
#include "manager/disks/disks.h"
#include "manager/templates/template_int.h"

/* Every template is a version: those of old, and Blank, are the first. */
static void view(struct core *c, struct pool *p, const void *published, void *copy)
{
	struct m_template *t = copy;

	template_view(c, p, published, copy);
	t->cdroms.v = NULL;
	t->cdroms.n = 0;
	if (t->version)
		return;
	t->version = m_new(p, &M_TYPE_template_version);
	t->version->version_name = (char *)"base version";
	M_SET(t->version, version_number, 1);
}

static const struct kind_ops TEMPLATE_KIND = { .view = view };

struct event_refs template_refs(struct call *c, const struct m_template *t)
{
	struct event_refs refs = call_refs(c);

	refs.template = t->id;
	refs.cluster = t->cluster.id;
	return refs;
}

const char *template_base(const struct m_template *t)
{
	return t->version && t->version->base_template.id ? t->version->base_template.id : t->id;
}

struct name_search {
	const char *name, *except;
	bool is_found;
};

static void look_at(void *arg, const void *version)
{
	const struct m_template *t = version;
	struct name_search *s = arg;

	s->is_found |=
	    g_strcmp0(t->name, s->name) == 0 && template_base(t) == t->id && g_strcmp0(t->id, s->except) != 0;
}

bool template_name_taken(struct core *c, const char *name, const char *except_id)
{
	struct name_search s = { name, except_id, false };

	INV_EACH (en, c->inv, KIND_TEMPLATE)
		if (en->latest)
			look_at(&s, en->latest);
	inv_each_staged(c->inv, KIND_TEMPLATE, look_at, &s);
	return s.is_found;
}

/* ---- change ---- */

static int merge_update(struct call *c, struct m_template *draft, const struct m_template *old, struct err *e)
{
	if (g_strcmp0(draft->name, old->name) != 0 && template_base(old) == old->id &&
	    template_name_taken(c->core, draft->name, old->id))
		return err_field(e, ERR_CONFLICT, "template.name",
		                 "Cannot edit Template. The Template name is already in use.");
	if (draft->has.migration_downtime && draft->migration_downtime < 0)
		draft->has.migration_downtime = 0;
	if (g_strcmp0(draft->cluster.id, old->cluster.id) != 0 && old->cluster.id &&
	    g_strcmp0(cluster_data_center(c->core, draft->cluster.id), cluster_data_center(c->core, old->cluster.id)) !=
	        0)
		return err_field(e, ERR_CONFLICT, "template.cluster",
		                 "Cannot edit Template. The cluster belongs to another data center.");
	return 0;
}

/* What belongs to a template from its creation on, or is an entity of its own. */
static void drop_fixed(struct m_template *b)
{
#define DROP(m) b->m.v = NULL, b->m.n = 0
	DROP(cdroms);
	DROP(disk_attachments);
	DROP(graphics_consoles);
	DROP(mediated_devices);
	DROP(nics);
	DROP(watchdogs);
#undef DROP
	b->vm = NULL;
	b->large_icon = b->small_icon = NULL;
	b->storage_domain = (struct m_ref){ 0 };
}

/* Of the version only its name may change. */
static void keep_version(struct pool *p, struct m_template *draft, const struct m_template *old,
                         const struct m_template_version *wanted)
{
	draft->version = old->version ? m_copy(p, &M_TYPE_template_version, old->version) : NULL;
	if (wanted && wanted->version_name && draft->version)
		draft->version->version_name = pool_strdup(p, wanted->version_name);
}

static int template_update(struct call *c, struct err *e)
{
	const struct m_template *old = CALL_ENTITY(c, 0, TEMPLATE, template, e);
	struct m_template *body = c->body, *draft;
	const struct m_template_version *version = body ? body->version : NULL;
	struct event_refs refs;
	char job[UUID_LEN + 1];
	struct txn *t;
	char *id;

	if (!old)
		return -1;
	if (strcmp(old->id, BLANK_TEMPLATE) == 0 && body->name && g_strcmp0(body->name, old->name) != 0)
		return err_field(e, ERR_CONFLICT, "template.name",
		                 "Cannot edit Template. The Blank template keeps its name.");
	if (old->status == M_TEMPLATE_STATUS_LOCKED || lock_check(c->core, old->id, NULL, e) < 0)
		return err_set(e, ERR_CONFLICT, "Cannot edit Template. Template %s is locked. Please try again later.",
		               old->name);
	if (call_resolve(c, &body->cluster, KIND_CLUSTER, NULL, false, "template.cluster", e) < 0 ||
	    call_resolve(c, &body->cpu_profile, KIND_CPU_PROFILE, NULL, false, "template.cpu_profile", e) < 0 ||
	    call_resolve(c, &body->quota, KIND_QUOTA, NULL, false, "template.quota", e) < 0)
		return -1;
	drop_fixed(body);
	body->version = NULL;
	id = pool_strdup(c->pool, old->id);
	t = txn_begin(c->core);
	old = txn_get(t, KIND_TEMPLATE, id);
	old = old ? m_copy(c->pool, &M_TYPE_template, old) : NULL;
	draft = old ? generic_merge(c, t, KIND_TEMPLATE, id, e) : NULL;
	if (!draft || merge_update(c, draft, old, e) < 0) {
		txn_cancel(t);
		return old ? -1 : err_set(e, ERR_NO_ENTITY, "There is no template %s.", id);
	}
	keep_version(txn_pool(t), draft, old, version);
	refs = template_refs(c, draft);
	txn_event(t, "USER_UPDATE_VM_TEMPLATE", &refs, "Template %s configuration was updated.", draft->name);
	job_record(t, c->correlation_id, c->who.user_id, job, "Editing Template %s", draft->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_kind(c, KIND_TEMPLATE, id);
}

/* ---- what is below ---- */

/* The one CD drive that every template has, empty. */
static int cdrom_list(struct call *c, struct err *e)
{
	struct m_cdrom *cd;
	void **list;

	if (!call_entity(c, 0, KIND_TEMPLATE, e))
		return -1;
	list = POOL_ARRAY(c->pool, void *, 1);
	list[0] = cd = m_new(c->pool, &M_TYPE_cdrom);
	cd->id = (char *)CDROM_ID;
	REF_SET(c->pool, cd->template, c->ids[0]);
	return call_reply_list(c, &M_TYPE_cdrom, list, 1);
}

static int cdrom_get(struct call *c, struct err *e)
{
	struct m_cdrom *cd;

	if (!call_entity(c, 0, KIND_TEMPLATE, e))
		return -1;
	if (strcmp(c->ids[1], CDROM_ID) != 0)
		return err_set(e, ERR_NO_ENTITY, "The template has no CD drive %s.", c->ids[1]);
	cd = m_new(c->pool, &M_TYPE_cdrom);
	cd->id = (char *)CDROM_ID;
	REF_SET(c->pool, cd->template, c->ids[0]);
	return call_reply_entity(c, &M_TYPE_cdrom, cd);
}

static int console_list(struct call *c, struct err *e)
{
	const struct m_template *t = CALL_ENTITY(c, 0, TEMPLATE, template, e);
	struct m_graphics_console *g;
	void **list = POOL_ARRAY(c->pool, void *, 1);

	if (!t)
		return -1;
	if (!t->display)
		return call_reply_list(c, &M_TYPE_graphics_console, list, 0);
	list[0] = g = m_new(c->pool, &M_TYPE_graphics_console);
	g->id = "766e63";
	g->protocol = M_GRAPHICS_TYPE_VNC;
	REF_SET(c->pool, g->template, t->id);
	return call_reply_list(c, &M_TYPE_graphics_console, list, 1);
}

static int nothing_of_template(struct call *c, struct err *e)
{
	return call_entity(c, 0, KIND_TEMPLATE, e) ? generic_list_empty(c, e) : -1;
}

static int attachment_get(struct call *c, struct err *e)
{
	const struct m_disk_attachment *a;
	uuid_text key;

	if (!call_entity(c, 0, KIND_TEMPLATE, e))
		return -1;
	disk_attachment_key(c->ids[0], c->ids[1], key);
	a = INV_GET(c->core->inv, DISK_ATTACHMENT, disk_attachment, key);
	if (!a)
		return err_set(e, ERR_NO_ENTITY, "The template has no disk %s.", c->ids[1]);
	return call_reply_entity(c, &M_TYPE_disk_attachment, call_view(c, KIND_DISK_ATTACHMENT, a));
}

/* A disk of a template is in one storage domain only: it goes with the template. */
static int attachment_remove(struct call *c, struct err *e)
{
	if (attachment_get(c, e) < 0)
		return -1;
	return err_set(e, ERR_CONFLICT,
	               "Cannot remove Template Disk. The storage domain holds its only copy; remove the template.");
}

static int template_export(struct call *c, struct err *e)
{
	struct m_storage_domain *sd = c->action ? c->action->storage_domain : NULL;
	struct m_ref ref = { sd ? sd->id : NULL, sd };
	const struct m_storage_domain *found;

	if (!call_entity(c, 0, KIND_TEMPLATE, e))
		return -1;
	if (!sd)
		return err_field(e, ERR_UNSUPPORTED, "host", "Cannot export Template. Export as OVA is not supported.");
	if (call_resolve(c, &ref, KIND_STORAGE_DOMAIN, NULL, true, "storage_domain", e) < 0)
		return -1;
	found = INV_LATEST(c->core->inv, STORAGE_DOMAIN, storage_domain, ref.id);
	if (found->type != M_STORAGE_DOMAIN_TYPE_EXPORT)
		return err_field(e, ERR_CONFLICT, "storage_domain",
		                 "Cannot export Template. The Storage Domain %s is no export domain.", found->name);
	return err_field(e, ERR_UNSUPPORTED, "storage_domain",
	                 "Cannot export Template. Export domains are not supported in this version.");
}

static const struct api_op TEMPLATE_OPS[] = {
	ROW("templates.list", generic_list, KIND_TEMPLATE),
	ROW("templates.add", template_add, KIND_TEMPLATE, ASKS("create_template", KIND_DATA_CENTER)),
	ROW("template.get", generic_get, KIND_TEMPLATE),
	ROW("template.update", template_update, KIND_TEMPLATE, ON("edit_template_properties", KIND_TEMPLATE)),
	ROW("template.remove", template_remove, KIND_TEMPLATE, ON("delete_template", KIND_TEMPLATE)),
	ROW("template.export", template_export, KIND_TEMPLATE, ON("copy_template", KIND_TEMPLATE)),
	ROW("template_disk_attachments.list", generic_list, KIND_DISK_ATTACHMENT,
	    BELOW(KIND_TEMPLATE, IDX_DISK_ATTACHMENT_template), .flags = OP_HREF_HERE),
	ROW("template_disk_attachment.get", attachment_get, NO_KIND, .flags = OP_HREF_HERE),
	ROW("template_disk_attachment.remove", attachment_remove, NO_KIND, ON("delete_template", KIND_TEMPLATE)),
	ROW("template_nics.list", generic_list, KIND_NIC, BELOW(KIND_TEMPLATE, IDX_NIC_template),
	    .flags = OP_HREF_HERE),
	ROW("template_nic.get", generic_get, KIND_NIC, BELOW(KIND_TEMPLATE, IDX_NIC_template), .flags = OP_HREF_HERE),
	ROW("template_cdroms.list", cdrom_list, NO_KIND, .flags = OP_HREF_HERE),
	ROW("template_cdrom.get", cdrom_get, NO_KIND, .flags = OP_HREF_HERE),
	ROW("template_graphics_consoles.list", console_list, NO_KIND, .flags = OP_HREF_HERE),
	ROW("template_mediated_devices.list", nothing_of_template, NO_KIND, .flags = OP_HREF_HERE),
	{ .name = NULL },
};

void templates_register(struct core *c)
{
	core_register_kind(c, KIND_TEMPLATE, &TEMPLATE_KIND);
	jobs_register(c, &ADD_TEMPLATE_COMMAND);
	jobs_register(c, &REMOVE_TEMPLATE_COMMAND);
	api_register(TEMPLATE_OPS);
	snapshots_register(c);
}
