/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of the command line: words, values, documents, tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib.h>
#include <string.h>

#include "base/auto.h"
#include "cli/body.h"
#include "cli/flags.h"
#include "cli/project.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/tree.h"
#include "cli/value.h"
#include "model/types.h"

/* ---- text ---- */

static void widths(void **state)
{
	assert_int_equal(text_width("abc"), 3);
	assert_int_equal(text_width("é"), 1);
	assert_int_equal(text_width("漢字"), 4);
	assert_int_equal(text_width("e\xcc\x81"), 1); /* a letter and its accent */
	assert_int_equal(text_width(""), 0);
}

static void hostile_text(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "plain é 漢", "plain é 漢" },
		{ "\033[31mred", "\\x1b[31mred" },
		{ "a\nb\tc\rd", "a\\nb\\tc\\rd" },
		{ "\xc2\x9b"
		  "31m",
		  "\\x9b31m" },
		{ "\xe2\x80\xae"
		  "x",
		  "\\u202ex" },
		{ "\xff\xfe", "\\xff\\xfe" },
		{ "\xe2\x80", "\\xe2\\x80" },
		{ "\x7f", "\\x7f" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *out = text_printable(rows[i].in);

		assert_string_equal(out, rows[i].out);
	}
}

static void guesses(void **state)
{
	struct guess g = GUESS("memmory");

	guess_offer(&g, "name");
	guess_offer(&g, "memory");
	assert_string_equal(guess_best(&g), "memory");
	g = (struct guess)GUESS("xyzzy");
	guess_offer(&g, "memory");
	assert_null(guess_best(&g));
	assert_int_equal(text_distance("kitten", "sitting"), 3);
	assert_true(text_same_word("disk-Attachment", "disk_attachment"));
	assert_true(text_same_word("diskattachments", "disk-attachments"));
	assert_false(text_same_word("disk", "disks"));
}

/* ---- values ---- */

static void sizes(void **state)
{
	static const struct {
		const char *text;
		int64_t n;
	} good[] = {
		{ "0", 0 },
		{ "512", 512 },
		{ "-1", -1 },
		{ "1K", 1024 },
		{ "4GiB", INT64_C(4) << 30 },
		{ "10G", INT64_C(10) << 30 },
		{ "10GB", INT64_C(10000000000) },
		{ "1.5T", INT64_C(3) << 39 },
		{ "2 MiB", 2 << 20 },
		{ "7b", 7 },
		{ "9223372036854775807", INT64_MAX },
	};
	static const char *const bad[] = { "",
		                           "x",
		                           "4XB",
		                           "1.5",
		                           "0x10",
		                           "4GiBs",
		                           "9999999999999T",
		                           "nan",
		                           "inf",
		                           "1e400",
		                           "--2",
		                           "9223372036854775808T" };
	struct err e = ERR_INIT;
	int64_t n;

	for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
		assert_int_equal(value_size(good[i].text, &n, &e), 0);
		assert_int_equal(n, good[i].n);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_int_equal(value_size(bad[i], &n, &e), -1);
}

static void other_values(void **state)
{
	struct err e = ERR_INIT;
	int ms;
	bool b;

	assert_int_equal(value_duration("90", &ms, &e), 0);
	assert_int_equal(ms, 90000);
	assert_int_equal(value_duration("1.5m", &ms, &e), 0);
	assert_int_equal(ms, 90000);
	assert_int_equal(value_duration("10ms", &ms, &e), 0);
	assert_int_equal(ms, 10);
	assert_int_equal(value_duration("-1s", &ms, &e), -1);
	assert_int_equal(value_duration("soon", &ms, &e), -1);
	assert_int_equal(value_duration("9999d", &ms, &e), -1);
	assert_int_equal(value_bool("Yes", &b, &e), 0);
	assert_true(b);
	assert_int_equal(value_bool("off", &b, &e), 0);
	assert_false(b);
	assert_int_equal(value_bool("maybe", &b, &e), -1);
}

static void bytes_for_people(void **state)
{
	g_autoptr(GString) s = g_string_new(NULL);

	value_append_bytes(s, INT64_C(2) << 30);
	g_string_append_c(s, ' ');
	value_append_bytes(s, 1536);
	g_string_append_c(s, ' ');
	value_append_bytes(s, 17);
	assert_string_equal(s->str, "2 GiB 1.5 KiB 17 B");
}

/* ---- the tree ---- */

static bool enter(struct tree_place *p, const char *words)
{
	g_auto(GStrv) parts = g_strsplit(words, " ", -1);

	*p = (struct tree_place){ .depth = 0 };
	for (char **w = parts; *w; w++)
		if (!tree_enter(p, *w))
			return false;
	return true;
}

static void places(void **state)
{
	static const char *const rows[][2] = {
		{ "vm", "vms" },
		{ "vms", "vms" },
		{ "storage-domain", "storage_domains" },
		{ "storagedomain", "storage_domains" },
		{ "sd", "storage_domains" },
		{ "vm nic", "vm_nics" },
		{ "vm disk", "disk_attachments" },
		{ "vm disk-attachment", "disk_attachments" },
		{ "host nic", "host_nics" },
		{ "cluster affinity-group", "affinity_groups" },
		{ "cluster affinity-group vm", "affinity_group_vms" },
		{ "host storage", "host_storage" },
		{ "dc", "data_centers" },
		{ "job step", "steps" },
		{ "os", "operating_systems" },
	};
	struct tree_place p;

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		assert_true(enter(&p, rows[i][0]));
		assert_string_equal(p.level[p.depth - 1].service->name, rows[i][1]);
	}
	assert_false(enter(&p, "vmm"));
	assert_false(enter(&p, "vm vm"));
}

/* Every word that we show leads back to where it stands, on every level; and so does every verb. */
static int walk(struct tree_place *p)
{
	const struct m_service *s = tree_below(p);
	g_autoptr(GArray) verbs = p->depth ? tree_verbs(p) : g_array_new(FALSE, TRUE, sizeof(struct tree_verb));
	int n = (int)verbs->len;

	for (guint i = 0; i < verbs->len; i++) {
		const struct tree_verb *v = &g_array_index(verbs, struct tree_verb, i);
		struct tree_verb found;

		assert_true(tree_verb_find(p, v->word, &found));
		if (found.op != v->op)
			fail_msg("%s: '%s' leads to %s", v->op->name, v->word, found.op->name);
		assert_int_equal(found.is_item, v->is_item);
	}
	for (int i = 0; i < s->n_locators; i++) {
		struct tree_place deeper = *p;
		struct tree_level l;
		g_autofree char *word = NULL;

		if (!tree_is_part(s, i))
			continue;
		l = tree_level_of(&s->locators[i]);
		word = tree_word(&l);
		if (!tree_enter(&deeper, word) || strcmp(deeper.level[deeper.depth - 1].path, s->locators[i].path) != 0)
			fail_msg("%s: '%s' does not lead to %s", s->name, word, s->locators[i].path);
		if (p->depth < 4)
			n += walk(&deeper);
	}
	return n;
}

static void every_word_leads_back(void **state)
{
	struct tree_place p = { .depth = 0 };

	assert_true(walk(&p) > 640);
}

static void what_is_put_and_what_is_made(void **state)
{
	struct tree_place p;

	assert_true(enter(&p, "vm tag") && tree_takes_existing(&p.level[1]));
	assert_true(enter(&p, "cluster network") && tree_takes_existing(&p.level[1]));
	assert_true(enter(&p, "dc sd") && tree_takes_existing(&p.level[1]));
	assert_true(enter(&p, "vm nic") && !tree_takes_existing(&p.level[1]));
	assert_true(enter(&p, "template nic") && !tree_takes_existing(&p.level[1]));
	assert_true(enter(&p, "vm") && !tree_takes_existing(&p.level[0]));
	assert_true(enter(&p, "dc network") && !tree_takes_existing(&p.level[1]));
}

/* ---- documents ---- */

static char *find_any(void *arg, const struct m_type *t, const char *text, struct err *e)
{
	if (strcmp(text, "none") == 0) {
		err_set(e, ERR_NO_ENTITY, "none");
		return NULL;
	}
	return g_strconcat(t->name, "-", text, NULL);
}

static struct body vm_body(void)
{
	return (struct body){ .type = &M_TYPE_vm, .json = json_object(), .op = &M_OP_vms_add, .find = find_any };
}

static void documents(void **state)
{
	static const char *const flags[][2] = {
		{ "name", "web" },
		{ "memory", "2GiB" },
		{ "cpu.topology", "cores=2" },
		{ "cpu.topology.sockets", "3" },
		{ "cluster", "c1" },
		{ "template", "id=7" },
		{ "os.boot.devices", "hd,cdrom" },
		{ "os.boot.devices", "network" },
		{ "custom-properties", "name=a,value=b" },
		{ "high_availability.enabled", "yes" },
		{ "placement-policy.hosts", "h1" },
		{ "display.type", "VNC" },
	};
	struct body b = vm_body();
	struct err e = ERR_INIT;
	char *text;

	for (size_t i = 0; i < G_N_ELEMENTS(flags); i++)
		if (body_set(&b, flags[i][0], flags[i][1], &e) < 0)
			fail_msg("%s: %s", flags[i][0], e.detail);
	text = json_dumps(b.json, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, "{\"cluster\":{\"id\":\"cluster-c1\"},\"cpu\":{\"topology\":{\"cores\":2,\"sockets\":"
	                          "3}},\"custom_properties\":"
	                          "{\"custom_property\":[{\"name\":\"a\",\"value\":\"b\"}]},\"display\":{\"type\":"
	                          "\"vnc\"},\"high_availability\":"
	                          "{\"enabled\":true},\"memory\":2147483648,\"name\":\"web\",\"os\":{\"boot\":{"
	                          "\"devices\":{\"device\":[\"hd\",\"cdrom\","
	                          "\"network\"]}}},\"placement_policy\":{\"hosts\":{\"host\":[{\"id\":\"host-h1\"}]}},"
	                          "\"template\":{\"id\":\"7\"}}");
	free(text);
	json_decref(b.json);
}

static void wrong_documents(void **state)
{
	static const char *const flags[][2] = {
		{ "nothing", "x" },
		{ "cpu.nothing", "x" },
		{ "name.x", "y" },
		{ "memory", "x" },
		{ "display.type", "vmc" },
		{ "cluster", "none" },
		{ "cpu.topology", "5" },
		{ "cpu.topology", "nothing=1" },
		{ "", "x" },
		{ ".", "x" },
		{ "cpu.", "x" },
		{ "custom-properties", "{" },
		{ "name", "\xff" },
		{ "nics.name", "x" },
	};
	struct body b = vm_body();
	struct err e;

	for (size_t i = 0; i < G_N_ELEMENTS(flags); i++) {
		e = (struct err)ERR_INIT;
		assert_int_equal(body_set(&b, flags[i][0], flags[i][1], &e), -1);
		assert_true(*e.detail != '\0');
	}
	json_decref(b.json);
}

static void suggestions(void **state)
{
	static const char *const rows[][2] = {
		{ "cores", "cpu.topology.cores" },
		{ "memmory", "memory" },
		{ "cpu.topology.coers", "cpu.topology.cores" },
		{ "qqqqqqqq", NULL },
	};
	struct body b = vm_body();

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *s = body_suggest(&b, rows[i][0]);

		if (rows[i][1])
			assert_string_equal(s, rows[i][1]);
		else
			assert_null(s);
	}
	json_decref(b.json);
}

static void actions_know_their_parameters(void **state)
{
	struct body b = { .type = &M_TYPE_action, .json = json_object(), .op = &M_OP_vm_stop, .is_action = true };

	assert_non_null(body_field(&b, "force"));
	assert_null(body_field(&b, "storage-domain"));
	json_decref(b.json);
}

static void yaml_there_and_back(void **state)
{
	static const char text[] = "name: web\nmemory: 1073741824\nstateless: true\nos:\n  boot:\n    devices:\n      "
	                           "device: [hd, \"no\"]\ncomment: \"a: b\"\nlist:\n- a: 1\n  b: 2\n- c\n";
	struct err e = ERR_INIT;
	auto_json *j = yaml_to_json(text, strlen(text), &e), *again = NULL;
	g_autoptr(GString) out = g_string_new(NULL);

	assert_non_null(j);
	yaml_append(out, j);
	again = yaml_to_json(out->str, out->len, &e);
	assert_true(json_equal(j, again));
	for (const char *const *bad = (const char *const[]){ "", "a: [", "a: b: c", "\x01", "? [a]\n: b", NULL }; *bad;
	     bad++)
		assert_null(yaml_to_json(*bad, strlen(*bad), &e));
}

static void yaml_that_multiplies(void **state)
{
	g_autoptr(GString) s = g_string_new("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
	struct err e = ERR_INIT;

	for (int i = 1; i < 9; i++)
		g_string_append_printf(s, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i,
		                       i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	assert_null(yaml_to_json(s->str, s->len, &e));
	assert_int_equal(e.code, ERR_TOO_LARGE);
}

static void only_what_is_wanted(void **state)
{
	static const char text[] =
	    "{\"vm\":[{\"id\":\"1\",\"name\":\"a\",\"os\":{\"x\":[1,2.5,true,null]},\"memory\":\"5\"},{\"id\":\"2\"}]}";
	static const char *const members[] = { "id", "os", NULL };
	static const char *const bad[] = { "",
		                           "[]",
		                           "{",
		                           "{\"vm\":{}}",
		                           "{\"vm\":[1]}",
		                           "{\"vm\":[{\"id\":}]}",
		                           "{\"vm\":[{\"id\":\"\xff\"}]}",
		                           "nothing" };
	struct err e = ERR_INIT;
	auto_json *j = project_list(text, strlen(text), "vm", members, &e),
	          *none = project_list("{}", 2, "vm", NULL, &e);

	assert_int_equal(json_array_size(j), 2);
	assert_int_equal(json_object_size(json_array_get(j, 0)), 2);
	assert_int_equal(json_array_size(json_object_get(json_object_get(json_array_get(j, 0), "os"), "x")), 4);
	assert_int_equal(json_array_size(none), 0);
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_null(project_list(bad[i], strlen(bad[i]), "vm", members, &e));
}

/* ---- tables and flags ---- */

static char *printed(const struct table *t, bool is_csv, bool has_colour)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (is_csv)
		table_print_csv(t, f, true);
	else
		table_print(t, f, true, has_colour);
	fclose(f);
	return text;
}

static void tables(void **state)
{
	struct table *t = table_new((const char *const[]){ "NAME", "N" }, 2);
	char *csv, *text, *colours;

	table_row(t, (const char *const[]){ "漢字", "10" });
	table_row(t, (const char *const[]){ "a,\"b", "9" });
	table_row(t, (const char *const[]){ "up", NULL });
	csv = printed(t, true, false);
	assert_string_equal(csv, "NAME,N\r\n漢字,10\r\n\"a,\"\"b\",9\r\nup,\r\n");
	table_sort(t, 1, false);
	text = printed(t, false, false);
	assert_string_equal(text, "NAME  N\nup\na,\"b  9\n漢字  10\n");
	colours = printed(t, false, true);
	assert_non_null(strstr(colours, "\033[32mup\033[0m"));
	free(csv);
	free(text);
	free(colours);
	table_free(t);
}

static void fixed_flags(void **state)
{
	const char *name = NULL, *words[1] = { NULL };
	bool is_on = false;
	const struct flag flags[] = { { "name", FLAG_TEXT, &name, 'n' }, { "is-on", FLAG_BOOL, &is_on }, { NULL } };
	struct err e = ERR_INIT;

	assert_int_equal(flags_parse(flags, 4, (char *[]){ "w", "-n", "x", "--is_on" }, words, 1, &e), 0);
	assert_string_equal(name, "x");
	assert_string_equal(words[0], "w");
	assert_true(is_on);
	assert_int_equal(flags_parse(flags, 1, (char *[]){ "--is-on=false" }, words, 1, &e), 0);
	assert_false(is_on);
	assert_int_equal(flags_parse(flags, 1, (char *[]){ "--name" }, words, 1, &e), -1);
	assert_int_equal(flags_parse(flags, 1, (char *[]){ "--nam=x" }, words, 1, &e), -1);
	assert_non_null(strstr(e.detail, "--name"));
	assert_int_equal(flags_parse(flags, 2, (char *[]){ "a", "b" }, words, 1, &e), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(widths),
		cmocka_unit_test(hostile_text),
		cmocka_unit_test(guesses),
		cmocka_unit_test(sizes),
		cmocka_unit_test(other_values),
		cmocka_unit_test(bytes_for_people),
		cmocka_unit_test(places),
		cmocka_unit_test(every_word_leads_back),
		cmocka_unit_test(what_is_put_and_what_is_made),
		cmocka_unit_test(documents),
		cmocka_unit_test(wrong_documents),
		cmocka_unit_test(suggestions),
		cmocka_unit_test(actions_know_their_parameters),
		cmocka_unit_test(yaml_there_and_back),
		cmocka_unit_test(yaml_that_multiplies),
		cmocka_unit_test(only_what_is_wanted),
		cmocka_unit_test(tables),
		cmocka_unit_test(fixed_flags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
