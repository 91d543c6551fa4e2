/* SPDX-License-Identifier: Apache-2.0 */
/* Memory, processors, NUMA nodes, and what they are pinned to. */
#include <string.h>

#include "manager/core/tables.h"
#include "manager/vms/domain_int.h"

enum {
	MEMORY_SLOTS = 16,
	HOTPLUG_SOCKETS = 16, /* up to so many sockets can be added while a VM runs */
	MAX_VCPUS = 240,      /* beyond 255 an interrupt remapping device would be needed */
	DEFAULT_SHARES = 1024,
};

struct cpus {
	int64_t sockets, cores, threads, max_sockets;
};

static struct cpus cpus_of(const struct domain_spec *s)
{
	const struct m_cpu_topology *t = s->vm->cpu ? s->vm->cpu->topology : NULL;
	struct cpus c = { 1, 1, 1, 1 };

	if (t) {
		c.sockets = MAX(M_GET(t, sockets, 1), 1);
		c.cores = MAX(M_GET(t, cores, 1), 1);
		c.threads = MAX(M_GET(t, threads, 1), 1);
	}
	c.max_sockets = c.sockets;
	if (s->has_kvm) /* emulation has no room for more than it starts with */
		c.max_sockets = MAX(c.sockets, MIN(HOTPLUG_SOCKETS, MAX_VCPUS / (c.cores * c.threads)));
	return c;
}

int64_t domain_cpus(const struct domain_spec *s)
{
	struct cpus c = cpus_of(s);
	return c.sockets * c.cores * c.threads;
}

static int64_t max_memory(const struct domain_spec *s)
{
	const struct m_memory_policy *mp = s->vm->memory_policy;
	int64_t max = mp ? M_GET(mp, max, 0) : 0;

	/* An emulated guest would set memory of its own aside for what could be added. */
	return s->has_kvm && max > s->vm->memory ? max : 0;
}

void domain_add_memory(xmlNodePtr root, const struct domain_spec *s)
{
	int64_t max = max_memory(s), kib = M_GET(s->vm, memory, 1LL << 30) / 1024, page = domain_hugepage_kib(s->vm);
	struct cpus c = cpus_of(s);
	xmlNodePtr n;

	if (max)
		dx_setf(dx_set(dx_addf(root, "maxMemory", "%" G_GINT64_FORMAT, max / 1024), "unit", "KiB"), "slots",
		        "%d", MEMORY_SLOTS);
	dx_set(dx_addf(root, "memory", "%" G_GINT64_FORMAT, kib), "unit", "KiB");
	dx_set(dx_addf(root, "currentMemory", "%" G_GINT64_FORMAT, kib), "unit", "KiB");
	if (page) {
		n = dx_add(dx_add(dx_add(root, "memoryBacking", NULL), "hugepages", NULL), "page", NULL);
		dx_set(dx_setf(n, "size", "%" G_GINT64_FORMAT, page), "unit", "KiB");
	}
	n = dx_addf(root, "vcpu", "%" G_GINT64_FORMAT, c.max_sockets * c.cores * c.threads);
	if (c.max_sockets > c.sockets)
		dx_setf(n, "current", "%" G_GINT64_FORMAT, c.sockets * c.cores * c.threads);
	if (s->vm->io && M_GET(s->vm->io, threads, 0) > 0)
		dx_addf(root, "iothreads", "%" G_GINT64_FORMAT, s->vm->io->threads);
}

/* ---- pins ---- */

static void add_pins(xmlNodePtr root, const struct domain_spec *s)
{
	const struct m_cpu_tune *ct = s->vm->cpu ? s->vm->cpu->cpu_tune : NULL;
	int64_t shares = M_GET(s->vm, cpu_shares, 0);
	uint32_t n_pins = ct ? ct->vcpu_pins.n : 0;
	xmlNodePtr tune;

	if (s->vm->cpu_pinning_policy == M_CPU_PINNING_POLICY_NONE)
		n_pins = 0;
	if (!n_pins && (!shares || shares == DEFAULT_SHARES))
		return;
	tune = dx_add(root, "cputune", NULL);
	if (shares && shares != DEFAULT_SHARES)
		dx_addf(tune, "shares", "%" G_GINT64_FORMAT, shares);
	for (uint32_t i = 0; i < n_pins; i++) {
		const struct m_vcpu_pin *pin = ct->vcpu_pins.v[i];
		xmlNodePtr n = dx_add(tune, "vcpupin", NULL);

		dx_setf(n, "vcpu", "%" G_GINT64_FORMAT, M_GET(pin, vcpu, 0));
		dx_set(n, "cpuset", pin->cpu_set);
	}
}

static const char *mode_name(enum m_numa_tune_mode node, enum m_numa_tune_mode vm)
{
	enum m_numa_tune_mode m = node ? node : vm;
	return m == M_NUMA_TUNE_MODE_STRICT ? "strict" : m == M_NUMA_TUNE_MODE_PREFERRED ? "preferred" : "interleave";
}

static void add_memory_nodes(xmlNodePtr root, const struct domain_spec *s)
{
	xmlNodePtr tune = NULL;

	for (uint32_t i = 0; i < s->vm->numa.n; i++) {
		const struct m_virtual_numa_node *node = s->vm->numa.v[i];
		g_autoptr(GString) set = g_string_new(NULL);
		xmlNodePtr n;

		for (uint32_t k = 0; k < node->numa_node_pins.n; k++)
			g_string_append_printf(set, "%s%" G_GINT64_FORMAT, k ? "," : "",
			                       M_GET(node->numa_node_pins.v[k], index, 0));
		if (!set->len)
			continue;
		if (!tune)
			tune = dx_add(root, "numatune", NULL);
		n = dx_setf(dx_add(tune, "memnode", NULL), "cellid", "%" G_GINT64_FORMAT, M_GET(node, index, 0));
		dx_set(dx_set(n, "mode", mode_name(node->numa_tune_mode, s->vm->numa_tune_mode)), "nodeset", set->str);
	}
}

void domain_add_tuning(xmlNodePtr root, const struct domain_spec *s)
{
	add_pins(root, s);
	add_memory_nodes(root, s);
}

/* ---- the model ---- */

static void add_features(xmlNodePtr cpu, char *const *list)
{
	for (; *list; list++)
		if (((*list)[0] == '+' || (*list)[0] == '-') && (*list)[1])
			dx_set(dx_set(dx_add(cpu, "feature", NULL), "policy", **list == '-' ? "disable" : "require"),
			       "name", *list + 1);
}

/* A named model, "Haswell-noTSX,+spec-ctrl". */
static void add_model(xmlNodePtr cpu, const char *spec)
{
	g_auto(GStrv) part = g_strsplit(spec, ",", 32);

	dx_set(dx_set(cpu, "mode", "custom"), "match", "exact");
	dx_set(dx_add(cpu, "model", part[0] ? part[0] : ""), "fallback", "allow");
	if (part[0])
		add_features(cpu, part + 1);
}

const char *domain_cluster_cpu(const struct m_cluster *cluster, int level)
{
	const char *type = cluster && cluster->cpu ? cluster->cpu->type : NULL, *spec = NULL;

	for (const struct cpu_type *t = CPU_TYPES; type && t->name; t++)
		if (strcmp(t->name, type) == 0) {
			if (level >= 2 && level - 2 < N_LEVELS && t->rank[level - 2])
				return t->spec;
			if (!spec)
				spec = t->spec;
		}
	return spec;
}

/* Among flags with commas between? */
static bool has_flag(const char *flags, const char *prefix, const char *name, size_t len)
{
	for (const char *at = flags; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		if (g_str_has_prefix(at, prefix) && strncmp(at + strlen(prefix), name, len) == 0 &&
		    (at[strlen(prefix) + len] == ',' || !at[strlen(prefix) + len]))
			return true;
	return false;
}

/* Emulation takes the model, if it can play it, without features on top. */
static void add_emulated(xmlNodePtr cpu, const struct domain_spec *s, const char *spec)
{
	size_t len = spec ? strcspn(spec, ",") : 0;
	g_autofree char *model = spec ? g_strndup(spec, len) : NULL;
	bool is_known = model && s->flags && has_flag(s->flags, "model_", model, len);

	dx_set(dx_set(dx_set(cpu, "mode", "custom"), "match", "exact"), "check", "none");
	dx_set(dx_add(cpu, "model", is_known ? model : "qemu64"), "fallback", "forbid");
}

/* The custom property extra_cpu_flags: "+a,-b,c". */
static void add_extra(xmlNodePtr cpu, const struct m_vm *vm)
{
	const char *text = domain_property(vm, "extra_cpu_flags");
	g_auto(GStrv) part = g_strsplit(text ? text : "", ",", 64);

	for (int i = 0; part[i]; i++)
		if (part[i][0] && part[i][0] != '+' && part[i][0] != '-') {
			char *flag = g_strconcat("+", part[i], NULL);

			g_free(part[i]);
			part[i] = flag;
		}
	add_features(cpu, part);
}

static void choose_cpu(xmlNodePtr cpu, const struct domain_spec *s)
{
	enum m_cpu_mode mode = s->vm->cpu ? s->vm->cpu->mode : M_CPU_MODE_NONE;
	const char *model = s->vm->custom_cpu_model && *s->vm->custom_cpu_model
	                        ? s->vm->custom_cpu_model
	                        : domain_cluster_cpu(s->cluster, domain_level(s->vm, s->cluster));

	if (!s->has_kvm) {
		add_emulated(cpu, s, model);
	} else if (mode == M_CPU_MODE_HOST_PASSTHROUGH) {
		dx_set(cpu, "mode", "host-passthrough");
	} else if (mode == M_CPU_MODE_HOST_MODEL || !model) {
		dx_set(cpu, "mode", "host-model");
	} else {
		add_model(cpu, model);
	}
}

/* ---- NUMA cells ---- */

static xmlNodePtr add_cell(xmlNodePtr numa, int64_t id, const char *cpus, int64_t kib)
{
	xmlNodePtr cell = dx_setf(dx_add(numa, "cell", NULL), "id", "%" G_GINT64_FORMAT, id);

	dx_set(cell, "cpus", cpus);
	dx_set(dx_setf(cell, "memory", "%" G_GINT64_FORMAT, kib), "unit", "KiB");
	return cell;
}

/* Processors of a node; the last node also takes those that can be plugged in later. */
static char *cell_cpus(struct pool *p, const struct domain_spec *s, uint32_t i, int64_t max)
{
	const struct m_virtual_numa_node *node = s->vm->numa.v[i];
	g_autoptr(GString) text = g_string_new(NULL);
	int64_t first_spare = domain_cpus(s);

	for (uint32_t k = 0; node->cpu && k < node->cpu->cores.n; k++)
		g_string_append_printf(text, "%s%" G_GINT64_FORMAT, text->len ? "," : "",
		                       M_GET(node->cpu->cores.v[k], index, 0));
	if (i + 1 == s->vm->numa.n && max > first_spare)
		g_string_append_printf(text, "%s%" G_GINT64_FORMAT "-%" G_GINT64_FORMAT, text->len ? "," : "",
		                       first_spare, max - 1);
	return text->len ? pool_strdup(p, text->str) : NULL;
}

static void add_numa(xmlNodePtr cpu, const struct domain_spec *s, struct cpus c)
{
	int64_t max = c.max_sockets * c.cores * c.threads;
	auto_pool p = pool_new();
	xmlNodePtr numa;

	if (!s->vm->numa.n && !max_memory(s))
		return;
	numa = dx_add(cpu, "numa", NULL);
	for (uint32_t i = 0; i < s->vm->numa.n; i++)
		add_cell(numa, M_GET(s->vm->numa.v[i], index, i), cell_cpus(p, s, i, max),
		         M_GET(s->vm->numa.v[i], memory, 0) << 10);
	if (!s->vm->numa.n) /* memory can be plugged into a node only */
		add_cell(numa, 0, pool_printf(p, "0-%" G_GINT64_FORMAT, max - 1), s->vm->memory / 1024);
}

void domain_add_cpu(xmlNodePtr root, const struct domain_spec *s)
{
	xmlNodePtr cpu = dx_add(root, "cpu", NULL), top;
	struct cpus c = cpus_of(s);

	choose_cpu(cpu, s);
	top = dx_add(cpu, "topology", NULL);
	dx_setf(
	    dx_setf(dx_setf(top, "sockets", "%" G_GINT64_FORMAT, c.max_sockets), "cores", "%" G_GINT64_FORMAT, c.cores),
	    "threads", "%" G_GINT64_FORMAT, c.threads);
	if (s->has_kvm)
		add_extra(cpu, s->vm);
	add_numa(cpu, s, c);
}
