/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accounted: hot call sites whose allocations are charged to a memory cgroup.
 *
 * In a task outside the root cgroup each charge and uncharge is work: a million kmalloc(64) took
 * 29.8 ms without it and 59.1 ms with it, before v6.7 84.5 ms (Roman Gushchin's series "mm:
 * improve performance of accounted kernel memory allocations", v6.7). The event says that the
 * allocation may be charged (__GFP_ACCOUNT, SLAB_ACCOUNT), not whose task it was.
 *
 * It costs time, not memory: no bytes are at stake, and only hot call sites are judged. Mostly the
 * charge is meant, and there is no harm in the rest: always low. Needs no pairing; where frees were
 * paired, charges that end at once are told.
 */
#include "report/findings.h"

#include <inttypes.h>
#include <stdio.h>

static bool keeps(const struct km_case *c, const struct km_thresholds *thresholds)
{
	uint64_t accounted = c->site->accounted_hits;

	return accounted > 0 && km_case_is_hot(c, thresholds) &&
	       km_percent(accounted, c->hits) >= thresholds->accounted_percent;
}

static void grade(const struct km_case *c, const struct km_thresholds *thresholds,
		  struct km_finding *ret)
{
	ret->hits_affected = c->site->accounted_hits;
	ret->severity = KM_FIND_LOW;
}

static char *message(const struct km_case *c, struct km_strings *strings)
{
	const struct km_layer_summary *slab = &c->report->slab;
	char accounted[KM_GROUPED_SIZE], hits[KM_GROUPED_SIZE];

	return km_strings_printf(strings,
				 "%s of %s allocations are charged to a memory cgroup, %.1f%% of "
				 "all that are (%.1f%% of all allocations)",
				 km_grouped(c->site->accounted_hits, accounted),
				 km_grouped(c->hits, hits),
				 km_percent(c->site->accounted_hits, slab->accounted_hits),
				 km_percent(slab->accounted_hits, slab->allocs));
}

static char *advice(const struct km_case *c, const struct km_finding *finding,
		    struct km_strings *strings)
{
	const struct km_life_stats *life = c->site->life;
	bool is_brief = life && life->short_lived > life->allocs / 2;

	return km_strings_printf(
		strings,
		"a charge takes about as long as the allocation itself%s: allocate "
		"several at once or reuse them; without __GFP_ACCOUNT (SLAB_ACCOUNT) "
		"only if user space cannot make them grow in number",
		is_brief ? ", and here most end at once" : "");
}

const struct km_rule_row km_rule_accounted = {
	.info = {
		.rule = KM_RULE_ACCOUNTED,
		.name = "accounted",
		.summary = "hot call sites whose allocations are charged to a memory cgroup",
		.meaning =
			"Allocations of a hot call site are charged to a memory cgroup "
			"(__GFP_ACCOUNT, SLAB_ACCOUNT). In Linux 6.7 a charge takes about as "
			"long as kmalloc() itself, before that twice as long.",
		.mend =
			"Allocate several at once, or reuse them. Only if user space cannot make "
			"them grow in number, do without __GFP_ACCOUNT or SLAB_ACCOUNT.",
		.false_alarm =
			"Mostly the charge is meant, as it keeps user space from taking all "
			"memory. Nothing is charged for tasks in the root cgroup, which the "
			"event does not tell.",
		.is_about_time = true,
	},
	.scope = KM_SCOPE_SITE,
	.keeps = keeps,
	.grade = grade,
	.message = message,
	.advice = advice,
};
