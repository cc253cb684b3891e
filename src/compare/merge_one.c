/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What only a report that is read back as it was has: streams, timeline, findings as judged. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "compare/merge.h"

static struct km_error *read_stream(struct km_merge_reader *reader, const json_t *object)
{
	const struct km_walk *walk = &reader->walk;
	const bool is_raw = reader->head.input.has_raw_time;
	struct km_merge *merge = reader->merge;
	struct km_stream_report *stream = &merge->streams[merge->nr_streams];
	struct km_stream_info *info = &merge->stream_infos[merge->nr_streams];
	uint64_t cpu = 0;
	const struct km_walk_key counts[] = {
		{ "cpu", &cpu },
		{ "bytes", &info->bytes },
		{ "events_total", &stream->events },
	};
	const struct km_walk_key recorder[] = {
		{ "recorder_overrun", &info->overrun },
		{ "recorder_dropped", &info->dropped },
	};
	const struct km_walk_key times[] = {
		{ is_raw ? "first_ticks" : "first_ns", &stream->first_ns },
		{ is_raw ? "last_ticks" : "last_ns", &stream->last_ns },
	};
	struct km_error *error = km_walk_counts(walk, object, counts, 3);

	if (!error && cpu > UINT32_MAX)
		error = km_walk_shape_error(walk, "cpu", "a number below 4294967296",
					    json_object_get(object, "cpu"));
	info->cpu = (uint32_t)cpu;
	stream->first_ns = 1;
	if (!error)
		error = km_merge_read_counters(walk, object, &stream->quality);
	info->has_recorder_stats = json_object_get(object, recorder[0].key) != NULL;
	if (!error && info->has_recorder_stats)
		error = km_walk_counts(walk, object, recorder, 2);
	if (!error && json_object_get(object, times[0].key))
		error = km_walk_counts(walk, object, times, 2);
	merge->nr_streams++;
	return error;
}

static struct km_error *read_instance(struct km_merge_reader *reader, const json_t *object)
{
	const struct km_walk *walk = &reader->walk;
	struct km_merge *merge = reader->merge;
	struct km_instance_info *instance = &merge->instances[merge->nr_instances];
	uint64_t cpus = 0;
	struct km_error *error = km_walk_string(walk, object, "name", false, &instance->name);

	if (!error)
		error = km_walk_string(walk, object, "clock", true, &instance->clock);
	if (!error)
		error = km_walk_count(walk, object, "cpus", &cpus);
	if (!error)
		error = km_walk_count(walk, object, "bytes", &instance->bytes);
	if (!error)
		error = km_walk_bool(walk, object, "selected", &instance->is_selected);
	instance->nr_cpus = cpus > UINT32_MAX ? UINT32_MAX : (uint32_t)cpus;
	if (!error)
		error = km_merge_text(&merge->strings, instance->name, &instance->name);
	if (!error)
		error = km_merge_text(&merge->strings, instance->clock, &instance->clock);
	merge->nr_instances++;
	return error;
}

struct km_error *km_merge_read_streams(struct km_merge_reader *reader, const json_t *input)
{
	struct km_merge *merge = reader->merge;
	const json_t *streams = NULL, *instances = NULL, *item;
	struct km_error *error = km_walk_list(&reader->walk, input, "streams", &streams);
	size_t i;

	if (!error)
		error = km_walk_list(&reader->walk, input, "instances", &instances);
	if (error)
		return error;
	merge->streams = calloc(json_array_size(streams) + 1, sizeof(*merge->streams));
	merge->stream_infos = calloc(json_array_size(streams) + 1, sizeof(*merge->stream_infos));
	merge->instances = calloc(json_array_size(instances) + 1, sizeof(*merge->instances));
	if (!merge->streams || !merge->stream_infos || !merge->instances)
		return &km_error_memory;
	json_array_foreach(streams, i, item)
	{
		if (!error)
			error = read_stream(reader, item);
	}
	json_array_foreach(instances, i, item)
	{
		if (!error)
			error = read_instance(reader, item);
	}
	for (i = 0; i < merge->nr_streams; i++)
		merge->streams[i].info = &merge->stream_infos[i];
	return error;
}

/* What was live at the peak; its call sites are rows that may not be there yet. */
static struct km_error *read_peak(struct km_merge_reader *reader, const json_t *timeline)
{
	const struct km_walk *walk = &reader->walk;
	struct km_merge *merge = reader->merge;
	struct km_life_stats *total = &merge->head.total;
	const json_t *value = NULL, *list = NULL, *item;
	struct km_error *error = km_walk_object(walk, timeline, "peak", &value);
	size_t i;

	if (!error)
		error = km_walk_counts(walk, value,
				       (const struct km_walk_key[]){
					       { "live_count", &total->at_peak },
					       { "live_bytes", &total->at_peak_bytes },
					       { "live_waste", &total->at_peak_waste },
				       },
				       3);
	if (!error)
		error = km_walk_list(walk, value, "callsites", &list);
	if (error)
		return error;
	merge->lives.has_peak = true;
	merge->peaks = calloc(json_array_size(list) + 1, sizeof(*merge->peaks));
	if (!merge->peaks)
		return &km_error_memory;
	json_array_foreach(list, i, item)
	{
		struct km_merge_peak *peak = &merge->peaks[merge->nr_peaks++];
		const struct km_walk_key counts[] = {
			{ "live_count", &peak->count },
			{ "live_bytes", &peak->bytes },
			{ "live_waste", &peak->waste },
		};
		char key[KM_MERGE_KEY_SIZE];
		struct km_merge_row row;

		error = km_merge_read_place(reader, item, &row);
		if (!error)
			error = km_walk_counts(walk, item, counts, 3);
		if (!error) {
			km_merge_make_key(merge, &row, key);
			peak->key = km_pool_copy(&merge->strings, key, strlen(key));
			error = peak->key ? NULL : &km_error_memory;
		}
		km_merge_row_deinit(&row);
		if (error)
			return error;
	}
	return NULL;
}

struct km_error *km_merge_read_timeline(struct km_merge_reader *reader, const json_t *object)
{
	const struct km_walk *walk = &reader->walk;
	const bool is_raw = reader->head.input.has_raw_time;
	struct km_merge *merge = reader->merge;
	struct km_lives *lives = &merge->lives;
	const json_t *list = NULL, *item;
	const struct km_walk_key times[] = {
		{ is_raw ? "first_ticks" : "first_ns", &lives->first_ns },
		{ is_raw ? "last_ticks" : "last_ns", &lives->last_ns },
		{ is_raw ? "tick_ticks" : "tick_ns", &lives->tick_ns },
		{ is_raw ? "sample_ticks" : "sample_ns", &lives->sample_ns },
	};
	struct km_error *error = km_walk_counts(walk, object, times, 4);
	size_t i;

	if (!error)
		error = km_walk_list(walk, object, "ticks", &list);
	if (error)
		return error;
	if (json_array_size(list) > KM_LIFE_TICKS)
		return km_walk_shape_error(walk, "ticks", "at most 256 of them", list);
	merge->ticks = calloc(json_array_size(list) + 1, sizeof(*merge->ticks));
	if (!merge->ticks)
		return &km_error_memory;
	json_array_foreach(list, i, item)
	{
		struct km_tick *tick = &merge->ticks[merge->nr_ticks++];

		error = km_walk_counts(walk, item,
				       (const struct km_walk_key[]){
					       { "live_bytes", &tick->live_bytes },
					       { "live_waste", &tick->live_waste },
					       { "peak_bytes", &tick->peak_bytes },
					       { "allocs", &tick->allocs },
					       { "frees", &tick->frees },
				       },
				       5);
		if (error)
			return error;
	}
	return json_object_get(object, "peak") ? read_peak(reader, object) : NULL;
}

static bool find_rule(const char *name, enum km_rule *ret)
{
	for (enum km_rule rule = 0; rule < KM_NR_RULES; rule++) {
		if (strcmp(km_rule_info(rule)->name, name) == 0) {
			*ret = rule;
			return true;
		}
	}
	return false;
}

static struct km_error *read_severity(const struct km_walk *walk, const json_t *object,
				      enum km_finding_severity *ret)
{
	const char *name = NULL;
	struct km_error *error = km_walk_string(walk, object, "severity", false, &name);

	if (error)
		return error;
	for (enum km_finding_severity i = KM_FIND_LOW; i <= KM_FIND_HIGH; i++) {
		if (strcmp(name, km_finding_severity_name(i)) == 0) {
			*ret = i;
			return NULL;
		}
	}
	return km_walk_shape_error(walk, "severity", "low, medium or high",
				   json_object_get(object, "severity"));
}

/* 16 hex digits. */
static struct km_error *read_print(const struct km_walk *walk, const json_t *object,
				   const char *key, char ret[static KM_FINGERPRINT_SIZE])
{
	const char *text = NULL;
	struct km_error *error = km_walk_string(walk, object, key, false, &text);

	if (error)
		return error;
	if (strlen(text) != KM_FINGERPRINT_SIZE - 1 ||
	    strspn(text, "0123456789abcdef") != KM_FINGERPRINT_SIZE - 1)
		return km_walk_shape_error(walk, key, "16 hex digits",
					   json_object_get(object, key));
	memcpy(ret, text, KM_FINGERPRINT_SIZE);
	return NULL;
}

static struct km_error *read_texts(struct km_merge_reader *reader, const json_t *object,
				   struct km_finding *ret, const char **ret_type)
{
	const struct {
		const char *key;
		const char **ret;
		bool may_lack;
	} texts[] = {
		{ "message", &ret->message, false },       { "advice", &ret->advice, false },
		{ "suppressed", &ret->suppressed, true },  { "type_name", ret_type, true },
		{ "size_class", &ret->size_class, false },
	};
	struct km_error *error = NULL;

	for (size_t i = 0; !error && i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *text = NULL;

		error = km_walk_string(&reader->walk, object, texts[i].key, texts[i].may_lack,
				       &text);
		if (!error)
			error = km_merge_text(&reader->merge->strings, text, texts[i].ret);
	}
	return error;
}

static struct km_error *read_numbers(const struct km_walk *walk, const json_t *object,
				     struct km_finding *ret)
{
	uint64_t over = 0;
	const struct km_walk_key counts[] = {
		{ "hits", &ret->hits },
		{ "bytes_req", &ret->bytes_req },
		{ "bytes_alloc", &ret->bytes_alloc },
		{ "bytes_waste", &ret->bytes_waste },
		{ "hits_affected", &ret->hits_affected },
		{ "bytes_at_stake", &ret->bytes_at_stake },
		{ "bytes_saved", &ret->bytes_saved },
		{ "bytes_over", &over },
	};
	struct km_error *error =
		km_walk_counts(walk, object, counts, sizeof(counts) / sizeof(counts[0]));

	ret->bytes_over = over > UINT32_MAX ? UINT32_MAX : (uint32_t)over;
	return error;
}

static const char *layer_name(const char *name)
{
	for (enum km_layer layer = 0; layer < KM_NR_LAYERS; layer++)
		if (strcmp(km_layer_name(layer), name) == 0)
			return km_layer_name(layer);
	return NULL;
}

/* The call site of a finding that is no row of "callsites": percpu objects' are not. */
static struct km_error *make_site(struct km_merge_reader *reader, const json_t *object,
				  const struct km_merge_row *row, struct km_callsite *ret)
{
	struct km_pool *pool = &reader->merge->strings;
	const struct km_symbol *symbol = &row->symbol;
	const char *layer = NULL, *event = NULL, *name;
	struct km_frame *frames = calloc(row->source.nr_frames + 1, sizeof(*frames));
	struct km_error *error = km_walk_string(&reader->walk, object, "layer", false, &layer);

	ret->source = (struct km_chain){ frames, 0 };
	if (!frames)
		return &km_error_memory;
	if (!error && !layer_name(layer))
		error = km_walk_shape_error(&reader->walk, "layer", "slab, percpu or page",
					    json_object_get(object, "layer"));
	if (!error)
		error = km_walk_string(&reader->walk, object, "event", false, &event);
	if (!error)
		error = km_merge_text(pool, event, &ret->event);
	for (size_t i = 0; !error && i < row->source.nr_frames; i++) {
		frames[i] = row->source.frames[i];
		ret->source.nr_frames++;
		error = km_merge_text(pool, frames[i].function, &frames[i].function);
		if (!error)
			error = km_merge_text(pool, frames[i].file, &frames[i].file);
	}
	if (error)
		return error;
	ret->layer = layer_name(layer);
	ret->has_symbol = row->has_symbol;
	ret->address = row->address;
	ret->symbol = *symbol;
	ret->has_types = true;
	error = km_merge_text(pool, symbol->name, &ret->symbol.name);
	if (!error)
		error = km_merge_text(pool, symbol->module, &ret->symbol.module);
	if (error)
		return error;
	if (row->has_symbol)
		name = km_pool_printf(pool,
				      symbol->module ? "%s+0x%" PRIx64 " [%s]" : "%s+0x%" PRIx64,
				      ret->symbol.name, symbol->offset, ret->symbol.module);
	else
		name = km_pool_printf(pool, "0x%" PRIx64, row->address);
	ret->name = name;
	return name ? NULL : &km_error_memory;
}

static struct km_error *find_site(struct km_merge_reader *reader, const json_t *object,
				  struct km_known_finding *finding, struct km_callsite *ret)
{
	const struct km_merge *merge = reader->merge;
	const char *layer;
	const json_t *place = NULL;
	char key[KM_MERGE_KEY_SIZE];
	struct km_merge_row row;
	uint32_t number;
	struct km_error *error = km_walk_object(&reader->walk, object, "callsite", &place);

	if (error)
		return error;
	layer = json_string_value(json_object_get(place, "layer"));
	error = km_merge_read_place(reader, place, &row);
	if (!error) {
		km_merge_make_key(merge, &row, key);
		if (!layer || strcmp(layer, km_layer_name(KM_LAYER_SLAB)) != 0 ||
		    !km_names_has(&merge->keys, key, strlen(key), &number)) {
			error = make_site(reader, place, &row, ret);
			finding->site = SIZE_MAX;
			ret->size_class = finding->finding.size_class;
		} else {
			finding->site = number;
		}
	}
	km_merge_row_deinit(&row);
	return error;
}

struct km_error *km_merge_read_finding(struct km_merge_reader *reader, const json_t *object)
{
	const struct km_walk *walk = &reader->walk;
	struct km_merge *merge = reader->merge;
	const size_t nr = merge->nr_findings;
	struct km_known_finding *finding;
	const char *rule = NULL;
	struct km_error *error = km_walk_string(walk, object, "rule", false, &rule);
	enum km_rule number;

	if (error)
		return error;
	/* a later version's */
	if (!find_rule(rule, &number))
		return km_merge_leave_out(merge, rule);
	if (!km_merge_grow((void **)&merge->findings, sizeof(*merge->findings), nr,
			   &merge->size_findings) ||
	    !km_merge_grow((void **)&merge->finding_sites, sizeof(*merge->finding_sites), nr,
			   &merge->size_finding_sites) ||
	    !km_merge_grow((void **)&merge->finding_types, sizeof(*merge->finding_types), nr,
			   &merge->size_finding_types))
		return &km_error_memory;
	merge->nr_findings++;
	finding = &merge->findings[nr];
	finding->finding.rule = number;
	error = read_severity(walk, object, &finding->finding.severity);
	if (!error)
		error = read_print(walk, object, "fingerprint", finding->finding.fingerprint);
	if (!error)
		error = read_print(walk, object, "fingerprint_symbol",
				   finding->finding.fingerprint_symbol);
	if (!error)
		error = read_texts(reader, object, &finding->finding,
				   &merge->finding_types[nr].name);
	if (!error)
		error = read_numbers(walk, object, &finding->finding);
	if (!error)
		error = find_site(reader, object, finding, &merge->finding_sites[nr]);
	km_pool_deinit(&reader->strings);
	return error;
}
