/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where in memory the slab objects of a call site lie: side by side, or all over. */
#ifndef KMEMSTAT_LOCALITY_H
#define KMEMSTAT_LOCALITY_H

#include "kmemstat/agg.h"

#define KM_CACHE_LINE 64

/*
 * Of one call site. An object touches the pages and cache lines that its requested bytes lie in;
 * one that asked for more than a page has all the pages that it was given. The live set is that of
 * the moment when the call site had most bytes live, the first of several.
 */
struct km_locality {
	uint64_t call_site; /* as traced */
	enum km_family family;
	uint64_t pairs; /* allocations that followed another of the call site on the same CPU */
	uint64_t neighbours; /* of these: right behind or before it, as far off as an object is
				large */
	uint64_t objects, bytes_req, bytes_alloc; /* the live set */
	uint64_t pages, lines;                    /* that it touched */
	uint64_t least_pages,
		least_lines; /* that it would fill side by side: as allocated, as asked */
};

struct km_localities {
	struct km_locality *items; /* by call site and family */
	size_t nr;
	/* call sites over the 2^20 that are told apart: their objects are not in it */
	uint64_t left_out;
};

/* Follows objects by pointer: memory grows with what is live, about 200 bytes a page touched. */
struct km_places;

/* `page_size` is that of the traced machine; one that cannot be is taken for 4096. */
KM_MUST_CHECK struct km_error *km_places_create(uint32_t page_size, struct km_places **ret);
void km_places_destroy(struct km_places *places);
/* The memory it takes, about. */
uint64_t km_places_bytes(const struct km_places *places);
/* The next run, with all columns. Rows of other layers are passed over. Errors: KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_places_add(struct km_places *places, const struct km_rows *rows);
/* What there is so far; more may be added afterwards. Errors: KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_places_finish(const struct km_places *places,
						struct km_localities *ret);
void km_localities_deinit(struct km_localities *localities);

#endif
