/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a start says beyond the VM's configuration. The configuration is overlaid with what the action says, by the same rules
 * as an update; the result is what runs this time, and is kept with the job. The VM itself stays as it is.
 */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/vms/vm_int.h"

enum { MAX_PAYLOAD = 8192 };

/* ---- reading the action ---- */

/* What cannot differ for one start: identity, and what are entities of their own. */
static void drop_foreign(struct m_vm *b)
{
#define DROP(m) b->m.v = NULL, b->m.n = 0
	DROP(cdroms);
	DROP(floppies);
	DROP(disk_attachments);
	DROP(nics);
	DROP(graphics_consoles);
	DROP(host_devices);
	DROP(katello_errata);
	DROP(mediated_devices);
	DROP(host_numa_nodes);
	DROP(watchdogs);
#undef DROP
	b->name = b->description = b->comment = b->stop_reason = NULL;
	b->cluster = b->template = b->instance_type = b->cpu_profile = b->quota = (struct m_ref){ 0 };
	b->large_icon = b->small_icon = NULL;
	b->placement_policy = NULL; /* hosts are taken by themselves */
	b->has.delete_protected = b->has.migration_downtime = 0;
	if (b->display) {
		b->display->address = NULL;
		b->display->has.port = b->display->has.secure_port = 0;
		b->display->certificate = NULL;
	}
}

static int take_hosts(struct call *c, struct run_once *o, struct m_vm *b, struct err *e)
{
	struct m_vm_placement_policy *pp = b->placement_policy;

	for (uint32_t i = 0; pp && i < pp->hosts.n && o->n_hosts < G_N_ELEMENTS(o->hosts); i++) {
		if (call_resolve(c, &pp->hosts.v[i], KIND_HOST, NULL, true, "vm.placement_policy.hosts", e) < 0)
			return -1;
		o->hosts[o->n_hosts++] = pp->hosts.v[i].id;
	}
	return 0;
}

/* An empty id takes the disc out for this start. */
static int take_cdrom(struct call *c, struct m_vm *vm, const struct m_vm *b, struct err *e)
{
	const struct m_cdrom *cd = b->cdroms.n ? b->cdroms.v[0].obj : NULL;
	const struct m_disk *iso;

	if (b->floppies.n)
		return err_field(e, ERR_UNSUPPORTED, "vm.floppies",
		                 "Cannot run VM. Floppy images from a storage domain are not supported; payloads are.");
	if (!cd || !cd->file || !cd->file->id)
		return 0;
	vm->cdroms.n = 0;
	if (!*cd->file->id)
		return 0;
	iso = INV_LATEST(c->core->inv, DISK, disk, cd->file->id);
	if (!iso || iso->content_type != M_DISK_CONTENT_TYPE_ISO)
		return err_field(e, ERR_NOT_FOUND, "vm.cdroms", "Entity not found: File: id=%.80s", cd->file->id);
	vm->cdroms.v = POOL_ARRAY(c->pool, struct m_ref, 1);
	vm->cdroms.v[0].id = pool_strdup(c->pool, iso->id);
	vm->cdroms.n = 1;
	return 0;
}

static enum init_kind kind_for(const struct m_vm *vm)
{
	const char *type = vm->os ? STR_OR(vm->os->type, "") : "";

	if (g_str_has_prefix(type, "windows"))
		return INIT_SYSPREP;
	return g_str_has_prefix(type, "rhcos") ? INIT_IGNITION : INIT_CLOUD_INIT;
}

static int take_init(const struct m_action *a, const struct m_vm *effective, struct run_once *o, struct err *e)
{
	bool cloud = M_GET(a, use_cloud_init, false), sysprep = M_GET(a, use_sysprep, false);
	bool ignition = M_GET(a, use_ignition, false);

	if (cloud + sysprep + ignition > 1)
		return err_field(e, ERR_CONFLICT, "use_cloud_init",
		                 "Cannot run VM. Only one of cloud-init, sysprep and ignition can be used.");
	o->has_init =
	    cloud || sysprep || ignition || M_GET(a, use_initialization, false) || (a->vm && a->vm->initialization);
	o->init = cloud ? INIT_CLOUD_INIT : sysprep ? INIT_SYSPREP : ignition ? INIT_IGNITION : kind_for(effective);
	if (a->authorized_key && a->authorized_key->key && *a->authorized_key->key)
		o->authorized_key = a->authorized_key->key;
	return 0;
}

/* Memory for one start: what is promised and what it may grow to follow, unless they are given too. */
static void fit_memory(struct pool *p, struct m_vm *vm, const struct m_vm *b)
{
	struct m_memory_policy *mp = vm->memory_policy;

	if (!b->has.memory || !mp)
		return;
	mp = vm->memory_policy = m_copy(p, &M_TYPE_memory_policy, mp);
	if (mp->has.guaranteed && mp->guaranteed > b->memory)
		mp->guaranteed = b->memory;
	if (mp->has.max && mp->max < b->memory)
		mp->max = b->memory;
}

int run_once_read(struct call *c, const struct m_vm *vm, const struct m_action *a, struct run_once *o, struct err *e)
{
	struct m_vm *merged, *b;

	*o = (struct run_once){ .is_paused = M_GET(a, pause, false), .is_volatile = M_GET(a, volatile_, false) };
	if (!a->vm)
		return take_init(a, vm, o, e);
	b = m_new(c->pool, &M_TYPE_vm);
	*b = *a->vm;
	merged = m_copy(c->pool, &M_TYPE_vm, vm);
	if (take_hosts(c, o, b, e) < 0 || take_cdrom(c, merged, b, e) < 0)
		return -1;
	drop_foreign(b);
	fit_memory(c->pool, merged, b);
	if (m_merge(c->pool, &M_TYPE_vm, merged, b, M_MERGE_API, e) < 0 || m_validate(&M_TYPE_vm, merged, e) < 0 ||
	    vm_check(c->core, merged, "run VM", e) < 0)
		return -1;
	merged->next_run = NULL;
	o->vm = merged;
	return take_init(a, merged, o, e);
}

const struct m_vm *run_once_vm(const struct run_once *o, const struct m_vm *vm) { return o->vm ? o->vm : vm; }

bool run_once_is_special(const struct run_once *o)
{
	return o->vm || o->is_paused || o->is_volatile || o->n_hosts || o->has_init;
}

/* ---- the job's data ---- */

json_t *run_once_pack(const struct run_once *o)
{
	json_t *hosts = json_array(), *config = NULL;

	for (size_t i = 0; i < o->n_hosts; i++)
		json_array_append_new(hosts, json_string(o->hosts[i]));
	if (o->vm) {
		g_autoptr(GString) text = g_string_new(NULL);
		m_write_journal(text, &M_TYPE_vm, o->vm);
		config = json_loadb(text->str, text->len, 0, NULL);
	}
	return json_pack("{s:o*,s:b,s:b,s:i,s:s*,s:o}", "config", config, "paused", o->is_paused, "volatile",
	                 o->is_volatile, "init", o->has_init ? (int)o->init : -1, "key", o->authorized_key, "hosts",
	                 hosts);
}

int run_once_unpack(struct pool *p, json_t *j, struct run_once *o, struct err *e)
{
	json_t *hosts = json_object_get(j, "hosts"), *config = json_object_get(j, "config");
	json_t *init = json_object_get(j, "init");
	void *vm = NULL;

	*o = (struct run_once){ .is_paused = json_is_true(json_object_get(j, "paused")),
		                .is_volatile = json_is_true(json_object_get(j, "volatile")),
		                .has_init = json_is_integer(init) && json_integer_value(init) >= 0,
		                .authorized_key = json_string_value(json_object_get(j, "key")) };
	if (o->has_init)
		o->init = (enum init_kind)json_integer_value(init);
	for (size_t i = 0; i < json_array_size(hosts) && o->n_hosts < G_N_ELEMENTS(o->hosts); i++)
		o->hosts[o->n_hosts++] = json_string_value(json_array_get(hosts, i));
	if (config) {
		char *text = json_dumps(config, JSON_COMPACT);
		int rc = text ? m_from_journal(p, &M_TYPE_vm, text, strlen(text), &vm, e) : -1;

		free(text);
		if (rc < 0)
			return err_wrap(e, "the start's configuration cannot be read");
		o->vm = vm;
	}
	return 0;
}

/* ---- media ---- */

static int own_payload(struct pool *p, const struct m_payload *from, struct domain_payload *to, struct err *e)
{
	size_t sum = 0;

	*to = (struct domain_payload){ .is_floppy = from->type == M_VM_DEVICE_TYPE_FLOPPY,
		                       .label = from->volume_id && *from->volume_id ? from->volume_id : NULL,
		                       .files = POOL_ARRAY(p, struct domain_payload_file, from->files.n + 1) };
	for (uint32_t i = 0; i < from->files.n; i++) {
		const struct m_file *f = from->files.v[i];
		const char *name = f && f->name && *f->name ? f->name : NULL;

		if (!name)
			return err_field(e, ERR_MISSING, "vm.payloads.files.name", "A payload's file needs a name.");
		to->files[to->n_files++] = (struct domain_payload_file){ .path = name,
			                                                 .data = STR_OR(f->content, ""),
			                                                 .size = strlen(STR_OR(f->content, "")) };
		sum += to->files[to->n_files - 1].size;
	}
	if (sum > MAX_PAYLOAD)
		return err_field(e, ERR_CONFLICT, "vm.payloads",
		                 "Cannot run VM. The VM's payload is larger than %d bytes.", MAX_PAYLOAD);
	return 0;
}

static const struct m_initialization *with_key(struct pool *p, const struct m_initialization *init, const char *key)
{
	struct m_initialization *copy;

	if (!key)
		return init;
	copy = init ? m_copy(p, &M_TYPE_initialization, init) : m_new(p, &M_TYPE_initialization);
	copy->authorized_ssh_keys = copy->authorized_ssh_keys && *copy->authorized_ssh_keys
	                                ? pool_printf(p, "%s\n%s", copy->authorized_ssh_keys, key)
	                                : pool_strdup(p, key);
	return copy;
}

int run_once_media(struct pool *p, const struct m_vm *vm, struct run_once *o, struct err *e)
{
	bool is_first = vm->initialization && !M_GET(vm, is_initialized, false);
	struct domain_payload *made = NULL, *all;
	enum init_kind kind = o->has_init ? o->init : kind_for(vm);
	size_t n_made = 0;

	o->is_initializing = o->has_init || is_first;
	if (o->is_initializing &&
	    init_media(p, vm, with_key(p, vm->initialization, o->authorized_key), kind, &made, &n_made, e) < 0)
		return -1;
	all = POOL_ARRAY(p, struct domain_payload, vm->payloads.n + n_made + 1);
	o->n_payloads = 0;
	for (uint32_t i = 0; i < vm->payloads.n; i++)
		if (own_payload(p, vm->payloads.v[i], &all[o->n_payloads++], e) < 0)
			return -1;
	if (n_made)
		memcpy(all + o->n_payloads, made, n_made * sizeof(*made));
	o->n_payloads += n_made;
	o->payloads = all;
	return 0;
}
