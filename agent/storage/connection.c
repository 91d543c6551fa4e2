/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections to storage servers. A local directory is "connected" by a link ROOT/mnt/<path with _>
 * that leads to it, so that paths look as those of mounted domains do.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/storage/storage_int.h"
#include "base/log.h"

#define PATH_LIMIT 1024

/* "/data/one_two" is "_data_one__two". */
static char *encode_path(const char *path)
{
	GString *out = g_string_new(NULL);

	for (; *path; path++) {
		if (*path == '_')
			g_string_append(out, "__");
		else
			g_string_append_c(out, *path == '/' ? '_' : *path);
	}
	return g_string_free(out, FALSE);
}

/* Absolute, without "..", doubled or trailing slashes; NULL when it is no such path. */
static char *normal_path(const char *path)
{
	g_auto(GStrv) parts = NULL;
	GString *out;

	if (path[0] != '/' || strlen(path) > PATH_LIMIT)
		return NULL;
	for (const char *p = path; *p; p++)
		if ((unsigned char)*p < 32 || *p == 127)
			return NULL;
	parts = g_strsplit(path, "/", -1);
	out = g_string_new(NULL);
	for (char **p = parts; *p; p++) {
		if (strcmp(*p, "..") == 0 || strlen(*p) > 250) {
			g_string_free(out, TRUE);
			return NULL;
		}
		if (**p && strcmp(*p, ".") != 0)
			g_string_append_printf(out, "/%s", *p);
	}
	if (!out->len) {
		g_string_free(out, TRUE);
		return NULL;
	}
	return g_string_free(out, FALSE);
}

static struct connection *connection_get(struct storage *s, const char *path)
{
	g_autofree char *name = encode_path(path);
	g_autofree char *mount = g_build_filename(s->mnt_dir, name, NULL);
	struct connection *c = g_hash_table_lookup(s->connections, mount);

	if (c)
		return c;
	c = g_new0(struct connection, 1);
	c->path = g_strdup(path);
	c->mount = g_steal_pointer(&mount);
	c->ids = json_object();
	g_hash_table_insert(s->connections, c->mount, c);
	return c;
}

struct connection *connection_find(struct storage *s, const char *path)
{
	g_autofree char *normal = normal_path(path);
	struct connection *c = normal ? connection_get(s, normal) : NULL;

	return c && c->is_connected ? c : NULL;
}

void connections_restore(struct storage *s)
{
	GDir *dir = g_dir_open(s->mnt_dir, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *link = g_build_filename(s->mnt_dir, name, NULL);
		g_autofree char *target = g_file_read_link(link, NULL);
		g_autofree char *path = target ? normal_path(target) : NULL;
		struct connection *c = path ? connection_get(s, path) : NULL;

		if (c && strcmp(c->mount, link) == 0)
			c->is_connected = true;
	}
	if (dir)
		g_dir_close(dir);
}

/* --- connect --- */

static json_t *ask_once(struct storage *s, const char *op, json_t *args, struct err *e)
{
	struct client *w = client_new(s->workers, -1);
	json_t *result;

	storage_fiber_begin(s);
	result = client_call(w, op, args, STORAGE_CALL_MS, NULL, e);
	client_free(w);
	storage_fiber_end(s);
	if (!result)
		storage_settle_error(e);
	return result;
}

static int make_link(struct connection *c, struct err *e)
{
	struct stat st;

	if (lstat(c->mount, &st) == 0 && !S_ISLNK(st.st_mode))
		return err_agent(e, SC_CONNECT, "Storage server connection: %s is in the way", c->mount);
	unlink(c->mount);
	if (symlink(c->path, c->mount) < 0)
		return err_agent(e, SC_CONNECT, "Storage server connection: link %s: %s", c->mount, g_strerror(errno));
	return 0;
}

/* What an interrupted creation or format of a domain left. Not worth failing for. */
static void collect(struct storage *s, struct connection *c)
{
	struct err e = ERR_INIT;
	json_t *result;

	if (slock_take(s, c->mount, true, &e) < 0)
		return;
	result = ask_once(s, "mount.collect", json_pack("{s:s}", "mount", c->mount), &e);
	slock_release(s, c->mount, true);
	if (!result)
		log_warn("left-overs of domains could not be collected", "PATH", c->path, "ERROR", e.detail);
	json_decref(result);
}

static int connect_local(struct storage *s, const char *text, const char *id, struct err *e)
{
	g_autofree char *path = normal_path(text);
	struct connection *c;
	json_t *ok;

	if (!path)
		return err_agent(e, SC_SD_REMOTE_PATH, "Illegal path %.200s: it must be absolute, without \"..\"",
		                 text);
	ok = ask_once(s, "mount.check", json_pack("{s:s}", "mount", path), e);
	if (!ok)
		return -1;
	json_decref(ok);
	c = connection_get(s, path);
	if (!c->is_connected && make_link(c, e) < 0)
		return -1;
	c->is_connected = true;
	json_object_set_new(c->ids, id, json_true());
	collect(s, c);
	return 0;
}

static int disconnect_local(struct storage *s, const char *text, const char *id, struct err *e)
{
	g_autofree char *path = normal_path(text);
	struct connection *c = path ? connection_get(s, path) : NULL;

	if (!c || !c->is_connected)
		return 0;
	json_object_del(c->ids, id);
	if (json_object_size(c->ids))
		return 0; /* another connection uses the same directory */
	c->is_connected = false;
	sdomains_forget_mount(s, c->mount);
	if (unlink(c->mount) < 0 && errno != ENOENT)
		return err_agent(e, 452, "Storage server disconnection: %s: %s", c->mount, g_strerror(errno));
	return 0;
}

/* --- verbs --- */

/* The type comes as a number, the text of one, or a name. */
static int read_type(struct verb_call *c, struct err *e)
{
	const char *type;

	if (verb_string(c, "domainType", &type, e) < 0)
		return -1;
	if (strcmp(type, "4") != 0 && g_ascii_strcasecmp(type, "LOCALFS") != 0)
		return err_agent(e, SC_STORAGE_TYPE, "Storage type %.32s is not supported by this agent yet", type);
	return 0;
}

static int each_connection(struct agent *a, struct verb_call *c,
                           int (*fn)(struct storage *, const char *path, const char *id, struct err *), struct err *e)
{
	json_t *list, *one, *answers = json_array();
	size_t i;

	if (read_type(c, e) < 0 || verb_array(c, "connectionParams", &list, e) < 0) {
		json_decref(answers);
		return -1;
	}
	json_array_foreach (list, i, one) {
		const char *id = json_string_value(json_object_get(one, "id"));
		const char *path = json_string_value(json_object_get(one, "connection"));
		struct err failure = ERR_INIT;
		int code = 0;

		if (!path)
			path = json_string_value(json_object_get(one, "path"));
		if (!id || !uuid_is_valid(id))
			id = UUID_NIL;
		if (!path)
			err_agent(&failure, SC_CONNECT, "Storage server connection without a path");
		if (!path || fn(storage_of(a), path, id, &failure) < 0) {
			code = verb_error_code(&failure);
			log_warn("storage connection failed", "VERB", c->method, "PATH", path, "ERROR", failure.detail,
			         "CORRELATION", c->correlation_id);
		}
		json_array_append_new(answers, json_pack("{s:s,s:i}", "id", id, "status", code));
	}
	c->result = answers;
	return 0;
}

int sverb_connect_server(struct agent *a, struct verb_call *c, struct err *e)
{
	return each_connection(a, c, connect_local, e);
}

int sverb_disconnect_server(struct agent *a, struct verb_call *c, struct err *e)
{
	return each_connection(a, c, disconnect_local, e);
}
