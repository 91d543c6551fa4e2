/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/vms/sample.h"

#include <glib.h>
#include <libvirt/libvirt.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/vms/process.h"
#include "agent/vms/virt.h"
#include "agent/vms/vms.h"
#include "base/log.h"

enum {
	PERIOD_MS = 15000,
	TURN_MS = 1000,
	SECOND_TURN_MS = 2000, /* rates need two */
	TURNS = 10,            /* by then all that are due have had theirs */
	AT_ONCE = 8,           /* machines whose monitors one call asks */
	MAX_DEVICES = 4096,
	/* A machine whose monitor hangs holds up the call that came to it first; later calls leave it out. One worker stays free
	 * for what asks no monitor. */
	MAX_UNDER_WAY = 3,
};

static const char PID_DIR[] = "/run/libvirt/qemu";

static struct waiter soon; /* of the one sampling fiber */
static int n_under_way;
static bool is_round; /* a round is under way */

static void sample_free(struct vm_sample *s)
{
	if (s)
		g_free(s->nets);
	g_free(s);
}

static void monitored_free(struct vm_monitored *m)
{
	if (m)
		g_free(m->disks);
	g_free(m);
}

void vm_samples_clear(struct vm_samples *s)
{
	sample_free(s->now);
	sample_free(s->before);
	monitored_free(s->monitored);
	monitored_free(s->monitored_before);
	*s = (struct vm_samples){ 0 };
}

/* --- from libvirt's parameters ------------------------------------------------ */

struct field {
	const char *name;
	size_t offset;
};

static const struct field CPU[] = {
	{ "cpu.time", offsetof(struct vm_sample, cpu_ns) },
	{ "cpu.system", offsetof(struct vm_sample, system_ns) },
};

static const struct field MEMORY[] = {
	{ "balloon.current", offsetof(struct vm_monitored, balloon_cur) },
	{ "balloon.maximum", offsetof(struct vm_monitored, balloon_max) },
	{ "balloon.available", offsetof(struct vm_monitored, mem_available) },
	{ "balloon.unused", offsetof(struct vm_monitored, mem_unused) },
	{ "balloon.usable", offsetof(struct vm_monitored, mem_usable) },
	{ "balloon.swap_in", offsetof(struct vm_monitored, swap_in) },
	{ "balloon.swap_out", offsetof(struct vm_monitored, swap_out) },
	{ "balloon.major_fault", offsetof(struct vm_monitored, major_faults) },
	{ "balloon.minor_fault", offsetof(struct vm_monitored, minor_faults) },
	{ "balloon.rss", offsetof(struct vm_monitored, rss) },
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

static void take_cheap(struct vm_sample *s, const virTypedParameter *p)
{
	const char *rest;
	unsigned i;

	if (store(s, CPU, G_N_ELEMENTS(CPU), p->field, p) || !split(p->field, "net.", s->n_nets, &i, &rest))
		return;
	if (strcmp(rest, "name") == 0 && p->type == VIR_TYPED_PARAM_STRING)
		g_strlcpy(s->nets[i].name, p->value.s, sizeof(s->nets[i].name));
	else
		store(&s->nets[i], NET, G_N_ELEMENTS(NET), rest, p);
}

static void take_monitored(struct vm_monitored *m, const virTypedParameter *p)
{
	const char *rest;
	unsigned i;

	if (store(m, MEMORY, G_N_ELEMENTS(MEMORY), p->field, p)) {
		m->is_complete = m->is_complete || strcmp(p->field, "balloon.rss") == 0;
		m->has_guest_memory = m->has_guest_memory || strcmp(p->field, "balloon.unused") == 0;
	} else if (split(p->field, "block.", m->n_disks, &i, &rest)) {
		if (strcmp(rest, "name") == 0 && p->type == VIR_TYPED_PARAM_STRING)
			g_strlcpy(m->disks[i].name, p->value.s, sizeof(m->disks[i].name));
		else
			store(&m->disks[i], DISK, G_N_ELEMENTS(DISK), rest, p);
	}
}

static unsigned count_of(const virDomainStatsRecord *r, const char *field)
{
	for (int i = 0; i < r->nparams; i++)
		if (strcmp(r->params[i].field, field) == 0)
			return (unsigned)MIN(number(&r->params[i]), MAX_DEVICES);
	return 0;
}

static struct vm_sample *sample_of(const virDomainStatsRecord *r)
{
	struct vm_sample *s = g_new0(struct vm_sample, 1);

	s->n_nets = count_of(r, "net.count");
	s->nets = g_new0(struct sample_net, s->n_nets + 1);
	for (int i = 0; i < r->nparams; i++)
		take_cheap(s, &r->params[i]);
	return s;
}

static struct vm_monitored *monitored_of(const virDomainStatsRecord *r)
{
	struct vm_monitored *m = g_new0(struct vm_monitored, 1);

	m->n_disks = count_of(r, "block.count");
	m->disks = g_new0(struct sample_disk, m->n_disks + 1);
	for (int i = 0; i < r->nparams; i++)
		take_monitored(m, &r->params[i]);
	return m;
}

static void tell_took(const char *what, int n, int64_t took_ms)
{
	char machines[16], took[24];

	g_snprintf(machines, sizeof(machines), "%d", n);
	g_snprintf(took, sizeof(took), "%" G_GINT64_FORMAT, took_ms);
	log_debug(what, "MACHINES", machines, "MS", took);
}

/* --- all machines, what costs little --------------------------------------------------- */

struct round {
	int n;
	struct {
		uuid_text id;
		struct vm_sample *sample;
	} * vms;
};

static int read_round(virConnectPtr conn, unsigned what, virDomainStatsRecordPtr **records, struct err *e)
{
	const unsigned flags = VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE | VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT;
	const int n = virConnectGetAllDomainStats(conn, what, records, flags);

	return n < 0 ? virt_err(e, "read statistics") : n;
}

/* Processor times of all. False: libvirt must be asked for them. */
static bool read_processes(struct round *r, virDomainStatsRecordPtr *records)
{
	for (int i = 0; i < r->n; i++) {
		struct process_times t;

		if (!process_times_of(PID_DIR, virDomainGetName(records[i]->dom), r->vms[i].id, &t))
			return false;
		r->vms[i].sample->cpu_ns = t.cpu_ns;
		r->vms[i].sample->system_ns = t.system_ns;
	}
	return true;
}

static void take_records(struct round *r, virDomainStatsRecordPtr *records, int n)
{
	for (int i = 0; i < r->n; i++)
		sample_free(r->vms[i].sample);
	g_free(r->vms);
	r->vms = g_malloc0(sizeof(r->vms[0]) * (size_t)(n + 1));
	r->n = n;
	for (int i = 0; i < n; i++) {
		virDomainGetUUIDString(records[i]->dom, r->vms[i].id);
		r->vms[i].sample = sample_of(records[i]);
	}
}

static int round_work(virConnectPtr conn, void *arg, struct err *e)
{
	virDomainStatsRecordPtr *records = NULL;
	struct round *r = arg;
	int n = read_round(conn, VIR_DOMAIN_STATS_INTERFACE, &records, e);

	if (n < 0)
		return -1;
	take_records(r, records, n);
	if (!read_processes(r, records)) {
		virDomainStatsRecordListFree(records);
		records = NULL;
		n = read_round(conn, VIR_DOMAIN_STATS_INTERFACE | VIR_DOMAIN_STATS_CPU_TOTAL, &records, e);
		if (n < 0)
			return -1;
		take_records(r, records, n);
	}
	virDomainStatsRecordListFree(records);
	return 0;
}

static void take_sample(struct vm_samples *of, struct vm_sample *s)
{
	if (of->now && of->now->cpu_ns > s->cpu_ns) /* it has been started again */
		vm_samples_clear(of);
	sample_free(of->before);
	of->before = of->now;
	of->now = s;
}

static void round_fiber(void *arg)
{
	struct agent *a = arg;
	const int64_t began_ms = loop_now_ms(a->loop);
	struct round r = { .n = 0 };
	struct err e = ERR_INIT;

	if (virt_run(a, VIRT_STATS, round_work, &r, &e) < 0)
		log_debug("no statistics", "ERROR", e.detail);
	else
		tell_took("statistics read", r.n, loop_now_ms(a->loop) - began_ms);
	for (int i = 0; i < r.n; i++) {
		struct vm *vm = vms_find(a, r.vms[i].id);
		struct vm_sample *s = r.vms[i].sample;

		s->at_ms = loop_now_ms(a->loop);
		s->wall_s = (double)loop_wall_ms(a->loop) / 1000;
		if (vm)
			take_sample(&vm->samples, s);
		else
			sample_free(s);
	}
	g_free(r.vms);
	is_round = false;
}

/* --- a few machines, what their monitors know ------------------------------------------------ */

struct turn {
	struct agent *agent;
	int n;
	uuid_text ids[AT_ONCE];
	struct vm_monitored *monitored[AT_ONCE];
};

static void take_answer(struct turn *t, const virDomainStatsRecord *r)
{
	uuid_text id;

	if (virDomainGetUUIDString(r->dom, id) < 0)
		return;
	for (int i = 0; i < t->n; i++)
		if (!t->monitored[i] && strcmp(t->ids[i], id) == 0)
			t->monitored[i] = monitored_of(r);
}

static int turn_work(virConnectPtr conn, void *arg, struct err *e)
{
	virDomainPtr doms[AT_ONCE + 1] = { NULL };
	virDomainStatsRecordPtr *records = NULL;
	struct turn *t = arg;
	int n = 0, n_records = 0;

	for (int i = 0; i < t->n; i++) {
		doms[n] = virDomainLookupByUUIDString(conn, t->ids[i]);
		n += doms[n] != NULL;
	}
	if (n)
		n_records = virDomainListGetStats(doms, VIR_DOMAIN_STATS_BALLOON | VIR_DOMAIN_STATS_BLOCK, &records,
		                                  VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);
	if (n_records < 0)
		virt_err(e, "read statistics of monitors");
	for (int i = 0; i < n_records; i++)
		take_answer(t, records[i]);
	virDomainStatsRecordListFree(records);
	while (n > 0)
		virDomainFree(doms[--n]);
	return n_records < 0 ? -1 : 0;
}

static void take_turn(struct vm_samples *of, struct vm_monitored *m, int64_t began_ms)
{
	/* a busy monitor: keep what is known, it grows old; or a call that hung and was overtaken */
	if (of->monitored && (!m->is_complete || of->monitored->at_ms > began_ms)) {
		monitored_free(m);
		return;
	}
	monitored_free(of->monitored_before);
	of->monitored_before = of->monitored;
	of->monitored = m;
}

static void turn_fiber(void *arg)
{
	struct turn *t = arg;
	struct loop *loop = t->agent->loop;
	const int64_t began_ms = loop_now_ms(loop);
	struct err e = ERR_INIT;

	if (virt_run(t->agent, VIRT_STATS, turn_work, t, &e) < 0)
		log_debug("no statistics of monitors", "ERROR", e.detail);
	else
		tell_took("monitors read", t->n, loop_now_ms(loop) - began_ms);
	for (int i = 0; i < t->n; i++) {
		struct vm *vm = vms_find(t->agent, t->ids[i]);

		if (!t->monitored[i])
			continue;
		t->monitored[i]->at_ms = loop_now_ms(loop);
		if (vm)
			take_turn(&vm->samples, t->monitored[i], began_ms);
		else
			monitored_free(t->monitored[i]);
	}
	g_free(t);
	n_under_way--;
}

static gint by_due(gconstpointer a, gconstpointer b)
{
	const struct vm *x = *(struct vm *const *)a, *y = *(struct vm *const *)b;

	return x->samples.due_ms < y->samples.due_ms ? -1 : x->samples.due_ms > y->samples.due_ms;
}

/* Machines whose turn it is, the longest due first; of many only some, so that they spread over the period. */
static GPtrArray *who_is_due(struct agent *a)
{
	GPtrArray *due = g_ptr_array_new();
	const int64_t now = loop_now_ms(a->loop);
	guint n_active = 0, most;
	GHashTableIter it;
	gpointer p;

	g_hash_table_iter_init(&it, a->vms->by_id);
	while (g_hash_table_iter_next(&it, NULL, &p)) {
		const struct vm *vm = p;

		n_active += vm_is_active(vm);
		if (vm_is_active(vm) && vm->samples.due_ms <= now)
			g_ptr_array_add(due, p);
	}
	g_ptr_array_sort(due, by_due);
	most = MAX(AT_ONCE, n_active / TURNS + 1);
	if (due->len > most)
		g_ptr_array_set_size(due, (gint)most);
	return due;
}

static void give_turns(struct agent *a)
{
	g_autoptr(GPtrArray) due = who_is_due(a);
	const int64_t now = loop_now_ms(a->loop);

	for (guint i = 0; i < due->len && n_under_way < MAX_UNDER_WAY;) {
		struct turn *t = g_new0(struct turn, 1);

		t->agent = a;
		for (; i < due->len && t->n < AT_ONCE; i++) {
			struct vm *vm = due->pdata[i];

			memcpy(t->ids[t->n++], vm->id, sizeof(uuid_text));
			vm->samples.due_ms = now + (vm->samples.monitored ? PERIOD_MS : SECOND_TURN_MS);
		}
		n_under_way++;
		fiber_start(a->loop, "turn of monitors", turn_fiber, t);
	}
}

/* --- when ----------------------------------------------------------------------------------- */

static void sample_fiber(void *arg)
{
	struct agent *a = arg;
	int64_t next_ms = 0;

	while (!a->is_stopping) {
		const int64_t now = loop_now_ms(a->loop);

		if (virt_is_connected(a) && now >= next_ms && !is_round) {
			next_ms = now + PERIOD_MS;
			is_round = true;
			fiber_start(a->loop, "sample", round_fiber, a);
		}
		if (virt_is_connected(a))
			give_turns(a);
		if (waiter_wait(&soon, TURN_MS)) {
			fiber_sleep(300); /* several may start together; and rates need some distance */
			next_ms = 0;
		}
	}
}

void sample_init(struct agent *a) { fiber_start(a->loop, "vm statistics", sample_fiber, a); }

void sample_soon(struct agent *a) { waiter_wake(&soon); }
