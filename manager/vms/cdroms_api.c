/* SPDX-License-Identifier: Apache-2.0 */
/* The CD drive: every VM has one. Discs are disks whose content is an ISO image. */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/disks/disks.h"
#include "manager/vms/vm_int.h"

enum { CHANGE_MS = 60 * 1000 };

/* The disc that the VM has; of a running one (?current) what is in its drive now. */
static struct m_cdrom *make(struct call *c, const struct m_vm *vm)
{
	struct m_cdrom *cd = m_new(c->pool, &M_TYPE_cdrom);
	bool is_current = c->query.current && vm->running_cd && vm_is_live(vm);
	const char *file = !is_current ? vm_cdrom_file(vm) : *vm->running_cd ? vm->running_cd : NULL;
	const struct m_disk *d = INV_GET(c->core->inv, DISK, disk, file);

	cd->id = CDROM_ID;
	REF_SET(c->pool, cd->vm, vm->id);
	if (file) {
		cd->file = m_new(c->pool, &M_TYPE_file);
		cd->file->id = pool_strdup(c->pool, file);
		cd->file->name = pool_strdup(c->pool, d ? STR_OR(d->alias, d->name) : NULL);
	}
	return cd;
}

static int cdrom_list(struct call *c, struct err *e)
{
	const struct m_vm *vm = CALL_ENTITY(c, 0, VM, vm, e);
	void **list = POOL_ARRAY(c->pool, void *, 1);

	if (!vm)
		return -1;
	list[0] = make(c, vm);
	return call_reply_list(c, &M_TYPE_cdrom, list, 1);
}

static int cdrom_get(struct call *c, struct err *e)
{
	const struct m_vm *vm = CALL_ENTITY(c, 0, VM, vm, e);

	if (!vm)
		return -1;
	if (strcmp(c->ids[1], CDROM_ID) != 0)
		return err_set(e, ERR_NO_ENTITY, "The VM has no such drive.");
	return call_reply_entity(c, &M_TYPE_cdrom, make(c, vm));
}

/* The disc of the request: "" ejects. NULL with e. */
static const char *wanted_file(struct call *c, struct err *e)
{
	const struct m_cdrom *body = c->body;
	const char *id = body->file ? body->file->id : NULL;
	const struct m_disk *d;

	if (!id || !*id)
		return "";
	d = INV_LATEST(c->core->inv, DISK, disk, id);
	if (!d || d->content_type != M_DISK_CONTENT_TYPE_ISO) {
		err_field(e, ERR_NOT_FOUND, "cdrom.file", "Entity not found: File: id=%.80s", id);
		return NULL;
	}
	if (d->status != M_DISK_STATUS_OK) {
		err_set(e, ERR_CONFLICT, "Cannot change CD. Disk is locked: %s.", STR_OR(d->alias, d->id));
		return NULL;
	}
	return pool_strdup(c->pool, d->id);
}

static int change_live(struct call *c, const struct m_vm *vm, const char *file, struct err *e)
{
	const struct m_disk *d = *file ? INV_LATEST(c->core->inv, DISK, disk, file) : NULL;
	const char *host, *path = d ? disk_path(c->core, c->pool, d) : NULL;
	struct volume_ids ids = { 0 };
	json_t *spec;

	if (vm->status != M_VM_STATUS_UP && vm->status != M_VM_STATUS_PAUSED)
		return err_set(e, ERR_CONFLICT, "Cannot change CD. VM is not running.");
	host = vm_host(c->core, c->pool, vm, e);
	if (!host)
		return -1;
	if (*file && !domain_path_volume(c->pool, path, &ids))
		return err_set(e, ERR_CONFLICT, "Cannot change CD. The disc is on no storage domain.");
	spec = *file ? json_pack("{s:s,s:s,s:s,s:s}", "poolID", ids.pool, "domainID", ids.domain, "imageID", ids.image,
	                         "volumeID", ids.volume)
	             : json_string("");
	return agent_call(c->core, host, "VM.changeCD", json_pack("{s:s,s:o}", "vmID", vm->id, "driveSpec", spec),
	                  CHANGE_MS, c->correlation_id, NULL, e);
}

/* is_current: what is in the running machine's drive, else what is there at the next start. */
static int store(struct call *c, const char *vm_id, const char *file, bool is_current, struct err *e)
{
	struct txn *t = txn_begin(c->core);
	struct m_vm *vm = txn_edit(t, KIND_VM, vm_id);

	if (!vm) {
		txn_cancel(t);
		return err_set(e, ERR_NO_ENTITY, "There is no VM %s.", vm_id);
	}
	if (is_current) {
		vm->running_cd = pool_strdup(txn_pool(t), file);
		return txn_commit(t, e);
	}
	vm->cdroms.v = POOL_ARRAY(txn_pool(t), struct m_ref, 1);
	vm->cdroms.v[0].id = *file ? pool_strdup(txn_pool(t), file) : NULL;
	vm->cdroms.n = *file ? 1 : 0;
	return txn_commit(t, e);
}

static int cdrom_change(struct call *c, struct err *e)
{
	const struct m_vm *vm = CALL_ENTITY(c, 0, VM, vm, e);
	const char *file = vm ? wanted_file(c, e) : NULL;
	struct event_refs refs;
	char *id;

	if (!file)
		return -1;
	if (c->op->kind == M_OP_UPDATE && strcmp(c->ids[1], CDROM_ID) != 0)
		return err_set(e, ERR_NO_ENTITY, "The VM has no such drive.");
	vm = m_copy(c->pool, &M_TYPE_vm, vm);
	id = vm->id;
	if (c->query.current) {
		if (change_live(c, vm, file, e) < 0 || store(c, id, file, true, e) < 0)
			return -1;
		refs = vm_refs(vm, c->who.user_id, c->correlation_id);
		event_emit(c->core, *file ? "USER_CHANGE_DISK_VM" : "USER_EJECT_VM_DISK", &refs,
		           *file ? "CD was changed in VM %s." : "CD was ejected from VM %s.", vm->name);
	} else if (store(c, id, file, false, e) < 0) {
		return -1;
	}
	vm = INV_GET(c->core->inv, VM, vm, id);
	return vm ? call_reply_entity(c, &M_TYPE_cdrom, make(c, vm)) : err_set(e, ERR_NO_ENTITY, "The VM is gone.");
}

const struct api_op VM_CDROM_OPS[] = {
	ROW("vm_cdroms.list", cdrom_list, NO_KIND),
	ROW("vm_cdrom.get", cdrom_get, NO_KIND),
	ROW("vm_cdroms.add", cdrom_change, NO_KIND, ON("change_vm_cd", KIND_VM)),
	ROW("vm_cdrom.update", cdrom_change, NO_KIND, ON("change_vm_cd", KIND_VM)),
	{ .name = NULL },
};
