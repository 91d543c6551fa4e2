/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's life: give up root, then read requests and answer them until the agent hangs up. */
#include "agent/storage/worker.h"

#include <errno.h>
#include <glib.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "agent/storage/storage_codes.h"
#include "base/auto.h"
#include "base/log.h"

static const struct worker_op *const TABLES[] = { WORKER_DOMAIN_OPS, WORKER_VOLUME_OPS, WORKER_IMAGE_OPS,
	                                          WORKER_TASK_OPS };

const struct worker_op *worker_find_op(const char *name)
{
	for (size_t t = 0; t < G_N_ELEMENTS(TABLES); t++)
		for (const struct worker_op *op = TABLES[t]; op->name; op++)
			if (strcmp(op->name, name) == 0)
				return op;
	return NULL;
}

const char *warg_str_or(const json_t *args, const char *key, const char *fallback)
{
	const char *s = json_string_value(json_object_get(args, key));

	return s ? s : fallback;
}

const char *warg_str(const json_t *args, const char *key, struct err *e)
{
	const char *s = warg_str_or(args, key, NULL);

	if (!s)
		err_agent(e, SC_UNEXPECTED, "Unexpected error: storage request without %s", key);
	return s;
}

const char *warg_uuid(const json_t *args, const char *key, struct err *e)
{
	const char *s = warg_str(args, key, e);

	if (s && !uuid_is_valid(s)) {
		err_agent(e, SC_INVALID_PARAM, "Invalid parameter: %s is not a UUID", key);
		return NULL;
	}
	return s;
}

int warg_int(const json_t *args, const char *key, int64_t *out, struct err *e)
{
	const json_t *v = json_object_get(args, key);

	if (!json_is_integer(v))
		return err_agent(e, SC_UNEXPECTED, "Unexpected error: storage request without number %s", key);
	*out = json_integer_value(v);
	return 0;
}

bool warg_bool(const json_t *args, const char *key) { return json_is_true(json_object_get(args, key)); }

/* --- the socket --- */

static int send_line(const json_t *answer, int fd)
{
	g_autofree char *text = json_dumps(answer, JSON_COMPACT | JSON_ENCODE_ANY);
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { .buf = { 0 } };
	struct iovec iov[2];
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	size_t len = text ? strlen(text) : 0;

	if (!text || len >= WORKER_MAX_ANSWER)
		return -1;
	iov[0] = (struct iovec){ text, len };
	iov[1] = (struct iovec){ (char *)"\n", 1 };
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
	while (iov[0].iov_len + iov[1].iov_len) {
		ssize_t put = sendmsg(WORKER_FD, &msg, MSG_NOSIGNAL);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		msg.msg_control = NULL;
		msg.msg_controllen = 0;
		for (int i = 0; i < 2; i++) {
			size_t n = MIN((size_t)put, iov[i].iov_len);

			iov[i].iov_base = (char *)iov[i].iov_base + n;
			iov[i].iov_len -= n;
			put -= (ssize_t)n;
		}
	}
	return 0;
}

void worker_progress(int percent)
{
	auto_json *line = json_pack("{s:i}", "progress", percent);

	send_line(line, -1);
}

/* One request line into buf; false when the agent has gone or sends too much. */
static bool read_line(GString *buf, GString *line)
{
	char chunk[16384];

	for (;;) {
		char *nl = memchr(buf->str, '\n', buf->len);
		ssize_t got;

		if (nl) {
			g_string_truncate(line, 0);
			g_string_append_len(line, buf->str, nl - buf->str);
			g_string_erase(buf, 0, nl + 1 - buf->str);
			return true;
		}
		if (buf->len > WORKER_MAX_REQUEST)
			return false;
		got = read(WORKER_FD, chunk, sizeof(chunk));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		g_string_append_len(buf, chunk, got);
	}
}

static json_t *run_request(struct worker_ctx *w, const char *text, size_t len, struct err *e)
{
	auto_json *request = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	const char *name = json_string_value(json_object_get(request, "op"));
	json_t *args = json_object_get(request, "args");
	const struct worker_op *op = name ? worker_find_op(name) : NULL;

	if (!op || !json_is_object(args)) {
		err_agent(e, SC_UNEXPECTED, "Unexpected error: no such storage request");
		return NULL;
	}
	return op->fn(w, args, e);
}

static int serve_one(const char *text, size_t len)
{
	struct worker_ctx w = { .pool = pool_new(), .send_fd = -1 };
	struct err e = ERR_INIT;
	json_t *result = run_request(&w, text, len, &e);
	auto_json *answer = NULL;
	int rc;

	if (result) {
		answer = json_pack("{s:o}", "result", result);
	} else {
		int code = e.code == ERR_AGENT ? e.agent_code : e.code == ERR_NO_SPACE ? SC_SD_NO_SPACE : SC_STORAGE;
		g_autofree char *detail = g_utf8_make_valid(e.detail, -1);

		answer = json_pack("{s:{s:i,s:s}}", "error", "code", code, "message", detail);
	}
	rc = send_line(answer, w.send_fd);
	if (w.send_fd >= 0)
		close(w.send_fd);
	pool_free(w.pool);
	return rc;
}

static int give_up_root(const char *uid_text, const char *gid_text)
{
	uid_t uid = (uid_t)atoi(uid_text);
	gid_t gid = (gid_t)atoi(gid_text);

	if (geteuid() != 0 || uid == 0)
		return 0;
	if (setgroups(1, &gid) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return -1;
	return 0;
}

int storage_worker_main(int argc, char **argv)
{
	g_autoptr(GString) buf = g_string_new(NULL);
	g_autoptr(GString) line = g_string_new(NULL);
	struct stat st;

	if (argc < 4 || fstat(WORKER_FD, &st) < 0 || !S_ISSOCK(st.st_mode)) {
		fprintf(stderr, "storage-worker is started by the agent only\n");
		return 2;
	}
	log_set_name("storage-worker");
	signal(SIGPIPE, SIG_IGN);
	if (give_up_root(argv[2], argv[3]) < 0) {
		log_error("cannot become the storage user", "UID", argv[2], "GID", argv[3]);
		return 2;
	}
	/* The change of user has cleared what the agent asked for: to die with it. If it has died already,
	 * the socket says so. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	umask(0);
#ifdef HOSTLER_TEST_HOOKS
	if (getenv("HOSTLER_WORKER_HANG"))
		pause();
	if (getenv("HOSTLER_WORKER_BABBLE"))
		return write(WORKER_FD, getenv("HOSTLER_WORKER_BABBLE"), strlen(getenv("HOSTLER_WORKER_BABBLE"))) < 0;
#endif
	while (read_line(buf, line))
		if (serve_one(line->str, line->len) < 0)
			return 1;
	return 0;
}
