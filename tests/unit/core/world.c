/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/world.h"

#include <stdlib.h>
#include <string.h>

#include "manager/api/call.h"
#include "manager/core/txn.h"
#include "manager/manager.h"
#include "manager/system/bootstrap.h"

/* An agent that sometimes does it, sometimes refuses, sometimes is not there, and never says anything of interest. */
struct agent_call {
	struct world *world;
	char *host_id;
	void (*done)(void *arg, json_t *result, const struct err *e);
	void *done_arg;
	enum err_code code;
};

static void agent_answers(void *arg)
{
	struct agent_call *call = arg;
	struct err e = { .code = call->code, .agent_code = 358, .detail = "The agent says no." };
	json_t *result = e.code ? NULL : json_object();

	call->done(call->done_arg, result, e.code ? &e : NULL);
	json_decref(result);
	g_free(call);
}

static void agent_call_starts(void *arg, const char *host_id, const char *method, json_t *params, int timeout_ms,
                              const char *correlation_id, void (*done)(void *, json_t *, const struct err *),
                              void *done_arg)
{
	static const enum err_code codes[] = { ERR_NONE, ERR_NONE, ERR_NONE, ERR_AGENT, ERR_NETWORK, ERR_TIMEOUT };
	struct world *w = arg;
	struct agent_call *call = g_new0(struct agent_call, 1);

	json_decref(params);
	*call = (struct agent_call){ w, NULL, done, done_arg, codes[chance_below(w->chance, G_N_ELEMENTS(codes))] };
	loop_post(w->loop, agent_answers, call);
}

static void agent_connects(void *arg)
{
	struct agent_call *call = arg;
	struct core *c = call->world->core;
	const struct err away = { .code = ERR_NETWORK, .detail = "Nobody is there." };
	bool is_up = call->code == ERR_NONE;

	if (c->agent_hooks.state)
		c->agent_hooks.state(c, call->host_id, is_up, is_up ? "00" : NULL, is_up ? NULL : &away);
	g_free(call->host_id);
	g_free(call);
}

static void agent_connect(void *arg, const char *host_id, const char *address, int port)
{
	struct world *w = arg;
	struct agent_call *call = g_new0(struct agent_call, 1);

	*call = (struct agent_call){ .world = w,
		                     .host_id = g_strdup(host_id),
		                     .code = chance_below(w->chance, 2) ? ERR_NONE : ERR_NETWORK };
	loop_post(w->loop, agent_connects, call);
}

static void agent_disconnect(void *arg, const char *host_id) {}

/* ---- what there is besides the initial data ---- */

static void add_row(struct world *w, struct txn *t, enum kind k, const char *id, const char *text)
{
	const struct m_type *type = M_KINDS[k].type;
	struct err e;
	void *obj;

	if (m_from_journal(txn_pool(t), type, text, strlen(text), &obj, &e) < 0 ||
	    m_merge(txn_pool(t), type, txn_new(t, k, id), obj, 0, &e) < 0)
		abort();
}

static void populate(struct world *w)
{
	const struct m_cluster *cl = inv_first(w->core->inv, KIND_CLUSTER)->pub;
	struct txn *t = txn_begin(w->core);
	struct pool *p = txn_pool(t);
	uuid_text attachment;
	struct m_data_center *dc = txn_edit(t, KIND_DATA_CENTER, cl->data_center.id);
	struct err e;

	dc->status = M_DATA_CENTER_STATUS_UP;
	REF_SET(p, dc->master, WORLD_DOMAIN);
	REF_SET(p, dc->spm_host, WORLD_HOST);
	add_row(w, t, KIND_HOST, WORLD_HOST,
	        pool_printf(p,
	                    "{\"name\":\"h\",\"address\":\"192.0.2.1\",\"port\":54321,\"status\":\"up\","
	                    "\"cluster\":{\"id\":\"%s\"},\"spm_id\":1,\"memory\":8589934592}",
	                    cl->id));
	add_row(w, t, KIND_STORAGE_DOMAIN, WORLD_DOMAIN,
	        pool_printf(p,
	                    "{\"name\":\"s\",\"type\":\"data\",\"status\":\"active\",\"master\":true,"
	                    "\"data_center\":{\"id\":\"%s\"},\"storage\":{\"type\":\"localfs\",\"path\":\"/"
	                    "x\"},\"on_host\":{\"id\":\"" WORLD_HOST "\"}}",
	                    cl->data_center.id));
	add_row(w, t, KIND_DISK, WORLD_DISK,
	        "{\"name\":\"d\",\"alias\":\"d\",\"status\":\"ok\",\"format\":\"raw\",\"provisioned_size\":1048576,"
	        "\"image_id\":\"" WORLD_DISK "\",\"volume_id\":\"" WORLD_DISK
	        "\",\"storage_type\":\"image\",\"storage_domains\":[{\"id\":\"" WORLD_DOMAIN "\"}]}");
	add_row(w, t, KIND_VM, WORLD_VM,
	        pool_printf(p,
	                    "{\"name\":\"v\",\"status\":\"down\",\"memory\":1073741824,\"cluster\":{\"id\":\"%s\"},"
	                    "\"template\":{\"id\":\"" UUID_NIL
	                    "\"},\"cpu\":{\"topology\":{\"cores\":1,\"sockets\":1,\"threads\":1}}}",
	                    cl->id));
	uuid_derive(WORLD_VM, WORLD_DISK, attachment);
	add_row(w, t, KIND_DISK_ATTACHMENT, attachment,
	        "{\"vm\":{\"id\":\"" WORLD_VM "\"},\"disk\":{\"id\":\"" WORLD_DISK
	        "\"},\"bootable\":true,\"active\":true,"
	        "\"interface\":\"virtio\"}");
	add_row(w, t, KIND_NIC, WORLD_NIC,
	        "{\"name\":\"nic1\",\"vm\":{\"id\":\"" WORLD_VM "\"},\"interface\":\"virtio\",\"plugged\":true,"
	        "\"linked\":true,\"mac\":{\"address\":\"56:6f:00:00:00:01\"},\"vnic_profile\":{\"id\":\"0000000a-000a-"
	        "000a-000a-000000000398\"}}");
	add_row(w, t, KIND_SNAPSHOT, WORLD_SNAPSHOT,
	        "{\"description\":\"Active VM\",\"snapshot_type\":\"active\",\"snapshot_status\":\"ok\","
	        "\"vm\":{\"id\":\"" WORLD_VM "\"}}");
	add_row(w, t, KIND_USER, WORLD_USER,
	        pool_printf(p, "{\"name\":\"jane\",\"user_name\":\"jane@internal-authz\",\"password_hash\":\"%s\"}",
	                    WORLD_HASH));
	add_row(w, t, KIND_SSH_PUBLIC_KEY, WORLD_KEY,
	        pool_printf(p, "{\"content\":\"ssh-rsa A\",\"user\":{\"id\":\"%s\"}}",
	                    inv_first(w->core->inv, KIND_USER)->id));
	if (txn_commit(t, &e) < 0)
		abort();
}

static void start(void *arg)
{
	struct world *w = arg;
	struct err e;

	if (bootstrap(w->core, WORLD_HASH, &e) < 0)
		abort();
	populate(w);
	manager_start_all(w->core);
	if (w->started)
		w->started(w);
	w->is_ready = true;
}

void world_open(struct world *w, void (*started)(struct world *w))
{
	struct core_config cfg = { .agents = { agent_connect, agent_disconnect, agent_call_starts, w },
		                   .public_url = "https://manager.test" };

	*w = (struct world){ .started = started };
	w->loop = cfg.loop = loop_new_virtual(1700000000000);
	w->chance = cfg.chance = chance_new_seeded(1);
	w->journal = memory_journal_new(w->loop);
	cfg.journal = &w->journal->base;
	w->core = core_new(&cfg);
	manager_register_all(w->core);
	fiber_start(w->loop, "start", start, w);
	for (int i = 0; !w->is_ready; i++)
		if (!loop_turn(w->loop, 1000) || i > 10000)
			abort();
}

void world_close(struct world *w)
{
	fiber_abandon_all(w->loop);
	manager_free_all(w->core);
	core_free(w->core);
	memory_journal_free(w->journal);
	chance_free(w->chance);
	loop_free(w->loop);
}
