/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network between Manager and agents, in place of lib/rpc: connections that come up after a while, break, and keep the
 * order of what goes over them. A call that was sent may be done though its answer never arrives.
 */
#include <string.h>

#include "sim/sim_host.h"

enum { CONNECT_TIMEOUT_MS = 20 * 1000, BEAT_MS = 15 * 1000, AGENT_PORT = 54321 };

struct link {
	struct sim_net *net;
	char *host_id;
	struct sim_host *host; /* NULL: no such address */
	bool is_up, is_connecting;
	unsigned life; /* changes when it breaks */
	int64_t out_due_ms, in_due_ms;
};

/* What the Manager waits for. */
struct pending {
	uint64_t id;
	struct link *link;
	void (*done)(void *arg, json_t *result, const struct err *e);
	void *arg;
	char *method;
};

struct sim_net {
	struct sim *sim;
	GHashTable *links;   /* Manager's host id -> struct link */
	GHashTable *pending; /* id -> struct pending */
	uint64_t next_id;
};

/* On its way to the agent, there, and back. */
struct request {
	struct sim *sim;
	struct sim_host *host;
	uint64_t id;
	char *host_id, *method;
	bool is_of_job;
	unsigned link_life;
	json_t *params, *result;
	struct err error;
};

static void link_free(void *p)
{
	struct link *l = p;

	g_free(l->host_id);
	g_free(l);
}

static void pending_free(void *p)
{
	struct pending *pc = p;

	g_free(pc->method);
	g_free(pc);
}

static void request_free(void *p)
{
	struct request *r = p;

	json_decref(r->params);
	json_decref(r->result);
	g_free(r->host_id);
	g_free(r->method);
	g_free(r);
}

struct sim_net *sim_net_new(struct sim *s)
{
	struct sim_net *n = g_new0(struct sim_net, 1);

	n->sim = s;
	n->next_id = 1;
	n->links = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, link_free);
	n->pending = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, pending_free);
	return n;
}

void sim_net_free(struct sim_net *n)
{
	g_hash_table_destroy(n->pending);
	g_hash_table_destroy(n->links);
	g_free(n);
}

static int by_id(gconstpointer a, gconstpointer b)
{
	const struct pending *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* Answer what waits on a link, or on any. */
static void fail_pending(struct sim_net *n, struct link *l, const struct err *e)
{
	g_autoptr(GList) all = g_list_sort(g_hash_table_get_values(n->pending), by_id);

	for (GList *at = all; at; at = at->next) {
		struct pending *pc = at->data;

		if (pc->link != l)
			continue;
		g_hash_table_steal(n->pending, &pc->id);
		pc->done(pc->arg, NULL, e);
		pending_free(pc);
	}
}

void sim_net_forget(struct sim_net *n)
{
	g_hash_table_remove_all(n->pending);
	g_hash_table_remove_all(n->links);
}

static bool is_heard(const struct sim_net *n) { return n->sim->core && !n->sim->is_doomed; }

static void link_down(struct link *l, const char *why)
{
	struct sim_net *n = l->net;
	struct core *c = n->sim->core;
	struct err e = ERR_INIT;

	if (!l->is_up && !l->is_connecting)
		return;
	l->is_up = l->is_connecting = false;
	l->life++;
	err_set(&e, ERR_NETWORK, "host agent %s: %s", l->host ? l->host->address : "?", why);
	fail_pending(n, l, &e);
	if (is_heard(n) && c->agent_hooks.state)
		c->agent_hooks.state(c, l->host_id, false, NULL, &e);
}

static int by_host_id(gconstpointer a, gconstpointer b)
{
	return strcmp(((const struct link *)a)->host_id, ((const struct link *)b)->host_id);
}

/* In an order that does not depend on addresses of memory. */
static GList *links_of(struct sim_net *n, const struct sim_host *h)
{
	GList *all = g_list_sort(g_hash_table_get_values(n->links), by_host_id), *next;

	for (GList *at = all; at; at = next) {
		next = at->next;
		if (((struct link *)at->data)->host != h)
			all = g_list_delete_link(all, at);
	}
	return all;
}

void sim_net_break(struct sim_net *n, struct sim_host *h, const char *why)
{
	g_autoptr(GList) links = links_of(n, h);

	for (GList *l = links; l; l = l->next)
		link_down(l->data, why);
}

static void beat_missed(struct sim *s, void *arg)
{
	struct sim_host *h = arg;

	if (h->cut_until_ms > sim_now(s) || !h->is_on)
		sim_net_break(s->net, h, "no heart-beat");
}

void sim_net_cut(struct sim_net *n, struct sim_host *h, int64_t ms)
{
	h->cut_until_ms = MAX(h->cut_until_ms, sim_now(n->sim) + ms);
	sim_after(n->sim, BEAT_MS + sim_between(n->sim, 0, BEAT_MS), beat_missed, h, NULL, NULL);
}

/* When a message sent now arrives: behind those before it, and not while the network is cut. */
static int64_t travel_ms(struct sim *s, const struct sim_host *h, int64_t *last_due)
{
	int64_t now = sim_now(s), due = now + sim_between(s, 0, 3);

	if (h->cut_until_ms > now)
		due = h->cut_until_ms + sim_between(s, 1, 200);
	*last_due = MAX(*last_due, due);
	return *last_due - now;
}

/* ---- connecting ---- */

static struct link *link_of(struct sim *s, const char *host_id) { return g_hash_table_lookup(s->net->links, host_id); }

static void connected(struct sim *s, void *arg)
{
	struct link *l = link_of(s, arg);
	struct err e = ERR_INIT;

	g_free(arg);
	if (!l || !l->is_connecting || !is_heard(s->net))
		return;
	l->is_connecting = false;
	if (l->host && sim_host_answers(l->host)) {
		l->is_up = true;
		s->core->agent_hooks.state(s->core, l->host_id, true, l->host->uuid, NULL);
		return;
	}
	err_set(&e, ERR_NETWORK, "host agent %s: cannot connect", l->host ? l->host->address : "?");
	s->core->agent_hooks.state(s->core, l->host_id, false, NULL, &e);
}

static struct sim_host *find_host(struct sim *s, const char *address, int port)
{
	for (int i = 0; i < s->n_hosts; i++)
		if (strcmp(s->hosts[i]->address, address) == 0 && port == AGENT_PORT)
			return s->hosts[i];
	return NULL;
}

static void door_connect(void *arg, const char *host_id, const char *address, int port)
{
	struct sim_net *n = arg;
	struct sim *s = n->sim;
	struct link *l = link_of(s, host_id);
	bool is_reachable;

	if (s->is_doomed)
		return;
	if (l && l->host != find_host(s, address, port)) {
		struct err e = ERR_INIT;

		err_set(&e, ERR_CANCELLED, "host agent has another address now");
		fail_pending(n, l, &e);
		g_hash_table_remove(n->links, host_id);
		l = NULL;
	}
	if (!l) {
		l = g_new0(struct link, 1);
		l->net = n;
		l->host_id = g_strdup(host_id);
		l->host = find_host(s, address, port);
		g_hash_table_insert(n->links, l->host_id, l);
	}
	if (l->is_up || l->is_connecting)
		return;
	l->is_connecting = true;
	l->out_due_ms = l->in_due_ms = 0;
	is_reachable = l->host && l->host->is_on && l->host->cut_until_ms <= sim_now(s);
	sim_after(s, is_reachable ? sim_between(s, 2, 30) : CONNECT_TIMEOUT_MS, connected, g_strdup(host_id), g_free,
	          &s->life);
}

static void door_disconnect(void *arg, const char *host_id)
{
	struct sim_net *n = arg;
	struct link *l = g_hash_table_lookup(n->links, host_id);
	struct err e = ERR_INIT;

	if (!l || n->sim->is_doomed)
		return;
	err_set(&e, ERR_CANCELLED, "host agent %s is not needed any more", l->host ? l->host->address : "?");
	fail_pending(n, l, &e);
	g_hash_table_remove(n->links, host_id);
}

/* ---- calls ---- */

static void settle(struct sim *s, uint64_t id, json_t *result, const struct err *e)
{
	struct pending *pc = g_hash_table_lookup(s->net->pending, &id);

	if (!pc || !is_heard(s->net))
		return;
	g_hash_table_steal(s->net->pending, &id);
	pc->done(pc->arg, result, e->code == ERR_NONE ? NULL : e);
	pending_free(pc);
}

static void answer_arrives(struct sim *s, void *arg)
{
	struct request *r = arg;
	struct link *l = link_of(s, r->host_id);

	if (l && l->is_up && l->life == r->link_life)
		settle(s, r->id, r->result, &r->error);
	request_free(r);
}

static void timed_out(struct sim *s, void *arg)
{
	uint64_t id = GPOINTER_TO_SIZE(arg);
	struct pending *pc = g_hash_table_lookup(s->net->pending, &id);
	struct err e = ERR_INIT;

	if (!pc)
		return;
	err_set(&e, ERR_TIMEOUT, "host agent %s did not answer %s in time", pc->link->host->address, pc->method);
	settle(s, id, NULL, &e);
}

static bool is_link_alive(struct sim *s, const struct request *r)
{
	const struct link *l = link_of(s, r->host_id);

	return l && l->is_up && l->life == r->link_life;
}

/* What a call is about: a VM or a volume. */
static const char *subject(json_t *params)
{
	const char *vm = sim_text(params, "vmID");

	return *vm ? vm : sim_text(params, "volumeID");
}

static void execute(struct sim *s, void *arg)
{
	struct request *r = arg;
	struct sim_host *h = r->host;
	unsigned agent_life = h->agent_life;
	struct link *l;

	r->result = sim_host_run(h, r->method, r->params, &r->error);
	sim_tell(s, "%s: %s %s%s%s", h->address, r->method, subject(r->params), r->error.code ? "refused: " : "",
	         r->error.detail);
	if (r->is_of_job)
		sim_reach(s, POINT_DONE, h, r->method);
	if (h->agent_life != agent_life || !is_link_alive(s, r)) {
		request_free(r);
		return;
	}
	if (sim_happens(s, s->faults.lose_answer)) {
		sim_tell(s, "%s: the answer is lost", h->address);
		sim_net_break(s->net, h, "connection reset");
		request_free(r);
		return;
	}
	l = link_of(s, r->host_id);
	sim_after(s, travel_ms(s, h, &l->in_due_ms), answer_arrives, r, request_free, &s->life);
}

static void arrive(struct sim *s, void *arg)
{
	struct request *r = arg;
	struct sim_host *h = r->host;
	unsigned agent_life = h->agent_life;
	bool is_slow;
	int64_t takes;

	if (!sim_host_answers(h) || (!is_link_alive(s, r) && sim_happens(s, 500000))) {
		request_free(r);
		return;
	}
	if (r->is_of_job) {
		if (s->is_counting && s->job_calls)
			g_ptr_array_add(s->job_calls, g_strdup(r->method));
		sim_reach(s, POINT_CALL, h, r->method);
	}
	if (h->agent_life != agent_life) {
		request_free(r);
		return;
	}
	takes = sim_host_takes(h, r->method);
	/* What begins a task begins at once, and the task takes its time. */
	is_slow = sim_happens(s, s->faults.slow_call) && strncmp(r->method, "Volume.", 7) != 0 &&
	          strncmp(r->method, "Image.", 6) != 0;
	/* Storage is waited for in fibers of its own, for less than a minute; the rest is done in the order of its coming. */
	if (strncmp(r->method, "VM.", 3) != 0 && strncmp(r->method, "Host.", 5) != 0) {
		takes += is_slow ? sim_between(s, 1, 50) * SIM_SECOND : 0;
	} else {
		takes += is_slow ? sim_between(s, 1, 90) * SIM_SECOND : 0;
		h->busy_until_ms = MAX(h->busy_until_ms, sim_now(s) + takes);
		takes = h->busy_until_ms - sim_now(s);
	}
	sim_after(s, takes, execute, r, request_free, &h->agent_life);
}

static void not_connected(struct sim *s, void *arg)
{
	struct err e = ERR_INIT;

	err_set(&e, ERR_NETWORK, "There is no connection to the host's agent.");
	settle(s, GPOINTER_TO_SIZE(arg), NULL, &e);
}

static bool is_polling(const char *method)
{
	return strcmp(method, "Host.getStats") == 0 || strcmp(method, "Host.getAllVmStats") == 0 ||
	       strcmp(method, "Host.getCapabilities") == 0 || strcmp(method, "Host.getHardwareInfo") == 0;
}

static void door_call(void *arg, const char *host_id, const char *method, json_t *params, int timeout_ms,
                      const char *correlation_id, void (*done)(void *, json_t *, const struct err *), void *done_arg)
{
	struct sim_net *n = arg;
	struct sim *s = n->sim;
	struct link *l = link_of(s, host_id);
	struct pending *pc;
	struct request *r;

	if (s->is_doomed) {
		json_decref(params);
		return;
	}
	pc = g_new0(struct pending, 1);
	*pc = (struct pending){ n->next_id++, l, done, done_arg, g_strdup(method) };
	g_hash_table_insert(n->pending, &pc->id, pc);
	if (!l || !l->is_up) {
		json_decref(params);
		sim_after(s, 0, not_connected, GSIZE_TO_POINTER(pc->id), NULL, &s->life);
		return;
	}
	r = g_new0(struct request, 1);
	*r = (struct request){ .sim = s,
		               .host = l->host,
		               .id = pc->id,
		               .host_id = g_strdup(host_id),
		               .method = g_strdup(method),
		               .link_life = l->life,
		               .params = params };
	r->is_of_job = correlation_id && *correlation_id && !is_polling(method);
	if (r->is_of_job)
		sim_tell(s, "%s <- %s %s", l->host->address, method, subject(params));
	sim_after(s, timeout_ms > 0 ? timeout_ms : 180 * SIM_SECOND, timed_out, GSIZE_TO_POINTER(pc->id), NULL,
	          &s->life);
	sim_after(s, travel_ms(s, l->host, &l->out_due_ms), arrive, r, request_free, &l->host->agent_life);
}

struct agent_door sim_net_door(struct sim_net *n)
{
	return (struct agent_door){ door_connect, door_disconnect, door_call, n };
}

/* ---- what agents tell by themselves ---- */

struct news {
	char *host_id, *method;
	json_t *params;
	unsigned link_life;
};

static void news_free(void *p)
{
	struct news *w = p;

	g_free(w->host_id);
	g_free(w->method);
	json_decref(w->params);
	g_free(w);
}

static void news_arrive(struct sim *s, void *arg)
{
	struct news *w = arg;
	struct link *l = link_of(s, w->host_id);

	if (l && l->is_up && l->life == w->link_life && is_heard(s->net) && s->core->agent_hooks.event)
		s->core->agent_hooks.event(s->core, w->host_id, w->method, w->params);
	news_free(w);
}

void sim_net_event(struct sim_net *n, struct sim_host *h, const char *method, json_t *params)
{
	g_autoptr(GList) links = links_of(n, h);

	for (GList *at = links; at; at = at->next) {
		struct link *l = at->data;
		struct news *w;

		if (!l->is_up)
			continue;
		w = g_new0(struct news, 1);
		*w = (struct news){ g_strdup(l->host_id), g_strdup(method), json_incref(params), l->life };
		sim_after(n->sim, travel_ms(n->sim, h, &l->in_due_ms), news_arrive, w, news_free, &n->sim->life);
	}
	json_decref(params);
}
