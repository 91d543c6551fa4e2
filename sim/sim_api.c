/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of the API as the front makes them, but for HTTP: documents in JSON, trusted. */
#include <string.h>

#include "manager/api/call.h"
#include "sim/sim.h"

enum { READY_LIMIT_MS = 5 * SIM_MINUTE, CALL_LIMIT_MS = 20 * SIM_MINUTE };

struct api_call {
	struct sim *sim;
	struct call call;
	struct sim_answer *answer; /* NULL: nobody waits */
	bool is_finished, is_lost;
};

static void api_call_free(struct api_call *a)
{
	call_release(&a->call);
	pool_free(a->call.pool);
	g_free(a);
}

/* ---- requests ---- */

static int read_body(struct call *c, json_t *body, struct err *e)
{
	bool is_action = c->op->kind == M_OP_ACTION;
	const struct m_type *t = is_action ? &M_TYPE_action : c->op->body ? c->op->body->type : NULL;
	g_autofree char *text = body ? json_dumps(body, JSON_COMPACT) : g_strdup("");
	void *obj = NULL;

	if (!t)
		return 0;
	if (m_from_json(c->pool, t, text, strlen(text), &M_LIMITS_DEFAULT, &obj, e) < 0)
		return -1;
	if (is_action)
		c->action = obj;
	else
		c->body = obj;
	return m_op_check_input(c->op, obj, e);
}

static void set_ids(struct call *c, const char *id1, const char *id2, const char *id3)
{
	const char *ids[] = { id1, id2, id3 };

	for (int i = 0; i < 3 && ids[i]; i++)
		c->ids[c->n_ids++] = pool_strdup(c->pool, ids[i]);
}

/* "storage_domain.remove?format": the operation, and what the URL would say behind the question mark. */
static const struct m_op *read_op(struct call *c, const char *op)
{
	g_auto(GStrv) parts = g_strsplit_set(op, "?&", -1);

	c->query.max = c->query.from = -1;
	c->query.filter = -1;
	for (char **p = parts + 1; *p; p++) {
		c->query.format |= strcmp(*p, "format") == 0;
		c->query.force |= strcmp(*p, "force") == 0;
		c->query.destroy |= strcmp(*p, "destroy") == 0;
		c->query.detach_only |= strcmp(*p, "detach_only") == 0;
	}
	return m_op_find(parts[0]);
}

static void finished(struct call *c);

static struct api_call *new_call(struct sim *s, const char *op, json_t *body, const char *id1, const char *id2,
                                 const char *id3, struct err *e)
{
	struct api_call *a = g_new0(struct api_call, 1);
	struct call *c = &a->call;
	int rc;

	a->sim = s;
	c->core = s->core;
	c->pool = pool_new();
	c->op = read_op(c, op);
	c->base = "/ovirt-engine/api";
	c->path = "";
	c->is_trusted = true;
	c->finish = finished;
	c->user = a;
	g_snprintf(c->correlation_id, sizeof(c->correlation_id), "sim-%u", ++s->n_api_calls);
	if (!c->op) {
		rc = err_set(e, ERR_METHOD, "there is no operation %s", op);
	} else {
		set_ids(c, id1, id2, id3);
		rc = read_body(c, body, e);
	}
	json_decref(body);
	if (rc < 0) {
		api_call_free(a);
		return NULL;
	}
	return a;
}

/* ---- answers ---- */

static void take_object(struct sim_answer *out, struct call *c)
{
	static const struct m_write how = { .base = "/ovirt-engine/api", .flags = 0 };
	g_autoptr(GString) text = g_string_new(NULL);

	if (!c->object)
		return;
	m_write_json(text, c->type, c->object, &how);
	out->object = json_loads(text->str, 0, NULL);
	g_strlcpy(out->id, STR_OR(json_string_value(json_object_get(out->object, "id")), ""), sizeof(out->id));
	g_strlcpy(out->job, STR_OR(json_string_value(json_object_get(json_object_get(out->object, "job"), "id")), ""),
	          sizeof(out->job));
}

static void finished(struct call *c)
{
	struct api_call *a = c->user;
	struct sim *s = a->sim;

	if (s->is_doomed)
		return; /* it is buried with the Manager */
	a->is_finished = true;
	sim_tell(s, "api: %s %s: %s %s", c->op->name, c->n_ids ? c->ids[0] : "",
	         c->error.code ? err_code_name(c->error.code) : "done", c->error.code ? c->error.detail : "");
	if (a->answer) {
		a->answer->error = c->error;
		if (c->error.code == ERR_NONE)
			take_object(a->answer, c);
		return;
	}
	g_ptr_array_remove(s->api_calls, a);
	/* finish() is the last that the call's fiber does with it. */
	api_call_free(a);
}

void sim_api_forget(struct sim *s)
{
	for (guint i = 0; i < s->api_calls->len; i++) {
		struct api_call *a = g_ptr_array_index(s->api_calls, i);

		if (a->answer && !a->is_finished)
			a->is_lost = true;
		else if (!a->answer)
			api_call_free(a);
	}
	g_ptr_array_set_size(s->api_calls, 0);
}

void sim_answer_clear(struct sim_answer *a)
{
	json_decref(a->object);
	memset(a, 0, sizeof(*a));
}

/* ---- calling ---- */

static bool is_ready(struct sim *s, void *arg) { return s->core && s->is_ready; }

static bool is_over(struct sim *s, void *arg)
{
	struct api_call *a = arg;
	return a->is_finished || a->is_lost;
}

int sim_api(struct sim *s, struct sim_answer *out, const char *op, json_t *body, const char *id1, const char *id2,
            const char *id3)
{
	struct api_call *a;

	sim_answer_clear(out);
	if (!sim_run_until(s, is_ready, NULL, READY_LIMIT_MS)) {
		json_decref(body);
		if (sim_is_good(s))
			sim_fail(s, "the Manager does not come up");
		return err_set(&out->error, ERR_TIMEOUT, "no Manager");
	}
	a = new_call(s, op, body, id1, id2, id3, &out->error);
	if (!a) {
		sim_tell(s, "api: %s: bad request: %s %s", op, out->error.field, out->error.detail);
		return -1;
	}
	a->answer = out;
	g_ptr_array_add(s->api_calls, a);
	call_dispatch(&a->call);
	if (!sim_run_until(s, is_over, a, CALL_LIMIT_MS) && sim_is_good(s))
		sim_fail(s, "%s is not answered", op);
	if (!a->is_finished)
		err_set(&out->error, ERR_CANCELLED, "the Manager died meanwhile");
	g_ptr_array_remove(s->api_calls, a);
	if (a->is_finished || a->is_lost)
		api_call_free(a);
	return out->error.code == ERR_NONE ? 0 : -1;
}

void sim_api_send(struct sim *s, const char *op, json_t *body, const char *id1, const char *id2, const char *id3)
{
	struct err e = ERR_INIT;
	struct api_call *a;

	if (!s->core || !s->is_ready || s->is_doomed) {
		json_decref(body);
		return;
	}
	a = new_call(s, op, body, id1, id2, id3, &e);
	if (!a) {
		sim_tell(s, "api: %s: bad request: %s %s", op, e.field, e.detail);
		return;
	}
	g_ptr_array_add(s->api_calls, a);
	call_dispatch(&a->call);
}
