/* SPDX-License-Identifier: Apache-2.0 */
#include "test_util.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/proc.h"

#define ARGV(...)                                                                                                      \
	(const char *const[]) { __VA_ARGS__, NULL }

static int run_sh(struct pool *p, const char *script, struct proc_spec spec, struct proc_result *r, struct err *e)
{
	spec.argv = ARGV("sh", "-c", script);
	return proc_run(p, &spec, r, e);
}

static void output_and_status(void **state)
{
	auto_pool p = pool_new();
	struct proc_result r;
	struct err e = ERR_INIT;

	assert_int_equal(run_sh(p, "echo hello; echo oops >&2", (struct proc_spec){ 0 }, &r, &e), 0);
	assert_string_equal(r.out, "hello\n");
	assert_string_equal(r.err_out, "oops\n");
	assert_int_equal(r.out_len, 6);
	assert_int_equal(r.exit_status, 0);
	assert_int_equal(run_sh(p, "echo bad news >&2; exit 3", (struct proc_spec){ 0 }, &r, &e), -1);
	assert_int_equal(e.code, ERR_BACKEND);
	assert_int_equal(r.exit_status, 3);
	assert_non_null(strstr(e.detail, "bad news"));
	assert_int_equal(run_sh(p, "kill -9 $$", (struct proc_spec){ 0 }, &r, &e), -1);
	assert_int_equal(r.signal, 9);
	assert_int_equal(r.exit_status, -1);
}

static void a_missing_program(void **state)
{
	auto_pool p = pool_new();
	struct proc_spec spec = { .argv = ARGV("/nonexistent/program") };
	struct proc_result r;
	struct err e = ERR_INIT;

	assert_int_equal(proc_run(p, &spec, &r, &e), -1);
	assert_int_equal(e.code, ERR_BACKEND);
	assert_non_null(strstr(e.detail, "No such file"));
	assert_string_equal(r.out, "");
	spec = (struct proc_spec){ .argv = ARGV("true"), .cwd = "/nonexistent" };
	assert_int_equal(proc_run(p, &spec, &r, &e), -1);
}

static void time_is_limited(void **state)
{
	auto_pool p = pool_new();
	struct proc_spec spec = { .timeout_ms = 200 };
	struct proc_result r;
	struct err e = ERR_INIT;
	int64_t begin = g_get_monotonic_time();

	/* The grandchild belongs to the group and dies too. */
	assert_int_equal(run_sh(p, "echo begun; sleep 30 & echo $!; wait", spec, &r, &e), -1);
	assert_int_equal(e.code, ERR_TIMEOUT);
	assert_true(r.is_timeout);
	assert_true(g_str_has_prefix(r.out, "begun\n"));
	assert_true(g_get_monotonic_time() - begin < 5 * G_USEC_PER_SEC);
	for (int i = 0; i < 100 && kill(atoi(r.out + 6), 0) == 0; i++) {
		g_autofree char *path = g_strdup_printf("/proc/%d/stat", atoi(r.out + 6));
		g_autofree char *stat = NULL;

		if (!g_file_get_contents(path, &stat, NULL, NULL) || strstr(stat, ") Z "))
			break;
		usleep(10000);
		assert_true(i < 99);
	}
}

static void a_daemon_is_not_awaited(void **state)
{
	auto_pool p = pool_new();
	struct proc_result r;
	struct err e = ERR_INIT;
	int64_t begin = g_get_monotonic_time();

	assert_int_equal(run_sh(p, "sleep 3 & echo left", (struct proc_spec){ 0 }, &r, &e), 0);
	assert_string_equal(r.out, "left\n");
	assert_true(g_get_monotonic_time() - begin < 2 * G_USEC_PER_SEC);
}

static void output_is_bounded(void **state)
{
	auto_pool p = pool_new();
	struct proc_spec spec = { .max_output = 1000 };
	struct proc_result r;
	struct err e = ERR_INIT;

	assert_int_equal(run_sh(p, "head -c 3000000 /dev/zero | tr '\\0' x", spec, &r, &e), 0);
	assert_true(r.is_truncated);
	assert_int_equal(r.out_len, 1000);
	spec.max_output = 5000000;
	assert_int_equal(run_sh(p, "head -c 3000000 /dev/zero | tr '\\0' x", spec, &r, &e), 0);
	assert_false(r.is_truncated);
	assert_int_equal(r.out_len, 3000000);
}

static void input_is_fed(void **state)
{
	auto_pool p = pool_new();
	size_t n = 1000000;
	char *text = pool_alloc(p, n + 1);
	struct proc_spec spec = { .input = text, .input_len = n };
	struct proc_result r;
	struct err e = ERR_INIT;

	memset(text, 'y', n);
	assert_int_equal(run_sh(p, "wc -c", spec, &r, &e), 0);
	assert_int_equal(atoi(r.out), (int)n);
	assert_int_equal(run_sh(p, "exec <&-; sleep 0.1", spec, &r, &e), 0); /* no SIGPIPE for us */
	spec.input_len = 0;
	assert_int_equal(run_sh(p, "wc -c", spec, &r, &e), 0);
	assert_int_equal(atoi(r.out), 0);
	assert_int_equal(run_sh(p, "wc -c", (struct proc_spec){ 0 }, &r, &e), 0);
	assert_int_equal(atoi(r.out), 0);
}

static void no_descriptor_is_inherited(void **state)
{
	auto_pool p = pool_new();
	struct proc_result r;
	struct err e = ERR_INIT;
	int leak = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */

	assert_true(leak >= 0);
	assert_int_equal(run_sh(p, "ls /proc/self/fd | wc -l", (struct proc_spec){ 0 }, &r, &e), 0);
	assert_int_equal(atoi(r.out), 4); /* 0, 1, 2 and ls' own of the folder */
	close(leak);
}

static void another_user(void **state)
{
	auto_pool p = pool_new();
	struct proc_spec spec = { .uid = 36, .gid = 36 };
	struct proc_result r;
	struct err e = ERR_INIT;

	if (geteuid() != 0)
		skip();
	if (run_sh(p, "id -u; id -g; id -G", spec, &r, &e) < 0 && strstr(e.detail, "not permitted"))
		skip(); /* root of a container */
	assert_string_equal(r.out, "36\n36\n36\n");
	assert_int_equal(geteuid(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_and_status),
		cmocka_unit_test(a_missing_program),
		cmocka_unit_test(time_is_limited),
		cmocka_unit_test(a_daemon_is_not_awaited),
		cmocka_unit_test(output_is_bounded),
		cmocka_unit_test(input_is_fed),
		cmocka_unit_test(no_descriptor_is_inherited),
		cmocka_unit_test(another_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
