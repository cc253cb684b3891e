/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The map of a percpu chunk since Linux v4.14: a bit for each four bytes, another where objects
 * begin, and hints for each block of 4 KiB and for the whole chunk: where the first free bit and
 * the largest free area are, and how much is free at either end (struct pcpu_block_md,
 * mm/percpu-internal.h, and mm/percpu.c, v5.10).
 *
 * An allocation takes the first block whose hints say that it fits, and there the first free area
 * that does (pcpu_find_block_fit(), pcpu_alloc_area()). A block whose largest area it used is read
 * anew, and so are the hints of all blocks if the chunk's largest was used
 * (pcpu_block_update_hint_alloc()). A free reads the bitmap to both sides as far as the block goes,
 * and the hints of all blocks if a block became free or the object lay in two
 * (pcpu_block_update_hint_free()): until then the chunk's hint may be too small, never too large.
 *
 * A step is a block's hints, a free area of the bitmap, or in a free a word of the bitmaps. The
 * second hint of v5.2, scan_hint, saves some of them and changes no place: it is not here.
 */
#include "model/percpu_chunk.h"

#include <stdlib.h>

enum {
	GRANULE = 4,       /* PCPU_MIN_ALLOC_SIZE */
	BLOCK_BITS = 1024, /* PCPU_BITMAP_BLOCK_BITS, with pages of 4 KiB */
	WORD_BITS = 64,
};

/* In bits. */
struct hint {
	uint32_t first_free;
	uint32_t size, start; /* of the largest free area */
	uint32_t left, right; /* free at the ends */
};

struct km_percpu_bitmap {
	uint64_t *used, *bounds; /* a bit at the start of each object, and at its end */
	struct hint *blocks;
	struct hint whole; /* without left and right */
	uint32_t nr_bits, nr_blocks;
	uint32_t top; /* behind the last object */
};

struct km_error *km_percpu_bitmap_create(uint32_t bytes, struct km_percpu_bitmap **ret)
{
	struct km_percpu_bitmap *map = calloc(1, sizeof(*map));

	if (!map)
		return &km_error_memory;
	map->nr_bits = bytes / GRANULE;
	map->nr_blocks = map->nr_bits / BLOCK_BITS;
	map->used = calloc(map->nr_bits / WORD_BITS + 1, sizeof(*map->used));
	map->bounds = calloc(map->nr_bits / WORD_BITS + 1, sizeof(*map->bounds));
	map->blocks = calloc(map->nr_blocks, sizeof(*map->blocks));
	if (!map->used || !map->bounds || !map->blocks) {
		km_percpu_bitmap_destroy(map);
		return &km_error_memory;
	}
	for (uint32_t i = 0; i < map->nr_blocks; i++)
		map->blocks[i] = (struct hint){ .size = BLOCK_BITS,
						.left = BLOCK_BITS,
						.right = BLOCK_BITS };
	map->whole.size = map->nr_bits;
	*ret = map;
	return NULL;
}

void km_percpu_bitmap_destroy(struct km_percpu_bitmap *map)
{
	if (!map)
		return;
	free(map->used);
	free(map->bounds);
	free(map->blocks);
	free(map);
}

/* The first bit from `from` on, before `end`, that is set or not; else `end`. */
static uint32_t next_bit(const uint64_t *bits, uint32_t from, uint32_t end, bool is_set)
{
	const uint64_t flip = is_set ? 0 : UINT64_MAX;
	uint64_t word;

	if (from >= end)
		return end;
	word = (bits[from / WORD_BITS] ^ flip) & UINT64_MAX << from % WORD_BITS;
	while (!word) {
		from = (from / WORD_BITS + 1) * WORD_BITS;
		if (from >= end)
			return end;
		word = bits[from / WORD_BITS] ^ flip;
	}
	from = from / WORD_BITS * WORD_BITS + (uint32_t)__builtin_ctzll(word);
	return from < end ? from : end;
}

/* Behind the last bit that is set, from `from` on and before `end`; else `from`. */
static uint32_t last_end(const uint64_t *bits, uint32_t from, uint32_t end)
{
	while (end > from) {
		const uint32_t word = (end - 1) / WORD_BITS, bit = (end - 1) % WORD_BITS;
		const uint64_t left = bits[word] & UINT64_MAX >> (WORD_BITS - 1 - bit);

		if (left) {
			const uint32_t last =
				word * WORD_BITS + WORD_BITS - 1 - (uint32_t)__builtin_clzll(left);

			return last >= from ? last + 1 : from;
		}
		end = word * WORD_BITS;
	}
	return from;
}

static void flip_bits(uint64_t *bits, uint32_t from, uint32_t nr)
{
	while (nr) {
		const uint32_t bit = from % WORD_BITS;
		const uint32_t n = nr < WORD_BITS - bit ? nr : WORD_BITS - bit;

		bits[from / WORD_BITS] ^= UINT64_MAX >> (WORD_BITS - n) << bit;
		from += n;
		nr -= n;
	}
}

static uint32_t round_up(uint32_t value, uint32_t align)
{
	return (value + align - 1) & ~(align - 1);
}

/* Takes a whole free area into account; of two alike the one that is better aligned counts. */
static void note_area(struct hint *hint, uint32_t start, uint32_t end)
{
	const uint32_t size = end - start;

	if (start < hint->first_free)
		hint->first_free = start;
	if (size < hint->size)
		return;
	if (size == hint->size &&
	    (!hint->start || (start && __builtin_ctz(start) <= __builtin_ctz(hint->start))))
		return;
	hint->size = size;
	hint->start = start;
}

static void note_in_block(struct hint *block, uint32_t start, uint32_t end)
{
	note_area(block, start, end);
	if (!start)
		block->left = end;
	if (end == BLOCK_BITS)
		block->right = end - start;
}

/* Reads a block's bits, from its first free one on. */
static void refresh_block(struct km_percpu_bitmap *map, uint32_t index, uint64_t *steps)
{
	struct hint *block = &map->blocks[index];
	const uint32_t base = index * BLOCK_BITS, end = base + BLOCK_BITS;
	uint32_t start = next_bit(map->used, base + block->first_free, end, false);

	block->size = block->right = 0;
	while (start < end) {
		const uint32_t stop = next_bit(map->used, start, end, true);

		++*steps;
		note_in_block(block, start - base, stop - base);
		start = next_bit(map->used, stop, end, false);
	}
}

/* Reads the hints of all blocks from the first free bit on, joining areas across them. */
static void refresh_whole(struct km_percpu_bitmap *map, uint64_t *steps)
{
	struct hint *whole = &map->whole;
	uint32_t open = 0, open_start = 0;

	whole->size = 0;
	for (uint32_t i = whole->first_free / BLOCK_BITS; i < map->nr_blocks; i++) {
		const struct hint *block = &map->blocks[i];
		const uint32_t base = i * BLOCK_BITS;

		++*steps;
		if (open) {
			open += block->left;
			if (block->left == BLOCK_BITS)
				continue;
			note_area(whole, open_start, open_start + open);
		}
		if (block->size && block->start + block->size < BLOCK_BITS)
			note_area(whole, base + block->start, base + block->start + block->size);
		open = block->right;
		open_start = base + BLOCK_BITS - open;
	}
	if (open)
		note_area(whole, open_start, open_start + open);
}

/* Where to begin to read the bitmap, by the blocks' hints; nr_bits if it fits nowhere. */
static uint32_t find_block(const struct km_percpu_bitmap *map, uint32_t bits, uint32_t align,
			   uint64_t *steps)
{
	uint32_t open = 0, open_start = 0;

	for (uint32_t i = map->whole.first_free / BLOCK_BITS; i < map->nr_blocks; i++) {
		const struct hint *block = &map->blocks[i];
		const uint32_t base = i * BLOCK_BITS;

		++*steps;
		if (open) {
			open += block->left;
			if (open >= bits)
				return open_start;
			if (block->left == BLOCK_BITS)
				continue;
		}
		if (block->size &&
		    round_up(block->start, align) - block->start + bits <= block->size)
			return base + block->first_free;
		open_start = round_up(BLOCK_BITS - block->right, align);
		open = BLOCK_BITS - open_start;
		open_start += base;
		if (open >= bits)
			return open_start;
	}
	return map->nr_bits;
}

/* The first place from `start` on in the bitmap. */
static uint32_t find_area(const struct km_percpu_bitmap *map, uint32_t start, uint32_t bits,
			  uint32_t align, uint64_t *steps)
{
	uint32_t limit = start + bits + BLOCK_BITS;

	if (limit > map->nr_bits)
		limit = map->nr_bits;
	for (;;) {
		uint32_t end;

		++*steps;
		start = round_up(next_bit(map->used, start, limit, false), align);
		end = start + bits;
		if (end > limit)
			return KM_PERCPU_NOWHERE;
		end = next_bit(map->used, start, end, true);
		if (end == start + bits)
			return start;
		start = end + 1;
	}
}

static bool overlaps(const struct hint *hint, uint32_t start, uint32_t end)
{
	return start < hint->start + hint->size && hint->start < end;
}

/* The hints of one block, of which bits from `start` to `end` are used now. */
static void use_in_block(struct km_percpu_bitmap *map, uint32_t index, uint32_t start, uint32_t end,
			 uint64_t *steps)
{
	struct hint *block = &map->blocks[index];
	const uint32_t base = index * BLOCK_BITS;

	if (start <= block->first_free)
		block->first_free =
			next_bit(map->used, base + end, base + BLOCK_BITS, false) - base;
	if (!start)
		block->left = 0;
	if (overlaps(block, start, end)) {
		refresh_block(map, index, steps);
		return;
	}
	if (block->left > start)
		block->left = start;
	if (block->right > BLOCK_BITS - end)
		block->right = BLOCK_BITS - end;
}

static void use_bits(struct km_percpu_bitmap *map, uint32_t start, uint32_t bits, uint64_t *steps)
{
	const uint32_t end = start + bits;
	const uint32_t first = start / BLOCK_BITS, last = (end - 1) / BLOCK_BITS;

	flip_bits(map->used, start, bits);
	map->bounds[start / WORD_BITS] |= UINT64_C(1) << start % WORD_BITS;
	map->bounds[end / WORD_BITS] |= UINT64_C(1) << end % WORD_BITS;
	if (start == map->whole.first_free)
		map->whole.first_free = next_bit(map->used, end, map->nr_bits, false);
	for (uint32_t i = first; i <= last; i++) {
		const uint32_t base = i * BLOCK_BITS;

		use_in_block(map, i, i == first ? start - base : 0,
			     i == last ? end - base : BLOCK_BITS, steps);
	}
	if (overlaps(&map->whole, start, end))
		refresh_whole(map, steps);
	if (map->top < end)
		map->top = end;
}

uint32_t km_percpu_bitmap_alloc(struct km_percpu_bitmap *map, uint32_t size, uint32_t align,
				uint64_t *steps)
{
	const struct hint *whole = &map->whole;
	const uint32_t bits = size / GRANULE, bit_align = align / GRANULE;
	uint32_t start;

	if (round_up(whole->start, bit_align) - whole->start + bits > whole->size)
		return KM_PERCPU_NOWHERE;
	start = find_block(map, bits, bit_align, steps);
	if (start >= map->nr_bits)
		return KM_PERCPU_NOWHERE;
	start = find_area(map, start, bits, bit_align, steps);
	if (start == KM_PERCPU_NOWHERE)
		return start;
	use_bits(map, start, bits, steps);
	return start * GRANULE;
}

/* Words of a bitmap that hold the bits from `start` to `end`. */
static uint32_t count_words(uint32_t start, uint32_t end)
{
	return start < end ? (end - 1) / WORD_BITS - start / WORD_BITS + 1 : 0;
}

/* The free area around bits that were freed, as far as their blocks go. */
static void grow(const struct km_percpu_bitmap *map, uint32_t *start, uint32_t *end,
		 uint64_t *steps)
{
	const uint32_t first = *start / BLOCK_BITS, last = (*end - 1) / BLOCK_BITS;
	const struct hint *left = &map->blocks[first], *right = &map->blocks[last];
	const uint32_t from = first * BLOCK_BITS, to = (last + 1) * BLOCK_BITS;
	const uint32_t freed = *start, freed_end = *end;

	if (left->size && freed - from == left->start + left->size) {
		*start = from + left->start;
	} else {
		*start = last_end(map->used, from, freed);
		*steps += count_words(*start > from ? *start - 1 : from, freed);
	}
	if (right->size && freed_end - last * BLOCK_BITS == right->start) {
		*end = freed_end + right->size;
	} else {
		*end = next_bit(map->used, freed_end, to, true);
		*steps += count_words(freed_end, *end < to ? *end + 1 : to);
	}
}

uint32_t km_percpu_bitmap_free(struct km_percpu_bitmap *map, uint32_t offset, uint64_t *steps)
{
	uint32_t start = offset / GRANULE;
	uint32_t end = next_bit(map->bounds, start + 1, map->nr_bits, true);
	const uint32_t first = start / BLOCK_BITS, last = (end - 1) / BLOCK_BITS;
	const uint32_t bits = end - start;

	*steps += count_words(start + 1, end + 1);
	flip_bits(map->used, start, bits);
	/* where another object ends or begins a bound stays */
	if (!start || next_bit(map->used, start - 1, start, true) == start)
		map->bounds[start / WORD_BITS] &= ~(UINT64_C(1) << start % WORD_BITS);
	if (end == map->nr_bits || next_bit(map->used, end, end + 1, true) == end + 1)
		map->bounds[end / WORD_BITS] &= ~(UINT64_C(1) << end % WORD_BITS);
	if (end == map->top)
		map->top = last_end(map->used, 0, start);
	if (start < map->whole.first_free)
		map->whole.first_free = start;
	grow(map, &start, &end, steps);
	for (uint32_t i = first; i <= last; i++) {
		const uint32_t base = i * BLOCK_BITS;

		note_in_block(&map->blocks[i], i == first ? start - base : 0,
			      i == last ? end - base : BLOCK_BITS);
	}
	if (first != last || end - start == BLOCK_BITS)
		refresh_whole(map, steps);
	else
		note_area(&map->whole, start, end);
	return bits * GRANULE;
}

uint32_t km_percpu_bitmap_largest(const struct km_percpu_bitmap *map)
{
	return map->whole.size * GRANULE;
}

uint32_t km_percpu_bitmap_top(const struct km_percpu_bitmap *map)
{
	return map->top * GRANULE;
}
