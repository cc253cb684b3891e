/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What kmemstat check writes. */
#ifndef KMEMSTAT_RENDER_CHECK_H
#define KMEMSTAT_RENDER_CHECK_H

#include "kmemstat/gate.h"
#include "kmemstat/render.h"
#include "kmemstat/suppress.h"

/*
 * The verdict: what is compared, what makes that unsure, call sites that came and went (the first
 * `most_sites` of each; 0: all), a line for each trip, and the last line. Of the options width and
 * colour count.
 */
KM_MUST_CHECK struct km_error *km_render_check(const struct km_gates *gates, size_t most_sites,
					       const struct km_render_options *options,
					       struct km_out *out);
/* Its last line alone: "check: failed: 1 of 2 gates tripped". */
void km_render_check_verdict(const struct km_gates *gates, const struct km_render_options *options,
			     struct km_out *out);
/*
 * A baseline: what km_snapshot_load() reads of a report, in an order that does not change, and no
 * times (share/kmemstat-baseline-1.schema.json).
 */
KM_MUST_CHECK struct km_error *km_render_baseline(const struct km_snapshot *snapshot,
						  struct km_out *out);
/* A file of suppressions for the findings that are not suppressed. */
KM_MUST_CHECK struct km_error *km_render_suppressions(const struct km_report *report, km_day today,
						      struct km_out *out);

#endif
