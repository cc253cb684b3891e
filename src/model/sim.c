/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SLUB's slabs (mm/slub.c, v6.1, CONFIG_SLUB_CPU_PARTIAL, one NUMA node, no debugging).
 *
 * A CPU allocates from its slab, whose free objects are all on a list of the CPU
 * (___slab_alloc()). When that is empty it takes what others have freed into the slab meanwhile
 * (get_freelist()), else its next partial slab, else slabs of the node's list
 * (get_partial_node(): one to allocate from, and half of what its partial list may have beside),
 * else a new slab. A free into the CPU's own slab goes to the CPU's list, any other to the slab's
 * (__slab_free()). A slab that was full goes to the partial list of the CPU that frees, and if
 * that has enough, the list is moved to the end of the node's first (put_cpu_partial(),
 * __unfreeze_partials()). Empty slabs of the node's list are given back if it has more than
 * min_partial.
 *
 * The other allocators have magazines of free objects in front of their slabs, of sizes that
 * adapt, and give slabs back when memory is short. Here they have neither: one list of slabs with
 * free objects, and empty slabs go at once. It is the least that their slabs would take.
 */
#include "model/sim.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SLABS = 256, FIRST_CACHES = 64, MIN_PARTIAL = 5, MAX_PARTIAL = 10 };

void km_sim_init(struct km_sim *sim, const struct km_model *model)
{
	*sim = (struct km_sim){ .model = model, .nr_slabs = 1 };
}

void km_sim_deinit(struct km_sim *sim)
{
	for (size_t i = 0; i < sim->nr_caches; i++)
		free(sim->caches[i].cpus);
	free(sim->caches);
	free(sim->slabs);
}

/* set_cpu_partial(), slub_set_cpu_partial(): objects in slabs that are taken as half full. */
static uint32_t cpu_slabs(uint64_t bytes, uint64_t page, uint32_t objects)
{
	const uint32_t nr = bytes >= page ? 6 : bytes >= 1024 ? 24 : bytes >= 256 ? 52 : 120;

	return (2 * nr + objects - 1) / objects;
}

/* set_min_partial(): half the binary logarithm of the size, within bounds. */
static uint32_t min_partial(uint64_t bytes)
{
	const uint32_t half = (63 - (uint32_t)__builtin_clzll(bytes)) / 2;

	return half < MIN_PARTIAL ? MIN_PARTIAL : half > MAX_PARTIAL ? MAX_PARTIAL : half;
}

struct km_error *km_sim_add_cache(struct km_sim *sim, uint64_t bytes, struct km_model_slab slab,
				  uint32_t *ret)
{
	if (sim->nr_caches == sim->room_caches) {
		const size_t room = sim->room_caches ? 2 * sim->room_caches : FIRST_CACHES;
		struct km_sim_cache *caches = reallocarray(sim->caches, room, sizeof(*caches));

		if (!caches || room > UINT32_MAX)
			return &km_error_memory;
		sim->caches = caches;
		sim->room_caches = room;
	}
	*ret = (uint32_t)sim->nr_caches;
	sim->caches[sim->nr_caches++] = (struct km_sim_cache){
		.bytes = bytes,
		.slab = slab,
		.most_cpu_slabs = cpu_slabs(bytes, sim->model->page_size, slab.objects),
		.min_partial = min_partial(bytes),
	};
	return NULL;
}

/* The slab's record; a new one may move all of them. */
static inline struct km_sim_slab *slab_at(const struct km_sim *sim, uint32_t number)
{
	return &sim->slabs[number];
}

static struct km_error *new_slab(struct km_sim *sim, uint32_t cache_number, uint32_t *ret)
{
	struct km_sim_cache *cache = &sim->caches[cache_number];
	uint32_t number = sim->unused;

	if (number) {
		sim->unused = slab_at(sim, number)->cache;
	} else {
		if (sim->nr_slabs >= sim->room_slabs) {
			const size_t room = sim->room_slabs ? 2 * sim->room_slabs : FIRST_SLABS;
			struct km_sim_slab *slabs = reallocarray(sim->slabs, room, sizeof(*slabs));

			if (!slabs || room > UINT32_MAX)
				return &km_error_memory;
			sim->slabs = slabs;
			sim->room_slabs = room;
		}
		number = (uint32_t)sim->nr_slabs++;
	}
	*slab_at(sim, number) =
		(struct km_sim_slab){ .cache = cache_number, .free = cache->slab.objects };
	sim->slab_pages += cache->slab.pages;
	if (++cache->nr_slabs > cache->peak_slabs)
		cache->peak_slabs = cache->nr_slabs;
	*ret = number;
	return NULL;
}

static void give_back(struct km_sim *sim, struct km_sim_cache *cache, uint32_t number)
{
	cache->nr_slabs--;
	sim->slab_pages -= cache->slab.pages;
	slab_at(sim, number)->cache = sim->unused;
	sim->unused = number;
}

static void add_first(struct km_sim *sim, struct km_sim_cache *cache, uint32_t number)
{
	struct km_sim_slab *slab = slab_at(sim, number);

	slab->prev = 0;
	slab->next = cache->first;
	if (cache->first)
		slab_at(sim, cache->first)->prev = number;
	else
		cache->last = number;
	cache->first = number;
	cache->nr_partial++;
}

static void add_last(struct km_sim *sim, struct km_sim_cache *cache, uint32_t number)
{
	struct km_sim_slab *slab = slab_at(sim, number);

	slab->next = 0;
	slab->prev = cache->last;
	if (cache->last)
		slab_at(sim, cache->last)->next = number;
	else
		cache->first = number;
	cache->last = number;
	cache->nr_partial++;
}

static void take_off(struct km_sim *sim, struct km_sim_cache *cache, uint32_t number)
{
	struct km_sim_slab *slab = slab_at(sim, number);

	if (slab->prev)
		slab_at(sim, slab->prev)->next = slab->next;
	else
		cache->first = slab->next;
	if (slab->next)
		slab_at(sim, slab->next)->prev = slab->prev;
	else
		cache->last = slab->prev;
	cache->nr_partial--;
}

static struct km_error *add_cpus(struct km_sim *sim, struct km_sim_cache *cache, unsigned int cpu)
{
	const size_t nr = (size_t)cpu + 1;
	struct km_sim_cpu *cpus = reallocarray(cache->cpus, nr, sizeof(*cpus));

	if (!cpus)
		return &km_error_memory;
	memset(cpus + cache->nr_cpus, 0, (nr - cache->nr_cpus) * sizeof(*cpus));
	sim->nr_cpus += nr - cache->nr_cpus;
	cache->cpus = cpus;
	cache->nr_cpus = nr;
	return NULL;
}

/* A CPU's partial slabs go to the end of the cache's, empty ones back if there are enough. */
static void unfreeze(struct km_sim *sim, struct km_sim_cache *cache, uint32_t number)
{
	while (number) {
		struct km_sim_slab *slab = slab_at(sim, number);
		const uint32_t next = slab->next;

		slab->is_frozen = false;
		if (slab->free == cache->slab.objects && cache->nr_partial >= cache->min_partial)
			give_back(sim, cache, number);
		else
			add_last(sim, cache, number);
		number = next;
	}
}

static void put_cpu_partial(struct km_sim *sim, struct km_sim_cache *cache, struct km_sim_cpu *cpu,
			    uint32_t number, bool drains)
{
	struct km_sim_slab *slab = slab_at(sim, number);
	uint32_t old = cpu->partial, full = 0;

	if (old && drains && slab_at(sim, old)->nr_list >= cache->most_cpu_slabs) {
		full = old;
		old = 0;
	}
	slab->nr_list = old ? slab_at(sim, old)->nr_list + 1 : 1;
	slab->next = old;
	slab->is_frozen = true;
	cpu->partial = number;
	unfreeze(sim, cache, full);
}

/* Of the cache's slabs one to allocate from, and some for the CPU's partial list. */
static bool get_partial(struct km_sim *sim, struct km_sim_cache *cache, struct km_sim_cpu *cpu)
{
	uint32_t nr = 0;

	if (!cache->first)
		return false;
	cpu->slab = cache->first;
	take_off(sim, cache, cpu->slab);
	slab_at(sim, cpu->slab)->is_frozen = true;
	while (nr <= cache->most_cpu_slabs / 2 && cache->first) {
		const uint32_t number = cache->first;

		take_off(sim, cache, number);
		put_cpu_partial(sim, cache, cpu, number, false);
		nr++;
	}
	return true;
}

static struct km_error *slub_refill(struct km_sim *sim, uint32_t cache_number,
				    struct km_sim_cpu *cpu)
{
	struct km_sim_cache *cache = &sim->caches[cache_number];
	struct km_error *error = NULL;

	if (cpu->slab && !slab_at(sim, cpu->slab)->free) {
		slab_at(sim, cpu->slab)->is_frozen = false;
		cpu->slab = 0;
	}
	if (!cpu->slab && cpu->partial) {
		cpu->slab = cpu->partial;
		cpu->partial = slab_at(sim, cpu->slab)->next;
	} else if (!cpu->slab && !get_partial(sim, cache, cpu)) {
		error = new_slab(sim, cache_number, &cpu->slab);
		if (error)
			return error;
		slab_at(sim, cpu->slab)->is_frozen = true;
	}
	cpu->free = slab_at(sim, cpu->slab)->free;
	slab_at(sim, cpu->slab)->free = 0;
	return NULL;
}

static struct km_error *slub_alloc(struct km_sim *sim, uint32_t cache_number, unsigned int cpu,
				   uint32_t *ret)
{
	struct km_sim_cache *cache = &sim->caches[cache_number];
	struct km_error *error = cpu < cache->nr_cpus ? NULL : add_cpus(sim, cache, cpu);

	if (!error && !cache->cpus[cpu].free)
		error = slub_refill(sim, cache_number, &cache->cpus[cpu]);
	if (error)
		return error;
	cache->cpus[cpu].free--;
	*ret = cache->cpus[cpu].slab;
	return NULL;
}

static struct km_error *slub_free(struct km_sim *sim, uint32_t number, unsigned int cpu)
{
	struct km_sim_slab *slab = slab_at(sim, number);
	struct km_sim_cache *cache = &sim->caches[slab->cache];
	struct km_error *error = cpu < cache->nr_cpus ? NULL : add_cpus(sim, cache, cpu);

	if (error)
		return error;
	if (cache->cpus[cpu].slab == number) {
		cache->cpus[cpu].free++;
		return NULL;
	}
	slab->free++;
	if (slab->is_frozen)
		return NULL;
	if (slab->free == 1) {
		put_cpu_partial(sim, cache, &cache->cpus[cpu], number, true);
	} else if (slab->free == cache->slab.objects && cache->nr_partial >= cache->min_partial) {
		take_off(sim, cache, number);
		give_back(sim, cache, number);
	}
	return NULL;
}

static struct km_error *plain_alloc(struct km_sim *sim, uint32_t cache_number, uint32_t *ret)
{
	struct km_sim_cache *cache = &sim->caches[cache_number];
	struct km_error *error = NULL;
	uint32_t number = cache->first;

	if (!number) {
		error = new_slab(sim, cache_number, &number);
		if (!error)
			add_first(sim, cache, number);
	}
	if (error)
		return error;
	if (!--slab_at(sim, number)->free)
		take_off(sim, cache, number);
	*ret = number;
	return NULL;
}

static void plain_free(struct km_sim *sim, uint32_t number)
{
	struct km_sim_slab *slab = slab_at(sim, number);
	struct km_sim_cache *cache = &sim->caches[slab->cache];

	if (slab->free++ == 0)
		add_first(sim, cache, number);
	if (slab->free < cache->slab.objects)
		return;
	take_off(sim, cache, number);
	give_back(sim, cache, number);
}

struct km_error *km_sim_alloc(struct km_sim *sim, uint32_t cache, unsigned int cpu, uint32_t *ret)
{
	struct km_error *error = sim->model->slabs == KM_SLABS_SLUB
					 ? slub_alloc(sim, cache, cpu, ret)
					 : plain_alloc(sim, cache, ret);

	if (error)
		return error;
	sim->caches[cache].objects++;
	sim->caches[cache].allocs++;
	return NULL;
}

struct km_error *km_sim_free(struct km_sim *sim, uint32_t slab, unsigned int cpu)
{
	sim->caches[slab_at(sim, slab)->cache].objects--;
	if (sim->model->slabs == KM_SLABS_SLUB)
		return slub_free(sim, slab, cpu);
	plain_free(sim, slab);
	return NULL;
}

uint64_t km_sim_bytes(const struct km_sim *sim)
{
	return sim->room_slabs * sizeof(*sim->slabs) + sim->room_caches * sizeof(*sim->caches) +
	       sim->nr_cpus * sizeof(struct km_sim_cpu);
}
