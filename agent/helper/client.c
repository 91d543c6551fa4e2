/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/helper/helper.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/helper/ops.h"
#include "agent/helper/server.h"
#include "base/auto.h"
#include "base/log.h"

enum { ANSWER_MS = 180 * 1000 };

/* One helper for a process, as it has one set of privileges. */
static struct {
	struct helper_config config;
	pthread_mutex_t lock; /* guards sock: one call at a time */
	int sock, pid_fd;
} helper = { .lock = PTHREAD_MUTEX_INITIALIZER, .sock = -1, .pid_fd = -1 };

void helper_configure(const struct helper_config *c) { helper.config = *c; }

int helper_watch_fd(void) { return helper.pid_fd; }

bool helper_is_separate(void) { return helper.pid_fd >= 0; }

int helper_start(struct err *e)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(e, errno, "make a socket pair");
	pid = fork();
	if (pid == 0)
		helper_serve(pair[1], &helper.config);
	close(pair[1]);
	helper.sock = pair[0];
	helper.pid_fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	if (helper.pid_fd < 0)
		return err_errno(e, errno, "start the root helper");
	return 0;
}

/* --- one call --- */

static int take_answer(struct helper_answer *a, int *fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { a, sizeof(*a) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf, .msg_controllen = sizeof(control.buf)
	};
	struct cmsghdr *c;

	if (recvmsg(helper.sock, &msg, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof(*a) || a->magic != HELPER_MAGIC)
		return -1;
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(c), sizeof(int));
	a->text[HELPER_TEXT - 1] = '\0';
	return 0;
}

static int exchange(const struct helper_request *r, struct helper_answer *a, int *fd)
{
	struct pollfd p = { .fd = helper.sock, .events = POLLIN };

	if (helper.sock < 0 || send(helper.sock, r, sizeof(*r), MSG_NOSIGNAL) != (ssize_t)sizeof(*r))
		return -1;
	while (poll(&p, 1, ANSWER_MS) < 0)
		if (errno != EINTR)
			return -1;
	return p.revents & POLLIN ? take_answer(a, fd) : -1;
}

static int ask(const struct helper_request *r, struct helper_answer *a, int *fd, struct err *e)
{
	int rc;

	*fd = -1;
	if (!helper_is_separate()) {
		helper_execute(&helper.config, r, sizeof(*r), a, fd);
		return a->errnum ? err_errno(e, a->errnum, "not done") : 0;
	}
	pthread_mutex_lock(&helper.lock);
	rc = exchange(r, a, fd);
	if (rc < 0 && helper.sock >= 0) /* a late answer must not be taken for that of the next call */
		close(g_steal_fd(&helper.sock));
	pthread_mutex_unlock(&helper.lock);
	if (rc < 0)
		return err_set(e, ERR_BACKEND, "the root helper does not answer");
	return a->errnum ? err_errno(e, a->errnum, "the root helper could not") : 0;
}

static int set_text(struct helper_request *r, int at, const char *text, struct err *e)
{
	if (g_strlcpy(r->text[at], text, HELPER_TEXT) >= HELPER_TEXT)
		return err_set(e, ERR_INVALID, "%.60s... is too long", text);
	return 0;
}

/* A call with texts and without anything but success in its answer. */
static int tell(struct helper_request r, const char *const *texts, const char *what, struct err *e)
{
	struct helper_answer a;
	int fd;

	r.magic = HELPER_MAGIC;
	for (int i = 0; texts && texts[i]; i++)
		if (set_text(&r, i, texts[i], e) < 0)
			return -1;
	if (ask(&r, &a, &fd, e) == 0) {
		auto_close_fd(&fd);
		log_debug("done as root", "WHAT", what, "ON", r.text[0]);
		return 0;
	}
	return r.text[0][0] ? err_wrap(e, "%s %s", what, r.text[0]) : err_wrap(e, "%s", what);
}

/* --- operations --- */

int helper_bridge_add(const char *name, bool has_stp, int mtu, struct err *e)
{
	return tell((struct helper_request){ .op = HELPER_BRIDGE_ADD, .number = { has_stp, mtu } },
	            (const char *[]){ name, NULL }, "create bridge", e);
}

int helper_bridge_del(const char *name, struct err *e)
{
	return tell((struct helper_request){ .op = HELPER_BRIDGE_DEL }, (const char *[]){ name, NULL }, "remove bridge",
	            e);
}

int helper_bridge_join(const char *bridge, const char *port, struct err *e)
{
	return tell((struct helper_request){ .op = HELPER_BRIDGE_JOIN }, (const char *[]){ bridge, port, NULL },
	            "put a card into bridge", e);
}

int helper_set_ksm(int run, int pages, int sleep_ms, int merge, struct err *e)
{
	return tell((struct helper_request){ .op = HELPER_KSM, .number = { run, pages, sleep_ms, merge + 1 } }, NULL,
	            "set page sharing", e);
}

int helper_read_serial(char out[HELPER_TEXT])
{
	const struct helper_request r = { .magic = HELPER_MAGIC, .op = HELPER_READ_SERIAL };
	struct err ignored = ERR_INIT;
	struct helper_answer a;
	int fd;

	if (ask(&r, &a, &fd, &ignored) < 0)
		return -1;
	auto_close_fd(&fd);
	memcpy(out, a.text, HELPER_TEXT);
	return 0;
}

int helper_open_log(enum helper_log kind, const char *name, struct err *e)
{
	struct helper_request r = { .magic = HELPER_MAGIC, .op = HELPER_OPEN_LOG, .number = { kind } };
	struct helper_answer a;
	int fd;

	if (set_text(&r, 0, name, e) < 0)
		return -1;
	if (ask(&r, &a, &fd, e) < 0)
		return err_wrap(e, "log of %s", name);
	return fd;
}

int helper_install_tls(struct err *e)
{
	if (!helper.config.tls_dir)
		return 0;
	return tell((struct helper_request){ .op = HELPER_INSTALL_TLS }, NULL, "install certificates for consoles", e);
}

int helper_mount_nfs(const char *name, const char *source, const char *address, const char *options, bool is_read_only,
                     struct err *e)
{
	return tell((struct helper_request){ .op = HELPER_MOUNT_NFS, .number = { is_read_only } },
	            (const char *[]){ name, source, address, options, NULL }, "mount", e);
}

int helper_umount(const char *name, bool is_lazy, struct err *e)
{
	return tell((struct helper_request){ .op = HELPER_UMOUNT, .number = { is_lazy } },
	            (const char *[]){ name, NULL }, "unmount", e);
}
