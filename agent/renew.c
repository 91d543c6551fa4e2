/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/renew.h"

#include <glib.h>

#include "agent/agent.h"
#include "agent/edge.h"
#include "agent/helper/helper.h"
#include "agent/pki.h"
#include "base/log.h"
#include "base/task.h"

static int request(struct agent *a, struct verb_call *c, struct err *e)
{
	struct pki pki;
	char *csr;

	if (pki_open(c->pool, a->opt.state_dir, &pki, e) < 0 || pki_request(c->pool, &pki, a->host_id, &csr, e) < 0)
		return -1;
	c->result = json_pack("{s:s}", "csr", csr);
	return 0;
}

/* The caller has shown a certificate of our CA: that may be another host's. A new CA must therefore be the old one's. */
static int install(struct agent *a, struct verb_call *c, struct err *e)
{
	const char *cert, *ca;
	struct pki pki;

	if (verb_string(c, "certificate", &cert, e) < 0 || verb_string(c, "ca", &ca, e) < 0 ||
	    pki_open(c->pool, a->opt.state_dir, &pki, e) < 0)
		return -1;
	if (pki_check_successor(&pki, cert, ca, e) < 0 || pki_install(&pki, cert, ca, e) < 0)
		return -1;
	log_info("certificate renewed", "PEER", c->peer);
	edge_certificates_changed(a);
	return 0;
}

const struct verb RENEW_VERBS[] = {
	{ "Host.renewRequest", request, VERB_EARLY },
	{ "Host.renewInstall", install, VERB_EARLY },
	{ NULL, NULL, 0 },
};
