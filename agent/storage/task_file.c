/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/storage/task_file.h"

#include <glib.h>
#include <string.h>

#include "agent/storage/storage_codes.h"

#define MAX_KEYS 64

static int compare_keys(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void append_value(GString *out, const char *s)
{
	for (; s && *s; s++) {
		if (*s == '=')
			g_string_append(out, "_eq_");
		else
			g_string_append_c(out, *s == '\n' || *s == '\r' ? ' ' : *s);
	}
}

char *task_file_format(const json_t *values)
{
	g_autoptr(GPtrArray) keys = g_ptr_array_new();
	GString *out = g_string_new(NULL);
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)values, key, value)
		g_ptr_array_add(keys, (void *)key);
	g_ptr_array_sort(keys, compare_keys);
	for (guint i = 0; i < keys->len; i++) {
		g_string_append_printf(out, "%s=", (const char *)keys->pdata[i]);
		append_value(out, json_string_value(json_object_get(values, keys->pdata[i])));
		g_string_append_c(out, '\n');
	}
	return g_string_free(out, FALSE);
}

static char *decode_value(const char *s)
{
	g_auto(GStrv) parts = g_strsplit(s, "_eq_", -1);

	return g_strjoinv("=", parts);
}

static int parse_line(json_t *values, char *line, struct err *e)
{
	char *eq = strchr(line, '=');
	g_autofree char *value = NULL;

	if (!*line)
		return 0;
	if (!eq || eq == line || json_object_size(values) >= MAX_KEYS)
		return err_agent(e, SC_TASK_LOAD, "Task metadata cannot be read: a line is not key=value");
	*eq = 0;
	value = decode_value(eq + 1);
	if (!g_utf8_validate(line, -1, NULL) || !g_utf8_validate(value, -1, NULL))
		return err_agent(e, SC_TASK_LOAD, "Task metadata cannot be read: no UTF-8");
	json_object_set_new(values, g_strstrip(line), json_string(g_strstrip(value)));
	return 0;
}

json_t *task_file_parse(const char *text, size_t len, struct err *e)
{
	json_t *values;
	g_auto(GStrv) lines = NULL;
	g_autofree char *copy = NULL;

	if (len > TASK_FILE_MAX || memchr(text, 0, len)) {
		err_agent(e, SC_TASK_LOAD, "Task metadata cannot be read: too long, or not text");
		return NULL;
	}
	copy = g_strndup(text, len);
	lines = g_strsplit(copy, "\n", -1);
	values = json_object();
	for (char **l = lines; *l; l++)
		if (parse_line(values, *l, e) < 0) {
			json_decref(values);
			return NULL;
		}
	return values;
}
