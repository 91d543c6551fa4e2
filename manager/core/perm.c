/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/core/perm.h"

#include <string.h>

#include "manager/core/perm_index.h"
#include "manager/core/tables.h"
#include "manager/core/txn.h"

#define TARGET(K, COLLECTION, NAME, M)                                                                                 \
	{                                                                                                              \
		KIND_##K, COLLECTION, NAME, IDX_PERMISSION_##M, offsetof(struct m_permission, M)                       \
	}
const struct perm_target PERM_TARGETS[] = {
	TARGET(VM, "vms", "VM", vm),
	TARGET(DISK, "disks", "Disk", disk),
	TARGET(HOST, "hosts", "Host", host),
	TARGET(CLUSTER, "clusters", "Cluster", cluster),
	TARGET(DATA_CENTER, "datacenters", "Data Center", data_center),
	TARGET(STORAGE_DOMAIN, "storagedomains", "Storage Domain", storage_domain),
	TARGET(TEMPLATE, "templates", "Template", template),
	TARGET(NETWORK, "networks", "Network", network),
	TARGET(VNIC_PROFILE, "vnicprofiles", "vNIC Profile", vnic_profile),
	TARGET(CPU_PROFILE, "cpuprofiles", "CPU Profile", cpu_profile),
	TARGET(DISK_PROFILE, "diskprofiles", "Disk Profile", disk_profile),
	TARGET(MAC_POOL, "macpools", "MAC Pool", mac_pool),
	TARGET(QUOTA, "quotas", "Quota", quota),
	{ .collection = NULL },
};

const struct perm_target *perm_target_of(const struct m_permission *p, const char **object_id)
{
	for (const struct perm_target *t = PERM_TARGETS; t->collection; t++) {
		*object_id = ((const struct m_ref *)((const char *)p + t->offset))->id;
		if (*object_id)
			return t;
	}
	*object_id = NULL;
	return NULL;
}

/* Where an object inherits from; an edge to KIND_NONE ends the walk (the system is always the last ancestor). */
struct object {
	enum kind kind;
	const char *id;
};
enum { MAX_ANCESTORS = 64 }; /* a disk may be shared by some twenty VMs */

static void add(struct object *list, int *n, enum kind k, const char *id)
{
	if (id && *n < MAX_ANCESTORS)
		list[(*n)++] = (struct object){ k, id };
}

static void add_cluster(struct core *c, struct object *list, int *n, const char *id)
{
	const struct m_cluster *cl = INV_LATEST(c->inv, CLUSTER, cluster, id);

	add(list, n, KIND_CLUSTER, id);
	if (cl)
		add(list, n, KIND_DATA_CENTER, cl->data_center.id);
}

static void add_domain(struct core *c, struct object *list, int *n, const char *id)
{
	const struct m_storage_domain *sd = INV_LATEST(c->inv, STORAGE_DOMAIN, storage_domain, id);

	add(list, n, KIND_STORAGE_DOMAIN, id);
	if (sd)
		add(list, n, KIND_DATA_CENTER, sd->data_center.id);
}

static void add_network(struct core *c, struct object *list, int *n, const char *id)
{
	const struct m_network *net = INV_LATEST(c->inv, NETWORK, network, id);

	add(list, n, KIND_NETWORK, id);
	if (net)
		add(list, n, KIND_DATA_CENTER, net->data_center.id);
}

static const char *either(const struct m_ref *a, const struct m_ref *b) { return a->id ? a->id : b->id; }

/* What an event is about: the smallest of the things that it names. */
static void find_subject(const struct m_event *ev, enum kind *k, const char **id)
{
	const struct {
		enum kind kind;
		const char *id;
	} about[] = { { KIND_VM, ev->vm.id },           { KIND_TEMPLATE, ev->template.id },
		      { KIND_HOST, ev->host.id },       { KIND_STORAGE_DOMAIN, ev->storage_domain.id },
		      { KIND_CLUSTER, ev->cluster.id }, { KIND_DATA_CENTER, ev->data_center.id },
		      { KIND_USER, ev->user.id } };

	for (size_t i = 0; i < G_N_ELEMENTS(about); i++)
		if (about[i].id) {
			*k = about[i].kind;
			*id = about[i].id;
			return;
		}
}

/* What is only a part of something is treated as that. */
static void find_whole(struct core *c, enum kind *k, const char **id)
{
	const void *obj = *id ? inv_latest(c->inv, *k, *id) : NULL;
	enum kind whole = *k;

	switch (obj ? *k : N_KINDS) {
	case KIND_EVENT: find_subject(obj, &whole, id); break;
	case KIND_NIC: {
		const struct m_nic *nic = obj;
		whole = nic->vm.id ? KIND_VM : KIND_TEMPLATE;
		*id = either(&nic->vm, &nic->template);
		break;
	}
	case KIND_DISK_ATTACHMENT: {
		const struct m_disk_attachment *da = obj;
		whole = da->vm.id ? KIND_VM : KIND_TEMPLATE;
		*id = either(&da->vm, &da->template);
		break;
	}
	case KIND_SNAPSHOT:
		whole = KIND_VM;
		*id = ((const struct m_snapshot *)obj)->vm.id;
		break;
	case KIND_CLUSTER_NETWORK:
		whole = KIND_CLUSTER;
		*id = ((const struct m_network *)obj)->cluster.id;
		break;
	case KIND_QUOTA: {
		const struct m_quota *q = obj;
		whole = KIND_DATA_CENTER;
		*id = q->data_center ? q->data_center->id : NULL;
		break;
	}
	case KIND_PERMISSION: {
		const struct perm_target *on = perm_target_of(obj, id);
		whole = on ? on->kind : *k;
		break;
	}
	case KIND_STEP:
		whole = KIND_JOB;
		*id = ((const struct m_step *)obj)->job.id;
		break;
	case KIND_SSH_PUBLIC_KEY:
		whole = KIND_USER;
		*id = ((const struct m_ssh_public_key *)obj)->user.id;
		break;
	case KIND_USER_OPTION:
		whole = KIND_USER;
		*id = ((const struct m_user_option *)obj)->user.id;
		break;
	default: break;
	}
	*k = whole;
}

/* Who may do something with a VM or a template may do it with the disks in it. */
static void add_vms_of_disk(struct core *c, struct object *list, int *n, const char *disk_id)
{
	INV_EACH_BY (e, c->inv, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_disk, disk_id) {
		const struct m_disk_attachment *a = ENTITY_OBJ(e, disk_attachment);
		const struct m_vm *vm = a->vm.id ? INV_GET(c->inv, VM, vm, a->vm.id) : NULL;

		add(list, n, KIND_TEMPLATE, a->template.id);
		add(list, n, KIND_VM, vm ? vm->id : NULL);
		if (vm)
			add_cluster(c, list, n, vm->cluster.id);
	}
}

/* The object itself first. */
static int ancestors(struct core *c, enum kind k, const char *id, struct object *list)
{
	const void *obj;
	int n = 0;

	find_whole(c, &k, &id);
	obj = id ? inv_latest(c->inv, k, id) : NULL;
	if (!obj)
		return 0;
	switch (k) {
	case KIND_CLUSTER: add_cluster(c, list, &n, id); return n;
	case KIND_STORAGE_DOMAIN: add_domain(c, list, &n, id); return n;
	case KIND_NETWORK: add_network(c, list, &n, id); return n;
	default: add(list, &n, k, id);
	}
	switch (k) {
	case KIND_VM: add_cluster(c, list, &n, ((const struct m_vm *)obj)->cluster.id); break;
	case KIND_HOST: add_cluster(c, list, &n, ((const struct m_host *)obj)->cluster.id); break;
	case KIND_TEMPLATE: add_cluster(c, list, &n, ((const struct m_template *)obj)->cluster.id); break;
	case KIND_CPU_PROFILE: add_cluster(c, list, &n, ((const struct m_cpu_profile *)obj)->cluster.id); break;
	case KIND_DISK_PROFILE: add_domain(c, list, &n, ((const struct m_disk_profile *)obj)->storage_domain.id); break;
	case KIND_VNIC_PROFILE: add_network(c, list, &n, ((const struct m_vnic_profile *)obj)->network.id); break;
	case KIND_DISK: {
		const struct m_disk *d = obj;
		if (d->storage_domains.n)
			add_domain(c, list, &n, d->storage_domains.v[0].id);
		add_vms_of_disk(c, list, &n, id);
		break;
	}
	default: break;
	}
	return n;
}

const struct role_type *perm_role_type(const char *role_id)
{
	for (const struct role_type *r = ROLES; r->id; r++)
		if (strcmp(r->id, role_id) == 0)
			return r;
	return NULL;
}

/* permit NULL: any. */
static bool role_has(struct core *c, const char *role_id, const char *permit)
{
	const struct role_type *pre = perm_role_type(role_id);
	const struct m_role *role;

	if (!permit)
		return true;
	if (pre) {
		for (const char *const *p = pre->permits; *p; p++)
			if (strcmp(*p, permit) == 0)
				return true;
		return strcmp(role_id, PERM_SUPER_USER_ROLE) == 0;
	}
	role = INV_GET(c->inv, ROLE, role, role_id);
	for (unsigned i = 0; role && i < role->permit_names.n; i++)
		if (strcmp(role->permit_names.v[i], permit) == 0)
			return true;
	return false;
}

bool perm_role_has(struct core *c, const char *role_id, const char *permit) { return role_has(c, role_id, permit); }

/* Is something true of what the user, one of his groups or Everyone has been given? */
typedef bool (*holder_fn)(struct core *c, const struct perm_holder *h, const void *arg);

static bool any_holder(struct core *c, const char *user_id, holder_fn fn, const void *arg)
{
	const struct m_user *u = INV_GET(c->inv, USER, user, user_id);

	if (fn(c, perm_holder(c, user_id, false), arg))
		return true;
	for (uint32_t i = 0; u && i < u->groups.n; i++)
		if (u->groups.v[i].id && fn(c, perm_holder(c, u->groups.v[i].id, true), arg))
			return true;
	return fn(c, perm_holder(c, PERM_EVERYONE, true), arg);
}

struct question {
	const char *permit;
	const struct object *objects;
	int n_objects;
};

static bool any_grant(struct core *c, const struct perm_grant *g, enum kind k, const char *permit)
{
	for (; g; g = g->next)
		if ((!g->object_id || g->kind == k) && g->permission->role.id &&
		    role_has(c, g->permission->role.id, permit))
			return true;
	return false;
}

static bool grants(struct core *c, const struct perm_holder *h, const void *arg)
{
	const struct question *q = arg;

	if (any_grant(c, h->on_system, KIND_VM, q->permit))
		return true;
	for (int i = 0; i < q->n_objects; i++)
		if (any_grant(c, g_hash_table_lookup(h->by_object, q->objects[i].id), q->objects[i].kind, q->permit))
			return true;
	return false;
}

int perm_check(struct core *c, const struct identity *who, const char *permit, enum kind k, const char *object_id,
               struct err *e)
{
	struct object list[MAX_ANCESTORS];
	struct question q = { permit, list, ancestors(c, k, object_id, list) };
	bool is_other_user = k == KIND_USER && object_id && strcmp(object_id, who->user_id) != 0;

	if (is_other_user && permit && strcmp(permit, "edit_profile") == 0)
		q.permit = permit = "manipulate_users"; /* everybody may edit a profile: his own */

	if (any_holder(c, who->user_id, grants, &q))
		return 0;
	return err_set(e, ERR_DENIED, "User is not authorized to perform this action: permit '%s' is missing.", permit);
}

const char *perm_ancestor(struct core *c, enum kind k, const char *id, enum kind wanted)
{
	struct object list[MAX_ANCESTORS];
	int n = ancestors(c, k, id, list);

	for (int i = 0; i < n; i++)
		if (list[i].kind == wanted)
			return list[i].id;
	return NULL;
}

/* Do objects of kind k inherit from objects of another? As ancestors() walks. */
static bool inherits(enum kind k, enum kind from)
{
	switch (k) {
	case KIND_CLUSTER:
	case KIND_STORAGE_DOMAIN:
	case KIND_NETWORK: return from == k || from == KIND_DATA_CENTER;
	case KIND_VM:
	case KIND_HOST:
	case KIND_TEMPLATE:
	case KIND_CPU_PROFILE: return from == k || inherits(KIND_CLUSTER, from);
	case KIND_DISK:
		return from == k || from == KIND_TEMPLATE || inherits(KIND_STORAGE_DOMAIN, from) ||
		       inherits(KIND_VM, from);
	case KIND_DISK_PROFILE: return from == k || inherits(KIND_STORAGE_DOMAIN, from);
	case KIND_VNIC_PROFILE: return from == k || inherits(KIND_NETWORK, from);
	default: return from == k;
	}
}

static bool grants_some(struct core *c, const struct perm_holder *h, const void *arg)
{
	const struct question *q = arg;
	GHashTableIter it;
	gpointer value;

	if (any_grant(c, h->on_system, KIND_VM, q->permit))
		return true;
	g_hash_table_iter_init(&it, h->by_object);
	while (g_hash_table_iter_next(&it, NULL, &value)) {
		const struct perm_grant *g = value;
		if (inherits(q->objects[0].kind, g->kind) && any_grant(c, g, g->kind, q->permit))
			return true;
	}
	return false;
}

bool perm_anywhere(struct core *c, const struct identity *who, const char *permit, enum kind k)
{
	struct object what = { k, NULL };

	return any_holder(c, who->user_id, grants_some, &(struct question){ permit, &what, 1 });
}

/* Is there one on an object of the kind? Of those that lie below it, only who sees children. */
static bool any_shows(const struct perm_grant *g, enum kind k, bool is_object_itself)
{
	for (; g; g = g->next)
		if ((!g->object_id || g->kind == k) && (is_object_itself || g->shows_children))
			return true;
	return false;
}

static bool shows(struct core *c, const struct perm_holder *h, const void *arg)
{
	const struct question *q = arg;

	if (any_shows(h->on_system, KIND_VM, false))
		return true;
	for (int i = 0; i < q->n_objects; i++)
		if (any_shows(g_hash_table_lookup(h->by_object, q->objects[i].id), q->objects[i].kind, i == 0))
			return true;
	return false;
}

static bool is_member(struct core *c, const char *user_id, const char *group_id)
{
	const struct m_user *u = INV_GET(c->inv, USER, user, user_id);

	for (uint32_t i = 0; u && group_id && i < u->groups.n; i++)
		if (g_strcmp0(u->groups.v[i].id, group_id) == 0)
			return true;
	return false;
}

static bool is_principal(struct core *c, const struct identity *who, const struct m_permission *p)
{
	return g_strcmp0(p->user.id, who->user_id) == 0 || g_strcmp0(p->group.id, PERM_EVERYONE) == 0 ||
	       is_member(c, who->user_id, p->group.id);
}

/* Oneself and one's groups, and what one started. */
static bool is_own(struct core *c, const struct identity *who, enum kind k, const char *id)
{
	const struct m_job *job;

	if (k == KIND_PERMISSION && id && inv_get(c->inv, k, id) && is_principal(c, who, inv_get(c->inv, k, id)))
		return true;
	find_whole(c, &k, &id);
	if (k == KIND_GROUP)
		return is_member(c, who->user_id, id);
	if (k == KIND_USER)
		return g_strcmp0(id, who->user_id) == 0;
	job = k == KIND_JOB ? INV_LATEST(c->inv, JOB, job, id) : NULL;
	return job && g_strcmp0(job->owner.id, who->user_id) == 0;
}

/*
 * What one must know of to use what one has been given: the place for a new VM or disk, roles, and those to whom access can be given.
 */
static bool is_needed(struct core *c, const struct identity *who, enum kind k, const char *id)
{
	struct err e = ERR_INIT;

	switch (k) {
	case KIND_ROLE:
	case KIND_INSTANCE_TYPE: return true; /* sizes to choose from are no secret */
	case KIND_USER:
	case KIND_GROUP: return perm_anywhere(c, who, "add_users_and_groups_from_directory", KIND_VM);
	case KIND_CLUSTER: return perm_check(c, who, "create_vm", k, id, &e) == 0;
	case KIND_STORAGE_DOMAIN: return perm_check(c, who, "create_disk", k, id, &e) == 0;
	default: return false;
	}
}

/* For what he sees some he sees the frame around it. */
static const struct {
	enum kind kind, child;
	int idx; /* of the child's reference to it */
} FRAMES[] = {
	{ KIND_DATA_CENTER, KIND_CLUSTER, IDX_CLUSTER_data_center },
	{ KIND_DATA_CENTER, KIND_STORAGE_DOMAIN, IDX_STORAGE_DOMAIN_data_center },
	{ KIND_NETWORK, KIND_VNIC_PROFILE, IDX_VNIC_PROFILE_network },
};

static bool is_frame(struct core *c, const struct identity *who, enum kind k, const char *id)
{
	for (size_t i = 0; i < G_N_ELEMENTS(FRAMES); i++) {
		if (FRAMES[i].kind != k)
			continue;
		INV_EACH_BY (en, c->inv, FRAMES[i].child, FRAMES[i].idx, id)
			if (perm_can_see(c, who, FRAMES[i].child, en->id))
				return true;
	}
	return false;
}

bool perm_can_see(struct core *c, const struct identity *who, enum kind k, const char *object_id)
{
	struct object list[MAX_ANCESTORS];
	struct question q = { NULL, list, ancestors(c, k, object_id, list) };

	if (is_own(c, who, k, object_id))
		return true;

	return any_holder(c, who->user_id, shows, &q) || is_needed(c, who, k, object_id) ||
	       is_frame(c, who, k, object_id);
}

static bool is_admin(struct core *c, const struct perm_holder *h, const void *arg) { return h->is_admin; }

bool perm_is_admin(struct core *c, const char *user_id) { return any_holder(c, user_id, is_admin, NULL); }

bool perm_same_groups(const struct m_user *a, const struct m_user *b)
{
	if (a->groups.n != b->groups.n)
		return false;
	for (uint32_t i = 0; i < a->groups.n; i++)
		if (g_strcmp0(a->groups.v[i].id, b->groups.v[i].id) != 0)
			return false;
	return true;
}

/* ---- what is given without being asked for ---- */

static void set(struct txn *t, struct m_ref *ref, const char *id) { ref->id = pool_strdup(txn_pool(t), id); }

void perm_grant(struct txn *t, const char *role_id, const char *user_id, enum kind k, const char *object_id)
{
	struct m_permission *p = txn_new(t, KIND_PERMISSION, NULL);

	set(t, &p->role, role_id);
	if (user_id)
		set(t, &p->user, user_id);
	else
		set(t, &p->group, PERM_EVERYONE);
	for (const struct perm_target *pt = PERM_TARGETS; pt->collection; pt++)
		if (pt->kind == k)
			set(t, (struct m_ref *)((char *)p + pt->offset), object_id);
}

void perm_grant_owner(struct txn *t, const struct identity *who, const char *role_id, enum kind k,
                      const char *object_id)
{
	if (!who->is_admin && who->user_id[0])
		perm_grant(t, role_id, who->user_id, k, object_id);
}
