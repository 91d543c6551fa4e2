/* SPDX-License-Identifier: Apache-2.0 */
/* What a host is asked and given when it comes up, and what it is asked again and again. */
#include "base/auto.h"
#include "base/log.h"
#include "manager/clusters/clusters.h"
#include "manager/core/agents.h"
#include "manager/core/txn.h"
#include "manager/hosts/host_hardware.h"
#include "manager/hosts/host_history.h"
#include "manager/hosts/host_int.h"
#include "manager/hosts/host_policy.h"
#include "manager/storage/storage.h"
#include "manager/vms/vms.h"

static int call(struct host_rt *rt, const char *method, json_t *params, json_t **result, struct err *e)
{
	return agent_call(rt->core, rt->id, method, params, HOST_CALL_MS, NULL, result, e);
}

int host_read_capabilities(struct host_rt *rt, struct err *e)
{
	auto_json *caps = NULL, *hw = NULL;
	struct err ignored;
	struct txn *t;
	struct m_host *h;

	if (call(rt, "Host.getCapabilities", NULL, &caps, e) < 0)
		return -1;
	call(rt, "Host.getHardwareInfo", NULL, &hw, &ignored);
	t = txn_begin(rt->core);
	h = txn_edit(t, KIND_HOST, rt->id);
	if (!h) {
		txn_cancel(t);
		return err_set(e, ERR_NO_ENTITY, "The host was removed.");
	}
	host_take_caps(txn_pool(t), h, caps, hw);
	h->cert_fingerprint = pool_strdup(txn_pool(t), rt->fingerprint);
	if (!h->key_fingerprint && rt->new_key)
		h->key_fingerprint = pool_strdup(txn_pool(t), rt->new_key);
	json_decref(rt->caps);
	rt->caps = g_steal_pointer(&caps);
	if (m_equal(&M_TYPE_host, host_rt_latest(rt),
	            h)) { /* asked again and again while an agent recovers: no news, no commit */
		txn_cancel(t);
		return 0;
	}
	return txn_commit(t, e);
}

/* The first host gives a cluster without CPU type its architecture and, with KVM, its type. */
static int fit_cluster(struct host_rt *rt, const struct m_host *h, struct err *e)
{
	struct txn *t = txn_begin(rt->core);
	struct m_cluster *cl = txn_edit(t, KIND_CLUSTER, h->cluster.id);
	bool has_type = cl && cl->cpu && cl->cpu->type && *cl->cpu->type;
	const char *type = cl && !has_type && g_strcmp0(h->accel, "kvm") == 0 ? host_cpu_type(cl, rt->caps) : NULL;

	if (!cl || (cl->cpu && cl->cpu->architecture > M_ARCHITECTURE_UNDEFINED && !type)) {
		txn_cancel(t);
		return cl ? 0 : err_set(e, ERR_CONFLICT, "The host's cluster is gone.");
	}
	if (!cl->cpu)
		cl->cpu = m_new(txn_pool(t), &M_TYPE_cpu);
	cl->cpu->architecture = M_ARCHITECTURE_X86_64;
	if (type)
		cl->cpu->type = pool_strdup(txn_pool(t), type);
	return txn_commit(t, e);
}

/* The management network's bridge is made where it is missing: without ports, nothing of the host's own set-up is touched. */
static int fit_networks(struct host_rt *rt, const struct m_host *h, struct err *e)
{
	const struct m_cluster *cl = cluster_latest(rt->core, h->cluster.id);
	const struct m_network *net =
	    cl ? INV_LATEST(rt->core->inv, NETWORK, network, cl->management_network.id) : NULL;
	const char *bridge = net ? STR_OR(net->vdsm_name, net->name) : NULL;

	if (!bridge || json_object_get(json_object_get(rt->caps, "networks"), bridge))
		return 0;
	if (call(rt, "Host.setupNetworks",
	         json_pack("{s:{s:{s:b}},s:{},s:{s:b,s:b}}", "networks", bridge, "bridged", 1, "bondings", "options",
	                   "connectivityCheck", 0, "commitOnSuccess", 1),
	         NULL, e) < 0)
		return err_wrap(e, "set up the management network");
	return host_read_capabilities(rt, e);
}

int host_poll_vms(struct host_rt *rt, struct err *e)
{
	auto_json *list = NULL;

	if (call(rt, "Host.getAllVmStats", NULL, &list, e) < 0)
		return -1;
	if (!json_is_array(list))
		return err_set(e, ERR_BACKEND, "Host.getAllVmStats answered nonsense");
	vms_host_report(rt->core, rt->id, list);
	host_policy_balloons(rt, list);
	return 0;
}

int host_poll_stats(struct host_rt *rt, struct err *e)
{
	auto_json *stats = NULL;

	if (call(rt, "Host.getStats", NULL, &stats, e) < 0)
		return -1;
	storage_host_report(rt->core, rt->id, json_object_get(stats, "storageDomains"));
	json_decref(rt->stats_before);
	rt->stats_before = rt->stats;
	rt->stats = g_steal_pointer(&stats);
	host_history_take(rt->core, rt->id);
	return 0;
}

int host_bring_up(struct host_rt *rt, struct err *e)
{
	const struct m_host *h;
	struct err ignored;

	if (host_read_capabilities(rt, e) < 0)
		return -1;
	h = host_rt_latest(rt);
	if (!h || fit_cluster(rt, h, e) < 0)
		return -1;
	h = host_rt_latest(rt);
	if (!h || host_check_cpu(rt->core, h, rt->caps, e) < 0 || fit_networks(rt, h, e) < 0)
		return -1;
	if (host_poll_vms(rt, e) < 0 || storage_host_up(rt->core, rt->id, e) < 0 || host_poll_stats(rt, e) < 0)
		return -1;
	if (host_read_devices(rt->core, rt->id, &ignored) < 0)
		log_warn("host does not list its devices", "HOST_ID", rt->id, "REASON", ignored.detail);
	return 0;
}
