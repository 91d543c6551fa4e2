/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Worker: tasks of the SPM, which outlive the agent.
 *
 * A task is written to master/tasks before its id is told to anybody, again before it changes the
 * first thing (with what undoes it), and at its end. Each time the whole directory is written beside
 * the old one: ID.temp; the old one becomes ID.backup, the new one takes its place. When the agent
 * comes back it lists the tasks and has the unfinished ones undone, or done again where that is how
 * the operation is made.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "agent/storage/fs.h"
#include "agent/storage/storage_codes.h"
#include "agent/storage/task_file.h"
#include "agent/storage/worker.h"
#include "base/auto.h"
#include "base/log.h"

#define MAX_TASKS 1000
#define MAX_UNDOS 8

struct worker_task {
	struct wdom d; /* of the master */
	int dir;       /* master/tasks */
	const char *id, *verb, *op, *state, *message;
	json_t *args;   /* of the operation; owned */
	json_t *result; /* text of a JSON document, or NULL; owned */
	json_t *undos[MAX_UNDOS];
	size_t n_undos;
	int code;
};

static void task_close(struct worker_task *t)
{
	wdom_close(&t->d);
	auto_close_fd(&t->dir);
	json_decref(t->args);
	json_decref(t->result);
	for (size_t i = 0; i < t->n_undos; i++)
		json_decref(t->undos[i]);
}
#define auto_task __attribute__((cleanup(task_close))) struct worker_task
#define TASK_INIT                                                                                                      \
	{                                                                                                              \
		.d = WDOM_INIT, .dir = -1, .state = "queued", .message = "", .verb = "", .op = ""                      \
	}

static int open_tasks(struct worker_task *t, const json_t *args, struct err *e)
{
	auto_close int master = -1;

	if (wdom_open(&t->d, json_object_get(args, "master"), e) < 0)
		return -1;
	master = fs_make_dir(t->d.dir, "master", SC_TASK_SAVE, e);
	t->dir = master < 0 ? -1 : fs_make_dir(master, "tasks", SC_TASK_SAVE, e);
	return t->dir < 0 ? -1 : 0;
}

static int task_open(struct worker_task *t, const json_t *args, struct err *e)
{
	t->id = warg_uuid(args, "id", e);
	return t->id ? open_tasks(t, args, e) : -1;
}

/* A kill between the two renames leaves .temp and .backup: the latter is the valid copy. arg: the only
 * task to look at, or NULL. */
static int tidy_entry(int dir, const char *name, void *arg, struct err *e)
{
	g_autofree char *id = g_strndup(name, UUID_LEN);
	const char *only = arg;
	const char *suffix = strlen(name) > UUID_LEN ? name + UUID_LEN : "";

	if (!uuid_is_valid(id) || (only && strcmp(only, id) != 0))
		return 0;
	if (strcmp(suffix, ".temp") == 0)
		return fs_remove_tree(dir, name, SC_TASK_LOAD, e);
	if (strcmp(suffix, ".backup") != 0)
		return 0;
	if (!fs_exists(dir, id))
		return fs_rename(dir, name, id, SC_TASK_LOAD, e);
	return fs_remove_tree(dir, name, SC_TASK_LOAD, e);
}

/* --- writing --- */

static int write_part(int dir, const char *name, json_t *values, struct err *e)
{
	g_autofree char *text = task_file_format(values);
	int rc = fs_create(dir, name, 0, SC_TASK_SAVE, e);
	auto_close int fd = rc < 0 ? -1 : openat(dir, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t len = (ssize_t)strlen(text);

	json_decref(values);
	if (fd < 0 || write(fd, text, (size_t)len) != len || fsync(fd) < 0)
		return rc < 0 ? -1 : fs_error(e, errno, SC_TASK_SAVE, "Save task metadata");
	return 0;
}

static json_t *task_values(const struct worker_task *t)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "id", t->id, "name", t->verb, "tag",
	                 "spm", "store", "master/tasks", "recoveryPolicy", "auto", "persistPolicy", "auto",
	                 "cleanPolicy", "manual", "priority", "low", "state", t->state, "njobs", "1", "nrecoveries",
	                 t->n_undos ? "1" : "0", "metadataVersion", "1");
}

static json_t *result_values(const struct worker_task *t)
{
	g_autofree char *code = g_strdup_printf("%d", t->code);
	g_autofree char *result = t->result ? json_dumps(t->result, JSON_COMPACT) : NULL;

	return json_pack("{s:s,s:s,s:s}", "code", code, "message", t->message, "result", result ? result : "");
}

static json_t *job_values(const struct worker_task *t)
{
	g_autofree char *params = json_dumps(t->args, JSON_COMPACT | JSON_ENSURE_ASCII);

	return json_pack("{s:s,s:s,s:s,s:s}", "id", "0", "name", t->op, "params", params, "state", t->state);
}

static int write_parts(struct worker_ctx *w, const struct worker_task *t, int dir, struct err *e)
{
	const char *scope = warg_str_or(t->args, "sd", t->d.sd);

	if (write_part(dir, wvol_file(w, t->id, ".task"), task_values(t), e) < 0 ||
	    write_part(dir, wvol_file(w, t->id, ".job.0"), job_values(t), e) < 0 ||
	    write_part(dir, wvol_file(w, t->id, ".result"), result_values(t), e) < 0)
		return -1;
	for (size_t i = 0; i < t->n_undos; i++)
		if (write_part(dir, pool_printf(w->pool, "%s.recover.%zu", t->id, i), json_incref(t->undos[i]), e) < 0)
			return -1;
	return write_part(dir, wvol_file(w, t->id, ".resource"),
	                  json_pack("{s:s,s:s,s:s}", "namespace", "00_storage", "name", scope, "lockType", "shared"),
	                  e);
}

static int replace_task(struct worker_ctx *w, const struct worker_task *t, const char *temp, struct err *e)
{
	const char *backup = wvol_file(w, t->id, ".backup");
	auto_close int dir = -1;
	int rc;

	if (fs_remove_tree(t->dir, temp, SC_TASK_SAVE, e) < 0 || fs_remove_tree(t->dir, backup, SC_TASK_SAVE, e) < 0)
		return -1;
	dir = fs_make_dir(t->dir, temp, SC_TASK_SAVE, e);
	if (dir < 0 || write_parts(w, t, dir, e) < 0 || fs_sync_dir(dir, SC_TASK_SAVE, e) < 0)
		return -1;
	rc = fs_exists(t->dir, t->id) ? fs_rename(t->dir, t->id, backup, SC_TASK_SAVE, e) : 0;
	if (rc < 0 || fs_rename(t->dir, temp, t->id, SC_TASK_SAVE, e) < 0 || fs_sync_dir(t->dir, SC_TASK_SAVE, e) < 0)
		return -1;
	return fs_remove_tree(t->dir, backup, SC_TASK_SAVE, e);
}

/* Failing leaves the task as it was written before. */
static int task_save(struct worker_ctx *w, const struct worker_task *t, struct err *e)
{
	const char *temp = wvol_file(w, t->id, ".temp");
	struct err ignored = ERR_INIT;

	if (replace_task(w, t, temp, e) == 0)
		return 0;
	fs_remove_tree(t->dir, temp, SC_TASK_SAVE, &ignored);
	fs_each(t->dir, tidy_entry, (void *)t->id, &ignored);
	return -1;
}

int worker_task_push_undo(struct worker_ctx *w, const char *function, const char *params, struct err *e)
{
	struct worker_task *t = w->task;

	if (!t)
		return 0;
	if (t->n_undos >= MAX_UNDOS)
		return err_agent(e, SC_TASK_SAVE, "Task has too many recoveries");
	t->undos[t->n_undos++] = json_pack("{s:s,s:s,s:s,s:s,s:s}", "name", function, "moduleName", "storage", "object",
	                                   t->op, "function", function, "params", params);
	return task_save(w, t, e);
}

/* --- reading --- */

static json_t *read_part(struct worker_ctx *w, const struct worker_task *t, int dir, const char *suffix, struct err *e)
{
	size_t len = 0;
	g_autofree char *text = fs_read(dir, wvol_file(w, t->id, suffix), TASK_FILE_MAX, &len);

	if (!text) {
		fs_error(e, errno, SC_TASK_LOAD, "Load task %s%s", t->id, suffix);
		return NULL;
	}
	return task_file_parse(text, len, e);
}

static const char *value_of(struct worker_ctx *w, const json_t *values, const char *key)
{
	return pool_strdup(w->pool, warg_str_or(values, key, ""));
}

static int task_load(struct worker_ctx *w, struct worker_task *t, struct err *e)
{
	auto_close int dir = fs_open_dir(t->dir, t->id);
	auto_json *task = NULL, *job = NULL, *result = NULL;
	const char *text;

	if (dir < 0)
		return fs_error(e, errno, errno == ENOENT ? SC_TASK_UNKNOWN : SC_TASK_LOAD, "Unknown task: %s", t->id);
	task = read_part(w, t, dir, ".task", e);
	job = task ? read_part(w, t, dir, ".job.0", e) : NULL;
	result = job ? read_part(w, t, dir, ".result", e) : NULL;
	if (!result)
		return -1;
	t->verb = value_of(w, task, "name");
	t->state = value_of(w, task, "state");
	t->op = value_of(w, job, "name");
	t->code = atoi(warg_str_or(result, "code", "0"));
	t->message = value_of(w, result, "message");
	t->args = json_loads(warg_str_or(job, "params", ""), JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(t->args))
		return err_agent(e, SC_TASK_LOAD, "Task %s has arguments that cannot be read", t->id);
	text = warg_str_or(result, "result", "");
	t->result = *text ? json_loads(text, 0, NULL) : NULL;
	/* What undoes it was written before anything was changed. */
	if (strcmp(warg_str_or(task, "nrecoveries", "0"), "0") != 0)
		t->undos[t->n_undos++] = json_object();
	return 0;
}

static bool is_finished(const struct worker_task *t)
{
	return strcmp(t->state, "finished") == 0 || strcmp(t->state, "recovered") == 0 ||
	       strcmp(t->state, "failed") == 0;
}

static json_t *describe(const struct worker_task *t)
{
	return json_pack("{s:s,s:s,s:s,s:i,s:s,s:O?,s:s,s:O?}", "id", t->id, "verb", t->verb, "state", t->state, "code",
	                 t->code, "message", t->message, "result", t->result, "op", t->op, "args", t->args);
}

/* --- running --- */

static void task_end(struct worker_task *t, json_t *result, const struct err *e, bool is_left)
{
	t->result = result;
	t->code = result ? 0 : e->code == ERR_AGENT ? e->agent_code : SC_GENERAL;
	t->message = result ? "1 jobs completed successfully" : e->detail;
	t->state = result ? "finished" : is_left ? "failed" : "recovered";
}

static int read_task(struct worker_task *t, const json_t *args, struct err *e)
{
	if (task_open(t, args, e) < 0)
		return -1;
	t->verb = warg_str_or(args, "verb", "");
	t->op = warg_str(args, "op", e);
	t->args = json_incref(json_object_get(args, "args"));
	return t->op ? 0 : -1;
}

static json_t *task_prepare(struct worker_ctx *w, const json_t *args, struct err *e)
{
	auto_task t = TASK_INIT;

	if (read_task(&t, args, e) < 0 || task_save(w, &t, e) < 0)
		return NULL;
	return describe(&t);
}

static json_t *task_run(struct worker_ctx *w, const json_t *args, struct err *e)
{
	auto_task t = TASK_INIT;
	const struct worker_op *op;
	struct err failure = ERR_INIT, save = ERR_INIT;
	json_t *result;

	if (read_task(&t, args, e) < 0)
		return NULL;
	op = worker_find_op(t.op);
	if (!op) {
		err_agent(e, SC_UNEXPECTED, "Unexpected error: no operation %s", t.op);
		return NULL;
	}
	t.state = "running";
	w->task = &t;
	result = op->fn(w, t.args, &failure);
	task_end(&t, result, &failure, w->is_undo_failed);
	w->task = NULL;
	/* Not being able to write down the end is no failure of what was done; recovery will look again. */
	if (task_save(w, &t, &save) < 0)
		log_warn("end of task could not be saved", "TASK", t.id, "ERROR", save.detail);
	return describe(&t);
}

static void recover(struct worker_ctx *w, struct worker_task *t)
{
	const struct worker_op *op = worker_find_op(t->op);
	struct err e = ERR_INIT, aborted = ERR_INIT;
	json_t *result = NULL;
	bool is_undone = false;

	err_agent(&aborted, SC_TASK_ABORTED, "Task aborted: the agent or its worker stopped while it ran");
	if (!op || !(g_str_has_prefix(t->op, "volume.") || g_str_has_prefix(t->op, "image."))) {
		err_agent(&aborted, SC_TASK_LOAD, "Task is not one of ours: it was left as it is");
	} else if (!t->n_undos) {
		is_undone = true; /* nothing had been changed yet */
	} else {
		w->is_retry = true;
		result = op->undo ? op->undo(w, t->args, &e) : op->fn(w, t->args, &e);
		is_undone = result && op->undo && !warg_bool(result, "complete");
		if (!result)
			aborted = e;
		if (is_undone)
			g_clear_pointer(&result, json_decref);
		/* A repeated operation that refuses leaves what it found. */
		is_undone = is_undone || (!result && !op->undo);
	}
	task_end(t, result, &aborted, !is_undone);
	t->message = pool_strdup(w->pool, t->message);
}

static json_t *task_recover(struct worker_ctx *w, const json_t *args, struct err *e)
{
	auto_task t = TASK_INIT;

	if (task_open(&t, args, e) < 0 || fs_each(t.dir, tidy_entry, (void *)t.id, e) < 0 || task_load(w, &t, e) < 0)
		return NULL;
	if (is_finished(&t))
		return describe(&t);
	g_clear_pointer(&t.result, json_decref);
	recover(w, &t);
	if (task_save(w, &t, e) < 0)
		return NULL;
	return describe(&t);
}

/* --- the list --- */

static int add_id(int dir, const char *name, void *arg, struct err *e)
{
	if (uuid_is_valid(name) && json_array_size(arg) < MAX_TASKS)
		json_array_append_new(arg, json_string(name));
	return 0;
}

static json_t *task_list(struct worker_ctx *w, const json_t *args, struct err *e)
{
	auto_task all = TASK_INIT;
	auto_json *ids = json_array();
	json_t *tasks, *id;
	size_t i;

	if (open_tasks(&all, args, e) < 0 || fs_each(all.dir, tidy_entry, NULL, e) < 0 ||
	    fs_each(all.dir, add_id, ids, e) < 0)
		return NULL;
	tasks = json_array();
	json_array_foreach (ids, i, id) {
		auto_task t = TASK_INIT;
		struct err broken = ERR_INIT;

		t.id = json_string_value(id);
		t.dir = fcntl(all.dir, F_DUPFD_CLOEXEC, 0);
		if (task_load(w, &t, &broken) == 0)
			json_array_append_new(tasks, describe(&t));
		else
			log_warn("task cannot be read", "TASK", t.id, "ERROR", broken.detail);
	}
	return json_pack("{s:o}", "tasks", tasks);
}

static json_t *task_clear(struct worker_ctx *w, const json_t *args, struct err *e)
{
	auto_task t = TASK_INIT;

	if (task_open(&t, args, e) < 0 || fs_remove_tree(t.dir, wvol_file(w, t.id, ".backup"), SC_TASK_CLEAR, e) < 0 ||
	    fs_remove_tree(t.dir, wvol_file(w, t.id, ".temp"), SC_TASK_CLEAR, e) < 0)
		return NULL;
	/* First out of the way, so that half a task is never seen. */
	if (fs_exists(t.dir, t.id) && fs_rename(t.dir, t.id, wvol_file(w, t.id, ".temp"), SC_TASK_CLEAR, e) < 0)
		return NULL;
	if (fs_remove_tree(t.dir, wvol_file(w, t.id, ".temp"), SC_TASK_CLEAR, e) < 0)
		return NULL;
	return json_object();
}

const struct worker_op WORKER_TASK_OPS[] = {
	{ "task.prepare", task_prepare, NULL }, { "task.run", task_run, NULL },
	{ "task.recover", task_recover, NULL }, { "task.list", task_list, NULL },
	{ "task.clear", task_clear, NULL },     { NULL, NULL, NULL },
};
