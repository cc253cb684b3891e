/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strings as small numbers: an open-addressing table of ids. */
#include "base/intern.h"

#include <stdlib.h>
#include <string.h>

#define MAX_STRINGS 65536

void km_intern_deinit(struct km_intern *intern)
{
	for (uint32_t i = 1; i < intern->nr; i++)
		free(intern->strings[i]);
	free(intern->strings);
	free(intern->lengths);
	free(intern->table);
	*intern = (struct km_intern){ 0 };
}

/* Eight bytes at a time: this is done for every event that has a name. */
static uint32_t hash_of(const char *text, size_t len)
{
	uint64_t hash = len, word;

	for (; len >= sizeof(word); len -= sizeof(word), text += sizeof(word)) {
		memcpy(&word, text, sizeof(word));
		hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 32;
	}
	word = 0;
	memcpy(&word, text, len);
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
	return (uint32_t)(hash >> 32);
}

/* Doubles the table (first: makes it) and puts all ids in again. */
static int grow(struct km_intern *intern)
{
	uint32_t size = intern->table_size ? 2 * intern->table_size : 64;
	uint16_t *table = calloc(size, sizeof(*table));
	char **strings = reallocarray(intern->strings, size / 2, sizeof(*strings));
	uint32_t *lengths = reallocarray(intern->lengths, size / 2, sizeof(*lengths));

	if (strings)
		intern->strings = strings;
	if (lengths)
		intern->lengths = lengths;
	if (!table || !strings || !lengths) {
		intern->is_short = true;
		free(table);
		return -1;
	}
	if (!intern->nr) {
		strings[0] = NULL;
		lengths[0] = 0;
		intern->nr = 1;
	}
	for (uint32_t id = 1; id < intern->nr; id++) {
		uint32_t at = hash_of(strings[id], lengths[id]);

		while (table[at & (size - 1)])
			at++;
		table[at & (size - 1)] = (uint16_t)id;
	}
	free(intern->table);
	intern->table = table;
	intern->table_size = size;
	return 0;
}

uint16_t km_intern_get(struct km_intern *intern, const char *text, size_t len)
{
	uint32_t at;

	len = strnlen(text, len);
	if (!len)
		return 0;
	if (2 * (intern->nr + 1) > intern->table_size && intern->nr < MAX_STRINGS && grow(intern))
		return 0;
	for (at = hash_of(text, len);; at++) {
		uint16_t id = intern->table[at & (intern->table_size - 1)];

		if (!id)
			break;
		if (intern->lengths[id] == len && memcmp(intern->strings[id], text, len) == 0)
			return id;
	}
	if (intern->nr == MAX_STRINGS)
		return 0;
	intern->strings[intern->nr] = strndup(text, len);
	if (!intern->strings[intern->nr]) {
		intern->is_short = true;
		return 0;
	}
	intern->lengths[intern->nr] = (uint32_t)len;
	intern->table[at & (intern->table_size - 1)] = (uint16_t)intern->nr;
	return (uint16_t)intern->nr++;
}

const char *km_intern_string(const struct km_intern *intern, uint16_t id)
{
	return id && id < intern->nr ? intern->strings[id] : NULL;
}
