/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counts slab allocations by group and task, and pairs them with frees. What is allocated alike by
 * one task is a kin; a live pointer stands for its kin, and all sums are made of kin at the end.
 */
#include "agg/tally.h"

#include <stdlib.h>
#include <string.h>

#include "agg/slab_rows.h"

#define FIRST_SLOTS 1024
#define FIRST_KIN   256
#define MOST_KIN    (UINT32_MAX / 2)

struct km_error *km_tally_create(const struct km_tally_options *options, struct km_tally **ret)
{
	struct km_tally *tally = calloc(1, sizeof(*tally));
	struct km_error *error;

	if (!tally)
		return &km_error_memory;
	tally->options = *options;
	tally->nr_kin = 1;
	tally->room_kin = FIRST_KIN;
	tally->kin = calloc(FIRST_KIN, sizeof(*tally->kin));
	tally->table = calloc(FIRST_SLOTS, sizeof(*tally->table));
	tally->mask = FIRST_SLOTS - 1;
	error = tally->kin && tally->table ? km_life_table_init(&tally->live) : &km_error_memory;
	if (error) {
		km_tally_destroy(tally);
		return error;
	}
	*ret = tally;
	return NULL;
}

void km_tally_destroy(struct km_tally *tally)
{
	if (!tally)
		return;
	km_life_table_deinit(&tally->live);
	for (size_t i = 0; i < tally->nr_queues; i++)
		free(tally->queues[i].ids);
	free(tally->queues);
	free(tally->kin);
	free(tally->table);
	km_intern_deinit(&tally->names);
	free(tally);
}

static inline size_t hash_of(uint32_t queue, uint32_t group, int32_t pid)
{
	uint64_t hash = ((uint64_t)queue << 32 | group) * 0x9e3779b97f4a7c15ULL;

	return ((hash ^ (uint32_t)pid) * 0xc2b2ae3d27d4eb4fULL) >> 32;
}

static bool grow_table(struct km_tally *tally)
{
	size_t mask = 2 * tally->mask + 1;
	uint32_t *table = calloc(mask + 1, sizeof(*table));

	if (!table)
		return false;
	for (size_t i = 1; i < tally->nr_kin; i++) {
		const struct km_kin *kin = &tally->kin[i];
		size_t at = hash_of(kin->queue, kin->group, kin->pid);

		while (table[at & mask])
			at++;
		table[at & mask] = (uint32_t)i;
	}
	free(tally->table);
	tally->table = table;
	tally->mask = mask;
	return true;
}

/* The entry of a kin in the table: 0 if there is none yet. */
static inline uint32_t *find_entry(const struct km_tally *tally, uint32_t queue, uint32_t group,
				   int32_t pid)
{
	size_t at = hash_of(queue, group, pid);

	for (;; at++) {
		uint32_t *entry = &tally->table[at & tally->mask];
		const struct km_kin *kin = &tally->kin[*entry];

		if (!*entry || (kin->group == group && kin->pid == pid && kin->queue == queue))
			return entry;
	}
}

static struct km_error *find_names(struct km_tally *tally, uint32_t queue, uint16_t cache)
{
	struct km_name_map *map = tally->queues;

	if (queue >= tally->nr_queues) {
		map = reallocarray(map, (size_t)queue + 1, sizeof(*map));
		if (!map)
			return &km_error_memory;
		memset(map + tally->nr_queues, 0, (queue + 1 - tally->nr_queues) * sizeof(*map));
		tally->queues = map;
		tally->nr_queues = (size_t)queue + 1;
	}
	map = &tally->queues[queue];
	if (cache >= map->nr) {
		size_t nr = 2 * (size_t)cache + 16;
		uint16_t *ids = reallocarray(map->ids, nr, sizeof(*ids));

		if (!ids)
			return &km_error_memory;
		memset(ids + map->nr, 0, (nr - map->nr) * sizeof(*ids));
		map->ids = ids;
		map->nr = nr;
	}
	return NULL;
}

/* The name of row `i`'s cache in the tally's names; 0: none. */
static struct km_error *name_of(struct km_tally *tally, const struct km_rows *rows, uint32_t i,
				uint16_t *ret)
{
	const uint16_t cache = rows->batch->what[i].cache;
	struct km_error *error;
	const char *name;
	uint16_t id;

	*ret = 0;
	if (!cache)
		return NULL;
	if (rows->queue < tally->nr_queues && cache < tally->queues[rows->queue].nr &&
	    tally->queues[rows->queue].ids[cache]) {
		*ret = tally->queues[rows->queue].ids[cache];
		return NULL;
	}
	error = find_names(tally, rows->queue, cache);
	if (error)
		return error;
	name = rows->cache_names[cache];
	id = km_intern_get(&tally->names, name, strlen(name));
	if (tally->names.is_short)
		return &km_error_memory;
	/* readers take no more names than there are ids, but those of several queues may be more */
	if (id == KM_FREED_AS_MANY)
		id = 0;
	tally->queues[rows->queue].ids[cache] = *ret = id;
	return NULL;
}

/* A new kin, of row `i`, or with the group KM_ROW_FREE of the frees of a task. */
static struct km_error *add_kin(struct km_tally *tally, uint32_t *entry, struct km_kin kin,
				const struct km_rows *rows, uint32_t i)
{
	const struct km_batch *batch = rows->batch;
	struct km_error *error;

	if (tally->nr_kin >= MOST_KIN)
		return &km_error_memory;
	if (tally->nr_kin >= tally->room_kin) {
		size_t room = 2 * tally->room_kin;
		struct km_kin *more = reallocarray(tally->kin, room, sizeof(*more));

		if (!more)
			return &km_error_memory;
		tally->kin = more;
		tally->room_kin = room;
	}
	if (kin.group != KM_ROW_FREE) {
		error = name_of(tally, rows, i, &kin.cache);
		if (error)
			return error;
		kin.req = batch->size[i].req;
		kin.alloc = batch->size[i].alloc;
		kin.call_site = batch->call_site[i];
		kin.family = km_family_of(batch->what[i].kind);
		kin.is_accounted = batch->what[i].flags & KM_EVF_ACCOUNTED;
	}
	*entry = (uint32_t)tally->nr_kin;
	tally->kin[tally->nr_kin++] = kin;
	return 2 * tally->nr_kin > tally->mask && !grow_table(tally) ? &km_error_memory : NULL;
}

/* Counts row `i` for its kin, and says which that is. */
static inline struct km_error *count(struct km_tally *tally, const struct km_rows *rows, uint32_t i,
				     uint32_t queue, uint32_t *ret)
{
	const uint32_t group = rows->batch->group[i];
	const int32_t pid = tally->options.has_tasks ? rows->batch->pid[i] : 0;
	uint32_t *entry = find_entry(tally, queue, group, pid);
	struct km_error *error = NULL;

	*ret = *entry;
	if (__builtin_expect(!*ret, 0)) {
		*ret = (uint32_t)tally->nr_kin;
		error = add_kin(tally, entry,
				(struct km_kin){ .queue = queue, .group = group, .pid = pid }, rows,
				i);
	}
	if (!error)
		tally->kin[*ret].nr++;
	return error;
}

/* A free gives the name of the cache that its object came out of. */
static struct km_error *note_name(struct km_tally *tally, struct km_kin *kin,
				  const struct km_rows *rows, uint32_t i)
{
	uint16_t name;
	struct km_error *error = name_of(tally, rows, i, &name);

	if (!error && name && name != kin->freed_as)
		kin->freed_as = kin->freed_as ? KM_FREED_AS_MANY : name;
	return error;
}

static struct km_error *take_alloc(void *arg, const struct km_rows *rows, uint32_t i)
{
	struct km_tally *tally = arg;
	uint32_t number;
	struct km_error *error = count(tally, rows, i, rows->queue, &number);
	uint64_t *value;

	if (error || !tally->options.has_pairs)
		return error;
	value = km_life_table_get(&tally->live, rows->batch->ptr[i]);
	if (*value)
		tally->kin[*value].replaced++;
	*value = number;
	if (tally->live.nr_used > tally->live.most_used)
		return km_life_table_renew(&tally->live);
	return NULL;
}

/* What ends the life of an object: its free, or an allocation that a filter leaves out. */
static struct km_error *take_end(void *arg, const struct km_rows *rows, uint32_t i)
{
	struct km_tally *tally = arg;
	const enum km_event_kind kind = rows->batch->what[i].kind;
	struct km_error *error = NULL;
	struct km_kin *kin;
	uint64_t *value;
	uint32_t number;

	if (tally->options.has_tasks && rows->batch->group[i] == KM_ROW_FREE)
		error = count(tally, rows, i, 0, &number);
	if (error || !tally->options.has_pairs)
		return error;
	value = km_life_table_find(&tally->live, rows->batch->ptr[i]);
	if (!value || !*value)
		return NULL;
	kin = &tally->kin[*value];
	*value = 0;
	if (km_event_is_alloc(kind)) {
		kin->replaced++;
		return NULL;
	}
	kin->freed++;
	return kind == KM_EV_CACHE_FREE ? note_name(tally, kin, rows, i) : NULL;
}

struct km_error *km_tally_add(struct km_tally *tally, const struct km_rows *rows)
{
	return km_slab_rows_walk(rows, tally->options.has_pairs ? &tally->live : NULL, take_alloc,
				 take_end, tally);
}

uint64_t km_tally_bytes(const struct km_tally *tally)
{
	return km_life_table_bytes(&tally->live) + tally->room_kin * sizeof(*tally->kin) +
	       (tally->mask + 1) * sizeof(*tally->table);
}
