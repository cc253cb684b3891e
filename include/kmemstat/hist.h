/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Collection by hist triggers (Documentation/trace/histogram.rst): the kernel itself counts the
 * events of an instance by call site and sizes. No event leaves the kernel, so none is lost, unless
 * a table is full; and none has a time, a task or a pointer, so nothing can be paired.
 *
 * Counts go up as long as triggers are there: whoever wants those of a period takes the difference.
 */
#ifndef KMEMSTAT_HIST_H
#define KMEMSTAT_HIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kmemstat/error.h"
#include "kmemstat/event.h"
#include "kmemstat/instance.h"

struct km_hist;
struct km_source;
struct km_source_options;

struct km_hist_options {
	/* of the table of kmalloc, others have a quarter; 0: KM_HIST_ENTRIES */
	uint64_t entries;
};

/*
 * Different call sites and sizes that a table has room for. A minute of a build or of networking
 * makes some 1,000; a call site that is asked for strings of any length may have thousands.
 */
#define KM_HIST_ENTRIES       16384
/* TRACING_MAP_BITS_MIN and _MAX, kernel/trace/tracing_map.h, v6.1; the kernel rounds up to 2^n */
#define KM_HIST_LEAST_ENTRIES 128
#define KM_HIST_MOST_ENTRIES  131072

enum km_hist_counts {
	KM_HIST_ALLOCS,
	KM_HIST_FAILED, /* allocations that failed: sizes are not told */
	KM_HIST_OTHERS, /* frees, and chunks of percpu memory: nothing but the kind is told */
	KM_HIST_NULLS,  /* frees of nothing: NULL or ZERO_SIZE_PTR */
};

/* Events that are alike. */
struct km_hist_row {
	enum km_event_kind kind;
	enum km_hist_counts counts;
	bool is_accounted;
	uint64_t hits;
	/* of KM_HIST_ALLOCS; call_site is 0 if the kernel's event has none */
	uint64_t call_site, bytes_req, bytes_alloc;
	uint64_t order; /* of pages, which have nothing else */
	uint64_t ptr;   /* of KM_HIST_NULLS */
};

/* What has been counted since km_hist_start(). */
struct km_hist_table {
	struct km_hist_row *rows;
	size_t nr, room;
	uint64_t dropped; /* events that found a table full */
	uint64_t bad_lines;
};

/* Whether the kernel has hist triggers (CONFIG_HIST_TRIGGERS). */
bool km_hist_is_supported(const struct km_instance *instance);
/*
 * Sets triggers on the instance's events, in place of recording them, with the instance's filters;
 * nothing is counted yet. The instance must outlive it. Errors: KM_ERR_INPUT with advice if the
 * kernel has none or no memory; KM_ERR_USAGE for a number of entries that it does not take.
 */
KM_MUST_CHECK struct km_error *km_hist_create(const struct km_instance *instance,
					      const struct km_hist_options *options,
					      struct km_hist **ret);
/* Counts from here on; after km_hist_stop() it goes on. */
KM_MUST_CHECK struct km_error *km_hist_start(struct km_hist *hist);
/* What was counted stays readable. */
KM_MUST_CHECK struct km_error *km_hist_stop(struct km_hist *hist);
/*
 * Reads all counts, while they go on or not; replaces what is in *ret, which must be zeroed the
 * first time. Rows are in no particular order, each of its own.
 */
KM_MUST_CHECK struct km_error *km_hist_read(struct km_hist *hist, struct km_hist_table *ret);
void km_hist_table_deinit(struct km_hist_table *table);
/* Closes its files; triggers go when the instance does. NULL is fine. */
void km_hist_destroy(struct km_hist *hist);

/* When km_hist_start() was called first: ns of CLOCK_MONOTONIC; 0: not yet. */
uint64_t km_hist_start_ns(const struct km_hist *hist);

/*
 * The same as a source with one part, of which only KM_WANT_ALLOCS can be read, by one reader that
 * has been lent the groups that its batches are added to. What was counted so far is in the groups
 * once every `period_s`, and its reader returns a batch then; with 0 only at the end, of which
 * `options` tell as for km_source_open_instance(). It is for the caller to call km_hist_start().
 * Takes `hist` over in every case; the instance must outlive the source.
 */
KM_MUST_CHECK struct km_error *km_source_open_hist(struct km_instance *instance,
						   struct km_hist *hist,
						   const struct km_source_options *options,
						   double period_s, struct km_source **ret);

#endif
