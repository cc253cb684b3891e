/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which NUMA node a CPU is on, gathered from lists as the kernel prints them: "0-3,8-11". */
#ifndef KMEMSTAT_BASE_CPUNODES_H
#define KMEMSTAT_BASE_CPUNODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kmemstat/error.h"

#define KM_CPUNODES_MAX_CPU  65535 /* as wide as the column of the batch */
#define KM_CPUNODES_MAX_NODE INT16_MAX

struct km_cpunodes {
	int16_t *node; /* by CPU, -1: not known */
	size_t nr_cpus;
};

void km_cpunodes_deinit(struct km_cpunodes *nodes);
/*
 * Puts CPUs `first` to `last` (at most KM_CPUNODES_MAX_CPU) on a node, -1: not known. Errors:
 * KM_ERR_MEMORY.
 */
KM_MUST_CHECK struct km_error *km_cpunodes_set(struct km_cpunodes *nodes, uint32_t first,
					       uint32_t last, int16_t node);
/* How many different nodes are in it. */
size_t km_cpunodes_nr_nodes(const struct km_cpunodes *nodes);

/*
 * Reads "3" or "0-3" at *at and moves behind it. False if there is no such range of CPUs: then *at
 * stays.
 */
bool km_cpu_range_read(const char **at, uint32_t *ret_first, uint32_t *ret_last);
/* Reads digits at *at, a number up to `most`, and moves behind it; or false. */
bool km_decimal_read(const char **at, uint32_t most, uint32_t *ret);

#endif
