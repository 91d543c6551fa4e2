/* SPDX-License-Identifier: Apache-2.0 */
/* Layout, presence, merging, rules, required input, dates: what the tables promise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/date.h"
#include "model/kinds.h"
#include "model/types.h"

static void *parse(struct pool *p, const struct m_type *t, const char *json)
{
	struct err e = ERR_INIT;
	void *out;

	if (m_from_json(p, t, json, strlen(json), NULL, &out, &e) < 0)
		fail_msg("%s: %s: %s", json, e.field, e.detail);
	return out;
}

/* ---- tables ---------------------------------------------------------------------------------- */

/* The bit that the tables name is the bit that the compiler gave to the member. */
static void test_has_bits(void **state)
{
	struct m_vm vm = { 0 };
	const struct m_field *memory = m_field_find(&M_TYPE_vm, "memory"),
	                     *stateless = m_field_find(&M_TYPE_vm, "stateless");

	assert_false(m_has(&M_TYPE_vm, &vm, memory));
	M_SET(&vm, memory, 5);
	assert_true(m_has(&M_TYPE_vm, &vm, memory));
	assert_false(m_has(&M_TYPE_vm, &vm, stateless));
	vm.has.stateless = 1;
	assert_true(m_has(&M_TYPE_vm, &vm, stateless));
	m_clear(&M_TYPE_vm, &vm, memory);
	assert_false(vm.has.memory);
	assert_int_equal(M_GET(&vm, memory, 42), 42);
}

static void test_tables(void **state)
{
	for (const struct m_type *const *t = M_TYPES; *t; t++) {
		assert_ptr_equal(m_type_find((*t)->name), *t);
		assert_ptr_equal(M_TYPES[(*t)->index], *t);
		int bits = 0;

		for (int i = 0; i < (*t)->n_fields; i++) {
			const struct m_field *f = &(*t)->fields[i];

			assert_ptr_equal(m_field_find(*t, f->name), f);
			assert_int_equal(f->name_len, strlen(f->name));
			assert_true(f->offset + (f->kind == M_BOOL && !(f->flags & M_F_LIST) ? 1 : 4) <= (*t)->size);
			if (f->has_bit >= 0)
				assert_int_equal(f->has_bit, bits++);
		}
		assert_int_equal((*t)->has_words, (bits + 63) / 64);
		assert_null(m_field_find(*t, "no_such_member"));
	}
	assert_null(m_type_find("spaceship"));
	assert_int_equal(M_TYPE_vm.index, M_TI_vm);
	assert_int_equal(offsetof(struct m_vm, id), M_TYPE_vm.has_words * 8);
	struct m_vm vm = { .id = "x" };

	assert_string_equal(m_entity(&M_TYPE_vm, &vm)->id, "x");
	assert_null(m_entity(&M_TYPE_cpu, &vm));
}

static void test_enums(void **state)
{
	for (const struct m_enum *const *en = M_ENUMS; *en; en++) {
		for (int i = 1; i < (*en)->n_values; i++)
			assert_int_equal(m_enum_value(*en, m_enum_name(*en, i)), i);
		assert_int_equal(m_enum_value(*en, ""), 0);
		assert_string_equal(m_enum_name(*en, (*en)->n_values), "");
		assert_string_equal(m_enum_name(*en, -1), "");
	}
	assert_int_equal(m_enum_value(&M_ENUM_vm_status, "POWERING_up"), M_VM_STATUS_POWERING_UP);
	assert_int_equal(M_VM_STATUS_NONE, 0);
	/* Where the API knows a `none`, it is a value like any other. */
	assert_int_equal(m_enum_value(&M_ENUM_boot_protocol, "none"), M_BOOT_PROTOCOL_NONE);
	assert_true(M_BOOT_PROTOCOL_NONE != M_BOOT_PROTOCOL_ABSENT);
}

static void test_services(void **state)
{
	int n = 0;

	for (const struct m_op *const *op = M_OPS; *op; op++, n++) {
		assert_int_equal((*op)->index, n);
		assert_ptr_equal(m_op_find((*op)->name), *op);
		assert_ptr_equal(m_service_op((*op)->service, (*op)->kind, (*op)->path), *op);
	}
	assert_int_equal(n, N_M_OPS);
	assert_int_equal(M_OP_vms_add.index, M_OPI_vms_add);
	assert_string_equal(M_OP_vms_add.body->name, "vm");
	assert_ptr_equal(M_OP_vms_list.result->type, &M_TYPE_vm);
	assert_true(M_OP_vms_list.result->is_list);
	assert_string_equal(m_service_op(&M_SERVICE_vm, M_OP_ACTION, "cancelmigration")->name, "vm.cancel_migration");
	assert_null(m_service_op(&M_SERVICE_vm, M_OP_ACTION, "fly"));
	assert_null(m_service_op(&M_SERVICE_vm, M_OP_ACTION, NULL));
	assert_string_equal(M_ROOT_SERVICE->name, "system");
}

static void test_kinds(void **state)
{
	for (int i = 0; i < N_KINDS; i++) {
		const struct m_kind_info *k = &M_KINDS[i];

		assert_true(k->type->is_identified);
		for (int n = 0; n < k->n_index; n++)
			assert_ptr_equal(k->index_fields[n], m_field_find(k->type, k->index[n]));
		assert_null(k->index[k->n_index]);
	}
	assert_null(M_KINDS[N_KINDS].name);
	assert_string_equal(M_KINDS[KIND_VM].name, "vm");
}

/* ---- objects --------------------------------------------------------------------------------- */

static void test_paths(void **state)
{
	auto_pool p = pool_new();
	const struct m_vm *vm = parse(p, &M_TYPE_vm,
	                              "{\"name\":\"a\",\"cluster\":{\"id\":\"c\"},\"template\":{\"name\":\"Blank\"},"
	                              "\"cpu\":{\"topology\":{\"cores\":\"1\"}},"
	                              "\"snapshots\":{\"snapshot\":[{\"id\":\"s\"},{\"id\":\"t\"}]},\"disk_"
	                              "attachments\":[{\"id\":\"s\"},{\"name\":\"t\"}],\"nics\":{}}");
	static const char *const PRESENT[] = {
		"name", "cluster", "cluster.id", "template.name", "cpu.topology.cores", "snapshots.id", "nics"
	};
	static const char *const ABSENT[] = { "comment",
		                              "cluster.name",
		                              "template.id",
		                              "cpu.topology.threads",
		                              "disk_attachments.id",
		                              "nics.id",
		                              "name.x",
		                              "nothing",
		                              "",
		                              ".",
		                              "cluster.",
		                              "cpu.topology.cores.x" };

	for (size_t i = 0; i < G_N_ELEMENTS(PRESENT); i++) {
		if (!m_path_present(&M_TYPE_vm, vm, PRESENT[i]))
			fail_msg("%s is absent", PRESENT[i]);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(ABSENT); i++) {
		if (m_path_present(&M_TYPE_vm, vm, ABSENT[i]))
			fail_msg("%s is present", ABSENT[i]);
	}
}

static void test_merge(void **state)
{
	auto_pool p = pool_new();
	struct err e = ERR_INIT;
	struct m_vm *vm = parse(p, &M_TYPE_vm,
	                        "{\"name\":\"a\",\"memory\":1,\"status\":\"up\",\"cpu\":{\"architecture\":\"x86_64\","
	                        "\"topology\":{\"cores\":1,\"sockets\":3}},"
	                        "\"os\":{\"boot\":{\"devices\":[\"hd\",\"network\"]}},\"cluster\":{\"id\":\"c\"}}");
	const struct m_vm *change = parse(p, &M_TYPE_vm,
	                                  "{\"description\":\"\",\"memory\":0,\"status\":\"down\",\"id\":\"other\","
	                                  "\"cpu\":{\"topology\":{\"cores\":2}},"
	                                  "\"os\":{\"boot\":{\"devices\":[\"cdrom\"]}},\"cluster\":{\"id\":\"d\"}}");

	assert_int_equal(m_merge(p, &M_TYPE_vm, vm, change, M_MERGE_API, &e), 0);
	assert_string_equal(vm->name, "a");
	assert_string_equal(vm->description, "");
	assert_true(vm->has.memory && vm->memory == 0);
	assert_int_equal(vm->status, M_VM_STATUS_UP); /* read-only */
	assert_null(vm->id);
	assert_int_equal(vm->cpu->topology->cores, 2);
	assert_int_equal(vm->cpu->topology->sockets, 3);
	assert_int_equal(vm->cpu->architecture, M_ARCHITECTURE_X86_64);
	assert_int_equal(vm->os->boot->devices.n, 1);
	assert_string_equal(vm->cluster.id, "d");
	assert_ptr_not_equal(vm->cpu->topology, change->cpu->topology);
	assert_int_equal(m_merge(p, &M_TYPE_vm, vm, change, 0, &e), 0);
	assert_int_equal(vm->status, M_VM_STATUS_DOWN);
	assert_string_equal(vm->id, "other");
}

/* A create-only member may be sent back as it was, and nothing else. */
static void test_create_only(void **state)
{
	int n = 0;

	for (const struct m_type *const *t = M_TYPES; *t; t++) {
		for (int i = 0; i < (*t)->n_fields; i++) {
			const struct m_field *f = &(*t)->fields[i];
			auto_pool p = pool_new();
			struct err e = ERR_INIT;

			if (!(f->flags & M_F_CREATE_ONLY) || f->flags & (M_F_READONLY | M_F_LIST) || f->kind != M_REF)
				continue;
			char *dst = m_new(p, *t), *src = m_new(p, *t);

			((struct m_ref *)(void *)(dst + f->offset))->id = "a";
			((struct m_ref *)(void *)(src + f->offset))->id = "a";
			assert_int_equal(m_merge(p, *t, dst, src, M_MERGE_API, &e), 0);
			((struct m_ref *)(void *)(src + f->offset))->id = "b";
			assert_int_equal(m_merge(p, *t, dst, src, M_MERGE_API, &e), -1);
			assert_int_equal(e.code, ERR_IMMUTABLE);
			assert_non_null(strstr(e.field, f->name));
			assert_int_equal(m_merge(p, *t, dst, src, 0, &e), 0);
			n++;
		}
	}
	assert_true(n > 0);
}

static void test_copy_common(void **state)
{
	auto_pool p = pool_new();
	const struct m_template *t = parse(p, &M_TYPE_template,
	                                   "{\"id\":\"t\",\"name\":\"tpl\",\"memory\":7,\"status\":\"ok\",\"cpu\":{"
	                                   "\"topology\":{\"cores\":4}},\"nics\":[{\"id\":\"n\"}]}");
	struct m_vm *vm = parse(p, &M_TYPE_vm, "{\"stateless\":true,\"comment\":\"mine\"}");

	m_copy_common(p, &M_TYPE_vm, vm, &M_TYPE_template, t);
	assert_null(vm->id);
	assert_string_equal(vm->name, "tpl");
	assert_string_equal(vm->comment, "mine");
	assert_int_equal(vm->memory, 7);
	assert_true(vm->has.memory && vm->has.stateless);
	assert_int_equal(vm->status, 0); /* another enumeration */
	assert_int_equal(vm->cpu->topology->cores, 4);
	assert_ptr_not_equal(vm->cpu, t->cpu);
	assert_string_equal(vm->nics.v[0].id, "n");
}

static void test_freeze_drops(void **state)
{
	auto_pool p = pool_new();
	struct m_vm *vm = parse(p, &M_TYPE_vm,
	                        "{\"id\":\"v\",\"cluster\":{\"id\":\"c\",\"name\":\"x\"},\"template\":{\"name\":\"x\"},"
	                        "\"nics\":[{\"name\":\"n\"},{\"id\":\"m\"}],\"tags\":[]}");

	vm->href = "/x";
	vm->service = &M_SERVICE_vm;
	struct m_vm *f = m_freeze(&M_TYPE_vm, vm);

	assert_string_equal(f->cluster.id, "c");
	assert_null(f->cluster.obj);
	assert_false(f->template.id || f->template.obj);
	assert_int_equal(f->nics.n, 1);
	assert_string_equal(f->nics.v[0].id, "m");
	assert_true(f->tags.v && f->tags.n == 0);
	assert_null(f->href);
	assert_null(f->service);
	m_frozen_release(f);
	m_frozen_release(NULL);
}

static gpointer hold_and_drop(gpointer frozen)
{
	for (int i = 0; i < 10000; i++)
		m_frozen_release(m_frozen_retain(frozen));
	m_frozen_release(frozen);
	return NULL;
}

static void test_freeze_threads(void **state)
{
	struct m_vm vm = { .name = "a" };
	void *f = m_freeze(&M_TYPE_vm, &vm);
	GThread *threads[4];

	for (int i = 0; i < 4; i++)
		threads[i] = g_thread_new("hold", hold_and_drop, m_frozen_retain(f));
	m_frozen_release(f);
	for (int i = 0; i < 4; i++)
		g_thread_join(threads[i]);
}

/* ---- rules ----------------------------------------------------------------------------------- */

/* Rules are data: each one that has a bound is stepped over by one. */
static void test_rules(void **state)
{
	int n = 0;

	for (const struct m_type *const *t = M_TYPES; *t; t++) {
		for (int i = 0; i < (*t)->n_fields; i++) {
			const struct m_field *f = &(*t)->fields[i];
			auto_pool p = pool_new();
			struct err e = ERR_INIT;
			char *obj = m_new(p, *t), field[96];

			if (f->kind != M_INT || !f->has_max || f->flags & M_F_LIST || f->max == INT64_MAX)
				continue;
			((uint64_t *)(void *)obj)[f->has_bit / 64] |= UINT64_C(1) << (f->has_bit % 64);
			*(int64_t *)(void *)(obj + f->offset) = f->max;
			assert_int_equal(m_validate(*t, obj, &e), 0);
			*(int64_t *)(void *)(obj + f->offset) = f->max + 1;
			assert_int_equal(m_validate(*t, obj, &e), -1);
			assert_int_equal(e.code, ERR_RANGE);
			g_snprintf(field, sizeof(field), "%s.%s", (*t)->name, f->name);
			assert_string_equal(e.field, field);
			n++;
		}
	}
	assert_true(n > 0);
}

static void test_rules_of_strings(void **state)
{
	struct err e = ERR_INIT;
	g_autofree char *long_name = g_strnfill(256, 'a');
	struct m_vm vm = { .name = "web-1.example_x" };
	struct m_cpu_topology topology = { .has.cores = 1, .cores = 0 };
	struct m_cpu cpu = { .topology = &topology };

	assert_int_equal(m_validate(&M_TYPE_vm, &vm, &e), 0);
	vm.name = "";
	assert_int_equal(m_validate(&M_TYPE_vm, &vm, &e), -1);
	assert_string_equal(e.field, "vm.name");
	vm.name = long_name;
	assert_int_equal(m_validate(&M_TYPE_vm, &vm, &e), -1);
	assert_non_null(strstr(e.detail, "255 characters"));
	vm.name = "my vm";
	assert_int_equal(m_validate(&M_TYPE_vm, &vm, &e), -1);
	assert_non_null(strstr(e.detail, "letters"));
	vm.name = "fine";
	vm.cpu = &cpu;
	assert_int_equal(m_validate(&M_TYPE_vm, &vm, &e), -1);
	assert_string_equal(e.field, "vm.cpu.topology.cores");
	assert_int_equal(e.code, ERR_RANGE);
}

/* ---- required input -------------------------------------------------------------------------- */

static const struct {
	const struct m_op *op;
	const char *body;         /* JSON; NULL: no body */
	const char *field, *says; /* NULL: fits */
} INPUTS[] = {
	{ &M_OP_vms_add, "{\"name\":\"a\",\"cluster\":{\"id\":\"c\"},\"template\":{\"name\":\"Blank\"}}", NULL, NULL },
	{ &M_OP_vms_add, "{\"name\":\"a\",\"cluster\":{\"id\":\"c\"}}", "vm.template.id",
	  "Vm [template.id|template.name] required for add" },
	{ &M_OP_vms_add, "{\"initialization\":{\"configuration\":{\"data\":\"x\",\"type\":\"ova\"}}}", NULL, NULL },
	{ &M_OP_vms_add, "{\"initialization\":{\"configuration\":{\"data\":\"x\"}}}",
	  "vm.initialization.configuration.type", "configuration.type" },
	{ &M_OP_bookmarks_add, NULL, "bookmark.name", "Bookmark [name, value] required for add" },
	{ &M_OP_bookmarks_add, "{\"name\":\"\",\"value\":\"\"}", NULL, NULL },
	{ &M_OP_disk_copy, "{\"storage_domain\":{\"name\":\"a\"}}", NULL, NULL },
	{ &M_OP_disk_copy, "{}", "storage_domain", "'storage_domain' is mandatory" },
	{ &M_OP_disk_copy, "{\"storage_domain\":{}}", "storage_domain.id",
	  "Action [storage_domain.id|storage_domain.name] required for copy" },
	{ &M_OP_vm_clone, "{}", "vm", "'vm' is mandatory" },
	{ &M_OP_vm_clone, "{\"vm\":{}}", "vm.name", "Action [vm.name]" },
	{ &M_OP_vm_clone, "{\"vm\":{\"name\":\"a\"}}", NULL, NULL },
	{ &M_OP_vm_export, "{\"host\":{\"name\":\"h\"}}", "directory", "[directory]" },
	{ &M_OP_vms_list, NULL, NULL, NULL },
};

static void test_required(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(INPUTS); i++) {
		auto_pool p = pool_new();
		const struct m_op *op = INPUTS[i].op;
		void *body =
		    INPUTS[i].body ? parse(p, op->body ? op->body->type : &M_TYPE_action, INPUTS[i].body) : NULL;
		struct err e = ERR_INIT;
		int rc = m_op_check_input(op, body, &e);

		if (rc != (INPUTS[i].field ? -1 : 0))
			fail_msg("%s %s: %d %s", op->name, INPUTS[i].body, rc, e.detail);
		if (rc < 0 &&
		    (e.code != ERR_MISSING || strcmp(e.field, INPUTS[i].field) || !strstr(e.detail, INPUTS[i].says)))
			fail_msg("%s %s: '%s' '%s'", op->name, INPUTS[i].body, e.field, e.detail);
	}
}

/* Every operation can be asked about an empty body without harm. */
static void test_required_everywhere(void **state)
{
	for (const struct m_op *const *op = M_OPS; *op; op++) {
		auto_pool p = pool_new();
		struct err e = ERR_INIT;

		m_op_check_input(*op, NULL, &e);
		m_op_check_input(*op, m_new(p, (*op)->body ? (*op)->body->type : &M_TYPE_action), &e);
	}
}

/* ---- dates ----------------------------------------------------------------------------------- */

static const struct {
	const char *text;
	int64_t ms;
	const char *back; /* NULL: as text */
} DATES[] = {
	{ "1970-01-01T00:00:00.000Z", 0, NULL },
	{ "2024-03-01T10:15:30.123Z", 1709288130123, NULL },
	{ "2024-03-01T10:15:30.123+01:00", 1709284530123, "2024-03-01T09:15:30.123Z" },
	{ "2024-02-29T23:59:59-05:30", 1709270999000, "2024-03-01T05:29:59.000Z" },
	{ "2024-03-01 10:15:30.123456789Z", 1709288130123, "2024-03-01T10:15:30.123Z" },
	{ "2024-03-01T10:15:30", 1709288130000, "2024-03-01T10:15:30.000Z" },
	{ "1969-12-31T23:59:59.999Z", -1, NULL },
	{ "1900-03-01T00:00:00.000Z", -2203891200000, NULL },
	{ "0001-01-01T00:00:00.000Z", M_DATE_MIN, NULL },
	{ "9999-12-31T23:59:59.999Z", M_DATE_MAX, NULL },
};

static const char *const NO_DATES[] = {
	"",
	"now",
	"2024-03-01",
	"2024-13-01T00:00:00Z",
	"2024-00-01T00:00:00Z",
	"2024-04-31T00:00:00Z",
	"2023-02-29T00:00:00Z",
	"1900-02-29T00:00:00Z",
	"0000-01-01T00:00:00Z",
	"2024-03-01T24:00:00Z",
	"2024-03-01T10:60:00Z",
	"2024-03-01T10:15:30.Z",
	"2024-03-01T10:15:30+1",
	"2024-03-01T10:15:30+01:60",
	"2024-03-01T10:15:30Zx",
	"2024-3-01T10:15:30Z",
	"+2024-03-01T10:15:30Z",
	"0001-01-01T00:00:00+00:01",
	"9999-12-31T23:59:59-00:01",
};

static void test_dates(void **state)
{
	char buf[M_DATE_TEXT];
	int64_t ms;

	for (size_t i = 0; i < G_N_ELEMENTS(DATES); i++) {
		if (!m_date_parse(DATES[i].text, &ms) || ms != DATES[i].ms)
			fail_msg("%s is %" G_GINT64_FORMAT, DATES[i].text, ms);
		size_t len = m_date_format(ms, buf);

		assert_int_equal(len, strlen(buf));
		assert_string_equal(buf, DATES[i].back ? DATES[i].back : DATES[i].text);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(NO_DATES); i++) {
		if (m_date_parse(NO_DATES[i], &ms))
			fail_msg("taken: %s", NO_DATES[i]);
	}
	for (int64_t day = -800000; day < 2900000; day += 97) {
		m_date_format(day * 86400000 + 12345, buf);
		if (day * 86400000 < M_DATE_MIN || day * 86400000 > M_DATE_MAX)
			continue;
		assert_true(m_date_parse(buf, &ms));
		assert_int_equal(ms, day * 86400000 + 12345);
	}
	m_date_format(INT64_MAX, buf);
	assert_string_equal(buf, "9999-12-31T23:59:59.999Z");
	m_date_format(INT64_MIN, buf);
	assert_string_equal(buf, "0001-01-01T00:00:00.000Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_has_bits),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_enums),
		cmocka_unit_test(test_services),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_create_only),
		cmocka_unit_test(test_copy_common),
		cmocka_unit_test(test_freeze_drops),
		cmocka_unit_test(test_freeze_threads),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_rules_of_strings),
		cmocka_unit_test(test_required),
		cmocka_unit_test(test_required_everywhere),
		cmocka_unit_test(test_dates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
