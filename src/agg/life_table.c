/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of live pointers: its making and growth. */
#include "agg/life_table.h"

#include <sys/mman.h>

#define FIRST_BUCKETS 1024
/* 16 MiB */
#define SMALL_BUCKETS (256U << 10)
/* From this size on huge pages spare many misses of the TLB. */
#define HUGE_BYTES    (4U << 20)
/* An old table is given back in pieces of this size while it is read. */
#define PIECE_BYTES   (2U << 20)

static size_t bytes_of(const struct km_life_table *table)
{
	return (table->mask + 1) * sizeof(*table->buckets);
}

static struct km_error *make(struct km_life_table *table, size_t nr_buckets)
{
	size_t bytes;

	if (__builtin_mul_overflow(nr_buckets, sizeof(*table->buckets), &bytes))
		return &km_error_memory;
	table->buckets =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (table->buckets == MAP_FAILED) {
		table->buckets = NULL;
		return &km_error_memory;
	}
	if (bytes >= HUGE_BYTES)
		madvise(table->buckets, bytes, MADV_HUGEPAGE);
	table->mask = nr_buckets - 1;
	table->offset_mask = table->mask * sizeof(*table->buckets);
	table->nr_used = 0;
	table->is_full = false;
	table->most_used = nr_buckets * KM_BUCKET_SLOTS / 8 * 5;
	_Static_assert(FIRST_BUCKETS * KM_BUCKET_SLOTS / 8 * 3 > KM_LIFE_TABLE_SLACK,
		       "there is always a free slot");
	return NULL;
}

struct km_error *km_life_table_init(struct km_life_table *table)
{
	return make(table, FIRST_BUCKETS);
}

void km_life_table_deinit(struct km_life_table *table)
{
	if (table->buckets)
		munmap(table->buckets, bytes_of(table));
	table->buckets = NULL;
}

uint64_t *km_life_table_find_far(struct km_life_table *table, uint64_t ptr, bool is_new)
{
	struct km_life_bucket *bucket = km_life_table_bucket(table, ptr);

	for (;;) {
		for (int i = 0; i < KM_BUCKET_SLOTS; i++) {
			if (bucket->ptr[i] == ptr)
				return &bucket->value[i];
			if (bucket->ptr[i])
				continue;
			if (!is_new)
				return NULL;
			if (table->is_full) {
				table->nr_shared++;
				return &table->shared;
			}
			bucket->ptr[i] = ptr;
			table->nr_used++;
			return &bucket->value[i];
		}
		bucket = &table->buckets[(size_t)(bucket - table->buckets + 1) & table->mask];
	}
}

struct km_error *km_life_table_renew(struct km_life_table *table)
{
	const size_t per_piece = PIECE_BYTES / sizeof(*table->buckets);
	struct km_life_table old = *table;
	size_t nr_buckets = FIRST_BUCKETS, nr_live = 0;
	struct km_error *error;

	for (size_t i = 0; i <= old.mask; i++)
		for (int k = 0; k < KM_BUCKET_SLOTS; k++)
			nr_live += old.buckets[i].value[k] != 0;
	/*
	 * A part of what may be in use stays free, or soon it would have to be made anew again: a
	 * fifth, but much of a small table, in which memory is not what counts.
	 */
	while (nr_buckets * KM_BUCKET_SLOTS / (nr_buckets < SMALL_BUCKETS ? 4 : 2) < nr_live)
		nr_buckets *= 2;
	if (table->most_bytes)
		while (nr_buckets > FIRST_BUCKETS &&
		       nr_buckets * sizeof(*table->buckets) > table->most_bytes)
			nr_buckets /= 2;
	/* there would be little room, and for a while only: reading the whole is not worth that */
	if (nr_buckets <= old.mask + 1 && nr_live > nr_buckets * KM_BUCKET_SLOTS / 8 * 5 / 8 * 7) {
		table->is_full = true;
		table->most_used = 0;
		return NULL;
	}
	error = make(table, nr_buckets);
	if (error) {
		*table = old;
		return error;
	}
	/*
	 * In a table of twice as many buckets those of one are in the same place of its first or
	 * second half: the halves are filled from front to end as the old table is read and given
	 * back, and both take no more than the larger alone.
	 */
	for (size_t i = 0; i <= old.mask; i++) {
		for (int k = 0; k < KM_BUCKET_SLOTS; k++)
			if (old.buckets[i].value[k])
				*km_life_table_get(table, old.buckets[i].ptr[k]) =
					old.buckets[i].value[k];
		if ((i + 1) % per_piece == 0)
			madvise(&old.buckets[i + 1 - per_piece], PIECE_BYTES, MADV_DONTNEED);
	}
	km_life_table_deinit(&old);
	return NULL;
}
