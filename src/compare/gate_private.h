/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the steps of judging share. */
#ifndef KMEMSTAT_COMPARE_GATE_PRIVATE_H
#define KMEMSTAT_COMPARE_GATE_PRIVATE_H

#include "compare/pool.h"
#include "kmemstat/gate.h"

/* A verdict with what it owns beside its public arrays. */
struct km_gates_own {
	struct km_gates gates; /* first: a verdict is converted back */
	const struct km_gate_options *options;
	struct km_diff *waste, *hits; /* NULL: nothing is compared by that */
	const char *why_incomparable; /* NULL: baselines and what is new can be compared */
	struct km_pool strings;
	size_t size_trips, size_undecided, size_notes;
};

/*
 * Adds a line to trips, undecided or notes (`lines`, with its count and size). `gates` and `place`
 * are kept, the text is printed.
 */
KM_MUST_CHECK struct km_error *km_gates_say(struct km_gates_own *own, struct km_gate_line **lines,
					    size_t *nr, size_t *size, const char *gates,
					    const char *place, const char *format, ...)
	KM_PRINTF(7, 8);
/* "file:line", or the name. NULL without memory. */
const char *km_gates_place(struct km_gates_own *own, const char *file, uint32_t line,
			   const char *name);
/* Two strings put together; NULL without memory. */
const char *km_gates_join(struct km_gates_own *own, const char *a, const char *b);

/* Whether the bytes that findings of the rule waste are their point. */
bool km_gates_is_about_waste(const char *rule);

#define km_gates_trip(own, gates_, place_, ...)                                                    \
	km_gates_say((own), &(own)->gates.trips, &(own)->gates.nr_trips, &(own)->size_trips,       \
		     (gates_), (place_), __VA_ARGS__)

/* --max-waste-growth, --max-hits-growth. */
KM_MUST_CHECK struct km_error *km_gates_judge_growth(struct km_gates_own *own);
/* --max-waste, --budget. */
KM_MUST_CHECK struct km_error *km_gates_judge_limits(struct km_gates_own *own);

#endif
