/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of percpu allocators through which the recorded objects were played. */
#include <stdio.h>

#include "report/listings.h"

static const char *text_model(const void *row, char *buf, size_t size)
{
	const struct km_percpu_replay_result *result = row;

	snprintf(buf, size, "%s%s", km_percpu_model_name(result->kind),
		 result->is_changed ? ", what if" : "");
	return buf;
}

/* Today's first, each followed by what it would be. */
static uint64_t number_model(const void *row)
{
	const struct km_percpu_replay_result *result = row;

	return 2 * (uint64_t)(KM_NR_PERCPU_MODELS - result->kind) - result->is_changed;
}

#define REPLAY_NUMBER(column, expression)                                                          \
	static uint64_t number_##column(const void *row)                                           \
	{                                                                                          \
		const struct km_percpu_replay_result *result = row;                                \
                                                                                                   \
		return expression;                                                                 \
	}
REPLAY_NUMBER(peak, result->peak_bytes)
REPLAY_NUMBER(req, result->peak_bytes_req)
REPLAY_NUMBER(round, result->peak_bytes - result->peak_bytes_req)
REPLAY_NUMBER(holes, result->peak_holes)
REPLAY_NUMBER(pages, result->stats.peak_pages)
REPLAY_NUMBER(chunks, result->stats.chunks_made)
REPLAY_NUMBER(peak_chunks, result->stats.peak_chunks)
REPLAY_NUMBER(destroyed, result->stats.chunks_destroyed)
REPLAY_NUMBER(alloc_max, result->stats.alloc_steps_max)
REPLAY_NUMBER(free_max, result->stats.free_steps_max)
REPLAY_NUMBER(end, result->stats.bytes_used)
REPLAY_NUMBER(end_req, result->bytes_req)
REPLAY_NUMBER(end_holes, result->stats.bytes_holes)
REPLAY_NUMBER(end_pages, result->stats.pages)
REPLAY_NUMBER(hit, result->stats.allocs)
REPLAY_NUMBER(frees, result->stats.frees)
REPLAY_NUMBER(unfit, result->stats.unfit)

static double real_alloc(const void *row)
{
	const struct km_percpu_replay_result *result = row;

	return km_percpu_steps(result->stats.alloc_steps, result->stats.allocs);
}

static double real_free(const void *row)
{
	const struct km_percpu_replay_result *result = row;

	return km_percpu_steps(result->stats.free_steps, result->stats.frees);
}

#define SHOWN    .is_sortable = true, .is_default = true
#define SORTABLE .is_sortable = true

static const struct km_column columns[] = {
	{ "model", "Allocator", KM_COL_TEXT, SHOWN, .text = text_model, .number = number_model,
	  .help = "bitmap (Linux since 4.14) or area-map (before); what if: with the changes of "
		  "--percpu-what-if" },
	{ "peak", "Peak", KM_COL_BYTES, SHOWN, .number = number_peak,
	  .help = "bytes of one CPU that objects took when they took most" },
	{ "req", "Requested", KM_COL_BYTES, SHOWN, .number = number_req,
	  .help = "bytes of them that were asked for" },
	{ "round", "Rounded", KM_COL_BYTES, SHOWN, .number = number_round,
	  .help = "the others: sizes made even, and gaps too small to be kept" },
	{ "holes", "Holes", KM_COL_BYTES, SHOWN, .number = number_holes,
	  .help = "free bytes between objects at that time: of freed ones, and of alignment" },
	{ "pages", "Pages", KM_COL_COUNT, SHOWN, .number = number_pages,
	  .help = "pages of one CPU in chunks that had had an object, when they were most" },
	{ "chunks", "Chunks", KM_COL_COUNT, SHOWN, .number = number_chunks,
	  .help = "chunks that were made, without the first" },
	{ "alloc-steps", "Alloc_steps", KM_COL_REAL, SHOWN, .real = real_alloc, .decimals = 2,
	  .help = "chunks, hints and areas that an allocation looked at, on average" },
	{ "alloc-max", "Most", KM_COL_COUNT, SHOWN, .number = number_alloc_max,
	  .help = "the most that one did" },
	{ "free-steps", "Free_steps", KM_COL_REAL, SHOWN, .real = real_free, .decimals = 2,
	  .help = "the same of frees" },
	{ "free-max", "Most", KM_COL_COUNT, SHOWN, .number = number_free_max,
	  .help = "the most that one did" },
	{ "chunks-peak", "Peak_chunks", KM_COL_COUNT, SORTABLE, .number = number_peak_chunks,
	  .help = "the most chunks at one time, without the first" },
	{ "destroyed", "Destroyed", KM_COL_COUNT, SORTABLE, .number = number_destroyed,
	  .help = "chunks that were destroyed: free, and not the only one" },
	{ "end", "End", KM_COL_BYTES, SORTABLE, .number = number_end,
	  .help = "bytes of one CPU that objects took when the trace ended" },
	{ "end-req", "End_requested", KM_COL_BYTES, SORTABLE, .number = number_end_req,
	  .help = "bytes of them that were asked for" },
	{ "end-holes", "End_holes", KM_COL_BYTES, SORTABLE, .number = number_end_holes,
	  .help = "free bytes between objects when the trace ended" },
	{ "end-pages", "End_pages", KM_COL_COUNT, SORTABLE, .number = number_end_pages,
	  .help = "pages in chunks that had had an object by then" },
	{ "hit", "Hit", KM_COL_COUNT, SORTABLE, .number = number_hit, .help = "allocations" },
	{ "frees", "Frees", KM_COL_COUNT, SORTABLE, .number = number_frees, .help = "frees" },
	{ "unfit", "Unfit", KM_COL_COUNT, SORTABLE, .number = number_unfit,
	  .help = "allocations that no chunk could serve: over 32 KiB, or aligned to over a page" },
};

static const void *rows_percpu_replay(const struct km_report *report, size_t *ret_nr)
{
	*ret_nr = report->percpu_replay ? report->percpu_replay->nr : 0;
	return report->percpu_replay ? report->percpu_replay->items : NULL;
}

static int compare(const void *a, const void *b)
{
	const struct km_percpu_replay_result *x = a, *y = b;

	return x->kind != y->kind ? (int)x->kind - (int)y->kind : x->is_changed - y->is_changed;
}

const struct km_listing km_listing_percpu_replay = {
	.name = "percpu-replay",
	.rows_of = "models of the percpu allocator",
	.columns = columns,
	.nr_columns = sizeof(columns) / sizeof(columns[0]),
	.sort = "model",
	.rows = rows_percpu_replay,
	.row_size = sizeof(struct km_percpu_replay_result),
	.compare = compare,
};
