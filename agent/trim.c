/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/trim.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

struct mapping {
	unsigned long from, to;
	bool is_of_file; /* that nobody may write to, by this mapping */
	bool is_changed; /* it has pages of its own all the same: what was relocated, then locked */
};

static bool read_head(const char *line, struct mapping *m)
{
	unsigned long inode;
	char access[8];

	if (sscanf(line, "%lx-%lx %7s %*s %*s %lu", &m->from, &m->to, access, &inode) != 4)
		return false;
	m->is_of_file = inode != 0 && (strcmp(access, "r-xp") == 0 || strcmp(access, "r--p") == 0);
	m->is_changed = false;
	return true;
}

/* What a file still has can be read from it again. */
static void drop(const struct mapping *m)
{
	if (m->is_of_file && !m->is_changed)
		madvise((void *)m->from, m->to - m->from, MADV_DONTNEED);
}

void trim_memory(void)
{
	FILE *maps = fopen("/proc/self/smaps", "re");
	struct mapping now = { .is_of_file = false }, next;
	char line[512];
	unsigned long n;

	malloc_trim(0);
	while (maps && fgets(line, sizeof(line), maps)) {
		if (read_head(line, &next)) {
			drop(&now);
			now = next;
		} else if ((sscanf(line, "Anonymous: %lu", &n) == 1 || sscanf(line, "Swap: %lu", &n) == 1) && n > 0) {
			now.is_changed = true;
		}
	}
	if (maps && !ferror(maps))
		drop(&now);
	if (maps)
		fclose(maps);
}
