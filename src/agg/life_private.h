/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pairing from the inside, for its two files: life.c takes rows, life_finish.c makes the result. */
#ifndef KMEMSTAT_AGG_LIFE_PRIVATE_H
#define KMEMSTAT_AGG_LIFE_PRIVATE_H

#include "agg/life_table.h"
#include "agg/map.h"
#include "kmemstat/agg.h"
#include "kmemstat/life.h"

/* The value of a pointer whose object lives: its kin's number above, when it was made below. */
#define KIN_BITS         24
#define KIN_MASK         ((1U << KIN_BITS) - 1)
#define TIME_BITS        (64 - KIN_BITS)
#define TIME_MASK        ((1ULL << TIME_BITS) - 1)
#define TICKS_PER_SAMPLE (KM_LIFE_TICKS / KM_LIFE_SAMPLES)

#define LINE_BYTES 64

/*
 * Allocations alike, made on one CPU. A cache line, as a site begins one. How many there were is
 * the sum of what became of them.
 */
struct kin {
	struct site *site;     /* moves when the array of sites does */
	uint64_t alloc, waste; /* bytes of each */
	uint64_t ages;         /* of what no longer lives: the lower part of a sum of 96 bits */
	uint64_t number;       /* its index << TIME_BITS, as it is in a value */
	uint64_t freed[2];     /* on the same CPU, on another */
	uint64_t cpu;
} __attribute__((aligned(LINE_BYTES)));

_Static_assert(sizeof(struct kin) == LINE_BYTES, "a cache line");

/* What of kin is seldom needed. */
struct kin_more {
	uint64_t replaced;
	uint64_t ages_upper;
};

/*
 * An odd number of cache lines, so that all places in the cache are used alike. The bucket of
 * lifetimes that options.short_ns is in is two: those that are shorter, and the others.
 */
struct site {
	uint64_t live_bytes, peak_bytes, peak_ns;
	uint64_t address;
	uint64_t node_pingpong, remote;
	uint8_t family;
	uint64_t lifetimes[KM_LIFE_BUCKETS + 1];
	uint64_t samples[KM_LIFE_SAMPLES];
} __attribute__((aligned(LINE_BYTES)));

_Static_assert(sizeof(struct site) / LINE_BYTES % 2 == 1, "an odd number of cache lines");

/*
 * What of a site was live when most was live in all. It is known without looking at all sites
 * whenever there is a new peak: peaks are numbered, and before a site changes, what it has is
 * what it had at all peaks since it changed last.
 */
struct site_peak {
	uint64_t last; /* number of the last peak whose sums are below */
	uint64_t count, bytes, waste;
	uint64_t live_count, live_waste; /* now; bytes: struct site */
};

struct peak {
	struct site_peak *sites; /* as many as there is room for in km_life.sites */
	uint64_t last;           /* number of the last peak */
	uint64_t bytes;          /* live then */
};

/* The kin of the groups of one queue on one CPU, by the group's number; NULL: none yet. */
struct kin_map {
	struct kin **kin; /* these move when the array of kin does */
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

struct km_life;

/*
 * Takes slab events: rows from *at on, to `to`; *at is where it stopped: at `to`, at an error, or
 * where they are no longer of the kind it is for.
 */
typedef struct km_error *(*km_life_add_fn)(struct km_life *life, const struct km_rows *rows,
					   uint32_t *at, uint32_t to);

struct km_life {
	struct km_life_options options;
	struct km_life_table table;
	uint64_t retry_frees; /* after so many frees a full table may have room */
	struct kin *kin;      /* from 1 on */
	struct kin_more *kin_more;
	size_t nr_kin, room_kin;
	struct site *sites;
	size_t nr_sites, room_sites;
	struct peak *peak;                     /* NULL: nobody wants to know */
	struct km_map site_of[KM_NR_FAMILIES]; /* index in sites + 1, by address */
	struct queue_map *queues;
	size_t nr_queues;

	bool has_first;
	uint64_t first_ns, now_ns;
	unsigned int unit_shift; /* time units in the table are 1 << unit_shift ns */

	uint64_t live_bytes, live_waste;
	uint64_t peak_bytes, peak_ns; /* before the tick in hand */
	/* of slab events: all, and those that are neither allocation nor free */
	uint64_t nr_rows, nr_passed;
	uint64_t nr_allocs, unknown_frees;
	km_life_add_fn add_plain;

	/* those that may turn out to have lived over half of the trace */
	struct old_age *old;
	size_t nr_old, room_old;

	struct km_tick ticks[KM_LIFE_TICKS];
	size_t nr_ticks; /* closed */
	uint64_t tick_ns, tick_end_ns;
	uint64_t wake_ns;                 /* rows from here on need move_time() */
	uint64_t tick_peak, tick_peak_ns; /* in the tick in hand */
	uint64_t tick_allocs, tick_frees; /* those paired at its start */
};

static inline uint32_t km_life_kin_number(uint64_t value)
{
	return (uint32_t)(value >> TIME_BITS);
}

/* How long an object lives at the time `now`, both in time units. */
static inline uint64_t km_life_age(uint64_t value, uint64_t now)
{
	return (now - value) & TIME_MASK;
}

/* The frees that were paired. */
static inline uint64_t km_life_nr_frees(const struct km_life *life)
{
	return life->nr_rows - life->nr_passed - life->nr_allocs - life->unknown_frees;
}

/* The index of its site. */
static inline uint32_t km_life_site_of(const struct km_life *life, const struct kin *kin)
{
	return (uint32_t)(kin->site - life->sites);
}

/* What site number `site` had at the last peak, before or without a change. */
static inline void km_life_settle_peak(struct peak *peak, const struct site *site, size_t number)
{
	struct site_peak *at = &peak->sites[number];

	if (at->last == peak->last)
		return;
	at->last = peak->last;
	at->count = at->live_count;
	at->bytes = site->live_bytes;
	at->waste = at->live_waste;
}

static inline unsigned int km_life_bucket_of(uint64_t age_ns)
{
	unsigned int bucket = 63 - (unsigned int)__builtin_clzll(age_ns | 1);

	return bucket < KM_LIFE_BUCKETS ? bucket : KM_LIFE_BUCKETS - 1;
}

/* Moves ticks and time units on, to a row at `ts_ns`. */
void km_life_move_time(struct km_life *life, uint64_t ts_ns);
/* Ends the last object that had no place in a full table, as if it had been replaced. */
void km_life_end_shared(struct km_life *life);
/* Makes the table anew when it asks for that. */
KM_MUST_CHECK struct km_error *km_life_renew(struct km_life *life);
/* The loops of life_rows.h. Plain: nodes are not known, and time units are ns. */
KM_MUST_CHECK struct km_error *km_life_add_plain(struct km_life *life, const struct km_rows *rows,
						 uint32_t *at, uint32_t to);
#ifdef __x86_64__
/* The same, for processors with AVX2 and BMI2. */
KM_MUST_CHECK struct km_error *km_life_add_avx2(struct km_life *life, const struct km_rows *rows,
						uint32_t *at, uint32_t to);
#endif
KM_MUST_CHECK struct km_error *km_life_add_any(struct km_life *life, const struct km_rows *rows,
					       uint32_t *at, uint32_t to);
/* What row `i`, at `ts_ns`, needs that the loops do not do themselves. */
KM_MUST_CHECK struct km_error *km_life_prepare_row(struct km_life *life, const struct km_rows *rows,
						   uint32_t i, uint64_t ts_ns);
/* NUMA: who frees on another node, and who asked for another node. */
void km_life_count_nodes(struct km_life *life, const struct km_rows *rows, uint32_t i);
/*
 * An age that is over half of the trace so far is noted, and asked again when its end is known.
 * `kin`: the index of whose it is.
 */
KM_MUST_CHECK struct km_error *km_life_note_old(struct km_life *life, uint32_t kin, uint64_t age_ns,
						uint64_t now_ns);
/* What the tick in hand would be if it ended now; its peak becomes one of the whole. */
void km_life_close_tick(struct km_life *life, struct km_tick *ret);

#endif
