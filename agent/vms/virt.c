/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/vms/virt.h"

#include <glib.h>
#include <libvirt/virterror.h>
#include <pthread.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/vms/events.h"
#include "agent/vms/vms.h"
#include "base/fiber.h"
#include "base/log.h"

enum {
	RETRY_FIRST_MS = 200,
	RETRY_MAX_MS = 5000,
	KEEPALIVE_S = 5, /* a daemon that is silent for 4 times as long is given up */
	KEEPALIVE_COUNT = 3,
	MAX_IDLE = 4,
};

struct virt {
	struct agent *agent;
	virConnectPtr events; /* only listens; its loss is the daemon's. NULL: not connected */
	GQueue idle;          /* connections for calls */
	unsigned generation;  /* of connections: those of an earlier daemon are not used again */
	struct task_pool *workers[N_VIRT_LINE];
	struct waitq changed;
	int64_t retry_ms;
};

/* Most calls at a time, per line. */
static const int WORKERS[N_VIRT_LINE] = { [VIRT_OPS] = 8, [VIRT_STATS] = 4, [VIRT_GUEST] = 3, [VIRT_LONG] = 4 };
static const char *const LINE_NAMES[N_VIRT_LINE] = { "virt-ops", "virt-stats", "virt-guest", "virt-long" };

int virt_err(struct err *e, const char *fmt, ...)
{
	virErrorPtr last = virGetLastError();
	enum err_code code = ERR_BACKEND;
	char what[200];
	va_list ap;

	va_start(ap, fmt);
	g_vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	switch (last ? last->code : VIR_ERR_OK) {
	case VIR_ERR_NO_DOMAIN: code = ERR_NOT_FOUND; break;
	case VIR_ERR_OPERATION_TIMEOUT:
	case VIR_ERR_AGENT_UNRESPONSIVE: code = ERR_TIMEOUT; break;
	case VIR_ERR_INVALID_CONN:
	case VIR_ERR_NO_CONNECT:
	case VIR_ERR_RPC: code = ERR_NETWORK; break;
	case VIR_ERR_SYSTEM_ERROR:
	case VIR_ERR_INTERNAL_ERROR:
		code = last->domain == VIR_FROM_RPC ? ERR_NETWORK : ERR_BACKEND; /* the daemon died while it worked */
		break;
	case VIR_ERR_OPERATION_INVALID: code = ERR_CONFLICT; break;
	case VIR_ERR_OPERATION_UNSUPPORTED:
	case VIR_ERR_CONFIG_UNSUPPORTED:
	case VIR_ERR_NO_SUPPORT: code = ERR_UNSUPPORTED; break;
	default: break;
	}
	return err_set(e, code, "%s: %s", what, last && last->message ? last->message : "unknown libvirt error");
}

static void be_quiet(void *unused, virErrorPtr error) {}

static void *event_thread(void *unused)
{
	pthread_setname_np(pthread_self(), "virt-events");
	while (virEventRunDefaultImpl() == 0)
		;
	return NULL;
}

/* --- connecting --------------------------------------------------------- */

struct attempt {
	struct agent *agent;
	virConnectPtr conn;
	struct err error;
};

static void close_idle(struct virt *v)
{
	virConnectPtr conn;

	while ((conn = g_queue_pop_head(&v->idle)))
		virConnectClose(conn);
}

static void on_close(virConnectPtr conn, int reason, void *arg);

static void connection_lost(void *arg)
{
	struct virt *v = arg;

	if (!v->events)
		return;
	log_warn("connection to libvirt lost");
	virConnectUnregisterCloseCallback(v->events, on_close);
	virConnectClose(v->events);
	v->events = NULL;
	v->generation++;
	close_idle(v);
	vms_libvirt_lost(v->agent);
	waitq_wake_all(&v->changed);
}

/* On libvirt's event thread. */
static void on_close(virConnectPtr conn, int reason, void *arg)
{
	struct agent *a = arg;

	loop_post(a->loop, connection_lost, a->virt);
}

static virConnectPtr open_connection(const char *uri, struct err *e)
{
	virConnectPtr conn = virConnectOpen(uri);

	if (conn)
		virConnectSetKeepAlive(conn, KEEPALIVE_S, KEEPALIVE_COUNT);
	else
		virt_err(e, "connect to %s", uri);
	return conn;
}

static void connect_work(void *arg)
{
	struct attempt *t = arg;

	t->conn = open_connection(t->agent->opt.libvirt_uri, &t->error);
	if (!t->conn)
		return;
	virConnectRegisterCloseCallback(t->conn, on_close, t->agent, NULL);
	events_register(t->conn, t->agent);
}

static bool try_connect(struct virt *v, bool is_first)
{
	struct attempt t = { .agent = v->agent };
	struct err e = ERR_INIT;

	if (task_run(v->workers[VIRT_OPS], connect_work, &t, &e) < 0)
		return false;
	if (!t.conn) {
		log_write(is_first ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "libvirt does not answer, trying again", "ERROR",
		          t.error.detail, (char *)0);
		return false;
	}
	v->events = t.conn;
	if (virConnectIsAlive(t.conn) != 1) { /* gone again before it was ours */
		connection_lost(v);
		return false;
	}
	log_info("connected to libvirt", "URI", v->agent->opt.libvirt_uri);
	return true;
}

static void stay_connected(void *arg)
{
	struct virt *v = arg;
	bool is_first = true;

	while (!v->agent->is_stopping) {
		if (!v->events && try_connect(v, is_first)) {
			v->retry_ms = RETRY_FIRST_MS;
			is_first = true;
			vms_libvirt_found(v->agent);
		} else if (!v->events) {
			is_first = false;
			fiber_sleep(v->retry_ms);
			v->retry_ms = MIN(v->retry_ms * 2, RETRY_MAX_MS);
			continue;
		}
		if (v->events)
			waitq_wait(&v->changed, -1);
	}
}

int virt_init(struct agent *a, struct err *e)
{
	struct virt *v = g_new0(struct virt, 1);
	pthread_t thread;

	if (virInitialize() < 0 || virEventRegisterDefaultImpl() < 0)
		return virt_err(e, "start libvirt's client library");
	virSetErrorFunc(NULL, be_quiet);
	if (pthread_create(&thread, NULL, event_thread, NULL) != 0)
		return err_set(e, ERR_BACKEND, "cannot start a thread");
	pthread_detach(thread);
	v->agent = a;
	v->retry_ms = RETRY_FIRST_MS;
	for (int i = 0; i < N_VIRT_LINE; i++)
		v->workers[i] = task_pool_new(LINE_NAMES[i], WORKERS[i], 1000);
	a->virt = v;
	fiber_start(a->loop, "libvirt", stay_connected, v);
	return 0;
}

bool virt_is_connected(const struct agent *a) { return a->virt && a->virt->events; }

/* --- calls -------------------------------------------------------------- */

struct call {
	const char *uri;
	virConnectPtr conn; /* NULL: open one */
	virt_fn fn;
	void *arg;
	struct err *error;
	int result;
};

static void call_work(void *arg)
{
	struct call *c = arg;

	virResetLastError();
	if (!c->conn)
		c->conn = open_connection(c->uri, c->error);
	if (c->conn)
		c->result = c->fn(c->conn, c->arg, c->error);
}

/* Keep the connection for the next call, or let it go. */
static void give_back(struct virt *v, virConnectPtr conn, unsigned generation)
{
	if (generation == v->generation && v->events && g_queue_get_length(&v->idle) < MAX_IDLE &&
	    virConnectIsAlive(conn) == 1)
		g_queue_push_head(&v->idle, conn);
	else
		virConnectClose(conn);
}

int virt_run(struct agent *a, enum virt_line line, virt_fn fn, void *arg, struct err *e)
{
	struct virt *v = a->virt;
	struct call c = { .uri = a->opt.libvirt_uri, .fn = fn, .arg = arg, .error = e, .result = -1 };
	unsigned generation;

	if (!virt_is_connected(a))
		return err_set(e, ERR_NETWORK, "libvirt does not answer");
	generation = v->generation;
	c.conn = g_queue_pop_head(&v->idle);
	if (task_run(v->workers[line], call_work, &c, e) < 0)
		c.result = -1;
	if (c.conn)
		give_back(v, c.conn, generation);
	return c.result;
}

struct domain_call {
	const char *id;
	virt_domain_fn fn;
	void *arg;
};

static int domain_work(virConnectPtr conn, void *arg, struct err *e)
{
	struct domain_call *c = arg;
	auto_domain dom = virDomainLookupByUUIDString(conn, c->id);

	if (!dom)
		return virt_err(e, "find domain");
	return c->fn(dom, c->arg, e);
}

int virt_run_domain(struct agent *a, enum virt_line line, const char *id, virt_domain_fn fn, void *arg, struct err *e)
{
	struct domain_call c = { .id = id, .fn = fn, .arg = arg };

	return virt_run(a, line, domain_work, &c, e);
}
