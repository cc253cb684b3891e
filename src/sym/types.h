/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a call site allocates, from one debug file. */
#ifndef KMEMSTAT_SYM_TYPES_H
#define KMEMSTAT_SYM_TYPES_H

#include "kmemstat/types.h"
#include "sym/dwarf.h"

struct km_types_query {
	size_t section; /* of the call, as for km_dwarf_lookup() */
	uint64_t offset;
	size_t nr_wrappers;    /* innermost frames that are not the call site's */
	uint32_t line;         /* of the call; 0: not known */
	const uint32_t *sizes; /* requested, ascending, each once */
	size_t nr_sizes;
};

/* The answer is empty if nothing is known. Types, layouts and strings are of the arena. */
KM_MUST_CHECK struct km_error *km_dwarf_types(struct km_dwarf *dwarf,
					      const struct km_types_query *query,
					      struct km_arena *arena, struct km_types *ret);

#endif
