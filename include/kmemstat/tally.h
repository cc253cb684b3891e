/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Slab allocations counted by task, by cache and by pointer: what --task, --cache, --alloc show. */
#ifndef KMEMSTAT_TALLY_H
#define KMEMSTAT_TALLY_H

#include "kmemstat/agg.h"

/*
 * What became of allocations: freed (a free was seen), replaced (allocated again, without a free
 * in the trace), or live at the end. All 0 without pairing.
 */
struct km_ends {
	uint64_t freed, bytes_freed; /* bytes as allocated, here and below */
	uint64_t replaced, bytes_replaced;
	uint64_t live, live_bytes, live_bytes_req;
};

/* A task: what it allocated, whoever freed it; and what it freed, whoever allocated that. */
struct km_task {
	int32_t pid;
	struct km_sum sum;
	struct km_ends ends;
	uint64_t frees;
	uint64_t nr_sites; /* different call sites that it allocated at */
};

struct km_tasks {
	struct km_task *items; /* by pid */
	size_t nr;
};

/* How the name of a cache is known. */
enum km_cache_naming {
	KM_CACHE_UNNAMED,  /* it is not */
	KM_CACHE_NAMED,    /* by the allocations' events */
	KM_CACHE_INFERRED, /* by frees: each seen at these call sites' objects gave this name */
};

/* Allocations out of one cache, or, where that has no name, of one size. */
struct km_cache {
	const char *name; /* or NULL; the tally's */
	enum km_cache_naming naming;
	enum km_family family;
	bool is_accounted; /* told apart: all of it is charged to memory cgroups */
	uint32_t bytes_alloc;
	struct km_sum sum;
	struct km_ends ends;
	uint64_t nr_sites;
};

struct km_caches {
	struct km_cache *items; /* by family, size, name, naming, is_accounted */
	size_t nr;
};

struct km_tally_options {
	bool has_tasks; /* rows have the column pid */
	bool has_pairs; /* pair allocations with frees */
};

struct km_tally;

KM_MUST_CHECK struct km_error *km_tally_create(const struct km_tally_options *options,
					       struct km_tally **ret);
void km_tally_destroy(struct km_tally *tally);
/* The memory it takes, about. */
uint64_t km_tally_bytes(const struct km_tally *tally);
/* The next run. Rows of other layers are passed over. Errors: KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_tally_add(struct km_tally *tally, const struct km_rows *rows);
/* What there is so far; more may be added afterwards. Errors: KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_tally_tasks(const struct km_tally *tally, struct km_tasks *ret);
void km_tasks_deinit(struct km_tasks *tasks);
struct km_cache_options {
	/*
	 * Of kmalloc's sizes up to this (bytes allocated) those charged to a memory cgroup are told
	 * apart: they come out of caches of their own where the kernel has kmalloc-cg-64.
	 */
	uint64_t most_accounted;
	/* names from frees: not where events are missing, for then a pointer may be another's */
	bool infers_names;
};
/* The same by cache. The names are valid until the tally goes. */
KM_MUST_CHECK struct km_error *km_tally_caches(const struct km_tally *tally,
					       const struct km_cache_options *options,
					       struct km_caches *ret);
void km_caches_deinit(struct km_caches *caches);

/* A pointer that was allocated, maybe many times. */
struct km_ptr {
	uint64_t ptr;
	uint64_t call_site; /* of the last allocation, as is family */
	uint64_t hits, bytes_req, bytes_alloc;
	uint64_t pingpong; /* allocations freed on another CPU */
	uint16_t cpu;      /* of the last allocation */
	uint8_t family;    /* enum km_family */
	bool is_live;
};

/* Counts by pointer: memory grows with the different pointers, 64 to 128 bytes each. */
struct km_ptrs;

KM_MUST_CHECK struct km_error *km_ptrs_create(struct km_ptrs **ret);
void km_ptrs_destroy(struct km_ptrs *ptrs);
/* The memory it takes, about. */
uint64_t km_ptrs_bytes(const struct km_ptrs *ptrs);
KM_MUST_CHECK struct km_error *km_ptrs_add(struct km_ptrs *ptrs, const struct km_rows *rows);
/* In the order in which they were met; valid until more is added. */
const struct km_ptr *km_ptrs_items(const struct km_ptrs *ptrs, size_t *ret_nr);

#endif
