/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/hooks/scripts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/log.h"
#include "base/pool.h"
#include "base/proc.h"

enum { SAID_MAX = 2000, STOP_STATUS = 2, MAX_SCRIPTS = 256 };

/* --- which ------------------------------------------------------------------------ */

static bool is_trusted(const struct stat *st, uid_t owner)
{
	return (st->st_uid == 0 || st->st_uid == owner || st->st_uid == geteuid()) && !(st->st_mode & S_IWOTH);
}

static void refuse(GPtrArray *refused, const char *path)
{
	if (refused)
		g_ptr_array_add(refused,
		                g_strdup_printf("%s is not used: it must belong to root or to the hooks' user, and not "
		                                "be writable for all",
		                                path));
}

static gint by_name(gconstpointer a, gconstpointer b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static bool is_folder_ok(const char *path, uid_t owner, GPtrArray *refused)
{
	struct stat st;

	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return false;
	if (is_trusted(&st, owner))
		return true;
	refuse(refused, path);
	return false;
}

static bool is_script_ok(const char *path, uid_t owner, GPtrArray *refused)
{
	struct stat st;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		return false;
	if (is_trusted(&st, owner))
		return true;
	refuse(refused, path);
	return false;
}

GPtrArray *scripts_list(const char *dir, const char *point, uid_t owner, GPtrArray *refused, bool *is_bare)
{
	g_autofree char *folder = g_build_filename(dir, point, NULL);
	g_autoptr(GDir) d = g_dir_open(folder, 0, NULL);
	GPtrArray *out;
	const char *name;

	if (!d)
		return NULL;
	*is_bare = true;
	out = g_ptr_array_new_with_free_func(g_free);
	if (!is_folder_ok(dir, owner, refused) || !is_folder_ok(folder, owner, refused))
		return out;
	while ((name = g_dir_read_name(d)) && out->len < MAX_SCRIPTS) {
		g_autofree char *path = g_build_filename(folder, name, NULL);

		*is_bare = false;
		if (name[0] != '.' && g_utf8_validate(name, -1, NULL) && is_script_ok(path, owner, refused))
			g_ptr_array_add(out, g_strdup(name));
	}
	g_ptr_array_sort(out, by_name);
	return out;
}

bool scripts_may_set(const char *name)
{
	static const char *const WORDS[] = { "PATH", "HOME", "SHELL",     "USER",         "LOGNAME", "IFS",
		                             "ENV",  "vmId", "CDPATH",    "HOOK_POINT",   "TMPDIR",  "LANG",
		                             "PS4",  "OPTS", "SHELLOPTS", "VDSM_RUN_DIR", "LOCPATH", "PWD" };
	static const char *const STARTS[] = { "LD_",  "PYTHON", "GLIBC", "MALLOC",  "_hook", "BASH",
		                              "SUDO", "PERL",   "RUBY",  "NODE_",   "LC_",   "DBUS_",
		                              "XDG_", "GIT_",   "SSL_",  "OPENSSL", "GCONV", "NLSPATH" };
	size_t n = strlen(name);

	if (n == 0 || n > 128 || g_ascii_isdigit(name[0]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!g_ascii_isalnum(name[i]) && name[i] != '_')
			return false;
	for (size_t i = 0; i < G_N_ELEMENTS(WORDS); i++)
		if (strcmp(name, WORDS[i]) == 0)
			return false;
	for (size_t i = 0; i < G_N_ELEMENTS(STARTS); i++)
		if (g_str_has_prefix(name, STARTS[i]))
			return false;
	return true;
}

/* --- the file ----------------------------------------------------------------------- */

static int write_all(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t put = write(fd, text, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return -1;
		text += put;
		n -= (size_t)put;
	}
	return 0;
}

/* In a folder where nobody but us can put a link in its place. */
static char *make_file(const struct script_run *r, struct err *e)
{
	g_autofree char *path = g_strdup_printf("%s/%s.XXXXXX", r->tmp_dir, r->point);
	auto_close int fd = -1;

	if (g_mkdir_with_parents(r->tmp_dir, 0755) < 0) {
		err_errno(e, errno, "make %s", r->tmp_dir);
		return NULL;
	}
	fd = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0) {
		err_errno(e, errno, "make %s", path);
		return NULL;
	}
	if (write_all(fd, r->input, strlen(r->input)) < 0 || (r->uid && fchown(fd, r->uid, r->gid) < 0)) {
		err_errno(e, errno, "write %s", path);
		unlink(path);
		return NULL;
	}
	return g_steal_pointer(&path);
}

static char *read_file(const char *path, struct err *e)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	g_autofree char *text = NULL;
	size_t done = 0;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		err_set(e, ERR_BACKEND, "a script took its file away");
		return NULL;
	}
	if (st.st_size > HOOK_DATA_MAX) {
		err_set(e, ERR_TOO_LARGE, "a script left more than %d MiB in its file", HOOK_DATA_MAX >> 20);
		return NULL;
	}
	text = g_malloc((size_t)st.st_size + 1);
	while (done < (size_t)st.st_size) {
		ssize_t got = read(fd, text + done, (size_t)st.st_size - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		done += (size_t)got;
	}
	text[done] = 0;
	if (memchr(text, 0, done) || !g_utf8_validate(text, (gssize)done, NULL)) {
		err_set(e, ERR_SYNTAX, "a script left bytes in its file that are no text");
		return NULL;
	}
	return g_steal_pointer(&text);
}

/* --- running ------------------------------------------------------------------------ */

/* What a script said, for one line of the log. */
static char *words(const char *text)
{
	char *s = g_utf8_make_valid(text, (gssize)MIN(strlen(text), SAID_MAX));

	g_strstrip(s);
	for (char *c = s; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
	return s;
}

static void failed(struct script_run *r, const char *name, const struct proc_result *result, const char *said,
                   const struct err *e)
{
	struct err mine = ERR_INIT;

	r->n_failed++;
	if (result->is_timeout)
		err_set(&mine, ERR_TIMEOUT, "hook %s/%s did not end within %d s and was killed%s%.400s", r->point, name,
		        r->timeout_ms / 1000, *said ? ": " : "", said);
	else if (result->exit_status > 0)
		err_set(&mine, ERR_BACKEND, "hook %s/%s failed%s%.400s", r->point, name, *said ? ": " : "", said);
	else
		err_set(&mine, ERR_BACKEND, "hook %s/%s: %s", r->point, name, e->detail);
	if (result->exit_status > STOP_STATUS)
		log_warn("hook ended with an unusual status", "HOOK", name, "POINT", r->point);
	log_warn("hook failed", "POINT", r->point, "HOOK", name, "ERROR", mine.detail);
	if (r->first.code == ERR_NONE)
		r->first = mine;
}

/* True when the next one may run. */
static bool run_one(struct script_run *r, const char *name, const char *const *env)
{
	g_autofree char *path = g_build_filename(r->dir, r->point, name, NULL), *said = NULL;
	const char *argv[] = { path, NULL };
	const struct proc_spec spec = {
		.argv = argv,
		.cwd = "/",
		.env = env,
		.uid = r->uid,
		.gid = r->gid,
		.timeout_ms = r->timeout_ms,
		.max_output = HOOK_STDERR_MAX,
	};
	struct proc_result result;
	struct err e = ERR_INIT;
	auto_pool p = pool_new();
	const int rc = proc_run(p, &spec, &result, &e);

	r->n_run++;
	said = words(result.err_out);
	if (rc < 0)
		failed(r, name, &result, said, &e);
	else
		log_info("hook", "POINT", r->point, "HOOK", name, "SAID", *said ? said : NULL, "CUT",
		         result.is_truncated ? "yes" : NULL);
	return !(rc < 0 && (result.is_timeout || result.exit_status == STOP_STATUS));
}

static void run_all(struct script_run *r, const char *file)
{
	g_autoptr(GPtrArray) env = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; r->env && i < r->env->len; i++)
		g_ptr_array_add(env, g_strdup(r->env->pdata[i]));
	g_ptr_array_add(env, g_strdup_printf("HOOK_POINT=%s", r->point));
	if (file)
		g_ptr_array_add(env, g_strdup_printf("%s=%s", r->file_var, file));
	g_ptr_array_add(env, NULL);
	for (guint i = 0; i < r->names->len; i++)
		if (!run_one(r, r->names->pdata[i], (const char *const *)env->pdata))
			return;
}

void scripts_run(struct script_run *r)
{
	g_autofree char *file = NULL;
	struct err e = ERR_INIT;

	if (r->file_var && !(file = make_file(r, &r->first)))
		return;
	run_all(r, file);
	if (!file)
		return;
	r->output = read_file(file, &e);
	unlink(file);
	if (!r->output && r->first.code == ERR_NONE)
		err_set(&r->first, e.code, "hook %s: %s", r->point, e.detail);
}
