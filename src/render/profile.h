/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What profiles (collapsed stacks, speedscope, pprof) have in common. */
#ifndef KMEMSTAT_RENDER_PROFILE_H
#define KMEMSTAT_RENDER_PROFILE_H

#include "kmemstat/render.h"

/* What a profile's values are of a row. */
uint64_t km_profile_value_of(const struct km_stack_row *row, enum km_profile_value value);

/*
 * Whether a profile that has one layer, as their bytes are never added up, has this one: that of
 * the options, else the first that allocated anything.
 */
bool km_profile_is_of(const struct km_report *report, const struct km_render_options *options,
		      enum km_layer layer);

/* One function at a frame of a stack; several if some are inlined there. Strings as they are. */
struct km_profile_place {
	const char *function;
	const char *module; /* of the last, which is no inlined one; NULL: the kernel */
	const char *file;   /* or NULL */
	uint32_t line;      /* 0: not known */
	bool is_inlined;
};

/* How many functions there are at a frame, at least 1. */
size_t km_profile_nr_places(const struct km_callsite *frame);
/* The function number `i`, from 0, the innermost, on. */
struct km_profile_place km_profile_place(const struct km_callsite *frame, size_t i);
/* "net/mac80211/mesh.c:177", or without debug information the frame's name. Malloc'ed. */
char *km_profile_line_text(const struct km_callsite *frame);
/* "mesh_rmc_init", "ieee80211_mesh_init_sdata [mac80211]". Malloc'ed, safe to print. */
char *km_profile_function_text(const struct km_profile_place *place);

/*
 * Hands the names on a row's way from its root to its call site to `add`, which takes them over:
 * the functions that called one another; where the trace has no stacks in that layer directory and
 * file, or module, and function; at the end the line of the call. Errors: those of `add`.
 */
typedef struct km_error *(*km_profile_add_fn)(void *arg, char *name,
					      const struct km_profile_place *place);
KM_MUST_CHECK struct km_error *km_profile_walk(const struct km_report *report,
					       const struct km_stack_row *row,
					       km_profile_add_fn add, void *arg);

#endif
