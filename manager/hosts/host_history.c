/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/hosts/host_history.h"

#include "manager/api/search.h"
#include "manager/hosts/host_int.h"

enum { DEFAULT_MBPS = 1000, DAY_SAMPLES = 288 };

/* Agents send many numbers as text. */
static double number(json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_string(v) ? g_ascii_strtod(json_string_value(v), NULL) : json_number_value(v);
}

static const struct host_rt *known(struct core *c, const char *id)
{
	return id && c->hosts ? g_hash_table_lookup(c->hosts->by_id, id) : NULL;
}

/* ---- network ---- */

struct traffic {
	double percent, rx, tx;
};

/* Real links only: what goes through bridges and bonds goes through them. */
static struct traffic traffic(const struct host_rt *rt)
{
	json_t *now = json_object_get(rt->stats, "network"), *before = json_object_get(rt->stats_before, "network");
	json_t *links = json_object_get(rt->caps, "nics"), *link;
	struct traffic t = { 0 };
	const char *name;

	json_object_foreach (now, name, link) {
		json_t *old = json_object_get(before, name);
		const double seconds = number(link, "sampleTime") - number(old, "sampleTime");
		const double speed = number(link, "speed") > 0 ? number(link, "speed") : DEFAULT_MBPS;
		double rx, tx;

		if (!old || !(seconds > 0) || (json_object_size(links) && !json_object_get(links, name)))
			continue;
		rx = MAX(number(link, "rx") - number(old, "rx"), 0) / seconds;
		tx = MAX(number(link, "tx") - number(old, "tx"), 0) / seconds;
		t.percent = MAX(t.percent, MAX(rx, tx) * 8 / (speed * 1e6) * 100);
		t.rx += rx;
		t.tx += tx;
	}
	return t;
}

bool host_percent(struct core *c, const char *host_id, enum host_series what, double *out)
{
	const struct host_rt *rt = known(c, host_id);
	double v = 0;

	if (!rt || !rt->stats || !host_is_up(c, host_id))
		return false;
	switch (what) {
	case HOST_SERIES_CPU: v = number(rt->stats, "cpuUser") + number(rt->stats, "cpuSys"); break;
	case HOST_SERIES_MEMORY: v = number(rt->stats, "memUsed"); break;
	case HOST_SERIES_NETWORK: v = traffic(rt).percent; break;
	default: return false;
	}
	*out = v > 0 ? MIN(v, 100) : 0; /* not a number is 0, too */
	return true;
}

/* ---- hour and day ---- */

void host_history_take(struct core *c, const char *host_id)
{
	struct host_rt *rt = host_rt(c, host_id);
	const int64_t now = loop_now_ms(c->loop);
	double values[N_HOST_SERIES] = { 0 };
	struct traffic t;

	if (!rt->stats || !host_is_up(c, host_id) || !history_is_due(rt->history, now))
		return;
	if (!rt->history)
		rt->history = history_new(N_HOST_SERIES, N_HOST_PERCENT, DAY_SAMPLES);
	t = traffic(rt);
	host_percent(c, host_id, HOST_SERIES_CPU, &values[HOST_SERIES_CPU]);
	host_percent(c, host_id, HOST_SERIES_MEMORY, &values[HOST_SERIES_MEMORY]);
	values[HOST_SERIES_NETWORK] = MIN(t.percent, 100);
	values[HOST_SERIES_RX] = t.rx;
	values[HOST_SERIES_TX] = t.tx;
	values[HOST_SERIES_SWAP] = (number(rt->stats, "swapTotal") - number(rt->stats, "swapFree")) * 1048576;
	history_put(rt->history, now, values);
}

const struct history *host_history(struct core *c, const char *host_id)
{
	const struct host_rt *rt = known(c, host_id);
	return rt ? rt->history : NULL;
}

/* ---- searches ---- */

static bool cpu_usage(struct core *c, const char *id, double *out) { return host_percent(c, id, HOST_SERIES_CPU, out); }

static bool mem_usage(struct core *c, const char *id, double *out)
{
	return host_percent(c, id, HOST_SERIES_MEMORY, out);
}

static bool network_usage(struct core *c, const char *id, double *out)
{
	return host_percent(c, id, HOST_SERIES_NETWORK, out);
}

static bool load(struct core *c, const char *id, double *out)
{
	json_t *s = host_is_up(c, id) ? host_stats(c, id) : NULL;

	*out = number(s, "cpuLoad");
	return s;
}

void host_search_register(void)
{
	search_register_stat(KIND_HOST, "cpu_usage", cpu_usage);
	search_register_stat(KIND_HOST, "mem_usage", mem_usage);
	search_register_stat(KIND_HOST, "network_usage", network_usage);
	search_register_stat(KIND_HOST, "load", load);
}
