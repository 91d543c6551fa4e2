/* SPDX-License-Identifier: Apache-2.0 */
/* /datacenters/{id}/storagedomains: where domains have a status. */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/core/locks.h"
#include "manager/storage/storage_int.h"
#include "manager/vms/vms.h"

/* The domain as its data center has it. */
static struct m_storage_domain *attached_view(struct call *c, const struct m_storage_domain *sd)
{
	struct m_storage_domain *v = call_view(c, KIND_STORAGE_DOMAIN, sd);

	v->status = sd->status;
	v->data_center.id = sd->data_center.id;
	call_set_href(c, &M_TYPE_storage_domain, v,
	              pool_printf(c->pool, "datacenters/%s/storagedomains/%s", sd->data_center.id, sd->id),
	              M_OP_attached_storage_domain_get.service);
	return v;
}

/* ids[1] in ids[0]; published. */
static const struct m_storage_domain *find_attached(struct call *c, struct err *e)
{
	const struct m_storage_domain *sd;

	if (!call_entity(c, 0, KIND_DATA_CENTER, e))
		return NULL;
	sd = call_visible(c, 1, KIND_STORAGE_DOMAIN, e);
	if (sd && g_strcmp0(sd->data_center.id, c->ids[0]) != 0) {
		err_set(e, ERR_NO_ENTITY, "The Storage Domain %s is not attached to the Data Center.", sd->name);
		return NULL;
	}
	return sd;
}

static int attached_list(struct call *c, struct err *e)
{
	void **list;
	size_t n = 0;

	if (!call_visible(c, 0, KIND_DATA_CENTER, e))
		return -1;
	list =
	    POOL_ARRAY(c->pool, void *,
	               inv_count_by(c->core->inv, KIND_STORAGE_DOMAIN, IDX_STORAGE_DOMAIN_data_center, c->ids[0]) + 1);
	INV_EACH_BY (en, c->core->inv, KIND_STORAGE_DOMAIN, IDX_STORAGE_DOMAIN_data_center, c->ids[0]) {
		if (call_is_filtered(c) && !perm_can_see(c->core, &c->who, KIND_STORAGE_DOMAIN, en->id))
			continue;
		if (c->query.max >= 0 && n >= (size_t)c->query.max)
			break;
		list[n++] = attached_view(c, en->pub);
	}
	return call_reply_list(c, &M_TYPE_storage_domain, list, n);
}

static int attached_get(struct call *c, struct err *e)
{
	const struct m_storage_domain *sd = find_attached(c, e);
	return sd ? call_reply_entity(c, &M_TYPE_storage_domain, attached_view(c, sd)) : -1;
}

/* ---- starting jobs ---- */

struct change {
	const struct command *command;
	const char *sd, *dc, *host; /* host: of the first, or last, domain; NULL else */
	int64_t master_version;
	enum m_storage_domain_status status; /* while it runs */
	const char *title;
};

static int start(struct call *c, struct txn *t, const struct change *ch, char *job, struct err *e)
{
	struct m_storage_domain *sd = txn_edit(t, KIND_STORAGE_DOMAIN, ch->sd);
	const struct m_data_center *dc = dc_latest(c->core, ch->dc);
	struct job_spec spec = {
		.command = ch->command,
		.correlation_id = c->correlation_id,
		.owner_id = call_refs(c).user,
		.data = json_pack("{s:s,s:s,s:s,s:s,s:s,s:b,s:s,s:I}", "domain", ch->sd, "dc", ch->dc, "name", sd->name,
		                  "dc_name", dc->name, "user", c->who.user_id, "is_first", ch->host != NULL, "host",
		                  ch->host ? ch->host : "", "master_version", (json_int_t)ch->master_version),
		.locks = (const char *const[]){ ch->sd, ch->dc, NULL },
		.objects = (const char *const[]){ ch->sd, ch->dc, NULL },
	};

	sd->status = ch->status;
	return job_start(t, &spec, job, e, "%s Storage Domain %s in Data Center %s", ch->title, sd->name, dc->name);
}

/* The host that works while the data center has no SPM; NULL with e. */
static const char *lone_host(struct call *c, const struct m_storage_domain *sd, const char *dc_id, const char *what,
                             struct err *e)
{
	const char **hosts = storage_hosts_up(c->core, c->pool, dc_id, true);

	for (; *hosts; hosts++)
		if (!sd->on_host.id || strcmp(sd->on_host.id, *hosts) == 0)
			return *hosts;
	err_set(e, ERR_CONFLICT, "Cannot %s Storage. There is no active Host in the Data Center.", what);
	return NULL;
}

/* ---- attach ---- */

static int check_type(struct core *c, const struct m_data_center *dc, const struct m_storage_domain *sd, struct err *e)
{
	bool is_local = sd->storage && sd->storage->type == M_STORAGE_TYPE_LOCALFS;

	if (M_GET(dc, local, false) != is_local)
		return err_field(e, ERR_CONFLICT, "storage_domain",
		                 "Cannot attach Storage. The Storage Domain type does not match the "
		                 "Data Center type: %s Data Centers take %s storage.",
		                 is_local ? "shared" : "local", is_local ? "shared" : "local");
	if (is_local && g_strcmp0(storage_dc_of_host(c, sd->on_host.id), dc->id) != 0)
		return err_field(
		    e, ERR_CONFLICT, "storage_domain",
		    "Cannot attach Storage. The local storage is on Host %s, which is not in Data Center %s.",
		    storage_name(c, KIND_HOST, sd->on_host.id), dc->name);
	return 0;
}

static int check_attach(struct call *c, const struct m_data_center *dc, const struct m_storage_domain *sd,
                        struct err *e)
{
	if (sd->data_center.id)
		return err_set(e, ERR_CONFLICT,
		               "Cannot attach Storage. The Storage Domain %s is attached to Data Center %s already.",
		               sd->name, storage_name(c->core, KIND_DATA_CENTER, sd->data_center.id));
	if (lock_check(c->core, sd->id, NULL, e) < 0 || lock_check(c->core, dc->id, NULL, e) < 0)
		return -1;
	if (sd->status != M_STORAGE_DOMAIN_STATUS_UNATTACHED)
		return err_set(e, ERR_CONFLICT, "Cannot attach Storage. The relevant Storage Domain's status is %s.",
		               m_enum_name(&M_ENUM_storage_domain_status, sd->status));
	return check_type(c->core, dc, sd, e);
}

static int attached_add(struct call *c, struct err *e)
{
	const struct m_data_center *dc = CALL_ENTITY(c, 0, DATA_CENTER, data_center, e);
	struct m_storage_domain *body = c->body, *draft;
	struct m_ref ref = { body->id, body };
	struct change ch = { &ATTACH_STORAGE_DOMAIN, .status = M_STORAGE_DOMAIN_STATUS_LOCKED, .title = "Attaching" };
	const struct m_storage_domain *sd;
	char job[UUID_LEN + 1];
	struct txn *t;

	if (!dc || call_resolve(c, &ref, KIND_STORAGE_DOMAIN, NULL, true, "storage_domain", e) < 0)
		return -1;
	dc = dc_latest(c->core, c->ids[0]);
	sd = sd_latest(c->core, ref.id);
	if (!dc || !sd)
		return err_set(e, ERR_NO_ENTITY, "It was removed meanwhile.");
	if (check_attach(c, dc, sd, e) < 0)
		return -1;
	ch.sd = pool_strdup(c->pool, sd->id);
	ch.dc = pool_strdup(c->pool, dc->id);
	ch.master_version = 1;
	if (!dc->master.id && !(ch.host = lone_host(c, sd, dc->id, "attach", e)))
		return -1;
	if (dc->master.id && !storage_spm(c->core, dc->id, e))
		return err_wrap(e, "Cannot attach Storage");
	t = txn_begin(c->core);
	draft = txn_edit(t, KIND_STORAGE_DOMAIN, ch.sd);
	REF_SET(txn_pool(t), draft->data_center, ch.dc);
	if (start(c, t, &ch, job, e) < 0 || storage_wait_job(c, job, e) < 0)
		return -1;
	sd = INV_GET(c->core->inv, STORAGE_DOMAIN, storage_domain, ch.sd);
	if (!sd || !sd->data_center.id)
		return err_set(e, ERR_CONFLICT, "The storage domain was detached meanwhile.");
	return call_reply_entity(c, &M_TYPE_storage_domain, attached_view(c, sd));
}

/* ---- activate, deactivate ---- */

static int finish(struct call *c, const char *job, struct err *e)
{
	bool is_async = c->query.is_async || (c->action && M_GET(c->action, async, false));

	if (!is_async && storage_wait_job(c, job, e) < 0)
		return -1;
	return call_reply_action(c, job);
}

static int fill_change(struct call *c, struct change *ch, const struct m_storage_domain **sd,
                       const struct m_data_center **dc, struct err *e)
{
	if (!find_attached(c, e))
		return -1;
	*sd = sd_latest(c->core, c->ids[1]);
	*dc = dc_latest(c->core, c->ids[0]);
	if (!*sd || !*dc || g_strcmp0((*sd)->data_center.id, c->ids[0]) != 0)
		return err_set(e, ERR_NO_ENTITY, "It was removed meanwhile.");
	ch->sd = c->ids[1];
	ch->dc = c->ids[0];
	ch->master_version = M_GET(*dc, master_version, 1);
	return lock_check(c->core, ch->sd, NULL, e) < 0 || lock_check(c->core, ch->dc, NULL, e) < 0 ? -1 : 0;
}

static int bad_status(const struct m_storage_domain *sd, const char *what, struct err *e)
{
	return err_set(e, ERR_CONFLICT, "Cannot %s Storage. The relevant Storage Domain's status is %s.", what,
	               m_enum_name(&M_ENUM_storage_domain_status, sd->status));
}

static int attached_activate(struct call *c, struct err *e)
{
	struct change ch = { &ACTIVATE_STORAGE_DOMAIN, .status = M_STORAGE_DOMAIN_STATUS_ACTIVATING,
		             .title = "Activating" };
	const struct m_storage_domain *sd;
	const struct m_data_center *dc;
	char job[UUID_LEN + 1];

	if (fill_change(c, &ch, &sd, &dc, e) < 0)
		return -1;
	if (sd->status != M_STORAGE_DOMAIN_STATUS_MAINTENANCE && sd->status != M_STORAGE_DOMAIN_STATUS_INACTIVE &&
	    sd->status != M_STORAGE_DOMAIN_STATUS_UNKNOWN)
		return bad_status(sd, "activate", e);
	if (dc->status == M_DATA_CENTER_STATUS_MAINTENANCE && g_strcmp0(dc->master.id, sd->id) != 0)
		return err_set(e, ERR_CONFLICT,
		               "Cannot activate Storage. The master Storage Domain %s has to be activated first.",
		               storage_name(c->core, KIND_STORAGE_DOMAIN, dc->master.id));
	if (dc->status == M_DATA_CENTER_STATUS_MAINTENANCE && !(ch.host = lone_host(c, sd, dc->id, "activate", e)))
		return -1;
	if (!ch.host && !storage_spm(c->core, dc->id, e))
		return err_wrap(e, "Cannot activate Storage");
	return start(c, txn_begin(c->core), &ch, job, e) < 0 ? -1 : finish(c, job, e);
}

/* No disk of it may be in use or being changed. */
static int check_unused(struct core *c, const struct m_storage_domain *sd, struct err *e)
{
	INV_EACH_BY (d, c->inv, KIND_DISK, IDX_DISK_storage_domains, sd->id) {
		const struct m_disk *disk = d->latest;
		if (lock_check(c, d->id, NULL, e) < 0 || (disk && disk->status == M_DISK_STATUS_LOCKED))
			return err_set(e, ERR_CONFLICT, "Cannot deactivate Storage. Disk is locked: %s.",
			               disk ? disk->name : d->id);
		INV_EACH_BY (a, c->inv, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_disk, d->id) {
			const struct m_vm *vm = INV_LATEST(c->inv, VM, vm, ENTITY_OBJ(a, disk_attachment)->vm.id);
			if (vm && !vm_is_down(vm))
				return err_set(
				    e, ERR_CONFLICT,
				    "Cannot deactivate Storage. VM %s runs with disks on the Storage Domain.",
				    vm->name);
		}
	}
	return 0;
}

/* Does the data center have other domains that work? */
static bool has_active_others(struct core *c, const struct m_storage_domain *sd)
{
	INV_EACH_BY (en, c->inv, KIND_STORAGE_DOMAIN, IDX_STORAGE_DOMAIN_data_center, sd->data_center.id) {
		const struct m_storage_domain *other = en->latest;
		if (other && strcmp(en->id, sd->id) != 0 && other->status != M_STORAGE_DOMAIN_STATUS_MAINTENANCE)
			return true;
	}
	return false;
}

static int attached_deactivate(struct call *c, struct err *e)
{
	struct change ch = { &DEACTIVATE_STORAGE_DOMAIN, .status = M_STORAGE_DOMAIN_STATUS_PREPARING_FOR_MAINTENANCE,
		             .title = "Deactivating" };
	const struct m_storage_domain *sd;
	const struct m_data_center *dc;
	char job[UUID_LEN + 1];
	struct txn *t;

	if (fill_change(c, &ch, &sd, &dc, e) < 0)
		return -1;
	if (sd->status != M_STORAGE_DOMAIN_STATUS_ACTIVE && sd->status != M_STORAGE_DOMAIN_STATUS_INACTIVE)
		return bad_status(sd, "deactivate", e);
	if (check_unused(c->core, sd, e) < 0)
		return -1;
	if (g_strcmp0(dc->master.id, sd->id) == 0 && has_active_others(c->core, sd))
		return err_set(e, ERR_CONFLICT,
		               "Cannot deactivate Storage. The master Storage Domain goes last: put the others of the "
		               "Data Center into maintenance first.");
	ch.host = pool_strdup(c->pool, storage_spm(c->core, dc->id, e));
	if (!ch.host)
		return err_wrap(e, "Cannot deactivate Storage");
	if (g_strcmp0(dc->master.id, sd->id) != 0)
		ch.host = NULL;
	t = txn_begin(c->core);
	if (ch.host) /* from now on nobody starts the pool again */
		((struct m_data_center *)txn_edit(t, KIND_DATA_CENTER, ch.dc))->status =
		    M_DATA_CENTER_STATUS_MAINTENANCE;
	return start(c, t, &ch, job, e) < 0 ? -1 : finish(c, job, e);
}

/* ---- detach ---- */

static int attached_remove(struct call *c, struct err *e)
{
	struct change ch = { &DETACH_STORAGE_DOMAIN, .status = M_STORAGE_DOMAIN_STATUS_DETACHING,
		             .title = "Detaching" };
	const struct m_storage_domain *sd;
	const struct m_data_center *dc;
	char job[UUID_LEN + 1];
	struct entity *disk;
	bool is_master;

	if (fill_change(c, &ch, &sd, &dc, e) < 0)
		return -1;
	if (sd->status != M_STORAGE_DOMAIN_STATUS_MAINTENANCE)
		return bad_status(sd, "detach", e);
	disk = inv_first_by(c->core->inv, KIND_DISK, IDX_DISK_storage_domains, sd->id);
	if (disk)
		return err_set(e, ERR_CONFLICT,
		               "Cannot detach Storage. The Storage Domain %s still holds disks (%s...); remove them "
		               "first.",
		               sd->name, ENTITY_OBJ(disk, disk)->name ? ENTITY_OBJ(disk, disk)->name : disk->id);
	is_master = g_strcmp0(dc->master.id, sd->id) == 0;
	if (is_master && inv_count_by(c->core->inv, KIND_STORAGE_DOMAIN, IDX_STORAGE_DOMAIN_data_center, dc->id) > 1)
		return err_set(e, ERR_CONFLICT, "Cannot detach Storage. The master Storage Domain goes last.");
	if (is_master && !(ch.host = lone_host(c, sd, dc->id, "detach", e)))
		return -1;
	if (!is_master && !storage_spm(c->core, dc->id, e))
		return err_wrap(e, "Cannot detach Storage");
	return start(c, txn_begin(c->core), &ch, job, e) < 0 ? -1 : finish(c, job, e);
}

const struct api_op ATTACHED_STORAGE_OPS[] = {
	ROW("attached_storage_domains.list", attached_list, KIND_STORAGE_DOMAIN),
	ROW("attached_storage_domain.get", attached_get, KIND_STORAGE_DOMAIN),
	ROW("attached_storage_domains.add", attached_add, KIND_STORAGE_DOMAIN,
	    ON("manipulate_storage_domain", KIND_DATA_CENTER)),
	ROW("attached_storage_domain.remove", attached_remove, KIND_STORAGE_DOMAIN,
	    ON("manipulate_storage_domain", KIND_DATA_CENTER)),
	ROW("attached_storage_domain.activate", attached_activate, KIND_STORAGE_DOMAIN,
	    ON("manipulate_storage_domain", KIND_DATA_CENTER)),
	ROW("attached_storage_domain.deactivate", attached_deactivate, KIND_STORAGE_DOMAIN,
	    ON("manipulate_storage_domain", KIND_DATA_CENTER)),
	{ .name = NULL },
};
