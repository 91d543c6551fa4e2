/* SPDX-License-Identifier: Apache-2.0 */
/* The job that brings a host in: a certificate for its agent, and the first contact. */
#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "manager/core/agents.h"
#include "manager/core/jobs.h"
#include "manager/core/txn.h"
#include "manager/hosts/host_int.h"
#include "manager/hosts/pki.h"

enum { CONTACT_MS = 120 * 1000, STRANGER_MS = 10 * 1000 };

static const struct m_host *host_of(struct job *j, struct err *e)
{
	const struct m_host *h = INV_LATEST(job_core(j)->inv, HOST, host, job_text(j, "host"));

	if (!h)
		err_set(e, ERR_CONFLICT, "The host was removed meanwhile.");
	return h;
}

struct signing {
	struct pki *pki;
	const char *address;
	char *cert;
};

static char *sign(void *arg, const char *csr, struct err *e)
{
	struct signing *s = arg;
	char *cert = pki_sign_host(s->pki, csr, s->address, e);

	s->cert = g_strdup(cert);
	return cert;
}

static void store_certificate(struct job *j, const char *pem)
{
	struct txn *t = job_txn(j);
	struct m_host *h = txn_edit(t, KIND_HOST, job_text(j, "host"));

	if (!h)
		return;
	h->certificate = m_new(txn_pool(t), &M_TYPE_certificate);
	h->certificate->content = pool_strdup(txn_pool(t), pem);
	h->certificate->organization = "hostler";
	h->certificate->subject = pool_printf(txn_pool(t), "O=hostler,CN=%s", h->address);
	h->key_fingerprint = pool_strdup(txn_pool(t), host_key(txn_pool(t), h));
}

/* Whether it was paired before the Manager was restarted nobody knows: who it is is seen at the first contact. */
static void forget_key(struct job *j)
{
	struct txn *t = job_txn(j);
	struct m_host *h = txn_edit(t, KIND_HOST, job_text(j, "host"));

	if (!h)
		return;
	h->certificate = NULL;
	h->key_fingerprint = NULL;
}

static int give_certificate(struct job *j, struct err *e)
{
	struct core *c = job_core(j);
	const struct m_host *h = host_of(j, e);
	const char *code = h ? g_hash_table_lookup(c->hosts->pairing_codes, h->id) : NULL;
	struct signing s = { .pki = c->pki };
	g_autofree char *cert = NULL;
	int rc;

	if (!h)
		return -1;
	s.address = pool_strdup(job_pool(j), h->address);
	if (h->csr && !h->certificate && c->pki && !code) { /* it has enrolled and waits */
		cert = pki_sign_host(c->pki, h->csr, s.address, e);
		if (!cert)
			return -1;
		store_certificate(j, cert);
		return 0;
	}
	if (!code && job_int(j, "pairs"))
		forget_key(j);
	if (!code || !c->pki)
		return 0; /* it has one already, or first contact will tell */
	rc =
	    agents_pair(c->hosts->agents, s.address, (int)M_GET(h, port, 54321), code, pki_ca_pem(c->pki), sign, &s, e);
	if (rc == 0)
		store_certificate(j, s.cert);
	g_free(s.cert);
	return rc;
}

static int first_contact(struct job *j, struct err *e)
{
	struct core *c = job_core(j);
	const char *id = job_text(j, "host");
	struct host_rt *rt = host_rt(c, id);
	int64_t begin = loop_now_ms(c->loop), until = begin + CONTACT_MS;

	rt->is_stranger = false;
	host_watch(c, id);
	while (!rt->is_connected) {
		host_refresh_soon(c, id);
		if (rt->is_stranger &&
		    loop_now_ms(c->loop) > begin + STRANGER_MS) /* not only until it has the new one */
			return err_set(e, ERR_AUTH, "%s", rt->last_error.detail);
		if (loop_now_ms(c->loop) > until)
			return err_set(e, ERR_TIMEOUT, "No answer from the host's agent: %s", rt->last_error.detail);
		fiber_sleep(500);
		if (!host_of(j, e))
			return -1;
		rt = host_rt(c, id);
	}
	return job_agent_call(j, id, "Host.ping2", NULL, 20000, 30000, NULL, e);
}

static void ended(struct job *j, struct txn *t, bool ok, const struct err *e)
{
	struct m_host *h = txn_edit(t, KIND_HOST, job_text(j, "host"));
	struct event_refs refs = { .correlation_id = job_correlation(j) };

	g_hash_table_remove(job_core(j)->hosts->pairing_codes, job_text(j, "host"));
	if (!h)
		return;
	refs.host = h->id;
	refs.cluster = h->cluster.id;
	if (!ok) {
		h->status = M_HOST_STATUS_INSTALL_FAILED;
		h->status_detail = pool_strdup(txn_pool(t), e->detail);
		txn_event(t, "VDS_INSTALL_FAILED", &refs, "Host %s installation failed. %s", h->name, e->detail);
		return;
	}
	h->status = job_int(j, "activate") ? M_HOST_STATUS_UNASSIGNED : M_HOST_STATUS_MAINTENANCE;
	h->status_detail = NULL;
	txn_event(t, "VDS_INSTALL", &refs, "Host %s was installed.", h->name);
}

static const struct job_step STEPS[] = {
	{ "certificate", "Giving the host a certificate", give_certificate, NULL },
	{ "first-contact", "Waiting for the host's agent", first_contact, NULL },
};

const struct command HOST_INSTALL_COMMAND = { "InstallVds", STEPS, G_N_ELEMENTS(STEPS), ended };

int host_start_install(struct call *c, struct txn *t, const char *host_id, const char *pairing_code, char *job,
                       struct err *e)
{
	const struct m_host *h = txn_get(t, KIND_HOST, host_id);
	const char *locks[] = { pool_strdup(c->pool, host_id), NULL };
	struct m_action *a = c->action;
	bool activate = !a || M_GET(a, activate, true);
	struct job_spec spec = {
		.command = &HOST_INSTALL_COMMAND,
		.correlation_id = c->correlation_id,
		.owner_id = c->who.user_id,
		.data = json_pack("{s:s,s:i,s:i}", "host", host_id, "activate", activate, "pairs",
		                  pairing_code && *pairing_code),
		.locks = locks,
		.objects = locks,
	};

	if (pairing_code && *pairing_code)
		g_hash_table_replace(c->core->hosts->pairing_codes, g_strdup(host_id), g_strdup(pairing_code));
	return job_start(t, &spec, job, e, "Installing Host %s", pool_strdup(c->pool, h->name));
}
