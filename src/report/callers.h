/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who called an allocator, out of stacks. */
#ifndef KMEMSTAT_REPORT_CALLERS_H
#define KMEMSTAT_REPORT_CALLERS_H

#include "kmemstat/stacks.h"
#include "report/build.h"

enum km_allocator { KM_ALLOCATOR_PAGE, KM_ALLOCATOR_PERCPU, KM_ALLOCATOR_SLAB };

/* Whether a function of that name is a part of the allocator (or of tracing it). */
bool km_symbol_is_allocator(const char *name, enum km_allocator allocator);
/*
 * The index of the first frame that is not in the allocator; nr_frames: there is none, or the table
 * is of something else.
 */
size_t km_caller_find(const struct km_symtab *symtab, const uint64_t *frames, size_t nr_frames,
		      enum km_allocator allocator);
/*
 * The first return address of each stack, by its number, that is not in the allocator; 0: none,
 * or there are no symbols. Malloc'ed.
 */
KM_MUST_CHECK struct km_error *km_callers_find(const struct km_stacks *stacks,
					       const struct km_symtab *symtab,
					       enum km_allocator allocator, uint64_t **ret);
/*
 * A call site for each different address that is not 0, by address, with names but no numbers.
 * Sorts `addresses`. Malloc'ed.
 */
KM_MUST_CHECK struct km_error *km_callers_build(struct km_report_own *own,
						const struct km_symtab *symtab, enum km_layer layer,
						uint64_t *addresses, size_t nr,
						struct km_callsite **ret, size_t *ret_nr);
/* The call site of that address, or NULL. */
struct km_callsite *km_callers_get(struct km_callsite *sites, size_t nr, uint64_t address);

#endif
