/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loop that drives a source's parts through the aggregator, on as many threads as asked. */
#include "cli/scan.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What all workers share: which part is next, and how far they are. */
struct scan {
	struct km_source *source;
	const struct km_scan_options *options;
	size_t nr_parts;
	uint64_t bytes_total;
	atomic_size_t next_part;
	atomic_uint_fast64_t bytes_done, events_done;
	atomic_bool has_failed;
};

/* One worker: its own reader, tables and counters, merged at the end. */
struct worker {
	struct scan *scan;
	pthread_t thread;
	bool has_thread;
	bool is_caller; /* runs on the calling thread: shows progress */
	struct km_reader *reader;
	struct km_batch *batch;
	struct km_sift *sift; /* or NULL */
	struct km_groups *groups;
	struct km_stream_stats *streams; /* grown as streams are met */
	size_t nr_streams;
	uint64_t *slots; /* grown as event formats are met */
	size_t nr_slots;
	uint64_t kinds[KM_NR_EVENT_KINDS];
	double next_interval; /* when the next report is due */
	struct km_error *error;
};

static void worker_deinit(struct worker *worker)
{
	km_sift_destroy(worker->sift);
	km_reader_destroy(worker->reader);
	km_groups_destroy(worker->groups);
	free(worker->batch);
	free(worker->streams);
	free(worker->slots);
	km_error_free(worker->error);
}

static struct km_error *worker_init(struct worker *worker, struct scan *scan)
{
	const struct km_sift_options *sift = scan->options->sift;
	struct km_error *error;

	worker->scan = scan;
	worker->batch = malloc(sizeof(*worker->batch));
	if (!worker->batch)
		return &km_error_memory;
	error = km_groups_create(&worker->groups);
	if (!error)
		error = km_reader_create(scan->source, sift ? KM_WANT_ALL : KM_WANT_ALLOCS,
					 &worker->reader);
	if (!error && sift)
		error = km_sift_create(sift, scan->source, worker->reader, &worker->sift);
	return error;
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
static struct km_error *worker_grow(struct worker *worker, size_t nr_streams, size_t nr_slots)
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

/* Takes over what the part that was just read held. */
static struct km_error *worker_add_stats(struct worker *worker)
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
	return NULL;
}

static void count_events_done(const struct worker *worker)
{
	const struct km_part_stats *stats = km_reader_stats(worker->reader);

	for (size_t i = 0; i < stats->nr_streams; i++)
		atomic_fetch_add(&worker->scan->events_done,
				 km_quality_events_total(&stats->streams[i].quality));
}

static struct km_error *worker_report(struct worker *worker);

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Between two batches: gives a report if it is time. */
static struct km_error *worker_pause(struct worker *worker)
{
	const struct km_scan_options *options = worker->scan->options;
	struct km_error *error;
	double now;

	if (!options->on_interval || !worker->is_caller)
		return NULL;
	now = seconds_now();
	if (now < worker->next_interval)
		return NULL;
	error = worker_report(worker);
	/* counted from the end, so that a slow terminal does not take all the time there is */
	worker->next_interval = seconds_now() + options->interval_s;
	return error;
}

static struct km_error *worker_read_part(struct worker *worker, size_t part)
{
	struct km_error *error = km_reader_start(worker->reader, part);

	while (!error) {
		error = km_reader_fill(worker->reader, worker->batch);
		if (error || !worker->batch->nr)
			break;
		if (worker->sift)
			error = km_sift_batch(worker->sift, worker->batch);
		if (!error)
			error = km_groups_add(worker->groups, worker->batch);
		if (!error)
			error = worker_pause(worker);
	}
	if (error)
		return error;
	count_events_done(worker);
	return worker_add_stats(worker);
}

static void *worker_run(void *arg)
{
	struct worker *worker = arg;
	struct scan *scan = worker->scan;
	const struct km_scan_options *options = scan->options;

	while (!atomic_load(&scan->has_failed) && !(options->stop && *options->stop)) {
		size_t part = atomic_fetch_add(&scan->next_part, 1);

		if (part >= scan->nr_parts)
			break;
		worker->error = worker_read_part(worker, part);
		if (worker->error) {
			atomic_store(&scan->has_failed, true);
			break;
		}
		atomic_fetch_add(&scan->bytes_done, km_source_part_bytes(scan->source, part));
		if (worker->is_caller && options->progress)
			options->progress(options->progress_arg, atomic_load(&scan->bytes_done),
					  scan->bytes_total, atomic_load(&scan->events_done));
	}
	return NULL;
}

static unsigned int choose_threads(const struct scan *scan)
{
	unsigned int nr = scan->options->nr_threads;
	cpu_set_t cpus;

	if (!nr) {
		nr = 1;
		if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0)
			nr = (unsigned int)CPU_COUNT(&cpus);
	}
	if (nr > scan->nr_parts)
		nr = (unsigned int)scan->nr_parts;
	return nr ? nr : 1;
}

/* Starts all workers but the first, runs that here, and waits for the others. */
static void run_workers(struct worker *workers, unsigned int nr)
{
	for (unsigned int i = 1; i < nr; i++)
		workers[i].has_thread =
			pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]) == 0;
	workers[0].is_caller = true;
	workers[0].next_interval = seconds_now() + workers[0].scan->options->interval_s;
	/* where a thread could not be had, the others do its parts */
	worker_run(&workers[0]);
	for (unsigned int i = 1; i < nr; i++)
		if (workers[i].has_thread)
			pthread_join(workers[i].thread, NULL);
}

static const char *name_of_cache(const void *arg, uint16_t cache)
{
	return km_reader_cache_name(arg, cache);
}

/* The events of each format that has some; the report sorts them. */
static struct km_error *collect_events(const struct scan *scan, const struct worker *total,
				       struct km_report_parts *ret)
{
	size_t nr_formats;
	const struct km_format_info *formats = km_source_formats(scan->source, &nr_formats);

	ret->events = calloc(nr_formats + 1, sizeof(*ret->events));
	if (!ret->events)
		return &km_error_memory;
	for (size_t i = 0; i < nr_formats && i < total->nr_slots; i++)
		if (total->slots[i])
			ret->events[ret->nr_events++] =
				(struct km_event_report){ &formats[i], total->slots[i] };
	return NULL;
}

/* The streams of the trace with what was found in them. */
static struct km_error *collect_streams(const struct scan *scan, const struct worker *total,
					struct km_report_parts *ret)
{
	const struct km_input_info *info = km_source_info(scan->source);

	ret->input = info;
	ret->streams = calloc(info->nr_streams + 1, sizeof(*ret->streams));
	if (!ret->streams)
		return &km_error_memory;
	ret->nr_streams = info->nr_streams;
	ret->quality = *km_source_quality(scan->source);
	memcpy(ret->kinds, total->kinds, sizeof(ret->kinds));
	if (total->sift)
		km_sift_settle_kinds(total->sift, ret->kinds);
	for (size_t i = 0; i < info->nr_streams; i++) {
		struct km_stream_report *stream = &ret->streams[i];
		struct km_stream_stats stats = { .first_ns = UINT64_MAX };

		if (i < total->nr_streams)
			stats = total->streams[i];
		stream->info = &info->streams[i];
		if (total->sift)
			km_sift_settle(total->sift, info->streams[i].cpu, &stats.quality);
		stream->quality = stats.quality;
		stream->first_ns = stats.first_ns;
		stream->last_ns = stats.last_ns;
		stream->events = km_quality_events_total(&stats.quality);
		km_quality_add(&ret->quality, &stats.quality);
	}
	return NULL;
}

/* Adds the workers up, in the first: the sums do not depend on who did what. */
static struct km_error *merge_workers(const struct scan *scan, struct worker *workers,
				      unsigned int nr, struct km_report_parts *ret,
				      struct km_groups *groups)
{
	struct worker *total = &workers[0];
	struct km_error *error = NULL;

	for (unsigned int i = 0; i < nr && !error; i++)
		error = km_groups_merge(groups, workers[i].groups, name_of_cache,
					workers[i].reader);
	for (unsigned int i = 1; i < nr && !error; i++) {
		const struct worker *worker = &workers[i];

		error = worker_grow(total, worker->nr_streams, worker->nr_slots);
		for (size_t k = 0; !error && k < worker->nr_streams; k++)
			stream_add(&total->streams[k], &worker->streams[k]);
		for (size_t k = 0; !error && k < worker->nr_slots; k++)
			total->slots[k] += worker->slots[k];
		for (int k = 0; k < KM_NR_EVENT_KINDS; k++)
			total->kinds[k] += worker->kinds[k];
		if (!error && total->sift)
			error = km_sift_add(total->sift, worker->sift);
	}
	if (!error)
		error = collect_streams(scan, total, ret);
	return error ? error : collect_events(scan, total, ret);
}

/* A report of what there is in the middle of the only part. */
static struct km_error *worker_report(struct worker *worker)
{
	const struct scan *scan = worker->scan;
	struct worker total = { .scan = worker->scan,
				.reader = worker->reader,
				.sift = worker->sift };
	struct km_report_parts parts = { 0 };
	struct km_groups *groups;
	struct km_error *error = km_groups_create(&groups);

	if (error)
		return error;
	error = worker_add_stats(&total);
	if (!error)
		error = km_groups_merge(groups, worker->groups, name_of_cache, worker->reader);
	if (!error)
		error = collect_streams(scan, &total, &parts);
	if (!error)
		error = collect_events(scan, &total, &parts);
	free(total.streams);
	free(total.slots);
	if (!error)
		return scan->options->on_interval(scan->options->interval_arg, &parts, groups);
	free(parts.streams);
	free(parts.events);
	km_groups_destroy(groups);
	return error;
}

struct km_error *km_scan(struct km_source *source, const struct km_scan_options *options,
			 struct km_report_parts *ret, struct km_groups **ret_groups)
{
	struct scan scan = { .source = source, .options = options };
	struct km_groups *groups = NULL;
	struct worker *workers;
	unsigned int nr;
	struct km_error *error = NULL;

	scan.nr_parts = km_source_nr_parts(source);
	for (size_t i = 0; i < scan.nr_parts; i++)
		scan.bytes_total += km_source_part_bytes(source, i);
	nr = choose_threads(&scan);
	workers = calloc(nr, sizeof(*workers));
	if (!workers)
		return &km_error_memory;
	for (unsigned int i = 0; i < nr && !error; i++)
		error = worker_init(&workers[i], &scan);
	if (!error)
		run_workers(workers, nr);
	for (unsigned int i = 0; i < nr && !error; i++) {
		error = workers[i].error;
		workers[i].error = NULL;
	}
	if (!error)
		error = km_groups_create(&groups);
	if (!error)
		error = merge_workers(&scan, workers, nr, ret, groups);
	for (unsigned int i = 0; i < nr; i++)
		worker_deinit(&workers[i]);
	free(workers);
	if (error) {
		km_groups_destroy(groups);
		free(ret->streams);
		free(ret->events);
		ret->streams = NULL;
		ret->events = NULL;
		return error;
	}
	*ret_groups = groups;
	return NULL;
}
