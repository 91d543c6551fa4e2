/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/console.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/auto.h"
#include "cli/out.h"
#include "cli/resolve.h"
#include "cli/text.h"
#include "cli/web.h"
#include "cli/ws.h"

#define HOSTLER_BASE "/ovirt-engine/hostler"
#define ESCAPE       0x1d /* Ctrl-] */

/* ---- serial ---- */

static struct termios saved_termios;
static bool is_raw;

static void restore_terminal(void)
{
	if (is_raw)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved_termios);
	is_raw = false;
}

static void make_raw(void)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &saved_termios) < 0)
		return;
	raw = saved_termios;
	cfmakeraw(&raw);
	is_raw = true;
	atexit(restore_terminal);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
}

static int write_all(const char *s, size_t n)
{
	while (n) {
		ssize_t done = write(STDOUT_FILENO, s, n);

		if (done < 0 && errno != EINTR && errno != EAGAIN)
			return -1;
		if (done > 0) {
			s += done;
			n -= (size_t)done;
		}
	}
	return 0;
}

/* What was typed. 1: the escape, 0: sent, -1 with e. is_open becomes false at the end of input. */
static int take_input(struct ws *ws, bool *is_open, struct err *e)
{
	char buf[4096];
	ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));
	const char *escape;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0) {
		*is_open = false;
		return 0;
	}
	escape = isatty(STDIN_FILENO) ? memchr(buf, ESCAPE, (size_t)n) : NULL;
	if (escape)
		n = escape - buf;
	if (n > 0 && ws_send(ws, buf, (size_t)n, e) < 0)
		return -1;
	return escape != NULL;
}

/* 1: goes on, 0: over, -1: failed. */
static int serial_turn(struct ws *ws, bool *is_open, struct err *e)
{
	struct pollfd fds[2] = { { .fd = ws_fd(ws), .events = POLLIN | (ws_wants_write(ws) ? POLLOUT : 0) },
		                 { .fd = *is_open ? STDIN_FILENO : -1, .events = POLLIN } };
	g_autoptr(GString) in = g_string_new(NULL);
	int rc = poll(fds, 2, *is_open ? 1000 : 2000), more;

	if (cli_interrupted())
		return err_set(e, ERR_CANCELLED, "Interrupted.");
	if (rc == 0 && !*is_open)
		return 0; /* input has ended, and the guest has nothing more to say */
	if (fds[1].revents) {
		rc = take_input(ws, is_open, e);
		if (rc != 0)
			return rc < 0 ? -1 : 0;
	}
	more = ws_turn(ws, in, e);
	if (in->len && write_all(in->str, in->len) < 0)
		return 0;
	return more;
}

static int closed(struct ws *ws, struct err *e)
{
	const char *reason;
	int code = ws_close_code(ws, &reason);
	g_autofree char *clean = text_printable(reason);

	switch (code) {
	case 0:
	case 1000:
		if (*clean)
			cli_say("The console was closed: %s", clean);
		return 0;
	case 4404: return err_set(e, ERR_CONFLICT, "The VM has no serial console.");
	case 4409: return err_set(e, ERR_CONFLICT, "The serial console is in use; --force takes it over.");
	case 1001: return err_set(e, ERR_NETWORK, "The Manager is being stopped.");
	default: return err_set(e, ERR_NETWORK, "The console was closed (%d)%s%s.", code, *clean ? ": " : "", clean);
	}
}

int console_serial(struct command *cmd, const char *vm_id, struct err *e)
{
	struct web *w = cli_web(cmd->c, e);
	const struct extras *x = &cmd->extras;
	g_autofree char *path = g_strdup_printf(HOSTLER_BASE "/vms/%s/serial%s%s", vm_id, x->force ? "?force=true" : "",
	                                        x->no_history ? (x->force ? "&history=false" : "?history=false") : "");
	struct ws *ws = w ? ws_open(w, path, e) : NULL;
	bool is_open = true;
	int rc;

	if (!ws)
		return -1;
	cli_catch_interrupts();
	fflush(stdout);
	if (isatty(STDIN_FILENO)) {
		cli_say("Connected; Ctrl-] leaves.");
		make_raw();
	}
	do
		rc = serial_turn(ws, &is_open, e);
	while (rc > 0);
	restore_terminal();
	if (rc == 0)
		rc = closed(ws, e);
	ws_close(ws);
	ws_free(ws);
	if (rc == 0 && isatty(STDERR_FILENO) && isatty(STDIN_FILENO))
		fprintf(stderr, "\nDisconnected.\n");
	return rc;
}

/* ---- graphics ---- */

static char *vm_id_of(struct command *cmd, struct err *e)
{
	char *path = command_path(cmd, 1, e);

	return path ? pool_strdup(cmd->c->pool, strchr(path, '/') + 1) : NULL;
}

static int save_private(const char *path, const char *text, size_t len, struct err *e)
{
	if (strcmp(path, "-") == 0) {
		fwrite(text, 1, len, stdout);
		return 0;
	}
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(e, errno, "write %s", path);
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_errno(e, errno, "write %s", path);
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

static int launch(struct command *cmd, const struct web_answer *a, struct err *e)
{
	g_autofree char *viewer = g_find_program_in_path("remote-viewer"), *file = NULL;
	auto_close int fd = -1;

	if (!viewer)
		return err_set(e, ERR_UNSUPPORTED,
		               "remote-viewer is not installed; --file x.vv writes the file for it.");
	if (!g_getenv("DISPLAY") && !g_getenv("WAYLAND_DISPLAY"))
		return err_set(e, ERR_UNSUPPORTED,
		               "There is no display here; --file x.vv writes the file for remote-viewer.");
	fd = g_file_open_tmp("hostler-XXXXXX.vv", &file, NULL);
	if (fd < 0 || write(fd, a->body->str, a->body->len) != (ssize_t)a->body->len) {
		err_errno(e, errno, "write a file for remote-viewer");
		if (file)
			unlink(file);
		return -1;
	}
	fflush(NULL);
	execl(viewer, "remote-viewer", file, (char *)NULL); /* it removes the file */
	err_errno(e, errno, "start %s", viewer);
	unlink(file);
	return -1;
}

static int graphics(struct command *cmd, const char *vm_id, struct err *e)
{
	const char *hex = cmd->extras.spice ? "7370696365" : "766e63";
	struct web *w = cli_web(cmd->c, e);
	struct web_request r = { .method = "GET", .accept = "application/x-virt-viewer" };
	auto_answer a = { 0 };

	r.path = pool_printf(cmd->c->pool, API_BASE "/vms/%s/graphicsconsoles/%s", vm_id, hex);
	if (!w || web_call(w, &r, &a, e) < 0) {
		if (w && e->code == ERR_NO_ENTITY)
			return err_set(e, ERR_NO_ENTITY, "The VM has no %s console.",
			               cmd->extras.spice ? "SPICE" : "VNC");
		return -1;
	}
	return cmd->extras.file ? save_private(cmd->extras.file, a.body->str, a.body->len, e) : launch(cmd, &a, e);
}

int console_run(struct command *cmd, struct err *e)
{
	char *id = cmd->args->len > 1 ? NULL : vm_id_of(cmd, e);

	if (cmd->args->len > 1)
		return err_set(e, ERR_SYNTAX, "'%.60s' is one word too many", (char *)cmd->args->pdata[1]);
	if (!id)
		return -1;
	return cmd->extras.vnc || cmd->extras.spice ? graphics(cmd, id, e) : console_serial(cmd, id, e);
}

int screenshot_run(struct command *cmd, struct err *e)
{
	struct web_request r = { .method = "GET", .accept = "image/png" };
	const char *file = cmd->args->len > 1 ? cmd->args->pdata[1] : cmd->extras.file;
	char *id = vm_id_of(cmd, e);
	struct web *w = id ? cli_web(cmd->c, e) : NULL;
	auto_answer a = { 0 };

	if (!w)
		return -1;
	if (!file)
		return err_set(e, ERR_SYNTAX, "Where to? hostler vm screenshot NAME FILE (- is standard output)");
	r.path = pool_printf(cmd->c->pool, HOSTLER_BASE "/vms/%s/screenshot", id);
	if (web_call(w, &r, &a, e) < 0)
		return -1;
	if (strcmp(file, "-") == 0 && cmd->c->is_tty)
		return err_set(e, ERR_SYNTAX, "A picture is not written to a terminal.");
	return save_private(file, a.body->str, a.body->len, e);
}

/* ---- logs ---- */

static void append_parameter(GString *url, const char *name, const char *value)
{
	if (!value)
		return;
	g_string_append_printf(url, "%c%s=", strchr(url->str, '?') ? '&' : '?', name);
	web_append_escaped(url, value);
}

int logs_run(struct command *cmd, struct err *e)
{
	const struct extras *x = &cmd->extras;
	char *path = command_path(cmd, 1, e);
	struct web *w = path ? cli_web(cmd->c, e) : NULL;
	g_autofree char *cursor = NULL;
	int rc = 0;

	if (!w)
		return -1;
	if (x->follow)
		cli_catch_interrupts();
	do {
		g_autoptr(GString) url = g_string_new(HOSTLER_BASE "/");
		struct web_request r = { .method = "GET", .accept = "text/plain" };
		auto_answer a = { 0 };

		g_string_append_printf(url, "%s/logs", path);
		append_parameter(url, "lines", cursor ? "10000" : x->lines);
		append_parameter(url, "since", cursor ? NULL : x->since);
		append_parameter(url, "source", x->source);
		append_parameter(url, "after", cursor);
		r.path = url->str;
		rc = web_call(w, &r, &a, e);
		if (rc < 0)
			break;
		out_text(cmd->c, a.body->str, a.body->len);
		if (x->follow && fflush(stdout) != 0)
			break;
		if (a.cursor) {
			g_free(cursor);
			cursor = g_steal_pointer(&a.cursor);
		}
		if (x->follow)
			rc = cli_pause(1000, e);
	} while (x->follow && rc == 0 && cursor);
	return rc < 0 && e->code == ERR_CANCELLED && x->follow ? 0 : rc;
}
