/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sym/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 16 << 10 };

struct km_arena_block {
	struct km_arena_block *next;
	size_t used, size;
	alignas(max_align_t) unsigned char data[];
};

void km_arena_deinit(struct km_arena *arena)
{
	while (arena->blocks) {
		struct km_arena_block *next = arena->blocks->next;

		free(arena->blocks);
		arena->blocks = next;
	}
}

void *km_arena_alloc(struct km_arena *arena, size_t size)
{
	struct km_arena_block *block = arena->blocks;
	size_t align = alignof(max_align_t);

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + align - 1) & ~(align - 1);
	if (!block || block->size - block->used < size) {
		size_t max = size > BLOCK_BYTES ? size : BLOCK_BYTES;

		block = calloc(1, sizeof(*block) + max);
		if (!block)
			return NULL;
		block->size = max;
		block->next = arena->blocks;
		arena->blocks = block;
	}
	block->used += size;
	return block->data + block->used - size;
}

char *km_arena_strdup(struct km_arena *arena, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = km_arena_alloc(arena, size);

	return copy ? memcpy(copy, text, size) : NULL;
}
