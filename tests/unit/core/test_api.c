/* SPDX-License-Identifier: Apache-2.0 */
/* The API's rules without HTTP: the table of operations, who sees what, references, lists, follow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "manager/api/call.h"
#include "manager/api/generic.h"
#include "manager/api/route.h"
#include "manager/core/sessions.h"
#include "manager/core/tables.h"
#include "manager/core/txn.h"
#include "tests/unit/core/world.h"

const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0"; } /* the world ends with a power failure */

static struct world world;
static struct login admin, jane;

static void log_in(struct world *w)
{
	struct err e;

	assert_int_equal(session_login(w->core, "admin@internal", "secret", &admin, &e), 0);
	assert_int_equal(session_login(w->core, "jane@internal", "secret", &jane, &e), 0);
}

static int setup(void **state)
{
	log_set_level(-1);
	world_open(&world, log_in);
	return 0;
}

static int teardown(void **state)
{
	world_close(&world);
	return 0;
}

/* ---- the table of operations ---- */

static bool is_write(const struct m_op *op) { return op->kind != M_OP_LIST && op->kind != M_OP_GET; }

/* They look for the permit themselves: it depends on the request. */
static const char *const CHECK_THEMSELVES[] = {
	"clusters.add",
	"networks.add",
	"data_center_networks.add",
	"vnic_profiles.add",
	"assigned_vnic_profiles.add",
	"vms.add",
	"disks.add",
	"hosts.add",
	"disk_attachments.add",
	"disk_attachment.update",
	"disk_attachment.remove",
	"storage_domain.remove",
	"disk.copy",
	"disk.move",
	"storage_domain_disks.add",
	"disk_profiles.add",
	"assigned_disk_profiles.add",
	"system_permissions.add",
	"assigned_permissions.add",
	"permission.remove",
	"assigned_cpu_profiles.add",
	"cpu_profiles.add",
	"templates.add",
	"vm.clone",
	NULL,
};

static bool is_known_permit(const char *name)
{
	for (const struct permit_type *p = PERMITS; p->name; p++)
		if (strcmp(p->name, name) == 0)
			return true;
	return false;
}

static void test_table(void **state)
{
	int found = 0, wrong = 0;

	for (int i = 0; M_OPS[i]; i++) {
		const struct m_op *op = M_OPS[i];
		const struct api_op *row = api_find(op);
		bool is_generic_write;

		if (!row)
			continue;
		found++;
		assert_non_null(row->run);
		is_generic_write = row->run == generic_add || row->run == generic_update;
		if (is_write(op) && !(row->flags & OP_WAITS)) {
			print_message("%s: writes, and does not run in a fiber\n", op->name);
			wrong++;
		}
		if (is_write(op) && !row->permit && !g_strv_contains(CHECK_THEMSELVES, op->name)) {
			print_message("%s: writes, and names no permit\n", op->name);
			wrong++;
		}
		if (row->permit && !is_known_permit(row->permit)) {
			print_message("%s: there is no permit %s\n", op->name, row->permit);
			wrong++;
		}
		if (row->flags & OP_NO_LOGIN) {
			print_message("%s: works without login\n", op->name);
			wrong++;
		}
		if (is_generic_write && (!op->body || op->body->type != M_KINDS[row->kind].type)) {
			print_message("%s: the body is not what the handler takes it for\n", op->name);
			wrong++;
		}
		if (row->has_parent && (row->by < 0 || row->by >= M_KINDS[row->kind].n_index)) {
			print_message("%s: no such relation\n", op->name);
			wrong++;
		}
		if (row->run == generic_list && op->result->type != M_KINDS[row->kind].type) {
			print_message("%s: lists another type\n", op->name);
			wrong++;
		}
	}
	assert_int_equal(found, api_count());
	assert_int_equal(wrong, 0);
}

/* ---- asking ---- */

struct asked {
	struct call call;
	bool is_done;
};

static void on_finish(struct call *c) { ((struct asked *)c->user)->is_done = true; }

/* GET path as the owner of the token. The answer stays valid until the pool goes; release it before. */
static struct asked *get(struct pool *p, const char *path, const char *token, const struct call_query *query)
{
	struct asked *a = POOL_NEW(p, struct asked);
	struct route r;

	if (!route_find(p, path, &r))
		return NULL;
	a->call = (struct call){ .core = world.core,
		                 .pool = p,
		                 .op = route_op(&r, "GET"),
		                 .base = "/ovirt-engine/api",
		                 .path = r.path,
		                 .n_ids = r.n_ids,
		                 .token = token,
		                 .finish = on_finish,
		                 .user = a,
		                 .query = query ? *query : (struct call_query){ .max = -1, .from = -1, .filter = -1 } };
	memcpy(a->call.ids, r.ids, sizeof(r.ids));
	if (!a->call.op)
		return NULL;
	call_dispatch(&a->call);
	for (int i = 0; !a->is_done && i < 100000; i++)
		loop_turn(world.loop, 1000);
	assert_true(a->is_done);
	return a;
}

/* ---- the whole tree, as administrator and as somebody who may nothing ---- */

/* What everybody may know: facts about the product, and what is nobody's. */
static bool is_public(const char *path)
{
	static const char *const words[] = {
		"operatingsystems", "networkfilters", "icons", "options", "clusterlevels", "domains", "vmpools",
		"openstackimageproviders", "openstacknetworkproviders", "openstackvolumeproviders",
		"externalhostproviders",
		/* sizes and roles to choose from, and what everyone may use from the start */
		"instancetypes", "roles", "cpuprofiles", "macpools", "vnicprofiles", "networks", NULL
	};
	g_auto(GStrv) parts = g_strsplit(path, "/", -1);

	for (int i = 0; parts[i]; i++)
		if (g_strv_contains(words, parts[i]))
			return true;
	return !*path;
}

static int visited, hidden, leaks;

/* Nobody's in particular: herself, what Everyone has a permission on, permissions of Everyone. */
static bool is_hers(const struct m_type *t, const void *obj)
{
	const struct m_entity *en = m_entity(t, obj);

	if (t == &M_TYPE_permission)
		return g_strcmp0(((const struct m_permission *)obj)->group.id, PERM_EVERYONE) == 0;
	return !en || !en->id || strcmp(en->id, WORLD_USER) == 0 || strcmp(en->id, UUID_NIL) == 0;
}

static void look_as_jane(const char *path, const struct asked *as_admin)
{
	auto_pool p = pool_new();
	struct asked *a = get(p, path, jane.token, NULL);
	bool shows;

	assert_non_null(a);
	shows = a->call.error.code == ERR_NONE && (a->call.result != RESULT_LIST || a->call.n_list > 0);
	if (as_admin->call.error.code == ERR_NONE && as_admin->call.result == RESULT_LIST && as_admin->call.n_list == 0)
		shows = false; /* nothing to be seen */
	hidden += !shows;
	if (shows && a->call.result == RESULT_LIST) {
		shows = false;
		for (size_t i = 0; i < a->call.n_list; i++)
			shows = shows || !is_hers(a->call.type, a->call.list[i]);
	}
	if (shows && a->call.type == &M_TYPE_permission && a->call.object)
		shows = !is_hers(a->call.type, a->call.object);
	if (shows && !is_public(path) && !strstr(path, WORLD_USER) && !g_str_has_prefix(path, "templates/" UUID_NIL))
		print_message("%s can be seen by everybody\n", path), leaks++;
	call_release(&a->call);
}

static void crawl(const struct m_service *s, const char *path, int depth);

static void crawl_items(const struct m_service *s, const char *path, struct asked *list, int depth)
{
	const struct m_locator *param = NULL;

	for (int i = 0; i < s->n_locators; i++)
		if (s->locators[i].param)
			param = &s->locators[i];
	for (size_t i = 0; param && i < list->call.n_list && i < 3; i++) {
		const struct m_entity *en = m_entity(list->call.type, list->call.list[i]);
		g_autofree char *below = en && en->id ? g_strdup_printf("%s/%s", path, en->id) : NULL;
		if (below)
			crawl(param->service, below, depth + 1);
	}
}

static void crawl(const struct m_service *s, const char *path, int depth)
{
	const struct m_op *op = m_service_op(s, M_OP_LIST, NULL);
	bool is_list = op;

	op = op ? op : m_service_op(s, M_OP_GET, NULL);
	if (op && api_find(op)) {
		auto_pool p = pool_new();
		struct asked *a = get(p, path, admin.token, NULL);

		assert_non_null(a);
		if (a->call.error.code == ERR_INTERNAL || a->call.error.code == ERR_BACKEND)
			fail_msg("%s: %s", path, a->call.error.detail);
		if (a->call.error.code == ERR_NONE) {
			visited++;
			if (a->call.op->result && a->call.op->result->type && a->call.type != a->call.op->result->type)
				fail_msg("%s answers a %s", path, a->call.type->name);
			look_as_jane(path, a);
			if (is_list && a->call.result == RESULT_LIST)
				crawl_items(s, path, a, depth);
		}
		call_release(&a->call);
	}
	for (int i = 0; i < s->n_locators && depth < 5; i++)
		if (!s->locators[i].param) {
			g_autofree char *below = g_strdup_printf("%s%s%s", path, *path ? "/" : "", s->locators[i].path);
			crawl(s->locators[i].service, below, depth + 1);
		}
}

static void test_who_sees_what(void **state)
{
	visited = hidden = leaks = 0;
	crawl(M_ROOT_SERVICE, "", 0);
	print_message("%d resources visited, %d hidden\n", visited, hidden);
	assert_int_equal(leaks, 0);
	assert_true(visited > 60 && hidden > 30);
}

/* ---- references ---- */

static void test_resolve(void **state)
{
	auto_pool p = pool_new();
	struct call c = { .core = world.core, .pool = p, .op = m_op_find("vms.add") };
	const struct m_cluster *cl = inv_first(world.core->inv, KIND_CLUSTER)->pub;
	struct err e = ERR_INIT;
	struct m_cluster named = { .name = cl->name };
	struct m_network net = { .name = "ovirtmgmt" };
	struct m_ref ref = { .id = g_ascii_strup(cl->id, -1) };

	pool_on_free(p, g_free, ref.id);
	assert_int_equal(call_resolve(&c, &ref, KIND_CLUSTER, NULL, true, "vm.cluster", &e), 0);
	assert_string_equal(ref.id, cl->id); /* upper case is the same */
	ref = (struct m_ref){ .obj = &named };
	assert_int_equal(call_resolve(&c, &ref, KIND_CLUSTER, NULL, true, "vm.cluster", &e), 0);
	assert_string_equal(ref.id, cl->id);
	ref = (struct m_ref){ 0 };
	assert_int_equal(call_resolve(&c, &ref, KIND_CLUSTER, NULL, false, "vm.cluster", &e), 0);
	assert_null(ref.id);
	assert_int_equal(call_resolve(&c, &ref, KIND_CLUSTER, NULL, true, "vm.cluster", &e), -1);
	assert_true(e.code == ERR_MISSING && strcmp(e.field, "vm.cluster") == 0);
	named.name = NULL;
	ref = (struct m_ref){ .obj = &named };
	assert_int_equal(call_resolve(&c, &ref, KIND_CLUSTER, NULL, false, "vm.cluster", &e), -1);
	assert_int_equal(e.code, ERR_MISSING);
	ref = (struct m_ref){ .id = (char *)"7" };
	assert_int_equal(call_resolve(&c, &ref, KIND_CLUSTER, NULL, false, "vm.cluster", &e), -1);
	assert_int_equal(e.code, ERR_INVALID);
	ref = (struct m_ref){ .id = (char *)WORLD_VM }; /* it exists, and is no cluster */
	assert_int_equal(call_resolve(&c, &ref, KIND_CLUSTER, NULL, false, "vm.cluster", &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
	assert_non_null(strstr(e.detail, "Entity not found: Cluster: id=" WORLD_VM));
	ref = (struct m_ref){ .obj = &net };
	assert_int_equal(call_resolve(&c, &ref, KIND_NETWORK, cl->data_center.id, true, "network", &e), 0);
	assert_non_null(ref.id);
	ref = (struct m_ref){ .obj = &net };
	assert_int_equal(call_resolve(&c, &ref, KIND_NETWORK, WORLD_VM, true, "network", &e),
	                 -1); /* none of that scope */
	assert_non_null(strstr(e.detail, "Entity not found: Network: name=ovirtmgmt"));
}

/* What is on its way out is not there any more, by id and by name. */
static void test_resolve_what_goes(void **state)
{
	auto_pool p = pool_new();
	struct call c = { .core = world.core, .pool = p, .op = m_op_find("vms.add") };
	struct m_cluster named = { .name = (char *)"Default" };
	struct m_ref by_name = { .obj = &named },
	             by_id = { .id = (char *)inv_first(world.core->inv, KIND_CLUSTER)->id };
	struct txn *t = txn_begin(world.core);
	struct err e;

	world.journal->is_held = true;
	txn_remove(t, KIND_CLUSTER, by_id.id);
	txn_commit_async(t);
	assert_int_equal(call_resolve(&c, &by_id, KIND_CLUSTER, NULL, true, "vm.cluster", &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
	assert_int_equal(call_resolve(&c, &by_name, KIND_CLUSTER, NULL, true, "vm.cluster", &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
	memory_journal_release(world.journal);
}

/* ---- lists ---- */

static void add_tags(void *arg)
{
	struct txn *t = txn_begin(world.core);
	struct m_permission *perm;
	struct err e;

	for (int i = 0; i < 700; i++)
		((struct m_tag *)txn_new(t, KIND_TAG, NULL))->name = pool_printf(txn_pool(t), "t%03d", i);
	for (int i = 0; i < 10; i++) {
		struct m_vm *vm = txn_new(t, KIND_VM, NULL);
		vm->name = pool_printf(txn_pool(t), "vm%d", i);
		vm->status = M_VM_STATUS_DOWN;
		vm->cluster.id = pool_strdup(txn_pool(t), inv_first(world.core->inv, KIND_CLUSTER)->id);
		if (i % 3)
			continue;
		perm = txn_new(t, KIND_PERMISSION, NULL); /* Jane's: vm0, vm3, vm6, vm9 */
		perm->role.id = "00000000-0000-0000-0001-000000000001";
		perm->user.id = WORLD_USER;
		perm->vm.id = pool_strdup(txn_pool(t), vm->id);
	}
	assert_int_equal(txn_commit(t, &e), 0);
	*(bool *)arg = true;
}

static const char *names(const char *path, const char *token, int64_t max, const char *search, int filter)
{
	static char text[2000];
	auto_pool p = pool_new();
	struct call_query q = { .max = max, .from = -1, .filter = filter, .search = search };
	struct asked *a = get(p, path, token, &q);

	text[0] = 0;
	if (a->call.error.code != ERR_NONE)
		g_strlcpy(text, err_code_name(a->call.error.code), sizeof(text));
	for (size_t i = 0; i < a->call.n_list; i++) {
		g_strlcat(text, i ? " " : "", sizeof(text));
		g_strlcat(text, m_entity(a->call.type, a->call.list[i])->name, sizeof(text));
	}
	call_release(&a->call);
	return text;
}

static void test_lists(void **state)
{
	bool is_done = false;

	fiber_start(world.loop, "fill", add_tags, &is_done);
	while (!is_done)
		loop_turn(world.loop, 1000);
	assert_string_equal(names("tags", admin.token, 3, NULL, -1), "root t000 t001");
	assert_string_equal(names("tags", admin.token, 0, NULL, -1), "");
	assert_string_equal(names("tags", admin.token, 2, "name=t1* page 2", -1), "t102 t103");
	assert_string_equal(names("tags", admin.token, 2, "sortby name desc page 3", -1), "t695 t694");
	assert_string_equal(names("tags", admin.token, 500, "page 3", -1), "");
	assert_string_equal(names("tags", admin.token, 100000, "page 2", -1), "");
	assert_string_equal(names("tags", admin.token, INT64_MAX, "name=t00* page 2", -1), "");
	assert_string_equal(names("tags", admin.token, INT64_MAX, "name=t00*", -1),
	                    "t000 t001 t002 t003 t004 t005 t006 t007 t008 t009");
	assert_string_equal(names("tags", admin.token, -1, "colour=red", -1), "invalid");
	/* Jane sees what she has a permission on, and pages are made of that */
	assert_string_equal(names("vms", jane.token, -1, NULL, -1), "vm0 vm3 vm6 vm9");
	assert_string_equal(names("vms", jane.token, -1, NULL, 1), "vm0 vm3 vm6 vm9");
	assert_string_equal(names("vms", jane.token, -1, NULL, 0), "denied");
	assert_string_equal(names("vms", jane.token, 3, "sortby name desc", -1), "vm9 vm6 vm3");
	assert_string_equal(names("vms", jane.token, 3, "sortby name desc page 2", -1), "vm0");
	assert_string_equal(names("vms", jane.token, -1, "name=vm1 or name=vm6", -1), "vm6");
	assert_string_equal(names("vms", admin.token, 2, NULL, -1), "v vm0");
	assert_string_equal(names("vms", admin.token, 2, NULL, 1), "v vm0");
	assert_string_equal(names("vms", "no token", 2, NULL, -1), "auth");
	assert_string_equal(names("vms/" WORLD_VM "/nics", admin.token, -1, NULL, -1), "nic1");
	assert_string_equal(names("vms/" WORLD_VM "/nics", jane.token, -1, NULL, -1), "no_entity");
	assert_string_equal(names("users/" WORLD_USER "/sshpublickeys", jane.token, -1, NULL, -1), "");
}

/* ---- follow ---- */

static struct call *follow(struct pool *p, const char *path, const char *words, const char *token)
{
	struct call_query q = { .max = -1, .from = -1, .filter = -1, .follow = words };
	return &get(p, path, token, &q)->call;
}

static void test_follow(void **state)
{
	auto_pool p = pool_new();
	struct call *c = follow(p, "vms/" WORLD_VM,
	                        "cluster.data_center,nics.vnic_profile.network,diskattachments.disk", admin.token);
	const struct m_vm *vm = c->object;
	const struct m_cluster *cl = vm->cluster.obj;
	const struct m_nic *nic;

	assert_int_equal(c->error.code, ERR_NONE);
	assert_string_equal(cl->name, "Default");
	assert_string_equal(((const struct m_data_center *)cl->data_center.obj)->name, "Default");
	assert_int_equal(vm->nics.n, 1);
	nic = vm->nics.v[0].obj;
	assert_string_equal(
	    ((const struct m_network *)((const struct m_vnic_profile *)nic->vnic_profile.obj)->network.obj)->name,
	    "ovirtmgmt");
	assert_int_equal(vm->disk_attachments.n, 1);
	assert_string_equal(
	    ((const struct m_disk *)((const struct m_disk_attachment *)vm->disk_attachments.v[0].obj)->disk.obj)->alias,
	    "d");
	/* what is published was not touched by it */
	assert_null(INV_GET(world.core->inv, VM, vm, WORLD_VM)->cluster.obj);
	assert_int_equal(INV_GET(world.core->inv, VM, vm, WORLD_VM)->nics.n, 0);
	call_release(c);
}

static void test_follow_limits(void **state)
{
	static const struct {
		const char *words;
		enum err_code code;
	} cases[] = {
		{ "nothing", ERR_INVALID },
		{ "name", ERR_INVALID },
		{ "cluster.nothing", ERR_INVALID },
		{ "cluster..name", ERR_INVALID },
		{ "cluster.data_center.clusters.data_center.clusters.data_center", ERR_NONE },
		{ "cluster.data_center.clusters.data_center.clusters.data_center.clusters", ERR_TOO_LARGE },
		{ "nics,nics,nics,nics,nics,nics,nics,nics,nics,nics,nics,nics,nics,nics,nics,nics,nics,nics,nics,nics,"
		  "nics,nics,nics,nics,nics,"
		  "nics,nics,nics,nics,nics,nics,nics",
		  ERR_NONE },
		{ "nics,nics,nics,nics,nics,nics,nics,nics,nics,nics,nics,nics,nics,nics,nics,nics,nics,nics,nics,nics,"
		  "nics,nics,nics,nics,nics,"
		  "nics,nics,nics,nics,nics,nics,nics,nics",
		  ERR_TOO_LARGE },
		{ "", ERR_NONE },
		{ ",,", ERR_NONE },
		{ " nics , Cluster ", ERR_NONE },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		auto_pool p = pool_new();
		struct call *c = follow(p, "vms/" WORLD_VM, cases[i].words, admin.token);

		if (c->error.code != cases[i].code)
			fail_msg("follow=%s: %s", cases[i].words, err_code_name(c->error.code));
		if (cases[i].code != ERR_NONE)
			assert_string_equal(c->error.field, "follow");
		call_release(c);
	}
}

static void give_vm(void *arg)
{
	struct txn *t = txn_begin(world.core);
	struct m_permission *perm = txn_new(t, KIND_PERMISSION, NULL);
	struct err e;

	perm->role.id = "00000000-0000-0000-0001-000000000001"; /* UserRole */
	perm->user.id = WORLD_USER;
	perm->vm.id = WORLD_VM;
	assert_int_equal(txn_commit(t, &e), 0);
	*(bool *)arg = true;
}

/* Following shows nobody more than asking. */
static void test_follow_is_no_way_in(void **state)
{
	auto_pool p = pool_new();
	const struct m_vm *vm;
	bool is_done = false;
	struct call *c;

	fiber_start(world.loop, "give", give_vm, &is_done);
	while (!is_done)
		loop_turn(world.loop, 1000);
	c = follow(p, "vms/" WORLD_VM, "cluster,nics,template", jane.token);
	vm = c->object;
	assert_int_equal(c->error.code, ERR_NONE);
	assert_null(vm->cluster.obj);
	assert_non_null(vm->cluster.id);
	assert_int_equal(vm->nics.n, 1);
	assert_string_equal(((const struct m_template *)vm->template.obj)->name, "Blank"); /* Everyone may */
	call_release(c);
}

#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(table), T(who_sees_what), T(resolve),       T(resolve_what_goes),
		T(lists), T(follow),        T(follow_limits), T(follow_is_no_way_in),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
