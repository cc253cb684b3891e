/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Models of allocators: what object holds a request (size classes), and what slabs the objects lie
 * in. kmemstat-models(7) has the formulas, and the kernel files they are from.
 */
#ifndef KMEMSTAT_MODEL_H
#define KMEMSTAT_MODEL_H

#include <stddef.h>

#include "kmemstat/error.h"
#include "kmemstat/event.h"

/* Where an object comes from. */
enum km_model_kind {
	KM_MODEL_CACHE, /* out of slabs of objects of one size */
	KM_MODEL_HEAP,  /* out of a heap that has no sizes, but a granule */
	KM_MODEL_PAGES, /* whole pages of its own */
};
/* "cache", "heap", "pages". */
const char *km_model_kind_name(enum km_model_kind kind);

/* What requests behind the last size class take. */
enum km_model_large {
	KM_LARGE_ORDER,   /* 2^order pages */
	KM_LARGE_PAGES,   /* as many pages as they need */
	KM_LARGE_GRANULE, /* a multiple of the granule, out of the heap */
};

/* How many pages a slab has and when it is given back. */
enum km_model_slabs {
	KM_SLABS_SLUB,  /* Linux: per-CPU slabs and lists of partial ones */
	KM_SLABS_SLAB,  /* Linux before 6.8 */
	KM_SLABS_PAGES, /* the fewest pages that hold an object */
	KM_SLABS_FIT,   /* Solaris: of up to 8 objects the size that leaves least over */
	KM_SLABS_NONE,  /* it has no slabs: nothing can be replayed */
};

/* Sizes up to `up_to` (and over that of the row before) are rounded up to a multiple of `step`. */
struct km_model_range {
	uint64_t up_to, step;
	enum km_model_kind kind; /* KM_MODEL_CACHE or KM_MODEL_HEAP */
};

/* More than any allocator has. */
enum { KM_MODEL_MOST_RANGES = 256 };

struct km_model {
	char *name;    /* as it was asked for: "slub:min=128" */
	char *summary; /* of a user's file: its path */
	uint32_t page_size;
	uint32_t nr_cpus;      /* of the traced machine: slabs depend on it */
	uint64_t header;       /* bytes in front of each object that is not of whole pages */
	bool splits_accounted; /* what is charged to a memory cgroup has caches of its own */
	uint64_t granule;      /* of the heap; what is in it is a multiple */
	struct km_model_range *ranges;
	size_t nr_ranges;
	enum km_model_large large;
	enum km_model_slabs slabs;
};

/* A list of models, in the order in which they were asked for. */
struct km_models {
	struct km_model *items;
	size_t nr;
};

/* What of the traced machine models depend on, where their parameters do not say otherwise. */
struct km_model_machine {
	uint32_t page_size;
	uint32_t nr_cpus;
};

/*
 * Adds the models that a text names: "slub", "slub:min=128,page=64k,no96", several with commas
 * between, "all" for one of each kind. A name that is there is not added again. Errors:
 * KM_ERR_USAGE.
 */
KM_MUST_CHECK struct km_error *km_models_add(struct km_models *models, const char *text,
					     const struct km_model_machine *machine);
/*
 * Adds the model that a file describes (kmemstat-models(7)). Errors: KM_ERR_INPUT with
 * path:line.
 */
KM_MUST_CHECK struct km_error *km_models_add_file(struct km_models *models, const char *path,
						  const struct km_model_machine *machine);
/* The same with the file's text, malloc'ed or not: it stays the caller's. */
KM_MUST_CHECK struct km_error *km_models_add_text(struct km_models *models, const char *path,
						  const char *text, size_t size,
						  const struct km_model_machine *machine);
void km_models_deinit(struct km_models *models);

/* The names that there are, with what they stand for and take, for people. */
struct km_model_info {
	const char *name, *summary;
	const char *parameters; /* "min=SIZE, page=SIZE", or "" */
};
/* The i-th of *ret_nr, or NULL. */
const struct km_model_info *km_model_infos(size_t *ret_nr, size_t i);

/* What holds a request. */
struct km_model_object {
	uint64_t bytes; /* that it takes; held at UINT64_MAX */
	enum km_model_kind kind;
};
/* `bytes_req` of 0 is taken as 1. */
struct km_model_object km_model_fit(const struct km_model *model, uint64_t bytes_req);

/* What a slab for objects of a size is like. */
struct km_model_slab {
	uint32_t objects; /* 0: the model has no slabs for it: it takes pages of its own */
	uint64_t pages;
};
struct km_model_slab km_model_slab(const struct km_model *model, uint64_t object_bytes);

#endif
