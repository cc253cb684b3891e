/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a kmem_cache of their own would save or cost the objects of a kmalloc call site. The
 * recorded objects lie in SLUB's slabs twice: in those of their size class, with all others, and in
 * those of a cache that only has this call site's objects of this size. kmemstat-models(7) has the
 * formulas.
 */
#ifndef KMEMSTAT_OWN_H
#define KMEMSTAT_OWN_H

#include "kmemstat/life.h"
#include "kmemstat/model.h"

/* A size is a call site's own with at least this share of its allocations. */
#define KM_OWN_PERCENT 90

/* A call site with one such size. What is live is that of the first moment with most objects. */
struct km_own_cache {
	uint64_t call_site;       /* as traced; of kmalloc */
	uint64_t hits, size_hits; /* of the call site, and of these with that size */
	uint32_t bytes_req, bytes_alloc;
	uint64_t object_bytes;     /* in a cache of their own: bytes_req, to a multiple of a word */
	struct km_model_slab slab; /* of that cache */
	unsigned int order;        /* of its pages */
	uint64_t tail_bytes;       /* of a slab: too few for another object */
	uint32_t page_size;
	uint64_t objects;     /* live */
	uint64_t class_pages; /* that the class would not have without them */
	uint64_t own_pages;   /* that the cache has */
};

/* Bytes that the cache saves; negative: that it costs. */
static inline int64_t km_own_saved(const struct km_own_cache *own)
{
	return ((int64_t)own->class_pages - (int64_t)own->own_pages) * (int64_t)own->page_size;
}

struct km_own_caches {
	struct km_own_cache *items; /* by call site */
	size_t nr;
};

/* Follows objects by pointer: memory grows with what is live, and with call sites and sizes. */
struct km_own_replay;

/* `long_bytes` is the word of the traced machine. */
KM_MUST_CHECK struct km_error *km_own_create(const struct km_model_machine *machine,
					     uint32_t long_bytes, struct km_own_replay **ret);
void km_own_destroy(struct km_own_replay *own);
/* The memory it takes, about. */
uint64_t km_own_bytes(const struct km_own_replay *own);
/* The next run, with all columns. Rows of other layers are passed over. Errors: KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_own_add(struct km_own_replay *own, const struct km_rows *rows);
/* What there is so far; more may be added afterwards. Errors: KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_own_finish(const struct km_own_replay *own,
					     struct km_own_caches *ret);
void km_own_caches_deinit(struct km_own_caches *caches);

#endif
