/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/caps.h"

#include <glib.h>
#include <libvirt/libvirt.h>
#include <string.h>
#include <sys/utsname.h>

#include "agent/agent.h"
#include "agent/hooks/hooks.h"
#include "agent/host/accel.h"
#include "agent/host/system.h"
#include "agent/network/network.h"
#include "agent/storage/storage.h"
#include "agent/vms/virt.h"
#include "agent/vms/xml.h"
#include "base/fiber.h"
#include "base/log.h"

enum { FIRST_WAIT_MS = 15000 };

/* Names under which oVirt's Managers know releases of the agent's protocol. */
static const char PROTOCOL_VERSION[] = "4.50", PROTOCOL_NAME[] = "Snow Man";

struct caps {
	json_t *facts; /* of libvirt; NULL until read */
	struct waitq read;
	bool is_reading, is_kvm;
};

/* --- libvirt's facts ------------------------------------------------------------------- */

struct reading {
	bool is_kvm;
	json_t *facts;
};

static void add_machines(json_t *facts, xmlNodePtr root, struct pool *p)
{
	json_t *list = json_array();
	struct utsname u;

	uname(&u);
	for (xmlNodePtr g = xml_child(root, "guest"); g; g = xml_next(g)) {
		xmlNodePtr arch = xml_child(g, "arch");

		if (!xml_attr_is(arch, "name", u.machine))
			continue;
		for (xmlNodePtr m = xml_child(arch, "machine"); m; m = xml_next(m))
			json_array_append_new(list, json_string(xml_content(p, m)));
	}
	json_object_set_new(facts, "emulatedMachines", list);
}

static void add_counter(json_t *facts, xmlNodePtr root, struct pool *p)
{
	xmlNodePtr cpu = xml_child(xml_child(root, "host"), "cpu");

	for (xmlNodePtr c = xml_child(cpu, "counter"); c; c = xml_next(c))
		if (xml_attr_is(c, "name", "tsc")) {
			json_object_set_new(facts, "tscFrequency", json_string(xml_attr(p, c, "frequency") ?: ""));
			json_object_set_new(facts, "tscScaling", json_boolean(xml_attr_is(c, "scaling", "yes")));
		}
}

/* Flags of a usable CPU model: its name, and the features that guests can really have. */
static void add_models(GString *flags, xmlNodePtr root, struct pool *p)
{
	xmlNodePtr cpu = xml_child(root, "cpu");

	for (xmlNodePtr mode = xml_child(cpu, "mode"); mode; mode = xml_next(mode)) {
		const bool is_host = xml_attr_is(mode, "name", "host-model");

		for (xmlNodePtr f = xml_child(mode, "feature"); is_host && f; f = xml_next(f))
			if (xml_attr_is(f, "policy", "require"))
				g_string_append_printf(flags, ",%s", xml_attr(p, f, "name") ?: "");
		for (xmlNodePtr m = xml_child(mode, "model"); xml_attr_is(mode, "name", "custom") && m; m = xml_next(m))
			if (xml_attr_is(m, "usable", "yes"))
				g_string_append_printf(flags, ",model_%s", xml_content(p, m));
	}
}

static int read_models(virConnectPtr conn, struct reading *r, struct pool *p, struct err *e)
{
	g_autoptr(GString) flags = g_string_new(system_cpu_flags(p));
	char *text = virConnectGetDomainCapabilities(conn, NULL, NULL, NULL, r->is_kvm ? "kvm" : "qemu", 0);
	auto_xml doc = NULL;

	if (!text)
		return virt_err(e, "read domain capabilities");
	doc = xml_parse(text, e);
	free(text);
	if (!doc)
		return -1;
	add_models(flags, xmlDocGetRootElement(doc), p);
	json_object_set_new(r->facts, "cpuFlags", json_string(flags->str));
	return 0;
}

static json_t *version_json(unsigned long v)
{
	return json_pack("{s:o, s:s}", "version", json_sprintf("%lu.%lu.%lu", v / 1000000, v / 1000 % 1000, v % 1000),
	                 "release", "");
}

static void add_versions(virConnectPtr conn, json_t *facts)
{
	unsigned long libvirt = 0, qemu = 0;
	json_t *packages = json_object(), *levels = json_array();
	static const struct {
		const char *level;
		unsigned long libvirt, qemu;
	} LEVELS[] = {
		{ "4.2", 0, 0 },
		{ "4.3", 0, 0 },
		{ "4.4", 5000000, 4000000 },
		{ "4.5", 6000000, 4002000 },
		{ "4.6", 6006000, 5002000 },
		{ "4.7", 8000000, 6002000 },
		{ "4.8", 9000000, 7002000 },
	};
	struct utsname u;

	uname(&u);
	virConnectGetLibVersion(conn, &libvirt);
	virConnectGetVersion(conn, &qemu);
	json_object_set_new(packages, "libvirt", version_json(libvirt));
	json_object_set_new(packages, "qemu-kvm", version_json(qemu));
	json_object_set_new(packages, "qemu-img", version_json(qemu));
	json_object_set_new(packages, "kernel", json_pack("{s:s, s:s}", "version", u.release, "release", u.version));
	json_object_set_new(
	    packages, "vdsm",
	    json_pack("{s:s, s:s}", "version", PROTOCOL_VERSION, "release", "hostler-" HOSTLER_VERSION));
	json_object_set_new(facts, "packages2", packages);
	for (size_t i = 0; i < G_N_ELEMENTS(LEVELS); i++)
		if (libvirt >= LEVELS[i].libvirt && qemu >= LEVELS[i].qemu)
			json_array_append_new(levels, json_string(LEVELS[i].level));
	json_object_set_new(facts, "clusterLevels", levels);
}

static int read_work(virConnectPtr conn, void *arg, struct err *e)
{
	struct reading *r = arg;
	auto_pool p = pool_new();
	char *text = virConnectGetCapabilities(conn);
	auto_xml doc = NULL;

	if (!text)
		return virt_err(e, "read capabilities");
	doc = xml_parse(text, e);
	free(text);
	if (!doc)
		return -1;
	r->facts = json_object();
	add_machines(r->facts, xmlDocGetRootElement(doc), p);
	add_counter(r->facts, xmlDocGetRootElement(doc), p);
	add_versions(conn, r->facts);
	return read_models(conn, r, p, e);
}

static void read_fiber(void *arg)
{
	struct agent *a = arg;
	struct reading r = { .facts = NULL };
	struct err e = ERR_INIT;

	accel_wait(a, &e);
	r.is_kvm = accel_is_kvm(a);
	if (virt_run(a, VIRT_OPS, read_work, &r, &e) < 0) {
		log_warn("capabilities of libvirt not read", "ERROR", e.detail);
		json_decref(r.facts);
	} else {
		json_decref(a->caps->facts);
		a->caps->facts = r.facts;
	}
	a->caps->is_reading = false;
	waitq_wake_all(&a->caps->read);
}

void caps_refresh(struct agent *a)
{
	if (a->caps->is_reading)
		return;
	a->caps->is_reading = true;
	fiber_start(a->loop, "capabilities", read_fiber, a);
}

void caps_init(struct agent *a) { a->caps = g_new0(struct caps, 1); }

/* --- the whole --------------------------------------------------------------------------- */

/* Is an option on in what libvirt's QEMU driver reads? Where that may not be read, it is what libvirt does by itself. */
static bool is_qemu_option_on(const char *name)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	size_t n = strlen(name);
	bool is_on = false;

	if (!g_file_get_contents("/etc/libvirt/qemu.conf", &text, NULL, NULL))
		return false;
	lines = g_strsplit(text, "\n", -1);
	for (char **l = lines; *l; l++) {
		const char *s = *l + strspn(*l, " \t");

		if (strncmp(s, name, n) != 0 || !strchr(" \t=", s[n]))
			continue;
		s += n;
		s += strspn(s, " \t=");
		is_on = *s == '1';
	}
	return is_on;
}

/* What this agent cannot do yet is not promised. */
static void add_promises(json_t *j)
{
	static const char *const NOT_YET[] = { "liveSnapshot", "liveMerge" };
	static const char *const NOT_YET_BOOL[] = { "backupEnabled",     "hostedEngineDeployed",
		                                    "ovnConfigured",     "zerocopy_migrations",
		                                    "coldBackupEnabled", "clearBitmapsEnabled",
		                                    "cd_change_pdiv",    "refresh_disk_supported" };

	for (size_t i = 0; i < G_N_ELEMENTS(NOT_YET); i++)
		json_object_set_new(j, NOT_YET[i], json_string("false"));
	for (size_t i = 0; i < G_N_ELEMENTS(NOT_YET_BOOL); i++)
		json_object_set_new(j, NOT_YET_BOOL[i], json_false());
	json_object_set_new(j, "vncEncrypted", json_string(is_qemu_option_on("vnc_tls") ? "true" : "false"));
	json_object_set_new(j, "spiceTls", json_boolean(is_qemu_option_on("spice_tls")));
	json_object_set_new(j, "additionalFeatures", json_array());
	json_object_set_new(j, "ISCSIInitiatorName", json_string(""));
	json_object_set_new(j, "HBAInventory", json_pack("{s:[], s:[]}", "FC", "iSCSI"));
	json_object_set_new(j, "vmTypes", json_pack("[s]", "kvm"));
	json_object_set_new(j, "supportedENGINEs", json_pack("[s,s,s,s]", "4.2", "4.3", "4.4", "4.5"));
	json_object_set_new(j, "software_version", json_string(PROTOCOL_VERSION));
	json_object_set_new(j, "software_revision", json_string(HOSTLER_VERSION));
	json_object_set_new(j, "version_name", json_string(PROTOCOL_NAME));
	json_object_set_new(j, "tscFrequency", json_string(""));
	json_object_set_new(j, "tscScaling", json_false());
}

int caps_json(struct agent *a, const char *local_address, json_t **out, struct err *e)
{
	auto_pool p = pool_new();
	json_t *j;

	if (!a->caps->facts) {
		if (virt_is_connected(a))
			caps_refresh(a);
		waitq_wait(&a->caps->read, FIRST_WAIT_MS);
	}
	if (!a->caps->facts)
		return err_agent(e, 99, "libvirt does not answer, the host's capabilities are not known yet");
	j = json_object();
	add_promises(j);
	system_add_cpu(j);
	system_add_memory(j);
	system_add_platform(j);
	network_add_capabilities(a, j);
	json_object_update(j, a->caps->facts);
	storage_add_capabilities(a, j);
	json_object_set_new(j, "hooks", hooks_installed(a));
	json_object_set_new(j, "uuid", json_string(a->host_id));
	json_object_set_new(j, "kvmEnabled", json_string(accel_is_kvm(a) ? "true" : "false"));
	json_object_set_new(j, "kvmReason", json_string(accel_reason(a)));
	json_object_set_new(j, "lastClientIface", json_string(network_device_of(p, local_address)));
	*out = j;
	return 0;
}
