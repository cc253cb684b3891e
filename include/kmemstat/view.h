/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables of a report: a listing is a kind of row with its columns, a view chooses rows and columns
 * of the listings that are shown. -s, -F, -l, --help, the man page, table headers and CSV all come
 * from here: a new table is a struct km_listing and a row in the table of renderers.
 */
#ifndef KMEMSTAT_VIEW_H
#define KMEMSTAT_VIEW_H

#include "kmemstat/report.h"

enum km_column_type {
	KM_COL_TEXT,
	KM_COL_SITE,   /* text: the name of listing->callsite(), or its address with raw_ip */
	KM_COL_SOURCE, /* text: a source line, which is empty without debug information */
	KM_COL_BYTES,
	KM_COL_COUNT,
	KM_COL_PERCENT,
	KM_COL_NS,   /* a duration; of a clock that does not count nanoseconds, its counts */
	KM_COL_REAL, /* any other number with a fraction */
};

struct km_column {
	const char *key;    /* for -F and -s, and CSV header: "waste" */
	const char *header; /* of tables: "Waste" */
	enum km_column_type type;
	bool is_sortable;
	bool is_default;  /* in tables without -F */
	bool is_raw_ip;   /* an address: in CSV without -F only with raw_ip */
	bool needs_pairs; /* there only if allocations and frees were paired */
	bool needs_slabinfo;
	bool needs_types; /* types are looked up for it */
	bool needs_replay;
	bool needs_per; /* there only with report.per */
	const char *help;
	/*
	 * The cell, of a row of the listing: text (into buf if it has to be made) or a number.
	 * `per`: tables show the number as total/per, which is this other number's share of it.
	 * With text and a number the text is shown, and sorted by the number.
	 */
	const char *(*text)(const void *row, char *buf, size_t size);
	uint64_t (*number)(const void *row);
	uint64_t (*per)(const void *row);
	double (*percent)(const void *row);
	double (*real)(const void *row);
	unsigned int decimals; /* of it in tables */
	/* whether there is a number; NULL: always. Without one the cell is empty. */
	bool (*has)(const void *row);
};

/* A kind of table. */
struct km_listing {
	const char *name;    /* of its option and renderer: "caller" */
	bool is_verb;        /* it is not an option's name, but a verb's */
	const char *rows_of; /* what its rows are: "call sites" */
	const struct km_column *columns;
	size_t nr_columns;
	const char *sort;   /* without -s */
	const char *fields; /* without -F; NULL: columns that are is_default */
	/* the rows of a report, one after another */
	const void *(*rows)(const struct km_report *report, size_t *ret_nr);
	size_t row_size;
	bool (*is_listed)(const void *row); /* NULL: all rows are */
	bool (*is_live)(const void *row);   /* of tables that can be limited to what is live */
	/* a total order, for rows with equal keys */
	int (*compare)(const void *a, const void *b);
	/* the call site a row is about, or NULL; NULL: rows have none */
	const struct km_callsite *(*callsite)(const void *row);
};

enum km_listing_id {
	KM_LIST_CALLSITES,
	KM_LIST_LIVE, /* call sites with something live at the end, none if nothing was paired */
	KM_LIST_CACHES,
	KM_LIST_TASKS,
	KM_LIST_PTRS,
	KM_LIST_PAGES,  /* page allocations by caller */
	KM_LIST_FRAMES, /* and by page frame */
	KM_LIST_PERCPU,
	KM_LIST_MODELS,        /* models of allocators */
	KM_LIST_MODEL_CLASSES, /* their size classes */
	KM_LIST_MODEL_SITES,   /* call sites in them */
	KM_LIST_LOCALITY,      /* call sites with what --locality found */
	KM_LIST_OWN_CACHE,     /* call sites with what --own-cache found */
	KM_LIST_TYPES,         /* of the verb types */
	KM_LIST_PERCPU_REPLAY, /* models of the percpu allocator */
	KM_NR_LISTINGS,
};

const struct km_listing *km_listing(enum km_listing_id id);
/* The listing of that name, or NULL. */
const struct km_listing *km_listing_find(const char *name);
/* NULL if the listing has no such column. */
const struct km_column *km_column_find(const struct km_listing *listing, const char *key,
				       size_t len);

/* Whether the report has what the column needs. */
bool km_column_is_there(const struct km_report *report, const struct km_column *column);

/* The rows and columns of a listing that are shown: borrowed from a report. */
struct km_list {
	const struct km_listing *listing; /* NULL: the view does not show it */
	const void **rows;
	size_t nr_rows;
	size_t nr_left_out; /* rows beyond the limit */
	const struct km_column **columns;
	size_t nr_columns;
	bool has_fields; /* the user chose the columns */
};

/* What renderers show of a report: only that gets its source lines looked up. */
enum km_shows {
	KM_SHOWS_FINDINGS = 1, /* findings of the view */
	KM_SHOWS_CLASSES = 2,  /* the first call sites of each size class */
	KM_SHOWS_NOTHING = 4,  /* no call site at all */
	KM_SHOWS_PEAK = 8,     /* the first KM_PEAK_ROWS of report.peak_sites */
	KM_SHOWS_FIRST_LIST = 256,
};
/* Call sites beside the charts of --timeline: those that matter, on the same screen. */
#define KM_PEAK_ROWS      8
#define KM_SHOWS_LIST(id) ((unsigned int)KM_SHOWS_FIRST_LIST << (id))

struct km_view {
	struct km_list lists[KM_NR_LISTINGS];
	size_t nr_findings;     /* the first of the report's findings, which the summary shows */
	size_t nr_suppressed;   /* the first of those that are suppressed */
	size_t max_class_sites; /* call sites shown under a size class */
	unsigned int shows;     /* enum km_shows */
};

struct km_view_options {
	/* comma-separated keys, as in perf kmem: later ones break ties; NULL: the listing's */
	const char *sort;
	/* comma-separated column keys; "+key" adds to the listing's; NULL: the listing's */
	const char *fields;
	size_t max_rows;                       /* 0: all */
	bool only_live;                        /* rows of which something is live at the end */
	size_t max_findings;                   /* 0: all */
	enum km_finding_severity min_severity; /* of findings */
	size_t max_class_sites;                /* call sites under a size class; 0: 5 */
	unsigned int shows; /* enum km_shows; 0: findings, classes and call sites */
};

/*
 * Selects and sorts (most first; text ascending). Errors: KM_ERR_USAGE for a key that one of the
 * listings shown does not have, or that needs pairing if nothing was paired.
 */
KM_MUST_CHECK struct km_error *km_view_create(const struct km_report *report,
					      const struct km_view_options *options,
					      struct km_view **ret);
void km_view_destroy(struct km_view *view);

/*
 * Looks up the source of call sites: of those that the view shows, or with view NULL of all
 * call sites of the report. The last change a report sees. Only with view NULL have fingerprints
 * the functions inlined at call sites in them: what shows or compares fingerprints asks for that.
 */
KM_MUST_CHECK struct km_error *km_report_resolve(struct km_report *report,
						 const struct km_view *view,
						 struct km_resolver *resolver);

#endif
