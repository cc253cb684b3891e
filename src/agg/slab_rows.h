/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The walk of those who follow slab objects by pointer: which rows begin and which end a life. */
#ifndef KMEMSTAT_AGG_SLAB_ROWS_H
#define KMEMSTAT_AGG_SLAB_ROWS_H

#include "agg/life_table.h"
#include "kmemstat/life.h"

/* What is done with row `i`: `arg` is whose walk it is. */
typedef struct km_error *(*km_slab_row_fn)(void *arg, const struct km_rows *rows, uint32_t i);

/*
 * Calls `alloc` for each allocation, and `end` for what ends the life of an object at its pointer:
 * a free, or what a filter leaves out. `table` is looked up by these pointers, or NULL. Inlined, so
 * that the functions are, too.
 */
static inline __attribute__((always_inline)) struct km_error *
km_slab_rows_walk(const struct km_rows *rows, const struct km_life_table *table,
		  km_slab_row_fn alloc, km_slab_row_fn end, void *arg)
{
	const struct km_batch *batch = rows->batch;
	struct km_error *error = NULL;

	for (uint32_t i = rows->from; i < rows->to && !error; i++) {
		const uint32_t group = batch->group[i];

		if (table)
			__builtin_prefetch(
				km_life_table_bucket(table, batch->ptr[i + KM_BATCH_AHEAD]));
		if (!km_event_is_slab(batch->what[i].kind))
			continue;
		if (group < KM_MOST_GROUPS)
			error = alloc(arg, rows, i);
		else if (group == KM_ROW_FREE || group == KM_ROW_HIDDEN)
			error = end(arg, rows, i);
	}
	return error;
}

#endif
