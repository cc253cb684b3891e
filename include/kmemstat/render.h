/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Renderers: pure functions of a finished report. No clock, locale, environment or terminal. */
#ifndef KMEMSTAT_RENDER_H
#define KMEMSTAT_RENDER_H

#include "kmemstat/error.h"
#include "kmemstat/out.h"
#include "kmemstat/view.h"

struct km_gates;

/* What a profile counts. */
enum km_profile_value {
	KM_VALUE_BYTES, /* allocated; the default */
	KM_VALUE_REQ,
	KM_VALUE_WASTE,
	KM_VALUE_HIT,
	KM_VALUE_LIVE_BYTES,
	KM_VALUE_LIVE_WASTE,
	KM_VALUE_LIVE,
	KM_NR_PROFILE_VALUES,
};

struct km_profile_value_info {
	const char *key;  /* as columns of tables are called: "live-bytes" */
	const char *text; /* for people: "live" */
	bool is_bytes;
	bool needs_pairs; /* nothing is known of it unless allocations and frees were paired */
};
const struct km_profile_value_info *km_profile_value_info(enum km_profile_value value);

struct km_render_options {
	const struct km_view *view;
	enum km_listing_id list; /* the one that list renderers and CSV show */
	unsigned int width;      /* of the terminal in columns; 0: as wide as needed */
	bool use_color;
	bool use_blocks;              /* the block characters of UTF-8 in charts, else ASCII */
	bool raw_ip;                  /* show addresses */
	size_t top;                   /* call sites in renderers that have has_top; 0: all */
	const struct km_gates *gates; /* of check: what it came to; or NULL */
	bool one_line;                /* of "json": as one line, for streams of reports */
	enum km_profile_value value;  /* of "collapsed" */
	bool has_stacks;              /* JSON has sums by stack, if the report has */
	const char *layer;            /* of profiles: "slab", "percpu", "page"; NULL: see --layer */
	const char *type; /* of "type": as km_type_is_called() takes it; NULL: all types */
};

/* Writing errors are kept in `out`; an error returned here is KM_ERR_MEMORY. */
typedef struct km_error *(*km_render_fn)(const struct km_report *report,
					 const struct km_render_options *options,
					 struct km_out *out);

struct km_renderer {
	const char *name; /* "summary", "caller", "json", ...: also its option */
	const char *help;
	enum km_layer layer; /* of text for people: the allocator it is about */
	/*
	 * --format offers it. Such a renderer has a view of all call sites and findings, whatever
	 * tables show; if --min-severity is given, and it has KM_SHOWS_FINDINGS in `shows`, the
	 * view's findings are those of that severity and above.
	 */
	bool is_report;
	bool has_tables;    /* a report that has what --cache, --task and the like add */
	bool has_top;       /* a report of the first call sites only: --top says how many */
	bool needs_types;   /* shows report.types: km_report_sum_types() has to have run */
	bool is_machine;    /* no colour, no pager; needs the sources of all call sites */
	unsigned int shows; /* enum km_shows: what it takes from the view */
	bool needs_stacks;  /* shows report.stacks */
	bool is_profile;    /* is about one layer: --layer */
	bool is_binary;     /* nothing for a terminal */
	bool needs_pairs;   /* shows nothing unless allocations and frees were paired */
	bool wants_peak;    /* shows who had what live at the peak (report.peak_sites) */
	bool is_list;       /* shows options->list, which has to be this: */
	enum km_listing_id list;
	bool has_own_columns; /* -F is about its CSV only */
	km_render_fn render;
	km_render_fn csv; /* the same view as comma-separated values; NULL: there is none */
};

/* Renderers of a comparison (kmemstat/diff.h). */
struct km_diff;

struct km_diff_render_options {
	size_t max_rows;    /* of tables for people; 0: all */
	bool show_noise;    /* rows whose difference is noise too */
	unsigned int width; /* as in struct km_render_options */
	bool use_color;
};

struct km_diff_renderer {
	const char *name; /* "text", "json", ... */
	const char *help;
	struct km_error *(*render)(const struct km_diff *diff,
				   const struct km_diff_render_options *options,
				   struct km_out *out);
};

/* The first is the one for people, which --format does not name. */
const struct km_diff_renderer *km_diff_renderers(size_t *ret_nr);

const struct km_renderer *km_renderers(size_t *ret_nr);
const struct km_renderer *km_renderer_find(const char *name);

#endif
