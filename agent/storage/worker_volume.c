/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Worker: what a single volume is, and its metadata.
 *
 * A volume exists when it has metadata. So metadata comes last when it is made and goes first when it
 * is removed; data without metadata is garbage whoever finds it.
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
#include "base/proc.h"

#define MAX_VOLUMES 1024 /* of one image that we are willing to look at */

const char *wvol_file(struct worker_ctx *w, const char *vol, const char *suffix)
{
	return pool_printf(w->pool, "%s%s", vol, suffix);
}

int wvol_read(int img, const char *vol, struct vol_meta *m, struct err *e)
{
	g_autofree char *name = g_strconcat(vol, ".meta", NULL);
	size_t len = 0;
	g_autofree char *text = fs_read(img, name, 64 * 1024, &len);

	if (!text)
		return fs_error(e, errno, errno == ENOENT ? SC_VOL_MISSING : SC_VOL_META_READ,
		                "Volume does not exist: %s", vol);
	if (vol_meta_parse(text, len, m, e) < 0)
		return err_wrap(e, "volume %s", vol);
	return 0;
}

static int write_in_place(int img, const char *name, const char *block, struct err *e)
{
	auto_close int fd = openat(img, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || pwrite(fd, block, VOL_META_SIZE, 0) != VOL_META_SIZE || fsync(fd) < 0)
		return fs_error(e, errno, SC_VOL_META_WRITE, "Write %s", name);
	return 0;
}

int wvol_write(int img, const char *vol, const struct vol_meta *m, struct err *e)
{
	g_autofree char *name = g_strconcat(vol, ".meta", NULL);
	char block[VOL_META_SIZE];
	struct stat st;

	if (vol_meta_format(m, block, e) < 0 || fs_step("volume-metadata", e) < 0)
		return -1;
	/* A template's metadata has a name in every derived image. Replacing one of them would split them;
	 * a block of 512 bytes is one write. */
	if (fstatat(img, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) && st.st_nlink > 1)
		return write_in_place(img, name, block, e);
	return fs_replace(img, name, block, sizeof(block), SC_VOL_META_WRITE, e);
}

struct list_args {
	struct worker_ctx *w;
	GPtrArray *ids;
};

static int list_entry(int dir, const char *name, void *arg, struct err *e)
{
	struct list_args *a = arg;
	g_autofree char *id = g_strndup(name, UUID_LEN);

	if (strlen(name) != UUID_LEN + strlen(".meta") || strcmp(name + UUID_LEN, ".meta") != 0 || !uuid_is_valid(id))
		return 0;
	if (a->ids->len >= MAX_VOLUMES)
		return err_agent(e, SC_IMG_CHAIN, "Image has more than %d volumes", MAX_VOLUMES);
	g_ptr_array_add(a->ids, pool_strdup(a->w->pool, id));
	return 0;
}

static int compare_text(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int wvol_list(struct worker_ctx *w, int img, struct wvol_list *list, struct err *e)
{
	g_autoptr(GPtrArray) ids = g_ptr_array_new();
	struct list_args args = { w, ids };

	if (fs_each(img, list_entry, &args, e) < 0)
		return -1;
	g_ptr_array_sort(ids, compare_text);
	list->n = ids->len;
	list->ids = POOL_ARRAY(w->pool, const char *, ids->len + 1);
	for (size_t i = 0; i < list->n; i++)
		list->ids[i] = ids->pdata[i];
	return 0;
}

/* Calls for each volume whose parent is vol; stops when fn says so. */
static int each_child(struct worker_ctx *w, int img, const char *vol, json_t *found, struct err *e)
{
	struct wvol_list list;
	struct vol_meta m;

	if (wvol_list(w, img, &list, e) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++) {
		struct err unreadable = ERR_INIT;

		if (wvol_read(img, list.ids[i], &m, &unreadable) < 0)
			continue; /* told when that volume is asked for */
		if (g_ascii_strcasecmp(m.parent, vol) == 0)
			json_array_append_new(found, json_string(list.ids[i]));
	}
	return 0;
}

/* Cautious: a volume that cannot be read may be a child. */
int wvol_has_child(struct worker_ctx *w, int img, const char *vol, struct err *e)
{
	struct wvol_list list;
	struct vol_meta m;

	if (wvol_list(w, img, &list, e) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++) {
		if (wvol_read(img, list.ids[i], &m, e) < 0)
			return -1;
		if (g_ascii_strcasecmp(m.parent, vol) == 0)
			return 1;
	}
	return 0;
}

int wvol_release_parent(struct worker_ctx *w, int img, const char *vol, struct err *e)
{
	struct vol_meta m;
	int has_child;

	if (!fs_exists(img, wvol_file(w, vol, ".meta")))
		return 0;
	if (wvol_read(img, vol, &m, e) < 0)
		return -1;
	has_child = wvol_has_child(w, img, vol, e);
	if (has_child != 0 || m.role != VOL_INTERNAL)
		return has_child < 0 ? -1 : 0;
	m.role = VOL_LEAF;
	return wvol_write(img, vol, &m, e);
}

int worker_qemu_img(struct worker_ctx *w, int img, const char *const *args, int timeout_ms, int code, char **out,
                    struct err *e)
{
	g_autofree char *cwd = img >= 0 ? g_strdup_printf("/proc/self/fd/%d", img) : NULL;
	const char *argv[40] = { "qemu-img" };
	struct proc_result result;
	size_t n = 1;

	for (; *args; args++) {
		if (n + 1 >= G_N_ELEMENTS(argv))
			return err_agent(e, SC_UNEXPECTED, "Unexpected error: too many arguments");
		argv[n++] = *args;
	}
	if (fs_step("qemu-img", e) < 0)
		return -1;
	if (proc_run(w->pool, &(struct proc_spec){ .argv = argv, .cwd = cwd, .timeout_ms = timeout_ms }, &result, e) <
	    0) {
		struct err cause = *e;

		if (strstr(cause.detail, g_strerror(ENOSPC)))
			code = SC_SD_NO_SPACE;
		return err_agent(e, code, "%.500s", cause.detail);
	}
	if (out)
		*out = result.out;
	return 0;
}

/* --- information --- */

static json_t *info_of(struct worker_ctx *w, int img, const char *vol, const struct vol_meta *m, struct err *e)
{
	json_t *children = json_array();
	struct stat st = { 0 };
	const char *status = m->legality == VOL_LEGAL ? "OK" : "ILLEGAL";
	g_autofree char *description = g_utf8_make_valid(m->description, -1); /* written by whomever */

	if (each_child(w, img, vol, children, e) < 0) {
		json_decref(children);
		return NULL;
	}
	if (fstatat(img, vol, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		status = "INVALID";
	return json_pack("{s:s,s:s,s:s,s:I,s:s,s:s,s:s,s:o,s:s,s:s,s:s,s:s,s:s,s:s,s:i,s:i,s:i,s:I,s:s,s:I,s:I}",
	                 "uuid", vol, "domain", m->domain, "image", m->image, "capacity", (json_int_t)m->capacity,
	                 "parent", m->parent, "format", vol_format_name(m->format), "type", vol_alloc_name(m->alloc),
	                 "children", children, "voltype", vol_role_name(m->role), "legality",
	                 vol_legality_name(m->legality), "disktype", m->disktype, "description", description, "status",
	                 status, "allocType", vol_alloc_name(m->alloc), "generation", (int)m->generation, "sequence",
	                 (int)m->sequence, "mtime", 0, "ctime", (json_int_t)m->ctime, "leasefile",
	                 wvol_file(w, vol, ".lease"), "truesize", (json_int_t)st.st_blocks * 512, "apparentsize",
	                 (json_int_t)st.st_size);
}

void wvol_close(struct wvol *t)
{
	wdom_close(&t->d);
	auto_close_fd(&t->img_fd);
}
int wvol_open(struct wvol *t, const json_t *args, struct err *e)
{
	t->img = warg_uuid(args, "img", e);
	t->vol = t->img ? warg_uuid(args, "vol", e) : NULL;
	if (!t->vol || wdom_open(&t->d, args, e) < 0)
		return -1;
	t->img_fd = wimg_open(&t->d, t->img, e);
	return t->img_fd < 0 ? -1 : wvol_read(t->img_fd, t->vol, &t->meta, e);
}

static json_t *volume_info(struct worker_ctx *w, const json_t *args, struct err *e)
{
	auto_wvol t = WVOL_INIT;

	return wvol_open(&t, args, e) < 0 ? NULL : info_of(w, t.img_fd, t.vol, &t.meta, e);
}

static json_t *volume_qemu_info(struct worker_ctx *w, const json_t *args, struct err *e)
{
	auto_wvol t = WVOL_INIT;
	char *out = NULL;
	json_t *info;

	if (wvol_open(&t, args, e) < 0)
		return NULL;
	/* The guest may have written a qcow2 header into a raw disk: the format is never guessed. -U: a
	 * running machine may hold the lock. */
	if (worker_qemu_img(w, t.img_fd,
	                    (const char *[]){ "info", "-U", "--output", "json", "-f",
	                                      t.meta.format == VOL_COW ? "qcow2" : "raw", t.vol, NULL },
	                    WORKER_QEMU_MS, SC_VOL_ACCESS, &out, e) < 0)
		return NULL;
	info = json_loads(out, 0, NULL);
	if (!info)
		err_agent(e, SC_VOL_ACCESS, "qemu-img info of volume %s cannot be read", t.vol);
	return info;
}

static json_t *volume_measure(struct worker_ctx *w, const json_t *args, struct err *e)
{
	const char *format = vol_format_from(warg_str_or(args, "format", NULL)) == VOL_RAW ? "raw" : "qcow2";
	auto_wvol t = WVOL_INIT;
	char *out = NULL;
	json_t *result;

	if (wvol_open(&t, args, e) < 0)
		return NULL;
	if (worker_qemu_img(w, t.img_fd,
	                    (const char *[]){ "measure", "-U", "--output", "json", "-f",
	                                      t.meta.format == VOL_COW ? "qcow2" : "raw", "-O", format, t.vol, NULL },
	                    10 * WORKER_QEMU_MS, SC_VOL_ACCESS, &out, e) < 0)
		return NULL;
	result = json_loads(out, 0, NULL);
	if (!result)
		err_agent(e, SC_VOL_ACCESS, "qemu-img measure of volume %s cannot be read", t.vol);
	return result;
}

/* --- change --- */

static int apply_text(struct vol_meta *m, const json_t *args, struct err *e)
{
	const char *desc = warg_str_or(args, "desc", NULL);
	int legality = vol_legality_from(warg_str_or(args, "legality", "LEGAL"));
	int role = vol_role_from(warg_str_or(args, "role", "LEAF"));

	if (desc && vol_desc_check(desc, e) < 0)
		return -1;
	if (legality < 0 || role < 0)
		return err_agent(e, SC_INVALID_PARAM, "Invalid parameter: legality or type of volume");
	if (desc)
		g_strlcpy(m->description, desc, sizeof(m->description));
	if (json_object_get(args, "legality"))
		m->legality = (enum vol_legality)legality;
	if (json_object_get(args, "role"))
		m->role = (enum vol_role)role;
	return 0;
}

int wvol_check_generation(const struct vol_meta *m, const json_t *args, struct err *e)
{
	const json_t *want = json_object_get(args, "generation");

	if (json_is_integer(want) && json_integer_value(want) != m->generation)
		return err_agent(e, SC_GENERATION, "Generation mismatch: volume has %u, asked for %lld", m->generation,
		                 (long long)json_integer_value(want));
	return 0;
}

/* desc, legality, role; new_generation, or `bump` for the next one. */
static json_t *volume_set(struct worker_ctx *w, const json_t *args, struct err *e)
{
	const json_t *generation = json_object_get(args, "new_generation");
	auto_wvol t = WVOL_INIT;

	if (wvol_open(&t, args, e) < 0 || wvol_check_generation(&t.meta, args, e) < 0 ||
	    apply_text(&t.meta, args, e) < 0)
		return NULL;
	if (json_is_integer(generation))
		t.meta.generation = (unsigned)CLAMP(json_integer_value(generation), 0, VOL_GEN_MAX);
	else if (warg_bool(args, "bump"))
		t.meta.generation = vol_generation_next(t.meta.generation);
	return wvol_write(t.img_fd, t.vol, &t.meta, e) < 0 ? NULL : json_object();
}

const struct worker_op WORKER_VOLUME_OPS[] = {
	{ "volume.create", worker_volume_create, worker_volume_undo },
	{ "volume.info", volume_info, NULL },
	{ "volume.qemu-info", volume_qemu_info, NULL },
	{ "volume.measure", volume_measure, NULL },
	{ "volume.set", volume_set, NULL },
	{ "volume.extend", worker_volume_extend, NULL },
	{ "volume.delete", worker_volume_delete, NULL },
	{ NULL, NULL, NULL },
};
