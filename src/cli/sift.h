/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes the events that filters leave out of a reader's batches, and counts them. */
#ifndef KMEMSTAT_CLI_SIFT_H
#define KMEMSTAT_CLI_SIFT_H

#include "kmemstat/filter.h"
#include "kmemstat/life.h"
#include "kmemstat/source.h"

/* What is filtered, for all workers. */
struct km_sift_options {
	const struct km_filter_spec *spec;
	uint64_t first_ns, last_ns; /* of the trace, where km_filter_needs_span() */
	/* whether the symbol of a call site matches a glob; called by all threads */
	bool (*symbol_matches)(const void *arg, uint64_t call_site, const char *glob);
	const void *symbol_arg;
};

/* One worker's: remembers what it looked up, and what it left out of each CPU. */
struct km_sift;

/* The reader must fill all columns. Errors: KM_ERR_USAGE, KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_sift_create(const struct km_sift_options *options,
					      const struct km_source *source,
					      const struct km_reader *reader, struct km_sift **ret);
void km_sift_destroy(struct km_sift *sift);
/* Whether a row passes; one that does not is counted. *ret is set unless memory is short. */
KM_MUST_CHECK struct km_error *km_sift_row(struct km_sift *sift, const struct km_batch *batch,
					   uint32_t i, bool *ret);
/* Keeps the rows that pass, in the columns that aggregators use. Errors: KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_sift_batch(struct km_sift *sift, struct km_batch *batch);
/*
 * Marks the rows that do not pass in their group (KM_ROW_HIDDEN, KM_ROW_SKIP), and leaves those
 * that do as they are. Filters choose allocations: a free that does not pass still ends what lives
 * at its pointer, unless it is its time that does not pass. Errors: KM_ERR_MEMORY.
 */
KM_MUST_CHECK struct km_error *km_sift_mark(struct km_sift *sift, struct km_batch *batch);
/* Moves what it left out of a CPU from the events used to those filtered. */
void km_sift_settle(const struct km_sift *sift, uint32_t cpu, struct km_quality *quality);
/* Takes what it left out from the events by kind. */
void km_sift_settle_kinds(const struct km_sift *sift, uint64_t kinds[KM_NR_EVENT_KINDS]);

#endif
