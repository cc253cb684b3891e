/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How much memory there is, and who may have how much of it. */
#include "cli/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Where nothing tells. */
#define UNKNOWN_BYTES (UINT64_C(1) << 30)

/* MemAvailable of /proc/meminfo (proc(5)), in bytes; UINT64_MAX if it does not say. */
static uint64_t read_available(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	uint64_t kib, ret = UINT64_MAX;
	char line[256];

	while (file && ret == UINT64_MAX && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %" SCNu64 " kB", &kib) == 1 &&
		    kib < UINT64_MAX / 1024)
			ret = kib * 1024;
	if (file)
		fclose(file);
	return ret;
}

/* The number in a file of a cgroup; UINT64_MAX for "max", and if there is none. */
static uint64_t read_number(const char *dir, const char *name)
{
	char path[4096 + 64];
	uint64_t ret = UINT64_MAX;
	FILE *file;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path) ||
	    !(file = fopen(path, "re")))
		return UINT64_MAX;
	if (fscanf(file, "%" SCNu64, &ret) != 1)
		ret = UINT64_MAX;
	fclose(file);
	return ret;
}

/* What a cgroup and those above it leave (cgroup-v2.rst: memory.max, memory.current). */
static uint64_t left_of_cgroups(const char *root, char *dir, const char *max, const char *current)
{
	uint64_t least = UINT64_MAX;

	for (;;) {
		uint64_t most = read_number(dir, max), used = read_number(dir, current);
		char *slash = strrchr(dir, '/');

		if (most != UINT64_MAX && used != UINT64_MAX) {
			uint64_t left = most > used ? most - used : 0;

			least = left < least ? left : least;
		}
		if (strlen(dir) <= strlen(root) || !slash)
			return least;
		*slash = 0;
	}
}

/* Lines "0::/path" (version 2) and "4:memory:/path" (version 1) of /proc/self/cgroup. */
static uint64_t read_cgroups(void)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	uint64_t least = UINT64_MAX;
	char line[4096], dir[4096 + 32];

	while (file && fgets(line, sizeof(line), file)) {
		const char *path = strstr(line, ":/");
		uint64_t left = UINT64_MAX;

		line[strcspn(line, "\n")] = 0;
		if (!path)
			continue;
		if (!strncmp(line, "0::/", 4)) {
			snprintf(dir, sizeof(dir), "/sys/fs/cgroup%s", path + 1);
			left = left_of_cgroups("/sys/fs/cgroup", dir, "memory.max",
					       "memory.current");
		} else if (strstr(line, ":memory:/")) {
			snprintf(dir, sizeof(dir), "/sys/fs/cgroup/memory%s", path + 1);
			left = left_of_cgroups("/sys/fs/cgroup/memory", dir,
					       "memory.limit_in_bytes", "memory.usage_in_bytes");
		}
		least = left < least ? left : least;
	}
	if (file)
		fclose(file);
	return least;
}

uint64_t km_memory_default(void)
{
	const uint64_t available = read_available(), cgroups = read_cgroups();
	const uint64_t least = available < cgroups ? available : cgroups;
	const uint64_t limit = (least == UINT64_MAX ? UNKNOWN_BYTES : least) / 2;

	return limit > KM_MEMORY_LEAST ? limit : KM_MEMORY_LEAST;
}

/*
 * Half is for call sites, from the tables that count them to the report (of which top has up to
 * three: the one before, the one shown, the one being made: a third leaves room for them); a
 * sixteenth for the table of live pointers, beside which three times as much may be kept of old
 * ones (km_life_options); a quarter for whatever else follows events. The rest is for what reading
 * takes: two thirds of that for events that wait to be put in order (pd_queue_set_limit()).
 */
struct km_memory_shares km_memory_share(uint64_t limit, bool has_frames)
{
	return (struct km_memory_shares){
		.groups = limit / (has_frames ? 3 : 2),
		.life = limit / 16,
		.takers = limit / 4,
	};
}
