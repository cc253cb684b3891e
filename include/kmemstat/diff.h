/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What differs between snapshots of a base and of something new: call sites and findings, by one
 * measure that is made comparable, with what is noise told apart. kmemstat-diff(1) has the
 * formulas.
 */
#ifndef KMEMSTAT_DIFF_H
#define KMEMSTAT_DIFF_H

#include "kmemstat/snapshot.h"

/* What is compared. */
enum km_diff_by {
	KM_DIFF_WASTE,
	KM_DIFF_HITS,
	KM_DIFF_BYTES, /* allocated */
	KM_DIFF_REQ,
	KM_DIFF_LIVE,
	KM_DIFF_OBJECTS, /* live */
	KM_NR_DIFF_BYS,
};

struct km_diff_by_info {
	const char *name; /* of --by: "waste" */
	const char *text; /* "bytes wasted" */
	bool is_level;    /* at the end of the trace, not what happened in it */
};
const struct km_diff_by_info *km_diff_by_info(enum km_diff_by by);

/* What one number is of. */
enum km_diff_unit {
	KM_DIFF_TOTAL,    /* of the whole trace */
	KM_DIFF_SECOND,   /* of a second of the trace */
	KM_DIFF_HIT,      /* of an allocation of the call site itself */
	KM_DIFF_PER,      /* of one of N: km_diff_options.per */
	KM_DIFF_CALLSITE, /* of an allocation of the reference call site */
	KM_NR_DIFF_UNITS,
};
/* Stable names: "total", "second", "hit", "unit", "callsite". */
const char *km_diff_unit_name(enum km_diff_unit unit);

enum km_diff_side_id {
	KM_DIFF_BASE,
	KM_DIFF_NEW,
	KM_NR_DIFF_SIDES,
};

struct km_diff_options {
	enum km_diff_by by;
	/*
	 * Without has_unit it is KM_DIFF_SECOND, but KM_DIFF_TOTAL of what is live and if a trace
	 * does not tell how many seconds it has.
	 */
	bool has_unit;
	enum km_diff_unit unit;
	double per[KM_NR_DIFF_SIDES];
	const char *callsite; /* glob on functions, those that are inlined included */
	bool has_noise;       /* else noise_percent is chosen, see km_diff.noise_percent */
	double noise_percent;
};

/* One side of a row, or of the total. */
struct km_diff_value {
	size_t nr;      /* traces that it is the mean of: per hit those that have the call site */
	size_t nr_with; /* traces that have the call site */
	double mean, min, max;
	double sd; /* standard deviation of the sample; 0 of less than two traces */
	uint64_t hits, bytes_req, bytes_alloc, bytes_waste, live_bytes, live_count; /* all added */
	const char *name; /* as in struct km_diff_row; NULL: not there */
	const char *file; /* or NULL */
	uint32_t line;
	const char *size_class; /* NULL: not there */
};

enum km_diff_state {
	KM_DIFF_SAME,
	KM_DIFF_ADDED,
	KM_DIFF_REMOVED,
	KM_DIFF_GROWN,
	KM_DIFF_SHRUNK,
	KM_NR_DIFF_STATES,
};
/* "same", "added", ... */
const char *km_diff_state_name(enum km_diff_state state);

struct km_diff_row {
	const char *key;
	/* for people: "inner in outer [module]", with the family where it would be another's too */
	const char *name;
	const char *event, *symbol, *module; /* the last two may be NULL */
	enum km_diff_state state;
	bool is_noise; /* the difference means nothing, and is counted as noise alone */
	/* functions inlined into this one are not told apart: some trace has no source lines */
	bool is_folded;
	struct km_diff_value side[KM_NR_DIFF_SIDES];
	double delta;
};

struct km_diff_finding {
	const struct km_snap_finding *finding; /* of the first trace that has it */
	enum km_diff_side_id side;             /* KM_DIFF_NEW: new, KM_DIFF_BASE: gone */
	size_t nr_traces;                      /* of that side which have it */
	bool is_noise;                         /* these are not all: it comes and goes by chance */
};

/* Why numbers may not be comparable. */
struct km_diff_note {
	const char *kind; /* stable: "kernel", "incomplete", ... */
	bool is_warning;  /* a reader may be misled; else it is just good to know */
	const char *text;
};

struct km_diff {
	struct km_diff_options options; /* with the unit that was used */
	/* a smaller difference is noise: in percent of the larger side */
	double noise_percent;
	/*
	 * The chance, in percent, that ranges of numbers that do not differ do not overlap: 100
	 * with one trace a side.
	 */
	double chance_percent;
	const struct km_snapshot *const *traces[KM_NR_DIFF_SIDES]; /* borrowed */
	size_t nr_traces[KM_NR_DIFF_SIDES];
	/* what the numbers of each trace are divided by; of KM_DIFF_HIT 1 */
	double *divisors[KM_NR_DIFF_SIDES];
	/* differences by their size, then noise, then what is the same; ties by name, key */
	struct km_diff_row *rows;
	size_t nr_rows;
	size_t nr_of_state[KM_NR_DIFF_STATES]; /* without noise */
	size_t nr_noise;
	double up, down;  /* sums of deltas, noise left out; down is 0 or negative */
	double noise_net; /* the sum of those left out */
	struct km_diff_value total[KM_NR_DIFF_SIDES]; /* of all slab allocations */
	struct km_diff_finding *findings; /* new ones, those that are gone, then noise */
	size_t nr_findings, nr_new_findings, nr_gone_findings;
	struct km_diff_note *notes; /* warnings first */
	size_t nr_notes;
};

/*
 * Compares; the snapshots, at least one a side, and what options point to must outlive the
 * result. Errors: KM_ERR_USAGE if the numbers cannot be had in that unit, KM_ERR_MEMORY.
 */
KM_MUST_CHECK struct km_error *
km_diff_create(const struct km_snapshot *const *const traces[KM_NR_DIFF_SIDES],
	       const size_t nr_traces[KM_NR_DIFF_SIDES], const struct km_diff_options *options,
	       struct km_diff **ret);
void km_diff_destroy(struct km_diff *diff);

#endif
