/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The takers of --task, --cache, --alloc, --locality, --own-cache and of stacks, and what they
 * came to. */
#ifndef KMEMSTAT_CLI_TALLIES_H
#define KMEMSTAT_CLI_TALLIES_H

#include "cli/options.h"
#include "cli/scan.h"
#include "kmemstat/locality.h"
#include "kmemstat/own.h"
#include "kmemstat/source.h"
#include "kmemstat/stack_sums.h"

enum { KM_MOST_TALLY_TAKERS = 5 };

/* Zero-initialised is empty. */
struct km_tallies {
	struct km_tally *tally; /* or NULL, as is the next */
	struct km_ptrs *ptrs;
	bool is_borrowed; /* these are another's */
	struct km_caches caches;
	struct km_tasks tasks;
	struct km_places *places; /* or NULL */
	struct km_localities localities;
	struct km_own_replay *own;    /* or NULL */
	struct km_stack_sums *stacks; /* or NULL */
	struct km_own_caches own_caches;
	struct km_slabinfo slabinfo;
	bool has_caches, has_tasks, has_slabinfo;
};

/*
 * Makes what the options ask for of the traced machine, reads --slabinfo, and puts the
 * takers into ret[*ret_nr] and on. km_tallies_deinit() is to be called after an error, too.
 */
KM_MUST_CHECK struct km_error *km_tallies_create(const struct km_options *options,
						 const struct km_input_info *info,
						 struct km_tallies *tallies, struct km_taker *ret,
						 size_t *ret_nr);
/* What there is so far, into the parts of a report, whose quality is known. */
KM_MUST_CHECK struct km_error *km_tallies_finish(struct km_tallies *tallies,
						 const struct km_source *source,
						 struct km_report_parts *parts);
/* The same counts for a report on the way; what km_tallies_finish() makes of them is its own. */
struct km_tallies km_tallies_borrow(const struct km_tallies *tallies);
void km_tallies_deinit(struct km_tallies *tallies);

#endif
