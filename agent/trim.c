/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/trim.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

void trim_memory(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];

	malloc_trim(0);
	while (maps && fgets(line, sizeof(line), maps)) {
		unsigned long from, to, inode;
		char access[8];

		/* code that nobody can have written to: the file has the same */
		if (sscanf(line, "%lx-%lx %7s %*s %*s %lu", &from, &to, access, &inode) == 4 && inode != 0 &&
		    strcmp(access, "r-xp") == 0)
			madvise((void *)from, to - from, MADV_DONTNEED);
	}
	if (maps)
		fclose(maps);
}
