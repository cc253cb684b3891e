/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the steps of a comparison share. */
#ifndef KMEMSTAT_COMPARE_DIFF_PRIVATE_H
#define KMEMSTAT_COMPARE_DIFF_PRIVATE_H

#include "compare/pool.h"
#include "kmemstat/diff.h"

/* A comparison with what it owns beside its public arrays. */
struct km_diff_own {
	struct km_diff diff; /* first: a comparison is converted back */
	struct km_pool strings;
	size_t size_notes;
	size_t nr_folded;  /* functions of which rows were put together */
	size_t nr_unnamed; /* call sites without a symbol */
	size_t nr_moved;   /* functions that are inlined elsewhere than before */
};

/* A call site of one trace. */
struct km_diff_entry {
	const char *group; /* the same for a function with all that is inlined into it */
	const char *key;   /* of its row */
	const struct km_snap_site *site;
	enum km_diff_side_id side;
	size_t trace; /* of the side */
};

/* The entries of one row: a run, and another if a function is inlined elsewhere than before. */
struct km_diff_match {
	struct {
		size_t first, nr;
	} runs[2];
	bool is_folded;
};

struct km_diff_matches {
	struct km_diff_entry *entries;
	size_t nr_entries;
	struct km_diff_match *matches;
	size_t nr_matches;
};

/* Which call sites of the traces are the same one. km_diff_matches_deinit() also after errors. */
KM_MUST_CHECK struct km_error *km_diff_match(struct km_diff_own *own, struct km_diff_matches *ret);
void km_diff_matches_deinit(struct km_diff_matches *matches);

/* Whether the glob fits the function or one that is inlined there. */
bool km_diff_site_matches(const struct km_snap_site *site, const char *glob);

/* Fill diff.findings and diff.notes. */
KM_MUST_CHECK struct km_error *km_diff_find_findings(struct km_diff_own *own);
KM_MUST_CHECK struct km_error *km_diff_find_notes(struct km_diff_own *own);

#endif
