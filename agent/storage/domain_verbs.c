/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/storage/sd_meta.h"
#include "agent/storage/storage_int.h"
#include "base/auto.h"
#include "base/log.h"

#define FORMAT_MS (30 * 60 * 1000)

static int find_domain(struct agent *a, struct verb_call *c, struct sdomain **d, struct err *e)
{
	const char *id;

	if (verb_uuid(c, "storagedomainID", &id, e) < 0)
		return -1;
	return sdomain_find(storage_of(a), id, d, e);
}

/* --- create and format --- */

static int check_choices(struct verb_call *c, int64_t *block_size, int64_t *max_hosts, struct err *e)
{
	const char *type, *sd_class, *name;
	int64_t version;

	if (verb_string(c, "domainType", &type, e) < 0 || verb_string_or(c, "domainClass", "Data", &sd_class, e) < 0 ||
	    verb_string(c, "name", &name, e) < 0 || verb_int_or(c, "version", 0, 100, 5, &version, e) < 0 ||
	    verb_int_or(c, "blockSize", 0, 4096, 512, block_size, e) < 0 ||
	    verb_int_or(c, "maxHosts", 0, 2000, 2000, max_hosts, e) < 0)
		return -1;
	if (strcmp(type, "4") != 0 && g_ascii_strcasecmp(type, "LOCALFS") != 0)
		return err_agent(e, SC_SD_TYPE, "Storage domain type %.32s is not supported by this agent yet", type);
	if (strcmp(sd_class, "Data") != 0 && strcmp(sd_class, "1") != 0)
		return err_agent(e, SC_SD_CLASS,
		                 "Storage domain class %.32s is not supported: only Data can be created", sd_class);
	if (version != 5)
		return err_agent(e, SC_SD_VERSION, "Unsupported domain version: %lld, only 5 can be created",
		                 (long long)version);
	if (*block_size > 1 && *block_size != 512 && *block_size != 4096)
		return err_agent(e, SC_INVALID_PARAM, "Invalid parameter: block size %lld", (long long)*block_size);
	if (!g_utf8_validate(name, -1, NULL) || g_utf8_strlen(name, -1) > SD_NAME_MAX)
		return err_agent(e, SC_SD_NAME_TOO_LONG, "Domain name of more than %d characters", SD_NAME_MAX);
	return 0;
}

static int find_target(struct agent *a, struct verb_call *c, struct connection **out, struct err *e)
{
	const char *path;

	/* The bare path, or an object with it. */
	if (json_is_string(json_object_get(c->params, "typeArgs"))) {
		if (verb_string(c, "typeArgs", &path, e) < 0)
			return -1;
	} else if (verb_string(c, "typeArgs.remotePath", &path, e) < 0) {
		return -1;
	}
	*out = connection_find(storage_of(a), path);
	if (!*out)
		return err_agent(e, SC_SD_NOT_MOUNTED, "Storage domain remote path not mounted: %.200s", path);
	return 0;
}

int sverb_domain_create(struct agent *a, struct verb_call *c, struct err *e)
{
	struct storage *s = storage_of(a);
	struct connection *conn;
	int64_t block_size, max_hosts;
	struct client *w;
	struct sdomain *d;
	const char *id;
	json_t *result;

	if (verb_uuid(c, "storagedomainID", &id, e) < 0 || check_choices(c, &block_size, &max_hosts, e) < 0 ||
	    find_target(a, c, &conn, e) < 0 || slock_take(s, conn->mount, true, e) < 0)
		return -1;
	w = client_new(s->workers, -1);
	storage_fiber_begin(s);
	result =
	    client_call(w, "domain.create",
	                json_pack("{s:s,s:s,s:O,s:s,s:s,s:s,s:I,s:I}", "mount", conn->mount, "sd", id, "name",
	                          json_object_get(c->params, "name"), "type", "LOCALFS", "class", "Data", "remote_path",
	                          conn->path, "block_size", (json_int_t)block_size, "max_hosts", (json_int_t)max_hosts),
	                STORAGE_CALL_MS, NULL, e);
	client_free(w);
	slock_release(s, conn->mount, true);
	storage_fiber_end(s);
	if (!result)
		return storage_settle_error(e);
	json_decref(result);
	d = sdomain_get(s, id);
	g_free(d->mount);
	d->mount = g_strdup(conn->mount);
	log_info("storage domain created", "DOMAIN", id, "PATH", conn->path);
	return 0;
}

static int check_formattable(struct sdomain *d, bool auto_detach, struct err *e)
{
	const json_t *meta;

	if (spool_of_domain(d->storage, d->id))
		return err_agent(e, SC_SD_FORMAT_CONNECTED, "Cannot format domain %s: its pool is connected", d->id);
	meta = sdomain_read(d, e);
	if (!meta)
		return -1;
	if (*sd_meta_get(meta, "POOL_UUID") && !auto_detach)
		return err_agent(e, SC_SD_FORMAT_ATTACHED, "Cannot format domain %s: it is attached to pool %s", d->id,
		                 sd_meta_get(meta, "POOL_UUID"));
	return 0;
}

int sverb_domain_format(struct agent *a, struct verb_call *c, struct err *e)
{
	struct sdomain *d;
	bool auto_detach;
	json_t *result;

	if (find_domain(a, c, &d, e) < 0 || verb_bool_or(c, "autoDetach", false, &auto_detach, e) < 0 ||
	    check_formattable(d, auto_detach, e) < 0 || slock_take(d->storage, d->id, true, e) < 0)
		return -1;
	result = sdomain_call_alone(d, "domain.format", json_object(), FORMAT_MS, e);
	slock_release(d->storage, d->id, true);
	if (!result)
		return -1;
	json_decref(result);
	g_clear_pointer(&d->mount, g_free);
	g_clear_pointer(&d->meta, json_decref);
	if (d->worker)
		client_kill(d->worker);
	log_info("storage domain formatted", "DOMAIN", d->id);
	return 0;
}

/* --- information --- */

static json_t *pools_json(const json_t *meta)
{
	g_auto(GStrv) pools = g_strsplit(sd_meta_get(meta, "POOL_UUID"), ",", 64);
	json_t *out = json_array();

	for (char **p = pools; *p; p++)
		if (uuid_is_valid(*p))
			json_array_append_new(out, json_string(*p));
	return out;
}

int sverb_domain_info(struct agent *a, struct verb_call *c, struct err *e)
{
	const struct spool *p;
	const json_t *m;
	struct sdomain *d;
	bool is_spm;

	if (find_domain(a, c, &d, e) < 0)
		return -1;
	m = sdomain_read(d, e);
	if (!m)
		return -1;
	p = spool_of_domain(d->storage, d->id);
	is_spm = p && p->spm == SPM_IS_SPM && strcmp(p->master, d->id) == 0;
	c->result =
	    json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:i,s:i,s:i,s:i,s:i,s:o,s:s}", "uuid", d->id, "type",
	              sd_meta_get(m, "TYPE"), "class", sd_meta_get(m, "CLASS"), "name", sd_meta_get(m, "DESCRIPTION"),
	              "role", sd_meta_get(m, "ROLE"), "version", (int)sd_meta_get_int(m, "VERSION", -1), "master_ver",
	              (int)sd_meta_get_int(m, "MASTER_VERSION", 0), "lver", is_spm ? (int)p->lver : -1, "spm_id",
	              is_spm ? (int)p->host_id : -1, "block_size", (int)sd_meta_get_int(m, "BLOCK_SIZE", 512),
	              "alignment", (int)sd_meta_get_int(m, "ALIGNMENT", 1048576), "pool", pools_json(m), "remotePath",
	              sd_meta_get(m, "REMOTE_PATH"));
	return 0;
}

int sverb_domain_stats(struct agent *a, struct verb_call *c, struct err *e)
{
	struct sdomain *d;
	json_t *result;

	if (find_domain(a, c, &d, e) < 0)
		return -1;
	result = sdomain_call(d, "domain.check", json_object(), e);
	if (!result)
		return -1;
	c->result =
	    json_pack("{s:O,s:O,s:b,s:b,s:i,s:i}", "disktotal", json_object_get(result, "total"), "diskfree",
	              json_object_get(result, "free"), "mdavalid", 1, "mdathreshold", 1, "mdasize", 0, "mdafree", 0);
	json_decref(result);
	return 0;
}

int sverb_domain_images(struct agent *a, struct verb_call *c, struct err *e)
{
	struct sdomain *d;
	json_t *result;

	if (find_domain(a, c, &d, e) < 0)
		return -1;
	result = sdomain_call(d, "image.list", json_object(), e);
	if (!result)
		return -1;
	c->result = json_incref(json_object_get(result, "images"));
	json_decref(result);
	return 0;
}

int sdomain_volumes(struct sdomain *d, const char *img, struct verb_call *c, struct err *e)
{
	json_t *result = sdomain_call(d, "image.volumes", json_pack("{s:s}", "img", img), e), *value;
	const char *vol;

	if (!result)
		return -1;
	c->result = json_array();
	json_object_foreach (json_object_get(result, "volumes"), vol, value)
		json_array_append_new(c->result, json_string(vol));
	json_decref(result);
	return 0;
}

/* Image optional: without it all volumes of the domain. */
int sverb_domain_volumes(struct agent *a, struct verb_call *c, struct err *e)
{
	struct sdomain *d;
	const char *img;

	if (find_domain(a, c, &d, e) < 0 || verb_uuid_or(c, "imageID", UUID_NIL, &img, e) < 0)
		return -1;
	return sdomain_volumes(d, img, c, e);
}

static bool is_wanted(struct verb_call *c, const char *param, const char *have)
{
	const char *want = json_string_value(json_object_get(c->params, param));

	return !want || !*want || strcmp(want, UUID_NIL) == 0 || g_ascii_strcasecmp(want, have) == 0;
}

static bool pool_is_wanted(struct verb_call *c, const json_t *meta)
{
	const char *want = json_string_value(json_object_get(c->params, "storagepoolID"));

	return !want || !*want || strcmp(want, UUID_NIL) == 0 || sd_meta_in_pool(meta, want);
}

static bool path_is_wanted(struct storage *s, struct verb_call *c, const struct sdomain *d)
{
	const char *path = json_string_value(json_object_get(c->params, "remotePath"));
	const struct connection *conn = path && *path ? connection_find(s, path) : NULL;

	return !path || !*path || (conn && g_strcmp0(conn->mount, d->mount) == 0);
}

int sverb_all_domains(struct agent *a, struct verb_call *c, struct err *e)
{
	struct storage *s = storage_of(a);
	g_autoptr(GList) all = NULL;
	struct err none = ERR_INIT;
	struct sdomain *unused;

	sdomain_find(s, UUID_NIL, &unused, &none); /* nobody has that id: everything is searched */
	all = g_hash_table_get_values(s->domains);
	c->result = json_array();
	for (GList *l = all; l; l = l->next) {
		struct sdomain *d = l->data;
		struct err broken = ERR_INIT;
		const json_t *m = d->mount ? sdomain_read(d, &broken) : NULL;

		if (m && path_is_wanted(s, c, d) && is_wanted(c, "domainClass", sd_meta_get(m, "CLASS")) &&
		    is_wanted(c, "storageType", sd_meta_get(m, "TYPE")) && pool_is_wanted(c, m))
			json_array_append_new(c->result, json_string(d->id));
	}
	return 0;
}

/* --- a domain and its pool --- */

static int find_in_pool(struct agent *a, struct verb_call *c, struct sdomain **d, struct spool **p, bool is_member,
                        struct err *e)
{
	const char *pool;

	if (verb_uuid(c, "storagepoolID", &pool, e) < 0 || spool_find(storage_of(a), pool, p, e) < 0 ||
	    spool_check_spm(*p, e) < 0 || find_domain(a, c, d, e) < 0)
		return -1;
	if (is_member && !json_object_get((*p)->domains, (*d)->id))
		return err_agent(e, SC_SD_NOT_IN_POOL, "Storage domain %s is not in pool %s", (*d)->id, pool);
	return 0;
}

int sverb_domain_attach(struct agent *a, struct verb_call *c, struct err *e)
{
	const json_t *meta;
	struct sdomain *d;
	struct spool *p;

	if (find_in_pool(a, c, &d, &p, false, e) < 0 || sdomain_check_writable(d, e) < 0)
		return -1;
	meta = sdomain_read(d, e);
	if (!meta)
		return -1;
	if (sd_meta_in_pool(meta, p->id) && json_object_get(p->domains, d->id))
		return 0;
	if (*sd_meta_get(meta, "POOL_UUID") && !sd_meta_in_pool(meta, p->id))
		return err_agent(e, SC_SD_ALREADY_ATTACHED, "Storage domain %s is attached to pool %s", d->id,
		                 sd_meta_get(meta, "POOL_UUID"));
	if (json_object_size(p->domains) >= STORAGE_MAX_POOL_DOMAINS)
		return err_agent(e, SC_POOL_TOO_MANY_DOMAINS, "Too many domains in the pool");
	if (sdomain_update(d, json_pack("{s:s,s:s}", "POOL_UUID", p->id, "ROLE", "Regular"), e) < 0 ||
	    spool_set_domain(p, d->id, "Attached", e) < 0)
		return -1;
	spool_link_domain(p, d);
	return 0;
}

int sverb_domain_activate(struct agent *a, struct verb_call *c, struct err *e)
{
	struct err garbage = ERR_INIT;
	struct sdomain *d;
	struct spool *p;
	json_t *result = NULL;

	if (find_in_pool(a, c, &d, &p, true, e) < 0 || !sdomain_read(d, e) || sdomain_check_writable(d, e) < 0)
		return -1;
	if (slock_take(d->storage, d->id, true, &garbage) == 0) {
		result = sdomain_call_alone(d, "domain.collect", json_object(), 10 * STORAGE_CALL_MS, &garbage);
		slock_release(d->storage, d->id, true);
	}
	if (!result)
		log_warn("garbage could not be collected", "DOMAIN", d->id, "ERROR", garbage.detail);
	json_decref(result);
	if (spool_set_domain(p, d->id, "Active", e) < 0)
		return -1;
	spool_link_domain(p, d);
	sdomain_monitor_start(d);
	return 0;
}

/* Deactivating the master without naming another is how the last domain goes down. */
int sverb_domain_deactivate(struct agent *a, struct verb_call *c, struct err *e)
{
	const char *successor;
	struct sdomain *d;
	struct spool *p;

	if (find_in_pool(a, c, &d, &p, true, e) < 0 || verb_uuid_or(c, "masterSdUUID", UUID_NIL, &successor, e) < 0)
		return -1;
	if (strcmp(d->id, p->master) == 0 && strcmp(successor, UUID_NIL) != 0 && strcmp(successor, d->id) != 0)
		return err_agent(e, SC_NOT_IMPLEMENTED,
		                 "Moving the master role to another domain is not implemented yet");
	if (slock_take(d->storage, d->id, true, e) < 0) /* until its tasks have ended */
		return -1;
	slock_release(d->storage, d->id, true);
	if (spool_set_domain(p, d->id, "Attached", e) < 0)
		return -1;
	sdomain_monitor_stop(d);
	return 0;
}

int sverb_domain_detach(struct agent *a, struct verb_call *c, struct err *e)
{
	struct sdomain *d;
	struct spool *p;

	if (find_in_pool(a, c, &d, &p, true, e) < 0)
		return -1;
	if (strcmp(d->id, p->master) == 0)
		return err_agent(e, SC_SD_DETACH_MASTER, "Cannot detach master domain %s", d->id);
	if (strcmp(json_string_value(json_object_get(p->domains, d->id)), "Active") == 0)
		return err_agent(e, SC_SD_ACTIVE, "Storage domain %s is active", d->id);
	/* The domain first: a member that does not know of its pool can be attached again. */
	if (sdomain_update(d, json_pack("{s:s,s:s}", "POOL_UUID", "", "ROLE", "Regular"), e) < 0 ||
	    spool_set_domain(p, d->id, NULL, e) < 0)
		return -1;
	spool_unlink_domain(p, d->id);
	return 0;
}

int sverb_domain_set_description(struct agent *a, struct verb_call *c, struct err *e)
{
	const char *text;
	struct sdomain *d;

	if (find_domain(a, c, &d, e) < 0 || verb_string(c, "description", &text, e) < 0)
		return -1;
	if (!g_utf8_validate(text, -1, NULL) || g_utf8_strlen(text, -1) > SD_NAME_MAX)
		return err_agent(e, SC_SD_NAME_TOO_LONG, "Domain description of more than %d characters", SD_NAME_MAX);
	if (sdomain_check_writable(d, e) < 0)
		return -1;
	return sdomain_update(d, json_pack("{s:s}", "DESCRIPTION", text), e);
}

int sverb_repo_stats(struct agent *a, struct verb_call *c, struct err *e)
{
	auto_json *all = json_object();

	storage_add_stats(a, all);
	c->result = json_incref(json_object_get(all, "storageDomains"));
	return 0;
}
