/* SPDX-License-Identifier: Apache-2.0 */
/* A machine's statistics as the protocol wants them: many numbers are texts. */
#include <glib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/vms/sample.h"
#include "agent/vms/tune.h"
#include "agent/vms/virt.h"
#include "agent/vms/vms.h"

enum { STALE_MS = 60000 };

static void put_u(json_t *j, const char *key, uint64_t v)
{
	char text[24];

	g_snprintf(text, sizeof(text), "%" G_GUINT64_FORMAT, v);
	json_object_set_new(j, key, json_string(text));
}

static void put_f(json_t *j, const char *key, double v)
{
	char text[40];

	g_snprintf(text, sizeof(text), "%.2f", v);
	json_object_set_new(j, key, json_string(text));
}

static void put_s(json_t *j, const char *key, const char *v) { json_object_set_new(j, key, json_string(v ? v : "")); }

static uint64_t less(uint64_t now, uint64_t before) { return now > before ? now - before : 0; }

/* --- parts ------------------------------------------------------------------ */

static const struct sample_net *net_of(const struct vm_sample *s, const char *name)
{
	for (unsigned i = 0; s && name && i < s->n_nets; i++)
		if (strcmp(s->nets[i].name, name) == 0)
			return &s->nets[i];
	return NULL;
}

static const struct sample_disk *disk_of(const struct vm_monitored *s, const char *name)
{
	for (unsigned i = 0; s && i < s->n_disks; i++)
		if (strcmp(s->disks[i].name, name) == 0)
			return &s->disks[i];
	return NULL;
}

static json_t *nic_json(const struct vm *vm, const struct domain_nic *nic)
{
	const struct sample_net *s = net_of(vm->samples.now, nic->target);
	static const struct sample_net NOTHING;
	json_t *j = json_object();

	if (!s)
		s = &NOTHING;
	put_s(j, "macAddr", nic->mac);
	put_s(j, "name", nic->target);
	put_s(j, "state", nic->is_link_down ? "down" : "up");
	put_s(j, "speed", nic->model && strcmp(nic->model, "rtl8139") == 0 ? "100" : "1000");
	put_u(j, "rx", s->rx_bytes);
	put_u(j, "tx", s->tx_bytes);
	put_u(j, "rxErrors", s->rx_errors);
	put_u(j, "txErrors", s->tx_errors);
	put_u(j, "rxDropped", s->rx_drops);
	put_u(j, "txDropped", s->tx_drops);
	json_object_set_new(j, "sampleTime", json_real(vm->samples.now ? vm->samples.now->wall_s : 0));
	return j;
}

static uint64_t latency(uint64_t ns, uint64_t ops) { return ops ? ns / ops : 0; }

static json_t *disk_json(const struct vm *vm, const struct domain_disk *d)
{
	const struct vm_monitored *m = vm->samples.monitored, *m_before = vm->samples.monitored_before;
	const struct sample_disk *now = disk_of(m, d->name), *before = disk_of(m_before, d->name);
	static const struct sample_disk NOTHING;
	double seconds = m && m_before ? (double)(m->at_ms - m_before->at_ms) / 1000 : 0;
	json_t *j = json_object();

	if (!now)
		now = &NOTHING;
	if (!before) {
		before = now;
		seconds = 0;
	}
	if (d->image_id)
		put_s(j, "imageID", d->image_id);
	else if (d->guid)
		put_s(j, "lunGUID", d->guid);
	put_u(j, "truesize", now->allocation);
	put_u(j, "apparentsize", now->physical ? now->physical : now->capacity);
	put_u(j, "readOps", now->reads);
	put_u(j, "writeOps", now->writes);
	put_u(j, "readBytes", now->read_bytes);
	put_u(j, "writtenBytes", now->write_bytes);
	put_u(j, "readRate", seconds > 0 ? (uint64_t)((double)less(now->read_bytes, before->read_bytes) / seconds) : 0);
	put_u(j, "writeRate",
	      seconds > 0 ? (uint64_t)((double)less(now->write_bytes, before->write_bytes) / seconds) : 0);
	put_u(j, "readLatency", latency(less(now->read_ns, before->read_ns), less(now->reads, before->reads)));
	put_u(j, "writeLatency", latency(less(now->write_ns, before->write_ns), less(now->writes, before->writes)));
	put_u(j, "flushLatency", latency(less(now->flush_ns, before->flush_ns), less(now->flushes, before->flushes)));
	return j;
}

static void put_devices(json_t *j, const struct vm *vm)
{
	json_t *nics = json_object(), *disks = json_object();

	for (int i = 0; i < vm->domain->n_nics; i++) {
		const struct domain_nic *nic = &vm->domain->nics[i];

		json_object_set_new(nics, nic->target ? nic->target : nic->mac, nic_json(vm, nic));
	}
	for (int i = 0; i < vm->domain->n_disks; i++)
		if (vm->domain->disks[i].name[0])
			json_object_set_new(disks, vm->domain->disks[i].name, disk_json(vm, &vm->domain->disks[i]));
	json_object_set_new(j, "network", nics);
	json_object_set_new(j, "disks", disks);
}

static void put_cpu(json_t *j, const struct vm *vm)
{
	const struct vm_sample *now = vm->samples.now, *before = vm->samples.before;
	const double ns = now && before ? (double)(now->at_ms - before->at_ms) * 1e6 : 0;
	double system = 0, user = 0;

	if (ns > 0) {
		system = (double)less(now->system_ns, before->system_ns) / ns * 100;
		user = (double)less(now->cpu_ns, before->cpu_ns) / ns * 100 - system;
	}
	put_f(j, "cpuSys", system);
	put_f(j, "cpuUser", MAX(user, 0));
	put_u(j, "cpuUsage", now ? now->cpu_ns : 0);
	json_object_set_new(j, "cpuActual", json_boolean(ns > 0));
	put_u(j, "vcpuCount", (uint64_t)vm->domain->vcpus);
	tune_add_stats(vm, j);
}

static void put_memory(json_t *j, const struct vm *vm)
{
	const struct vm_monitored *s = vm->samples.monitored;
	const struct domain *d = vm->domain;
	const int64_t guaranteed = domain_meta_int(d, "minGuaranteedMemoryMb", 0) * 1024;
	const uint64_t current = s && s->balloon_cur ? s->balloon_cur : (uint64_t)d->current_kib;
	json_t *balloon = json_object(), *memory;

	put_u(balloon, "balloon_cur", current);
	put_u(balloon, "balloon_max", s && s->balloon_max ? s->balloon_max : (uint64_t)d->mem_kib);
	put_u(balloon, "balloon_min", (uint64_t)(guaranteed > 0 ? guaranteed : d->mem_kib));
	put_u(balloon, "balloon_target", (uint64_t)(vm->balloon_target_kib ? vm->balloon_target_kib : d->current_kib));
	json_object_set_new(balloon, "ballooning_enabled",
	                    json_boolean(domain_meta_bool(d, "ballooningEnabled", true)));
	json_object_set_new(j, "balloonInfo", balloon);
	if (!s || !s->has_guest_memory || s->mem_available == 0) {
		put_s(j, "memUsage", "0");
		return;
	}
	memory = json_object();
	put_u(memory, "mem_total", s->mem_available);
	put_u(memory, "mem_unused", s->mem_unused);
	put_u(memory, "mem_free", s->mem_usable ? s->mem_usable : s->mem_unused);
	json_object_set_new(memory, "swap_in", json_integer((json_int_t)s->swap_in));
	json_object_set_new(memory, "swap_out", json_integer((json_int_t)s->swap_out));
	json_object_set_new(memory, "majflt", json_integer((json_int_t)s->major_faults));
	json_object_set_new(memory, "minflt", json_integer((json_int_t)s->minor_faults));
	json_object_set_new(memory, "pageflt", json_integer((json_int_t)(s->major_faults + s->minor_faults)));
	json_object_set_new(j, "memoryStats", memory);
	put_u(j, "memUsage",
	      100 - MIN(s->mem_usable ? s->mem_usable : s->mem_unused, s->mem_available) * 100 / s->mem_available);
}

static void put_displays(json_t *j, const struct vm *vm)
{
	const struct domain_graphics *g = vm->domain->n_graphics ? &vm->domain->graphics[0] : NULL;

	json_object_set_new(j, "displayInfo", vm_display_info(vm));
	put_s(j, "displayIp", g && g->listen ? g->listen : "0");
	put_s(j, "clientIp", vm->client_ip);
	if (!g)
		return;
	put_s(j, "displayType", strcmp(g->type, "spice") == 0 ? "qxl" : "vnc");
	json_object_set_new(j, "displayPort", json_sprintf("%d", g->port));
	json_object_set_new(j, "displaySecurePort", json_sprintf("%d", g->tls_port));
}

static void put_guest(json_t *j, const struct vm *vm)
{
	static const char *const TEXTS[] = { "guestIPs", "guestFQDN", "username" };

	for (size_t i = 0; i < G_N_ELEMENTS(TEXTS); i++)
		put_s(j, TEXTS[i], "");
	put_s(j, "session", "Unknown");
	json_object_set_new(j, "appsList", json_array());
	json_object_set_new(j, "guestCPUCount", json_integer(-1));
	json_object_update(j, vm->guest);
}

json_t *vm_stats_json(const struct vm *vm)
{
	struct agent *a = vm->agent;
	json_t *j = json_object();
	int64_t age;

	put_s(j, "vmId", vm->id);
	put_s(j, "status", vm_status_name(vm->status));
	put_u(j, "statusTime", (uint64_t)agent_event_time_ms());
	put_s(j, "timeOffset", vm->time_offset);
	if (vm->status == VM_DOWN) {
		json_object_set_new(j, "exitCode", json_integer(vm->is_failed));
		json_object_set_new(j, "exitReason", json_integer(vm->exit));
		put_s(j, "exitMessage", vm->exit_message);
		return j;
	}
	age = vm->samples.monitored ? loop_now_ms(a->loop) - vm->samples.monitored->at_ms : 0;
	put_s(j, "monitorResponse", virt_is_connected(a) && age < STALE_MS ? "0" : "-1");
	put_s(j, "vmName", vm->domain->name);
	put_s(j, "vmType", "kvm");
	put_s(j, "kvmEnable", vm->domain->type && strcmp(vm->domain->type, "kvm") == 0 ? "true" : "false");
	put_s(j, "acpiEnable", "true");
	put_s(j, "pid", "0");
	put_u(j, "elapsedTime",
	      vm->started_wall_ms ? (uint64_t)MAX(0, (loop_wall_ms(a->loop) - vm->started_wall_ms) / 1000) : 0);
	put_s(j, "pauseCode", vm->pause_code);
	json_object_set_new(j, "hash", json_sprintf("%d", vm->domain->hash));
	put_cpu(j, vm);
	put_memory(j, vm);
	put_devices(j, vm);
	put_displays(j, vm);
	put_guest(j, vm);
	if (vm->watchdog)
		json_object_set(j, "watchdogEvent", vm->watchdog);
	return j;
}
