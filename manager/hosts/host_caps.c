/* SPDX-License-Identifier: Apache-2.0 */
/* Host.getCapabilities as the host's members. Numbers come as strings or as numbers; nothing is trusted to be there. */
#include <stdlib.h>
#include <string.h>

#include "manager/hosts/host_int.h"

static const char *text(json_t *o, const char *key) { return json_string_value(json_object_get(o, key)); }

static int64_t number(json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);

	if (json_is_string(v))
		return g_ascii_strtoll(json_string_value(v), NULL, 10);
	return json_is_real(v) ? (int64_t)json_real_value(v) : json_integer_value(v);
}

static double decimal(json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);
	return json_is_string(v) ? g_ascii_strtod(json_string_value(v), NULL) : json_number_value(v);
}

/* "10.0.3-1.el9" */
static struct m_version *version(struct pool *p, const char *s)
{
	struct m_version *v = m_new(p, &M_TYPE_version);
	int64_t part[4] = { 0 };
	int n = 0;

	v->full_version = pool_strdup(p, s ? s : "");
	for (const char *at = s; at && n < 4 && g_ascii_isdigit(*at); at += *at != 0) {
		char *end;
		part[n++] = g_ascii_strtoll(at, &end, 10);
		at = end;
		if (*at != '.')
			break;
	}
	M_SET(v, major, MIN(part[0], G_MAXINT32));
	M_SET(v, minor, MIN(part[1], G_MAXINT32));
	M_SET(v, build, MIN(part[2], G_MAXINT32));
	M_SET(v, revision, MIN(part[3], G_MAXINT32));
	return v;
}

static void take_cpu(struct pool *p, struct m_host *h, json_t *caps)
{
	int64_t sockets = MAX(number(caps, "cpuSockets"), 1), cores = MAX(number(caps, "cpuCores"), 1);
	int64_t threads = MAX(number(caps, "cpuThreads"), 1);
	struct m_cpu *cpu = m_new(p, &M_TYPE_cpu);

	cpu->name = pool_strdup(p, text(caps, "cpuModel"));
	M_SET(cpu, speed, decimal(caps, "cpuSpeed"));
	cpu->topology = m_new(p, &M_TYPE_cpu_topology);
	M_SET(cpu->topology, sockets, sockets);
	M_SET(cpu->topology, cores, MAX(cores / sockets, 1));
	M_SET(cpu->topology, threads, MAX(threads / MAX(cores, 1), 1));
	h->cpu = cpu;
}

static void take_os(struct pool *p, struct m_host *h, json_t *caps)
{
	json_t *os = json_object_get(caps, "operatingSystem"), *packages = json_object_get(caps, "packages2");
	const char *name = text(os, "pretty_name") ? text(os, "pretty_name") : text(os, "name");

	h->os = m_new(p, &M_TYPE_operating_system);
	h->os->type = pool_strdup(p, text(os, "name") ? text(os, "name") : "");
	h->os->description = pool_strdup(p, name);
	h->os->version = version(p, text(os, "version"));
	h->os->reported_kernel_cmdline = pool_strdup(p, text(caps, "kernelArgs"));
	h->version = version(p, text(caps, "software_version"));
	h->libvirt_version = version(p, text(json_object_get(packages, "libvirt"), "version"));
}

static void take_hardware(struct pool *p, struct m_host *h, json_t *hw)
{
	struct m_hardware_information *i = m_new(p, &M_TYPE_hardware_information);

	i->manufacturer = pool_strdup(p, text(hw, "systemManufacturer"));
	i->family = pool_strdup(p, text(hw, "systemFamily"));
	i->product_name = pool_strdup(p, text(hw, "systemProductName"));
	i->version = pool_strdup(p, text(hw, "systemVersion"));
	i->serial_number = pool_strdup(p, text(hw, "systemSerialNumber"));
	i->uuid = pool_strdup(p, text(hw, "systemUUID"));
	h->hardware_information = i;
}

/* Where guests' random numbers can come from. */
static void take_rng(struct pool *p, struct m_hardware_information *i, json_t *caps)
{
	json_t *list = json_object_get(caps, "rngSources"), *source;
	size_t at;

	i->supported_rng_sources.v = POOL_ARRAY(p, enum m_rng_source, json_array_size(list) + 1);
	i->supported_rng_sources.n = 0;
	json_array_foreach (list, at, source) {
		const char *name = json_string_value(source);
		const enum m_rng_source s = g_strcmp0(name, "hwrng") == 0     ? M_RNG_SOURCE_HWRNG
		                            : g_strcmp0(name, "random") == 0  ? M_RNG_SOURCE_RANDOM
		                            : g_strcmp0(name, "urandom") == 0 ? M_RNG_SOURCE_URANDOM
		                                                              : M_RNG_SOURCE_ABSENT;

		if (s != M_RNG_SOURCE_ABSENT)
			i->supported_rng_sources.v[i->supported_rng_sources.n++] = s;
	}
}

/* "1" enforcing, "0" permissive, "-1" off; what is not said is not told. */
static enum m_se_linux_mode selinux_mode(const char *mode)
{
	if (!mode)
		return M_SE_LINUX_MODE_ABSENT;
	return strcmp(mode, "1") == 0   ? M_SE_LINUX_MODE_ENFORCING
	       : strcmp(mode, "0") == 0 ? M_SE_LINUX_MODE_PERMISSIVE
	                                : M_SE_LINUX_MODE_DISABLED;
}

void host_take_caps(struct pool *p, struct m_host *h, json_t *caps, json_t *hw)
{
	int64_t kdump = number(caps, "kdumpStatus");
	const char *unique = text(caps, "uuid");

	take_cpu(p, h, caps);
	take_os(p, h, caps);
	take_hardware(p, h, hw);
	take_rng(p, h->hardware_information, caps);
	M_SET(h, memory, number(caps, "memSize") << 20);
	h->type = M_HOST_TYPE_RHEL;
	h->kdump_status = kdump == 1   ? M_KDUMP_STATUS_ENABLED
	                  : kdump == 0 ? M_KDUMP_STATUS_DISABLED
	                               : M_KDUMP_STATUS_UNKNOWN;
	h->auto_numa_status = !json_object_get(caps, "autoNumaBalancing") ? M_AUTO_NUMA_STATUS_UNKNOWN
	                      : number(caps, "autoNumaBalancing") == 0    ? M_AUTO_NUMA_STATUS_DISABLE
	                      : number(caps, "autoNumaBalancing") == 1    ? M_AUTO_NUMA_STATUS_ENABLE
	                                                                  : M_AUTO_NUMA_STATUS_UNKNOWN;
	M_SET(h, numa_supported, json_object_size(json_object_get(caps, "numaNodes")) > 1);
	h->device_passthrough = m_new(p, &M_TYPE_host_device_passthrough);
	M_SET(h->device_passthrough, enabled, g_strcmp0(text(caps, "hostdevPassthrough"), "true") == 0);
	h->se_linux = m_new(p, &M_TYPE_se_linux);
	h->se_linux->mode = selinux_mode(text(json_object_get(caps, "selinux"), "mode"));
	h->iscsi = m_new(p, &M_TYPE_iscsi_details);
	h->iscsi->initiator = pool_strdup(p, text(caps, "ISCSIInitiatorName"));
	if (unique)
		h->unique_id = pool_strdup(p, unique);
	h->accel = json_is_true(json_object_get(caps, "kvmEnabled")) || g_strcmp0(text(caps, "kvmEnabled"), "true") == 0
	               ? "kvm"
	               : "tcg";
}
