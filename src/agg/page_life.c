/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pairs mm_page_alloc with mm_page_free. */
#include "kmemstat/pagelife.h"

#include <stdlib.h>

#include "agg/map.h"
#include "agg/page_blocks.h"
#include "kmemstat/agg.h"

struct km_page_life {
	struct km_page_life_options options;
	struct km_page_blocks blocks;
	struct km_stacks *stacks;
	struct km_page_use *uses; /* the first is unused */
	uint32_t nr_uses, room_uses;
	struct km_map by_key;         /* of stack and flags: the last use that has them */
	struct km_page_frame *frames; /* the first is unused */
	uint32_t nr_frames, room_frames;
	struct km_map by_pfn; /* the last of frames that has it */
	struct km_page_lives lives;
};

struct km_error *km_page_life_create(const struct km_page_life_options *options,
				     struct km_page_life **ret)
{
	struct km_page_life *life = calloc(1, sizeof(*life));
	struct km_error *error;

	if (!life)
		return &km_error_memory;
	life->options = *options;
	life->nr_uses = life->nr_frames = 1;
	error = km_stacks_create(options->by_stack ? KM_STACK_MOST_FRAMES : KM_STACK_FRAMES,
				 &life->stacks);
	if (error) {
		km_page_life_destroy(life);
		return error;
	}
	*ret = life;
	return NULL;
}

void km_page_life_destroy(struct km_page_life *life)
{
	if (!life)
		return;
	km_page_blocks_deinit(&life->blocks);
	km_stacks_destroy(life->stacks);
	km_map_deinit(&life->by_key);
	km_map_deinit(&life->by_pfn);
	free(life->uses);
	free(life->frames);
	free(life);
}

/* Makes room for one more item; false without memory, or if numbers have come to their end. */
static bool make_room(void **items, uint32_t nr, uint32_t *room, size_t item_size)
{
	uint32_t more = *room ? 2 * *room : 256;
	void *grown;

	if (nr < *room)
		return true;
	if (more <= *room)
		return false;
	grown = reallocarray(*items, more, item_size);
	if (!grown)
		return false;
	*items = grown;
	*room = more;
	return true;
}

static struct km_error *find_use(struct km_page_life *life, uint32_t stack,
				 const struct km_event_more *more, uint32_t *ret)
{
	const uint64_t key = (uint64_t)stack << 32 | more->gfp_flags;
	const uint64_t *found = km_map_find(&life->by_key, key);
	const uint32_t first = found ? (uint32_t)*found : 0;
	struct km_error *error;

	for (uint32_t i = first; i; i = life->uses[i].next) {
		if (life->uses[i].order == more->order &&
		    life->uses[i].migratetype == more->migratetype) {
			*ret = i;
			return NULL;
		}
	}
	if (!make_room((void **)&life->uses, life->nr_uses, &life->room_uses, sizeof(*life->uses)))
		return &km_error_memory;
	error = km_map_set(&life->by_key, key, life->nr_uses);
	if (error)
		return error;
	life->uses[life->nr_uses] = (struct km_page_use){
		.stack = stack,
		.gfp_flags = more->gfp_flags,
		.order = more->order,
		.migratetype = more->migratetype,
		.next = first,
	};
	*ret = life->nr_uses++;
	return NULL;
}

static struct km_error *count_frame(struct km_page_life *life, uint64_t pfn, uint32_t use)
{
	const uint64_t *found = km_map_find(&life->by_pfn, pfn);
	const uint32_t first = found ? (uint32_t)*found : 0;
	struct km_error *error;

	for (uint32_t i = first; i; i = life->frames[i].next) {
		if (life->frames[i].use == use) {
			life->frames[i].allocs++;
			return NULL;
		}
	}
	if (!make_room((void **)&life->frames, life->nr_frames, &life->room_frames,
		       sizeof(*life->frames)))
		return &km_error_memory;
	error = km_map_set(&life->by_pfn, pfn, life->nr_frames);
	if (error)
		return error;
	life->frames[life->nr_frames++] =
		(struct km_page_frame){ .pfn = pfn, .use = use, .next = first, .allocs = 1 };
	return NULL;
}

/* One end of pages: by a free, or by an allocation at the same place. */
struct end {
	struct km_page_life *life;
	bool is_free;
	uint64_t pages; /* that ended */
};

static void count_end(struct km_page_stats *stats, const struct end *end, uint64_t nr, bool is_last)
{
	stats->pages_live -= nr;
	*(end->is_free ? &stats->pages_freed : &stats->pages_replaced) += nr;
	if (!is_last)
		return;
	stats->live--;
	++*(end->is_free ? &stats->freed : &stats->replaced);
}

static void on_end(void *arg, uint32_t use, uint64_t nr, bool is_last)
{
	struct end *end = arg;

	end->pages += nr;
	count_end(&end->life->uses[use].stats, end, nr, is_last);
	count_end(&end->life->lives.total, end, nr, is_last);
}

/*
 * Before 3.19 the events have the address of the struct page and no frame number
 * (include/trace/events/kmem.h): how far apart two of those are, nothing tells. No machine has as
 * many page frames.
 */
static bool is_address(const struct km_page_life *life, uint64_t ptr)
{
	return ptr >> (life->options.is_32bit ? 31 : 48);
}

/* Ends what lives in a block; returns in *ret_pages how many pages of it did. */
static struct km_error *end_pages(struct km_page_life *life, uint64_t ptr, unsigned int order,
				  bool is_free, uint64_t *ret_pages)
{
	struct end end = { .life = life, .is_free = is_free };
	struct km_error *error = NULL;

	if (is_address(life, ptr))
		km_page_blocks_end_one(&life->blocks, ptr, on_end, &end);
	else
		error = km_page_blocks_end(&life->blocks, ptr, (uint64_t)1 << order, on_end, &end);
	*ret_pages = end.pages;
	return error;
}

static void count_alloc(struct km_page_stats *stats, uint64_t nr)
{
	stats->allocs++;
	stats->pages = km_sat_add(stats->pages, nr);
	stats->live++;
	stats->pages_live += nr;
}

static void count_failed(struct km_page_stats *stats, unsigned int order)
{
	stats->failed++;
	stats->failed_pages =
		km_sat_add(stats->failed_pages, (uint64_t)1 << (order < 32 ? order : 32));
}

static struct km_error *add_alloc(struct km_page_life *life, const struct km_rows *rows, uint32_t i)
{
	const struct km_batch *batch = rows->batch;
	const unsigned int order = batch->more[i].order;
	const uint64_t nr = (uint64_t)1 << order, ptr = batch->ptr[i], *frames;
	struct km_page_lives *lives = &life->lives;
	size_t nr_frames = km_rows_stack(rows, batch->stack[i], &frames);
	uint64_t replaced;
	uint32_t stack, use;
	struct km_error *error = km_stacks_add(life->stacks, frames, nr_frames, &stack);

	if (!error)
		error = find_use(life, stack, &batch->more[i], &use);
	if (!error)
		error = end_pages(life, ptr, order, false, &replaced);
	if (!error)
		error = is_address(life, ptr)
				? km_page_blocks_add_one(&life->blocks, ptr, order, use)
				: km_page_blocks_add(&life->blocks, ptr, order, use);
	if (!error && life->options.by_frame)
		error = count_frame(life, ptr, use);
	if (error)
		return error;
	count_alloc(&life->uses[use].stats, nr);
	count_alloc(&lives->total, nr);
	if (lives->total.pages_live > lives->peak_pages) {
		lives->peak_pages = lives->total.pages_live;
		lives->peak_ns = batch->ts_ns[i];
	}
	return NULL;
}

static struct km_error *add_failed(struct km_page_life *life, const struct km_rows *rows,
				   uint32_t i)
{
	const struct km_batch *batch = rows->batch;
	const uint64_t *frames;
	size_t nr_frames = km_rows_stack(rows, batch->stack[i], &frames);
	uint32_t stack, use;
	struct km_error *error = km_stacks_add(life->stacks, frames, nr_frames, &stack);

	if (!error)
		error = find_use(life, stack, &batch->more[i], &use);
	if (error)
		return error;
	count_failed(&life->uses[use].stats, batch->more[i].order);
	count_failed(&life->lives.total, batch->more[i].order);
	return NULL;
}

static struct km_error *add_free(struct km_page_life *life, const struct km_batch *batch,
				 uint32_t i, bool is_hidden)
{
	const unsigned int order = batch->more[i].order;
	const uint64_t nr = (uint64_t)1 << (order < 32 ? order : 32);
	struct km_page_lives *lives = &life->lives;
	uint64_t ended = 0;
	struct km_error *error = NULL;

	/* nothing that is larger was ever allocated */
	if (order <= KM_MOST_ORDER)
		error = end_pages(life, batch->ptr[i], order, true, &ended);
	if (error || is_hidden)
		return error;
	lives->frees++;
	lives->free_pages = km_sat_add(lives->free_pages, nr);
	if (!ended)
		lives->unknown_frees++;
	if (ended < nr)
		lives->unknown_pages = km_sat_add(lives->unknown_pages, nr - ended);
	return NULL;
}

static struct km_error *add_row(struct km_page_life *life, const struct km_rows *rows, uint32_t i)
{
	const struct km_batch *batch = rows->batch;
	const bool is_hidden = rows->batch->group[i] == KM_ROW_HIDDEN;
	uint64_t ended;

	if (batch->what[i].kind == KM_EV_PAGE_FREE)
		return add_free(life, batch, i, is_hidden);
	if (rows->batch->group[i] == KM_ROW_NONE)
		return add_failed(life, rows, i);
	/* an order that no machine has cannot be kept by page */
	if (batch->more[i].order > KM_MOST_ORDER || !batch->size[i].alloc)
		return NULL;
	if (is_hidden)
		return end_pages(life, batch->ptr[i], batch->more[i].order, false, &ended);
	return add_alloc(life, rows, i);
}

struct km_error *km_page_life_add(struct km_page_life *life, const struct km_rows *rows)
{
	for (uint32_t i = km_rows_next_of(rows, rows->from, KM_LAYER_PAGE); i < rows->to;
	     i = km_rows_next_of(rows, i + 1, KM_LAYER_PAGE)) {
		struct km_error *error = add_row(life, rows, i);

		if (error)
			return error;
	}
	return NULL;
}

/* What lives, by the page frame that its allocation begins at. */
static void find_live_frames(struct km_page_life *life)
{
	const struct km_map *blocks = &life->blocks.blocks;

	for (uint32_t i = 1; i < life->nr_frames; i++)
		life->frames[i].pages_live = 0;
	for (size_t i = 0; i < blocks->nr_slots; i++) {
		struct km_page_block block;
		uint64_t pfn;

		if (!blocks->slots[i].value)
			continue;
		block = km_page_block_of(&blocks->slots[i]);
		pfn = block.rest ? life->blocks.rests[block.rest].pfn : block.pfn;
		for (uint32_t k = (uint32_t)*km_map_find(&life->by_pfn, pfn); k;
		     k = life->frames[k].next)
			if (life->frames[k].use == block.use)
				life->frames[k].pages_live += (uint64_t)1 << block.order;
	}
}

const struct km_page_lives *km_page_life_finish(struct km_page_life *life)
{
	struct km_page_lives *lives = &life->lives;

	if (life->options.by_frame)
		find_live_frames(life);
	lives->uses = life->uses;
	lives->nr_uses = life->nr_uses;
	lives->frames = life->frames;
	lives->nr_frames = life->nr_frames;
	lives->stacks = life->stacks;
	return lives;
}

uint64_t km_page_life_bytes(const struct km_page_life *life)
{
	const struct km_page_blocks *blocks = &life->blocks;

	return km_map_bytes(&blocks->blocks) + km_map_bytes(&blocks->regions) +
	       blocks->room_rests * sizeof(*blocks->rests) + km_stacks_bytes(life->stacks) +
	       life->room_uses * sizeof(*life->uses) + km_map_bytes(&life->by_key) +
	       life->room_frames * sizeof(*life->frames) + km_map_bytes(&life->by_pfn);
}
