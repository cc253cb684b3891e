/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory that is freed all at once: the strings and frames of the resolver. */
#ifndef KMEMSTAT_SYM_ARENA_H
#define KMEMSTAT_SYM_ARENA_H

#include <stddef.h>

struct km_arena_block;

/* Begins as { NULL }. */
struct km_arena {
	struct km_arena_block *blocks;
};

void km_arena_deinit(struct km_arena *arena);
/* Zeroed and aligned for any object; NULL without memory. */
void *km_arena_alloc(struct km_arena *arena, size_t size);
/* A copy of a string; NULL without memory. */
char *km_arena_strdup(struct km_arena *arena, const char *text);

#endif
