/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of per_cpu/cpuN/stats. */
#include "base/cpu_stats.h"

#include <stdlib.h>
#include <string.h>

uint64_t km_cpu_stats_number(const char *text, const char *name)
{
	const size_t len = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, len) == 0 && line[len] == ':')
			return strtoull(line + len + 1, NULL, 10);
	}
	return 0;
}
