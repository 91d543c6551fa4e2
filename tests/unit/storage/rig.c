/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/storage/worker.h"
#include "agent/verb.h"
#include "agent/vms/vms.h"
#include "base/fiber.h"
#include "base/log.h"
#include "base/proc.h"

/* What the rest of an agent would be. */
const struct verb HOST_VERBS[] = { { NULL, NULL, 0 } };
const struct verb RENEW_VERBS[] = { { NULL, NULL, 0 } };
const struct verb LOG_VERBS[] = { { NULL, NULL, 0 } };
const struct verb NETWORK_VERBS[] = { { NULL, NULL, 0 } };
const struct verb VM_VERBS[] = { { NULL, NULL, 0 } };
bool vms_are_found(const struct agent *a) { return true; }
void agent_event(struct agent *a, const char *method, json_t *params) { json_decref(params); }

void rig_main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], WORKER_SUBCOMMAND) == 0)
		exit(storage_worker_main(argc, argv));
	log_set_level(getenv("RIG_LOG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
}

void rig_make(struct rig *r)
{
	*r = (struct rig){ 0 };
	r->dir = g_dir_make_tmp("hostler-storage-XXXXXX", NULL);
	assert_non_null(r->dir);
	assert_int_equal(chmod(r->dir, 0755), 0);
	r->data = g_build_filename(r->dir, "data_one", NULL);
	r->root = g_build_filename(r->dir, "rhev", NULL);
	r->run = g_build_filename(r->dir, "run", NULL);
	assert_int_equal(mkdir(r->data, 0755), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(r->data, 36, 36), 0);
}

void rig_start(struct rig *r)
{
	struct err e = ERR_INIT;

	r->agent = (struct agent){ .loop = loop_new(), .chance = chance_new_real() };
	r->agent.opt.storage_root = r->root;
	r->agent.opt.run_dir = r->run;
	if (storage_init(&r->agent, &e) < 0)
		fail_msg("storage_init: %s", e.detail);
}

void rig_stop(struct rig *r)
{
	storage_deinit(&r->agent);
	assert_int_equal(fiber_count(r->agent.loop), 0);
	loop_free(r->agent.loop);
	chance_free(r->agent.chance);
}

char *rig_run(const char *const *argv)
{
	struct pool *p = pool_new();
	struct proc_result result;
	struct err e = ERR_INIT;
	char *out;

	if (proc_run(p, &(struct proc_spec){ .argv = argv }, &result, &e) < 0)
		fail_msg("%s", e.detail);
	out = g_strdup(result.out);
	pool_free(p);
	return out;
}

void rig_remove(struct rig *r)
{
	g_free(rig_run((const char *[]){ "rm", "-rf", r->dir, NULL }));
	g_free(r->dir);
	g_free(r->data);
	g_free(r->root);
	g_free(r->run);
}

/* --- calls --- */

#define CALL_US (120 * G_USEC_PER_SEC) /* by the clock: how often the loop turns tells nothing on a loaded machine */

struct call {
	struct rig *rig;
	struct verb_call call;
	struct err err;
	int code;
	bool is_done;
};

static void call_fiber(void *arg)
{
	struct call *c = arg;

	c->code = verb_run(&c->rig->agent, &c->call, &c->err) < 0 ? verb_error_code(&c->err) : 0;
	c->is_done = true;
}

json_t *rig_try(struct rig *r, const char *verb, json_t *params, int *code)
{
	struct call c = { .rig = r,
		          .call = { .method = verb,
		                    .params = params,
		                    .pool = pool_new(),
		                    .correlation_id = "",
		                    .peer = "",
		                    .local = "" } };

	fiber_start(r->agent.loop, "call", call_fiber, &c);
	for (gint64 end = g_get_monotonic_time() + CALL_US; g_get_monotonic_time() < end && !c.is_done;)
		loop_turn(r->agent.loop, 10);
	assert_true(c.is_done);
	pool_free(c.call.pool);
	json_decref(params);
	*code = c.code;
	if (c.code && getenv("RIG_LOG"))
		print_message("%s: %d %s\n", verb, c.code, c.err.detail);
	return c.call.result;
}

json_t *rig_call(struct rig *r, const char *verb, json_t *params, int expect)
{
	int code;
	json_t *result = rig_try(r, verb, params, &code);

	if (code != expect)
		fail_msg("%s answered %d instead of %d", verb, code, expect);
	return result;
}

void rig_do(struct rig *r, const char *verb, json_t *params, int expect)
{
	json_decref(rig_call(r, verb, params, expect));
}

static int wait_task(struct rig *r, const char *id)
{
	for (int i = 0; i < 6000; i++) {
		json_t *status = rig_call(r, "Task.getStatus", json_pack("{s:s}", "taskID", id), 0);
		bool is_over = strcmp(json_string_value(json_object_get(status, "taskState")), "finished") == 0;
		int code = (int)json_integer_value(json_object_get(status, "code"));

		if (is_over && getenv("RIG_LOG"))
			print_message("task: %s\n", json_dumps(status, 0));
		json_decref(status);
		if (is_over)
			return code;
		loop_turn(r->agent.loop, 10);
	}
	fail_msg("task %s does not end", id);
	return -1;
}

int rig_task(struct rig *r, const char *verb, json_t *params)
{
	int code;
	json_t *id = rig_try(r, verb, params, &code);

	if (code == 0) {
		code = wait_task(r, json_string_value(id));
		for (int i = 0, busy = 403; i < 100 && busy == 403; i++) {
			json_decref(rig_try(r, "Task.clear", json_pack("{s:O}", "taskID", id), &busy));
			loop_turn(r->agent.loop, 1);
		}
	}
	json_decref(id);
	return code;
}

bool rig_wait(struct rig *r, bool (*fn)(struct rig *r), int ms)
{
	int64_t until = loop_now_ms(r->agent.loop) + ms;

	while (!fn || !fn(r)) {
		if (loop_now_ms(r->agent.loop) >= until)
			return false;
		loop_turn(r->agent.loop, 10);
	}
	return true;
}

/* --- usual calls --- */

json_t *rig_connection(const struct rig *r)
{
	return json_pack("{s:s,s:i,s:[{s:s,s:s}]}", "storagepoolID", NIL, "domainType", 4, "connectionParams", "id",
	                 "55555555-aaaa-4000-8000-000000000001", "connection", r->data);
}

static json_t *pool_params(void)
{
	return json_pack("{s:s,s:i,s:s,s:s,s:i}", "storagepoolID", POOL1, "hostID", 1, "scsiKey", "", "masterSdUUID",
	                 SD1, "masterVersion", 1);
}

int rig_up_again(struct rig *r)
{
	json_t *answer = rig_call(r, "StoragePool.connectStorageServer", rig_connection(r), 0);

	assert_int_equal(json_integer_value(json_object_get(json_array_get(answer, 0), "status")), 0);
	json_decref(answer);
	rig_do(r, "StoragePool.connect", pool_params(), 0);
	return rig_task(r, "StoragePool.spmStart",
	                json_pack("{s:s,s:i,s:s,s:s}", "storagepoolID", POOL1, "prevID", -1, "prevLver", "-1",
	                          "enableScsiFencing", "false"));
}

void rig_up(struct rig *r)
{
	json_t *answer = rig_call(r, "StoragePool.connectStorageServer", rig_connection(r), 0);

	assert_int_equal(json_integer_value(json_object_get(json_array_get(answer, 0), "status")), 0);
	json_decref(answer);
	rig_do(r, "StorageDomain.create",
	       json_pack("{s:s,s:s,s:{s:s},s:s,s:s,s:i}", "storagedomainID", SD1, "domainType", "LOCALFS", "typeArgs",
	                 "remotePath", r->data, "name", "local one", "domainClass", "Data", "version", 5),
	       0);
	rig_do(r, "StoragePool.create",
	       json_pack("{s:s,s:s,s:s,s:i,s:[s]}", "storagepoolID", POOL1, "name", "dc", "masterSdUUID", SD1,
	                 "masterVersion", 1, "domainList", SD1),
	       0);
	assert_int_equal(rig_up_again(r), 0);
	rig_do(r, "StorageDomain.activate", json_pack("{s:s,s:s}", "storagedomainID", SD1, "storagepoolID", POOL1), 0);
}

json_t *rig_volume(const char *img, const char *vol)
{
	return json_pack("{s:s,s:s,s:s,s:s}", "storagepoolID", POOL1, "storagedomainID", SD1, "imageID", img,
	                 "volumeID", vol);
}

json_t *rig_creation(const char *img, const char *vol, json_int_t size, const char *format, const char *alloc)
{
	json_t *p = rig_volume(img, vol), *more;
	char text[32];

	g_snprintf(text, sizeof(text), "%lld", (long long)size);
	more = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "size", text, "volFormat", format, "preallocate", alloc,
	                 "diskType", "DATA", "desc", "{\"DiskAlias\":\"d\"}", "srcImgUUID", NIL, "srcVolUUID", NIL);
	json_object_update(p, more);
	json_decref(more);
	return p;
}

char *rig_path(const struct rig *r, const char *fmt, ...)
{
	g_autofree char *below = NULL;
	va_list args;

	va_start(args, fmt);
	below = g_strdup_vprintf(fmt, args);
	va_end(args);
	return g_strdup_printf("%s/%s/%s", r->data, SD1, below);
}

bool rig_exists(const struct rig *r, const char *fmt, ...)
{
	g_autofree char *below = NULL, *path = NULL;
	va_list args;

	va_start(args, fmt);
	below = g_strdup_vprintf(fmt, args);
	va_end(args);
	path = rig_path(r, "%s", below);
	return g_access(path, F_OK) == 0;
}

char *rig_find_garbage(const struct rig *r)
{
	char *out = rig_run((const char *[]){
	    "find", r->data, "-name",        "*.new", "-o",    "-name",     "*.temp", "-o",    "-name",     "*.backup",
	    "-o",   "-name", "_remove_me_*", "-o",    "-name", "_create_*", "-o",     "-name", "__DIRECT*", NULL });

	if (!*out)
		g_clear_pointer(&out, g_free);
	return out;
}
