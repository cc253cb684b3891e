/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plain events of the fast layout (struct km_fast_desc) -> columns, for the loops of the hot path.
 */
#ifndef KMEMSTAT_DECODE_FAST_H
#define KMEMSTAT_DECODE_FAST_H

#include <string.h>

#include "decode/record.h"

static inline uint32_t km_native_u32(const uint8_t *data)
{
	uint32_t value;

	memcpy(&value, data, sizeof(value));
	return value;
}

static inline uint64_t km_native_u64(const uint8_t *data)
{
	uint64_t value;

	memcpy(&value, data, sizeof(value));
	return value;
}

/* Whether an event of `size` bytes at `data` has the fast layout; its id must be in it. */
static inline bool km_fast_fits(const struct km_fast_desc *desc, size_t size)
{
	return size - desc->least_bytes < desc->span_bytes;
}

/* The upper bits of km_sizes_are_odd(), which are none for sizes that can be. */
static inline uint64_t km_fast_sizes_upper(const uint8_t *data, const struct km_fast_desc *desc)
{
	const uint64_t req = km_native_u64(data + desc->size_offset);
	const uint64_t alloc = km_native_u64(data + desc->size_offset + 8);

	return ((alloc - req) | (alloc - 1) | alloc) >> 32;
}

/* Frees of nothing, allocations that failed or cannot be: rare, and not for the fast path. */
static inline bool km_fast_is_odd(const struct km_fast_desc *desc, const uint8_t *data)
{
	return km_native_u64(data + KM_FAST_PTR) <= KM_ZERO_SIZE_PTR ||
	       (km_fast_sizes_upper(data, desc) & desc->alloc_mask);
}

/*
 * Writes the columns that KM_WANT_ALLOCS has, too, at row `i`: without a branch on what kind it is,
 * since that cannot be foretold. Whether the row counts, the caller decides.
 */
static inline __attribute__((always_inline)) void
km_fast_put(struct km_records *records, const struct km_fast_desc *desc, const uint8_t *data,
	    size_t size, const enum km_want want, struct km_batch *batch, uint32_t i)
{
	const uint8_t name_offset =
		want == KM_WANT_ALL ? desc->name_offset : desc->alloc_name_offset;

	batch->call_site[i] = km_native_u64(data + KM_FAST_CALL_SITE);
	batch->size[i].req = (uint32_t)km_native_u64(data + desc->size_offset);
	batch->size[i].alloc = (uint32_t)km_native_u64(data + desc->size_offset + 8);
	memcpy(&batch->what[i], &desc->what, sizeof(desc->what));
	batch->what[i].flags = (data[desc->account_offset] & desc->account_bits) != 0;
	if (__builtin_expect(name_offset, 0))
		batch->what[i].cache =
			km_record_cache(records, data, size, km_native_u32(data + name_offset));
}

#endif
