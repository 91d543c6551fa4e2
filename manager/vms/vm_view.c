/* SPDX-License-Identifier: Apache-2.0 */
/* What is not in the journal of a VM but belongs to the answer: what the guest says, consoles, defaults of the cluster. */
#include <string.h>

#include "manager/clusters/clusters.h"
#include "manager/vms/vm_int.h"

const char *rep_text(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "";
}

double rep_number(json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);
	return json_is_string(v) ? g_ascii_strtod(json_string_value(v), NULL) : json_number_value(v);
}

static char *text_or_null(struct pool *p, const char *s) { return s && *s ? pool_strdup(p, s) : NULL; }

/* ---- the guest ---- */

static struct m_version *version_of(struct pool *p, const char *text)
{
	struct m_version *v = m_new(p, &M_TYPE_version);
	gint64 major = 0, minor = 0, build = 0;
	char *end;

	v->full_version = pool_strdup(p, text);
	major = g_ascii_strtoll(text, &end, 10);
	if (end == text)
		return v;
	M_SET(v, major, CLAMP(major, 0, G_MAXINT32));
	if (*end == '.') {
		minor = g_ascii_strtoll(end + 1, &end, 10);
		M_SET(v, minor, CLAMP(minor, 0, G_MAXINT32));
	}
	if (*end == '.') {
		build = g_ascii_strtoll(end + 1, &end, 10);
		M_SET(v, build, CLAMP(build, 0, G_MAXINT32));
	}
	return v;
}

static void view_guest(struct pool *p, struct m_vm *vm, json_t *s)
{
	json_t *os = json_object_get(s, "guestOsInfo"), *tz = json_object_get(s, "guestTimezone");
	struct m_guest_operating_system *g;
	int offset = (int)rep_number(tz, "offset");

	vm->fqdn = text_or_null(p, rep_text(s, "guestFQDN"));
	if (os) {
		g = vm->guest_operating_system = m_new(p, &M_TYPE_guest_operating_system);
		g->architecture = pool_strdup(p, rep_text(os, "arch"));
		g->codename = pool_strdup(p, rep_text(os, "codename"));
		g->distribution = pool_strdup(p, rep_text(os, "distribution"));
		g->family = pool_strdup(p, strcmp(rep_text(os, "type"), "windows") == 0 ? "Windows" : "Linux");
		if (*rep_text(os, "version"))
			g->version = version_of(p, rep_text(os, "version"));
		if (*rep_text(os, "kernel")) {
			g->kernel = m_new(p, &M_TYPE_kernel);
			g->kernel->version = version_of(p, rep_text(os, "kernel"));
		}
	}
	if (tz) {
		vm->guest_time_zone = m_new(p, &M_TYPE_time_zone);
		vm->guest_time_zone->name = pool_strdup(p, rep_text(tz, "zone"));
		vm->guest_time_zone->utc_offset =
		    pool_printf(p, "%c%02d:%02d", offset < 0 ? '-' : '+', ABS(offset) / 60 % 100, ABS(offset) % 60);
	}
}

/* ---- the console ---- */

static void view_display(struct core *c, struct pool *p, struct m_vm *vm)
{
	json_t *info = vm->display_info && vm->display ? json_loads(vm->display_info, 0, NULL) : NULL;
	json_t *first = json_array_get(info, 0);
	const struct m_host *h = first ? INV_GET(c->inv, HOST, host, vm->host.id) : NULL;
	const char *address = rep_text(first, "ipAddress");
	struct m_display *d;
	int port = (int)rep_number(first, "port"), tls_port = (int)rep_number(first, "tlsPort");

	if (first && vm_is_live(vm)) {
		d = vm->display = m_copy(p, &M_TYPE_display, vm->display);
		if (strcmp(address, "0") == 0 || !*address)
			address = h && h->address ? h->address : "";
		d->address = text_or_null(p, address);
		if (port > 0)
			M_SET(d, port, port);
		if (tls_port > 0)
			M_SET(d, secure_port, tls_port);
	}
	json_decref(info);
}

/* ---- defaults ---- */

static const char *default_quota(struct core *c, const char *cluster_id)
{
	const char *dc = cluster_data_center(c, cluster_id);

	INV_EACH (en, c->inv, KIND_QUOTA) {
		const struct m_quota *q = en->pub;
		if (dc && q->data_center && g_strcmp0(q->data_center->id, dc) == 0)
			return q->id;
	}
	return NULL;
}

/* One icon of each size serves all. */
static struct m_icon *icon(struct pool *p, const char *size)
{
	struct m_icon *i = m_new(p, &M_TYPE_icon);
	uuid_text id;

	uuid_derive("icon", size, id);
	i->id = pool_strdup(p, id);
	return i;
}

static struct m_cpu *cpu_of_cluster(struct core *c, struct pool *p, const struct m_cpu *cpu, const char *cluster_id)
{
	const struct m_cluster *cl = cluster_latest(c, cluster_id);
	struct m_cpu *copy;

	if (cpu && cpu->architecture != M_ARCHITECTURE_NONE && cpu->architecture != M_ARCHITECTURE_UNDEFINED)
		return (struct m_cpu *)cpu;
	if (!cl || !cl->cpu || cl->cpu->architecture == M_ARCHITECTURE_NONE)
		return (struct m_cpu *)cpu;
	copy = cpu ? m_copy(p, &M_TYPE_cpu, cpu) : m_new(p, &M_TYPE_cpu);
	copy->architecture = cl->cpu->architecture;
	return copy;
}

static struct m_sso *no_sso(struct pool *p)
{
	struct m_sso *s = m_new(p, &M_TYPE_sso);

	s->methods.v = POOL_ARRAY(p, struct m_method *, 1);
	return s;
}

void vm_view(struct core *c, struct pool *p, const void *published, void *copy)
{
	struct m_vm *vm = copy;
	json_t *s = vm_may_run(vm) ? vm_stats(c, vm->id) : NULL;

	vm->cdroms.v = NULL; /* how the drive's disc is kept; clients find it at its own place */
	vm->cdroms.n = 0;
	vm->large_icon = icon(p, "large");
	vm->small_icon = icon(p, "small");
	vm->cpu = cpu_of_cluster(c, p, vm->cpu, vm->cluster.id);
	if (!vm->quota.id)
		vm->quota.id = pool_strdup(p, default_quota(c, vm->cluster.id));
	if (!vm->sso)
		vm->sso = no_sso(p);
	if (!vm->original_template.id)
		vm->original_template.id = vm->template.id;
	DEFAULT(vm, next_run_configuration_exists, false);
	DEFAULT(vm, run_once, false);
	DEFAULT(vm, stateless, false);
	DEFAULT(vm, migration_downtime, -1);
	DEFAULT(vm, delete_protected, false);
	DEFAULT(vm, cpu_shares, 0);
	if (vm->numa_tune_mode == M_NUMA_TUNE_MODE_NONE)
		vm->numa_tune_mode = M_NUMA_TUNE_MODE_INTERLEAVE;
	if (!vm->origin)
		vm->origin = (char *)"ovirt";
	view_display(c, p, vm);
	if (s)
		view_guest(p, vm, s);
}

void template_view(struct core *c, struct pool *p, const void *published, void *copy)
{
	struct m_template *t = copy;

	t->large_icon = icon(p, "large");
	t->small_icon = icon(p, "small");
	if (t->cluster.id)
		t->cpu = cpu_of_cluster(c, p, t->cpu, t->cluster.id);
	if (!t->sso)
		t->sso = no_sso(p);
}
