/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts allocations by pointer. Nothing is ever taken out: --alloc shows all pointers. */
#include "kmemstat/tally.h"

#include <stdlib.h>

#include "agg/slab_rows.h"

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

static struct km_error *take_alloc(void *arg, const struct km_rows *rows, uint32_t i)
{
	struct km_ptrs *ptrs = arg;
	const struct km_batch *batch = rows->batch;
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

static struct km_error *take_end(void *arg, const struct km_rows *rows, uint32_t i)
{
	struct km_ptrs *ptrs = arg;
	const struct km_batch *batch = rows->batch;
	const uint64_t *value = km_life_table_find(&ptrs->table, batch->ptr[i]);
	struct km_ptr *item = value && *value ? &ptrs->items[*value - 1] : NULL;

	if (!item || !item->is_live)
		return NULL;
	item->is_live = false;
	if (km_event_is_free(batch->what[i].kind))
		item->pingpong += item->cpu != batch->cpu[i];
	return NULL;
}

struct km_error *km_ptrs_add(struct km_ptrs *ptrs, const struct km_rows *rows)
{
	return km_slab_rows_walk(rows, &ptrs->table, take_alloc, take_end, ptrs);
}

const struct km_ptr *km_ptrs_items(const struct km_ptrs *ptrs, size_t *ret_nr)
{
	*ret_nr = ptrs->nr;
	return ptrs->items;
}

uint64_t km_ptrs_bytes(const struct km_ptrs *ptrs)
{
	return km_life_table_bytes(&ptrs->table) + ptrs->room * sizeof(*ptrs->items);
}
