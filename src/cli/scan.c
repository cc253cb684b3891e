/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop that drives a source's parts through the aggregator, on as many threads as asked. Where
 * order matters (takers), ordered.c does it.
 */
#include "cli/scan.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ordered.h"
#include "cli/terminal.h"
#include "cli/worker.h"

/* What all threads share: which part is next, and how far they are. */
struct scan {
	struct km_source *source;
	const struct km_scan_options *options;
	size_t nr_parts;
	uint64_t bytes_total;
	atomic_size_t next_part;
	atomic_uint_fast64_t bytes_done, events_done;
	atomic_bool has_failed;
};

struct scan_thread {
	struct scan *scan;
	pthread_t thread;
	bool has_thread;
	bool is_caller; /* runs on the calling thread: shows progress */
	struct km_worker worker;
	struct km_batch *batch;
	double next_interval; /* when the next report is due */
	struct km_error *error;
};

static struct km_error *report_now(struct scan_thread *thread)
{
	const struct scan *scan = thread->scan;
	struct km_worker *worker = &thread->worker;
	struct km_report_parts parts = { 0 };
	struct km_groups *groups;
	struct km_error *error = km_groups_create(&groups);

	if (error)
		return error;
	error = km_workers_peek(scan->source, &worker, 1, &parts, groups);
	if (!error)
		return scan->options->on_interval(scan->options->interval_arg, &parts, groups);
	free(parts.streams);
	free(parts.events);
	km_groups_destroy(groups);
	return error;
}

double km_interval_after(double due, double interval_s)
{
	const double now = km_now();

	/* so that a slow terminal does not take all the time there is */
	return due + interval_s > now ? due + interval_s : now + interval_s;
}

/* Between two batches, or while there are none: gives a report if it is time. */
static struct km_error *pause_scan(void *arg)
{
	struct scan_thread *thread = arg;
	const struct km_scan_options *options = thread->scan->options;
	struct km_error *error;

	if (!options->on_interval || !thread->is_caller || km_now() < thread->next_interval)
		return NULL;
	error = report_now(thread);
	thread->next_interval = km_interval_after(thread->next_interval, options->interval_s);
	return error;
}

static struct km_error *read_part(struct scan_thread *thread, size_t part)
{
	struct km_worker *worker = &thread->worker;
	struct km_batch *batch = thread->batch;
	struct km_error *error = km_reader_start(worker->reader, part);

	worker->is_reading = !error;
	while (!error) {
		error = km_reader_fill(worker->reader, batch);
		if (error || !batch->nr)
			break;
		if (worker->sift)
			error = km_sift_batch(worker->sift, batch);
		if (!error)
			error = km_groups_add(worker->groups, batch);
		if (!error)
			error = pause_scan(thread);
	}
	if (error)
		return error;
	atomic_fetch_add(&thread->scan->events_done, km_worker_part_events(worker));
	return km_worker_add_stats(worker);
}

static void *run_thread(void *arg)
{
	struct scan_thread *thread = arg;
	struct scan *scan = thread->scan;
	const struct km_scan_options *options = scan->options;

	while (!atomic_load(&scan->has_failed) && !(options->stop && *options->stop)) {
		size_t part = atomic_fetch_add(&scan->next_part, 1);

		if (part >= scan->nr_parts)
			break;
		thread->error = read_part(thread, part);
		if (thread->error) {
			atomic_store(&scan->has_failed, true);
			break;
		}
		atomic_fetch_add(&scan->bytes_done, km_source_part_bytes(scan->source, part));
		if (thread->is_caller && options->progress)
			options->progress(options->progress_arg, atomic_load(&scan->bytes_done),
					  scan->bytes_total, atomic_load(&scan->events_done));
	}
	return NULL;
}

unsigned int km_scan_nr_threads(const struct km_scan_options *options)
{
	unsigned int nr = options->nr_threads;
	cpu_set_t cpus;

	if (!nr && sched_getaffinity(0, sizeof(cpus), &cpus) == 0)
		nr = (unsigned int)CPU_COUNT(&cpus);
	return nr ? nr : 1;
}

/* Starts all threads but the first, runs that here, and waits for the others. */
static void run_threads(struct scan_thread *threads, unsigned int nr)
{
	for (unsigned int i = 1; i < nr; i++)
		threads[i].has_thread =
			pthread_create(&threads[i].thread, NULL, run_thread, &threads[i]) == 0;
	threads[0].is_caller = true;
	threads[0].next_interval = km_now() + threads[0].scan->options->interval_s;
	if (threads[0].scan->options->beside)
		threads[0].scan->options->beside(threads[0].scan->options->beside_arg);
	/* where a thread could not be had, the others do its parts */
	run_thread(&threads[0]);
	for (unsigned int i = 1; i < nr; i++)
		if (threads[i].has_thread)
			pthread_join(threads[i].thread, NULL);
}

static struct km_error *init_thread(struct scan_thread *thread, struct scan *scan, unsigned int nr)
{
	const struct km_sift_options *sift = scan->options->sift;
	struct km_error *error;

	thread->scan = scan;
	thread->batch = malloc(sizeof(*thread->batch));
	if (!thread->batch)
		return &km_error_memory;
	error = km_worker_init(&thread->worker, scan->source, sift,
			       sift ? KM_WANT_ALL : KM_WANT_ALLOCS);
	/* what counts have as groups is what the kernel had memory for */
	if (!error && !km_source_info(scan->source)->is_counts)
		km_groups_set_limit(thread->worker.groups, scan->options->groups_bytes / nr);
	/* a report in between needs a fill to return now and then, even without new groups */
	if (!error && !sift &&
	    (!scan->options->on_interval || km_source_info(scan->source)->is_counts))
		km_reader_lend_groups(thread->worker.reader,
				      km_groups_table(thread->worker.groups));
	if (!error && scan->options->on_interval)
		km_reader_set_idle(thread->worker.reader, pause_scan, thread);
	return error;
}

static struct km_error *merge_threads(const struct scan *scan, struct scan_thread *threads,
				      unsigned int nr, struct km_report_parts *ret,
				      struct km_groups *groups)
{
	struct km_worker **workers = calloc(nr, sizeof(*workers));
	struct km_error *error;

	if (!workers)
		return &km_error_memory;
	for (unsigned int i = 0; i < nr; i++)
		workers[i] = &threads[i].worker;
	error = km_workers_merge(scan->source, workers, nr, ret, groups);
	free(workers);
	return error;
}

/* Reads parts in any order. */
static struct km_error *scan_parts(struct km_source *source, const struct km_scan_options *options,
				   struct km_report_parts *ret, struct km_groups *groups)
{
	struct scan scan = { .source = source, .options = options };
	unsigned int nr = km_scan_nr_threads(options);
	struct scan_thread *threads;
	struct km_error *error = NULL;

	scan.nr_parts = km_source_nr_parts(source);
	for (size_t i = 0; i < scan.nr_parts; i++)
		scan.bytes_total += km_source_part_bytes(source, i);
	if (nr > scan.nr_parts)
		nr = scan.nr_parts ? (unsigned int)scan.nr_parts : 1;
	threads = calloc(nr, sizeof(*threads));
	if (!threads)
		return &km_error_memory;
	for (unsigned int i = 0; i < nr && !error; i++)
		error = init_thread(&threads[i], &scan, nr);
	if (!error)
		run_threads(threads, nr);
	for (unsigned int i = 0; i < nr && !error; i++) {
		error = threads[i].error;
		threads[i].error = NULL;
	}
	if (!error)
		error = merge_threads(&scan, threads, nr, ret, groups);
	for (unsigned int i = 0; i < nr; i++) {
		km_worker_deinit(&threads[i].worker);
		free(threads[i].batch);
		km_error_free(threads[i].error);
	}
	free(threads);
	return error;
}

struct km_error *km_scan(struct km_source *source, const struct km_scan_options *options,
			 struct km_report_parts *ret, struct km_groups **ret_groups)
{
	struct km_groups *groups;
	struct km_error *error = km_groups_create(&groups);

	if (error)
		return error;
	if (options->nr_takers)
		error = km_scan_ordered(source, options, ret, groups);
	else
		error = scan_parts(source, options, ret, groups);
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
