/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of live pointers. Buckets are a cache line, four pointers and what each stands for;
 * a pointer that finds its bucket full goes to the next with room.
 *
 * A pointer stays after its object was freed, with a value of 0: slab allocators hand the same
 * addresses out again, so that look-ups mostly hit, and nothing is ever taken out. Pointers without
 * an object are dropped when the table is made anew, because three quarters of it are in use.
 */
#ifndef KMEMSTAT_AGG_LIFE_TABLE_H
#define KMEMSTAT_AGG_LIFE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "kmemstat/error.h"

#define KM_BUCKET_SLOTS     4
/* So many pointers can be put in a table after it is said to be full. */
#define KM_LIFE_TABLE_SLACK 1024

struct km_life_bucket {
	uint64_t ptr[KM_BUCKET_SLOTS];   /* 0: free, and so are those behind it */
	uint64_t value[KM_BUCKET_SLOTS]; /* 0: freed */
};

struct km_life_table {
	struct km_life_bucket *buckets;
	size_t mask;               /* of the number of a bucket */
	size_t offset_mask;        /* of its offset in bytes */
	size_t nr_used, most_used; /* pointers in it, and how many may be before it is made anew */
	size_t most_bytes;         /* that it may take; 0: any */
	/*
	 * It is as large as it may be, and nearly all in it lives. Pointers that are not in it then
	 * share one value, and most_used is 0, so that the table is soon asked to be made anew.
	 */
	bool is_full;
	uint64_t shared;
	uint64_t nr_shared; /* times that a pointer got that value */
};

KM_MUST_CHECK struct km_error *km_life_table_init(struct km_life_table *table);
void km_life_table_deinit(struct km_life_table *table);
/* What it takes. */
static inline uint64_t km_life_table_bytes(const struct km_life_table *table)
{
	return (table->mask + 1) * sizeof(*table->buckets);
}
/*
 * Makes the table anew, with room for at least as many pointers again as have objects; or says that
 * it is full.
 */
KM_MUST_CHECK struct km_error *km_life_table_renew(struct km_life_table *table);

/* The offset of a pointer's bucket, with offset_mask. */
static inline uint64_t km_life_table_hash(uint64_t ptr)
{
	/* an odd multiplier with well spread bits; of its product the upper ones are the best */
	return ptr * 0x9e3779b97f4a7c15ULL >> 26;
}

static inline struct km_life_bucket *km_life_table_bucket(const struct km_life_table *table,
							  uint64_t ptr)
{
	return (struct km_life_bucket *)(void *)((char *)table->buckets +
						 (km_life_table_hash(ptr) & table->offset_mask));
}

/* Which of a bucket's slots hold the pointer: bit i for slot i. Branches could not be foretold. */
static inline unsigned int km_life_bucket_match(const struct km_life_bucket *bucket, uint64_t ptr)
{
#ifdef __SSE2__
	/* halves are compared, and both have to be equal */
	const __m128i key = _mm_set1_epi64x((long long)ptr);
	const __m128i *ptrs = (const __m128i *)(const void *)bucket->ptr;
	const __m128i a = _mm_cmpeq_epi32(key, ptrs[0]), b = _mm_cmpeq_epi32(key, ptrs[1]);
	const __m128i both_a = _mm_and_si128(a, _mm_shuffle_epi32(a, 0xb1));
	const __m128i both_b = _mm_and_si128(b, _mm_shuffle_epi32(b, 0xb1));

	return (unsigned int)(_mm_movemask_pd(_mm_castsi128_pd(both_a)) |
			      _mm_movemask_pd(_mm_castsi128_pd(both_b)) << 2);
#else
	unsigned int match = 0;

	for (unsigned int i = 0; i < KM_BUCKET_SLOTS; i++)
		match |= (unsigned int)(bucket->ptr[i] == ptr) << i;
	return match;
#endif
}

/* The way of the functions below for a pointer that is not in its first bucket. */
uint64_t *km_life_table_find_far(struct km_life_table *table, uint64_t ptr, bool is_new);

/* The value of a pointer (not 0), or NULL if it is not in the table. */
static inline uint64_t *km_life_table_find(struct km_life_table *table, uint64_t ptr)
{
	struct km_life_bucket *bucket = km_life_table_bucket(table, ptr);
	const unsigned int match = km_life_bucket_match(bucket, ptr);

	if (__builtin_expect(match != 0, 1))
		return &bucket->value[__builtin_ctz(match)];
	return km_life_table_find_far(table, ptr, false);
}

/*
 * The same of a pointer that is put in, with the value 0, if it is not in the table. The caller
 * calls km_life_table_renew() when nr_used exceeds most_used.
 */
static inline uint64_t *km_life_table_get(struct km_life_table *table, uint64_t ptr)
{
	struct km_life_bucket *bucket = km_life_table_bucket(table, ptr);
	const unsigned int match = km_life_bucket_match(bucket, ptr);

	if (__builtin_expect(match != 0, 1))
		return &bucket->value[__builtin_ctz(match)];
	return km_life_table_find_far(table, ptr, true);
}

#endif
