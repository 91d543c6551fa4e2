/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs about the host itself. */
#include <glib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/hooks/hooks.h"
#include "agent/host/caps.h"
#include "agent/host/ksm.h"
#include "agent/host/mom.h"
#include "agent/host/stats.h"
#include "agent/host/system.h"
#include "agent/storage/storage.h"
#include "agent/verb.h"
#include "base/auto.h"
#include "base/log.h"

static int ping(struct agent *a, struct verb_call *c, struct err *e) { return 0; }

static int echo(struct agent *a, struct verb_call *c, struct err *e)
{
	const char *message;

	if (verb_string(c, "message", &message, e) < 0)
		return -1;
	c->result = json_string(message);
	return 0;
}

static int get_capabilities(struct agent *a, struct verb_call *c, struct err *e)
{
	auto_json *nothing = json_object();

	if (hooks_json(a, HOOK_BEFORE_GET_CAPS, NULL, NULL, &nothing, e) < 0 ||
	    caps_json(a, c->local, &c->result, e) < 0)
		return -1;
	return hooks_json(a, HOOK_AFTER_GET_CAPS, NULL, NULL, &c->result, e);
}

static int get_hardware_info(struct agent *a, struct verb_call *c, struct err *e)
{
	c->result = system_hardware(a->host_id);
	return 0;
}

static int get_stats(struct agent *a, struct verb_call *c, struct err *e)
{
	auto_json *nothing = json_object();

	if (hooks_json(a, HOOK_BEFORE_GET_STATS, NULL, NULL, &nothing, e) < 0)
		return -1;
	c->result = host_stats_json(a);
	storage_add_stats(a, c->result);
	return hooks_json(a, HOOK_AFTER_GET_STATS, NULL, NULL, &c->result, e);
}

static int set_mom_policy_parameters(struct agent *a, struct verb_call *c, struct err *e)
{
	json_t *policy;

	if (verb_object(c, "key_value_store", &policy, e) < 0)
		return -1;
	return mom_set_policy(a, policy, e);
}

static int set_mom_policy(struct agent *a, struct verb_call *c, struct err *e)
{
	return err_agent(e, 54, "this agent has no scripts for its memory policy; set its parameters instead");
}

static int set_ksm_tune(struct agent *a, struct verb_call *c, struct err *e)
{
	struct ksm_state now, next;
	int64_t run, pages, sleep_ms, merge;

	if (!ksm_read(a->opt.ksm_dir, &now))
		return err_agent(e, 71, "the kernel of this host does not merge equal pages");
	if (verb_int_or(c, "tuningParams.run", 0, 2, now.run, &run, e) < 0 ||
	    verb_int_or(c, "tuningParams.pages_to_scan", 1, 100000, now.pages_to_scan, &pages, e) < 0 ||
	    verb_int_or(c, "tuningParams.sleep_millisecs", 0, 60000, now.sleep_ms, &sleep_ms, e) < 0 ||
	    verb_int_or(c, "tuningParams.merge_across_nodes", 0, 1, now.merge_across_nodes, &merge, e) < 0)
		return -1;
	next = (struct ksm_state){ (int)run, (int)pages, (int)sleep_ms, (int)merge };
	return ksm_write(a->opt.ksm_dir, &now, &next, e) < 0 ? err_agent(e, 71, "%s", pool_strdup(c->pool, e->detail))
	                                                     : 0;
}

static int hostdev_list_by_caps(struct agent *a, struct verb_call *c, struct err *e)
{
	json_t *kinds;

	if (verb_array_or(c, "caps", &kinds, e) < 0)
		return -1;
	if (hostdev_list(a, kinds, &c->result, e) < 0)
		return -1;
	return hooks_json(a, HOOK_AFTER_HOSTDEV_LIST_BY_CAPS, NULL, NULL, &c->result, e);
}

static int set_log_level(struct agent *a, struct verb_call *c, struct err *e)
{
	const char *name;
	char lower[16];
	int level;

	if (verb_string(c, "level", &name, e) < 0)
		return -1;
	g_strlcpy(lower, name, sizeof(lower));
	for (char *p = lower; *p; p++)
		*p = g_ascii_tolower(*p);
	level = log_level_from_name(strcmp(lower, "warning") == 0 ? "warn" : lower);
	if (level < 0)
		return err_field(e, ERR_INVALID, "level", "parameter level must be DEBUG, INFO, WARNING or ERROR");
	log_set_level((enum log_level)level);
	return 0;
}

static int set_ha_maintenance(struct agent *a, struct verb_call *c, struct err *e)
{
	return err_agent(e, 75, "this host does not run a hosted engine");
}

const struct verb HOST_VERBS[] = {
	{ "Host.ping", ping, VERB_EARLY | VERB_QUIET },
	{ "Host.ping2", ping, VERB_EARLY | VERB_QUIET },
	{ "Host.echo", echo, VERB_EARLY | VERB_QUIET },
	{ "Host.getCapabilities", get_capabilities, VERB_EARLY | VERB_QUIET },
	{ "Host.getHardwareInfo", get_hardware_info, VERB_EARLY | VERB_QUIET },
	{ "Host.getStats", get_stats, VERB_EARLY | VERB_QUIET },
	{ "Host.setMOMPolicyParameters", set_mom_policy_parameters, VERB_EARLY },
	{ "Host.setMOMPolicy", set_mom_policy, VERB_EARLY },
	{ "Host.setKsmTune", set_ksm_tune, VERB_EARLY },
	{ "Host.hostdevListByCaps", hostdev_list_by_caps, VERB_EARLY | VERB_QUIET },
	{ "Host.setLogLevel", set_log_level, VERB_EARLY },
	{ "Host.setHaMaintenanceMode", set_ha_maintenance, VERB_EARLY },
	{ NULL, NULL, 0 },
};
