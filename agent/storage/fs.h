/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * File system steps of the storage worker. Everything is relative to an open directory, never follows
 * a symbolic link below the mount, and every change is a named step: a test build can be killed before
 * each of them, or have it fail with "no space left" or an I/O error.
 *
 * Blocking: only worker processes call these.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"

#define FS_FILE_MODE 0660
#define FS_DIR_MODE  0775

/* Name the step that follows; -1 with e when a test wants it to fail. */
#ifdef HOSTLER_TEST_HOOKS
int fs_step(const char *name, struct err *e);
#else
static inline int fs_step(const char *name, struct err *e)
{
	(void)name;
	(void)e;
	return 0;
}
#endif

/* An errno as a storage error: full disk is 397, timeout of the mount 3, a vanished file system 360;
 * everything else is `code`. */
int fs_error(struct err *e, int errnum, int code, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Descriptor of a directory (no link), or -1 with errno. */
int fs_open_dir(int dir, const char *name);
/* A directory, made if missing, with mode FS_DIR_MODE whatever the umask. Descriptor or -1 with e. */
int fs_make_dir(int dir, const char *name, int code, struct err *e);
bool fs_exists(int dir, const char *name);
/* A regular file of at most max bytes; NUL-terminated, to be freed with free(). NULL with errno
 * (EFBIG when longer, EINVAL when no regular file). */
char *fs_read(int dir, const char *name, size_t max, size_t *len);
/* A new file of `size` bytes without contents; fails when it exists. */
int fs_create(int dir, const char *name, off_t size, int code, struct err *e);
/* Replace or make a file atomically and durably: NAME.new, sync, rename, sync of the directory. */
int fs_replace(int dir, const char *name, const void *data, size_t len, int code, struct err *e);
int fs_rename(int dir, const char *from, const char *to, int code, struct err *e);
/* Missing is fine. */
int fs_unlink(int dir, const char *name, int code, struct err *e);
int fs_sync_dir(int dir, int code, struct err *e);
/* Sync the data of a file by name. */
int fs_sync_file(int dir, const char *name, int code, struct err *e);
/* Unlink a directory and what it holds, not following links; at most 8 levels. Missing is fine. */
int fs_remove_tree(int dir, const char *name, int code, struct err *e);
/* 397 when the file system of fd has less than that free: better than filling it up to find out. */
int fs_check_space(int fd, uint64_t bytes, struct err *e);
/* Make sure that [from, to) has blocks; by writing zeros where the file system cannot. The range is new. */
int fs_allocate(int fd, off_t from, off_t to, int code, struct err *e);
/* Overwrite with zeros, durably. */
int fs_zero(int dir, const char *name, int code, struct err *e);

/* Call fn for every entry but "." and ".."; stops at the first -1. */
int fs_each(int dir, int (*fn)(int dir, const char *name, void *arg, struct err *e), void *arg, struct err *e);
