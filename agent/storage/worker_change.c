/* SPDX-License-Identifier: Apache-2.0 */
/* Worker: growing and removing volumes. */
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

static int grow_raw(struct wvol *t, uint64_t size, struct err *e)
{
	auto_close int fd = openat(t->img_fd, t->vol, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fs_error(e, errno, SC_VOL_EXTEND, "Open volume %s", t->vol);
	/* First the blocks, then the size: without space the volume stays as it was. */
	if (t->meta.alloc == VOL_PREALLOCATED && fs_allocate(fd, st.st_size, (off_t)size, SC_VOL_EXTEND, e) < 0) {
		if (ftruncate(fd, st.st_size) < 0)
			err_wrap(e, "volume keeps a part of its growth");
		return -1;
	}
	if (fs_step("grow", e) < 0)
		return -1;
	if ((off_t)size > st.st_size && ftruncate(fd, (off_t)size) < 0)
		return fs_error(e, errno, SC_VOL_EXTEND, "Extend volume %s", t->vol);
	return fsync(fd) < 0 ? fs_error(e, errno, SC_VOL_EXTEND, "Sync volume %s", t->vol) : 0;
}

static int grow_cow(struct worker_ctx *w, struct wvol *t, uint64_t size, struct err *e)
{
	const char *text = pool_printf(w->pool, "%llu", (unsigned long long)size);

	return worker_qemu_img(w, t->img_fd, (const char *[]){ "resize", "-q", "-f", "qcow2", t->vol, text, NULL },
	                       WORKER_QEMU_MS, SC_VOL_EXTEND, NULL, e);
}

/* Data first, metadata after: capacity may lag behind, never promise too much. Repeating does no harm. */
json_t *worker_volume_extend(struct worker_ctx *w, const json_t *args, struct err *e)
{
	auto_wvol t = WVOL_INIT;
	g_autofree char *params = NULL;
	int64_t asked = 0;
	uint64_t size;

	if (wvol_open(&t, args, e) < 0 || warg_int(args, "size", &asked, e) < 0)
		return NULL;
	size = asked > 0 ? vol_capacity_round((uint64_t)asked) : 0;
	if (!size || size < t.meta.capacity) {
		err_agent(e, SC_VOL_RESIZE, "Volume size %lld is below the present one, %llu", (long long)asked,
		          (unsigned long long)t.meta.capacity);
		return NULL;
	}
	if (t.meta.role != VOL_LEAF) {
		err_agent(e, SC_VOL_NOT_LEAF, "Volume %s is %s and cannot be extended", t.vol,
		          vol_role_name(t.meta.role));
		return NULL;
	}
	params = g_strdup_printf("%s,%s,%s", t.d.sd, t.img, t.vol);
	if (worker_task_push_undo(w, "extendVolumeRepeat", params, e) < 0)
		return NULL;
	if ((t.meta.format == VOL_RAW ? grow_raw(&t, size, e) : grow_cow(w, &t, size, e)) < 0)
		return NULL;
	t.meta.capacity = size;
	return wvol_write(t.img_fd, t.vol, &t.meta, e) < 0 ? NULL : json_object();
}

static int check_deletable(struct worker_ctx *w, struct wvol *t, struct err *e)
{
	int has_child = wvol_has_child(w, t->img_fd, t->vol, e);

	if (has_child < 0)
		return -1;
	if (has_child)
		return err_agent(e, SC_VOL_HAS_CHILDREN, "Volume %s has children", t->vol);
	if (t->meta.role == VOL_SHARED)
		return err_agent(e, SC_VOL_DELETE_SHARED, "Cannot delete shared volume %s", t->vol);
	return 0;
}

/* What is to do when the volume has ceased to be: its files go, its parent becomes a leaf. After a crash
 * the parent is no longer known: any internal volume on which nothing stands is it. */
static int finish_delete(struct worker_ctx *w, struct wvol *t, struct err *e)
{
	struct wvol_list list;

	if (t->img_fd < 0)
		return 0;
	if (wvol_list(w, t->img_fd, &list, e) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++)
		if (wvol_release_parent(w, t->img_fd, list.ids[i], e) < 0)
			return -1;
	if (fs_unlink(t->img_fd, t->vol, SC_VOL_UNLINK, e) < 0)
		return -1;
	return fs_unlink(t->img_fd, wvol_file(w, t->vol, ".lease"), SC_VOL_UNLINK, e);
}

static int delete_marked(struct worker_ctx *w, struct wvol *t, bool post_zero, struct err *e)
{
	struct err later = ERR_INIT;

	t->meta.legality = VOL_ILLEGAL;
	if (wvol_write(t->img_fd, t->vol, &t->meta, e) < 0)
		return -1;
	if (post_zero && fs_zero(t->img_fd, t->vol, SC_VOL_UNLINK, e) < 0)
		return -1;
	/* From here on it is no volume, and there is no way back: what fails is tried again, and after that
	 * left to the garbage collection. */
	if (fs_unlink(t->img_fd, wvol_file(w, t->vol, ".meta"), SC_VOL_UNLINK, e) < 0)
		return -1;
	if ((fs_sync_dir(t->img_fd, SC_VOL_UNLINK, &later) < 0 || finish_delete(w, t, &later) < 0) &&
	    finish_delete(w, t, &later) < 0)
		log_warn("deleted volume could not be removed yet", "VOLUME", t->vol, "ERROR", later.detail);
	return 0;
}

json_t *worker_volume_delete(struct worker_ctx *w, const json_t *args, struct err *e)
{
	auto_wvol t = WVOL_INIT;
	g_autofree char *params = NULL;

	if (wvol_open(&t, args, e) < 0) {
		if (!w->is_retry || (e->agent_code != SC_VOL_MISSING && e->agent_code != SC_IMG_MISSING))
			return NULL;
		return finish_delete(w, &t, e) < 0 ? NULL : json_object();
	}
	if (check_deletable(w, &t, e) < 0)
		return NULL;
	params = g_strdup_printf("%s,%s,%s", t.d.sd, t.img, t.vol);
	if (worker_task_push_undo(w, "deleteVolumeRepeat", params, e) < 0)
		return NULL;
	return delete_marked(w, &t, warg_bool(args, "post_zero"), e) < 0 ? NULL : json_object();
}
