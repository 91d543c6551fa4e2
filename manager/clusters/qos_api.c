/* SPDX-License-Identifier: Apache-2.0 */
/* /datacenters/{id}/qoss: limits that profiles of disks, network cards and processors refer to. */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/clusters/qos.h"
#include "manager/core/jobs.h"

enum { MAX_AVERAGE = 17179, MAX_PEAK = 34359, MAX_BURST = 10240 };

int qos_resolve(struct call *c, struct m_ref *ref, enum m_qos_type type, const char *dc_id, const char *field,
                struct err *e)
{
	const struct m_qos *q;

	if (ref->id && !*ref->id) { /* "" takes it away */
		ref->obj = NULL;
		return 0;
	}
	if (call_resolve(c, ref, KIND_QOS, dc_id, false, field, e) < 0 || !ref->id)
		return ref->id ? -1 : 0;
	q = INV_LATEST(c->core->inv, QOS, qos, ref->id);
	if (q->type != type)
		return err_field(e, ERR_CONFLICT, field, "The QoS %s is of the type %s; here %s is needed.", q->name,
		                 m_enum_name(&M_ENUM_qos_type, (int)q->type), m_enum_name(&M_ENUM_qos_type, (int)type));
	if (dc_id && g_strcmp0(q->data_center.id, dc_id) != 0)
		return err_field(e, ERR_CONFLICT, field, "The QoS %s belongs to another data center.", q->name);
	return 0;
}

void qos_settle(struct m_ref *ref)
{
	if (ref->id && !*ref->id)
		*ref = (struct m_ref){ 0 };
}

int qos_update_profile(struct call *c, size_t offset, struct err *e)
{
	const enum kind k = c->impl->kind;
	const char *id = pool_strdup(c->pool, c->ids[c->n_ids - 1]);
	struct txn *t = txn_begin(c->core);
	void *draft = generic_merge(c, t, k, id, e);
	char job[UUID_LEN + 1];

	if (!draft) {
		txn_cancel(t);
		return -1;
	}
	qos_settle((struct m_ref *)((char *)draft + offset));
	if (k == KIND_VNIC_PROFILE)
		txn_event(t, "UPDATE_VNIC_PROFILE",
		          &(struct event_refs){ .user = c->who.user_id, .correlation_id = c->correlation_id },
		          "VM network interface profile %s was changed.", m_entity(M_KINDS[k].type, draft)->name);
	job_record(t, c->correlation_id, c->who.user_id, job, "Updating %s %s", M_KINDS[k].type->name,
	           STR_OR(m_entity(M_KINDS[k].type, draft)->name, id));
	return txn_commit(t, e) < 0 ? -1 : call_reply_kind(c, k, id);
}

/* ---- rules ---- */

/* A limit of both ways together excludes limits of one way. */
static int check_storage(const struct m_qos *q, struct err *e)
{
	if (M_GET(q, max_throughput, 0) && (M_GET(q, max_read_throughput, 0) || M_GET(q, max_write_throughput, 0)))
		return err_field(e, ERR_CONFLICT, "qos.max_throughput",
		                 "A limit of all throughput excludes limits of reading or writing.");
	if (M_GET(q, max_iops, 0) && (M_GET(q, max_read_iops, 0) || M_GET(q, max_write_iops, 0)))
		return err_field(e, ERR_CONFLICT, "qos.max_iops",
		                 "A limit of all operations excludes limits of reading or writing.");
	return 0;
}

static int check_way(const char *way, bool has_average, int64_t average, int64_t peak, int64_t burst, struct err *e)
{
	g_autofree char *field = g_strdup_printf("qos.%s_average", way);

	if (has_average && (average > MAX_AVERAGE || peak > MAX_PEAK || burst > MAX_BURST))
		return err_field(e, ERR_RANGE, field,
		                 "Limits of a network are: average %d Mbit/s, peak %d Mbit/s, burst %d MB at most.",
		                 MAX_AVERAGE, MAX_PEAK, MAX_BURST);
	if (has_average && peak && peak < average)
		return err_field(e, ERR_CONFLICT, field, "The peak must not be below the average.");
	if (!has_average && (peak || burst))
		return err_field(e, ERR_MISSING, field, "A peak or a burst needs an average.");
	return 0;
}

static int check(const struct m_qos *q, struct err *e)
{
	if (q->type == M_QOS_TYPE_STORAGE)
		return check_storage(q, e);
	if (q->type == M_QOS_TYPE_CPU && !q->has.cpu_limit)
		return err_field(e, ERR_MISSING, "qos.cpu_limit", "A QoS of the type cpu needs a limit, in percent.");
	if (q->type != M_QOS_TYPE_NETWORK)
		return 0;
	if (check_way("inbound", q->has.inbound_average, M_GET(q, inbound_average, 0), M_GET(q, inbound_peak, 0),
	              M_GET(q, inbound_burst, 0), e) < 0)
		return -1;
	return check_way("outbound", q->has.outbound_average, M_GET(q, outbound_average, 0), M_GET(q, outbound_peak, 0),
	                 M_GET(q, outbound_burst, 0), e);
}

/* ---- operations ---- */

static int commit(struct call *c, struct txn *t, const struct m_qos *q, const char *event, const char *done,
                  struct err *e)
{
	struct event_refs refs = call_refs(c);

	refs.data_center = c->ids[0];
	txn_event(t, event, &refs, "QoS %s was %s.", q->name, done);
	return txn_commit(t, e);
}

static int qos_add(struct call *c, struct err *e)
{
	struct txn *t;
	struct m_qos *q;
	char *id;

	if (!call_visible(c, 0, KIND_DATA_CENTER, e))
		return -1;
	t = txn_begin(c->core);
	q = generic_create(c, t, KIND_QOS, false, e);
	if (!q || check(q, e) < 0) {
		txn_cancel(t);
		return -1;
	}
	REF_SET(txn_pool(t), q->data_center, c->ids[0]);
	if (inv_name_taken(c->core->inv, KIND_QOS, c->ids[0], q->name, q->id)) {
		err_field(e, ERR_CONFLICT, "qos.name", "The QoS name %s is already in use.", q->name);
		txn_cancel(t);
		return -1;
	}
	id = pool_strdup(c->pool, q->id);
	return commit(c, t, q, "USER_ADDED_QOS", "added", e) < 0 ? -1 : call_reply_kind(c, KIND_QOS, id);
}

static int qos_update(struct call *c, struct err *e)
{
	const struct m_qos *old = generic_target(c, e);
	char *id = old ? pool_strdup(c->pool, old->id) : NULL;
	struct txn *t;
	struct m_qos *q;

	if (!old)
		return -1;
	((struct m_qos *)c->body)->data_center = (struct m_ref){ 0 };
	t = txn_begin(c->core);
	q = generic_merge(c, t, KIND_QOS, id, e);
	if (!q || check(q, e) < 0) {
		txn_cancel(t);
		return -1;
	}
	return commit(c, t, q, "USER_UPDATED_QOS", "updated", e) < 0 ? -1 : call_reply_kind(c, KIND_QOS, id);
}

/* Profiles that refer to it lose the limit. */
static void forget(struct txn *t, const char *id)
{
	struct inventory *inv = txn_core(t)->inv;

#define CLEAR(K, type)                                                                                                 \
	INV_EACH (en, inv, KIND_##K)                                                                                   \
		if (en->latest && g_strcmp0(((const struct m_##type *)en->latest)->qos.id, id) == 0)                   \
			((struct m_##type *)txn_edit(t, KIND_##K, en->id))->qos = (struct m_ref){ 0 };
	CLEAR(DISK_PROFILE, disk_profile)
	CLEAR(CPU_PROFILE, cpu_profile)
	CLEAR(VNIC_PROFILE, vnic_profile)
#undef CLEAR
}

static int qos_remove(struct call *c, struct err *e)
{
	const struct m_qos *q = generic_target(c, e);
	struct txn *t;

	if (!q)
		return -1;
	t = txn_begin(c->core);
	forget(t, q->id);
	txn_remove(t, KIND_QOS, q->id);
	return commit(c, t, q, "USER_REMOVED_QOS", "removed", e) < 0 ? -1 : call_reply_action(c, NULL);
}

#define OF_DC    BELOW(KIND_DATA_CENTER, IDX_QOS_data_center)
#define MAY_EDIT ON("edit_storage_pool_configuration", KIND_DATA_CENTER)

const struct api_op QOS_OPS[] = {
	ROW("qoss.list", generic_list, KIND_QOS, OF_DC),
	ROW("qos.get", generic_get, KIND_QOS, OF_DC),
	ROW("qoss.add", qos_add, KIND_QOS, OF_DC, MAY_EDIT),
	ROW("qos.update", qos_update, KIND_QOS, OF_DC, MAY_EDIT),
	ROW("qos.remove", qos_remove, KIND_QOS, OF_DC, MAY_EDIT),
	{ .name = NULL },
};
