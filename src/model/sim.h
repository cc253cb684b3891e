/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The slabs of one model's caches, as allocations and frees fill and empty them. */
#ifndef KMEMSTAT_MODEL_SIM_H
#define KMEMSTAT_MODEL_SIM_H

#include "kmemstat/model.h"

/* Which objects of a slab are free makes no difference to how many slabs there are: a number does.
 */
struct km_sim_slab {
	uint32_t cache;      /* of a record without a slab: the next such one */
	uint32_t free;       /* objects on the slab's own list */
	uint32_t next, prev; /* on a list; 0: none */
	uint32_t nr_list;    /* of a CPU's partial list: slabs from this one on */
	bool is_frozen;      /* a CPU has it: it is on no list of the cache */
};

struct km_sim_cpu {
	uint32_t slab;    /* that it allocates from; 0: none */
	uint32_t free;    /* objects of it on the CPU's list */
	uint32_t partial; /* further slabs with free objects, last in first out */
};

struct km_sim_cache {
	uint64_t bytes;
	struct km_model_slab slab;
	struct km_sim_cpu *cpus;
	size_t nr_cpus;
	uint32_t most_cpu_slabs; /* of a CPU's partial list */
	uint32_t min_partial;    /* empty slabs beyond so many partial ones are given back */
	uint32_t first, last;    /* slabs with free objects that no CPU has */
	uint32_t nr_partial;
	uint64_t nr_slabs, peak_slabs, objects, allocs;
};

struct km_sim {
	const struct km_model *model;
	struct km_sim_slab *slabs; /* from 1 on */
	size_t nr_slabs, room_slabs;
	uint32_t unused; /* records without a slab */
	struct km_sim_cache *caches;
	size_t nr_caches, room_caches;
	size_t nr_cpus; /* of all caches */
	uint64_t slab_pages;
};

void km_sim_init(struct km_sim *sim, const struct km_model *model);
void km_sim_deinit(struct km_sim *sim);
/* The memory it takes, about. */
uint64_t km_sim_bytes(const struct km_sim *sim);
/* A new cache with slabs of that kind (objects > 0), and its index. */
KM_MUST_CHECK struct km_error *km_sim_add_cache(struct km_sim *sim, uint64_t bytes,
						struct km_model_slab slab, uint32_t *ret);
/* Allocates an object on a CPU; *ret is its slab. */
KM_MUST_CHECK struct km_error *km_sim_alloc(struct km_sim *sim, uint32_t cache, unsigned int cpu,
					    uint32_t *ret);
/* Frees an object of that slab on a CPU. */
KM_MUST_CHECK struct km_error *km_sim_free(struct km_sim *sim, uint32_t slab, unsigned int cpu);

#endif
