/* SPDX-License-Identifier: Apache-2.0 */
/* Which scripts run, what they are told, and what becomes of those that misbehave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/hooks/scripts.h"

static char *dir;

static void put(const char *name, unsigned mode, const char *text)
{
	g_autofree char *path = g_build_filename(dir, "p", name, NULL);

	assert_true(g_file_set_contents(path, text, -1, NULL));
	assert_int_equal(chmod(path, mode), 0);
}

static int set_up(void **state)
{
	g_autofree char *p = NULL;

	dir = g_dir_make_tmp("hooks-XXXXXX", NULL);
	p = g_build_filename(dir, "p", NULL);
	g_mkdir(p, 0755);
	return 0;
}

static void remove_below(const char *path)
{
	g_autoptr(GDir) d = g_dir_open(path, 0, NULL);
	const char *name;

	while (d && (name = g_dir_read_name(d))) {
		g_autofree char *child = g_build_filename(path, name, NULL);

		if (g_file_test(child, G_FILE_TEST_IS_DIR) && !g_file_test(child, G_FILE_TEST_IS_SYMLINK))
			remove_below(child);
		else
			g_unlink(child);
	}
	g_rmdir(path);
}

static int tear_down(void **state)
{
	remove_below(dir);
	g_free(dir);
	return 0;
}

static GPtrArray *list(void)
{
	bool is_bare;

	return scripts_list(dir, "p", geteuid(), NULL, &is_bare);
}

static void run(struct script_run *r, const char *input)
{
	g_autofree char *tmp = g_build_filename(dir, "tmp", NULL);
	g_autoptr(GPtrArray) names = list(), env = g_ptr_array_new();

	g_ptr_array_add(env, (char *)"colour=blue");
	*r = (struct script_run){ .dir = dir,
		                  .point = "p",
		                  .tmp_dir = tmp,
		                  .names = names,
		                  .env = env,
		                  .timeout_ms = 1000,
		                  .file_var = input ? "_hook_domxml" : NULL,
		                  .input = input };
	scripts_run(r);
}

static void test_which(void **state)
{
	g_autoptr(GPtrArray) refused = g_ptr_array_new_with_free_func(g_free), names = NULL;
	g_autofree char *p = g_build_filename(dir, "p", NULL), *sub = g_build_filename(dir, "p", "70_folder", NULL);
	bool is_bare;

	names = scripts_list(dir, "p", geteuid(), refused, &is_bare);
	assert_int_equal(names->len, 0);
	assert_true(is_bare);
	g_ptr_array_free(g_steal_pointer(&names), TRUE);
	put("50_b", 0755, "#!/bin/sh\n");
	put("10_a", 0700, "#!/bin/sh\n");
	put("20_not_executable", 0644, "#!/bin/sh\n");
	put("30_open", 0757, "#!/bin/sh\n");
	put(".hidden", 0755, "#!/bin/sh\n");
	g_mkdir(sub, 0755);
	names = scripts_list(dir, "p", geteuid(), refused, &is_bare);
	assert_false(is_bare);
	assert_int_equal(names->len, 2);
	assert_string_equal(names->pdata[0], "10_a");
	assert_string_equal(names->pdata[1], "50_b");
	assert_int_equal(refused->len, 1);
	assert_non_null(strstr(refused->pdata[0], "30_open"));
	g_ptr_array_free(g_steal_pointer(&names), TRUE);
	chmod(p, 0777);
	names = scripts_list(dir, "p", geteuid(), refused, &is_bare);
	assert_int_equal(names->len, 0);
	assert_int_equal(refused->len, 2);
	assert_null(scripts_list(dir, "other", geteuid(), NULL, &is_bare));
}

static void test_names_of_variables(void **state)
{
	static const char *const GOOD[] = { "sap_agent", "qemu_cmdline", "Hugepages", "_x", "a1" };
	static const char *const BAD[] = { "",
		                           "1a",
		                           "a-b",
		                           "a b",
		                           "a=b",
		                           "LD_PRELOAD",
		                           "PATH",
		                           "vmId",
		                           "_hook_json",
		                           "IFS",
		                           "PYTHONPATH",
		                           "BASH_ENV",
		                           "ENV",
		                           "HOME",
		                           "LC_ALL",
		                           "\303\244",
		                           "GLIBC_TUNABLES",
		                           "SUDO_ASKPASS",
		                           "BASH_FUNC_ls%%" };

	for (size_t i = 0; i < G_N_ELEMENTS(GOOD); i++)
		if (!scripts_may_set(GOOD[i]))
			fail_msg("%s", GOOD[i]);
	for (size_t i = 0; i < G_N_ELEMENTS(BAD); i++)
		if (scripts_may_set(BAD[i]))
			fail_msg("%s", BAD[i]);
}

static void test_one_after_the_other(void **state)
{
	struct script_run r;

	put("1", 0755, "#!/bin/sh\nprintf ' one %s %s' \"$colour\" \"$HOOK_POINT\" >>$_hook_domxml\n");
	put("2", 0755, "#!/bin/sh\nprintf ' two' >>$_hook_domxml\n");
	run(&r, "zero");
	assert_int_equal(r.first.code, ERR_NONE);
	assert_string_equal(r.output, "zero one blue p two");
	g_free(r.output);
	put("1", 0755, "#!/bin/sh\ntest -z \"$_hook_domxml\"\n");
	put("2", 0755, "#!/bin/sh\ntest -z \"$_hook_domxml\"\n");
	run(&r, NULL);
	assert_int_equal(r.n_run, 2);
	assert_int_equal(r.n_failed, 0);
	assert_null(r.output);
}

static void test_exit_status(void **state)
{
	static const struct {
		const char *body;
		int n_run, n_failed;
		const char *error;
	} CASES[] = {
		{ "exit 0", 2, 0, "" },
		{ "echo broken >&2; exit 1", 2, 1, "hook p/1 failed: broken" },
		{ "echo stop >&2; exit 2", 1, 1, "hook p/1 failed: stop" },
		{ "exit 7", 2, 1, "hook p/1 failed" },
		{ "kill -9 $$", 2, 1, "killed by signal 9" },
		{ "printf 'a\\033[31m\\nb' >&2; exit 1", 2, 1, "a [31m b" },
		{ "sleep 30 & sleep 30; echo never", 1, 1, "did not end within 1 s and was killed" },
	};

	put("2", 0755, "#!/bin/sh\nexit 0\n");
	for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++) {
		g_autofree char *text = g_strdup_printf("#!/bin/sh\n%s\n", CASES[i].body);
		struct script_run r;

		put("1", 0755, text);
		run(&r, NULL);
		if (r.n_run != CASES[i].n_run || r.n_failed != CASES[i].n_failed ||
		    !strstr(r.first.detail, CASES[i].error))
			fail_msg("%s: %d run, %d failed: %s", CASES[i].body, r.n_run, r.n_failed, r.first.detail);
	}
}

static void test_flood(void **state)
{
	struct script_run r;

	put("1", 0755, "#!/bin/sh\nhead -c 100000000 /dev/zero | tr '\\0' 'x' >&2\nexit 1\n");
	run(&r, NULL);
	assert_int_equal(r.n_failed, 1);
	assert_true(strlen(r.first.detail) < 600);
}

static void test_file(void **state)
{
	static const struct {
		const char *body, *error;
	} CASES[] = {
		{ "rm $_hook_domxml", "took its file away" },
		{ "rm $_hook_domxml; ln -s /etc/passwd $_hook_domxml", "took its file away" },
		{ "rm $_hook_domxml; mkfifo $_hook_domxml", "took its file away" },
		{ "printf '\\377\\376' >$_hook_domxml", "no text" },
		{ "printf 'a\\0b' >$_hook_domxml", "no text" },
		{ "truncate -s 20M $_hook_domxml", "more than 16 MiB" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++) {
		g_autofree char *text = g_strdup_printf("#!/bin/sh\n%s\n", CASES[i].body);
		struct script_run r;

		put("1", 0755, text);
		run(&r, "input");
		if (r.output || !strstr(r.first.detail, CASES[i].error))
			fail_msg("%s: %s", CASES[i].body, r.first.detail);
		g_free(r.output);
	}
}

static void test_no_interpreter(void **state)
{
	struct script_run r;

	put("1", 0755, "#!/no/such/interpreter\n");
	run(&r, NULL);
	assert_int_equal(r.n_failed, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_which, set_up, tear_down),
		cmocka_unit_test(test_names_of_variables),
		cmocka_unit_test_setup_teardown(test_one_after_the_other, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_exit_status, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_flood, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_interpreter, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
