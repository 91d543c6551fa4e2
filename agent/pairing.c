/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pairing.h"

#include <glib.h>
#include <openssl/crypto.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/edge.h"
#include "agent/pki.h"
#include "agent/verb.h"
#include "base/log.h"

enum { CODE_LEN = 10, MAX_WRONG = 5 };

struct pairing {
	struct agent *agent;
	struct pool *pool;
	struct pki pki;
	char code[CODE_LEN + 1], shown[CODE_LEN + 2]; /* without and with the dash */
	const char *used;                             /* the one of them that the Manager's proofs are made with */
	char *fingerprint;                            /* of our certificate */
	int n_wrong;
	bool is_asked; /* somebody who knows the code has asked for the request */
};

static char *code_path(struct pool *p, const char *state_dir) { return pool_printf(p, "%s/pairing-code", state_dir); }

char *pairing_read_code(struct pool *p, const char *state_dir, struct err *e)
{
	g_autofree char *text = NULL;

	if (!g_file_get_contents(code_path(p, state_dir), &text, NULL, NULL)) {
		err_set(e, ERR_NOT_FOUND,
		        "there is no pairing code in %s: the agent has certificates, or has not been started",
		        state_dir);
		return NULL;
	}
	return pool_strdup(p, g_strstrip(text));
}

void pairing_forget_code(const char *state_dir)
{
	auto_pool p = pool_new();

	unlink(code_path(p, state_dir));
}

/* A code of an earlier start is kept, so that what was written down stays true. */
static int prepare_code(struct pairing *p, struct err *e)
{
	static const char BASE32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	const char *old = pairing_read_code(p->pool, p->agent->opt.state_dir, e);

	if (old && strlen(old) == CODE_LEN + 1) {
		memcpy(p->code, old, CODE_LEN / 2);
		memcpy(p->code + CODE_LEN / 2, old + CODE_LEN / 2 + 1, CODE_LEN / 2);
	} else {
		for (int i = 0; i < CODE_LEN; i++)
			p->code[i] = BASE32[chance_below(p->agent->chance, 32)];
	}
	g_snprintf(p->shown, sizeof(p->shown), "%.5s-%.5s", p->code, p->code + CODE_LEN / 2);
	return pki_write_file(code_path(p->pool, p->agent->opt.state_dir), pool_printf(p->pool, "%s\n", p->shown), 0600,
	                      e);
}

struct pairing *pairing_new(struct agent *a, const struct pki *k, struct err *e)
{
	struct pairing *p = g_new0(struct pairing, 1);
	g_autofree char *pem = NULL;

	p->agent = a;
	p->pki = *k;
	p->pool = pool_new();
	if (prepare_code(p, e) < 0 || pki_self_sign(p->pool, k, a->host_id, e) < 0)
		goto failed;
	if (!g_file_get_contents(k->pairing_cert, &pem, NULL, NULL)) {
		err_set(e, ERR_BACKEND, "read %s", k->pairing_cert);
		goto failed;
	}
	p->fingerprint = pki_cert_fingerprint(p->pool, pem, e);
	if (p->fingerprint)
		return p;
failed:
	pairing_free(p);
	return NULL;
}

void pairing_free(struct pairing *p)
{
	if (!p)
		return;
	pool_free(p->pool);
	g_free(p);
}

static int check_proof(struct pairing *p, struct verb_call *c, const char *what, const char *about, struct err *e)
{
	const char *const forms[] = { p->code, p->shown };
	const char *given;

	if (p->n_wrong >= MAX_WRONG)
		return err_set(e, ERR_DENIED, "pairing is locked after %d wrong proofs; start the agent again",
		               MAX_WRONG);
	if (verb_string(c, "proof", &given, e) < 0)
		return -1;
	for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
		const char *wanted = pki_hmac(c->pool, forms[i], what, about);

		p->used = forms[i];
		if (strlen(given) == strlen(wanted) && CRYPTO_memcmp(given, wanted, strlen(wanted)) == 0)
			return 0;
	}
	p->n_wrong++;
	log_warn("wrong proof of the pairing code", "PEER", c->peer);
	return err_set(e, ERR_DENIED, "this is not the pairing code that the host shows");
}

static int request(struct pairing *p, struct verb_call *c, struct err *e)
{
	char *csr;

	if (check_proof(p, c, "manager", p->fingerprint, e) < 0 ||
	    pki_request(c->pool, &p->pki, p->agent->host_id, &csr, e) < 0)
		return -1;
	c->result = json_pack("{s:s, s:s}", "csr", csr, "proof",
	                      pki_hmac(c->pool, p->used, "agent", pki_hash(c->pool, csr, strlen(csr))));
	p->is_asked = true;
	log_info("a Manager pairs with this host", "PEER", c->peer);
	return 0;
}

static int install(struct pairing *p, struct verb_call *c, struct err *e)
{
	const char *cert, *ca;

	if (verb_string(c, "certificate", &cert, e) < 0 || verb_string(c, "ca", &ca, e) < 0)
		return -1;
	if (check_proof(p, c, "install", pki_hash(c->pool, cert, strlen(cert)), e) < 0)
		return -1;
	if (!p->is_asked)
		return err_set(e, ERR_CONFLICT, "Host.pairRequest comes first");
	if (pki_install(&p->pki, cert, ca, e) < 0)
		return -1;
	log_info("certificates are installed", "PEER", c->peer);
	edge_certificates_changed(p->agent);
	return 0;
}

int pairing_run(struct pairing *p, struct verb_call *c, struct err *e)
{
	if (strcmp(c->method, "Host.ping2") == 0)
		return 0;
	if (strcmp(c->method, "Host.pairRequest") == 0)
		return request(p, c, e);
	if (strcmp(c->method, "Host.pairInstall") == 0)
		return install(p, c, e);
	return err_set(e, ERR_METHOD,
	               "this host waits to be paired with a Manager, it knows Host.pairRequest and "
	               "Host.pairInstall only");
}
