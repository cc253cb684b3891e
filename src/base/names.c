/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/names.h"

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
static uint32_t *find_slot(const struct km_names *names, const char *bytes, size_t size)
{
	for (uint32_t at = hash_of(bytes, size);; at++) {
		uint32_t *slot = &names->slots[at & (names->nr_slots - 1)];

		if (!*slot || (names->sizes[*slot - 1] == size &&
			       memcmp(names->names[*slot - 1], bytes, size) == 0))
			return slot;
	}
}

static bool grow(struct km_names *names)
{
	const uint32_t room = names->room ? 2 * names->room : 64;
	const char **texts;
	size_t *sizes;
	uint32_t *slots;

	if (room > UINT32_MAX / 4)
		return false;
	texts = reallocarray(names->names, room, sizeof(*texts));
	if (!texts)
		return false;
	names->names = texts;
	sizes = reallocarray(names->sizes, room, sizeof(*sizes));
	if (!sizes)
		return false;
	names->sizes = sizes;
	slots = calloc(2 * (size_t)room, sizeof(*slots));
	if (!slots)
		return false;
	free(names->slots);
	names->slots = slots;
	names->nr_slots = 2 * room;
	names->room = room;
	for (uint32_t i = 0; i < names->nr; i++)
		*find_slot(names, names->names[i], names->sizes[i]) = i + 1;
	return true;
}

bool km_names_get(struct km_names *names, const char *bytes, size_t size, uint32_t *ret,
		  bool *ret_is_new)
{
	uint32_t *slot;
	char *copy;

	if (names->nr == names->room && !grow(names))
		return false;
	slot = find_slot(names, bytes, size);
	if (ret_is_new)
		*ret_is_new = !*slot;
	if (!*slot) {
		copy = malloc(size + 1);
		if (!copy)
			return false;
		if (size)
			memcpy(copy, bytes, size);
		copy[size] = '\0';
		names->names[names->nr] = copy;
		names->sizes[names->nr] = size;
		*slot = ++names->nr;
	}
	*ret = *slot - 1;
	return true;
}

bool km_names_has(const struct km_names *names, const char *bytes, size_t size, uint32_t *ret)
{
	const uint32_t *slot = names->nr_slots ? find_slot(names, bytes, size) : NULL;

	if (!slot || !*slot)
		return false;
	*ret = *slot - 1;
	return true;
}

void km_names_deinit(struct km_names *names)
{
	for (uint32_t i = 0; i < names->nr; i++)
		free((void *)names->names[i]);
	free(names->names);
	free(names->sizes);
	free(names->slots);
	*names = (struct km_names){ 0 };
}
