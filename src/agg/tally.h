/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What counting and summing up share. */
#ifndef KMEMSTAT_AGG_TALLY_H
#define KMEMSTAT_AGG_TALLY_H

#include "agg/life_table.h"
#include "base/intern.h"
#include "kmemstat/tally.h"

/* Of freed_as: frees that did not agree. */
#define KM_FREED_AS_MANY UINT16_MAX

/*
 * Allocations of one group of one queue by one task; with the group KM_ROW_FREE and the queue 0 the
 * task's frees, in nr.
 */
struct km_kin {
	uint32_t queue, group;
	int32_t pid; /* 0 where tasks are not told apart */
	uint32_t req, alloc;
	uint64_t call_site;
	uint8_t family;
	bool is_accounted;
	uint16_t cache;    /* its name in the tally's, 0: none */
	uint16_t freed_as; /* the name that frees gave, 0: none, or KM_FREED_AS_MANY */
	uint64_t nr, freed, replaced;
};

/* The names of a queue in those of the tally, by what.cache; 0: not asked yet. */
struct km_name_map {
	uint16_t *ids;
	size_t nr;
};

struct km_tally {
	struct km_tally_options options;
	struct km_life_table live; /* index in kin */
	struct km_kin *kin;        /* from 1 on */
	size_t nr_kin, room_kin;
	uint32_t *table; /* open addressing: index in kin */
	size_t mask;
	struct km_name_map *queues;
	size_t nr_queues;
	struct km_intern names;
};

#endif
