/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render/names.h"

#include <stdlib.h>
#include <string.h>

static uint32_t hash_of(const char *bytes, size_t size)
{
	uint64_t hash = size;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (unsigned char)bytes[i]) * 0x9e3779b97f4a7c15ULL;
	return (uint32_t)(hash >> 32);
}

/* The slot of the bytes, or the free one where they belong. */
static uint32_t *find_slot(const struct km_texts *names, const char *bytes, size_t size)
{
	for (uint32_t at = hash_of(bytes, size);; at++) {
		uint32_t *slot = &names->slots[at & (names->nr_slots - 1)];
		const struct km_name *name = *slot ? &names->items[*slot - 1] : NULL;

		if (!name || (name->size == size && memcmp(name->bytes, bytes, size) == 0))
			return slot;
	}
}

static bool grow(struct km_texts *names)
{
	const uint32_t room = names->room ? 2 * names->room : 64;
	struct km_name *items;
	uint32_t *slots;

	if (room > UINT32_MAX / 4)
		return false;
	items = reallocarray(names->items, room, sizeof(*items));
	if (!items)
		return false;
	names->items = items;
	slots = calloc(2 * (size_t)room, sizeof(*slots));
	if (!slots)
		return false;
	free(names->slots);
	names->slots = slots;
	names->nr_slots = 2 * room;
	names->room = room;
	for (uint32_t i = 0; i < names->nr; i++)
		*find_slot(names, names->items[i].bytes, names->items[i].size) = i + 1;
	return true;
}

bool km_texts_get(struct km_texts *names, const char *bytes, size_t size, uint32_t *ret)
{
	struct km_name *name;
	uint32_t *slot;

	if (names->nr == names->room && !grow(names))
		return false;
	slot = find_slot(names, bytes, size);
	if (!*slot) {
		name = &names->items[names->nr];
		name->bytes = malloc(size + 1);
		if (!name->bytes)
			return false;
		if (size)
			memcpy(name->bytes, bytes, size);
		name->size = size;
		*slot = ++names->nr;
	}
	*ret = *slot - 1;
	return true;
}

void km_texts_deinit(struct km_texts *names)
{
	for (uint32_t i = 0; i < names->nr; i++)
		free(names->items[i].bytes);
	free(names->items);
	free(names->slots);
	*names = (struct km_texts){ 0 };
}
