/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/storage/storage_int.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

#define STORAGE_UID 36
#define STORAGE_GID 36
#define END_TURNS   200

struct storage *storage_of(struct agent *a) { return a->storage; }

void storage_fiber_begin(struct storage *s) { s->n_fibers++; }

void storage_fiber_end(struct storage *s)
{
	s->n_fibers--;
	waitq_wake_all(&s->changed);
}

int storage_settle_error(struct err *e)
{
	struct err cause = *e;

	switch (cause.code) {
	case ERR_AGENT: return -1;
	case ERR_TIMEOUT: return err_agent(e, SC_ACCESS_TIMEOUT, "Access to storage timed out: %.400s", cause.detail);
	case ERR_BUSY: return err_agent(e, SC_BUSY, "Too busy: %.400s", cause.detail);
	case ERR_NETWORK:
	case ERR_CANCELLED: return err_agent(e, SC_STORAGE, "General storage error: %.400s", cause.detail);
	default: return -1;
	}
}

static int make_dir(const char *path, struct err *e)
{
	if (g_mkdir_with_parents(path, 0755) < 0)
		return err_errno(e, errno, "make directory %s", path);
	return 0;
}

int storage_init(struct agent *a, struct err *e)
{
	struct storage *s = g_new0(struct storage, 1);
	bool is_root = geteuid() == 0;

	s->agent = a;
	s->loop = a->loop;
	s->workers = client_host_new(a->loop, is_root ? STORAGE_UID : geteuid(), is_root ? STORAGE_GID : getegid());
	s->mnt_dir = g_build_filename(a->opt.storage_root, "mnt", NULL);
	s->link_dir = g_build_filename(a->opt.run_dir, "storage", NULL);
	s->connections = g_hash_table_new(g_str_hash, g_str_equal);
	s->domains = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, sdomain_free);
	s->pools = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, spool_free);
	s->tasks = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, stask_free);
	s->jobs = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, sjob_free);
	s->locks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	a->storage = s;
	if (make_dir(s->mnt_dir, e) < 0 || make_dir(s->link_dir, e) < 0) {
		storage_deinit(a);
		return err_wrap(e, "storage");
	}
	connections_restore(s);
	return 0;
}

static void kill_workers(struct storage *s)
{
	GHashTableIter it;
	gpointer value;

	g_hash_table_iter_init(&it, s->domains);
	while (g_hash_table_iter_next(&it, NULL, &value)) {
		struct sdomain *d = value;

		sdomain_monitor_stop(d);
		if (d->worker)
			client_kill(d->worker);
	}
	g_hash_table_iter_init(&it, s->tasks);
	while (g_hash_table_iter_next(&it, NULL, &value)) {
		struct stask *t = value;

		if (t->worker)
			client_kill(t->worker);
	}
	slocks_wake(s);
}

/* Our fibers end by themselves once their workers are dead; give them the turns for it. */
static void end_fibers(struct storage *s)
{
	s->is_stopping = true;
	for (int i = 0; i < END_TURNS && s->n_fibers; i++) {
		kill_workers(s);
		loop_turn(s->loop, 5);
	}
	if (s->n_fibers)
		log_warn("storage ends with operations running");
}

static void connection_free(struct connection *c)
{
	g_free(c->path);
	g_free(c->mount);
	json_decref(c->ids);
	g_free(c);
}

void storage_deinit(struct agent *a)
{
	struct storage *s = a->storage;
	GHashTableIter it;
	gpointer value;

	if (!s)
		return;
	end_fibers(s);
	a->storage = NULL;
	if (s->n_fibers)
		return; /* what they hold must stay; the process is about to end */
	g_hash_table_destroy(s->jobs);
	g_hash_table_destroy(s->tasks);
	g_hash_table_destroy(s->pools);
	g_hash_table_destroy(s->domains);
	g_hash_table_destroy(s->locks);
	g_hash_table_iter_init(&it, s->connections);
	while (g_hash_table_iter_next(&it, NULL, &value))
		connection_free(value);
	g_hash_table_destroy(s->connections);
	client_host_free(s->workers);
	g_free(s->mnt_dir);
	g_free(s->link_dir);
	g_free(s);
}

void storage_add_stats(struct agent *a, json_t *stats)
{
	json_t *domains = json_object();
	GHashTableIter it;
	gpointer value;

	if (a->storage) {
		g_hash_table_iter_init(&it, a->storage->domains);
		while (g_hash_table_iter_next(&it, NULL, &value)) {
			const struct sdomain *d = value;

			if (d->is_monitored)
				json_object_set_new(domains, d->id, sdomain_stats_json(d));
		}
	}
	json_object_set_new(stats, "storageDomains", domains);
}

void storage_add_capabilities(struct agent *a, json_t *caps)
{
	json_object_set_new(caps, "domain_versions", json_pack("[i]", 5));
	json_object_set_new(caps, "supported_block_size", json_pack("{s:[i,i,i]}", "LOCALFS", 0, 512, 4096));
}

/* --- the paths of prepared images --- */

static int set_link(const char *target, const char *link, struct err *e)
{
	g_autofree char *temp = g_strdup_printf("%s.new", link);

	unlink(temp);
	if (symlink(target, temp) < 0 || rename(temp, link) < 0)
		return err_agent(e, 1630, "Cannot prepare image: link %s: %s", link, g_strerror(errno));
	return 0;
}

/* RUN/storage/<sd>/<img> leads to the image's directory, so that the bare names of backing files work. */
static int link_image(struct storage *s, const struct sdomain *d, const char *img, struct err *e)
{
	g_autofree char *dir = g_build_filename(s->link_dir, d->id, NULL);
	g_autofree char *link = g_build_filename(dir, img, NULL);
	g_autofree char *target = g_strdup_printf("%s/%s/images/%s", d->mount, d->id, img);

	if (make_dir(dir, e) < 0)
		return -1;
	return set_link(target, link, e);
}

/* The chain from the volume down, as the worker tells it, after linking. New reference or NULL. */
json_t *storage_prepare_chain(struct storage *s, struct sdomain *d, const char *img, const char *vol,
                              bool allow_illegal, struct err *e)
{
	json_t *args = json_pack("{s:s,s:s,s:b}", "img", img, "vol", vol, "allow_illegal", (int)allow_illegal);
	json_t *chain = sdomain_call(d, "image.chain", args, e);

	if (chain && link_image(s, d, img, e) < 0)
		g_clear_pointer(&chain, json_decref);
	return chain;
}

int storage_prepare_volume(struct agent *a, struct pool *p, const char *sd, const char *img, const char *vol,
                           char **path, struct err *e)
{
	struct storage *s = a->storage;
	struct sdomain *d;
	json_t *chain;

	if (!s || !uuid_is_valid(sd) || !uuid_is_valid(img) || !uuid_is_valid(vol))
		return err_agent(e, SC_INVALID_PARAM, "Invalid parameter: domain, image and volume must be UUIDs");
	if (sdomain_find(s, sd, &d, e) < 0)
		return -1;
	chain = storage_prepare_chain(s, d, img, vol, false, e);
	if (!chain)
		return -1;
	json_decref(chain);
	*path = pool_printf(p, "%s/%s/%s/%s", s->link_dir, d->id, img, vol);
	return 0;
}

int storage_teardown_volume(struct agent *a, const char *sd, const char *img, const char *vol, struct err *e)
{
	g_autofree char *link = NULL, *dir = NULL;

	if (!a->storage || !uuid_is_valid(sd) || !uuid_is_valid(img))
		return err_agent(e, SC_INVALID_PARAM, "Invalid parameter: domain and image must be UUIDs");
	dir = g_build_filename(a->storage->link_dir, sd, NULL);
	link = g_build_filename(dir, img, NULL);
	if (unlink(link) < 0 && errno != ENOENT && errno != ENOTDIR)
		return err_agent(e, SC_IMG_PATH, "Tear down image %s: %s", img, g_strerror(errno));
	rmdir(dir);
	return 0;
}

int storage_volume_size(struct agent *a, const char *sd, const char *img, const char *vol,
                        struct storage_volume_size *out, struct err *e)
{
	struct sdomain *d;
	json_t *info;

	if (!a->storage || !uuid_is_valid(sd) || !uuid_is_valid(img) || !uuid_is_valid(vol))
		return err_agent(e, SC_INVALID_PARAM, "Invalid parameter: domain, image and volume must be UUIDs");
	if (sdomain_find(a->storage, sd, &d, e) < 0)
		return -1;
	info = sdomain_call(d, "volume.info", json_pack("{s:s,s:s}", "img", img, "vol", vol), e);
	if (!info)
		return -1;
	out->apparent = json_integer_value(json_object_get(info, "apparentsize"));
	out->allocated = json_integer_value(json_object_get(info, "truesize"));
	out->capacity = json_integer_value(json_object_get(info, "capacity"));
	out->is_cow = g_strcmp0(json_string_value(json_object_get(info, "format")), "COW") == 0;
	json_decref(info);
	return 0;
}
