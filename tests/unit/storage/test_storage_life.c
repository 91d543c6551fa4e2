/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a local domain through the agent's verbs, with real workers and real qemu-img. */
#include "rig.h"

#include <fcntl.h>
#include <glib.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/storage/sd_meta.h"
#include "agent/storage/storage_int.h"
#include "agent/storage/vol_meta.h"

static struct rig rig;

static int setup(void **state)
{
	rig_make(&rig);
	rig_start(&rig);
	rig_up(&rig);
	return 0;
}

static int teardown(void **state)
{
	rig_stop(&rig);
	rig_remove(&rig);
	return 0;
}

static json_t *sd_params(void) { return json_pack("{s:s,s:s}", "storagedomainID", SD1, "storagepoolID", POOL1); }

static void check_mode(const char *below, mode_t mode, off_t size)
{
	g_autofree char *path = rig_path(&rig, "%s", below);
	struct stat st;

	if (stat(path, &st) < 0)
		fail_msg("%s is missing", path);
	assert_int_equal(st.st_mode & 07777, mode);
	if (geteuid() == 0) {
		assert_int_equal(st.st_uid, 36);
		assert_int_equal(st.st_gid, 36);
	}
	if (size >= 0)
		assert_int_equal(st.st_size, size);
}

static void tree_is_as_it_should_be(void **state)
{
	g_autofree char *path = rig_path(&rig, "dom_md/metadata"), *text = NULL, *link = NULL;
	struct err e = ERR_INIT;
	gsize len;
	json_t *meta;

	check_mode("dom_md", 0775, -1);
	check_mode("images", 0775, -1);
	check_mode("master/vms", 0775, -1);
	check_mode("master/tasks", 0775, -1);
	check_mode("dom_md/ids", 0660, 0);
	check_mode("dom_md/leases", 0660, 0);
	check_mode("dom_md/xleases", 0660, 0);
	check_mode("dom_md/inbox", 0660, 16 * MIB);
	check_mode("dom_md/outbox", 0660, 16 * MIB);
	check_mode("dom_md/metadata", 0660, -1);
	assert_true(g_file_get_contents(path, &text, &len, NULL));
	meta = sd_meta_parse(text, len, &e);
	assert_non_null(meta);
	assert_string_equal(sd_meta_get(meta, "ROLE"), "Master");
	assert_string_equal(sd_meta_get(meta, "POOL_UUID"), POOL1);
	assert_string_equal(sd_meta_get(meta, "POOL_SPM_ID"), "1");
	assert_string_equal(sd_meta_get(meta, "REMOTE_PATH"), rig.data);
	json_decref(meta);
	link = g_build_filename(rig.root, POOL1, "mastersd", "dom_md", "metadata", NULL);
	assert_int_equal(access(link, R_OK), 0);
	assert_null(rig_find_garbage(&rig));
}

static void domain_tells_about_itself(void **state)
{
	json_t *info = rig_call(&rig, "StorageDomain.getInfo", sd_params(), 0);
	json_t *stats = rig_call(&rig, "StorageDomain.getStats", sd_params(), 0);
	json_t *pool = rig_call(&rig, "StoragePool.getInfo", sd_params(), 0);
	json_t *spm = rig_call(&rig, "StoragePool.getSpmStatus", sd_params(), 0);
	json_t *list = rig_call(&rig, "Host.getStorageDomains", json_pack("{s:s}", "storagepoolID", POOL1), 0);

	assert_string_equal(json_string_value(json_object_get(info, "role")), "Master");
	assert_string_equal(json_string_value(json_object_get(info, "name")), "local one");
	assert_string_equal(json_string_value(json_array_get(json_object_get(info, "pool"), 0)), POOL1);
	assert_int_equal(json_integer_value(json_object_get(info, "version")), 5);
	assert_int_equal(json_integer_value(json_object_get(info, "alignment")), 1048576);
	assert_true(json_integer_value(json_object_get(stats, "disktotal")) >=
	            json_integer_value(json_object_get(stats, "diskfree")));
	assert_true(json_integer_value(json_object_get(stats, "diskfree")) > 0);
	assert_string_equal(json_string_value(json_object_get(json_object_get(pool, "info"), "domains")),
	                    SD1 ":Active");
	assert_string_equal(json_string_value(json_object_get(spm, "spmStatus")), "SPM");
	assert_int_equal(json_integer_value(json_object_get(spm, "spmId")), 1);
	assert_int_equal(json_integer_value(json_object_get(spm, "spmLver")), 0);
	assert_int_equal(json_array_size(list), 1);
	json_decref(info);
	json_decref(stats);
	json_decref(pool);
	json_decref(spm);
	json_decref(list);
}

static bool has_been_checked(struct rig *r)
{
	json_t *stats = json_object(), *d;
	bool ok;

	storage_add_stats(&r->agent, stats);
	d = json_object_get(json_object_get(stats, "storageDomains"), SD1);
	ok = json_is_true(json_object_get(d, "actual"));
	json_decref(stats);
	return ok;
}

static void monitor_sees_health(void **state)
{
	json_t *stats = json_object(), *d;

	assert_true(rig_wait(&rig, has_been_checked, 5000));
	storage_add_stats(&rig.agent, stats);
	d = json_object_get(json_object_get(stats, "storageDomains"), SD1);
	assert_int_equal(json_integer_value(json_object_get(d, "code")), 0);
	assert_true(json_is_true(json_object_get(d, "valid")));
	assert_int_equal(json_integer_value(json_object_get(d, "version")), 5);
	assert_true(atof(json_string_value(json_object_get(d, "lastCheck"))) < 5);
	assert_true(atof(json_string_value(json_object_get(d, "delay"))) < 1);
	json_decref(stats);
}

static json_t *qemu_info(const char *img, const char *vol)
{
	g_autofree char *path = rig_path(&rig, "images/%s/%s", img, vol);
	g_autofree char *out = rig_run((const char *[]){ "qemu-img", "info", "--output", "json", path, NULL });

	return json_loads(out, 0, NULL);
}

static json_int_t int_of(const json_t *o, const char *key) { return json_integer_value(json_object_get(o, key)); }
static const char *text_of(const json_t *o, const char *key) { return json_string_value(json_object_get(o, key)); }

static void volumes_of_each_kind(void **state)
{
	static const struct {
		const char *format, *alloc;
		json_int_t size, apparent, min_allocated;
	} KINDS[] = {
		{ "RAW", "SPARSE", 64 * MIB, 64 * MIB, 0 },
		{ "RAW", "SPARSE", 64 * MIB + 1, 64 * MIB + 4096, 0 },
		{ "RAW", "PREALLOCATED", 16 * MIB, 16 * MIB, 16 * MIB },
		{ "COW", "SPARSE", 64 * MIB, -1, 0 },
		{ "COW", "PREALLOCATED", 16 * MIB, -1, 16 * MIB },
		{ "5", "2", 1, 4096, 0 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(KINDS); i++) {
		json_t *info, *image, *p = rig_creation(IMG1, VOL1, KINDS[i].size, KINDS[i].format, KINDS[i].alloc);
		bool is_cow = strcmp(KINDS[i].format, "COW") == 0;

		assert_int_equal(rig_task(&rig, "Volume.create", p), 0);
		info = rig_call(&rig, "Volume.getInfo", rig_volume(IMG1, VOL1), 0);
		assert_int_equal(int_of(info, "capacity"), (KINDS[i].size + 4095) / 4096 * 4096);
		if (KINDS[i].apparent >= 0)
			assert_int_equal(int_of(info, "apparentsize"), KINDS[i].apparent);
		assert_true(int_of(info, "truesize") >= KINDS[i].min_allocated);
		if (!KINDS[i].min_allocated)
			assert_true(int_of(info, "truesize") < MIB);
		assert_string_equal(text_of(info, "legality"), "LEGAL");
		assert_string_equal(text_of(info, "status"), "OK");
		assert_string_equal(text_of(info, "voltype"), "LEAF");
		assert_int_equal(int_of(info, "generation"), 0);
		assert_string_equal(text_of(info, "description"), "{\"DiskAlias\":\"d\"}");
		json_decref(info);
		image = qemu_info(IMG1, VOL1);
		assert_string_equal(text_of(image, "format"), is_cow ? "qcow2" : "raw");
		assert_int_equal(int_of(image, "virtual-size"), (KINDS[i].size + 4095) / 4096 * 4096);
		json_decref(image);
		check_mode("images/" IMG1, 0775, -1);
		check_mode("images/" IMG1 "/" VOL1, 0660, -1);
		check_mode("images/" IMG1 "/" VOL1 ".meta", 0660, 512);
		check_mode("images/" IMG1 "/" VOL1 ".lease", 0660, 0);
		assert_int_equal(rig_task(&rig, "Volume.create",
		                          rig_creation(IMG1, VOL1, KINDS[i].size, KINDS[i].format, KINDS[i].alloc)),
		                 212);
		assert_int_equal(rig_task(&rig, "Image.delete",
		                          json_pack("{s:s,s:s,s:s,s:b,s:b}", "storagepoolID", POOL1, "storagedomainID",
		                                    SD1, "imageID", IMG1, "postZero", (int)(i % 2), "force", 0)),
		                 0);
		assert_false(rig_exists(&rig, "images/%s", IMG1));
		rig_do(&rig, "Volume.getInfo", rig_volume(IMG1, VOL1), 268);
	}
	assert_null(rig_find_garbage(&rig));
}

static void initial_size_is_what_gets_allocated(void **state)
{
	json_t *p = rig_creation(IMG1, VOL1, 64 * MIB, "RAW", "PREALLOCATED"), *info;

	json_object_set_new(p, "initialSize", json_string("4194304"));
	assert_int_equal(rig_task(&rig, "Volume.create", p), 0);
	info = rig_call(&rig, "Volume.getInfo", rig_volume(IMG1, VOL1), 0);
	assert_int_equal(int_of(info, "apparentsize"), 64 * MIB);
	assert_true(int_of(info, "truesize") >= 4 * MIB && int_of(info, "truesize") < 5 * MIB);
	json_decref(info);
}

static void growing(void **state)
{
	static const char *const FORMATS[][2] = { { "RAW", "SPARSE" }, { "RAW", "PREALLOCATED" }, { "COW", "SPARSE" } };

	for (size_t i = 0; i < G_N_ELEMENTS(FORMATS); i++) {
		const char *img = i == 0 ? IMG1 : i == 1 ? IMG2 : IMG3;
		json_t *p, *info, *image;

		assert_int_equal(
		    rig_task(&rig, "Volume.create", rig_creation(img, VOL1, 8 * MIB, FORMATS[i][0], FORMATS[i][1])), 0);
		p = rig_volume(img, VOL1);
		json_object_set_new(p, "newSize", json_string("16777217"));
		assert_int_equal(rig_task(&rig, "Volume.extendSize", p), 0);
		info = rig_call(&rig, "Volume.getInfo", rig_volume(img, VOL1), 0);
		image = qemu_info(img, VOL1);
		assert_int_equal(int_of(info, "capacity"), 16 * MIB + 4096);
		assert_int_equal(int_of(image, "virtual-size"), 16 * MIB + 4096);
		json_decref(info);
		json_decref(image);
		p = rig_volume(img, VOL1);
		json_object_set_new(p, "newSize", json_string("4096"));
		assert_int_equal(rig_task(&rig, "Volume.extendSize", p), 232);
	}
}

/* More than there can be: refused before the file system is filled, and nothing stays. */
static void too_large_for_the_disk(void **state)
{
	json_t *p;

	assert_int_equal(rig_task(&rig, "Volume.create", rig_creation(IMG1, VOL1, 8192 * GIB, "RAW", "PREALLOCATED")),
	                 397);
	assert_int_equal(rig_task(&rig, "Volume.create", rig_creation(IMG1, VOL1, 8192 * GIB, "COW", "PREALLOCATED")),
	                 397);
	assert_false(rig_exists(&rig, "images/%s", IMG1));
	assert_int_equal(rig_task(&rig, "Volume.create", rig_creation(IMG1, VOL1, MIB, "RAW", "PREALLOCATED")), 0);
	p = rig_volume(IMG1, VOL1);
	json_object_set_new(p, "newSize", json_string("8796093022208"));
	assert_int_equal(rig_task(&rig, "Volume.extendSize", p), 397);
	p = rig_call(&rig, "Volume.getInfo", rig_volume(IMG1, VOL1), 0);
	assert_int_equal(int_of(p, "capacity"), MIB);
	assert_int_equal(int_of(p, "apparentsize"), MIB);
	json_decref(p);
}

static json_t *deletion(const char *img)
{
	return json_pack("{s:s,s:s,s:s,s:b,s:b}", "storagepoolID", POOL1, "storagedomainID", SD1, "imageID", img,
	                 "postZero", 0, "force", 0);
}

/* On a full disk a task cannot be written down; images can be removed all the same. */
static void room_can_be_made(void **state)
{
	assert_int_equal(rig_task(&rig, "Volume.create", rig_creation(IMG1, VOL1, MIB, "RAW", "PREALLOCATED")), 0);
	setenv("HOSTLER_FAIL_AT", "mkdir", 1);
	assert_int_equal(rig_task(&rig, "Volume.create", rig_creation(IMG2, VOL2, MIB, "RAW", "SPARSE")), 397);
	assert_int_equal(rig_task(&rig, "Image.delete", deletion(IMG1)), 0);
	unsetenv("HOSTLER_FAIL_AT");
	assert_false(rig_exists(&rig, "images/%s", IMG1));
	assert_null(rig_find_garbage(&rig));
}

/* --- templates and snapshots --- */

static json_t *over(const char *img, const char *vol, json_int_t size, const char *src_img, const char *src_vol)
{
	json_t *p = rig_creation(img, vol, size, "COW", "SPARSE");

	json_object_set_new(p, "srcImgUUID", json_string(src_img));
	json_object_set_new(p, "srcVolUUID", json_string(src_vol));
	return p;
}

static const char *job_state(const char *id)
{
	static char status[16];

	for (int i = 0; i < 3000; i++) {
		json_t *jobs = rig_call(&rig, "Host.getJobs", json_pack("{s:[s]}", "job_ids", id), 0);

		g_strlcpy(status, text_of(json_object_get(jobs, id), "status"), sizeof(status));
		json_decref(jobs);
		if (strcmp(status, "done") == 0 || strcmp(status, "failed") == 0)
			break;
		loop_turn(rig.agent.loop, 10);
	}
	return status;
}

static void make_shared(const char *job)
{
	rig_do(&rig, "SDM.update_volume",
	       json_pack("{s:s,s:{s:s,s:s,s:s,s:i},s:{s:s}}", "job_id", job, "vol_info", "sd_id", SD1, "img_id", IMG1,
	                 "vol_id", VOL1, "generation", 0, "vol_attr", "type", "SHARED"),
	       0);
	assert_string_equal(job_state(job), "done");
}

static void check_image(const char *img, const char *vol)
{
	g_autofree char *path = rig_path(&rig, "images/%s/%s", img, vol);

	g_free(rig_run((const char *[]){ "qemu-img", "check", "-q", path, NULL }));
}

static void template_is_linked(void **state)
{
	g_autofree char *path = rig_path(&rig, "images/%s/%s", IMG1, VOL1);
	json_t *info, *image, *prepared;
	struct stat st;

	assert_int_equal(rig_task(&rig, "Volume.create", rig_creation(IMG1, VOL1, 8 * MIB, "COW", "SPARSE")), 0);
	assert_int_equal(rig_task(&rig, "Volume.create", over(IMG2, VOL2, 8 * MIB, IMG1, VOL1)), 214);
	make_shared("66666666-aaaa-4000-8000-000000000001");
	assert_int_equal(rig_task(&rig, "Volume.create", over(IMG2, VOL2, 4 * MIB, IMG1, VOL1)), 229);
	assert_false(rig_exists(&rig, "images/%s", IMG2));
	assert_int_equal(rig_task(&rig, "Volume.create", over(IMG2, VOL2, 16 * MIB, IMG1, VOL1)), 0);
	check_image(IMG2, VOL2);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_nlink, 2);
	image = qemu_info(IMG2, VOL2);
	assert_string_equal(text_of(image, "backing-filename"), VOL1);
	assert_string_equal(text_of(image, "backing-filename-format"), "qcow2");
	json_decref(image);
	/* A change of the template is seen from each image. */
	info = rig_volume(IMG1, VOL1);
	json_object_set_new(info, "description", json_string("changed"));
	rig_do(&rig, "Volume.setDescription", info, 0);
	info = rig_call(&rig, "Volume.getInfo", rig_volume(IMG2, VOL1), 0);
	assert_string_equal(text_of(info, "description"), "changed");
	assert_string_equal(text_of(info, "image"), IMG1);
	assert_string_equal(json_string_value(json_array_get(json_object_get(info, "children"), 0)), VOL2);
	json_decref(info);
	assert_int_equal(rig_task(&rig, "Image.delete", deletion(IMG1)), 223);
	prepared = rig_call(&rig, "Image.prepare", rig_volume(IMG2, VOL2), 0);
	assert_int_equal(json_array_size(json_object_get(prepared, "imgVolumesInfo")), 2);
	assert_string_equal(text_of(json_array_get(json_object_get(prepared, "imgVolumesInfo"), 0), "volumeID"), VOL1);
	g_free(rig_run((const char *[]){ "qemu-img", "info", "--backing-chain", text_of(prepared, "path"), NULL }));
	json_decref(prepared);
	rig_do(&rig, "Image.teardown", rig_volume(IMG2, VOL2), 0);
	assert_int_equal(rig_task(&rig, "Image.delete", deletion(IMG2)), 0);
	assert_int_equal(rig_task(&rig, "Image.delete", deletion(IMG1)), 0);
}

static void snapshot_and_back(void **state)
{
	json_t *info, *p;

	assert_int_equal(rig_task(&rig, "Volume.create", rig_creation(IMG1, VOL1, 8 * MIB, "RAW", "SPARSE")), 0);
	p = over(IMG1, VOL2, 8 * MIB, NIL, VOL1);
	json_object_set_new(p, "volFormat", json_string("RAW"));
	assert_int_equal(rig_task(&rig, "Volume.create", p), 202);
	assert_int_equal(rig_task(&rig, "Volume.create", over(IMG1, VOL2, 8 * MIB, IMG1, VOL1)), 0);
	info = rig_call(&rig, "Volume.getInfo", rig_volume(IMG1, VOL1), 0);
	assert_string_equal(text_of(info, "voltype"), "INTERNAL");
	json_decref(info);
	assert_int_equal(rig_task(&rig, "Volume.delete", rig_volume(IMG1, VOL1)), 204);
	p = rig_volume(IMG1, VOL1);
	json_object_set_new(p, "newSize", json_string("16777216"));
	assert_int_equal(rig_task(&rig, "Volume.extendSize", p), 224);
	assert_int_equal(rig_task(&rig, "Volume.delete", rig_volume(IMG1, VOL2)), 0);
	info = rig_call(&rig, "Volume.getInfo", rig_volume(IMG1, VOL1), 0);
	assert_string_equal(text_of(info, "voltype"), "LEAF");
	json_decref(info);
	assert_false(rig_exists(&rig, "images/%s/%s", IMG1, VOL2));
}

static json_t *copying(const char *job, int generation)
{
	return json_pack("{s:s,s:{s:s,s:s,s:s},s:{s:s,s:s,s:s,s:i}}", "job_id", job, "source", "sd_id", SD1, "img_id",
	                 IMG1, "vol_id", VOL1, "destination", "sd_id", SD1, "img_id", IMG2, "vol_id", VOL2,
	                 "generation", generation);
}

static void copying_data(void **state)
{
	static const char JOB1[] = "66666666-aaaa-4000-8000-000000000001",
	                  JOB2[] = "66666666-aaaa-4000-8000-000000000002";
	g_autofree char *from = rig_path(&rig, "images/%s/%s", IMG1, VOL1),
	                *to = rig_path(&rig, "images/%s/%s", IMG2, VOL2);
	json_t *info;

	assert_int_equal(rig_task(&rig, "Volume.create", rig_creation(IMG1, VOL1, 8 * MIB, "RAW", "SPARSE")), 0);
	assert_int_equal(rig_task(&rig, "Volume.create", rig_creation(IMG2, VOL2, 8 * MIB, "COW", "SPARSE")), 0);
	g_free(rig_run((const char *[]){ "qemu-io", "-f", "raw", "-c", "write -P 7 1M 2M", from, NULL }));
	rig_do(&rig, "SDM.copy_data", copying(JOB1, 5), 0);
	assert_string_equal(job_state(JOB1), "failed");
	rig_do(&rig, "SDM.copy_data", copying(JOB1, 0), 69);
	rig_do(&rig, "SDM.copy_data", copying(JOB2, 0), 0);
	assert_string_equal(job_state(JOB2), "done");
	g_free(rig_run((const char *[]){ "qemu-img", "compare", "-f", "raw", "-F", "qcow2", from, to, NULL }));
	info = rig_call(&rig, "Volume.getInfo", rig_volume(IMG2, VOL2), 0);
	assert_int_equal(int_of(info, "generation"), 1);
	assert_string_equal(text_of(info, "legality"), "LEGAL");
	json_decref(info);
}

static void prepared_paths(void **state)
{
	g_autofree char *link = g_build_filename(rig.run, "storage", SD1, IMG1, NULL), *target = NULL;
	json_t *p, *prepared;

	assert_int_equal(rig_task(&rig, "Volume.create", rig_creation(IMG1, VOL1, MIB, "RAW", "SPARSE")), 0);
	prepared = rig_call(&rig, "Image.prepare", rig_volume(IMG1, VOL1), 0);
	json_decref(rig_call(&rig, "Image.prepare", rig_volume(IMG1, VOL1), 0));
	assert_true(g_str_has_prefix(text_of(prepared, "path"), link));
	assert_int_equal(access(text_of(prepared, "path"), R_OK), 0);
	json_decref(prepared);
	target = g_file_read_link(link, NULL);
	assert_non_null(strstr(target, "/mnt/"));
	assert_non_null(strstr(target, "_data__one/"));
	rig_do(&rig, "Image.prepare", rig_volume(IMG1, VOL2), 201);
	rig_do(&rig, "Image.prepare", rig_volume(IMG2, VOL1), 268);
	rig_do(&rig, "Image.teardown", rig_volume(IMG1, VOL1), 0);
	rig_do(&rig, "Image.teardown", rig_volume(IMG1, VOL1), 0);
	assert_int_not_equal(access(link, F_OK), 0);
	p = rig_volume(IMG1, VOL1);
	json_object_set_new(p, "legality", json_string("ILLEGAL"));
	rig_do(&rig, "Volume.setLegality", p, 0);
	rig_do(&rig, "Image.prepare", rig_volume(IMG1, VOL1), 227);
	p = rig_volume(IMG1, VOL1);
	json_object_set_new(p, "allowIllegal", json_true());
	rig_do(&rig, "Image.prepare", p, 0);
}

/* --- what must be refused --- */

static void bad_input(void **state)
{
	static const struct {
		const char *key, *value;
		int code;
	} CASES[] = {
		{ "volumeID", "../../../etc/passwd", -32602 },
		{ "imageID", "..", -32602 },
		{ "storagedomainID", "/", -32602 },
		{ "storagedomainID", SD2, 353 },
		{ "storagepoolID", SD2, 309 },
		{ "volumeID", NIL, -32602 },
		{ "size", "0", -32602 },
		{ "size", "-1", -32602 },
		{ "size", "99999999999999999999", -32602 },
		{ "size", "12abc", -32602 },
		{ "volFormat", "VMDK", 202 },
		{ "preallocate", "MAYBE", 231 },
		{ "diskType", "EVIL", 91 },
		{ "desc", "line\nend", 91 },
		{ "srcVolUUID", VOL3, 202 },
	};
	g_autofree char *longest = g_strnfill(211, 'x');
	json_t *p;

	for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++) {
		int code;

		p = rig_creation(IMG1, VOL1, MIB, "RAW", "SPARSE");
		json_object_set_new(p, CASES[i].key, json_string(CASES[i].value));
		code = rig_task(&rig, "Volume.create", p);
		if (code != CASES[i].code)
			fail_msg("%s=%s: %d", CASES[i].key, CASES[i].value, code);
	}
	p = rig_creation(IMG1, VOL1, MIB, "RAW", "SPARSE");
	json_object_set_new(p, "desc", json_string(longest));
	assert_int_equal(rig_task(&rig, "Volume.create", p), 756);
	assert_false(rig_exists(&rig, "images/%s", IMG1));
	rig_do(&rig, "Image.delete", deletion(IMG1), 268);
	rig_do(&rig, "Task.getStatus", json_pack("{s:s}", "taskID", SD1), 401);
	rig_do(&rig, "StorageDomain.getInfo", json_pack("{s:s}", "storagedomainID", SD2), 358);
	rig_do(&rig, "StorageDomain.format", json_pack("{s:s,s:b}", "storagedomainID", SD1, "autoDetach", 0), 392);
	rig_do(&rig, "StorageDomain.detach", sd_params(), 383);
	rig_do(&rig, "StoragePool.disconnect", sd_params(), 656);
}

static int connect_status(const char *path)
{
	json_t *answer = rig_call(&rig, "StoragePool.connectStorageServer",
	                          json_pack("{s:s,s:s,s:[{s:s,s:s}]}", "storagepoolID", NIL, "domainType", "4",
	                                    "connectionParams", "id", SD2, "connection", path),
	                          0);
	int status = (int)int_of(json_array_get(answer, 0), "status");

	json_decref(answer);
	return status;
}

static void connections_are_checked(void **state)
{
	g_autofree char *foreign = g_build_filename(rig.dir, "foreign", NULL),
	                *file = g_build_filename(rig.dir, "file", NULL);
	g_autofree char *missing = g_build_filename(rig.dir, "missing", NULL);

	assert_int_equal(mkdir(foreign, 0700), 0);
	assert_true(g_file_set_contents(file, "x", 1, NULL));
	assert_int_equal(connect_status(missing), 451);
	assert_int_equal(connect_status(file), 451);
	assert_int_equal(connect_status("relative/path"), 390);
	assert_int_equal(connect_status("/"), 390);
	assert_int_equal(connect_status("/data/../etc"), 390);
	assert_int_equal(connect_status("/da\nta"), 390);
	if (geteuid() == 0)
		assert_int_equal(connect_status(foreign), 469);
	rig_do(&rig, "StoragePool.connectStorageServer",
	       json_pack("{s:s,s:i,s:[]}", "storagepoolID", NIL, "domainType", 1, "connectionParams"), 468);
}

/* Metadata that somebody has damaged is refused, not believed. */
static void damaged_metadata(void **state)
{
	g_autofree char *path = rig_path(&rig, "images/%s/%s.meta", IMG1, VOL1),
	                *md = rig_path(&rig, "dom_md/metadata");
	g_autofree char *secret = g_build_filename(rig.dir, "secret", NULL), *good = NULL;
	gsize len;

	assert_int_equal(rig_task(&rig, "Volume.create", rig_creation(IMG1, VOL1, MIB, "RAW", "SPARSE")), 0);
	assert_true(g_file_set_contents(path, "rubbish", -1, NULL));
	rig_do(&rig, "Volume.getInfo", rig_volume(IMG1, VOL1), 751);
	assert_true(g_file_set_contents(secret, "CAP=1\nEOF\n", -1, NULL));
	unlink(path);
	assert_int_equal(symlink(secret, path), 0);
	rig_do(&rig, "Volume.getInfo", rig_volume(IMG1, VOL1), 207);
	unlink(path);
	assert_int_equal(mkfifo(path, 0666), 0);
	rig_do(&rig, "Volume.getInfo", rig_volume(IMG1, VOL1), 207);
	assert_true(g_file_get_contents(md, &good, &len, NULL));
	good[0] ^= 1;
	assert_true(g_file_set_contents(md, good, (gssize)len, NULL));
	assert_int_equal(chmod(md, 0666), 0);
	rig_do(&rig, "StorageDomain.getInfo", sd_params(), 752);
}

/* --- processes --- */

static void worker_hangs(void **state)
{
	struct sdomain *d = sdomain_get(rig.agent.storage, SD1);
	pid_t pid;

	json_decref(rig_call(&rig, "StorageDomain.getInfo", sd_params(), 0));
	pid = client_pid(d->worker);
	assert_true(pid > 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	while (client_pid(d->worker) == pid)
		loop_turn(rig.agent.loop, 10);
	json_decref(rig_call(&rig, "StorageDomain.getInfo", sd_params(), 0));
	assert_true(client_pid(d->worker) > 0 && client_pid(d->worker) != pid);
}

struct hang {
	struct client *c;
	struct err err;
	bool is_done;
};

static void hang_fiber(void *arg)
{
	struct hang *h = arg;

	assert_null(client_call(h->c, "mount.check", json_pack("{s:s}", "mount", "/tmp"), 200, NULL, &h->err));
	h->is_done = true;
}

/* A worker that does not answer is killed, and the next question gets a new one. */
static void worker_is_killed_in_time(void **state)
{
	struct hang h = { .c = client_new(rig.agent.storage->workers, -1) };
	int before = client_host_count(rig.agent.storage->workers);

	setenv("HOSTLER_WORKER_HANG", "1", 1);
	fiber_start(rig.agent.loop, "hang", hang_fiber, &h);
	for (int i = 0; i < 1000 && !h.is_done; i++)
		loop_turn(rig.agent.loop, 10);
	unsetenv("HOSTLER_WORKER_HANG");
	assert_true(h.is_done);
	assert_int_equal(h.err.code, ERR_TIMEOUT);
	for (int i = 0; i < 1000 && client_host_count(rig.agent.storage->workers) > before; i++)
		loop_turn(rig.agent.loop, 10);
	assert_int_equal(client_host_count(rig.agent.storage->workers), before);
	client_free(h.c);
}

static void task_is_stopped(void **state)
{
	json_t *id, *status = NULL;
	bool is_over = false;

	setenv("HOSTLER_HANG_AT", "allocate", 1);
	id = rig_call(&rig, "Volume.create", rig_creation(IMG1, VOL1, MIB, "RAW", "PREALLOCATED"), 0);
	while (!rig_exists(&rig, "images/%s/%s", IMG1, VOL1))
		loop_turn(rig.agent.loop, 10);
	unsetenv("HOSTLER_HANG_AT");
	/* Others go on, the domain's own calls too, and so do tasks on other images. */
	json_decref(rig_call(&rig, "StorageDomain.getInfo", sd_params(), 0));
	assert_int_equal(rig_task(&rig, "Volume.create", rig_creation(IMG2, VOL2, MIB, "RAW", "SPARSE")), 0);
	rig_do(&rig, "Task.clear", json_pack("{s:O}", "taskID", id), 403);
	rig_do(&rig, "StoragePool.spmStop", sd_params(), 406);
	rig_do(&rig, "Task.stop", json_pack("{s:O}", "taskID", id), 0);
	for (int i = 0; i < 1000 && !is_over; i++) {
		json_decref(status);
		status = rig_call(&rig, "Task.getStatus", json_pack("{s:O}", "taskID", id), 0);
		is_over = strcmp(text_of(status, "taskState"), "finished") == 0;
		loop_turn(rig.agent.loop, 10);
	}
	assert_true(is_over);
	assert_int_equal(int_of(status, "code"), 411);
	assert_string_equal(text_of(status, "taskResult"), "cleanSuccess");
	assert_false(rig_exists(&rig, "images/%s", IMG1));
	rig_do(&rig, "Task.clear", json_pack("{s:O}", "taskID", id), 0);
	rig_do(&rig, "Task.getStatus", json_pack("{s:O}", "taskID", id), 401);
	json_decref(status);
	json_decref(id);
}

/* Two on one image: the second waits for the first. */
static void image_is_locked(void **state)
{
	json_t *first = rig_call(&rig, "Volume.create", rig_creation(IMG1, VOL1, MIB, "RAW", "SPARSE"), 0);
	json_t *second = rig_call(&rig, "Volume.create", rig_creation(IMG1, VOL1, MIB, "RAW", "SPARSE"), 0), *all, *one;
	const char *id;

	for (int n = 0; n < 2;) {
		n = 0;
		all = rig_call(&rig, "Host.getAllTasksStatuses", json_object(), 0);
		json_object_foreach (all, id, one)
			n += strcmp(text_of(one, "taskState"), "finished") == 0;
		if (n == 2) {
			assert_int_equal(int_of(json_object_get(all, json_string_value(first)), "code"), 0);
			assert_int_equal(int_of(json_object_get(all, json_string_value(second)), "code"), 212);
		}
		json_decref(all);
		loop_turn(rig.agent.loop, 10);
	}
	json_decref(first);
	json_decref(second);
}

static void restart_keeps_everything(void **state)
{
	json_t *info, *spm;

	assert_int_equal(rig_task(&rig, "Volume.create", rig_creation(IMG1, VOL1, MIB, "RAW", "SPARSE")), 0);
	rig_stop(&rig);
	rig_start(&rig);
	/* Before the Manager has connected anything: a running machine's disk is found. */
	json_decref(rig_call(&rig, "Image.prepare", rig_volume(IMG1, VOL1), 0));
	rig_do(&rig, "StoragePool.getSpmStatus", sd_params(), 309);
	assert_int_equal(rig_up_again(&rig), 0);
	info = rig_call(&rig, "Volume.getInfo", rig_volume(IMG1, VOL1), 0);
	assert_string_equal(text_of(info, "status"), "OK");
	spm = rig_call(&rig, "StoragePool.getSpmStatus", sd_params(), 0);
	assert_int_equal(int_of(spm, "spmLver"), 1);
	json_decref(info);
	json_decref(spm);
}

static void lease_is_exclusive(void **state)
{
	g_autofree char *ids = rig_path(&rig, "dom_md/ids");
	int fd = open(ids, O_RDWR);

	assert_int_not_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	rig_do(&rig, "StoragePool.spmStart",
	       json_pack("{s:s,s:i,s:s,s:s}", "storagepoolID", POOL1, "prevID", -1, "prevLver", "-1",
	                 "enableScsiFencing", "false"),
	       656);
	rig_do(&rig, "StoragePool.spmStop", sd_params(), 0);
	/* The lease ends with the last process that worked under it, which may be about to die. */
	for (int i = 0; i < 500 && flock(fd, LOCK_EX | LOCK_NB) != 0; i++)
		loop_turn(rig.agent.loop, 10);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(rig_task(&rig, "Volume.create", rig_creation(IMG1, VOL1, MIB, "RAW", "SPARSE")), 654);
	assert_int_equal(rig_up_again(&rig), 651);
	close(fd);
	assert_int_equal(rig_up_again(&rig), 0);
}

static void garbage_is_collected(void **state)
{
	g_autofree char *img = rig_path(&rig, "images/%s", IMG1), *orphan = rig_path(&rig, "images/%s/%s", IMG1, VOL1);
	g_autofree char *doomed = rig_path(&rig, "images/_remove_me_%s", IMG2),
	                *inside = g_build_filename(doomed, VOL2, NULL);
	const char *const own[] = { "chown", "-R", "36:36", img, doomed, NULL };

	assert_int_equal(mkdir(img, 0775), 0);
	assert_int_equal(mkdir(doomed, 0775), 0);
	assert_true(g_file_set_contents(orphan, "x", 1, NULL));
	assert_true(g_file_set_contents(inside, "x", 1, NULL));
	if (geteuid() == 0)
		g_free(rig_run(own));
	assert_int_equal(rig_task(&rig, "Volume.create", rig_creation(IMG3, VOL3, MIB, "RAW", "SPARSE")), 0);
	rig_do(&rig, "StorageDomain.activate", sd_params(), 0);
	assert_false(rig_exists(&rig, "images/%s", IMG1));
	assert_null(rig_find_garbage(&rig));
	json_decref(rig_call(&rig, "Volume.getInfo", rig_volume(IMG3, VOL3), 0));
}

static void everything_goes_down_again(void **state)
{
	rig_do(&rig, "StorageDomain.deactivate",
	       json_pack("{s:s,s:s,s:s,s:i}", "storagedomainID", SD1, "storagepoolID", POOL1, "masterSdUUID", NIL,
	                 "masterVersion", 1),
	       0);
	assert_int_equal(rig_task(&rig, "Volume.create", rig_creation(IMG1, VOL1, MIB, "RAW", "SPARSE")), 369);
	rig_do(&rig, "StoragePool.destroy",
	       json_pack("{s:s,s:i,s:s}", "storagepoolID", POOL1, "hostID", 1, "scsiKey", ""), 0);
	rig_do(&rig, "StorageDomain.format", json_pack("{s:s,s:b}", "storagedomainID", SD1, "autoDetach", 0), 0);
	assert_false(rig_exists(&rig, "dom_md"));
	assert_null(rig_find_garbage(&rig));
	rig_do(&rig, "StoragePool.disconnectStorageServer", rig_connection(&rig), 0);
	rig_do(&rig, "StorageDomain.getInfo", sd_params(), 358);
}

static void second_domain_comes_and_goes(void **state)
{
	g_autofree char *path = g_build_filename(rig.dir, "two", NULL);
	json_t *params, *info;

	assert_int_equal(mkdir(path, 0755), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(path, 36, 36), 0);
	assert_int_equal(connect_status(path), 0);
	rig_do(&rig, "StorageDomain.create",
	       json_pack("{s:s,s:i,s:s,s:s,s:i,s:i}", "storagedomainID", SD2, "domainType", 4, "typeArgs", path, "name",
	                 "zwei ü", "domainClass", 1, "version", 5),
	       0);
	params = json_pack("{s:s,s:s}", "storagedomainID", SD2, "storagepoolID", POOL1);
	rig_do(&rig, "StorageDomain.activate", json_incref(params), 353);
	rig_do(&rig, "StorageDomain.attach", json_incref(params), 0);
	rig_do(&rig, "StorageDomain.attach", json_incref(params), 0);
	rig_do(&rig, "StorageDomain.activate", json_incref(params), 0);
	info = rig_call(&rig, "StorageDomain.getInfo", json_incref(params), 0);
	assert_string_equal(text_of(info, "name"), "zwei ü");
	assert_string_equal(text_of(info, "role"), "Regular");
	json_decref(info);
	info = rig_call(&rig, "StoragePool.getInfo", json_incref(params), 0);
	assert_int_equal(json_object_size(json_object_get(info, "dominfo")), 2);
	json_decref(info);
	rig_do(&rig, "StorageDomain.detach", json_incref(params), 382);
	rig_do(&rig, "StorageDomain.deactivate", json_incref(params), 0);
	rig_do(&rig, "StorageDomain.detach", json_incref(params), 0);
	rig_do(&rig, "StorageDomain.format", params, 0);
}

int main(int argc, char **argv)
{
#define LIFE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		LIFE(tree_is_as_it_should_be),
		LIFE(domain_tells_about_itself),
		LIFE(monitor_sees_health),
		LIFE(volumes_of_each_kind),
		LIFE(initial_size_is_what_gets_allocated),
		LIFE(growing),
		LIFE(too_large_for_the_disk),
		LIFE(room_can_be_made),
		LIFE(template_is_linked),
		LIFE(snapshot_and_back),
		LIFE(copying_data),
		LIFE(prepared_paths),
		LIFE(bad_input),
		LIFE(connections_are_checked),
		LIFE(damaged_metadata),
		LIFE(worker_hangs),
		LIFE(worker_is_killed_in_time),
		LIFE(task_is_stopped),
		LIFE(image_is_locked),
		LIFE(restart_keeps_everything),
		LIFE(lease_is_exclusive),
		LIFE(garbage_is_collected),
		LIFE(everything_goes_down_again),
		LIFE(second_domain_comes_and_goes),
	};

	rig_main(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
