/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/storage/client.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/storage/worker.h"
#include "base/auto.h"
#include "base/fiber.h"
#include "base/log.h"

#define MAX_REQUEST   (64 * 1024) /* fits in a socket's buffer, so that asking never waits */
#define MAX_PROCESSES 200         /* with those that hang in the kernel */
#define END_WAIT_MS   1000

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

struct client_host {
	struct loop *loop;
	uid_t uid;
	gid_t gid;
	GPtrArray *gone; /* struct process: killed, not yet reaped */
};

/* A process, from fork until it has been reaped. */
struct process {
	struct client_host *host;
	pid_t pid;
	int pid_fd;
	bool
	    is_owned; /* by a client that talks to it: it stays until that lets go, so that its number is nobody else's */
	struct loop_watch watch;
};

struct client {
	struct client_host *host;
	struct process *process; /* NULL: none */
	int fd, lease_fd;
	pid_t last_pid;
	struct loop_watch watch;
	GString *in;
	bool is_busy, is_doomed; /* doomed: free at the end of the call */
	struct waitq idle;
	int n_waiting;
	/* the call that runs */
	struct waiter answered;
	json_t *answer;
	int answer_fd;
	enum err_code failure;
	void (*progress)(void *arg, int percent);
	void *progress_arg;
};

struct client_host *client_host_new(struct loop *l, uid_t uid, gid_t gid)
{
	struct client_host *h = g_new0(struct client_host, 1);

	h->loop = l;
	h->uid = uid;
	h->gid = gid;
	h->gone = g_ptr_array_new();
	return h;
}

int client_host_count(const struct client_host *h) { return (int)h->gone->len; }

/* --- processes --- */

static void stop_watching(struct process *p)
{
	if (p->pid_fd < 0)
		return;
	watch_stop(p->host->loop, &p->watch);
	close(p->pid_fd);
	p->pid_fd = -1;
}

static bool process_reap(struct process *p)
{
	if (p->is_owned || waitpid(p->pid, NULL, WNOHANG) == 0)
		return false;
	stop_watching(p);
	g_ptr_array_remove_fast(p->host->gone, p);
	g_free(p);
	return true;
}

static void process_ended(void *arg, int events)
{
	struct process *p = arg;

	if (p->is_owned) /* its socket tells the owner, who reaps it then */
		stop_watching(p);
	else
		process_reap(p);
}

void client_host_free(struct client_host *h)
{
	for (int waited = 0; h->gone->len && waited < END_WAIT_MS; waited += 5) {
		for (guint i = h->gone->len; i > 0; i--)
			process_reap(h->gone->pdata[i - 1]);
		if (h->gone->len)
			g_usleep(5000);
	}
	for (guint i = 0; i < h->gone->len; i++) {
		struct process *p = h->gone->pdata[i];

		stop_watching(p);
		g_free(p);
	}
	g_ptr_array_free(h->gone, TRUE);
	g_free(h);
}

/* In the child: system calls only. */
static void __attribute__((noreturn)) become_worker(int sock, int lease_fd, pid_t parent, char *const *argv)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		if (s != SIGKILL && s != SIGSTOP)
			sigaction(s, &sa, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(sock, WORKER_FD) < 0 || (lease_fd >= 0 && dup2(lease_fd, WORKER_LEASE_FD) < 0))
		_exit(126);
	syscall(SYS_close_range, lease_fd >= 0 ? WORKER_LEASE_FD + 1 : WORKER_FD + 1, ~0U, CLOSE_RANGE_CLOEXEC);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126);
	execv("/proc/self/exe", argv);
	_exit(127);
}

/* Copies above the numbers that the child uses. */
static int high_copy(int fd) { return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 10); }

static pid_t fork_worker(const struct client_host *h, int sock, int lease_fd)
{
	char uid[16], gid[16], name[] = "hostler-agent", sub[] = WORKER_SUBCOMMAND;
	char *argv[] = { name, sub, uid, gid, NULL };
	auto_close int high_sock = high_copy(sock), high_lease = high_copy(lease_fd);
	pid_t parent = getpid(), pid;

	snprintf(uid, sizeof(uid), "%d", (int)h->uid);
	snprintf(gid, sizeof(gid), "%d", (int)h->gid);
	if (high_sock < 0 || (lease_fd >= 0 && high_lease < 0))
		return -1;
	pid = fork();
	if (pid == 0)
		become_worker(high_sock, high_lease, parent, argv);
	return pid;
}

static struct process *process_start(struct client_host *h, int lease_fd, int *fd, struct err *e)
{
	int pair[2];
	struct process *p;
	pid_t pid;

	if (h->gone->len >= MAX_PROCESSES) {
		err_set(e, ERR_BUSY, "%u storage workers run or hang already", h->gone->len);
		return NULL;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		err_errno(e, errno, "make a socket pair");
		return NULL;
	}
	pid = fork_worker(h, pair[1], lease_fd);
	close(pair[1]);
	if (pid < 0) {
		err_errno(e, errno, "start a storage worker");
		close(pair[0]);
		return NULL;
	}
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	*fd = pair[0];
	p = g_new0(struct process, 1);
	p->host = h;
	p->is_owned = true;
	p->pid = pid;
	p->pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (p->pid_fd >= 0)
		watch_start(h->loop, &p->watch, p->pid_fd, LOOP_READ, process_ended, p);
	g_ptr_array_add(h->gone, p);
	return p;
}

/* --- the client --- */

struct client *client_new(struct client_host *h, int lease_fd)
{
	struct client *c = g_new0(struct client, 1);

	c->host = h;
	c->fd = c->answer_fd = -1;
	c->lease_fd = lease_fd;
	c->in = g_string_new(NULL);
	return c;
}

void client_on_progress(struct client *c, void (*fn)(void *arg, int percent), void *arg)
{
	c->progress = fn;
	c->progress_arg = arg;
}

static struct process *find_process(struct client_host *h, pid_t pid)
{
	for (guint i = 0; i < h->gone->len; i++)
		if (((struct process *)h->gone->pdata[i])->pid == pid)
			return h->gone->pdata[i];
	return NULL;
}

bool client_wait_gone(struct client *c, int timeout_ms)
{
	int64_t until = loop_now_ms(c->host->loop) + timeout_ms;
	struct process *p;

	/* Without a pidfd nobody tells us, hence the asking. */
	while ((p = find_process(c->host, c->last_pid)) && !process_reap(p)) {
		if (loop_now_ms(c->host->loop) >= until)
			return false;
		fiber_sleep(10);
	}
	/* Its own child, if any, is killed by its end and needs a moment, too. */
	fiber_sleep(20);
	return true;
}

pid_t client_pid(const struct client *c) { return c->process ? c->process->pid : 0; }

/* The process is no longer ours to talk to; it is reaped when it ends. */
static void drop_process(struct client *c)
{
	if (!c->process)
		return;
	watch_stop(c->host->loop, &c->watch);
	close(c->fd);
	c->fd = -1;
	kill(c->process->pid, SIGKILL);
	c->process->is_owned = false;
	process_reap(c->process);
	c->process = NULL;
	g_string_truncate(c->in, 0);
}

static void fail_call(struct client *c, enum err_code why)
{
	drop_process(c);
	if (c->is_busy && !c->answer && !c->failure) {
		c->failure = why;
		waiter_wake(&c->answered);
	}
}

void client_kill(struct client *c) { fail_call(c, ERR_CANCELLED); }

static void client_destroy(struct client *c)
{
	json_decref(c->answer);
	auto_close_fd(&c->answer_fd);
	g_string_free(c->in, TRUE);
	g_free(c);
}

void client_free(struct client *c)
{
	if (!c)
		return;
	client_kill(c);
	c->is_doomed = true;
	if (!c->is_busy && !c->n_waiting)
		client_destroy(c);
	else
		waitq_wake_all(&c->idle);
}

/* One line from the worker; false when it is not what a worker says. */
static bool take_line(struct client *c, const char *text, size_t len)
{
	json_t *line = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *progress = json_object_get(line, "progress");

	if (json_is_integer(progress)) {
		if (c->progress)
			c->progress(c->progress_arg, (int)CLAMP(json_integer_value(progress), 0, 100));
		json_decref(line);
		return true;
	}
	if (!c->is_busy || c->answer || (!json_object_get(line, "result") && !json_object_get(line, "error"))) {
		json_decref(line);
		return false;
	}
	c->answer = line;
	waiter_wake(&c->answered);
	return true;
}

static bool take_lines(struct client *c)
{
	char *nl;

	while ((nl = memchr(c->in->str, '\n', c->in->len))) {
		size_t len = (size_t)(nl - c->in->str);

		if (!take_line(c, c->in->str, len))
			return false;
		g_string_erase(c->in, 0, (gssize)len + 1);
	}
	return c->in->len <= WORKER_MAX_ANSWER;
}

static void take_descriptor(struct client *c, struct msghdr *msg)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h; h = CMSG_NXTHDR(msg, h)) {
		int fd;

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(&fd, CMSG_DATA(h), sizeof(fd));
		auto_close_fd(&c->answer_fd);
		c->answer_fd = fd;
	}
}

static ssize_t receive(struct client *c)
{
	char buf[65536];
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf, .msg_controllen = sizeof(control.buf)
	};
	ssize_t got = recvmsg(c->fd, &msg, MSG_CMSG_CLOEXEC);

	if (got > 0) {
		take_descriptor(c, &msg);
		g_string_append_len(c->in, buf, got);
	}
	return got;
}

/* For tests: to die in the very moment in which the worker did. */
static void crash_with_worker(const struct client *c)
{
#ifdef HOSTLER_TEST_HOOKS
	if (c->is_busy && getenv("HOSTLER_CRASH_AGENT"))
		raise(SIGKILL);
#endif
}

static void client_readable(void *arg, int events)
{
	struct client *c = arg;
	ssize_t got = receive(c);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		if (c->is_busy)
			log_warn("storage worker died");
		crash_with_worker(c);
		fail_call(c, ERR_NETWORK);
	} else if (!take_lines(c)) {
		log_error("storage worker answers nonsense");
		fail_call(c, ERR_NETWORK);
	}
}

/* --- the call --- */

static int client_lock(struct client *c, struct err *e)
{
	int64_t until = loop_now_ms(c->host->loop) + 120 * 1000;

	c->n_waiting++;
	while (c->is_busy && !c->is_doomed) {
		int64_t left = until - loop_now_ms(c->host->loop);

		if (left <= 0 || !waitq_wait(&c->idle, left)) {
			c->n_waiting--;
			return err_set(e, ERR_TIMEOUT, "storage worker is busy");
		}
	}
	c->n_waiting--;
	if (c->is_doomed) {
		if (!c->is_busy && !c->n_waiting)
			client_destroy(c);
		return err_set(e, ERR_CANCELLED, "storage worker is being stopped");
	}
	c->is_busy = true;
	return 0;
}

static void client_unlock(struct client *c)
{
	c->is_busy = false;
	if (c->is_doomed && !c->n_waiting)
		client_destroy(c);
	else
		waitq_wake_all(&c->idle);
}

static int send_request(struct client *c, const char *op, json_t *args, struct err *e)
{
	auto_json *request = json_pack("{s:s,s:O}", "op", op, "args", args);
	g_autofree char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	g_autofree char *line = text ? g_strconcat(text, "\n", NULL) : NULL;
	size_t len = line ? strlen(line) : 0;

	if (!line || len > MAX_REQUEST)
		return err_set(e, ERR_TOO_LARGE, "storage request of %zu bytes", len);
	if (!c->process) {
		c->process = process_start(c->host, c->lease_fd, &c->fd, e);
		if (!c->process)
			return -1;
		c->last_pid = c->process->pid;
		watch_start(c->host->loop, &c->watch, c->fd, LOOP_READ, client_readable, c);
	}
	if (send(c->fd, line, len, MSG_NOSIGNAL) != (ssize_t)len) {
		drop_process(c);
		return err_set(e, ERR_NETWORK, "storage worker takes no requests");
	}
	return 0;
}

static int wait_answer(struct client *c, const char *op, int timeout_ms, struct err *e)
{
	if (!waiter_wait(&c->answered, timeout_ms)) {
		log_error("storage worker hangs and is killed", "OP", op);
		drop_process(c);
		return err_set(e, ERR_TIMEOUT, "%s got no answer from storage in %d s", op, timeout_ms / 1000);
	}
	if (c->failure == ERR_CANCELLED)
		return err_set(e, ERR_CANCELLED, "%s was stopped", op);
	if (c->failure)
		return err_set(e, ERR_NETWORK, "%s: the storage worker died", op);
	return 0;
}

static json_t *judge(const json_t *answer, struct err *e)
{
	const json_t *error = json_object_get(answer, "error");
	const char *message = json_string_value(json_object_get(error, "message"));
	json_int_t code = json_integer_value(json_object_get(error, "code"));

	if (!error)
		return json_incref(json_object_get(answer, "result"));
	err_agent(e, code > 0 && code < 10000 ? (int)code : 100, "%.500s", message ? message : "");
	return NULL;
}

json_t *client_call(struct client *c, const char *op, json_t *args, int timeout_ms, int *fd, struct err *e)
{
	auto_json *owned = args;
	json_t *result = NULL;

	if (fd)
		*fd = -1;
	if (client_lock(c, e) < 0)
		return NULL;
	c->failure = ERR_NONE;
	c->answered = (struct waiter){ 0 };
	if (send_request(c, op, owned, e) == 0 && wait_answer(c, op, timeout_ms, e) == 0)
		result = judge(c->answer, e);
	g_clear_pointer(&c->answer, json_decref);
	if (fd && result)
		*fd = g_steal_fd(&c->answer_fd);
	auto_close_fd(&c->answer_fd);
	c->answer_fd = -1;
	client_unlock(c);
	return result;
}
