/* SPDX-License-Identifier: Apache-2.0 */
/* The guest that proves KVM must itself be right: under emulation it runs to its end. */
#include "agent_test.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "agent/host/accel.h"
#include "base/proc.h"

static void runs_to_its_end(void **unused)
{
	g_autofree char *qemu = g_find_program_in_path("qemu-system-x86_64"), *path = NULL;
	auto_pool p = pool_new();
	struct proc_result r = { .exit_status = -1 };
	struct err e = ERR_INIT;
	GError *error = NULL;
	int fd;

	if (!qemu || accel_image_size == 0)
		skip();
	fd = g_file_open_tmp("probe-XXXXXX", &path, &error);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, accel_image, accel_image_size), accel_image_size);
	for (int i = 0; i < 2; i++) {
		const char *const argv[] = { qemu,
			                     "-accel",
			                     "tcg",
			                     "-M",
			                     i ? "q35" : "pc",
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
		const struct proc_spec spec = { .argv = argv, .timeout_ms = 30000 };

		proc_run(p, &spec, &r, &e);
		assert_string_equal(r.out, "123456789");
		assert_int_equal(r.exit_status, ACCEL_IMAGE_OK);
	}
	g_unlink(path);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(runs_to_its_end) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
