/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/stats.h"

#include <glib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/host/mom.h"
#include "agent/host/system.h"
#include "agent/network/network.h"
#include "agent/vms/vms.h"
#include "base/fiber.h"

enum { PERIOD_MS = 15000, MAX_CPUS = 4096 };

struct cpu_times {
	uint64_t user, system, idle, total;
	int id; /* -1: all of them */
};

struct sample {
	int64_t at_ms;
	struct cpu_times *cpus; /* the first is the sum */
	int n_cpus;
	uint64_t self_user, self_system; /* clock ticks of the agent */
};

struct host_stats {
	struct sample now, before;
	int64_t started_ms;
};

/* --- sampling --------------------------------------------------------------------- */

static bool read_cpu_line(const char *line, struct cpu_times *t)
{
	unsigned long long v[8] = { 0 };
	int used = 0;

	if (strncmp(line, "cpu", 3) != 0)
		return false;
	t->id = g_ascii_isdigit(line[3]) ? atoi(line + 3) : -1;
	line += 3 + strspn(line + 3, "0123456789");
	used = sscanf(line, "%llu %llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6],
	              &v[7]);
	if (used < 4)
		return false;
	t->user = v[0] + v[1];
	t->system = v[2] + v[5] + v[6];
	t->idle = v[3] + v[4];
	t->total = t->user + t->system + t->idle + v[7];
	return true;
}

static void take_cpus(struct sample *s, struct pool *p)
{
	g_auto(GStrv) lines = g_strsplit(system_read(p, "/proc/stat") ?: "", "\n", MAX_CPUS);

	s->cpus = g_new0(struct cpu_times, g_strv_length(lines) + 1);
	s->n_cpus = 0;
	for (char **l = lines; *l; l++)
		if (read_cpu_line(*l, &s->cpus[s->n_cpus]))
			s->n_cpus++;
}

static void take_self(struct sample *s, struct pool *p)
{
	const char *text = system_read(p, "/proc/self/stat"), *rest = text ? strrchr(text, ')') : NULL;
	unsigned long long user = 0, system = 0;

	if (rest)
		sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system);
	s->self_user = user;
	s->self_system = system;
}

static void take_sample(struct agent *a)
{
	struct host_stats *h = a->stats;
	auto_pool p = pool_new();

	g_free(h->before.cpus);
	h->before = h->now;
	h->now = (struct sample){ .at_ms = loop_now_ms(a->loop) };
	take_cpus(&h->now, p);
	take_self(&h->now, p);
}

static void sample_fiber(void *arg)
{
	struct agent *a = arg;

	fiber_sleep(1000); /* the second sample soon, so that there are rates */
	while (!a->is_stopping) {
		take_sample(a);
		fiber_sleep(PERIOD_MS);
	}
}

void host_stats_init(struct agent *a)
{
	a->stats = g_new0(struct host_stats, 1);
	a->stats->started_ms = loop_now_ms(a->loop);
	take_sample(a);
	fiber_start(a->loop, "host statistics", sample_fiber, a);
}

/* --- telling ------------------------------------------------------------------------- */

static json_t *percent(uint64_t now, uint64_t before, uint64_t total)
{
	return json_sprintf("%.2f", total && now > before ? (double)(now - before) * 100 / (double)total : 0.0);
}

static const struct cpu_times *cpu_by_id(const struct sample *s, int id)
{
	for (int i = 0; i < s->n_cpus; i++)
		if (s->cpus[i].id == id)
			return &s->cpus[i];
	return NULL;
}

static json_t *cpu_json(const struct host_stats *h, int id)
{
	static const struct cpu_times NOTHING;
	const struct cpu_times *now = cpu_by_id(&h->now, id), *before = cpu_by_id(&h->before, id);
	uint64_t total;
	json_t *j = json_object();

	if (!now)
		now = &NOTHING;
	if (!before) /* since boot */
		before = &NOTHING;
	total = now->total > before->total ? now->total - before->total : 0;
	json_object_set_new(j, "cpuUser", percent(now->user, before->user, total));
	json_object_set_new(j, "cpuSys", percent(now->system, before->system, total));
	json_object_set_new(j, "cpuIdle", percent(now->idle, before->idle, total));
	return j;
}

static void add_cpu(json_t *j, const struct host_stats *h, struct pool *p)
{
	const double ticks = (double)(h->now.at_ms - h->before.at_ms) / 1000 * (double)sysconf(_SC_CLK_TCK);
	const bool is_rate = h->before.n_cpus && ticks > 0;
	const char *load = system_read(p, "/proc/loadavg");
	json_t *all = cpu_json(h, -1), *each = json_object();

	json_object_update(j, all);
	json_decref(all);
	json_object_set_new(j, "cpuLoad", json_sprintf("%.2f", load ? g_ascii_strtod(load, NULL) : 0.0));
	json_object_set_new(
	    j, "cpuUserVdsmd",
	    json_sprintf("%.2f", is_rate ? (double)(h->now.self_user - h->before.self_user) * 100 / ticks : 0.0));
	json_object_set_new(
	    j, "cpuSysVdsmd",
	    json_sprintf("%.2f", is_rate ? (double)(h->now.self_system - h->before.self_system) * 100 / ticks : 0.0));
	for (int i = 0; i < h->now.n_cpus; i++) {
		json_t *cpu;

		if (h->now.cpus[i].id < 0)
			continue;
		cpu = cpu_json(h, h->now.cpus[i].id);
		json_object_set_new(cpu, "nodeIndex", json_integer(0));
		json_object_set_new(each, pool_printf(p, "%d", h->now.cpus[i].id), cpu);
	}
	json_object_set_new(j, "cpuStatistics", each);
}

static const char *thp_state(struct pool *p)
{
	const char *text = system_read(p, "/sys/kernel/mm/transparent_hugepage/enabled");

	if (text && strstr(text, "[always]"))
		return "always";
	return text && strstr(text, "[madvise]") ? "madvise" : "never";
}

static json_t *numa_free(struct pool *p)
{
	json_t *out = json_object(), *nodes = system_number_list(system_read(p, "/sys/devices/system/node/online")),
	       *node;
	size_t i;

	json_array_foreach (nodes, i, node) {
		const int n = (int)json_integer_value(node);
		const char *text = system_readf(p, "/sys/devices/system/node/node%d/meminfo", n);
		const int64_t total = system_keyed(text, "MemTotal"), free_kib = system_keyed(text, "MemFree");

		json_object_set_new(out, pool_printf(p, "%d", n),
		                    json_pack("{s:o, s:I}", "memFree",
		                              json_sprintf("%lld", (long long)(free_kib / 1024)), "memPercent",
		                              (json_int_t)(total ? 100 - free_kib * 100 / total : 0)));
	}
	json_decref(nodes);
	return out;
}

static void add_memory(json_t *j, struct pool *p)
{
	const char *text = system_read(p, "/proc/meminfo");
	const int64_t total = system_keyed(text, "MemTotal"), available = system_keyed(text, "MemAvailable");

	json_object_set_new(j, "memUsed", json_sprintf("%lld", (long long)(total ? 100 - available * 100 / total : 0)));
	json_object_set_new(j, "memFree", json_integer(available / 1024));
	json_object_set_new(j, "swapTotal", json_integer(system_keyed(text, "SwapTotal") / 1024));
	json_object_set_new(j, "swapFree", json_integer(system_keyed(text, "SwapFree") / 1024));
	json_object_set_new(j, "memBuffers", json_integer(system_keyed(text, "Buffers") / 1024));
	json_object_set_new(j, "memCached", json_integer(system_keyed(text, "Cached") / 1024));
	json_object_set_new(j, "swapCached", json_integer(system_keyed(text, "SwapCached") / 1024));
	json_object_set_new(j, "anonHugePages",
	                    json_sprintf("%lld", (long long)(system_keyed(text, "AnonHugePages") / 1024)));
	json_object_set_new(j, "thpState", json_string(thp_state(p)));
	json_object_set_new(j, "numaNodeMemFree", numa_free(p));
}

static void add_vms(json_t *j, struct agent *a)
{
	json_object_set_new(j, "vmCount", json_integer(vms_count(a, false)));
	json_object_set_new(j, "vmActive", json_integer(vms_count(a, true)));
	json_object_set_new(j, "vmMigrating", json_integer(0));
	json_object_set_new(j, "incomingVmMigrations", json_integer(0));
	json_object_set_new(j, "outgoingVmMigrations", json_integer(0));
}

static json_t *date_time(struct agent *a)
{
	const time_t t = (time_t)(loop_wall_ms(a->loop) / 1000);
	struct tm tm;
	char text[64];

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S GMT", gmtime_r(&t, &tm));
	return json_string(text);
}

json_t *host_stats_network(struct agent *a)
{
	json_t *j = json_object();

	network_add_statistics(a, j);
	return j;
}

json_t *host_stats_json(struct agent *a)
{
	const struct host_stats *h = a->stats;
	auto_pool p = pool_new();
	json_t *j = json_object();
	const char *btime = strstr(system_read(p, "/proc/stat") ?: "", "btime ");

	add_cpu(j, h, p);
	add_memory(j, p);
	add_vms(j, a);
	network_add_statistics(a, j);
	mom_add_stats(a, j);
	json_object_set_new(j, "dateTime", date_time(a));
	json_object_set_new(j, "bootTime", json_sprintf("%lld", btime ? atoll(btime + 6) : 0LL));
	json_object_set_new(j, "elapsedTime",
	                    json_sprintf("%lld", (long long)(loop_now_ms(a->loop) - h->started_ms) / 1000));
	json_object_set_new(j, "netConfigDirty", json_string(network_is_dirty(a) ? "True" : "False"));
	json_object_set_new(j, "haScore", json_integer(0));
	json_object_set_new(j, "haStats",
	                    json_pack("{s:b, s:b, s:i, s:b, s:b}", "configured", 0, "active", 0, "score", 0,
	                              "globalMaintenance", 0, "localMaintenance", 0));
	json_object_set_new(j, "v2vJobs", json_object());
	json_object_set_new(j, "multipathHealth", json_object());
	json_object_set_new(j, "diskStats", json_object());
	json_object_set_new(j, "storageDomains", json_object());
	return j;
}
