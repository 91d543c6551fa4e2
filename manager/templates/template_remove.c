/* SPDX-License-Identifier: Apache-2.0 */
/* Removing templates, with their disks. From the first deleted image on there is no way back. */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/core/locks.h"
#include "manager/disks/disks_int.h"
#include "manager/templates/template_int.h"

static const char WHAT[] = "Cannot remove Template";

/* ---- rules ---- */

/* Names of the VMs that stand on it, and of its versions; "" if there are none. */
static char *users_of(struct core *c, struct pool *p, const struct m_template *tm, bool *are_vms)
{
	g_autoptr(GString) names = g_string_new(NULL);
	unsigned n;
	const void **list = inv_latest_by(c->inv, p, KIND_VM, IDX_VM_template, tm->id, &n);

	*are_vms = n > 0;
	for (unsigned i = 0; i < n && names->len < 300; i++)
		g_string_append_printf(names, "%s%s", i ? ", " : "", ((const struct m_vm *)list[i])->name);
	return pool_strdup(p, names->str);
}

/* The oldest of the other versions; NULL: there is none. */
static const struct m_template *next_base(struct core *c, const struct m_template *tm)
{
	const struct m_template *best = NULL;

	INV_EACH (en, c->inv, KIND_TEMPLATE) {
		const struct m_template *t = en->latest;

		if (t && t->version && t != tm && g_strcmp0(t->version->base_template.id, tm->id) == 0 &&
		    (!best || M_GET(t->version, version_number, 1) < M_GET(best->version, version_number, 1)))
			best = t;
	}
	return best;
}

static int check(struct call *c, const struct m_template *tm, struct err *e)
{
	const struct m_template *version = next_base(c->core, tm);
	bool are_vms;
	char *names;

	if (strcmp(tm->id, BLANK_TEMPLATE) == 0)
		return err_set(e, ERR_CONFLICT, "%s. The Blank template cannot be removed.", WHAT);
	if (M_GET(tm, delete_protected, false))
		return err_set(e, ERR_CONFLICT, "%s. Delete protection is enabled for Template %s. Disable it first.",
		               WHAT, tm->name);
	if (tm->status == M_TEMPLATE_STATUS_LOCKED || lock_check(c->core, tm->id, NULL, e) < 0)
		return err_set(e, ERR_CONFLICT, "%s. Template %s is locked. Please try again later.", WHAT, tm->name);
	names = users_of(c->core, c->pool, tm, &are_vms);
	if (are_vms)
		return err_set(e, ERR_CONFLICT, "%s. The following VMs use Template %s: %s.", WHAT, tm->name, names);
	if (version)
		return err_set(e, ERR_CONFLICT,
		               "%s. Template %s is the base of version %lld (%s). Remove its versions first.", WHAT,
		               tm->name, (long long)M_GET(version->version, version_number, 0),
		               STR_OR(version->version->version_name, ""));
	return 0;
}

/* ---- the job ---- */

void template_remove_records(struct txn *t, const char *id)
{
	struct inventory *inv = txn_core(t)->inv;

	INV_EACH_BY (n, inv, KIND_NIC, IDX_NIC_template, id)
		txn_remove(t, KIND_NIC, n->id);
	INV_EACH_BY (a, inv, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_template, id)
		txn_remove(t, KIND_DISK_ATTACHMENT, a->id);
	txn_remove(t, KIND_TEMPLATE, id);
}

static const char *text(const json_t *one, const char *key)
{
	const char *s = json_string_value(json_object_get(one, key));
	return s ? s : "";
}

static int delete_now(struct job *j, struct err *e)
{
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(job_data(j), "doomed"), i, one) {
		const char *host;

		job_set_text(j, "domain", text(one, "domain"));
		job_set_text(j, "dc", text(one, "dc"));
		host = disk_job_spm(j, e);
		if (!host || disk_job_delete_image(j, host, text(one, "disk"), false, e) < 0)
			return -1;
	}
	return 0;
}

static int delete_step(struct job *j, struct err *e) { return storage_patiently(j, delete_now, e); }

static void remove_ended(struct job *j, struct txn *t, bool ok, const struct err *e)
{
	const char *user = job_text(j, "user"), *id = job_text(j, "template");
	struct event_refs refs = { .user = *user ? user : NULL, .correlation_id = job_correlation(j) };
	struct m_template *tm;
	json_t *one;
	size_t i;

	if (!ok) {
		tm = txn_edit(t, KIND_TEMPLATE, id);
		if (tm)
			tm->status = M_TEMPLATE_STATUS_ILLEGAL;
		refs.template = id;
		txn_event(t, "USER_FAILED_REMOVE_VM_TEMPLATE", &refs,
		          "Failed to remove Template %s: %.400s What is left of it can only be removed.",
		          job_text(j, "name"), e->detail);
		return;
	}
	json_array_foreach (json_object_get(job_data(j), "doomed"), i, one)
		disk_remove_records(t, text(one, "disk"));
	template_remove_records(t, id);
	txn_event(t, "USER_REMOVE_VM_TEMPLATE_FINISHED", &refs, "Template %s was removed.", job_text(j, "name"));
}

static const struct job_step STEPS[] = {
	{ "delete-images", "Removing the images", delete_step, NULL, false },
};
const struct command REMOVE_TEMPLATE_COMMAND = { "RemoveVmTemplate", STEPS, G_N_ELEMENTS(STEPS), remove_ended };

/* Disks that go, in the job's data; illegal from now on. */
static int doom_disks(struct call *c, struct txn *t, const char *id, json_t *doomed, GPtrArray *locks, struct err *e)
{
	unsigned n;
	const void **list =
	    inv_latest_by(c->core->inv, c->pool, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_template, id, &n);

	for (unsigned i = 0; i < n; i++) {
		const char *disk_id = ((const struct m_disk_attachment *)list[i])->disk.id;
		struct m_disk *d = txn_edit(t, KIND_DISK, disk_id);

		if (!d)
			continue;
		if (disk_check_free(c->core, d, WHAT, e) < 0)
			return -1;
		if (disk_domain(d) && !storage_active(c->core, disk_domain(d), e))
			return err_wrap(e, "%s", WHAT);
		json_array_append_new(doomed, volume_doom(c->core, d, STR_OR(d->volume_id, "")));
		g_ptr_array_add(locks, pool_strdup(c->pool, d->id));
		d->status = M_DISK_STATUS_ILLEGAL;
	}
	return 0;
}

int template_remove(struct call *c, struct err *e)
{
	const struct m_template *tm = INV_LATEST(c->core->inv, TEMPLATE, template, c->ids[0]);
	g_autoptr(GPtrArray) locks = g_ptr_array_new();
	const char *objects[] = { pool_strdup(c->pool, c->ids[0]), NULL };
	json_t *doomed = json_array();
	char job[UUID_LEN + 1];
	struct m_template *draft;
	struct event_refs refs;
	struct job_spec spec;
	struct txn *t;

	if (!tm || check(c, tm, e) < 0) {
		json_decref(doomed);
		return tm ? -1 : err_set(e, ERR_NO_ENTITY, "There is no template %s.", c->ids[0]);
	}
	t = txn_begin(c->core);
	if (doom_disks(c, t, objects[0], doomed, locks, e) < 0) {
		txn_cancel(t);
		json_decref(doomed);
		return -1;
	}
	draft = txn_edit(t, KIND_TEMPLATE, objects[0]);
	draft->status = M_TEMPLATE_STATUS_LOCKED;
	refs = template_refs(c, draft);
	txn_event(t, "USER_REMOVE_VM_TEMPLATE", &refs, "Removal of Template %s was initiated.", draft->name);
	g_ptr_array_add(locks, (char *)objects[0]);
	g_ptr_array_add(locks, NULL);
	spec = (struct job_spec){ .command = &REMOVE_TEMPLATE_COMMAND,
		                  .correlation_id = c->correlation_id,
		                  .owner_id = call_refs(c).user,
		                  .data = json_pack("{s:o,s:s,s:s,s:s}", "doomed", doomed, "template", draft->id,
		                                    "name", draft->name, "user", c->who.user_id),
		                  .locks = (const char *const *)locks->pdata,
		                  .objects = objects };
	return job_start(t, &spec, job, e, "Removing Template %s", draft->name) < 0 ? -1 : call_reply_action(c, job);
}
