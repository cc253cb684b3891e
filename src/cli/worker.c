/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One reader of a source with its tables and counters, and how several are added up. */
#include "cli/worker.h"

#include <stdlib.h>
#include <string.h>

struct km_error *km_worker_init(struct km_worker *worker, struct km_source *source,
				const struct km_sift_options *sift, enum km_want want)
{
	struct km_error *error;

	*worker = (struct km_worker){ 0 };
	error = km_groups_create(&worker->groups);
	if (!error)
		error = km_reader_create(source, want, &worker->reader);
	if (!error && sift)
		error = km_sift_create(sift, source, worker->reader, &worker->sift);
	return error;
}

void km_worker_deinit(struct km_worker *worker)
{
	km_sift_destroy(worker->sift);
	if (worker->reader)
		km_reader_destroy(worker->reader);
	km_groups_destroy(worker->groups);
	free(worker->streams);
	free(worker->slots);
}

static void stream_add(struct km_stream_stats *stream, const struct km_stream_stats *more)
{
	km_quality_add(&stream->quality, &more->quality);
	if (more->first_ns < stream->first_ns)
		stream->first_ns = more->first_ns;
	if (more->last_ns > stream->last_ns)
		stream->last_ns = more->last_ns;
}

/* Makes room for as many streams and formats. */
static struct km_error *worker_grow(struct km_worker *worker, size_t nr_streams, size_t nr_slots)
{
	struct km_stream_stats *streams = worker->streams;
	uint64_t *slots = worker->slots;

	if (nr_streams > worker->nr_streams) {
		streams = reallocarray(streams, nr_streams, sizeof(*streams));
		if (!streams)
			return &km_error_memory;
		for (size_t i = worker->nr_streams; i < nr_streams; i++)
			streams[i] = (struct km_stream_stats){ .first_ns = UINT64_MAX };
		worker->streams = streams;
		worker->nr_streams = nr_streams;
	}
	if (nr_slots > worker->nr_slots) {
		slots = reallocarray(slots, nr_slots, sizeof(*slots));
		if (!slots)
			return &km_error_memory;
		memset(slots + worker->nr_slots, 0, (nr_slots - worker->nr_slots) * sizeof(*slots));
		worker->slots = slots;
		worker->nr_slots = nr_slots;
	}
	return NULL;
}

struct km_error *km_worker_add_stats(struct km_worker *worker)
{
	const struct km_part_stats *stats = km_reader_stats(worker->reader);
	struct km_error *error =
		worker_grow(worker, stats->first_stream + stats->nr_streams, stats->nr_slots);

	if (error)
		return error;
	for (size_t i = 0; i < stats->nr_streams; i++)
		stream_add(&worker->streams[stats->first_stream + i], &stats->streams[i]);
	for (size_t i = 0; i < stats->nr_slots; i++)
		worker->slots[i] += stats->slots[i];
	for (int i = 0; i < KM_NR_EVENT_KINDS; i++)
		worker->kinds[i] += stats->kinds[i];
	worker->is_reading = false;
	return NULL;
}

uint64_t km_worker_part_events(const struct km_worker *worker)
{
	const struct km_part_stats *stats = km_reader_stats(worker->reader);
	uint64_t nr = 0;

	for (size_t i = 0; i < stats->nr_streams; i++)
		nr = km_sat_add(nr, km_quality_events_total(&stats->streams[i].quality));
	return nr;
}

/* The events of each format that has some; the report sorts them. */
static struct km_error *collect_events(const struct km_source *source,
				       const struct km_worker *total, struct km_report_parts *ret)
{
	size_t nr_formats;
	const struct km_format_info *formats = km_source_formats(source, &nr_formats);

	ret->events = calloc(nr_formats + 1, sizeof(*ret->events));
	if (!ret->events)
		return &km_error_memory;
	for (size_t i = 0; i < nr_formats && i < total->nr_slots; i++)
		if (total->slots[i])
			ret->events[ret->nr_events++] =
				(struct km_event_report){ &formats[i], total->slots[i] };
	return NULL;
}

/* The streams of the trace with what was found in them, less what `workers` left out. */
static struct km_error *collect_streams(const struct km_source *source,
					const struct km_worker *total,
					struct km_worker *const *workers, size_t nr,
					struct km_report_parts *ret)
{
	const struct km_input_info *info = km_source_info(source);

	ret->input = info;
	ret->streams = calloc(info->nr_streams + 1, sizeof(*ret->streams));
	if (!ret->streams)
		return &km_error_memory;
	ret->nr_streams = info->nr_streams;
	ret->quality = *km_source_quality(source);
	memcpy(ret->kinds, total->kinds, sizeof(ret->kinds));
	for (size_t i = 0; i < nr; i++)
		if (workers[i]->sift)
			km_sift_settle_kinds(workers[i]->sift, ret->kinds);
	for (size_t i = 0; i < info->nr_streams; i++) {
		struct km_stream_report *stream = &ret->streams[i];
		struct km_stream_stats stats = { .first_ns = UINT64_MAX };

		if (i < total->nr_streams)
			stats = total->streams[i];
		stream->info = &info->streams[i];
		for (size_t k = 0; k < nr; k++)
			if (workers[k]->sift)
				km_sift_settle(workers[k]->sift, info->streams[i].cpu,
					       &stats.quality);
		stream->quality = stats.quality;
		stream->first_ns = stats.first_ns;
		stream->last_ns = stats.last_ns;
		stream->events = km_quality_events_total(&stats.quality);
		km_quality_add(&ret->quality, &stats.quality);
	}
	return NULL;
}

/* What had no place in the tables of a worker. */
static void add_lack(const struct km_worker *worker, struct km_quality *quality)
{
	const struct km_groups_lack lack = km_groups_lack(worker->groups);

	quality->count[KM_ALLOCS_POOLED] += lack.pooled;
	quality->count[KM_ALLOCS_LEFT_OUT] += lack.left_out;
}

static const char *name_of_cache(const void *arg, uint16_t cache)
{
	return km_reader_cache_name(arg, cache);
}

/* Adds the counters of another worker. */
static struct km_error *worker_add(struct km_worker *total, const struct km_worker *worker)
{
	struct km_error *error = worker_grow(total, worker->nr_streams, worker->nr_slots);

	if (error)
		return error;
	for (size_t i = 0; i < worker->nr_streams; i++)
		stream_add(&total->streams[i], &worker->streams[i]);
	for (size_t i = 0; i < worker->nr_slots; i++)
		total->slots[i] += worker->slots[i];
	for (int i = 0; i < KM_NR_EVENT_KINDS; i++)
		total->kinds[i] += worker->kinds[i];
	return NULL;
}

struct km_error *km_workers_merge(const struct km_source *source, struct km_worker *const *workers,
				  size_t nr, struct km_report_parts *ret, struct km_groups *groups)
{
	struct km_worker none = { 0 }, *total = nr ? workers[0] : &none;
	struct km_error *error = NULL;

	for (size_t i = 0; i < nr && !error; i++)
		error = km_groups_merge(groups, workers[i]->groups, name_of_cache,
					workers[i]->reader);
	for (size_t i = 1; i < nr && !error; i++)
		error = worker_add(total, workers[i]);
	if (!error)
		error = collect_streams(source, total, workers, nr, ret);
	for (size_t i = 0; i < nr && !error; i++)
		add_lack(workers[i], &ret->quality);
	return error ? error : collect_events(source, total, ret);
}

struct km_error *km_workers_peek(const struct km_source *source, struct km_worker *const *workers,
				 size_t nr, struct km_report_parts *ret, struct km_groups *groups)
{
	struct km_worker total = { 0 };
	struct km_error *error = NULL;

	for (size_t i = 0; i < nr && !error; i++) {
		error = worker_add(&total, workers[i]);
		total.reader = workers[i]->reader;
		if (!error && workers[i]->is_reading)
			error = km_worker_add_stats(&total);
		if (!error)
			error = km_groups_merge(groups, workers[i]->groups, name_of_cache,
						workers[i]->reader);
	}
	if (!error)
		error = collect_streams(source, &total, workers, nr, ret);
	for (size_t i = 0; i < nr && !error; i++)
		add_lack(workers[i], &ret->quality);
	if (!error)
		error = collect_events(source, &total, ret);
	free(total.streams);
	free(total.slots);
	return error;
}

void km_taken_add(struct km_taken *taken, const struct km_batch *batch, uint32_t from, uint32_t to)
{
	uint64_t *count = taken->quality.count;

	if (from < to && !taken->nr)
		taken->first_ns = batch->ts_ns[from];
	for (uint32_t i = from; i < to; i++) {
		const enum km_event_kind kind = batch->what[i].kind;

		if (batch->group[i] == KM_ROW_HIDDEN || batch->group[i] == KM_ROW_SKIP) {
			count[KM_EVENTS_FILTERED]++;
			continue;
		}
		count[KM_EVENTS_USED]++;
		taken->kinds[kind]++;
		if (kind == KM_EV_KFREE && batch->ptr[i] <= KM_ZERO_SIZE_PTR)
			count[batch->ptr[i] ? KM_ZERO_SIZE_FREES : KM_NULL_FREES]++;
		else if (km_event_is_alloc(kind) && !batch->size[i].alloc)
			count[KM_FAILED_ALLOCS]++;
	}
	if (from < to) {
		taken->nr += to - from;
		taken->last_ns = batch->ts_ns[to - 1];
	}
}

void km_taken_settle(const struct km_taken *taken, struct km_report_parts *parts)
{
	static const enum km_counter counters[] = { KM_EVENTS_USED, KM_EVENTS_FILTERED,
						    KM_NULL_FREES, KM_ZERO_SIZE_FREES,
						    KM_FAILED_ALLOCS };

	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		parts->quality.count[counters[i]] = taken->quality.count[counters[i]];
	memcpy(parts->kinds, taken->kinds, sizeof(parts->kinds));
	for (size_t i = 0; i < parts->nr_streams; i++) {
		parts->streams[i].first_ns = taken->first_ns;
		parts->streams[i].last_ns = taken->last_ns;
	}
}
