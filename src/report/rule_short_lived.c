/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * short-lived: call sites that allocate often, for a moment each time: something that is kept
 * would save both the allocation and the free.
 *
 * It costs time, not memory: no bytes are at stake, and only hot call sites are judged. What to
 * keep depends on the size: up to STACK_BYTES a local variable (a frame of more than 2048 bytes,
 * of 1024 on 32 bits, is warned about: CONFIG_FRAME_WARN, lib/Kconfig.debug, v6.1; the functions
 * above and below want their share); beyond it one object that is reused, whose size has to be
 * known. An object of a named cache has rules of its own (constructors, references, RCU) and
 * stays what it is.
 */
#include "report/findings.h"

#include <inttypes.h>
#include <stdio.h>

enum { STACK_BYTES = 256 };

static bool keeps(const struct km_case *c, const struct km_thresholds *thresholds)
{
	const struct km_life_stats *life = c->site->life;

	return life && life->short_lived > 0 && km_case_is_hot(c, thresholds) &&
	       km_percent(life->short_lived, life->allocs) >= thresholds->short_lived_percent;
}

static void grade(const struct km_case *c, const struct km_thresholds *thresholds,
		  struct km_finding *ret)
{
	ret->hits_affected = c->site->life->short_lived;
	ret->severity = km_hot_severity(c);
}

/* A time as people read it, or as the clock counts. */
static const char *name_time(const struct km_case *c, uint64_t ns, char buf[static KM_HUMAN_SIZE])
{
	if (!c->report->input->has_raw_time)
		return km_human_ns(ns, buf);
	snprintf(buf, KM_HUMAN_SIZE, "%" PRIu64 " ticks", ns);
	return buf;
}

static char *message(const struct km_case *c, struct km_strings *strings)
{
	const struct km_life_stats *life = c->site->life;
	char lived[KM_GROUPED_SIZE], allocs[KM_GROUPED_SIZE], limit[KM_HUMAN_SIZE];
	char half[KM_HUMAN_SIZE], sizes[KM_RANGE_SIZE];

	return km_strings_printf(strings,
				 "%s of %s objects of %s lived less than %s, half of all less than "
				 "about %s",
				 km_grouped(life->short_lived, lived),
				 km_grouped(life->allocs, allocs),
				 km_range_bytes(c->min_req, c->max_req, sizes),
				 name_time(c, c->report->lives->short_ns, limit),
				 name_time(c, km_life_median_ns(life), half));
}

static char *advice(const struct km_case *c, const struct km_finding *finding,
		    struct km_strings *strings)
{
	bool is_fixed = c->min_req == c->max_req;

	if (c->family == KM_FAMILY_CACHE)
		return km_strings_printf(
			strings, "%s",
			"it has a cache already: reuse an object for the next turn (one for each "
			"CPU or task), or make it part of one that lives longer");
	if (c->max_req <= STACK_BYTES && is_fixed)
		return km_strings_printf(strings,
					 "a local variable of %" PRIu32
					 " bytes on the stack would do, unless "
					 "something else keeps the pointer",
					 c->max_req);
	if (c->max_req <= STACK_BYTES)
		return km_strings_printf(strings,
					 "a buffer of %" PRIu32
					 " bytes on the stack would hold every size seen, "
					 "with kmalloc() for larger ones only",
					 c->max_req);
	if (is_fixed)
		return km_strings_printf(
			strings,
			"too large for the stack: keep the %" PRIu32 " bytes for reuse (for each "
			"CPU, or in the object they serve), or take them from a mempool or "
			"kmem_cache of their own",
			c->max_req);
	return km_strings_printf(
		strings,
		"too large for the stack: keep one buffer of the largest size (%" PRIu32
		" bytes) for reuse, for each CPU or in the object it serves, and grow it when "
		"needed",
		c->max_req);
}

const struct km_rule_row km_rule_short_lived = {
	.info = {
		.rule = KM_RULE_SHORT_LIVED,
		.name = "short-lived",
		.summary = "hot call sites whose objects are freed at once",
		.meaning =
			"A hot call site allocates objects for a moment only. Both the "
			"allocation and the free could be saved.",
		.mend =
			"Keep what is needed again: up to 256 bytes in a local variable; larger "
			"ones in one object that is reused, for each CPU or in the object that "
			"they serve.",
		.false_alarm =
			"The life of the object is short because the workload is (a file that is "
			"opened and closed); the pointer is handed to others; the call chain is "
			"deep, so that the stack is scarce.",
		.is_about_time = true,
		.needs_pairs = true,
	},
	.scope = KM_SCOPE_SITE,
	.keeps = keeps,
	.grade = grade,
	.message = message,
	.advice = advice,
};
