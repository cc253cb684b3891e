/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The map of a percpu chunk before Linux v4.14: where each area begins, in order, with a bit for
 * those in use, and the chunk's end behind them (struct pcpu_chunk, mm/percpu.c, v4.13).
 *
 * An allocation takes the first free area that is large enough (pcpu_alloc_area()): each entry
 * from the first free one on is a step. A free finds its entry by halving the array
 * (pcpu_free_area()): each look is one.
 */
#include "model/percpu_chunk.h"

#include <stdlib.h>
#include <string.h>

enum {
	IN_USE = 1,
	SMALL = 4, /* free areas under sizeof(int) are left to what lies beside them */
};

struct km_percpu_areas {
	uint32_t *starts; /* offset | IN_USE; one more behind the last */
	uint32_t nr, room;
	uint32_t first_free; /* no area before this one is free */
	uint32_t largest;    /* no free area is larger than this hint */
	uint32_t free_bytes;
	uint32_t bytes;
};

struct km_error *km_percpu_areas_create(uint32_t bytes, struct km_percpu_areas **ret)
{
	struct km_percpu_areas *map = calloc(1, sizeof(*map));

	if (!map)
		return &km_error_memory;
	map->room = 16;
	map->starts = calloc(map->room, sizeof(*map->starts));
	if (!map->starts) {
		free(map);
		return &km_error_memory;
	}
	map->nr = 1;
	map->starts[1] = bytes | IN_USE;
	map->largest = map->free_bytes = map->bytes = bytes;
	*ret = map;
	return NULL;
}

void km_percpu_areas_destroy(struct km_percpu_areas *map)
{
	if (!map)
		return;
	free(map->starts);
	free(map);
}

struct km_error *km_percpu_areas_reserve(struct km_percpu_areas *map)
{
	uint32_t *starts;

	/* two areas more, and the end */
	if (map->nr + 3 <= map->room)
		return NULL;
	starts = reallocarray(map->starts, 2 * (size_t)map->room, sizeof(*starts));
	if (!starts)
		return &km_error_memory;
	map->starts = starts;
	map->room *= 2;
	return NULL;
}

static bool is_free(const struct km_percpu_areas *map, uint32_t i)
{
	return !(map->starts[i] & IN_USE);
}

static uint32_t start_of(const struct km_percpu_areas *map, uint32_t i)
{
	return map->starts[i] & ~(uint32_t)IN_USE;
}

static uint32_t size_of(const struct km_percpu_areas *map, uint32_t i)
{
	return start_of(map, i + 1) - start_of(map, i);
}

static uint32_t max_u32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* A free area begins within area `i`, at this offset. */
static void split(struct km_percpu_areas *map, uint32_t i, uint32_t offset)
{
	memmove(&map->starts[i + 2], &map->starts[i + 1], (map->nr - i) * sizeof(map->starts[0]));
	map->starts[i + 1] = offset;
	map->nr++;
}

/* Of the areas that were looked at and stay free the first one, and the largest size. */
struct seen {
	uint32_t first, largest;
	bool any;
};

static void see(struct seen *seen, uint32_t i, uint32_t size)
{
	if (!seen->any)
		seen->first = i;
	seen->any = true;
	seen->largest = max_u32(seen->largest, size);
}

/* Uses free area `i`, from `head` bytes behind its start. */
static uint32_t use_area(struct km_percpu_areas *map, uint32_t i, uint32_t head, uint32_t size,
			 struct seen *seen)
{
	const uint32_t start = start_of(map, i), end = start + size_of(map, i);
	const uint32_t offset = start + head;
	uint32_t used_end = offset + size;

	if (head && (head < SMALL || is_free(map, i - 1))) {
		/* what is before it takes the gap */
		map->starts[i] = offset;
		if (is_free(map, i - 1))
			seen->largest = max_u32(seen->largest, size_of(map, i - 1));
		else
			map->free_bytes -= head;
	} else if (head) {
		split(map, i, offset);
		see(seen, i, head);
		i++;
	}
	if (end - used_end < SMALL) {
		used_end = end;
	} else {
		split(map, i, used_end);
		seen->largest = max_u32(seen->largest, end - used_end);
	}
	map->first_free = seen->any ? seen->first : i + 1;
	/* else the hint stays, though it may be what was used now: a later search will tell */
	map->largest = i + 1 == map->nr ? seen->largest : max_u32(map->largest, seen->largest);
	map->free_bytes -= used_end - offset;
	map->starts[i] |= IN_USE;
	return offset;
}

uint32_t km_percpu_areas_alloc(struct km_percpu_areas *map, uint32_t size, uint32_t align,
			       uint64_t *steps)
{
	struct seen seen = { 0 };

	for (uint32_t i = map->first_free; i < map->nr; i++) {
		uint32_t start, head;

		++*steps;
		if (!is_free(map, i))
			continue;
		start = start_of(map, i);
		head = ((start + align - 1) & ~(align - 1)) - start;
		if (size_of(map, i) < head + size) {
			see(&seen, i, size_of(map, i));
			continue;
		}
		return use_area(map, i, head, size, &seen);
	}
	if (seen.any)
		map->first_free = seen.first;
	map->largest = seen.largest;
	return KM_PERCPU_NOWHERE;
}

/* The area that begins there. */
static uint32_t find(const struct km_percpu_areas *map, uint32_t offset, uint64_t *steps)
{
	uint32_t from = 0, to = map->nr;

	while (from < to) {
		const uint32_t middle = (from + to) / 2;

		++*steps;
		if (start_of(map, middle) == offset)
			return middle;
		if (start_of(map, middle) < offset)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

void km_percpu_areas_free(struct km_percpu_areas *map, uint32_t offset, uint64_t *steps)
{
	uint32_t i = find(map, offset, steps), nr_gone = 0;

	if (i < map->first_free)
		map->first_free = i;
	map->starts[i] &= ~(uint32_t)IN_USE;
	map->free_bytes += size_of(map, i);
	if (is_free(map, i + 1))
		nr_gone++;
	if (i && is_free(map, i - 1)) {
		nr_gone++;
		i--;
	}
	memmove(&map->starts[i + 1], &map->starts[i + 1 + nr_gone],
		(map->nr - i - nr_gone) * sizeof(map->starts[0]));
	map->nr -= nr_gone;
	map->largest = max_u32(map->largest, size_of(map, i));
}

uint32_t km_percpu_areas_largest(const struct km_percpu_areas *map)
{
	return map->largest;
}

uint32_t km_percpu_areas_free_bytes(const struct km_percpu_areas *map)
{
	return map->free_bytes;
}

uint32_t km_percpu_areas_top(const struct km_percpu_areas *map)
{
	return is_free(map, map->nr - 1) ? start_of(map, map->nr - 1) : map->bytes;
}
