/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gates: what a trace may not do, of itself or against a baseline, and whether it did. */
#ifndef KMEMSTAT_GATE_H
#define KMEMSTAT_GATE_H

#include "kmemstat/diff.h"

/* What may be reached and not exceeded: a number, or a share. */
struct km_limit {
	const char *text; /* as it was given; NULL: there is no limit */
	bool is_percent;
	uint64_t number;
	double percent;
};

enum km_limit_kind {
	KM_LIMIT_BYTES, /* "16k", "1.5M", "7%" */
	KM_LIMIT_COUNT, /* "1000", "7%" */
};

/* False if it is no limit. `text` must outlive *ret. */
bool km_limit_parse(const char *text, enum km_limit_kind kind, struct km_limit *ret);
/* Whether `value`, which a percentage takes as a share of `whole`, is over the limit. */
bool km_limit_is_exceeded(const struct km_limit *limit, double value, double whole);

/* Findings that must not be there. */
struct km_fail_on {
	const char *text;
	bool is_new;                       /* those that no baseline has */
	const char *rule;                  /* NULL: of any rule */
	enum km_finding_severity severity; /* or above */
};
/*
 * "RULE", "any" or "new", each also with ":SEVERITY". `text` must outlive *ret.
 * Errors: KM_ERR_USAGE.
 */
KM_MUST_CHECK struct km_error *km_fail_on_parse(const char *text, struct km_fail_on *ret);

/* What the call sites of which all globs match may come to together. */
struct km_allowance {
	const char *path; /* of the budget */
	uint32_t line;
	const char *symbol, *file, *module; /* globs, or NULL */
	struct km_limit waste, hits, live;
};

struct km_stanzas;

/* Zero-initialised is empty. */
struct km_budget {
	struct km_allowance *rows;
	size_t nr;
	struct km_stanzas *files; /* hold the strings */
	size_t nr_files;
};
/* Adds those of a file. Errors: KM_ERR_INPUT with file and line; KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_budget_load(struct km_budget *budget, const char *path);
/* The same of text, which is taken over (malloc'ed, with a NUL at text[size]). */
KM_MUST_CHECK struct km_error *km_budget_parse(struct km_budget *budget, const char *path,
					       char *text, size_t size);
void km_budget_deinit(struct km_budget *budget);

struct km_gate_options {
	struct km_fail_on *fail_on;
	size_t nr_fail_on;
	struct km_limit max_waste; /* of the slab layer; percent: of the bytes allocated */
	/* of the slab layer and of each call site; percent: of what the baseline has in all */
	struct km_limit max_waste_growth, max_hits_growth;
	struct km_diff_options growth; /* its unit, and what that needs, counts: what is compared */
	const struct km_budget *budget; /* or NULL */
};

/* Errors: KM_ERR_USAGE if a gate needs a baseline, and there is none. */
KM_MUST_CHECK struct km_error *km_gate_options_check(const struct km_gate_options *options,
						     size_t nr_bases);

/* A line of the verdict. */
struct km_gate_line {
	const char *gates; /* as they were asked for: "--fail-on new, --fail-on any:high" */
	const char *place; /* "net/mac80211/mesh.c:177", or else a name */
	const char *text;  /* what is wrong, with numbers */
};

struct km_gates {
	const struct km_snapshot *now; /* borrowed, as are the next */
	const struct km_snapshot *const *bases;
	size_t nr_bases;
	size_t nr_gates;                 /* that were asked for: a stanza of a budget is one */
	size_t nr_tripped, nr_undecided; /* of these */
	struct km_gate_line *trips;      /* findings as in the report, then limits */
	size_t nr_trips;
	struct km_gate_line *undecided; /* gates that cannot be judged, and why */
	size_t nr_lines_undecided;
	struct km_gate_line *notes; /* what makes the verdict less sure; gates is NULL */
	size_t nr_notes;
	/* Call sites, as rows of a comparison: in no baseline, and in baselines only. By waste. */
	const struct km_diff_row **added, **removed;
	size_t nr_added, nr_removed;
	size_t nr_suppressed; /* findings of `now`, as are the next */
	size_t nr_findings;   /* without these */
	/* findings that are in no baseline, and in baselines only; 0 if these cannot tell */
	size_t nr_new, nr_gone;
};

/*
 * Judges `now`. Gates that compare need a baseline; of several the range that they span counts.
 * All that is passed must outlive the result. Errors: those of km_gate_options_check(),
 * KM_ERR_MEMORY.
 */
KM_MUST_CHECK struct km_error *
km_gates_judge(const struct km_snapshot *now, const struct km_snapshot *const *bases,
	       size_t nr_bases, const struct km_gate_options *options, struct km_gates **ret);
void km_gates_destroy(struct km_gates *gates);

#endif
