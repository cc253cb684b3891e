/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The chunks of the percpu allocator. They are in lists, called slots, by how much is free in
 * them: an allocation looks at chunks from the slot of its size on, the fullest that may do first
 * (pcpu_alloc(), mm/percpu.c, v4.13 and v6.1). Each chunk that is looked at is a step.
 *
 * Before v4.14 free bytes decide the slot, since v5.2 the largest free area that is known
 * (pcpu_chunk_slot()). A wholly free chunk is destroyed when there is another
 * (pcpu_balance_workfn(); pcpu_balance_free()); the kernel does that some time later, here it is at
 * once.
 */
#include <stdlib.h>
#include <string.h>

#include "model/percpu_chunk.h"

enum {
	MOST_SLOTS = 32,
	SLOT_BASE_SHIFT = 5, /* PCPU_SLOT_BASE_SHIFT */
	/* since v5.2 chunks of smaller slots are put aside when they fail (mm/percpu.c) */
	SLOT_FAIL_THRESHOLD = 3,
	MIN_FREE = 4, /* chunks with less are full */
};

struct chunk {
	struct chunk *next, *prev; /* in its slot */
	unsigned int slot;
	uint32_t id;
	uint32_t bytes, used, holes;
	struct km_percpu_bitmap *bitmap; /* either this, or ... */
	struct km_percpu_areas *areas;
	uint64_t *pages; /* a bit for each that had an object */
	uint32_t nr_pages;
};

struct slot {
	struct chunk *first, *last;
};

struct km_percpu_model {
	enum km_percpu_model_kind kind;
	struct km_percpu_shape shape;
	struct slot slots[MOST_SLOTS];
	unsigned int nr_slots; /* the last is of chunks that are wholly free */
	struct chunk **chunks; /* by id; NULL: gone, as is the one of id 0 */
	uint32_t nr_ids, room;
	uint32_t *free_ids; /* room for all */
	uint32_t nr_free_ids;
	struct km_percpu_model_stats stats;
};

const char *km_percpu_model_name(enum km_percpu_model_kind kind)
{
	return kind == KM_PERCPU_BITMAP ? "bitmap" : "area-map";
}

uint32_t km_percpu_default_unit(uint32_t nr_cpus)
{
	const uint32_t atom = 2 << 20, most = 8;
	uint32_t best = most, least = UINT32_MAX;

	for (uint32_t units = most; nr_cpus && units; units /= 2) {
		const uint32_t atoms = (nr_cpus - 1) / units + 1;

		if (atoms * (uint64_t)units - nr_cpus > nr_cpus / 3)
			continue;
		if (atoms > least)
			break;
		least = atoms;
		best = units;
	}
	return atom / best;
}

static unsigned int slot_of_size(const struct km_percpu_model *model, uint32_t size)
{
	const int slot = 32 - __builtin_clz(size) - SLOT_BASE_SHIFT + 2;

	if (size == model->shape.unit)
		return model->nr_slots - 1;
	return slot > 1 ? (unsigned int)slot : 1;
}

static unsigned int slot_of(const struct km_percpu_model *model, const struct chunk *chunk)
{
	const uint32_t free_bytes = chunk->bytes - chunk->used;
	const uint32_t largest = chunk->bitmap ? km_percpu_bitmap_largest(chunk->bitmap)
					       : km_percpu_areas_largest(chunk->areas);

	if (free_bytes < MIN_FREE || largest < MIN_FREE)
		return 0;
	return slot_of_size(model, chunk->bitmap ? largest : free_bytes);
}

static void unlink_chunk(struct km_percpu_model *model, struct chunk *chunk)
{
	struct slot *slot = &model->slots[chunk->slot];

	*(chunk->prev ? &chunk->prev->next : &slot->first) = chunk->next;
	*(chunk->next ? &chunk->next->prev : &slot->last) = chunk->prev;
	chunk->prev = chunk->next = NULL;
}

static void link_chunk(struct km_percpu_model *model, struct chunk *chunk, unsigned int slot_index,
		       bool in_front)
{
	struct slot *slot = &model->slots[slot_index];

	chunk->slot = slot_index;
	chunk->prev = in_front ? NULL : slot->last;
	chunk->next = in_front ? slot->first : NULL;
	*(chunk->prev ? &chunk->prev->next : &slot->first) = chunk;
	*(chunk->next ? &chunk->next->prev : &slot->last) = chunk;
}

/* After a change: with more free in front of others (pcpu_chunk_relocate()). */
static void relocate(struct km_percpu_model *model, struct chunk *chunk)
{
	const unsigned int slot = slot_of(model, chunk), old = chunk->slot;

	if (slot == old)
		return;
	unlink_chunk(model, chunk);
	link_chunk(model, chunk, slot, slot > old);
}

static void free_chunk(struct chunk *chunk)
{
	if (!chunk)
		return;
	km_percpu_bitmap_destroy(chunk->bitmap);
	km_percpu_areas_destroy(chunk->areas);
	free(chunk->pages);
	free(chunk);
}

static struct km_error *make_room(struct km_percpu_model *model)
{
	const uint32_t room = model->room ? 2 * model->room : 16;
	struct chunk **chunks;
	uint32_t *ids;

	if (model->nr_ids < model->room)
		return NULL;
	chunks = reallocarray(model->chunks, room, sizeof(*chunks));
	if (!chunks)
		return &km_error_memory;
	model->chunks = chunks;
	ids = reallocarray(model->free_ids, room, sizeof(*ids));
	if (!ids)
		return &km_error_memory;
	model->free_ids = ids;
	model->room = room;
	return NULL;
}

static struct km_error *make_chunk(struct km_percpu_model *model, uint32_t bytes,
				   struct chunk **ret)
{
	const size_t words = bytes / KM_PERCPU_PAGE / 64 + 1;
	struct km_error *error = make_room(model);
	struct chunk *chunk;

	if (error)
		return error;
	chunk = calloc(1, sizeof(*chunk));
	if (!chunk)
		return &km_error_memory;
	chunk->bytes = bytes;
	chunk->pages = calloc(words, sizeof(*chunk->pages));
	if (!chunk->pages)
		error = &km_error_memory;
	else if (model->kind == KM_PERCPU_BITMAP)
		error = km_percpu_bitmap_create(bytes, &chunk->bitmap);
	else
		error = km_percpu_areas_create(bytes, &chunk->areas);
	if (error) {
		free_chunk(chunk);
		return error;
	}
	chunk->id = model->nr_free_ids ? model->free_ids[--model->nr_free_ids] : model->nr_ids++;
	model->chunks[chunk->id] = chunk;
	link_chunk(model, chunk, slot_of(model, chunk), true);
	*ret = chunk;
	return NULL;
}

struct km_error *km_percpu_model_create(enum km_percpu_model_kind kind,
					const struct km_percpu_shape *shape,
					struct km_percpu_model **ret)
{
	struct km_percpu_model *model = calloc(1, sizeof(*model));
	struct km_error *error = NULL;
	struct chunk *first;

	if (!model)
		return &km_error_memory;
	model->kind = kind;
	model->shape = *shape;
	model->nr_ids = 1;
	/* one for each size, and that of free chunks */
	model->nr_slots = 32 - (unsigned int)__builtin_clz(shape->unit) - SLOT_BASE_SHIFT + 2 + 2;
	error = make_room(model);
	if (!error) {
		/* a number for the first chunk, even if there is none */
		model->chunks[0] = model->chunks[1] = NULL;
		if (shape->first)
			error = make_chunk(model, shape->first, &first);
		else
			model->nr_ids++;
	}
	if (error) {
		km_percpu_model_destroy(model);
		return error;
	}
	*ret = model;
	return NULL;
}

void km_percpu_model_destroy(struct km_percpu_model *model)
{
	if (!model)
		return;
	for (uint32_t i = 1; model->chunks && i < model->nr_ids; i++)
		free_chunk(model->chunks[i]);
	free(model->chunks);
	free(model->free_ids);
	free(model);
}

static void destroy_chunk(struct km_percpu_model *model, struct chunk *chunk)
{
	unlink_chunk(model, chunk);
	model->chunks[chunk->id] = NULL;
	model->free_ids[model->nr_free_ids++] = chunk->id;
	model->stats.pages -= chunk->nr_pages;
	model->stats.chunks--;
	model->stats.chunks_destroyed++;
	free_chunk(chunk);
}

static struct km_error *add_chunk(struct km_percpu_model *model)
{
	struct km_percpu_model_stats *stats = &model->stats;
	struct chunk *chunk;
	struct km_error *error = make_chunk(model, model->shape.unit, &chunk);

	if (error)
		return error;
	stats->chunks_made++;
	if (++stats->chunks > stats->peak_chunks)
		stats->peak_chunks = stats->chunks;
	return NULL;
}

/* Bytes and holes of a chunk that was changed. */
static void count_chunk(struct km_percpu_model *model, struct chunk *chunk, uint32_t used)
{
	struct km_percpu_model_stats *stats = &model->stats;
	const uint32_t top = chunk->bitmap ? km_percpu_bitmap_top(chunk->bitmap)
					   : km_percpu_areas_top(chunk->areas);

	stats->bytes_used = stats->bytes_used - chunk->used + used;
	stats->bytes_holes = stats->bytes_holes - chunk->holes + (top - used);
	chunk->used = used;
	chunk->holes = top - used;
}

static void count_pages(struct km_percpu_model *model, struct chunk *chunk, uint32_t offset,
			uint32_t size)
{
	struct km_percpu_model_stats *stats = &model->stats;

	for (uint32_t page = offset / KM_PERCPU_PAGE; page <= (offset + size - 1) / KM_PERCPU_PAGE;
	     page++) {
		const uint64_t bit = UINT64_C(1) << page % 64;

		if (chunk->pages[page / 64] & bit)
			continue;
		chunk->pages[page / 64] |= bit;
		chunk->nr_pages++;
		if (++stats->pages > stats->peak_pages)
			stats->peak_pages = stats->pages;
	}
}

/* Tries one chunk. The reason for it to be in another slot afterwards may also be that it failed.
 */
static struct km_error *try_chunk(struct km_percpu_model *model, struct chunk *chunk, uint32_t size,
				  uint32_t align, uint64_t *steps, uint32_t *ret)
{
	struct km_error *error;

	++*steps;
	*ret = KM_PERCPU_NOWHERE;
	if (chunk->bitmap) {
		*ret = km_percpu_bitmap_alloc(chunk->bitmap, size, align, steps);
		if (*ret != KM_PERCPU_NOWHERE) {
			count_chunk(model, chunk, chunk->used + size);
		} else if (chunk->slot < SLOT_FAIL_THRESHOLD) {
			unlink_chunk(model, chunk);
			link_chunk(model, chunk, 0, true);
			return NULL;
		}
	} else {
		if (size > km_percpu_areas_largest(chunk->areas))
			return NULL;
		error = km_percpu_areas_reserve(chunk->areas);
		if (error)
			return error;
		*ret = km_percpu_areas_alloc(chunk->areas, size, align, steps);
		count_chunk(model, chunk, chunk->bytes - km_percpu_areas_free_bytes(chunk->areas));
	}
	if (*ret != KM_PERCPU_NOWHERE)
		count_pages(model, chunk, *ret, size);
	relocate(model, chunk);
	return NULL;
}

/* In the chunks that there are; ret->chunk 0: in none. */
static struct km_error *search(struct km_percpu_model *model, uint32_t size, uint32_t align,
			       uint64_t *steps, struct km_percpu_place *ret)
{
	*ret = (struct km_percpu_place){ 0 };
	for (unsigned int slot = slot_of_size(model, size); slot < model->nr_slots; slot++) {
		struct chunk *next;

		for (struct chunk *chunk = model->slots[slot].first; chunk; chunk = next) {
			uint32_t offset;
			struct km_error *error;

			next = chunk->next;
			error = try_chunk(model, chunk, size, align, steps, &offset);
			if (error)
				return error;
			if (offset != KM_PERCPU_NOWHERE) {
				*ret = (struct km_percpu_place){ chunk->id, offset };
				return NULL;
			}
		}
	}
	return NULL;
}

static bool is_power_of_2(uint32_t number)
{
	return number && !(number & (number - 1));
}

struct km_error *km_percpu_model_alloc(struct km_percpu_model *model, uint32_t size, uint32_t align,
				       struct km_percpu_place *ret)
{
	/* the least size and alignment, of which the other map keeps a bit (v6.1; v4.13) */
	const uint32_t least = model->kind == KM_PERCPU_BITMAP ? 4 : 2;
	struct km_percpu_model_stats *stats = &model->stats;
	struct km_error *error;
	uint64_t steps = 0;

	*ret = (struct km_percpu_place){ 0 };
	if (!size || size > KM_PERCPU_MIN_UNIT || align > KM_PERCPU_PAGE || !is_power_of_2(align)) {
		stats->unfit++;
		return NULL;
	}
	size = (size + least - 1) & ~(least - 1);
	if (align < least)
		align = least;
	error = search(model, size, align, &steps, ret);
	if (!error && !ret->chunk) {
		error = add_chunk(model);
		if (!error)
			error = search(model, size, align, &steps, ret);
	}
	if (error)
		return error;
	stats->allocs++;
	stats->alloc_steps += steps;
	if (steps > stats->alloc_steps_max)
		stats->alloc_steps_max = steps;
	return NULL;
}

void km_percpu_model_free(struct km_percpu_model *model, struct km_percpu_place place)
{
	struct km_percpu_model_stats *stats = &model->stats;
	struct chunk *chunk, *other;
	uint64_t steps = 0;
	uint32_t used;

	if (!place.chunk)
		return;
	chunk = model->chunks[place.chunk];
	if (chunk->bitmap) {
		used = chunk->used - km_percpu_bitmap_free(chunk->bitmap, place.offset, &steps);
	} else {
		km_percpu_areas_free(chunk->areas, place.offset, &steps);
		used = chunk->bytes - km_percpu_areas_free_bytes(chunk->areas);
	}
	count_chunk(model, chunk, used);
	relocate(model, chunk);
	stats->frees++;
	stats->free_steps += steps;
	if (steps > stats->free_steps_max)
		stats->free_steps_max = steps;
	/* what became free is in front */
	other = chunk->slot == model->nr_slots - 1 ? chunk->next : NULL;
	if (other)
		destroy_chunk(model, other);
}

const struct km_percpu_model_stats *km_percpu_model_stats(const struct km_percpu_model *model)
{
	return &model->stats;
}

uint64_t km_percpu_model_bytes(const struct km_percpu_model *model)
{
	/* maps have two bits for each four bytes of a chunk, or less for its areas */
	const uint64_t of_chunk = sizeof(struct chunk) + model->shape.unit / 8;

	return model->room * (sizeof(*model->chunks) + sizeof(*model->free_ids)) +
	       (model->nr_ids - model->nr_free_ids) * of_chunk;
}
