/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pairing from the inside, for its two files: life.c takes rows, life_finish.c makes the result. */
#ifndef KMEMSTAT_AGG_LIFE_PRIVATE_H
#define KMEMSTAT_AGG_LIFE_PRIVATE_H

#include "agg/life_table.h"
#include "agg/map.h"
#include "kmemstat/agg.h"
#include "kmemstat/life.h"

#define KIN_BITS         24
#define KIN_MASK         ((1U << KIN_BITS) - 1)
#define TIME_BITS        (64 - KIN_BITS)
#define TICKS_PER_SAMPLE (KM_LIFE_TICKS / KM_LIFE_SAMPLES)

/* Sums of times, and of bytes x time. */
typedef unsigned __int128 sum_ns;

/* Allocations alike, made on one CPU. A cache line, as a site begins one. */
struct kin {
	uint32_t site, req, alloc;
	uint16_t cpu;
	uint64_t ages, ages_upper; /* of what no longer lives: a sum of 128 bits */
	uint64_t allocs, freed, replaced, pingpong;
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct kin) == 64, "a cache line");

struct site {
	uint64_t live_bytes, peak_bytes, peak_ns;
	uint64_t short_lived;
	uint64_t address;
	uint64_t node_pingpong, remote;
	uint8_t family;
	uint64_t lifetimes[KM_LIFE_BUCKETS];
	uint64_t samples[KM_LIFE_SAMPLES];
} __attribute__((aligned(64)));

/* The kin of the groups of one queue on one CPU, by the group's number; 0: none yet. */
struct kin_map {
	uint32_t *kin;
	size_t nr;
};

struct queue_map {
	struct kin_map *cpus;
	size_t nr_cpus;
};

/* An object that lived over half of the trace so far. */
struct old_age {
	uint64_t age_ns;
	uint32_t site;
};

struct km_life {
	struct km_life_options options;
	struct km_life_table table;
	struct kin *kin; /* from 1 on */
	size_t nr_kin, room_kin;
	struct site *sites;
	size_t nr_sites, room_sites;
	struct km_map site_of[KM_NR_FAMILIES]; /* index in sites + 1, by address */
	struct queue_map *queues;
	size_t nr_queues;

	bool has_first;
	uint64_t first_ns, now_ns;
	unsigned int unit_shift; /* time units in the table are 1 << unit_shift ns */

	uint64_t live_bytes, live_waste;
	uint64_t peak_bytes, peak_ns; /* before the tick in hand */
	uint64_t unknown_frees;
	uint64_t nr_allocs, nr_frees; /* paired */

	/* those that may turn out to have lived over half of the trace */
	struct old_age *old;
	size_t nr_old, room_old;

	struct km_tick ticks[KM_LIFE_TICKS];
	size_t nr_ticks; /* closed */
	uint64_t tick_ns, tick_end_ns;
	uint64_t wake_ns;                 /* rows from here on need move_time() */
	uint64_t tick_peak, tick_peak_ns; /* in the tick in hand */
	uint64_t tick_allocs, tick_frees; /* nr_allocs and nr_frees at its start */
};

/* Moves ticks and time units on, to a row at `ts_ns`. */
void km_life_move_time(struct km_life *life, uint64_t ts_ns);
/* What the tick in hand would be if it ended now; its peak becomes one of the whole. */
void km_life_close_tick(struct km_life *life, struct km_tick *ret);

#endif
