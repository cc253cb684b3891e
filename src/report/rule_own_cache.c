/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * own-cache: kmalloc call sites with one size whose objects take fewer pages in a cache of their
 * own than they do in their class.
 *
 * Unlike waste, which adds up all allocations of a trace, this is about what is live at one time
 * (--own-cache), and in pages: slabs, their tails, and those partly empty. A cache of its own has a
 * slab for each CPU that uses it, so for few objects it costs.
 */
#include "report/findings.h"

#include <inttypes.h>

enum {
	HIGH_BYTES = 1024 * 1024,
	MEDIUM_FACTOR = 16, /* x thresholds.waste_bytes */
};

static bool keeps(const struct km_case *c, const struct km_thresholds *thresholds)
{
	const struct km_own_cache *own = c->site->own_cache;

	/* fewer than a slab holds: what they take is what each CPU's first slab takes */
	return own && own->objects >= own->slab.objects && km_own_saved(own) > 0 &&
	       (uint64_t)km_own_saved(own) >= thresholds->waste_bytes;
}

static void grade(const struct km_case *c, const struct km_thresholds *thresholds,
		  struct km_finding *ret)
{
	const uint64_t saved = (uint64_t)km_own_saved(c->site->own_cache);

	ret->hits_affected = c->site->own_cache->size_hits;
	ret->bytes_at_stake = ret->bytes_saved = saved;
	if (saved >= HIGH_BYTES)
		ret->severity = KM_FIND_HIGH;
	else if (saved >= km_sat_mul(MEDIUM_FACTOR, thresholds->waste_bytes))
		ret->severity = KM_FIND_MEDIUM;
}

static char *message(const struct km_case *c, struct km_strings *strings)
{
	const struct km_own_cache *own = c->site->own_cache;
	char objects[KM_GROUPED_SIZE], pages[KM_GROUPED_SIZE], now[KM_GROUPED_SIZE],
		bytes[KM_RANGE_SIZE], tail[KM_RANGE_SIZE], class[48];

	km_class_name(own->bytes_alloc, c->page_size, class, sizeof(class));
	return km_strings_printf(
		strings,
		"%s live object%s of %s at most, in %s: a kmem_cache of their own (%" PRIu64
		" bytes, %" PRIu32 " in an order-%u slab, %s of tail) would take %s page%s instead "
		"of %s",
		km_grouped(own->objects, objects), own->objects == 1 ? "" : "s",
		km_range_bytes(own->bytes_req, own->bytes_req, bytes), class, own->object_bytes,
		own->slab.objects, own->order,
		km_range_bytes(own->tail_bytes, own->tail_bytes, tail),
		km_grouped(own->own_pages, pages), own->own_pages == 1 ? "" : "s",
		km_grouped(own->class_pages, now));
}

static char *advice(const struct km_case *c, const struct km_finding *finding,
		    struct km_strings *strings)
{
	const struct km_own_cache *own = c->site->own_cache;
	char saved[KM_HUMAN_SIZE];
	const char *rest = "";

	if (own->size_hits < own->hits)
		rest = km_strings_printf(strings,
					 "; the other %.1f%% of its allocations, of other sizes, "
					 "stay with kmalloc()",
					 100 - km_percent(own->size_hits, own->hits));
	if (!rest)
		return NULL;
	return km_strings_printf(strings,
				 "allocate them from a kmem_cache of their own (KMEM_CACHE()), "
				 "which saves %s while most are live%s",
				 km_human_bytes(finding->bytes_saved, saved), rest);
}

const struct km_rule_row km_rule_own_cache = {
	.info = {
		.rule = KM_RULE_OWN_CACHE,
		.name = "own-cache",
		.summary = "call sites whose objects would take fewer pages in a cache of their own",
		.meaning =
			"A kmalloc() call site allocates objects of one size, many live at one "
			"time, in a size class that is larger. Played through the slabs of a "
			"kmem_cache of their own they take fewer pages than they do in the class.",
		.mend =
			"Give the objects a kmem_cache: KMEM_CACHE() for a struct, else "
			"kmem_cache_create() with their size and alignment, and free them with "
			"kmem_cache_free().",
		.false_alarm =
			"The objects are live for a moment only, a smaller struct would fit the "
			"class below, or they need a larger alignment than a word. Or the rest of the "
			"class would not stay as well packed without them, as is assumed: their "
			"pages in it are then fewer than told.",
		.needs_pairs = true,
		.needs_own_caches = true,
	},
	.scope = KM_SCOPE_SITE,
	.keeps = keeps,
	.grade = grade,
	.message = message,
	.advice = advice,
};
