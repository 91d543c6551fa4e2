/* SPDX-License-Identifier: Apache-2.0 */
/* Random lives: people who click about, machines that fail, all at once, for hours; then rest, and all must agree. */
#include <string.h>

#include "sim/sim_host.h"
#include "sim/sim_runs.h"

static const char *pick(struct sim *s, enum kind k)
{
	unsigned n = s->core ? inv_count(s->core->inv, k) : 0, i;
	struct entity *e;

	if (!n)
		return "";
	i = (unsigned)sim_between(s, 0, n - 1);
	for (e = inv_first(s->core->inv, k); i > 0; i--)
		e = e->all.next;
	return e->id;
}

/* A VM that runs, or one that does not, if chance finds one soon. */
static const char *pick_vm(struct sim *s, bool is_down)
{
	const char *id = "";

	for (int i = 0; i < 8; i++) {
		const struct m_vm *vm = s->core ? INV_GET(s->core->inv, VM, vm, id = pick(s, KIND_VM)) : NULL;
		if (!s->core)
			break;
		if (vm && (vm->status == M_VM_STATUS_DOWN) == is_down)
			break;
	}
	return id;
}

static json_t *name_of(struct sim *s, const char *prefix)
{
	return json_sprintf("%s%d", prefix, (int)sim_between(s, 0, 30));
}

/* ---- people ---- */

static void do_add_vm(struct sim *s)
{
	sim_api_send(s, "vms.add",
	             json_pack("{s:o,s:{s:s},s:{s:s},s:i,s:{s:{s:{s:[s,s]}}},s:{s:b,s:i}}", "name", name_of(s, "vm"),
	                       "cluster", "id", pick(s, KIND_CLUSTER), "template", "name", "Blank", "memory", 256 << 20,
	                       "os", "boot", "devices", "device", "hd", "network", "high_availability", "enabled",
	                       sim_happens(s, 400000), "priority", (int)sim_between(s, 0, 3)),
	             NULL, NULL, NULL);
}

static json_t *random_disk(struct sim *s)
{
	bool is_cow = sim_happens(s, 500000);

	return json_pack("{s:o,s:s,s:I,s:b,s:{s:[{s:s}]}}", "alias", name_of(s, "disk"), "format",
	                 is_cow ? "cow" : "raw", "provisioned_size", (json_int_t)sim_between(s, 1, 20) << 28, "sparse",
	                 is_cow || sim_happens(s, 500000), "storage_domains", "storage_domain", "id",
	                 pick(s, KIND_STORAGE_DOMAIN));
}

static void do_add_disk(struct sim *s) { sim_api_send(s, "disks.add", random_disk(s), NULL, NULL, NULL); }

static void do_attach_new(struct sim *s)
{
	sim_api_send(s, "disk_attachments.add",
	             json_pack("{s:s,s:b,s:b,s:o}", "interface", "virtio", "bootable", sim_happens(s, 500000), "active",
	                       1, "disk", random_disk(s)),
	             pick(s, KIND_VM), NULL, NULL);
}

static void do_extend(struct sim *s)
{
	sim_api_send(s, "disk.update", json_pack("{s:I}", "provisioned_size", (json_int_t)sim_between(s, 1, 60) << 28),
	             pick(s, KIND_DISK), NULL, NULL);
}

static void do_add_nic(struct sim *s)
{
	sim_api_send(
	    s, "vm_nics.add",
	    json_pack("{s:o,s:{s:s}}", "name", name_of(s, "nic"), "vnic_profile", "id", pick(s, KIND_VNIC_PROFILE)),
	    pick(s, KIND_VM), NULL, NULL);
}

static void do_plug(struct sim *s)
{
	const char *id = pick(s, KIND_DISK_ATTACHMENT);
	const struct m_disk_attachment *a =
	    s->core ? INV_GET(s->core->inv, DISK_ATTACHMENT, disk_attachment, id) : NULL;

	if (a && a->vm.id && a->disk.id)
		sim_api_send(s, "disk_attachment.update", json_pack("{s:b}", "active", sim_happens(s, 500000)),
		             a->vm.id, a->disk.id, NULL);
}

static void do_attach_old(struct sim *s)
{
	sim_api_send(s, "disk_attachments.add",
	             json_pack("{s:s,s:b,s:b,s:{s:s}}", "interface", "virtio", "bootable", 0, "active",
	                       sim_happens(s, 500000), "disk", "id", pick(s, KIND_DISK)),
	             pick(s, KIND_VM), NULL, NULL);
}

static void on_vm(struct sim *s, const char *op, bool is_down)
{
	/* Now and then what makes no sense. */
	const char *id = sim_happens(s, 100000) ? pick(s, KIND_VM) : pick_vm(s, is_down);
	sim_api_send(s, op, NULL, id, NULL, NULL);
}
static void do_start(struct sim *s) { on_vm(s, "vm.start", true); }
static void do_stop(struct sim *s) { on_vm(s, "vm.stop", false); }
static void do_shutdown(struct sim *s) { on_vm(s, "vm.shutdown", false); }
static void do_suspend(struct sim *s) { on_vm(s, "vm.suspend", false); }
static void do_reboot(struct sim *s) { on_vm(s, "vm.reboot", false); }
static void do_remove_vm(struct sim *s) { on_vm(s, "vm.remove", true); }
static void do_remove_disk(struct sim *s) { sim_api_send(s, "disk.remove", NULL, pick(s, KIND_DISK), NULL, NULL); }

static void do_rename_vm(struct sim *s)
{
	sim_api_send(s, "vm.update", json_pack("{s:o}", "name", name_of(s, "vm")), pick(s, KIND_VM), NULL, NULL);
}

static void do_snapshot(struct sim *s)
{
	sim_api_send(s, "snapshots.add", json_pack("{s:o}", "description", name_of(s, "s")),
	             pick_vm(s, sim_happens(s, 700000)), NULL, NULL);
}

static void on_snapshot(struct sim *s, const char *op)
{
	const char *id = pick(s, KIND_SNAPSHOT);
	const struct m_snapshot *snap = s->core ? INV_GET(s->core->inv, SNAPSHOT, snapshot, id) : NULL;

	if (snap && snap->vm.id && snap->snapshot_type == M_SNAPSHOT_TYPE_REGULAR)
		sim_api_send(s, op, NULL, snap->vm.id, id, NULL);
}
static void do_remove_snapshot(struct sim *s) { on_snapshot(s, "snapshot.remove"); }
static void do_restore(struct sim *s) { on_snapshot(s, "snapshot.restore"); }

static void do_add_template(struct sim *s)
{
	sim_api_send(s, "templates.add",
	             json_pack("{s:o,s:{s:s}}", "name", name_of(s, "t"), "vm", "id", pick_vm(s, true)), NULL, NULL,
	             NULL);
}

static void do_from_template(struct sim *s)
{
	const char *id = pick(s, KIND_TEMPLATE);
	const struct m_template *t = s->core ? INV_GET(s->core->inv, TEMPLATE, template, id) : NULL;

	if (t && t->cluster.id)
		sim_api_send(s, "vms.add",
		             json_pack("{s:o,s:{s:s},s:{s:s}}", "name", name_of(s, "vm"), "cluster", "id",
		                       t->cluster.id, "template", "id", id),
		             NULL, NULL, NULL);
}

static void do_remove_template(struct sim *s)
{
	sim_api_send(s, "template.remove", NULL, pick(s, KIND_TEMPLATE), NULL, NULL);
}

static void do_clone(struct sim *s)
{
	sim_api_send(s, "vm.clone", json_pack("{s:{s:o}}", "vm", "name", name_of(s, "vm")), pick_vm(s, true), NULL,
	             NULL);
}

static void do_stateless(struct sim *s)
{
	sim_api_send(s, "vm.update", json_pack("{s:b}", "stateless", sim_happens(s, 300000)), pick(s, KIND_VM), NULL,
	             NULL);
}

static void on_domain(struct sim *s, const char *op)
{
	const char *id = pick(s, KIND_STORAGE_DOMAIN);
	const struct m_storage_domain *sd = s->core ? INV_GET(s->core->inv, STORAGE_DOMAIN, storage_domain, id) : NULL;

	if (sd && sd->data_center.id)
		sim_api_send(s, op, NULL, sd->data_center.id, id, NULL);
}
static void do_deactivate_domain(struct sim *s) { on_domain(s, "attached_storage_domain.deactivate"); }
static void do_activate_domain(struct sim *s) { on_domain(s, "attached_storage_domain.activate"); }

static void do_maintenance(struct sim *s) { sim_api_send(s, "host.deactivate", NULL, pick(s, KIND_HOST), NULL, NULL); }
static void do_activate(struct sim *s) { sim_api_send(s, "host.activate", NULL, pick(s, KIND_HOST), NULL, NULL); }

/* ---- fate ---- */

static struct sim_host *any_host(struct sim *s) { return s->hosts[sim_between(s, 0, s->n_hosts - 1)]; }

static void fate_manager(struct sim *s) { sim_doom_manager(s); }
static void fate_agent(struct sim *s) { sim_host_kill_agent(any_host(s)); }
static void fate_guest(struct sim *s) { sim_vms_whim(any_host(s)); }
static void fate_journal(struct sim *s) { sim_journal_fill(s->journal, sim_between(s, 1, 90) * SIM_SECOND); }

static void fate_cut(struct sim *s)
{
	struct sim_host *h = any_host(s);
	int64_t ms = sim_between(s, 1, 300) * SIM_SECOND;

	sim_tell(s, "%s: the network is cut for %lld s", h->address, (long long)ms / 1000);
	sim_net_cut(s->net, h, ms);
}

static void fate_break(struct sim *s) { sim_net_break(s->net, any_host(s), "connection reset"); }
static void fate_power(struct sim *s) { sim_host_cut_power(any_host(s), sim_between(s, 20, 400) * SIM_SECOND); }

struct deed {
	unsigned weight;
	void (*fn)(struct sim *s);
};

static const struct deed PEOPLE[] = {
	{ 8, do_add_vm },          { 6, do_add_disk },    { 10, do_attach_new },  { 4, do_extend },
	{ 40, do_start },          { 15, do_stop },       { 15, do_shutdown },    { 6, do_reboot },
	{ 12, do_add_nic },        { 6, do_plug },        { 4, do_attach_old },   { 8, do_remove_vm },
	{ 4, do_suspend },         { 6, do_remove_disk }, { 3, do_rename_vm },    { 1, do_deactivate_domain },
	{ 6, do_activate_domain }, { 1, do_maintenance }, { 6, do_activate },     { 8, do_snapshot },
	{ 5, do_remove_snapshot }, { 3, do_restore },     { 3, do_add_template }, { 3, do_from_template },
	{ 2, do_remove_template }, { 2, do_clone },       { 2, do_stateless },
};

static const struct deed FATE[] = {
	{ 10, fate_manager }, { 10, fate_agent }, { 20, fate_guest }, { 2, fate_journal },
	{ 4, fate_cut },      { 6, fate_break },  { 1, fate_power },
};

static void do_one(struct sim *s, const struct deed *deeds, size_t n)
{
	unsigned total = 0, at;

	for (size_t i = 0; i < n; i++)
		total += deeds[i].weight;
	at = (unsigned)sim_between(s, 0, total - 1);
	for (size_t i = 0; i < n; i++) {
		if (at < deeds[i].weight) {
			deeds[i].fn(s);
			return;
		}
		at -= deeds[i].weight;
	}
}

/* ---- a life ---- */

static void prepare(struct sim *s)
{
	sim_add_local(s, 0);
	sim_add_domain(s, 0, "data0");
	sim_add_local(s, 1);
	sim_add_domain(s, 1, "data1");
	for (int i = 2; i < s->n_hosts; i++)
		sim_api_send(s, "hosts.add",
		             json_pack("{s:o,s:o,s:{s:s}}", "name", json_sprintf("host%d", i), "address",
		                       json_sprintf("host%d", i), "cluster", "name", "Default"),
		             NULL, NULL, NULL);
	sim_run(s, SIM_MINUTE);
}

/* Peace at the end: hosts and domains are wanted again, and get it. */
static void make_peace(struct sim *s)
{
	struct sim_answer a = { .object = NULL };

	s->faults = (struct sim_faults){ 0 };
	sim_run(s, 10 * SIM_MINUTE);
	for (int i = 0; i < s->n_hosts && sim_is_good(s); i++)
		sim_api(s, &a, "host.activate", NULL, sim_find_id(s, KIND_HOST, s->hosts[i]->address), NULL, NULL);
	sim_answer_clear(&a);
}

/* Every life is hard in another way: what never goes wrong lets other things go further. */
struct world {
	unsigned fate;    /* of a million deeds, how many are fate's */
	int64_t pause_ms; /* between two deeds, at most */
};

static unsigned often(struct sim *s, unsigned usual)
{
	static const unsigned TIMES[] = { 0, 1, 1, 4, 12 };
	return MIN(usual * TIMES[sim_between(s, 0, G_N_ELEMENTS(TIMES) - 1)], 900000);
}

static void choose_world(struct sim *s, struct world *w)
{
	s->faults = (struct sim_faults){ .lose_answer = often(s, 2000),
		                         .slow_call = often(s, 3000),
		                         .refuse_call = often(s, 3000),
		                         .fail_task = often(s, 30000),
		                         .fail_start = often(s, 50000),
		                         .deaf_guest = often(s, 200000) };
	w->fate = often(s, 40000);
	w->pause_ms = sim_between(s, SIM_SECOND, 10 * SIM_SECOND);
	sim_tell(s, "fate %u, pause %lld ms, lose %u, slow %u, refuse %u, fail task %u, fail start %u, deaf %u",
	         w->fate, (long long)w->pause_ms, s->faults.lose_answer, s->faults.slow_call, s->faults.refuse_call,
	         s->faults.fail_task, s->faults.fail_start, s->faults.deaf_guest);
}

void random_life(struct sim *s, int hours)
{
	struct world w;
	int64_t until;

	prepare(s);
	until = sim_now(s) + (int64_t)hours * 60 * SIM_MINUTE;
	choose_world(s, &w);
	while (sim_is_good(s) && sim_now(s) < until) {
		sim_run(s, sim_between(s, 10, w.pause_ms));
		if (sim_happens(s, w.fate))
			do_one(s, FATE, G_N_ELEMENTS(FATE));
		else
			do_one(s, PEOPLE, G_N_ELEMENTS(PEOPLE));
	}
	if (sim_is_good(s))
		make_peace(s);
	if (sim_is_good(s))
		sim_settle(s);
}
