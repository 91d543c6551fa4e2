/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/verb.h"

#include <glib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/logs.h"
#include "agent/renew.h"
#include "agent/vms/vms.h"
#include "base/log.h"

static const struct verb *const TABLES[] = {
	HOST_VERBS, RENEW_VERBS, LOG_VERBS, NETWORK_VERBS, VM_VERBS, STORAGE_VERBS
};

const struct verb *verb_find(const char *name)
{
	for (size_t t = 0; t < G_N_ELEMENTS(TABLES); t++)
		for (const struct verb *v = TABLES[t]; v->name; v++)
			if (strcmp(v->name, name) == 0)
				return v;
	return NULL;
}

int verb_run(struct agent *a, struct verb_call *c, struct err *e)
{
	const struct verb *v = verb_find(c->method);

	if (!v && verb_is_known(c->method))
		return err_set(e, ERR_NOT_IMPLEMENTED,
		               "%s is part of the protocol, but this agent does not have it yet", c->method);
	if (!v)
		return err_set(e, ERR_METHOD, "there is no method %.80s", c->method);
	if (!(v->flags & VERB_EARLY) && !vms_are_found(a))
		return err_agent(e, 99, "The agent is looking for its virtual machines, try again soon");
	log_write(v->flags & VERB_QUIET ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, "call", "VERB", c->method, "CORRELATION",
	          c->correlation_id[0] ? c->correlation_id : NULL, "PEER", c->peer, (char *)0);
	if (v->fn(a, c, e) == 0)
		return 0;
	log_write(v->flags & VERB_QUIET ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, "call failed", "VERB", c->method,
	          "CORRELATION", c->correlation_id[0] ? c->correlation_id : NULL, "ERROR", e->detail, (char *)0);
	return -1;
}
