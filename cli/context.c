/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/context.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"

static char *store_path(void) { return g_build_filename(g_get_user_config_dir(), "hostler", "contexts.json", NULL); }

/* A name becomes a file's name: other characters are written as %XX. */
static char *token_path(const char *name)
{
	GString *file = g_string_new(NULL);
	char *path;

	for (const char *s = name; *s; s++)
		if (g_ascii_isalnum(*s) || strchr("-_@", *s) || (*s == '.' && s > name))
			g_string_append_c(file, *s);
		else
			g_string_append_printf(file, "%%%02X", (unsigned char)*s);
	g_string_append(file, ".token");
	path = g_build_filename(g_get_user_state_dir(), "hostler", file->str, NULL);
	g_string_free(file, TRUE);
	return path;
}

/* The old file stays until the new one is whole. */
static int write_private(const char *path, const char *text, struct err *e)
{
	g_autofree char *dir = g_path_get_dirname(path), *draft = g_strconcat(path, ".new", NULL);
	size_t len = strlen(text);
	int failed = 0;

	if (g_mkdir_with_parents(dir, 0700) < 0)
		return err_errno(e, errno, "make folder %s", dir);
	unlink(draft);
	auto_close int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_errno(e, errno, "write %s", draft);
	if (write(fd, text, len) != (ssize_t)len)
		failed = errno ? errno : ENOSPC;
	else if (fsync(fd) < 0 || rename(draft, path) < 0)
		failed = errno;
	if (!failed)
		return 0;
	unlink(draft);
	return err_errno(e, failed, "write %s", path);
}

json_t *contexts_load(struct err *e)
{
	g_autofree char *path = store_path();
	json_error_t je;
	json_t *store;

	if (!g_file_test(path, G_FILE_TEST_EXISTS))
		return json_pack("{s:{}}", "contexts");
	store = json_load_file(path, 0, &je);
	if (!store || !json_is_object(json_object_get(store, "contexts"))) {
		json_decref(store);
		err_set(e, ERR_BACKEND, "%s cannot be read: %s", path, store ? "no contexts in it" : je.text);
		return NULL;
	}
	return store;
}

static int save_store(const json_t *store, struct err *e)
{
	g_autofree char *path = store_path();
	char *text = json_dumps(store, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	int rc = write_private(path, text, e);

	free(text);
	return rc;
}

static void load_token(struct pool *p, struct context *c)
{
	g_autofree char *path = token_path(c->name);
	auto_json *j = json_load_file(path, 0, NULL);

	c->token = pool_strdup(p, json_string_value(json_object_get(j, "token")));
	c->expires_ms = json_integer_value(json_object_get(j, "expires"));
}

int context_get(struct pool *p, const char *name, struct context *out, struct err *e)
{
	auto_json *store = contexts_load(e);
	const json_t *c;

	*out = (struct context){ 0 };
	if (!store)
		return -1;
	if (!name)
		name = json_string_value(json_object_get(store, "current"));
	if (!name)
		return err_set(e, ERR_AUTH, "You are not logged in. 'hostler login https://MANAGER' does it.");
	c = json_object_get(json_object_get(store, "contexts"), name);
	if (!c)
		return err_set(e, ERR_AUTH, "There is no context '%.60s'. 'hostler context list' shows them.", name);
	out->name = pool_strdup(p, name);
	out->url = pool_strdup(p, json_string_value(json_object_get(c, "url")));
	out->user = pool_strdup(p, json_string_value(json_object_get(c, "user")));
	out->ca = pool_strdup(p, json_string_value(json_object_get(c, "ca")));
	out->is_insecure = json_is_true(json_object_get(c, "insecure"));
	load_token(p, out);
	return 0;
}

int context_save(const struct context *c, struct err *e)
{
	g_autofree char *path = token_path(c->name);
	auto_json *store = contexts_load(e), *token = NULL;
	json_t *all;
	char *text;
	int rc;

	if (!store)
		return -1;
	token = json_pack("{s:s,s:I}", "token", c->token, "expires", (json_int_t)c->expires_ms);
	text = json_dumps(token, JSON_COMPACT);
	rc = write_private(path, text, e);
	free(text);
	if (rc < 0)
		return -1;
	all = json_object_get(store, "contexts");
	json_object_set_new(
	    all, c->name,
	    json_pack("{s:s,s:s,s:s*,s:b}", "url", c->url, "user", c->user, "ca", c->ca, "insecure", c->is_insecure));
	json_object_set_new(store, "current", json_string(c->name));
	return save_store(store, e);
}

int context_use(const char *name, struct err *e)
{
	auto_json *store = contexts_load(e);

	if (!store)
		return -1;
	if (!json_object_get(json_object_get(store, "contexts"), name))
		return err_set(e, ERR_NO_ENTITY, "There is no context '%.60s'.", name);
	json_object_set_new(store, "current", json_string(name));
	return save_store(store, e);
}

int context_forget(const char *name, bool token_only, struct err *e)
{
	g_autofree char *path = token_path(name);
	auto_json *store = NULL;
	const char *current;

	if (unlink(path) < 0 && errno != ENOENT)
		return err_errno(e, errno, "remove %s", path);
	if (token_only)
		return 0;
	store = contexts_load(e);
	if (!store)
		return -1;
	if (json_object_del(json_object_get(store, "contexts"), name) < 0)
		return err_set(e, ERR_NO_ENTITY, "There is no context '%.60s'.", name);
	current = json_string_value(json_object_get(store, "current"));
	if (current && strcmp(current, name) == 0)
		json_object_del(store, "current");
	return save_store(store, e);
}

char *context_name_of(const char *url)
{
	const char *host = strstr(url, "://");

	host = host ? host + 3 : url;
	return g_strndup(host, strcspn(host, "/"));
}
