/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines behind the dashboard, and looks at the inventory. What one look found is kept for a moment, for all who see
 * everything together, for others each for himself.
 */
#include <math.h>
#include <string.h>

#include "manager/hosts/host_history.h"
#include "manager/hosts/hosts.h"
#include "manager/storage/storage.h"
#include "manager/system/dashboard_int.h"
#include "manager/vms/vm_history.h"

enum {
	TICK_MS = HISTORY_HOUR_MS,
	DAY_SAMPLES = 288,    /* every 5 minutes */
	FRESH_MS = 2 * 1000,  /* answered from what is kept */
	STALE_MS = 30 * 1000, /* ... while another look is taken, when looks are long */
	LONG_LOOK_MS = 10,
	LARGE = 20000,           /* objects */
	SURVIVAL_MS = 10 * 1000, /* that part is looked at less often */
	MAX_KEPT = 200,          /* users */
};

/* An answer that is kept. */
struct kept {
	struct core *core;
	struct identity who;
	bool sees_all, is_busy;
	char *text;
	int64_t at_ms, took_ms;
	struct waitq done;
};

struct dashboard {
	struct core *core;
	struct loop_timer tick;
	struct history *all;
	GHashTable *clusters, *domains; /* id -> struct history */
	struct kept everything;
	GHashTable *by_user; /* id -> struct kept */
	json_t *survival;
	int64_t survival_ms, survival_took_ms;
};

/* ---- lines ---- */

static void history_destroy(void *h) { history_free(h); }

const struct history *dash_history(struct core *c, enum kind k, const char *id)
{
	if (!c->dashboard)
		return NULL;
	if (!id)
		return c->dashboard->all;
	return g_hash_table_lookup(k == KIND_CLUSTER ? c->dashboard->clusters : c->dashboard->domains, id);
}

static struct history *line_of(GHashTable *lines, const char *id)
{
	struct history *h = g_hash_table_lookup(lines, id);

	if (!h) {
		h = history_new(N_DASH_SERIES, N_DASH_SERIES, DAY_SAMPLES);
		g_hash_table_insert(lines, g_strdup(id), h);
	}
	return h;
}

static double percent_of(const struct dash_share *s) { return s->total > 0 ? 100 * s->used / s->total : 0; }

static void sample_cluster(struct dashboard *d, const char *id, struct dash_share *cpu, struct dash_share *memory)
{
	struct dash_share own_cpu = { 0 }, own_memory = { 0 };

	INV_EACH_BY (e, d->core->inv, KIND_HOST, IDX_HOST_cluster, id)
		dash_add_host(d->core, e->pub, &own_cpu, &own_memory);
	cpu->used += own_cpu.used;
	cpu->total += own_cpu.total;
	memory->used += own_memory.used;
	memory->total += own_memory.total;
	if (own_memory.total > 0)
		history_put(line_of(d->clusters, id), loop_now_ms(d->core->loop),
		            (double[]){ percent_of(&own_cpu), percent_of(&own_memory), 0 });
}

static void sample_domain(struct dashboard *d, const struct m_storage_domain *sd, struct dash_share *storage)
{
	struct dash_share own = { 0 };
	int64_t free_bytes, total;

	if (sd->status != M_STORAGE_DOMAIN_STATUS_ACTIVE || !storage_space(d->core, sd->id, &free_bytes, &total))
		return;
	own.used = (double)MAX(total - free_bytes, 0);
	own.total = (double)total;
	history_put(line_of(d->domains, sd->id), loop_now_ms(d->core->loop), (double[]){ 0, 0, percent_of(&own) });
	if (sd->type != M_STORAGE_DOMAIN_TYPE_DATA)
		return;
	storage->used += own.used;
	storage->total += own.total;
}

static void forget_gone(struct inventory *inv, enum kind k, GHashTable *lines)
{
	GHashTableIter it;
	const char *id;

	g_hash_table_iter_init(&it, lines);
	while (g_hash_table_iter_next(&it, (void **)&id, NULL))
		if (!inv_get(inv, k, id))
			g_hash_table_iter_remove(&it);
}

static void tick(void *arg)
{
	struct dashboard *d = arg;
	struct dash_share cpu = { 0 }, memory = { 0 }, storage = { 0 };

	INV_EACH (e, d->core->inv, KIND_CLUSTER)
		sample_cluster(d, e->id, &cpu, &memory);
	INV_EACH (e, d->core->inv, KIND_STORAGE_DOMAIN)
		sample_domain(d, e->pub, &storage);
	if (memory.total > 0 || storage.total > 0)
		history_put(d->all, loop_now_ms(d->core->loop),
		            (double[]){ percent_of(&cpu), percent_of(&memory), percent_of(&storage) });
	forget_gone(d->core->inv, KIND_CLUSTER, d->clusters);
	forget_gone(d->core->inv, KIND_STORAGE_DOMAIN, d->domains);
	timer_start(d->core->loop, &d->tick, TICK_MS, tick, d);
}

/* ---- life ---- */

static void kept_free(void *arg)
{
	struct kept *k = arg;

	g_free(k->text);
	g_free(k);
}

void dashboard_start(struct core *c)
{
	struct dashboard *d = g_new0(struct dashboard, 1);

	d->core = c;
	d->all = history_new(N_DASH_SERIES, N_DASH_SERIES, DAY_SAMPLES);
	d->clusters = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, history_destroy);
	d->domains = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, history_destroy);
	d->by_user = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, kept_free);
	d->everything = (struct kept){ .core = c, .sees_all = true };
	c->dashboard = d;
	timer_start(c->loop, &d->tick, TICK_MS, tick, d);
}

void dashboard_free(struct core *c)
{
	struct dashboard *d = c->dashboard;

	if (!d)
		return;
	timer_stop(c->loop, &d->tick);
	history_free(d->all);
	g_hash_table_destroy(d->clusters);
	g_hash_table_destroy(d->domains);
	g_hash_table_destroy(d->by_user);
	g_free(d->everything.text);
	json_decref(d->survival);
	g_free(d);
	c->dashboard = NULL;
}

/* ---- one look ---- */

static bool is_survival_due(const struct dashboard *d)
{
	const int64_t age = loop_now_ms(d->core->loop) - d->survival_ms;

	/* what is hard to find is looked for less often still */
	return !d->survival || age > MAX(SURVIVAL_MS, 50 * d->survival_took_ms) || d->survival_took_ms < LONG_LOOK_MS;
}

static void look_for_survival(struct dashboard *board, struct dash *d)
{
	const int64_t from = loop_now_ms(d->core->loop);

	dash_survive(d);
	if (!d->wants_survival)
		return;
	json_decref(board->survival);
	board->survival = dash_survival_json(d);
	board->survival_ms = loop_now_ms(d->core->loop);
	board->survival_took_ms = board->survival_ms - from;
}

static void look(struct kept *k)
{
	struct dashboard *board = k->core->dashboard;
	const int64_t from = loop_now_ms(k->core->loop);
	json_t *document;
	struct dash d;

	k->is_busy = true;
	dash_init(&d, k->core, k->sees_all ? NULL : &k->who);
	d.wants_survival = k->sees_all && is_survival_due(board);
	dash_collect(&d);
	if (d.wants_survival)
		look_for_survival(board, &d);
	document = dash_json(&d, k->sees_all ? board->survival : NULL);
	g_free(k->text);
	k->text = json_dumps(document, JSON_COMPACT);
	json_decref(document);
	dash_deinit(&d);
	k->at_ms = loop_now_ms(k->core->loop);
	k->took_ms = k->at_ms - from;
	k->is_busy = false;
	waitq_wake_all(&k->done);
}

static void look_fiber(void *arg) { look(arg); }

static struct kept *kept_for(struct dashboard *d, const struct identity *who)
{
	struct kept *k;

	if (perm_can_see(d->core, who, NO_KIND, NULL))
		return &d->everything;
	k = g_hash_table_lookup(d->by_user, who->user_id);
	if (k)
		return k;
	k = g_new0(struct kept, 1);
	k->core = d->core;
	k->who = *who;
	g_hash_table_insert(d->by_user, k->who.user_id, k);
	return k;
}

static gboolean is_idle(void *id, void *value, void *now)
{
	const struct kept *k = value;
	return !k->is_busy && !k->done.head && *(const int64_t *)now - k->at_ms > STALE_MS;
}

/* A look at few things is slow only when the machine is busy, and still worth waiting for. */
static bool is_large(const struct core *c)
{
	return inv_count(c->inv, KIND_VM) + inv_count(c->inv, KIND_DISK) + inv_count(c->inv, KIND_EVENT) > LARGE;
}

char *dashboard_text(struct core *c, const struct identity *who)
{
	struct dashboard *d = c->dashboard;
	const int64_t now = loop_now_ms(c->loop);
	struct kept *k;

	if (g_hash_table_size(d->by_user) > MAX_KEPT)
		g_hash_table_foreach_remove(d->by_user, is_idle, (void *)&now);
	k = kept_for(d, who);
	if (k->text && k->took_ms >= LONG_LOOK_MS && is_large(c) && now - k->at_ms < STALE_MS) {
		if (!k->is_busy && now - k->at_ms >= FRESH_MS) {
			k->is_busy = true;
			fiber_start(c->loop, "dashboard", look_fiber, k);
		}
	} else if (k->is_busy) {
		while (k->is_busy)
			waitq_wait(&k->done, -1);
	} else if (!k->text || now - k->at_ms >= FRESH_MS) {
		look(k);
	}
	return g_strdup(k->text ? k->text : "{}");
}

/* ---- lines of one object ---- */

struct series {
	const char *name;
	int series;
};
static const struct series VM_LINES[] = {
	{ "cpu", VM_SERIES_CPU },         { "memory", VM_SERIES_MEMORY },
	{ "network", VM_SERIES_NETWORK }, { "rx", VM_SERIES_RX },
	{ "tx", VM_SERIES_TX },           { "read", VM_SERIES_READ },
	{ "write", VM_SERIES_WRITE },     { NULL, 0 },
};
static const struct series HOST_LINES[] = {
	{ "cpu", HOST_SERIES_CPU },
	{ "memory", HOST_SERIES_MEMORY },
	{ "network", HOST_SERIES_NETWORK },
	{ "rx", HOST_SERIES_RX },
	{ "tx", HOST_SERIES_TX },
	{ "swap", HOST_SERIES_SWAP },
	{ NULL, 0 },
};
static const struct series CLUSTER_LINES[] = { { "cpu", DASH_SERIES_CPU },
	                                       { "memory", DASH_SERIES_MEMORY },
	                                       { NULL, 0 } };
static const struct series DOMAIN_LINES[] = { { "used", DASH_SERIES_STORAGE }, { NULL, 0 } };

static const struct {
	const char *prefix;
	enum kind kind;
	const struct series *lines;
} OWNERS[] = {
	{ "vms/", KIND_VM, VM_LINES },
	{ "hosts/", KIND_HOST, HOST_LINES },
	{ "clusters/", KIND_CLUSTER, CLUSTER_LINES },
	{ "storagedomains/", KIND_STORAGE_DOMAIN, DOMAIN_LINES },
};

static json_t *lines(struct core *c, const struct history *h, enum history_range r, const struct series *list)
{
	json_t *out = json_object();

	for (; list->name; list++)
		json_object_set_new(out, list->name, dash_line(c, h, r, list->series));
	return out;
}

json_t *dashboard_history(struct core *c, const struct identity *who, const char *path)
{
	for (size_t i = 0; i < G_N_ELEMENTS(OWNERS); i++) {
		const char *id = g_str_has_prefix(path, OWNERS[i].prefix) ? path + strlen(OWNERS[i].prefix) : NULL;
		const enum kind k = OWNERS[i].kind;
		const struct history *h;

		if (!id || !inv_get(c->inv, k, id) || !perm_can_see(c, who, k, id))
			continue;
		h = k == KIND_VM ? vm_history(c, id) : k == KIND_HOST ? host_history(c, id) : dash_history(c, k, id);
		return json_pack("{s:o,s:o}", "hour", lines(c, h, HISTORY_HOUR, OWNERS[i].lines), "day",
		                 lines(c, h, HISTORY_DAY, OWNERS[i].lines));
	}
	return NULL;
}
