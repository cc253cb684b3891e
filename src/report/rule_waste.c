/* SPDX-License-Identifier: GPL-2.0-or-later */
/* waste: internal fragmentation over a threshold in percent and in bytes. */
#include "report/findings.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	HIGH_BYTES = 1024 * 1024,
	MEDIUM_FACTOR = 16, /* x thresholds.waste_bytes */
	OBJECT_ALIGN = 8,   /* ARCH_SLAB_MINALIGN, include/linux/slab.h, v6.1 */
	MAX_SLAB_ORDER = 3, /* slub_max_order, PAGE_ALLOC_COSTLY_ORDER: mm/slub.c, v6.1 */
};

static bool flags(const struct km_question *question)
{
	const struct km_report_size *size = question->size;
	uint64_t waste = km_waste(size->bytes_req, size->bytes_alloc);

	return waste > 0 && (double)waste * 100.0 >=
				    (double)size->bytes_alloc * question->thresholds->waste_percent;
}

static bool keeps(const struct km_case *c, const struct km_thresholds *thresholds)
{
	return c->waste >= thresholds->waste_bytes;
}

static bool is_page_order(const struct km_case *c)
{
	return c->family == KM_FAMILY_KMALLOC &&
	       c->bytes_alloc > km_class_largest_cache(c->page_size) &&
	       km_class_fit(c->bytes_alloc, c->page_size) == c->bytes_alloc;
}

/*
 * How many bytes less would reach the class below, if that is within a quarter of it and saves
 * all sizes of the case; else 0.
 */
static uint64_t shrink_bytes(const struct km_case *c)
{
	uint64_t below = km_class_below(c->max_req, c->page_size);

	if (c->family != KM_FAMILY_KMALLOC || below == 0 || c->max_req - below > below / 4 ||
	    km_class_fit(c->max_req, c->page_size) != c->bytes_alloc)
		return 0;
	return c->max_req - below;
}

/* What the advice says, decided once: grade() and advice() must agree. */
enum remedy {
	REMEDY_CACHE,    /* a named cache: alignment, or debugging */
	REMEDY_NO_CLASS, /* not SLUB's classes, or not the one that would fit */
	REMEDY_EXACT,    /* a page order: give whole pages back */
	REMEDY_ORDER,    /* a page order that is full of other waste */
	REMEDY_EMBED,    /* too small for any class */
	REMEDY_SHRINK,   /* near the class below */
	REMEDY_OWN,      /* a fixed size: a cache of its own */
	REMEDY_VARIABLE, /* sizes vary too much for a cache */
};

/*
 * What an object takes at best in a cache of its own: its share of the largest slab that SLUB
 * chooses by itself (calculate_order(), mm/slub.c, v6.1).
 */
static uint64_t own_cache_bytes(const struct km_case *c)
{
	uint64_t slab = (uint64_t)c->page_size << MAX_SLAB_ORDER;
	uint64_t object = ((uint64_t)c->max_req + OBJECT_ALIGN - 1) / OBJECT_ALIGN * OBJECT_ALIGN;
	uint64_t nr = object ? slab / object : 0;

	return nr ? (slab + nr - 1) / nr : UINT64_MAX;
}

/* All that the call site allocates is within an eighth of one size. */
static bool has_one_size(const struct km_case *c)
{
	return c->is_whole_site && c->max_req - c->min_req <= c->max_req / 8;
}

static enum remedy choose_remedy(const struct km_case *c)
{
	if (c->family == KM_FAMILY_CACHE)
		return REMEDY_CACHE;
	if (km_class_fit(c->max_req, c->page_size) != c->bytes_alloc)
		return REMEDY_NO_CLASS;
	if (is_page_order(c))
		return c->tail_saved ? REMEDY_EXACT : REMEDY_ORDER;
	if (km_class_below(c->max_req, c->page_size) == 0)
		return REMEDY_EMBED;
	if (shrink_bytes(c))
		return REMEDY_SHRINK;
	if (!has_one_size(c))
		return REMEDY_VARIABLE;
	return own_cache_bytes(c) < c->bytes_alloc ? REMEDY_OWN : REMEDY_EMBED;
}

static void grade(const struct km_case *c, const struct km_thresholds *thresholds,
		  struct km_finding *ret)
{
	enum remedy remedy = choose_remedy(c);

	ret->bytes_at_stake = c->waste;
	if (c->waste >= HIGH_BYTES)
		ret->severity = KM_FIND_HIGH;
	else if (c->waste >= km_sat_mul(MEDIUM_FACTOR, thresholds->waste_bytes))
		ret->severity = KM_FIND_MEDIUM;
	if (remedy == REMEDY_EXACT)
		ret->bytes_saved = c->tail_saved;
	else if (remedy == REMEDY_SHRINK)
		ret->bytes_saved = km_sat_mul(
			c->hits, c->bytes_alloc - km_class_below(c->max_req, c->page_size));
}

static char *message(const struct km_case *c, struct km_strings *strings)
{
	double unused = c->alloc ? 100.0 * (double)c->waste / (double)c->alloc : 0;
	char sizes[KM_RANGE_SIZE];

	km_range_bytes(c->min_req, c->max_req, sizes);
	if (is_page_order(c))
		return km_strings_printf(strings,
					 "%s in an %s page allocation of %" PRIu32 " (%" PRIu32
					 " pages), over the largest kmalloc cache: %.1f%% unused",
					 sizes, c->size_class, c->bytes_alloc,
					 c->bytes_alloc / c->page_size, unused);
	if (c->family == KM_FAMILY_CACHE || choose_remedy(c) == REMEDY_NO_CLASS)
		return km_strings_printf(strings,
					 "%s out of %s, objects of %" PRIu32 ": %.1f%% unused",
					 sizes, c->size_class, c->bytes_alloc, unused);
	return km_strings_printf(strings, "%s out of %s: %.1f%% unused", sizes, c->size_class,
				 unused);
}

static char *advise_order(const struct km_case *c, struct km_strings *strings)
{
	uint64_t lost_least = c->bytes_alloc - c->max_req, lost_most = c->bytes_alloc - c->min_req;
	uint64_t below = km_class_below(c->max_req, c->page_size);
	char lost[KM_RANGE_SIZE], less[KM_RANGE_SIZE], name[48];

	km_class_name(below, c->page_size, name, sizeof(name));
	return km_strings_printf(
		strings,
		"%s an object %s lost to the page order: allocate its parts "
		"separately, or make it %s smaller to fit %s",
		km_range_bytes(lost_least, lost_most, lost), lost_most == 1 ? "is" : "are",
		km_range_bytes(c->max_req - below, c->max_req - below, less), name);
}

/* alloc_pages_exact() (mm/page_alloc.c) splits the order and frees the pages behind the end. */
static char *advise_exact(const struct km_case *c, const struct km_finding *finding,
			  struct km_strings *strings)
{
	uint64_t lost_least = c->bytes_alloc - c->max_req, lost_most = c->bytes_alloc - c->min_req;
	uint32_t pages = c->bytes_alloc / c->page_size;
	char lost[KM_RANGE_SIZE], back[KM_RANGE_SIZE], total[KM_HUMAN_SIZE], largest[48];

	km_class_name(km_class_largest_cache(c->page_size), c->page_size, largest, sizeof(largest));
	return km_strings_printf(
		strings,
		"%s an object are lost to the page order: split it, or allocate the parts "
		"separately, each within %s; alloc_pages_exact() gives %s of the %" PRIu32
		" pages back, %s in all",
		km_range_bytes(lost_least, lost_most, lost), largest,
		km_range(lost_least / c->page_size, lost_most / c->page_size, back), pages,
		km_human_bytes(finding->bytes_saved, total));
}

static char *advise_no_class(const struct km_case *c, struct km_strings *strings)
{
	char fit[48];

	km_class_name(km_class_fit(c->max_req, c->page_size), c->page_size, fit, sizeof(fit));
	return km_strings_printf(
		strings,
		"SLUB's %s would hold it: this kernel's classes differ (slab "
		"debugging, a larger KMALLOC_MIN_SIZE, another allocator); measure "
		"without slab debugging before changing the code",
		fit);
}

static char *advise_cache(const struct km_case *c, struct km_strings *strings)
{
	uint64_t lost_least = c->bytes_alloc - c->max_req, lost_most = c->bytes_alloc - c->min_req;
	char lost[KM_RANGE_SIZE];

	return km_strings_printf(
		strings,
		"%s an object %s alignment (or slab debugging): without SLAB_HWCACHE_ALIGN, or "
		"with "
		"a smaller align for kmem_cache_create(), more objects fit a slab, if sharing "
		"cache lines does no harm",
		km_range_bytes(lost_least, lost_most, lost), lost_most == 1 ? "is" : "are");
}

static char *advise_shrink(const struct km_case *c, const struct km_finding *finding,
			   struct km_strings *strings)
{
	uint64_t below = km_class_below(c->max_req, c->page_size), less = shrink_bytes(c);
	uint64_t own = own_cache_bytes(c);
	char range[KM_RANGE_SIZE], name[48], total[KM_HUMAN_SIZE], tail[128] = "";

	km_class_name(below, c->page_size, name, sizeof(name));
	if (has_one_size(c) && own < c->bytes_alloc)
		snprintf(tail, sizeof(tail),
			 "; if many live at once, a kmem_cache of its own saves up to %" PRIu64
			 " an object",
			 c->bytes_alloc - own);
	return km_strings_printf(strings,
				 "%s less would fit %s and save %" PRIu64 " bytes an object, %s in "
				 "all%s",
				 km_range_bytes(less, less, range), name, c->bytes_alloc - below,
				 km_human_bytes(finding->bytes_saved, total), tail);
}

static char *advise_own(const struct km_case *c, struct km_strings *strings)
{
	uint64_t own = own_cache_bytes(c), saved = c->bytes_alloc - own;
	char total[KM_HUMAN_SIZE];

	return km_strings_printf(
		strings,
		"if many live at once, a kmem_cache of its own, for objects of "
		"%" PRIu32 " bytes, saves up to %" PRIu64 " bytes an object, %s in all",
		c->max_req, saved, km_human_bytes(km_sat_mul(c->hits, saved), total));
}

static char *advise_embed(const struct km_case *c, struct km_strings *strings)
{
	return km_strings_printf(strings,
				 "no smaller class or cache can hold it: make it a member of the "
				 "object that points to it, or allocate several as one array");
}

static char *advise_variable(const struct km_case *c, struct km_strings *strings)
{
	const struct km_callsite *site = c->site;
	uint32_t low = UINT32_MAX, high = 0;
	char range[KM_RANGE_SIZE];

	for (size_t i = 0; i < site->nr_sizes; i++) {
		if (site->sizes[i].bytes_req < low)
			low = site->sizes[i].bytes_req;
		if (site->sizes[i].bytes_req > high)
			high = site->sizes[i].bytes_req;
	}
	return km_strings_printf(
		strings,
		"the sizes of this call site vary (%s): allocate the part of fixed "
		"size apart from the variable one, or place several in one block",
		km_range_bytes(low, high, range));
}

static char *advice(const struct km_case *c, const struct km_finding *finding,
		    struct km_strings *strings)
{
	switch (choose_remedy(c)) {
	case REMEDY_CACHE:
		return advise_cache(c, strings);
	case REMEDY_NO_CLASS:
		return advise_no_class(c, strings);
	case REMEDY_EXACT:
		return advise_exact(c, finding, strings);
	case REMEDY_ORDER:
		return advise_order(c, strings);
	case REMEDY_EMBED:
		return advise_embed(c, strings);
	case REMEDY_SHRINK:
		return advise_shrink(c, finding, strings);
	case REMEDY_OWN:
		return advise_own(c, strings);
	case REMEDY_VARIABLE:
		break;
	}
	return advise_variable(c, strings);
}

const struct km_rule_row km_rule_waste = {
	.info = {
		.rule = KM_RULE_WASTE,
		.name = "waste",
		.summary = "call sites that leave much of what they are given unused",
		.meaning =
			"A call site leaves a large share of what it is given unused, because "
			"the size classes of kmalloc are far apart. At stake are all bytes "
			"wasted over the trace, not those at one time.",
		.mend =
			"Make the object fit the size class below; give objects of one size and "
			"of which many live a kmem_cache of their own; allocate what goes beyond "
			"a page order with alloc_pages_exact(), or in parts.",
		.false_alarm =
			"The sizes are those of a buffer that grows, or few of the objects are "
			"ever alive at one time.",
		.is_about_waste = true,
		.is_about_sizes = true,
	},
	.scope = KM_SCOPE_SIZE,
	.flags = flags,
	.keeps = keeps,
	.grade = grade,
	.message = message,
	.advice = advice,
};
