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
};

struct virt {
	struct agent *agent;
	virConnectPtr line[N_VIRT_LINE]; /* all or none */
	struct task_pool *workers[N_VIRT_LINE];
	struct waitq changed;
	int64_t retry_ms;
};

/* Most calls at a time, per line. */
static const int WORKERS[N_VIRT_LINE] = { [VIRT_OPS] = 8, [VIRT_STATS] = 2, [VIRT_GUEST] = 3 };
static const char *const LINE_NAMES[N_VIRT_LINE] = { "virt-ops", "virt-stats", "virt-guest" };

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
	case VIR_ERR_NO_DOMAIN:
		code = ERR_NOT_FOUND;
		break;
	case VIR_ERR_OPERATION_TIMEOUT:
	case VIR_ERR_AGENT_UNRESPONSIVE:
		code = ERR_TIMEOUT;
		break;
	case VIR_ERR_INVALID_CONN:
	case VIR_ERR_NO_CONNECT:
	case VIR_ERR_RPC:
		code = ERR_NETWORK;
		break;
	case VIR_ERR_SYSTEM_ERROR:
	case VIR_ERR_INTERNAL_ERROR:
		code = last->domain == VIR_FROM_RPC ? ERR_NETWORK : ERR_BACKEND; /* the daemon died while it worked */
		break;
	case VIR_ERR_OPERATION_INVALID:
		code = ERR_CONFLICT;
		break;
	case VIR_ERR_OPERATION_UNSUPPORTED:
	case VIR_ERR_CONFIG_UNSUPPORTED:
	case VIR_ERR_NO_SUPPORT:
		code = ERR_UNSUPPORTED;
		break;
	default:
		break;
	}
	return err_set(e, code, "%s: %s", what, last && last->message ? last->message : "unknown libvirt error");
}

static void be_quiet(void *unused, virErrorPtr error)
{
}

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
	const char *uri;
	virConnectPtr line[N_VIRT_LINE];
	struct err error;
	bool is_ok;
};

static void on_close(virConnectPtr conn, int reason, void *arg);

static void connection_lost(void *arg)
{
	struct virt *v = arg;

	if (!v->line[0])
		return;
	log_warn("connection to libvirt lost");
	for (int i = 0; i < N_VIRT_LINE; i++) {
		virConnectUnregisterCloseCallback(v->line[i], on_close);
		virConnectClose(v->line[i]);
		v->line[i] = NULL;
	}
	vms_libvirt_lost(v->agent);
	waitq_wake_all(&v->changed);
}

/* On libvirt's event thread. */
static void on_close(virConnectPtr conn, int reason, void *arg)
{
	struct agent *a = arg;

	loop_post(a->loop, connection_lost, a->virt);
}

static void close_lines(virConnectPtr line[N_VIRT_LINE])
{
	for (int i = 0; i < N_VIRT_LINE; i++)
		if (line[i])
			virConnectClose(line[i]);
}

static void connect_work(void *arg)
{
	struct attempt *t = arg;

	for (int i = 0; i < N_VIRT_LINE; i++) {
		t->line[i] = virConnectOpen(t->uri);
		if (!t->line[i]) {
			virt_err(&t->error, "connect to %s", t->uri);
			close_lines(t->line);
			return;
		}
		virConnectSetKeepAlive(t->line[i], KEEPALIVE_S, KEEPALIVE_COUNT);
	}
	for (int i = 0; i < N_VIRT_LINE; i++)
		virConnectRegisterCloseCallback(t->line[i], on_close, t->agent, NULL);
	events_register(t->line[VIRT_OPS], t->agent);
	t->is_ok = true;
}

static bool try_connect(struct virt *v, bool is_first)
{
	struct attempt t = { .agent = v->agent, .uri = v->agent->opt.libvirt_uri };
	struct err e = ERR_INIT;

	if (task_run(v->workers[VIRT_OPS], connect_work, &t, &e) < 0)
		return false;
	if (!t.is_ok) {
		log_write(is_first ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "libvirt does not answer, trying again", "ERROR",
		          t.error.detail, (char *)0);
		return false;
	}
	memcpy(v->line, t.line, sizeof(v->line));
	for (int i = 0; i < N_VIRT_LINE; i++) /* gone again before it was ours */
		if (virConnectIsAlive(t.line[i]) != 1) {
			connection_lost(v);
			return false;
		}
	log_info("connected to libvirt", "URI", t.uri);
	return true;
}

static void stay_connected(void *arg)
{
	struct virt *v = arg;
	bool is_first = true;

	while (!v->agent->is_stopping) {
		if (!v->line[0] && try_connect(v, is_first)) {
			v->retry_ms = RETRY_FIRST_MS;
			is_first = true;
			vms_libvirt_found(v->agent);
		} else if (!v->line[0]) {
			is_first = false;
			fiber_sleep(v->retry_ms);
			v->retry_ms = MIN(v->retry_ms * 2, RETRY_MAX_MS);
			continue;
		}
		if (v->line[0])
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

bool virt_is_connected(const struct agent *a)
{
	return a->virt && a->virt->line[0];
}

/* --- calls -------------------------------------------------------------- */

struct call {
	virConnectPtr conn;
	virt_fn fn;
	void *arg;
	struct err *error;
	int result;
};

static void call_work(void *arg)
{
	struct call *c = arg;

	virResetLastError();
	c->result = c->fn(c->conn, c->arg, c->error);
	virConnectClose(c->conn);
}

int virt_run(struct agent *a, enum virt_line line, virt_fn fn, void *arg, struct err *e)
{
	struct call c = { .fn = fn, .arg = arg, .error = e, .result = -1 };

	if (!virt_is_connected(a))
		return err_set(e, ERR_NETWORK, "libvirt does not answer");
	c.conn = a->virt->line[line];
	virConnectRef(c.conn);
	if (task_run(a->virt->workers[line], call_work, &c, e) < 0) {
		virConnectClose(c.conn);
		return -1;
	}
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
