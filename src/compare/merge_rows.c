/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of JSON reports read back: call sites and what became of their allocations. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare/merge.h"
#include "kmemstat/out.h"

struct km_error *km_merge_text(struct km_pool *pool, const char *text, const char **ret)
{
	char *safe;

	if (!text) {
		*ret = NULL;
		return NULL;
	}
	safe = km_text_safe(text);
	*ret = safe ? km_pool_copy(pool, safe, strlen(safe)) : NULL;
	free(safe);
	return *ret ? NULL : &km_error_memory;
}

/* A number of at most 32 bits. */
static struct km_error *read_small(const struct km_walk *walk, const json_t *object,
				   const char *key, uint32_t *ret)
{
	uint64_t value = 0;
	struct km_error *error = km_walk_count(walk, object, key, &value);

	if (!error && value > UINT32_MAX)
		error = km_walk_shape_error(walk, key, "a number below 4294967296",
					    json_object_get(object, key));
	*ret = (uint32_t)value;
	return error;
}

static struct km_error *read_frame(struct km_merge_reader *reader, const json_t *object,
				   struct km_frame *ret)
{
	const struct km_walk *walk = &reader->walk;
	struct km_error *error = km_walk_string(walk, object, "function", true, &ret->function);

	if (!error)
		error = km_walk_string(walk, object, "file", true, &ret->file);
	if (!error)
		error = km_walk_bool(walk, object, "inlined", &ret->is_inlined);
	if (!error && json_is_integer(json_object_get(object, "line")))
		error = read_small(walk, object, "line", &ret->line);
	if (!error && json_object_get(object, "column"))
		error = read_small(walk, object, "column", &ret->column);
	if (!error)
		error = km_merge_text(&reader->strings, ret->function, &ret->function);
	return error ? error : km_merge_text(&reader->strings, ret->file, &ret->file);
}

static struct km_error *read_source(struct km_merge_reader *reader, const json_t *object,
				    struct km_chain *ret)
{
	const json_t *list = NULL, *item;
	struct km_error *error = km_walk_list(&reader->walk, object, "source", &list);
	size_t i;

	if (error || !json_array_size(list))
		return error;
	ret->frames = calloc(json_array_size(list), sizeof(*ret->frames));
	if (!ret->frames)
		return &km_error_memory;
	ret->nr_frames = json_array_size(list);
	json_array_foreach(list, i, item)
	{
		error = read_frame(reader, item, &ret->frames[i]);
		if (error)
			return error;
	}
	return NULL;
}

static struct km_error *read_address(const struct km_merge_reader *reader, const json_t *object,
				     uint64_t *ret)
{
	const char *text = NULL;
	struct km_error *error = km_walk_string(&reader->walk, object, "address", false, &text);
	char *end;

	if (error)
		return error;
	errno = 0;
	*ret = strtoull(text, &end, 16);
	if (errno || strncmp(text, "0x", 2) != 0 || !text[2] || *end)
		return km_walk_shape_error(&reader->walk, "address", "an address like \"0x1f\"",
					   json_object_get(object, "address"));
	return NULL;
}

struct km_error *km_merge_read_place(struct km_merge_reader *reader, const json_t *object,
				     struct km_merge_row *ret)
{
	const struct km_walk *walk = &reader->walk;
	const char *event = NULL;
	struct km_error *error = km_walk_string(walk, object, "event", false, &event);

	*ret = (struct km_merge_row){ .kernel_release = reader->head.input.kernel_release };
	if (error)
		return error;
	ret->family = strcmp(event, km_family_name(KM_FAMILY_KMALLOC)) == 0 ? KM_FAMILY_KMALLOC
									    : KM_FAMILY_CACHE;
	error = km_walk_string(walk, object, "symbol", true, &ret->symbol.name);
	if (!error && !ret->symbol.name)
		error = read_address(reader, object, &ret->address);
	if (!error && ret->symbol.name) {
		ret->has_symbol = true;
		error = km_walk_count(walk, object, "offset", &ret->symbol.offset);
		if (!error)
			error = km_walk_string(walk, object, "module", true, &ret->symbol.module);
		if (!error)
			error = km_merge_text(&reader->strings, ret->symbol.name,
					      &ret->symbol.name);
		if (!error)
			error = km_merge_text(&reader->strings, ret->symbol.module,
					      &ret->symbol.module);
	}
	return error ? error : read_source(reader, object, &ret->source);
}

static bool find_sureness(const char *name, enum km_sureness *ret)
{
	for (enum km_sureness i = KM_SURE_EXACT; i <= KM_SURE_SEVERAL; i++) {
		if (strcmp(km_sureness_name(i), name) == 0) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static bool find_form(const char *name, enum km_type_form *ret)
{
	for (enum km_type_form i = KM_FORM_WHOLE; i <= KM_FORM_ARRAY; i++) {
		if (strcmp(km_type_form_name(i), name) == 0) {
			*ret = i;
			return true;
		}
	}
	return false;
}

/* *ret_is_known is false of what later versions may add. */
static struct km_error *read_type(struct km_merge_reader *reader, const json_t *object,
				  struct km_type *ret, bool *ret_is_known)
{
	const struct km_walk *walk = &reader->walk;
	const char *sureness = NULL, *form = NULL;
	struct km_error *error = km_walk_string(walk, object, "name", false, &ret->name);

	if (!error)
		error = km_walk_string(walk, object, "sureness", false, &sureness);
	if (!error)
		error = km_walk_string(walk, object, "form", false, &form);
	if (!error)
		error = km_walk_count(walk, object, "bytes", &ret->bytes);
	if (!error)
		error = read_small(walk, object, "bytes_req_min", &ret->min_req);
	if (!error)
		error = read_small(walk, object, "bytes_req_max", &ret->max_req);
	if (!error && json_object_get(object, "element_bytes"))
		error = km_walk_count(walk, object, "element_bytes", &ret->element_bytes);
	if (error)
		return error;
	*ret_is_known = find_sureness(sureness, &ret->sureness) && find_form(form, &ret->form);
	return km_merge_text(&reader->strings, ret->name, &ret->name);
}

static struct km_error *read_types(struct km_merge_reader *reader, const json_t *object,
				   struct km_types *ret)
{
	const json_t *list = NULL, *item;
	struct km_error *error = km_walk_list(&reader->walk, object, "types", &list);
	struct km_type *types;
	size_t i;

	if (error || !json_array_size(list))
		return error;
	types = calloc(json_array_size(list), sizeof(*types));
	if (!types)
		return &km_error_memory;
	ret->types = types;
	json_array_foreach(list, i, item)
	{
		bool is_known = false;

		error = read_type(reader, item, &types[ret->nr], &is_known);
		if (error)
			return error;
		ret->nr += is_known;
	}
	return NULL;
}

/* The number of a cache's name; later ones than fit are nameless. */
static struct km_error *read_cache(struct km_merge_reader *reader, const json_t *object,
				   uint16_t *ret)
{
	struct km_merge *merge = reader->merge;
	const char *name = NULL;
	uint32_t number = UINT16_MAX;
	struct km_error *error = km_walk_string(&reader->walk, object, "cache", true, &name);

	if (!error && name)
		error = km_merge_text(&reader->strings, name, &name);
	if (!error && name && !km_names_get(&merge->caches, name, strlen(name), &number, NULL))
		error = &km_error_memory;
	*ret = number < UINT16_MAX ? (uint16_t)(number + 1) : 0;
	return error;
}

static struct km_error *read_sizes(struct km_merge_reader *reader, const json_t *object,
				   struct km_merge_row *ret)
{
	const struct km_walk *walk = &reader->walk;
	const json_t *list = NULL, *item;
	struct km_error *error = km_walk_list(walk, object, "sizes", &list);
	size_t i;

	if (error)
		return error;
	if (!list)
		return km_walk_shape_error(walk, "sizes", "a list", NULL);
	ret->sizes = calloc(json_array_size(list) + 1, sizeof(*ret->sizes));
	if (!ret->sizes)
		return &km_error_memory;
	json_array_foreach(list, i, item)
	{
		struct km_size *size = &ret->sizes[ret->nr_sizes++];

		error = read_small(walk, item, "bytes_req", &size->bytes_req);
		if (!error)
			error = read_small(walk, item, "bytes_alloc", &size->bytes_alloc);
		if (!error)
			error = km_walk_count(walk, item, "hits", &size->hits);
		if (!error)
			error = read_cache(reader, item, &size->cache);
		if (error)
			return error;
	}
	return NULL;
}

static struct km_error *read_buckets(const struct km_walk *walk, const json_t *object,
				     struct km_spread *ret)
{
	const json_t *list = NULL, *item;
	struct km_error *error = km_walk_list(walk, object, "histogram", &list);
	size_t i;

	if (error)
		return error;
	ret->buckets = calloc(json_array_size(list) + 1, sizeof(*ret->buckets));
	if (!ret->buckets)
		return &km_error_memory;
	json_array_foreach(list, i, item)
	{
		struct km_spread_bucket *bucket = &ret->buckets[ret->nr_buckets++];
		uint64_t from = 0;

		error = km_walk_count(walk, item, "from", &from);
		if (!error)
			error = km_walk_count(walk, item, "hosts", &bucket->hosts);
		if (error)
			return error;
		bucket->bucket = (uint16_t)km_spread_bucket_of(from);
	}
	return NULL;
}

/* How a call site is spread over the hosts of a merged report. */
static struct km_error *read_spread(struct km_merge_reader *reader, const json_t *object,
				    struct km_merge_row *ret)
{
	const struct km_walk *walk = &reader->walk;
	struct km_spread *spread = &ret->spread;
	const json_t *value = NULL, *rates = NULL;
	struct km_error *error;

	if (!json_object_get(object, "spread"))
		return NULL;
	ret->has_spread = true;
	error = km_walk_object(walk, object, "spread", &value);
	if (!error)
		error = km_walk_count(walk, value, "hosts", &spread->hosts);
	if (!error)
		error = km_walk_string(walk, value, "kernel_release", true, &ret->kernel_release);
	if (!error && json_object_get(value, "live_bytes_peak_most"))
		error = km_walk_count(walk, value, "live_bytes_peak_most",
				      &spread->live_bytes_peak_most);
	if (error || !json_object_get(value, "waste_per_hour"))
		return error;
	error = km_walk_object(walk, value, "waste_per_hour", &rates);
	if (!error)
		error = km_walk_count(walk, rates, "hosts", &spread->nr_rates);
	if (!error)
		error = km_walk_count(walk, rates, "least", &spread->least);
	if (!error)
		error = km_walk_count(walk, rates, "most", &spread->most);
	if (!error)
		error = km_walk_string(walk, rates, "most_host", false, &spread->most_host);
	if (!error)
		error = km_merge_text(&reader->strings, spread->most_host, &spread->most_host);
	if (!error)
		error = km_merge_text(&reader->strings, ret->kernel_release, &ret->kernel_release);
	return error ? error : read_buckets(walk, rates, spread);
}

/* "median_ns", or of a clock that does not count nanoseconds "median_ticks". */
static const char *time_key(const struct km_merge_reader *reader, const char *name,
			    char buf[static 32])
{
	snprintf(buf, 32, "%s_%s", name, reader->head.input.has_raw_time ? "ticks" : "ns");
	return buf;
}

static struct km_error *read_lifetime(const struct km_merge_reader *reader, const json_t *object,
				      struct km_life_stats *ret, uint64_t *ret_short_ns)
{
	const struct km_walk *walk = &reader->walk;
	const json_t *value = NULL, *list = NULL, *item;
	struct km_error *error = km_walk_object(walk, object, "lifetime", &value);
	char key[32];
	size_t i;

	if (!error)
		error = km_walk_count(walk, value, "short_lived", &ret->short_lived);
	if (!error)
		error = km_walk_count(walk, value, time_key(reader, "short", key), ret_short_ns);
	if (!error)
		error = km_walk_count(walk, value, "over_half", &ret->over_half);
	if (!error)
		error = km_walk_list(walk, value, "histogram", &list);
	json_array_foreach(list, i, item)
	{
		uint64_t from = 0, count = 0;
		int bucket;

		if (!error)
			error = km_walk_count(walk, item, time_key(reader, "from", key), &from);
		if (!error)
			error = km_walk_count(walk, item, "count", &count);
		if (error)
			return error;
		bucket = from ? 63 - __builtin_clzll(from) : 0;
		if (bucket >= KM_LIFE_BUCKETS)
			bucket = KM_LIFE_BUCKETS - 1;
		ret->lifetimes[bucket] = km_sat_add(ret->lifetimes[bucket], count);
	}
	return error;
}

/* Of a sum: KM_LIFE_SAMPLES of them, at equal fractions of each recording. */
static struct km_error *read_samples(const struct km_merge_reader *reader, const json_t *object,
				     struct km_life_stats *ret, size_t *ret_nr)
{
	const json_t *list = json_object_get(object, "live_samples"), *item;
	size_t nr = json_array_size(list);
	uint64_t samples[KM_LIFE_SAMPLES] = { 0 };
	size_t i;

	if (!json_is_array(list) || nr > KM_LIFE_SAMPLES)
		return km_walk_shape_error(&reader->walk, "live_samples",
					   "a list of at most 32 numbers", list);
	json_array_foreach(list, i, item)
	{
		if (!json_is_integer(item) || json_integer_value(item) < 0)
			return km_walk_shape_error(&reader->walk, "live_samples",
						   "numbers from 0 on", item);
		samples[i] = (uint64_t)json_integer_value(item);
	}
	for (i = 0; i < KM_LIFE_SAMPLES && nr; i++)
		ret->samples[i] = reader->merge->is_one
					  ? samples[i]
					  : samples[((i + 1) * nr - 1) / KM_LIFE_SAMPLES];
	*ret_nr = nr;
	return NULL;
}

struct km_error *km_merge_read_life(const struct km_merge_reader *reader, const json_t *object,
				    bool is_total, struct km_life_stats *ret,
				    size_t *ret_nr_samples, uint64_t *ret_short_ns)
{
	const struct km_walk *walk = &reader->walk;
	char peak_key[32];
	const struct km_walk_key counts[] = {
		{ "freed", &ret->freed },
		{ "bytes_freed", &ret->bytes_freed },
		{ "replaced", &ret->replaced },
		{ "bytes_replaced", &ret->bytes_replaced },
		{ "pingpong", &ret->pingpong },
		{ "node_pingpong", &ret->node_pingpong },
		{ "remote_allocs", &ret->remote },
		{ "live_count", &ret->live },
		{ is_total ? "bytes_live" : "live_bytes", &ret->live_bytes },
		{ is_total ? "bytes_live_req" : "live_bytes_req", &ret->live_bytes_req },
		{ is_total ? "bytes_live_peak" : "live_bytes_peak", &ret->peak_bytes },
		/* not of several hosts */
		{ time_key(reader, "live_peak", peak_key), &ret->peak_ns },
	};
	const bool has_peak = json_object_get(object, peak_key) || !reader->head.is_merged;
	const json_t *seconds = json_object_get(object, "waste_byte_seconds");
	struct km_error *error = km_walk_counts(walk, object, counts,
						sizeof(counts) / sizeof(counts[0]) - !has_peak);

	if (!error && seconds && !json_is_number(seconds))
		error = km_walk_shape_error(walk, "waste_byte_seconds", "a number", seconds);
	if (!error)
		error = read_lifetime(reader, object, ret, ret_short_ns);
	if (error)
		return error;
	ret->waste_byte_seconds = json_number_value(seconds);
	/* each allocation is one of these */
	ret->allocs = km_sat_add(km_sat_add(ret->freed, ret->replaced), ret->live);
	return read_samples(reader, object, ret, ret_nr_samples);
}

static struct km_error *read_row(struct km_merge_reader *reader, const json_t *object,
				 struct km_merge_row *row)
{
	const struct km_walk *walk = &reader->walk;
	const struct km_walk_key counts[] = {
		{ "hits", &row->sum.hits },
		{ "bytes_req", &row->sum.bytes_req },
		{ "bytes_alloc", &row->sum.bytes_alloc },
		{ "accounted_hits", &row->sum.accounted_hits },
	};
	uint64_t short_ns;
	size_t nr_samples;
	struct km_error *error = km_merge_read_place(reader, object, row);

	if (!error)
		error = km_walk_counts(walk, object, counts, sizeof(counts) / sizeof(counts[0]));
	if (!error)
		error = read_sizes(reader, object, row);
	if (!error)
		error = read_types(reader, object, &row->types);
	if (!error)
		error = read_spread(reader, object, row);
	if (error || !reader->head.has_lives || !json_object_get(object, "live_count"))
		return error;
	row->life = calloc(1, sizeof(*row->life));
	if (!row->life)
		return &km_error_memory;
	row->has_life = true;
	return km_merge_read_life(reader, object, false, row->life, &nr_samples, &short_ns);
}

struct km_error *km_merge_read_callsite(struct km_merge_reader *reader, const json_t *object)
{
	static const char *const others[] = { "locality", "own_cache" };
	struct km_merge_row row = { 0 };
	struct km_error *error = read_row(reader, object, &row);

	for (size_t i = 0; !error && !reader->is_checking && i < 2; i++)
		if (json_object_get(object, others[i]))
			error = km_merge_leave_out(reader->merge, others[i]);
	if (!error && !reader->is_checking)
		error = km_merge_add_row(reader->merge, &row);
	km_merge_row_deinit(&row);
	/* a row's strings are copied if they are kept */
	km_pool_deinit(&reader->strings);
	return error;
}
