/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of groups: open addressing, at most a quarter full. A slot is half a cache line, and
 * the only counter touched for an event is its group's hits; a slot with none is free.
 */
#include "kmemstat/agg.h"

#include <stdlib.h>
#include <string.h>

#include "base/intern.h"

struct km_groups {
	struct km_group *slots;
	size_t nr_slots; /* a power of two */
	size_t nr;
	struct km_group *items; /* after a merge: the groups without the free slots */
	struct km_intern names;
};

#define FIRST_SLOTS 1024

/* A group's identity, as the table compares it: the bytes of a struct km_group before its hits. */
struct key {
	uint64_t call_site;
	uint64_t size; /* struct km_event_size */
	uint32_t what; /* struct km_event_what */
};

_Static_assert(sizeof(struct km_group) == 32, "a slot is half a cache line");
_Static_assert(sizeof(struct km_event_size) == 8 && sizeof(struct km_event_what) == 4,
	       "a key is compared as three numbers");

static inline struct key key_make(const uint64_t *call_site, const struct km_event_size *size,
				  const struct km_event_what *what)
{
	struct key key = { .call_site = *call_site };

	memcpy(&key.size, size, sizeof(key.size));
	memcpy(&key.what, what, sizeof(key.what));
	return key;
}

static inline struct key key_of(const struct km_group *g)
{
	return key_make(&g->call_site, &g->size, &g->what);
}

static inline size_t hash_of(struct key key)
{
	/* odd multipliers with well spread bits; the upper bits of the product are the best */
	uint64_t hash = (key.call_site ^ (uint64_t)key.what << 32) * 0x9e3779b97f4a7c15ULL;

	return ((hash ^ key.size) * 0xc2b2ae3d27d4eb4fULL) >> 32;
}

/* The slot that holds the key, or the free one where it belongs. */
static inline struct km_group *find_slot(struct km_group *slots, size_t mask, struct key key)
{
	size_t at = hash_of(key) & mask;

	for (;; at = (at + 1) & mask) {
		struct km_group *g = &slots[at];
		struct key other = key_of(g);

		if (((other.call_site ^ key.call_site) | (other.size ^ key.size) |
		     (other.what ^ key.what)) == 0 ||
		    !g->hits)
			return g;
	}
}

static struct km_error *resize(struct km_groups *groups, size_t nr_slots)
{
	struct km_group *slots;

	if (nr_slots > SIZE_MAX / 2 / sizeof(*slots))
		return &km_error_memory;
	slots = aligned_alloc(64, nr_slots * sizeof(*slots));
	if (!slots)
		return &km_error_memory;
	memset(slots, 0, nr_slots * sizeof(*slots));
	for (size_t i = 0; i < groups->nr_slots; i++)
		if (groups->slots[i].hits)
			*find_slot(slots, nr_slots - 1, key_of(&groups->slots[i])) =
				groups->slots[i];
	free(groups->slots);
	groups->slots = slots;
	groups->nr_slots = nr_slots;
	return NULL;
}

struct km_error *km_groups_create(struct km_groups **ret)
{
	struct km_groups *groups = calloc(1, sizeof(*groups));
	struct km_error *error;

	if (!groups)
		return &km_error_memory;
	error = resize(groups, FIRST_SLOTS);
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
	free(groups->slots);
	free(groups->items);
	free(groups);
}

/* Fills a free slot, without its hits; grows the table when it is a quarter full. */
static struct km_error *group_add(struct km_groups *groups, struct km_group *free_slot,
				  struct key key, uint64_t hits)
{
	free_slot->call_site = key.call_site;
	memcpy(&free_slot->size, &key.size, sizeof(key.size));
	memcpy(&free_slot->what, &key.what, sizeof(key.what));
	free_slot->number = (uint32_t)groups->nr;
	free_slot->hits = hits;
	groups->nr++;
	return 4 * groups->nr > groups->nr_slots ? resize(groups, 2 * groups->nr_slots) : NULL;
}

struct km_error *km_groups_add(struct km_groups *groups, const struct km_batch *batch)
{
	struct km_group *slots = groups->slots;
	size_t mask = groups->nr_slots - 1;

	for (uint32_t i = 0; i < batch->nr; i++) {
		struct key key = key_make(&batch->call_site[i], &batch->size[i], &batch->what[i]);
		struct km_group *g;

		/* a free has no bytes, nor has an allocation that failed; one that did not has some
		 */
		if (!batch->size[i].alloc)
			continue;
		g = find_slot(slots, mask, key);
		if (__builtin_expect(!g->hits, 0)) {
			struct km_error *error = group_add(groups, g, key, 1);

			if (error)
				return error;
			slots = groups->slots;
			mask = groups->nr_slots - 1;
			continue;
		}
		g->hits++;
	}
	return NULL;
}

struct km_error *km_groups_number(struct km_groups *groups, const struct km_batch *batch,
				  uint32_t number[KM_BATCH_EVENTS])
{
	struct km_group *slots = groups->slots;
	size_t mask = groups->nr_slots - 1;

	for (uint32_t i = 0; i < batch->nr; i++) {
		struct key key = key_make(&batch->call_site[i], &batch->size[i], &batch->what[i]);
		struct km_group *g;

		if (number[i])
			continue;
		g = find_slot(slots, mask, key);
		if (__builtin_expect(!g->hits, 0)) {
			struct km_error *error;

			if (groups->nr >= KM_MOST_GROUPS)
				return &km_error_memory;
			number[i] = (uint32_t)groups->nr;
			error = group_add(groups, g, key, 1);
			if (error)
				return error;
			slots = groups->slots;
			mask = groups->nr_slots - 1;
			continue;
		}
		number[i] = g->number;
		g->hits++;
	}
	return NULL;
}

/* Makes the dense array of groups. */
static struct km_error *collect_items(struct km_groups *groups)
{
	struct km_group *items = reallocarray(groups->items, groups->nr + 1, sizeof(*items));
	size_t nr = 0;

	if (!items)
		return &km_error_memory;
	groups->items = items;
	for (size_t i = 0; i < groups->nr_slots; i++)
		if (groups->slots[i].hits)
			items[nr++] = groups->slots[i];
	return NULL;
}

struct km_error *km_groups_merge(struct km_groups *dst, const struct km_groups *src,
				 const char *(*name_of)(const void *arg, uint16_t cache),
				 const void *arg)
{
	for (size_t i = 0; i < src->nr_slots; i++) {
		const struct km_group *from = &src->slots[i];
		const char *name = from->what.cache ? name_of(arg, from->what.cache) : NULL;
		struct km_event_what what = from->what;
		struct km_group *to;
		struct key key;
		struct km_error *error = NULL;

		if (!from->hits)
			continue;
		what.cache = name ? km_intern_get(&dst->names, name, strlen(name)) : 0;
		if (name && !what.cache)
			return &km_error_memory;
		key = key_make(&from->call_site, &from->size, &what);
		to = find_slot(dst->slots, dst->nr_slots - 1, key);
		if (to->hits)
			to->hits = km_sat_add(to->hits, from->hits);
		else
			error = group_add(dst, to, key, from->hits);
		if (error)
			return error;
	}
	return collect_items(dst);
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
