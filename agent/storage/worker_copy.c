/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Worker: copying the data of a volume into another one that exists.
 *
 * The destination is ILLEGAL while it is being written. The end is one write of its metadata: LEGAL,
 * with the next generation; by that anybody can tell later whether the copy was done.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/storage/fs.h"
#include "agent/storage/storage_codes.h"
#include "agent/storage/worker.h"
#include "base/auto.h"

#define COPY_LIMIT_MS (7 * 24 * 3600 * 1000) /* a week */

struct copy {
	struct worker_ctx *w;
	struct wvol src, dst;
	const char *argv[32];
	pthread_mutex_t lock; /* guards is_done */
	pthread_cond_t ended;
	bool is_done;
	int rc;
	struct err err;
};

static const char *volume_path(struct worker_ctx *w, const json_t *args, const struct wvol *v)
{
	return pool_printf(w->pool, "%s/%s/images/%s/%s", warg_str_or(args, "mount", ""), v->d.sd, v->img, v->vol);
}

static const char *format_name(const struct wvol *v) { return v->meta.format == VOL_COW ? "qcow2" : "raw"; }

static int check_copy(const struct copy *c, struct err *e)
{
	if (c->src.meta.legality != VOL_LEGAL)
		return err_agent(e, SC_VOL_COPY, "Cannot copy illegal volume %s", c->src.vol);
	if (c->dst.meta.capacity < c->src.meta.capacity)
		return err_agent(e, SC_TARGET_TOO_SMALL, "Destination volume %s is too small: %llu of %llu bytes",
		                 c->dst.vol, (unsigned long long)c->dst.meta.capacity,
		                 (unsigned long long)c->src.meta.capacity);
	return 0;
}

/* The format of the parent of the destination; the copy then holds only what differs from it. */
static int parent_format(const struct copy *c, const char **format, struct err *e)
{
	struct vol_meta parent;

	*format = NULL;
	if (strcmp(c->dst.meta.parent, UUID_NIL) == 0)
		return 0;
	if (wvol_read(c->dst.img_fd, c->dst.meta.parent, &parent, e) < 0)
		return -1;
	*format = parent.format == VOL_COW ? "qcow2" : "raw";
	return 0;
}

static int build_argv(struct copy *c, const json_t *src, const json_t *dst, struct err *e)
{
	const char *backing_format = NULL;
	size_t n = 0;

	if (parent_format(c, &backing_format, e) < 0)
		return -1;
	for (const char *const *a = (const char *[]){ "convert", "-q", "-n", "-t", "none", "-T", "none", "-f",
	                                              format_name(&c->src), "-O", format_name(&c->dst), NULL };
	     *a; a++)
		c->argv[n++] = *a;
	if (backing_format) {
		c->argv[n++] = "-B";
		c->argv[n++] = c->dst.meta.parent;
		c->argv[n++] = "-F";
		c->argv[n++] = backing_format;
	}
	c->argv[n++] = volume_path(c->w, src, &c->src);
	c->argv[n++] = volume_path(c->w, dst, &c->dst);
	c->argv[n] = NULL;
	return 0;
}

static void *copy_thread(void *arg)
{
	struct copy *c = arg;

	c->rc = worker_qemu_img(c->w, c->dst.img_fd, c->argv, COPY_LIMIT_MS, SC_VOL_COPY, NULL, &c->err);
	pthread_mutex_lock(&c->lock);
	c->is_done = true;
	pthread_cond_signal(&c->ended);
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

static int progress_of(const struct copy *c, const char *name, off_t before)
{
	struct stat from, to;

	if (fstatat(c->src.img_fd, c->src.vol, &from, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fstatat(c->dst.img_fd, name, &to, AT_SYMLINK_NOFOLLOW) < 0 || from.st_blocks <= 0)
		return 0;
	return (int)CLAMP((to.st_blocks - before) * 100 / from.st_blocks, 0, 99);
}

/* qemu-img runs on a thread of its own, so that we can tell how far it is. */
static int run_copy(struct copy *c, struct err *e)
{
	struct stat st = { 0 };
	int last = 0;
	pthread_t thread;

	fstatat(c->dst.img_fd, c->dst.vol, &st, AT_SYMLINK_NOFOLLOW);
	if (pthread_create(&thread, NULL, copy_thread, c) != 0)
		return err_agent(e, SC_UNEXPECTED, "Unexpected error: no thread");
	pthread_mutex_lock(&c->lock);
	while (!c->is_done) {
		struct timespec until;
		int now;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += 1;
		pthread_cond_timedwait(&c->ended, &c->lock, &until);
		now = progress_of(c, c->dst.vol, st.st_blocks);
		if (now > last)
			worker_progress(last = now);
	}
	pthread_mutex_unlock(&c->lock);
	pthread_join(thread, NULL);
	if (c->rc < 0)
		*e = c->err;
	return c->rc;
}

static int finish_copy(struct copy *c, struct err *e)
{
	auto_close int fd = openat(c->dst.img_fd, c->dst.vol, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return fs_error(e, errno, SC_VOL_COPY, "Open volume %s", c->dst.vol);
	/* Zeros of the source have become holes. */
	if (c->dst.meta.format == VOL_RAW && c->dst.meta.alloc == VOL_PREALLOCATED &&
	    fallocate(fd, 0, 0, (off_t)c->dst.meta.capacity) < 0 && errno == ENOSPC)
		return fs_error(e, errno, SC_VOL_COPY, "Allocate volume %s", c->dst.vol);
	if (fsync(fd) < 0)
		return fs_error(e, errno, SC_VOL_COPY, "Sync volume %s", c->dst.vol);
	c->dst.meta.legality = VOL_LEGAL;
	c->dst.meta.generation = vol_generation_next(c->dst.meta.generation);
	return wvol_write(c->dst.img_fd, c->dst.vol, &c->dst.meta, e);
}

static int copy_volume(struct copy *c, const json_t *src, const json_t *dst, struct err *e)
{
	if (wvol_open(&c->src, src, e) < 0)
		return err_wrap(e, "source");
	if (wvol_open(&c->dst, dst, e) < 0)
		return err_wrap(e, "destination");
	if (wvol_check_generation(&c->dst.meta, dst, e) < 0 || check_copy(c, e) < 0 || build_argv(c, src, dst, e) < 0)
		return -1;
	c->dst.meta.legality = VOL_ILLEGAL;
	if (wvol_write(c->dst.img_fd, c->dst.vol, &c->dst.meta, e) < 0)
		return -1;
	return run_copy(c, e) < 0 ? -1 : finish_copy(c, e);
}

json_t *worker_volume_copy(struct worker_ctx *w, const json_t *args, struct err *e)
{
	struct copy c = { .w = w,
		          .src = WVOL_INIT,
		          .dst = WVOL_INIT,
		          .lock = PTHREAD_MUTEX_INITIALIZER,
		          .ended = PTHREAD_COND_INITIALIZER };
	int rc = copy_volume(&c, json_object_get(args, "src"), json_object_get(args, "dst"), e);

	wvol_close(&c.src);
	wvol_close(&c.dst);
	return rc < 0 ? NULL : json_pack("{s:i}", "generation", (int)c.dst.meta.generation);
}
