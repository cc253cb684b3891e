/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interned stacks: their frames in one array, found by a hash of them. */
#include "kmemstat/stacks.h"

#include <stdlib.h>
#include <string.h>

#include "agg/map.h"

struct stack {
	size_t at; /* of its first frame */
	uint32_t nr_frames;
	uint32_t next; /* the next one with the same hash; 0: none */
};

struct km_stacks {
	size_t most_frames;   /* of one */
	struct stack *stacks; /* by number; the first is unused */
	uint32_t nr, room;
	uint64_t *frames;
	size_t nr_frames, room_frames;
	struct km_map by_hash; /* the last number with that hash */
};

struct km_error *km_stacks_create(size_t most_frames, struct km_stacks **ret)
{
	struct km_stacks *stacks = calloc(1, sizeof(*stacks));

	if (!stacks)
		return &km_error_memory;
	stacks->nr = 1;
	stacks->most_frames =
		most_frames < KM_STACK_MOST_FRAMES ? most_frames : KM_STACK_MOST_FRAMES;
	*ret = stacks;
	return NULL;
}

void km_stacks_destroy(struct km_stacks *stacks)
{
	if (!stacks)
		return;
	free(stacks->stacks);
	free(stacks->frames);
	km_map_deinit(&stacks->by_hash);
	free(stacks);
}

static uint64_t hash_of(const uint64_t *frames, size_t nr)
{
	uint64_t hash = nr;

	for (size_t i = 0; i < nr; i++) {
		hash = (hash ^ frames[i]) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 32;
	}
	return hash;
}

/* Room for one more with that many frames. */
static struct km_error *make_room(struct km_stacks *stacks, size_t nr_frames)
{
	if (stacks->nr >= stacks->room) {
		uint32_t room = stacks->room ? 2 * stacks->room : 256;
		struct stack *items = NULL;

		if (room > stacks->room)
			items = reallocarray(stacks->stacks, room, sizeof(*items));
		if (!items)
			return &km_error_memory;
		stacks->stacks = items;
		stacks->room = room;
	}
	if (stacks->nr_frames + nr_frames > stacks->room_frames) {
		size_t room = stacks->room_frames ? 2 * stacks->room_frames : 4096;
		uint64_t *frames = reallocarray(stacks->frames, room, sizeof(*frames));

		if (!frames)
			return &km_error_memory;
		stacks->frames = frames;
		stacks->room_frames = room;
	}
	return NULL;
}

struct km_error *km_stacks_add(struct km_stacks *stacks, const uint64_t *frames, size_t nr_frames,
			       uint32_t *ret)
{
	const size_t nr = nr_frames < stacks->most_frames ? nr_frames : stacks->most_frames;
	const uint64_t hash = hash_of(frames, nr), *found = km_map_find(&stacks->by_hash, hash);
	const uint32_t first = found ? (uint32_t)*found : 0;
	struct km_error *error;

	if (!nr) {
		*ret = 0;
		return NULL;
	}
	for (uint32_t i = first; i; i = stacks->stacks[i].next) {
		const struct stack *stack = &stacks->stacks[i];

		if (stack->nr_frames == nr &&
		    !memcmp(stacks->frames + stack->at, frames, nr * sizeof(*frames))) {
			*ret = i;
			return NULL;
		}
	}
	error = make_room(stacks, nr);
	if (!error)
		error = km_map_set(&stacks->by_hash, hash, stacks->nr);
	if (error)
		return error;
	stacks->stacks[stacks->nr] = (struct stack){ stacks->nr_frames, (uint32_t)nr, first };
	memcpy(stacks->frames + stacks->nr_frames, frames, nr * sizeof(*frames));
	stacks->nr_frames += nr;
	*ret = stacks->nr++;
	return NULL;
}

uint32_t km_stacks_end(const struct km_stacks *stacks)
{
	return stacks->nr;
}

size_t km_stacks_get(const struct km_stacks *stacks, uint32_t number, uint64_t **ret)
{
	*ret = NULL;
	if (!number || number >= stacks->nr)
		return 0;
	*ret = stacks->frames + stacks->stacks[number].at;
	return stacks->stacks[number].nr_frames;
}

uint64_t km_stacks_bytes(const struct km_stacks *stacks)
{
	return stacks->room * sizeof(*stacks->stacks) +
	       stacks->room_frames * sizeof(*stacks->frames) + km_map_bytes(&stacks->by_hash);
}
