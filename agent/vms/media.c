/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/vms/media.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/vms/domain.h"
#include "agent/vms/xml.h"
#include "base/auto.h"
#include "base/proc.h"

enum { MAX_PATH = 255, CD_MS = 30000 };

/* --- reading ---------------------------------------------------------------- */

static bool path_is_fine(const char *path)
{
	g_auto(GStrv) parts = NULL;

	if (!path || !*path || strlen(path) > MAX_PATH || !g_utf8_validate(path, -1, NULL))
		return false;
	for (const char *s = path; *s; s++)
		if ((guchar)*s < 32 || *s == 127 || *s == '\\')
			return false;
	parts = g_strsplit(path, "/", -1);
	for (char **s = parts; *s; s++)
		if (!**s || strcmp(*s, ".") == 0 || strcmp(*s, "..") == 0)
			return false;
	return true;
}

static int read_file(struct pool *p, xmlNodePtr n, struct media_file *f, size_t *total, struct err *e)
{
	char *path = xml_attr(p, n, "path"), *text = xml_content(p, n);
	gsize size = 0;

	while (path && *path == '/')
		path++;
	if (!path_is_fine(path))
		return err_set(e, ERR_INVALID, "a file of the payload has a path that is not allowed");
	f->path = path;
	f->data = text ? text : "";
	if (text && *text)
		g_base64_decode_inplace(text, &size);
	f->size = size;
	*total += size;
	if (*total > MEDIA_MAX_BYTES)
		return err_set(e, ERR_TOO_LARGE, "the payload is larger than %d MiB", MEDIA_MAX_BYTES >> 20);
	return 0;
}

static bool label_is_fine(const char *label)
{
	if (strlen(label) > 32)
		return false;
	for (const char *s = label; *s; s++)
		if (!g_ascii_isalnum(*s) && !strchr("-_. ", *s))
			return false;
	return true;
}

int media_read(struct pool *p, xmlNodePtr device, struct media **out, struct err *e)
{
	xmlNodePtr payload = xml_child(device, "payload");
	struct media *m;
	size_t total = 0;
	int n = 0;

	*out = NULL;
	if (!payload)
		return 0;
	for (xmlNodePtr f = xml_child(payload, "file"); f; f = xml_next(f))
		n++;
	if (n > MEDIA_MAX_FILES)
		return err_set(e, ERR_TOO_LARGE, "the payload has more than %d files", MEDIA_MAX_FILES);
	m = POOL_NEW(p, struct media);
	m->files = POOL_ARRAY(p, struct media_file, n + 1);
	m->drive = xml_attr(p, device, "name");
	m->label = xml_child_content(p, payload, "volId");
	if (m->label && !*m->label)
		m->label = NULL;
	if (m->label && !label_is_fine(m->label))
		return err_set(e, ERR_INVALID, "the payload has a volume id that is not allowed");
	for (xmlNodePtr f = xml_child(payload, "file"); f; f = xml_next(f))
		if (read_file(p, f, &m->files[m->n_files++], &total, e) < 0)
			return -1;
	*out = m;
	return 0;
}

/* --- CD ------------------------------------------------------------------------ */

static int write_tree(const struct media *m, const char *dir, struct err *e)
{
	for (int i = 0; i < m->n_files; i++) {
		g_autofree char *path = g_build_filename(dir, m->files[i].path, NULL),
		                *parent = g_path_get_dirname(path);
		auto_close int fd = -1;

		if (g_mkdir_with_parents(parent, 0755) < 0)
			return err_errno(e, errno, "make %s", parent);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
		if (fd < 0 || write(fd, m->files[i].data, m->files[i].size) != (ssize_t)m->files[i].size)
			return err_errno(e, errno, "write %s of a payload", m->files[i].path);
	}
	return 0;
}

static void remove_tree(const char *dir, int depth)
{
	GDir *d = depth < 40 ? g_dir_open(dir, 0, NULL) : NULL;
	const char *name;

	while (d && (name = g_dir_read_name(d))) {
		g_autofree char *path = g_build_filename(dir, name, NULL);

		if (unlink(path) < 0)
			remove_tree(path, depth + 1);
	}
	if (d)
		g_dir_close(d);
	rmdir(dir);
}

int media_cd(struct pool *p, const struct media *m, const char *path, struct err *e)
{
	char *dir = mkdtemp(pool_printf(p, "%s.XXXXXX", path));
	const char *argv[] = { "xorriso", "-as", "mkisofs", "-quiet", "-J", "-R", "-V", m->label ? m->label : "CDROM",
		               "-o",      path,  dir,       NULL };
	const struct proc_spec spec = { .argv = argv, .timeout_ms = CD_MS };
	struct proc_result result;
	int r;

	if (!dir)
		return err_errno(e, errno, "make a folder for a payload");
	r = write_tree(m, dir, e);
	if (r == 0 && proc_run(p, &spec, &result, e) < 0)
		r = err_wrap(e, "make the CD of a payload");
	remove_tree(dir, 0);
	return r;
}
