/* SPDX-License-Identifier: Apache-2.0 */
/* The protocol between agent and worker, with either side talking nonsense. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/storage/client.h"
#include "agent/storage/worker.h"
#include "base/fiber.h"
#include "rig.h"

/* --- a worker, asked by hand --- */

static pid_t start_worker(int *fd)
{
	int pair[2];
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	pid = fork();
	if (pid == 0) {
		dup2(pair[1], 3);
		execl("/proc/self/exe", "agent", WORKER_SUBCOMMAND, "36", "36", (char *)NULL);
		_exit(127);
	}
	close(pair[1]);
	*fd = pair[0];
	return pid;
}

static void end_worker(pid_t pid, int fd, int expect)
{
	int status;

	close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), expect);
}

static json_t *ask(int fd, const char *line)
{
	GString *in = g_string_new(NULL);
	char c;
	json_t *answer;

	assert_int_equal(send(fd, line, strlen(line), MSG_NOSIGNAL), strlen(line));
	while (read(fd, &c, 1) == 1 && c != '\n')
		g_string_append_c(in, c);
	answer = json_loads(in->str, 0, NULL);
	g_string_free(in, TRUE);
	return answer;
}

static void worker_answers_nonsense_with_errors(void **state)
{
	static const struct {
		const char *line;
		int code;
	} CASES[] = {
		{ "\n", 16 },
		{ "nonsense\n", 16 },
		{ "[]\n", 16 },
		{ "{\"op\":1}\n", 16 },
		{ "{\"op\":\"no.such\",\"args\":{}}\n", 16 },
		{ "{\"op\":\"volume.info\"}\n", 16 },
		{ "{\"op\":\"volume.info\",\"args\":{}}\n", 16 },
		{ "{\"op\":\"volume.info\",\"args\":{\"img\":\"../x\",\"vol\":\"y\"}}\n", 91 },
		{ "{\"op\":\"domain.read\",\"args\":{\"sd\":\"..\",\"mount\":\"/tmp\"}}\n", 91 },
		{ "{\"op\":\"domain.read\",\"args\":{\"sd\":\"" SD1 "\",\"mount\":\"/no/such/place\"}}\n", 360 },
		{ "{\"op\":\"domain.read\",\"args\":{\"sd\":\"" SD1 "\",\"mount\":\"/tmp\"}}\n", 358 },
		{ "{\"op\":\"domain.create\",\"args\":{\"sd\":\"" SD1 "\",\"mount\":\"/tmp\"}}\n", 16 },
		{ "{\"op\":\"task.run\",\"args\":{\"id\":\"" SD1 "\"}}\n", 16 },
		{ "{\"op\":\"task.recover\",\"args\":{\"id\":\"" SD1 "\",\"master\":{\"sd\":\"" SD1
		  "\",\"mount\":\"/tmp\"}}}\n",
		  358 },
		{ "{\"op\":\"volume.copy\",\"args\":{}}\n", 16 },
	};
	int fd;
	pid_t pid = start_worker(&fd);

	for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++) {
		json_t *answer = ask(fd, CASES[i].line);
		json_int_t code = json_integer_value(json_object_get(json_object_get(answer, "error"), "code"));

		if (code != CASES[i].code)
			fail_msg("%s: %d", CASES[i].line, (int)code);
		json_decref(answer);
	}
	end_worker(pid, fd, 0);
}

static void worker_takes_no_endless_line(void **state)
{
	g_autofree char *much = g_strnfill(WORKER_MAX_REQUEST + 70000, 'x');
	int fd, status;
	pid_t pid = start_worker(&fd);

	for (size_t done = 0, n = strlen(much); done < n;) {
		ssize_t put = send(fd, much + done, n - done, MSG_NOSIGNAL);

		if (put <= 0)
			break;
		done += (size_t)put;
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(fd);
}

static void worker_is_no_command(void **state)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		close(3);
		freopen("/dev/null", "w", stderr);
		execl("/proc/self/exe", "agent", WORKER_SUBCOMMAND, "36", "36", (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 2);
}

static void worker_is_not_root(void **state)
{
	g_autofree char *path = NULL, *text = NULL;
	int fd;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	pid = start_worker(&fd);
	json_decref(ask(fd, "{}\n"));
	path = g_strdup_printf("/proc/%d/status", (int)pid);
	assert_true(g_file_get_contents(path, &text, NULL, NULL));
	assert_non_null(strstr(text, "Uid:\t36\t36\t36\t36"));
	assert_non_null(strstr(text, "Gid:\t36\t36\t36\t36"));
	assert_non_null(strstr(text, "CapEff:\t0000000000000000"));
	end_worker(pid, fd, 0);
}

/* --- the agent, answered with nonsense --- */

static char *place; /* a folder that workers may use */

static int make_place(void **state)
{
	place = g_dir_make_tmp("hostler-worker-XXXXXX", NULL);
	return place ? chmod(place, 0777) : -1;
}

static int remove_place(void **state)
{
	int rc = rmdir(place);

	g_free(place);
	return rc;
}

struct question {
	struct client *c;
	struct err err;
	json_t *result;
	bool is_done;
};

static void question_fiber(void *arg)
{
	struct question *q = arg;

	q->result = client_call(q->c, "mount.check", json_pack("{s:s}", "mount", place), 5000, NULL, &q->err);
	q->is_done = true;
}

static void agent_survives_nonsense(void **state)
{
	static const char *const BABBLE[] = {
		"nonsense\n",
		"\n",
		"[]\n",
		"{}\n",
		"{\"result\":{}}\n{\"result\":{}}\n",
		"{\"progress\":\"x\"}\n",
		"{\"progress\":5}\nxx\n",
		"{\"error\":5}\n",
		"{\"error\":{\"code\":-3,\"message\":7}}\n",
		"{\"result\":",
		"",
	};
	struct loop *l = loop_new();
	struct client_host *h = client_host_new(l, geteuid() ? geteuid() : 36, geteuid() ? getegid() : 36);

	for (size_t i = 0; i < G_N_ELEMENTS(BABBLE); i++) {
		struct question q = { .c = client_new(h, -1) };

		setenv("HOSTLER_WORKER_BABBLE", BABBLE[i], 1);
		fiber_start(l, "question", question_fiber, &q);
		while (!q.is_done)
			loop_turn(l, 10);
		assert_true(q.result || q.err.code);
		json_decref(q.result);
		/* The next one gets a worker that is all right. */
		unsetenv("HOSTLER_WORKER_BABBLE");
		client_kill(q.c);
		q = (struct question){ .c = q.c };
		fiber_start(l, "question", question_fiber, &q);
		while (!q.is_done)
			loop_turn(l, 10);
		if (!q.result)
			fail_msg("after \"%s\": %s", BABBLE[i], q.err.detail);
		json_decref(q.result);
		client_free(q.c);
	}
	client_host_free(h);
	loop_free(l);
}

/* Freed while somebody waits: he hears of it, and nothing is left. */
static void client_goes_while_asked(void **state)
{
	struct loop *l = loop_new();
	struct client_host *h = client_host_new(l, geteuid() ? geteuid() : 36, geteuid() ? getegid() : 36);
	struct client *c = client_new(h, -1);
	struct question first = { .c = c }, second = { .c = c };

	setenv("HOSTLER_WORKER_HANG", "1", 1);
	fiber_start(l, "question", question_fiber, &first);
	fiber_start(l, "question", question_fiber, &second);
	for (int i = 0; i < 5; i++)
		loop_turn(l, 10);
	unsetenv("HOSTLER_WORKER_HANG");
	assert_false(first.is_done);
	client_free(c);
	while (!first.is_done || !second.is_done)
		loop_turn(l, 10);
	assert_int_equal(first.err.code, ERR_CANCELLED);
	assert_int_equal(second.err.code, ERR_CANCELLED);
	client_host_free(h);
	loop_free(l);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(worker_answers_nonsense_with_errors),
		cmocka_unit_test(worker_takes_no_endless_line),
		cmocka_unit_test(worker_is_no_command),
		cmocka_unit_test(worker_is_not_root),
		cmocka_unit_test(agent_survives_nonsense),
		cmocka_unit_test(client_goes_while_asked),
	};

	rig_main(argc, argv);
	return cmocka_run_group_tests(tests, make_place, remove_place);
}
