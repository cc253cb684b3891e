/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * --memory-limit. Every table that grows with the input has a share of it that depends on nothing
 * but the options and the number of queues, so that what has no place is the same however many
 * threads read.
 */
#ifndef KMEMSTAT_CLI_MEMORY_H
#define KMEMSTAT_CLI_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The least that it can be: what is needed to read anything takes some of it. */
#define KM_MEMORY_LEAST (UINT64_C(32) << 20)

/* The limit if none is given: half of what the machine, or the cgroup, has to give. */
uint64_t km_memory_default(void);

struct km_memory_shares {
	uint64_t groups; /* of all groups, as km_groups_set_limit() counts */
	uint64_t life;   /* of the table of live pointers */
	uint64_t takers; /* of all others that follow events */
};

/* has_frames: reports are kept side by side, as top does. */
struct km_memory_shares km_memory_share(uint64_t limit, bool has_frames);

#endif
