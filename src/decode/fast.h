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

/* Whether an event of so many words of 4 bytes, below 32, has the fast layout. */
static inline bool km_fast_fits(const struct km_fast_desc *desc, uint32_t words)
{
	return desc->sizes >> (words & 31) & 1;
}

/* The upper bits of km_sizes_are_odd(), which are none for sizes that can be. */
static inline uint64_t km_fast_sizes_upper(const uint8_t *data, const struct km_fast_desc *desc)
{
	const uint64_t req = km_native_u64(data + desc->size_offset);
	const uint64_t alloc = km_native_u64(data + desc->size_offset + 8);

	return ((alloc - req) | (alloc - 1) | alloc) >> 32;
}

/* Frees of nothing, and allocations that failed: rare, and not for the fast path. */
static inline bool km_fast_ptr_is_odd(const uint8_t *data)
{
	return km_native_u64(data + KM_FAST_PTR) <= KM_ZERO_SIZE_PTR;
}

/* The same, and allocations that cannot be. */
static inline bool km_fast_is_odd(const struct km_fast_desc *desc, const uint8_t *data)
{
	return km_fast_ptr_is_odd(data) || (km_fast_sizes_upper(data, desc) & desc->alloc_mask);
}

/* The column `what` without a cache. */
static inline uint32_t km_fast_what(const struct km_fast_desc *desc, const uint8_t *data)
{
	return desc->what[(data[desc->account_offset] & desc->account_bits) != 0];
}

/* The cache by its name; `name_offset` is that of the __data_loc, or 0 if it has none. */
static inline uint16_t km_fast_cache(struct km_records *records, const uint8_t *data, size_t size,
				     uint8_t name_offset)
{
	if (__builtin_expect(!name_offset, 1))
		return 0;
	return km_record_cache(records, data, size, km_native_u32(data + name_offset));
}

/* Counts an allocation if its group is known already: then its sizes are not odd. Else NULL. */
static inline __attribute__((always_inline)) const struct km_group *
km_fast_count(struct km_group_table known, const struct km_fast_desc *desc, const uint8_t *data,
	      uint32_t what)
{
	const struct km_group_key key = {
		.call_site = km_native_u64(data + KM_FAST_CALL_SITE),
		.req = km_native_u64(data + desc->size_offset),
		.alloc = km_native_u64(data + desc->size_offset + 8),
		.what = what,
	};

	return km_group_count(known, key);
}

/* The same for one whose cache has a name. */
static __attribute__((noinline, unused)) const struct km_group *
km_fast_count_named(struct km_records *records, struct km_group_table known,
		    const struct km_fast_desc *desc, const uint8_t *data, size_t size)
{
	const uint32_t plain = km_fast_what(desc, data);
	struct km_event_what what;

	memcpy(&what, &plain, sizeof(what));
	what.cache = km_fast_cache(records, data, size, desc->name_offset);
	return km_fast_count(known, desc, data, km_group_what(what));
}

/* Writes the columns that KM_WANT_ALLOCS has, too, at row `i`. */
static inline __attribute__((always_inline)) void km_fast_put(struct km_records *records,
							      const struct km_fast_desc *desc,
							      const uint8_t *data, size_t size,
							      struct km_batch *batch, uint32_t i)
{
	const uint32_t what = km_fast_what(desc, data);

	batch->call_site[i] = km_native_u64(data + KM_FAST_CALL_SITE);
	batch->size[i].req = (uint32_t)km_native_u64(data + desc->size_offset);
	batch->size[i].alloc = (uint32_t)km_native_u64(data + desc->size_offset + 8);
	memcpy(&batch->what[i], &what, sizeof(what));
	batch->what[i].cache = km_fast_cache(records, data, size, desc->name_offset);
}

/* Adds an allocation of a group that is not known to a batch with room; false if it is odd. */
static __attribute__((noinline, unused)) bool km_fast_add(struct km_records *records,
							  const struct km_fast_desc *desc,
							  const uint8_t *data, size_t size,
							  struct km_batch *batch)
{
	if (km_fast_is_odd(desc, data))
		return false;
	km_fast_put(records, desc, data, size, batch, batch->nr++);
	return true;
}

#endif
