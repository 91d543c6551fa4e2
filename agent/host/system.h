/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Facts about this machine from /proc, /sys and /etc. Quick enough for the loop's thread. */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"

/* Content of a small file without the last newline, at most 1 MiB; NULL when it cannot be read. */
char *system_read(struct pool *p, const char *path);
char *system_readf(struct pool *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A number in a file, or fallback. */
int64_t system_read_int(struct pool *p, int64_t fallback, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* "Key:   123 kB" of a file like /proc/meminfo: 123, or 0. text is the file. */
int64_t system_keyed(const char *text, const char *key);
/* "0-3,8": the numbers as a JSON list. NULL gives an empty list. */
json_t *system_number_list(const char *ranges);

struct os_info {
	const char *name, *version, *release,
	    *pretty_name; /* "Debian", "12", "6.1.0-1", "Debian GNU/Linux 12 (bookworm)" */
};
void system_os_info(struct pool *p, struct os_info *out);

/* Parts of the capabilities. */
void system_add_cpu(json_t *caps);
void system_add_memory(json_t *caps);
void system_add_platform(json_t *caps);
/* Host.getHardwareInfo */
json_t *system_hardware(const char *host_id);
/* Flags of the processor as the kernel names them, comma separated. */
char *system_cpu_flags(struct pool *p);
char *system_cpu_model(struct pool *p);
