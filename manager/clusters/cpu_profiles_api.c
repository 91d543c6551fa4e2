/* SPDX-License-Identifier: Apache-2.0 */
/* CPU profiles: what share of a host's processors the VMs of a cluster may use. */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/clusters/clusters.h"
#include "manager/clusters/qos.h"

static int profile_add(struct call *c, struct err *e)
{
	struct m_cpu_profile *body = c->body, *cp;
	struct event_refs refs = call_refs(c);
	struct txn *t;
	char *id;

	if (c->n_ids > 0)
		body->cluster = (struct m_ref){ .id = (char *)c->ids[0] };
	if (call_resolve(c, &body->cluster, KIND_CLUSTER, NULL, true, "cpu_profile.cluster", e) < 0 ||
	    call_asked(c, body->cluster.id, e) < 0 ||
	    qos_resolve(c, &body->qos, M_QOS_TYPE_CPU, cluster_data_center(c->core, body->cluster.id),
	                "cpu_profile.qos", e) < 0)
		return -1;
	t = txn_begin(c->core);
	cp = generic_create(c, t, KIND_CPU_PROFILE, false, e);
	if (!cp) {
		txn_cancel(t);
		return -1;
	}
	qos_settle(&cp->qos);
	id = pool_strdup(c->pool, cp->id);
	refs.cluster = cp->cluster.id;
	txn_event(t, "USER_ADDED_CPU_PROFILE", &refs, "CPU Profile %s was added.", cp->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_kind(c, KIND_CPU_PROFILE, id);
}

static int profile_update(struct call *c, struct err *e)
{
	const struct m_cpu_profile *old = generic_target(c, e);
	struct m_cpu_profile *body = c->body, *cp;
	struct event_refs refs = call_refs(c);
	struct txn *t;
	char *id;

	if (!old || qos_resolve(c, &body->qos, M_QOS_TYPE_CPU, cluster_data_center(c->core, old->cluster.id),
	                        "cpu_profile.qos", e) < 0)
		return -1;
	body->cluster = (struct m_ref){ 0 };
	id = pool_strdup(c->pool, old->id);
	t = txn_begin(c->core);
	cp = generic_merge(c, t, KIND_CPU_PROFILE, id, e);
	if (!cp) {
		txn_cancel(t);
		return -1;
	}
	qos_settle(&cp->qos);
	refs.cluster = cp->cluster.id;
	txn_event(t, "USER_UPDATED_CPU_PROFILE", &refs, "CPU Profile %s was updated.", cp->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_kind(c, KIND_CPU_PROFILE, id);
}

static int profile_remove(struct call *c, struct err *e)
{
	const struct m_cpu_profile *cp = generic_target(c, e);
	struct event_refs refs = call_refs(c);
	struct txn *t;

	if (!cp)
		return -1;
	if (inv_count_by(c->core->inv, KIND_CPU_PROFILE, IDX_CPU_PROFILE_cluster, cp->cluster.id) == 1)
		return err_set(e, ERR_CONFLICT, "Cannot remove CPU Profile. It is the last one of its cluster.");
	INV_EACH_BY (vm, c->core->inv, KIND_VM, IDX_VM_cluster, cp->cluster.id)
		if (g_strcmp0(ENTITY_OBJ(vm, vm)->cpu_profile.id, cp->id) == 0)
			return err_set(e, ERR_CONFLICT, "Cannot remove CPU Profile. It is used by VM %s.",
			               ENTITY_OBJ(vm, vm)->name);
	INV_EACH_BY (tm, c->core->inv, KIND_TEMPLATE, IDX_TEMPLATE_cluster, cp->cluster.id)
		if (g_strcmp0(ENTITY_OBJ(tm, template)->cpu_profile.id, cp->id) == 0)
			return err_set(e, ERR_CONFLICT, "Cannot remove CPU Profile. It is used by Template %s.",
			               ENTITY_OBJ(tm, template)->name);
	t = txn_begin(c->core);
	refs.cluster = cp->cluster.id;
	txn_event(t, "USER_REMOVED_CPU_PROFILE", &refs, "CPU Profile %s was removed.", cp->name);
	txn_remove(t, KIND_CPU_PROFILE, cp->id);
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, NULL);
}

#define OF_CLUSTER BELOW(KIND_CLUSTER, IDX_CPU_PROFILE_cluster)

const struct api_op CPU_PROFILE_OPS[] = {
	ROW("assigned_cpu_profiles.list", generic_list, KIND_CPU_PROFILE, OF_CLUSTER),
	ROW("assigned_cpu_profile.get", generic_get, KIND_CPU_PROFILE, OF_CLUSTER),
	ROW("assigned_cpu_profiles.add", profile_add, KIND_CPU_PROFILE, ASKS("create_cpu_profile", KIND_CLUSTER)),
	ROW("assigned_cpu_profile.remove", profile_remove, KIND_CPU_PROFILE, OF_CLUSTER,
	    ON("delete_cpu_profile", KIND_CLUSTER)),
	ROW("cpu_profiles.list", generic_list, KIND_CPU_PROFILE),
	ROW("cpu_profile.get", generic_get, KIND_CPU_PROFILE),
	ROW("cpu_profiles.add", profile_add, KIND_CPU_PROFILE, ASKS("create_cpu_profile", KIND_CLUSTER)),
	ROW("cpu_profile.update", profile_update, KIND_CPU_PROFILE, ON("update_cpu_profile", KIND_CPU_PROFILE)),
	ROW("cpu_profile.remove", profile_remove, KIND_CPU_PROFILE, ON("delete_cpu_profile", KIND_CPU_PROFILE)),
	{ .name = NULL },
};
