/* SPDX-License-Identifier: Apache-2.0 */
/* Permissions by the thousand: the index decides as a plain walk over all of them does, whatever changes; and it is quick. */
#include "tests/unit/core/rig.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "manager/core/perm.h"
#include "manager/core/tables.h"
#include "manager/core/txn.h"
#include "model/types.h"

enum { N_DCS = 3, N_CLUSTERS = 6, N_VMS = 40, N_DOMAINS = 5, N_DISKS = 20, N_USERS = 6, N_GROUPS = 4, N_ROUNDS = 120 };

/* "tt000000-0000-0000-0000-0000000000nn" */
static const char *an_id(char kind, int n)
{
	static char ring[16][UUID_LEN + 1];
	static int at;
	char *out = ring[at++ % 16];

	g_snprintf(out, UUID_LEN + 1, "%02x000000-0000-0000-0000-%012x", kind, n);
	return out;
}

static GRand *dice;

static int throw(int n) { return g_rand_int_range(dice, 0, n); }

#define REF(member, to) ((member).id = pool_strdup(txn_pool(t), to))

static void commit(struct txn *t)
{
	struct err e = ERR_INIT;

	if (txn_commit(t, &e) < 0)
		fail_msg("%s", e.detail);
}

static void run_fill(struct rig *r)
{
	struct txn *t = txn_begin(r->core);
	struct m_role *role;

	for (int i = 0; i < N_DCS; i++)
		txn_new(t, KIND_DATA_CENTER, an_id('d', i));
	for (int i = 0; i < N_CLUSTERS; i++)
		REF(((struct m_cluster *)txn_new(t, KIND_CLUSTER, an_id('c', i)))->data_center,
		    an_id('d', throw(N_DCS)));
	for (int i = 0; i < N_VMS; i++)
		REF(((struct m_vm *)txn_new(t, KIND_VM, an_id('v', i)))->cluster, an_id('c', throw(N_CLUSTERS)));
	for (int i = 0; i < N_DOMAINS; i++)
		REF(((struct m_storage_domain *)txn_new(t, KIND_STORAGE_DOMAIN, an_id('s', i)))->data_center,
		    an_id('d', throw(N_DCS)));
	for (int i = 0; i < N_DISKS; i++) {
		struct m_disk *d = txn_new(t, KIND_DISK, an_id('k', i));

		d->storage_domains.n = 1;
		d->storage_domains.v = POOL_ARRAY(txn_pool(t), struct m_ref, 1);
		REF(d->storage_domains.v[0], an_id('s', throw(N_DOMAINS)));
	}
	for (int i = 0; i < N_USERS; i++)
		((struct m_user *)txn_new(t, KIND_USER, an_id('u', i)))->user_name = pool_printf(txn_pool(t), "u%d", i);
	for (int i = 0; i < N_GROUPS; i++)
		txn_new(t, KIND_GROUP, an_id('g', i));
	role = txn_new(t, KIND_ROLE, an_id('r', 0));
	role->permit_names.n = 1;
	role->permit_names.v = POOL_ARRAY(txn_pool(t), char *, 1);
	role->permit_names.v[0] = pool_strdup(txn_pool(t), "run_vm");
	commit(t);
}

/* ---- the plain walk ---- */

static bool plain_role(struct core *c, const char *role_id, const char *permit, bool *shows)
{
	*shows = true;
	for (const struct role_type *r = ROLES; r->id; r++)
		if (strcmp(r->id, role_id) == 0)
			*shows = r->view_children || r->is_admin;
	return perm_role_has(c, role_id, permit);
}

static int chain(struct core *c, enum kind k, const char *id, const char **out)
{
	const char *next = NULL;

	if (!id)
		return 0;
	out[0] = id;
	switch (k) {
	case KIND_VM: return 1 + chain(c, KIND_CLUSTER, INV_GET(c->inv, VM, vm, id)->cluster.id, out + 1);
	case KIND_CLUSTER: next = INV_GET(c->inv, CLUSTER, cluster, id)->data_center.id; break;
	case KIND_STORAGE_DOMAIN: next = INV_GET(c->inv, STORAGE_DOMAIN, storage_domain, id)->data_center.id; break;
	case KIND_DISK:
		return 1 +
		       chain(c, KIND_STORAGE_DOMAIN, INV_GET(c->inv, DISK, disk, id)->storage_domains.v[0].id, out + 1);
	default: return 1;
	}
	return 1 + chain(c, KIND_DATA_CENTER, next, out + 1);
}

static bool is_his(struct core *c, const struct m_permission *p, const char *user_id)
{
	const struct m_user *u = INV_GET(c->inv, USER, user, user_id);

	if (g_strcmp0(p->user.id, user_id) == 0 || g_strcmp0(p->group.id, PERM_EVERYONE) == 0)
		return true;
	for (uint32_t i = 0; i < u->groups.n; i++)
		if (g_strcmp0(u->groups.v[i].id, p->group.id) == 0)
			return true;
	return false;
}

static void plain(struct core *c, const char *user, enum kind k, const char *id, const char *permit, bool *may,
                  bool *sees)
{
	const char *objects[5];
	int n = chain(c, k, id, objects);

	*may = *sees = false;
	INV_EACH (en, c->inv, KIND_PERMISSION) {
		const struct m_permission *p = ENTITY_OBJ(en, permission);
		const char *on;
		bool shows, has = plain_role(c, p->role.id, permit, &shows);

		if (!is_his(c, p, user))
			continue;
		perm_target_of(p, &on);
		for (int i = 0; i < n; i++)
			if (!on || strcmp(on, objects[i]) == 0) {
				*may |= has;
				*sees |= shows || (on && i == 0);
			}
	}
}

/* ---- changes ---- */

static void change_permissions(struct rig *r)
{
	struct txn *t = txn_begin(r->core);
	struct m_permission *p;
	int n = 0;

	INV_EACH (en, r->core->inv, KIND_PERMISSION)
		if (n++ < 200 && throw(10) == 0)
			txn_remove(t, KIND_PERMISSION, en->id);
	for (int i = throw(6); i >= 0; i--) {
		int role = throw(20);

		p = txn_new(t, KIND_PERMISSION, NULL);
		for (n = 0; n < role && ROLES[n + 1].id; n++)
			;
		REF(p->role, throw(5) ? ROLES[n].id : an_id('r', 0));
		switch (throw(8)) {
		case 0: REF(p->group, PERM_EVERYONE); break;
		case 1:
		case 2: REF(p->group, an_id('g', throw(N_GROUPS))); break;
		default: REF(p->user, an_id('u', throw(N_USERS)));
		}
		switch (throw(8)) {
		case 0: M_SET(p, is_system, true); break;
		case 1: REF(p->data_center, an_id('d', throw(N_DCS))); break;
		case 2: REF(p->cluster, an_id('c', throw(N_CLUSTERS))); break;
		case 3: REF(p->storage_domain, an_id('s', throw(N_DOMAINS))); break;
		case 4: REF(p->disk, an_id('k', throw(N_DISKS))); break;
		default: REF(p->vm, an_id('v', throw(N_VMS)));
		}
	}
	commit(t);
}

static void change_tree(struct rig *r)
{
	struct txn *t = txn_begin(r->core);
	struct m_user *u = txn_edit(t, KIND_USER, an_id('u', throw(N_USERS)));
	struct m_vm *vm = txn_edit(t, KIND_VM, an_id('v', throw(N_VMS)));
	struct m_role *role = txn_edit(t, KIND_ROLE, an_id('r', 0));

	REF(vm->cluster, an_id('c', throw(N_CLUSTERS)));
	u->groups.n = (uint32_t) throw(3);
	u->groups.v = POOL_ARRAY(txn_pool(t), struct m_ref, 3);
	for (uint32_t i = 0; i < u->groups.n; i++)
		REF(u->groups.v[i], an_id('g', throw(N_GROUPS)));
	role->permit_names.v[0] = pool_strdup(txn_pool(t), throw(2) ? "run_vm" : "stop_vm");
	commit(t);
}

static void compare_one(struct rig *r, const char *user, enum kind k, const char *id)
{
	static const char *const permits[] = { "run_vm",    "stop_vm",     "edit_vm_properties",
		                               "create_vm", "create_disk", "login" };
	const char *permit = permits[throw(G_N_ELEMENTS(permits))];
	struct identity who = { "" };
	struct err e;
	bool may, sees;

	g_strlcpy(who.user_id, user, sizeof(who.user_id));
	plain(r->core, user, k, id, permit, &may, &sees);
	if ((perm_check(r->core, &who, permit, k, id, &e) == 0) != may)
		fail_msg("%s: %s on %s: expected %d", user, permit, id, may);
	if (k == KIND_CLUSTER && !sees) /* who may make VMs there sees it */
		plain(r->core, user, k, id, "create_vm", &sees, &may);
	if (perm_can_see(r->core, &who, k, id) != sees)
		fail_msg("%s sees %s: expected %d", user, id, sees);
}

static void run_rounds(struct rig *r)
{
	for (int round = 0; round < N_ROUNDS; round++) {
		if (throw(3))
			change_permissions(r);
		else
			change_tree(r);
		for (int u = 0; u < N_USERS; u++) {
			for (int i = 0; i < N_VMS; i++)
				compare_one(r, an_id('u', u), KIND_VM, an_id('v', i));
			for (int i = 0; i < N_DISKS; i++)
				compare_one(r, an_id('u', u), KIND_DISK, an_id('k', i));
			for (int i = 0; i < N_CLUSTERS; i++)
				compare_one(r, an_id('u', u), KIND_CLUSTER, an_id('c', i));
		}
	}
}

static void test_same_as_plain(void **state)
{
	for (guint32 seed = 1; seed <= 5; seed++) {
		struct rig *r = *state;

		dice = g_rand_new_with_seed(seed);
		rig_close(r);
		rig_open(r, NULL);
		rig_run(r, run_fill);
		rig_run(r, run_rounds);
		g_rand_free(dice);
	}
}

/* ---- many ---- */

enum { MANY_VMS = 100000, MANY_PERMISSIONS = 10000 };

static void run_many(struct rig *r)
{
	struct txn *t = txn_begin(r->core);
	struct identity who = { "" };
	struct timespec a, b;
	int seen = 0;
	double ms;

	txn_new(t, KIND_DATA_CENTER, an_id('d', 0));
	REF(((struct m_cluster *)txn_new(t, KIND_CLUSTER, an_id('c', 0)))->data_center, an_id('d', 0));
	txn_new(t, KIND_USER, an_id('u', 0));
	commit(t);
	for (int n = 0; n < MANY_VMS;) { /* a transaction looks for its drafts one by one */
		t = txn_begin(r->core);
		for (int i = 0; i < 500; i++, n++) {
			REF(((struct m_vm *)txn_new(t, KIND_VM, an_id('v', n)))->cluster, an_id('c', 0));
			if (n % (MANY_VMS / MANY_PERMISSIONS) == 0) {
				struct m_permission *p = txn_new(t, KIND_PERMISSION, NULL);

				REF(p->role, ROLES[0].id);
				REF(p->user, an_id('u', 0));
				REF(p->vm, an_id('v', n));
			}
		}
		commit(t);
	}
	g_strlcpy(who.user_id, an_id('u', 0), sizeof(who.user_id));
	clock_gettime(CLOCK_MONOTONIC, &a);
	INV_EACH (en, r->core->inv, KIND_VM)
		seen += perm_can_see(r->core, &who, KIND_VM, en->id);
	clock_gettime(CLOCK_MONOTONIC, &b);
	ms = (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
	printf("%d of %d VMs seen in %.0f ms\n", seen, MANY_VMS, ms);
	assert_int_equal(seen, MANY_PERMISSIONS);
	assert_true(ms < 3000); /* sanitizers and load included; the walk took minutes */
}

static void test_many(void **state) { rig_run(*state, run_many); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_same_as_plain, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_many, rig_setup, rig_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
