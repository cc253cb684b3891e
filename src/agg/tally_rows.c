/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From kin to tasks and caches. */
#include "agg/tally.h"

#include <stdlib.h>
#include <string.h>

/* A kin on its way to a row. */
struct entry {
	const struct km_kin *kin;
	const char *name; /* of its cache, or NULL */
	enum km_cache_naming naming;
	bool is_accounted; /* and told apart for it */
};

static int compare_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_sites(const struct entry *a, const struct entry *b)
{
	int order = compare_u64(a->kin->call_site, b->kin->call_site);

	return order ? order : (int)a->kin->family - (int)b->kin->family;
}

static int compare_tasks(const struct entry *a, const struct entry *b)
{
	return (a->kin->pid > b->kin->pid) - (a->kin->pid < b->kin->pid);
}

static int by_task(const void *a, const void *b)
{
	int order = compare_tasks(a, b);

	return order ? order : compare_sites(a, b);
}

static int by_site_and_size(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = compare_sites(x, y);

	return order ? order : compare_u64(x->kin->alloc, y->kin->alloc);
}

static int compare_caches(const struct entry *a, const struct entry *b)
{
	int order = (int)a->kin->family - (int)b->kin->family;

	if (!order)
		order = compare_u64(a->kin->alloc, b->kin->alloc);
	if (!order)
		order = strcmp(a->name ? a->name : "", b->name ? b->name : "");
	if (!order)
		order = (int)a->naming - (int)b->naming;
	return order ? order : (int)a->is_accounted - (int)b->is_accounted;
}

static int by_cache(const void *a, const void *b)
{
	int order = compare_caches(a, b);

	return order ? order : compare_sites(a, b);
}

/* Counts are below 2^63 and sizes below 2^32: only products can be too large. */
static void add_kin(const struct km_kin *kin, bool has_pairs, struct km_sum *sum,
		    struct km_ends *ends)
{
	const uint64_t live = kin->nr - kin->freed - kin->replaced;

	sum->hits += kin->nr;
	sum->bytes_req = km_sat_add(sum->bytes_req, km_sat_mul(kin->nr, kin->req));
	sum->bytes_alloc = km_sat_add(sum->bytes_alloc, km_sat_mul(kin->nr, kin->alloc));
	sum->accounted_hits += kin->is_accounted ? kin->nr : 0;
	if (!has_pairs)
		return;
	ends->freed += kin->freed;
	ends->bytes_freed = km_sat_add(ends->bytes_freed, km_sat_mul(kin->freed, kin->alloc));
	ends->replaced += kin->replaced;
	ends->bytes_replaced =
		km_sat_add(ends->bytes_replaced, km_sat_mul(kin->replaced, kin->alloc));
	ends->live += live;
	ends->live_bytes = km_sat_add(ends->live_bytes, km_sat_mul(live, kin->alloc));
	ends->live_bytes_req = km_sat_add(ends->live_bytes_req, km_sat_mul(live, kin->req));
}

/* All kin, those of frees too if `with_frees`; NULL without memory. */
static struct entry *make_entries(const struct km_tally *tally, bool with_frees, size_t *ret_nr)
{
	struct entry *entries = calloc(tally->nr_kin, sizeof(*entries));
	size_t nr = 0;

	for (size_t i = 1; entries && i < tally->nr_kin; i++)
		if (with_frees || tally->kin[i].group != KM_ROW_FREE)
			entries[nr++] = (struct entry){ .kin = &tally->kin[i] };
	*ret_nr = nr;
	return entries;
}

struct km_error *km_tally_tasks(const struct km_tally *tally, struct km_tasks *ret)
{
	size_t nr;
	struct entry *entries = make_entries(tally, true, &nr);
	struct km_task *tasks = calloc(tally->nr_kin, sizeof(*tasks)), *task = NULL;
	const struct entry *before = NULL; /* the allocation before this one, of the same task */

	if (!entries || !tasks) {
		free(entries);
		free(tasks);
		return &km_error_memory;
	}
	qsort(entries, nr, sizeof(*entries), by_task);
	*ret = (struct km_tasks){ .items = tasks };
	for (size_t i = 0; i < nr; i++) {
		const struct km_kin *kin = entries[i].kin;

		if (!i || compare_tasks(&entries[i - 1], &entries[i])) {
			task = &tasks[ret->nr++];
			*task = (struct km_task){ .pid = kin->pid };
			before = NULL;
		}
		if (kin->group == KM_ROW_FREE) {
			task->frees += kin->nr;
			continue;
		}
		task->nr_sites += !before || compare_sites(before, &entries[i]);
		before = &entries[i];
		add_kin(kin, tally->options.has_pairs, &task->sum, &task->ends);
	}
	free(entries);
	return NULL;
}

void km_tasks_deinit(struct km_tasks *tasks)
{
	free(tasks->items);
	*tasks = (struct km_tasks){ 0 };
}

/* What the frees of a call site's objects of one size agree on; 0: nothing, or no free gave one. */
static uint16_t agreed_name(const struct entry *entries, size_t nr)
{
	uint16_t name = 0;

	for (size_t i = 0; i < nr; i++) {
		const uint16_t freed_as = entries[i].kin->freed_as;

		if (!freed_as)
			continue;
		if (freed_as == KM_FREED_AS_MANY || (name && name != freed_as))
			return 0;
		name = freed_as;
	}
	return name;
}

/* The names of caches; where allocations have none, that of their frees, if these agree. */
static void name_entries(const struct km_tally *tally, const struct km_cache_options *options,
			 struct entry *entries, size_t nr)
{
	qsort(entries, nr, sizeof(*entries), by_site_and_size);
	for (size_t i = 0, end; i < nr; i = end) {
		uint16_t inferred;

		for (end = i + 1; end < nr && !by_site_and_size(&entries[i], &entries[end]);)
			end++;
		inferred = options->infers_names ? agreed_name(&entries[i], end - i) : 0;
		for (size_t k = i; k < end; k++) {
			const struct km_kin *kin = entries[k].kin;
			const uint16_t name = kin->cache ? kin->cache : inferred;

			if (!name || kin->family != KM_FAMILY_CACHE)
				continue;
			entries[k].name = km_intern_string(&tally->names, name);
			entries[k].naming = kin->cache ? KM_CACHE_NAMED : KM_CACHE_INFERRED;
		}
	}
}

struct km_error *km_tally_caches(const struct km_tally *tally,
				 const struct km_cache_options *options, struct km_caches *ret)
{
	size_t nr;
	struct entry *entries = make_entries(tally, false, &nr);
	struct km_cache *caches = calloc(tally->nr_kin, sizeof(*caches)), *cache = NULL;

	if (!entries || !caches) {
		free(entries);
		free(caches);
		return &km_error_memory;
	}
	name_entries(tally, options, entries, nr);
	for (size_t i = 0; i < nr; i++) {
		const struct km_kin *kin = entries[i].kin;

		entries[i].is_accounted = kin->family == KM_FAMILY_KMALLOC && kin->is_accounted &&
					  kin->alloc <= options->most_accounted;
	}
	qsort(entries, nr, sizeof(*entries), by_cache);
	*ret = (struct km_caches){ .items = caches };
	for (size_t i = 0; i < nr; i++) {
		const struct km_kin *kin = entries[i].kin;
		const bool is_first = !i || compare_caches(&entries[i - 1], &entries[i]);

		if (is_first) {
			cache = &caches[ret->nr++];
			*cache = (struct km_cache){
				.name = entries[i].name,
				.naming = entries[i].naming,
				.family = kin->family,
				.is_accounted = entries[i].is_accounted,
				.bytes_alloc = kin->alloc,
			};
		}
		cache->nr_sites += is_first || compare_sites(&entries[i - 1], &entries[i]);
		add_kin(kin, tally->options.has_pairs, &cache->sum, &cache->ends);
	}
	free(entries);
	return NULL;
}

void km_caches_deinit(struct km_caches *caches)
{
	free(caches->items);
	*caches = (struct km_caches){ 0 };
}
