/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plays the recorded kmalloc objects through SLUB's slabs: in the cache of their class, and those
 * of each call site and size in a cache of their own, of the exact size, and in one as their class
 * is.
 *
 * Which size is a call site's own is known at the end alone, so each has its caches till then. What
 * the class would be without the call site is not replayed, that would take all the class's objects
 * once more for each. It is taken to be packed as well as the class is with it; but what others
 * left empty is not the call site's: it has no more pages than its objects take in a class without
 * others.
 *
 * A cache's objects have the requested bytes, to a multiple of a word (calculate_sizes(),
 * mm/slub.c, v6.1): the pointer to the next free object lies in the object.
 */
#include "kmemstat/own.h"

#include <stdlib.h>

#include "agg/map.h"
#include "agg/slab_rows.h"
#include "model/sim.h"

enum {
	FIRST_ITEMS = 256,
	/* CPUs of one number more are as one: no machine has as many, but a damaged file may */
	MOST_CPUS = 8192,
	NO_CACHE = UINT32_MAX >> 1,
};

/* A size of a call site. */
struct pair {
	uint64_t call_site, hits;
	uint32_t site; /* index in sites */
	uint32_t req, alloc;
	uint32_t own;      /* its cache in the sim; NO_CACHE: no slab can hold an object */
	uint32_t class[2]; /* the cache of its class, charged to a cgroup or not; or NO_CACHE */
	uint32_t alone[2]; /* the same without others, once there was such an object */
	uint64_t live[2];
	uint64_t objects, class_pages, own_pages; /* when most were live */
};

/* A live object. */
struct object {
	uint32_t pair_accounted; /* 2 * pair + 1 if it is charged; if it is not used the next one */
	uint32_t class_slab, alone_slab, own_slab;
};

struct km_own_replay {
	struct km_models models; /* SLUB on that machine */
	uint32_t word;
	struct km_sim sim;
	struct km_map sites; /* call site -> index + 1 */
	uint64_t *site_hits;
	size_t nr_sites, room_sites;
	struct km_map sizes;   /* requested and allocated bytes -> number, from 1 on */
	struct km_map classes; /* allocated bytes, charged or not -> cache + 1 */
	struct km_map by_size; /* site and size -> pair + 1 */
	struct pair *pairs;
	size_t nr_pairs, room_pairs;
	struct km_map groups;      /* queue and group -> 2 * pair + charged + 1 */
	struct km_life_table live; /* object + 1 */
	struct object *objects;
	size_t nr_objects, room_objects;
	uint32_t unused; /* object + 1 */
};

struct km_error *km_own_create(const struct km_model_machine *machine, uint32_t long_bytes,
			       struct km_own_replay **ret)
{
	struct km_own_replay *own = calloc(1, sizeof(*own));
	struct km_error *error;

	if (!own)
		return &km_error_memory;
	own->word = long_bytes == 4 ? 4 : 8;
	error = km_models_add(&own->models, "slub", machine);
	if (!error)
		km_sim_init(&own->sim, own->models.items);
	if (!error)
		error = km_life_table_init(&own->live);
	if (error) {
		km_own_destroy(own);
		return error;
	}
	*ret = own;
	return NULL;
}

void km_own_destroy(struct km_own_replay *own)
{
	if (!own)
		return;
	km_sim_deinit(&own->sim);
	km_models_deinit(&own->models);
	km_map_deinit(&own->sites);
	km_map_deinit(&own->sizes);
	km_map_deinit(&own->classes);
	km_map_deinit(&own->by_size);
	km_map_deinit(&own->groups);
	km_life_table_deinit(&own->live);
	free(own->site_hits);
	free(own->pairs);
	free(own->objects);
	free(own);
}

/* Room for one more of `nr`; `*items` moves. */
static struct km_error *make_room(void **items, size_t nr, size_t *room, size_t size)
{
	const size_t more = *room ? 2 * *room : FIRST_ITEMS;
	void *grown;

	if (nr < *room)
		return NULL;
	/* numbers have to fit twice over, and one more, into 32 bits */
	if (more > NO_CACHE)
		return &km_error_memory;
	grown = reallocarray(*items, more, size);
	if (!grown)
		return &km_error_memory;
	*items = grown;
	*room = more;
	return NULL;
}

static struct km_error *find_site(struct km_own_replay *own, uint64_t call_site, uint32_t *ret)
{
	const uint64_t *found = km_map_find(&own->sites, call_site);
	struct km_error *error;

	if (found) {
		*ret = (uint32_t)(*found - 1);
		return NULL;
	}
	error = make_room((void **)&own->site_hits, own->nr_sites, &own->room_sites,
			  sizeof(*own->site_hits));
	if (error)
		return error;
	*ret = (uint32_t)own->nr_sites;
	own->site_hits[own->nr_sites++] = 0;
	return km_map_set(&own->sites, call_site, own->nr_sites);
}

/* The number of what is as large. */
static struct km_error *find_size(struct km_own_replay *own, struct km_event_size size,
				  uint64_t *ret)
{
	const uint64_t key = (uint64_t)size.req << 32 | size.alloc;
	const uint64_t *found = km_map_find(&own->sizes, key);

	*ret = found ? *found : own->sizes.nr + 1;
	return found ? NULL : km_map_set(&own->sizes, key, *ret);
}

/* The cache of a class; NO_CACHE: such objects are whole pages. */
static struct km_error *find_class(struct km_own_replay *own, uint32_t bytes, bool is_accounted,
				   uint32_t *ret)
{
	const uint64_t key = (uint64_t)bytes << 1 | (is_accounted ? 1 : 0);
	const uint64_t *found = km_map_find(&own->classes, key);
	const struct km_model *model = own->sim.model;
	const struct km_model_slab slab = km_model_slab(model, bytes);
	struct km_error *error;

	if (found) {
		*ret = (uint32_t)(*found - 1);
		return NULL;
	}
	*ret = NO_CACHE;
	if (!slab.objects || km_model_fit(model, bytes).kind != KM_MODEL_CACHE)
		return NULL;
	error = km_sim_add_cache(&own->sim, bytes, slab, ret);
	return error ? error : km_map_set(&own->classes, key, (uint64_t)*ret + 1);
}

static struct km_error *new_pair(struct km_own_replay *own, struct pair pair, uint32_t *ret)
{
	const uint64_t req = pair.req ? pair.req : 1;
	const uint64_t bytes = (req + own->word - 1) / own->word * own->word;
	const struct km_model_slab slab = km_model_slab(own->sim.model, bytes);
	struct km_error *error = make_room((void **)&own->pairs, own->nr_pairs, &own->room_pairs,
					   sizeof(*own->pairs));

	pair.own = pair.alone[0] = pair.alone[1] = NO_CACHE;
	/* an event of no bytes is of a damaged file */
	if (!error && slab.objects && pair.alloc)
		error = km_sim_add_cache(&own->sim, bytes, slab, &pair.own);
	for (int i = 0; i < 2 && !error; i++)
		error = find_class(own, pair.alloc ? pair.alloc : 1, i, &pair.class[i]);
	if (error)
		return error;
	*ret = (uint32_t)own->nr_pairs;
	own->pairs[own->nr_pairs++] = pair;
	return NULL;
}

static struct km_error *find_pair(struct km_own_replay *own, uint64_t call_site,
				  struct km_event_size size, uint32_t *ret)
{
	struct pair pair = { .req = size.req, .alloc = size.alloc, .call_site = call_site };
	struct km_error *error = find_site(own, call_site, &pair.site);
	const uint64_t *found;
	uint64_t key;

	if (!error)
		error = find_size(own, size, &key);
	if (error)
		return error;
	key |= (uint64_t)pair.site << 32;
	found = km_map_find(&own->by_size, key);
	if (found) {
		*ret = (uint32_t)(*found - 1);
		return NULL;
	}
	error = new_pair(own, pair, ret);
	return error ? error : km_map_set(&own->by_size, key, (uint64_t)*ret + 1);
}

/* What an allocation is, by its group: 2 * pair, + 1 if it is charged. */
static struct km_error *find_group(struct km_own_replay *own, const struct km_rows *rows,
				   uint32_t i, uint32_t *ret)
{
	const struct km_batch *batch = rows->batch;
	const uint64_t key = (uint64_t)rows->queue << 32 | batch->group[i];
	const uint64_t *found = km_map_find(&own->groups, key);
	const unsigned int accounted = batch->what[i].flags & KM_EVF_ACCOUNTED ? 1 : 0;
	struct km_error *error;
	struct pair *pair;
	uint32_t number;

	if (found) {
		*ret = (uint32_t)(*found - 1);
		return NULL;
	}
	error = find_pair(own, batch->call_site[i], batch->size[i], &number);
	if (error)
		return error;
	pair = &own->pairs[number];
	if (pair->own != NO_CACHE && pair->class[accounted] != NO_CACHE &&
	    pair->alone[accounted] == NO_CACHE)
		error = km_sim_add_cache(&own->sim, pair->alloc,
					 own->sim.caches[pair->class[accounted]].slab,
					 &pair->alone[accounted]);
	*ret = 2 * number + accounted;
	return error ? error : km_map_set(&own->groups, key, (uint64_t)*ret + 1);
}

static struct km_error *new_object(struct km_own_replay *own, uint32_t *ret)
{
	struct km_error *error;

	if (own->unused) {
		*ret = own->unused - 1;
		own->unused = own->objects[*ret].pair_accounted;
		return NULL;
	}
	error = make_room((void **)&own->objects, own->nr_objects, &own->room_objects,
			  sizeof(*own->objects));
	if (error)
		return error;
	*ret = (uint32_t)own->nr_objects++;
	return NULL;
}

static uint64_t pages_of(const struct km_sim_cache *cache)
{
	return cache->nr_slabs * cache->slab.pages;
}

/*
 * The pages that a class would not have without a pair's objects, if the others were packed as well
 * as all are: whole slabs. Both factors have 32 bits.
 */
static uint64_t share_of_class(const struct km_sim_cache *class, uint64_t objects)
{
	const uint64_t rest = class->nr_slabs * (class->objects - objects);
	const uint64_t kept = (rest + class->objects - 1) / class->objects;

	return (class->nr_slabs - kept) * class->slab.pages;
}

/* What is live, if there never was more. */
static void note_peak(const struct km_own_replay *own, struct pair *pair)
{
	const uint64_t page = own->sim.model->page_size, objects = pair->live[0] + pair->live[1];
	const struct km_sim_cache *caches = own->sim.caches;
	uint64_t pages = 0;

	if (objects <= pair->objects)
		return;
	for (int i = 0; i < 2; i++) {
		uint64_t share, alone;

		if (!pair->live[i])
			continue;
		if (pair->class[i] == NO_CACHE) {
			pages += pair->live[i] * ((pair->alloc + page - 1) / page);
			continue;
		}
		share = share_of_class(&caches[pair->class[i]], pair->live[i]);
		alone = pages_of(&caches[pair->alone[i]]);
		pages += share < alone ? share : alone;
	}
	pair->objects = objects;
	pair->class_pages = pages;
	pair->own_pages = pages_of(&caches[pair->own]);
}

static inline unsigned int cpu_of(const struct km_batch *batch, uint32_t i)
{
	return batch->cpu[i] % MOST_CPUS;
}

static struct km_error *end_object(struct km_own_replay *own, uint64_t *value, unsigned int cpu)
{
	const uint32_t number = (uint32_t)(*value - 1);
	struct object *object = &own->objects[number];
	struct pair *pair = &own->pairs[object->pair_accounted / 2];
	const unsigned int accounted = object->pair_accounted % 2;
	struct km_error *error = NULL;

	*value = 0;
	pair->live[accounted]--;
	if (pair->class[accounted] != NO_CACHE)
		error = km_sim_free(&own->sim, object->class_slab, cpu);
	if (!error && pair->alone[accounted] != NO_CACHE)
		error = km_sim_free(&own->sim, object->alone_slab, cpu);
	if (!error && pair->own != NO_CACHE)
		error = km_sim_free(&own->sim, object->own_slab, cpu);
	object->pair_accounted = own->unused;
	own->unused = number + 1;
	return error;
}

/* Gives a new object its slabs. */
static struct km_error *place(struct km_own_replay *own, struct pair *pair, unsigned int accounted,
			      unsigned int cpu, struct object *object)
{
	struct km_error *error = NULL;

	own->site_hits[pair->site]++;
	pair->hits++;
	pair->live[accounted]++;
	if (pair->class[accounted] != NO_CACHE)
		error = km_sim_alloc(&own->sim, pair->class[accounted], cpu, &object -> class_slab);
	if (!error && pair->alone[accounted] != NO_CACHE)
		error = km_sim_alloc(&own->sim, pair->alone[accounted], cpu, &object->alone_slab);
	if (error || pair->own == NO_CACHE)
		return error;
	error = km_sim_alloc(&own->sim, pair->own, cpu, &object->own_slab);
	if (!error)
		note_peak(own, pair);
	return error;
}

static struct km_error *take_alloc(struct km_own_replay *own, const struct km_rows *rows,
				   uint32_t i)
{
	const struct km_batch *batch = rows->batch;
	const unsigned int cpu = cpu_of(batch, i);
	uint64_t *value = km_life_table_get(&own->live, batch->ptr[i]);
	struct km_error *error = *value ? end_object(own, value, cpu) : NULL;
	uint32_t number = 0, pair_accounted = 0;
	struct object *object;
	struct pair *pair;

	if (!error)
		error = find_group(own, rows, i, &pair_accounted);
	if (!error)
		error = new_object(own, &number);
	if (error)
		return error;
	*value = (uint64_t)number + 1;
	object = &own->objects[number];
	*object = (struct object){ .pair_accounted = pair_accounted };
	pair = &own->pairs[pair_accounted / 2];
	error = place(own, pair, pair_accounted % 2, cpu, object);
	if (!error && own->live.nr_used > own->live.most_used)
		error = km_life_table_renew(&own->live);
	return error;
}

static bool is_kmalloc(uint8_t kind)
{
	return kind == KM_EV_KMALLOC || kind == KM_EV_KMALLOC_NODE;
}

static struct km_error *take_end(void *arg, const struct km_rows *rows, uint32_t i)
{
	struct km_own_replay *own = arg;
	uint64_t *value = km_life_table_find(&own->live, rows->batch->ptr[i]);

	return value && *value ? end_object(own, value, cpu_of(rows->batch, i)) : NULL;
}

/* What other caches allocate is of no interest, but ends what was there. */
static struct km_error *take_row(void *arg, const struct km_rows *rows, uint32_t i)
{
	return is_kmalloc(rows->batch->what[i].kind) ? take_alloc(arg, rows, i)
						     : take_end(arg, rows, i);
}

struct km_error *km_own_add(struct km_own_replay *own, const struct km_rows *rows)
{
	return km_slab_rows_walk(rows, &own->live, take_row, take_end, own);
}

static bool is_candidate(const struct km_own_replay *own, const struct pair *pair)
{
	const double hits = (double)own->site_hits[pair->site];

	return pair->own != NO_CACHE && 100.0 * (double)pair->hits >= KM_OWN_PERCENT * hits;
}

static int compare_caches(const void *a, const void *b)
{
	const struct km_own_cache *x = a, *y = b;

	return (x->call_site > y->call_site) - (x->call_site < y->call_site);
}

struct km_error *km_own_finish(const struct km_own_replay *own, struct km_own_caches *ret)
{
	const uint32_t page = own->sim.model->page_size;
	struct km_own_caches caches = { .items = calloc(own->nr_pairs + 1, sizeof(*caches.items)) };

	if (!caches.items)
		return &km_error_memory;
	for (size_t i = 0; i < own->nr_pairs; i++) {
		const struct pair *pair = &own->pairs[i];
		const struct km_sim_cache *cache;
		uint64_t pages;

		if (!is_candidate(own, pair))
			continue;
		cache = &own->sim.caches[pair->own];
		pages = cache->slab.pages;
		caches.items[caches.nr++] = (struct km_own_cache){
			.call_site = pair->call_site,
			.hits = own->site_hits[pair->site],
			.size_hits = pair->hits,
			.bytes_req = pair->req,
			.bytes_alloc = pair->alloc,
			.object_bytes = cache->bytes,
			.slab = cache->slab,
			.order = 63 - (unsigned int)__builtin_clzll(pages),
			.tail_bytes = pages * page - cache->slab.objects * cache->bytes,
			.page_size = page,
			.objects = pair->objects,
			.class_pages = pair->class_pages,
			.own_pages = pair->own_pages,
		};
	}
	qsort(caches.items, caches.nr, sizeof(*caches.items), compare_caches);
	*ret = caches;
	return NULL;
}

void km_own_caches_deinit(struct km_own_caches *caches)
{
	free(caches->items);
	*caches = (struct km_own_caches){ 0 };
}

uint64_t km_own_bytes(const struct km_own_replay *own)
{
	return km_sim_bytes(&own->sim) + km_map_bytes(&own->sites) + km_map_bytes(&own->sizes) +
	       km_map_bytes(&own->classes) + km_map_bytes(&own->by_size) +
	       km_map_bytes(&own->groups) + km_life_table_bytes(&own->live) +
	       own->room_sites * sizeof(*own->site_hits) + own->room_pairs * sizeof(*own->pairs) +
	       own->room_objects * sizeof(*own->objects);
}
