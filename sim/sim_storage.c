/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Storage domains, pools and SPM of the simulated hosts. A domain is what is on its disk; what an agent knows of a pool is
 * in that agent's memory. Local directories only: "/data" is another one on each host.
 */
#include <string.h>

#include "sim/sim_host.h"

static void sd_free(void *p)
{
	struct sim_sd *sd = p;

	json_decref(sd->pool_domains);
	g_hash_table_destroy(sd->volumes);
	g_hash_table_destroy(sd->tasks);
	g_free(sd->path);
	g_free(sd->name);
	g_free(sd);
}

struct sim_storage *sim_storage_new(void)
{
	struct sim_storage *st = g_new0(struct sim_storage, 1);

	st->domains = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, sd_free);
	st->tasks = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, sim_task_free);
	st->works = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, sim_work_free);
	st->runs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return st;
}

void sim_storage_free(struct sim_storage *st)
{
	g_hash_table_destroy(st->domains);
	g_hash_table_destroy(st->tasks);
	g_hash_table_destroy(st->works);
	g_hash_table_destroy(st->runs);
	g_free(st);
}

void sim_pool_free(void *p)
{
	struct sim_pool *pool = p;

	json_decref(pool->domains);
	g_free(pool);
}

/* ---- finding ---- */

static bool is_connected(const struct sim_host *h, const char *path)
{
	json_t *ids = g_hash_table_lookup(h->connections, path);
	return json_object_size(ids) > 0;
}

struct sim_sd *sim_sd_find(struct sim_host *h, const char *id, struct err *e)
{
	struct sim_sd *sd = g_hash_table_lookup(h->sim->storage->domains, id);

	if (!sd || (sd->local && sd->local != h) || !is_connected(h, sd->path)) {
		sim_refuse(e, 358, "Storage domain does not exist: %s", id);
		return NULL;
	}
	return sd;
}

struct sim_pool *sim_pool_find(struct sim_host *h, const char *id, struct err *e)
{
	struct sim_pool *p = g_hash_table_lookup(h->pools, id);

	if (!p || !p->is_connected) {
		sim_refuse(e, 309, "Unknown pool id, pool not connected: %s", id);
		return NULL;
	}
	return p;
}

struct sim_pool *sim_pool_spm(struct sim_host *h, const char *id, struct err *e)
{
	struct sim_pool *p = sim_pool_find(h, id, e);

	if (p && !p->is_spm) {
		sim_refuse(e, 654, "Not SPM: pool %s", id);
		return NULL;
	}
	return p;
}

static struct sim_sd *master_of(struct sim_host *h, const struct sim_pool *p)
{
	return g_hash_table_lookup(h->sim->storage->domains, p->master);
}

/* ---- connections ---- */

static json_t *each_connection(struct sim_host *h, json_t *params, bool is_on, struct err *e)
{
	json_t *one, *answers = json_array();
	size_t i;

	if (strcmp(sim_text(params, "domainType"), "4") != 0 && sim_int(params, "domainType") != 4) {
		json_decref(answers);
		return sim_refuse(e, 468, "Storage type is not supported");
	}
	json_array_foreach (json_object_get(params, "connectionParams"), i, one) {
		const char *id = sim_text(one, "id"), *path = sim_text(one, "connection");
		json_t *ids;

		if (!*path)
			path = sim_text(one, "path");
		if (!uuid_is_valid(id) || path[0] != '/') {
			sim_fail(h->sim, "storage connection with id '%s', path '%s'", id, path);
			json_array_append_new(answers, json_pack("{s:s,s:i}", "id", id, "status", 451));
			continue;
		}
		ids = g_hash_table_lookup(h->connections, path);
		if (!ids)
			g_hash_table_insert(h->connections, g_strdup(path), ids = json_object());
		if (is_on)
			json_object_set_new(ids, id, json_true());
		else
			json_object_del(ids, id);
		json_array_append_new(answers, json_pack("{s:s,s:i}", "id", id, "status", 0));
	}
	return answers;
}

static json_t *connect_server(struct sim_host *h, json_t *params, struct err *e)
{
	return each_connection(h, params, true, e);
}

static json_t *disconnect_server(struct sim_host *h, json_t *params, struct err *e)
{
	return each_connection(h, params, false, e);
}

/* ---- domains ---- */

static json_t *domain_create(struct sim_host *h, json_t *params, struct err *e)
{
	const char *id = sim_text(params, "storagedomainID");
	json_t *args = json_object_get(params, "typeArgs");
	const char *path = json_is_string(args) ? json_string_value(args) : sim_text(args, "remotePath");
	struct sim_sd *sd;

	if (!is_connected(h, path))
		return sim_refuse(e, 360, "Storage domain remote path not mounted: %s", path);
	if (g_hash_table_contains(h->sim->storage->domains, id))
		return sim_refuse(e, 365, "Storage domain already exists: %s", id);
	if (sim_int(params, "version") != 5)
		return sim_refuse(e, 394, "Unsupported domain version");
	sd = g_new0(struct sim_sd, 1);
	g_strlcpy(sd->id, id, sizeof(sd->id));
	sd->local = h;
	sd->path = g_strdup(path);
	sd->name = g_strdup(sim_text(params, "name"));
	sd->spm_id = sd->lver = -1;
	sd->pool_domains = json_object();
	sd->volumes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, sim_volume_free);
	sd->tasks = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, sim_task_free);
	g_hash_table_insert(h->sim->storage->domains, sd->id, sd);
	return json_true();
}

static json_t *domain_format(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_sd *sd = sim_sd_find(h, sim_text(params, "storagedomainID"), e);
	struct sim_pool *p;

	if (!sd)
		return NULL;
	p = *sd->pool ? g_hash_table_lookup(h->pools, sd->pool) : NULL;
	if (p && p->is_connected)
		return sim_refuse(e, 392, "Cannot format domain %s: its pool is connected", sd->id);
	if (*sd->pool && !sim_bool(params, "autoDetach"))
		return sim_refuse(e, 391, "Cannot format domain %s: it is attached to pool %s", sd->id, sd->pool);
	g_hash_table_remove(h->sim->storage->domains, sd->id);
	return json_true();
}

static json_t *domain_info(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_sd *sd = sim_sd_find(h, sim_text(params, "storagedomainID"), e);
	json_t *pools;

	if (!sd)
		return NULL;
	pools = json_array();
	if (*sd->pool)
		json_array_append_new(pools, json_string(sd->pool));
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:I,s:I,s:I,s:o,s:s}", "uuid", sd->id, "type", "LOCALFS", "class",
	                 "Data", "name", sd->name, "role", sd->is_master ? "Master" : "Regular", "version", 5,
	                 "master_ver", (json_int_t)sd->master_version, "lver", (json_int_t)sd->lver, "spm_id",
	                 (json_int_t)sd->spm_id, "pool", pools, "remotePath", sd->path);
}

static json_t *domain_stats(struct sim_host *h, json_t *params, struct err *e)
{
	if (!sim_sd_find(h, sim_text(params, "storagedomainID"), e))
		return NULL;
	return json_pack("{s:s,s:s,s:b,s:b}", "disktotal", "1099511627776", "diskfree", "549755813888", "mdavalid", 1,
	                 "mdathreshold", 1);
}

/* ---- domains and pools ---- */

static struct sim_sd *member(struct sim_host *h, json_t *params, struct sim_pool **p, bool must_be_in, struct err *e)
{
	struct sim_sd *sd;

	*p = sim_pool_spm(h, sim_text(params, "storagepoolID"), e);
	sd = *p ? sim_sd_find(h, sim_text(params, "storagedomainID"), e) : NULL;
	if (sd && must_be_in && !json_object_get((*p)->domains, sd->id)) {
		sim_refuse(e, 353, "Storage domain %s is not in pool", sd->id);
		return NULL;
	}
	return sd;
}

static void set_state(struct sim_host *h, struct sim_pool *p, const char *sd, const char *state)
{
	struct sim_sd *master = master_of(h, p);

	if (state)
		json_object_set_new(p->domains, sd, json_string(state));
	else
		json_object_del(p->domains, sd);
	if (master) {
		json_decref(master->pool_domains);
		master->pool_domains = json_deep_copy(p->domains);
	}
}

static json_t *domain_attach(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_pool *p;
	struct sim_sd *sd = member(h, params, &p, false, e);

	if (!sd)
		return NULL;
	if (*sd->pool && strcmp(sd->pool, p->id) != 0)
		return sim_refuse(e, 380, "Storage domain %s is attached to pool %s", sd->id, sd->pool);
	g_strlcpy(sd->pool, p->id, sizeof(sd->pool));
	if (!json_object_get(p->domains, sd->id))
		set_state(h, p, sd->id, "Attached");
	return json_true();
}

static json_t *domain_activate(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_pool *p;
	struct sim_sd *sd = member(h, params, &p, true, e);

	if (!sd)
		return NULL;
	set_state(h, p, sd->id, "Active");
	return json_true();
}

static json_t *domain_deactivate(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_pool *p;
	struct sim_sd *sd = member(h, params, &p, true, e);

	if (!sd)
		return NULL;
	set_state(h, p, sd->id, "Attached");
	return json_true();
}

static json_t *domain_detach(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_pool *p;
	struct sim_sd *sd = member(h, params, &p, true, e);

	if (!sd)
		return NULL;
	if (strcmp(sd->id, p->master) == 0)
		return sim_refuse(e, 383, "Cannot detach master domain %s", sd->id);
	if (strcmp(json_string_value(json_object_get(p->domains, sd->id)), "Active") == 0)
		return sim_refuse(e, 382, "Storage domain %s is active", sd->id);
	sd->pool[0] = 0;
	set_state(h, p, sd->id, NULL);
	return json_true();
}

/* ---- pools ---- */

static json_t *pool_create(struct sim_host *h, json_t *params, struct err *e)
{
	const char *pool = sim_text(params, "storagepoolID");
	struct sim_sd *sd = sim_sd_find(h, sim_text(params, "masterSdUUID"), e), *other;
	json_t *one;
	size_t i;

	if (!sd)
		return NULL;
	if (*sd->pool && strcmp(sd->pool, pool) != 0)
		return sim_refuse(e, 900, "Storage domain %s is a member of pool %s", sd->id, sd->pool);
	json_object_clear(sd->pool_domains);
	json_array_foreach (json_object_get(params, "domainList"), i, one) {
		other = sim_sd_find(h, json_string_value(one), e);
		if (!other)
			return NULL;
		g_strlcpy(other->pool, pool, sizeof(other->pool));
		json_object_set_new(sd->pool_domains, other->id, json_string("Active"));
	}
	json_object_set_new(sd->pool_domains, sd->id, json_string("Active"));
	g_strlcpy(sd->pool, pool, sizeof(sd->pool));
	sd->is_master = true;
	sd->spm_id = -1;
	sd->master_version = sim_int(params, "masterVersion");
	return json_true();
}

static int check_master(struct sim_host *h, json_t *params, struct sim_sd **out, struct err *e)
{
	struct sim_sd *sd = sim_sd_find(h, sim_text(params, "masterSdUUID"), e);
	int64_t version = sim_int(params, "masterVersion");

	*out = sd;
	if (!sd) {
		sim_refuse(e, 304, "Cannot find master domain");
		return -1;
	}
	if (strcmp(sd->pool, sim_text(params, "storagepoolID")) != 0 || !sd->is_master ||
	    sd->master_version < version) {
		sim_refuse(e, 324, "Wrong master: %s", sd->id);
		return -1;
	}
	if (sd->master_version > version) {
		sim_refuse(e, 326, "Master has a higher version");
		return -1;
	}
	return 0;
}

static json_t *pool_connect(struct sim_host *h, json_t *params, struct err *e)
{
	const char *id = sim_text(params, "storagepoolID"), *name;
	json_t *given = json_object_get(params, "domainDict"), *state;
	struct sim_pool *p = g_hash_table_lookup(h->pools, id);
	struct sim_sd *master;

	if (p && p->is_connected && p->host_id != sim_int(params, "hostID"))
		return sim_refuse(e, 325, "Pool %s is connected with another host id", id);
	if (p && (p->is_spm || p->is_contending) && strcmp(p->master, sim_text(params, "masterSdUUID")) != 0)
		return sim_refuse(e, 656, "Operation not allowed while SPM");
	if (check_master(h, params, &master, e) < 0)
		return NULL;
	if (!p) {
		p = g_new0(struct sim_pool, 1);
		g_strlcpy(p->id, id, sizeof(p->id));
		g_hash_table_insert(h->pools, p->id, p);
	}
	p->is_connected = true;
	p->host_id = sim_int(params, "hostID");
	p->master_version = sim_int(params, "masterVersion");
	g_strlcpy(p->master, master->id, sizeof(p->master));
	json_decref(p->domains);
	p->domains = given && !json_is_null(given) ? json_object() : json_deep_copy(master->pool_domains);
	json_object_foreach (given, name, state)
		json_object_set_new(
		    p->domains, name,
		    json_string(g_ascii_strcasecmp(json_string_value(state), "active") == 0 ? "Active" : "Attached"));
	if (!json_object_get(p->domains, master->id))
		json_object_set_new(p->domains, master->id, json_string("Active"));
	return json_true();
}

static json_t *pool_disconnect(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_pool *p = g_hash_table_lookup(h->pools, sim_text(params, "storagepoolID"));

	if (!p || !p->is_connected)
		return json_true();
	if (p->is_spm || p->is_contending)
		return sim_refuse(e, 656, "Operation not allowed while SPM");
	p->is_connected = false;
	return json_true();
}

static bool has_running_tasks(struct sim_host *h, const char *pool)
{
	GHashTableIter it;
	struct sim_task *t;

	g_hash_table_iter_init(&it, h->sim->storage->tasks);
	while (g_hash_table_iter_next(&it, NULL, (void **)&t))
		if (t->host == h && strcmp(t->pool, pool) == 0 && !t->is_finished && t->is_persisted)
			return true;
	return false;
}

/* A new SPM reads them from the master again. */
static void forget_tasks(struct sim_host *h, struct sim_pool *p)
{
	GHashTableIter it;
	struct sim_task *t;

	g_hash_table_iter_init(&it, h->sim->storage->tasks);
	while (g_hash_table_iter_next(&it, NULL, (void **)&t))
		if (t->host == h && strcmp(t->pool, p->id) == 0 && t->is_persisted)
			g_hash_table_iter_remove(&it);
}

static void release(struct sim_host *h, struct sim_pool *p)
{
	struct sim_sd *master = master_of(h, p);

	if (master && master->lease == h) {
		master->lease = NULL;
		master->spm_id = -1;
	}
	p->is_spm = p->is_contending = false;
	forget_tasks(h, p);
}

static json_t *pool_destroy(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_pool *p = sim_pool_spm(h, sim_text(params, "storagepoolID"), e);
	GHashTableIter it;
	struct sim_sd *sd;

	if (!p)
		return NULL;
	if (has_running_tasks(h, p->id))
		return sim_refuse(e, 406, "Task in progress");
	release(h, p);
	g_hash_table_iter_init(&it, h->sim->storage->domains);
	while (g_hash_table_iter_next(&it, NULL, (void **)&sd))
		if (strcmp(sd->pool, p->id) == 0) {
			sd->pool[0] = 0;
			sd->is_master = false;
			sd->master_version = 0;
			json_object_clear(sd->pool_domains);
		}
	p->is_connected = false;
	return json_true();
}

static json_t *pool_info(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_pool *p = sim_pool_find(h, sim_text(params, "storagepoolID"), e);
	json_t *dominfo, *state;
	const char *sd;

	if (!p)
		return NULL;
	dominfo = json_object();
	json_object_foreach (p->domains, sd, state)
		json_object_set_new(dominfo, sd,
		                    json_pack("{s:s,s:s,s:s,s:[],s:s,s:i}", "status", json_string_value(state),
		                              "disktotal", "1099511627776", "diskfree", "549755813888", "alerts",
		                              "isoprefix", "", "version", 5));
	return json_pack("{s:{s:s,s:I,s:s,s:s,s:I,s:I,s:s},s:o}", "info", "master_uuid", p->master, "lver",
	                 (json_int_t)(p->is_spm ? p->lver : -1), "version", "5", "type", "LOCALFS", "master_ver",
	                 (json_int_t)p->master_version, "spm_id", (json_int_t)(p->is_spm ? p->host_id : -1),
	                 "pool_status", "connected", "dominfo", dominfo);
}

static json_t *connected_pools(struct sim_host *h, json_t *params, struct err *e)
{
	json_t *out = json_array();
	GHashTableIter it;
	struct sim_pool *p;

	g_hash_table_iter_init(&it, h->pools);
	while (g_hash_table_iter_next(&it, NULL, (void **)&p))
		if (p->is_connected)
			json_array_append_new(out, json_string(p->id));
	return out;
}

/* ---- SPM ---- */

static json_t *spm_start(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_pool *p = sim_pool_find(h, sim_text(params, "storagepoolID"), e);

	if (!p)
		return NULL;
	if (p->is_spm || p->is_contending)
		return sim_refuse(e, p->is_spm ? 656 : 2005, "Operation not allowed: host is or becomes SPM");
	p->is_contending = true;
	return sim_task_begin(h, "StoragePool.spmStart", p->id, params, false);
}

static json_t *spm_stop(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_pool *p = sim_pool_find(h, sim_text(params, "storagepoolID"), e);

	if (!p)
		return NULL;
	if (p->is_contending || has_running_tasks(h, p->id))
		return sim_refuse(e, 406, "Task in progress: pool %s", p->id);
	release(h, p);
	return json_true();
}

static json_t *spm_status(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_pool *p = sim_pool_find(h, sim_text(params, "storagepoolID"), e);

	if (!p)
		return NULL;
	return json_pack("{s:I,s:s,s:I}", "spmId", (json_int_t)(p->is_spm ? p->host_id : -1), "spmStatus",
	                 p->is_spm          ? "SPM"
	                 : p->is_contending ? "Contend"
	                                    : "Free",
	                 "spmLver", (json_int_t)(p->is_spm ? p->lver : -1));
}

void sim_storage_agent_died(struct sim_host *h)
{
	GHashTableIter it;
	struct sim_sd *sd;
	struct sim_task *t;

	sim_works_agent_died(h);
	g_hash_table_iter_init(&it, h->sim->storage->tasks);
	while (g_hash_table_iter_next(&it, NULL, (void **)&t))
		if (t->host == h)
			g_hash_table_iter_remove(&it);
	g_hash_table_iter_init(&it, h->sim->storage->domains);
	while (g_hash_table_iter_next(&it, NULL, (void **)&sd))
		if (sd->lease == h)
			sd->lease = NULL;
}

json_t *sim_storage_stats(struct sim_host *h)
{
	json_t *out = json_object(), *state;
	GHashTableIter it;
	struct sim_pool *p;
	const char *sd;
	struct err e;

	g_hash_table_iter_init(&it, h->pools);
	while (g_hash_table_iter_next(&it, NULL, (void **)&p)) {
		if (!p->is_connected)
			continue;
		json_object_foreach (p->domains, sd, state) {
			bool is_there = sim_sd_find(h, sd, &e) != NULL;

			if (strcmp(json_string_value(state), "Active") != 0)
				continue;
			json_object_set_new(out, sd,
			                    json_pack("{s:i,s:s,s:s,s:b,s:i,s:b,s:b,s:s,s:s}", "code",
			                              is_there ? 0 : 358, "lastCheck", "1.0", "delay", "0.001", "valid",
			                              (int)is_there, "version", 5, "acquired", 1, "actual", 1,
			                              "disktotal", "1099511627776", "diskfree", "549755813888"));
		}
	}
	return out;
}

const struct sim_verb SIM_STORAGE_VERBS[] = {
	{ "StoragePool.connectStorageServer", "storagepoolID=u domainType=s connectionParams=a", connect_server, true },
	{ "StoragePool.disconnectStorageServer", "storagepoolID=u domainType=s connectionParams=a", disconnect_server,
	  false },
	{ "StorageDomain.create",
	  "storagedomainID=u domainType=s typeArgs=x name=s domainClass=s version=i blockSize=i? maxHosts=i?",
	  domain_create, false },
	{ "StorageDomain.format", "storagedomainID=u autoDetach=b", domain_format, false },
	{ "StorageDomain.getInfo", "storagedomainID=u", domain_info, false },
	{ "StorageDomain.getStats", "storagedomainID=u", domain_stats, false },
	{ "StorageDomain.attach", "storagedomainID=u storagepoolID=u", domain_attach, false },
	{ "StorageDomain.activate", "storagedomainID=u storagepoolID=u", domain_activate, false },
	{ "StorageDomain.deactivate", "storagedomainID=u storagepoolID=u masterSdUUID=u masterVersion=i",
	  domain_deactivate, false },
	{ "StorageDomain.detach", "storagedomainID=u storagepoolID=u masterSdUUID=u? masterVersion=i? force=b?",
	  domain_detach, false },
	{ "StoragePool.create",
	  "storagepoolID=u name=s masterSdUUID=u masterVersion=i domainList=a lockRenewalIntervalSec=i leaseTimeSec=i "
	  "ioOpTimeoutSec=i leaseRetries=i",
	  pool_create, false },
	{ "StoragePool.connect", "storagepoolID=u hostID=i scsiKey=s masterSdUUID=u masterVersion=i domainDict=o?",
	  pool_connect, false },
	{ "StoragePool.disconnect", "storagepoolID=u hostID=i scsiKey=s remove=b?", pool_disconnect, false },
	{ "StoragePool.destroy", "storagepoolID=u hostID=i scsiKey=s", pool_destroy, false },
	{ "StoragePool.getInfo", "storagepoolID=u", pool_info, false },
	{ "Host.getConnectedStoragePools", "", connected_pools, false },
	{ "StoragePool.spmStart", "storagepoolID=u prevID=i prevLver=i enableScsiFencing=b maxHostID=i? domVersion=i?",
	  spm_start, false },
	{ "StoragePool.spmStop", "storagepoolID=u", spm_stop, false },
	{ "StoragePool.getSpmStatus", "storagepoolID=u", spm_status, false },
	{ NULL, NULL, NULL, false },
};
