/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/storage/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "agent/storage/storage_codes.h"
#include "base/auto.h"

#define ZERO_CHUNK (1024 * 1024)
#define MAX_DEPTH  8

#ifdef HOSTLER_TEST_HOOKS
/*
 * HOSTLER_CRASH_AT, HOSTLER_HANG_AT and HOSTLER_FAIL_AT hold the number of a step, counted from 1 in the file
 * that HOSTLER_STEP_FILE names (so that steps of several worker processes count on), or the name of one.
 * HOSTLER_FAIL_ERRNO chooses the error; with HOSTLER_CRASH_AGENT the agent dies as soon as it notices.
 */
static int count_step(const char *name)
{
	const char *path = getenv("HOSTLER_STEP_FILE");
	auto_close int fd = path ? open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : -1;
	g_autofree char *line = g_strdup_printf("%s\n", name);
	g_autofree char *text = NULL;
	int n = 0;

	if (fd < 0 || write(fd, line, strlen(line)) < 0 || !g_file_get_contents(path, &text, NULL, NULL))
		return 0;
	for (const char *p = text; *p; p++)
		n += *p == '\n';
	return n;
}

static bool step_is(const char *variable, const char *name, int n)
{
	const char *v = getenv(variable);

	return v && (strcmp(v, name) == 0 || (n > 0 && atoi(v) == n));
}

int fs_step(const char *name, struct err *e)
{
	int n = count_step(name);
	const char *number = getenv("HOSTLER_FAIL_ERRNO");

	if (step_is("HOSTLER_CRASH_AT", name, n))
		raise(SIGKILL);
	if (step_is("HOSTLER_HANG_AT", name, n))
		for (;;)
			pause();
	if (step_is("HOSTLER_FAIL_AT", name, n))
		return fs_error(e, number ? atoi(number) : ENOSPC, SC_STORAGE, "step %s", name);
	return 0;
}
#endif

int fs_error(struct err *e, int errnum, int code, const char *fmt, ...)
{
	g_autofree char *what = NULL;
	va_list args;

	va_start(args, fmt);
	what = g_strdup_vprintf(fmt, args);
	va_end(args);
	if (errnum == ENOSPC || errnum == EDQUOT)
		return err_agent(e, SC_SD_NO_SPACE, "No space left on the storage domain: %s", what);
	if (errnum == ESTALE || errnum == ENOTCONN)
		return err_agent(e, SC_SD_NOT_MOUNTED, "File system is not mounted: %s: %s", what, g_strerror(errnum));
	if (errnum == ETIMEDOUT)
		return err_agent(e, SC_ACCESS_TIMEOUT, "Access to storage timed out: %s", what);
	return err_agent(e, code, "%s: %s", what, g_strerror(errnum));
}

int fs_open_dir(int dir, const char *name)
{
	return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int fs_make_dir(int dir, const char *name, int code, struct err *e)
{
	int fd;

	if (fs_step("mkdir", e) < 0)
		return -1;
	if (mkdirat(dir, name, FS_DIR_MODE) < 0 && errno != EEXIST)
		return fs_error(e, errno, code, "make directory %s", name);
	fd = fs_open_dir(dir, name);
	if (fd < 0)
		return fs_error(e, errno, code, "open directory %s", name);
	/* The umask must not take rights away that other hosts and QEMU need. */
	if (fchmod(fd, FS_DIR_MODE) < 0 && errno != EPERM) {
		fs_error(e, errno, code, "set mode of directory %s", name);
		close(fd);
		return -1;
	}
	return fd;
}

bool fs_exists(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int read_all(int fd, char *buf, size_t max, size_t *len)
{
	*len = 0;
	while (*len < max) {
		ssize_t got = read(fd, buf + *len, max - *len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			return 0;
		*len += (size_t)got;
	}
	return 0;
}

char *fs_read(int dir, const char *name, size_t max, size_t *len)
{
	/* Non-blocking: somebody may have put a pipe there. */
	auto_close int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	char *buf;

	if (fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	if (!S_ISREG(st.st_mode) || st.st_size > (off_t)max) {
		errno = S_ISREG(st.st_mode) ? EFBIG : EINVAL;
		return NULL;
	}
	buf = malloc(max + 1);
	if (!buf || read_all(fd, buf, max, len) < 0) {
		free(buf);
		return NULL;
	}
	buf[*len] = 0;
	return buf;
}

static int open_new(int dir, const char *name, int flags)
{
	int fd = openat(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | flags, FS_FILE_MODE);

	if (fd >= 0 && fchmod(fd, FS_FILE_MODE) < 0) {
		int errnum = errno;

		close(fd);
		errno = errnum;
		return -1;
	}
	return fd;
}

int fs_create(int dir, const char *name, off_t size, int code, struct err *e)
{
	auto_close int fd = -1;

	if (fs_step("create-file", e) < 0)
		return -1;
	fd = open_new(dir, name, O_EXCL);
	if (fd < 0)
		return fs_error(e, errno, code, "create %s", name);
	if (ftruncate(fd, size) < 0)
		return fs_error(e, errno, code, "set size of %s", name);
	return 0;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t put = write(fd, data, len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		data += put;
		len -= (size_t)put;
	}
	return 0;
}

static int write_new(int dir, const char *name, const void *data, size_t len, int code, struct err *e)
{
	auto_close int fd = open_new(dir, name, O_TRUNC);

	if (fd < 0)
		return fs_error(e, errno, code, "create %s", name);
	if (fs_step("write-new", e) < 0)
		return -1;
	if (write_all(fd, data, len) < 0)
		return fs_error(e, errno, code, "write %s", name);
	if (fsync(fd) < 0)
		return fs_error(e, errno, code, "sync %s", name);
	return 0;
}

int fs_replace(int dir, const char *name, const void *data, size_t len, int code, struct err *e)
{
	g_autofree char *temp = g_strdup_printf("%s.new", name);

	if (fs_step("replace", e) < 0)
		return -1;
	if (write_new(dir, temp, data, len, code, e) < 0 || fs_rename(dir, temp, name, code, e) < 0) {
		unlinkat(dir, temp, 0);
		return -1;
	}
	return fs_sync_dir(dir, code, e);
}

int fs_rename(int dir, const char *from, const char *to, int code, struct err *e)
{
	if (fs_step("rename", e) < 0)
		return -1;
	if (renameat(dir, from, dir, to) < 0)
		return fs_error(e, errno, code, "rename %s to %s", from, to);
	return 0;
}

int fs_unlink(int dir, const char *name, int code, struct err *e)
{
	if (fs_step("unlink", e) < 0)
		return -1;
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return fs_error(e, errno, code, "remove %s", name);
	return 0;
}

int fs_sync_dir(int dir, int code, struct err *e)
{
	/* Some network file systems know no sync of directories. */
	if (fsync(dir) < 0 && errno != EINVAL)
		return fs_error(e, errno, code, "sync directory");
	return 0;
}

int fs_sync_file(int dir, const char *name, int code, struct err *e)
{
	auto_close int fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return fs_error(e, errno, code, "sync %s", name);
	return 0;
}

int fs_each(int dir, int (*fn)(int dir, const char *name, void *arg, struct err *e), void *arg, struct err *e)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	int rc = 0;

	if (!d) {
		fs_error(e, errno, SC_STORAGE, "read directory");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	errno = 0;
	while (rc == 0 && (entry = readdir(d))) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = fn(dir, entry->d_name, arg, e);
		errno = 0;
	}
	if (rc == 0 && errno)
		rc = fs_error(e, errno, SC_STORAGE, "read directory");
	closedir(d);
	return rc;
}

struct remove_args {
	int code, depth;
};

static int remove_entry(int dir, const char *name, void *arg, struct err *e)
{
	struct remove_args *up = arg, args = { up->code, up->depth + 1 };
	auto_close int fd = -1;
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : fs_error(e, errno, args.code, "look at %s", name);
	if (!S_ISDIR(st.st_mode))
		return fs_unlink(dir, name, args.code, e);
	if (args.depth > MAX_DEPTH)
		return err_agent(e, args.code, "remove %s: too deep", name);
	fd = fs_open_dir(dir, name);
	if (fd < 0)
		return fs_error(e, errno, args.code, "open directory %s", name);
	if (fs_each(fd, remove_entry, &args, e) < 0 || fs_step("rmdir", e) < 0)
		return -1;
	if (unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return fs_error(e, errno, args.code, "remove directory %s", name);
	return 0;
}

int fs_remove_tree(int dir, const char *name, int code, struct err *e)
{
	struct remove_args args = { code, 0 };

	return remove_entry(dir, name, &args, e);
}

static int write_zeros(int fd, off_t from, off_t to, int code, struct err *e)
{
	g_autofree char *zeros = g_malloc0(ZERO_CHUNK);

	while (from < to) {
		ssize_t put = pwrite(fd, zeros, (size_t)MIN(to - from, (off_t)ZERO_CHUNK), from);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return fs_error(e, errno, code, "write zeros");
		from += put;
	}
	return 0;
}

int fs_check_space(int fd, uint64_t bytes, struct err *e)
{
	struct statvfs vfs;

	if (fstatvfs(fd, &vfs) == 0 && vfs.f_bavail < bytes / vfs.f_frsize)
		return err_agent(e, SC_SD_NO_SPACE, "No space left on the storage domain: %llu bytes wanted, %llu free",
		                 (unsigned long long)bytes, (unsigned long long)vfs.f_bavail * vfs.f_frsize);
	return 0;
}

int fs_allocate(int fd, off_t from, off_t to, int code, struct err *e)
{
	if (from >= to)
		return 0;
	if (fs_check_space(fd, (uint64_t)(to - from), e) < 0 || fs_step("allocate", e) < 0)
		return -1;
	if (fallocate(fd, 0, from, to - from) == 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL)
		return fs_error(e, errno, code, "allocate %lld bytes", (long long)(to - from));
	return write_zeros(fd, from, to, code, e);
}

int fs_zero(int dir, const char *name, int code, struct err *e)
{
	auto_close int fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fs_step("zero", e) < 0)
		return -1;
	if (fd < 0 || fstat(fd, &st) < 0)
		return fs_error(e, errno, code, "open %s", name);
	/* A file that others link to (a template) holds their data, too. */
	if (!S_ISREG(st.st_mode) || st.st_nlink > 1)
		return 0;
	if (write_zeros(fd, 0, st.st_size, code, e) < 0)
		return -1;
	if (fsync(fd) < 0)
		return fs_error(e, errno, code, "sync %s", name);
	return 0;
}
