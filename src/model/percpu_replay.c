/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Recorded percpu objects through the models of their allocator. */
#include <stdlib.h>

#include "agg/map.h"
#include "kmemstat/percpu_model.h"

enum { MOST_MODELS = 2 * KM_NR_PERCPU_MODELS };

struct variant {
	struct km_percpu_model *model;
	struct km_percpu_replay_result result; /* its stats only at the end */
};

/* A live object. */
struct object {
	struct km_percpu_place places[MOST_MODELS];
	uint32_t sizes[2]; /* as recorded, and changed */
	uint32_t next_free;
};

struct km_percpu_replay {
	struct variant variants[MOST_MODELS];
	size_t nr_variants;
	struct object *objects; /* the first is unused */
	uint32_t nr_objects, room, free_object;
	struct km_map live; /* of ptr: object */
	struct km_percpu_replay_results results;
};

struct km_error *km_percpu_replay_create(const struct km_percpu_replay_options *options,
					 struct km_percpu_replay **ret)
{
	struct km_percpu_replay *replay = calloc(1, sizeof(*replay));
	const unsigned int nr_passes = options->nr_changes ? 2 : 1;
	struct km_error *error = NULL;

	if (!replay)
		return &km_error_memory;
	replay->nr_objects = 1;
	replay->results.shape = options->shape;
	for (size_t i = 0; i < options->nr_changes && i < KM_MAX_PERCPU_CHANGES; i++)
		replay->results.changes[replay->results.nr_changes++] = options->changes[i];
	for (enum km_percpu_model_kind kind = 0; kind < KM_NR_PERCPU_MODELS; kind++) {
		for (unsigned int pass = 0; !error && pass < nr_passes; pass++) {
			struct variant *variant = &replay->variants[replay->nr_variants];

			variant->result.kind = kind;
			variant->result.is_changed = pass > 0;
			error = km_percpu_model_create(kind, &options->shape, &variant->model);
			replay->nr_variants += !error;
		}
	}
	if (error) {
		km_percpu_replay_destroy(replay);
		return error;
	}
	*ret = replay;
	return NULL;
}

void km_percpu_replay_destroy(struct km_percpu_replay *replay)
{
	if (!replay)
		return;
	for (size_t i = 0; i < replay->nr_variants; i++)
		km_percpu_model_destroy(replay->variants[i].model);
	km_map_deinit(&replay->live);
	free(replay->objects);
	free(replay);
}

static bool make_room(struct km_percpu_replay *replay)
{
	const uint32_t room = replay->room ? 2 * replay->room : 256;
	struct object *objects;

	if (replay->free_object || replay->nr_objects < replay->room)
		return true;
	if (room <= replay->room)
		return false;
	objects = reallocarray(replay->objects, room, sizeof(*objects));
	if (!objects)
		return false;
	replay->objects = objects;
	replay->room = room;
	return true;
}

/* Ends what lives at a pointer; false if nothing does. */
static bool end_object(struct km_percpu_replay *replay, uint64_t ptr)
{
	uint64_t *found = km_map_find(&replay->live, ptr);
	uint32_t id;
	struct object *object;

	if (!found)
		return false;
	id = (uint32_t)*found;
	object = &replay->objects[id];
	km_map_remove(&replay->live, found);
	for (size_t i = 0; i < replay->nr_variants; i++) {
		struct variant *variant = &replay->variants[i];

		if (!object->places[i].chunk)
			continue;
		km_percpu_model_free(variant->model, object->places[i]);
		variant->result.bytes_req -= object->sizes[variant->result.is_changed];
	}
	object->next_free = replay->free_object;
	replay->free_object = id;
	return true;
}

/* Size and alignment with the changes. */
static void change(struct km_percpu_replay *replay, uint32_t *size, uint32_t *align)
{
	struct km_percpu_replay_results *results = &replay->results;

	for (size_t i = 0; i < results->nr_changes; i++) {
		const struct km_percpu_change *this = &results->changes[i];

		if (this->size != *size || (this->align && this->align != *align))
			continue;
		results->changed[i]++;
		*size = this->new_size;
		if (this->new_align)
			*align = this->new_align;
		return;
	}
}

static void note_peak(struct variant *variant, uint64_t ts_ns)
{
	const struct km_percpu_model_stats *stats = km_percpu_model_stats(variant->model);
	struct km_percpu_replay_result *result = &variant->result;

	if (stats->bytes_used <= result->peak_bytes)
		return;
	result->peak_bytes = stats->bytes_used;
	result->peak_holes = stats->bytes_holes;
	result->peak_bytes_req = result->bytes_req;
	result->peak_ns = ts_ns;
}

static struct km_error *place_object(struct km_percpu_replay *replay, struct object *object,
				     const uint32_t *aligns, uint64_t ts_ns)
{
	for (size_t i = 0; i < replay->nr_variants; i++) {
		struct variant *variant = &replay->variants[i];
		const bool is_changed = variant->result.is_changed;
		struct km_error *error =
			km_percpu_model_alloc(variant->model, object->sizes[is_changed],
					      aligns[is_changed], &object->places[i]);

		if (error)
			return error;
		if (!object->places[i].chunk)
			continue;
		variant->result.bytes_req += object->sizes[is_changed];
		note_peak(variant, ts_ns);
	}
	return NULL;
}

static struct km_error *add_alloc(struct km_percpu_replay *replay, const struct km_batch *batch,
				  uint32_t i)
{
	uint32_t aligns[2] = { batch->more[i].align, batch->more[i].align }, id;
	struct object *object;
	struct km_error *error;

	replay->results.implied_frees += end_object(replay, batch->ptr[i]);
	if (batch->what[i].flags & KM_EVF_PERCPU_RESERVED) {
		replay->results.reserved++;
		return NULL;
	}
	if (!make_room(replay))
		return &km_error_memory;
	id = replay->free_object ? replay->free_object : replay->nr_objects;
	error = km_map_set(&replay->live, batch->ptr[i], id);
	if (error)
		return error;
	object = &replay->objects[id];
	if (id == replay->nr_objects)
		replay->nr_objects++;
	else
		replay->free_object = object->next_free;
	*object = (struct object){ .sizes = { batch->size[i].req, batch->size[i].req } };
	change(replay, &object->sizes[1], &aligns[1]);
	replay->results.allocs++;
	return place_object(replay, object, aligns, batch->ts_ns[i]);
}

static struct km_error *add_row(struct km_percpu_replay *replay, const struct km_rows *rows,
				uint32_t i)
{
	const struct km_batch *batch = rows->batch;
	const bool is_hidden = batch->group[i] == KM_ROW_HIDDEN;

	switch (batch->what[i].kind) {
	case KM_EV_PERCPU_ALLOC:
		if (batch->group[i] == KM_ROW_NONE) /* it failed */
			return NULL;
		if (!is_hidden)
			return add_alloc(replay, batch, i);
		replay->results.implied_frees += end_object(replay, batch->ptr[i]);
		return NULL;
	case KM_EV_PERCPU_FREE:
		if (!end_object(replay, batch->ptr[i]) && !is_hidden)
			replay->results.unknown_frees++;
		return NULL;
	default:
		return NULL;
	}
}

struct km_error *km_percpu_replay_add(struct km_percpu_replay *replay, const struct km_rows *rows)
{
	for (uint32_t i = km_rows_next_of(rows, rows->from, KM_LAYER_PERCPU); i < rows->to;
	     i = km_rows_next_of(rows, i + 1, KM_LAYER_PERCPU)) {
		struct km_error *error = add_row(replay, rows, i);

		if (error)
			return error;
	}
	return NULL;
}

void km_percpu_replay_finish(const struct km_percpu_replay *replay,
			     struct km_percpu_replay_results *ret)
{
	*ret = replay->results;
	for (size_t i = 0; i < replay->nr_variants; i++) {
		ret->items[i] = replay->variants[i].result;
		ret->items[i].stats = *km_percpu_model_stats(replay->variants[i].model);
	}
	ret->nr = replay->nr_variants;
}

uint64_t km_percpu_replay_bytes(const struct km_percpu_replay *replay)
{
	uint64_t bytes = km_map_bytes(&replay->live) + replay->room * sizeof(*replay->objects);

	for (size_t i = 0; i < replay->nr_variants; i++)
		bytes += km_percpu_model_bytes(replay->variants[i].model);
	return bytes;
}
