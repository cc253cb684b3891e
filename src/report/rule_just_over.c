/* SPDX-License-Identifier: GPL-2.0-or-later */
/* just-over: a request that misses the size class below by a little. */
#include "report/findings.h"

#include <inttypes.h>
#include <stdio.h>

static bool flags(const struct km_question *question)
{
	const struct km_report_size *size = question->size;
	uint64_t below = km_class_below(size->bytes_req, question->page_size);
	uint64_t over = size->bytes_req - below;

	if (question->family != KM_FAMILY_KMALLOC || below == 0)
		return false;
	/* else the kernel has other classes than SLUB's, and the one below may not exist */
	if (size->bytes_alloc != km_class_fit(size->bytes_req, question->page_size))
		return false;
	return (double)over * 100.0 <= (double)below * question->thresholds->just_over_percent;
}

/* Small ones too: eight bytes over is worth knowing in a structure that others use more. */
static bool keeps(const struct km_case *c, const struct km_thresholds *thresholds)
{
	return c->hits > 0;
}

static void grade(const struct km_case *c, const struct km_thresholds *thresholds,
		  struct km_finding *ret)
{
	uint64_t below = km_class_below(c->max_req, c->page_size);

	ret->bytes_over = (uint32_t)(c->max_req - below);
	ret->bytes_saved = km_sat_mul(c->hits, c->bytes_alloc - below);
	ret->bytes_at_stake = ret->bytes_saved;
	if (ret->bytes_saved < thresholds->waste_bytes)
		ret->severity = KM_FIND_LOW;
	else if (ret->bytes_over <= below / 32)
		ret->severity = KM_FIND_HIGH;
	else
		ret->severity = KM_FIND_MEDIUM;
}

/* "kmalloc-2k", "a page (kmalloc-4k)", "order-2 (16384 bytes)". */
static void name_below(const struct km_case *c, uint64_t below, char *buf, size_t size)
{
	char name[48];

	km_class_name(below, c->page_size, name, sizeof(name));
	if (below == c->page_size)
		snprintf(buf, size, "a page (%s)", name);
	else if (below > km_class_largest_cache(c->page_size))
		snprintf(buf, size, "%s (%" PRIu64 " bytes)", name, below);
	else
		snprintf(buf, size, "%s", name);
}

static char *message(const struct km_case *c, struct km_strings *strings)
{
	uint64_t below = km_class_below(c->max_req, c->page_size);
	char sizes[KM_RANGE_SIZE], over[KM_RANGE_SIZE], name[80], order[48] = "";

	name_below(c, below, name, sizeof(name));
	if (c->bytes_alloc > km_class_largest_cache(c->page_size))
		snprintf(order, sizeof(order), ", an order-%u page allocation",
			 km_page_order(c->bytes_alloc, c->page_size));
	return km_strings_printf(strings, "%s: %s over %s, allocated %" PRIu32 "%s",
				 km_range_bytes(c->min_req, c->max_req, sizes),
				 km_range(c->min_req - below, c->max_req - below, over), name,
				 c->bytes_alloc, order);
}

static char *advice(const struct km_case *c, const struct km_finding *finding,
		    struct km_strings *strings)
{
	uint64_t below = km_class_below(c->max_req, c->page_size);
	char less[KM_RANGE_SIZE], total[KM_HUMAN_SIZE], exact[96] = "";

	/* alloc_pages_exact() (mm/page_alloc.c) frees the pages behind the end of the object */
	if (c->bytes_alloc > km_class_largest_cache(c->page_size) && c->tail_saved)
		snprintf(exact, sizeof(exact),
			 "; as it is, alloc_pages_exact() would take %" PRIu64 " pages of %" PRIu32,
			 ((uint64_t)c->max_req + c->page_size - 1) / c->page_size,
			 c->bytes_alloc / c->page_size);
	return km_strings_printf(
		strings, "%s less would save %" PRIu64 " bytes an object, %s in all%s",
		km_range_bytes(finding->bytes_over, finding->bytes_over, less),
		c->bytes_alloc - below, km_human_bytes(finding->bytes_saved, total), exact);
}

const struct km_rule_row km_rule_just_over = {
	.info = {
		.rule = KM_RULE_JUST_OVER,
		.name = "just-over",
		.summary = "requests to kmalloc a little over a size class, a page or a page order",
		.meaning =
			"A request is a little larger than a size class, a page or a page order, "
			"so the allocator takes the next one. Each object pays the difference: 8 "
			"bytes over 2048 cost 2048.",
		.mend =
			"Make the object smaller by the bytes that the finding names: close "
			"holes between members (pahole shows them), narrow or drop members, move "
			"what is rarely used out of it. For an array or a buffer ask for as many "
			"bytes as a size class has.",
		.false_alarm =
			"The size is given by hardware or by a protocol, or the kernel was built "
			"with debugging that makes structures larger than those that are "
			"shipped.",
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
