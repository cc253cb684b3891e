/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Filters: which events of a batch are used. */
#ifndef KMEMSTAT_FILTER_H
#define KMEMSTAT_FILTER_H

#include "kmemstat/error.h"
#include "kmemstat/event.h"

/* What the user asked for; NULL: everything passes. */
struct km_filter_spec {
	/*
	 * As perf kmem's --time: "START,STOP" in seconds, either may be missing; or parts of the
	 * time span, "0%-10%" or "10%/2" (the second tenth), several with commas between.
	 */
	const char *time;
	bool has_raw_time;    /* times are counts of the clock, not seconds */
	const char *cpus;     /* "0-3,8" */
	const char *pids;     /* "1,4711" */
	const char *comm;     /* glob on the name of the task */
	const char *callsite; /* glob on the symbol, without offset */
	const char *cache;    /* glob on the cache's name; an event without one does not pass */
	const char *events;   /* globs on the event's name, with commas between */
};

/* Where the filter gets names from. */
struct km_filter_names {
	const char *(*comm)(const void *arg, int32_t pid);     /* NULL: none */
	const char *(*cache)(const void *arg, uint16_t cache); /* NULL: none */
	/* whether the call site's symbol matches the glob; false if it has none */
	bool (*symbol_matches)(const void *arg, uint64_t call_site, const char *glob);
	const void *arg;
};

struct km_filter;

bool km_filter_spec_is_empty(const struct km_filter_spec *spec);
/* Whether km_filter_set_span() has to be called before the filter is used. */
bool km_filter_needs_span(const struct km_filter_spec *spec);
/*
 * Reads the spec, whose strings are borrowed. A filter remembers what it looked up: one a thread.
 * Errors: KM_ERR_USAGE naming the option that is wrong.
 */
KM_MUST_CHECK struct km_error *km_filter_create(const struct km_filter_spec *spec,
						const struct km_filter_names *names,
						struct km_filter **ret);
void km_filter_destroy(struct km_filter *filter);
/* The first and last time stamp of the trace, for parts of it. */
void km_filter_set_span(struct km_filter *filter, uint64_t first_ns, uint64_t last_ns);
/* Whether row `i` of a batch with all columns passes. */
bool km_filter_passes(struct km_filter *filter, const struct km_batch *batch, uint32_t i);
/* Whether its time passes. */
bool km_filter_passes_time(const struct km_filter *filter, const struct km_batch *batch,
			   uint32_t i);

#endif
