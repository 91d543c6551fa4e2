/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The storage worker, the process that touches storage so that the agent never does. It is the agent's
 * own binary started as `hostler-agent storage-worker`, with a socket as descriptor 3, running as
 * 36:36 when the agent is root. It may hang in the kernel; then it is killed and replaced.
 *
 * Protocol: one JSON object per line, both ways, answers in order.
 *   > {"op":"volume.info","args":{"mount":"/rhev/...","sd":"...","img":"...","vol":"..."}}
 *   < {"result":{...}}   or   {"error":{"code":201,"message":"..."}}
 * Before an answer there may be lines {"progress":N}, 0..100. An answer may carry a descriptor.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/storage/vol_meta.h"
#include "base/err.h"
#include "base/pool.h"

#define WORKER_SUBCOMMAND  "storage-worker"
#define WORKER_FD          3
#define WORKER_LEASE_FD    4 /* descriptor that holds the domain's lease, while we are SPM */
#define WORKER_MAX_REQUEST (1024 * 1024)
#define WORKER_MAX_ANSWER  (16 * 1024 * 1024)

/* main() of the subcommand: argv = { "hostler-agent", "storage-worker", uid, gid }. */
int storage_worker_main(int argc, char **argv);

/* --- inside of the worker --- */

struct worker_task;

struct worker_ctx {
	struct pool *pool;        /* freed after each request */
	int send_fd;              /* -1, or what to send along with the answer (closed then) */
	struct worker_task *task; /* the persisted task that runs, or NULL */
	bool is_undo_failed;      /* the operation failed and left something behind */
	bool is_retry;            /* the operation may have been done, wholly or in part, before */
};

/* New reference, or NULL with e. */
typedef json_t *(*worker_fn)(struct worker_ctx *w, const json_t *args, struct err *e);

struct worker_op {
	const char *name;
	worker_fn fn;
	/* For operations that run as tasks: what to do with one that was cut short. `undo` takes the same
	 * arguments and answers {"complete":true} when there is nothing to undo since all had been done;
	 * without it the operation is run again with is_retry. */
	worker_fn undo;
};

extern const struct worker_op WORKER_DOMAIN_OPS[], WORKER_VOLUME_OPS[], WORKER_IMAGE_OPS[], WORKER_TASK_OPS[];
const struct worker_op *worker_find_op(const char *name);
/* Tell the agent how far we are. */
void worker_progress(int percent);

/* Members of args; they come from the agent, so that a wrong one is "unexpected" (16). */
const char *warg_str(const json_t *args, const char *key, struct err *e);
const char *warg_str_or(const json_t *args, const char *key, const char *fallback);
const char *warg_uuid(const json_t *args, const char *key, struct err *e);
int warg_int(const json_t *args, const char *key, int64_t *out, struct err *e);
bool warg_bool(const json_t *args, const char *key);

/* A domain, opened. */
struct wdom {
	int mount, dir, md, images; /* descriptors; -1: not open */
	const char *sd;
};
#define WDOM_INIT                                                                                                      \
	{                                                                                                              \
		-1, -1, -1, -1, NULL                                                                                   \
	}
void wdom_close(struct wdom *d);
#define auto_wdom __attribute__((cleanup(wdom_close))) struct wdom

/* args: mount, sd. 360 without mount, 358 without domain. */
int wdom_open(struct wdom *d, const json_t *args, struct err *e);
/* Read, unseal and check; new reference or NULL. */
json_t *wdom_read_meta(const struct wdom *d, struct err *e);
int wdom_write_meta(const struct wdom *d, const json_t *meta, struct err *e);
/* Descriptor of an image's directory, or -1 with 268. */
int wimg_open(const struct wdom *d, const char *img, struct err *e);

/* A volume, opened by mount, sd, img, vol. */
struct wvol {
	struct wdom d;
	int img_fd;
	const char *img, *vol;
	struct vol_meta meta;
};
#define WVOL_INIT                                                                                                      \
	{                                                                                                              \
		.d = WDOM_INIT, .img_fd = -1                                                                           \
	}
void wvol_close(struct wvol *t);
#define auto_wvol __attribute__((cleanup(wvol_close))) struct wvol
int wvol_open(struct wvol *t, const json_t *args, struct err *e);
/* 911 when args.generation is there and is not the volume's. */
int wvol_check_generation(const struct vol_meta *m, const json_t *args, struct err *e);

/* 201 when it does not exist. */
int wvol_read(int img, const char *vol, struct vol_meta *m, struct err *e);
int wvol_write(int img, const char *vol, const struct vol_meta *m, struct err *e);
/* Ids of the volumes of an image (those with metadata), sorted; strings in the pool. */
struct wvol_list {
	const char **ids;
	size_t n;
};
int wvol_list(struct worker_ctx *w, int img, struct wvol_list *list, struct err *e);
/* Is there a volume in the image whose parent is `vol`? -1 on error. */
int wvol_has_child(struct worker_ctx *w, int img, const char *vol, struct err *e);
/* Make it a leaf again when it was internal and nothing stands on it. Missing is fine. */
int wvol_release_parent(struct worker_ctx *w, int img, const char *vol, struct err *e);
/* "<vol>.meta" and the like, in the pool. */
const char *wvol_file(struct worker_ctx *w, const char *vol, const char *suffix);

#define WORKER_QEMU_MS (60 * 1000) /* limit of calls that do not copy data */
/* qemu-img with the image's directory as current one; args end with NULL. Output in the pool. */
int worker_qemu_img(struct worker_ctx *w, int img, const char *const *args, int timeout_ms, int code, char **out,
                    struct err *e);

json_t *worker_volume_create(struct worker_ctx *w, const json_t *args, struct err *e);
json_t *worker_volume_undo(struct worker_ctx *w, const json_t *args, struct err *e);
json_t *worker_volume_extend(struct worker_ctx *w, const json_t *args, struct err *e);
json_t *worker_volume_delete(struct worker_ctx *w, const json_t *args, struct err *e);
json_t *worker_volume_copy(struct worker_ctx *w, const json_t *args, struct err *e);
json_t *worker_merge_prepare(struct worker_ctx *w, const json_t *args, struct err *e);
json_t *worker_merge(struct worker_ctx *w, const json_t *args, struct err *e);
json_t *worker_merge_finish(struct worker_ctx *w, const json_t *args, struct err *e);
json_t *worker_volume_seal(struct worker_ctx *w, const json_t *args, struct err *e);

/* Before an operation changes anything: persist what undoes it. No-op without a task. */
int worker_task_push_undo(struct worker_ctx *w, const char *function, const char *params, struct err *e);
