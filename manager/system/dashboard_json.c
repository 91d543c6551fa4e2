/* SPDX-License-Identifier: Apache-2.0 */
/* The dashboard's document. */
#include <math.h>
#include <string.h>

#include "manager/hosts/host_history.h"
#include "manager/system/dashboard_int.h"
#include "manager/vms/vms.h"

static const char *const STATES[N_DASH_STATES] = {
	[DASH_UP] = "up",       [DASH_WARNING] = "warning", [DASH_ERROR] = "error",
	[DASH_ALERT] = "alert", [DASH_DOWN] = "down",
};

static json_t *whole(double v) { return json_integer((json_int_t)llround(v)); }

/* One decimal is all that anybody reads. */
static json_t *percent(double part, double all)
{
	return all > 0 ? json_real(round(1000 * part / all) / 10) : json_null();
}

/* ---- cards ---- */

/* What lists the entities in a state. */
static const struct {
	const char *collection;
	size_t counts;
	const char *search[N_DASH_STATES];
} CARDS[] = {
	{ "datacenters",
	  offsetof(struct dash, data_centers),
	  { [DASH_UP] = "status = up",
	    [DASH_WARNING] = "status = contend",
	    [DASH_ERROR] = "status = notoperational or status = nonresponsive",
	    [DASH_DOWN] = "status = uninitialized or status = maintenance" } },
	{ "clusters", offsetof(struct dash, clusters_n), { NULL } },
	{ "hosts",
	  offsetof(struct dash, hosts_n),
	  { [DASH_UP] = "status = up",
	    [DASH_WARNING] =
	        "status = unassigned or status = initializing or status = installing or status = installingos or "
	        "status = pendingapproval or status = preparingformaintenance or status = connecting or "
	        "status = reboot or status = kdumping",
	    [DASH_ERROR] =
	        "status = error or status = nonoperational or status = nonresponsive or status = installfailed",
	    [DASH_DOWN] = "status = down or status = maintenance" } },
	{ "storagedomains",
	  offsetof(struct dash, domains_n),
	  { [DASH_UP] = "status = active",
	    [DASH_WARNING] =
	        "status = locked or status = preparingformaintenance or status = detaching or status = activating",
	    [DASH_ERROR] = "status = inactive or status = unknown",
	    [DASH_DOWN] = "status = maintenance or status = unattached" } },
	{ "vms",
	  offsetof(struct dash, vms_n),
	  { [DASH_UP] = "status = up or status = poweringup or status = poweringdown or status = migratingfrom or "
	                "status = migratingto or status = waitforlaunch or status = rebootinprogress or "
	                "status = savingstate or status = restoringstate",
	    [DASH_WARNING] = "status = paused",
	    [DASH_ERROR] = "status = unknown or status = notresponding",
	    [DASH_DOWN] = "status = down or status = suspended or status = imagelocked or status = unassigned" } },
	{ "events",
	  offsetof(struct dash, events_n),
	  { [DASH_WARNING] = "severity = warning",
	    [DASH_ERROR] = "severity = error",
	    [DASH_ALERT] = "severity = alert" } },
};

static json_t *inventory(const struct dash *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < G_N_ELEMENTS(CARDS); i++) {
		const struct dash_counts *n = (const void *)((const char *)d + CARDS[i].counts);
		json_t *parts = json_array();

		for (int s = 0; s < N_DASH_STATES; s++)
			if (n->by[s] && CARDS[i].search[s])
				json_array_append_new(parts,
				                      json_pack("{s:s,s:I,s:s}", "state", STATES[s], "count",
				                                (json_int_t)n->by[s], "search", CARDS[i].search[s]));
		json_array_append_new(list, json_pack("{s:s,s:I,s:o}", "collection", CARDS[i].collection, "total",
		                                      (json_int_t)n->total, "parts", parts));
	}
	return list;
}

/* ---- how full it is ---- */

json_t *dash_line(struct core *c, const struct history *h, enum history_range r, int series)
{
	double values[HISTORY_MAX_SAMPLES];
	const int n = history_get(h, r, series, values);
	json_t *list = json_array();

	for (int i = n - 1; i >= 0; i--)
		json_array_append_new(list, isnan(values[i]) ? json_null() : json_real(round(10 * values[i]) / 10));
	return json_pack("{s:I,s:I,s:o}", "step", (json_int_t)history_step_ms(h, r), "end",
	                 (json_int_t)(n ? loop_wall_ms(c->loop) - (loop_now_ms(c->loop) - history_end_ms(h, r)) : 0),
	                 "values", list);
}

/* Of a young Manager there is only the hour. */
static json_t *global_line(const struct dash *d, int series)
{
	const struct history *h = dash_history(d->core, NO_KIND, NULL);
	double values[HISTORY_MAX_SAMPLES];

	if (d->who)
		return json_null(); /* of what is not all his */
	return dash_line(d->core, h, history_get(h, HISTORY_DAY, series, values) >= 6 ? HISTORY_DAY : HISTORY_HOUR,
	                 series);
}

static json_t *share(const struct dash *d, const struct dash_share *s, int series)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "used",
	                 series == DASH_SERIES_CPU ? json_real(round(100 * s->used) / 100) : whole(s->used), "total",
	                 whole(s->total), "percent", percent(s->used, s->total), "committed",
	                 percent(s->committed, s->total), "allocated", percent(s->allocated, s->total), "line",
	                 global_line(d, series));
}

static json_t *clusters(const struct dash *d)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < d->cluster_list->len; i++) {
		const struct dash_cluster *cl = d->cluster_list->pdata[i];

		json_array_append_new(list,
		                      json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:o,s:o}", "id", cl->id, "name", cl->name,
		                                "hosts", (json_int_t)cl->hosts->len, "hosts_up",
		                                (json_int_t)cl->up->len, "vms", (json_int_t)cl->n_vms, "running",
		                                (json_int_t)cl->n_running, "cpu", percent(cl->cpu.used, cl->cpu.total),
		                                "memory", percent(cl->memory.used, cl->memory.total)));
	}
	return list;
}

static json_t *domains(const struct dash *d)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < d->domain_list->len; i++) {
		const struct dash_domain *sd = d->domain_list->pdata[i];

		if (!sd->is_known)
			continue;
		json_array_append_new(list, json_pack("{s:s,s:s,s:I,s:I,s:I,s:o}", "id", sd->id, "name", sd->name,
		                                      "used", (json_int_t)sd->used, "total", (json_int_t)sd->total,
		                                      "provisioned", (json_int_t)sd->provisioned, "percent",
		                                      percent((double)sd->used, (double)sd->total)));
	}
	return list;
}

/* ---- what draws on it ---- */

/* The hour in a few values, oldest first. */
static json_t *trend(const struct history *h, int series)
{
	double values[HISTORY_MAX_SAMPLES];
	const int n = history_get(h, HISTORY_HOUR, series, values), step = HISTORY_HOUR_SAMPLES / DASH_TREND;
	json_t *list = json_array();

	for (int at = (n - 1) / step * step; n > 0 && at >= 0; at -= step) {
		double sum = 0;
		int known = 0;

		for (int i = at; i < MIN(at + step, n); i++)
			if (!isnan(values[i])) {
				sum += values[i];
				known++;
			}
		json_array_append_new(list, known ? json_real(round(10 * sum / known) / 10) : json_null());
	}
	return list;
}

static json_t *top(const struct dash *d, const struct dash_list *l, enum kind k, int series)
{
	json_t *list = json_array();

	for (int i = 0; i < l->n; i++) {
		const char *id = l->rows[i].id;
		const struct history *h = k == KIND_VM     ? vm_history(d->core, id)
		                          : k == KIND_HOST ? host_history(d->core, id)
		                                           : dash_history(d->core, k, id);
		json_array_append_new(list, json_pack("{s:s,s:s,s:o,s:o}", "id", id, "name", l->rows[i].name, "percent",
		                                      json_real(round(10 * l->rows[i].value) / 10), "trend",
		                                      trend(h, series)));
	}
	return list;
}

static json_t *tops(const struct dash *d)
{
	return json_pack("{s:{s:o,s:o},s:{s:o,s:o},s:{s:o}}", "cpu", "hosts",
	                 top(d, &d->hosts_cpu, KIND_HOST, HOST_SERIES_CPU), "vms", top(d, &d->vms_cpu, KIND_VM, 0),
	                 "memory", "hosts", top(d, &d->hosts_memory, KIND_HOST, HOST_SERIES_MEMORY), "vms",
	                 top(d, &d->vms_memory, KIND_VM, 1), "storage", "domains",
	                 top(d, &d->domains_used, KIND_STORAGE_DOMAIN, DASH_SERIES_STORAGE));
}

/* ---- alerts ---- */

static const char *const SEVERITIES[] = {
	[M_LOG_SEVERITY_WARNING] = "warning", [M_LOG_SEVERITY_ERROR] = "error", [M_LOG_SEVERITY_ALERT] = "alert"
};

static void add_ref(json_t *o, const char *key, const struct m_ref *ref)
{
	if (ref->id)
		json_object_set_new(o, key, json_string(ref->id));
}

static json_t *alerts(const struct dash *d)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < MIN(d->n_alerts, DASH_ALERTS); i++) {
		const struct m_event *ev =
		    INV_GET(d->core->inv, EVENT, event, d->alerts[(d->n_alerts - 1 - i) % DASH_ALERTS]);
		json_t *one;

		if (!ev || ev->severity < M_LOG_SEVERITY_WARNING || ev->severity > M_LOG_SEVERITY_ALERT)
			continue;
		one = json_pack("{s:s,s:s,s:I,s:s}", "id", ev->id, "severity", SEVERITIES[ev->severity], "time",
		                (json_int_t)M_GET(ev, time, 0), "text", ev->description ? ev->description : "");
		add_ref(one, "vm", &ev->vm);
		add_ref(one, "host", &ev->host);
		add_ref(one, "storage_domain", &ev->storage_domain);
		add_ref(one, "cluster", &ev->cluster);
		add_ref(one, "data_center", &ev->data_center);
		json_array_append_new(list, one);
	}
	return list;
}

/* ---- what may fail ---- */

static const char *const LIMITS[] = {
	[SURVIVAL_NONE] = "",
	[SURVIVAL_MEMORY] = "memory",
	[SURVIVAL_PHYSICAL] = "physical_memory",
	[SURVIVAL_CPUS] = "processors",
	[SURVIVAL_PINNED] = "pinned",
	[SURVIVAL_NETWORK] = "network",
	[SURVIVAL_HARDWARE] = "hardware",
	[SURVIVAL_HOSTS] = "hosts",
};

static json_t *failure(const struct dash *d, const struct dash_cluster *cl, const struct survival_answer *a)
{
	json_t *lost = json_array(), *homeless = json_array();

	for (int i = 0; i < MIN(a->n_lost, SURVIVAL_MAX_LOST); i++) {
		const struct dash_host *h = cl->up->pdata[a->lost[i]];
		json_array_append_new(lost, json_pack("{s:s,s:s}", "id", h->id, "name", h->name));
	}
	for (int i = 0; i < MIN(a->n_homeless, SURVIVAL_MAX_SHOWN); i++) {
		const char *id = g_array_index(cl->sv_ids, uuid_text, a->homeless[i]);
		const struct m_vm *vm = INV_GET(d->core->inv, VM, vm, id);
		json_array_append_new(homeless, json_pack("{s:s,s:s}", "id", id, "name", vm ? vm->name : id));
	}
	return json_pack("{s:o,s:i,s:i,s:i,s:o,s:s}", "hosts", lost, "n_hosts", a->n_lost, "to_move", a->n_to_move,
	                 "n_homeless", a->n_homeless, "homeless", homeless, "limit", LIMITS[a->limit]);
}

static json_t *answer(const struct dash *d, const struct dash_cluster *cl, const struct survival_answer *a)
{
	return json_pack("{s:i,s:i,s:b,s:o}", "vms", a->n_vms, "survives", a->survives, "exact", a->is_exact, "failure",
	                 a->n_lost ? failure(d, cl, a) : json_null());
}

static json_t *host_block(const struct dash_host *h)
{
	return json_pack("{s:s,s:s,s:b,s:s,s:o,s:I,s:I,s:i}", "id", h->id, "name", h->name, "up", h->index >= 0,
	                 "status", m_enum_name(&M_ENUM_host_status, (int)h->status), "capacity",
	                 h->capacity == INT64_MAX ? json_null() : json_integer(MAX(h->capacity, 0)), "promised",
	                 (json_int_t)h->promised, "promised_ha", (json_int_t)h->promised_ha, "vms", (int)h->n_vms);
}

json_t *dash_survival_json(struct dash *d)
{
	json_t *list = json_array();
	unsigned drawn = 0;

	for (unsigned i = 0; i < d->cluster_list->len; i++) {
		const struct dash_cluster *cl = d->cluster_list->pdata[i];
		json_t *hosts = json_array();

		for (unsigned h = 0; h < cl->hosts->len && drawn < DASH_HOSTS; h++, drawn++)
			json_array_append_new(hosts, host_block(cl->hosts->pdata[h]));
		json_array_append_new(list, json_pack("{s:s,s:s,s:I,s:I,s:o,s:o,s:o}", "id", cl->id, "name", cl->name,
		                                      "n_hosts", (json_int_t)cl->hosts->len, "hosts_up",
		                                      (json_int_t)cl->up->len, "ha", answer(d, cl, &cl->ha), "all",
		                                      answer(d, cl, &cl->all), "hosts", hosts));
	}
	return json_pack("{s:I,s:o}", "time", (json_int_t)loop_wall_ms(d->core->loop), "clusters", list);
}

json_t *dash_json(struct dash *d, json_t *survival)
{
	return json_pack("{s:I,s:b,s:o,s:{s:o,s:o,s:o},s:o,s:o,s:o,s:o,s:O?}", "time",
	                 (json_int_t)loop_wall_ms(d->core->loop), "complete", d->who == NULL, "inventory", inventory(d),
	                 "utilization", "cpu", share(d, &d->cpu, DASH_SERIES_CPU), "memory",
	                 share(d, &d->memory, DASH_SERIES_MEMORY), "storage",
	                 share(d, &d->storage, DASH_SERIES_STORAGE), "clusters", clusters(d), "domains", domains(d),
	                 "top", tops(d), "alerts", alerts(d), "survival", survival);
}
