/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A table of numbers by number: open addressing, at most two thirds full. */
#ifndef KMEMSTAT_AGG_MAP_H
#define KMEMSTAT_AGG_MAP_H

#include <stddef.h>

#include "kmemstat/error.h"

/* A slot without a value is free: no value is 0. */
struct km_map_slot {
	uint64_t key, value;
};

/* Zero-initialised is empty. */
struct km_map {
	struct km_map_slot *slots;
	size_t nr_slots; /* a power of two, or 0 */
	size_t nr;
};

void km_map_deinit(struct km_map *map);
/* What its slots take. */
static inline uint64_t km_map_bytes(const struct km_map *map)
{
	return map->nr_slots * sizeof(*map->slots);
}
/* The value of a key, to be read or changed until the table is; NULL if there is none. */
uint64_t *km_map_find(const struct km_map *map, uint64_t key);
/* Sets the value (not 0) of a key, a new one or not. Errors: KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_map_set(struct km_map *map, uint64_t key, uint64_t value);
/* Takes out the entry that km_map_find() returned. */
void km_map_remove(struct km_map *map, uint64_t *found);

#endif
