/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Blocks are aligned to their size, as the buddy allocator's are: the block that a page is in
 * begins at its page frame number with some of the lowest bits cleared. A block that is freed in
 * part is cut into smaller ones, which share a "rest" that knows when the last page goes.
 */
#include "agg/page_blocks.h"

#include <stdlib.h>

enum {
	/* a region has 2^9 page frames: no range of an order above takes more look-ups than that */
	REGION_SHIFT = 9,
	USE_BITS = 32,
	ORDER_BITS = 6,
	REST_BITS = 26,
};

static uint64_t pack(struct km_page_block block)
{
	return (uint64_t)block.use | (uint64_t)block.order << USE_BITS |
	       (uint64_t)block.rest << (USE_BITS + ORDER_BITS);
}

struct km_page_block km_page_block_of(const struct km_map_slot *slot)
{
	return (struct km_page_block){
		.pfn = slot->key,
		.use = (uint32_t)slot->value,
		.order = slot->value >> USE_BITS & ((1U << ORDER_BITS) - 1),
		.rest = (uint32_t)(slot->value >> (USE_BITS + ORDER_BITS)),
	};
}

void km_page_blocks_deinit(struct km_page_blocks *blocks)
{
	km_map_deinit(&blocks->blocks);
	km_map_deinit(&blocks->regions);
	free(blocks->rests);
	*blocks = (struct km_page_blocks){ 0 };
}

static struct km_error *insert(struct km_page_blocks *blocks, struct km_page_block block)
{
	uint64_t *region = km_map_find(&blocks->regions, block.pfn >> REGION_SHIFT);
	struct km_error *error = NULL;

	if (region)
		++*region;
	else
		error = km_map_set(&blocks->regions, block.pfn >> REGION_SHIFT, 1);
	if (!error)
		error = km_map_set(&blocks->blocks, block.pfn, pack(block));
	if (!error)
		blocks->nr_of_order[block.order]++;
	return error;
}

/* Takes a block out that is in the table. */
static void take_out(struct km_page_blocks *blocks, const struct km_page_block *block)
{
	uint64_t *region = km_map_find(&blocks->regions, block->pfn >> REGION_SHIFT);

	km_map_remove(&blocks->blocks, km_map_find(&blocks->blocks, block->pfn));
	if (!--*region)
		km_map_remove(&blocks->regions, region);
	blocks->nr_of_order[block->order]--;
}

/* Adds a range as blocks that are aligned. */
static struct km_error *insert_range(struct km_page_blocks *blocks, uint64_t pfn, uint64_t nr,
				     uint32_t use, uint32_t rest)
{
	while (nr) {
		unsigned int order = (unsigned int)(63 - __builtin_clzll(nr));
		struct km_error *error;

		if (pfn && order > (unsigned int)__builtin_ctzll(pfn))
			order = (unsigned int)__builtin_ctzll(pfn);
		error = insert(blocks, (struct km_page_block){ .pfn = pfn,
							       .use = use,
							       .order = (uint8_t)order,
							       .rest = rest });
		if (error)
			return error;
		pfn += (uint64_t)1 << order;
		nr -= (uint64_t)1 << order;
	}
	return NULL;
}

/* A rest for an allocation that is no longer one block. */
static struct km_error *rest_create(struct km_page_blocks *blocks, uint64_t pfn, uint64_t left,
				    uint32_t *ret)
{
	uint32_t number = blocks->free_rest;

	if (number) {
		blocks->free_rest = blocks->rests[number].next;
	} else {
		if (blocks->nr_rests >= blocks->room_rests) {
			uint32_t room = blocks->room_rests ? 2 * blocks->room_rests : 64;
			struct km_page_rest *rests =
				reallocarray(blocks->rests, room, sizeof(*rests));

			if (!rests)
				return &km_error_memory;
			blocks->rests = rests;
			blocks->room_rests = room;
		}
		if (!blocks->nr_rests)
			blocks->nr_rests = 1;
		if (blocks->nr_rests >> REST_BITS)
			return &km_error_memory;
		number = blocks->nr_rests++;
	}
	blocks->rests[number] = (struct km_page_rest){ .pfn = pfn, .left = (uint32_t)left };
	*ret = number;
	return NULL;
}

struct km_error *km_page_blocks_add_one(struct km_page_blocks *blocks, uint64_t pfn,
					unsigned int order, uint32_t use)
{
	return insert(blocks,
		      (struct km_page_block){ .pfn = pfn, .use = use, .order = (uint8_t)order });
}

struct km_error *km_page_blocks_add(struct km_page_blocks *blocks, uint64_t pfn, unsigned int order,
				    uint32_t use)
{
	const uint64_t nr = (uint64_t)1 << order;
	struct km_error *error;
	uint32_t rest;

	if (!(pfn & (nr - 1)))
		return km_page_blocks_add_one(blocks, pfn, order, use);
	error = rest_create(blocks, pfn, nr, &rest);
	return error ? error : insert_range(blocks, pfn, nr, use, rest);
}

/* The block that page `pfn` is in, with its least number of look-ups; false: the page is free. */
static bool find_block(const struct km_page_blocks *blocks, uint64_t pfn, struct km_page_block *ret)
{
	for (unsigned int order = 0; order <= KM_MOST_ORDER; order++) {
		uint64_t first = pfn & -((uint64_t)1 << order);
		const uint64_t *found;

		/* one that begins at pfn may have any order; it was looked for with order 0 */
		if (order && (first == pfn || !blocks->nr_of_order[order]))
			continue;
		found = km_map_find(&blocks->blocks, first);
		if (!found)
			continue;
		*ret = km_page_block_of(&(struct km_map_slot){ first, *found });
		if (pfn - first < (uint64_t)1 << ret->order)
			return true;
	}
	return false;
}

/* Ends the pages of a block from `from` to `to`; what is outside lives on. */
static struct km_error *end_part(struct km_page_blocks *blocks, struct km_page_block *block,
				 uint64_t from, uint64_t to, km_page_end_fn on_end, void *arg)
{
	const uint64_t nr = (uint64_t)1 << block->order, end = block->pfn + nr;
	struct km_page_rest *rest;
	struct km_error *error = NULL;

	take_out(blocks, block);
	if (!block->rest && to - from == nr) {
		on_end(arg, block->use, nr, true);
		return NULL;
	}
	if (!block->rest)
		error = rest_create(blocks, block->pfn, nr, &block->rest);
	if (!error && from > block->pfn)
		error = insert_range(blocks, block->pfn, from - block->pfn, block->use,
				     block->rest);
	if (!error && to < end)
		error = insert_range(blocks, to, end - to, block->use, block->rest);
	if (error)
		return error;
	rest = &blocks->rests[block->rest];
	rest->left -= (uint32_t)(to - from);
	on_end(arg, block->use, to - from, !rest->left);
	if (!rest->left) {
		rest->next = blocks->free_rest;
		blocks->free_rest = block->rest;
	}
	return NULL;
}

/* From `pos` on, the next page frame at which a block may begin. */
static uint64_t skip(const struct km_page_blocks *blocks, uint64_t pos, uint64_t end)
{
	for (pos++; pos < end; pos = (pos >> REGION_SHIFT << REGION_SHIFT) + (1 << REGION_SHIFT))
		if (km_map_find(&blocks->regions, pos >> REGION_SHIFT))
			return pos;
	return end;
}

struct km_error *km_page_blocks_end(struct km_page_blocks *blocks, uint64_t pfn, uint64_t nr,
				    km_page_end_fn on_end, void *arg)
{
	const uint64_t end = pfn + nr < pfn ? UINT64_MAX : pfn + nr;
	struct km_page_block block;
	bool has_block = find_block(blocks, pfn, &block);

	for (uint64_t pos = pfn; pos < end;) {
		uint64_t block_end;
		struct km_error *error;

		/* behind the first page only blocks that begin in the range are of interest */
		if (pos != pfn) {
			const uint64_t *found = km_map_find(&blocks->blocks, pos);

			has_block = found != NULL;
			if (found)
				block = km_page_block_of(&(struct km_map_slot){ pos, *found });
		}
		if (!has_block) {
			pos = skip(blocks, pos, end);
			continue;
		}
		block_end = block.pfn + ((uint64_t)1 << block.order);
		if (block_end > end)
			block_end = end;
		error = end_part(blocks, &block, pos, block_end, on_end, arg);
		if (error)
			return error;
		pos = block_end;
	}
	return NULL;
}

void km_page_blocks_end_one(struct km_page_blocks *blocks, uint64_t pfn, km_page_end_fn on_end,
			    void *arg)
{
	const uint64_t *found = km_map_find(&blocks->blocks, pfn);
	struct km_page_block block;

	if (!found)
		return;
	block = km_page_block_of(&(struct km_map_slot){ pfn, *found });
	take_out(blocks, &block);
	on_end(arg, block.use, (uint64_t)1 << block.order, true);
}
