/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of a report that says what requests would take in other allocators. */
#ifndef KMEMSTAT_REPORT_MODELS_H
#define KMEMSTAT_REPORT_MODELS_H

#include "kmemstat/replay.h"

struct km_callsite;

/* Requests in a model: all, those of a class, those of a call site. */
struct km_model_sum {
	uint64_t hits, bytes_req;
	uint64_t bytes_recorded;           /* what they took in the trace */
	uint64_t bytes_alloc, bytes_waste; /* and in the model */
};

/* bytes_alloc - bytes_recorded; a double holds what no report is likely to exceed. */
static inline double km_model_change(const struct km_model_sum *sum)
{
	return sum->bytes_alloc >= sum->bytes_recorded
		       ? (double)(sum->bytes_alloc - sum->bytes_recorded)
		       : -(double)(sum->bytes_recorded - sum->bytes_alloc);
}

/* In percent of what was recorded; 0 of nothing. */
static inline double km_model_change_percent(const struct km_model_sum *sum)
{
	return sum->bytes_recorded ? 100 * km_model_change(sum) / (double)sum->bytes_recorded : 0;
}

/* A model, or what was recorded. */
struct km_model_row {
	const struct km_model *model; /* NULL: what was recorded */
	const char *name;             /* "recorded", or of the model, safe to print */
	const char *summary;
	struct km_model_sum sum;
	const struct km_replay_result *replay; /* or NULL */
	/* its rows in the two tables below, one after another */
	size_t first_class, nr_classes;
	size_t first_site, nr_sites;
};

/* What was requested and live when the most pages were taken, in percent of these. */
static inline double km_model_used_percent(const struct km_model_row *row)
{
	const double bytes = (double)row->replay->peak_pages * row->model->page_size;

	return bytes > 0 ? 100 * (double)row->replay->peak_bytes_req / bytes : 0;
}

/* A class of objects in a model. */
struct km_model_class_row {
	const struct km_model_row *row;
	const char *name; /* "64", "2k", "heap", "order-2", "3 pages" */
	enum km_model_kind kind;
	uint64_t bytes; /* of an object; of the heap 0: they differ */
	struct km_model_sum sum;
};

/* A call site in a model. */
struct km_model_site_row {
	const struct km_model_row *row;
	const struct km_callsite *callsite;
	struct km_model_sum sum;
};

#endif
