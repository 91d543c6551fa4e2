/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every operation that changes a domain, killed before each of its steps: once the worker alone, once
 * the agent with it; and with each step failing for want of space and with an I/O error. Afterwards
 * the domain is as before or as after, nothing is left over, no task hangs, and the operation can be
 * done (again).
 */
#include "rig.h"

#include <errno.h>
#include <glib.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/storage/storage_int.h"

enum state { OLD, NEW };
/* TURNS: one of the others for each step. */
enum how { KILL_WORKER, KILL_AGENT, NO_SPACE, IO_ERROR, TURNS, N_HOW };
static const char *const HOW[] = { "worker killed", "agent killed", "no space", "I/O error", "in turns" };

struct story {
	const char *name;
	void (*prepare)(struct rig *r);
	int (*act)(struct rig *r); /* code */
	enum state (*look)(struct rig *r);
	void (*reset)(struct rig *r); /* from NEW to OLD */
};

static json_int_t int_of(const json_t *o, const char *key) { return json_integer_value(json_object_get(o, key)); }
static const char *text_of(const json_t *o, const char *key) { return json_string_value(json_object_get(o, key)); }

static json_t *sd_params(void) { return json_pack("{s:s,s:s}", "storagedomainID", SD1, "storagepoolID", POOL1); }

static json_t *info_of(struct rig *r, const char *img, const char *vol)
{
	int code;
	json_t *info = rig_try(r, "Volume.getInfo", rig_volume(img, vol), &code);

	if (code != 0 && code != 201 && code != 268)
		fail_msg("volume is neither there nor not: %d", code);
	return info;
}

static int delete_image(struct rig *r, const char *img, bool post_zero)
{
	return rig_task(r, "Image.delete",
	                json_pack("{s:s,s:s,s:s,s:b,s:b}", "storagepoolID", POOL1, "storagedomainID", SD1, "imageID",
	                          img, "postZero", (int)post_zero, "force", 0));
}

static json_t *over(const char *img, const char *vol, const char *src_img, const char *src_vol)
{
	json_t *p = rig_creation(img, vol, 4 * MIB, "COW", "SPARSE");

	json_object_set_new(p, "srcImgUUID", json_string(src_img));
	json_object_set_new(p, "srcVolUUID", json_string(src_vol));
	return p;
}

static void must(int code)
{
	if (code)
		fail_msg("code %d", code);
}

/* A volume that tells of itself must be whole. */
static enum state look_volume(struct rig *r, const char *img, const char *vol, bool is_cow)
{
	json_t *info = info_of(r, img, vol);
	g_autofree char *path = rig_path(r, "images/%s/%s", img, vol);

	if (!info) {
		if (rig_exists(r, "images/%s/%s", img, vol) || rig_exists(r, "images/%s/%s.lease", img, vol))
			fail_msg("files of a volume that does not exist");
		return OLD;
	}
	assert_string_equal(text_of(info, "status"), "OK");
	assert_int_equal(int_of(info, "capacity"), 4 * MIB);
	assert_true(rig_exists(r, "images/%s/%s.lease", img, vol));
	if (is_cow)
		g_free(rig_run((const char *[]){ "qemu-img", "check", "-q", "-f", "qcow2", path, NULL }));
	json_decref(info);
	return NEW;
}

/* --- stories --- */

static void nothing(struct rig *r) {}

static int create_raw(struct rig *r)
{
	return rig_task(r, "Volume.create", rig_creation(IMG1, VOL1, 4 * MIB, "RAW", "PREALLOCATED"));
}

static enum state look_raw(struct rig *r)
{
	enum state s = look_volume(r, IMG1, VOL1, false);

	if (s == OLD)
		assert_false(rig_exists(r, "images/%s", IMG1));
	return s;
}

static void reset_first(struct rig *r) { must(delete_image(r, IMG1, false)); }

static void make_template(struct rig *r)
{
	static const char JOB[] = "66666666-aaaa-4000-8000-000000000001";
	json_t *info;

	must(rig_task(r, "Volume.create", rig_creation(IMG1, VOL1, 4 * MIB, "COW", "SPARSE")));
	rig_do(r, "SDM.update_volume",
	       json_pack("{s:s,s:{s:s,s:s,s:s},s:{s:s}}", "job_id", JOB, "vol_info", "sd_id", SD1, "img_id", IMG1,
	                 "vol_id", VOL1, "vol_attr", "type", "SHARED"),
	       0);
	for (bool is_done = false; !is_done; loop_turn(r->agent.loop, 10)) {
		info = rig_call(r, "Volume.getInfo", rig_volume(IMG1, VOL1), 0);
		is_done = strcmp(text_of(info, "voltype"), "SHARED") == 0;
		json_decref(info);
	}
}

static int create_from_template(struct rig *r) { return rig_task(r, "Volume.create", over(IMG2, VOL2, IMG1, VOL1)); }

static enum state look_from_template(struct rig *r)
{
	enum state s = look_volume(r, IMG2, VOL2, true);

	assert_int_equal(look_volume(r, IMG1, VOL1, true), NEW);
	if (s == OLD)
		assert_false(rig_exists(r, "images/%s", IMG2));
	else
		assert_int_equal(look_volume(r, IMG2, VOL1, true), NEW);
	return s;
}

static void reset_second(struct rig *r) { must(delete_image(r, IMG2, false)); }

static void make_base(struct rig *r) { must(create_raw(r)); }

static int create_snapshot(struct rig *r) { return rig_task(r, "Volume.create", over(IMG1, VOL2, IMG1, VOL1)); }

static enum state look_snapshot(struct rig *r)
{
	enum state s = look_volume(r, IMG1, VOL2, true);
	json_t *base = info_of(r, IMG1, VOL1);

	assert_non_null(base);
	assert_string_equal(text_of(base, "voltype"), s == NEW ? "INTERNAL" : "LEAF");
	json_decref(base);
	return s;
}

static int delete_snapshot(struct rig *r) { return rig_task(r, "Volume.delete", rig_volume(IMG1, VOL2)); }
static void reset_snapshot(struct rig *r) { must(delete_snapshot(r)); }

static void make_snapshot(struct rig *r)
{
	make_base(r);
	must(create_snapshot(r));
}

/* While it is marked as illegal it is still there, to be deleted again. */
static enum state look_deleted(struct rig *r)
{
	json_t *info = info_of(r, IMG1, VOL2), *base = info_of(r, IMG1, VOL1);
	enum state s = info ? OLD : NEW;

	assert_string_equal(text_of(base, "voltype"), s == OLD ? "INTERNAL" : "LEAF");
	if (s == NEW)
		assert_false(rig_exists(r, "images/%s/%s", IMG1, VOL2));
	json_decref(info);
	json_decref(base);
	return s;
}

static void reset_deleted(struct rig *r) { must(create_snapshot(r)); }

static int extend(struct rig *r)
{
	json_t *p = rig_volume(IMG1, VOL1);

	json_object_set_new(p, "newSize", json_string("8388608"));
	return rig_task(r, "Volume.extendSize", p);
}

/* The file may be longer than its capacity, never shorter. */
static enum state look_extended(struct rig *r)
{
	json_t *info = info_of(r, IMG1, VOL1);
	json_int_t capacity = int_of(info, "capacity");

	assert_true(capacity == 4 * MIB || capacity == 8 * MIB);
	assert_true(int_of(info, "apparentsize") >= capacity);
	json_decref(info);
	return capacity == 4 * MIB ? OLD : NEW;
}

static void reset_extended(struct rig *r)
{
	must(delete_image(r, IMG1, false));
	make_base(r);
}

static int delete_zeroed(struct rig *r) { return delete_image(r, IMG1, true); }

static enum state look_image(struct rig *r)
{
	if (!rig_exists(r, "images/%s", IMG1))
		return NEW;
	return look_volume(r, IMG1, VOL1, false) == NEW ? OLD : NEW;
}

static int rename_domain(struct rig *r)
{
	int code;

	json_decref(rig_try(r, "StorageDomain.setDescription",
	                    json_pack("{s:s,s:s}", "storagedomainID", SD1, "description", "another"), &code));
	return code;
}

static enum state look_name(struct rig *r)
{
	json_t *info = rig_call(r, "StorageDomain.getInfo", sd_params(), 0);
	enum state s = strcmp(text_of(info, "name"), "another") == 0 ? NEW : OLD;

	json_decref(info);
	return s;
}

static void reset_name(struct rig *r)
{
	rig_do(r, "StorageDomain.setDescription",
	       json_pack("{s:s,s:s}", "storagedomainID", SD1, "description", "local one"), 0);
}

static int create_domain(struct rig *r)
{
	int code;

	json_decref(rig_try(r, "StorageDomain.create",
	                    json_pack("{s:s,s:i,s:s,s:s,s:i,s:i}", "storagedomainID", SD2, "domainType", 4, "typeArgs",
	                              r->data, "name", "two", "domainClass", 1, "version", 5),
	                    &code));
	return code;
}

static enum state look_domain(struct rig *r)
{
	int code;

	json_decref(rig_try(r, "StorageDomain.getInfo", json_pack("{s:s}", "storagedomainID", SD2), &code));
	assert_true(code == 0 || code == 358);
	return code ? OLD : NEW;
}

static int format_domain(struct rig *r)
{
	int code;

	json_decref(
	    rig_try(r, "StorageDomain.format", json_pack("{s:s,s:b}", "storagedomainID", SD2, "autoDetach", 0), &code));
	return code;
}

static void make_domain(struct rig *r) { must(create_domain(r)); }
static void reset_domain(struct rig *r) { must(format_domain(r)); }
static enum state look_formatted(struct rig *r) { return look_domain(r) == NEW ? OLD : NEW; }

/* --- copies and merges --- */

/* A job of the agent, to its end: its code. */
static int run_job(struct rig *r, const char *verb, json_t *params)
{
	static int n;
	g_autofree char *id = g_strdup_printf("66666666-aaaa-4000-8000-%012d", ++n + (int)getpid() * 1000);
	int code;

	json_object_set_new(params, "job_id", json_string(id));
	json_decref(rig_try(r, verb, params, &code));
	while (code == 0) {
		json_t *all = rig_call(r, "Host.getJobs", json_object(), 0), *job = json_object_get(all, id);
		g_autofree char *status = g_strdup(text_of(job, "status"));

		code = (int)int_of(json_object_get(job, "error"), "code");
		json_decref(all);
		if (g_strcmp0(status, "done") == 0 || g_strcmp0(status, "failed") == 0)
			return code;
		loop_turn(r->agent.loop, 10);
	}
	return code;
}

static void io(struct rig *r, const char *vol, const char *format, const char *command)
{
	g_autofree char *path = rig_path(r, "images/%s/%s", IMG1, vol);

	g_free(rig_run((const char *[]){ "qemu-io", "-f", format, "-c", command, path, NULL }));
	if (geteuid() == 0 && chown(path, 36, 36) < 0)
		fail_msg("chown");
}

static bool is_there(struct rig *r, const char *vol)
{
	json_t *info = info_of(r, IMG1, vol);

	json_decref(info);
	return info != NULL;
}

/* What was written is found from the leaf, whatever happened; the chain is one. */
static void check_data(struct rig *r, const char *leaf, bool has_third)
{
	bool is_raw = strcmp(leaf, VOL1) == 0;
	g_autofree char *path = rig_path(r, "images/%s/%s", IMG1, leaf);

	io(r, leaf, is_raw ? "raw" : "qcow2", "read -P 1 1M 64k");
	io(r, leaf, is_raw ? "raw" : "qcow2", "read -P 2 2M 64k");
	if (has_third)
		io(r, leaf, "qcow2", "read -P 3 3M 64k");
	if (!is_raw)
		g_free(rig_run((const char *[]){ "qemu-img", "check", "-q", "-f", "qcow2", path, NULL }));
}

static json_t *subchain(json_int_t generation)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:I}", "sd_id", SD1, "img_id", IMG1, "base_id", VOL1, "top_id", VOL2,
	                 "base_generation", generation);
}

static int merge_task(struct rig *r, const char *verb)
{
	return rig_task(r, verb, json_pack("{s:s,s:o}", "storagepoolID", POOL1, "subchainInfo", subchain(0)));
}

/* As the Manager does it: the base's generation tells whether the data went down. */
static int merge_all(struct rig *r)
{
	json_t *base = info_of(r, IMG1, VOL1);
	json_int_t generation = int_of(base, "generation");
	int code = 0;

	json_decref(base);
	if (!is_there(r, VOL2))
		return 0;
	if (generation == 0)
		code = run_job(r, "SDM.merge", json_pack("{s:o}", "subchain_info", subchain(0)));
	if (code == 0)
		code = merge_task(r, "StoragePool.finalizeMerge");
	return code ? code : rig_task(r, "Volume.delete", rig_volume(IMG1, VOL2));
}

static void make_two(struct rig *r)
{
	make_base(r);
	io(r, VOL1, "raw", "write -P 1 1M 64k");
	must(create_snapshot(r));
	io(r, VOL2, "qcow2", "write -P 2 2M 64k");
}

static void make_three(struct rig *r)
{
	make_two(r);
	must(rig_task(r, "Volume.create", over(IMG1, VOL3, IMG1, VOL2)));
	must(merge_task(r, "StoragePool.prepareMerge"));
	io(r, VOL3, "qcow2", "write -P 3 3M 64k");
}

static enum state look_three(struct rig *r)
{
	check_data(r, VOL3, true);
	return is_there(r, VOL2) ? OLD : NEW;
}

static void reset_three(struct rig *r)
{
	must(delete_image(r, IMG1, false));
	make_three(r);
}

static int copy_volume(struct rig *r)
{
	json_t *p = rig_creation(IMG2, VOL3, 4 * MIB, "COW", "SPARSE"), *info = info_of(r, IMG2, VOL3);
	int code = 0;

	json_object_set_new(p, "legal", json_false());
	if (info)
		json_decref(p);
	else
		code = rig_task(r, "Volume.create", p);
	json_decref(info);
	if (code)
		return code;
	return run_job(r, "SDM.copy_data",
	               json_pack("{s:{s:s,s:s,s:s,s:s},s:{s:s,s:s,s:s,s:s,s:i}}", "source", "endpoint_type", "div",
	                         "sd_id", SD1, "img_id", IMG1, "vol_id", VOL2, "destination", "endpoint_type", "div",
	                         "sd_id", SD1, "img_id", IMG2, "vol_id", VOL3, "generation", 0));
}

/* Until it is whole it is illegal. */
static enum state look_copied(struct rig *r)
{
	json_t *info = info_of(r, IMG2, VOL3);
	bool is_legal = info && strcmp(text_of(info, "legality"), "LEGAL") == 0;
	g_autofree char *path = rig_path(r, "images/%s/%s", IMG2, VOL3);

	json_decref(info);
	if (is_legal)
		g_free(rig_run((const char *[]){ "qemu-io", "-f", "qcow2", "-c", "read -P 1 1M 64k", "-c",
		                                 "read -P 2 2M 64k", path, NULL }));
	return is_legal ? NEW : OLD;
}

static const struct story STORIES[] = {
	{ "create a raw volume", nothing, create_raw, look_raw, reset_first },
	{ "create a volume from a template", make_template, create_from_template, look_from_template, reset_second },
	{ "create a snapshot", make_base, create_snapshot, look_snapshot, reset_snapshot },
	{ "delete a snapshot", make_snapshot, delete_snapshot, look_deleted, reset_deleted },
	{ "extend a volume", make_base, extend, look_extended, reset_extended },
	{ "delete an image", make_base, delete_zeroed, look_image, make_base },
	{ "rename a domain", nothing, rename_domain, look_name, reset_name },
	{ "create a domain", nothing, create_domain, look_domain, reset_domain },
	{ "format a domain", make_domain, format_domain, look_formatted, make_domain },
	{ "merge in the middle", make_three, merge_all, look_three, reset_three },
	{ "copy a chain", make_two, copy_volume, look_copied, reset_second },
};

/* --- the telling --- */

static char *step_file;

static void arm(struct rig *r, enum how how, int step)
{
	g_autofree char *number = g_strdup_printf("%d", step);
	struct sdomain *d = sdomain_get(r->agent.storage, SD1);

	unlink(step_file);
	setenv("HOSTLER_STEP_FILE", step_file, 1);
	setenv(how <= KILL_AGENT ? "HOSTLER_CRASH_AT" : "HOSTLER_FAIL_AT", number, 1);
	if (how == KILL_AGENT)
		setenv("HOSTLER_CRASH_AGENT", "1", 1);
	setenv("HOSTLER_FAIL_ERRNO", how == NO_SPACE ? "28" : "5", 1);
	if (d->worker)
		client_kill(d->worker); /* the next one is armed */
}

static void disarm(struct rig *r)
{
	struct sdomain *d = r ? sdomain_get(r->agent.storage, SD1) : NULL;

	for (const char *const *v = (const char *[]){ "HOSTLER_STEP_FILE", "HOSTLER_CRASH_AT", "HOSTLER_FAIL_AT",
	                                              "HOSTLER_CRASH_AGENT", "HOSTLER_FAIL_ERRNO", NULL };
	     *v; v++)
		unsetenv(*v);
	if (d && d->worker)
		client_kill(d->worker);
}

static int steps_taken(void)
{
	g_autofree char *text = NULL;
	int n = 0;

	if (g_file_get_contents(step_file, &text, NULL, NULL))
		for (const char *p = text; *p; p++)
			n += *p == '\n';
	return n;
}

/* The agent in a process of its own, which dies in the middle. */
static void act_and_die(struct rig *r, const struct story *s, int step)
{
	pid_t pid;
	int status;

	rig_stop(r);
	pid = fork();
	if (pid == 0) {
		rig_start(r);
		if (rig_up_again(r) != 0)
			_exit(3);
		arm(r, KILL_AGENT, step);
		_exit(s->act(r) % 250);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	disarm(NULL);
	rig_start(r);
	must(rig_up_again(r));
	if (WIFEXITED(status))
		assert_int_equal(WEXITSTATUS(status), 0);
}

static void check_tasks(struct rig *r)
{
	json_t *all = rig_call(r, "Host.getAllTasksStatuses", json_object(), 0), *one;
	const char *id;

	json_object_foreach (all, id, one)
		assert_string_equal(text_of(one, "taskState"), "finished");
	json_object_foreach (all, id, one)
		rig_do(r, "Task.clear", json_pack("{s:s}", "taskID", id), 0);
	json_decref(all);
}

static void check_clean(struct rig *r)
{
	g_autofree char *garbage = NULL;

	json_decref(rig_call(r, "StoragePool.connectStorageServer", rig_connection(r), 0));
	rig_do(r, "StorageDomain.activate", sd_params(), 0);
	garbage = rig_find_garbage(r);
	if (garbage)
		fail_msg("left over: %s", garbage);
}

/* True when the operation never came to that step. */
static bool tell(struct rig *r, const struct story *s, enum how how, int step)
{
	int code = -1;
	enum state state;
	bool is_over;

	if (how == KILL_AGENT) {
		act_and_die(r, s, step);
	} else {
		arm(r, how, step);
		code = s->act(r);
		disarm(r);
	}
	is_over = steps_taken() < step;
	check_tasks(r);
	state = s->look(r);
	if (code == 0 && state != NEW)
		fail_msg("step %d, %s: said done, but it is not", step, HOW[how]);
	if (is_over && state != NEW)
		fail_msg("step %d, %s: was not done", step, HOW[how]);
	if (how == NO_SPACE && code != 0 && code != 397)
		fail_msg("step %d, no space: code %d", step, code);
	check_clean(r);
	assert_int_equal(s->look(r), state);
	if (state == OLD)
		must(s->act(r));
	assert_int_equal(s->look(r), NEW);
	s->reset(r);
	assert_int_equal(s->look(r), OLD);
	return is_over;
}

static const struct story *story_now;
static enum how how_now;

static enum how turn(enum how how, int step)
{
	static const enum how NEXT[] = { NO_SPACE, KILL_WORKER, IO_ERROR };

	return how == TURNS ? NEXT[step % 3] : how;
}

static void told(void **state)
{
	struct rig r;
	int step = 1;

	rig_make(&r);
	step_file = g_build_filename(r.dir, "steps", NULL);
	must(chmod(r.dir, 0777)); /* the workers write there */
	rig_start(&r);
	rig_up(&r);
	story_now->prepare(&r);
	while (!tell(&r, story_now, turn(how_now, step), step))
		step++;
	assert_true(step > 3);
	print_message("%s, %s: %d steps\n", story_now->name, HOW[how_now], step - 1);
	rig_stop(&r);
	rig_remove(&r);
	g_clear_pointer(&step_file, g_free);
}

/* argv[1]: number of the story; without it all. HOSTLER_TEST_LONG: every way at every step. */
int main(int argc, char **argv)
{
	const struct CMUnitTest test[] = { cmocka_unit_test(told) };
	int from = 0, to = (int)G_N_ELEMENTS(STORIES), failed = 0;

	rig_main(argc, argv);
	if (argc > 1 && atoi(argv[1]) < to) {
		from = atoi(argv[1]);
		to = from + 1;
	}
	for (int i = from; i < to; i++)
		for (how_now = KILL_WORKER; how_now < N_HOW; how_now++) {
			if (!getenv("HOSTLER_TEST_LONG") && how_now != TURNS)
				continue;
			story_now = &STORIES[i];
			failed += cmocka_run_group_tests_name(STORIES[i].name, test, NULL, NULL);
		}
	return failed;
}
