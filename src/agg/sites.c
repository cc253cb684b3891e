/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Groups -> call sites with their sizes. */
#include "kmemstat/agg.h"

#include <stdlib.h>
#include <string.h>

static const char *const family_names[KM_NR_FAMILIES] = {
	[KM_FAMILY_KMALLOC] = "kmalloc",
	[KM_FAMILY_CACHE] = "kmem_cache_alloc",
};

const char *km_family_name(enum km_family family)
{
	return family_names[family];
}

/* What the sort compares: cache ids depend on the order of events, names do not. */
struct key {
	const struct km_group *group;
	const char *cache; /* "" without a name */
};

static int compare_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_site(const struct key *a, const struct key *b)
{
	int order = compare_u64(a->group->call_site, b->group->call_site);

	return order ? order
		     : compare_u64(km_family_of(a->group->what.kind),
				   km_family_of(b->group->what.kind));
}

static int compare_size(const struct key *a, const struct key *b)
{
	int order = compare_u64(a->group->size.alloc, b->group->size.alloc);

	if (!order)
		order = compare_u64(a->group->size.req, b->group->size.req);
	return order ? order : strcmp(a->cache, b->cache);
}

static int compare_keys(const void *a, const void *b)
{
	int order = compare_site(a, b);

	return order ? order : compare_size(a, b);
}

static void add_group(struct km_sum *sum, const struct km_group *group)
{
	uint64_t hits = group->hits;

	sum->hits = km_sat_add(sum->hits, hits);
	sum->bytes_req = km_sat_add(sum->bytes_req, km_sat_mul(hits, group->size.req));
	sum->bytes_alloc = km_sat_add(sum->bytes_alloc, km_sat_mul(hits, group->size.alloc));
	if (group->what.flags & KM_EVF_ACCOUNTED)
		sum->accounted_hits = km_sat_add(sum->accounted_hits, hits);
}

/* The lives of a call site's allocations. Both lists have the same order: `*at` moves on. */
static const struct km_life_stats *find_life(const struct km_lives *lives,
					     const struct km_site *site, size_t *at)
{
	while (lives && *at < lives->nr_sites) {
		const struct km_site_life *life = &lives->sites[*at];

		if (life->address > site->address ||
		    (life->address == site->address && life->family >= site->family))
			return life->address == site->address && life->family == site->family
				       ? &life->stats
				       : NULL;
		++*at;
	}
	return NULL;
}

static void merge_keys(const struct key *keys, size_t nr, const struct km_lives *lives,
		       struct km_sites *ret)
{
	struct km_site *site = NULL;
	struct km_size *next = ret->sizes;
	size_t at_life = 0;

	for (size_t i = 0; i < nr; i++) {
		const struct km_group *group = keys[i].group;

		if (!site || compare_site(&keys[i - 1], &keys[i])) {
			site = &ret->sites[ret->nr++];
			*site = (struct km_site){
				.address = group->call_site,
				.traced = group->call_site,
				.family = km_family_of(group->what.kind),
				.sizes = next,
			};
			site->life = find_life(lives, site, &at_life);
		}
		if (site->nr_sizes == 0 || compare_size(&keys[i - 1], &keys[i])) {
			*next = (struct km_size){
				.bytes_req = group->size.req,
				.bytes_alloc = group->size.alloc,
				.cache = group->what.cache,
			};
			next++;
			site->nr_sizes++;
		}
		next[-1].hits = km_sat_add(next[-1].hits, group->hits);
		add_group(&site->sum, group);
	}
}

struct km_error *km_sites_build(const struct km_groups *groups, const struct km_lives *lives,
				struct km_sites *ret)
{
	struct km_sites built = { 0 };
	size_t nr, nr_keys = 0;
	const struct km_group *items = km_groups_items(groups, &nr);
	struct key *keys = calloc(nr + 1, sizeof(*keys));

	built.sites = calloc(nr + 1, sizeof(*built.sites));
	built.sizes = calloc(nr + 1, sizeof(*built.sizes));
	if (!keys || !built.sites || !built.sizes) {
		free(keys);
		km_sites_deinit(&built);
		return &km_error_memory;
	}
	for (size_t i = 0; i < nr; i++) {
		const char *name = km_groups_cache_name(groups, items[i].what.cache);
		const enum km_layer layer = km_event_layer(items[i].what.kind);

		add_group(&built.layers[layer], &items[i]);
		if (layer == KM_LAYER_SLAB)
			keys[nr_keys++] =
				(struct key){ .group = &items[i], .cache = name ? name : "" };
	}
	qsort(keys, nr_keys, sizeof(*keys), compare_keys);
	merge_keys(keys, nr_keys, lives, &built);
	free(keys);
	*ret = built;
	return NULL;
}

void km_sites_deinit(struct km_sites *sites)
{
	free(sites->sites);
	free(sites->sizes);
	*sites = (struct km_sites){ 0 };
}
