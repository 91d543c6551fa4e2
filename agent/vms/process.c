/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/vms/process.h"

#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"

enum { MAX_ARGUMENTS = 256 * 1024, MAX_PID = 1 << 22 };

/* Up to size - 1 bytes of a file, with a 0 behind them. Their number, or -1. */
static ssize_t slurp(const char *path, char *buf, size_t size)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return -1;
	while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += (size_t)n;
	buf[len] = '\0';
	return (ssize_t)len;
}

static long pid_in(const char *dir, const char *name)
{
	g_autofree char *path = g_strdup_printf("%s/%s.pid", dir, name);
	char text[32];
	long pid;

	if (strchr(name, '/') || slurp(path, text, sizeof(text)) <= 0)
		return -1;
	pid = strtol(text, NULL, 10);
	return pid > 1 && pid <= MAX_PID ? pid : -1;
}

/* A number may have gone to another process since it was written down. */
static bool is_machine(long pid, const char *uuid)
{
	g_autofree char *arguments = g_malloc(MAX_ARGUMENTS);
	char path[64];
	ssize_t n;

	g_snprintf(path, sizeof(path), "/proc/%ld/cmdline", pid);
	n = slurp(path, arguments, MAX_ARGUMENTS);
	return n > 0 && memmem(arguments, (size_t)n, uuid, strlen(uuid));
}

bool process_times_of(const char *dir, const char *name, const char *uuid, struct process_times *t)
{
	const long pid = pid_in(dir, name);
	const uint64_t tick_ns = 1000000000ULL / (uint64_t)sysconf(_SC_CLK_TCK);
	unsigned long long user, system;
	char path[64], text[1024];
	const char *end;

	if (pid < 0 || !is_machine(pid, uuid))
		return false;
	g_snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	if (slurp(path, text, sizeof(text)) <= 0)
		return false;
	end = strrchr(text, ')'); /* of the name, which may be anything */
	if (!end || sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) != 2)
		return false;
	t->cpu_ns = (user + system) * tick_ns;
	t->system_ns = system * tick_ns;
	return true;
}
