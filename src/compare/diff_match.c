/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which call sites of several traces are the same one.
 *
 * Their keys tell, and the keys have the functions inlined at a call site where there are source
 * lines. If a function has them in one trace and not in another, its keys say different things,
 * so all its call sites become one row. Call sites without a symbol have only an address, which
 * differs from boot to boot: they are one row for each family.
 *
 * Compilers inline differently from build to build. A row of the base alone and one of the new
 * side alone are one row if both are of the same innermost function of the same .c file, and no
 * other such row is. A function of a header is inlined anywhere: its callers are what differs.
 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "compare/diff_private.h"

void km_diff_matches_deinit(struct km_diff_matches *matches)
{
	free(matches->entries);
	free(matches->matches);
}

/* The functions inlined at a call site: what is behind the first '<' of its key, or NULL. */
static const char *inlined_of(const struct km_snap_site *site)
{
	size_t len = strlen(site->key_symbol);

	return strncmp(site->key, site->key_symbol, len) == 0 && site->key[len] == '<'
		       ? site->key + len + 1
		       : NULL;
}

bool km_diff_site_matches(const struct km_snap_site *site, const char *glob)
{
	const char *names = inlined_of(site);

	if (site->symbol && fnmatch(glob, site->symbol, 0) == 0)
		return true;
	while (names) {
		char *name = strndup(names, strcspn(names, "<"));
		bool matches = name && fnmatch(glob, name, 0) == 0;

		free(name);
		if (matches)
			return true;
		names = strchr(names, '<');
		names = names ? names + 1 : NULL;
	}
	return false;
}

static int compare_entries(const void *a, const void *b)
{
	const struct km_diff_entry *x = a, *y = b;
	int order = strcmp(x->group, y->group);

	if (!order)
		order = strcmp(x->key, y->key);
	if (!order)
		order = (x->side > y->side) - (x->side < y->side);
	if (!order)
		order = (x->trace > y->trace) - (x->trace < y->trace);
	/* call sites without a symbol share a key in their trace: those with most waste first */
	if (!order)
		order = (x->site->bytes_waste < y->site->bytes_waste) -
			(x->site->bytes_waste > y->site->bytes_waste);
	return order ? order : strcmp(x->site->key, y->site->key);
}

/* The key of all call sites of a family that have no symbol. */
static const char *unnamed_key(struct km_diff_own *own, const char *event, const char **cache)
{
	size_t len = strlen(event);

	if (!*cache || strncmp(*cache, event, len) != 0 || (*cache)[len] != ' ')
		*cache = km_pool_printf(&own->strings, "%s - (no symbol)", event);
	return *cache;
}

static struct km_error *collect(struct km_diff_own *own, struct km_diff_matches *ret)
{
	const struct km_diff *diff = &own->diff;
	const char *unnamed = NULL;
	size_t nr = 0;

	for (enum km_diff_side_id side = 0; side < KM_NR_DIFF_SIDES; side++)
		for (size_t i = 0; i < diff->nr_traces[side]; i++)
			nr += diff->traces[side][i]->nr_sites;
	ret->entries = calloc(nr + 1, sizeof(*ret->entries));
	ret->matches = calloc(nr + 1, sizeof(*ret->matches));
	if (!ret->entries || !ret->matches)
		return &km_error_memory;
	for (enum km_diff_side_id side = 0; side < KM_NR_DIFF_SIDES; side++) {
		for (size_t i = 0; i < diff->nr_traces[side]; i++) {
			const struct km_snapshot *trace = diff->traces[side][i];

			for (size_t j = 0; j < trace->nr_sites; j++) {
				const struct km_snap_site *site = &trace->sites[j];
				struct km_diff_entry *entry = &ret->entries[ret->nr_entries++];

				*entry = (struct km_diff_entry){ site->key_symbol, site->key, site,
								 side, i };
				if (site->symbol)
					continue;
				entry->key = entry->group = unnamed_key(own, site->event, &unnamed);
				if (!entry->key)
					return &km_error_memory;
				own->nr_unnamed++;
			}
		}
	}
	if (nr)
		qsort(ret->entries, nr, sizeof(*ret->entries), compare_entries);
	return NULL;
}

/* The entries from `first` on that are of one function. */
static size_t group_len(const struct km_diff_matches *matches, size_t first)
{
	const struct km_diff_entry *entries = matches->entries;
	size_t end = first + 1;

	while (end < matches->nr_entries && strcmp(entries[end].group, entries[first].group) == 0)
		end++;
	return end - first;
}

/* Whether source lines tell the call sites of a function apart in some traces only. */
static bool has_mixed_source(const struct km_diff_entry *entries, size_t nr)
{
	for (size_t i = 1; i < nr; i++)
		if (entries[i].site->has_source != entries[0].site->has_source)
			return true;
	return false;
}

static void fold(struct km_diff_entry *entries, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		entries[i].key = entries[i].group;
	qsort(entries, nr, sizeof(*entries), compare_entries);
}

static void make_matches(struct km_diff_own *own, struct km_diff_matches *ret)
{
	for (size_t first = 0, nr; first < ret->nr_entries; first += nr) {
		bool is_folded;

		nr = group_len(ret, first);
		is_folded = ret->entries[first].site->symbol &&
			    has_mixed_source(&ret->entries[first], nr);
		if (is_folded) {
			fold(&ret->entries[first], nr);
			own->nr_folded++;
		}
		for (size_t i = first, end; i < first + nr; i = end) {
			struct km_diff_match *match = &ret->matches[ret->nr_matches++];

			for (end = i + 1; end < first + nr &&
					  strcmp(ret->entries[end].key, ret->entries[i].key) == 0;)
				end++;
			match->runs[0].first = i;
			match->runs[0].nr = end - i;
			match->is_folded = is_folded;
		}
	}
}

/* A row of one side alone, for finding its like on the other. */
struct lonely {
	const char *event, *module, *file, *function;
	size_t function_len;
	enum km_diff_side_id side;
	size_t match;
};

static int compare_lonely(const void *a, const void *b)
{
	const struct lonely *x = a, *y = b;
	size_t least = x->function_len < y->function_len ? x->function_len : y->function_len;
	int order = strncmp(x->function, y->function, least);

	if (!order)
		order = (x->function_len > y->function_len) - (x->function_len < y->function_len);
	if (!order)
		order = strcmp(x->module, y->module);
	if (!order)
		order = strcmp(x->file, y->file);
	return order ? order : strcmp(x->event, y->event);
}

static bool is_c_file(const char *file)
{
	size_t len = file ? strlen(file) : 0;

	return len > 2 && strcmp(file + len - 2, ".c") == 0;
}

static size_t find_lonely(const struct km_diff_matches *matches, struct lonely *ret)
{
	size_t nr = 0;

	for (size_t i = 0; i < matches->nr_matches; i++) {
		const struct km_diff_match *match = &matches->matches[i];
		const struct km_diff_entry *first = &matches->entries[match->runs[0].first];
		const struct km_diff_entry *last = first + match->runs[0].nr - 1;
		const char *inlined;

		/* entries are sorted by side */
		if (first->side != last->side || match->is_folded || !first->site->symbol ||
		    !is_c_file(first->site->file))
			continue;
		inlined = inlined_of(first->site);
		ret[nr++] = (struct lonely){
			.event = first->site->event,
			.module = first->site->module ? first->site->module : "",
			.file = first->site->file,
			.function = inlined ? inlined : first->site->symbol,
			.function_len =
				inlined ? strcspn(inlined, "<") : strlen(first->site->symbol),
			.side = first->side,
			.match = i,
		};
	}
	if (nr)
		qsort(ret, nr, sizeof(*ret), compare_lonely);
	return nr;
}

/* Joins rows whose function is inlined elsewhere than before. */
static struct km_error *join_moved(struct km_diff_own *own, struct km_diff_matches *matches)
{
	struct lonely *lonely = calloc(matches->nr_matches + 1, sizeof(*lonely));
	size_t nr, kept = 0;

	if (!lonely)
		return &km_error_memory;
	nr = find_lonely(matches, lonely);
	for (size_t i = 0, end; i < nr; i = end) {
		struct km_diff_match *base, *new;
		size_t new_at;

		for (end = i + 1; end < nr && compare_lonely(&lonely[i], &lonely[end]) == 0;)
			end++;
		if (end - i != 2 || lonely[i].side == lonely[i + 1].side)
			continue;
		new_at = lonely[i].side == KM_DIFF_NEW ? i : i + 1;
		new = &matches->matches[lonely[new_at].match];
		base = &matches->matches[lonely[2 * i + 1 - new_at].match];
		new->runs[1] = base->runs[0];
		base->runs[0].nr = 0;
		own->nr_moved++;
	}
	free(lonely);
	for (size_t i = 0; i < matches->nr_matches; i++)
		if (matches->matches[i].runs[0].nr)
			matches->matches[kept++] = matches->matches[i];
	matches->nr_matches = kept;
	return NULL;
}

struct km_error *km_diff_match(struct km_diff_own *own, struct km_diff_matches *ret)
{
	struct km_error *error = collect(own, ret);

	if (error)
		return error;
	make_matches(own, ret);
	return join_moved(own, ret);
}
