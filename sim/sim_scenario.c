/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim_scenario.h"

#include <string.h>

#include "manager/core/jobs.h"
#include "sim/sim_host.h"

enum { UP_LIMIT_MS = 10 * SIM_MINUTE };

const char *sim_find_id(struct sim *s, enum kind k, const char *name)
{
	if (!s->core)
		return "";
	INV_EACH (e, s->core->inv, k) {
		const char *own = k == KIND_DISK ? ENTITY_OBJ(e, disk)->alias : m_entity(M_KINDS[k].type, e->pub)->name;
		if (g_strcmp0(own, name) == 0 || g_strcmp0(m_entity(M_KINDS[k].type, e->pub)->name, name) == 0)
			return e->id;
	}
	return "";
}

/* ---- calls that must work ---- */

static void must(struct sim *s, const char *op, json_t *body, const char *id1, const char *id2, const char *id3)
{
	struct sim_answer a = { .object = NULL };

	if (!sim_is_good(s)) {
		json_decref(body);
		return;
	}
	if (sim_api(s, &a, op, body, id1, id2, id3) < 0 && sim_is_good(s))
		sim_fail(s, "preparing: %s: %s %s", op, a.error.field, a.error.detail);
	sim_answer_clear(&a);
}

/* ... and those that may fail. */
static void may(struct sim *s, const char *op, json_t *body, const char *id1, const char *id2, const char *id3)
{
	struct sim_answer a = { .object = NULL };

	sim_api(s, &a, op, body, id1, id2, id3);
	sim_answer_clear(&a);
}

static bool is_host_up(struct sim *s, void *arg)
{
	const struct m_host *h = s->core ? INV_GET(s->core->inv, HOST, host, sim_find_id(s, KIND_HOST, arg)) : NULL;
	return h && h->status == M_HOST_STATUS_UP;
}

static bool is_vm_up(struct sim *s, void *arg)
{
	const struct m_vm *vm = s->core ? INV_GET(s->core->inv, VM, vm, sim_find_id(s, KIND_VM, arg)) : NULL;
	return vm && vm->status == M_VM_STATUS_UP;
}

static bool is_domain_active(struct sim *s, void *arg)
{
	const char *id = sim_find_id(s, KIND_STORAGE_DOMAIN, arg);
	const struct m_storage_domain *sd = s->core ? INV_GET(s->core->inv, STORAGE_DOMAIN, storage_domain, id) : NULL;
	return sd && sd->status == M_STORAGE_DOMAIN_STATUS_ACTIVE;
}

static bool is_disk_ok(struct sim *s, void *arg)
{
	const struct m_disk *d = s->core ? INV_GET(s->core->inv, DISK, disk, sim_find_id(s, KIND_DISK, arg)) : NULL;
	return d && d->status == M_DISK_STATUS_OK;
}

static bool has_no_jobs(struct sim *s, void *arg) { return s->core && s->is_ready && jobs_running(s->core) == 0; }

static void wait_for(struct sim *s, bool (*holds)(struct sim *, void *), const char *name, const char *what)
{
	if (sim_is_good(s) && !sim_run_until(s, holds, (void *)name, UP_LIMIT_MS) && sim_is_good(s))
		sim_fail(s, "preparing: %s %s does not come", what, name);
}

/* ---- pieces ---- */

static json_t *host_body(int i, const char *cluster)
{
	char name[16];

	g_snprintf(name, sizeof(name), "host%d", i);
	return json_pack("{s:s,s:s,s:s,s:{s:s}}", "name", name, "address", name, "root_password", "code", "cluster",
	                 "name", cluster);
}

static void add_host(struct sim *s, int i, const char *cluster)
{
	char name[16];

	g_snprintf(name, sizeof(name), "host%d", i);
	must(s, "hosts.add", host_body(i, cluster), NULL, NULL, NULL);
	wait_for(s, is_host_up, name, "host");
}

void sim_add_hosts(struct sim *s)
{
	for (int i = 0; i < s->n_hosts; i++)
		add_host(s, i, "Default");
}

void sim_add_local(struct sim *s, int i)
{
	char name[16];

	g_snprintf(name, sizeof(name), "local%d", i);
	must(s, "data_centers.add", json_pack("{s:s,s:b}", "name", name, "local", 1), NULL, NULL, NULL);
	must(s, "clusters.add",
	     json_pack("{s:s,s:{s:s},s:{s:s}}", "name", name, "data_center", "name", name, "cpu", "architecture",
	               "x86_64"),
	     NULL, NULL, NULL);
	add_host(s, i, name);
}

static json_t *domain_body(int i, const char *name)
{
	char host[16];

	g_snprintf(host, sizeof(host), "host%d", i);
	return json_pack("{s:s,s:s,s:{s:s},s:{s:s,s:o}}", "name", name, "type", "data", "host", "name", host, "storage",
	                 "type", "localfs", "path", json_sprintf("/data/%s", name));
}

static bool is_ready(struct sim *s, void *arg) { return s->core && s->is_ready; }

/* The id as soon as there is a Manager that can be asked. */
static const char *ask_id(struct sim *s, enum kind k, const char *name)
{
	sim_run_until(s, is_ready, NULL, SIM_MINUTE);
	return sim_find_id(s, k, name);
}

static const char *dc_of(struct sim *s, int i)
{
	char name[16];

	g_snprintf(name, sizeof(name), "local%d", i);
	return ask_id(s, KIND_DATA_CENTER, name);
}

static json_t *by_id(const char *id) { return json_pack("{s:s}", "id", id); }

void sim_add_domain(struct sim *s, int i, const char *name)
{
	must(s, "storage_domains.add", domain_body(i, name), NULL, NULL, NULL);
	must(s, "attached_storage_domains.add", by_id(sim_find_id(s, KIND_STORAGE_DOMAIN, name)), dc_of(s, i), NULL,
	     NULL);
	wait_for(s, is_domain_active, name, "storage domain");
	wait_for(s, has_no_jobs, "", "rest");
}

static json_t *disk_body(const char *domain, const char *name)
{
	json_t *body = json_pack("{s:s,s:s,s:s,s:i,s:b}", "name", name, "alias", name, "format", "cow",
	                         "provisioned_size", 1 << 30, "sparse", 1);

	json_object_set_new(body, "storage_domains", json_pack("{s:[{s:s}]}", "storage_domain", "name", domain));
	return body;
}

void sim_add_disk(struct sim *s, const char *domain, const char *name)
{
	must(s, "disks.add", disk_body(domain, name), NULL, NULL, NULL);
	wait_for(s, is_disk_ok, name, "disk");
	wait_for(s, has_no_jobs, "", "rest");
}

static json_t *vm_body(const char *cluster, const char *name)
{
	return json_pack("{s:s,s:{s:s},s:{s:s},s:i,s:{s:{s:{s:[s,s]}}}}", "name", name, "cluster", "name", cluster,
	                 "template", "name", "Blank", "memory", 512 << 20, "os", "boot", "devices", "device", "hd",
	                 "network");
}

static json_t *attachment_body(const char *domain, const char *name)
{
	return json_pack("{s:s,s:b,s:b,s:o}", "interface", "virtio", "bootable", 1, "active", 1, "disk",
	                 disk_body(domain, name));
}

void sim_add_vm(struct sim *s, const char *cluster, const char *name, const char *domain)
{
	g_autofree char *disk = g_strconcat(name, "_Disk1", NULL);

	must(s, "vms.add", vm_body(cluster, name), NULL, NULL, NULL);
	if (!domain) {
		must(s, "vm_nics.add",
		     json_pack("{s:s,s:{s:s}}", "name", "nic1", "vnic_profile", "id",
		               sim_find_id(s, KIND_VNIC_PROFILE, "ovirtmgmt")),
		     sim_find_id(s, KIND_VM, name), NULL, NULL);
	} else {
		must(s, "disk_attachments.add", attachment_body(domain, disk), sim_find_id(s, KIND_VM, name), NULL,
		     NULL);
		wait_for(s, is_disk_ok, disk, "disk");
	}
	wait_for(s, has_no_jobs, "", "rest");
}

static void start_vm(struct sim *s, const char *name)
{
	must(s, "vm.start", NULL, sim_find_id(s, KIND_VM, name), NULL, NULL);
	wait_for(s, is_vm_up, name, "VM");
	wait_for(s, has_no_jobs, "", "rest");
}

/* Until nothing is done any more, or half an hour is over. */
static void let_it_end(struct sim *s)
{
	sim_run(s, 2 * SIM_SECOND);
	sim_run_until(s, has_no_jobs, NULL, 30 * SIM_MINUTE);
}

/* ---- what is there before ---- */

static void prepare_nothing(struct sim *s) { sim_run(s, SIM_SECOND); }

static void prepare_host(struct sim *s) { sim_add_local(s, 0); }

static void prepare_unattached(struct sim *s)
{
	sim_add_local(s, 0);
	must(s, "storage_domains.add", domain_body(0, "data"), NULL, NULL, NULL);
}

static void prepare_domain(struct sim *s)
{
	sim_add_local(s, 0);
	sim_add_domain(s, 0, "data");
}

static void prepare_two_domains(struct sim *s)
{
	prepare_domain(s);
	sim_add_domain(s, 0, "more");
}

static void prepare_maintenance(struct sim *s)
{
	prepare_two_domains(s);
	must(s, "attached_storage_domain.deactivate", NULL, dc_of(s, 0), sim_find_id(s, KIND_STORAGE_DOMAIN, "more"),
	     NULL);
	wait_for(s, has_no_jobs, "", "rest");
}

static void prepare_detached(struct sim *s)
{
	prepare_maintenance(s);
	must(s, "attached_storage_domain.remove", NULL, dc_of(s, 0), sim_find_id(s, KIND_STORAGE_DOMAIN, "more"), NULL);
	wait_for(s, has_no_jobs, "", "rest");
}

static void prepare_disk(struct sim *s)
{
	prepare_domain(s);
	sim_add_disk(s, "data", "disk1");
}

static void prepare_vm(struct sim *s)
{
	prepare_domain(s);
	sim_add_vm(s, "local0", "vm1", "data");
}

static void prepare_running_vm(struct sim *s)
{
	prepare_vm(s);
	start_vm(s, "vm1");
}

static void prepare_running_and_disk(struct sim *s)
{
	prepare_running_vm(s);
	sim_add_disk(s, "data", "disk1");
}

/* Two hosts that could run it: here a VM may be started twice. */
static void prepare_choice(struct sim *s)
{
	sim_add_hosts(s);
	sim_add_vm(s, "Default", "vm1", NULL);
}

static void prepare_choice_running(struct sim *s)
{
	prepare_choice(s);
	start_vm(s, "vm1");
}

static void prepare_paused(struct sim *s)
{
	prepare_vm(s);
	must(s, "vm.start", json_pack("{s:b}", "pause", 1), sim_find_id(s, KIND_VM, "vm1"), NULL, NULL);
	wait_for(s, has_no_jobs, "", "rest");
}

static bool is_vm_suspended(struct sim *s, void *arg)
{
	const struct m_vm *vm = s->core ? INV_GET(s->core->inv, VM, vm, sim_find_id(s, KIND_VM, arg)) : NULL;
	return vm && vm->status == M_VM_STATUS_SUSPENDED;
}

static void prepare_suspended(struct sim *s)
{
	prepare_running_vm(s);
	must(s, "vm.suspend", NULL, sim_find_id(s, KIND_VM, "vm1"), NULL, NULL);
	wait_for(s, is_vm_suspended, "vm1", "suspended VM");
	wait_for(s, has_no_jobs, "", "rest");
}

/* Highly available, on one of two hosts. */
static void prepare_available(struct sim *s)
{
	prepare_choice(s);
	must(s, "vm.update", json_pack("{s:{s:b,s:i}}", "high_availability", "enabled", 1, "priority", 50),
	     sim_find_id(s, KIND_VM, "vm1"), NULL, NULL);
	start_vm(s, "vm1");
}

/* Runs volatile: a reboot ends that. */
static void prepare_volatile(struct sim *s)
{
	prepare_vm(s);
	must(s, "vm.start", json_pack("{s:b,s:{s:i}}", "volatile", 1, "vm", "memory", 128 << 20),
	     sim_find_id(s, KIND_VM, "vm1"), NULL, NULL);
	wait_for(s, is_vm_up, "vm1", "VM");
	wait_for(s, has_no_jobs, "", "rest");
}

/* ---- what is done ---- */

static void add_local_host(struct sim *s)
{
	may(s, "data_centers.add", json_pack("{s:s,s:b}", "name", "local0", "local", 1), NULL, NULL, NULL);
	may(s, "clusters.add",
	    json_pack("{s:s,s:{s:s},s:{s:s}}", "name", "local0", "data_center", "name", "local0", "cpu", "architecture",
	              "x86_64"),
	    NULL, NULL, NULL);
	may(s, "hosts.add", host_body(0, "local0"), NULL, NULL, NULL);
	let_it_end(s);
}

static void add_domain(struct sim *s)
{
	may(s, "storage_domains.add", domain_body(0, "data"), NULL, NULL, NULL);
	let_it_end(s);
}

static const char *domain_id(struct sim *s, const char *name) { return ask_id(s, KIND_STORAGE_DOMAIN, name); }

static void attach_domain(struct sim *s)
{
	may(s, "attached_storage_domains.add", by_id(domain_id(s, "data")), dc_of(s, 0), NULL, NULL);
	let_it_end(s);
}

static void attach_second(struct sim *s)
{
	may(s, "storage_domains.add", domain_body(0, "more"), NULL, NULL, NULL);
	may(s, "attached_storage_domains.add", by_id(domain_id(s, "more")), dc_of(s, 0), NULL, NULL);
	let_it_end(s);
}

static void deactivate_domain(struct sim *s)
{
	may(s, "attached_storage_domain.deactivate", NULL, dc_of(s, 0), domain_id(s, "more"), NULL);
	let_it_end(s);
}

static void deactivate_last(struct sim *s)
{
	may(s, "attached_storage_domain.deactivate", NULL, dc_of(s, 0), domain_id(s, "data"), NULL);
	let_it_end(s);
}

static void activate_domain(struct sim *s)
{
	may(s, "attached_storage_domain.activate", NULL, dc_of(s, 0), domain_id(s, "more"), NULL);
	let_it_end(s);
}

static void detach_domain(struct sim *s)
{
	may(s, "attached_storage_domain.remove", NULL, dc_of(s, 0), domain_id(s, "more"), NULL);
	let_it_end(s);
}

static void detach_last(struct sim *s)
{
	deactivate_last(s);
	may(s, "attached_storage_domain.remove", NULL, dc_of(s, 0), domain_id(s, "data"), NULL);
	let_it_end(s);
}

static void remove_domain(struct sim *s)
{
	may(s, "storage_domain.remove?format", NULL, domain_id(s, "more"), NULL, NULL);
	let_it_end(s);
}

static void add_disk(struct sim *s)
{
	may(s, "disks.add", disk_body("data", "disk1"), NULL, NULL, NULL);
	let_it_end(s);
}

static void extend_disk(struct sim *s)
{
	may(s, "disk.update", json_pack("{s:I}", "provisioned_size", (json_int_t)3 << 30),
	    ask_id(s, KIND_DISK, "disk1"), NULL, NULL);
	let_it_end(s);
}

static void remove_disk(struct sim *s)
{
	may(s, "disk.remove", NULL, ask_id(s, KIND_DISK, "disk1"), NULL, NULL);
	let_it_end(s);
}

static void add_vm_with_disk(struct sim *s)
{
	may(s, "vms.add", vm_body("local0", "vm1"), NULL, NULL, NULL);
	may(s, "disk_attachments.add", attachment_body("data", "vm1_Disk1"), ask_id(s, KIND_VM, "vm1"), NULL, NULL);
	let_it_end(s);
}

static void vm_action(struct sim *s, const char *op)
{
	may(s, op, NULL, ask_id(s, KIND_VM, "vm1"), NULL, NULL);
	let_it_end(s);
	sim_run(s, 90 * SIM_SECOND);
}

static void run_vm(struct sim *s) { vm_action(s, "vm.start"); }
static void stop_vm(struct sim *s) { vm_action(s, "vm.stop"); }
static void shutdown_vm(struct sim *s) { vm_action(s, "vm.shutdown"); }
static void reboot_vm(struct sim *s) { vm_action(s, "vm.reboot"); }
static void reset_vm(struct sim *s) { vm_action(s, "vm.reset"); }
static void remove_vm(struct sim *s) { vm_action(s, "vm.remove"); }

/* Somebody who is not patient. */
static void run_vm_twice(struct sim *s)
{
	run_vm(s);
	run_vm(s);
}

static void resume_vm(struct sim *s) { vm_action(s, "vm.start"); }
static void suspend_vm(struct sim *s) { vm_action(s, "vm.suspend"); }

/* ... and goes on, so that what is left of its memory goes, and is suspended once more. */
static void suspend_twice(struct sim *s)
{
	vm_action(s, "vm.start");
	vm_action(s, "vm.suspend");
}

static void run_once(struct sim *s)
{
	may(s, "vm.start", json_pack("{s:{s:i}}", "vm", "memory", 128 << 20), ask_id(s, KIND_VM, "vm1"), NULL, NULL);
	let_it_end(s);
	sim_run(s, 90 * SIM_SECOND);
}

/* What waits for the next start, and then a reboot that is one. */
static void change_and_reboot(struct sim *s)
{
	may(s, "vm.update", json_pack("{s:i}", "memory", 768 << 20), ask_id(s, KIND_VM, "vm1"), NULL, NULL);
	vm_action(s, "vm.reboot");
	sim_run(s, 3 * SIM_MINUTE);
}

static void plug_memory_and_cpus(struct sim *s)
{
	may(s, "vm.update",
	    json_pack("{s:I,s:{s:{s:i,s:i,s:i}}}", "memory", (json_int_t)1024 << 20, "cpu", "topology", "sockets", 2,
	              "cores", 1, "threads", 1),
	    ask_id(s, KIND_VM, "vm1"), NULL, NULL);
	let_it_end(s);
}

static void crash_vm(struct sim *s)
{
	sim_vm_crash(s, ask_id(s, KIND_VM, "vm1"));
	sim_run(s, 3 * SIM_MINUTE);
}

/* Its host is gone for a while; nobody may start it elsewhere meanwhile. */
static void cut_host_of_vm(struct sim *s)
{
	struct sim_host *h = sim_vm_where(s, ask_id(s, KIND_VM, "vm1"));

	if (h)
		sim_host_cut_power(h, 5 * SIM_MINUTE);
	sim_run(s, 15 * SIM_MINUTE);
}

static void plug_disk(struct sim *s)
{
	json_t *body = json_pack("{s:s,s:b,s:b,s:{s:s}}", "interface", "virtio", "bootable", 0, "active", 1, "disk",
	                         "id", ask_id(s, KIND_DISK, "disk1"));

	may(s, "disk_attachments.add", body, ask_id(s, KIND_VM, "vm1"), NULL, NULL);
	may(s, "disk_attachment.update", json_pack("{s:b}", "active", 0), ask_id(s, KIND_VM, "vm1"),
	    ask_id(s, KIND_DISK, "disk1"), NULL);
	may(s, "disk_attachment.remove", NULL, ask_id(s, KIND_VM, "vm1"), ask_id(s, KIND_DISK, "disk1"), NULL);
	let_it_end(s);
}

static void host_maintenance(struct sim *s)
{
	may(s, "host.deactivate", NULL, ask_id(s, KIND_HOST, "host0"), NULL, NULL);
	sim_run(s, SIM_MINUTE);
	may(s, "host.activate", NULL, ask_id(s, KIND_HOST, "host0"), NULL, NULL);
	sim_run(s, SIM_MINUTE);
}

static void reinstall_host(struct sim *s)
{
	may(s, "host.deactivate", NULL, ask_id(s, KIND_HOST, "host0"), NULL, NULL);
	sim_run(s, SIM_MINUTE);
	may(s, "host.install", json_pack("{s:s}", "root_password", "code"), ask_id(s, KIND_HOST, "host0"), NULL, NULL);
	let_it_end(s);
}

/* ---- templates, clones, snapshots ---- */

/* What the VM's disk has for its guest; 0: it cannot be told. */
static uint64_t disk_data(struct sim *s, const char *alias)
{
	const struct m_disk *d = INV_GET(s->core->inv, DISK, disk, sim_find_id(s, KIND_DISK, alias));
	struct sim_sd *sd =
	    d && d->storage_domains.n ? g_hash_table_lookup(s->storage->domains, d->storage_domains.v[0].id) : NULL;
	struct sim_volume *v = sd ? sim_volume_find(sd, d->id, d->volume_id ? d->volume_id : "") : NULL;

	return v ? sim_volume_read(sd, v) : 0;
}

/* Kept between prepare, act and check: one scenario is played at a time. */
static uint64_t data_then, data_before;

static bool is_vm_down(struct sim *s, void *arg)
{
	const struct m_vm *vm = s->core ? INV_GET(s->core->inv, VM, vm, sim_find_id(s, KIND_VM, arg)) : NULL;
	return vm && vm->status == M_VM_STATUS_DOWN;
}

static void stop_quietly(struct sim *s, const char *name)
{
	must(s, "vm.stop", NULL, sim_find_id(s, KIND_VM, name), NULL, NULL);
	wait_for(s, is_vm_down, name, "end of VM");
	wait_for(s, has_no_jobs, "", "rest");
}

/* A run of the guest writes. */
static void write_something(struct sim *s)
{
	start_vm(s, "vm1");
	stop_quietly(s, "vm1");
}

static const char *snapshot_id(struct sim *s, const char *name)
{
	sim_run_until(s, is_ready, NULL, SIM_MINUTE);
	if (!s->core)
		return "";
	INV_EACH (e, s->core->inv, KIND_SNAPSHOT)
		if (g_strcmp0(ENTITY_OBJ(e, snapshot)->description, name) == 0)
			return e->id;
	return "";
}

static void take_snapshot(struct sim *s, const char *name)
{
	must(s, "snapshots.add", json_pack("{s:s}", "description", name), sim_find_id(s, KIND_VM, "vm1"), NULL, NULL);
	wait_for(s, has_no_jobs, "", "rest");
}

static void prepare_written(struct sim *s)
{
	prepare_vm(s);
	write_something(s);
	if (sim_is_good(s))
		data_then = data_before = disk_data(s, "vm1_Disk1");
}

/* Two snapshots, something written before, between and after. */
static void prepare_snapshots(struct sim *s)
{
	prepare_written(s);
	take_snapshot(s, "one");
	write_something(s);
	take_snapshot(s, "two");
	write_something(s);
	if (sim_is_good(s))
		data_before = disk_data(s, "vm1_Disk1");
}

static json_t *snapshot_action(struct sim *s, const char *name)
{
	return json_pack("{s:{s:s}}", "snapshot", "id", snapshot_id(s, name));
}

static void prepare_preview(struct sim *s)
{
	prepare_snapshots(s);
	must(s, "vm.preview_snapshot", snapshot_action(s, "one"), sim_find_id(s, KIND_VM, "vm1"), NULL, NULL);
	wait_for(s, has_no_jobs, "", "rest");
}

static void prepare_template(struct sim *s)
{
	prepare_written(s);
	must(s, "templates.add",
	     json_pack("{s:s,s:{s:s}}", "name", "golden", "vm", "id", sim_find_id(s, KIND_VM, "vm1")), NULL, NULL,
	     NULL);
	wait_for(s, has_no_jobs, "", "rest");
}

static void prepare_stateless(struct sim *s)
{
	prepare_written(s);
	must(s, "vm.update", json_pack("{s:b}", "stateless", 1), sim_find_id(s, KIND_VM, "vm1"), NULL, NULL);
	wait_for(s, has_no_jobs, "", "rest");
}

static void add_snapshot(struct sim *s)
{
	may(s, "snapshots.add", json_pack("{s:s}", "description", "one"), ask_id(s, KIND_VM, "vm1"), NULL, NULL);
	let_it_end(s);
}

static void remove_snapshot(struct sim *s)
{
	may(s, "snapshot.remove", NULL, ask_id(s, KIND_VM, "vm1"), snapshot_id(s, "one"), NULL);
	let_it_end(s);
}

static void remove_last_snapshot(struct sim *s)
{
	may(s, "snapshot.remove", NULL, ask_id(s, KIND_VM, "vm1"), snapshot_id(s, "two"), NULL);
	let_it_end(s);
}

static void restore_snapshot(struct sim *s)
{
	may(s, "snapshot.restore", NULL, ask_id(s, KIND_VM, "vm1"), snapshot_id(s, "one"), NULL);
	let_it_end(s);
}

static void preview_snapshot(struct sim *s)
{
	may(s, "vm.preview_snapshot", snapshot_action(s, "one"), ask_id(s, KIND_VM, "vm1"), NULL, NULL);
	let_it_end(s);
}

static void undo_preview(struct sim *s)
{
	may(s, "vm.undo_snapshot", NULL, ask_id(s, KIND_VM, "vm1"), NULL, NULL);
	let_it_end(s);
}

static void commit_preview(struct sim *s)
{
	may(s, "vm.commit_snapshot", NULL, ask_id(s, KIND_VM, "vm1"), NULL, NULL);
	let_it_end(s);
}

static void add_template(struct sim *s)
{
	may(s, "templates.add", json_pack("{s:s,s:{s:s}}", "name", "golden", "vm", "id", ask_id(s, KIND_VM, "vm1")),
	    NULL, NULL, NULL);
	let_it_end(s);
}

static void remove_template(struct sim *s)
{
	may(s, "template.remove", NULL, ask_id(s, KIND_TEMPLATE, "golden"), NULL, NULL);
	let_it_end(s);
}

static void add_from_template(struct sim *s)
{
	may(s, "vms.add",
	    json_pack("{s:s,s:{s:s},s:{s:s}}", "name", "vm2", "cluster", "name", "local0", "template", "name",
	              "golden"),
	    NULL, NULL, NULL);
	let_it_end(s);
}

static void clone_vm(struct sim *s)
{
	may(s, "vm.clone", json_pack("{s:{s:s}}", "vm", "name", "vm2"), ask_id(s, KIND_VM, "vm1"), NULL, NULL);
	let_it_end(s);
}

static void copy_disk(struct sim *s)
{
	may(s, "disk.copy", json_pack("{s:{s:s},s:{s:s}}", "storage_domain", "name", "data", "disk", "alias", "copy1"),
	    ask_id(s, KIND_DISK, "vm1_Disk1"), NULL, NULL);
	let_it_end(s);
}

static void move_disk(struct sim *s)
{
	may(s, "disk.move", json_pack("{s:{s:s}}", "storage_domain", "name", "more"), ask_id(s, KIND_DISK, "disk1"),
	    NULL, NULL);
	let_it_end(s);
}

static void prepare_two_and_disk(struct sim *s)
{
	prepare_two_domains(s);
	sim_add_disk(s, "data", "disk1");
}

static void run_stateless(struct sim *s)
{
	run_vm(s);
	stop_vm(s);
	sim_run(s, SIM_MINUTE);
}

/* Whatever became of it: what was written before is there. */
static void check_kept(struct sim *s)
{
	uint64_t now = disk_data(s, "vm1_Disk1");

	if ((now & data_before) != data_before)
		sim_fail(s, "disk vm1_Disk1 has lost what was written: %llx of %llx", (unsigned long long)now,
		         (unsigned long long)data_before);
}

/* It is as before, or as it was then. */
static void check_back(struct sim *s)
{
	uint64_t now = disk_data(s, "vm1_Disk1");

	if (now != data_before && now != data_then)
		sim_fail(s, "disk vm1_Disk1 is neither as it was nor as it was then: %llx", (unsigned long long)now);
}

/* Copies have all that the source had. */
static void check_copy(struct sim *s)
{
	check_kept(s);
	INV_EACH (e, s->core->inv, KIND_DISK) {
		const struct m_disk *d = e->pub;
		struct sim_sd *sd = g_hash_table_lookup(s->storage->domains, d->storage_domains.v[0].id);
		struct sim_volume *v = sd ? sim_volume_find(sd, d->id, d->volume_id) : NULL;

		if (d->status == M_DISK_STATUS_OK && v && (sim_volume_read(sd, v) & data_then) != data_then)
			sim_fail(s, "disk %s has lost what was written", d->alias);
	}
}

/* Nothing of the run stays. */
static void check_gone(struct sim *s)
{
	const struct m_vm *vm = INV_GET(s->core->inv, VM, vm, sim_find_id(s, KIND_VM, "vm1"));
	uint64_t now = disk_data(s, "vm1_Disk1");

	if (vm->status == M_VM_STATUS_DOWN && now != data_then)
		sim_fail(s, "a stateless run left something: %llx, not %llx", (unsigned long long)now,
		         (unsigned long long)data_then);
}

const struct scenario SCENARIOS[] = {
	{ "add-host", 1, prepare_nothing, add_local_host },
	{ "reinstall-host", 1, prepare_host, reinstall_host },
	{ "host-maintenance", 1, prepare_disk, host_maintenance },
	{ "add-domain", 1, prepare_host, add_domain },
	{ "attach-first-domain", 1, prepare_unattached, attach_domain },
	{ "attach-second-domain", 1, prepare_domain, attach_second },
	{ "deactivate-domain", 1, prepare_two_domains, deactivate_domain },
	{ "deactivate-last-domain", 1, prepare_domain, deactivate_last },
	{ "activate-domain", 1, prepare_maintenance, activate_domain },
	{ "detach-domain", 1, prepare_maintenance, detach_domain },
	{ "detach-last-domain", 1, prepare_domain, detach_last },
	{ "remove-domain", 1, prepare_detached, remove_domain },
	{ "add-disk", 1, prepare_domain, add_disk },
	{ "extend-disk", 1, prepare_disk, extend_disk },
	{ "remove-disk", 1, prepare_disk, remove_disk },
	{ "add-vm-with-disk", 1, prepare_domain, add_vm_with_disk },
	{ "run-vm", 1, prepare_vm, run_vm },
	{ "run-vm-on-one-of-two", 2, prepare_choice, run_vm_twice },
	{ "stop-vm", 1, prepare_running_vm, stop_vm },
	{ "stop-vm-of-two-hosts", 2, prepare_choice_running, stop_vm },
	{ "shutdown-vm", 1, prepare_running_vm, shutdown_vm },
	{ "reboot-vm", 1, prepare_running_vm, reboot_vm },
	{ "reset-vm", 1, prepare_running_vm, reset_vm },
	{ "resume-vm", 1, prepare_paused, resume_vm },
	{ "run-once", 1, prepare_vm, run_once },
	{ "volatile-reboot", 1, prepare_volatile, reboot_vm },
	{ "next-run-reboot", 1, prepare_running_vm, change_and_reboot },
	{ "plug-memory-and-cpus", 1, prepare_running_vm, plug_memory_and_cpus },
	{ "suspend-vm", 1, prepare_running_vm, suspend_vm },
	{ "resume-suspended-vm", 1, prepare_suspended, suspend_twice },
	{ "stop-suspended-vm", 1, prepare_suspended, stop_vm },
	{ "crash-of-available-vm", 2, prepare_available, crash_vm },
	{ "host-of-available-vm-dies", 2, prepare_available, cut_host_of_vm },
	{ "plug-disk", 1, prepare_running_and_disk, plug_disk },
	{ "remove-vm", 1, prepare_vm, remove_vm },
	{ "add-template", 1, prepare_written, add_template, check_copy },
	{ "remove-template", 1, prepare_template, remove_template, check_kept },
	{ "add-vm-from-template", 1, prepare_template, add_from_template, check_copy },
	{ "clone-vm", 1, prepare_written, clone_vm, check_copy },
	{ "copy-disk", 1, prepare_written, copy_disk, check_copy },
	{ "move-disk", 1, prepare_two_and_disk, move_disk },
	{ "add-snapshot", 1, prepare_written, add_snapshot, check_kept },
	{ "add-snapshot-of-running-vm", 1, prepare_running_vm, add_snapshot },
	{ "remove-snapshot", 1, prepare_snapshots, remove_snapshot, check_kept },
	{ "remove-last-snapshot", 1, prepare_snapshots, remove_last_snapshot, check_kept },
	{ "restore-snapshot", 1, prepare_snapshots, restore_snapshot, check_back },
	{ "preview-snapshot", 1, prepare_snapshots, preview_snapshot, check_back },
	{ "undo-preview", 1, prepare_preview, undo_preview, check_back },
	{ "commit-preview", 1, prepare_preview, commit_preview, check_back },
	{ "run-stateless", 1, prepare_stateless, run_stateless, check_gone },
	{ NULL, 0, NULL, NULL, NULL },
};

int scenario_play(struct sim *s, const struct scenario *sc)
{
	sc->prepare(s);
	if (!sim_is_good(s))
		return -1;
	s->is_counting = true;
	sc->act(s);
	s->is_counting = false;
	if (sim_is_good(s))
		sim_settle(s);
	if (sim_is_good(s) && sc->check)
		sc->check(s);
	return sim_is_good(s) ? 0 : -1;
}
