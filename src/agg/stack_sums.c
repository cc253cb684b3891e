/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sums slab allocations up by stack, and pairs them with frees. */
#include "kmemstat/stack_sums.h"

#include <stdlib.h>

#include "agg/map.h"
#include "agg/slab_rows.h"

#define FIRST_USES 256

struct km_stack_sums {
	bool has_pairs;
	struct km_stacks *stacks;
	struct km_stack_use *uses; /* the first is unused */
	uint32_t nr_uses, room_uses;
	struct km_map by_place;    /* of stack and call site: the last use that has them */
	struct km_life_table live; /* the index of its use, and below it the bytes requested */
};

struct km_error *km_stack_sums_create(bool has_pairs, struct km_stack_sums **ret)
{
	struct km_stack_sums *sums = calloc(1, sizeof(*sums));
	struct km_error *error;

	if (!sums)
		return &km_error_memory;
	sums->has_pairs = has_pairs;
	sums->nr_uses = 1;
	sums->room_uses = FIRST_USES;
	sums->uses = calloc(FIRST_USES, sizeof(*sums->uses));
	error = sums->uses ? km_stacks_create(KM_STACK_MOST_FRAMES, &sums->stacks)
			   : &km_error_memory;
	if (!error)
		error = km_life_table_init(&sums->live);
	if (error) {
		km_stack_sums_destroy(sums);
		return error;
	}
	*ret = sums;
	return NULL;
}

void km_stack_sums_destroy(struct km_stack_sums *sums)
{
	if (!sums)
		return;
	km_stacks_destroy(sums->stacks);
	km_map_deinit(&sums->by_place);
	km_life_table_deinit(&sums->live);
	free(sums->uses);
	free(sums);
}

static struct km_error *add_use(struct km_stack_sums *sums, uint64_t key, struct km_stack_use use,
				uint32_t *ret)
{
	struct km_error *error;

	if (sums->nr_uses == sums->room_uses) {
		const uint32_t room = 2 * sums->room_uses;
		struct km_stack_use *uses;

		if (room <= sums->room_uses)
			return &km_error_memory;
		uses = reallocarray(sums->uses, room, sizeof(*uses));
		if (!uses)
			return &km_error_memory;
		sums->uses = uses;
		sums->room_uses = room;
	}
	error = km_map_set(&sums->by_place, key, sums->nr_uses);
	if (error)
		return error;
	sums->uses[sums->nr_uses] = use;
	*ret = sums->nr_uses++;
	return NULL;
}

/* The use of row `i`, which is an allocation. */
static struct km_error *find_use(struct km_stack_sums *sums, const struct km_rows *rows, uint32_t i,
				 uint32_t *ret)
{
	const struct km_batch *batch = rows->batch;
	const uint64_t call_site = batch->call_site[i], *frames, *found;
	const uint32_t alloc = batch->size[i].alloc;
	const enum km_family family = km_family_of(batch->what[i].kind);
	const size_t nr_frames =
		batch->has_stacks ? km_rows_stack(rows, batch->stack[i], &frames) : 0;
	uint32_t stack = 0, first;
	uint64_t key;
	struct km_error *error = NULL;

	if (nr_frames)
		error = km_stacks_add(sums->stacks, frames, nr_frames, &stack);
	if (error)
		return error;
	/* call sites that come together in a chain are told apart there */
	key = call_site ^ (uint64_t)stack << 32;
	found = km_map_find(&sums->by_place, key);
	first = found ? (uint32_t)*found : 0;
	for (uint32_t k = first; k; k = sums->uses[k].next) {
		const struct km_stack_use *use = &sums->uses[k];

		if (use->alloc == alloc && use->stack == stack && use->call_site == call_site &&
		    use->family == family) {
			*ret = k;
			return NULL;
		}
	}
	return add_use(sums, key,
		       (struct km_stack_use){ .call_site = call_site,
					      .stack = stack,
					      .alloc = alloc,
					      .family = (uint8_t)family,
					      .next = first },
		       ret);
}

/* Ends what lives at the pointer that the value is of. */
static void end_object(struct km_stack_sums *sums, uint64_t *value)
{
	struct km_stack_use *use = &sums->uses[*value >> 32];

	use->live--;
	use->live_req -= (uint32_t)*value;
	*value = 0;
}

static struct km_error *take_alloc(void *arg, const struct km_rows *rows, uint32_t i)
{
	struct km_stack_sums *sums = arg;
	const struct km_event_size size = rows->batch->size[i];
	struct km_stack_use *use;
	uint64_t *value;
	uint32_t number;
	struct km_error *error = find_use(sums, rows, i, &number);

	if (error)
		return error;
	use = &sums->uses[number];
	use->hits++;
	use->bytes_req = km_sat_add(use->bytes_req, size.req);
	if (!sums->has_pairs)
		return NULL;
	value = km_life_table_get(&sums->live, rows->batch->ptr[i]);
	if (*value)
		end_object(sums, value);
	*value = (uint64_t)number << 32 | size.req;
	use->live++;
	use->live_req += size.req;
	if (sums->live.nr_used > sums->live.most_used)
		return km_life_table_renew(&sums->live);
	return NULL;
}

static struct km_error *take_end(void *arg, const struct km_rows *rows, uint32_t i)
{
	struct km_stack_sums *sums = arg;
	uint64_t *value;

	if (!sums->has_pairs)
		return NULL;
	value = km_life_table_find(&sums->live, rows->batch->ptr[i]);
	if (value && *value)
		end_object(sums, value);
	return NULL;
}

struct km_error *km_stack_sums_add(struct km_stack_sums *sums, const struct km_rows *rows)
{
	return km_slab_rows_walk(rows, sums->has_pairs ? &sums->live : NULL, take_alloc, take_end,
				 sums);
}

const struct km_stack_use *km_stack_sums_uses(const struct km_stack_sums *sums, size_t *ret_nr)
{
	*ret_nr = sums->nr_uses;
	return sums->uses;
}

const struct km_stacks *km_stack_sums_stacks(const struct km_stack_sums *sums)
{
	return sums->stacks;
}

uint64_t km_stack_sums_bytes(const struct km_stack_sums *sums)
{
	return km_stacks_bytes(sums->stacks) + sums->room_uses * sizeof(*sums->uses) +
	       km_map_bytes(&sums->by_place) + km_life_table_bytes(&sums->live);
}
