/* SPDX-License-Identifier: Apache-2.0 */
/* Worker: making a volume, and undoing that. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/storage/fs.h"
#include "agent/storage/storage_codes.h"
#include "agent/storage/worker.h"
#include "base/auto.h"

struct creation {
	struct wdom d;
	int img_fd, src_fd;
	const char *img, *vol, *src_img, *src_vol;
	uint64_t initial; /* bytes to allocate; only of preallocated raw */
	bool has_parent, is_template, is_new_image;
	struct vol_meta meta, parent;
};

static void creation_close(struct creation *c)
{
	wdom_close(&c->d);
	auto_close_fd(&c->img_fd);
	auto_close_fd(&c->src_fd);
}
#define auto_creation __attribute__((cleanup(creation_close))) struct creation
#define CREATION_INIT                                                                                                  \
	{                                                                                                              \
		.d = WDOM_INIT, .img_fd = -1, .src_fd = -1                                                             \
	}

static int read_ids(struct creation *c, const json_t *args, struct err *e)
{
	c->img = warg_uuid(args, "img", e);
	c->vol = c->img ? warg_uuid(args, "vol", e) : NULL;
	c->src_img = c->vol ? warg_uuid(args, "src_img", e) : NULL;
	c->src_vol = c->src_img ? warg_uuid(args, "src_vol", e) : NULL;
	if (!c->src_vol || wdom_open(&c->d, args, e) < 0)
		return -1;
	c->has_parent = strcmp(c->src_vol, UUID_NIL) != 0;
	if (strcmp(c->src_img, UUID_NIL) == 0)
		c->src_img = c->img;
	c->is_template = c->has_parent && strcmp(c->src_img, c->img) != 0;
	return 0;
}

static int read_choices(struct creation *c, const json_t *args, struct err *e)
{
	int format = vol_format_from(warg_str_or(args, "format", NULL));
	int alloc = vol_alloc_from(warg_str_or(args, "alloc", NULL));
	const char *disktype = warg_str_or(args, "disktype", "DATA"), *desc = warg_str_or(args, "desc", "");
	int64_t capacity = 0, initial = 0, sequence = 0;

	if (warg_int(args, "capacity", &capacity, e) < 0 || warg_int(args, "initial", &initial, e) < 0 ||
	    warg_int(args, "sequence", &sequence, e) < 0 || vol_desc_check(desc, e) < 0)
		return -1;
	if (format < 0)
		return err_agent(e, SC_VOL_FORMAT, "Incorrect volume format");
	if (alloc < 0)
		return err_agent(e, SC_VOL_TYPE, "Incorrect volume allocation");
	if (!vol_disktype_is_valid(disktype))
		return err_agent(e, SC_INVALID_PARAM, "Invalid parameter: disk type %.16s", disktype);
	c->meta = (struct vol_meta){
		.capacity = capacity > 0 ? vol_capacity_round((uint64_t)capacity) : 0,
		.ctime = time(NULL),
		.format = (enum vol_format)format,
		.alloc = (enum vol_alloc)alloc,
		.role = VOL_LEAF,
		.legality = warg_bool(args, "illegal") ? VOL_ILLEGAL : VOL_LEGAL,
		.sequence = (unsigned)CLAMP(sequence, 0, G_MAXINT32),
	};
	if (!c->meta.capacity)
		return err_agent(e, SC_VOL_SIZE, "Volume size %lld is not allowed", (long long)capacity);
	g_strlcpy(c->meta.description, desc, sizeof(c->meta.description));
	g_strlcpy(c->meta.disktype, disktype, sizeof(c->meta.disktype));
	g_strlcpy(c->meta.domain, c->d.sd, sizeof(c->meta.domain));
	g_strlcpy(c->meta.image, c->img, sizeof(c->meta.image));
	g_strlcpy(c->meta.parent, c->src_vol, sizeof(c->meta.parent));
	c->initial = initial < 0 ? c->meta.capacity : MIN((uint64_t)initial, c->meta.capacity);
	return 0;
}

static int check_parent(struct creation *c, struct err *e)
{
	if (!c->has_parent)
		return 0;
	c->src_fd = wimg_open(&c->d, c->src_img, e);
	if (c->src_fd < 0 || wvol_read(c->src_fd, c->src_vol, &c->parent, e) < 0)
		return -1;
	if (c->parent.legality != VOL_LEGAL)
		return err_agent(e, SC_VOL_PARENT_ILLEGAL, "Cannot create a volume over illegal volume %s", c->src_vol);
	if (c->is_template && c->parent.role != VOL_SHARED)
		return err_agent(e, SC_VOL_NOT_SHAREABLE, "Volume %s of another image is no template", c->src_vol);
	if (c->meta.format != VOL_COW)
		return err_agent(e, SC_VOL_FORMAT, "Incorrect volume format: a volume over another one must be COW");
	if (c->meta.capacity < c->parent.capacity)
		return err_agent(e, SC_VOL_SIZE, "Volume size %llu is below that of its parent, %llu",
		                 (unsigned long long)c->meta.capacity, (unsigned long long)c->parent.capacity);
	return 0;
}

static int check_creation(struct worker_ctx *w, struct creation *c, struct err *e)
{
	int img = fs_open_dir(c->d.images, c->img);

	c->is_new_image = img < 0;
	if (img >= 0) {
		bool exists = fs_exists(img, wvol_file(w, c->vol, ".meta"));

		close(img);
		if (exists)
			return err_agent(e, SC_VOL_EXISTS, "Volume already exists: %s", c->vol);
	}
	return check_parent(c, e);
}

/* The template's volume becomes a part of the image: its three files, linked. Metadata last, since it
 * is what makes a volume. */
static int link_template(struct worker_ctx *w, struct creation *c, struct err *e)
{
	static const char *const SUFFIXES[] = { "", ".lease", ".meta" };

	for (size_t i = 0; i < G_N_ELEMENTS(SUFFIXES); i++) {
		const char *name = wvol_file(w, c->src_vol, SUFFIXES[i]);

		if (fs_step("link-template", e) < 0)
			return -1;
		if (linkat(c->src_fd, name, c->img_fd, name, 0) < 0 && errno != EEXIST &&
		    !(errno == ENOENT && strcmp(SUFFIXES[i], ".lease") == 0))
			return fs_error(e, errno, SC_VOL_CREATE, "Link template volume %s", c->src_vol);
	}
	return 0;
}

static int adopt_parent(struct worker_ctx *w, struct creation *c, struct err *e)
{
	if (c->is_template)
		return link_template(w, c, e);
	if (!c->has_parent || c->parent.role != VOL_LEAF)
		return 0;
	c->parent.role = VOL_INTERNAL;
	return wvol_write(c->src_fd, c->src_vol, &c->parent, e);
}

static int make_raw(struct creation *c, struct err *e)
{
	auto_close int fd = -1;

	if (fs_create(c->img_fd, c->vol, (off_t)c->meta.capacity, SC_VOL_CREATE, e) < 0)
		return -1;
	if (c->meta.alloc == VOL_SPARSE)
		return fs_sync_file(c->img_fd, c->vol, SC_VOL_CREATE, e);
	fd = openat(c->img_fd, c->vol, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fs_error(e, errno, SC_VOL_CREATE, "Open volume %s", c->vol);
	if (fs_allocate(fd, 0, (off_t)c->initial, SC_VOL_CREATE, e) < 0)
		return -1;
	return fsync(fd) < 0 ? fs_error(e, errno, SC_VOL_CREATE, "Sync volume %s", c->vol) : 0;
}

static int make_cow(struct worker_ctx *w, struct creation *c, struct err *e)
{
	const char *size = pool_printf(w->pool, "%llu", (unsigned long long)c->meta.capacity);
	const char *options =
	    c->meta.alloc == VOL_PREALLOCATED && !c->has_parent ? "compat=1.1,preallocation=falloc" : "compat=1.1";
	const char *alone[] = { "create", "-q", "-f", "qcow2", "-o", options, c->vol, size, NULL };
	const char *over[] = { "create", "-q",       "-f",   "qcow2",
		               "-o",     options,    "-F",   c->parent.format == VOL_COW ? "qcow2" : "raw",
		               "-b",     c->src_vol, c->vol, size,
		               NULL };

	if (c->meta.alloc == VOL_PREALLOCATED && !c->has_parent && fs_check_space(c->img_fd, c->meta.capacity, e) < 0)
		return -1;
	/* Made by us first: exclusively, and with the right mode. */
	if (fs_create(c->img_fd, c->vol, 0, SC_VOL_CREATE, e) < 0 ||
	    worker_qemu_img(w, c->img_fd, c->has_parent ? over : alone, WORKER_QEMU_MS, SC_VOL_CREATE, NULL, e) < 0)
		return -1;
	return fs_sync_file(c->img_fd, c->vol, SC_VOL_CREATE, e);
}

static int make_volume(struct worker_ctx *w, struct creation *c, struct err *e)
{
	c->img_fd = fs_make_dir(c->d.images, c->img, SC_VOL_CREATE, e);
	if (c->img_fd < 0 || fs_sync_dir(c->d.images, SC_VOL_CREATE, e) < 0)
		return -1;
	/* What an interrupted creation left: no volume, since there is no metadata. */
	if (fs_unlink(c->img_fd, c->vol, SC_VOL_CREATE, e) < 0 ||
	    fs_unlink(c->img_fd, wvol_file(w, c->vol, ".lease"), SC_VOL_CREATE, e) < 0)
		return -1;
	if (adopt_parent(w, c, e) < 0)
		return -1;
	if ((c->meta.format == VOL_RAW ? make_raw(c, e) : make_cow(w, c, e)) < 0)
		return -1;
	if (fs_create(c->img_fd, wvol_file(w, c->vol, ".lease"), 0, SC_VOL_CREATE, e) < 0)
		return -1;
	return wvol_write(c->img_fd, c->vol, &c->meta, e);
}

/* An image that holds nothing but a linked template holds nothing. */
static int remove_if_empty(struct worker_ctx *w, struct creation *c, struct err *e)
{
	struct wvol_list list;

	if (wvol_list(w, c->img_fd, &list, e) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++)
		if (!c->is_template || strcmp(list.ids[i], c->src_vol) != 0)
			return 0;
	if (c->is_template && (fs_unlink(c->img_fd, wvol_file(w, c->src_vol, ".meta"), SC_VOL_UNLINK, e) < 0 ||
	                       fs_unlink(c->img_fd, c->src_vol, SC_VOL_UNLINK, e) < 0 ||
	                       fs_unlink(c->img_fd, wvol_file(w, c->src_vol, ".lease"), SC_VOL_UNLINK, e) < 0))
		return -1;
	if (unlinkat(c->d.images, c->img, AT_REMOVEDIR) < 0 && errno != ENOTEMPTY && errno != EEXIST && errno != ENOENT)
		return fs_error(e, errno, SC_VOL_UNLINK, "Remove image directory %s", c->img);
	return fs_sync_dir(c->d.images, SC_VOL_UNLINK, e);
}

json_t *worker_volume_undo(struct worker_ctx *w, const json_t *args, struct err *e)
{
	auto_creation c = CREATION_INIT;

	if (read_ids(&c, args, e) < 0)
		return NULL;
	c.img_fd = fs_open_dir(c.d.images, c.img);
	if (c.img_fd < 0 && errno == ENOENT)
		return json_object();
	if (c.img_fd < 0) {
		fs_error(e, errno, SC_IMG_PATH, "Open image %s", c.img);
		return NULL;
	}
	if (fs_exists(c.img_fd, wvol_file(w, c.vol, ".meta")))
		return json_pack("{s:b}", "complete", 1);
	if (fs_unlink(c.img_fd, wvol_file(w, c.vol, ".meta.new"), SC_VOL_UNLINK, e) < 0 ||
	    fs_unlink(c.img_fd, wvol_file(w, c.vol, ".lease"), SC_VOL_UNLINK, e) < 0 ||
	    fs_unlink(c.img_fd, c.vol, SC_VOL_UNLINK, e) < 0)
		return NULL;
	if (c.has_parent && !c.is_template && wvol_release_parent(w, c.img_fd, c.src_vol, e) < 0)
		return NULL;
	return remove_if_empty(w, &c, e) < 0 ? NULL : json_object();
}

json_t *worker_volume_create(struct worker_ctx *w, const json_t *args, struct err *e)
{
	auto_creation c = CREATION_INIT;
	g_autofree char *params = NULL;

	if (read_ids(&c, args, e) < 0 || read_choices(&c, args, e) < 0 || check_creation(w, &c, e) < 0)
		return NULL;
	params = g_strdup_printf("%s,%s,%s,%s,%s", c.d.sd, c.img, c.vol, c.src_img, c.src_vol);
	if (worker_task_push_undo(w, "halfbakedVolumeRollback", params, e) < 0)
		return NULL;
	if (make_volume(w, &c, e) < 0) {
		struct err undo = ERR_INIT;
		auto_json *undone = worker_volume_undo(w, args, &undo);

		w->is_undo_failed = !undone;
		if (!undone)
			err_wrap(e, "and what was begun could not be removed (%s)", undo.detail);
		/* The last step, the sync of the directory, may fail behind the point of no return. */
		return warg_bool(undone, "complete") ? json_pack("{s:s}", "uuid", c.vol) : NULL;
	}
	return json_pack("{s:s}", "uuid", c.vol);
}
