/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pairs percpu_alloc_percpu with percpu_free_percpu. */
#include "kmemstat/percpulife.h"

#include <stdlib.h>

#include "agg/map.h"
#include "kmemstat/agg.h"

struct km_percpu_life {
	bool by_stack;
	struct km_stacks *stacks;
	struct km_percpu_use *uses; /* the first is unused */
	uint32_t nr_uses, room_uses;
	struct km_map by_place; /* of call site, or stack: the last use that has it */
	struct km_map live;     /* of ptr: use, and above it bytes over all CPUs */
	bool has_ratio;
	struct km_percpu_lives lives;
};

struct km_error *km_percpu_life_create(bool by_stack, struct km_percpu_life **ret)
{
	struct km_percpu_life *life = calloc(1, sizeof(*life));
	struct km_error *error;

	if (!life)
		return &km_error_memory;
	life->by_stack = by_stack;
	life->nr_uses = 1;
	error = km_stacks_create(by_stack ? KM_STACK_MOST_FRAMES : KM_STACK_FRAMES, &life->stacks);
	if (error) {
		km_percpu_life_destroy(life);
		return error;
	}
	*ret = life;
	return NULL;
}

void km_percpu_life_destroy(struct km_percpu_life *life)
{
	if (!life)
		return;
	km_stacks_destroy(life->stacks);
	km_map_deinit(&life->by_place);
	km_map_deinit(&life->live);
	free(life->uses);
	free(life);
}

static bool make_room(struct km_percpu_life *life)
{
	uint32_t room = life->room_uses ? 2 * life->room_uses : 64;
	struct km_percpu_use *uses;

	if (life->nr_uses < life->room_uses)
		return true;
	if (room <= life->room_uses)
		return false;
	uses = reallocarray(life->uses, room, sizeof(*uses));
	if (!uses)
		return false;
	life->uses = uses;
	life->room_uses = room;
	return true;
}

static struct km_error *find_use(struct km_percpu_life *life, const struct km_rows *rows,
				 uint32_t i, uint32_t *ret)
{
	const struct km_batch *batch = rows->batch;
	const uint64_t call_site = batch->call_site[i], *frames, *found;
	const uint32_t size = batch->size[i].req, align = batch->more[i].align;
	size_t nr_frames =
		call_site && !life->by_stack ? 0 : km_rows_stack(rows, batch->stack[i], &frames);
	uint32_t stack = 0, first;
	uint64_t key;
	struct km_error *error = NULL;

	if (nr_frames)
		error = km_stacks_add(life->stacks, frames, nr_frames, &stack);
	if (error)
		return error;
	key = call_site ^ (uint64_t)stack << (call_site ? 32 : 0);
	found = km_map_find(&life->by_place, key);
	first = found ? (uint32_t)*found : 0;
	for (uint32_t k = first; k; k = life->uses[k].next) {
		const struct km_percpu_use *use = &life->uses[k];

		if (use->call_site == call_site && use->stack == stack && use->size == size &&
		    use->align == align) {
			*ret = k;
			return NULL;
		}
	}
	if (!make_room(life))
		return &km_error_memory;
	error = km_map_set(&life->by_place, key, life->nr_uses);
	if (error)
		return error;
	life->uses[life->nr_uses] = (struct km_percpu_use){
		.call_site = call_site, .stack = stack, .size = size, .align = align, .next = first
	};
	*ret = life->nr_uses++;
	return NULL;
}

static void count_alloc(struct km_percpu_stats *stats, const struct km_event_size *size,
			uint8_t flags)
{
	stats->allocs++;
	stats->bytes_req = km_sat_add(stats->bytes_req, size->req);
	stats->bytes = km_sat_add(stats->bytes, size->alloc);
	stats->reserved += (flags & KM_EVF_PERCPU_RESERVED) != 0;
	stats->atomic += (flags & KM_EVF_PERCPU_ATOMIC) != 0;
	stats->accounted += (flags & KM_EVF_ACCOUNTED) != 0;
	stats->live++;
	stats->bytes_live += size->alloc;
}

static void count_end(struct km_percpu_stats *stats, uint32_t bytes, bool is_free)
{
	stats->live--;
	stats->bytes_live -= bytes;
	++*(is_free ? &stats->freed : &stats->replaced);
}

/* Ends what lives at a pointer; false if nothing does. */
static bool end_object(struct km_percpu_life *life, uint64_t ptr, bool is_free)
{
	uint64_t *found = km_map_find(&life->live, ptr);

	if (!found)
		return false;
	count_end(&life->uses[(uint32_t)*found].stats, (uint32_t)(*found >> 32), is_free);
	count_end(&life->lives.total, (uint32_t)(*found >> 32), is_free);
	km_map_remove(&life->live, found);
	return true;
}

static void note_ratio(struct km_percpu_life *life, const struct km_event_size *size)
{
	const uint32_t ratio =
		size->req && size->alloc % size->req == 0 ? size->alloc / size->req : 0;

	if (!life->has_ratio)
		life->lives.ratio = ratio;
	else if (life->lives.ratio != ratio)
		life->lives.ratio = 0;
	life->has_ratio = true;
}

static struct km_error *add_alloc(struct km_percpu_life *life, const struct km_rows *rows,
				  uint32_t i)
{
	const struct km_batch *batch = rows->batch;
	const struct km_event_size *size = &batch->size[i];
	struct km_percpu_lives *lives = &life->lives;
	uint32_t use;
	struct km_error *error = find_use(life, rows, i, &use);

	if (error)
		return error;
	if (rows->batch->group[i] == KM_ROW_NONE) {
		life->uses[use].stats.failed++;
		lives->total.failed++;
		return NULL;
	}
	end_object(life, batch->ptr[i], false);
	error = km_map_set(&life->live, batch->ptr[i], (uint64_t)size->alloc << 32 | use);
	if (error)
		return error;
	note_ratio(life, size);
	count_alloc(&life->uses[use].stats, size, batch->what[i].flags);
	count_alloc(&lives->total, size, batch->what[i].flags);
	if (lives->total.bytes_live > lives->peak_bytes) {
		lives->peak_bytes = lives->total.bytes_live;
		lives->peak_ns = batch->ts_ns[i];
	}
	return NULL;
}

static struct km_error *add_row(struct km_percpu_life *life, const struct km_rows *rows, uint32_t i)
{
	const struct km_batch *batch = rows->batch;
	const bool is_hidden = rows->batch->group[i] == KM_ROW_HIDDEN;

	switch (batch->what[i].kind) {
	case KM_EV_PERCPU_ALLOC:
		if (!is_hidden)
			return add_alloc(life, rows, i);
		end_object(life, batch->ptr[i], false);
		break;
	case KM_EV_PERCPU_FREE:
		/* free_percpu(NULL) returns before its event (mm/percpu.c, v6.12) */
		if (!end_object(life, batch->ptr[i], true) && !is_hidden)
			life->lives.unknown_frees++;
		life->lives.frees += !is_hidden;
		break;
	default:
		break;
	}
	return NULL;
}

struct km_error *km_percpu_life_add(struct km_percpu_life *life, const struct km_rows *rows)
{
	for (uint32_t i = km_rows_next_of(rows, rows->from, KM_LAYER_PERCPU); i < rows->to;
	     i = km_rows_next_of(rows, i + 1, KM_LAYER_PERCPU)) {
		struct km_error *error = add_row(life, rows, i);

		if (error)
			return error;
	}
	return NULL;
}

const struct km_percpu_lives *km_percpu_life_finish(struct km_percpu_life *life)
{
	struct km_percpu_lives *lives = &life->lives;

	lives->uses = life->uses;
	lives->nr_uses = life->nr_uses;
	lives->stacks = life->stacks;
	return lives;
}

uint64_t km_percpu_life_bytes(const struct km_percpu_life *life)
{
	return km_stacks_bytes(life->stacks) + life->room_uses * sizeof(*life->uses) +
	       km_map_bytes(&life->by_place) + km_map_bytes(&life->live);
}
