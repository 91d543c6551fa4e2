/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/ksm.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/helper/helper.h"
#include "agent/host/system.h"
#include "base/auto.h"

bool ksm_read(const char *dir, struct ksm_state *out)
{
	auto_pool p = pool_new();

	out->run = (int)system_read_int(p, -1, "%s/run", dir);
	out->pages_to_scan = (int)system_read_int(p, 100, "%s/pages_to_scan", dir);
	out->sleep_ms = (int)system_read_int(p, 20, "%s/sleep_millisecs", dir);
	out->merge_across_nodes = (int)system_read_int(p, -1, "%s/merge_across_nodes", dir);
	return out->run >= 0;
}

int64_t ksm_pages_shared(const char *dir)
{
	auto_pool p = pool_new();

	return system_read_int(p, 0, "%s/pages_shared", dir);
}

/* 0 or an errno. */
static int write_number(const char *dir, const char *name, int value)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
	char text[16];
	const int n = snprintf(text, sizeof(text), "%d\n", value);

	if (fd < 0)
		return errno;
	return write(fd, text, (size_t)n) == n ? 0 : errno;
}

int ksm_write(const char *dir, const struct ksm_state *now, const struct ksm_state *next, struct err *e)
{
	const struct {
		const char *name;
		int now, next;
	} FILES[] = {
		/* what is on is switched last, what is off or taken apart before the rest may change */
		{ "run", now->run, next->run == 1 ? now->run : next->run },
		{ "merge_across_nodes", now->merge_across_nodes, next->merge_across_nodes },
		{ "pages_to_scan", now->pages_to_scan, next->pages_to_scan },
		{ "sleep_millisecs", now->sleep_ms, next->sleep_ms },
		{ "run", next->run == 1 ? now->run : next->run, next->run },
	};
	int errnum;

	for (size_t i = 0; i < G_N_ELEMENTS(FILES); i++) {
		if (FILES[i].now == FILES[i].next)
			continue;
		errnum = write_number(dir, FILES[i].name, FILES[i].next);
		if ((errnum == EACCES || errnum == EPERM) && helper_is_separate())
			return helper_set_ksm(
			    next->run, next->pages_to_scan, next->sleep_ms,
			    next->merge_across_nodes == now->merge_across_nodes ? -1 : next->merge_across_nodes, e);
		if (errnum)
			return err_errno(e, errnum, "write %s/%s", dir, FILES[i].name);
	}
	return 0;
}

/* --- its processor time ------------------------------------------------------------- */

static int find_thread(void)
{
	g_autoptr(GDir) proc = g_dir_open("/proc", 0, NULL);
	auto_pool p = pool_new();
	const char *name;

	while (proc && (name = g_dir_read_name(proc)))
		if (g_ascii_isdigit(name[0]) && g_strcmp0(system_readf(p, "/proc/%s/comm", name), "ksmd") == 0)
			return atoi(name);
	return 0;
}

int64_t ksm_cpu_ticks(void)
{
	static int pid = -1; /* 0: there is none to be seen */
	auto_pool p = pool_new();
	unsigned long long user = 0, system = 0;
	const char *text, *rest;

	if (pid < 0)
		pid = find_thread();
	text = pid > 0 ? system_readf(p, "/proc/%d/stat", pid) : NULL;
	rest = text ? strrchr(text, ')') : NULL;
	if (!rest || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) != 2)
		return -1;
	return (int64_t)(user + system);
}

void ksm_add_stats(const char *dir, json_t *stats)
{
	auto_pool p = pool_new();
	const int64_t page_kib = sysconf(_SC_PAGESIZE) / 1024, shared = system_read_int(p, 0, "%s/pages_sharing", dir);

	json_object_set_new(stats, "memShared", json_integer(shared * page_kib / 1024));
	json_object_set_new(stats, "ksmState", json_boolean(system_read_int(p, 0, "%s/run", dir) == 1));
	json_object_set_new(stats, "ksmPages", json_integer(system_read_int(p, 0, "%s/pages_to_scan", dir)));
	json_object_set_new(stats, "ksmMergeAcrossNodes",
	                    json_boolean(system_read_int(p, 1, "%s/merge_across_nodes", dir)));
}
