/* SPDX-License-Identifier: Apache-2.0 */
/* What is found in the scene, and in which order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "manager/api/search_internal.h"
#include "tests/unit/search/scene.h"

static struct scene scene;

struct order {
	const struct search *s;
	enum kind k;
};

static int compare(const void *a, const void *b, void *arg)
{
	const struct order *o = arg;
	return search_compare(o->s, o->k, *(void *const *)a, *(void *const *)b);
}

/* Ids of what is found, in order, joined by blanks. */
static char *find_with(struct pool *p, enum kind k, const char *query, bool is_case_sensitive)
{
	struct err e = ERR_INIT;
	struct search *s = search_parse(p, k, query, is_case_sensitive, &e);
	GPtrArray *found = g_ptr_array_new();
	GString *out = g_string_new(NULL);
	char *ids;

	if (!s)
		fail_msg("%s: %s", query, e.detail);
	INV_EACH (en, scene.core.inv, k)
		if (search_matches(&scene.core, s, en->pub))
			g_ptr_array_add(found, (void *)en->pub);
	g_qsort_with_data(found->pdata, (int)found->len, sizeof(void *), compare, &(struct order){ s, k });
	for (guint i = 0; i < found->len; i++)
		g_string_append_printf(out, "%s%s", i ? " " : "", m_entity(M_KINDS[k].type, found->pdata[i])->id);
	ids = pool_strdup(p, out->str);
	g_ptr_array_free(found, TRUE);
	g_string_free(out, TRUE);
	return ids;
}

struct expect {
	enum kind kind;
	const char *query, *ids;
};

static void check(const struct expect *x, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		auto_pool p = pool_new();
		const char *ids = find_with(p, x[i].kind, x[i].query, false);

		if (strcmp(ids, x[i].ids) != 0)
			fail_msg("%s %s: '%s', not '%s'", M_KINDS[x[i].kind].name, x[i].query, ids, x[i].ids);
	}
}
#define CHECK(cases) check(cases, G_N_ELEMENTS(cases))

static void test_vms(void **state)
{
	static const struct expect CASES[] = {
		{ KIND_VM, "", "v4 v1 v2 v3 v5" },
		{ KIND_VM, "name=web*", "v1 v2 v3" },
		{ KIND_VM, "name=web-01", "v1" },
		{ KIND_VM, "name=web", "" },
		{ KIND_VM, "name!=web*", "v4 v5" },
		{ KIND_VM, "name=\xc3\xa4*", "v5" },
		{ KIND_VM, "name = \"db_1\"", "v4" },
		{ KIND_VM, "name = \"db%1\"", "" },
		{ KIND_VM, "status=up", "v1 v5" },
		{ KIND_VM, "status=migrating", "v2" },
		{ KIND_VM, "status=MigratingFrom", "v2" },
		{ KIND_VM, "status=ImageIllegal", "" },
		{ KIND_VM, "status!=ImageIllegal", "v4 v1 v2 v3 v5" },
		{ KIND_VM, "status=imagelocked", "v4" },
		{ KIND_VM, "status != up", "v4 v2 v3" },
		{ KIND_VM, "memory > 4096", "v4 v5" },
		{ KIND_VM, "memory >= 4096 and memory < 16384", "v4 v1" },
		{ KIND_VM, "memory != 1024", "v4 v1 v2 v5" },
		{ KIND_VM, "guaranteed_memory != 5", "v4 v1 v2 v3 v5" },
		{ KIND_VM, "guaranteed_memory < 5", "" },
		{ KIND_VM, "vcpus=8", "v1" },
		{ KIND_VM, "os=RHEL_9x64", "v4 v1 v2 v3 v5" },
		{ KIND_VM, "uptime > 1", "v1" },
		{ KIND_VM, "uptime > 1.03:00", "" },
		{ KIND_VM, "uptime < 02:00", "" },
		{ KIND_VM, "creationdate < 2026-03-02", "v4 v1 v2 v3 v5" },
		{ KIND_VM, "creationdate > 3/2/26", "" },
		{ KIND_VM, "on_host=alpha", "v1 v2" },
		{ KIND_VM, "on_host=\"\"", "v4 v3" },
		{ KIND_VM, "on_host!=null", "v1 v2 v5" },
		{ KIND_VM, "on_host!=alpha", "v4 v3 v5" },
		{ KIND_VM, "cluster=default datacenter=Default", "v4 v1 v2 v3" },
		{ KIND_VM, "datacenter=lab", "v5" },
		{ KIND_VM, "architecture=x86_64 and type=server", "v4 v1 v2 v3 v5" },
		{ KIND_VM, "compatibility_level=4.7", "v4 v1 v2 v3 v5" },
		{ KIND_VM, "custom_compatibility_level=4.6", "v2" },
		{ KIND_VM, "next_run_config_exists=true", "v5" },
		{ KIND_VM, "next_run_config_exists=false", "v4 v1 v2 v3" },
		{ KIND_VM, "next_run_config_exists!=true", "v4 v1 v2 v3" },
		{ KIND_VM, "description=\"\"", "v4 v1 v2 v5" },
		{ KIND_VM, "description!=\"\"", "v3" },
		{ KIND_VM, "quota=null", "v4 v1 v2 v3 v5" },
		{ KIND_VM, "id=V1", "v1" },
		{ KIND_VM, "k8s_namespace=x", "" },
		{ KIND_VM, "tag=berlin", "v1" },
		{ KIND_VM, "tag=europe", "v1 v3" },
		{ KIND_VM, "tag=*a", "v2" },
		{ KIND_VM, "tag=root", "v1 v2 v3" },
		{ KIND_VM, "tag!=europe", "v4 v2 v5" },
		{ KIND_VM, "tag=null", "v4 v5" },
		{ KIND_VM, "door", "v1" },
		{ KIND_VM, "example.com", "v2" },
		{ KIND_VM, "berl", "v1" },
		{ KIND_VM, "\"100% idle\"", "v3" },
		{ KIND_VM, "gamma", "v5" },
		{ KIND_VM, "*", "v4 v1 v2 v3 v5" },
	};
	auto_pool p = pool_new();

	CHECK(CASES);
	assert_string_equal(find_with(p, KIND_VM, "name=web*", true), "v1 v2");
	assert_string_equal(find_with(p, KIND_VM, "name=Web*", true), "v3");
	assert_string_equal(find_with(p, KIND_VM, "STATUS=UP", true), "v1 v5");
}

static void test_precedence(void **state)
{
	static const struct expect CASES[] = {
		/* explicit AND before OR */
		{ KIND_VM, "name=web-01 or name=web-02 and status=up", "v1" },
		{ KIND_VM, "name=web-01 and status=down or name=web-02", "v2" },
		{ KIND_VM, "name=web-02 or name=web-01 and status=up", "v1 v2" },
		/* OR before neighbourhood */
		{ KIND_VM, "name=web-01 or name=web-02 status=up", "v1" },
		{ KIND_VM, "status=up name=web-01 or name=web-02", "v1" },
		{ KIND_VM, "status=up and name=web-01 or name=web-02", "v1 v2" },
		{ KIND_VM, "name=web-01 or name=web-02 status=up or status=migrating", "v1 v2" },
		{ KIND_VM, "name=web-01 OR name=web-02 AND status=up memory>1 and memory<3000 or name=web-01", "v1" },
		/* the same with relations in it */
		{ KIND_VM, "host.name=alpha or name=db_1 and status=up", "v1 v2" },
		{ KIND_VM, "host.name=alpha or name=db_1 status=up", "v1" },
	};

	CHECK(CASES);
}

static void test_related(void **state)
{
	static const struct expect CASES[] = {
		{ KIND_VM, "host.name=alpha", "v1 v2" },
		{ KIND_VM, "hosts.status=up and status=up", "v1" },
		{ KIND_VM, "host.name!=alpha", "v4 v3 v5" },
		{ KIND_VM, "host.name=\"\"", "v4 v3" },
		{ KIND_VM, "host=example.com", "v1 v2 v5" },
		{ KIND_VM, "host != alpha", "v4 v3 v5" },
		{ KIND_VM, "host.memory > 1000", "v1 v2 v5" },
		{ KIND_VM, "template.name=golden", "v5" },
		{ KIND_VM, "user.name=joe", "v1" },
		{ KIND_VM, "users.usrname=jane@corp@*", "v1 v5" },
		/* one user at a time */
		{ KIND_VM, "user.name=joe users.name=jane", "" },
		{ KIND_VM, "user.name=joe or users.name=jane", "v1 v5" },
		{ KIND_VM, "user.name=jane and user.lastname=doe", "v1 v5" },
		{ KIND_VM, "user.name!=jane and user.name!=\"\"", "v1" },
		{ KIND_VM, "user.name!=jane", "v4 v1 v2 v3" },
		{ KIND_VM, "storage.name=nfs2", "v1 v2" },
		{ KIND_VM, "storage.name=nfs2 storage.free_size > 50", "" },
		{ KIND_VM, "storage.name=nfs1 storage.free_size > 50", "v1" },
		{ KIND_VM, "storage.name=nfs2 and host.name=alpha and user.name=joe", "v1" },
		{ KIND_VM, "vnic.network_name=ovirtmgmt", "v1" },
		{ KIND_VM, "vnic.mac=56:6F:*", "v1" },
		{ KIND_VM, "event.severity=error", "v1" },
		{ KIND_VM, "events.message=*moved and event.severity > normal", "" },
		{ KIND_VM, "events.message=*moved and event.severity = normal", "v1" },
		{ KIND_VM, "event.message=null", "v4 v2 v3 v5" },
		{ KIND_HOST, "vm.name=web*", "h1" },
		{ KIND_HOST, "vms.status=up", "h1 h3" },
		{ KIND_HOST, "vms.name=\"\"", "h2" },
		{ KIND_HOST, "storage.name=nfs1", "h1 h2" },
		{ KIND_HOST, "storage.name != \"\" and status=Up", "h1" },
		{ KIND_HOST, "template.name=golden", "h3" },
		{ KIND_HOST, "users.name=joe", "h1" },
		{ KIND_HOST, "event.severity=alert", "h3" },
		{ KIND_HOST, "nic.mac=x", "" },
		{ KIND_TEMPLATE, "hosts.name=gamma and quota=null", "t2" },
		{ KIND_TEMPLATE, "vm.name=web-01", "t1" },
		{ KIND_TEMPLATE, "storage.name=nfs1", "t1" },
		{ KIND_INSTANCE_TYPE, "vms.name=db_1", "i1" },
		{ KIND_INSTANCE_TYPE, "vms.name=web*", "" },
		{ KIND_USER, "vms.name=web* and usrname=jane@ldap", "" },
		{ KIND_USER, "vms.name=web* and usrname=jane@corp@ldap", "u2" },
		{ KIND_USER, "host.name=gamma", "u2" },
		{ KIND_USER, "events.severity=alert", "u1" },
		{ KIND_CLUSTER, "datacenter.name=lab", "c2" },
		{ KIND_CLUSTER, "storage.name=nfs*", "c1" },
		{ KIND_CLUSTER, "cluster_network.network_name=storage-net", "c1" },
		{ KIND_DATA_CENTER, "storage.name=nfs1", "dc1" },
		{ KIND_DATA_CENTER, "clusters.name=lab*", "dc2" },
		{ KIND_DATA_CENTER, "networks.vlanid=42", "dc1" },
		{ KIND_STORAGE_DOMAIN, "hosts.name=alpha", "s1 s2" },
		{ KIND_STORAGE_DOMAIN, "cluster.name=Default", "s1 s2" },
		{ KIND_STORAGE_DOMAIN, "cluster.name=null", "s3" },
		{ KIND_DISK, "datacenter.name=default", "d2 d3 d1" },
		{ KIND_DISK, "storage.name=spare", "d3" },
		{ KIND_NETWORK, "Cluster_network.cluster_name = Default", "n1 n2" },
		{ KIND_NETWORK, "host_network.host_name=x", "" },
		{ KIND_EVENT, "Vm.name=web* and Hosts.name=beta", "10" },
		{ KIND_EVENT, "host.name!=beta", "11 9" },
		{ KIND_EVENT, "user.name=joe cluster.name=null volume=x", "" },
		{ KIND_EVENT, "user.name=joe cluster.name=null volume!=x", "11 10 9" },
	};

	CHECK(CASES);
}

static void test_other_kinds(void **state)
{
	static const struct expect CASES[] = {
		{ KIND_HOST, "", "h1 h2 h3" },
		{ KIND_HOST, "status=nonresponsive or status=maintenance", "h2 h3" },
		{ KIND_HOST, "status=non_responsive", "h3" },
		{ KIND_HOST, "type=rhel and external_status=ok", "h1 h2 h3" },
		{ KIND_HOST, "hw_id=4c4c4544-000h1 and datacenter=default and status=Up", "h1" },
		{ KIND_HOST, "cpus=16 and memory=65536 and cpu_speed>2100.4 and version=4.5.10", "h1 h2 h3" },
		{ KIND_HOST, "active_vms=2", "h1" },
		{ KIND_HOST, "migrating_vms=1", "h1" },
		{ KIND_HOST, "committed_mem=6144", "h1" },
		{ KIND_HOST, "spm_id=2", "h2" },
		{ KIND_HOST, "ha_score=null", "h1 h2 h3" },
		{ KIND_HOST, "load<1", "" },
		{ KIND_TEMPLATE, "childcount=4", "t1" },
		{ KIND_TEMPLATE, "creationdate=yesterday", "t1 t2" },
		{ KIND_TEMPLATE, "creationdate=saturday version_name=new", "t2" },
		{ KIND_USER, "usrname=joe", "u1" },
		{ KIND_USER, "usrname=joe@internal*", "u1" },
		{ KIND_USER, "usrname=joe@other", "" },
		{ KIND_USER, "usrname!=joe@internal-authz", "u2" },
		{ KIND_USER, "login=joe and directory=internal-authz and type=user", "u1" },
		{ KIND_USER, "user_and_domain=joe@internal-authz", "u1" },
		{ KIND_USER, "internal-a", "u1" },
		{ KIND_GROUP, "grpname=admins", "g1" },
		{ KIND_DATA_CENTER, "local=true", "dc2" },
		{ KIND_DATA_CENTER, "status=up and compatibility_version=4.7", "dc1 dc2" },
		{ KIND_CLUSTER, "cpu_type=*skylake* and architecture=x86_64", "c1 c2" },
		{ KIND_STORAGE_DOMAIN, "free_size=100", "s1" },
		{ KIND_STORAGE_DOMAIN, "free_size < 10", "s2" },
		{ KIND_STORAGE_DOMAIN, "total_size >= 70", "s1 s3" },
		{ KIND_STORAGE_DOMAIN, "status=unattached", "s3" },
		{ KIND_STORAGE_DOMAIN, "shared_status=active type=nfs", "s1 s2" },
		{ KIND_STORAGE_DOMAIN, "low_space_threshold (%)=10 critical_space_threshold (gb) = 5", "s1 s2 s3" },
		{ KIND_STORAGE_DOMAIN, "datacenter=null", "s3" },
		{ KIND_DISK, "", "d2 d3 d1" },
		{ KIND_DISK, "alias=web*", "d1" },
		{ KIND_DISK, "name=shared", "d2" },
		{ KIND_DISK, "vm_names=web-02", "d2" },
		{ KIND_DISK, "vm_names!=web-02", "d3 d1" },
		{ KIND_DISK, "vm_names=null", "d3" },
		{ KIND_DISK, "number_of_vms > 1", "d2" },
		{ KIND_DISK, "disk_type=image and disk_content_type=iso", "d3" },
		{ KIND_DISK, "allocation_policy=sparse", "d2 d1" },
		{ KIND_DISK, "allocation_policy!=sparse", "d3" },
		{ KIND_DISK, "size > 10737418240 status=ok", "d2" },
		{ KIND_NETWORK, "vmnetwork=true", "n1" },
		{ KIND_NETWORK, "vlanid > 5", "n2" },
		{ KIND_NETWORK, "vlanid != 42", "n1" },
		{ KIND_VNIC_PROFILE, "passthrough=true and network_name=ovirtmgmt and datacenter=default", "vp1" },
		{ KIND_EVENT, "", "11 10 9" },
		{ KIND_EVENT, "severity=error", "9" },
		{ KIND_EVENT, "severity > normal", "11 9" },
		{ KIND_EVENT, "severity <= warning", "10" },
		{ KIND_EVENT, "time=today", "9" },
		{ KIND_EVENT, "time > yesterday", "10 9" },
		{ KIND_EVENT, "time < today", "11 10" },
		{ KIND_EVENT, "time = friday", "11" },
		{ KIND_EVENT, "type=39 or type=41", "11 9" },
		{ KIND_EVENT, "usrname=joe@internal* event_vm=web-01", "10 9" },
		{ KIND_EVENT, "deleted=false and custom_event_id=null", "11 10 9" },
		{ KIND_EVENT, "_event_host_id=h3", "11" },
		{ KIND_EVENT, "trouble", "9" },
		{ KIND_JOB, "", "j2 j1" },
		{ KIND_JOB, "correlation_id=ABC", "j1" },
		{ KIND_TAG, "name=*a*", "tag3" },
		{ KIND_BOOKMARK, "mine", "b1" },
	};

	CHECK(CASES);
}

static void test_sort(void **state)
{
	static const struct expect CASES[] = {
		{ KIND_VM, "sortby name desc", "v5 v3 v2 v1 v4" },
		{ KIND_VM, "sortby memory", "v3 v2 v1 v4 v5" },
		{ KIND_VM, "SORTBY memory DESC page 1", "v5 v4 v1 v2 v3" },
		{ KIND_VM, "name=web* sortby status desc", "v2 v1 v3" },
		{ KIND_VM, "sortby comment", "v4 v2 v3 v5 v1" },      /* none first */
		{ KIND_VM, "sortby comment desc", "v1 v4 v2 v3 v5" }, /* none last */
		{ KIND_VM, "sortby on_host", "v4 v3 v1 v2 v5" },      /* names of others */
		{ KIND_VM, "sortby on_host desc", "v5 v1 v2 v4 v3" },
		{ KIND_VM, "sortby custom_compatibility_level desc", "v2 v4 v1 v3 v5" },
		{ KIND_VM, "sortby uptime desc", "v1 v4 v2 v3 v5" },
		{ KIND_TEMPLATE, "sortby name desc", "t2 t1" },
		{ KIND_EVENT, "sortby severity", "10 9 11" },
		{ KIND_EVENT, "sortby time", "11 10 9" },
		{ KIND_EVENT, "sortby usrname", "11 10 9" },
		{ KIND_STORAGE_DOMAIN, "sortby free_size", "s2 s3 s1" },
		{ KIND_DISK, "sortby size desc", "d2 d1 d3" },
	};
	auto_pool p = pool_new();
	struct err e = ERR_INIT;
	struct search *s = search_parse(p, KIND_VM, "sortby name page 12", true, &e);

	CHECK(CASES);
	assert_int_equal(search_page(s), 12);
	assert_int_equal(search_page(search_parse(p, KIND_VM, "", true, &e)), 0);
	assert_true(search_compare(NULL, KIND_VM, inv_get(scene.core.inv, KIND_VM, "v1"),
	                           inv_get(scene.core.inv, KIND_VM, "v2")) < 0);
	/* not seen by search_matches: without value, but no harm */
	s = search_parse(p, KIND_VM, "sortby on_host", true, &e);
	assert_true(search_compare(s, KIND_VM, inv_get(scene.core.inv, KIND_VM, "v1"),
	                           inv_get(scene.core.inv, KIND_VM, "v2")) < 0);
}

/* ---- sources ---- */

static bool cpu_usage(struct core *c, const char *id, double *out)
{
	*out = id[1] == '1' ? 85 : 10;
	return id[1] < '4';
}

static void addresses(struct core *c, const char *id, bool (*emit)(void *arg, const char *text), void *arg)
{
	if (id[1] == '1')
		(void)(emit(arg, "10.0.0.9") || emit(arg, "fe80::1"));
	else if (id[1] == '2')
		emit(arg, "10.0.0.10");
}

static void apps(struct core *c, const char *id, bool (*emit)(void *arg, const char *text), void *arg)
{
	emit(arg, "kernel-5.14, qemu-guest-agent-7.2");
}

static void test_sources(void **state)
{
	static const struct expect CASES[] = {
		{ KIND_VM, "status = up and cpu_usage > 80 sortby cpu_usage desc page 2", "v1" },
		{ KIND_VM, "sortby cpu_usage desc", "v1 v2 v3 v4 v5" },
		{ KIND_VM, "cpu_usage = 10", "v2 v3" },
		{ KIND_VM, "cpu_usage != 10", "v4 v1 v5" },
		{ KIND_VM, "cpu_usage = null", "v4 v5" },
		{ KIND_VM, "ip=10.0.0.*", "v1 v2" },
		{ KIND_VM, "ip!=10.0.0.9", "v4 v2 v3 v5" },
		{ KIND_VM, "ip=FE80::1", "v1" },
		{ KIND_VM, "ip!=null sortby ip", "v1 v2" },
		{ KIND_VM, "apps=guest-agent and name=web-01", "v1" },
		{ KIND_VM, "fe80", "v1" },
	};

	assert_true(search_register_stat(KIND_VM, "cpu_usage", cpu_usage));
	assert_true(search_register_text(KIND_VM, "ip", addresses));
	assert_true(search_register_text(KIND_VM, "apps", apps));
	assert_false(search_register_stat(KIND_VM, "nonsense", cpu_usage));
	assert_false(search_register_text(KIND_ROLE, "cpu_usage", apps));
	CHECK(CASES);
}

static void test_tag_cycle(void **state)
{
	static const struct expect CASES[] = { { KIND_VM, "tag=nothing", "" }, { KIND_VM, "tag=loop", "v5" } };
	struct m_tag *t = SCENE_NEW(&scene, TAG, tag, "loop", "loop"),
	             *a = SCENE_NEW(&scene, TAG_ASSIGNMENT, tag, "ta9", NULL);

	t->parent.id = (char *)"loop";
	scene_publish(&scene, KIND_TAG, t);
	a->of_tag.id = (char *)"loop";
	a->vm.id = (char *)"v5";
	scene_publish(&scene, KIND_TAG_ASSIGNMENT, a);
	CHECK(CASES);
}

/* More combinations than are looked at one by one: no crash, no long wait. */
static void test_wide_relations(void **state)
{
	auto_pool p = pool_new();
	GString *q = g_string_new("storage.name!=x");

	for (int i = 0; i < 40; i++) {
		char id[16];

		g_snprintf(id, sizeof(id), "w%d", i);
		if (i < 20) {
			struct m_permission *perm = SCENE_NEW(&scene, PERMISSION, permission, id, NULL);
			struct m_user *u = SCENE_NEW(&scene, USER, user, id, id);

			perm->user.id = pool_strdup(scene.pool, id);
			perm->vm.id = (char *)"v2";
			scene_publish(&scene, KIND_PERMISSION, perm);
			scene_publish(&scene, KIND_USER, u);
		}
		g_string_append_printf(q, " or %s.name=w%d", i < 20 ? "user" : "template", i % 20);
	}
	g_string_append(q, " user.name=w19 host.name=alpha");
	assert_string_equal(find_with(p, KIND_VM, q->str, false), "v2");
	g_string_free(q, TRUE);
}

static int setup(void **state)
{
	scene_init(&scene);
	scene_fill(&scene);
	return 0;
}

static int teardown(void **state)
{
	scene_deinit(&scene);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vms),       cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_related),   cmocka_unit_test(test_other_kinds),
		cmocka_unit_test(test_sort),      cmocka_unit_test(test_sources),
		cmocka_unit_test(test_tag_cycle), cmocka_unit_test(test_wide_relations),
	};
	return cmocka_run_group_tests_name("search: eval", tests, setup, teardown);
}
