/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where logs are: the agent's own is its standard error, a file or the journal; libvirt's and QEMU's are files that only
 * root may read, which the helper opens. A cursor is the place behind what was given: of a file "f<inode>.<offset>", of
 * the journal "j<its cursor>".
 */
#include "agent/logs.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/helper/helper.h"
#include "agent/log_text.h"
#include "base/auto.h"
#include "base/proc.h"
#include "base/task.h"

enum { MAX_LINES = 10000, WINDOW = 4 << 20, JOURNAL_MS = 10000 };

struct looking {
	const char *source, *after;
	int64_t lines, since;
	GString *text;
	char *cursor;
	struct err error;
	int rc;
};

/* --- files --- */

/* The last of a long file, or what comes behind the cursor. */
static int read_file(struct looking *k, int fd)
{
	g_autofree char *buf = g_malloc(WINDOW);
	unsigned long long inode = 0;
	const bool is_after = *k->after && sscanf(k->after, "f%llu.", &inode) == 1;
	const char *dot = is_after ? strchr(k->after, '.') : NULL;
	off_t from = dot ? (off_t)g_ascii_strtoll(dot + 1, NULL, 10) : 0;
	struct stat st;
	ssize_t n;
	size_t used;

	if (fstat(fd, &st) < 0)
		return err_errno(&k->error, errno, "look at the log");
	if (!dot || inode != st.st_ino || from < 0 || from > st.st_size)
		from = is_after ? 0 : MAX(st.st_size - WINDOW, 0); /* another file by now: from its beginning */
	n = pread(fd, buf, WINDOW, from);
	if (n < 0)
		return err_errno(&k->error, errno, "read the log");
	used = log_select(k->text, buf, (size_t)n, k->since, (unsigned)k->lines, is_after);
	if (used == 0 && n == WINDOW)
		used = WINDOW; /* one endless line */
	k->cursor = g_strdup_printf("f%llu.%lld", (unsigned long long)st.st_ino, (long long)from + (long long)used);
	return 0;
}

/* --- the journal --- */

static int run_journalctl(struct looking *k, const char *unit)
{
	auto_pool p = pool_new();
	const bool is_after = k->after[0] == 'j';
	const char *argv[16] = { "journalctl",
		                 "--quiet",
		                 "--no-pager",
		                 "--output=short-iso",
		                 "--utc",
		                 "--show-cursor",
		                 pool_printf(p, "--unit=%s", unit) };
	const struct proc_spec spec = { .argv = argv, .timeout_ms = JOURNAL_MS, .max_output = WINDOW };
	struct proc_result r = { 0 };
	char *mark;
	int n = 7;

	if (is_after) {
		argv[n++] = pool_printf(p, "--after-cursor=%s", k->after + 1);
	} else {
		argv[n++] = pool_printf(p, "--lines=%" PRId64, k->lines);
	}
	if (k->since)
		argv[n++] = pool_printf(p, "--since=@%" PRId64, k->since);
	if (proc_run(p, &spec, &r, &k->error) < 0)
		return -1;
	mark = g_strrstr(r.out, "-- cursor: ");
	k->cursor = mark ? g_strdup_printf("j%s", g_strstrip(mark + strlen("-- cursor: "))) : g_strdup(k->after);
	log_select(k->text, r.out, mark ? (size_t)(mark - r.out) : r.out_len, 0,
	           is_after ? MAX_LINES : (unsigned)k->lines, false);
	return 0;
}

/* --- sources --- */

static int own_log(struct looking *k)
{
	auto_close int fd = -1;
	struct stat st;

	if (g_getenv("JOURNAL_STREAM"))
		return run_journalctl(k, "hostler-agent.service");
	if (fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode))
		fd = open("/proc/self/fd/2", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set(&k->error, ERR_NOT_FOUND, "the agent's log goes neither to the journal nor to a file");
	return read_file(k, fd);
}

static void look(void *arg)
{
	struct looking *k = arg;
	const char *name = g_str_has_prefix(k->source, "vm:") ? k->source + strlen("vm:") : NULL;
	auto_close int fd = -1;

	if (strcmp(k->source, "agent") == 0) {
		k->rc = own_log(k);
		return;
	}
	fd = helper_open_log(name ? HELPER_LOG_QEMU : HELPER_LOG_LIBVIRT, name ? name : "libvirtd", &k->error);
	if (fd < 0 && !name && g_getenv("JOURNAL_STREAM")) {
		k->rc = run_journalctl(k, "libvirtd.service");
		return;
	}
	if (fd < 0)
		k->error.code = ERR_NOT_FOUND;
	k->rc = fd < 0 ? -1 : read_file(k, fd);
}

static int get_logs(struct agent *a, struct verb_call *c, struct err *e)
{
	struct looking k = { .error = ERR_INIT };

	if (verb_string_or(c, "source", "agent", &k.source, e) < 0 || verb_string_or(c, "after", "", &k.after, e) < 0 ||
	    verb_int_or(c, "lines", 1, MAX_LINES, 200, &k.lines, e) < 0 ||
	    verb_int_or(c, "since", 0, INT64_MAX / 2, 0, &k.since, e) < 0)
		return -1;
	if (strcmp(k.source, "agent") != 0 && strcmp(k.source, "libvirt") != 0 && !g_str_has_prefix(k.source, "vm:"))
		return err_field(e, ERR_INVALID, "source", "parameter source must be agent, libvirt or vm:NAME");
	if (strlen(k.after) > 300 || strpbrk(k.after, " \n\t'\""))
		return err_field(e, ERR_INVALID, "after", "parameter after must be a cursor that was given");
	k.text = g_string_new(NULL);
	if (task_run(a->tasks, look, &k, e) == 0) {
		if (k.rc == 0)
			c->result = json_pack("{s:s%, s:s}", "text", k.text->str, k.text->len, "cursor",
			                      k.cursor ? k.cursor : "");
		else
			*e = k.error;
	}
	g_string_free(k.text, TRUE);
	g_free(k.cursor);
	return c->result ? 0 : -1;
}

const struct verb LOG_VERBS[] = {
	{ "Host.getLogs", get_logs, VERB_EARLY | VERB_QUIET },
	{ NULL, NULL, 0 },
};
