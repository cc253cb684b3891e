/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the reports of findings share (sarif, junit, gitlab, github, checkstyle): where a finding
 * is, and what is said of it. Texts are malloc'ed and safe (see km_text_safe()); NULL is for no
 * memory.
 */
#ifndef KMEMSTAT_RENDER_SCAN_H
#define KMEMSTAT_RENDER_SCAN_H

#include "kmemstat/render.h"

/* The innermost line of source at a call site. */
struct km_scan_place {
	const char *file; /* NULL: not known */
	uint32_t line;    /* from 1 on: 1 if only the file is known */
	uint32_t column;  /* 0: not known */
};
struct km_scan_place km_scan_place(const struct km_callsite *site);
/* What names a call site in every build: "symbol [module]"; without a symbol its address. */
char *km_scan_symbol(const struct km_callsite *site);
/* The innermost function: "mesh_rmc_init [mac80211]". */
char *km_scan_function(const struct km_callsite *site);
/* The file; without debug information km_scan_symbol() stands in, where a file has to be. */
char *km_scan_path(const struct km_callsite *site);
/* "2056 bytes: 8 over kmalloc-2k, ... (25 hits, 49.8 KiB wasted), in mesh_rmc_init, inlined
 * into ..." */
char *km_scan_message(const struct km_report *report, const struct km_finding *finding);

/* "25 hits, 49.8 KiB wasted"; with --per 25 "25 hits = 25 x 1, ..." */
void km_scan_print_sums(FILE *stream, const struct km_report *report,
			const struct km_finding *finding);
/* "mesh_rmc_init, inlined into ieee80211_mesh_init_sdata+0x4a [mac80211]" with that `name` */
void km_scan_print_functions(FILE *stream, const struct km_callsite *site, const char *name);
/* "1,500 events lost while recording: totals are lower bounds: record ..." */
char *km_scan_counter_text(const struct km_report *report, enum km_counter counter);
/* Whether a report has to tell of it: losses and damage, or with `notes` more. */
bool km_scan_tells_counter(const struct km_report *report, enum km_counter counter, bool notes);

/* The findings of a view, and apart from them those that are suppressed. */
struct km_scan {
	const struct km_finding *findings, *suppressed;
	size_t nr_findings, nr_suppressed;
};
struct km_scan km_scan_make(const struct km_report *report, const struct km_view *view);

/* Of each text, how many equal ones stand before it: `ret` has room for `nr`. */
KM_MUST_CHECK struct km_error *km_scan_count_equal(char *const *texts, size_t nr, uint32_t *ret);
/* The same of fingerprints: of the findings, then of those suppressed. */
KM_MUST_CHECK struct km_error *km_scan_count_fingerprints(const struct km_scan *scan,
							  uint32_t *ret);

#endif
