/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child is made by vfork, since copying the page tables of a large Manager would take longer than
 * most programs run. Until exec it shares our memory and may only make system calls; everything else is
 * prepared before. A pipe that closes at exec tells whether exec worked.
 */
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"

#define DEFAULT_TIMEOUT_MS 60000
#define DEFAULT_OUTPUT     (1024 * 1024)
#define KILL_WAIT_MS       2000 /* a killed child that does not go is stuck in the kernel: leave it */

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

extern char **environ;

struct child {
	const struct proc_spec *spec;
	char **envp;
	int in, out, err, report; /* the child's ends */
	pid_t parent, pid;
	bool is_user_changed;
};

struct capture {
	GString *text;
	size_t limit;
	bool is_truncated;
	int fd;
};

struct run {
	const struct proc_spec *spec;
	struct child child;
	int in; /* our ends */
	int report;
	size_t in_done;
	struct capture out, err;
	int pid_fd;
	bool is_reaped;
	int status;
	int64_t deadline_ms;
};

/* Children that would not die, to be reaped by later calls. */
static pthread_mutex_t stuck_lock = PTHREAD_MUTEX_INITIALIZER; /* guards stuck */
static GArray *stuck;

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void reap_stuck(void)
{
	pthread_mutex_lock(&stuck_lock);
	for (guint i = stuck ? stuck->len : 0; i > 0; i--)
		if (waitpid(g_array_index(stuck, pid_t, i - 1), NULL, WNOHANG) != 0)
			g_array_remove_index_fast(stuck, i - 1);
	pthread_mutex_unlock(&stuck_lock);
}

static void add_stuck(pid_t pid)
{
	pthread_mutex_lock(&stuck_lock);
	if (!stuck)
		stuck = g_array_new(FALSE, FALSE, sizeof(pid_t));
	g_array_append_val(stuck, pid);
	pthread_mutex_unlock(&stuck_lock);
}

/* --- in the child, before exec: system calls only --- */

static void reset_signals(void)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		if (s != SIGKILL && s != SIGSTOP)
			sigaction(s, &sa, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The C library's functions would change all threads of the process whose memory we share. */
static int change_user(uid_t uid, gid_t gid)
{
	if (syscall(SYS_setgroups, 1, &gid) < 0 || syscall(SYS_setresgid, gid, gid, gid) < 0 ||
	    syscall(SYS_setresuid, uid, uid, uid) < 0)
		return -1;
	return 0;
}

static int prepare_child(const struct child *c)
{
	const struct proc_spec *spec = c->spec;

	if (setpgid(0, 0) < 0 || dup2(c->in, 0) < 0 || dup2(c->out, 1) < 0 || dup2(c->err, 2) < 0)
		return -1;
	/* Older kernels lack it; all our own descriptors close at exec anyway. */
	syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
	if (c->is_user_changed && change_user(spec->uid, spec->gid) < 0)
		return -1;
	if (spec->cwd && chdir(spec->cwd) < 0)
		return -1;
	/* After the change of user, which clears it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -1;
	if (getppid() != c->parent)
		_exit(127);
	return 0;
}

static void __attribute__((noreturn)) child_main(const struct child *c)
{
	int errnum;

	reset_signals();
	if (prepare_child(c) == 0)
		execvpe(c->spec->argv[0], (char *const *)c->spec->argv, c->envp);
	errnum = errno;
	if (write(c->report, &errnum, sizeof(errnum)) < 0)
		_exit(126);
	_exit(127);
}

/* --- in the parent --- */

/* Not inlined: variables of a function that calls vfork are better few. */
static __attribute__((noinline)) pid_t make_child(struct child *c)
{
	pid_t pid = vfork();

	if (pid == 0)
		child_main(c);
	return pid;
}

/* Without descriptors 0 to 2, which the child replaces. */
static int above_stdio(int fd)
{
	int higher;

	if (fd < 0 || fd > 2)
		return fd;
	higher = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	close(fd);
	return higher;
}

static int make_pipe(int *read_end, int *write_end)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	*read_end = above_stdio(fds[0]);
	*write_end = above_stdio(fds[1]);
	return *read_end < 0 || *write_end < 0 ? -1 : 0;
}

static void close_p(int *fd)
{
	auto_close_fd(fd);
	*fd = -1;
}

static int open_pipes(struct run *r, struct err *e)
{
	struct child *c = &r->child;

	if (make_pipe(&r->out.fd, &c->out) < 0 || make_pipe(&r->err.fd, &c->err) < 0 ||
	    make_pipe(&r->report, &c->report) < 0)
		return err_errno(e, errno, "make a pipe");
	if (r->spec->input) {
		if (make_pipe(&c->in, &r->in) < 0)
			return err_errno(e, errno, "make a pipe");
		fcntl(r->in, F_SETFL, O_NONBLOCK);
	} else {
		c->in = above_stdio(open("/dev/null", O_RDONLY | O_CLOEXEC));
		if (c->in < 0)
			return err_errno(e, errno, "open /dev/null");
	}
	fcntl(r->out.fd, F_SETFL, O_NONBLOCK);
	fcntl(r->err.fd, F_SETFL, O_NONBLOCK);
	return 0;
}

static char **environment(const struct proc_spec *spec)
{
	char **envp = g_environ_setenv(g_get_environ(), "LC_ALL", "C", TRUE);

	for (const char *const *v = spec->env; v && *v; v++) {
		g_autofree char *name = g_strndup(*v, strcspn(*v, "="));

		if (strchr(*v, '='))
			envp = g_environ_setenv(envp, name, strchr(*v, '=') + 1, TRUE);
	}
	return envp;
}

/* All signals wait while the child shares our memory, lest a handler runs in it. */
static int start(struct run *r, struct err *e)
{
	struct child *c = &r->child;
	g_auto(GStrv) envp = environment(r->spec);
	sigset_t all, before;
	int errnum = 0;
	ssize_t got;

	c->envp = envp;
	c->parent = getpid();
	c->is_user_changed = r->spec->uid != 0 && (r->spec->uid != geteuid() || r->spec->gid != getegid());
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	c->pid = make_child(c);
	errnum = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close_p(&c->in);
	close_p(&c->out);
	close_p(&c->err);
	close_p(&c->report);
	if (c->pid < 0)
		return err_errno(e, errnum, "start %s", r->spec->argv[0]);
	do {
		got = read(r->report, &errnum, sizeof(errnum));
	} while (got < 0 && errno == EINTR);
	if (got == sizeof(errnum)) {
		while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			;
		return err_errno(e, errnum, "run %s", r->spec->argv[0]);
	}
	r->pid_fd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	return 0;
}

/* True when the stream is at its end. */
static bool capture_read(struct capture *c)
{
	char buf[16384];

	for (;;) {
		ssize_t got = read(c->fd, buf, sizeof(buf));
		size_t room = c->limit - c->text->len;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return false;
		if (got <= 0)
			return true;
		if ((size_t)got > room)
			c->is_truncated = true;
		g_string_append_len(c->text, buf, (gssize)MIN((size_t)got, room));
	}
}

static void feed_input(struct run *r)
{
	const struct proc_spec *spec = r->spec;
	ssize_t put = write(r->in, spec->input + r->in_done, spec->input_len - r->in_done);

	if (put > 0)
		r->in_done += (size_t)put;
	/* A child that does not want its input is no error. */
	if ((put < 0 && errno != EAGAIN && errno != EINTR) || r->in_done == spec->input_len)
		close_p(&r->in);
}

static void try_reap(struct run *r)
{
	pid_t got = waitpid(r->child.pid, &r->status, WNOHANG);

	if (got == r->child.pid)
		r->is_reaped = true;
	else if (got < 0 && errno == ECHILD) {
		r->status = 0;
		r->is_reaped = true;
	}
}

/* One round of waiting; at most until `until`. Without a pidfd (old kernel) the child is asked now and then. */
static void pump(struct run *r, int64_t until_ms)
{
	struct pollfd p[4] = {
		{ .fd = r->out.fd, .events = POLLIN },
		{ .fd = r->err.fd, .events = POLLIN },
		{ .fd = r->in, .events = POLLOUT },
		{ .fd = r->pid_fd, .events = POLLIN },
	};
	int64_t wait = until_ms - now_ms();

	if (wait < 0)
		wait = 0;
	if (r->pid_fd < 0)
		wait = MIN(wait, 20);
	if (poll(p, G_N_ELEMENTS(p), (int)MIN(wait, 3600 * 1000)) < 0)
		return;
	if (p[0].revents && capture_read(&r->out))
		close_p(&r->out.fd);
	if (p[1].revents && capture_read(&r->err))
		close_p(&r->err.fd);
	if (p[2].revents)
		feed_input(r);
	if (p[3].revents || r->pid_fd < 0)
		try_reap(r);
}

/* Until the child has gone; what it left in the pipes is read, but a daemon that holds them is not awaited. */
static bool pump_until_gone(struct run *r)
{
	while (!r->is_reaped) {
		if (now_ms() >= r->deadline_ms)
			return false;
		pump(r, r->deadline_ms);
	}
	if (r->out.fd >= 0)
		capture_read(&r->out);
	if (r->err.fd >= 0)
		capture_read(&r->err);
	return true;
}

static void kill_group(struct run *r)
{
	int64_t until = now_ms() + KILL_WAIT_MS;

	kill(-r->child.pid, SIGKILL);
	close_p(&r->out.fd);
	close_p(&r->err.fd);
	close_p(&r->in);
	while (!r->is_reaped && now_ms() < until)
		pump(r, until);
	if (!r->is_reaped)
		add_stuck(r->child.pid);
}

/* The last lines of what it complained, in one line. */
static char *complaint(const GString *text)
{
	gsize from = text->len > 400 ? text->len - 400 : 0;
	char *s = g_utf8_make_valid(text->str + from, (gssize)(text->len - from));

	g_strstrip(s);
	for (char *c = s; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
	return s;
}

static int judge(struct run *r, bool is_timeout, struct proc_result *result, struct err *e)
{
	g_autofree char *said = complaint(r->err.text);
	const char *name = r->spec->argv[0], *sep = *said ? ": " : "";

	result->is_timeout = is_timeout;
	result->is_truncated = r->out.is_truncated || r->err.is_truncated;
	result->exit_status = -1;
	if (is_timeout)
		return err_set(e, ERR_TIMEOUT, "%s did not end in time%s%s", name, sep, said);
	if (WIFSIGNALED(r->status)) {
		result->signal = WTERMSIG(r->status);
		return err_set(e, ERR_BACKEND, "%s was killed by signal %d%s%s", name, result->signal, sep, said);
	}
	result->exit_status = WEXITSTATUS(r->status);
	if (result->exit_status != 0)
		return err_set(e, ERR_BACKEND, "%s failed with status %d%s%s", name, result->exit_status, sep, said);
	return 0;
}

static void keep_output(struct pool *p, const struct run *r, struct proc_result *result)
{
	result->out_len = r->out.text->len;
	result->out = pool_alloc(p, r->out.text->len + 1);
	memcpy(result->out, r->out.text->str, r->out.text->len);
	result->err_out = pool_alloc(p, r->err.text->len + 1);
	memcpy(result->err_out, r->err.text->str, r->err.text->len);
}

static int run_child(struct pool *p, struct run *r, struct proc_result *result, struct err *e)
{
	bool is_timeout;

	if (open_pipes(r, e) < 0 || start(r, e) < 0)
		return -1;
	is_timeout = !pump_until_gone(r);
	if (is_timeout)
		kill_group(r);
	keep_output(p, r, result);
	return judge(r, is_timeout, result, e);
}

static void run_deinit(struct run *r)
{
	struct child *c = &r->child;
	int *all[] = { &c->in, &c->out, &c->err, &c->report, &r->in, &r->report, &r->out.fd, &r->err.fd, &r->pid_fd };

	for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
		close_p(all[i]);
	g_string_free(r->out.text, TRUE);
	g_string_free(r->err.text, TRUE);
}

int proc_run(struct pool *p, const struct proc_spec *spec, struct proc_result *result, struct err *e)
{
	size_t limit = spec->max_output ? spec->max_output : DEFAULT_OUTPUT;
	struct run r = {
		.spec = spec,
		.child = { .spec = spec, .in = -1, .out = -1, .err = -1, .report = -1 },
		.in = -1,
		.report = -1,
		.pid_fd = -1,
		.out = { .text = g_string_new(NULL), .limit = limit, .fd = -1 },
		.err = { .text = g_string_new(NULL), .limit = limit, .fd = -1 },
		.deadline_ms = now_ms() + (spec->timeout_ms > 0 ? spec->timeout_ms : DEFAULT_TIMEOUT_MS),
	};
	sigset_t pipe_only, before, pending;
	bool was_pending;
	int rc;

	*result = (struct proc_result){ .exit_status = -1, .out = pool_strdup(p, ""), .err_out = pool_strdup(p, "") };
	if (!spec->argv || !spec->argv[0]) {
		run_deinit(&r);
		return err_set(e, ERR_INTERNAL, "no program to run");
	}
	reap_stuck();
	/* A child that closes its input must not kill us. */
	sigpending(&pending);
	was_pending = sigismember(&pending, SIGPIPE) == 1;
	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
	rc = run_child(p, &r, result, e);
	if (!was_pending)
		sigtimedwait(&pipe_only, NULL, &(struct timespec){ 0 });
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	run_deinit(&r);
	return rc;
}
