/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "manager/api/generic.h"
#include "manager/api/search.h"
#include "manager/clusters/qos.h"
#include "manager/core/jobs.h"
#include "manager/core/locks.h"
#include "manager/disks/disks.h"
#include "manager/hosts/hosts.h"
#include "manager/storage/storage.h"
#include "manager/vms/vms.h"

struct rig *rig;
struct call_query rig_query;

/* ---- what other domains would do ---- */

bool host_is_up(struct core *c, const char *host_id)
{
	const struct m_host *h = INV_GET(c->inv, HOST, host, host_id);
	return h && h->status == M_HOST_STATUS_UP && fake_agents_is_up(rig->agents, host_id);
}

bool host_is_connected(struct core *c, const char *host_id) { return fake_agents_is_up(rig->agents, host_id); }
bool vm_is_down(const struct m_vm *vm)
{
	return vm->status == M_VM_STATUS_DOWN || vm->status == M_VM_STATUS_IMAGE_LOCKED;
}

int vm_hotplug_disk(struct call *c, const char *vm_id, const char *disk_id, bool plug, struct err *e)
{
	rig->n_hotplugs++;
	return rig->is_hotplug_bad ? err_set(e, ERR_CONFLICT, "Failed to hot-plug disk.") : 0;
}

/* ---- life ---- */

static void on_probe(void *arg, const char *command, const char *step, bool is_undo, bool is_done)
{
	if (++rig->probes == rig->crash_at_probe)
		rig->is_crashed = true;
}

static void start(void)
{
	struct core_config cfg = { 0 };
	struct err e;

	rig->loop = loop_new_virtual(1700000000000);
	if (!rig->agents)
		rig->agents = fake_agents_new(rig->loop);
	else
		fake_agents_move(rig->agents, rig->loop);
	cfg.loop = rig->loop;
	cfg.chance = rig->chance;
	cfg.journal = fake_journal_open(rig->journal, rig->loop);
	cfg.agents = fake_agents_door(rig->agents);
	cfg.public_url = "https://test";
	rig->core = core_new(&cfg);
	storage_register(rig->core);
	disks_register(rig->core);
	assert_int_equal(core_load(rig->core, &e), 0);
	jobs_set_probe(rig->core, on_probe, NULL);
	events_start(rig->core);
	storage_start(rig->core);
	jobs_resume(rig->core);
}

static void stop(void)
{
	struct loop *old = rig->loop;
	struct loop *none = loop_new_virtual(0);

	fiber_abandon_all(old);
	fake_agents_move(rig->agents, none);
	storage_free(rig->core);
	core_free(rig->core);
	loop_free(old);
	fake_agents_move(rig->agents, none);
	rig->loop = none;
}

static void scene(void *arg)
{
	struct txn *t = txn_begin(rig->core);
	struct m_data_center *dc = txn_new(t, KIND_DATA_CENTER, DC);
	struct m_cluster *cl = txn_new(t, KIND_CLUSTER, CL);
	struct m_host *h = txn_new(t, KIND_HOST, HOST);
	struct pool *p = txn_pool(t);
	struct err e;

	dc->name = "local";
	M_SET(dc, local, *(bool *)arg);
	dc->status = M_DATA_CENTER_STATUS_UNINITIALIZED;
	cl->name = "cluster";
	REF_SET(p, cl->data_center, DC);
	h->name = "host1";
	h->status = M_HOST_STATUS_UP;
	REF_SET(p, h->cluster, CL);
	for (int i = 0; i < 2; i++) {
		struct m_vm *vm = txn_new(t, KIND_VM, i ? VM2 : VM);
		vm->name = i ? "vm2" : "vm1";
		vm->status = M_VM_STATUS_DOWN;
		REF_SET(p, vm->cluster, CL);
	}
	assert_int_equal(txn_commit(t, &e), 0);
}

void rig_make(bool is_local)
{
	log_set_level(LOG_LEVEL_ERROR);
	rig = g_new0(struct rig, 1);
	rig->journal = fake_journal_new();
	rig->chance = chance_new_seeded(42);
	start();
	fake_agents_add_host(rig->agents, HOST);
	fiber_start(rig->loop, "scene", scene, &is_local);
	rig_run(100);
}

static void forget_call(void);

void rig_free(void)
{
	struct loop *none;

	forget_call();
	stop();
	none = rig->loop;
	fake_agents_free(rig->agents);
	loop_free(none);
	fake_journal_free(rig->journal);
	chance_free(rig->chance);
	g_free(rig);
	rig = NULL;
}

void rig_restart(void)
{
	struct loop *none;

	forget_call();
	stop();
	none = rig->loop;
	rig->is_crashed = false;
	rig->crash_at_probe = 0;
	start();
	loop_free(none);
}

void rig_run(int64_t ms)
{
	int64_t until = loop_now_ms(rig->loop) + ms;

	while (loop_now_ms(rig->loop) < until && !rig->is_crashed)
		loop_turn(rig->loop, until - loop_now_ms(rig->loop));
}

void rig_settle(void)
{
	for (int i = 0; i < 6000 && !rig->is_crashed; i++) {
		if (jobs_running(rig->core) == 0)
			break;
		rig_run(100);
	}
	if (!rig->is_crashed)
		assert_int_equal(jobs_running(rig->core), 0);
}

/* ---- calls ---- */

static struct call *last;
static bool is_done;

static void finished(struct call *c) { is_done = true; }

static void forget_call(void)
{
	if (!last)
		return;
	call_release(last);
	pool_free(last->pool);
	last = NULL;
}

static void split_ids(struct call *c, const char *ids)
{
	g_auto(GStrv) parts = g_strsplit(ids, "/", -1);

	for (char **s = parts; *s && **s; s++)
		c->ids[c->n_ids++] = pool_strdup(c->pool, *s);
}

void rig_begin(const char *op, const char *ids, const char *body)
{
	struct pool *p = pool_new();
	struct call *c = POOL_NEW(p, struct call);
	struct err e;

	forget_call();
	c->core = rig->core;
	c->pool = p;
	c->op = m_op_find(op);
	assert_non_null(c->op);
	c->base = "/ovirt-engine/api";
	c->path = "here";
	c->is_trusted = true;
	split_ids(c, ids);
	c->query = rig_query;
	c->query.max = c->query.from = -1;
	c->query.filter = -1;
	rig_query = (struct call_query){ 0 };
	if (c->op->body && m_from_json(p, c->op->body->type, body ? body : "", body ? strlen(body) : 0,
	                               &M_LIMITS_DEFAULT, &c->body, &e) < 0)
		fail_msg("%s: %s", op, e.detail);
	if (c->op->kind == M_OP_ACTION)
		c->action = m_new(p, &M_TYPE_action);
	c->finish = finished;
	is_done = false;
	last = c;
	call_dispatch(c);
}

struct call *rig_call(const char *op, const char *ids, const char *body)
{
	rig_begin(op, ids, body);
	for (int i = 0; i < 6000 && !is_done && !rig->is_crashed; i++)
		rig_run(50);
	if (!rig->is_crashed)
		assert_true(is_done);
	return last;
}

struct call *rig_ok(const char *op, const char *ids, const char *body)
{
	struct call *c = rig_call(op, ids, body);

	if (c->error.code != ERR_NONE)
		fail_msg("%s: %s (%s)", op, c->error.detail, c->error.field);
	return c;
}

struct call *rig_fails(enum err_code code, const char *op, const char *ids, const char *body)
{
	struct call *c = rig_call(op, ids, body);

	if (c->error.code != code)
		fail_msg("%s %s: %s instead of %s: %s", op, body ? body : "", err_code_name(c->error.code),
		         err_code_name(code), c->error.detail);
	return c;
}

/* ---- scenes ---- */

void rig_add_domain(const char *id, const char *name, const char *path)
{
	g_autofree char *body =
	    g_strdup_printf("{\"id\":\"%s\",\"name\":\"%s\",\"type\":\"data\",\"host\":{\"id\":\"" HOST "\"},"
	                    "\"storage\":{\"type\":\"localfs\",\"path\":\"%s\"}}",
	                    id, name, path);
	rig_ok("storage_domains.add", "", body);
}

void rig_attach(const char *id)
{
	g_autofree char *body = g_strdup_printf("{\"id\":\"%s\"}", id);
	rig_ok("attached_storage_domains.add", DC, body);
}

void rig_with_storage(void)
{
	rig_add_domain(SD, "data1", "/data/one");
	rig_attach(SD);
	rig_settle();
}

void rig_add_disk(const char *id)
{
	g_autofree char *body =
	    g_strdup_printf("{\"id\":\"%s\",\"name\":\"disk1\",\"format\":\"raw\",\"provisioned_size\":"
	                    "10000000,\"storage_domains\":{\"storage_domain\":[{\"id\":\"" SD "\"}]}}",
	                    id);
	rig_ok("disks.add", "", body);
	rig_settle();
}

const struct m_storage_domain *rig_domain(const char *id)
{
	return INV_GET(rig->core->inv, STORAGE_DOMAIN, storage_domain, id);
}
const struct m_data_center *rig_center(void) { return INV_GET(rig->core->inv, DATA_CENTER, data_center, DC); }
const struct m_disk *rig_disk(const char *id) { return INV_GET(rig->core->inv, DISK, disk, id); }

bool rig_has_event(const char *name)
{
	INV_EACH (en, rig->core->inv, KIND_EVENT)
		if (g_strcmp0(ENTITY_OBJ(en, event)->event_name, name) == 0)
			return true;
	return false;
}

/* ---- the world ---- */

static void check_domain(const struct m_storage_domain *sd)
{
	const json_t *d = json_object_get(fake_agents_disk(rig->agents), sd->id);
	const json_t *pool = json_object_get(fake_agents_pools(rig->agents, HOST), DC);
	const char *state = json_string_value(json_object_get(json_object_get(pool, "domains"), sd->id));

	if (!d)
		fail_msg("domain %s is not on storage", sd->name);
	assert_string_equal(json_string_value(json_object_get(d, "pool")),
	                    sd->data_center.id ? sd->data_center.id : "");
	switch (sd->status) {
	case M_STORAGE_DOMAIN_STATUS_UNATTACHED:
		assert_null(sd->data_center.id);
		assert_null(state);
		break;
	case M_STORAGE_DOMAIN_STATUS_ACTIVE:
		assert_non_null(sd->data_center.id);
		assert_string_equal(state ? state : "-", "Active");
		break;
	case M_STORAGE_DOMAIN_STATUS_MAINTENANCE:
		assert_non_null(sd->data_center.id);
		assert_true(!state || strcmp(state, "Attached") == 0);
		break;
	default: fail_msg("domain %s is %s", sd->name, m_enum_name(&M_ENUM_storage_domain_status, sd->status));
	}
}

static void check_center(void)
{
	const json_t *pool = json_object_get(fake_agents_pools(rig->agents, HOST), DC);
	const struct m_data_center *dc = rig_center();
	bool has_domains = inv_first_by(rig->core->inv, KIND_STORAGE_DOMAIN, IDX_STORAGE_DOMAIN_data_center, DC);

	switch (dc->status) {
	case M_DATA_CENTER_STATUS_UNINITIALIZED:
		assert_false(has_domains);
		assert_null(dc->master.id);
		assert_null(pool);
		break;
	case M_DATA_CENTER_STATUS_UP:
		assert_true(has_domains);
		assert_non_null(rig_domain(dc->master.id));
		assert_string_equal(dc->spm_host.id, HOST);
		assert_string_equal(json_string_value(json_object_get(pool, "spm")), "SPM");
		break;
	case M_DATA_CENTER_STATUS_MAINTENANCE:
		assert_true(has_domains);
		assert_null(pool);
		break;
	default: fail_msg("data center is %s", m_enum_name(&M_ENUM_data_center_status, dc->status));
	}
}

static void check_disk(const struct m_disk *d)
{
	const json_t *sd = json_object_get(fake_agents_disk(rig->agents), d->storage_domains.v[0].id);
	const json_t *img = json_object_get(json_object_get(sd, "images"), d->id);
	const json_t *vol = json_object_get(img, d->image_id);

	if (d->status == M_DISK_STATUS_ILLEGAL)
		return;
	assert_int_equal(d->status, M_DISK_STATUS_OK);
	if (!vol)
		fail_msg("disk %s is not on storage", d->name);
	assert_int_equal(json_integer_value(json_object_get(vol, "capacity")), d->provisioned_size);
}

static void check_storage(void)
{
	json_t *sd, *img;
	const char *sd_id, *img_id;

	json_object_foreach (fake_agents_disk(rig->agents), sd_id, sd) {
		if (!rig_domain(sd_id))
			fail_msg("domain %s was left on storage", sd_id);
		json_object_foreach (json_object_get(sd, "images"), img_id, img)
			if (!rig_disk(img_id))
				fail_msg("image %s was left on storage", img_id);
	}
}

void rig_check_world(void)
{
	struct inventory *inv = rig->core->inv;

	rig_settle();
	rig_run(90 * 1000);
	rig_settle();
	assert_int_equal(lock_count(rig->core), 0);
	INV_EACH (en, inv, KIND_STORAGE_DOMAIN)
		check_domain(en->pub);
	check_center();
	INV_EACH (en, inv, KIND_DISK)
		check_disk(en->pub);
	INV_EACH (en, inv, KIND_DISK_ATTACHMENT) {
		assert_non_null(rig_disk(ENTITY_OBJ(en, disk_attachment)->disk.id));
		assert_non_null(INV_GET(inv, VM, vm, ENTITY_OBJ(en, disk_attachment)->vm.id));
	}
	assert_int_equal(inv_count(inv, KIND_STORAGE_DOMAIN), inv_count(inv, KIND_STORAGE_CONNECTION));
	assert_int_equal(inv_count(inv, KIND_STORAGE_DOMAIN), inv_count(inv, KIND_DISK_PROFILE));
	INV_EACH (en, inv, KIND_VM)
		assert_int_equal(ENTITY_OBJ(en, vm)->status, M_VM_STATUS_DOWN);
	check_storage();
	assert_int_equal(fake_agents_tasks(rig->agents, HOST), 0);
}
