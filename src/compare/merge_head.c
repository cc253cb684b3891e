/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Heads of JSON reports read back, and added up: what a report says of itself and of its sums. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare/merge.h"

static struct km_error *read_texts(struct km_merge_reader *reader, const json_t *value)
{
	struct km_input_info *input = &reader->head.input;
	const struct {
		const char *key;
		const char **ret;
		bool may_lack;
	} texts[] = {
		{ "path", &input->path, false },
		{ "format", &input->format, false },
		{ "collection", &input->collection, true },
		{ "compression", &input->compression, true },
		{ "kernel_release", &input->kernel_release, true },
		{ "machine", &input->machine, true },
		{ "recorder", &input->recorder, true },
		{ "clock", &input->clock, true },
	};
	struct km_error *error = NULL;

	for (size_t i = 0; !error && i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *text = NULL;

		error = km_walk_string(&reader->walk, value, texts[i].key, texts[i].may_lack,
				       &text);
		if (!error)
			error = km_merge_text(&reader->head_strings, text, texts[i].ret);
	}
	return error;
}

/* Time stamps, of which there may be none. */
static struct km_error *read_times(struct km_merge_reader *reader, const json_t *value)
{
	const bool is_raw = json_is_null(json_object_get(value, "duration_ns"));
	struct km_merge_head *head = &reader->head;
	const struct km_walk_key counts[] = {
		{ is_raw ? "duration_ticks" : "duration_ns", &head->duration_ns },
		{ is_raw ? "first_ticks" : "first_ns", &head->first_ns },
		{ is_raw ? "last_ticks" : "last_ns", &head->last_ns },
	};
	const bool has_stamps = json_object_get(value, counts[1].key) != NULL;

	head->input.has_raw_time = is_raw;
	head->first_ns = 1;
	return km_walk_counts(&reader->walk, value, counts, has_stamps ? 3 : 1);
}

static struct km_error *take_input(void *arg, const json_t *value)
{
	struct km_merge_reader *reader = arg;
	struct km_input_info *input = &reader->head.input;
	uint64_t version = 0, cpus = 0, page_size = 0, subbuf = 0, long_bytes = 0;
	const struct km_walk_key counts[] = {
		{ "format_version", &version },
		{ "file_bytes", &input->file_bytes },
		{ "cpus", &cpus },
		{ "page_size", &page_size },
		{ "subbuf_bytes", &subbuf },
		{ "long_bytes", &long_bytes },
	};
	struct km_error *error;

	if (!json_is_object(value))
		return km_walk_shape_error(&reader->walk, NULL, "an object", value);
	error = read_texts(reader, value);
	if (!error)
		error = km_walk_counts(&reader->walk, value, counts, 6);
	if (!error)
		error = km_walk_bool(&reader->walk, value, "big_endian", &input->is_big_endian);
	if (!error)
		error = read_times(reader, value);
	for (size_t i = 0; !error && i < 6; i++)
		if (*counts[i].ret > UINT32_MAX && i != 1)
			error = km_walk_shape_error(&reader->walk, counts[i].key,
						    "a number below 4294967296",
						    json_object_get(value, counts[i].key));
	input->format_version = (uint32_t)version;
	input->nr_cpus = (uint32_t)cpus;
	input->page_size = (uint32_t)page_size;
	input->subbuf_bytes = (uint32_t)subbuf;
	input->long_bytes = (uint32_t)long_bytes;
	input->is_counts = input->collection && strcmp(input->collection, "hist") == 0;
	return error;
}

struct km_error *km_merge_read_counters(const struct km_walk *walk, const json_t *object,
					struct km_quality *ret)
{
	struct km_error *error = NULL;

	for (enum km_counter i = 0; !error && i < KM_NR_COUNTERS; i++)
		if (json_object_get(object, km_counter_info(i)->key))
			error = km_walk_count(walk, object, km_counter_info(i)->key,
					      &ret->count[i]);
	return error;
}

static struct km_error *take_quality(void *arg, const json_t *value)
{
	struct km_merge_reader *reader = arg;
	struct km_merge_head *head = &reader->head;
	struct km_error *error;
	uint64_t total;

	if (!json_is_object(value))
		return km_walk_shape_error(&reader->walk, NULL, "an object", value);
	error = km_walk_count(&reader->walk, value, "events_total", &head->events_total);
	if (!error)
		error = km_merge_read_counters(&reader->walk, value, &head->quality);
	total = km_quality_events_total(&head->quality);
	/* a counter that this version does not know would be lost */
	if (!error && total != head->events_total && total < INT64_MAX)
		error = km_walk_shape_error(&reader->walk, "events_total", "the sum of its parts",
					    json_object_get(value, "events_total"));
	return error;
}

static struct km_error *read_layer(struct km_merge_reader *reader, const json_t *layers,
				   enum km_layer layer)
{
	struct km_merge_head *head = &reader->head;
	struct km_sum *sum = &head->layers[layer];
	const struct km_walk_key counts[] = {
		{ "allocs", &sum->hits },
		{ "frees", &head->frees[layer] },
		{ "bytes_req", &sum->bytes_req },
		{ "bytes_alloc", &sum->bytes_alloc },
		{ "accounted_hits", &sum->accounted_hits },
	};
	const json_t *value = NULL;
	struct km_error *error =
		km_walk_object(&reader->walk, layers, km_layer_name(layer), &value);

	if (!error)
		error = km_walk_counts(&reader->walk, value, counts,
				       layer == KM_LAYER_SLAB ? 5 : 4);
	if (error || layer != KM_LAYER_SLAB || !json_object_get(value, "bytes_live"))
		return error;
	/* of a clock that counts something else nothing adds up */
	if (!reader->merge->is_one && head->input.has_raw_time) {
		head->drops_lives = true;
		return NULL;
	}
	head->has_lives = true;
	error = km_merge_read_life(reader, value, true, &head->total, &head->nr_samples,
				   &head->short_ns);
	return error ? error
		     : km_walk_bool(&reader->walk, value, "live_unsure", &head->is_live_unsure);
}

static struct km_error *take_summary(void *arg, const json_t *value)
{
	struct km_merge_reader *reader = arg;
	struct km_error *error = NULL;

	if (!json_is_object(value))
		return km_walk_shape_error(&reader->walk, NULL, "an object", value);
	for (enum km_layer layer = 0; !error && layer < KM_NR_LAYERS; layer++)
		if (layer == KM_LAYER_SLAB || json_object_get(value, km_layer_name(layer)))
			error = read_layer(reader, value, layer);
	return error;
}

static struct km_error *take_per(void *arg, const json_t *value)
{
	struct km_merge_reader *reader = arg;

	if (!json_is_integer(value) || json_integer_value(value) < 1)
		return km_walk_shape_error(&reader->walk, NULL, "a number from 1 on", value);
	reader->head.per = (uint64_t)json_integer_value(value);
	return NULL;
}

static struct km_error *take_merged(void *arg, const json_t *value)
{
	struct km_merge_reader *reader = arg;
	struct km_merge_head *head = &reader->head;
	const char *key = NULL;
	const struct km_walk_key counts[] = {
		{ "reports", &head->reports },
		{ "superseded", &head->superseded },
		{ "live_bytes_peak_most", &head->live_bytes_peak_most },
	};
	struct km_error *error;

	if (!json_is_object(value))
		return km_walk_shape_error(&reader->walk, NULL, "an object", value);
	head->is_merged = true;
	error = km_walk_counts(&reader->walk, value, counts,
			       json_object_get(value, counts[2].key) ? 3 : 2);
	if (!error)
		error = km_walk_string(&reader->walk, value, "key", false, &key);
	return error ? error : km_merge_text(&reader->head_strings, key, &head->key);
}

static struct km_error *take_version(void *arg, const json_t *value)
{
	return km_walk_version(&((struct km_merge_reader *)arg)->walk, value);
}

static struct km_error *take_generator(void *arg, const json_t *value)
{
	const struct km_merge_reader *reader = arg;
	const char *version;

	if (!json_is_object(value))
		return km_walk_shape_error(&reader->walk, NULL, "an object", value);
	return km_walk_string(&reader->walk, value, "version", false, &version);
}

struct km_error *km_merge_read_head(struct km_merge_reader *reader)
{
	static const struct km_walk_member members[] = {
		{ "schema_version", false, true, take_version },
		{ "generator", false, true, take_generator },
		{ "input", false, true, take_input },
		{ "quality", false, true, take_quality },
		{ "summary", false, true, take_summary },
		{ "per", false, false, take_per },
		{ "merged", false, false, take_merged },
	};

	km_pool_deinit(&reader->head_strings);
	reader->head = (struct km_merge_head){ .reports = 1 };
	reader->walk.on_other = NULL;
	return km_walk_members(&reader->walk, members, sizeof(members) / sizeof(members[0]), true,
			       reader);
}

/* What one report says beside the others' same; NULL unless all say it. */
static struct km_error *agree(struct km_merge *merge, const char **into, const char *text)
{
	if (merge->nr_reports == 0)
		return km_merge_text(&merge->strings, text, into);
	if (!*into || !text || strcmp(*into, text) != 0)
		*into = NULL;
	return NULL;
}

static struct km_error *add_input(struct km_merge_reader *reader)
{
	struct km_merge *merge = reader->merge;
	struct km_input_info *into = &merge->head.input;
	const struct km_input_info *input = &reader->head.input;
	const bool is_first = merge->nr_reports == 0;
	struct km_error *error;

	into->page_size = input->page_size;
	into->is_big_endian = input->is_big_endian && (is_first || into->is_big_endian);
	if (input->long_bytes > into->long_bytes)
		into->long_bytes = input->long_bytes;
	into->file_bytes = km_sat_add(into->file_bytes, input->file_bytes);
	error = agree(merge, &into->kernel_release, input->kernel_release);
	if (!error)
		error = agree(merge, &into->machine, input->machine);
	return error ? error : agree(merge, &into->collection, input->collection);
}

static struct km_error *add_lives(struct km_merge_reader *reader)
{
	struct km_merge *merge = reader->merge;
	struct km_merge_head *into = &merge->head;
	const struct km_merge_head *head = &reader->head;
	uint64_t most;

	into->has_lives = head->has_lives && (merge->nr_reports == 0 || into->has_lives);
	into->is_live_unsure |= head->is_live_unsure;
	if (!head->has_lives)
		return NULL;
	into->short_ns = head->short_ns;
	km_merge_add_life(&into->total, &head->total);
	most = head->is_merged ? head->live_bytes_peak_most : head->total.peak_bytes;
	if (most > into->live_bytes_peak_most)
		into->live_bytes_peak_most = most;
	return NULL;
}

static struct km_error *check_key(const struct km_merge_reader *reader)
{
	const char *name = km_merge_key_name(reader->merge->options.key);
	const struct km_merge_head *head = &reader->head;

	if (!head->is_merged || strcmp(head->key, name) == 0)
		return NULL;
	return km_error_advise(km_error_create(KM_ERR_INPUT, reader->walk.path,
					       "was merged by %s, and this is by %s", head->key,
					       name),
			       "give --key %s, or the reports that it was merged of", head->key);
}

/* Of one report all is as it is. */
static struct km_error *copy_head(struct km_merge_reader *reader)
{
	struct km_merge *merge = reader->merge;
	struct km_input_info *input = &merge->head.input;
	const char **const texts[] = {
		&input->path,           &input->format,  &input->collection,
		&input->compression,    &input->machine, &input->recorder,
		&input->kernel_release, &input->clock,   &merge->head.key,
	};
	struct km_error *error = NULL;

	merge->head = reader->head;
	for (size_t i = 0; !error && i < sizeof(texts) / sizeof(texts[0]); i++)
		error = km_merge_text(&merge->strings, *texts[i], texts[i]);
	merge->nr_reports = 1;
	merge->nr_with_lives = merge->head.has_lives;
	return error;
}

/* What does not add up is told before anything of it is added. */
static struct km_error *check_head(const struct km_merge_reader *reader)
{
	const struct km_merge *merge = reader->merge;
	const struct km_merge_head *into = &merge->head, *head = &reader->head;
	const uint32_t page_size = head->input.page_size;

	if (merge->nr_reports && into->input.page_size != page_size)
		return km_error_advise(km_error_create(KM_ERR_INPUT, reader->walk.path,
						       "is of a kernel with pages of %" PRIu32
						       " bytes, others of %" PRIu32
						       ": their size classes are not the same",
						       page_size, into->input.page_size),
				       "merge such reports apart");
	if (head->has_lives && into->short_ns && into->short_ns != head->short_ns)
		return km_error_advise(
			km_error_create(KM_ERR_INPUT, reader->walk.path,
					"calls short-lived what lived less than %" PRIu64
					" ns, others %" PRIu64,
					head->short_ns, into->short_ns),
			"make the reports with the same --short-time");
	return check_key(reader);
}

struct km_error *km_merge_add_head(struct km_merge_reader *reader)
{
	struct km_merge *merge = reader->merge;
	struct km_merge_head *into = &merge->head;
	const struct km_merge_head *head = &reader->head;
	struct km_error *error;

	if (merge->is_one)
		return copy_head(reader);
	error = check_head(reader);
	if (error || reader->is_checking)
		return error;
	error = add_input(reader);
	if (!error)
		error = add_lives(reader);
	merge->nr_with_lives += head->has_lives;
	if (!error && head->drops_lives)
		error = km_merge_leave_out(merge, "lifetime");
	if (!error && head->per)
		error = km_merge_leave_out(merge, "per");
	if (error)
		return error;
	km_quality_add(&into->quality, &head->quality);
	for (enum km_layer layer = 0; layer < KM_NR_LAYERS; layer++) {
		struct km_sum *sum = &into->layers[layer];
		const struct km_sum *from = &head->layers[layer];

		sum->hits = km_sat_add(sum->hits, from->hits);
		sum->bytes_req = km_sat_add(sum->bytes_req, from->bytes_req);
		sum->bytes_alloc = km_sat_add(sum->bytes_alloc, from->bytes_alloc);
		sum->accounted_hits = km_sat_add(sum->accounted_hits, from->accounted_hits);
		into->frees[layer] = km_sat_add(into->frees[layer], head->frees[layer]);
	}
	into->reports = km_sat_add(into->reports, head->reports);
	into->superseded = km_sat_add(into->superseded, head->superseded);
	if (!head->input.has_raw_time)
		into->duration_ns = km_sat_add(into->duration_ns, head->duration_ns);
	merge->nr_reports++;
	return NULL;
}
