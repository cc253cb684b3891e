/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One reader of a source with its tables and counters: of a thread, or of a queue. */
#ifndef KMEMSTAT_CLI_WORKER_H
#define KMEMSTAT_CLI_WORKER_H

#include "cli/scan.h"

struct km_worker {
	struct km_reader *reader;
	struct km_sift *sift; /* or NULL */
	struct km_groups *groups;
	struct km_stream_stats *streams; /* grown as streams are met */
	size_t nr_streams;
	uint64_t *slots; /* grown as event formats are met */
	size_t nr_slots;
	uint64_t kinds[KM_NR_EVENT_KINDS];
	/* in the middle of a part, whose numbers are the reader's until km_worker_add_stats() */
	bool is_reading;
};

/* Errors: KM_ERR_INPUT, KM_ERR_MEMORY. km_worker_deinit() is to be called after an error, too. */
KM_MUST_CHECK struct km_error *km_worker_init(struct km_worker *worker, struct km_source *source,
					      const struct km_sift_options *sift,
					      enum km_want want);
void km_worker_deinit(struct km_worker *worker);
/* Takes over what the part that was just read held. Errors: KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_worker_add_stats(struct km_worker *worker);
/* The events of the part that was just read. */
uint64_t km_worker_part_events(const struct km_worker *worker);
/*
 * Adds up what the workers read, in the first, and fills ret and `groups` (empty before): the sums
 * do not depend on who did what.
 */
KM_MUST_CHECK struct km_error *km_workers_merge(const struct km_source *source,
						struct km_worker *const *workers, size_t nr,
						struct km_report_parts *ret,
						struct km_groups *groups);
/* The same of workers that may be in the middle of a part; they stay as they are. */
KM_MUST_CHECK struct km_error *km_workers_peek(const struct km_source *source,
					       struct km_worker *const *workers, size_t nr,
					       struct km_report_parts *ret,
					       struct km_groups *groups);

/*
 * What was given to takers. Readers count what they have read, which is more, and know it for sure
 * at the end of a part only.
 */
struct km_taken {
	struct km_quality quality;
	uint64_t kinds[KM_NR_EVENT_KINDS];
	uint64_t nr, first_ns, last_ns;
};

/* Counts rows `from` to `to` (not included) of a batch that has all columns. */
void km_taken_add(struct km_taken *taken, const struct km_batch *batch, uint32_t from, uint32_t to);
/* Puts that in the place of what readers have counted. */
void km_taken_settle(const struct km_taken *taken, struct km_report_parts *parts);

#endif
