/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/core/core.h"

#include "base/log.h"
#include "manager/core/events.h"
#include "manager/core/jobs.h"
#include "manager/core/locks.h"
#include "manager/core/perm_index.h"
#include "manager/core/sessions.h"
#include "manager/core/txn.h"

enum { PROBE_MS = 5000 };

struct core *core_new(const struct core_config *cfg)
{
	struct core *c = g_new0(struct core, 1);

	c->loop = cfg->loop;
	c->chance = cfg->chance;
	c->journal = cfg->journal;
	c->tasks = cfg->tasks;
	c->agents = cfg->agents;
	c->state_dir = cfg->state_dir;
	c->public_url = cfg->public_url;
	c->inv = inv_new();
	c->locks = locks_new();
	c->jobs = jobs_new(c);
	c->sessions = sessions_new(c);
	c->events = events_new(c);
	return c;
}

void core_register_kind(struct core *c, enum kind k, const struct kind_ops *ops) { c->kind_ops[k] = ops; }

static int load_row(void *arg, enum kind k, const char *id, const char *text, size_t len, struct err *e)
{
	struct core *c = arg;
	auto_pool p = pool_new();
	void *obj;

	if (m_from_journal(p, M_KINDS[k].type, text, len, &obj, e) < 0)
		return err_wrap(e, "read %s %s from the journal", M_KINDS[k].name, id);
	m_entity(M_KINDS[k].type, obj)->id = pool_strdup(p, id);
	inv_publish(c->inv, inv_make(c->inv, k, id), m_freeze(M_KINDS[k].type, obj));
	return 0;
}

int core_load(struct core *c, struct err *e) { return c->journal->ops->load(c->journal, load_row, c, e); }

/* ---- the end ---- */

static void closed_commit(struct journal *j, const struct journal_row *rows, int n,
                          void (*done)(void *arg, const struct err *e), void *arg)
{
}

static void closed_close(struct journal *j) {}

static void closed_connect(void *arg, const char *host_id, const char *address, int port) {}

static void closed_disconnect(void *arg, const char *host_id) {}

static void closed_call(void *arg, const char *host_id, const char *method, json_t *params, int timeout_ms,
                        const char *correlation_id, void (*done)(void *done_arg, json_t *result, const struct err *e),
                        void *done_arg)
{
	json_decref(params);
}

void core_close_agents(struct core *c)
{
	c->agents = (struct agent_door){ closed_connect, closed_disconnect, closed_call, NULL };
}

void core_close_journal(struct core *c)
{
	static const struct journal_ops ops = { .commit = closed_commit, .close = closed_close };
	static struct journal closed = { &ops };

	c->journal->ops->close(c->journal);
	c->journal = &closed;
}

void core_free(struct core *c)
{
	if (!c)
		return;
	timer_stop(c->loop, &c->journal_probe);
	events_free(c->events);
	sessions_free(c->sessions);
	perm_index_free(c->perm_index);
	jobs_free(c->jobs);
	locks_free(c->locks);
	inv_free(c->inv);
	g_free(c);
}

/* ---- when the journal refuses ---- */

/* Write something again as it is, so that it shows when the journal can be written, also when nobody asks for a change. */
static void probe_journal(void *arg)
{
	struct core *c = arg;
	struct entity *e = inv_first(c->inv, KIND_USER);
	struct txn *t = txn_begin(c);

	if (e)
		txn_edit(t, KIND_USER, e->id);
	txn_commit_async(t);
}

void core_journal_answered(struct core *c, const struct err *e)
{
	if (!e) {
		if (c->is_read_only)
			log_info("the journal takes changes again");
		c->is_read_only = false;
		timer_stop(c->loop, &c->journal_probe);
		return;
	}
	if (!c->is_read_only)
		log_error("the journal takes no changes", "REASON", e->detail);
	c->is_read_only = true;
	c->journal_error = *e;
	if (!timer_is_running(&c->journal_probe))
		timer_start(c->loop, &c->journal_probe, PROBE_MS, probe_journal, c);
}

char *core_uuid(struct core *c, struct pool *p)
{
	uuid_text u;

	uuid_make(c->chance, u);
	return pool_strdup(p, u);
}

/* ---- agents ---- */

struct pending_call {
	struct waiter waiter;
	json_t *result;
	struct err error;
};

static void call_done(void *arg, json_t *result, const struct err *e)
{
	struct pending_call *pc = arg;

	pc->result = result ? json_incref(result) : NULL;
	if (e)
		pc->error = *e;
	waiter_wake(&pc->waiter);
}

int agent_call(struct core *c, const char *host_id, const char *method, json_t *params, int timeout_ms,
               const char *correlation_id, json_t **result, struct err *e)
{
	struct pending_call pc = { 0 };

	c->agents.call(c->agents.arg, host_id, method, params ? params : json_object(), timeout_ms, correlation_id,
	               call_done, &pc);
	waiter_wait(&pc.waiter, -1);
	if (pc.error.code != ERR_NONE) {
		json_decref(pc.result);
		*e = pc.error;
		return err_wrap(e, "%s", method);
	}
	if (result)
		*result = pc.result;
	else
		json_decref(pc.result);
	return 0;
}
