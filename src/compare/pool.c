/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strings are cut from chunks. */
#include "compare/pool.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 65536 };

struct km_pool_chunk {
	struct km_pool_chunk *next;
	size_t used, size;
	char text[];
};

void km_pool_deinit(struct km_pool *pool)
{
	while (pool->chunks) {
		struct km_pool_chunk *next = pool->chunks->next;

		free(pool->chunks);
		pool->chunks = next;
	}
}

static char *take_bytes(struct km_pool *pool, size_t size)
{
	struct km_pool_chunk *chunk = pool->chunks;

	if (!chunk || chunk->size - chunk->used < size) {
		size_t room = size > CHUNK_BYTES ? size : CHUNK_BYTES;

		chunk = malloc(sizeof(*chunk) + room);
		if (!chunk)
			return NULL;
		*chunk = (struct km_pool_chunk){ .next = pool->chunks, .size = room };
		pool->chunks = chunk;
	}
	chunk->used += size;
	return chunk->text + chunk->used - size;
}

char *km_pool_copy(struct km_pool *pool, const char *text, size_t len)
{
	char *copy = take_bytes(pool, len + 1);

	if (!copy)
		return NULL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

char *km_pool_printf(struct km_pool *pool, const char *format, ...)
{
	va_list args;
	char *text, *copy;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0)
		return NULL;
	copy = km_pool_copy(pool, text, (size_t)len);
	free(text);
	return copy;
}
