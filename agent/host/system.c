/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/system.h"

#include <fcntl.h>
#include <glib.h>
#include <sched.h>
#include <string.h>
#include <sys/utsname.h>

#include "agent/helper/helper.h"
#include "base/auto.h"

enum { MAX_FILE = 1 << 20, RESERVED_MIB = 256 + 65, OVERHEAD_MIB = 65 };

/* --- files -------------------------------------------------------------------- */

char *system_read(struct pool *p, const char *path)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	g_autoptr(GString) s = g_string_new(NULL);
	char buf[8192];
	ssize_t n;

	if (fd < 0)
		return NULL;
	while (s->len < MAX_FILE && (n = read(fd, buf, sizeof(buf))) > 0)
		g_string_append_len(s, buf, n);
	if (s->len && s->str[s->len - 1] == '\n')
		g_string_truncate(s, s->len - 1);
	return pool_strdup(p, s->str);
}

char *system_readf(struct pool *p, const char *fmt, ...)
{
	g_autofree char *path = NULL;
	va_list ap;

	va_start(ap, fmt);
	path = g_strdup_vprintf(fmt, ap);
	va_end(ap);
	return system_read(p, path);
}

int64_t system_read_int(struct pool *p, int64_t fallback, const char *fmt, ...)
{
	g_autofree char *path = NULL;
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	path = g_strdup_vprintf(fmt, ap);
	va_end(ap);
	text = system_read(p, path);
	return text && (g_ascii_isdigit(*text) || *text == '-') ? g_ascii_strtoll(text, NULL, 10) : fallback;
}

int64_t system_keyed(const char *text, const char *key)
{
	const size_t n = strlen(key);

	for (const char *line = text; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
		const char *at = g_strstr_len(line, (gssize)strcspn(line, "\n"), key);

		if (at && (at == line || at[-1] == ' ') && at[n] == ':')
			return g_ascii_strtoll(at + n + 1, NULL, 10);
	}
	return 0;
}

json_t *system_number_list(const char *ranges)
{
	json_t *list = json_array();

	while (ranges && g_ascii_isdigit(*ranges)) {
		char *end;
		long from = strtol(ranges, &end, 10), to = from;

		if (*end == '-')
			to = strtol(end + 1, &end, 10);
		for (long i = from; i <= to && i < 65536; i++)
			json_array_append_new(list, json_integer(i));
		ranges = *end == ',' ? end + 1 : end;
	}
	return list;
}

/* --- operating system ------------------------------------------------------------ */

static const char *os_release(struct pool *p, const char *text, const char *key)
{
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", 100);
	const size_t n = strlen(key);

	for (char **l = lines; *l; l++)
		if (strncmp(*l, key, n) == 0 && (*l)[n] == '=') {
			g_autofree char *value = g_shell_unquote(*l + n + 1, NULL);

			return pool_strdup(p, value ? value : *l + n + 1);
		}
	return "";
}

void system_os_info(struct pool *p, struct os_info *out)
{
	const char *text = system_read(p, "/etc/os-release"), *id;
	struct utsname u;

	if (!text)
		text = system_read(p, "/usr/lib/os-release");
	id = os_release(p, text, "ID");
	uname(&u);
	out->name = strcmp(id, "rhel") == 0     ? "RHEL"
	            : strcmp(id, "debian") == 0 ? "Debian"
	                                        : os_release(p, text, "NAME");
	out->version = os_release(p, text, "VERSION_ID");
	out->pretty_name = os_release(p, text, "PRETTY_NAME");
	out->release = pool_strdup(p, u.release);
}

/* --- processor --------------------------------------------------------------------- */

/* The value of the first line "key : value". */
static char *cpuinfo(struct pool *p, const char *key)
{
	const char *text = system_read(p, "/proc/cpuinfo");
	const size_t n = strlen(key);

	for (const char *line = text; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
		const char *colon = strchr(line, ':');

		if (strncmp(line, key, n) != 0 || (line[n] != '\t' && line[n] != ' ') || !colon)
			continue;
		return pool_strndup(p, colon + 2, strcspn(colon + 2, "\n"));
	}
	return pool_strdup(p, "");
}

char *system_cpu_model(struct pool *p) { return cpuinfo(p, "model name"); }

char *system_cpu_flags(struct pool *p) { return g_strdelimit(cpuinfo(p, "flags"), " ", ','); }

static json_t *affinity(void)
{
	json_t *list = json_array();
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		for (int i = 0; i < CPU_SETSIZE; i++)
			if (CPU_ISSET(i, &set))
				json_array_append_new(list, json_integer(i));
	return list;
}

static int node_of_cpu(struct pool *p, int cpu, const json_t *nodes)
{
	size_t i;
	json_t *node;

	json_array_foreach (nodes, i, node) {
		const int n = (int)json_integer_value(node);
		g_autofree char *path = g_strdup_printf("/sys/devices/system/node/node%d/cpu%d", n, cpu);

		if (g_file_test(path, G_FILE_TEST_EXISTS))
			return n;
	}
	return 0;
}

static void count_new(GHashTable *seen, int64_t a, int64_t b, int64_t c)
{
	g_hash_table_add(seen, g_strdup_printf("%" G_GINT64_FORMAT ".%" G_GINT64_FORMAT ".%" G_GINT64_FORMAT, a, b, c));
}

void system_add_cpu(json_t *caps)
{
	auto_pool p = pool_new();
	g_autoptr(GHashTable) sockets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GHashTable) cores = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	const char *online = system_read(p, "/sys/devices/system/cpu/online");
	json_t *cpus = system_number_list(online), *topology = json_array(), *cpu;
	json_t *nodes = system_number_list(system_read(p, "/sys/devices/system/node/online"));
	g_autoptr(GString) list = g_string_new(NULL);
	size_t i;

	json_array_foreach (cpus, i, cpu) {
		const int n = (int)json_integer_value(cpu);
		const char *dir = pool_printf(p, "/sys/devices/system/cpu/cpu%d/topology", n);
		const int64_t socket = system_read_int(p, 0, "%s/physical_package_id", dir);
		const int64_t die = system_read_int(p, 0, "%s/die_id", dir),
		              core = system_read_int(p, n, "%s/core_id", dir);

		json_array_append_new(topology,
		                      json_pack("{s:i, s:i, s:I, s:I, s:I}", "cpu_id", n, "numa_cell_id",
		                                node_of_cpu(p, n, nodes), "socket_id", (json_int_t)MAX(socket, 0),
		                                "die_id", (json_int_t)MAX(die, 0), "core_id", (json_int_t)core));
		count_new(sockets, socket, 0, 0);
		count_new(cores, socket, die, core);
		g_string_append_printf(list, "%s%d", i ? "," : "", n);
	}
	json_object_set_new(caps, "cpuTopology", topology);
	json_object_set_new(caps, "onlineCpus", json_string(list->str));
	json_object_set_new(caps, "cpuThreads", json_sprintf("%zu", json_array_size(cpus)));
	json_object_set_new(caps, "cpuCores", json_sprintf("%u", g_hash_table_size(cores)));
	json_object_set_new(caps, "cpuSockets", json_sprintf("%u", g_hash_table_size(sockets)));
	json_object_set_new(caps, "cpuModel", json_string(system_cpu_model(p)));
	json_object_set_new(caps, "cpuSpeed", json_string(cpuinfo(p, "cpu MHz")));
	json_object_set_new(caps, "vdsmToCpusAffinity", affinity());
	json_decref(cpus);
	json_decref(nodes);
}

/* --- memory ------------------------------------------------------------------------- */

static json_t *hugepages_of(struct pool *p, const char *dir, bool is_sizes_only)
{
	g_autoptr(GDir) d = g_dir_open(dir, 0, NULL);
	json_t *out = is_sizes_only ? json_array() : json_object();
	const char *name;

	while (d && (name = g_dir_read_name(d))) {
		long kib;

		if (sscanf(name, "hugepages-%ldkB", &kib) != 1)
			continue;
		if (is_sizes_only)
			json_array_append_new(out, json_integer(kib));
		else
			json_object_set_new(
			    out, pool_printf(p, "%ld", kib),
			    json_pack("{s:o}", "totalPages",
			              json_sprintf("%lld",
			                           (long long)system_read_int(p, 0, "%s/%s/nr_hugepages", dir, name))));
	}
	return out;
}

static json_t *distances(const char *text)
{
	json_t *list = json_array();

	while (text && g_ascii_isdigit(*text)) {
		char *end;

		json_array_append_new(list, json_integer(strtol(text, &end, 10)));
		text = *end == ' ' ? end + 1 : end;
	}
	return list;
}

void system_add_memory(json_t *caps)
{
	auto_pool p = pool_new();
	const char *meminfo = system_read(p, "/proc/meminfo");
	json_t *nodes = system_number_list(system_read(p, "/sys/devices/system/node/online")), *node;
	json_t *numa = json_object(), *distance = json_object();
	size_t i;

	json_object_set_new(caps, "memSize",
	                    json_sprintf("%lld", (long long)(system_keyed(meminfo, "MemTotal") / 1024)));
	json_object_set_new(caps, "reservedMem", json_sprintf("%d", RESERVED_MIB));
	json_object_set_new(caps, "guestOverhead", json_sprintf("%d", OVERHEAD_MIB));
	json_array_foreach (nodes, i, node) {
		const char *dir = pool_printf(p, "/sys/devices/system/node/node%d", (int)json_integer_value(node));
		const char *id = pool_printf(p, "%d", (int)json_integer_value(node));
		json_t *j = json_object();
		const int64_t kib = system_keyed(system_readf(p, "%s/meminfo", dir), "MemTotal");

		json_object_set_new(j, "cpus", system_number_list(system_readf(p, "%s/cpulist", dir)));
		json_object_set_new(j, "totalMemory", json_sprintf("%lld", (long long)(kib / 1024)));
		json_object_set_new(j, "hugepages", hugepages_of(p, pool_printf(p, "%s/hugepages", dir), false));
		json_object_set_new(numa, id, j);
		json_object_set_new(distance, id, distances(system_readf(p, "%s/distance", dir)));
	}
	json_object_set_new(caps, "numaNodes", numa);
	json_object_set_new(caps, "numaNodeDistance", distance);
	json_object_set_new(
	    caps, "autoNumaBalancing",
	    json_integer(json_array_size(nodes) > 1 ? system_read_int(p, 2, "/proc/sys/kernel/numa_balancing") : 2));
	json_object_set_new(caps, "hugepages", hugepages_of(p, "/sys/kernel/mm/hugepages", true));
	json_decref(nodes);
}

/* --- platform ------------------------------------------------------------------------- */

static bool has_iommu_groups(void)
{
	g_autoptr(GDir) d = g_dir_open("/sys/kernel/iommu_groups", 0, NULL);

	return d && g_dir_read_name(d);
}

static bool is_nested(struct pool *p)
{
	static const char *const MODULES[] = { "kvm_intel", "kvm_amd" };

	for (size_t i = 0; i < G_N_ELEMENTS(MODULES); i++) {
		const char *v = system_readf(p, "/sys/module/%s/parameters/nested", MODULES[i]);

		if (v && (*v == 'Y' || *v == '1'))
			return true;
	}
	return false;
}

void system_add_platform(json_t *caps)
{
	auto_pool p = pool_new();
	struct os_info os;
	struct utsname u;
	const char *cmdline = system_read(p, "/proc/cmdline"),
	           *boot = system_read(p, "/proc/sys/kernel/random/boot_id");
	json_t *rng = json_array();

	system_os_info(p, &os);
	uname(&u);
	json_object_set_new(caps, "operatingSystem",
	                    json_pack("{s:s, s:s, s:s, s:s}", "name", os.name, "version", os.version, "release",
	                              os.release, "pretty_name", os.pretty_name));
	json_object_set_new(caps, "kernelArgs", json_string(cmdline ? cmdline : ""));
	json_object_set_new(caps, "boot_uuid", json_string(boot ? boot : ""));
	json_object_set_new(caps, "realtimeKernel", json_boolean(strstr(u.version, "PREEMPT_RT")));
	json_object_set_new(caps, "nestedVirtualization", json_boolean(is_nested(p)));
	json_object_set_new(caps, "fipsEnabled",
	                    json_boolean(system_read_int(p, 0, "/proc/sys/crypto/fips_enabled") == 1));
	json_object_set_new(
	    caps, "selinux",
	    json_pack("{s:o}", "mode",
	              json_sprintf("%lld", (long long)system_read_int(p, -1, "/sys/fs/selinux/enforce"))));
	json_object_set_new(caps, "kdumpStatus",
	                    json_integer(system_read_int(p, -1, "/sys/kernel/kexec_crash_loaded")));
	json_object_set_new(caps, "hostdevPassthrough", json_string(has_iommu_groups() ? "true" : "false"));
	json_array_append_new(rng, json_string("random"));
	if (g_file_test("/dev/hwrng", G_FILE_TEST_EXISTS))
		json_array_append_new(rng, json_string("hwrng"));
	json_object_set_new(caps, "rngSources", rng);
}

json_t *system_hardware(const char *host_id)
{
	static const struct {
		const char *key, *file;
	} FACTS[] = {
		{ "systemProductName", "product_name" },    { "systemManufacturer", "sys_vendor" },
		{ "systemVersion", "product_version" },     { "systemFamily", "product_family" },
		{ "systemSerialNumber", "product_serial" },
	};
	auto_pool p = pool_new();
	json_t *j = json_object();
	char serial[HELPER_TEXT];

	for (size_t i = 0; i < G_N_ELEMENTS(FACTS); i++) {
		char *v = system_readf(p, "/sys/class/dmi/id/%s", FACTS[i].file);

		if (v && *v && g_utf8_validate(v, -1, NULL))
			json_object_set_new(j, FACTS[i].key, json_string(g_strstrip(v)));
	}
	if (!json_object_get(j, "systemSerialNumber") && helper_read_serial(serial) == 0 &&
	    g_utf8_validate(serial, -1, NULL) && *g_strstrip(serial))
		json_object_set_new(j, "systemSerialNumber", json_string(serial));
	json_object_set_new(j, "systemUUID", json_string(host_id));
	return j;
}
