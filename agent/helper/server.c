/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/helper/server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/helper/ops.h"
#include "agent/helper/sandbox.h"
#include "base/log.h"

enum { SOCK_FD = 3 };

/* Nothing of the agent's is kept but its standard error. */
static void keep_only(int sock)
{
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(sock, SOCK_FD) < 0)
		_exit(1);
	if (syscall(SYS_close_range, SOCK_FD + 1, ~0U, 0) < 0)
		for (int fd = SOCK_FD + 1; fd < 1024; fd++)
			close(fd);
}

static bool send_answer(const struct helper_answer *a, int fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { .buf = { 0 } };
	struct iovec iov = { (void *)a, sizeof(*a) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		struct cmsghdr *c;

		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	return sendmsg(SOCK_FD, &msg, MSG_NOSIGNAL) == (ssize_t)sizeof(*a);
}

void helper_serve(int sock, const struct helper_config *config)
{
	const struct helper_config c = *config;
	char request[sizeof(struct helper_request) + 1];
	struct helper_answer a;
	struct err e = ERR_INIT;

	keep_only(sock);
	prctl(PR_SET_NAME, "hostler-helper");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN); /* a terminal tells both; the agent decides */
	signal(SIGTERM, SIG_IGN);
	if (chdir("/") < 0 || sandbox_enter(&e) < 0) {
		log_error("the root helper cannot be confined", "ERROR", e.detail);
		_exit(1);
	}
	for (;;) {
		const ssize_t n = recv(SOCK_FD, request, sizeof(request), 0);
		int fd;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(0);
		helper_execute(&c, request, (size_t)n, &a, &fd);
		if (!send_answer(&a, fd))
			_exit(1);
		if (fd >= 0)
			close(fd);
	}
}
