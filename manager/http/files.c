/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/http/files.h"

#include <string.h>
#include <sys/stat.h>

enum { MAX_BYTES = 64 << 20, MAX_DEPTH = 4 };

struct file {
	char *data, *etag;
	size_t len;
	const char *type;
	bool is_named_by_content; /* its name changes when it does */
};

struct http_files {
	GHashTable *by_path;
	size_t bytes;
};

static const char *type_of(const char *name)
{
	static const struct {
		const char *suffix, *type;
	} TYPES[] = { { ".html", "text/html; charset=utf-8" },
		      { ".js", "text/javascript; charset=utf-8" },
		      { ".css", "text/css; charset=utf-8" },
		      { ".json", "application/json" },
		      { ".svg", "image/svg+xml" },
		      { ".png", "image/png" },
		      { ".ico", "image/x-icon" },
		      { ".woff2", "font/woff2" },
		      { ".wasm", "application/wasm" },
		      { ".txt", "text/plain; charset=utf-8" } };

	for (size_t i = 0; i < G_N_ELEMENTS(TYPES); i++)
		if (g_str_has_suffix(name, TYPES[i].suffix))
			return TYPES[i].type;
	return NULL;
}

static void file_free(void *p)
{
	struct file *f = p;

	g_free(f->data);
	g_free(f->etag);
	g_free(f);
}

static int read_file(struct http_files *fs, const char *path, const char *rel, struct err *e)
{
	g_autoptr(GError) error = NULL;
	struct file *f;
	g_autofree char *sum = NULL, *data = NULL;
	gsize len = 0;

	if (!g_file_get_contents(path, &data, &len, &error))
		return err_set(e, ERR_BACKEND, "%s", error->message);
	fs->bytes += len;
	if (fs->bytes > MAX_BYTES)
		return err_set(e, ERR_TOO_LARGE, "the files below are more than %d MiB", MAX_BYTES >> 20);
	sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (guchar *)data, len);
	f = g_new0(struct file, 1);
	f->data = g_steal_pointer(&data);
	f->len = len;
	f->type = type_of(path);
	f->etag = g_strdup_printf("\"%.32s\"", sum);
	f->is_named_by_content = g_str_has_prefix(rel, "assets/");
	g_hash_table_insert(fs->by_path, g_strdup(rel), f);
	return 0;
}

static int read_folder(struct http_files *fs, const char *dir, const char *rel, int depth, struct err *e)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GDir) d = g_dir_open(dir, 0, &error);
	const char *name;

	if (!d)
		return err_set(e, ERR_BACKEND, "%s", error->message);
	while ((name = g_dir_read_name(d))) {
		g_autofree char *path = g_build_filename(dir, name, NULL);
		g_autofree char *below = *rel ? g_strdup_printf("%s/%s", rel, name) : g_strdup(name);
		struct stat st;

		if (lstat(path, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < MAX_DEPTH) {
			if (read_folder(fs, path, below, depth + 1, e) < 0)
				return -1;
		} else if (S_ISREG(st.st_mode) && type_of(name) && read_file(fs, path, below, e) < 0) {
			return -1;
		}
	}
	return 0;
}

struct http_files *http_files_read(const char *dir, struct err *e)
{
	struct http_files *fs = g_new0(struct http_files, 1);

	fs->by_path = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, file_free);
	if (read_folder(fs, dir, "", 0, e) == 0)
		return fs;
	http_files_free(fs);
	return NULL;
}

void http_files_free(struct http_files *f)
{
	if (!f)
		return;
	g_hash_table_destroy(f->by_path);
	g_free(f);
}

static void set_headers(struct http_exchange *x, const struct file *f)
{
	http_set_header(x, "ETag", f->etag);
	http_set_header(x, "Cache-Control",
	                f->is_named_by_content ? "public, max-age=31536000, immutable" : "no-cache");
	http_set_header(x, "Referrer-Policy", "same-origin");
	http_set_header(x, "Content-Security-Policy",
	                "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; object-src 'none'; "
	                "base-uri 'none'; "
	                "form-action 'self'; frame-ancestors 'none'");
}

void http_files_reply(const struct http_files *fs, struct http_exchange *x, const char *path)
{
	const struct file *f = g_hash_table_lookup(fs->by_path, path);
	const char *have = http_header(x, "If-None-Match"), *method = http_method(x);

	if (!f) {
		http_reply(x, 404, "text/plain", g_string_new("There is no such page.\n"));
	} else if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		http_set_header(x, "Allow", "GET, HEAD");
		http_reply(x, 405, NULL, NULL);
	} else {
		set_headers(x, f);
		if (have && strstr(have, f->etag))
			http_reply(x, 304, NULL, NULL);
		else
			http_reply_static(x, 200, f->type, f->data, f->len);
	}
}
