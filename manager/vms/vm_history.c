/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/vms/vm_history.h"

#include "manager/api/search.h"

enum { DEFAULT_MBPS = 1000, DAY_SAMPLES = 144 };

/* ---- now ---- */

static double cpu_percent(json_t *s)
{
	const double cpus = MAX(rep_number(s, "vcpuCount"), 1);

	return (rep_number(s, "cpuSys") + rep_number(s, "cpuUser")) / cpus;
}

static double bytes_less(json_t *now, json_t *before, const char *key)
{
	return MAX(rep_number(now, key) - rep_number(before, key), 0);
}

/* Of the card that is used most. */
static double network_percent(json_t *now, json_t *before)
{
	double most = 0;
	const char *name;
	json_t *card;

	json_object_foreach (now, name, card) {
		json_t *old = json_object_get(before, name);
		const double seconds = rep_number(card, "sampleTime") - rep_number(old, "sampleTime");
		const double speed = rep_number(card, "speed") > 0 ? rep_number(card, "speed") : DEFAULT_MBPS;
		const double bytes = MAX(bytes_less(card, old, "rx"), bytes_less(card, old, "tx"));

		if (old && seconds > 0)
			most = MAX(most, bytes / seconds * 8 / (speed * 1e6) * 100);
	}
	return most;
}

/* Bytes a second of all cards, or what the host tells of all disks. */
static double network_rate(json_t *now, json_t *before, const char *key)
{
	double sum = 0;
	const char *name;
	json_t *card;

	json_object_foreach (now, name, card) {
		json_t *old = json_object_get(before, name);
		const double seconds = rep_number(card, "sampleTime") - rep_number(old, "sampleTime");

		if (old && seconds > 0)
			sum += bytes_less(card, old, key) / seconds;
	}
	return sum;
}

static double disk_rate(json_t *disks, const char *key)
{
	double sum = 0;
	const char *name;
	json_t *disk;

	json_object_foreach (disks, name, disk)
		sum += MAX(rep_number(disk, key), 0);
	return sum;
}

bool vm_percent(struct core *c, const char *vm_id, enum vm_series what, double *out)
{
	struct vm_rt *rt = g_hash_table_lookup(c->vms->by_id, vm_id);
	double v;

	if (!rt || !rt->stats)
		return false;
	switch (what) {
	case VM_SERIES_CPU: v = cpu_percent(rt->stats); break;
	case VM_SERIES_MEMORY: v = rep_number(rt->stats, "memUsage"); break;
	default: v = network_percent(json_object_get(rt->stats, "network"), rt->net_before);
	}
	*out = v > 0 ? MIN(v, 100) : 0; /* not a number is 0, too */
	return true;
}

/* ---- hour and day ---- */

void vm_history_take(struct core *c, const char *vm_id)
{
	struct vm_rt *rt = g_hash_table_lookup(c->vms->by_id, vm_id);
	const int64_t now = loop_now_ms(c->loop);
	json_t *cards, *disks;
	double values[N_VM_SERIES] = { 0 };

	if (!rt || !history_is_due(rt->history, now))
		return;
	if (!rt->history)
		rt->history = history_new(N_VM_SERIES, N_VM_PERCENT, DAY_SAMPLES);
	for (int i = 0; i < N_VM_PERCENT; i++)
		vm_percent(c, vm_id, (enum vm_series)i, &values[i]);
	cards = json_object_get(rt->stats, "network");
	disks = json_object_get(rt->stats, "disks");
	values[VM_SERIES_RX] = network_rate(cards, rt->net_before, "rx");
	values[VM_SERIES_TX] = network_rate(cards, rt->net_before, "tx");
	values[VM_SERIES_READ] = disk_rate(disks, "readRate");
	values[VM_SERIES_WRITE] = disk_rate(disks, "writeRate");
	history_put(rt->history, now, values);
}

const struct history *vm_history(struct core *c, const char *vm_id)
{
	const struct vm_rt *rt = vm_id && c->vms ? g_hash_table_lookup(c->vms->by_id, vm_id) : NULL;
	return rt ? rt->history : NULL;
}

/* ---- searches ---- */

static bool cpu_usage(struct core *c, const char *id, double *out) { return vm_percent(c, id, VM_SERIES_CPU, out); }

static bool mem_usage(struct core *c, const char *id, double *out) { return vm_percent(c, id, VM_SERIES_MEMORY, out); }

static bool network_usage(struct core *c, const char *id, double *out)
{
	return vm_percent(c, id, VM_SERIES_NETWORK, out);
}

static bool migration(struct core *c, const char *id, double *out)
{
	json_t *s = vm_stats(c, id);

	*out = rep_number(s, "migrationProgress");
	return s;
}

static bool uptime(struct core *c, const char *id, double *out)
{
	json_t *s = vm_stats(c, id);

	*out = rep_number(s, "elapsedTime");
	return s && *out > 0;
}

static void each_word(json_t *s, const char *key, const char *between, bool (*emit)(void *arg, const char *text),
                      void *arg)
{
	g_auto(GStrv) words = g_strsplit(rep_text(s, key), between, 256);

	for (char **w = words; *w; w++)
		if (*g_strstrip(*w) && emit(arg, *w))
			return;
}

static void ips(struct core *c, const char *id, bool (*emit)(void *arg, const char *text), void *arg)
{
	each_word(vm_stats(c, id), "guestIPs", " ", emit, arg);
}

static void users(struct core *c, const char *id, bool (*emit)(void *arg, const char *text), void *arg)
{
	each_word(vm_stats(c, id), "username", ",", emit, arg);
}

static void fqdn(struct core *c, const char *id, bool (*emit)(void *arg, const char *text), void *arg)
{
	const char *name = rep_text(vm_stats(c, id), "guestFQDN");

	if (*name)
		emit(arg, name);
}

static void apps(struct core *c, const char *id, bool (*emit)(void *arg, const char *text), void *arg)
{
	json_t *app;
	size_t i;

	json_array_foreach (json_object_get(vm_stats(c, id), "appsList"), i, app)
		if (json_is_string(app) && emit(arg, json_string_value(app)))
			return;
}

void vm_search_register(void)
{
	search_register_stat(KIND_VM, "cpu_usage", cpu_usage);
	search_register_stat(KIND_VM, "mem_usage", mem_usage);
	search_register_stat(KIND_VM, "network_usage", network_usage);
	search_register_stat(KIND_VM, "migration_progress_percent", migration);
	search_register_stat(KIND_VM, "uptime", uptime);
	search_register_text(KIND_VM, "ip", ips);
	search_register_text(KIND_VM, "fqdn", fqdn);
	search_register_text(KIND_VM, "apps", apps);
	search_register_text(KIND_VM, "loggedinuser", users);
}
