/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Models of the percpu allocator: chunks, where objects lie in them, and how much is read to find
 * that. One unit, the chunk's part on one CPU, stands for all. kmemstat-models(7) says what is in
 * them.
 */
#ifndef KMEMSTAT_PERCPU_MODEL_H
#define KMEMSTAT_PERCPU_MODEL_H

#include "kmemstat/error.h"
#include "kmemstat/life.h"

enum km_percpu_model_kind {
	KM_PERCPU_BITMAP,   /* Linux since v4.14: a bit each four bytes, hints for each block */
	KM_PERCPU_AREA_MAP, /* before: an array of the areas of each chunk */
	KM_NR_PERCPU_MODELS,
};
/* "bitmap", "area-map". */
const char *km_percpu_model_name(enum km_percpu_model_kind kind);

enum {
	KM_PERCPU_PAGE = 4096,
	/* PCPU_MIN_UNIT_SIZE: also the largest object (include/linux/percpu.h, v6.1) */
	KM_PERCPU_MIN_UNIT = 32 << 10,
	KM_PERCPU_MAX_UNIT = 64 << 20, /* the kernel has none */
	/* PERCPU_DYNAMIC_RESERVE of 64-bit kernels (include/linux/percpu.h, v6.1) */
	KM_PERCPU_FIRST_BYTES = 28 << 10,
	KM_MAX_PERCPU_CHANGES = 16,
};

/* Both in bytes of one CPU and multiples of a page. */
struct km_percpu_shape {
	uint32_t unit;  /* of a chunk: KM_PERCPU_MIN_UNIT to KM_PERCPU_MAX_UNIT */
	uint32_t first; /* of the first chunk, what is not static or reserved: less than a unit */
};

/*
 * The unit on x86-64: 2 MiB are shared out among as many CPUs as leave each a kernel's static
 * variables and the reserves (pcpu_build_alloc_info(), mm/percpu.c, v6.1), which are taken to be
 * less than 256 KiB. nr_cpus 0: not known.
 */
uint32_t km_percpu_default_unit(uint32_t nr_cpus);

/* What a model has come to. Bytes are of one CPU. */
struct km_percpu_model_stats {
	uint64_t allocs, frees;
	uint64_t unfit; /* allocations that no chunk could ever serve: passed over */
	uint64_t chunks, peak_chunks, chunks_made, chunks_destroyed; /* without the first */
	uint64_t bytes_used;        /* by objects, with what they were rounded up by */
	uint64_t bytes_holes;       /* free, in front of the last object of a chunk */
	uint64_t pages, peak_pages; /* that had an object since their chunk was made */
	/* what is read to find a place, or to free one: see kmemstat-models(7) */
	uint64_t alloc_steps, alloc_steps_max, free_steps, free_steps_max;
};

/* Where an object is: chunk and offset in it. */
struct km_percpu_place {
	uint32_t chunk, offset; /* chunk 0: nowhere; the first chunk is 1 */
};

struct km_percpu_model;

/* The shape has to be as it says. */
KM_MUST_CHECK struct km_error *km_percpu_model_create(enum km_percpu_model_kind kind,
						      const struct km_percpu_shape *shape,
						      struct km_percpu_model **ret);
void km_percpu_model_destroy(struct km_percpu_model *model);
/* The memory it takes, about. */
uint64_t km_percpu_model_bytes(const struct km_percpu_model *model);
/*
 * Finds a place for an object, in a new chunk if need be. What is larger than KM_PERCPU_MIN_UNIT,
 * empty, or aligned to no power of two up to a page is counted as unfit. Errors: KM_ERR_MEMORY.
 */
KM_MUST_CHECK struct km_error *km_percpu_model_alloc(struct km_percpu_model *model, uint32_t size,
						     uint32_t align, struct km_percpu_place *ret);
/* Frees what km_percpu_model_alloc() placed there; nowhere is passed over. */
void km_percpu_model_free(struct km_percpu_model *model, struct km_percpu_place place);
/* Until the model is changed or destroyed. */
const struct km_percpu_model_stats *km_percpu_model_stats(const struct km_percpu_model *model);

/* "What if objects of this size and alignment were of that?" */
struct km_percpu_change {
	uint32_t size, align; /* as recorded; align 0: any */
	uint32_t new_size;
	uint32_t new_align; /* 0: as recorded */
};

struct km_percpu_replay_options {
	struct km_percpu_shape shape;
	const struct km_percpu_change *changes; /* of an object the first that is about it counts */
	size_t nr_changes; /* with any, each model is there twice: without, and with them */
};

/* What the recorded objects came to in one model. Bytes are of one CPU. */
struct km_percpu_replay_result {
	enum km_percpu_model_kind kind;
	bool is_changed;                    /* with the changes */
	struct km_percpu_model_stats stats; /* at the end */
	uint64_t bytes_req;                 /* by what was live at the end */
	/* when the most bytes were used for the first time */
	uint64_t peak_bytes, peak_bytes_req, peak_holes, peak_ns;
};

/* Steps a call; 0 of none. */
static inline double km_percpu_steps(uint64_t steps, uint64_t calls)
{
	return calls ? (double)steps / (double)calls : 0;
}

struct km_percpu_replay_results {
	struct km_percpu_shape shape;
	struct km_percpu_replay_result items[2 * KM_NR_PERCPU_MODELS];
	size_t nr;
	struct km_percpu_change changes[KM_MAX_PERCPU_CHANGES];
	uint64_t changed[KM_MAX_PERCPU_CHANGES]; /* allocations that each was about */
	size_t nr_changes;
	uint64_t allocs;
	uint64_t reserved;      /* allocations of the reserved part of the first chunk: left out */
	uint64_t unknown_frees; /* of what was allocated before the trace, or is left out */
	uint64_t implied_frees; /* pointers allocated again: freed before that */
};

struct km_percpu_replay;

/* Recorded allocations and frees in time order, played through all models. */
KM_MUST_CHECK struct km_error *
km_percpu_replay_create(const struct km_percpu_replay_options *options,
			struct km_percpu_replay **ret);
void km_percpu_replay_destroy(struct km_percpu_replay *replay);
/* The memory it takes, about. */
uint64_t km_percpu_replay_bytes(const struct km_percpu_replay *replay);
/* The next run. Rows of other layers are passed over. Errors: KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_percpu_replay_add(struct km_percpu_replay *replay,
						    const struct km_rows *rows);
/* What there is so far; more may be added afterwards. */
void km_percpu_replay_finish(const struct km_percpu_replay *replay,
			     struct km_percpu_replay_results *ret);

#endif
