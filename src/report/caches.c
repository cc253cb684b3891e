/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Caches of a report, and what slabinfo says of each. A cache that the trace names is looked up by
 * name; one that it does not by the size of its objects, if only one has that. kmalloc's are known
 * by size: kmalloc-64, for allocations charged to a memory cgroup kmalloc-cg-64 where slabinfo has
 * that (from 5.14 on, create_kmalloc_caches(), mm/slab_common.c), and with CONFIG_RANDOM_KMALLOC_
 * CACHES (6.6) also kmalloc-rnd-01-64 to -15-64, which are one here.
 */
#include "report/build.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *km_cache_naming_name(enum km_cache_naming naming)
{
	static const char *const names[] = {
		[KM_CACHE_UNNAMED] = "size",
		[KM_CACHE_NAMED] = "event",
		[KM_CACHE_INFERRED] = "free",
	};

	return names[naming];
}

static bool has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_kmalloc(const char *name)
{
	return has_prefix(name, "kmalloc-") || has_prefix(name, "dma-kmalloc-");
}

/* "kmalloc-rnd-07-64" where `name` is "kmalloc-64". */
static bool is_random_copy(const char *copy, const char *name)
{
	const char *dash;

	if (!has_prefix(copy, "kmalloc-rnd-"))
		return false;
	dash = strchr(copy + strlen("kmalloc-rnd-"), '-');
	return dash && has_prefix(name, "kmalloc-") && strcmp(name + strlen("kmalloc"), dash) == 0;
}

/* The only cache with objects of that size, of kmalloc or not; counts those that have it. */
static const struct km_slab_cache *find_size(const struct km_slabinfo *slabinfo, uint64_t bytes,
					     bool of_kmalloc, uint64_t *ret_nr)
{
	const struct km_slab_cache *found = NULL;

	*ret_nr = 0;
	for (size_t i = 0; i < slabinfo->nr; i++) {
		const struct km_slab_cache *cache = &slabinfo->caches[i];

		if (cache->object_bytes == bytes && is_kmalloc(cache->name) == of_kmalloc) {
			found = cache;
			++*ret_nr;
		}
	}
	return *ret_nr == 1 ? found : NULL;
}

static void add_objects(struct km_report_cache *cache, const struct km_slab_cache *slab)
{
	cache->active_objs = km_sat_add(cache->active_objs, slab->active_objs);
	cache->objs = km_sat_add(cache->objs, slab->objs);
	cache->active_slabs = km_sat_add(cache->active_slabs, slab->active_slabs);
	cache->slabs = km_sat_add(cache->slabs, slab->slabs);
}

static struct km_error *set_slab(struct km_report_own *own, struct km_report_cache *cache,
				 const struct km_slab_cache *slab)
{
	const struct km_slabinfo *slabinfo = own->report.slabinfo;
	const uint32_t page_size = km_sane_page_size(own->report.input->page_size);
	const uint64_t slab_bytes = (uint64_t)slab->pages_per_slab * page_size;
	const uint64_t used = (uint64_t)slab->objs_per_slab * slab->object_bytes;

	cache->slab_name = km_strings_safe(&own->strings, slab->name);
	if (!cache->slab_name)
		return &km_error_memory;
	add_objects(cache, slab);
	for (size_t i = 0; i < slabinfo->nr; i++)
		if (is_random_copy(slabinfo->caches[i].name, slab->name))
			add_objects(cache, &slabinfo->caches[i]);
	cache->nr_candidates = 0;
	cache->objs_per_slab = slab->objs_per_slab;
	cache->pages_per_slab = slab->pages_per_slab;
	cache->order = km_page_order(slab_bytes, page_size);
	/* a file that contradicts itself, or is of a machine with other pages */
	cache->has_tail = used <= slab_bytes;
	if (cache->has_tail) {
		cache->tail_bytes = slab_bytes - used;
		cache->tail_percent = 100.0 * (double)cache->tail_bytes / (double)slab_bytes;
		cache->tails_bytes = km_sat_mul(cache->tail_bytes, cache->slabs);
	}
	return NULL;
}

static struct km_error *match_slab(struct km_report_own *own, struct km_report_cache *cache,
				   enum km_family family)
{
	const struct km_slabinfo *slabinfo = own->report.slabinfo;
	const bool of_kmalloc = family == KM_FAMILY_KMALLOC;
	const struct km_slab_cache *slab = NULL;

	if (of_kmalloc || cache->naming != KM_CACHE_UNNAMED)
		slab = km_slabinfo_find(slabinfo, cache->name);
	/* the events say the size, too: a file of another kernel would differ */
	if (slab && slab->object_bytes != cache->bytes)
		slab = NULL;
	if (!slab && cache->naming == KM_CACHE_UNNAMED)
		slab = find_size(slabinfo, cache->bytes, of_kmalloc, &cache->nr_candidates);
	return slab ? set_slab(own, cache, slab) : NULL;
}

static const char *name_of(struct km_report_own *own, const struct km_cache *from)
{
	char name[48];

	if (from->name)
		return km_strings_safe(&own->strings, from->name);
	if (from->family == KM_FAMILY_CACHE)
		return km_strings_printf(&own->strings, "cache-%" PRIu32, from->bytes_alloc);
	km_class_name(from->bytes_alloc, own->report.input->page_size, name, sizeof(name));
	if (from->is_accounted && has_prefix(name, "kmalloc-"))
		return km_strings_printf(&own->strings, "kmalloc-cg-%s", name + strlen("kmalloc-"));
	return km_strings_printf(&own->strings, "%s", name);
}

struct km_error *km_report_build_caches(struct km_report_own *own,
					const struct km_report_parts *parts)
{
	struct km_report *report = &own->report;
	const struct km_caches *caches = parts->caches;
	struct km_error *error = NULL;

	report->has_caches = true;
	report->caches = calloc(caches->nr + 1, sizeof(*report->caches));
	if (!report->caches)
		return &km_error_memory;
	for (size_t i = 0; !error && i < caches->nr; i++) {
		const struct km_cache *from = &caches->items[i];
		struct km_report_cache *cache = &report->caches[report->nr_caches++];

		*cache = (struct km_report_cache){
			.name = name_of(own, from),
			.naming = from->naming,
			.bytes = from->bytes_alloc,
		};
		if (!cache->name)
			return &km_error_memory;
		km_report_sum_set(&from->sum, &from->ends, from->nr_sites, &cache->sum);
		if (report->slabinfo)
			error = match_slab(own, cache, from->family);
	}
	return error;
}
