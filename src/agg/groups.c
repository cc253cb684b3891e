/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of groups: open addressing, at most a quarter full. A slot is half a cache line, and
 * the only counter touched for an event is its group's hits; a slot with none is free.
 */
#include "kmemstat/agg.h"

#include <stdlib.h>
#include <string.h>

#include "agg/map.h"
#include "base/intern.h"

struct km_groups {
	struct km_group_table table;
	struct km_group_list list;
	size_t nr;
	struct km_group *items; /* after a merge: the groups without the free slots */
	struct km_intern names;
	bool has_limit;
	uint64_t bytes_left; /* until the limit */
	struct km_map sites; /* with a limit: those that are paid for */
	size_t nr_beyond;    /* groups of KM_SITE_BEYOND */
	struct km_groups_lack lack;
};

#define FIRST_SLOTS 1024

_Static_assert(sizeof(struct km_group) == 32, "a slot is half a cache line");

static size_t nr_slots_of(const struct km_groups *groups)
{
	return groups->table.slots ? groups->table.mask / sizeof(struct km_group) + 1 : 0;
}

static struct km_group_key key_make(uint64_t call_site, struct km_event_size size,
				    struct km_event_what what)
{
	return (struct km_group_key){
		.call_site = call_site,
		.req = size.req,
		.alloc = size.alloc,
		.what = km_group_what(what),
	};
}

static struct km_error *resize(struct km_groups *groups, size_t nr_slots)
{
	struct km_group_table table = { .mask = (nr_slots - 1) * sizeof(struct km_group) };

	if (nr_slots > SIZE_MAX / 2 / sizeof(*table.slots))
		return &km_error_memory;
	table.slots = aligned_alloc(64, nr_slots * sizeof(*table.slots));
	if (!table.slots)
		return &km_error_memory;
	memset(table.slots, 0, nr_slots * sizeof(*table.slots));
	for (size_t i = 0; i < nr_slots_of(groups); i++) {
		const struct km_group *g = &groups->table.slots[i];

		if (g->hits)
			*km_group_find(table, key_make(g->call_site, g->size, g->what)) = *g;
	}
	free(groups->table.slots);
	groups->table = table;
	return NULL;
}

struct km_error *km_groups_create(struct km_groups **ret)
{
	struct km_groups *groups = calloc(1, sizeof(*groups));
	struct km_error *error;

	if (!groups)
		return &km_error_memory;
	error = resize(groups, FIRST_SLOTS);
	if (error) {
		km_groups_destroy(groups);
		return error;
	}
	*ret = groups;
	return NULL;
}

void km_groups_destroy(struct km_groups *groups)
{
	if (!groups)
		return;
	km_intern_deinit(&groups->names);
	km_map_deinit(&groups->sites);
	for (int i = 0; i < KM_GROUP_CHUNKS; i++)
		free(groups->list.chunks[i]);
	free(groups->table.slots);
	free(groups->items);
	free(groups);
}

/* Puts the group of the next number into the list. */
static struct km_error *list_add(struct km_groups *groups, const struct km_group *group)
{
	struct km_group_info **chunk = groups->list.chunks;
	size_t nr = KM_GROUP_FIRST_CHUNK, before = 0;

	for (; groups->nr - before >= nr; chunk++) {
		before += nr;
		nr *= 2;
	}
	if (!*chunk)
		*chunk = reallocarray(NULL, nr, sizeof(**chunk));
	if (!*chunk)
		return &km_error_memory;
	(*chunk)[groups->nr - before] =
		(struct km_group_info){ group->call_site, group->size, group->what };
	return NULL;
}

/* Fills a free slot; grows the table when it is a quarter full. */
static struct km_error *group_add(struct km_groups *groups, struct km_group *free_slot,
				  const struct km_group *group)
{
	struct km_error *error = list_add(groups, group);

	if (error)
		return error;
	*free_slot = *group;
	free_slot->number = (uint32_t)++groups->nr;
	return 4 * groups->nr > nr_slots_of(groups) ? resize(groups, 2 * nr_slots_of(groups))
						    : NULL;
}

void km_groups_set_limit(struct km_groups *groups, uint64_t bytes)
{
	groups->has_limit = bytes > 0;
	groups->bytes_left = bytes;
}

struct km_groups_lack km_groups_lack(const struct km_groups *groups)
{
	return groups->lack;
}

/* Whether there is memory for a group; then it is paid for. */
static struct km_error *pay(struct km_groups *groups, uint64_t call_site, bool *ret)
{
	const bool is_new = groups->has_limit && !km_map_find(&groups->sites, call_site);
	const uint64_t cost = KM_GROUP_COST + (is_new ? KM_SITE_COST : 0);

	*ret = groups->nr < KM_MOST_GROUPS && (!groups->has_limit || cost <= groups->bytes_left);
	if (!*ret || !groups->has_limit)
		return NULL;
	groups->bytes_left -= cost;
	return is_new ? km_map_set(&groups->sites, call_site, 1) : NULL;
}

/* Adds a group that is not there yet, of row `i`, or counts that beyond the limit. */
static __attribute__((noinline)) struct km_error *add_new(struct km_groups *groups,
							  struct km_group *free_slot,
							  struct km_group *group,
							  uint32_t *ret_number)
{
	struct km_error *error;
	bool has_memory;

	error = pay(groups, group->call_site, &has_memory);
	if (error)
		return error;
	if (!has_memory) {
		group->call_site = KM_SITE_BEYOND;
		free_slot = km_group_find(groups->table,
					  key_make(group->call_site, group->size, group->what));
		if (free_slot->hits || groups->nr_beyond < KM_MOST_BEYOND) {
			groups->lack.pooled++;
		} else {
			groups->lack.left_out++;
			*ret_number = KM_ROW_HIDDEN;
			return NULL;
		}
		if (free_slot->hits) {
			free_slot->hits++;
			*ret_number = free_slot->number;
			return NULL;
		}
		groups->nr_beyond++;
	}
	*ret_number = (uint32_t)groups->nr + 1;
	return group_add(groups, free_slot, group);
}

/* Counts row `i`; with `ret_number` sets that to the number of its group. */
static inline struct km_error *add_row(struct km_groups *groups, const struct km_batch *batch,
				       uint32_t i, uint32_t *ret_number)
{
	struct km_group group = {
		.call_site = batch->call_site[i],
		.size = batch->size[i],
		.what = batch->what[i],
		.hits = 1,
	};
	struct km_group *g =
		km_group_find(groups->table, key_make(group.call_site, group.size, group.what));

	if (__builtin_expect(g->hits != 0, 1)) {
		g->hits++;
		if (ret_number)
			*ret_number = g->number;
		return NULL;
	}
	return add_new(groups, g, &group, ret_number ? ret_number : &(uint32_t){ 0 });
}

struct km_error *km_groups_add(struct km_groups *groups, const struct km_batch *batch)
{
	struct km_error *error = NULL;

	/* a free has no bytes, nor has an allocation that failed; one that did not has some */
	for (uint32_t i = 0; i < batch->nr && !error; i++)
		if (batch->size[i].alloc)
			error = add_row(groups, batch, i, NULL);
	return error;
}

struct km_error *km_groups_number(struct km_groups *groups, struct km_batch *batch)
{
	struct km_error *error = km_groups_number_rows(groups, batch, 0, batch->nr);

	batch->has_new = false;
	return error;
}

struct km_error *km_groups_number_rows(struct km_groups *groups, struct km_batch *batch,
				       uint32_t from, uint32_t to)
{
	struct km_error *error = NULL;

	if (!batch->has_new)
		return NULL;
	for (uint32_t i = from; i < to && !error; i++)
		if (batch->group[i] == KM_ROW_ALLOC)
			error = add_row(groups, batch, i, &batch->group[i]);
	return error;
}

struct km_group_table *km_groups_table(struct km_groups *groups)
{
	return &groups->table;
}

const struct km_group_list *km_groups_list(const struct km_groups *groups)
{
	return &groups->list;
}

/* Makes the dense array of groups. */
static struct km_error *collect_items(struct km_groups *groups)
{
	struct km_group *items = reallocarray(groups->items, groups->nr + 1, sizeof(*items));
	size_t nr = 0;

	if (!items)
		return &km_error_memory;
	groups->items = items;
	for (size_t i = 0; i < nr_slots_of(groups); i++)
		if (groups->table.slots[i].hits)
			items[nr++] = groups->table.slots[i];
	return NULL;
}

struct km_error *km_groups_merge(struct km_groups *dst, const struct km_groups *src,
				 const char *(*name_of)(const void *arg, uint16_t cache),
				 const void *arg)
{
	for (size_t i = 0; i < nr_slots_of(src); i++) {
		struct km_group from = src->table.slots[i];
		const char *name = from.what.cache ? name_of(arg, from.what.cache) : NULL;
		struct km_group *to;
		struct km_error *error = NULL;

		if (!from.hits)
			continue;
		from.what.cache = name ? km_intern_get(&dst->names, name, strlen(name)) : 0;
		if (name && !from.what.cache)
			return &km_error_memory;
		to = km_group_find(dst->table, key_make(from.call_site, from.size, from.what));
		if (to->hits)
			to->hits = km_sat_add(to->hits, from.hits);
		else
			error = group_add(dst, to, &from);
		if (error)
			return error;
	}
	return collect_items(dst);
}

size_t km_groups_count(const struct km_groups *groups)
{
	return groups->nr;
}

const struct km_group *km_groups_items(const struct km_groups *groups, size_t *ret_nr)
{
	*ret_nr = groups->nr;
	return groups->items;
}

const char *km_groups_cache_name(const struct km_groups *groups, uint16_t cache)
{
	return km_intern_string(&groups->names, cache);
}
