/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and mounts. Names come from the agent and are checked (check.c); folders come from the configuration, but some of
 * them belong to the agent: nothing below them is followed that might be a link.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/helper/ops.h"
#include "base/auto.h"

enum { MAX_PEM = 64 * 1024, MAX_PATH = 4096 };

static int open_dir(const char *path) { return open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC); }

/* A path below a folder that leads nowhere else, by ".." or by links. */
static int open_below(int dir, const char *path, int flags)
{
	const struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC),
		                      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };

	return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

static int write_number(const char *dir, const char *name, int64_t n)
{
	char path[MAX_PATH], text[24];
	int len = snprintf(path, sizeof(path), "%s/%s", dir, name);
	auto_close int fd = len < (int)sizeof(path) ? open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW) : -1;

	if (fd < 0)
		return errno;
	len = snprintf(text, sizeof(text), "%lld\n", (long long)n);
	return write(fd, text, (size_t)len) == len ? 0 : errno;
}

int files_set_ksm(const struct helper_config *c, int64_t run, int64_t pages, int64_t sleep_ms, int64_t merge)
{
	const char *dir = c->ksm_dir;
	int rc = 0;

	if (merge >= 0) /* refused by the kernel while anything is shared */
		rc = write_number(dir, "merge_across_nodes", merge);
	if (rc == 0 && pages)
		rc = write_number(dir, "pages_to_scan", pages);
	if (rc == 0 && sleep_ms)
		rc = write_number(dir, "sleep_millisecs", sleep_ms);
	return rc ? rc : write_number(dir, "run", run);
}

int files_read_serial(const struct helper_config *c, char out[HELPER_TEXT])
{
	char path[MAX_PATH];
	auto_close int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/product_serial", c->dmi_dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	n = read(fd, out, HELPER_TEXT - 1);
	if (n < 0)
		return errno;
	out[n] = '\0';
	return 0;
}

int files_open_log(const struct helper_config *c, enum helper_log kind, const char *name)
{
	auto_close int dir = open_dir(c->log_dir);
	char path[512];
	struct stat st;
	int fd;

	if (dir < 0)
		return -1;
	snprintf(path, sizeof(path), "%s%s.log", kind == HELPER_LOG_QEMU ? "qemu/" : "", name);
	fd = open_below(dir, path, O_RDONLY | O_NONBLOCK);
	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		errno = EINVAL;
		return -1;
	}
	return fd;
}

/* --- certificates of consoles --- */

/* A PEM file of the agent's; its folder may hold anything by now. */
static int read_pem(int dir, const char *name, char *out, size_t *n)
{
	auto_close int fd = open_below(dir, name, O_RDONLY | O_NONBLOCK);
	struct stat st;
	ssize_t got;

	if (fd < 0 || fstat(fd, &st) < 0)
		return errno;
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_size > MAX_PEM)
		return EINVAL;
	got = read(fd, out, MAX_PEM);
	if (got < 0)
		return errno;
	*n = (size_t)got;
	return got > 11 && memcmp(out, "-----BEGIN ", 11) == 0 ? 0 : EINVAL;
}

/* Whole or not at all, readable for QEMU's group. The folder is root's. */
static int write_pem(int dir, const char *name, const char *data, size_t n, gid_t gid, mode_t mode)
{
	char temp[64];
	int rc = 0;
	auto_close int fd = -1;

	snprintf(temp, sizeof(temp), ".%s.new", name);
	unlinkat(dir, temp, 0);
	fd = openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	if (write(fd, data, n) != (ssize_t)n || fchown(fd, 0, gid) < 0 || fchmod(fd, mode) < 0 || fsync(fd) < 0 ||
	    renameat(dir, temp, dir, name) < 0)
		rc = errno ? errno : EIO;
	if (rc)
		unlinkat(dir, temp, 0);
	return rc;
}

static int install_into(const struct helper_config *c, int from, const char *folder)
{
	static const struct {
		const char *from, *to;
		mode_t mode;
	} FILES[] = { { "cacert.pem", "ca-cert.pem", 0644 },
		      { "vdsmcert.pem", "server-cert.pem", 0644 },
		      { "vdsmkey.pem", "server-key.pem", 0640 } };
	auto_close int root = open(c->tls_dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_close int dir = -1;
	struct stat st;
	char pem[MAX_PEM];
	size_t n = 0;

	if (root < 0 || (mkdirat(root, folder, 0755) < 0 && errno != EEXIST))
		return errno;
	dir = openat(root, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || fstat(root, &st) < 0)
		return errno;
	if (st.st_uid != 0)
		return EPERM;
	for (size_t i = 0; i < sizeof(FILES) / sizeof(*FILES); i++) {
		int rc = read_pem(from, FILES[i].from, pem, &n);

		if (rc == 0)
			rc = write_pem(dir, FILES[i].to, pem, n, c->gid, FILES[i].mode);
		explicit_bzero(pem, sizeof(pem));
		if (rc)
			return rc;
	}
	return 0;
}

int files_install_tls(const struct helper_config *c)
{
	static const char *const FOLDERS[] = { "libvirt-vnc", "libvirt-spice" };
	auto_close int state = open_dir(c->state_dir);
	auto_close int from = state >= 0 ? open_below(state, "pki", O_PATH | O_DIRECTORY) : -1;
	int rc = 0;

	if (!c->tls_dir)
		return ENOENT;
	if (from < 0)
		return errno;
	for (size_t i = 0; rc == 0 && i < sizeof(FOLDERS) / sizeof(*FOLDERS); i++)
		rc = install_into(c, from, FOLDERS[i]);
	return rc;
}

/* --- mounts: always directly below ROOT/mnt, never with devices or setuid programs --- */

static int open_mount_dir(const struct helper_config *c)
{
	auto_close int root = open_dir(c->storage_root);

	return root < 0 ? -1 : open_below(root, "mnt", O_RDONLY | O_DIRECTORY);
}

int files_mount_nfs(const struct helper_config *c, const char *name, const char *source, const char *address,
                    const char *options, bool is_read_only)
{
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | (is_read_only ? MS_RDONLY : 0);
	auto_close int dir = open_mount_dir(c);
	auto_close int target = -1;
	char data[2 * HELPER_TEXT], place[32];
	struct stat above, st;

	if (dir < 0 || (mkdirat(dir, name, 0755) < 0 && errno != EEXIST))
		return errno;
	target = open_below(dir, name, O_PATH | O_DIRECTORY);
	if (target < 0 || fstat(dir, &above) < 0 || fstat(target, &st) < 0)
		return errno;
	if (st.st_dev != above.st_dev)
		return EBUSY; /* something is mounted there already */
	snprintf(data, sizeof(data), "%s%saddr=%s", options, *options ? "," : "", address);
	snprintf(place, sizeof(place), "/proc/self/fd/%d", target);
	return mount(source, place, "nfs", flags, data) < 0 ? errno : 0;
}

int files_umount(const struct helper_config *c, const char *name, bool is_lazy)
{
	auto_close int dir = open_mount_dir(c);
	int rc;

	if (dir < 0 || fchdir(dir) < 0)
		return errno;
	rc = umount2(name, UMOUNT_NOFOLLOW | (is_lazy ? MNT_DETACH : 0)) < 0 ? errno : 0;
	if (rc == 0 && unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		rc = errno;
	return chdir("/") < 0 && rc == 0 ? errno : rc;
}
