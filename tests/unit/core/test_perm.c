/* SPDX-License-Identifier: Apache-2.0 */
/* Permissions: who may do what to which object, by role, place and inheritance. */
#include "tests/unit/core/rig.h"

#include <string.h>

#include "manager/core/perm.h"
#include "manager/core/tables.h"
#include "manager/core/txn.h"
#include "model/types.h"

#define ID(n) "00000000-0000-0000-0000-0000000000" n

static const char JANE[] = ID("b1"), JOHN[] = ID("b2");
static const char DC[] = ID("d1"), OTHER_DC[] = ID("d2"), CLUSTER[] = ID("c1"), OTHER_CLUSTER[] = ID("c2"),
                  VM[] = ID("e1"), OTHER_VM[] = ID("e2"), HOST[] = ID("f1"), SD[] = ID("a1"), DISK[] = ID("a2"),
                  NET[] = ID("91"), PROFILE[] = ID("92"), NIC[] = ID("e3"), SNAPSHOT[] = ID("e4"), KEY[] = ID("b3"),
                  JOB[] = ID("81"), STEP[] = ID("82"), CUSTOM_ROLE[] = ID("71");

#define NEW(K, type, the_id) ((struct m_##type *)txn_new(t, KIND_##K, the_id))
#define REF(member, to)      ((member).id = (char *)(to))

static void run_fill(struct rig *r)
{
	struct txn *t = txn_begin(r->core);
	struct err e;
	struct m_nic *nic;
	struct m_disk *disk;
	struct m_role *role;

	NEW(DATA_CENTER, data_center, DC)->name = "dc";
	NEW(DATA_CENTER, data_center, OTHER_DC)->name = "other";
	REF(NEW(CLUSTER, cluster, CLUSTER)->data_center, DC);
	REF(NEW(CLUSTER, cluster, OTHER_CLUSTER)->data_center, OTHER_DC);
	REF(NEW(VM, vm, VM)->cluster, CLUSTER);
	REF(NEW(VM, vm, OTHER_VM)->cluster, OTHER_CLUSTER);
	REF(NEW(HOST, host, HOST)->cluster, CLUSTER);
	REF(NEW(STORAGE_DOMAIN, storage_domain, SD)->data_center, DC);
	REF(NEW(NETWORK, network, NET)->data_center, DC);
	REF(NEW(VNIC_PROFILE, vnic_profile, PROFILE)->network, NET);
	disk = NEW(DISK, disk, DISK);
	disk->storage_domains.n = 1;
	disk->storage_domains.v = POOL_ARRAY(txn_pool(t), struct m_ref, 1);
	REF(disk->storage_domains.v[0], SD);
	nic = NEW(NIC, nic, NIC);
	REF(nic->vm, VM);
	REF(nic->vnic_profile, PROFILE);
	REF(NEW(SNAPSHOT, snapshot, SNAPSHOT)->vm, VM);
	NEW(USER, user, JANE)->user_name = "jane";
	NEW(USER, user, JOHN)->user_name = "john";
	REF(NEW(SSH_PUBLIC_KEY, ssh_public_key, KEY)->user, JANE);
	REF(NEW(JOB, job, JOB)->owner, JANE);
	REF(NEW(STEP, step, STEP)->job, JOB);
	role = NEW(ROLE, role, CUSTOM_ROLE);
	role->name = "custom";
	role->permit_names.n = 1;
	role->permit_names.v = POOL_ARRAY(txn_pool(t), char *, 1);
	role->permit_names.v[0] = "run_vm";
	assert_int_equal(txn_commit(t, &e), 0);
}

static int setup(void **state)
{
	rig_setup(state);
	rig_run(*state, run_fill);
	return 0;
}

static const char *role_id(const char *name)
{
	if (strcmp(name, "custom") == 0)
		return CUSTOM_ROLE;
	for (const struct role_type *r = ROLES; r->id; r++)
		if (strcmp(r->name, name) == 0)
			return r->id;
	fail_msg("there is no role %s", name);
	return NULL;
}

/* ---- one permission at a time ---- */

struct grant {
	const char *role;
	enum kind on; /* KIND_USER: the system */
	const char *object;
	bool is_everyone;
};

static struct grant given;

static void run_give(struct rig *r)
{
	struct txn *t = txn_begin(r->core);
	struct m_permission *p;
	struct err e;

	INV_EACH (en, r->core->inv, KIND_PERMISSION)
		txn_remove(t, KIND_PERMISSION, en->id);
	if (given.role) {
		p = txn_new(t, KIND_PERMISSION, NULL);
		REF(p->role, role_id(given.role));
		if (given.is_everyone)
			REF(p->group, PERM_EVERYONE);
		else
			REF(p->user, JANE);
		switch (given.on) {
		case KIND_VM: REF(p->vm, given.object); break;
		case KIND_CLUSTER: REF(p->cluster, given.object); break;
		case KIND_DATA_CENTER: REF(p->data_center, given.object); break;
		case KIND_STORAGE_DOMAIN: REF(p->storage_domain, given.object); break;
		case KIND_DISK: REF(p->disk, given.object); break;
		case KIND_HOST: REF(p->host, given.object); break;
		default: M_SET(p, is_system, true);
		}
	}
	assert_int_equal(txn_commit(t, &e), 0);
}

static void give(struct rig *r, const char *role, enum kind on, const char *object)
{
	given = (struct grant){ role, on, object, false };
	rig_run(r, run_give);
}

static bool may(struct rig *r, const char *user, const char *permit, enum kind k, const char *id)
{
	struct identity who = { .user_name = "x@internal" };
	struct err e = ERR_INIT;

	g_strlcpy(who.user_id, user, sizeof(who.user_id));
	if (perm_check(r->core, &who, permit, k, id, &e) == 0)
		return true;
	assert_int_equal(e.code, ERR_DENIED);
	assert_non_null(strstr(e.detail, "permit '"));
	return false;
}

static bool sees(struct rig *r, const char *user, enum kind k, const char *id)
{
	struct identity who = { .user_name = "x@internal" };

	g_strlcpy(who.user_id, user, sizeof(who.user_id));
	return perm_can_see(r->core, &who, k, id);
}

static void test_table(void **state)
{
	static const struct {
		const char *role;
		enum kind on;
		const char *object, *permit;
		enum kind k;
		const char *id;
		bool may;
	} cases[] = {
		/* the administrator of everything */
		{ "SuperUser", KIND_USER, NULL, "create_vm", KIND_VM, NULL, true },
		{ "SuperUser", KIND_USER, NULL, "edit_vm_properties", KIND_VM, VM, true },
		{ "SuperUser", KIND_USER, NULL, "delete_host", KIND_HOST, HOST, true },
		{ "SuperUser", KIND_USER, NULL, "manipulate_users", KIND_USER, JOHN, true },
		/* of one data center: what is in it, nothing beside it */
		{ "DataCenterAdmin", KIND_DATA_CENTER, DC, "edit_storage_pool_configuration", KIND_DATA_CENTER, DC,
		  true },
		{ "DataCenterAdmin", KIND_DATA_CENTER, DC, "edit_storage_pool_configuration", KIND_DATA_CENTER,
		  OTHER_DC, false },
		{ "DataCenterAdmin", KIND_DATA_CENTER, DC, "configure_storage_pool_network", KIND_NETWORK, NET, true },
		{ "DataCenterAdmin", KIND_DATA_CENTER, DC, "create_storage_pool", KIND_VM, NULL, false },
		/* of one cluster */
		{ "ClusterAdmin", KIND_CLUSTER, CLUSTER, "edit_cluster_configuration", KIND_CLUSTER, CLUSTER, true },
		{ "ClusterAdmin", KIND_CLUSTER, CLUSTER, "edit_host_configuration", KIND_HOST, HOST, true },
		{ "ClusterAdmin", KIND_CLUSTER, CLUSTER, "edit_cluster_configuration", KIND_CLUSTER, OTHER_CLUSTER,
		  false },
		{ "ClusterAdmin", KIND_CLUSTER, CLUSTER, "edit_storage_pool_configuration", KIND_DATA_CENTER, DC,
		  false },
		/* of one VM, and its parts */
		{ "UserVmManager", KIND_VM, VM, "edit_vm_properties", KIND_VM, VM, true },
		{ "UserVmManager", KIND_VM, VM, "edit_vm_properties", KIND_VM, OTHER_VM, false },
		{ "UserVmManager", KIND_VM, VM, "configure_vm_network", KIND_NIC, NIC, true },
		{ "UserVmManager", KIND_VM, VM, "manipulate_vm_snapshots", KIND_SNAPSHOT, SNAPSHOT, true },
		{ "UserVmManager", KIND_VM, OTHER_VM, "configure_vm_network", KIND_NIC, NIC, false },
		{ "UserVmManager", KIND_CLUSTER, CLUSTER, "edit_vm_properties", KIND_VM, VM, true },
		{ "UserVmManager", KIND_DATA_CENTER, DC, "edit_vm_properties", KIND_VM, VM, true },
		{ "UserVmManager", KIND_DATA_CENTER, OTHER_DC, "edit_vm_properties", KIND_VM, VM, false },
		{ "UserRole", KIND_VM, VM, "edit_vm_properties", KIND_VM, VM, false },
		/* disks hang below their storage domain */
		{ "DiskOperator", KIND_DISK, DISK, "edit_disk_properties", KIND_DISK, DISK, true },
		{ "DiskOperator", KIND_STORAGE_DOMAIN, SD, "edit_disk_properties", KIND_DISK, DISK, true },
		{ "DiskOperator", KIND_DATA_CENTER, OTHER_DC, "edit_disk_properties", KIND_DISK, DISK, false },
		/* a role that somebody made */
		{ "custom", KIND_VM, VM, "run_vm", KIND_VM, VM, true },
		{ "custom", KIND_VM, VM, "stop_vm", KIND_VM, VM, false },
		/* profiles: one's own; those of others need more */
		{ "UserProfileEditor", KIND_USER, NULL, "edit_profile", KIND_USER, JANE, true },
		{ "UserProfileEditor", KIND_USER, NULL, "edit_profile", KIND_USER, JOHN, false },
		{ "SuperUser", KIND_USER, NULL, "edit_profile", KIND_USER, JOHN, true },
		/* what is not there */
		{ "UserVmManager", KIND_VM, VM, "edit_vm_properties", KIND_VM, ID("99"), false },
		{ NULL, KIND_VM, VM, "run_vm", KIND_VM, VM, false },
	};
	struct rig *r = *state;

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		bool says;

		give(r, cases[i].role, cases[i].on, cases[i].object);
		says = may(r, JANE, cases[i].permit, cases[i].k, cases[i].id);
		if (says != cases[i].may)
			fail_msg("row %zu: %s, %s of %s: %s", i, cases[i].role, cases[i].permit, cases[i].id,
			         says ? "may" : "may not");
		if (cases[i].role && cases[i].may && cases[i].on != KIND_USER)
			assert_false(may(r, JOHN, cases[i].permit, cases[i].k, cases[i].id)); /* it is Jane's */
	}
}

static void test_seeing(void **state)
{
	static const struct {
		const char *role;
		enum kind on;
		const char *object;
		enum kind k;
		const char *id;
		bool sees;
	} cases[] = {
		{ NULL, KIND_USER, NULL, KIND_VM, VM, false },
		{ NULL, KIND_USER, NULL, KIND_USER, JANE, true }, /* oneself, one's keys, one's jobs */
		{ NULL, KIND_USER, NULL, KIND_USER, JOHN, false },
		{ NULL, KIND_USER, NULL, KIND_SSH_PUBLIC_KEY, KEY, true },
		{ NULL, KIND_USER, NULL, KIND_JOB, JOB, true },
		{ NULL, KIND_USER, NULL, KIND_STEP, STEP, true },
		{ "UserRole", KIND_VM, VM, KIND_VM, VM, true },
		{ "UserRole", KIND_VM, VM, KIND_NIC, NIC, true },
		{ "UserRole", KIND_VM, VM, KIND_VM, OTHER_VM, false },
		{ "UserRole", KIND_VM, VM, KIND_CLUSTER, CLUSTER, false },
		{ "ClusterAdmin", KIND_CLUSTER, CLUSTER, KIND_VM, VM, true },
		{ "ClusterAdmin", KIND_CLUSTER, CLUSTER, KIND_HOST, HOST, true },
		{ "ClusterAdmin", KIND_CLUSTER, CLUSTER, KIND_VM, OTHER_VM, false },
		{ "ClusterAdmin", KIND_CLUSTER, CLUSTER, KIND_DATA_CENTER, DC, true }, /* the frame around it */
		{ "ClusterAdmin", KIND_CLUSTER, CLUSTER, KIND_DATA_CENTER, OTHER_DC, false },
		{ "SuperUser", KIND_USER, NULL, KIND_VM, OTHER_VM, true },
		{ "SuperUser", KIND_USER, NULL, KIND_JOB, JOB, true },
		{ "UserProfileEditor", KIND_USER, NULL, KIND_VM, VM, false }, /* everybody's: it shows nothing */
		{ "UserProfileEditor", KIND_USER, NULL, KIND_USER, JOHN, false },
	};
	struct rig *r = *state;

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		give(r, cases[i].role, cases[i].on, cases[i].object);
		if (sees(r, JANE, cases[i].k, cases[i].id) != cases[i].sees)
			fail_msg("row %zu: %s, %s", i, cases[i].role, cases[i].id);
	}
	give(r, NULL, KIND_VM, NULL);
	assert_false(sees(r, JOHN, KIND_SSH_PUBLIC_KEY, KEY));
	assert_false(sees(r, JOHN, KIND_JOB, JOB));
	assert_false(sees(r, JOHN, KIND_VM, NULL));
}

static void test_everyone_and_admins(void **state)
{
	struct rig *r = *state;

	given = (struct grant){ "UserRole", KIND_VM, VM, true };
	rig_run(r, run_give);
	assert_true(sees(r, JANE, KIND_VM, VM) && sees(r, JOHN, KIND_VM, VM));
	assert_false(perm_is_admin(r->core, JANE));
	give(r, "ClusterAdmin", KIND_CLUSTER, CLUSTER);
	assert_true(perm_is_admin(r->core, JANE));
	assert_false(perm_is_admin(r->core, JOHN));
	give(r, "UserVmManager", KIND_CLUSTER, CLUSTER);
	assert_false(perm_is_admin(r->core, JANE));
}

/* Roles name permits that exist, and only roles of admin type hold permits of admin type. */
static void test_roles(void **state)
{
	for (const struct role_type *role = ROLES; role->id; role++) {
		assert_true(uuid_is_valid(role->id));
		for (const char *const *p = role->permits; *p; p++) {
			const struct permit_type *permit = PERMITS;
			while (permit->name && strcmp(permit->name, *p) != 0)
				permit++;
			if (!permit->name)
				fail_msg("role %s: there is no permit %s", role->name, *p);
		}
	}
}

#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { T(table), T(seeing), T(everyone_and_admins), T(roles) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
