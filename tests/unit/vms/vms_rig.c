/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/vms/vms_rig.h"

#include <string.h>

#include "base/log.h"
#include "manager/clusters/clusters.h"
#include "manager/console/console.h"
#include "manager/hosts/host_int.h"
#include "manager/manager.h"
#include "manager/system/bootstrap.h"
#include "tests/unit/support/fake_journal.h"

struct rig *rig;

/* ---- agents ---- */

struct answer {
	struct loop_timer timer;
	void (*done)(void *, json_t *, const struct err *);
	void *arg;
	json_t *result;
	struct err error;
};

static void answer_due(void *arg)
{
	struct answer *a = arg;

	a->done(a->arg, a->result, a->error.code ? &a->error : NULL);
	json_decref(a->result);
	g_free(a);
}

static int answer_to(const char *host, const char *method)
{
	g_autofree char *key = g_strdup_printf("%s %s", host, method);
	return GPOINTER_TO_INT(g_hash_table_lookup(rig->answers, key));
}

static void agent_call_fn(void *arg, const char *host, const char *method, json_t *params, int timeout_ms,
                          const char *cor, void (*done)(void *, json_t *, const struct err *), void *done_arg)
{
	struct rig_verb v = { .params = params };
	struct answer *a = g_new0(struct answer, 1);
	int code = answer_to(host, method);

	g_strlcpy(v.host, host, sizeof(v.host));
	g_strlcpy(v.method, method, sizeof(v.method));
	g_array_append_val(rig->verbs, v);
	a->done = done;
	a->arg = done_arg;
	if (code < 0)
		err_set(&a->error, ERR_NETWORK, "the connection was lost");
	else if (code > 0)
		err_agent(&a->error, code, "refused with %d", code);
	else if (strcmp(method, "VM.getStats") == 0)
		a->result = json_incref(rig->vm_stats);
	timer_start(rig->loop, &a->timer, 5, answer_due, a);
}

static void connect_fn(void *arg, const char *host_id, const char *address, int port) {}
static void disconnect_fn(void *arg, const char *host_id) {}

void rig_answer(const char *host, const char *method, int code)
{
	g_hash_table_replace(rig->answers, g_strdup_printf("%s %s", host, method), GINT_TO_POINTER(code));
}

int rig_count(const char *host, const char *method)
{
	int n = 0;

	for (guint i = 0; i < rig->verbs->len; i++) {
		const struct rig_verb *v = &g_array_index(rig->verbs, struct rig_verb, i);
		n += strcmp(v->method, method) == 0 && (!host || strcmp(v->host, host) == 0);
	}
	return n;
}

/* ---- the scene ---- */

static void add_host(struct txn *t, const char *id, const char *name, const char *cluster_id)
{
	struct m_host *h = txn_new(t, KIND_HOST, id);

	h->name = pool_strdup(txn_pool(t), name);
	h->address = h->name;
	h->status = M_HOST_STATUS_UP;
	M_SET(h, memory, 8LL << 30);
	REF_SET(txn_pool(t), h->cluster, cluster_id);
}

static void set_scene(void *arg)
{
	struct err e = ERR_INIT;
	struct txn *t;

	assert_int_equal(bootstrap(rig->core, "x", &e), 0);
	t = txn_begin(rig->core);
	add_host(t, HOST1, "host1", inv_by_name(rig->core->inv, KIND_CLUSTER, NULL, "Default")->id);
	add_host(t, HOST2, "host2", inv_by_name(rig->core->inv, KIND_CLUSTER, NULL, "Default")->id);
	assert_int_equal(txn_commit(t, &e), 0);
}

int rig_open(void **state)
{
	struct core_config cfg = { .public_url = "https://test" };
	const char *hosts[] = { HOST1, HOST2 };

	log_set_level(LOG_LEVEL_ERROR - 1);
	rig = g_new0(struct rig, 1);
	rig->loop = cfg.loop = loop_new_virtual(1700000000000);
	rig->chance = cfg.chance = chance_new_seeded(42);
	rig->journal = fake_journal_new();
	rig->verbs = g_array_new(FALSE, FALSE, sizeof(struct rig_verb));
	rig->answers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	cfg.journal = fake_journal_open(rig->journal, rig->loop);
	cfg.agents = (struct agent_door){ connect_fn, disconnect_fn, agent_call_fn, NULL };
	rig->core = core_new(&cfg);
	manager_register_all(rig->core);
	fiber_start(rig->loop, "scene", set_scene, NULL);
	rig_pass(100);
	for (size_t i = 0; i < G_N_ELEMENTS(hosts); i++) {
		host_rt(rig->core, hosts[i])->is_connected = true;
		host_rt(rig->core, hosts[i])->caps = json_pack("{s:{s:{s:b}},s:[s,s]}", "networks", "ovirtmgmt",
		                                               "bridged", 1, "emulatedMachines", "pc", "q35");
	}
	return 0;
}

static void forget_call(void);

int rig_close(void **state)
{
	forget_call();
	fiber_abandon_all(rig->loop);
	manager_free_all(rig->core);
	consoles_free(rig->core);
	core_free(rig->core);
	for (guint i = 0; i < rig->verbs->len; i++)
		json_decref(g_array_index(rig->verbs, struct rig_verb, i).params);
	g_array_free(rig->verbs, TRUE);
	g_hash_table_destroy(rig->answers);
	json_decref(rig->vm_stats);
	loop_free(rig->loop);
	fake_journal_free(rig->journal);
	chance_free(rig->chance);
	g_free(rig);
	rig = NULL;
	return 0;
}

void rig_pass(int64_t ms)
{
	int64_t until = loop_now_ms(rig->loop) + ms;

	while (loop_now_ms(rig->loop) < until)
		loop_turn(rig->loop, until - loop_now_ms(rig->loop));
}

unsigned rig_commits(void) { return fake_journal_commits(rig->journal); }
const struct m_vm *rig_get(const char *vm_id) { return INV_GET(rig->core->inv, VM, vm, vm_id); }

bool rig_told(const char *event_name)
{
	INV_EACH (e, rig->core->inv, KIND_EVENT)
		if (g_strcmp0(ENTITY_OBJ(e, event)->event_name, event_name) == 0)
			return true;
	return false;
}

/* ---- calls ---- */

static struct call *last;
static bool is_done;

static void finished(struct call *c) { is_done = true; }

static void forget_call(void)
{
	if (!last)
		return;
	call_release(last);
	pool_free(last->pool);
	last = NULL;
}

static void read_body(struct call *c, const char *body)
{
	struct err e = ERR_INIT;

	if (c->op->kind == M_OP_ACTION) {
		if (m_from_json(c->pool, &M_TYPE_action, body ? body : "", body ? strlen(body) : 0, &M_LIMITS_DEFAULT,
		                (void **)&c->action, &e) < 0)
			fail_msg("%s", e.detail);
	} else if (c->op->body && m_from_json(c->pool, c->op->body->type, body ? body : "", body ? strlen(body) : 0,
	                                      &M_LIMITS_DEFAULT, &c->body, &e) < 0) {
		fail_msg("%s", e.detail);
	}
}

struct call *rig_call(const char *op, const char *ids, const char *body)
{
	g_auto(GStrv) said = g_strsplit(ids, "?", 2), parts = g_strsplit(said[0] ? said[0] : "", "/", -1);
	struct pool *p = pool_new();
	struct call *c = POOL_NEW(p, struct call);

	forget_call();
	last = c;
	c->core = rig->core;
	c->pool = p;
	c->op = m_op_find(op);
	assert_non_null(c->op);
	c->base = "/ovirt-engine/api";
	c->path = "here";
	c->is_trusted = true;
	for (char **s = parts; *s && **s; s++)
		c->ids[c->n_ids++] = pool_strdup(p, *s);
	c->query = (struct call_query){ .max = -1, .from = -1, .filter = -1 };
	c->query.next_run = said[0] && said[1] && strcmp(said[1], "next_run") == 0;
	read_body(c, body);
	c->finish = finished;
	is_done = false;
	call_dispatch(c);
	for (int i = 0; i < 10000 && !is_done; i++)
		rig_pass(10);
	assert_true(is_done);
	return c;
}

struct call *rig_ok(const char *op, const char *ids, const char *body)
{
	struct call *c = rig_call(op, ids, body);

	if (c->error.code != ERR_NONE)
		fail_msg("%s: %s", op, c->error.detail);
	return c;
}

void rig_fails(const char *op, const char *ids, const char *body, const char *text)
{
	struct call *c = rig_call(op, ids, body);

	if (c->error.code == ERR_NONE || !strstr(c->error.detail, text))
		fail_msg("%s: '%s' instead of '%s'", op, c->error.detail, text);
}

const char *rig_vm(const char *name)
{
	g_autofree char *body =
	    g_strdup_printf("{\"name\":\"%s\",\"cluster\":{\"name\":\"Default\"},\"template\":{\"name\":\"Blank\"},"
	                    "\"memory\":268435456,\"os\":{\"kernel\":\"/k\"}}",
	                    name);

	return g_intern_string(((struct m_vm *)rig_ok("vms.add", "", body)->object)->id);
}

/* ---- hosts ---- */

void rig_report(const char *host, const char *list)
{
	g_auto(GStrv) items = g_strsplit(list, ",", -1);
	json_t *report = json_array();

	for (char **s = items; *s && **s; s++) {
		g_auto(GStrv) kv = g_strsplit(*s, "=", 2);
		json_array_append_new(report,
		                      json_pack("{s:s,s:s,s:s,s:s,s:s}", "vmId", kv[0], "status", kv[1], "elapsedTime",
		                                "10", "monitorResponse", "0", "pauseCode", "NOERR"));
	}
	vms_host_report(rig->core, host, report);
	json_decref(report);
	rig_pass(200);
}

void rig_event(const char *host, const char *vm_id, const char *json)
{
	json_t *news = json_loads(json, 0, NULL);

	assert_non_null(news);
	vms_host_event(rig->core, host, vm_id, news);
	json_decref(news);
	rig_pass(200);
}
