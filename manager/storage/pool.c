/* SPDX-License-Identifier: Apache-2.0 */
/* What is said to agents about storage servers, pools and the SPM. Everything may be said twice. */
#include <string.h>

#include "base/log.h"
#include "manager/storage/storage_int.h"

/* Storage types as the agents number them. */
static int type_number(enum m_storage_type t)
{
	switch (t) {
	case M_STORAGE_TYPE_NFS: return 1;
	case M_STORAGE_TYPE_FCP: return 2;
	case M_STORAGE_TYPE_ISCSI: return 3;
	case M_STORAGE_TYPE_LOCALFS: return 4;
	case M_STORAGE_TYPE_POSIXFS: return 6;
	case M_STORAGE_TYPE_GLUSTERFS: return 7;
	default: return 0;
	}
}

/* ---- one at a time ---- */

void pool_enter(struct core *c, const char *dc_id)
{
	struct pool_hot *h = pool_hot_of(c, dc_id);

	while (h->is_busy)
		waitq_wait(&h->free, -1);
	h->is_busy = true;
}

void pool_leave(struct core *c, const char *dc_id)
{
	struct pool_hot *h = pool_hot_of(c, dc_id);

	h->is_busy = false;
	waitq_wake_all(&h->free);
}

/* ---- servers ---- */

static json_t *server_params(const struct m_storage_connection *conn)
{
	g_autofree char *where =
	    conn->address ? g_strconcat(conn->address, ":", conn->path, NULL) : g_strdup(conn->path);

	return json_pack("{s:s,s:i,s:[{s:s,s:s,s:s,s:s,s:s}]}", "storagepoolID", UUID_NIL, "domainType",
	                 type_number(conn->type), "connectionParams", "id", conn->id, "connection", where ? where : "",
	                 "user", conn->username ? conn->username : "", "password", conn->password ? conn->password : "",
	                 "vfs_type", conn->vfs_type ? conn->vfs_type : "");
}

static int check_answers(struct core *c, const char *host_id, const struct m_storage_connection *conn,
                         const json_t *answers, struct err *e)
{
	const json_t *one;
	size_t i;

	json_array_foreach (answers, i, one) {
		int code = (int)storage_int(json_object_get(one, "status"));
		if (code != 0)
			return err_agent(
			    e, code,
			    "Host %s cannot reach the storage %s%s%s (code %d): it must exist there and be "
			    "writable for user and group 36.",
			    storage_name(c, KIND_HOST, host_id), conn->address ? conn->address : "",
			    conn->address ? ":" : "", conn->path ? conn->path : "", code);
	}
	return 0;
}

int pool_connect_server(struct core *c, const char *host_id, const struct m_storage_connection *conn,
                        const char *correlation, struct err *e)
{
	auto_json *answers = NULL;
	auto_pool p = pool_new();

	conn = m_copy(p, &M_TYPE_storage_connection, conn); /* we wait */
	if (agent_call(c, host_id, "StoragePool.connectStorageServer", server_params(conn), STORAGE_CONNECT_MS,
	               correlation, &answers, e) < 0)
		return -1;
	return check_answers(c, host_id, conn, answers, e);
}

int pool_disconnect_server(struct core *c, const char *host_id, const struct m_storage_connection *conn,
                           const char *correlation, struct err *e)
{
	return agent_call(c, host_id, "StoragePool.disconnectStorageServer", server_params(conn), STORAGE_CONNECT_MS,
	                  correlation, NULL, e);
}

/* Ids of the connections of a data center that concern a host: local ones only where they are. NULL-terminated. */
static const char **connections_of(struct core *c, struct pool *p, const char *host_id, const char *dc_id)
{
	const char **out;
	unsigned n, k = 0;
	const void **list = inv_latest_by(c->inv, p, KIND_STORAGE_DOMAIN, IDX_STORAGE_DOMAIN_data_center, dc_id, &n);

	out = POOL_ARRAY(p, const char *, n + 1);
	for (unsigned i = 0; i < n; i++) {
		const struct m_storage_domain *sd = list[i];
		if (sd->connection.id && (!sd->on_host.id || strcmp(sd->on_host.id, host_id) == 0))
			out[k++] = pool_strdup(p, sd->connection.id);
	}
	return out;
}

int pool_connect_servers(struct core *c, const char *host_id, const char *dc_id, const char *correlation, struct err *e)
{
	auto_pool p = pool_new();
	const char **ids = connections_of(c, p, host_id, dc_id);

	for (; *ids; ids++) {
		const struct m_storage_connection *conn =
		    INV_LATEST(c->inv, STORAGE_CONNECTION, storage_connection, *ids);
		if (conn && pool_connect_server(c, host_id, conn, correlation, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- the pool ---- */

static const char *plan_state(const struct m_data_center *dc, const struct m_storage_domain *sd)
{
	switch (sd->status) {
	case M_STORAGE_DOMAIN_STATUS_ACTIVE:
	case M_STORAGE_DOMAIN_STATUS_INACTIVE:
	case M_STORAGE_DOMAIN_STATUS_UNKNOWN: return "active";
	case M_STORAGE_DOMAIN_STATUS_LOCKED: return g_strcmp0(dc->master.id, sd->id) == 0 ? "active" : NULL;
	case M_STORAGE_DOMAIN_STATUS_UNATTACHED: return NULL;
	default: return "attached";
	}
}

struct pool_plan pool_plan_of(struct core *c, struct pool *p, const char *dc_id)
{
	struct pool_plan plan = { .dc = pool_strdup(p, dc_id), .domains = json_object() };
	const struct m_data_center *dc = dc_latest(c, dc_id);
	const void **list;
	unsigned n;

	if (!dc)
		return plan;
	plan.master = pool_strdup(p, dc->master.id);
	plan.version = M_GET(dc, master_version, 1);
	list = inv_latest_by(c->inv, p, KIND_STORAGE_DOMAIN, IDX_STORAGE_DOMAIN_data_center, dc_id, &n);
	for (unsigned i = 0; i < n; i++) {
		const char *state = plan_state(dc, list[i]);
		if (state)
			json_object_set_new(plan.domains, ((const struct m_storage_domain *)list[i])->id,
			                    json_string(state));
	}
	return plan;
}

/* The number by which leases know the host: unique in its data center, chosen once. */
static int lease_number(struct core *c, const char *host_id, int64_t *out, struct err *e)
{
	const struct m_host *h = INV_LATEST(c->inv, HOST, host, host_id);
	const char *dc_id = storage_dc_of_host(c, host_id);
	struct m_host *draft;
	struct txn *t;
	int64_t id = 1;

	if (!h)
		return err_set(e, ERR_CONFLICT, "The host was removed.");
	if (M_GET(h, spm_id, 0) > 0) {
		*out = h->spm_id;
		return 0;
	}
	for (bool is_taken = true; is_taken && id < 2000; id += is_taken) {
		is_taken = false;
		INV_EACH (en, c->inv, KIND_HOST) {
			const struct m_host *other = en->latest;
			is_taken |= other && M_GET(other, spm_id, 0) == id &&
			            g_strcmp0(storage_dc_of_host(c, en->id), dc_id) == 0;
		}
	}
	t = txn_begin(c);
	draft = txn_edit(t, KIND_HOST, host_id);
	M_SET(draft, spm_id, id);
	*out = id;
	return txn_commit(t, e);
}

int pool_connect(struct core *c, const char *host_id, const struct pool_plan *plan, const char *correlation,
                 struct err *e)
{
	int64_t number;

	for (int try = 0;; try++) {
		if (lease_number(c, host_id, &number, e) < 0)
			return -1;
		if (agent_call(c, host_id, "StoragePool.connect",
		               json_pack("{s:s,s:I,s:s,s:s,s:I,s:O}", "storagepoolID", plan->dc, "hostID",
		                         (json_int_t)number, "scsiKey", plan->dc, "masterSdUUID",
		                         plan->master ? plan->master : UUID_NIL, "masterVersion",
		                         (json_int_t)plan->version, "domainDict", plan->domains),
		               STORAGE_CONNECT_MS, correlation, NULL, e) == 0)
			return 0;
		/* It knows the pool by another number or master: start again. */
		if (try > 0 || e->code != ERR_AGENT || e->agent_code != AGENT_POOL_CONNECTED ||
		    pool_disconnect(c, host_id, plan->dc, correlation, e) < 0)
			return -1;
	}
}

int pool_disconnect(struct core *c, const char *host_id, const char *dc_id, const char *correlation, struct err *e)
{
	int64_t number = 0;

	if (lease_number(c, host_id, &number, e) < 0)
		return -1;
	if (agent_call(
	        c, host_id, "StoragePool.disconnect",
	        json_pack("{s:s,s:I,s:s}", "storagepoolID", dc_id, "hostID", (json_int_t)number, "scsiKey", dc_id),
	        STORAGE_CONNECT_MS, correlation, NULL, e) < 0)
		return e->code == ERR_AGENT && e->agent_code == AGENT_POOL_UNKNOWN ? 0 : -1;
	return 0;
}

/* ---- SPM ---- */

int pool_spm_status(struct core *c, const char *host_id, const char *dc_id, const char *correlation,
                    enum spm_answer *out, struct err *e)
{
	auto_json *answer = NULL;
	const char *word;

	if (agent_call(c, host_id, "StoragePool.getSpmStatus", json_pack("{s:s}", "storagepoolID", dc_id),
	               STORAGE_CALL_MS, correlation, &answer, e) < 0)
		return -1;
	word = json_string_value(json_object_get(answer, "spmStatus"));
	*out = g_strcmp0(word, "SPM") == 0 ? SPM_HERE : g_strcmp0(word, "Contend") == 0 ? SPM_CONTENDS : SPM_NONE;
	return 0;
}

static int wait_contended(struct core *c, const char *host_id, const char *dc_id, const char *correlation,
                          enum spm_answer *s, struct err *e)
{
	int64_t until = loop_now_ms(c->loop) + STORAGE_PATIENCE_MS;

	for (;;) {
		if (pool_spm_status(c, host_id, dc_id, correlation, s, e) < 0)
			return -1;
		if (*s != SPM_CONTENDS)
			return 0;
		if (loop_now_ms(c->loop) >= until)
			return err_set(e, ERR_TIMEOUT, "The host %s takes too long to become SPM.",
			               storage_name(c, KIND_HOST, host_id));
		fiber_sleep(500);
	}
}

int pool_start_spm(struct core *c, const char *host_id, const char *dc_id, const char *correlation, struct err *e)
{
	auto_json *task = NULL;
	enum spm_answer s;

	if (wait_contended(c, host_id, dc_id, correlation, &s, e) < 0)
		return -1;
	if (s == SPM_HERE)
		return 0;
	if (agent_call(c, host_id, "StoragePool.spmStart",
	               json_pack("{s:s,s:i,s:i,s:s,s:i,s:i}", "storagepoolID", dc_id, "prevID", -1, "prevLver", -1,
	                         "enableScsiFencing", "false", "maxHostID", 250, "domVersion", 5),
	               STORAGE_CALL_MS, correlation, &task, e) < 0) {
		if (e->code != ERR_AGENT || e->agent_code != AGENT_IS_SPM)
			return -1;
	} else if (json_is_string(task) && task_wait(c, host_id, json_string_value(task), correlation, e) < 0 &&
	           !storage_is_lost(e)) {
		return -1;
	}
	if (wait_contended(c, host_id, dc_id, correlation, &s, e) < 0)
		return -1;
	if (s != SPM_HERE)
		return err_set(e, ERR_CONFLICT, "The host %s did not become SPM.", storage_name(c, KIND_HOST, host_id));
	log_info("host manages the storage pool", "HOST", host_id, "DATA_CENTER", dc_id, "CORRELATION", correlation);
	return 0;
}

int pool_stop_spm(struct core *c, const char *host_id, const char *dc_id, const char *correlation, struct err *e)
{
	if (agent_call(c, host_id, "StoragePool.spmStop", json_pack("{s:s}", "storagepoolID", dc_id), STORAGE_CALL_MS,
	               correlation, NULL, e) == 0)
		return 0;
	if (e->code == ERR_AGENT && (e->agent_code == AGENT_POOL_UNKNOWN || e->agent_code == AGENT_NOT_SPM))
		return 0;
	return -1;
}

int pool_has_domain(struct core *c, const char *host_id, const char *sd_id, const char *dc_id, const char *correlation,
                    struct err *e)
{
	auto_json *info = NULL;
	const json_t *one;
	size_t i;

	if (agent_call(c, host_id, "StorageDomain.getInfo", json_pack("{s:s}", "storagedomainID", sd_id),
	               STORAGE_CONNECT_MS, correlation, &info, e) < 0)
		return -1;
	json_array_foreach (json_object_get(info, "pool"), i, one)
		if (g_strcmp0(json_string_value(one), dc_id) == 0)
			return 1;
	return 0;
}

/* ---- hosts come and go ---- */

static bool is_in_use(const struct m_data_center *dc)
{
	return dc && dc->master.id && dc->status != M_DATA_CENTER_STATUS_UNINITIALIZED &&
	       dc->status != M_DATA_CENTER_STATUS_MAINTENANCE;
}

static bool is_eligible(struct core *c, const char *host_id)
{
	const struct m_host *h = INV_LATEST(c->inv, HOST, host, host_id);
	return h && (!h->spm || M_GET(h->spm, priority, 5) >= 0);
}

/* Nobody else is it: no SPM, this one, or one that is not up. */
static bool is_spm_wanted(struct core *c, const struct m_data_center *dc, const char *host_id)
{
	const char *now = dc->spm_host.id;
	return is_eligible(c, host_id) && (!now || strcmp(now, host_id) == 0 || !host_is_up(c, now));
}

static int join_pool(struct core *c, const char *host_id, const char *dc_id, struct err *e)
{
	const struct m_data_center *dc;
	auto_pool p = pool_new();
	struct pool_plan plan;
	struct err failure = ERR_INIT;
	struct txn *t;
	int rc;

	if (pool_connect_servers(c, host_id, dc_id, NULL, e) < 0)
		return -1;
	if (!is_in_use(dc_latest(c, dc_id)))
		return 0;
	plan = pool_plan_of(c, p, dc_id);
	rc = pool_connect(c, host_id, &plan, NULL, e);
	json_decref(plan.domains);
	dc = dc_latest(c, dc_id);
	if (rc < 0 || !is_in_use(dc) || !is_spm_wanted(c, dc, host_id))
		return rc;
	rc = pool_start_spm(c, host_id, dc_id, NULL, &failure);
	t = txn_begin(c);
	if (rc == 0)
		dc_set_up(t, dc_id, host_id);
	else
		dc_set_problem(t, dc_id, failure.detail);
	return txn_commit(t, e);
}

int storage_host_up(struct core *c, const char *host_id, struct err *e)
{
	g_autofree char *dc_id = g_strdup(storage_dc_of_host(c, host_id));
	int rc;

	if (!dc_id || !inv_first_by(c->inv, KIND_STORAGE_DOMAIN, IDX_STORAGE_DOMAIN_data_center, dc_id))
		return 0;
	pool_enter(c, dc_id);
	rc = join_pool(c, host_id, dc_id, e);
	pool_leave(c, dc_id);
	return rc;
}

static int leave_pool(struct core *c, const char *host_id, const char *dc_id, struct err *e)
{
	const struct m_data_center *dc = dc_latest(c, dc_id);
	bool is_spm = dc && g_strcmp0(dc->spm_host.id, host_id) == 0;
	auto_pool p = pool_new();
	const char **ids = connections_of(c, p, host_id, dc_id);
	struct txn *t;

	if (pool_stop_spm(c, host_id, dc_id, NULL, e) < 0 || pool_disconnect(c, host_id, dc_id, NULL, e) < 0)
		return -1;
	for (; *ids; ids++) {
		const struct m_storage_connection *conn =
		    INV_LATEST(c->inv, STORAGE_CONNECTION, storage_connection, *ids);
		struct err ignored;
		if (conn && pool_disconnect_server(c, host_id, conn, NULL, &ignored) < 0)
			log_warn("storage server stays connected", "HOST", host_id, "REASON", ignored.detail);
	}
	if (!is_spm)
		return 0;
	t = txn_begin(c);
	dc_set_problem(t, dc_id, "Its host goes into maintenance.");
	return txn_commit(t, e);
}

int storage_host_down(struct core *c, const char *host_id, struct err *e)
{
	g_autofree char *dc_id = g_strdup(storage_dc_of_host(c, host_id));
	int rc;

	if (!dc_id || !inv_first_by(c->inv, KIND_STORAGE_DOMAIN, IDX_STORAGE_DOMAIN_data_center, dc_id))
		return 0;
	pool_enter(c, dc_id);
	rc = leave_pool(c, host_id, dc_id, e);
	pool_leave(c, dc_id);
	if (rc == 0)
		spm_check_soon(c, dc_id);
	return rc;
}
