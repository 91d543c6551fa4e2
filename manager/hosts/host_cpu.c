/* SPDX-License-Identifier: Apache-2.0 */
/* Processors: which type a host's are, and whether they are good enough for its cluster. */
#include <string.h>

#include "manager/clusters/clusters.h"
#include "manager/core/tables.h"
#include "manager/hosts/host_int.h"

static int level_of(const struct m_cluster *cl)
{
	return cl->version ? (int)CLAMP(M_GET(cl->version, minor, 8), 2, 8) - 2 : N_LEVELS - 1;
}

static GHashTable *set_of(const char *flags)
{
	GHashTable *set = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_auto(GStrv) list = g_strsplit(flags, ",", -1);

	for (int i = 0; list[i]; i++)
		g_hash_table_add(set, g_strdup(g_strstrip(list[i])));
	return set;
}

/* Flags of the type that are not in the set, with commas between; empty: it is all there. */
static void missing(const struct cpu_type *t, GHashTable *set, GString *out)
{
	g_auto(GStrv) need = g_strsplit(t->flags, ",", -1);

	for (int i = 0; need[i]; i++)
		if (!g_hash_table_contains(set, need[i]))
			g_string_append_printf(out, "%s%s", out->len ? ", " : "", need[i]);
}

static const struct cpu_type *type_of(const char *name, int level)
{
	const struct cpu_type *any = NULL;

	for (const struct cpu_type *t = CPU_TYPES; t->name; t++)
		if (strcmp(t->name, name) == 0) {
			if (t->rank[level])
				return t;
			any = any ? any : t;
		}
	return any;
}

bool cpu_type_is_known(const char *name) { return type_of(name, N_LEVELS - 1) != NULL; }

const char *host_cpu_type(const struct m_cluster *cl, json_t *caps)
{
	const char *flags = json_string_value(json_object_get(caps, "cpuFlags"));
	g_autoptr(GHashTable) set = set_of(flags ? flags : "");
	const struct cpu_type *best = NULL;
	int level = level_of(cl);

	for (const struct cpu_type *t = CPU_TYPES; t->name; t++) {
		g_autoptr(GString) lacks = g_string_new(NULL);

		if (!t->rank[level] || (best && t->rank[level] < best->rank[level]))
			continue;
		missing(t, set, lacks);
		if (!lacks->len)
			best = t;
	}
	return best ? best->name : NULL;
}

int host_check_cpu(struct core *c, const struct m_host *h, json_t *caps, struct err *e)
{
	const struct m_cluster *cl = cluster_latest(c, h->cluster.id);
	const char *flags = json_string_value(json_object_get(caps, "cpuFlags"));
	const char *name = cl && cl->cpu ? cl->cpu->type : NULL;
	const struct cpu_type *t = name && *name ? type_of(name, level_of(cl)) : NULL;
	g_autoptr(GHashTable) set = set_of(flags ? flags : "");
	g_autoptr(GString) lacks = g_string_new(NULL);

	if (!t || !flags || g_strcmp0(h->accel, "kvm") != 0) /* emulation plays any processor */
		return 0;
	missing(t, set, lacks);
	if (!lacks->len)
		return 0;
	event_emit(c, "VDS_CPU_LOWER_THAN_CLUSTER", &(struct event_refs){ .host = h->id, .cluster = cl->id },
	           "Host %s moved to Non-Operational state as host does not meet the cluster's minimum CPU level. "
	           "Missing CPU features: %s",
	           h->name, lacks->str);
	return err_set(e, ERR_CONFLICT, "The CPU type of cluster %s is %s; the host lacks: %s", cl->name, t->name,
	               lacks->str);
}
