/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plays recorded allocations and frees through the slabs of models.
 *
 * Allocations that are alike to all models are a kind, which says for each model where they go: to
 * a cache, into the heap, or to pages of their own. A live object is its kind and its slab in each
 * model; objects are found by pointer in the table that pairing has. Memory is taken for what is
 * live, and for groups and kinds.
 */
#include "kmemstat/replay.h"

#include <stdlib.h>
#include <string.h>

#include "agg/slab_rows.h"
#include "base/intern.h"
#include "kmemstat/quality.h"
#include "model/sim.h"

enum {
	FIRST_KINDS = 64,
	FIRST_OBJECTS = 256,
	/* CPUs of one number more are as one: no machine has as many, but a damaged file may */
	MOST_CPUS = 8192,
};

/* What decides where an allocation goes. Padded with zeroes: compared and hashed as bytes. */
struct kind_key {
	uint32_t req, alloc;
	uint16_t name; /* of a named cache, in names; 0: none */
	uint8_t is_general;
	uint8_t is_accounted;
};

/* Where that is in one model. */
struct target {
	enum km_model_kind kind;
	uint32_t cache; /* in the sim */
	uint64_t bytes;
};

/* A cache of a model: what its objects have in common. */
struct cache_key {
	uint64_t bytes;
	uint32_t req; /* of named caches: two of one size are not one */
	uint16_t name;
	uint8_t is_general;
	uint8_t is_accounted;
};

struct player {
	struct km_sim sim;
	struct cache_key *keys; /* by cache of the sim */
	size_t room_keys;
	uint32_t *table; /* cache + 1; 0: free */
	size_t mask;
	uint64_t own_pages, heap_bytes, object_bytes;
	uint64_t peak_pages, peak_ns, peak_req, peak_object;
};

struct queue {
	uint32_t *kinds; /* kind + 1 of a group; 0: not known */
	size_t nr;
};

struct km_replay {
	struct player *players; /* one a model */
	size_t nr_players;
	struct kind_key *kinds;
	struct target *targets; /* nr_players for each kind */
	size_t nr_kinds, room_kinds;
	uint32_t *table; /* kind + 1; 0: free */
	size_t mask;
	struct queue *queues;
	size_t nr_queues;
	struct km_intern names;
	struct km_life_table live; /* object + 1 */
	/* of an object its kind and, from 1 on, its slab in each model */
	uint32_t *objects;
	size_t nr_objects, room_objects;
	uint32_t unused; /* object + 1; its kind is the next such one */
	uint64_t live_req, unknown_frees, implied_frees;
};

struct km_error *km_replay_create(const struct km_models *models, struct km_replay **ret)
{
	struct km_replay *replay = calloc(1, sizeof(*replay));
	struct km_error *error;

	if (!replay)
		return &km_error_memory;
	replay->players = calloc(models->nr + 1, sizeof(*replay->players));
	if (replay->players) {
		replay->nr_players = models->nr;
		for (size_t i = 0; i < models->nr; i++)
			km_sim_init(&replay->players[i].sim, &models->items[i]);
	}
	error = replay->players ? km_life_table_init(&replay->live) : &km_error_memory;
	if (error) {
		km_replay_destroy(replay);
		return error;
	}
	*ret = replay;
	return NULL;
}

void km_replay_destroy(struct km_replay *replay)
{
	if (!replay)
		return;
	for (size_t i = 0; i < replay->nr_players; i++) {
		km_sim_deinit(&replay->players[i].sim);
		free(replay->players[i].keys);
		free(replay->players[i].table);
	}
	for (size_t i = 0; i < replay->nr_queues; i++)
		free(replay->queues[i].kinds);
	km_life_table_deinit(&replay->live);
	km_intern_deinit(&replay->names);
	free(replay->players);
	free(replay->kinds);
	free(replay->targets);
	free(replay->table);
	free(replay->queues);
	free(replay->objects);
	free(replay);
}

static inline size_t hash_of(uint64_t a, uint64_t b)
{
	return ((a ^ b * 0xc2b2ae3d27d4eb4fULL) * 0x9e3779b97f4a7c15ULL) >> 29;
}

static size_t hash_of_cache(const struct cache_key *key)
{
	return hash_of(key->bytes, (uint64_t)key->req << 32 | (uint64_t)key->name << 2 |
					   (uint64_t)key->is_general << 1 | key->is_accounted);
}

static size_t hash_of_kind(const struct kind_key *key)
{
	return hash_of((uint64_t)key->req << 32 | key->alloc,
		       (uint64_t)key->name << 2 | (uint64_t)key->is_general << 1 |
			       key->is_accounted);
}

static bool is_same_cache(const struct cache_key *a, const struct cache_key *b)
{
	return a->bytes == b->bytes && a->req == b->req && a->name == b->name &&
	       a->is_general == b->is_general && a->is_accounted == b->is_accounted;
}

static bool is_same_kind(const struct kind_key *a, const struct kind_key *b)
{
	return a->req == b->req && a->alloc == b->alloc && a->name == b->name &&
	       a->is_general == b->is_general && a->is_accounted == b->is_accounted;
}

/* Makes the table of a player's caches twice as large. */
static struct km_error *grow_caches(struct player *player)
{
	const size_t mask = player->table ? 2 * player->mask + 1 : 2 * FIRST_KINDS - 1;
	uint32_t *table = calloc(mask + 1, sizeof(*table));
	struct cache_key *keys = reallocarray(player->keys, mask + 1, sizeof(*keys));

	if (keys)
		player->keys = keys;
	if (!table || !keys) {
		free(table);
		return &km_error_memory;
	}
	for (size_t i = 0; i < player->sim.nr_caches; i++) {
		size_t at = hash_of_cache(&keys[i]);

		while (table[at & mask])
			at++;
		table[at & mask] = (uint32_t)i + 1;
	}
	free(player->table);
	player->table = table;
	player->mask = mask;
	return NULL;
}

static struct km_error *find_cache(struct player *player, const struct cache_key *key,
				   struct km_model_slab slab, uint32_t *ret)
{
	struct km_error *error = NULL;
	size_t at = hash_of_cache(key);

	if (!player->table || 2 * player->sim.nr_caches > player->mask)
		error = grow_caches(player);
	if (error)
		return error;
	for (; player->table[at & player->mask]; at++) {
		*ret = player->table[at & player->mask] - 1;
		if (is_same_cache(&player->keys[*ret], key))
			return NULL;
	}
	error = km_sim_add_cache(&player->sim, key->bytes, slab, ret);
	if (error)
		return error;
	player->keys[*ret] = *key;
	player->table[at & player->mask] = *ret + 1;
	return NULL;
}

/* Where allocations of a kind go in a model. */
static struct km_error *aim(struct player *player, const struct kind_key *kind, struct target *ret)
{
	const struct km_model *model = player->sim.model;
	struct km_model_object object = { .bytes = kind->alloc, .kind = KM_MODEL_CACHE };
	struct km_model_slab slab;
	struct cache_key key;

	if (kind->is_general)
		object = km_model_fit(model, kind->req);
	*ret = (struct target){ .kind = object.kind, .bytes = object.bytes };
	if (object.kind != KM_MODEL_CACHE)
		return NULL;
	slab = km_model_slab(model, object.bytes);
	if (!slab.objects) {
		ret->kind = model->slabs == KM_SLABS_NONE ? KM_MODEL_HEAP : KM_MODEL_PAGES;
		return NULL;
	}
	key = (struct cache_key){ .bytes = object.bytes, .is_general = kind->is_general };
	if (!kind->is_general) {
		key.req = kind->req;
		key.name = kind->name;
	} else if (model->splits_accounted) {
		key.is_accounted = kind->is_accounted;
	}
	return find_cache(player, &key, slab, &ret->cache);
}

static struct km_error *grow_kinds(struct km_replay *replay)
{
	const size_t room = replay->room_kinds ? 2 * replay->room_kinds : FIRST_KINDS;
	const size_t mask = 2 * room - 1;
	uint32_t *table = calloc(mask + 1, sizeof(*table));
	struct kind_key *kinds = reallocarray(replay->kinds, room, sizeof(*kinds));
	struct target *targets;

	if (kinds)
		replay->kinds = kinds;
	targets = reallocarray(replay->targets, room * (replay->nr_players + 1), sizeof(*targets));
	if (targets)
		replay->targets = targets;
	if (!table || !kinds || !targets || room > UINT32_MAX / 2) {
		free(table);
		return &km_error_memory;
	}
	for (size_t i = 0; i < replay->nr_kinds; i++) {
		size_t at = hash_of_kind(&kinds[i]);

		while (table[at & mask])
			at++;
		table[at & mask] = (uint32_t)i + 1;
	}
	free(replay->table);
	replay->table = table;
	replay->mask = mask;
	replay->room_kinds = room;
	return NULL;
}

static struct km_error *find_kind(struct km_replay *replay, const struct kind_key *key,
				  uint32_t *ret)
{
	struct km_error *error = NULL;
	size_t at = hash_of_kind(key);

	if (replay->nr_kinds == replay->room_kinds)
		error = grow_kinds(replay);
	if (error)
		return error;
	for (; replay->table[at & replay->mask]; at++) {
		*ret = replay->table[at & replay->mask] - 1;
		if (is_same_kind(&replay->kinds[*ret], key))
			return NULL;
	}
	for (size_t i = 0; i < replay->nr_players && !error; i++)
		error = aim(&replay->players[i], key,
			    &replay->targets[replay->nr_kinds * replay->nr_players + i]);
	if (error)
		return error;
	*ret = (uint32_t)replay->nr_kinds;
	replay->kinds[replay->nr_kinds++] = *key;
	replay->table[at & replay->mask] = *ret + 1;
	return NULL;
}

/* Room for a group in the map of its queue. */
static struct km_error *grow_groups(struct km_replay *replay, uint32_t queue, uint32_t group)
{
	struct queue *queues = replay->queues;
	size_t nr;
	uint32_t *kinds;

	if (queue >= replay->nr_queues) {
		queues = reallocarray(queues, (size_t)queue + 1, sizeof(*queues));
		if (!queues)
			return &km_error_memory;
		memset(queues + replay->nr_queues, 0,
		       (queue + 1 - replay->nr_queues) * sizeof(*queues));
		replay->queues = queues;
		replay->nr_queues = (size_t)queue + 1;
	}
	if (group < queues[queue].nr)
		return NULL;
	nr = 2 * (size_t)group + FIRST_KINDS;
	kinds = reallocarray(queues[queue].kinds, nr, sizeof(*kinds));
	if (!kinds)
		return &km_error_memory;
	memset(kinds + queues[queue].nr, 0, (nr - queues[queue].nr) * sizeof(*kinds));
	queues[queue].kinds = kinds;
	queues[queue].nr = nr;
	return NULL;
}

/* The kind of an allocation: that of its group. */
static inline struct km_error *kind_of(struct km_replay *replay, const struct km_rows *rows,
				       uint32_t i, uint32_t *ret)
{
	const struct km_batch *batch = rows->batch;
	const uint32_t group = batch->group[i];
	const struct km_event_what what = batch->what[i];
	struct kind_key key = { .req = batch->size[i].req, .alloc = batch->size[i].alloc };
	const char *name = what.cache ? rows->cache_names[what.cache] : NULL;
	struct km_error *error;

	if (rows->queue < replay->nr_queues && group < replay->queues[rows->queue].nr &&
	    replay->queues[rows->queue].kinds[group]) {
		*ret = replay->queues[rows->queue].kinds[group] - 1;
		return NULL;
	}
	key.is_general = what.kind == KM_EV_KMALLOC || what.kind == KM_EV_KMALLOC_NODE;
	key.is_accounted = what.flags & KM_EVF_ACCOUNTED ? 1 : 0;
	if (name && !key.is_general)
		key.name = km_intern_get(&replay->names, name, strlen(name));
	error = replay->names.is_short ? &km_error_memory : find_kind(replay, &key, ret);
	if (!error)
		error = grow_groups(replay, rows->queue, group);
	if (!error)
		replay->queues[rows->queue].kinds[group] = *ret + 1;
	return error;
}

static struct km_error *new_object(struct km_replay *replay, uint32_t *ret)
{
	const size_t width = replay->nr_players + 1;

	if (replay->unused) {
		*ret = replay->unused - 1;
		replay->unused = replay->objects[*ret * width];
		return NULL;
	}
	if (replay->nr_objects == replay->room_objects) {
		const size_t room = replay->room_objects ? 2 * replay->room_objects : FIRST_OBJECTS;
		uint32_t *objects = reallocarray(replay->objects, room, width * sizeof(*objects));

		if (!objects || room >= UINT32_MAX)
			return &km_error_memory;
		replay->objects = objects;
		replay->room_objects = room;
	}
	*ret = (uint32_t)replay->nr_objects++;
	return NULL;
}

static inline uint64_t pages_of(const struct player *player)
{
	const uint64_t page = player->sim.model->page_size;

	return player->sim.slab_pages + player->own_pages + (player->heap_bytes + page - 1) / page;
}

static struct km_error *play_alloc(struct km_replay *replay, struct player *player,
				   const struct target *target, unsigned int cpu, uint64_t ts_ns,
				   uint32_t *slab)
{
	const uint64_t page = player->sim.model->page_size;
	struct km_error *error = NULL;
	uint64_t pages;

	*slab = 0;
	if (target->kind == KM_MODEL_CACHE)
		error = km_sim_alloc(&player->sim, target->cache, cpu, slab);
	else if (target->kind == KM_MODEL_HEAP)
		player->heap_bytes += target->bytes;
	else
		player->own_pages += (target->bytes + page - 1) / page;
	player->object_bytes += target->bytes;
	pages = pages_of(player);
	if (pages <= player->peak_pages)
		return error;
	player->peak_pages = pages;
	player->peak_ns = ts_ns;
	player->peak_req = replay->live_req;
	player->peak_object = player->object_bytes;
	return error;
}

static struct km_error *play_free(struct player *player, const struct target *target,
				  unsigned int cpu, uint32_t slab)
{
	const uint64_t page = player->sim.model->page_size;

	player->object_bytes -= target->bytes;
	if (target->kind == KM_MODEL_CACHE)
		return km_sim_free(&player->sim, slab, cpu);
	if (target->kind == KM_MODEL_HEAP)
		player->heap_bytes -= target->bytes;
	else
		player->own_pages -= (target->bytes + page - 1) / page;
	return NULL;
}

static inline unsigned int cpu_of(const struct km_batch *batch, uint32_t i)
{
	return batch->cpu[i] % MOST_CPUS;
}

static struct km_error *end_object(struct km_replay *replay, uint32_t object, unsigned int cpu)
{
	uint32_t *record = &replay->objects[object * (replay->nr_players + 1)];
	const uint32_t kind = record[0];
	const struct target *targets = &replay->targets[(size_t)kind * replay->nr_players];
	struct km_error *error = NULL;

	for (size_t k = 0; k < replay->nr_players && !error; k++)
		error = play_free(&replay->players[k], &targets[k], cpu, record[1 + k]);
	replay->live_req -= replay->kinds[kind].req;
	record[0] = replay->unused;
	replay->unused = object + 1;
	return error;
}

static struct km_error *take_alloc(void *arg, const struct km_rows *rows, uint32_t i)
{
	struct km_replay *replay = arg;
	const struct km_batch *batch = rows->batch;
	uint64_t *value = km_life_table_get(&replay->live, batch->ptr[i]);
	struct km_error *error = NULL;
	const struct target *targets;
	uint32_t kind, object, *record;

	if (*value) {
		replay->implied_frees++;
		error = end_object(replay, (uint32_t)(*value - 1), cpu_of(batch, i));
		*value = 0;
	}
	if (!error)
		error = kind_of(replay, rows, i, &kind);
	if (!error)
		error = new_object(replay, &object);
	if (error)
		return error;
	record = &replay->objects[object * (replay->nr_players + 1)];
	record[0] = kind;
	*value = (uint64_t)object + 1;
	replay->live_req += replay->kinds[kind].req;
	targets = &replay->targets[(size_t)kind * replay->nr_players];
	for (size_t k = 0; k < replay->nr_players && !error; k++)
		error = play_alloc(replay, &replay->players[k], &targets[k], cpu_of(batch, i),
				   batch->ts_ns[i], &record[1 + k]);
	if (!error && replay->live.nr_used > replay->live.most_used)
		error = km_life_table_renew(&replay->live);
	return error;
}

static struct km_error *take_end(void *arg, const struct km_rows *rows, uint32_t i)
{
	struct km_replay *replay = arg;
	const struct km_batch *batch = rows->batch;
	uint64_t *value = km_life_table_find(&replay->live, batch->ptr[i]);
	struct km_error *error;

	if (!value || !*value) {
		replay->unknown_frees += batch->group[i] == KM_ROW_FREE;
		return NULL;
	}
	error = end_object(replay, (uint32_t)(*value - 1), cpu_of(batch, i));
	*value = 0;
	return error;
}

struct km_error *km_replay_add(struct km_replay *replay, const struct km_rows *rows)
{
	return km_slab_rows_walk(rows, &replay->live, take_alloc, take_end, replay);
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* kmalloc's first; of equal size and name those charged to a cgroup last. */
static int compare_caches(const void *a, const void *b)
{
	const struct km_replay_cache *x = a, *y = b;
	int order = compare_numbers(y->is_general, x->is_general);

	if (!order)
		order = compare_numbers(x->bytes, y->bytes);
	if (!order)
		order = strcmp(x->name ? x->name : "", y->name ? y->name : "");
	if (!order)
		order = compare_numbers(x->is_accounted, y->is_accounted);
	/* named caches without a name, told apart by what was requested */
	if (!order)
		order = compare_numbers(x->allocs, y->allocs);
	if (!order)
		order = compare_numbers(x->peak_slabs, y->peak_slabs);
	if (!order)
		order = compare_numbers(x->end_slabs, y->end_slabs);
	return order ? order : compare_numbers(x->end_objects, y->end_objects);
}

static struct km_error *finish_player(const struct km_replay *replay, const struct player *player,
				      struct km_replay_result *ret)
{
	const struct km_sim *sim = &player->sim;

	*ret = (struct km_replay_result){
		.peak_pages = player->peak_pages,
		.peak_ns = player->peak_ns,
		.peak_bytes_req = player->peak_req,
		.peak_bytes_object = player->peak_object,
		.end_pages = pages_of(player),
		.end_bytes_req = replay->live_req,
		.end_bytes_object = player->object_bytes,
		.caches = calloc(sim->nr_caches + 1, sizeof(*ret->caches)),
	};
	if (!ret->caches)
		return &km_error_memory;
	for (size_t i = 0; i < sim->nr_caches; i++) {
		const struct km_sim_cache *cache = &sim->caches[i];
		const struct cache_key *key = &player->keys[i];

		ret->caches[ret->nr_caches++] = (struct km_replay_cache){
			.name = km_intern_string(&replay->names, key->name),
			.is_general = key->is_general,
			.is_accounted = key->is_accounted,
			.bytes = cache->bytes,
			.slab = cache->slab,
			.allocs = cache->allocs,
			.peak_slabs = cache->peak_slabs,
			.end_slabs = cache->nr_slabs,
			.end_objects = cache->objects,
		};
	}
	qsort(ret->caches, ret->nr_caches, sizeof(*ret->caches), compare_caches);
	return NULL;
}

struct km_error *km_replay_finish(const struct km_replay *replay, struct km_replay_results *ret)
{
	struct km_replay_results results = {
		.items = calloc(replay->nr_players + 1, sizeof(*results.items)),
		.unknown_frees = replay->unknown_frees,
		.implied_frees = replay->implied_frees,
	};
	struct km_error *error = results.items ? NULL : &km_error_memory;

	for (size_t i = 0; i < replay->nr_players && !error; i++)
		error = finish_player(replay, &replay->players[i], &results.items[results.nr++]);
	if (error) {
		km_replay_results_deinit(&results);
		return error;
	}
	*ret = results;
	return NULL;
}

void km_replay_results_deinit(struct km_replay_results *results)
{
	for (size_t i = 0; i < results->nr; i++)
		free(results->items[i].caches);
	free(results->items);
	*results = (struct km_replay_results){ 0 };
}

uint64_t km_replay_bytes(const struct km_replay *replay)
{
	uint64_t bytes = km_life_table_bytes(&replay->live) +
			 replay->room_kinds * sizeof(*replay->kinds) +
			 replay->room_kinds * (replay->nr_players + 1) * sizeof(*replay->targets) +
			 (replay->mask + 1) * sizeof(*replay->table) +
			 replay->room_objects * (replay->nr_players + 1) * sizeof(*replay->objects);

	for (size_t i = 0; i < replay->nr_queues; i++)
		bytes += replay->queues[i].nr * sizeof(*replay->queues[i].kinds);
	for (size_t i = 0; i < replay->nr_players; i++) {
		const struct player *player = &replay->players[i];

		bytes += km_sim_bytes(&player->sim) + player->room_keys * sizeof(*player->keys) +
			 (player->mask + 1) * sizeof(*player->table);
	}
	return bytes;
}
