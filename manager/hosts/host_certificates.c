/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates are renewed when two thirds of their life are over: the Manager's own, its CA's, and those of hosts, over
 * the connection that the old one protects. Nothing that works is interrupted. What cannot be renewed is told about.
 */
#include <string.h>
#include <time.h>

#include "base/auto.h"
#include "base/log.h"
#include "manager/core/agents.h"
#include "manager/core/txn.h"
#include "manager/hosts/host_int.h"
#include "manager/hosts/pki.h"

enum {
	CALL_MS = 30 * 1000,
	CONNECT_MS = 20 * 1000,
	PERIOD_MIN_S = 1,
	PERIOD_MAX_S = 3600,
	RETRY_MAX_S = 6 * 3600,
};

static char *date_of(struct pool *p, int64_t t)
{
	g_autoptr(GDateTime) d = g_date_time_new_from_unix_utc(t);
	g_autofree char *text = g_date_time_format_iso8601(d);

	return pool_strdup(p, text);
}

static int64_t now_s(struct core *c) { return loop_wall_ms(c->loop) / 1000; }

/* ---- whose key it is ---- */

/* The certificate that it was given last tells; without one, what it showed when it was first met. */
const char *host_key(struct pool *p, const struct m_host *h)
{
	g_autofree char *key = h->certificate && h->certificate->content ? pki_cert_key(h->certificate->content) : NULL;

	return pool_strdup(p, key ? key : h->key_fingerprint);
}

const char *host_key_of(struct core *c, struct pool *p, const char *id)
{
	const struct m_host *h = INV_LATEST(c->inv, HOST, host, id);

	return h ? host_key(p, h) : NULL;
}

/* All hosts have certificates of one CA: what another one was given is no proof. */
int host_meet(struct core *c, const char *id, const char *key, struct err *e)
{
	const struct m_host *h = INV_LATEST(c->inv, HOST, host, id);
	auto_pool p = pool_new();
	struct host_rt *rt;

	if (!h || !key || host_key(p, h))
		return 0;
	INV_EACH (en, c->inv, KIND_HOST) {
		const struct m_host *other = en->latest;

		if (other && strcmp(en->id, id) != 0 && g_strcmp0(host_key(p, other), key) == 0)
			return err_set(e, ERR_AUTH, "host agent %s: shows the key of host %s: it is another machine",
			               h->address, other->name);
	}
	rt = host_rt(c, id);
	g_free(rt->new_key);
	rt->new_key = g_strdup(key);
	return 0;
}

void host_tell_stranger(struct core *c, const char *id, const struct err *e)
{
	const struct m_host *h = INV_LATEST(c->inv, HOST, host, id);

	if (!h)
		return;
	log_error("a host is not who it should be", "HOST", h->name, "REASON", e->detail);
	event_emit(c, "HOST_CERTIFICATION_IS_INVALID", &(struct event_refs){ .host = id, .cluster = h->cluster.id },
	           "Host %s certification is invalid: %.300s.", h->name, e->detail);
}

/* ---- one host ---- */

/* A connection for as long as rt->is_held. */
static int hold(struct core *c, struct host_rt *rt, const struct m_host *h, struct err *e)
{
	const int64_t until = loop_now_ms(c->loop) + CONNECT_MS;

	rt->is_held = true;
	if (rt->is_connected)
		return 0;
	c->agents.connect(c->agents.arg, rt->id, h->address, (int)M_GET(h, port, 54321));
	while (!rt->is_connected && loop_now_ms(c->loop) < until)
		fiber_sleep(100);
	return rt->is_connected ? 0
	                        : err_set(e, ERR_CONFLICT, "The host's agent cannot be reached: %s",
	                                  rt->last_error.detail[0] ? rt->last_error.detail : "no answer");
}

static int exchange(struct core *c, const char *id, const char *address, char **cert, struct err *e)
{
	auto_json *request = NULL;
	const char *csr;

	if (agent_call(c, id, "Host.renewRequest", NULL, CALL_MS, NULL, &request, e) < 0)
		return -1;
	csr = json_string_value(json_object_get(request, "csr"));
	if (!csr)
		return err_set(e, ERR_BACKEND, "The host's agent sent no certificate request.");
	*cert = pki_sign_host(c->pki, csr, address, e);
	if (!*cert)
		return -1;
	return agent_call(c, id, "Host.renewInstall",
	                  json_pack("{s:s,s:s}", "certificate", *cert, "ca", pki_ca_pem(c->pki)), CALL_MS, NULL, NULL,
	                  e);
}

static int store(struct core *c, const char *id, const char *cert, const char *user, struct err *e)
{
	struct txn *t = txn_begin(c);
	struct m_host *h = txn_edit(t, KIND_HOST, id);

	if (!h) {
		txn_cancel(t);
		return err_set(e, ERR_NO_ENTITY, "The host was removed.");
	}
	h->certificate = m_new(txn_pool(t), &M_TYPE_certificate);
	h->certificate->content = pool_strdup(txn_pool(t), cert);
	h->certificate->organization = "hostler";
	h->certificate->subject = pool_printf(txn_pool(t), "O=hostler,CN=%s", h->address);
	h->key_fingerprint = pool_strdup(txn_pool(t), host_key(txn_pool(t), h));
	txn_event(t, "HOST_CERTIFICATION_ENROLLMENT_FINISHED",
	          &(struct event_refs){ .host = h->id, .cluster = h->cluster.id },
	          "The certificate of host %s was renewed (User: %s).", h->name, user);
	return txn_commit(t, e);
}

int host_renew_certificate(struct core *c, const char *id, const char *user, struct err *e)
{
	const struct m_host *h = INV_LATEST(c->inv, HOST, host, id);
	struct host_rt *rt = host_rt(c, id);
	g_autofree char *cert = NULL, *address = NULL, *name = NULL;
	int rc;

	if (!h || !c->pki)
		return err_set(e, ERR_CONFLICT, "There is nobody to sign certificates.");
	if (rt->is_held)
		return err_set(e, ERR_CONFLICT, "The certificate of host %s is being renewed already.", h->name);
	address = g_strdup(h->address);
	name = g_strdup(h->name);
	rc = hold(c, rt, h, e);
	if (rc == 0)
		rc = exchange(c, id, address, &cert, e);
	if (rc == 0)
		rc = store(c, id, cert, user, e);
	rt = host_rt(c, id);
	rt->is_held = false;
	host_refresh_soon(c, id);
	if (rc == 0)
		log_info("certificate of host renewed", "HOST", name);
	else if (INV_LATEST(c->inv, HOST, host, id))
		event_emit(c, "HOST_CERTIFICATION_ENROLLMENT_FAILED", &(struct event_refs){ .host = id },
		           "The certificate of host %s was not renewed (User: %s): %s", name, user, e->detail);
	return rc;
}

/* ---- all of them ---- */

static void tell_host(struct core *c, const struct m_host *h, int64_t from, int64_t to)
{
	const struct event_refs refs = { .host = h->id, .cluster = h->cluster.id };
	const int64_t left = to - now_s(c), life = to - from;
	auto_pool p = pool_new();

	if (left <= 0)
		event_emit(
		    c, "HOST_CERTIFICATION_HAS_EXPIRED", &refs,
		    "The certificate of host %s has expired at %s. Install the host again with the code that its agent "
		    "shows, or enroll it.",
		    h->name, date_of(p, to));
	else if (left < life / 10)
		event_emit(c, "HOST_CERTIFICATION_IS_ABOUT_TO_EXPIRE_ALERT", &refs,
		           "The certificate of host %s is about to expire at %s, and could not be renewed.", h->name,
		           date_of(p, to));
	else if (left < life / 4)
		event_emit(
		    c, "HOST_CERTIFICATION_IS_ABOUT_TO_EXPIRE", &refs,
		    "The certificate of host %s is about to expire at %s. It is renewed when the host is connected.",
		    h->name, date_of(p, to));
}

/* Ours alone: what a host of another make shows was signed elsewhere. */
static void care_for_host(struct core *c, const char *id)
{
	const struct m_host *h = INV_LATEST(c->inv, HOST, host, id);
	struct host_rt *rt = host_rt(c, id);
	struct err e = ERR_INIT;
	int64_t from, to;

	if (!h || !h->certificate || !h->certificate->content || h->status == M_HOST_STATUS_PENDING_APPROVAL ||
	    h->status == M_HOST_STATUS_INSTALLING || pki_cert_times(h->certificate->content, &from, &to) < 0 ||
	    now_s(c) < pki_cert_due(from, to))
		return;
	if ((rt->is_connected || (h->status == M_HOST_STATUS_MAINTENANCE && now_s(c) < to)) &&
	    loop_now_ms(c->loop) >= rt->cert_retry_ms) {
		if (host_renew_certificate(c, id, "the system", &e) == 0)
			return;
		h = INV_LATEST(c->inv, HOST, host, id);
		host_rt(c, id)->cert_retry_ms = loop_now_ms(c->loop) + 1000 * CLAMP((to - from) / 20, 1, RETRY_MAX_S);
		log_warn("certificate of host not renewed", "HOST", h ? h->name : id, "REASON", e.detail);
	}
	if (h)
		tell_host(c, h, from, to);
}

static void tell_own(struct core *c, const char *file, const char *expired, const char *alert, const char *warning,
                     const char *what)
{
	int64_t from, to, left;
	auto_pool p = pool_new();

	if (pki_file_times(c->pki, file, &from, &to) < 0)
		return;
	left = to - now_s(c);
	if (left > (to - from) / 4)
		return;
	event_emit(c,
	           left <= 0                 ? expired
	           : left < (to - from) / 10 ? alert
	                                     : warning,
	           NULL, "The certificate of the %s %s at %s.", what, left <= 0 ? "has expired" : "is about to expire",
	           date_of(p, to));
}

static void care_for_own(struct core *c)
{
	struct err e = ERR_INIT;
	const int renewed = pki_renew(c->pki, &e);

	if (renewed < 0)
		log_error("the Manager's certificates cannot be renewed", "ERROR", e.detail);
	if (renewed > 0)
		log_info("certificates of the Manager renewed", "CA", renewed & PKI_CA ? "yes" : NULL, "SERVER",
		         renewed & PKI_SERVER ? "yes" : NULL, "CLIENT", renewed & PKI_CLIENT ? "yes" : NULL);
	if (renewed > 0 && c->hosts->reload)
		c->hosts->reload(c->hosts->reload_arg);
	tell_own(c, "server.pem", "ENGINE_CERTIFICATION_HAS_EXPIRED", "ENGINE_CERTIFICATION_IS_ABOUT_TO_EXPIRE_ALERT",
	         "ENGINE_CERTIFICATION_IS_ABOUT_TO_EXPIRE", "Manager");
	tell_own(c, "ca.pem", "ENGINE_CA_CERTIFICATION_HAS_EXPIRED", "ENGINE_CA_CERTIFICATION_IS_ABOUT_TO_EXPIRE_ALERT",
	         "ENGINE_CA_CERTIFICATION_IS_ABOUT_TO_EXPIRE", "Manager's CA");
}

/* Often enough for the shortest of the lives. */
static int64_t period_ms(struct core *c)
{
	int64_t shortest = (int64_t)PERIOD_MAX_S * 20, from, to;

	if (pki_file_times(c->pki, "server.pem", &from, &to) == 0)
		shortest = MIN(shortest, to - from);
	INV_EACH (en, c->inv, KIND_HOST) {
		const struct m_host *h = en->latest;

		if (h && h->certificate && h->certificate->content &&
		    pki_cert_times(h->certificate->content, &from, &to) == 0)
			shortest = MIN(shortest, to - from);
	}
	return 1000 * CLAMP(shortest / 20, PERIOD_MIN_S, PERIOD_MAX_S);
}

static void certificates_fiber(void *arg)
{
	struct core *c = arg;

	while (!loop_is_stopping(c->loop)) {
		g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);

		care_for_own(c);
		INV_EACH (en, c->inv, KIND_HOST)
			g_ptr_array_add(ids, g_strdup(en->id));
		for (guint i = 0; i < ids->len; i++)
			care_for_host(c, ids->pdata[i]);
		fiber_sleep(period_ms(c));
	}
}

void host_certificates_start(struct core *c) { fiber_start(c->loop, "certificates", certificates_fiber, c); }
