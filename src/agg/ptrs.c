/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts allocations by pointer. Nothing is ever taken out: --alloc shows all pointers. */
#include "kmemstat/tally.h"

#include <stdlib.h>

#include "agg/life_table.h"

struct km_ptrs {
	struct km_life_table table; /* index in items + 1 */
	struct km_ptr *items;
	size_t nr, room;
};

struct km_error *km_ptrs_create(struct km_ptrs **ret)
{
	struct km_ptrs *ptrs = calloc(1, sizeof(*ptrs));
	struct km_error *error;

	if (!ptrs)
		return &km_error_memory;
	error = km_life_table_init(&ptrs->table);
	if (error) {
		free(ptrs);
		return error;
	}
	*ret = ptrs;
	return NULL;
}

void km_ptrs_destroy(struct km_ptrs *ptrs)
{
	if (!ptrs)
		return;
	km_life_table_deinit(&ptrs->table);
	free(ptrs->items);
	free(ptrs);
}

static struct km_error *add_item(struct km_ptrs *ptrs, uint64_t ptr, uint64_t *ret_value)
{
	if (ptrs->nr == ptrs->room) {
		size_t room = ptrs->room ? 2 * ptrs->room : 1024;
		struct km_ptr *items = reallocarray(ptrs->items, room, sizeof(*items));

		if (!items)
			return &km_error_memory;
		ptrs->items = items;
		ptrs->room = room;
	}
	ptrs->items[ptrs->nr++] = (struct km_ptr){ .ptr = ptr };
	*ret_value = ptrs->nr;
	return NULL;
}

static struct km_error *take_alloc(struct km_ptrs *ptrs, const struct km_batch *batch, uint32_t i)
{
	uint64_t *value = km_life_table_get(&ptrs->table, batch->ptr[i]);
	struct km_error *error = *value ? NULL : add_item(ptrs, batch->ptr[i], value);
	struct km_ptr *item;

	if (error)
		return error;
	item = &ptrs->items[*value - 1];
	item->call_site = batch->call_site[i];
	item->family = km_family_of(batch->what[i].kind);
	item->cpu = batch->cpu[i];
	item->hits++;
	item->bytes_req = km_sat_add(item->bytes_req, batch->size[i].req);
	item->bytes_alloc = km_sat_add(item->bytes_alloc, batch->size[i].alloc);
	item->is_live = true;
	if (ptrs->table.nr_used > ptrs->table.most_used)
		return km_life_table_renew(&ptrs->table);
	return NULL;
}

static void take_end(struct km_ptrs *ptrs, const struct km_batch *batch, uint32_t i)
{
	const uint64_t *value = km_life_table_find(&ptrs->table, batch->ptr[i]);
	struct km_ptr *item = value && *value ? &ptrs->items[*value - 1] : NULL;

	if (!item || !item->is_live)
		return;
	item->is_live = false;
	if (km_event_is_free(batch->what[i].kind))
		item->pingpong += item->cpu != batch->cpu[i];
}

struct km_error *km_ptrs_add(struct km_ptrs *ptrs, const struct km_rows *rows)
{
	const struct km_batch *batch = rows->batch;
	struct km_error *error = NULL;

	for (uint32_t i = rows->from; i < rows->to && !error; i++) {
		const uint32_t group = rows->batch->group[i];

		__builtin_prefetch(
			km_life_table_bucket(&ptrs->table, batch->ptr[i + KM_BATCH_AHEAD]));
		if (!km_event_is_slab(batch->what[i].kind))
			continue;
		if (group < KM_MOST_GROUPS)
			error = take_alloc(ptrs, batch, i);
		else if (group == KM_ROW_FREE || group == KM_ROW_HIDDEN)
			take_end(ptrs, batch, i);
	}
	return error;
}

const struct km_ptr *km_ptrs_items(const struct km_ptrs *ptrs, size_t *ret_nr)
{
	*ret_nr = ptrs->nr;
	return ptrs->items;
}
