/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pools (data centers as the storage sees them): which domains belong together and which one is the
 * master. The Manager is the memory of a pool; what the master's metadata says about its domains is
 * kept up for those who read it there.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/storage/sd_meta.h"
#include "agent/storage/storage_int.h"
#include "base/auto.h"
#include "base/log.h"

static struct spool *spool_get(struct storage *s, const char *id)
{
	struct spool *p = g_hash_table_lookup(s->pools, id);

	if (p)
		return p;
	p = g_new0(struct spool, 1);
	g_strlcpy(p->id, id, sizeof(p->id));
	p->storage = s;
	p->lease_fd = -1;
	p->lver = -1;
	p->domains = json_object();
	g_hash_table_insert(s->pools, p->id, p);
	return p;
}

void spool_free(void *arg)
{
	struct spool *p = arg;

	if (p->lease_fd >= 0)
		close(p->lease_fd);
	json_decref(p->domains);
	g_free(p);
}

int spool_find(struct storage *s, const char *id, struct spool **out, struct err *e)
{
	struct spool *p = g_hash_table_lookup(s->pools, id);

	if (!p || !p->is_connected)
		return err_agent(e, SC_POOL_UNKNOWN, "Unknown pool id, pool not connected: %s", id);
	*out = p;
	return 0;
}

int spool_check_spm(const struct spool *p, struct err *e)
{
	if (p->spm != SPM_IS_SPM)
		return err_agent(e, SC_SPM_STATUS, "Not SPM: pool %s", p->id);
	return 0;
}

struct spool *spool_of_domain(struct storage *s, const char *sd)
{
	GHashTableIter it;
	gpointer value;

	g_hash_table_iter_init(&it, s->pools);
	while (g_hash_table_iter_next(&it, NULL, &value)) {
		struct spool *p = value;

		if (p->is_connected && json_object_get(p->domains, sd))
			return p;
	}
	return NULL;
}

/* --- links ROOT/<pool>/<sd> and ROOT/<pool>/mastersd --- */

static void set_link(const char *dir, const char *name, const char *target)
{
	g_autofree char *link = g_build_filename(dir, name, NULL);
	g_autofree char *temp = g_strconcat(link, ".new", NULL);

	unlink(temp);
	if (symlink(target, temp) < 0 || rename(temp, link) < 0)
		log_warn("link of storage pool could not be made", "LINK", link, "ERROR", g_strerror(errno));
}

static char *pool_dir(const struct spool *p)
{
	return g_build_filename(p->storage->agent->opt.storage_root, p->id, NULL);
}

void spool_link_domain(struct spool *p, const struct sdomain *d)
{
	g_autofree char *dir = pool_dir(p);
	g_autofree char *target = g_strdup_printf("%s/%s", d->mount ? d->mount : "", d->id);

	if (!d->mount)
		return;
	g_mkdir_with_parents(dir, 0755);
	set_link(dir, d->id, target);
	if (strcmp(d->id, p->master) == 0)
		set_link(dir, "mastersd", target);
}

void spool_unlink_domain(struct spool *p, const char *sd)
{
	g_autofree char *dir = pool_dir(p);
	g_autofree char *link = g_build_filename(dir, sd, NULL);

	unlink(link);
}

static void unlink_pool(struct spool *p)
{
	g_autofree char *dir = pool_dir(p);
	const char *sd;
	json_t *state;

	json_object_foreach (p->domains, sd, state)
		spool_unlink_domain(p, sd);
	spool_unlink_domain(p, "mastersd");
	rmdir(dir);
}

/* --- domains of a pool --- */

static char *domains_text(const struct spool *p)
{
	GString *out = g_string_new(NULL);
	const char *sd;
	json_t *state;

	json_object_foreach (p->domains, sd, state)
		g_string_append_printf(out, "%s%s:%s", out->len ? "," : "", sd, json_string_value(state));
	return g_string_free(out, FALSE);
}

int spool_set_domain(struct spool *p, const char *sd, const char *state, struct err *e)
{
	g_autofree char *text = NULL;
	struct sdomain *master;

	if (state)
		json_object_set_new(p->domains, sd, json_string(state));
	else
		json_object_del(p->domains, sd);
	if (sdomain_find(p->storage, p->master, &master, e) < 0)
		return -1;
	text = domains_text(p);
	return sdomain_update(master, json_pack("{s:s}", "POOL_DOMAINS", text), e);
}

/* States come in either case; unknown ones are left out. */
static const char *state_name(const char *s)
{
	if (s && g_ascii_strcasecmp(s, "active") == 0)
		return "Active";
	if (s && (g_ascii_strcasecmp(s, "attached") == 0 || g_ascii_strcasecmp(s, "locked") == 0))
		return "Attached";
	return NULL;
}

static json_t *domains_of_text(const char *text)
{
	g_auto(GStrv) parts = g_strsplit(text, ",", STORAGE_MAX_POOL_DOMAINS);
	json_t *out = json_object();

	for (char **p = parts; *p; p++) {
		char *colon = strchr(*p, ':');
		const char *state = colon ? state_name(colon + 1) : NULL;

		if (colon)
			*colon = 0;
		if (state && uuid_is_valid(*p))
			json_object_set_new(out, *p, json_string(state));
	}
	return out;
}

static int read_domain_dict(struct verb_call *c, const json_t *master_meta, const char *master, json_t **out,
                            struct err *e)
{
	json_t *given, *value, *domains;
	const char *sd;

	if (verb_object_or(c, "domainDict", &given, e) < 0)
		return -1;
	if (json_object_size(given) > STORAGE_MAX_POOL_DOMAINS)
		return err_agent(e, SC_POOL_TOO_MANY_DOMAINS, "Too many domains in the pool");
	domains = given ? json_object() : domains_of_text(sd_meta_get(master_meta, "POOL_DOMAINS"));
	json_object_foreach (given, sd, value) {
		const char *state = state_name(json_string_value(value));
		g_autofree char *lower = g_ascii_strdown(sd, -1);

		if (state && uuid_is_valid(sd))
			json_object_set_new(domains, lower, json_string(state));
	}
	if (!json_object_get(domains, master))
		json_object_set_new(domains, master, json_string("Active"));
	*out = domains;
	return 0;
}

/* --- create --- */

static int check_joinable(struct sdomain *d, const char *pool, struct err *e)
{
	const json_t *meta = sdomain_read(d, e);
	const char *of = meta ? sd_meta_get(meta, "POOL_UUID") : "";

	if (!meta || sdomain_check_writable(d, e) < 0)
		return -1;
	if (*of && !sd_meta_in_pool(meta, pool))
		return err_agent(e, 900, "Storage domain %s is a member of pool %s", d->id, of);
	return 0;
}

/* First the others, the master last: with it the pool exists. */
static int create_members(struct storage *s, json_t *list, const char *pool, const char *master, GString *text,
                          struct err *e)
{
	struct sdomain *d;
	json_t *one;
	size_t i;

	g_string_append_printf(text, "%s:Active", master);
	json_array_foreach (list, i, one) {
		const char *id = json_string_value(one);

		if (!id || !uuid_is_valid(id))
			return err_field(e, ERR_INVALID, "domainList", "parameter domainList must hold UUIDs");
		if (g_ascii_strcasecmp(id, master) == 0)
			continue;
		if (sdomain_find(s, id, &d, e) < 0 || check_joinable(d, pool, e) < 0 ||
		    sdomain_update(d, json_pack("{s:s,s:s}", "POOL_UUID", pool, "ROLE", "Regular"), e) < 0)
			return -1;
		g_string_append_printf(text, ",%s:Active", d->id);
	}
	return 0;
}

int sverb_pool_create(struct agent *a, struct verb_call *c, struct err *e)
{
	struct storage *s = storage_of(a);
	g_autoptr(GString) text = g_string_new(NULL);
	const char *pool, *name, *master;
	struct sdomain *d;
	int64_t version;
	json_t *list, *set;

	if (verb_uuid(c, "storagepoolID", &pool, e) < 0 || verb_string(c, "name", &name, e) < 0 ||
	    verb_uuid(c, "masterSdUUID", &master, e) < 0 ||
	    verb_int(c, "masterVersion", 0, G_MAXINT32, &version, e) < 0 || verb_array(c, "domainList", &list, e) < 0)
		return -1;
	if (json_array_size(list) > STORAGE_MAX_POOL_DOMAINS)
		return err_agent(e, SC_POOL_TOO_MANY_DOMAINS, "Too many domains in the pool");
	if (g_utf8_strlen(name, -1) > SD_NAME_MAX)
		return err_agent(e, 327, "Pool name of more than %d characters", SD_NAME_MAX);
	if (sdomain_find(s, master, &d, e) < 0 || check_joinable(d, pool, e) < 0)
		return -1;
	if (create_members(s, list, pool, master, text, e) < 0)
		return -1;
	set = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "POOL_UUID", pool, "ROLE", "Master", "POOL_DESCRIPTION", name,
	                "POOL_DOMAINS", text->str, "POOL_SPM_ID", "-1", "POOL_SPM_LVER", "-1", "MASTER_VERSION", "0");
	sd_meta_set_int(set, "MASTER_VERSION", version);
	return sdomain_update(d, set, e);
}

/* --- connect --- */

static int check_master(struct spool *p, const char *pool, const char *master, int64_t version, const json_t **meta,
                        struct err *e)
{
	struct storage *s = p->storage;
	struct sdomain *d;
	int64_t found;

	if (sdomain_find(s, master, &d, e) < 0) {
		if (e->agent_code != SC_SD_MISSING)
			return -1;
		return err_agent(e, SC_POOL_NO_MASTER, "Cannot find master domain %s of pool %s", master, pool);
	}
	*meta = sdomain_read(d, e);
	if (!*meta)
		return -1;
	if (!sd_meta_in_pool(*meta, pool))
		return err_agent(e, SC_POOL_WRONG_MASTER, "Wrong master: domain %s does not belong to pool %s", master,
		                 pool);
	found = sd_meta_get_int(*meta, "MASTER_VERSION", -1);
	if (strcmp(sd_meta_get(*meta, "ROLE"), "Master") != 0 || found < version)
		return err_agent(e, SC_POOL_WRONG_MASTER, "Wrong master: domain %s is %s with version %lld", master,
		                 sd_meta_get(*meta, "ROLE"), (long long)found);
	if (found > version)
		return err_agent(e, SC_POOL_HIGHER_MASTER, "Master domain %s has version %lld, asked for %lld", master,
		                 (long long)found, (long long)version);
	return 0;
}

static void apply_domains(struct spool *p, json_t *domains)
{
	const char *sd;
	json_t *state;

	json_object_foreach (p->domains, sd, state)
		if (!json_object_get(domains, sd)) {
			sdomain_monitor_stop(sdomain_get(p->storage, sd));
			spool_unlink_domain(p, sd);
		}
	json_decref(p->domains);
	p->domains = domains;
	json_object_foreach (domains, sd, state) {
		struct sdomain *d = sdomain_get(p->storage, sd);

		spool_link_domain(p, d);
		if (strcmp(json_string_value(state), "Active") == 0)
			sdomain_monitor_start(d);
		else
			sdomain_monitor_stop(d);
	}
}

int sverb_pool_connect(struct agent *a, struct verb_call *c, struct err *e)
{
	struct storage *s = storage_of(a);
	const char *id, *master;
	int64_t host_id, version;
	const json_t *meta = NULL;
	json_t *domains;
	struct spool *p;

	if (verb_uuid(c, "storagepoolID", &id, e) < 0 || verb_int(c, "hostID", 0, 2000, &host_id, e) < 0 ||
	    verb_uuid(c, "masterSdUUID", &master, e) < 0 ||
	    verb_int(c, "masterVersion", 0, G_MAXINT32, &version, e) < 0)
		return -1;
	p = spool_get(s, id);
	if (p->is_connected && p->host_id != host_id)
		return err_agent(e, SC_POOL_CONNECTED, "Pool %s is connected with host id %lld", id,
		                 (long long)p->host_id);
	if (p->spm != SPM_FREE && strcmp(p->master, master) != 0)
		return err_agent(e, SC_IS_SPM, "Operation not allowed while SPM: pool %s has another master", id);
	if (check_master(p, id, master, version, &meta, e) < 0)
		return -1;
	if (read_domain_dict(c, meta, master, &domains, e) < 0)
		return -1;
	p->is_connected = true;
	p->host_id = host_id;
	p->master_version = version;
	g_strlcpy(p->master, master, sizeof(p->master));
	apply_domains(p, domains);
	return 0;
}

static void disconnect(struct spool *p)
{
	const char *sd;
	json_t *state;

	json_object_foreach (p->domains, sd, state)
		sdomain_monitor_stop(sdomain_get(p->storage, sd));
	unlink_pool(p);
	json_object_clear(p->domains);
	p->is_connected = false;
	p->master[0] = 0;
	p->lver = -1;
}

int sverb_pool_disconnect(struct agent *a, struct verb_call *c, struct err *e)
{
	const char *id;
	struct spool *p;

	if (verb_uuid(c, "storagepoolID", &id, e) < 0)
		return -1;
	p = g_hash_table_lookup(storage_of(a)->pools, id);
	if (!p || !p->is_connected)
		return 0;
	if (p->spm != SPM_FREE)
		return err_agent(e, SC_IS_SPM, "Operation not allowed while SPM: pool %s", id);
	disconnect(p);
	return 0;
}

/* Every domain leaves the pool; the master last, for until then the pool exists. */
int sverb_pool_destroy(struct agent *a, struct verb_call *c, struct err *e)
{
	struct storage *s = storage_of(a);
	const char *id, *sd;
	auto_json *domains = NULL;
	struct sdomain *d;
	struct spool *p;
	json_t *state;

	if (verb_uuid(c, "storagepoolID", &id, e) < 0 || spool_find(s, id, &p, e) < 0 || spool_check_spm(p, e) < 0)
		return -1;
	if (stasks_are_running(p))
		return err_agent(e, 406, "Task in progress: pool %s", id);
	domains = json_copy(p->domains); /* we wait, and it may change */
	json_object_foreach (domains, sd, state) {
		if (strcmp(sd, p->master) == 0 || sdomain_find(s, sd, &d, e) < 0)
			continue;
		if (sdomain_update(d, json_pack("{s:s,s:s}", "POOL_UUID", "", "ROLE", "Regular"), e) < 0)
			return -1;
	}
	if (sdomain_find(s, p->master, &d, e) < 0)
		return -1;
	spm_release(p);
	if (sdomain_update(d,
	                   json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "POOL_UUID", "", "ROLE", "Regular", "POOL_DOMAINS",
	                             "", "POOL_DESCRIPTION", "", "POOL_SPM_ID", "-1", "MASTER_VERSION", "0"),
	                   e) < 0)
		return -1;
	disconnect(p);
	return 0;
}

/* --- information --- */

static json_t *domain_info(struct spool *p, const char *sd, const char *state)
{
	const struct sdomain *d = sdomain_get(p->storage, sd);
	char total[24], avail[24];
	json_t *info = json_pack("{s:s,s:[],s:s,s:i}", "status", d->is_monitored && d->code ? "Unknown" : state,
	                         "alerts", "isoprefix", "", "version", (int)sd_meta_get_int(d->meta, "VERSION", -1));

	if (d->is_checked && d->total_bytes) {
		g_snprintf(total, sizeof(total), "%lld", (long long)d->total_bytes);
		g_snprintf(avail, sizeof(avail), "%lld", (long long)d->free_bytes);
		json_object_set_new(info, "disktotal", json_string(total));
		json_object_set_new(info, "diskfree", json_string(avail));
	}
	return info;
}

int sverb_pool_info(struct agent *a, struct verb_call *c, struct err *e)
{
	struct storage *s = storage_of(a);
	g_autofree char *text = NULL;
	const char *id, *sd;
	struct sdomain *master;
	json_t *state, *dominfo, *info;
	struct spool *p;
	char version[16];

	if (verb_uuid(c, "storagepoolID", &id, e) < 0 || spool_find(s, id, &p, e) < 0)
		return -1;
	master = sdomain_get(s, p->master);
	if (!master->meta && !sdomain_read(master, e))
		return -1;
	dominfo = json_object();
	json_object_foreach (p->domains, sd, state)
		json_object_set_new(dominfo, sd, domain_info(p, sd, json_string_value(state)));
	text = domains_text(p);
	g_snprintf(version, sizeof(version), "%d", (int)sd_meta_get_int(master->meta, "VERSION", -1));
	info = json_pack("{s:s,s:I,s:s,s:s,s:s,s:I,s:s,s:I,s:s,s:s}", "master_uuid", p->master, "lver",
	                 (json_int_t)(p->spm == SPM_IS_SPM ? p->lver : -1), "version", version, "type",
	                 sd_meta_get(master->meta, "TYPE"), "name", sd_meta_get(master->meta, "POOL_DESCRIPTION"),
	                 "master_ver", (json_int_t)p->master_version, "domains", text, "spm_id",
	                 (json_int_t)(p->spm == SPM_IS_SPM ? p->host_id : -1), "isoprefix", "", "pool_status",
	                 "connected");
	c->result = json_pack("{s:o,s:o}", "info", info, "dominfo", dominfo);
	return 0;
}

int sverb_connected_pools(struct agent *a, struct verb_call *c, struct err *e)
{
	GHashTableIter it;
	gpointer value;

	c->result = json_array();
	g_hash_table_iter_init(&it, storage_of(a)->pools);
	while (g_hash_table_iter_next(&it, NULL, &value))
		if (((struct spool *)value)->is_connected)
			json_array_append_new(c->result, json_string(((struct spool *)value)->id));
	return 0;
}
