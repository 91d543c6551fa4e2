/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host.setupNetworks. What this agent can do today: bridges without a port, bridges over a network card
 * that carries no addresses, and networks without a bridge on a card as it is. Everything else is
 * refused before anything is touched. A change that loses the caller is taken back.
 */
#include "agent/network/setup.h"

#include <glib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/hooks/hooks.h"
#include "agent/network/network.h"
#include "agent/verb.h"
#include "base/auto.h"
#include "base/fiber.h"
#include "base/log.h"

enum { CHECK_DEFAULT_S = 4 };

struct networks {
	json_t *running, *safe;
	char *running_path, *safe_path;
	bool is_busy;
	struct waitq seen;
	char listen[64];
};

const json_t *network_running(const struct agent *a) { return a->networks->running; }

bool network_is_dirty(struct agent *a) { return !json_equal(a->networks->running, a->networks->safe); }

void network_client_seen(struct agent *a)
{
	if (a->networks)
		waitq_wake_all(&a->networks->seen);
}

/* --- checks against the kernel ----------------------------------------------------------- */

static int check_one(const json_t *all, const char *name, const json_t *conf, const json_t *was, struct err *e)
{
	const char *nic = json_string_value(json_object_get(conf, "nic")), *other;
	const bool is_bridged = json_is_true(json_object_get(conf, "bridged"));
	const json_t *c;

	if (is_bridged && !was && link_exists(name) && !link_is_bridge(name))
		return err_agent(e, BAD_BRIDGE, "network %s: a device of that name exists", name);
	if (is_bridged && !was && nic && link_is_bridge(name) && link_bridge_ports(name, nic) > 0)
		return err_agent(e, BAD_BRIDGE, "network %s: a bridge of that name exists and is in use", name);
	if (!nic)
		return 0;
	if (!link_exists(nic) || !link_is_nic(nic))
		return err_agent(e, BAD_NIC, "network %s: there is no network card %s", name, nic);
	if (is_bridged && !was && link_has_address(nic))
		return err_agent(e, USED_NIC,
		                 "network %s: %s carries IP addresses; moving them to a bridge is not supported yet",
		                 name, nic);
	json_object_foreach ((json_t *)all, other, c) {
		const char *its = json_string_value(json_object_get(c, "nic"));

		if (its && strcmp(its, nic) == 0 && strcmp(other, name) != 0)
			return err_agent(e, USED_NIC, "network %s: %s is used by network %s", name, nic, other);
	}
	return 0;
}

static int check(const json_t *from, const json_t *to, struct err *e)
{
	const char *name;
	json_t *conf;

	json_object_foreach ((json_t *)from, name, conf)
		if (!json_equal(conf, json_object_get(to, name)) && json_is_true(json_object_get(conf, "bridged")) &&
		    !json_object_get(conf, "adopted") &&
		    link_bridge_ports(name, json_string_value(json_object_get(conf, "nic"))) > 0)
			return err_agent(e, USED_NIC, "network %s is used by virtual machines", name);
	json_object_foreach ((json_t *)to, name, conf)
		if (!json_equal(conf, json_object_get(from, name)) &&
		    check_one(to, name, conf, json_object_get(from, name), e) < 0)
			return -1;
	return 0;
}

/* --- the step ------------------------------------------------------------------------------ */

static int build(const char *name, const json_t *conf, struct err *e)
{
	const char *nic = json_string_value(json_object_get(conf, "nic"));

	if (!json_is_true(json_object_get(conf, "bridged")))
		return 0;
	if (!(json_object_get(conf, "adopted") && link_is_bridge(name)) &&
	    link_bridge_add(name, json_is_true(json_object_get(conf, "stp")),
	                    (int)json_integer_value(json_object_get(conf, "mtu")), e) < 0)
		return -1;
	return nic ? link_bridge_join(name, nic, e) : 0;
}

static int step(const json_t *from, const json_t *to, struct err *e)
{
	const char *name;
	json_t *conf;

	json_object_foreach ((json_t *)from, name, conf)
		if (!json_equal(conf, json_object_get(to, name)) && json_is_true(json_object_get(conf, "bridged")) &&
		    !json_object_get(conf, "adopted") && link_bridge_del(name, e) < 0)
			return -1;
	json_object_foreach ((json_t *)to, name, conf)
		if (!json_equal(conf, json_object_get(from, name)) && build(name, conf, e) < 0)
			return -1;
	return 0;
}

/* --- files --------------------------------------------------------------------------------- */

static int save(const char *path, const json_t *conf, struct err *e)
{
	g_autofree char *text = json_dumps(conf, JSON_INDENT(2) | JSON_SORT_KEYS);
	g_autoptr(GError) error = NULL;

	if (g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600,
	                             &error))
		return 0;
	return err_set(e, ERR_BACKEND, "write %s: %s", path, error->message);
}

static json_t *load(const char *path)
{
	json_t *j = json_load_file(path, 0, NULL);

	if (j && json_is_object(j))
		return j;
	json_decref(j);
	return json_object();
}

int network_init(struct agent *a, struct err *e)
{
	struct networks *n = g_new0(struct networks, 1);
	const char *name;
	json_t *conf;

	n->running_path = g_build_filename(a->opt.state_dir, "networks.json", NULL);
	n->safe_path = g_build_filename(a->opt.state_dir, "networks.safe.json", NULL);
	n->safe = load(n->safe_path);
	n->running = load(n->running_path);
	a->networks = n;
	json_object_foreach (n->safe, name, conf) { /* after a reboot: those that are safe come back */
		struct err one = ERR_INIT;

		if (json_is_true(json_object_get(conf, "bridged")) && !link_exists(name) && build(name, conf, &one) < 0)
			log_warn("network not restored", "NETWORK", name, "ERROR", one.detail);
		if (!json_object_get(n->running, name))
			json_object_set(n->running, name, conf);
	}
	return 0;
}

/* --- verbs --------------------------------------------------------------------------------- */

/* Undo: from what may be half done back to what was. */
static void go_back(struct agent *a, const json_t *from, const json_t *to, const char *why)
{
	struct err e = ERR_INIT;

	log_warn("network set-up is taken back", "WHY", why);
	if (step(from, to, &e) < 0)
		log_error("network set-up not taken back", "ERROR", e.detail);
}

/* Bridges that somebody else made are used as they are, and left behind. */
static void adopt(const json_t *from, json_t *to)
{
	const char *name;
	json_t *conf;

	json_object_foreach (to, name, conf)
		if (!json_object_get(from, name) && json_is_true(json_object_get(conf, "bridged")) &&
		    link_is_bridge(name))
			json_object_set_new(conf, "adopted", json_true());
}

static int change(struct agent *a, json_t *next, bool is_checked, int64_t timeout_s, struct err *e)
{
	struct networks *n = a->networks;

	if (check(n->running, next, e) < 0)
		return -1;
	adopt(n->running, next);
	if (step(n->running, next, e) < 0) {
		const struct err cause = *e;

		go_back(a, next, n->running, cause.detail);
		return err_agent(e, BAD_BRIDGE, "%s", cause.detail);
	}
	if (is_checked && !json_equal(n->running, next) && !waitq_wait(&n->seen, timeout_s * 1000)) {
		go_back(a, next, n->running, "nobody confirmed that the host can still be reached");
		return err_agent(e, LOST_CONNECTION, "Connectivity check failed, the change was taken back");
	}
	if (save(n->running_path, next, e) < 0) {
		go_back(a, next, n->running, e->detail);
		return -1;
	}
	json_decref(n->running);
	n->running = json_incref(next);
	return 0;
}

static const char *address_of(void *arg, const char *device) { return link_ipv4(arg, device); }

/* What is asked for as hooks see it and may change it: {request: {networks, bondings, options}}. */
static int set_up_hooked(struct agent *a, struct verb_call *c, json_t **request, struct err *e)
{
	static const char *const PARTS[] = { "networks", "bondings", "options" };
	json_t *asked = json_object(), *made;

	for (size_t i = 0; i < G_N_ELEMENTS(PARTS); i++)
		json_object_set_new(asked, PARTS[i],
		                    json_deep_copy(json_object_get(c->params, PARTS[i])) ?: json_object());
	*request = json_pack("{s:o}", "request", asked);
	if (!hooks_has(a, HOOK_BEFORE_NETWORK_SETUP))
		return 0;
	if (hooks_json(a, HOOK_BEFORE_NETWORK_SETUP, NULL, NULL, request, e) < 0)
		return -1;
	made = json_object_get(*request, "request");
	for (size_t i = 0; i < G_N_ELEMENTS(PARTS); i++)
		if (json_object_get(made, PARTS[i]))
			json_object_set(c->params, PARTS[i], json_object_get(made, PARTS[i]));
	return 0;
}

static int set_up_networks(struct agent *a, struct verb_call *c, struct err *e)
{
	struct networks *n = a->networks;
	json_t *wanted, *bonds;
	auto_json *next = NULL, *request = NULL;
	bool is_checked, is_final;
	int64_t timeout_s;
	struct err ignored = ERR_INIT;
	int r;

	if (set_up_hooked(a, c, &request, e) < 0 || verb_object_or(c, "networks", &wanted, e) < 0 ||
	    verb_object_or(c, "bondings", &bonds, e) < 0 ||
	    verb_bool_or(c, "options.connectivityCheck", true, &is_checked, e) < 0 ||
	    verb_int_or(c, "options.connectivityTimeout", 1, 3600, CHECK_DEFAULT_S, &timeout_s, e) < 0 ||
	    verb_bool_or(c, "options.commitOnSuccess", false, &is_final, e) < 0)
		return -1;
	if (bonds && json_object_size(bonds))
		return err_agent(e, 25, "bonds are not supported by this agent yet");
	if (n->is_busy)
		return err_agent(e, 40, "another network set-up is going on");
	if (!wanted)
		return 0;
	next = setup_merge(n->running, wanted, address_of, c->pool, e);
	if (!next)
		return -1;
	n->is_busy = true;
	r = change(a, next, is_checked, timeout_s, e);
	n->is_busy = false;
	if (r == 0 && is_final) {
		r = save(n->safe_path, n->running, e);
		json_decref(n->safe);
		n->safe = json_incref(n->running);
	}
	hooks_json(a, r == 0 ? HOOK_AFTER_NETWORK_SETUP : HOOK_AFTER_NETWORK_SETUP_FAIL, NULL, NULL, &request,
	           &ignored);
	return r;
}

static int set_safe(struct agent *a, struct verb_call *c, struct err *e)
{
	struct networks *n = a->networks;

	if (save(n->safe_path, n->running, e) < 0)
		return -1;
	json_decref(n->safe);
	n->safe = json_incref(n->running);
	return 0;
}

static int get_capabilities(struct agent *a, struct verb_call *c, struct err *e)
{
	c->result = json_object();
	network_add_capabilities(a, c->result);
	return 0;
}

static int get_statistics(struct agent *a, struct verb_call *c, struct err *e)
{
	c->result = json_object();
	network_add_statistics(a, c->result);
	return 0;
}

static int confirm(struct agent *a, struct verb_call *c, struct err *e)
{
	return 0; /* that it came is the message: network_client_seen */
}

const struct verb NETWORK_VERBS[] = {
	{ "Host.setupNetworks", set_up_networks, VERB_EARLY },
	{ "Host.setSafeNetworkConfig", set_safe, VERB_EARLY },
	{ "Host.confirmConnectivity", confirm, VERB_EARLY | VERB_QUIET },
	{ "Host.getNetworkCapabilities", get_capabilities, VERB_EARLY | VERB_QUIET },
	{ "Host.getNetworkStatistics", get_statistics, VERB_EARLY | VERB_QUIET },
	{ NULL, NULL, 0 },
};

/* --- for virtual machines ------------------------------------------------------------------ */

const char *network_listen_address(struct agent *a, const char *network)
{
	const json_t *conf = json_object_get(a->networks->running, network);
	const char *nic = json_string_value(json_object_get(conf, "nic"));
	auto_pool p = pool_new();
	const char *address =
	    link_ipv4(p, conf && !json_is_true(json_object_get(conf, "bridged")) && nic ? nic : network);

	if (!address)
		return NULL;
	g_strlcpy(a->networks->listen, address, sizeof(a->networks->listen));
	return a->networks->listen;
}

int network_make_dummy(struct agent *a, struct err *e)
{
	return link_exists(DUMMY_BRIDGE) ? 0 : link_bridge_add(DUMMY_BRIDGE, false, 0, e);
}

void network_prepare_for(struct agent *a, xmlNodePtr devices)
{
	struct err e = ERR_INIT;

	for (xmlNodePtr n = devices ? devices->children : NULL; n; n = n->next)
		for (xmlNodePtr s = n->children; s; s = s->next) {
			xmlChar *bridge =
			    s->type == XML_ELEMENT_NODE ? xmlGetNoNsProp(s, (const xmlChar *)"bridge") : NULL;

			if (bridge && strcmp((const char *)bridge, DUMMY_BRIDGE) == 0 && network_make_dummy(a, &e) < 0)
				log_warn("bridge for unplugged cards not made", "ERROR", e.detail);
			if (bridge)
				xmlFree(bridge);
		}
}
