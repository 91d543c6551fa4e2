/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <glib.h>

#include "agent/storage/sd_meta.h"
#include "agent/storage/task_file.h"
#include "agent/storage/vol_meta.h"

#define SD "6d36d0d6-7a3e-4d2c-9a52-0f6a0e4ac001"

/* As it lies on storage, the seal calculated with sha1sum over the lines without their ends. */
static const char DOMAIN[] = "ALIGNMENT=1048576\n"
                             "BLOCK_SIZE=512\n"
                             "CLASS=Data\n"
                             "DESCRIPTION=caf&#233; one\n"
                             "IOOPTIMEOUTSEC=10\n"
                             "LEASERETRIES=3\n"
                             "LEASETIMESEC=60\n"
                             "LOCKPOLICY=\n"
                             "LOCKRENEWALINTERVALSEC=5\n"
                             "POOL_UUID=\n"
                             "REMOTE_PATH=/data/one\n"
                             "ROLE=Regular\n"
                             "SDUUID=" SD "\n"
                             "TYPE=LOCALFS\n"
                             "VERSION=5\n"
                             "_SHA_CKSUM=@SEAL@\n";

static const char VOLUME[] = "CAP=1073741824\n"
                             "CTIME=1700000000\n"
                             "DESCRIPTION={\"DiskAlias\":\"disk1\",\"DiskDescription\":\"a=b\"}\n"
                             "DISKTYPE=DATA\n"
                             "DOMAIN=" SD "\n"
                             "FORMAT=RAW\n"
                             "GEN=7\n"
                             "IMAGE=7d36d0d6-7a3e-4d2c-9a52-0f6a0e4ac002\n"
                             "LEGALITY=LEGAL\n"
                             "PUUID=00000000-0000-0000-0000-000000000000\n"
                             "SEQ=3\n"
                             "TYPE=SPARSE\n"
                             "VOLTYPE=LEAF\n"
                             "EOF\n";

static char *domain_text(void)
{
	g_autofree char *seal = NULL;
	g_auto(GStrv) parts = g_strsplit(DOMAIN, "_SHA_CKSUM", 2);
	g_auto(GStrv) lines = g_strsplit(parts[0], "\n", -1);
	g_autofree char *joined = g_strjoinv("", lines);
	g_auto(GStrv) around = g_strsplit(DOMAIN, "@SEAL@", 2);

	seal = g_compute_checksum_for_string(G_CHECKSUM_SHA1, joined, -1);
	return g_strjoin(seal, around[0], around[1], NULL);
}

static void domain_reads_and_writes_the_same(void **state)
{
	g_autofree char *text = domain_text();
	struct err e = ERR_INIT;
	json_t *meta = sd_meta_parse(text, strlen(text), &e);
	size_t len;
	char *again;

	assert_non_null(meta);
	assert_string_equal(sd_meta_get(meta, "DESCRIPTION"), "café one");
	assert_int_equal(sd_meta_get_int(meta, "VERSION", -1), 5);
	assert_int_equal(sd_meta_check(meta, SD, &e), 0);
	assert_int_equal(sd_meta_check(meta, "00000000-0000-0000-0000-000000000001", &e), -1);
	again = sd_meta_format(meta, &len, &e);
	assert_string_equal(again, text);
	assert_int_equal(len, strlen(text));
	g_free(again);
	json_decref(meta);
}

/* The seal of a literal text, so that reading and writing cannot be wrong together. */
static void domain_seal_is_sha1_without_line_ends(void **state)
{
	static const char TEXT[] = "CLASS=Data\nROLE=Master\n_SHA_CKSUM=6db0b3a1ba6a8f8b0f2d4f0e5ecbd7a1b5b0e0b5\n";
	static const char SEAL[] =
	    "789011c20c2c81fdadb48aed14125e7c43822401"; /* printf CLASS=DataROLE=Master | sha1sum */
	json_t *meta = json_pack("{s:s,s:s}", "ROLE", "Master", "CLASS", "Data");
	struct err e = ERR_INIT;
	size_t len;
	char *text = sd_meta_format(meta, &len, &e);

	assert_non_null(strstr(text, SEAL));
	assert_null(sd_meta_parse(TEXT, strlen(TEXT), &e));
	assert_int_equal(e.agent_code, 752);
	g_free(text);
	json_decref(meta);
}

static void domain_refuses(void **state)
{
	static const struct {
		const char *text;
		int code;
	} CASES[] = {
		{ "", 752 },
		{ "CLASS=Data\n", 752 },
		{ "_SHA_CKSUM=\n", 752 },
		{ "_SHA_CKSUM=da39a3ee5e6b4b0d3255bfef95601890afd8070\n", 752 },
		{ "A=1\n_SHA_CKSUM=da39a3ee5e6b4b0d3255bfef95601890afd80709\n", 752 },
	};
	static const char *const SEALED[] = { "no equals sign", "=x", "lower=x", "A=1\nA=2", "A=\x01", "A=\xc3\xa9" };

	for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++) {
		struct err e = ERR_INIT;

		if (sd_meta_parse(CASES[i].text, strlen(CASES[i].text), &e) || e.agent_code != CASES[i].code)
			fail_msg("case %zu: %d", i, e.agent_code);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(SEALED); i++) {
		g_auto(GStrv) lines = g_strsplit(SEALED[i], "\n", -1);
		g_autofree char *joined = g_strjoinv("", lines);
		g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA1, joined, -1);
		g_autofree char *text = g_strdup_printf("%s\n_SHA_CKSUM=%s\n", SEALED[i], sum);
		struct err e = ERR_INIT;

		if (sd_meta_parse(text, strlen(text), &e) || e.agent_code != 751)
			fail_msg("sealed case %zu: %d", i, e.agent_code);
	}
}

static void domain_writes_no_line_ends(void **state)
{
	json_t *meta = json_pack("{s:s}", "DESCRIPTION", "a\nROLE=Master");
	struct err e = ERR_INIT;
	size_t len;

	assert_null(sd_meta_format(meta, &len, &e));
	assert_int_equal(e.agent_code, 753);
	json_decref(meta);
}

static void pools_are_a_list(void **state)
{
	json_t *meta = json_pack("{s:s}", "POOL_UUID", SD ",7d36d0d6-7a3e-4d2c-9a52-0f6a0e4ac002");

	assert_true(sd_meta_in_pool(meta, SD));
	assert_true(sd_meta_in_pool(meta, "7D36D0D6-7A3E-4D2C-9A52-0F6A0E4AC002"));
	assert_false(sd_meta_in_pool(meta, "8d36d0d6-7a3e-4d2c-9a52-0f6a0e4ac002"));
	json_decref(meta);
}

static void alignment_follows_hosts(void **state)
{
	assert_int_equal(sd_meta_alignment(512, 2000), 1048576);
	assert_int_equal(sd_meta_alignment(4096, 250), 1048576);
	assert_int_equal(sd_meta_alignment(4096, 251), 2097152);
	assert_int_equal(sd_meta_alignment(4096, 2000), 8388608);
	assert_int_equal(sd_meta_alignment(4096, 2001), 0);
	assert_int_equal(sd_meta_alignment(1024, 1), 0);
}

static void volume_reads_and_writes_the_same(void **state)
{
	char block[VOL_META_SIZE], padded[VOL_META_SIZE] = { 0 };
	struct err e = ERR_INIT;
	struct vol_meta m;

	memcpy(padded, VOLUME, strlen(VOLUME));
	assert_int_equal(vol_meta_parse(VOLUME, strlen(VOLUME), &m, &e), 0);
	assert_int_equal(m.capacity, 1073741824);
	assert_int_equal(m.generation, 7);
	assert_int_equal(m.sequence, 3);
	assert_int_equal(m.format, VOL_RAW);
	assert_int_equal(m.alloc, VOL_SPARSE);
	assert_string_equal(m.description, "{\"DiskAlias\":\"disk1\",\"DiskDescription\":\"a=b\"}");
	assert_int_equal(vol_meta_format(&m, block, &e), 0);
	assert_memory_equal(block, padded, sizeof(block));
	assert_int_equal(vol_meta_parse(block, sizeof(block), &m, &e), 0);
}

/* A volume of V4: blocks instead of bytes, MTIME, no SEQ, no GEN. */
static void volume_reads_older_versions(void **state)
{
	static const char TEXT[] =
	    "CTIME=1\nDESCRIPTION=\nDISKTYPE=2\nDOMAIN=" SD "\nFORMAT=COW\nIMAGE=" SD
	    "\nLEGALITY=LEGAL\nMTIME=0\nPUUID=" SD "\nSIZE=2048\nTYPE=SPARSE\nVOLTYPE=INTERNAL\nEOF\n";
	struct err e = ERR_INIT;
	struct vol_meta m;

	assert_int_equal(vol_meta_parse(TEXT, strlen(TEXT), &m, &e), 0);
	assert_int_equal(m.capacity, 1048576);
	assert_int_equal(m.role, VOL_INTERNAL);
	assert_int_equal(m.generation, 0);
}

static char *replaced(const char *from, const char *to)
{
	g_auto(GStrv) parts = g_strsplit(VOLUME, from, 2);

	return g_strjoin(to, parts[0], parts[1], NULL);
}

static void volume_refuses(void **state)
{
	static const struct {
		const char *from, *to;
		int code;
	} CASES[] = {
		{ "EOF\n", "", 751 },
		{ "EOF\n", "EOF", 751 },
		{ "CAP=1073741824\n", "", 751 },
		{ "CAP=1073741824", "CAP=-1", 753 },
		{ "CAP=1073741824", "CAP=99999999999999999999", 753 },
		{ "CAP=1073741824", "CAP= 1", 753 },
		{ "GEN=7", "GEN=1000", 753 },
		{ "GEN=7", "GEN=7\nGEN=8", 751 },
		{ "FORMAT=RAW", "FORMAT=QED", 753 },
		{ "LEGALITY=LEGAL\n", "", 751 },
		{ "VOLTYPE=LEAF", "VOLTYPE=leaf", 753 },
		{ "PUUID=0", "PUUID=x", 753 },
		{ "PUUID=0", "PUUID=../../etc/passwd", 753 },
		{ "DISKTYPE=DATA", "DISKTYPE=EVIL", 753 },
		{ "CAP=", "NONE=", 757 },
		{ "SEQ=3", "rubbish", 751 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++) {
		g_autofree char *text = replaced(CASES[i].from, CASES[i].to);
		struct err e = ERR_INIT;
		struct vol_meta m;

		if (vol_meta_parse(text, strlen(text), &m, &e) == 0 || e.agent_code != CASES[i].code)
			fail_msg("case %zu: %d %s", i, e.agent_code, e.detail);
	}
}

/* The longest of everything fits in the block. */
static void volume_at_its_limits(void **state)
{
	struct vol_meta m = { .capacity = VOL_CAP_MAX,
		              .ctime = 99999999999,
		              .disktype = "DATA",
		              .domain = SD,
		              .image = SD,
		              .parent = SD,
		              .format = VOL_COW,
		              .alloc = VOL_PREALLOCATED,
		              .role = VOL_INTERNAL,
		              .legality = VOL_ILLEGAL,
		              .generation = 999,
		              .sequence = 99999 };
	char block[VOL_META_SIZE];
	struct err e = ERR_INIT;
	struct vol_meta again;

	memset(m.description, 'x', VOL_DESC_MAX);
	assert_int_equal(vol_meta_format(&m, block, &e), 0);
	assert_int_equal(vol_meta_parse(block, sizeof(block), &again, &e), 0);
	assert_string_equal(again.description, m.description);
	assert_int_equal(again.capacity, m.capacity);
	m.description[3] = '\n';
	assert_int_equal(vol_meta_format(&m, block, &e), -1);
	assert_int_equal(vol_generation_next(999), 0);
	assert_int_equal(vol_capacity_round(1), 4096);
	assert_int_equal(vol_capacity_round(4096), 4096);
	assert_int_equal(vol_capacity_round(4097), 8192);
	assert_int_equal(vol_capacity_round(0), 0);
}

static void task_file_escapes(void **state)
{
	json_t *in = json_pack("{s:s,s:s,s:s}", "params", "a=b,c=d", "id", "1", "message", "two\nlines");
	struct err e = ERR_INIT;
	g_autofree char *text = task_file_format(in);
	json_t *out = task_file_parse(text, strlen(text), &e);

	assert_string_equal(text, "id=1\nmessage=two lines\nparams=a_eq_b,c_eq_d\n");
	assert_string_equal(json_string_value(json_object_get(out, "params")), "a=b,c=d");
	assert_null(task_file_parse("rubbish\n", 8, &e));
	assert_int_equal(e.agent_code, 408);
	assert_null(task_file_parse("a=\0b", 4, &e));
	json_decref(in);
	json_decref(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(domain_reads_and_writes_the_same),
		cmocka_unit_test(domain_seal_is_sha1_without_line_ends),
		cmocka_unit_test(domain_refuses),
		cmocka_unit_test(domain_writes_no_line_ends),
		cmocka_unit_test(pools_are_a_list),
		cmocka_unit_test(alignment_follows_hosts),
		cmocka_unit_test(volume_reads_and_writes_the_same),
		cmocka_unit_test(volume_reads_older_versions),
		cmocka_unit_test(volume_refuses),
		cmocka_unit_test(volume_at_its_limits),
		cmocka_unit_test(task_file_escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
