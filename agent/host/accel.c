/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/accel.h"

#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/host/system.h"
#include "base/auto.h"
#include "base/fiber.h"
#include "base/log.h"
#include "base/proc.h"

enum { IMAGE_MS = 4000, KERNEL_MS = 10000 };

struct accel {
	bool is_known, is_kvm;
	char *reason;
	struct waitq known;
};

/* What the worker is told and what it finds. */
struct probe {
	char *state_dir, *kernel, *initrd;
	bool is_kvm, is_cached;
	char reason[200];
};

static int verdict(struct probe *p, bool is_kvm, const char *fmt, ...) G_GNUC_PRINTF(3, 4);
static int verdict(struct probe *p, bool is_kvm, const char *fmt, ...)
{
	va_list ap;

	p->is_kvm = is_kvm;
	va_start(ap, fmt);
	g_vsnprintf(p->reason, sizeof(p->reason), fmt, ap);
	va_end(ap);
	return 0;
}

/* --- guests ---------------------------------------------------------------------- */

static char *find_qemu(void)
{
	char *path = g_find_program_in_path("qemu-system-x86_64");

	if (!path)
		path = g_find_program_in_path("qemu-kvm");
	if (!path && g_file_test("/usr/libexec/qemu-kvm", G_FILE_TEST_IS_EXECUTABLE))
		path = g_strdup("/usr/libexec/qemu-kvm");
	return path;
}

static int write_image(const char *path)
{
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	return fd >= 0 && write(fd, accel_image, accel_image_size) == (ssize_t)accel_image_size ? 0 : -1;
}

/* Our image runs to its end or not. */
static bool run_image(struct pool *pool, struct probe *p, const char *qemu)
{
	g_autofree char *path = g_build_filename(p->state_dir, "accel.img", NULL);
	const char *const argv[] = { qemu,
		                     "-accel",
		                     "kvm",
		                     "-M",
		                     "pc",
		                     "-m",
		                     "64",
		                     "-nodefaults",
		                     "-display",
		                     "none",
		                     "-no-reboot",
		                     "-bios",
		                     path,
		                     "-debugcon",
		                     "stdio",
		                     "-device",
		                     "isa-debug-exit,iobase=0xf4,iosize=4",
		                     NULL };
	const struct proc_spec spec = { .argv = argv, .timeout_ms = IMAGE_MS };
	struct proc_result r = { .exit_status = -1 };
	struct err e = ERR_INIT;

	if (accel_image_size == 0 || write_image(path) < 0) {
		verdict(p, false, "the probe guest cannot be written");
		return false;
	}
	proc_run(pool, &spec, &r, &e);
	g_unlink(path);
	if (r.exit_status == ACCEL_IMAGE_OK) {
		verdict(p, true, "a small guest ran to its end under KVM");
		return true;
	}
	verdict(p, false, "a small guest %s under KVM after step %zu of 9", r.is_timeout ? "hung" : "failed",
	        r.out ? strspn(r.out, "123456789") : 0);
	return false;
}

/* A kernel without an init or a root file system starts, panics and, told so, reboots: the end of this QEMU.
 */
static bool boot_kernel(struct pool *pool, struct probe *p, const char *qemu, const char *kernel)
{
	const char *argv[] = { qemu,         "-accel",
		               "kvm",        "-M",
		               "pc",         "-m",
		               "256",        "-nodefaults",
		               "-display",   "none",
		               "-serial",    "stdio",
		               "-kernel",    kernel,
		               "-append",    "console=ttyS0 panic=-1 root=none rdinit=/none",
		               "-no-reboot", p->initrd ? "-initrd" : NULL,
		               p->initrd,    NULL };
	const struct proc_spec spec = { .argv = argv, .timeout_ms = KERNEL_MS };
	struct proc_result r = { .exit_status = -1 };
	struct err e = ERR_INIT;
	g_autofree char *name = g_path_get_basename(kernel);

	proc_run(pool, &spec, &r, &e);
	if (r.out && strstr(r.out, "Kernel panic") && !r.is_timeout) {
		verdict(p, true, "%s booted under KVM", name);
		return true;
	}
	verdict(p, false, "%s %s under KVM", name, r.is_timeout ? "hung" : "did not start");
	return false;
}

static char *own_kernel(struct pool *pool)
{
	struct utsname u;
	char *path;

	uname(&u);
	path = pool_printf(pool, "/boot/vmlinuz-%s", u.release);
	return access(path, R_OK) == 0 ? path : NULL;
}

static int probe_now(struct pool *pool, struct probe *p, const char *qemu)
{
	const char *kernel = p->kernel ? p->kernel : own_kernel(pool);
	auto_close int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return verdict(p, false, errno == ENOENT ? "there is no /dev/kvm" : "/dev/kvm cannot be opened");
	if (!qemu)
		return verdict(p, false, "QEMU is not installed");
	if (!run_image(pool, p, qemu))
		return 0;
	if (kernel)
		boot_kernel(pool, p, qemu, kernel);
	return 0;
}

/* --- the cache --------------------------------------------------------------------- */

/* All that the verdict depends on. */
static char *make_key(struct pool *pool, const struct probe *p, const char *qemu)
{
	const char *const argv[] = { qemu, "--version", NULL };
	const struct proc_spec spec = { .argv = argv, .timeout_ms = 5000 };
	struct proc_result r = { 0 };
	struct err e = ERR_INIT;
	struct utsname u;

	uname(&u);
	if (qemu)
		proc_run(pool, &spec, &r, &e);
	return pool_printf(pool, "%s|%.*s|%s|%s|%s", u.release, r.out ? (int)strcspn(r.out, "\n") : 0,
	                   r.out ? r.out : "", system_cpu_model(pool),
	                   access("/dev/kvm", R_OK | W_OK) == 0 ? "kvm" : "no kvm", p->kernel ? p->kernel : "");
}

static bool cache_read(struct probe *p, const char *path, const char *key)
{
	auto_json *j = json_load_file(path, 0, NULL);
	const char *its_key = json_string_value(json_object_get(j, "key"));
	const char *reason = json_string_value(json_object_get(j, "reason"));

	if (!its_key || !reason || strcmp(its_key, key) != 0 || !json_is_boolean(json_object_get(j, "kvm")))
		return false;
	verdict(p, json_is_true(json_object_get(j, "kvm")), "%s", reason);
	p->is_cached = true;
	return true;
}

static void cache_write(const struct probe *p, const char *path, const char *key)
{
	auto_json *j = json_pack("{s:s, s:b, s:s}", "key", key, "kvm", p->is_kvm, "reason", p->reason);
	g_autofree char *text = json_dumps(j, JSON_INDENT(2));

	if (!g_file_set_contents(path, text, -1, NULL))
		log_warn("verdict on KVM not kept", "FILE", path);
}

static void probe_work(void *arg)
{
	struct probe *p = arg;
	g_autofree char *path = g_build_filename(p->state_dir, "accel.json", NULL), *qemu = find_qemu();
	auto_pool pool = pool_new();
	const char *key = make_key(pool, p, qemu);

	if (cache_read(p, path, key))
		return;
	probe_now(pool, p, qemu);
	cache_write(p, path, key);
}

/* --- the loop's side ------------------------------------------------------------------ */

static void decide(struct agent *a, bool is_kvm, const char *reason)
{
	a->accel->is_known = true;
	a->accel->is_kvm = is_kvm;
	a->accel->reason = g_strdup(reason);
	log_write(is_kvm ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
	          is_kvm ? "guests run with KVM" : "guests are emulated, KVM is not used", "WHY", reason, (char *)0);
	waitq_wake_all(&a->accel->known);
}

static void probe_fiber(void *arg)
{
	struct agent *a = arg;
	struct probe p = { .state_dir = g_strdup(a->opt.state_dir),
		           .kernel = g_strdup(a->opt.probe_kernel),
		           .initrd = g_strdup(a->opt.probe_initrd) };
	struct err e = ERR_INIT;

	if (task_run(a->tasks, probe_work, &p, &e) < 0)
		verdict(&p, false, "the probe did not run: %s", e.detail);
	decide(a, p.is_kvm, p.reason);
	g_free(p.state_dir);
	g_free(p.kernel);
	g_free(p.initrd);
}

void accel_init(struct agent *a)
{
	a->accel = g_new0(struct accel, 1);
	if (strcmp(a->opt.accel, "auto") != 0)
		decide(a, strcmp(a->opt.accel, "kvm") == 0, "set by the administrator");
	else
		fiber_start(a->loop, "kvm probe", probe_fiber, a);
}

int accel_wait(struct agent *a, struct err *e)
{
	while (!a->accel->is_known)
		waitq_wait(&a->accel->known, -1);
	return 0;
}

bool accel_is_known(const struct agent *a) { return a->accel->is_known; }

bool accel_is_kvm(const struct agent *a) { return a->accel->is_known && a->accel->is_kvm; }

const char *accel_reason(const struct agent *a)
{
	return a->accel->reason ? a->accel->reason : "not known yet, a small guest is being tried";
}
