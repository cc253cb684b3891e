/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happens to pages: mm_page_alloc is paired with mm_page_free by page frame, in time order.
 * The page allocator lets a block of 2^order pages be freed in parts (split_page(),
 * alloc_pages_exact()), so lives are kept by page: an allocation lives as long as one of its pages.
 */
#ifndef KMEMSTAT_PAGELIFE_H
#define KMEMSTAT_PAGELIFE_H

#include "kmemstat/error.h"
#include "kmemstat/life.h"
#include "kmemstat/stacks.h"

/* What happened to some allocations; pages are of the machine's page size. */
struct km_page_stats {
	uint64_t allocs; /* that succeeded */
	uint64_t pages;
	uint64_t failed, failed_pages; /* and those that did not, with what was asked for */
	/* where the last of an allocation's pages went */
	uint64_t freed, replaced, live;
	/* all pages of `pages`: freed, allocated again without a free between, or live at the end
	 */
	uint64_t pages_freed, pages_replaced, pages_live;
};

/* Allocations that are alike. */
struct km_page_use {
	uint32_t stack; /* km_stacks_get(); 0: none */
	uint32_t gfp_flags;
	uint8_t order, migratetype;
	uint32_t next; /* of the pairing: another with the same stack and flags; 0: none */
	struct km_page_stats stats;
};

/* The allocations at one page frame that are alike. */
struct km_page_frame {
	uint64_t pfn;
	uint32_t use;    /* index in km_page_lives.uses */
	uint32_t next;   /* of the pairing: another at the same pfn; 0: none */
	uint64_t allocs; /* that succeeded */
	uint64_t pages_live;
};

/* The result; the pairing's own. */
struct km_page_lives {
	const struct km_page_use *uses; /* in the order they were met; the first is unused */
	size_t nr_uses;
	struct km_stacks *stacks;           /* their addresses may be changed, their numbers stay */
	const struct km_page_frame *frames; /* with options.by_frame; the first is unused */
	size_t nr_frames;
	struct km_page_stats total;
	uint64_t frees, free_pages; /* events, and the pages they were about, known or not */
	uint64_t unknown_frees, unknown_pages; /* pages that were not seen allocated */
	uint64_t peak_pages, peak_ns;          /* most live pages, and when that was first so */
};

struct km_page_life_options {
	bool is_32bit; /* the kernel: what a struct page's address looks like */
	bool by_frame; /* count by page frame, too */
	bool by_stack; /* tell whole stacks apart, not only callers */
};

struct km_page_life;

KM_MUST_CHECK struct km_error *km_page_life_create(const struct km_page_life_options *options,
						   struct km_page_life **ret);
void km_page_life_destroy(struct km_page_life *life);
/* The memory it takes, about. */
uint64_t km_page_life_bytes(const struct km_page_life *life);
/* The next run. Rows of other layers are passed over. Errors: KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_page_life_add(struct km_page_life *life,
						const struct km_rows *rows);
/* What there is so far, until more is added. */
const struct km_page_lives *km_page_life_finish(struct km_page_life *life);

#endif
