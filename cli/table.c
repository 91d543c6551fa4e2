/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "cli/text.h"

struct table {
	int n; /* columns */
	char **titles;
	GPtrArray *rows; /* char **, n cells each */
	int sort_column;
	bool sort_descending;
};

static void free_row(void *row) { g_strfreev(row); }

struct table *table_new(const char *const *titles, int n_columns)
{
	struct table *t = g_new0(struct table, 1);

	t->n = n_columns;
	t->rows = g_ptr_array_new_with_free_func(free_row);
	t->titles = g_new0(char *, n_columns + 1);
	for (int i = 0; i < n_columns; i++)
		t->titles[i] = g_strdup(titles[i]);
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	g_strfreev(t->titles);
	g_ptr_array_unref(t->rows);
	g_free(t);
}

void table_row(struct table *t, const char *const *cells)
{
	char **row = g_new0(char *, t->n + 1);

	for (int i = 0; i < t->n; i++)
		row[i] = g_strdup(cells[i] ? cells[i] : "");
	g_ptr_array_add(t->rows, row);
}

static int compare(const void *a, const void *b, void *arg)
{
	const struct table *t = arg;
	const char *x = (*(char **const *)a)[t->sort_column], *y = (*(char **const *)b)[t->sort_column];
	char *xe, *ye;
	double dx = g_ascii_strtod(x, &xe), dy = g_ascii_strtod(y, &ye);
	int order;

	if (xe != x && ye != y && !*xe && !*ye)
		order = dx < dy ? -1 : dx > dy;
	else
		order = strcmp(x, y);
	return t->sort_descending ? -order : order;
}

void table_sort(struct table *t, int column, bool is_descending)
{
	t->sort_column = column;
	t->sort_descending = is_descending;
	g_ptr_array_sort_with_data(t->rows, compare, t);
}

const char *table_colour(const char *state)
{
	static const struct {
		const char *colour, *const states[12];
	} known[] = {
		{ "\033[32m", { "up", "ok", "active", "finished", "complete", "normal", "operational", NULL } },
		{ "\033[31m",
		  { "error", "failed", "illegal", "non_responsive", "non_operational", "install_failed", "inactive",
		    "not_responding", "alert", "aborted", NULL } },
		{ "\033[33m",
		  { "locked", "image_locked", "warning", "paused", "started", "wait_for_launch", "maintenance",
		    "unknown", "pending_approval", "reboot_in_progress", NULL } },
		{ "\033[2m", { "down", "unattached", "suspended", NULL } },
	};
	size_t len = strlen(state);

	for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
		for (int j = 0; known[i].states[j]; j++)
			if (strcmp(known[i].states[j], state) == 0)
				return known[i].colour;
	return len > 3 && strcmp(state + len - 3, "ing") == 0 ? "\033[33m" : "";
}

static int *measure(const struct table *t, bool with_titles)
{
	int *widths = g_new0(int, t->n);

	for (int i = 0; i < t->n; i++)
		widths[i] = with_titles ? text_width(t->titles[i]) : 0;
	for (guint r = 0; r < t->rows->len; r++)
		for (int i = 0; i < t->n; i++) {
			char **row = t->rows->pdata[r], *clean = text_printable(row[i]);
			int w;

			g_free(row[i]);
			row[i] = clean;
			w = text_width(clean);
			widths[i] = MAX(widths[i], w);
		}
	return widths;
}

static void append_row(GString *line, const struct table *t, char **cells, const int *widths, bool has_colour)
{
	for (int i = 0; i < t->n; i++) {
		const char *colour = has_colour ? table_colour(cells[i]) : "";
		bool is_last = i == t->n - 1;

		g_string_append(line, colour);
		g_string_append(line, cells[i]);
		if (*colour)
			g_string_append(line, "\033[0m");
		for (int w = text_width(cells[i]); !is_last && w < widths[i] + 2; w++)
			g_string_append_c(line, ' ');
	}
	while (line->len && line->str[line->len - 1] == ' ')
		g_string_truncate(line, line->len - 1);
	g_string_append_c(line, '\n');
}

void table_print(const struct table *t, FILE *out, bool with_titles, bool has_colour)
{
	g_autofree int *widths = measure(t, with_titles);
	g_autoptr(GString) text = g_string_new(NULL);

	if (with_titles) {
		g_string_append(text, has_colour ? "\033[1m" : "");
		append_row(text, t, t->titles, widths, false);
		if (has_colour)
			g_string_insert(text, (gssize)text->len - 1, "\033[0m");
	}
	for (guint r = 0; r < t->rows->len; r++)
		append_row(text, t, t->rows->pdata[r], widths, has_colour);
	fwrite(text->str, 1, text->len, out);
}

static void append_csv(GString *out, char **cells, int n)
{
	for (int i = 0; i < n; i++) {
		if (i)
			g_string_append_c(out, ',');
		if (!strpbrk(cells[i], ",\"\r\n")) {
			g_string_append(out, cells[i]);
			continue;
		}
		g_string_append_c(out, '"');
		for (const char *p = cells[i]; *p; p++) {
			if (*p == '"')
				g_string_append_c(out, '"');
			g_string_append_c(out, *p);
		}
		g_string_append_c(out, '"');
	}
	g_string_append(out, "\r\n");
}

void table_print_csv(const struct table *t, FILE *out, bool with_titles)
{
	g_autoptr(GString) text = g_string_new(NULL);

	if (with_titles)
		append_csv(text, t->titles, t->n);
	for (guint r = 0; r < t->rows->len; r++)
		append_csv(text, t->rows->pdata[r], t->n);
	fwrite(text->str, 1, text->len, out);
}
