/* SPDX-License-Identifier: Apache-2.0 */
/* Worker: images, chains of volumes; removing them, and removing what was left behind. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "agent/storage/fs.h"
#include "agent/storage/storage_codes.h"
#include "agent/storage/worker.h"
#include "base/auto.h"
#include "base/log.h"

#define REMOVE_PREFIX "_remove_me_"
#define ZERO_PREFIX   REMOVE_PREFIX "ZERO_"
#define MAX_CHAIN     200
#define MAX_IMAGES    100000

static int add_image(int dir, const char *name, void *arg, struct err *e)
{
	if (json_array_size(arg) >= MAX_IMAGES)
		return err_agent(e, SC_STORAGE, "more than %d images", MAX_IMAGES);
	if (uuid_is_valid(name))
		json_array_append_new(arg, json_string(name));
	return 0;
}

static json_t *image_list(struct worker_ctx *w, const json_t *args, struct err *e)
{
	auto_wdom d = WDOM_INIT;
	json_t *found = json_array();

	if (wdom_open(&d, args, e) < 0 || fs_each(d.images, add_image, found, e) < 0)
		g_clear_pointer(&found, json_decref);
	return found ? json_pack("{s:o}", "images", found) : NULL;
}

static int add_volumes(struct worker_ctx *w, const struct wdom *d, const char *img, json_t *found, struct err *e)
{
	auto_close int fd = wimg_open(d, img, e);
	struct wvol_list list;

	if (fd < 0 || wvol_list(w, fd, &list, e) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++)
		json_object_set_new(found, list.ids[i], json_string(img));
	return 0;
}

/* Volumes of one image, or of all: an object of volume -> image. */
static json_t *image_volumes(struct worker_ctx *w, const json_t *args, struct err *e)
{
	const char *img = warg_uuid(args, "img", e);
	auto_wdom d = WDOM_INIT;
	auto_json *images = json_array();
	json_t *found = json_object(), *one;
	bool is_all = img && strcmp(img, UUID_NIL) == 0;
	size_t i;

	if (!img || wdom_open(&d, args, e) < 0 || (is_all && fs_each(d.images, add_image, images, e) < 0) ||
	    (!is_all && add_volumes(w, &d, img, found, e) < 0))
		g_clear_pointer(&found, json_decref);
	json_array_foreach (images, i, one) {
		struct err gone = ERR_INIT; /* deleted while we look */

		if (found)
			add_volumes(w, &d, json_string_value(one), found, &gone);
	}
	return found ? json_pack("{s:o}", "volumes", found) : NULL;
}

/* From the volume down to its base, as metadata tells it. */
static json_t *image_chain(struct worker_ctx *w, const json_t *args, struct err *e)
{
	const char *img = warg_uuid(args, "img", e), *vol = img ? warg_uuid(args, "vol", e) : NULL;
	auto_wdom d = WDOM_INIT;
	auto_json *chain = json_array();
	auto_close int fd = -1;
	struct vol_meta m;

	if (!vol || wdom_open(&d, args, e) < 0)
		return NULL;
	fd = wimg_open(&d, img, e);
	if (fd < 0)
		return NULL;
	for (const char *at = vol; strcmp(at, UUID_NIL) != 0; at = pool_strdup(w->pool, m.parent)) {
		struct stat st;

		if (json_array_size(chain) >= MAX_CHAIN) {
			err_agent(e, SC_IMG_CHAIN, "Image %s is not a legal chain: too long or circular", img);
			return NULL;
		}
		if (wvol_read(fd, at, &m, e) < 0)
			return NULL;
		if (at == vol && m.legality == VOL_ILLEGAL && !warg_bool(args, "allow_illegal")) {
			err_agent(e, SC_VOL_PREPARE_ILLEGAL, "Cannot prepare illegal volume %s", vol);
			return NULL;
		}
		if (fstatat(fd, at, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode)) {
			err_agent(e, SC_IMG_CHAIN, "Image %s is not a legal chain: volume %s has no data", img, at);
			return NULL;
		}
		json_array_append_new(chain,
		                      json_pack("{s:s,s:s,s:I,s:s}", "vol", at, "format", vol_format_name(m.format),
		                                "capacity", (json_int_t)m.capacity, "role", vol_role_name(m.role)));
	}
	return json_pack("{s:O}", "chain", chain);
}

/* --- delete --- */

/* A template whose data has other names serves other images. */
static int check_not_shared(struct worker_ctx *w, int fd, const char *img, struct err *e)
{
	struct wvol_list list;
	struct vol_meta m;
	struct stat st;

	if (wvol_list(w, fd, &list, e) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++) {
		struct err unreadable = ERR_INIT;

		if (wvol_read(fd, list.ids[i], &m, &unreadable) < 0 || m.role != VOL_SHARED ||
		    g_ascii_strcasecmp(m.image, img) != 0)
			continue;
		if (fstatat(fd, list.ids[i], &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_nlink > 1)
			return err_agent(e, SC_VOL_DELETE_SHARED, "Cannot delete shared volume %s: images use it",
			                 list.ids[i]);
	}
	return 0;
}

static int zero_entry(int dir, const char *name, void *arg, struct err *e)
{
	return uuid_is_valid(name) ? fs_zero(dir, name, SC_IMG_DELETE, e) : 0;
}

static int remove_doomed(int images, const char *name, struct err *e)
{
	auto_close int fd = fs_open_dir(images, name);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd >= 0 && g_str_has_prefix(name, ZERO_PREFIX) && fs_each(fd, zero_entry, NULL, e) < 0)
		return -1;
	return fs_remove_tree(images, name, SC_IMG_DELETE, e);
}

/* From the rename on the image does not exist; what then fails is left to the garbage collection. */
static void remove_or_leave(int images, const char *name)
{
	struct err e = ERR_INIT;

	if (remove_doomed(images, name, &e) < 0)
		log_warn("deleted image could not be removed yet", "NAME", name, "ERROR", e.detail);
}

static int doom_image(struct worker_ctx *w, const struct wdom *d, const char *img, const char *doomed, struct err *e)
{
	auto_close int fd = wimg_open(d, img, e);
	g_autofree char *params = g_strdup_printf("%s,%s", d->sd, img);

	if (fd < 0 || check_not_shared(w, fd, img, e) < 0 ||
	    worker_task_push_undo(w, "deleteImageRepeat", params, e) < 0)
		return -1;
	/* An image of the same id, deleted earlier. */
	if (remove_doomed(d->images, doomed, e) < 0)
		return -1;
	if (fs_step("doom-image", e) < 0 || fs_rename(d->images, img, doomed, SC_IMG_DELETE, e) < 0)
		return -1;
	return fs_sync_dir(d->images, SC_IMG_DELETE, e);
}

static json_t *image_delete(struct worker_ctx *w, const json_t *args, struct err *e)
{
	const char *img = warg_uuid(args, "img", e);
	bool is_zeroed = warg_bool(args, "post_zero");
	auto_wdom d = WDOM_INIT;
	g_autofree char *doomed = NULL;

	if (!img || wdom_open(&d, args, e) < 0)
		return NULL;
	doomed = g_strconcat(is_zeroed ? ZERO_PREFIX : REMOVE_PREFIX, img, NULL);
	if (doom_image(w, &d, img, doomed, e) < 0 && !(w->is_retry && e->agent_code == SC_IMG_MISSING))
		return NULL;
	remove_or_leave(d.images, doomed);
	return json_object();
}

/* --- garbage --- */

/* Data or lease of a volume that never came to be, or that has been deleted. */
static bool is_orphan(int img, const char *name)
{
	g_autofree char *id = g_strndup(name, UUID_LEN);
	g_autofree char *meta = g_strconcat(id, ".meta", NULL);

	if (!uuid_is_valid(id))
		return false;
	if (strcmp(name + UUID_LEN, ".meta.new") == 0)
		return true;
	return (strcmp(name + UUID_LEN, "") == 0 || strcmp(name + UUID_LEN, ".lease") == 0) && !fs_exists(img, meta);
}

static int collect_orphan(int dir, const char *name, void *arg, struct err *e)
{
	if (!is_orphan(dir, name))
		return 0;
	log_warn("removing file without metadata", "NAME", name, "IMAGE", arg);
	return fs_unlink(dir, name, SC_STORAGE, e);
}

/* A snapshot's deletion may have been cut short before its parent became a leaf again. */
static void release_parents(struct worker_ctx *w, int img)
{
	struct wvol_list list;
	struct err ignored = ERR_INIT;

	if (wvol_list(w, img, &list, &ignored) < 0)
		return;
	for (size_t i = 0; i < list.n; i++)
		wvol_release_parent(w, img, list.ids[i], &ignored);
}

struct collection {
	struct worker_ctx *w;
	int count;
};

static int collect_image(int dir, const char *name, void *arg, struct err *e)
{
	struct collection *c = arg;
	auto_close int fd = -1;

	if (g_str_has_prefix(name, REMOVE_PREFIX)) {
		remove_or_leave(dir, name);
		c->count++;
		return 0;
	}
	if (!uuid_is_valid(name))
		return 0;
	fd = fs_open_dir(dir, name);
	if (fd < 0 || fs_each(fd, collect_orphan, (void *)name, e) < 0)
		return fd < 0 ? 0 : -1;
	release_parents(c->w, fd);
	if (unlinkat(dir, name, AT_REMOVEDIR) == 0) /* empty */
		c->count++;
	return 0;
}

/* Only while nothing else works on the domain. */
static json_t *domain_collect(struct worker_ctx *w, const json_t *args, struct err *e)
{
	auto_wdom d = WDOM_INIT;
	struct collection c = { w, 0 };

	if (wdom_open(&d, args, e) < 0 || fs_unlink(d.md, "metadata.new", SC_STORAGE, e) < 0 ||
	    fs_each(d.images, collect_image, &c, e) < 0)
		return NULL;
	return json_pack("{s:i}", "removed", c.count);
}

const struct worker_op WORKER_IMAGE_OPS[] = {
	{ "image.list", image_list, NULL },
	{ "image.volumes", image_volumes, NULL },
	{ "image.chain", image_chain, NULL },
	{ "image.delete", image_delete, NULL },
	{ "volume.copy", worker_volume_copy, NULL },
	{ "volume.seal", worker_volume_seal, NULL },
	{ "image.merge-prepare", worker_merge_prepare, NULL },
	{ "volume.merge", worker_merge, NULL },
	{ "image.merge-finish", worker_merge_finish, NULL },
	{ "domain.collect", domain_collect, NULL },
	{ NULL, NULL, NULL },
};
