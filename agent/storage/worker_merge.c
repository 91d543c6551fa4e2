/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Worker: merging a volume into the one below it, in three parts. Each can be cut short and done again: the data stays in the
 * upper volume until the last one, and what the guest sees is right all the time.
 *
 *   prepare: the base becomes as large as the top.
 *   merge:   the top's data goes down into the base, whose generation then is the next one: that tells that it was done.
 *   finish:  the top becomes illegal; what stands on it is put onto the base. The top is deleted afterwards.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "agent/storage/fs.h"
#include "agent/storage/storage_codes.h"
#include "agent/storage/worker.h"
#include "base/auto.h"

#define MERGE_LIMIT_MS (7 * 24 * 3600 * 1000) /* a week */

/* The two volumes; both are in the image that the base was opened in. */
struct merge {
	struct wvol base;
	const char *top;
	struct vol_meta top_meta;
};

static void merge_close(struct merge *m) { wvol_close(&m->base); }
#define auto_merge __attribute__((cleanup(merge_close))) struct merge
#define MERGE_INIT                                                                                                     \
	{                                                                                                              \
		.base = WVOL_INIT                                                                                      \
	}

static const char *format_of(const struct vol_meta *m) { return m->format == VOL_COW ? "qcow2" : "raw"; }

/* args: mount, sd, img, vol (the base), top. */
static int merge_open(struct merge *m, const json_t *args, struct err *e)
{
	m->top = warg_uuid(args, "top", e);
	if (!m->top || wvol_open(&m->base, args, e) < 0)
		return -1;
	if (m->base.meta.role == VOL_SHARED)
		return err_agent(e, SC_VOL_DELETE_SHARED, "Cannot merge into shared volume %s", m->base.vol);
	if (wvol_read(m->base.img_fd, m->top, &m->top_meta, e) < 0)
		return -1;
	if (g_ascii_strcasecmp(m->top_meta.parent, m->base.vol) != 0)
		return err_agent(e, SC_IMG_CHAIN, "Volume %s does not stand on volume %s", m->top, m->base.vol);
	return 0;
}

/* ---- prepare ---- */

static int grow_base(struct worker_ctx *w, struct merge *m, struct err *e)
{
	const char *size = pool_printf(w->pool, "%llu", (unsigned long long)m->top_meta.capacity);
	const char *args[] = { "resize", "-q", "-f", format_of(&m->base.meta), m->base.vol, size, NULL };

	if (m->top_meta.capacity <= m->base.meta.capacity)
		return 0;
	if (worker_qemu_img(w, m->base.img_fd, args, WORKER_QEMU_MS, SC_VOL_EXTEND, NULL, e) < 0)
		return -1;
	m->base.meta.capacity = m->top_meta.capacity;
	return wvol_write(m->base.img_fd, m->base.vol, &m->base.meta, e);
}

json_t *worker_merge_prepare(struct worker_ctx *w, const json_t *args, struct err *e)
{
	auto_merge m = MERGE_INIT;
	g_autofree char *params = NULL;

	if (merge_open(&m, args, e) < 0)
		return NULL;
	params = g_strdup_printf("%s,%s,%s,%s", m.base.d.sd, m.base.img, m.base.vol, m.top);
	if (worker_task_push_undo(w, "prepareMergeRepeat", params, e) < 0 || grow_base(w, &m, e) < 0)
		return NULL;
	return json_object();
}

/* ---- merge ---- */

/* "-d": the top keeps its data; until the end it is the one that counts. */
static int commit_top(struct worker_ctx *w, struct merge *m, struct err *e)
{
	const char *args[] = { "commit", "-q", "-d", "-t", "none", "-f", "qcow2", "-b", m->base.vol, m->top, NULL };

	return worker_qemu_img(w, m->base.img_fd, args, MERGE_LIMIT_MS, SC_VOL_COPY, NULL, e);
}

json_t *worker_merge(struct worker_ctx *w, const json_t *args, struct err *e)
{
	auto_merge m = MERGE_INIT;

	if (merge_open(&m, args, e) < 0 || wvol_check_generation(&m.base.meta, args, e) < 0)
		return NULL;
	if (m.top_meta.legality != VOL_LEGAL) {
		err_agent(e, SC_VOL_COPY, "Cannot merge illegal volume %s", m.top);
		return NULL;
	}
	if (m.base.meta.capacity < m.top_meta.capacity) {
		err_agent(e, SC_TARGET_TOO_SMALL, "Volume %s is too small: the merge was not prepared", m.base.vol);
		return NULL;
	}
	if (commit_top(w, &m, e) < 0 || fs_sync_file(m.base.img_fd, m.base.vol, SC_VOL_COPY, e) < 0)
		return NULL;
	m.base.meta.generation = vol_generation_next(m.base.meta.generation);
	if (wvol_write(m.base.img_fd, m.base.vol, &m.base.meta, e) < 0)
		return NULL;
	return json_pack("{s:i}", "generation", (int)m.base.meta.generation);
}

/* ---- finish ---- */

/* QEMU's pointer first, ours after: cut short between, doing it again changes both to the same. */
static int rebase_child(struct worker_ctx *w, struct merge *m, const char *child, struct vol_meta *meta, struct err *e)
{
	const char *args[] = { "rebase", "-q", "-u", "-f", "qcow2", "-b", m->base.vol, "-F", format_of(&m->base.meta),
		               child,    NULL };

	if (worker_qemu_img(w, m->base.img_fd, args, WORKER_QEMU_MS, SC_VOL_COPY, NULL, e) < 0 ||
	    fs_sync_file(m->base.img_fd, child, SC_VOL_COPY, e) < 0)
		return -1;
	g_strlcpy(meta->parent, m->base.vol, sizeof(meta->parent));
	return wvol_write(m->base.img_fd, child, meta, e);
}

static int rebase_children(struct worker_ctx *w, struct merge *m, struct err *e)
{
	struct wvol_list list;
	struct vol_meta meta;

	if (wvol_list(w, m->base.img_fd, &list, e) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++) {
		if (wvol_read(m->base.img_fd, list.ids[i], &meta, e) < 0)
			return -1;
		if (g_ascii_strcasecmp(meta.parent, m->top) == 0 && rebase_child(w, m, list.ids[i], &meta, e) < 0)
			return -1;
	}
	return 0;
}

json_t *worker_merge_finish(struct worker_ctx *w, const json_t *args, struct err *e)
{
	auto_merge m = MERGE_INIT;
	g_autofree char *params = NULL;

	if (merge_open(&m, args, e) < 0)
		return NULL;
	params = g_strdup_printf("%s,%s,%s,%s", m.base.d.sd, m.base.img, m.base.vol, m.top);
	if (worker_task_push_undo(w, "finalizeMergeRepeat", params, e) < 0)
		return NULL;
	m.top_meta.legality = VOL_ILLEGAL;
	if (wvol_write(m.base.img_fd, m.top, &m.top_meta, e) < 0 || rebase_children(w, &m, e) < 0)
		return NULL;
	return json_object();
}
