/* SPDX-License-Identifier: Apache-2.0 */
/* Storage domains: finding them, talking to their workers, watching their health. */
#include <stdio.h>
#include <string.h>

#include "agent/storage/sd_meta.h"
#include "agent/storage/storage_int.h"
#include "base/log.h"

struct sdomain *sdomain_get(struct storage *s, const char *id)
{
	struct sdomain *d = g_hash_table_lookup(s->domains, id);

	if (d)
		return d;
	d = g_new0(struct sdomain, 1);
	g_strlcpy(d->id, id, sizeof(d->id));
	d->storage = s;
	g_hash_table_insert(s->domains, d->id, d);
	return d;
}

void sdomain_free(void *p)
{
	struct sdomain *d = p;

	client_free(d->worker);
	json_decref(d->meta);
	g_free(d->mount);
	g_free(d);
}

json_t *sdomain_args(const struct sdomain *d)
{
	return json_pack("{s:s,s:s}", "mount", d->mount ? d->mount : "", "sd", d->id);
}

static json_t *complete_args(const struct sdomain *d, json_t *args)
{
	json_t *where = sdomain_args(d);

	json_object_update(args, where);
	json_decref(where);
	return args;
}

json_t *sdomain_call(struct sdomain *d, const char *op, json_t *args, struct err *e)
{
	json_t *result;

	if (!d->mount) {
		json_decref(args);
		err_agent(e, SC_SD_MISSING, "Storage domain does not exist: %s", d->id);
		return NULL;
	}
	if (!d->worker)
		d->worker = client_new(d->storage->workers, -1);
	storage_fiber_begin(d->storage);
	result = client_call(d->worker, op, complete_args(d, args), STORAGE_CALL_MS, NULL, e);
	storage_fiber_end(d->storage);
	if (!result)
		storage_settle_error(e);
	return result;
}

json_t *sdomain_call_alone(struct sdomain *d, const char *op, json_t *args, int timeout_ms, struct err *e)
{
	struct spool *p = spool_of_domain(d->storage, d->id);
	struct client *w = client_new(d->storage->workers, p ? p->lease_fd : -1);
	json_t *result;

	storage_fiber_begin(d->storage);
	result = client_call(w, op, complete_args(d, args), timeout_ms, NULL, e);
	client_free(w);
	storage_fiber_end(d->storage);
	if (!result)
		storage_settle_error(e);
	return result;
}

/* --- finding --- */

static void note_found(struct storage *s, const char *mount, const json_t *domains)
{
	json_t *id;
	size_t i;

	json_array_foreach (domains, i, id) {
		g_autofree char *lower = g_ascii_strdown(json_string_value(id), -1);
		struct sdomain *d = sdomain_get(s, lower);

		if (!d->mount)
			d->mount = g_strdup(mount);
	}
}

/* Look into every connected mount; one that hangs or is broken hides only what it holds. */
static void scan_mounts(struct storage *s)
{
	g_autoptr(GList) mounts = g_hash_table_get_values(s->connections);

	for (GList *l = mounts; l; l = l->next) {
		struct connection *c = l->data;
		struct err e = ERR_INIT;
		struct client *w;
		json_t *found;

		if (!c->is_connected)
			continue;
		w = client_new(s->workers, -1);
		storage_fiber_begin(s);
		found = client_call(w, "mount.scan", json_pack("{s:s}", "mount", c->mount), STORAGE_CALL_MS, NULL, &e);
		client_free(w);
		storage_fiber_end(s);
		if (found && c->is_connected)
			note_found(s, c->mount, json_object_get(found, "domains"));
		if (!found)
			log_warn("storage connection cannot be searched for domains", "PATH", c->path, "ERROR",
			         e.detail);
		json_decref(found);
	}
}

int sdomain_find(struct storage *s, const char *id, struct sdomain **out, struct err *e)
{
	struct sdomain *d = g_hash_table_lookup(s->domains, id);

	if (!d || !d->mount) {
		scan_mounts(s);
		d = g_hash_table_lookup(s->domains, id);
	}
	if (!d || !d->mount)
		return err_agent(e, SC_SD_MISSING, "Storage domain does not exist: %s", id);
	*out = d;
	return 0;
}

void sdomains_forget_mount(struct storage *s, const char *mount)
{
	GHashTableIter it;
	gpointer value;

	g_hash_table_iter_init(&it, s->domains);
	while (g_hash_table_iter_next(&it, NULL, &value)) {
		struct sdomain *d = value;

		if (g_strcmp0(d->mount, mount) != 0)
			continue;
		if (d->worker)
			client_kill(d->worker);
		g_clear_pointer(&d->mount, g_free);
		g_clear_pointer(&d->meta, json_decref);
	}
}

/* --- metadata --- */

static void take_meta(struct sdomain *d, const json_t *result)
{
	json_decref(d->meta);
	d->meta = json_incref(json_object_get(result, "meta"));
}

const json_t *sdomain_read(struct sdomain *d, struct err *e)
{
	json_t *result = sdomain_call(d, "domain.read", json_object(), e);

	if (!result)
		return NULL;
	take_meta(d, result);
	json_decref(result);
	return d->meta;
}

int sdomain_update(struct sdomain *d, json_t *set, struct err *e)
{
	json_t *result = sdomain_call(d, "domain.update", json_pack("{s:o}", "set", set), e);

	if (!result)
		return -1;
	take_meta(d, result);
	json_decref(result);
	return 0;
}

int sdomain_check_writable(struct sdomain *d, struct err *e)
{
	if (!d->meta && !sdomain_read(d, e))
		return -1;
	if (sd_meta_get_int(d->meta, "VERSION", 0) != 5 || strcmp(sd_meta_get(d->meta, "CLASS"), "Data") != 0)
		return err_agent(e, SC_SD_VERSION, "Unsupported domain version: domain %s must be a V5 data domain",
		                 d->id);
	return 0;
}

/* --- health --- */

static void note_health(struct sdomain *d, const json_t *result, const struct err *e)
{
	int before = d->code;
	bool was_checked = d->is_checked;
	char code[16];

	d->is_checked = true;
	if (!result) {
		d->code = verb_error_code(e);
		snprintf(code, sizeof(code), "%d", d->code);
		if (before != d->code || !was_checked)
			log_warn("storage domain has a problem", "DOMAIN", d->id, "CODE", code, "ERROR", e->detail);
		return;
	}
	d->code = 0;
	d->delay_s = json_real_value(json_object_get(result, "delay"));
	d->total_bytes = json_integer_value(json_object_get(result, "total"));
	d->free_bytes = json_integer_value(json_object_get(result, "free"));
	d->last_check_ms = loop_now_ms(d->storage->loop);
	json_decref(d->meta);
	d->meta = json_incref(json_object_get(result, "meta"));
	if (before || !was_checked)
		log_info("storage domain is valid", "DOMAIN", d->id);
}

static void check_health(struct sdomain *d)
{
	struct err e = ERR_INIT;
	json_t *result = NULL;
	struct sdomain *found;

	if (d->mount || sdomain_find(d->storage, d->id, &found, &e) == 0)
		result = sdomain_call(d, "domain.check", json_object(), &e);
	if (d->is_monitored)
		note_health(d, result, &e);
	json_decref(result);
}

static void monitor_fiber(void *arg)
{
	struct sdomain *d = arg;
	struct storage *s = d->storage;

	while (d->is_monitored && !s->is_stopping) {
		check_health(d);
		if (d->is_monitored && !s->is_stopping)
			waiter_wait(&d->poke, STORAGE_MONITOR_MS);
	}
	d->is_monitor_running = false;
	storage_fiber_end(s);
}

void sdomain_monitor_start(struct sdomain *d)
{
	if (d->is_monitored)
		return;
	d->is_monitored = true;
	d->is_checked = false;
	d->code = 0;
	d->last_check_ms = loop_now_ms(d->storage->loop);
	if (d->is_monitor_running)
		return;
	d->is_monitor_running = true;
	storage_fiber_begin(d->storage);
	fiber_start(d->storage->loop, "storage-monitor", monitor_fiber, d);
}

void sdomain_monitor_stop(struct sdomain *d)
{
	d->is_monitored = false;
	if (d->is_monitor_running)
		waiter_wake(&d->poke);
}

json_t *sdomain_stats_json(const struct sdomain *d)
{
	char delay[32], last[32];

	g_snprintf(delay, sizeof(delay), "%.6f", d->delay_s);
	g_snprintf(last, sizeof(last), "%.1f", (double)(loop_now_ms(d->storage->loop) - d->last_check_ms) / 1000);
	return json_pack("{s:i,s:s,s:s,s:b,s:i,s:b,s:b}", "code", d->code, "lastCheck", last, "delay", delay, "valid",
	                 (int)(d->code == 0), "version", (int)sd_meta_get_int(d->meta, "VERSION", -1), "acquired",
	                 (int)(d->code == 0 && d->is_checked), "actual", (int)d->is_checked);
}
