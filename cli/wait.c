/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/wait.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "cli/text.h"
#include "cli/web.h"

/* ---- progress ---- */

void progress_begin(struct progress *p)
{
	*p = (struct progress){ .is_tty = isatty(STDERR_FILENO), .begun_ms = cli_now_ms() };
}

void progress_append_bar(GString *out, int percent, int width)
{
	int full = CLAMP(percent, 0, 100) * width / 100;

	g_string_append_c(out, '[');
	for (int i = 0; i < width; i++)
		g_string_append_c(out, i < full ? '#' : '.');
	g_string_append_printf(out, "] %3d%%", CLAMP(percent, 0, 100));
}

void progress_show(struct progress *p, const char *label, const char *state, int percent)
{
	static const char spin[] = "|/-\\";
	g_autofree char *clean = text_printable(label);
	g_autoptr(GString) line = g_string_new(NULL);

	g_string_append_printf(line, "%.100s: %.80s", clean, state);
	if (percent >= 0 && p->is_tty) {
		g_string_append_c(line, ' ');
		progress_append_bar(line, percent, 30);
	}
	if (p->is_tty) {
		fprintf(stderr, "\r\033[K%c %s %" G_GINT64_FORMAT "s", spin[p->frame++ % 4], line->str,
		        (cli_now_ms() - p->begun_ms) / 1000);
		p->is_drawn = true;
	} else if (strcmp(p->last, line->str) != 0) {
		fprintf(stderr, "%s\n", line->str);
		g_strlcpy(p->last, line->str, sizeof(p->last));
	}
	fflush(stderr);
}

void progress_end(struct progress *p)
{
	if (p->is_drawn)
		fprintf(stderr, "\r\033[K");
	p->is_drawn = false;
}

/* ---- goals ---- */

/* Operations that are done when the entity has a state; and states in which that cannot come any more. */
static const struct {
	const char *op;
	const char *goals[4], *failures[4];
} GOALS[] = {
	{ "vm.start", { "up" }, { "down" } }, /* or, when that was asked for, "paused" */
	{ "vm.stop", { "down" }, { NULL } },
	{ "vm.shutdown", { "down" }, { NULL } },
	{ "vm.suspend", { "suspended" }, { "down" } },
	{ "vm.reboot", { "up" }, { "down" } },
	{ "vm.reset", { "up" }, { "down" } },
	{ "vm.migrate", { "up" }, { "down" } },
	{ "vms.add", { "down", "up" }, { NULL } },
	{ "disks.add", { "ok" }, { "illegal" } },
	{ "templates.add", { "ok" }, { "illegal" } },
	{ "host.activate", { "up" }, { "non_operational", "non_responsive", "install_failed" } },
	{ "host.deactivate", { "maintenance" }, { NULL } },
	{ "host.install", { "up", "maintenance" }, { "install_failed", "non_operational" } },
	{ "host.approve", { "up" }, { "install_failed", "non_operational" } },
	{ "hosts.add", { "up" }, { "install_failed", "non_operational" } },
	{ "storage_domains.add", { "unattached", "active" }, { NULL } },
	{ "attached_storage_domains.add", { "active" }, { NULL } },
	{ "attached_storage_domain.activate", { "active" }, { NULL } },
	{ "attached_storage_domain.deactivate", { "maintenance" }, { NULL } },
	{ "snapshots.add", { "ok" }, { NULL } },
};

static const char *const PAUSED[4] = { "paused" };

static bool contains(const char *const *list, const char *word)
{
	for (int i = 0; i < 4 && list[i]; i++)
		if (strcmp(list[i], word) == 0)
			return true;
	return false;
}

static bool is_passing(const char *state)
{
	size_t n = strlen(state);

	return strstr(state, "lock") || strstr(state, "pending") || strstr(state, "wait_for") ||
	       strstr(state, "in_progress") || (n > 3 && strcmp(state + n - 3, "ing") == 0) ||
	       strncmp(state, "powering_", 9) == 0 || strncmp(state, "preparing_", 10) == 0;
}

struct watch {
	struct cli *c;
	const struct wait_for *w;
	struct progress progress;
	char state[64];
	bool has_moved; /* it was in another state than the failure's since we look */
	bool is_gone;
	bool starts_paused; /* whoever starts it finds it paused */
	bool jobs_done, jobs_failed;
	char job[200];
};

/* ---- looking ---- */

bool wait_is_true(const json_t *v)
{
	return json_is_true(v) || (json_is_string(v) && strcmp(json_string_value(v), "true") == 0);
}

static int look_at_entity(struct watch *x, struct err *e)
{
	g_autofree char *path = g_strconcat(API_BASE "/", x->w->path, NULL);
	auto_json *j = NULL;
	const char *s;

	j = web_json(x->c->web, "GET", path, NULL, e);
	if (!j) {
		x->is_gone = e->code == ERR_NO_ENTITY;
		return x->is_gone ? 0 : -1;
	}
	s = json_string_value(json_object_get(j, "status"));
	if (!s)
		s = json_string_value(json_object_get(j, "snapshot_status"));
	if (!s)
		s = json_string_value(json_object_get(j, "phase"));
	g_strlcpy(x->state, s ? s : "", sizeof(x->state));
	x->starts_paused = x->w->is_paused || wait_is_true(json_object_get(j, "start_paused"));
	return 0;
}

/* The jobs that our request began. */
static int look_at_jobs(struct watch *x, struct err *e)
{
	g_autofree char *path = g_strdup_printf(API_BASE "/jobs?search=correlation_id%%3D%s", x->w->correlation_id);
	auto_json *j = web_json(x->c->web, "GET", path, NULL, e);
	const json_t *each;
	size_t i;

	if (!j)
		x->jobs_done = true;
	if (!j)
		return e->code == ERR_DENIED || e->code == ERR_NOT_IMPLEMENTED ? 0 : -1;
	x->jobs_done = true;
	json_array_foreach (json_object_get(j, "job"), i, each) {
		const char *s = json_string_value(json_object_get(each, "status"));
		const char *text = json_string_value(json_object_get(each, "description"));

		if (s && strcmp(s, "started") == 0)
			x->jobs_done = false;
		if (s && (strcmp(s, "failed") == 0 || strcmp(s, "aborted") == 0))
			x->jobs_failed = true;
		g_strlcpy(x->job, text ? text : "", sizeof(x->job));
	}
	return 0;
}

/* What the Manager wrote about the failure. */
static int tell_failure(struct watch *x, struct err *e)
{
	struct err quiet = ERR_INIT;
	g_autofree char *path =
	    g_strdup_printf(API_BASE "/events?max=20&search=correlation_id%%3D%s", x->w->correlation_id);
	auto_json *j = web_json(x->c->web, "GET", path, NULL, &quiet);
	const json_t *each;
	size_t i;

	json_array_foreach (json_object_get(j, "event"), i, each) {
		const char *severity = json_string_value(json_object_get(each, "severity"));
		const char *text = json_string_value(json_object_get(each, "description"));

		if (severity && text && strcmp(severity, "normal") != 0)
			return err_set(e, ERR_CONFLICT, "%s", text);
	}
	return err_set(e, ERR_CONFLICT, "%s: it failed%s%s.", x->w->label, *x->state ? "; the state is " : "",
	               x->state);
}

static const char *const *goals_of(const struct watch *x, size_t i)
{
	return x->starts_paused && strcmp(GOALS[i].op, "vm.start") == 0 ? PAUSED : GOALS[i].goals;
}

/* 1: done, 0: not yet, -1: failed. */
static int judge(struct watch *x, struct err *e)
{
	const struct m_op *op = x->w->op;

	if (x->jobs_failed)
		return tell_failure(x, e);
	if (op->kind == M_OP_REMOVE)
		return x->is_gone && x->jobs_done;
	if (x->is_gone)
		return x->jobs_done ? err_set(e, ERR_NO_ENTITY, "%s is gone.", x->w->label) : 0;
	for (size_t i = 0; i < G_N_ELEMENTS(GOALS); i++) {
		if (strcmp(GOALS[i].op, op->name) != 0)
			continue;
		if (contains(goals_of(x, i), x->state))
			return x->jobs_done;
		if (contains(GOALS[i].failures, x->state) && x->has_moved && x->jobs_done)
			return tell_failure(x, e);
		x->has_moved = x->has_moved || !contains(GOALS[i].failures, x->state);
		return 0;
	}
	return x->jobs_done && !is_passing(x->state);
}

int wait_until_done(struct cli *c, const struct wait_for *w, struct err *e)
{
	struct watch x = { .c = c, .w = w };
	int64_t end = cli_now_ms() + c->opt.timeout_ms;
	int pause = 100, rc;

	cli_catch_interrupts();
	progress_begin(&x.progress);
	do {
		rc = look_at_jobs(&x, e);
		if (rc == 0 && w->path)
			rc = look_at_entity(&x, e);
		if (rc == 0)
			rc = judge(&x, e);
		if (rc != 0)
			break;
		progress_show(&x.progress, w->label, *x.state ? x.state : *x.job ? x.job : "waiting", -1);
		if (cli_now_ms() >= end) {
			rc =
			    err_set(e, ERR_TIMEOUT,
			            "%s: not done within the time of --timeout; it goes on in the Manager (state: %s).",
			            w->label, *x.state ? x.state : "unknown");
			break;
		}
		rc = cli_pause(pause, e);
		pause = MIN(pause * 3 / 2, 1000);
	} while (rc == 0);
	progress_end(&x.progress);
	if (rc < 0 && e->code == ERR_CANCELLED)
		err_set(e, ERR_CANCELLED, "Interrupted; what was begun goes on in the Manager.");
	return rc < 0 ? -1 : 0;
}
