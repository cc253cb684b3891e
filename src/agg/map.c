/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linear probing; what stands behind a slot that becomes free moves up, so there are no marks. */
#include "agg/map.h"

#include <stdlib.h>

#define FIRST_SLOTS 256

void km_map_deinit(struct km_map *map)
{
	free(map->slots);
	*map = (struct km_map){ 0 };
}

/* Where a key would be if it were alone. */
static inline size_t home_of(const struct km_map *map, uint64_t key)
{
	/* the upper half of the product depends on all bits of the key */
	return ((key ^ key >> 32) * 0x9e3779b97f4a7c15ULL >> 32) & (map->nr_slots - 1);
}

/* The slot of a key, or the free one where it belongs. */
static inline struct km_map_slot *find_slot(const struct km_map *map, uint64_t key)
{
	size_t at = home_of(map, key);

	while (map->slots[at].value && map->slots[at].key != key)
		at = (at + 1) & (map->nr_slots - 1);
	return &map->slots[at];
}

uint64_t *km_map_find(const struct km_map *map, uint64_t key)
{
	struct km_map_slot *slot;

	if (!map->nr)
		return NULL;
	slot = find_slot(map, key);
	return slot->value ? &slot->value : NULL;
}

static struct km_error *grow(struct km_map *map)
{
	struct km_map old = *map;

	map->nr_slots = old.nr_slots ? 2 * old.nr_slots : FIRST_SLOTS;
	map->slots = calloc(map->nr_slots, sizeof(*map->slots));
	if (!map->slots) {
		*map = old;
		return &km_error_memory;
	}
	for (size_t i = 0; i < old.nr_slots; i++)
		if (old.slots[i].value)
			*find_slot(map, old.slots[i].key) = old.slots[i];
	free(old.slots);
	return NULL;
}

struct km_error *km_map_set(struct km_map *map, uint64_t key, uint64_t value)
{
	struct km_map_slot *slot;

	if (3 * (map->nr + 1) > 2 * map->nr_slots) {
		struct km_error *error = grow(map);

		if (error)
			return error;
	}
	slot = find_slot(map, key);
	map->nr += !slot->value;
	*slot = (struct km_map_slot){ key, value };
	return NULL;
}

void km_map_remove(struct km_map *map, uint64_t *found)
{
	const size_t mask = map->nr_slots - 1;
	struct km_map_slot *slot =
		(struct km_map_slot *)((char *)found - offsetof(struct km_map_slot, value));
	size_t hole = (size_t)(slot - map->slots);

	for (size_t at = (hole + 1) & mask; map->slots[at].value; at = (at + 1) & mask) {
		size_t home = home_of(map, map->slots[at].key);

		/* one whose home lies behind the hole would not be found in it */
		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		map->slots[hole] = map->slots[at];
		hole = at;
	}
	map->slots[hole].value = 0;
	map->nr--;
}
