/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/clusters/clusters.h"
#include "manager/core/jobs.h"
#include "manager/core/locks.h"
#include "manager/hosts/host_int.h"
#include "manager/hosts/pki.h"
#include "manager/vms/vms.h"

enum { MAX_HOSTS = 250 }; /* host ids of a data center's storage leases */

static struct event_refs host_refs(struct call *c, const struct m_host *h)
{
	struct event_refs r = call_refs(c);

	r.host = h->id;
	r.cluster = h->cluster.id;
	return r;
}

/* Lowest free id among the hosts of the data center; 0: none is left. */
static int64_t free_spm_id(struct core *c, const char *dc_id)
{
	bool used[MAX_HOSTS + 1] = { false };

	INV_EACH (e, c->inv, KIND_HOST) {
		const struct m_host *h = e->latest;
		int64_t n = h && g_strcmp0(cluster_data_center(c, h->cluster.id), dc_id) == 0 ? M_GET(h, spm_id, 0) : 0;
		if (n > 0 && n <= MAX_HOSTS)
			used[n] = true;
	}
	for (int64_t n = 1; n <= MAX_HOSTS; n++)
		if (!used[n])
			return n;
	return 0;
}

static int check_place(struct call *c, const struct m_host *h, struct err *e)
{
	const char *dc_id = cluster_data_center(c->core, h->cluster.id);
	const struct m_data_center *dc = INV_LATEST(c->core->inv, DATA_CENTER, data_center, dc_id);

	INV_EACH (en, c->core->inv, KIND_HOST) {
		const struct m_host *other = en->latest;
		if (!other || strcmp(other->id, h->id) == 0)
			continue;
		if (g_ascii_strcasecmp(other->address, h->address) == 0 &&
		    M_GET(other, port, 54321) == M_GET(h, port, 54321))
			return err_field(e, ERR_CONFLICT, "host.address",
			                 "Cannot add Host. The Host name or address is already in use: host %s has it.",
			                 other->name);
		if (dc && M_GET(dc, local, false) &&
		    g_strcmp0(cluster_data_center(c->core, other->cluster.id), dc_id) == 0)
			return err_field(
			    e, ERR_CONFLICT, "host.cluster",
			    "Cannot add Host. Data Center %s has local storage and has its one host already.",
			    dc->name);
	}
	return 0;
}

static int fill_new(struct call *c, struct m_host *h, struct err *e)
{
	h->has.spm_id = 0;
	if (check_place(c, h, e) < 0)
		return -1;
	M_SET(h, spm_id, free_spm_id(c->core, cluster_data_center(c->core, h->cluster.id)));
	if (h->spm_id == 0)
		return err_set(e, ERR_CONFLICT, "Cannot add Host. A data center has %d hosts at most.", MAX_HOSTS);
	DEFAULT(h, port, 54321);
	h->protocol = M_HOST_PROTOCOL_STOMP;
	h->type = M_HOST_TYPE_RHEL;
	h->external_status = M_EXTERNAL_STATUS_OK;
	DEFAULT(h, update_available, false);
	return 0;
}

static int host_add(struct call *c, struct err *e)
{
	struct m_host *h, *body = c->body;
	char job[UUID_LEN + 1];
	struct txn *t;
	char *id;

	if (!body->cluster.id && !body->cluster.obj) {
		struct entity *dflt = inv_by_name(c->core->inv, KIND_CLUSTER, NULL, "Default");
		body->cluster.id = dflt ? (char *)dflt->id : NULL;
	}
	if (call_resolve(c, &body->cluster, KIND_CLUSTER, NULL, true, "host.cluster", e) < 0 ||
	    call_asked(c, body->cluster.id, e) < 0)
		return -1;
	if (!cluster_data_center(c->core, body->cluster.id))
		return err_field(e, ERR_CONFLICT, "host.cluster", "The cluster belongs to no data center.");
	t = txn_begin(c->core);
	h = generic_create(c, t, KIND_HOST, false, e);
	if (!h || fill_new(c, h, e) < 0) {
		txn_cancel(t);
		return -1;
	}
	h->root_password = NULL;
	h->status = M_HOST_STATUS_INSTALLING;
	id = pool_strdup(c->pool, h->id);
	struct event_refs refs = host_refs(c, h);
	txn_event(t, "USER_ADD_VDS", &refs, "Host %s was added.", h->name);
	if (host_start_install(c, t, id, body->root_password, job, e) < 0)
		return -1;
	return call_reply_kind(c, KIND_HOST, id);
}

static int host_update(struct call *c, struct err *e)
{
	const struct m_host *old = CALL_ENTITY(c, 0, HOST, host, e);
	struct m_host *body = c->body;

	if (!old || call_resolve(c, &body->cluster, KIND_CLUSTER, NULL, false, "host.cluster", e) < 0)
		return -1;
	if (((body->cluster.id && g_strcmp0(body->cluster.id, old->cluster.id) != 0) ||
	     (body->address && g_strcmp0(body->address, old->address) != 0)) &&
	    old->status != M_HOST_STATUS_MAINTENANCE && old->status != M_HOST_STATUS_PENDING_APPROVAL &&
	    old->status != M_HOST_STATUS_INSTALL_FAILED)
		return err_set(e, ERR_CONFLICT,
		               "Cannot edit Host. Cluster and address can be changed in Maintenance only.");
	body->root_password = NULL;
	return generic_update(c, e);
}

static int host_remove(struct call *c, struct err *e)
{
	const struct m_host *h = CALL_ENTITY(c, 0, HOST, host, e);
	struct inventory *inv = c->core->inv;
	struct txn *t;

	if (!h || lock_check(c->core, h->id, NULL, e) < 0)
		return -1;
	if (h->status != M_HOST_STATUS_MAINTENANCE && h->status != M_HOST_STATUS_INSTALL_FAILED &&
	    h->status != M_HOST_STATUS_PENDING_APPROVAL && h->status != M_HOST_STATUS_DOWN &&
	    !(c->query.force && h->status == M_HOST_STATUS_NON_RESPONSIVE))
		return err_set(
		    e, ERR_CONFLICT,
		    "Cannot remove Host. Host is operational. Please switch Host to Maintenance mode first.");
	if (vms_on_host(c->core, h->id) > 0)
		return err_set(e, ERR_CONFLICT, "Cannot remove Host. One or more VMs are still running on this Host.");
	INV_EACH_BY (sd, inv, KIND_STORAGE_DOMAIN, IDX_STORAGE_DOMAIN_on_host, h->id)
		if (!c->query.force)
			return err_set(e, ERR_CONFLICT, "Cannot remove Host. Local Storage Domain %s is on this Host.",
			               ENTITY_OBJ(sd, storage_domain)->name);
	t = txn_begin(c->core);
	struct event_refs refs = host_refs(c, h);
	refs.host = NULL;
	txn_remove(t, KIND_HOST, h->id);
	txn_event(t, "USER_REMOVE_VDS", &refs, "Host %s was removed.", h->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, NULL);
}

/* ---- actions ---- */

static int move(struct call *c, const struct m_host *h, enum m_host_status to, const char *event, const char *title,
                struct err *e)
{
	char job[UUID_LEN + 1];
	struct event_refs refs = host_refs(c, h);
	struct txn *t = txn_begin(c->core);
	struct m_host *draft = txn_edit(t, KIND_HOST, h->id);
	const char *why = c->action && c->action->reason && *c->action->reason ? c->action->reason : NULL;

	draft->status = to;
	draft->maintenance_reason = pool_strdup(txn_pool(t), why);
	draft->status_detail = to == M_HOST_STATUS_MAINTENANCE ? draft->maintenance_reason : NULL;
	txn_event(t, event, &refs, why ? "%s %s (Reason: %s)." : "%s %s.", title, h->name, why);
	job_record(t, c->correlation_id, c->who.user_id, job, "%s %s", title, h->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, job);
}

static int host_activate(struct call *c, struct err *e)
{
	const struct m_host *h = CALL_ENTITY(c, 0, HOST, host, e);

	if (!h || lock_check(c->core, h->id, NULL, e) < 0)
		return -1;
	switch (h->status) {
	case M_HOST_STATUS_MAINTENANCE:
	case M_HOST_STATUS_NON_OPERATIONAL:
	case M_HOST_STATUS_ERROR:
	case M_HOST_STATUS_INSTALL_FAILED:
	case M_HOST_STATUS_PREPARING_FOR_MAINTENANCE:
		return move(c, h, M_HOST_STATUS_UNASSIGNED, "VDS_ACTIVATE", "Activating Host", e);
	default:
		return err_set(e, ERR_CONFLICT,
		               "Cannot activate Host. Host in %s status. It must be in maintenance, non_operational, "
		               "error, install_failed or preparing_for_maintenance.",
		               m_enum_name(&M_ENUM_host_status, h->status));
	}
}

static int host_deactivate(struct call *c, struct err *e)
{
	const struct m_host *h = CALL_ENTITY(c, 0, HOST, host, e);

	if (!h || lock_check(c->core, h->id, NULL, e) < 0)
		return -1;
	if (h->status == M_HOST_STATUS_MAINTENANCE || h->status == M_HOST_STATUS_PREPARING_FOR_MAINTENANCE)
		return err_set(e, ERR_CONFLICT,
		               "Cannot switch Host to Maintenance mode. Host is already in Maintenance mode.");
	if (h->status == M_HOST_STATUS_UP || h->status == M_HOST_STATUS_NON_OPERATIONAL ||
	    h->status == M_HOST_STATUS_ERROR)
		return move(c, h, M_HOST_STATUS_PREPARING_FOR_MAINTENANCE, "USER_VDS_MAINTENANCE",
		            "Switching to Maintenance mode Host", e);
	if (vms_on_host(c->core, h->id) > 0)
		return err_set(e, ERR_CONFLICT,
		               "Cannot switch Host to Maintenance mode. Host in %s status, and VMs may run on it. "
		               "Confirm that it was rebooted first.",
		               m_enum_name(&M_ENUM_host_status, h->status));
	if (h->status == M_HOST_STATUS_INSTALLING || h->status == M_HOST_STATUS_PENDING_APPROVAL)
		return err_set(e, ERR_CONFLICT, "Cannot switch Host to Maintenance mode. Host in %s status.",
		               m_enum_name(&M_ENUM_host_status, h->status));
	return move(c, h, M_HOST_STATUS_MAINTENANCE, "USER_VDS_MAINTENANCE", "Switching to Maintenance mode Host", e);
}

static int host_approve(struct call *c, struct err *e)
{
	const struct m_host *h = CALL_ENTITY(c, 0, HOST, host, e);
	struct m_action *a = c->action;
	struct m_ref cluster = { 0 };
	char job[UUID_LEN + 1];
	struct m_host *draft;
	struct txn *t;
	char *id;

	if (!h)
		return -1;
	if (h->status != M_HOST_STATUS_PENDING_APPROVAL && h->status != M_HOST_STATUS_INSTALL_FAILED)
		return err_set(e, ERR_CONFLICT, "Cannot approve Host. Host in %s status; it must be pending_approval.",
		               m_enum_name(&M_ENUM_host_status, h->status));
	if (a->cluster)
		cluster = (struct m_ref){ a->cluster->id, a->cluster };
	else if (a->host && (a->host->cluster.id || a->host->cluster.obj))
		cluster = a->host->cluster;
	if ((cluster.id || cluster.obj) && call_resolve(c, &cluster, KIND_CLUSTER, NULL, true, "action.cluster", e) < 0)
		return -1;
	id = pool_strdup(c->pool, h->id);
	t = txn_begin(c->core);
	draft = txn_edit(t, KIND_HOST, id);
	if (cluster.id)
		REF_SET(txn_pool(t), draft->cluster, cluster.id);
	if (!cluster_data_center(c->core, draft->cluster.id)) {
		txn_cancel(t);
		return err_field(e, ERR_MISSING, "action.cluster", "Say which cluster the host shall join.");
	}
	if (fill_new(c, draft, e) < 0) {
		txn_cancel(t);
		return -1;
	}
	draft->status = M_HOST_STATUS_INSTALLING;
	struct event_refs refs = host_refs(c, draft);
	txn_event(t, "VDS_APPROVE", &refs, "Host %s was approved.", draft->name);
	return host_start_install(c, t, id, NULL, job, e) < 0 ? -1 : call_reply_action(c, job);
}

static int host_install(struct call *c, struct err *e)
{
	const struct m_host *h = CALL_ENTITY(c, 0, HOST, host, e);
	const char *code = c->action->root_password;
	char job[UUID_LEN + 1];
	struct txn *t;
	char *id;

	if (!h)
		return -1;
	/* one that cannot be reached, perhaps for its certificate has ended, is paired anew while its VMs go on */
	if (h->status != M_HOST_STATUS_MAINTENANCE && h->status != M_HOST_STATUS_INSTALL_FAILED &&
	    !((h->status == M_HOST_STATUS_NON_RESPONSIVE || h->status == M_HOST_STATUS_CONNECTING) && code && *code))
		return err_set(
		    e, ERR_CONFLICT,
		    "Cannot install Host. Host in %s status; it must be in maintenance or install_failed (or "
		    "non_responsive, when the code that its agent shows is given as root_password).",
		    m_enum_name(&M_ENUM_host_status, h->status));
	if (lock_check(c->core, h->id, NULL, e) < 0)
		return -1;
	id = pool_strdup(c->pool, h->id);
	t = txn_begin(c->core);
	((struct m_host *)txn_edit(t, KIND_HOST, id))->status = M_HOST_STATUS_INSTALLING;
	return host_start_install(c, t, id, code, job, e) < 0 ? -1 : call_reply_action(c, job);
}

static int host_refresh(struct call *c, struct err *e)
{
	const struct m_host *h = CALL_ENTITY(c, 0, HOST, host, e);
	json_t *caps = NULL;
	struct txn *t;
	char *id;

	if (!h)
		return -1;
	id = pool_strdup(c->pool, h->id);
	if (agent_call(c->core, id, "Host.getCapabilities", NULL, 30000, c->correlation_id, &caps, e) < 0)
		return -1;
	t = txn_begin(c->core);
	struct m_host *draft = txn_edit(t, KIND_HOST, id);
	if (draft) {
		struct m_hardware_information *hw = draft->hardware_information;
		host_take_caps(txn_pool(t), draft, caps, NULL);
		draft->hardware_information = hw;
	}
	json_decref(host_rt(c->core, id)->caps);
	host_rt(c->core, id)->caps = caps;
	host_refresh_soon(c->core, id);
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, NULL);
}

/* As the renewal that happens by itself, but now. */
static int host_enroll_certificate(struct call *c, struct err *e)
{
	const struct m_host *h = CALL_ENTITY(c, 0, HOST, host, e);
	struct event_refs refs;
	const char *id;

	if (!h || lock_check(c->core, h->id, NULL, e) < 0)
		return -1;
	if (h->status != M_HOST_STATUS_MAINTENANCE && !host_is_connected(c->core, h->id))
		return err_set(e, ERR_CONFLICT,
		               "Cannot enroll certificate. Host in %s status; it must be in maintenance or connected.",
		               m_enum_name(&M_ENUM_host_status, h->status));
	id = pool_strdup(c->pool, h->id);
	refs = host_refs(c, h);
	event_emit(c->core, "HOST_CERTIFICATION_ENROLLMENT_STARTED", &refs,
	           "The certificate of host %s is being renewed (User: %s).", h->name, c->who.user_name);
	if (host_renew_certificate(c->core, id, c->who.user_name, e) < 0)
		return -1;
	return call_reply_action(c, NULL);
}

const struct api_op HOST_OPS[] = {
	ROW("hosts.list", generic_list, KIND_HOST),
	ROW("host.get", generic_get, KIND_HOST),
	ROW("hosts.add", host_add, KIND_HOST, ASKS("create_host", KIND_CLUSTER)),
	ROW("host.update", host_update, KIND_HOST, ON("edit_host_configuration", KIND_HOST)),
	ROW("host.remove", host_remove, KIND_HOST, ON("delete_host", KIND_HOST)),
	ROW("host.activate", host_activate, KIND_HOST, ON("manipulate_host", KIND_HOST)),
	ROW("host.deactivate", host_deactivate, KIND_HOST, ON("manipulate_host", KIND_HOST)),
	ROW("host.approve", host_approve, KIND_HOST, ON("manipulate_host", KIND_HOST)),
	ROW("host.install", host_install, KIND_HOST, ON("edit_host_configuration", KIND_HOST)),
	ROW("host.refresh", host_refresh, KIND_HOST, ON("manipulate_host", KIND_HOST)),
	ROW("host.enroll_certificate", host_enroll_certificate, KIND_HOST, ON("edit_host_configuration", KIND_HOST)),
	{ .name = NULL },
};
