/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happens to allocations after they were made: frees are paired with them by pointer, in time
 * order over all CPUs. Rows come in runs; whoever wants events in time order takes runs (km_rows).
 */
#ifndef KMEMSTAT_LIFE_H
#define KMEMSTAT_LIFE_H

#include <stddef.h>

#include "kmemstat/error.h"
#include "kmemstat/event.h"
#include "kmemstat/groups.h"
#include "kmemstat/quality.h"

/*
 * Rows `from` to `to` (not included) of a batch. Runs come in time order: no row of a run is
 * earlier than one of a run before it, whatever the queue (km_source_part_queue()).
 *
 * The columns that KM_WANT_PAIRS has are always filled, all columns of page and percpu events too;
 * pid, more and stack of slab events only where a taker asked for them.
 */
struct km_rows {
	const struct km_batch *batch;
	uint32_t from, to;
	uint32_t queue; /* from 0 on */
	/* by the group of its rows, as far as there are such; of one queue always the same */
	const struct km_group_list *groups;
	const uint64_t *stacks; /* see km_rows_stack() */
	/* by the what.cache of its rows; those of two queues have nothing to do with each other */
	const char *const *cache_names;
};

/* A stack of the batch, innermost frame first; returns the number of its return addresses. */
static inline size_t km_rows_stack(const struct km_rows *rows, km_stack_id id, const uint64_t **ret)
{
	*ret = id ? rows->stacks + id : NULL;
	return id ? (size_t)rows->stacks[id - 1] : 0;
}

/* The first row from `from` on of a layer other than slab that is not skipped; rows->to: none is.
 */
static inline uint32_t km_rows_next_of(const struct km_rows *rows, uint32_t from,
				       enum km_layer layer)
{
	const struct km_batch *batch = rows->batch;

	for (; from < rows->to; from++) {
		from = km_batch_next_other(batch, from, rows->to);
		if (from < rows->to && km_event_layer(batch->what[from].kind) == layer &&
		    batch->group[from] != KM_ROW_SKIP)
			return from;
	}
	return rows->to;
}

/* NUMA: which node a CPU is on. */
struct km_topology {
	const int16_t *node_of_cpu; /* -1: not known */
	size_t nr_cpus;
	size_t nr_nodes; /* different nodes in it; under 2 nothing can be on another node */
};

/* Bucket i counts lifetimes from 2^i to 2^(i+1) - 1 ns; the first also 0, the last all above. */
#define KM_LIFE_BUCKETS 48
/* Live bytes over time: half as many to as many samples, evenly spaced. */
#define KM_LIFE_SAMPLES 32
#define KM_LIFE_TICKS   256

/*
 * The lives of a call site's allocations, or of all. Every allocation is one of: freed (a free of
 * its pointer was seen), replaced (its pointer was allocated again: the free between has no event,
 * as those of the bulk interfaces), live at the end.
 */
struct km_life_stats {
	uint64_t allocs;
	uint64_t freed, bytes_freed; /* bytes as allocated, here and below */
	uint64_t replaced, bytes_replaced;
	uint64_t live, live_bytes, live_bytes_req;
	uint64_t peak_bytes, peak_ns; /* most live bytes, and when that was first so */
	uint64_t pingpong;            /* of freed: on another CPU than allocated */
	uint64_t node_pingpong;       /* of freed: on a CPU of another NUMA node */
	uint64_t remote;              /* allocated on another node than that of the CPU, as asked */
	uint64_t short_lived;         /* of freed: lived less than options.short_ns */
	uint64_t over_half;           /* freed or live: lived more than half of the trace */
	double waste_byte_seconds;    /* bytes wasted x time, until freed or the end of the trace */
	uint64_t lifetimes[KM_LIFE_BUCKETS]; /* of freed */
	uint64_t samples[KM_LIFE_SAMPLES];   /* live bytes at the ends of km_lives.sample_ns */
	/*
	 * What was live when most bytes of all call sites together were: the sites' add up to the
	 * total's, whose bytes are its peak_bytes. 0 unless options.wants_peak.
	 */
	uint64_t at_peak, at_peak_bytes, at_peak_waste;
};

/* About half of the freed lived at most this long (within its bucket, interpolated); 0: none. */
uint64_t km_life_median_ns(const struct km_life_stats *stats);

struct km_site_life {
	uint64_t address;
	uint8_t family; /* enum km_family */
	struct km_life_stats stats;
};

/* A stretch of the timeline. */
struct km_tick {
	uint64_t live_bytes, live_waste; /* at its end */
	uint64_t peak_bytes;             /* most live bytes in it */
	uint64_t allocs, frees;          /* in it; frees that were paired */
};

/* The finished result. */
struct km_lives {
	struct km_site_life *sites; /* by address and family, as in km_sites */
	size_t nr_sites;
	struct km_life_stats total;
	bool has_peak;          /* at_peak and the like of stats are known */
	uint64_t unknown_frees; /* of pointers whose allocation was not seen */
	/*
	 * Allocations that there was no room for: they count as replaced soon after, and their
	 * frees are unknown.
	 */
	uint64_t untracked;
	uint64_t first_ns, last_ns;
	uint64_t short_ns;
	/* samples[i] was taken at first_ns + (i + 1) * sample_ns, or, if that is later, last_ns */
	uint64_t sample_ns;
	size_t nr_samples;
	/* tick i is from first_ns + i * tick_ns on */
	struct km_tick *ticks;
	size_t nr_ticks;
	uint64_t tick_ns;
};

struct km_life_options {
	uint64_t short_ns;                  /* what lives less is short-lived */
	const struct km_topology *topology; /* or NULL; must outlive the pairing */
	bool wants_peak;   /* what is live at the peak, by call site: a row takes longer */
	size_t most_bytes; /* of the table of pointers; 0: any. What else is kept is three times it
			    */
};

/* Pairs slab allocations (kmalloc and caches in one) with their frees. */
struct km_life;

KM_MUST_CHECK struct km_error *km_life_create(const struct km_life_options *options,
					      struct km_life **ret);
void km_life_destroy(struct km_life *life);
/* The next run. Rows of other layers are passed over. Errors: KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_life_add(struct km_life *life, const struct km_rows *rows);
/*
 * What there is so far, as if the trace had ended at last_ns; more may be added afterwards.
 * km_lives_deinit() frees it.
 */
KM_MUST_CHECK struct km_error *km_life_finish(struct km_life *life, uint64_t last_ns,
					      struct km_lives *ret);
void km_lives_deinit(struct km_lives *lives);

#endif
