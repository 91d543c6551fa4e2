/* SPDX-License-Identifier: Apache-2.0 */
/* Worker: what concerns a domain as a whole, and the directory that it lies in. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "agent/storage/fs.h"
#include "agent/storage/sd_meta.h"
#include "agent/storage/storage_codes.h"
#include "agent/storage/worker.h"
#include "base/auto.h"
#include "base/log.h"

#define MAILBOX_SIZE  (16 * 1024 * 1024)
#define CREATE_PREFIX "_create_"
#define REMOVE_PREFIX "_remove_me_"
#define PROBE_FILE    "__DIRECT_IO_TEST__"

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void wdom_close(struct wdom *d)
{
	close_fd(&d->mount);
	close_fd(&d->dir);
	close_fd(&d->md);
	close_fd(&d->images);
}

static int open_mount(const json_t *args, struct err *e)
{
	const char *mount = warg_str(args, "mount", e);
	int fd;

	if (!mount)
		return -1;
	/* For local domains the mount is a link of ours, so that links are followed here, only here. */
	fd = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		fs_error(e, errno, errno == EACCES ? SC_SD_PERMISSION : SC_SD_NOT_MOUNTED, "Open %s", mount);
	return fd;
}

int wdom_open(struct wdom *d, const json_t *args, struct err *e)
{
	d->sd = warg_uuid(args, "sd", e);
	d->mount = d->sd ? open_mount(args, e) : -1;
	if (d->mount < 0)
		return -1;
	d->dir = fs_open_dir(d->mount, d->sd);
	if (d->dir < 0)
		return fs_error(e, errno, errno == ENOENT ? SC_SD_MISSING : SC_SD_ACCESS,
		                "Storage domain does not exist: %s", d->sd);
	d->md = fs_open_dir(d->dir, "dom_md");
	d->images = fs_open_dir(d->dir, "images");
	if (d->md < 0 || d->images < 0)
		return fs_error(e, errno, SC_SD_LAYOUT, "Storage domain %s has no dom_md or images", d->sd);
	return 0;
}

json_t *wdom_read_meta(const struct wdom *d, struct err *e)
{
	size_t len = 0;
	g_autofree char *text = fs_read(d->md, "metadata", SD_META_MAX, &len);
	json_t *meta;

	if (!text) {
		fs_error(e, errno, errno == ENOENT ? SC_SD_META_MISSING : SC_SD_ACCESS, "Read metadata of domain %s",
		         d->sd);
		return NULL;
	}
	meta = sd_meta_parse(text, len, e);
	if (meta && sd_meta_check(meta, d->sd, e) < 0)
		g_clear_pointer(&meta, json_decref);
	if (!meta)
		err_wrap(e, "domain %s", d->sd);
	return meta;
}

int wdom_write_meta(const struct wdom *d, const json_t *meta, struct err *e)
{
	size_t len;
	g_autofree char *text = sd_meta_format(meta, &len, e);

	if (!text || fs_step("domain-metadata", e) < 0)
		return -1;
	return fs_replace(d->md, "metadata", text, len, SC_FILE_WRITE, e);
}

int wimg_open(const struct wdom *d, const char *img, struct err *e)
{
	int fd = fs_open_dir(d->images, img);

	if (fd < 0)
		fs_error(e, errno, errno == ENOENT ? SC_IMG_MISSING : SC_IMG_PATH,
		         "Image %s does not exist in domain %s", img, d->sd);
	return fd;
}

/* --- the directory of a connection --- */

static json_t *mount_check(struct worker_ctx *w, const json_t *args, struct err *e)
{
	const char *path = warg_str(args, "mount", e);
	struct stat st;

	if (!path)
		return NULL;
	if (stat(path, &st) < 0) {
		fs_error(e, errno, SC_CONNECT, "Local directory %s", path);
		return NULL;
	}
	if (!S_ISDIR(st.st_mode)) {
		err_agent(e, SC_CONNECT, "%s is not a directory", path);
		return NULL;
	}
	if (faccessat(AT_FDCWD, path, R_OK | W_OK | X_OK, AT_EACCESS) < 0) {
		err_agent(e, SC_CONNECT_PERMISSION,
		          "%s must be readable and writable for user %d, group %d (it belongs to %d:%d, mode %o): "
		          "try chown %d:%d %s",
		          path, (int)geteuid(), (int)getegid(), (int)st.st_uid, (int)st.st_gid,
		          (unsigned)st.st_mode & 07777, (int)geteuid(), (int)getegid(), path);
		return NULL;
	}
	return json_object();
}

static int scan_entry(int dir, const char *name, void *arg, struct err *e)
{
	g_autofree char *path = g_strdup_printf("%s/dom_md/metadata", name);

	if (uuid_is_valid(name) && fs_exists(dir, path))
		json_array_append_new(arg, json_string(name));
	return 0;
}

/* Ids of the domains that lie in the directory. */
static json_t *mount_scan(struct worker_ctx *w, const json_t *args, struct err *e)
{
	auto_close int fd = open_mount(args, e);
	json_t *found = json_array();

	if (fd < 0 || fs_each(fd, scan_entry, found, e) < 0)
		g_clear_pointer(&found, json_decref);
	return found ? json_pack("{s:o}", "domains", found) : NULL;
}

/* --- make and format --- */

static int probe_write(int dir, int block_size, struct err *e)
{
	auto_close int fd = openat(dir, PROBE_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_DIRECT, FS_FILE_MODE);
	void *buf = NULL;
	int rc = 0;

	if (fd < 0)
		return errno == EINVAL ? 1 : fs_error(e, errno, SC_SD_UNSUPPORTED_TARGET, "Probe direct I/O");
	if (posix_memalign(&buf, 4096, 4096) != 0)
		return err_agent(e, SC_UNEXPECTED, "Unexpected error: out of memory");
	memset(buf, 0, 4096);
	if (pwrite(fd, buf, (size_t)block_size, 0) != block_size)
		rc = errno == EINVAL ? 1 : fs_error(e, errno, SC_SD_UNSUPPORTED_TARGET, "Probe direct I/O");
	free(buf);
	return rc;
}

/* Block size of the storage by trying; 0 means that it takes no direct I/O. */
static int probe_block_size(int dir, int *size, struct err *e)
{
	static const int SIZES[] = { 512, 4096 };
	int rc = 1;

	*size = 0;
	for (size_t i = 0; i < G_N_ELEMENTS(SIZES) && rc == 1; i++) {
		rc = probe_write(dir, SIZES[i], e);
		if (rc == 0)
			*size = SIZES[i];
	}
	unlinkat(dir, PROBE_FILE, 0);
	return rc < 0 ? -1 : 0;
}

static int choose_block_size(int dir, int wanted, int *size, struct err *e)
{
	if (probe_block_size(dir, size, e) < 0)
		return -1;
	if (!*size)
		return err_agent(e, SC_SD_UNSUPPORTED_TARGET, "Storage target unsupported: no direct I/O");
	if (wanted > 1 && wanted < *size)
		return err_agent(e, SC_SD_BLOCK_SIZE, "Block size mismatch: storage has %d, asked for %d", *size,
		                 wanted);
	if (wanted > 1)
		*size = wanted;
	return 0;
}

static int fill_md(int dir, const json_t *meta, const char *sd, struct err *e)
{
	static const struct {
		const char *name;
		off_t size;
	} FILES[] = {
		{ "ids", 0 }, { "leases", 0 }, { "xleases", 0 }, { "inbox", MAILBOX_SIZE }, { "outbox", MAILBOX_SIZE }
	};
	auto_wdom d = WDOM_INIT;

	d.sd = sd;
	d.md = fs_make_dir(dir, "dom_md", SC_SD_CREATE, e);
	if (d.md < 0)
		return -1;
	for (size_t i = 0; i < G_N_ELEMENTS(FILES); i++)
		if (fs_create(d.md, FILES[i].name, FILES[i].size, SC_SD_CREATE, e) < 0)
			return -1;
	return wdom_write_meta(&d, meta, e);
}

static int fill_domain(int dir, const json_t *meta, const char *sd, struct err *e)
{
	auto_close int images = fs_make_dir(dir, "images", SC_SD_CREATE, e);
	auto_close int master = images < 0 ? -1 : fs_make_dir(dir, "master", SC_SD_CREATE, e);
	auto_close int vms = master < 0 ? -1 : fs_make_dir(master, "vms", SC_SD_CREATE, e);
	auto_close int tasks = vms < 0 ? -1 : fs_make_dir(master, "tasks", SC_SD_CREATE, e);

	if (tasks < 0 || fill_md(dir, meta, sd, e) < 0 || fs_sync_dir(master, SC_SD_CREATE, e) < 0)
		return -1;
	return fs_sync_dir(dir, SC_SD_CREATE, e);
}

/* The tree is made under another name; the rename makes it a domain. */
static int create_tree(int mount, const char *sd, const json_t *meta, struct err *e)
{
	g_autofree char *temp = g_strconcat(CREATE_PREFIX, sd, NULL);
	auto_close int dir = -1;

	if (fs_remove_tree(mount, temp, SC_SD_CREATE, e) < 0)
		return -1;
	dir = fs_make_dir(mount, temp, SC_SD_CREATE, e);
	if (dir < 0 || fill_domain(dir, meta, sd, e) < 0 || fs_rename(mount, temp, sd, SC_SD_CREATE, e) < 0) {
		struct err ignored = ERR_INIT;

		fs_remove_tree(mount, temp, SC_SD_CREATE, &ignored);
		return -1;
	}
	return fs_sync_dir(mount, SC_SD_CREATE, e);
}

static json_t *domain_create(struct worker_ctx *w, const json_t *args, struct err *e)
{
	struct sd_meta_new n = { .sd = warg_uuid(args, "sd", e),
		                 .name = warg_str_or(args, "name", ""),
		                 .type = warg_str_or(args, "type", "LOCALFS"),
		                 .sd_class = warg_str_or(args, "class", "Data"),
		                 .remote_path = warg_str_or(args, "remote_path", "") };
	auto_close int mount = n.sd ? open_mount(args, e) : -1;
	auto_json *meta = NULL;
	int64_t block = 0, hosts = 0;

	if (mount < 0 || warg_int(args, "block_size", &block, e) < 0 || warg_int(args, "max_hosts", &hosts, e) < 0)
		return NULL;
	if (fs_exists(mount, n.sd)) {
		err_agent(e, SC_SD_EXISTS, "Storage domain already exists: %s", n.sd);
		return NULL;
	}
	if (choose_block_size(mount, (int)block, &n.block_size, e) < 0)
		return NULL;
	/* More hosts than the areas of this block size hold: take what they hold. */
	n.alignment = sd_meta_alignment(n.block_size, (int)CLAMP(hosts, 1, 2000));
	meta = sd_meta_new(&n);
	if (create_tree(mount, n.sd, meta, e) < 0)
		return NULL;
	return json_pack("{s:O}", "meta", meta);
}

/* From the rename on there is no domain; what is left is garbage that the next connect removes. */
static json_t *domain_format(struct worker_ctx *w, const json_t *args, struct err *e)
{
	auto_wdom d = WDOM_INIT;
	g_autofree char *doomed = NULL;

	if (wdom_open(&d, args, e) < 0)
		return NULL;
	doomed = g_strconcat(REMOVE_PREFIX, d.sd, NULL);
	if (fs_rename(d.mount, d.sd, doomed, SC_SD_FORMAT, e) < 0 || fs_sync_dir(d.mount, SC_SD_FORMAT, e) < 0)
		return NULL;
	if (fs_remove_tree(d.mount, doomed, SC_SD_FORMAT, e) < 0)
		return NULL;
	return json_object();
}

static int collect_mount_entry(int dir, const char *name, void *arg, struct err *e)
{
	const char *id = g_str_has_prefix(name, CREATE_PREFIX)   ? name + strlen(CREATE_PREFIX)
	                 : g_str_has_prefix(name, REMOVE_PREFIX) ? name + strlen(REMOVE_PREFIX)
	                                                         : NULL;
	struct err ignored = ERR_INIT;

	if (id && uuid_is_valid(id) && fs_remove_tree(dir, name, SC_STORAGE, &ignored) == 0)
		log_info("removed left-over of a domain", "NAME", name);
	return 0;
}

static json_t *mount_collect(struct worker_ctx *w, const json_t *args, struct err *e)
{
	auto_close int mount = open_mount(args, e);

	if (mount < 0 || fs_each(mount, collect_mount_entry, NULL, e) < 0)
		return NULL;
	return json_object();
}

/* --- metadata and health --- */

static json_t *domain_read(struct worker_ctx *w, const json_t *args, struct err *e)
{
	auto_wdom d = WDOM_INIT;
	json_t *meta = wdom_open(&d, args, e) == 0 ? wdom_read_meta(&d, e) : NULL;

	return meta ? json_pack("{s:o}", "meta", meta) : NULL;
}

/* Merge "set" into the metadata. */
static json_t *domain_update(struct worker_ctx *w, const json_t *args, struct err *e)
{
	auto_wdom d = WDOM_INIT;
	json_t *meta = wdom_open(&d, args, e) == 0 ? wdom_read_meta(&d, e) : NULL;
	json_t *value, *set = json_object_get(args, "set");
	const char *key;

	if (!meta)
		return NULL;
	json_object_foreach (set, key, value)
		json_object_set(meta, key, value);
	if (wdom_write_meta(&d, meta, e) < 0) {
		json_decref(meta);
		return NULL;
	}
	return json_pack("{s:o}", "meta", meta);
}

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* The delay is that of a read from storage, so that the page cache must not answer it. */
static void read_directly(const struct wdom *d)
{
	auto_close int fd = openat(d->md, "metadata", O_RDONLY | O_NOFOLLOW | O_DIRECT | O_CLOEXEC);
	void *buf = NULL;

	if (fd >= 0 && posix_memalign(&buf, 4096, 4096) == 0 && read(fd, buf, 4096) < 0)
		log_debug("direct read of domain metadata failed", "SD", d->sd);
	free(buf);
}

static json_t *domain_check(struct worker_ctx *w, const json_t *args, struct err *e)
{
	auto_wdom d = WDOM_INIT;
	double start = now_s();
	json_t *meta = NULL;
	struct statvfs vfs;
	double delay;

	if (wdom_open(&d, args, e) < 0)
		return NULL;
	read_directly(&d);
	delay = now_s() - start;
	if (fstatvfs(d.dir, &vfs) < 0) {
		fs_error(e, errno, SC_SD_ACCESS, "Ask for space of domain %s", d.sd);
		return NULL;
	}
	meta = wdom_read_meta(&d, e);
	if (!meta)
		return NULL;
	return json_pack("{s:o,s:f,s:I,s:I}", "meta", meta, "delay", delay, "total",
	                 (json_int_t)(vfs.f_blocks * vfs.f_frsize), "free", (json_int_t)(vfs.f_bavail * vfs.f_frsize));
}

/* The lease of a local domain: an exclusive lock on `ids`. The descriptor goes to the agent, which
 * hands it to every process that works as SPM: the lock ends when the last of them has. */
static json_t *lease_acquire(struct worker_ctx *w, const json_t *args, struct err *e)
{
	auto_wdom d = WDOM_INIT;
	auto_close int fd = -1;

	if (wdom_open(&d, args, e) < 0)
		return NULL;
	fd = openat(d.md, "ids", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		fs_error(e, errno, SC_SPM_LOCK, "Open ids of domain %s", d.sd);
		return NULL;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		err_agent(e, SC_SPM_LOCK, "Cannot acquire the lease of domain %s: %s", d.sd,
		          errno == EWOULDBLOCK ? "another process holds it" : g_strerror(errno));
		return NULL;
	}
	w->send_fd = fd;
	fd = -1;
	return json_object();
}

const struct worker_op WORKER_DOMAIN_OPS[] = {
	{ "mount.check", mount_check, NULL },     { "mount.scan", mount_scan, NULL },
	{ "mount.collect", mount_collect, NULL }, { "domain.create", domain_create, NULL },
	{ "domain.format", domain_format, NULL }, { "domain.read", domain_read, NULL },
	{ "domain.update", domain_update, NULL }, { "domain.check", domain_check, NULL },
	{ "lease.acquire", lease_acquire, NULL }, { NULL, NULL, NULL },
};
