/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/vms/payload.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/vms/domain.h"
#include "agent/vms/media.h"
#include "agent/vms/vms.h"
#include "agent/vms/xml.h"
#include "base/auto.h"
#include "base/log.h"

enum { OWNER = 36 }; /* as the storage worker, and all that it makes */

static char *folder(const struct agent *a) { return g_build_filename(a->opt.run_dir, "payload", NULL); }

/* --- making, on a worker ------------------------------------------------------ */

struct make {
	struct pool *pool;
	const struct media *media;
	const char *path;
	struct err *error;
	int result;
};

static int write_floppy(const struct make *m)
{
	g_autoptr(GByteArray) image = g_byte_array_new();
	auto_close int fd = -1;

	if (media_floppy(m->media, image, m->error) < 0)
		return -1;
	fd = open(m->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, image->data, image->len) != (ssize_t)image->len)
		return err_errno(m->error, errno, "write the floppy of a payload");
	return 0;
}

static int protect(const struct make *m)
{
	auto_close int fd = open(m->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fchmod(fd, 0600) < 0 || (geteuid() == 0 && fchown(fd, OWNER, OWNER) < 0))
		return err_errno(m->error, errno, "protect the medium of a payload");
	return 0;
}

static void make_work(void *arg)
{
	struct make *m = arg;
	g_autofree char *dir = g_path_get_dirname(m->path);

	m->result = -1;
	if (g_mkdir_with_parents(dir, 0711) < 0) {
		err_errno(m->error, errno, "make %s", dir);
		return;
	}
	unlink(m->path);
	m->result = m->media->is_floppy ? write_floppy(m) : media_cd(m->pool, m->media, m->path, m->error);
	if (m->result == 0)
		m->result = protect(m);
	if (m->result < 0)
		unlink(m->path);
}

/* --- the machine ----------------------------------------------------------------- */

static xmlNodePtr drive_of(xmlNodePtr devices, const char *name)
{
	for (xmlNodePtr n = xml_child(devices, "disk"); name && n; n = xml_next(n))
		if (xml_attr_is(xml_child(n, "target"), "dev", name))
			return n;
	return NULL;
}

static int make_one(struct agent *a, struct pool *p, xmlNodePtr drive, struct media *m, const char *vm_id,
                    struct err *e)
{
	g_autofree char *dir = folder(a);
	struct make job = { .pool = p, .media = m, .error = e };

	m->is_floppy = xml_attr_is(drive, "device", "floppy");
	if (!m->is_floppy && !xml_attr_is(drive, "device", "cdrom"))
		return err_set(e, ERR_INVALID, "a payload needs a CD or floppy drive");
	job.path = pool_printf(p, "%s/%s-%s.img", dir, vm_id, m->drive);
	if (task_run(a->tasks, make_work, &job, e) < 0 || job.result < 0)
		return -1;
	domain_disk_set_source(drive, job.path, false);
	return 0;
}

int payload_make(struct agent *a, xmlDocPtr doc, const char *vm_id, struct err *e)
{
	xmlNodePtr root = xmlDocGetRootElement(doc), devices = xml_child(root, "devices");
	xmlNodePtr meta = xml_child_ns(xml_child(root, "metadata"), "vm", OVIRT_VM_URI);
	auto_pool p = pool_new();
	int n = 0;

	for (xmlNodePtr d = xml_child(meta, "device"); d; d = xml_next(d)) {
		struct media *m;
		xmlNodePtr drive;

		if (media_read(p, d, &m, e) < 0)
			return -1;
		if (!m)
			continue;
		drive = drive_of(devices, m->drive);
		if (!drive)
			return err_set(e, ERR_INVALID, "the drive of a payload is missing");
		if (++n > MEDIA_MAX)
			return err_set(e, ERR_TOO_LARGE, "there are more than %d payloads", MEDIA_MAX);
		if (make_one(a, p, drive, m, vm_id, e) < 0)
			return -1;
	}
	if (n)
		log_info("payload made", "VM", vm_id, "MEDIA", pool_printf(p, "%d", n));
	return 0;
}

/* --- removing --------------------------------------------------------------------- */

static void remove_where(struct agent *a, bool (*is_over)(struct agent *a, const char *name, const void *arg),
                         const void *arg)
{
	g_autofree char *dir = folder(a);
	GDir *d = g_dir_open(dir, 0, NULL);
	const char *name;

	while (d && (name = g_dir_read_name(d))) {
		g_autofree char *path = g_build_filename(dir, name, NULL);

		if (is_over(a, name, arg) && unlink(path) < 0)
			log_warn("payload not removed", "PATH", path, "ERROR", g_strerror(errno));
	}
	if (d)
		g_dir_close(d);
}

static bool is_of(struct agent *a, const char *name, const void *vm_id) { return g_str_has_prefix(name, vm_id); }

void payload_remove(struct agent *a, const char *vm_id) { remove_where(a, is_of, vm_id); }

static bool is_left(struct agent *a, const char *name, const void *unused)
{
	uuid_text id;
	const struct vm *vm;

	g_strlcpy(id, name, sizeof(id));
	vm = uuid_is_valid(id) ? vms_find(a, id) : NULL;
	return !vm || vm->status == VM_DOWN;
}

void payload_sweep(struct agent *a) { remove_where(a, is_left, NULL); }
