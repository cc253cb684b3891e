/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the layout of a structure says: what it consists of, and what would make it smaller, the
 * least change first: another order of its members, an array with fewer elements, one member
 * less.
 */
#include "report/types.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memstream.h"

enum {
	NAMED_MAX = 2,     /* members that are named with their size */
	SMALL_PART = 4,    /* a member of no more than a fourth can be taken out */
	SHRINK_PART = 8,   /* an array can lose an eighth of its elements */
	CACHE_LINE = 64,   /* members aligned to more are where they are for a reason */
	LISTED_MEMBERS = 4 /* structures of so few are told member by member */
};

/* The member and its extent: "bucket[256]", "idx_mask". */
static void print_member(FILE *out, const struct km_member *member)
{
	fputs(member->name ? member->name : "an unnamed part", out);
	if (member->count)
		fprintf(out, "[%" PRIu64 "]", member->count);
}

static size_t count_direct(const struct km_layout *layout)
{
	size_t nr = 0;

	for (size_t i = 0; i < layout->nr_members; i++)
		nr += !layout->members[i].depth;
	return nr;
}

/* The largest member, of those smaller than the one before; NULL: none. */
static const struct km_member *next_largest(const struct km_layout *layout,
					    const struct km_member *before)
{
	const struct km_member *best = NULL;

	for (size_t i = 0; i < layout->nr_members; i++) {
		const struct km_member *member = &layout->members[i];

		if (member->depth || !member->bytes || member->bits ||
		    (before && (member->bytes > before->bytes ||
				(member->bytes == before->bytes && member <= before))))
			continue;
		if (!best || member->bytes > best->bytes)
			best = member;
	}
	return best;
}

/* "2048 bytes of bucket[256] + 4 of idx_mask + 4 of padding" */
static void print_parts(FILE *out, const struct km_layout *layout)
{
	const size_t most = count_direct(layout) <= LISTED_MEMBERS ? LISTED_MEMBERS : NAMED_MAX;
	const struct km_member *member = NULL;
	const char *unit = " bytes", *plus = "";

	for (size_t i = 0; i < most; i++) {
		member = next_largest(layout, member);
		/* of many members only those that are much of it */
		if (!member || (most == NAMED_MAX && member->bytes < layout->bytes / SMALL_PART))
			break;
		fprintf(out, "%s%" PRIu64 "%s of ", plus, member->bytes, unit);
		print_member(out, member);
		unit = "";
		plus = " + ";
	}
	if (layout->bytes_holes) {
		fprintf(out, "%s%" PRIu64 "%s in %zu hole%s", plus, layout->bytes_holes, unit,
			layout->nr_holes, layout->nr_holes == 1 ? "" : "s");
		unit = "";
		plus = " + ";
	}
	if (layout->bytes_padding)
		fprintf(out, "%s%" PRIu64 "%s of padding", plus, layout->bytes_padding, unit);
}

static bool is_aligned_on_purpose(const struct km_layout *layout)
{
	return layout->align >= CACHE_LINE;
}

/* "with its members in another order (pahole --reorganize) it would fit kmalloc-2k" */
static bool print_order(FILE *out, const struct km_layout *layout, uint64_t target,
			const char *class)
{
	if (layout->bytes_packed > target)
		return false;
	fprintf(out,
		"with its members in the order of their alignment it has %" PRIu64
		" bytes and fits %s%s",
		layout->bytes_packed, class,
		is_aligned_on_purpose(layout) ? ", if that is worth more than cache lines" : "");
	return true;
}

/* "with 255 elements bucket[256] ..." */
static bool print_array(FILE *out, const struct km_layout *layout, uint64_t target,
			const char *class)
{
	const uint64_t end = layout->bytes - layout->bytes_padding;
	const struct km_member *best = NULL;
	uint64_t best_steps = 0;

	if (end <= target)
		return false;

	for (size_t i = 0; i < layout->nr_members; i++) {
		const struct km_member *member = &layout->members[i];
		uint64_t steps;

		if (member->depth || member->count < 2 || !member->element_bytes ||
		    member->bytes != member->count * member->element_bytes)
			continue;
		steps = (end - target + member->element_bytes - 1) / member->element_bytes;
		if (steps > (member->count + SHRINK_PART - 1) / SHRINK_PART ||
		    (best && steps >= best_steps))
			continue;
		best = member;
		best_steps = steps;
	}
	if (!best)
		return false;
	fprintf(out, "with %s[%" PRIu64 "] instead of [%" PRIu64 "] it fits %s",
		best->name ? best->name : "an unnamed array", best->count - best_steps, best->count,
		class);
	return true;
}

/* "without idx_mask (4 bytes) it fits kmalloc-2k" */
static bool print_without(FILE *out, const struct km_layout *layout, uint64_t target,
			  const char *class)
{
	const struct km_member *best = NULL;
	bool best_sorted = false;
	size_t nr_alike = 0;

	for (size_t i = 0; i < layout->nr_members; i++) {
		const struct km_member *member = &layout->members[i];
		bool is_sorted = false;

		if (member->depth || !member->bytes || !member->name || member->bits ||
		    member->bytes > layout->bytes / SMALL_PART ||
		    (best && member->bytes >= best->bytes))
			continue;
		if (km_layout_rearranged(layout, i, false) > target) {
			is_sorted = true;
			if (km_layout_rearranged(layout, i, true) > target)
				continue;
		}
		best = member;
		best_sorted = is_sorted;
	}
	if (!best)
		return false;
	for (size_t i = 0; i < layout->nr_members; i++)
		nr_alike += !layout->members[i].depth && layout->members[i].bytes == best->bytes;
	fputs(nr_alike > 1 ? "without a member such as " : "without ", out);
	print_member(out, best);
	fprintf(out, " (%" PRIu64 " bytes)%s it fits %s", best->bytes,
		best_sorted ? " and with the others in the order of their alignment" : "", class);
	return true;
}

static void print_remedies(FILE *out, const struct km_layout *layout, uint64_t less,
			   const char *class)
{
	const uint64_t target = layout->bytes - less;

	if (layout->is_union || layout->is_cut || !layout->nr_members)
		return;
	if (print_order(out, layout, target, class))
		return;
	if (!print_without(out, layout, target, class))
		print_array(out, layout, target, class);
}

char *km_layout_advise(const struct km_layout *layout, uint64_t less, const char *class,
		       struct km_strings *strings)
{
	char *parts = NULL, *remedies = NULL, *result = NULL, *name;
	size_t parts_size, remedies_size;
	FILE *out = open_memstream(&parts, &parts_size);

	if (!out)
		return NULL;
	if (!layout->is_union && !layout->is_cut)
		print_parts(out, layout);
	if (!km_memstream_close(out, &parts) ||
	    !(out = open_memstream(&remedies, &remedies_size))) {
		free(parts);
		return NULL;
	}
	if (less && less < layout->bytes)
		print_remedies(out, layout, less, class);
	name = km_strings_safe(strings, layout->name);
	if (!km_memstream_close(out, &remedies) || !name)
		result = NULL;
	else if (!*parts && !*remedies)
		result = km_strings_printf(strings, "%s", "");
	else
		result = km_strings_printf(strings, "%s: %s%s%s", name, parts,
					   *parts && *remedies ? "; " : "", remedies);
	free(parts);
	free(remedies);
	return result;
}
