/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One chunk of the percpu allocator, with its map of what is free, in either way. */
#ifndef KMEMSTAT_MODEL_PERCPU_CHUNK_H
#define KMEMSTAT_MODEL_PERCPU_CHUNK_H

#include <stdbool.h>
#include <stdint.h>

#include "kmemstat/percpu_model.h"

/* No place in this chunk. */
#define KM_PERCPU_NOWHERE UINT32_MAX

/*
 * The maps: offsets and sizes in bytes, sizes and alignments made even as the kernel does it.
 * `steps` is added to.
 */
struct km_percpu_bitmap;
KM_MUST_CHECK struct km_error *km_percpu_bitmap_create(uint32_t bytes,
						       struct km_percpu_bitmap **ret);
void km_percpu_bitmap_destroy(struct km_percpu_bitmap *map);
uint32_t km_percpu_bitmap_alloc(struct km_percpu_bitmap *map, uint32_t size, uint32_t align,
				uint64_t *steps);
/* Returns the bytes that are free again. */
uint32_t km_percpu_bitmap_free(struct km_percpu_bitmap *map, uint32_t offset, uint64_t *steps);
/* The largest free area that it knows of, or 0. */
uint32_t km_percpu_bitmap_largest(const struct km_percpu_bitmap *map);
/* The end of the last object. */
uint32_t km_percpu_bitmap_top(const struct km_percpu_bitmap *map);

struct km_percpu_areas;
KM_MUST_CHECK struct km_error *km_percpu_areas_create(uint32_t bytes, struct km_percpu_areas **ret);
void km_percpu_areas_destroy(struct km_percpu_areas *map);
/* Makes room for an allocation. Errors: KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_percpu_areas_reserve(struct km_percpu_areas *map);
/* After km_percpu_areas_reserve(). */
uint32_t km_percpu_areas_alloc(struct km_percpu_areas *map, uint32_t size, uint32_t align,
			       uint64_t *steps);
void km_percpu_areas_free(struct km_percpu_areas *map, uint32_t offset, uint64_t *steps);
uint32_t km_percpu_areas_largest(const struct km_percpu_areas *map);
uint32_t km_percpu_areas_free_bytes(const struct km_percpu_areas *map);
uint32_t km_percpu_areas_top(const struct km_percpu_areas *map);

#endif
