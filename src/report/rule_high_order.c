/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * high-order: kmalloc requests beyond the largest kmalloc cache, which take physically contiguous
 * pages straight from the page allocator (kmalloc_large(), mm/slab_common.c, v6.1).
 *
 * They are judged size by size, one finding a page order, beside just-over and waste: those say
 * what the rounding loses, this one that it needs neighbours. As memory fragments, orders above
 * PAGE_ALLOC_COSTLY_ORDER (3, include/linux/mmzone.h, v6.1) fail first: the page allocator does
 * not retry for them (__alloc_pages_slowpath(), mm/page_alloc.c, v6.1). So such an order is medium,
 * as is a lower one that is asked for often, and high is what is both. At stake is all the
 * contiguous memory that is asked for.
 *
 * kvmalloc() is left alone: it tries pages without effort, and falls back to vmalloc().
 */
#include "report/findings.h"

#include <inttypes.h>
#include <stdio.h>

enum { COSTLY_ORDER = 3 };

static bool flags(const struct km_question *question)
{
	uint32_t bytes = question->size->bytes_alloc, page_size = question->page_size;

	return question->family == KM_FAMILY_KMALLOC && bytes > km_class_largest_cache(page_size) &&
	       km_class_fit(bytes, page_size) == bytes &&
	       km_page_order(bytes, page_size) >= question->thresholds->high_order;
}

static bool keeps(const struct km_case *c, const struct km_thresholds *thresholds)
{
	return c->hits > 0 && !c->is_kvmalloc;
}

static void grade(const struct km_case *c, const struct km_thresholds *thresholds,
		  struct km_finding *ret)
{
	bool is_costly = km_page_order(c->bytes_alloc, c->page_size) > COSTLY_ORDER;
	bool is_hot = km_case_is_hot(c, thresholds);

	ret->bytes_at_stake = c->alloc;
	if (is_costly && is_hot)
		ret->severity = KM_FIND_HIGH;
	else if (is_costly || is_hot)
		ret->severity = KM_FIND_MEDIUM;
}

static char *message(const struct km_case *c, struct km_strings *strings)
{
	unsigned int order = km_page_order(c->bytes_alloc, c->page_size);
	char sizes[KM_RANGE_SIZE];

	return km_strings_printf(
		strings, "%s: order %u, %" PRIu32 " contiguous pages%s",
		km_range_bytes(c->min_req, c->max_req, sizes), order, c->bytes_alloc / c->page_size,
		order > COSTLY_ORDER ? ", which fragmented memory may not have" : "");
}

static char *advice(const struct km_case *c, const struct km_finding *finding,
		    struct km_strings *strings)
{
	uint64_t largest = km_class_largest_cache(c->page_size), less = c->max_req - largest;
	char name[48], range[KM_RANGE_SIZE], nearer[96] = "";

	km_class_name(largest, c->page_size, name, sizeof(name));
	/* what a structure could lose; beyond that it has to be split */
	if (less <= largest / 4)
		snprintf(nearer, sizeof(nearer), ", or %s less to fit it",
			 km_range_bytes(less, less, range));
	return km_strings_printf(strings,
				 "kvmalloc() falls back to single pages, if neither DMA nor "
				 "anything else needs them contiguous; else allocate parts that "
				 "fit %s (%" PRIu64 " bytes)%s",
				 name, largest, nearer);
}

const struct km_rule_row km_rule_high_order = {
	.info = {
		.rule = KM_RULE_HIGH_ORDER,
		.name = "high-order",
		.summary = "requests to kmalloc that take several contiguous pages",
		.meaning =
			"A kmalloc() request beyond the largest cache takes 2^order physically "
			"contiguous pages from the page allocator. When memory is fragmented the "
			"kernel has to move pages to get them; above order 3 it soon gives up, "
			"and the allocation fails.",
		.mend =
			"Use kvmalloc() if neither DMA nor anything else needs the pages "
			"contiguous; else allocate parts that fit the largest kmalloc cache.",
		.false_alarm =
			"It is allocated once, at boot or as a module is loaded, or the hardware "
			"needs the memory contiguous.",
		.is_about_sizes = true,
	},
	.scope = KM_SCOPE_SIZE_TOO,
	.flags = flags,
	.keeps = keeps,
	.grade = grade,
	.message = message,
	.advice = advice,
};
