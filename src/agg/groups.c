/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of groups: an open-addressing index, at most a quarter full, into an array.
 * The only counter touched for an event is its group's hits.
 */
#include "kmemstat/agg.h"

#include <stdlib.h>
#include <string.h>

#include "base/intern.h"

struct km_groups {
	uint32_t *index; /* into items, + 1; 0: free */
	unsigned int index_bits;
	struct km_group *items;
	uint32_t nr, room; /* room = index size / 4 */
	struct km_intern names;
};

#define FIRST_INDEX_BITS 10
#define MAX_INDEX_BITS   31

static inline uint64_t hash_of(uint64_t call_site, uint32_t bytes_req, uint32_t bytes_alloc,
			       uint32_t rest)
{
	uint64_t hash = call_site ^ ((uint64_t)bytes_req << 32 | bytes_req);

	/* multipliers: odd, bits well spread; the upper bits of the product are the hash */
	hash *= 0x9e3779b97f4a7c15ULL;
	hash ^= ((uint64_t)bytes_alloc << 32 | rest) * 0xc2b2ae3d27d4eb4fULL;
	return hash ^ hash >> 29;
}

static inline uint32_t rest_of(uint16_t cache, uint8_t kind, uint8_t flags)
{
	return (uint32_t)cache | (uint32_t)kind << 16 | (uint32_t)flags << 24;
}

static struct km_error *resize(struct km_groups *groups, unsigned int bits)
{
	size_t size = (size_t)1 << bits;
	uint32_t *index;
	struct km_group *items;

	if (bits > MAX_INDEX_BITS)
		return &km_error_memory;
	index = calloc(size, sizeof(*index));
	items = reallocarray(groups->items, size / 4, sizeof(*items));
	if (items)
		groups->items = items;
	if (!index || !items) {
		free(index);
		return &km_error_memory;
	}
	for (uint32_t i = 0; i < groups->nr; i++) {
		const struct km_group *g = &items[i];
		size_t at = hash_of(g->call_site, g->bytes_req, g->bytes_alloc,
				    rest_of(g->cache, g->kind, g->flags)) &
			    (size - 1);

		while (index[at])
			at = (at + 1) & (size - 1);
		index[at] = i + 1;
	}
	free(groups->index);
	groups->index = index;
	groups->index_bits = bits;
	groups->room = (uint32_t)(size / 4);
	return NULL;
}

struct km_error *km_groups_create(struct km_groups **ret)
{
	struct km_groups *groups = calloc(1, sizeof(*groups));
	struct km_error *error;

	if (!groups)
		return &km_error_memory;
	error = resize(groups, FIRST_INDEX_BITS);
	if (error) {
		km_groups_destroy(groups);
		return error;
	}
	*ret = groups;
	return NULL;
}

void km_groups_destroy(struct km_groups *groups)
{
	if (!groups)
		return;
	km_intern_deinit(&groups->names);
	free(groups->index);
	free(groups->items);
	free(groups);
}

/* Finds or makes the group of a key; NULL without memory. */
static inline struct km_group *group_get(struct km_groups *groups, uint64_t call_site,
					 uint32_t bytes_req, uint32_t bytes_alloc, uint32_t rest)
{
	const size_t mask = ((size_t)1 << groups->index_bits) - 1;
	size_t at = hash_of(call_site, bytes_req, bytes_alloc, rest) & mask;
	struct km_group *g;

	for (; groups->index[at]; at = (at + 1) & mask) {
		g = &groups->items[groups->index[at] - 1];
		if (g->call_site == call_site && g->bytes_req == bytes_req &&
		    g->bytes_alloc == bytes_alloc && rest_of(g->cache, g->kind, g->flags) == rest)
			return g;
	}
	if (groups->nr == groups->room) {
		struct km_error *error = resize(groups, groups->index_bits + 1);

		if (error) {
			km_error_free(error);
			return NULL;
		}
		return group_get(groups, call_site, bytes_req, bytes_alloc, rest);
	}
	g = &groups->items[groups->nr++];
	*g = (struct km_group){ .call_site = call_site,
				.bytes_req = bytes_req,
				.bytes_alloc = bytes_alloc,
				.cache = (uint16_t)rest,
				.kind = (uint8_t)(rest >> 16),
				.flags = (uint8_t)(rest >> 24) };
	groups->index[at] = groups->nr;
	return g;
}

struct km_error *km_groups_add(struct km_groups *groups, const struct km_batch *batch)
{
	for (uint32_t i = 0; i < batch->nr; i++) {
		struct km_group *g;

		/* a failed allocation has no bytes; no allocation that succeeded has none */
		if (!km_event_is_alloc(batch->kind[i]) || !batch->bytes_alloc[i])
			continue;
		g = group_get(groups, batch->call_site[i], batch->bytes_req[i],
			      batch->bytes_alloc[i],
			      rest_of(batch->cache[i], batch->kind[i], batch->flags[i]));
		if (!g)
			return &km_error_memory;
		g->hits++;
	}
	return NULL;
}

struct km_error *km_groups_merge(struct km_groups *dst, const struct km_groups *src,
				 const char *(*name_of)(const void *arg, uint16_t cache),
				 const void *arg)
{
	for (uint32_t i = 0; i < src->nr; i++) {
		const struct km_group *from = &src->items[i];
		const char *name = from->cache ? name_of(arg, from->cache) : NULL;
		uint16_t cache = 0;
		struct km_group *to;

		if (name && !(cache = km_intern_get(&dst->names, name, strlen(name))))
			return &km_error_memory;
		to = group_get(dst, from->call_site, from->bytes_req, from->bytes_alloc,
			       rest_of(cache, from->kind, from->flags));
		if (!to)
			return &km_error_memory;
		to->hits = km_sat_add(to->hits, from->hits);
	}
	return NULL;
}

size_t km_groups_count(const struct km_groups *groups)
{
	return groups->nr;
}

const struct km_group *km_groups_items(const struct km_groups *groups, size_t *ret_nr)
{
	*ret_nr = groups->nr;
	return groups->items;
}

const char *km_groups_cache_name(const struct km_groups *groups, uint16_t cache)
{
	return km_intern_string(&groups->names, cache);
}
