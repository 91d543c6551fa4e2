/* SPDX-License-Identifier: Apache-2.0 */
/* Media made on the fly, and the configuration beside saved memory. */
#include "agent_test.h"

#include <glib/gstdio.h>

#include "agent/vms/domain.h"
#include "agent/vms/media.h"
#include "agent/vms/pickle.h"
#include "agent/vms/xml.h"
#include "base/proc.h"

static xmlDocPtr device(const char *inside)
{
	g_autofree char *text = g_strdup_printf("<device devtype='disk' name='sdc'>%s</device>", inside);
	struct err e = ERR_INIT;

	return xml_parse(text, &e);
}

static void payload_is_read(void **state)
{
	auto_pool p = pool_new();
	auto_xml doc = device("<payload><volId>config-2</volId><file path='openstack/latest/user_data'>aGVsbG8=</file>"
	                      "<file path='/abs'/></payload>");
	struct media *m;
	struct err e = ERR_INIT;

	assert_int_equal(media_read(p, xmlDocGetRootElement(doc), &m, &e), 0);
	assert_string_equal(m->label, "config-2");
	assert_string_equal(m->drive, "sdc");
	assert_int_equal(m->n_files, 2);
	assert_memory_equal(m->files[0].data, "hello", 5);
	assert_string_equal(m->files[1].path, "abs");
}

static void bad_payloads_are_refused(void **state)
{
	static const char *const BAD[] = { "<payload><file path='../x'>aA==</file></payload>",
		                           "<payload><file path='a/../x'/></payload>",
		                           "<payload><file/></payload>",
		                           "<payload><file path='a//b'/></payload>",
		                           "<payload><file path='a&#9;'/></payload>",
		                           "<payload><volId>a/b;c</volId></payload>" };

	for (size_t i = 0; i < G_N_ELEMENTS(BAD); i++) {
		auto_pool p = pool_new();
		auto_xml doc = device(BAD[i]);
		struct err e = ERR_INIT;
		struct media *m;

		assert_int_equal(media_read(p, xmlDocGetRootElement(doc), &m, &e), -1);
	}
}

/* fsck.vfat and mtools, where they are, read what we wrote. */
static void floppy_is_a_file_system(void **state)
{
	auto_pool p = pool_new();
	g_autoptr(GByteArray) image = g_byte_array_new();
	g_autofree char *dir = g_dir_make_tmp("floppyXXXXXX", NULL), *path = g_build_filename(dir, "f.img", NULL),
	                *big = g_strnfill(5000, 'y');
	struct media_file files[] = { { "Unattend.xml", "<x/>", 4 },
		                      { "a long name with spaces.txt", big, 5000 },
		                      { "EMPTY", "", 0 },
		                      { "sysprep.inf", "[a]", 3 } };
	struct media m = { .is_floppy = true, .label = "answers", .files = files, .n_files = 4 };
	const char *fsck[] = { "/usr/sbin/fsck.vfat", "-n", path, NULL },
	           *copy[] = { "/usr/bin/mtype", "-i", path, "::a long name with spaces.txt", NULL };
	const struct proc_spec check = { .argv = fsck }, type = { .argv = copy };
	struct proc_result r;
	struct err e = ERR_INIT;

	assert_int_equal(media_floppy(&m, image, &e), 0);
	assert_int_equal(image->len, FLOPPY_BYTES);
	assert_true(g_file_set_contents(path, (char *)image->data, image->len, NULL));
	if (g_file_test(fsck[0], G_FILE_TEST_EXISTS) && proc_run(p, &check, &r, &e) < 0)
		fail_msg("%s %s", r.out, e.detail);
	if (g_file_test(copy[0], G_FILE_TEST_EXISTS)) {
		assert_int_equal(proc_run(p, &type, &r, &e), 0);
		assert_string_equal(r.out, big);
	}
	g_unlink(path);
	g_rmdir(dir);
}

static void floppy_has_limits(void **state)
{
	g_autoptr(GByteArray) image = g_byte_array_new();
	g_autofree char *big = g_strnfill(1500000, 'y');
	struct media_file files[] = { { "a", big, 1500000 } }, nested[] = { { "a/b", "", 0 } };
	struct media m = { .files = files, .n_files = 1 }, n = { .files = nested, .n_files = 1 };
	struct err e = ERR_INIT;

	assert_int_equal(media_floppy(&m, image, &e), -1);
	assert_int_equal(media_floppy(&n, image, &e), -1);
}

/* --- pickle ------------------------------------------------------------------- */

/* pickle.dumps({'_srcDomXML': '<domain/>', 'n': 5, 'l': ['a', True, None, -3, {'k': 'a'}], 'big': 70000}, 2) of Python */
static const char FROM_PYTHON[] = "\x80\x02}q\x00(X\x0a\x00\x00\x00_srcDomXMLq\x01X\t\x00\x00\x00<domain/"
                                  ">q\x02X\x01\x00\x00\x00nq\x03K\x05X\x01\x00\x00\x00lq\x04"
                                  "]q\x05(X\x01\x00\x00\x00"
                                  "aq\x06\x88NJ\xfd\xff\xff\xff}q\x07X\x01\x00\x00\x00kq\x08h\x06seX\x03\x00\x00\x00"
                                  "bigq\tJp\x11\x01\x00u.";

static void pickles_are_read(void **state)
{
	struct err e = ERR_INIT;
	json_t *j = pickle_read(FROM_PYTHON, sizeof(FROM_PYTHON) - 1, &e), *l;

	if (!j)
		fail_msg("%s", e.detail);
	assert_string_equal(json_string_value(json_object_get(j, "_srcDomXML")), "<domain/>");
	assert_int_equal(json_integer_value(json_object_get(j, "big")), 70000);
	l = json_object_get(j, "l");
	assert_int_equal(json_array_size(l), 5);
	assert_int_equal(json_integer_value(json_array_get(l, 3)), -3);
	assert_string_equal(json_string_value(json_object_get(json_array_get(l, 4), "k")), "a");
	json_decref(j);
}

static void pickles_are_written(void **state)
{
	g_autoptr(GByteArray) out = g_byte_array_new();
	json_t *j = json_pack("{s:s}", "_srcDomXML", "<domain>\xc3\xbc</domain>"), *again;
	struct err e = ERR_INIT;

	pickle_write(out, j);
	g_byte_array_set_size(out, out->len + 512); /* a padded volume */
	again = pickle_read(out->data, out->len, &e);
	assert_true(json_equal(j, again));
	json_decref(j);
	json_decref(again);
}

static void bad_pickles_are_refused(void **state)
{
	static const struct {
		const char *data;
		size_t n;
	} BAD[] = {
#define CASE(s) { s, sizeof(s) - 1 }
		CASE(""),
		CASE("."),
		CASE("\x80\x02"),
		CASE("\x80\x02}"),
		CASE("(."),
		CASE("u."),
		CASE("}u."),
		CASE("s."),
		CASE("NNs."),
		CASE("cos\nsystem\n(S'ls'\ntR."),
		CASE("]q\x00h\x00"
		     "a."),
		CASE("X\xff\xff\xff\xff."),
		CASE("\x8a\xff."),
		CASE("}(NNu."),
		CASE("}(X\x01\x00\x00\x00"
		     "au."),
		CASE("h\x05."),
		CASE("0."),
		CASE("NN."),
		CASE("X\x01\x00\x00\x00\xff."),
		CASE("a."),
		CASE("(e."),
		CASE("\x85."),
		CASE("Nr\xff\xff\xff\xff."),
		CASE("((t(u.")
	};
	g_autofree char *deep = g_strnfill(100000, ']');

	for (size_t i = 0; i < G_N_ELEMENTS(BAD); i++) {
		struct err e = ERR_INIT;

		assert_null(pickle_read(BAD[i].data, BAD[i].n, &e));
	}
	for (size_t n = 0; n < sizeof(FROM_PYTHON) - 2; n++) {
		struct err e = ERR_INIT;

		assert_null(pickle_read(FROM_PYTHON, n, &e));
	}
	for (size_t i = 0; i < sizeof(FROM_PYTHON) - 1; i++)
		for (int v = 0; v < 256; v++) {
			g_autofree char *data = g_memdup2(FROM_PYTHON, sizeof(FROM_PYTHON));
			struct err e = ERR_INIT;

			data[i] = (char)v;
			json_decref(pickle_read(data, sizeof(FROM_PYTHON) - 1, &e));
		}
	struct err e = ERR_INIT;
	assert_null(pickle_read(deep, 100000, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(payload_is_read),         cmocka_unit_test(bad_payloads_are_refused),
		cmocka_unit_test(floppy_is_a_file_system), cmocka_unit_test(floppy_has_limits),
		cmocka_unit_test(pickles_are_read),        cmocka_unit_test(pickles_are_written),
		cmocka_unit_test(bad_pickles_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
