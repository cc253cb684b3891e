/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the renderers of comparisons share. */
#ifndef KMEMSTAT_RENDER_DIFF_H
#define KMEMSTAT_RENDER_DIFF_H

#include "kmemstat/diff.h"
#include "render/text.h"

/* "base", "new": also JSON keys. */
const char *km_diff_side_name(enum km_diff_side_id side);

/*
 * What the numbers are and what was done to make them comparable, one line: "bytes wasted per
 * second; differences below 5% are noise". Malloc'ed; NULL without memory.
 */
char *km_diff_describe(const struct km_diff *diff);
/* "6.1.0 on 2 CPUs, 14.821 s, 543,742 events". Malloc'ed; NULL without memory. */
char *km_diff_trace_text(const struct km_snapshot *trace);

/* Digits behind the point that numbers of this comparison are shown with. */
int km_diff_decimals(const struct km_diff *diff);
#define KM_DIFF_NUMBER_SIZE 400
/* A number with so many, never "-0"; with `has_sign` also "+". */
const char *km_diff_number(double number, int decimals, bool has_sign,
			   char buf[static KM_DIFF_NUMBER_SIZE]);
/* "kmalloc-2k -> kmalloc-4k" if a call site went from one to another, else its class. */
#define KM_DIFF_CLASS_SIZE 256
const char *km_diff_class_text(const struct km_diff_row *row, char buf[static KM_DIFF_CLASS_SIZE]);
/* "net/mac80211/mesh.c:177", or "". */
const char *km_diff_source_text(const char *file, uint32_t line, char buf[static KM_SOURCE_SIZE]);
/* Behind the name of a row: " (was: mesh_init_sdata)", or "". Malloc'ed; NULL without memory. */
char *km_diff_name_text(const struct km_diff_row *row);
/* "rmc_init in mesh_init [mac80211] (kmalloc)" of a finding. Malloc'ed; NULL without memory. */
char *km_diff_finding_name(const struct km_snap_finding *finding);
/* 100 * delta / before; false if there was nothing before. */
bool km_diff_percent(double delta, double before, double *ret);
/* Whether a table has the row: what is the same, or has no bytes of the kind, is left out. */
bool km_diff_is_shown(const struct km_diff_row *row, const struct km_diff_render_options *options);

/* The first so many findings are shown: those that are noise come last. */
size_t km_diff_nr_shown_findings(const struct km_diff *diff,
				 const struct km_diff_render_options *options);

struct km_error *km_render_diff_text(const struct km_diff *diff,
				     const struct km_diff_render_options *options,
				     struct km_out *out);
struct km_error *km_render_diff_json(const struct km_diff *diff,
				     const struct km_diff_render_options *options,
				     struct km_out *out);
struct km_error *km_render_diff_markdown(const struct km_diff *diff,
					 const struct km_diff_render_options *options,
					 struct km_out *out);
struct km_error *km_render_diff_csv(const struct km_diff *diff,
				    const struct km_diff_render_options *options,
				    struct km_out *out);

#endif
