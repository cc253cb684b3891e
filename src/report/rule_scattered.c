/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scattered: call sites whose many live objects lie on far more pages than they need.
 *
 * A slab is filled by whoever allocates from its cache: in a busy size class the objects of one
 * call site come to lie between those of others, one or two a page. Walking them takes a TLB entry
 * and cache lines of each page, and no page becomes free before the last of its owners goes.
 *
 * Judged at the moment when the call site had most bytes live (--locality). It costs time, and
 * memory only together with the neighbours: no bytes are at stake. Objects over half a page are
 * left alone: there is little to share a page with.
 */
#include "report/findings.h"

#include <inttypes.h>
#include <stdio.h>

enum { MEDIUM_PAGES = 256 }; /* too many: 1 MiB of TLB reach */

static uint64_t excess(const struct km_locality *locality)
{
	return locality->pages > locality->least_pages ? locality->pages - locality->least_pages
						       : 0;
}

static bool keeps(const struct km_case *c, const struct km_thresholds *thresholds)
{
	const struct km_locality *locality = c->site->locality;

	return locality && !c->report->input->has_hashed_ptrs &&
	       c->bytes_alloc <= c->page_size / 2 &&
	       excess(locality) >= thresholds->scattered_pages &&
	       (double)locality->pages >=
		       thresholds->scattered_factor * (double)locality->least_pages;
}

static void grade(const struct km_case *c, const struct km_thresholds *thresholds,
		  struct km_finding *ret)
{
	ret->hits_affected = c->site->locality->objects;
	ret->severity = excess(c->site->locality) >= MEDIUM_PAGES ? KM_FIND_MEDIUM : KM_FIND_LOW;
}

static char *message(const struct km_case *c, struct km_strings *strings)
{
	const struct km_locality *locality = c->site->locality;
	const struct km_report_class *class = km_report_class_named(c->report, c->size_class);
	const struct km_class_site *other = c->site->busiest;
	char range[KM_RANGE_SIZE], objects[KM_GROUPED_SIZE], pages[KM_GROUPED_SIZE],
		least[KM_GROUPED_SIZE], hits[KM_GROUPED_SIZE];
	const char *crowd = "";

	if (other)
		crowd = km_strings_printf(strings,
					  ", shared with %zu other call site%s, most by %s (%s "
					  "hits)",
					  class->nr_sites - 1, class->nr_sites == 2 ? "" : "s",
					  other->callsite->name, km_grouped(other->hits, hits));
	if (!crowd)
		return NULL;
	return km_strings_printf(
		strings,
		"%s live objects of %s lie on %s pages, %s would hold them (%.1f times): %.0f%% "
		"were allocated side by side; they are in %s%s",
		km_grouped(locality->objects, objects),
		km_range_bytes(c->min_req, c->max_req, range), km_grouped(locality->pages, pages),
		km_grouped(locality->least_pages, least),
		(double)locality->pages /
			(double)(locality->least_pages ? locality->least_pages : 1),
		km_percent(locality->neighbours, locality->pairs), c->size_class, crowd);
}

/* "8 bytes less would make them kmalloc-32 objects (5 call sites); or " */
static const char *shrink_advice(const struct km_case *c, struct km_strings *strings)
{
	uint64_t below = km_class_below(c->max_req, c->page_size), less = c->max_req - below;
	const struct km_report_class *now = km_report_class_named(c->report, c->size_class);
	const struct km_report_class *quieter;
	char name[32];
	size_t nr;

	/* a struct loses some bytes, not half of it */
	if (c->family != KM_FAMILY_KMALLOC || !below || less > c->max_req / 4)
		return "";
	km_class_name(below, c->page_size, name, sizeof(name));
	quieter = km_report_class_named(c->report, name);
	nr = quieter ? quieter->nr_sites : 0;
	if (now && nr >= now->nr_sites)
		return "";
	return km_strings_printf(strings,
				 "%" PRIu64 " byte%s less would make %s %s object%s, a class of "
				 "%zu call site%s here; or ",
				 less, less == 1 ? "" : "s", c->hits == 1 ? "it a" : "them", name,
				 c->hits == 1 ? "" : "s", nr, nr == 1 ? "" : "s");
}

static char *advice(const struct km_case *c, const struct km_finding *finding,
		    struct km_strings *strings)
{
	const struct km_locality *locality = c->site->locality;
	const char *shrink = shrink_advice(c, strings);
	const uint64_t pages = (locality->bytes_req + c->page_size - 1) / c->page_size;
	char grouped[KM_GROUPED_SIZE];

	if (!shrink)
		return NULL;
	if (c->cache || c->family != KM_FAMILY_KMALLOC ||
	    km_class_fit(c->min_req, c->page_size) != km_class_fit(c->max_req, c->page_size))
		return km_strings_printf(strings,
					 "%slet those that are used together be allocated "
					 "together, or several in one object",
					 shrink);
	return km_strings_printf(strings,
				 "%sa kmem_cache of its own (KMEM_CACHE(), with SLAB_NO_MERGE "
				 "where the kernel has it) would hold them on about %s page%s",
				 shrink, km_grouped(pages, grouped), pages == 1 ? "" : "s");
}

const struct km_rule_row km_rule_scattered = {
	.info = {
		.rule = KM_RULE_SCATTERED,
		.name = "scattered",
		.summary = "call sites whose live objects lie on far more pages than they need",
		.meaning =
			"The live objects of a call site, small ones, lie between those of "
			"others, on far more pages than would hold them. Whoever walks them pays "
			"for each page and cache line, and no page becomes free before "
			"everything on it is gone.",
		.mend =
			"Give the objects a kmem_cache of their own (with SLAB_NO_MERGE where "
			"the kernel has it), make them fit a size class that fewer others use, "
			"or allocate together what is used together.",
		.false_alarm =
			"Nothing walks the objects, or the machine has just freed much, so that "
			"its slabs have holes that will be filled.",
		.is_about_time = true,
		.needs_locality = true,
	},
	.scope = KM_SCOPE_SITE,
	.keeps = keeps,
	.grade = grade,
	.message = message,
	.advice = advice,
};
