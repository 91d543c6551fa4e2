/* SPDX-License-Identifier: Apache-2.0 */
/* Times of a machine's process: only of the one that is meant. */
#include <glib.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/vms/process.h"
#include "agent_test.h"

static char *dir;

static void write_pid(const char *name, const char *text)
{
	g_autofree char *path = g_strdup_printf("%s/%s.pid", dir, name);

	assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void test_times(void **state)
{
	g_autofree char *pid = g_strdup_printf("%d", (int)getpid());
	struct process_times a, b;
	volatile unsigned sum = 0;

	write_pid("me", pid);
	assert_true(process_times_of(dir, "me", "test_agent_process", &a)); /* in our own arguments */
	do {
		for (unsigned i = 0; i < 1000000; i++)
			sum += i;
		assert_true(process_times_of(dir, "me", "test_agent_process", &b));
	} while (b.cpu_ns == a.cpu_ns);
	assert_true(b.cpu_ns > a.cpu_ns && b.cpu_ns >= b.system_ns);
}

static void test_others(void **state)
{
	g_autofree char *pid = g_strdup_printf("%d", (int)getpid());
	static const char *const BAD[] = { "", "x", "-1", "0", "1", "99999999999999999999", "4194305" };
	struct process_times t;

	write_pid("me", pid);
	assert_false(
	    process_times_of(dir, "me", "0ff15a2c-1111-4222-8333-444455556666", &t)); /* the number is another's now */
	assert_false(process_times_of(dir, "nobody", "test_agent_process", &t));
	assert_false(process_times_of(dir, "../x/me", "test_agent_process", &t));
	for (size_t i = 0; i < G_N_ELEMENTS(BAD); i++) {
		write_pid("bad", BAD[i]);
		assert_false(process_times_of(dir, "bad", "test_agent_process", &t));
	}
}

static int set_up(void **state)
{
	dir = g_dir_make_tmp("process-XXXXXX", NULL);
	return dir ? 0 : -1;
}

static int tear_down(void **state)
{
	static const char *const NAMES[] = { "me", "bad" };

	for (size_t i = 0; i < G_N_ELEMENTS(NAMES); i++) {
		g_autofree char *path = g_strdup_printf("%s/%s.pid", dir, NAMES[i]);

		g_remove(path);
	}
	g_rmdir(dir);
	g_free(dir);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_times), cmocka_unit_test(test_others) };

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
