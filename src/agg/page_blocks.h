/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The live pages: blocks of 2^order pages by their first page frame. */
#ifndef KMEMSTAT_AGG_PAGE_BLOCKS_H
#define KMEMSTAT_AGG_PAGE_BLOCKS_H

#include "agg/map.h"

/*
 * Larger blocks do not come: MAX_PAGE_ORDER is 10 on most machines, and 19 at most
 * (arch/nios2/Kconfig, ARCH_FORCE_MAX_ORDER, v6.12).
 */
#define KM_MOST_ORDER 20

/* An allocation of which some pages are gone. */
struct km_page_rest {
	uint64_t pfn;  /* of its first page */
	uint32_t left; /* pages; 0: unused */
	uint32_t next; /* of unused ones: the next */
};

/* Zero-initialised is empty. */
struct km_page_blocks {
	struct km_map blocks;                    /* by first page frame */
	struct km_map regions;                   /* how many begin in a stretch of page frames */
	uint64_t nr_of_order[KM_MOST_ORDER + 1]; /* how many there are */
	struct km_page_rest *rests;              /* the first is unused */
	uint32_t nr_rests, room_rests, free_rest;
};

/* A block, or what is left of one. */
struct km_page_block {
	uint64_t pfn;
	uint32_t use; /* whatever the caller gave, not 0 */
	uint8_t order;
	uint32_t rest; /* index in rests; 0: nothing of it is gone */
};

void km_page_blocks_deinit(struct km_page_blocks *blocks);
/*
 * Adds an allocation of 2^order pages at `pfn`, where nothing lives any more. Its pages need not
 * be aligned. Errors: KM_ERR_MEMORY.
 */
KM_MUST_CHECK struct km_error *km_page_blocks_add(struct km_page_blocks *blocks, uint64_t pfn,
						  unsigned int order, uint32_t use);
/* The same where `pfn` is a name of the block and says nothing about its neighbours. */
KM_MUST_CHECK struct km_error *km_page_blocks_add_one(struct km_page_blocks *blocks, uint64_t pfn,
						      unsigned int order, uint32_t use);

/* Called for `nr` pages of an allocation that end; is_last: no page of it lives any more. */
typedef void (*km_page_end_fn)(void *arg, uint32_t use, uint64_t nr, bool is_last);

/* Ends what lives in the `nr` pages from `pfn` on. Errors: KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_page_blocks_end(struct km_page_blocks *blocks, uint64_t pfn,
						  uint64_t nr, km_page_end_fn on_end, void *arg);
/* Ends what was added as one at `pfn`. */
void km_page_blocks_end_one(struct km_page_blocks *blocks, uint64_t pfn, km_page_end_fn on_end,
			    void *arg);

/* The block of a slot of `blocks->blocks` that has a value. */
struct km_page_block km_page_block_of(const struct km_map_slot *slot);

#endif
