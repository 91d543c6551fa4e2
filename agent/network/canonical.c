/* SPDX-License-Identifier: Apache-2.0 */
/* What a client may say about networks, and what of it this agent can do. */
#include <ctype.h>
#include <glib.h>
#include <string.h>

#include "agent/network/setup.h"

enum { MAX_BRIDGE_NAME = 15 };

static int to_bool(const json_t *v, bool fallback)
{
	const char *s = json_string_value(v);

	if (json_is_boolean(v))
		return json_is_true(v);
	if (json_is_integer(v))
		return json_integer_value(v) != 0;
	if (s)
		return g_ascii_strcasecmp(s, "true") == 0 || g_ascii_strcasecmp(s, "yes") == 0 ||
		       g_ascii_strcasecmp(s, "on") == 0 || strcmp(s, "1") == 0;
	return fallback;
}

static bool is_good_bridge_name(const char *name)
{
	if (!*name || strlen(name) > MAX_BRIDGE_NAME || strcmp(name, ".") == 0)
		return false;
	for (const char *p = name; *p; p++)
		if (isspace((unsigned char)*p) || strchr(":./;", *p) || !isprint((unsigned char)*p))
			return false;
	return true;
}

/* Attributes that say nothing new: absent, null, empty, or the value that is given anyway. */
static bool is_idle(const char *key, const json_t *v)
{
	static const struct {
		const char *key, *value;
	} IDLE[] = {
		{ "bootproto", "none" }, { "switch", "legacy" }, { "ipv6autoconf", "" },
		{ "dhcpv6", "" },        { "defaultRoute", "" },
	};
	const char *s = json_string_value(v);

	if (!v || json_is_null(v) || json_is_false(v) || (s && !*s) || (json_is_array(v) && json_array_size(v) == 0) ||
	    (json_is_object(v) && json_object_size(v) == 0))
		return true;
	for (size_t i = 0; i < G_N_ELEMENTS(IDLE); i++)
		if (strcmp(IDLE[i].key, key) == 0 && s &&
		    (g_ascii_strcasecmp(s, "false") == 0 || strcmp(s, IDLE[i].value) == 0))
			return true;
	return strcmp(key, "defaultRoute") == 0;
}

/* An address is accepted if the network's device has it already. */
static bool is_present_address(const char *name, const json_t *want, const char *key, const json_t *v,
                               setup_address_fn address, void *arg)
{
	const bool is_bridged = to_bool(json_object_get(want, "bridged"), true);
	const char *device = is_bridged ? name : json_string_value(json_object_get(want, "nic")), *have;

	if (!device || !json_is_string(v))
		return false;
	if (strcmp(key, "ipaddr") == 0) {
		have = address(arg, device);
		return have && strcmp(have, json_string_value(v)) == 0;
	}
	return json_object_get(want, "ipaddr") &&
	       (strcmp(key, "netmask") == 0 || strcmp(key, "prefix") == 0 || strcmp(key, "gateway") == 0);
}

static json_t *canonical(const char *name, const json_t *want, setup_address_fn address, void *arg, struct err *e)
{
	static const char *const KNOWN[] = { "nic", "bridged", "mtu", "stp", "STP", "remove", "nameservers", "custom" };
	const json_t *mtu = json_object_get(want, "mtu"), *stp = json_object_get(want, "stp"), *v;
	const bool is_bridged = to_bool(json_object_get(want, "bridged"), true);
	const char *nic = json_string_value(json_object_get(want, "nic")), *key;
	json_int_t bytes =
	    json_is_string(mtu) ? g_ascii_strtoll(json_string_value(mtu), NULL, 10) : json_integer_value(mtu);
	json_t *out;

	json_object_foreach ((json_t *)want, key, v) {
		if (g_strv_contains((const char *const[]){ "vlan", NULL }, key) && !is_idle(key, v))
			return err_agent(e, BAD_VLAN, "network %s: VLANs are not supported by this agent yet", name),
			       NULL;
		for (size_t i = 0; v && i < G_N_ELEMENTS(KNOWN); i++)
			if (strcmp(key, KNOWN[i]) == 0)
				v = NULL;
		if (v && !is_idle(key, v) && !is_present_address(name, want, key, v, address, arg))
			return err_agent(e, BAD_PARAMS, "network %s: %s is not supported by this agent yet", name, key),
			       NULL;
	}
	if (is_bridged && !is_good_bridge_name(name))
		return err_agent(e, BAD_BRIDGE,
		                 "network %s: not a name for a bridge (at most 15 characters, no blank : . / ;)", name),
		       NULL;
	if (!is_bridged && !nic)
		return err_agent(e, BAD_PARAMS, "network %s: without a bridge it needs a nic", name), NULL;
	if (mtu && (bytes < 68 || bytes > 65535))
		return err_agent(e, BAD_PARAMS, "network %s: mtu must be from 68 to 65535", name), NULL;
	out = json_pack("{s:b, s:I, s:b}", "bridged", is_bridged, "mtu", mtu ? bytes : (json_int_t)1500, "stp",
	                to_bool(stp ? stp : json_object_get(want, "STP"), false));
	if (nic && *nic)
		json_object_set_new(out, "nic", json_string(nic));
	return out;
}

json_t *setup_merge(const json_t *now, const json_t *wanted, setup_address_fn address, void *arg, struct err *e)
{
	json_t *next = json_copy((json_t *)now), *want, *one;
	const char *name;

	json_object_foreach ((json_t *)wanted, name, want) {
		if (!json_is_object(want)) {
			err_agent(e, BAD_PARAMS, "network %s: the attributes must be an object", name);
		} else if (to_bool(json_object_get(want, "remove"), false)) {
			if (!json_object_get(now, name))
				err_agent(e, BAD_BRIDGE, "network %s cannot be removed: it is not here", name);
			json_object_del(next, name);
		} else if ((one = canonical(name, want, address, arg, e))) {
			if (json_is_true(json_object_get(one, "bridged")) &&
			    json_object_get(json_object_get(now, name), "adopted"))
				json_object_set_new(one, "adopted", json_true());
			json_object_set_new(next, name, one);
		}
		if (e->code != ERR_NONE) {
			json_decref(next);
			return NULL;
		}
	}
	return next;
}
