/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * leak-suspect: a call site whose live bytes keep growing through the trace with few frees.
 *
 * The time since its first allocation, which has to be half of the trace at least, is cut into
 * quarters. Each has to add its part to what is live at the end: caches that fill, modules that
 * load and services that start grow too, but level off. A leak at an even rate adds a quarter in
 * each; a quarter of that is asked for.
 *
 * What is live is no more certain than the trace is whole: a lost free looks like a leak. Where
 * events are missing, pointers are hashed, or objects of the call site were seen to be freed
 * without an event (bulk interfaces, kfree_rcu()), the finding says so and is low. Without any
 * event of the kind that frees such objects nothing is said at all.
 * At stake are the bytes that are live at the end.
 */
#include "report/findings.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	NR_QUARTERS = 4,
	LEAST_GROWTH = 16, /* of the live bytes at the end this part in every quarter */
	HIGH_BYTES = 1024 * 1024,
	UNSURE_PERCENT = 1, /* freed without an event, of all allocations of the call site */
};

/* Live bytes at the ends of the quarters; false if there are none. */
static bool find_quarters(const struct km_case *c, uint64_t ret[static NR_QUARTERS])
{
	const struct km_lives *lives = c->report->lives;
	const uint64_t *samples = c->site->life->samples;
	size_t nr = lives ? lives->nr_samples : 0, first = 0;

	if (nr > KM_LIFE_SAMPLES)
		nr = KM_LIFE_SAMPLES;
	while (first < nr && samples[first] == 0)
		first++;
	if (nr < 2 * NR_QUARTERS || first > nr / 2)
		return false;
	for (size_t i = 0; i < NR_QUARTERS; i++)
		ret[i] = samples[first + (nr - first) * (i + 1) / NR_QUARTERS - 1];
	return true;
}

static bool keeps_growing(const struct km_case *c)
{
	uint64_t quarters[NR_QUARTERS], before = 0;

	if (!find_quarters(c, quarters))
		return false;
	for (size_t i = 0; i < NR_QUARTERS; i++) {
		uint64_t growth = quarters[i] > before ? quarters[i] - before : 0;

		if (growth == 0 || growth < c->site->life->live_bytes / LEAST_GROWTH)
			return false;
		before = quarters[i];
	}
	return true;
}

static uint64_t ended(const struct km_life_stats *life)
{
	return km_sat_add(life->freed, life->replaced);
}

static bool keeps(const struct km_case *c, const struct km_thresholds *thresholds)
{
	const struct km_life_stats *life = c->site->life;

	return life && c->has_frees && life->live_bytes > 0 &&
	       life->live_bytes >= thresholds->leak_bytes &&
	       km_percent(ended(life), life->allocs) <= thresholds->leak_freed_percent &&
	       keeps_growing(c);
}

static bool is_bulk_freed(const struct km_case *c)
{
	const struct km_life_stats *life = c->site->life;

	return life->replaced && km_percent(life->replaced, life->allocs) >= UNSURE_PERCENT;
}

static bool is_unsure(const struct km_case *c)
{
	return km_quality_is_incomplete(&c->report->quality) || c->report->input->has_hashed_ptrs ||
	       is_bulk_freed(c);
}

static void grade(const struct km_case *c, const struct km_thresholds *thresholds,
		  struct km_finding *ret)
{
	ret->hits_affected = c->site->life->live;
	ret->bytes_at_stake = c->site->life->live_bytes;
	if (is_unsure(c))
		ret->severity = KM_FIND_LOW;
	else
		ret->severity = ret->bytes_at_stake >= HIGH_BYTES ? KM_FIND_HIGH : KM_FIND_MEDIUM;
}

/* "; unsure: events are missing, 12 objects were freed without an event" */
static void name_doubts(const struct km_case *c, char *buf, size_t size)
{
	char grouped[KM_GROUPED_SIZE], bulk[80] = "";
	bool is_lost = km_quality_is_incomplete(&c->report->quality);
	bool is_hashed = c->report->input->has_hashed_ptrs;

	*buf = '\0';
	if (!is_unsure(c))
		return;
	if (is_bulk_freed(c))
		snprintf(bulk, sizeof(bulk), "%s of its objects were freed without an event",
			 km_grouped(c->site->life->replaced, grouped));
	snprintf(buf, size, "; unsure: %s%s%s%s%s", is_lost ? "events are missing" : "",
		 is_lost && (is_hashed || *bulk) ? ", " : "",
		 is_hashed ? "pointers are hashed" : "", is_hashed && *bulk ? ", " : "", bulk);
}

static char *message(const struct km_case *c, struct km_strings *strings)
{
	const struct km_life_stats *life = c->site->life;
	char live[KM_GROUPED_SIZE], allocs[KM_GROUPED_SIZE], doubts[160];
	char human[NR_QUARTERS][KM_HUMAN_SIZE];
	uint64_t quarters[NR_QUARTERS] = { 0 };

	find_quarters(c, quarters);
	for (size_t i = 0; i < NR_QUARTERS; i++)
		km_human_bytes(quarters[i], human[i]);
	name_doubts(c, doubts, sizeof(doubts));
	return km_strings_printf(strings,
				 "%s of %s objects live at the end, more after each quarter of the "
				 "time since the first: %s, %s, %s, %s%s",
				 km_grouped(life->live, live), km_grouped(life->allocs, allocs),
				 human[0], human[1], human[2], human[3], doubts);
}

static char *advice(const struct km_case *c, const struct km_finding *finding,
		    struct km_strings *strings)
{
	const char *text = "look for a path that does not free (errors, early returns), or a list "
			   "that only grows; what a longer trace shows to level off is no leak";

	if (is_bulk_freed(c))
		text = "bulk frees and kfree_rcu() have no event: see in /proc/slabinfo whether "
		       "the cache grows before looking for a path that does not free";
	else if (is_unsure(c))
		text = "record again, in binary and with larger buffers, to see whether it is so "
		       "before looking for a path that does not free";
	return km_strings_printf(strings, "%s", text);
}

const struct km_rule_row km_rule_leak_suspect = {
	.info = {
		.rule = KM_RULE_LEAK_SUSPECT,
		.name = "leak-suspect",
		.summary = "call sites whose live bytes grow all through the trace, with few frees",
		.meaning =
			"What a call site has live keeps growing all through the trace, and few "
			"of its objects are freed.",
		.mend =
			"Look for the path on which the object is not freed: errors, timeouts, "
			"removal of a device. Record longer, with the workload ended before the "
			"recording; CONFIG_DEBUG_KMEMLEAK tells whether anything still points to "
			"the objects.",
		.false_alarm =
			"It is meant to grow as long as the workload does (open files, "
			"connections, the dentry and inode caches), or it is freed in bulk or by "
			"kfree_rcu(), for which there is no event.",
		.needs_pairs = true,
	},
	.scope = KM_SCOPE_SITE,
	.keeps = keeps,
	.grade = grade,
	.message = message,
	.advice = advice,
};
