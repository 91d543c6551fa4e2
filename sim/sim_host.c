/* SPDX-License-Identifier: Apache-2.0 */
/* A host: power, agent, and the verbs about itself. */
#include "sim/sim_host.h"

#include <stdlib.h>
#include <string.h>

struct sim_host *sim_host_new(struct sim *s, int index)
{
	struct sim_host *h = g_new0(struct sim_host, 1);

	h->sim = s;
	h->index = index;
	g_snprintf(h->address, sizeof(h->address), "host%d", index);
	uuid_make(s->chance, h->uuid);
	h->is_on = h->is_agent_up = true;
	h->networks = json_object();
	h->vms = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, sim_vm_free);
	h->pools = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, sim_pool_free);
	h->connections = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)json_decref);
	return h;
}

void sim_host_free(struct sim_host *h)
{
	json_decref(h->networks);
	g_hash_table_destroy(h->vms);
	g_hash_table_destroy(h->pools);
	g_hash_table_destroy(h->connections);
	g_free(h);
}

bool sim_host_answers(const struct sim_host *h)
{
	return h->is_on && h->is_agent_up && h->cut_until_ms <= sim_now(h->sim);
}

/* ---- life of the agent and of the machine ---- */

static void agent_starts(struct sim *s, void *arg)
{
	struct sim_host *h = arg;

	h->is_agent_up = true;
	h->agent_life++;
	h->busy_until_ms = 0;
	h->finds_vms_at_ms = sim_now(s) + sim_between(s, 0, 4 * SIM_SECOND);
	sim_tell(s, "%s: agent starts", h->address);
}

static void agent_dies(struct sim_host *h)
{
	h->is_agent_up = false;
	h->agent_life++;
	sim_vms_agent_died(h);
	sim_storage_agent_died(h);
	g_hash_table_remove_all(h->pools);
}

void sim_host_kill_agent(struct sim_host *h)
{
	if (!h->is_on || !h->is_agent_up)
		return;
	sim_tell(h->sim, "%s: agent is killed", h->address);
	agent_dies(h);
	sim_net_break(h->sim->net, h, "connection closed by the agent");
	sim_after(h->sim, sim_between(h->sim, 300, 6 * SIM_SECOND), agent_starts, h, NULL, &h->agent_life);
}

static void power_returns(struct sim *s, void *arg)
{
	struct sim_host *h = arg;

	h->is_on = true;
	sim_tell(s, "%s: power is back", h->address);
	sim_after(s, sim_between(s, 5 * SIM_SECOND, 40 * SIM_SECOND), agent_starts, h, NULL, &h->agent_life);
}

void sim_host_cut_power(struct sim_host *h, int64_t off_ms)
{
	if (!h->is_on)
		return;
	sim_tell(h->sim, "%s: power is lost", h->address);
	h->is_on = false;
	agent_dies(h);
	sim_vms_power_lost(h);
	g_hash_table_remove_all(h->connections);
	sim_net_cut(h->sim->net, h, off_ms); /* nothing says that it has gone */
	sim_after(h->sim, off_ms, power_returns, h, NULL, NULL);
}

/* ---- verbs about the host ---- */

static json_t *ping(struct sim_host *h, json_t *params, struct err *e) { return json_true(); }

static json_t *capabilities(struct sim_host *h, json_t *params, struct err *e)
{
	json_t *caps = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:i,s:s}", "cpuSockets", "1", "cpuCores",
	                         "4", "cpuThreads", "8", "cpuModel", "Simulated CPU", "cpuSpeed", "2400.000", "memSize",
	                         "65536", "kvmEnabled", "true", "software_version", "4.50.5", "software_revision", "1",
	                         "uuid", h->uuid, "hostdevPassthrough", "false", "kdumpStatus", 0, "ISCSIInitiatorName",
	                         "iqn.1994-05.com.redhat:sim");

	json_object_set_new(caps, "cpuFlags",
	                    json_string("vmx,nx,sse2,model_Nehalem,model_Westmere,model_SandyBridge,model_qemu64"));
	json_object_set_new(caps, "operatingSystem",
	                    json_pack("{s:s,s:s,s:s,s:s}", "name", "RHEL", "pretty_name", "Simulated 1", "release", "1",
	                              "version", "9.2"));
	json_object_set_new(caps, "packages2", json_pack("{s:{s:s}}", "libvirt", "version", "9.0.0"));
	json_object_set_new(caps, "emulatedMachines", json_pack("[s,s]", "pc-q35-rhel8.6.0", "pc-i440fx-rhel7.6.0"));
	json_object_set_new(caps, "clusterLevels", json_pack("[s,s]", "4.7", "4.8"));
	json_object_set(caps, "networks", h->networks);
	json_object_set(caps, "bridges", h->networks);
	json_object_set_new(caps, "nics", json_pack("{s:{s:s}}", "eth0", "addr", "192.0.2.1"));
	json_object_set_new(caps, "bondings", json_object());
	json_object_set_new(caps, "vlans", json_object());
	json_object_set_new(caps, "numaNodes", json_pack("{s:{s:s}}", "0", "totalMemory", "65536"));
	return caps;
}

static json_t *hardware(struct sim_host *h, json_t *params, struct err *e)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "systemManufacturer", "Hostler", "systemProductName", "Simulator",
	                 "systemVersion", "1", "systemSerialNumber", h->uuid, "systemUUID", h->uuid, "systemFamily",
	                 "sim");
}

static json_t *stats(struct sim_host *h, json_t *params, struct err *e)
{
	json_t *out = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:i,s:i}", "cpuIdle", "90.00", "cpuUser", "5.00", "cpuSys",
	                        "5.00", "cpuLoad", "0.10", "memAvailable", "60000", "memFree", "60000", "vmCount",
	                        (int)g_hash_table_size(h->vms), "vmActive", 0);

	json_object_set_new(out, "storageDomains", sim_storage_stats(h));
	json_object_set_new(out, "network", json_object());
	return out;
}

static json_t *setup_networks(struct sim_host *h, json_t *params, struct err *e)
{
	const char *name;
	json_t *net;

	json_object_foreach (json_object_get(params, "networks"), name, net)
		if (json_is_true(json_object_get(net, "remove")))
			json_object_del(h->networks, name);
		else
			json_object_set_new(h->networks, name,
			                    json_pack("{s:s,s:[],s:b}", "iface", name, "ports", "bridged", 1));
	return json_true();
}

static json_t *host_devices(struct sim_host *h, json_t *params, struct err *e)
{
	return json_pack("{s:{s:{s:s,s:s,s:s,s:s,s:{s:s,s:s,s:s,s:s}}}}", "pci_0000_03_00_0", "params", "capability",
	                 "pci", "is_assignable", "true", "product", "Simulated card", "vendor", "Hostler", "address",
	                 "domain", "0", "bus", "3", "slot", "0", "function", "0");
}

static const struct sim_verb HOST_VERBS[] = {
	{ "Host.ping", "", ping, true },
	{ "Host.ping2", "", ping, true },
	{ "Host.getCapabilities", "", capabilities, true },
	{ "Host.getHardwareInfo", "", hardware, true },
	{ "Host.hostdevListByCaps", "caps=a?", host_devices, true },
	{ "Host.getStats", "", stats, true },
	{ "Host.setupNetworks", "networks=o bondings=o options=o", setup_networks, false },
	{ "Host.setMOMPolicyParameters", "key_value_store=o", ping, true },
	{ NULL, NULL, NULL, false },
};

/* ---- running verbs ---- */

json_t *sim_refuse(struct err *e, int code, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	g_vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_agent(e, code, "%s", text);
	return NULL;
}

const char *sim_text(json_t *params, const char *name)
{
	const char *s = json_string_value(json_object_get(params, name));
	return s ? s : "";
}

int64_t sim_int(json_t *params, const char *name)
{
	json_t *v = json_object_get(params, name);
	return json_is_string(v) ? g_ascii_strtoll(json_string_value(v), NULL, 10) : json_integer_value(v);
}

bool sim_bool(json_t *params, const char *name)
{
	json_t *v = json_object_get(params, name);
	return json_is_true(v) || g_ascii_strcasecmp(sim_text(params, name), "true") == 0;
}

static bool is_number_text(const char *s)
{
	int64_t n;
	return s && g_ascii_string_to_signed(s, 10, G_MININT64, G_MAXINT64, &n, NULL);
}

static bool fits(json_t *v, char type)
{
	const char *s = json_string_value(v);

	switch (type) {
	case 'u': return s && uuid_is_valid(s);
	case 's': return s || json_is_integer(v);
	case 'i': return json_is_integer(v) || is_number_text(s);
	case 'b': return json_is_boolean(v) || (s && (strcmp(s, "true") == 0 || strcmp(s, "false") == 0));
	case 'o': return json_is_object(v);
	case 'a': return json_is_array(v);
	default: return true;
	}
}

/* What is wrong with the parameters; NULL: nothing. */
static char *find_mistake(const struct sim_verb *v, json_t *params)
{
	g_auto(GStrv) rules = g_strsplit(v->params, " ", -1);
	unsigned n_known = 0;
	const char *name;
	json_t *value;

	for (char **r = rules; *r && **r; r++) {
		g_auto(GStrv) pair = g_strsplit(*r, "=", 2);

		value = json_object_get(params, pair[0]);
		n_known += value != NULL;
		if ((!value || json_is_null(value)) && !strchr(pair[1], '?'))
			return g_strdup_printf("parameter %s is missing", pair[0]);
		if (value && !json_is_null(value) && !fits(value, pair[1][0]))
			return g_strdup_printf("parameter %s is of the wrong kind", pair[0]);
	}
	if (n_known == json_object_size(params))
		return NULL;
	json_object_foreach (params, name, value) {
		g_autofree char *rule = g_strconcat(" ", name, "=", NULL), *all = g_strconcat(" ", v->params, NULL);
		if (!strstr(all, rule))
			return g_strdup_printf("there is no parameter %s", name);
	}
	return NULL;
}

static const struct sim_verb *find_verb(const char *name)
{
	static const struct sim_verb *const TABLES[] = { HOST_VERBS,        SIM_VM_VERBS,     SIM_MEMORY_VERBS,
		                                         SIM_STORAGE_VERBS, SIM_VOLUME_VERBS, SIM_CHAIN_VERBS };

	for (size_t t = 0; t < G_N_ELEMENTS(TABLES); t++)
		for (const struct sim_verb *v = TABLES[t]; v->name; v++)
			if (strcmp(v->name, name) == 0)
				return v;
	return NULL;
}

static bool is_to_refuse(struct sim *s, const char *method)
{
	if (s->refuse_method && strcmp(s->refuse_method, method) == 0 && s->is_counting && s->refuse_after-- == 0) {
		s->refuse_method = NULL;
		s->is_refused = true;
		return true;
	}
	return sim_happens(s, s->faults.refuse_call) && strncmp(method, "Host.", 5) != 0;
}

json_t *sim_host_run(struct sim_host *h, const char *method, json_t *params, struct err *e)
{
	const struct sim_verb *v = find_verb(method);
	g_autofree char *mistake = NULL;

	if (!v) {
		sim_fail(h->sim, "the Manager calls %s, which the simulated agents do not have", method);
		return sim_refuse(e, -32601, "there is no method %s", method);
	}
	mistake = find_mistake(v, params);
	if (mistake) {
		sim_fail(h->sim, "the Manager calls %s wrongly: %s", method, mistake);
		return sim_refuse(e, -32602, "%s", mistake);
	}
	if (!v->is_early && h->finds_vms_at_ms > sim_now(h->sim))
		return sim_refuse(e, 99, "The agent is looking for its virtual machines, try again soon");
	if (is_to_refuse(h->sim, method))
		return sim_refuse(e, 100, "General Exception: it was not to be");
	return v->run(h, params, e);
}

int64_t sim_host_takes(struct sim_host *h, const char *method)
{
	if (strncmp(method, "Storage", 7) == 0 || strncmp(method, "Image", 5) == 0)
		return sim_between(h->sim, 5, 400);
	return sim_between(h->sim, 0, 20);
}
