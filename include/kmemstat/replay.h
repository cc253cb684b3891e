/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Replay: recorded allocations and frees of the slab allocator, in time order, played through the
 * slabs of models. kmemstat-models(7) says what is in it.
 */
#ifndef KMEMSTAT_REPLAY_H
#define KMEMSTAT_REPLAY_H

#include "kmemstat/life.h"
#include "kmemstat/model.h"

/* One cache of a model, with at least one object in the replay. */
struct km_replay_cache {
	const char *name; /* of a named cache, as recorded; or NULL */
	bool is_general;  /* of kmalloc */
	bool is_accounted;
	uint64_t bytes; /* of an object */
	struct km_model_slab slab;
	uint64_t allocs;
	uint64_t peak_slabs; /* the most it had, whenever that was */
	uint64_t end_slabs, end_objects;
};

/* What a model's slabs came to. */
struct km_replay_result {
	/* when the most pages were taken for the first time */
	uint64_t peak_pages, peak_ns;
	uint64_t peak_bytes_req;    /* requested by what was live then */
	uint64_t peak_bytes_object; /* and what its objects take */
	uint64_t end_pages, end_bytes_req, end_bytes_object;
	struct km_replay_cache *caches; /* kmalloc's, then the others, each by size and name */
	size_t nr_caches;
};

struct km_replay_results {
	struct km_replay_result *items; /* in the order of the models */
	size_t nr;
	uint64_t unknown_frees; /* of what was allocated before the trace: passed over */
	uint64_t implied_frees; /* pointers allocated again: freed before that */
};

struct km_replay;

/* The models must outlive the replay. */
KM_MUST_CHECK struct km_error *km_replay_create(const struct km_models *models,
						struct km_replay **ret);
void km_replay_destroy(struct km_replay *replay);
/* The memory it takes, about. */
uint64_t km_replay_bytes(const struct km_replay *replay);
/* The next run, with all columns. Rows of other layers are passed over. Errors: KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_replay_add(struct km_replay *replay, const struct km_rows *rows);
/*
 * What there is so far; more may be added afterwards. Names are the replay's.
 * km_replay_results_deinit() frees it.
 */
KM_MUST_CHECK struct km_error *km_replay_finish(const struct km_replay *replay,
						struct km_replay_results *ret);
void km_replay_results_deinit(struct km_replay_results *results);

#endif
