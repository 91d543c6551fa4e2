/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/follow.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "cli/columns.h"
#include "cli/out.h"
#include "cli/text.h"
#include "cli/wait.h"
#include "cli/web.h"

#define PAUSE_MS 1000
#define MAX_LINE ((size_t)16 << 20)

static bool is_op(const struct command *cmd, const char *name)
{
	return cmd->verb.op && strcmp(cmd->verb.op->name, name) == 0;
}

bool follow_can(const struct command *cmd)
{
	return is_op(cmd, "events.list") || is_op(cmd, "jobs.list") || is_op(cmd, "job.get");
}

/* ---- events ---- */

static int print_event(struct command *cmd, const struct columns *cs, const json_t *event)
{
	const struct m_type *t = m_type_find("event");
	g_autoptr(GString) line = g_string_new(NULL);

	if (cmd->c->opt.format == OUT_JSON) {
		char *text = json_dumps(event, JSON_COMPACT | JSON_PRESERVE_ORDER);

		g_string_append(line, text);
		free(text);
	} else {
		for (int i = 0; i < cs->n; i++) {
			g_autoptr(GString) cell = g_string_new(NULL);
			g_autofree char *clean = NULL;

			columns_cell(cell, cmd->c, t, event, cs->v[i].path, true);
			clean = text_printable(cell->str);
			g_string_append_printf(line, "%s%s", i ? "  " : "", clean);
		}
	}
	g_string_append_c(line, '\n');
	out_text(cmd->c, line->str, line->len);
	return ferror(stdout) || fflush(stdout) != 0 ? -1 : 0;
}

static int64_t index_of(const json_t *event)
{
	const char *id = json_string_value(json_object_get(event, "id"));

	return id ? g_ascii_strtoll(id, NULL, 10) : 0;
}

/* Oldest first. */
static int by_index(const void *a, const void *b)
{
	int64_t x = index_of(*(json_t *const *)a), y = index_of(*(json_t *const *)b);

	return x < y ? -1 : x > y;
}

static int print_events(struct command *cmd, const struct columns *cs, const json_t *answer, int64_t *last)
{
	g_autoptr(GPtrArray) all = g_ptr_array_new();
	json_t *each;
	size_t i;

	json_array_foreach (json_object_get(answer, "event"), i, each)
		if (index_of(each) > *last)
			g_ptr_array_add(all, each);
	g_ptr_array_sort(all, by_index);
	for (guint k = 0; k < all->len; k++) {
		*last = index_of(all->pdata[k]);
		if (print_event(cmd, cs, all->pdata[k]) < 0)
			return -1;
	}
	return 0;
}

/* The event stream (docs/event-stream.md): lines until an empty one are a frame. */
struct stream {
	struct command *cmd;
	const struct columns *cs;
	GString *line, *name, *data;
	int64_t id, last;
	bool is_deaf; /* nobody reads any more */
};

static void end_frame(struct stream *s)
{
	auto_json *event = NULL;

	if (s->id >= 0)
		s->last = s->id;
	if (strcmp(s->name->str, "reset") == 0)
		cli_say("Some events were missed.");
	if (strcmp(s->name->str, "event") == 0)
		event = json_loadb(s->data->str, s->data->len, 0, NULL);
	if (event && print_event(s->cmd, s->cs, event) < 0)
		s->is_deaf = true;
	g_string_truncate(s->name, 0);
	g_string_truncate(s->data, 0);
	s->id = -1;
}

static void end_line(struct stream *s)
{
	const char *line = s->line->str;

	if (!*line)
		end_frame(s);
	else if (g_str_has_prefix(line, "id: "))
		s->id = g_ascii_strtoll(line + 4, NULL, 10);
	else if (g_str_has_prefix(line, "event: "))
		g_string_assign(s->name, line + 7);
	else if (g_str_has_prefix(line, "data: "))
		g_string_append(s->data, line + 6);
	g_string_truncate(s->line, 0);
}

static bool take_part(void *arg, const char *data, size_t n)
{
	struct stream *s = arg;

	for (size_t i = 0; i < n && !s->is_deaf; i++)
		if (data[i] == '\n')
			end_line(s);
		else if (s->line->len < MAX_LINE)
			g_string_append_c(s->line, data[i]);
	return !s->is_deaf;
}

static int read_stream(struct web *w, struct stream *s, const char *more, struct err *e)
{
	g_autofree char *path = g_strdup_printf(API_BASE "/events?last_event_id=%" G_GINT64_FORMAT "%s", s->last, more);
	struct web_request r = {
		.method = "GET", .path = path, .accept = "text/event-stream", .part = take_part, .arg = s
	};
	auto_answer a = { 0 };

	g_string_truncate(s->line, 0);
	g_string_truncate(s->data, 0);
	return web_call(w, &r, &a, e);
}

/* The last ones as a list, then what comes; streams end, with the Manager at the latest, and are opened again. */
static int follow_from(struct command *cmd, struct web *w, const struct columns *cs, const char *more, struct err *e)
{
	g_autofree char *path = g_strdup_printf(API_BASE "/events?max=%s%s", cmd->max ? cmd->max : "10", more);
	struct stream s = { .cmd = cmd, .cs = cs, .id = -1 };
	/* What matches may be old; what is new begins here. */
	auto_json *newest = web_json(w, "GET", API_BASE "/events?max=1", NULL, e);
	auto_json *j = newest ? web_json(w, "GET", path, NULL, e) : NULL;
	int rc = j ? 0 : -1;

	if (rc < 0 || print_events(cmd, cs, j, &s.last) < 0)
		return rc;
	s.last = MAX(s.last, index_of(json_array_get(json_object_get(newest, "event"), 0)));
	s.line = g_string_new(NULL);
	s.name = g_string_new(NULL);
	s.data = g_string_new(NULL);
	while (rc == 0 && !s.is_deaf) {
		rc = read_stream(w, &s, more, e);
		if (rc == 0 && !s.is_deaf)
			rc = cli_pause(PAUSE_MS, e);
	}
	g_string_free(s.line, TRUE);
	g_string_free(s.name, TRUE);
	g_string_free(s.data, TRUE);
	return rc;
}

static int follow_events(struct command *cmd, struct err *e)
{
	struct columns cs = { .n = 0 };
	struct web *w = cli_web(cmd->c, e);
	g_autoptr(GString) more = g_string_new(NULL);
	int rc = w ? columns_choose(&cs, cmd->c, m_type_find("event"), e) : -1;

	if (cmd->search) {
		g_string_append(more, "&search=");
		web_append_escaped(more, cmd->search);
	}
	if (rc == 0)
		rc = follow_from(cmd, w, &cs, more->str, e);
	columns_clear(&cs);
	return rc;
}

/* ---- jobs ---- */

static int percent_of(const json_t *job)
{
	const json_t *steps = json_object_get(json_object_get(job, "steps"), "step"), *each;
	double sum = 0;
	size_t i, n = 0;

	json_array_foreach (steps, i, each) {
		const json_t *p = json_object_get(each, "progress");
		const char *s = json_string_value(json_object_get(each, "status"));

		n++;
		if (s && strcmp(s, "finished") == 0)
			sum += 100;
		else if (json_is_string(p))
			sum += g_ascii_strtod(json_string_value(p), NULL);
		else
			sum += json_number_value(p);
	}
	return n ? (int)(sum / (double)n) : -1;
}

static bool is_over(const json_t *job)
{
	const char *s = json_string_value(json_object_get(job, "status"));

	return s && strcmp(s, "started") != 0;
}

static int follow_job(struct command *cmd, struct err *e)
{
	const char *path = command_path(cmd, 1, e), *url;
	struct progress p;
	int rc = path && cli_web(cmd->c, e) ? 0 : -1;

	if (rc < 0)
		return -1;
	url = pool_printf(cmd->c->pool, API_BASE "/%s?follow=steps", path);
	progress_begin(&p);
	while (rc == 0) {
		auto_json *j = web_json(cmd->c->web, "GET", url, NULL, e);
		const char *text = json_string_value(json_object_get(j, "description"));
		const char *state = json_string_value(json_object_get(j, "status"));

		if (!j) {
			rc = -1;
			break;
		}
		progress_show(&p, text ? text : path, state ? state : "", percent_of(j));
		if (is_over(j)) {
			progress_end(&p);
			printf("%s: %s\n", text ? text : path, state);
			if (strcmp(state, "finished") != 0)
				cmd->c->exit_code = EXIT_FAULT;
			return 0;
		}
		rc = cli_pause(PAUSE_MS / 2, e);
	}
	progress_end(&p);
	return rc;
}

/* A block of lines on a terminal, drawn anew; elsewhere a line for each change. */
struct board {
	GHashTable *told; /* id -> state */
	int n_lines;
};

static void draw_jobs(struct command *cmd, struct board *b, const json_t *jobs)
{
	g_autoptr(GString) out = g_string_new(NULL);
	const json_t *each;
	size_t i;
	int lines = 0;

	if (cmd->c->is_tty && b->n_lines)
		g_string_append_printf(out, "\033[%dA\033[J", b->n_lines);
	json_array_foreach (jobs, i, each) {
		const char *id = json_string_value(json_object_get(each, "id")),
		           *s = json_string_value(json_object_get(each, "status"));
		const char *text = json_string_value(json_object_get(each, "description"));
		int percent = percent_of(each);
		g_autofree char *clean = text_printable(text ? text : ""),
		                *state = g_strdup_printf("%s %d", s ? s : "", percent / 10);

		if (!id || i + 20 < json_array_size(jobs)) /* the newest are the last */
			continue;
		if (!cmd->c->is_tty && g_strcmp0(g_hash_table_lookup(b->told, id), state) == 0)
			continue;
		g_hash_table_insert(b->told, g_strdup(id), g_strdup(state));
		text_append_padded(out, s ? s : "", 10);
		if (percent >= 0) {
			progress_append_bar(out, percent, 20);
			g_string_append_c(out, ' ');
		}
		g_string_append_printf(out, "%.100s\n", clean);
		lines++;
	}
	b->n_lines = lines;
	fwrite(out->str, 1, out->len, stdout);
}

static int follow_jobs(struct command *cmd, struct err *e)
{
	struct board b = { .told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free) };
	g_autoptr(GString) path = g_string_new(API_BASE "/jobs?follow=steps");
	int rc = cli_web(cmd->c, e) ? 0 : -1;

	if (cmd->search) {
		g_string_append(path, "&search=");
		web_append_escaped(path, cmd->search);
	}
	while (rc == 0) {
		auto_json *j = web_json(cmd->c->web, "GET", path->str, NULL, e);

		rc = j ? 0 : -1;
		if (!j)
			break;
		draw_jobs(cmd, &b, json_object_get(j, "job"));
		if (fflush(stdout) != 0)
			break;
		rc = cli_pause(PAUSE_MS, e);
	}
	g_hash_table_unref(b.told);
	return rc;
}

int follow_run(struct command *cmd, struct err *e)
{
	int rc;

	cli_catch_interrupts();
	if (is_op(cmd, "events.list"))
		rc = follow_events(cmd, e);
	else
		rc = is_op(cmd, "jobs.list") ? follow_jobs(cmd, e) : follow_job(cmd, e);
	if (rc < 0 && e->code == ERR_CANCELLED)
		return 0; /* the usual end of following */
	return rc;
}
