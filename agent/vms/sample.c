/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/vms/sample.h"

#include <glib.h>
#include <libvirt/libvirt.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/vms/virt.h"
#include "agent/vms/vms.h"
#include "base/log.h"

enum {
	PERIOD_MS = 15000,
	MAX_DEVICES = 4096,
	/* A machine whose monitor hangs holds up the call that came to it first; later calls leave it out. */
	MAX_UNDER_WAY = 4,
};

static struct waiter soon; /* of the one sampling fiber */
static int n_under_way;

void vm_sample_free(struct vm_sample *s)
{
	if (!s)
		return;
	g_free(s->nets);
	g_free(s->disks);
	g_free(s);
}

/* --- from libvirt's parameters ------------------------------------------------ */

struct field {
	const char *name;
	size_t offset;
};

static const struct field TOP[] = {
	{ "cpu.time", offsetof(struct vm_sample, cpu_ns) },
	{ "cpu.system", offsetof(struct vm_sample, system_ns) },
	{ "balloon.current", offsetof(struct vm_sample, balloon_cur) },
	{ "balloon.maximum", offsetof(struct vm_sample, balloon_max) },
	{ "balloon.available", offsetof(struct vm_sample, mem_available) },
	{ "balloon.unused", offsetof(struct vm_sample, mem_unused) },
	{ "balloon.usable", offsetof(struct vm_sample, mem_usable) },
	{ "balloon.swap_in", offsetof(struct vm_sample, swap_in) },
	{ "balloon.swap_out", offsetof(struct vm_sample, swap_out) },
	{ "balloon.major_fault", offsetof(struct vm_sample, major_faults) },
	{ "balloon.minor_fault", offsetof(struct vm_sample, minor_faults) },
	{ "balloon.rss", offsetof(struct vm_sample, rss) },
};

static const struct field NET[] = {
	{ "rx.bytes", offsetof(struct sample_net, rx_bytes) }, { "rx.errs", offsetof(struct sample_net, rx_errors) },
	{ "rx.drop", offsetof(struct sample_net, rx_drops) },  { "tx.bytes", offsetof(struct sample_net, tx_bytes) },
	{ "tx.errs", offsetof(struct sample_net, tx_errors) }, { "tx.drop", offsetof(struct sample_net, tx_drops) },
};

static const struct field DISK[] = {
	{ "rd.reqs", offsetof(struct sample_disk, reads) },
	{ "rd.bytes", offsetof(struct sample_disk, read_bytes) },
	{ "rd.times", offsetof(struct sample_disk, read_ns) },
	{ "wr.reqs", offsetof(struct sample_disk, writes) },
	{ "wr.bytes", offsetof(struct sample_disk, write_bytes) },
	{ "wr.times", offsetof(struct sample_disk, write_ns) },
	{ "fl.reqs", offsetof(struct sample_disk, flushes) },
	{ "fl.times", offsetof(struct sample_disk, flush_ns) },
	{ "allocation", offsetof(struct sample_disk, allocation) },
	{ "capacity", offsetof(struct sample_disk, capacity) },
	{ "physical", offsetof(struct sample_disk, physical) },
};

static uint64_t number(const virTypedParameter *p)
{
	switch (p->type) {
	case VIR_TYPED_PARAM_INT: return p->value.i < 0 ? 0 : (uint64_t)p->value.i;
	case VIR_TYPED_PARAM_UINT: return p->value.ui;
	case VIR_TYPED_PARAM_LLONG: return p->value.l < 0 ? 0 : (uint64_t)p->value.l;
	case VIR_TYPED_PARAM_ULLONG: return p->value.ul;
	default: return 0;
	}
}

static bool store(void *obj, const struct field *fields, size_t n, const char *name, const virTypedParameter *p)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(fields[i].name, name) == 0) {
			*(uint64_t *)((char *)obj + fields[i].offset) = number(p);
			return true;
		}
	return false;
}

/* "net.3.rx.bytes": index 3, rest "rx.bytes"; for the name of the device itself rest is "name". */
static bool split(const char *field, const char *prefix, unsigned limit, unsigned *index, const char **rest)
{
	char *end;
	unsigned long v;

	if (!g_str_has_prefix(field, prefix) || !g_ascii_isdigit(field[strlen(prefix)]))
		return false;
	v = strtoul(field + strlen(prefix), &end, 10);
	if (*end != '.' || v >= limit)
		return false;
	*index = (unsigned)v;
	*rest = end + 1;
	return true;
}

static void take_param(struct vm_sample *s, const virTypedParameter *p)
{
	const char *rest;
	unsigned i;

	if (store(s, TOP, G_N_ELEMENTS(TOP), p->field, p)) {
		s->is_complete = s->is_complete || strcmp(p->field, "balloon.rss") == 0;
		s->has_guest_memory = s->has_guest_memory || strcmp(p->field, "balloon.unused") == 0;
	} else if (strcmp(p->field, "vcpu.current") == 0) {
		s->n_vcpus = (unsigned)number(p);
	} else if (split(p->field, "net.", s->n_nets, &i, &rest)) {
		if (strcmp(rest, "name") == 0 && p->type == VIR_TYPED_PARAM_STRING)
			g_strlcpy(s->nets[i].name, p->value.s, sizeof(s->nets[i].name));
		else
			store(&s->nets[i], NET, G_N_ELEMENTS(NET), rest, p);
	} else if (split(p->field, "block.", s->n_disks, &i, &rest)) {
		if (strcmp(rest, "name") == 0 && p->type == VIR_TYPED_PARAM_STRING)
			g_strlcpy(s->disks[i].name, p->value.s, sizeof(s->disks[i].name));
		else
			store(&s->disks[i], DISK, G_N_ELEMENTS(DISK), rest, p);
	}
}

static struct vm_sample *sample_of(const virDomainStatsRecord *r)
{
	struct vm_sample *s = g_new0(struct vm_sample, 1);

	for (int i = 0; i < r->nparams; i++) {
		if (strcmp(r->params[i].field, "net.count") == 0)
			s->n_nets = (unsigned)MIN(number(&r->params[i]), MAX_DEVICES);
		if (strcmp(r->params[i].field, "block.count") == 0)
			s->n_disks = (unsigned)MIN(number(&r->params[i]), MAX_DEVICES);
	}
	s->nets = g_new0(struct sample_net, s->n_nets + 1);
	s->disks = g_new0(struct sample_disk, s->n_disks + 1);
	for (int i = 0; i < r->nparams; i++)
		take_param(s, &r->params[i]);
	return s;
}

struct bulk {
	int n;
	struct {
		uuid_text id;
		struct vm_sample *sample;
	} * vms;
};

static int bulk_work(virConnectPtr conn, void *arg, struct err *e)
{
	const unsigned what = VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_CPU_TOTAL | VIR_DOMAIN_STATS_BALLOON |
	                      VIR_DOMAIN_STATS_VCPU | VIR_DOMAIN_STATS_INTERFACE | VIR_DOMAIN_STATS_BLOCK;
	const unsigned flags = VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE | VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT;
	virDomainStatsRecordPtr *records = NULL;
	struct bulk *b = arg;
	const int n = virConnectGetAllDomainStats(conn, what, &records, flags);

	if (n < 0)
		return virt_err(e, "read statistics");
	b->vms = g_malloc0(sizeof(b->vms[0]) * (size_t)(n + 1));
	for (int i = 0; i < n; i++) {
		if (virDomainGetUUIDString(records[i]->dom, b->vms[b->n].id) < 0)
			continue;
		b->vms[b->n++].sample = sample_of(records[i]);
	}
	virDomainStatsRecordListFree(records);
	return 0;
}

/* --- the fiber -------------------------------------------------------------------- */

static void take_sample(struct vm *vm, struct vm_sample *s, int64_t began_ms)
{
	/* a busy monitor: keep what is known, it grows old; or a call that hung and was overtaken */
	if (vm->sample && (!s->is_complete || vm->sample->at_ms > began_ms)) {
		vm_sample_free(s);
		return;
	}
	if (vm->sample && vm->sample->cpu_ns > s->cpu_ns) { /* it has been started again */
		vm_sample_free(vm->sample);
		vm->sample = NULL;
	}
	vm_sample_free(vm->before);
	vm->before = vm->sample;
	vm->sample = s;
}

static void sample_all(void *arg)
{
	struct agent *a = arg;
	const int64_t began_ms = loop_now_ms(a->loop);
	struct bulk b = { .n = 0 };
	struct err e = ERR_INIT;
	char machines[16], took[24];

	if (virt_run(a, VIRT_STATS, bulk_work, &b, &e) < 0)
		log_debug("no statistics", "ERROR", e.detail);
	g_snprintf(machines, sizeof(machines), "%d", b.n);
	g_snprintf(took, sizeof(took), "%" G_GINT64_FORMAT, loop_now_ms(a->loop) - began_ms);
	log_debug("statistics read", "MACHINES", machines, "MS", took);
	for (int i = 0; i < b.n; i++) {
		struct vm *vm = vms_find(a, b.vms[i].id);
		struct vm_sample *s = b.vms[i].sample;

		s->at_ms = loop_now_ms(a->loop);
		s->wall_s = (double)loop_wall_ms(a->loop) / 1000;
		if (vm)
			take_sample(vm, s, began_ms);
		else
			vm_sample_free(s);
	}
	g_free(b.vms);
	n_under_way--;
}

static void sample_fiber(void *arg)
{
	struct agent *a = arg;

	while (!a->is_stopping) {
		if (virt_is_connected(a) && n_under_way < MAX_UNDER_WAY) {
			n_under_way++;
			fiber_start(a->loop, "sample", sample_all, a);
		}
		if (waiter_wait(&soon, PERIOD_MS))
			fiber_sleep(300); /* several may start together; and rates need some distance */
	}
}

void sample_init(struct agent *a) { fiber_start(a->loop, "vm statistics", sample_fiber, a); }

void sample_soon(struct agent *a) { waiter_wake(&soon); }
