/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ping-pong: objects that are mostly freed on another CPU than the one that allocated them.
 *
 * The fast way of SLUB frees to the slab its own CPU allocates from; an object of another slab
 * takes the slow one, an atomic operation on a cache line shared with other CPUs (do_slab_free(),
 * __slab_free(), mm/slub.c, v6.1). And the object itself has to move between the caches.
 *
 * It costs time, not memory: no bytes are at stake, and only hot call sites are judged. If tasks
 * moved at random, a free would be on another CPU in (n - 1) of n cases: on two CPUs a half.
 */
#include "report/findings.h"

#include <inttypes.h>
#include <stdio.h>

static bool keeps(const struct km_case *c, const struct km_thresholds *thresholds)
{
	const struct km_life_stats *life = c->site->life;

	return life && life->pingpong > 0 && life->freed >= thresholds->hot_hits &&
	       km_case_is_hot(c, thresholds) &&
	       km_percent(life->pingpong, life->freed) >= thresholds->ping_pong_percent;
}

static void grade(const struct km_case *c, const struct km_thresholds *thresholds,
		  struct km_finding *ret)
{
	ret->hits_affected = c->site->life->pingpong;
	ret->severity = km_hot_severity(c);
}

static char *message(const struct km_case *c, struct km_strings *strings)
{
	const struct km_life_stats *life = c->site->life;
	char pingpong[KM_GROUPED_SIZE], freed[KM_GROUPED_SIZE], far[KM_GROUPED_SIZE], node[64] = "";

	if (life->node_pingpong)
		snprintf(node, sizeof(node), ", %s of them on another NUMA node",
			 km_grouped(life->node_pingpong, far));
	return km_strings_printf(
		strings, "%s of %s frees (%.1f%%) on another CPU than the allocation%s",
		km_grouped(life->pingpong, pingpong), km_grouped(life->freed, freed),
		km_percent(life->pingpong, life->freed), node);
}

static char *advice(const struct km_case *c, const struct km_finding *finding,
		    struct km_strings *strings)
{
	return km_strings_printf(
		strings, "%s",
		"let the CPU that allocates free or reuse the objects: hand them back in batches, "
		"keep a pool for each CPU, or bring both ends to one CPU (affinity of interrupts, "
		"queues and tasks)");
}

const struct km_rule_row km_rule_ping_pong = {
	.info = {
		.rule = KM_RULE_PING_PONG,
		.name = "ping-pong",
		.summary = "hot call sites whose objects are mostly freed on another CPU",
		.meaning =
			"The objects of a hot call site are mostly freed on another CPU than the "
			"one that allocated them. Such a free takes the slow way of the "
			"allocator, which writes to a cache line that other CPUs use, and the "
			"object moves from cache to cache.",
		.mend =
			"Let the CPU that allocates free or reuse the objects: hand them back in "
			"batches, keep a pool for each CPU, or bring both ends to one CPU by the "
			"affinity of interrupts, queues and tasks.",
		.false_alarm =
			"The scheduler moved the tasks: at random, half of the frees on two "
			"CPUs, and nearly all on many, would be on another one. Objects that RCU "
			"frees are freed wherever its callbacks run.",
		.is_about_time = true,
		.needs_pairs = true,
	},
	.scope = KM_SCOPE_SITE,
	.keeps = keeps,
	.grade = grade,
	.message = message,
	.advice = advice,
};
