/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loop that drives a source's parts through the aggregator, on as many threads as asked. */
#ifndef KMEMSTAT_CLI_SCAN_H
#define KMEMSTAT_CLI_SCAN_H

#include "cli/sift.h"
#include "kmemstat/agg.h"
#include "kmemstat/error.h"
#include "kmemstat/life.h"
#include "kmemstat/report.h"
#include "kmemstat/source.h"

/* Called now and then from the calling thread only, with bytes of the file done. */
typedef void (*km_progress_fn)(void *arg, uint64_t bytes_done, uint64_t bytes_total,
			       uint64_t events_done);

/*
 * Called between batches, from the calling thread, with the tables so far. Takes `groups` and the
 * arrays of `parts` over in every case.
 */
typedef struct km_error *(*km_interval_fn)(void *arg, struct km_report_parts *parts,
					   struct km_groups *groups);

/*
 * Someone who is given all rows, in time order, run by run (life.h). `wants_all`: with all columns
 * of slab events too, which takes longer.
 */
struct km_taker {
	struct km_error *(*add)(void *arg, const struct km_rows *rows);
	void *arg;
	bool wants_all;
	/* the memory it takes; NULL: it sees to that itself */
	uint64_t (*bytes)(const void *arg);
	uint64_t most_bytes; /* that it may take while it grows; 0: any */
	bool is_cut;         /* set: there was no more, and it was given no more rows */
};

/* When the report after the one that was due then is: in step, unless that is over already. */
double km_interval_after(double due, double interval_s);

struct km_scan_options {
	unsigned int nr_threads; /* 0: as many as there are CPUs */
	km_progress_fn progress; /* or NULL */
	void *progress_arg;
	const volatile bool *stop; /* set by a signal: end early with what there is; or NULL */
	const struct km_sift_options *sift; /* filters, or NULL */
	/* of a source with one part that is read from front to end, or NULL */
	km_interval_fn on_interval;
	void *interval_arg;
	double interval_s;
	/*
	 * Not 0: intervals are of the time of events, so many ns each from the first one on, and
	 * on_interval is given just what lies before the end of one; *interval_at_ns is set to that
	 * before. Of any source, but it needs a taker. A stretch without events is one interval.
	 */
	uint64_t interval_ns;
	uint64_t *interval_at_ns;
	/* called once, from one of the threads, while others read; or NULL */
	void (*beside)(void *arg);
	void *beside_arg;
	/* for groups of all threads or queues, see km_groups_set_limit(); 0: any */
	uint64_t groups_bytes;
	bool no_groups; /* takers do with rows alone: ret_groups stays empty */
	struct km_taker *takers;
	size_t nr_takers; /* 0: events are read in any order */
	/* set by a taker that needs no more rows: the rest is not read; or NULL */
	const bool *has_enough;
};

/*
 * Reads all parts of the source. Fills ret->input, quality, kinds, streams, events; and
 * *ret_groups, which the caller frees. Takers have had all rows then. The result does not depend on
 * the number of threads.
 */
KM_MUST_CHECK struct km_error *km_scan(struct km_source *source,
				       const struct km_scan_options *options,
				       struct km_report_parts *ret, struct km_groups **ret_groups);

#endif
