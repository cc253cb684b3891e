/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads all queues of a source side by side and gives their rows to takers in time order.
 *
 * Each queue has a reader and a ring of batches. The calling thread merges the queues by runs: from
 * the queue with the earliest row it takes all rows that are not later than the earliest of the
 * others. Other threads fill the rings, and so does the calling one where it would have to wait;
 * without other threads a ring has one batch, filled when it is empty. The order, and so the
 * result, is the same in any case.
 */
#include "cli/ordered_private.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cli/terminal.h"
#include "cli/worker.h"

/* Rings together take at most this much, but have room for two batches each. */
#define RINGS_BYTES (16U << 20)
#define MOST_RING   16
/* What a queue takes, about: two batches, a reader, and its first tables. */
#define QUEUE_BYTES (400U << 10)
/* Runs are long: their end is looked for in steps of so many rows. */
#define RUN_STEP    16

/* Gives each part to its queue. */
static struct km_error *assign_parts(struct ordered *ordered)
{
	for (size_t i = 0; i < km_source_nr_parts(ordered->source); i++) {
		const uint32_t number = km_source_part_queue(ordered->source, i);
		struct queue *queues = ordered->queues, *queue;
		size_t *parts;

		if (number >= ordered->nr_queues) {
			queues = reallocarray(queues, (size_t)number + 1, sizeof(*queues));
			if (!queues)
				return &km_error_memory;
			memset(queues + ordered->nr_queues, 0,
			       (number + 1 - ordered->nr_queues) * sizeof(*queues));
			ordered->queues = queues;
			ordered->nr_queues = (size_t)number + 1;
		}
		queue = &queues[number];
		parts = reallocarray(queue->parts, queue->nr_parts + 1, sizeof(*parts));
		if (!parts)
			return &km_error_memory;
		queue->parts = parts;
		parts[queue->nr_parts++] = i;
		ordered->bytes_total += km_source_part_bytes(ordered->source, i);
	}
	return NULL;
}

static struct km_error *make_rings(struct ordered *ordered)
{
	size_t nr_ring = 1;

	if (ordered->nr_fillers) {
		nr_ring = RINGS_BYTES / sizeof(struct filled) / ordered->nr_queues;
		nr_ring = nr_ring < 2 ? 2 : nr_ring > MOST_RING ? MOST_RING : nr_ring;
	}
	for (size_t i = 0; i < ordered->nr_queues; i++) {
		struct queue *queue = &ordered->queues[i];

		queue->number = (uint32_t)i;
		queue->ring = calloc(nr_ring, sizeof(*queue->ring));
		if (!queue->ring)
			return &km_error_memory;
		queue->nr_ring = nr_ring;
	}
	ordered->heap = calloc(ordered->nr_queues + 1, sizeof(struct queue *));
	return ordered->heap ? NULL : &km_error_memory;
}

/* Copies a stack out of its reader; its id becomes that of the copy. */
static struct km_error *keep_stack(struct filled *filled, const struct km_reader *reader,
				   km_stack_id *id)
{
	const uint64_t *frames;
	const size_t nr = km_reader_stack(reader, *id, &frames);

	if (filled->nr_stacks + nr + 1 > filled->room_stacks) {
		const size_t room = 2 * (filled->nr_stacks + nr + 1);
		uint64_t *stacks = reallocarray(filled->stacks, room, sizeof(*stacks));

		if (!stacks || room > UINT32_MAX)
			return &km_error_memory;
		filled->stacks = stacks;
		filled->room_stacks = room;
	}
	filled->stacks[filled->nr_stacks++] = nr;
	*id = (km_stack_id)filled->nr_stacks;
	memcpy(filled->stacks + filled->nr_stacks, frames, nr * sizeof(*frames));
	filled->nr_stacks += nr;
	return NULL;
}

static struct km_error *keep_stacks(const struct ordered *ordered, const struct queue *queue,
				    struct filled *filled)
{
	struct km_batch *batch = &filled->batch;
	struct km_error *error = NULL;

	filled->nr_stacks = 0;
	for (uint32_t i = 0; batch->has_stacks && i < batch->nr && !error; i++)
		if (ordered->want == KM_WANT_ALL || km_batch_is_other(batch, i))
			if (batch->stack[i])
				error = keep_stack(filled, queue->worker.reader, &batch->stack[i]);
	return error;
}

/* Looks for names that the reader has met since. */
static struct km_error *keep_names(struct queue *queue, struct filled *filled)
{
	struct names *names = queue->names;
	const struct km_reader *reader = queue->worker.reader;

	while (!names ||
	       (names->nr <= UINT16_MAX && km_reader_cache_name(reader, (uint16_t)names->nr))) {
		if (!names || names->nr == names->room) {
			const size_t room = names ? 2 * names->room : 64;
			struct names *more =
				calloc(1, sizeof(*more) + room * sizeof(more->items[0]));

			if (!more)
				return &km_error_memory;
			more->before = names;
			more->room = room;
			more->nr = names ? names->nr : 1;
			if (names)
				memcpy(more->items, names->items,
				       names->nr * sizeof(names->items[0]));
			queue->names = names = more;
			continue;
		}
		names->items[names->nr] = km_reader_cache_name(reader, (uint16_t)names->nr);
		names->nr++;
	}
	filled->cache_names = names->items;
	return NULL;
}

/* All that is done with a batch before its rows are put in order. */
static struct km_error *prepare(const struct ordered *ordered, struct queue *queue,
				struct filled *filled)
{
	struct km_worker *worker = &queue->worker;
	struct km_error *error = NULL;

	if (worker->sift)
		error = km_sift_mark(worker->sift, &filled->batch);
	/* intervals of events' time end in the middle of a batch: then when rows are given */
	if (!error && !ordered->options->no_groups && !ordered->options->interval_ns)
		error = km_groups_number(worker->groups, &filled->batch);
	if (!error)
		error = keep_stacks(ordered, queue, filled);
	return error ? error : keep_names(queue, filled);
}

/* The workers of queues that have one; the array is the caller's to free. NULL: no memory. */
static struct km_worker **list_workers(const struct ordered *ordered, size_t *ret_nr)
{
	struct km_worker **workers = calloc(ordered->nr_queues + 1, sizeof(*workers));

	*ret_nr = 0;
	for (size_t i = 0; workers && i < ordered->nr_queues; i++)
		if (ordered->queues[i].has_worker)
			workers[(*ret_nr)++] = &ordered->queues[i].worker;
	return workers;
}

/* Gives a report of what has been taken. */
static struct km_error *report_now(struct ordered *ordered)
{
	const struct km_scan_options *options = ordered->options;
	struct km_report_parts parts = { 0 };
	struct km_groups *groups;
	struct km_worker **workers;
	struct km_error *error = km_groups_create(&groups);
	size_t nr;

	if (error)
		return error;
	workers = list_workers(ordered, &nr);
	error = workers ? km_workers_peek(ordered->source, workers, nr, &parts, groups)
			: &km_error_memory;
	free(workers);
	if (!error) {
		if (options->interval_ns)
			km_taken_settle(&ordered->taken, &parts);
		return options->on_interval(options->interval_arg, &parts, groups);
	}
	free(parts.streams);
	free(parts.events);
	km_groups_destroy(groups);
	return error;
}

/* Gives a report between two batches of the only queue, if it is time. */
static struct km_error *pause_merge(void *arg)
{
	struct ordered *ordered = arg;
	const struct km_scan_options *options = ordered->options;
	struct km_error *error;

	if (!options->on_interval || options->interval_ns || km_now() < ordered->next_interval)
		return NULL;
	error = report_now(ordered);
	ordered->next_interval = km_interval_after(ordered->next_interval, options->interval_s);
	return error;
}

static struct km_error *start_part(struct ordered *ordered, struct queue *queue)
{
	struct km_error *error = NULL;

	if (!queue->has_worker) {
		queue->has_worker = true;
		error = km_worker_init(&queue->worker, ordered->source, ordered->options->sift,
				       ordered->want);
		if (!error)
			km_groups_set_limit(queue->worker.groups,
					    ordered->options->groups_bytes / ordered->nr_queues);
		/* a report in between has what was handed on, not what the reader has counted */
		if (!error && !queue->worker.sift && !ordered->options->on_interval)
			km_reader_lend_groups(queue->worker.reader,
					      km_groups_table(queue->worker.groups));
		if (!error && ordered->options->on_interval)
			km_reader_set_idle(queue->worker.reader, pause_merge, ordered);
	}
	if (!error)
		error = km_reader_start(queue->worker.reader, queue->parts[queue->next_part]);
	if (error)
		return error;
	queue->next_part++;
	queue->is_started = queue->worker.is_reading = true;
	return NULL;
}

static struct km_error *end_part(struct ordered *ordered, struct queue *queue)
{
	const size_t part = queue->parts[queue->next_part - 1];

	queue->is_started = false;
	atomic_fetch_add(&ordered->bytes_done, km_source_part_bytes(ordered->source, part));
	atomic_fetch_add(&ordered->events_done, km_worker_part_events(&queue->worker));
	return km_worker_add_stats(&queue->worker);
}

/* The next batch of a queue; an empty one at its end. */
static struct km_error *fill(struct ordered *ordered, struct queue *queue, struct filled *filled)
{
	const volatile bool *stop = ordered->options->stop;
	struct km_error *error = NULL;

	filled->batch.nr = 0;
	while (!error && !filled->batch.nr) {
		if (!queue->is_started) {
			if (queue->next_part == queue->nr_parts || (stop && *stop))
				return NULL;
			error = start_part(ordered, queue);
		}
		if (!error)
			error = km_reader_fill(queue->worker.reader, &filled->batch);
		if (!error && !filled->batch.nr)
			error = end_part(ordered, queue);
	}
	return error ? error : prepare(ordered, queue, filled);
}

/* Enters what filling a batch of a queue came to. */
static void publish(struct ordered *ordered, struct queue *queue, const struct filled *filled,
		    struct km_error *error)
{
	if (!error && filled->batch.nr) {
		queue->nr_filled++;
		return;
	}
	queue->is_done = true;
	if (!error)
		return;
	if (ordered->error)
		km_error_free(error);
	else
		ordered->error = error;
}

/* The queue whose ring has least in it, of those nobody fills; NULL if none has room. */
static struct queue *choose_queue(const struct ordered *ordered, bool *ret_is_done)
{
	struct queue *best = NULL;

	*ret_is_done = true;
	for (size_t i = 0; i < ordered->nr_queues; i++) {
		struct queue *queue = &ordered->queues[i];
		const size_t nr = queue->nr_filled - queue->nr_taken;

		if (queue->is_done)
			continue;
		*ret_is_done = false;
		if (nr < queue->nr_ring && !queue->is_busy &&
		    (!best || nr < best->nr_filled - best->nr_taken))
			best = queue;
	}
	return best;
}

/* Fills in a batch, without the lock that is held. */
static void fill_next(struct ordered *ordered, struct queue *queue)
{
	struct filled *filled = &queue->ring[queue->nr_filled % queue->nr_ring];
	struct km_error *error;

	queue->is_busy = true;
	pthread_mutex_unlock(&ordered->lock);
	error = fill(ordered, queue, filled);
	pthread_mutex_lock(&ordered->lock);
	queue->is_busy = false;
	publish(ordered, queue, filled, error);
}

/*
 * Sleeping and waking take longer than a batch does: who has nothing to take sleeps until a ring is
 * half full, and who has no room until one is half empty.
 */
static bool is_worth_waking(const struct queue *queue)
{
	return queue->is_done || queue->nr_filled - queue->nr_taken >= queue->nr_ring / 2;
}

static void *run_filler(void *arg)
{
	struct filler *filler = arg;
	struct ordered *ordered = filler->ordered;
	bool is_done = false;

	/* the calling thread fills for itself as long */
	if (filler->is_first && ordered->options->beside)
		ordered->options->beside(ordered->options->beside_arg);
	pthread_mutex_lock(&ordered->lock);
	while (!ordered->is_over && !ordered->error) {
		struct queue *queue = choose_queue(ordered, &is_done);

		if (is_done)
			break;
		if (!queue) {
			ordered->nr_idle++;
			pthread_cond_wait(&ordered->has_room, &ordered->lock);
			ordered->nr_idle--;
			continue;
		}
		fill_next(ordered, queue);
		if (ordered->waited_for && is_worth_waking(ordered->waited_for))
			pthread_cond_signal(&ordered->has_filled);
	}
	/* who waits for a batch learns of an error */
	pthread_cond_signal(&ordered->has_filled);
	pthread_mutex_unlock(&ordered->lock);
	return NULL;
}

/*
 * Waits, with the lock, for a batch of a queue, its end, or an error. Meanwhile this thread fills,
 * that ring if nobody does, or else another.
 */
static void await_batch(struct ordered *ordered, struct queue *queue)
{
	while (queue->nr_filled == queue->nr_taken && !queue->is_done && !ordered->error) {
		bool is_done;
		struct queue *other = queue->is_busy ? choose_queue(ordered, &is_done) : queue;

		if (other) {
			fill_next(ordered, other);
			if (ordered->nr_idle)
				pthread_cond_signal(&ordered->has_room);
			continue;
		}
		ordered->waited_for = queue;
		pthread_cond_wait(&ordered->has_filled, &ordered->lock);
		ordered->waited_for = NULL;
	}
}

/*
 * Takes the next batch of a queue into hand, after `is_first` or the one before; false at the
 * queue's end, or after an error.
 */
static bool take_batch(struct ordered *ordered, struct queue *queue, bool is_first)
{
	struct filled *filled;
	bool has_batch;

	queue->next = 0;
	if (!ordered->nr_fillers) {
		if (!is_first)
			queue->nr_taken++;
		filled = &queue->ring[queue->nr_filled % queue->nr_ring];
		publish(ordered, queue, filled, fill(ordered, queue, filled));
		return queue->nr_filled > queue->nr_taken;
	}
	pthread_mutex_lock(&ordered->lock);
	if (!is_first) {
		queue->nr_taken++;
		if (queue->nr_filled - queue->nr_taken == queue->nr_ring / 2)
			pthread_cond_broadcast(&ordered->has_room);
	}
	await_batch(ordered, queue);
	has_batch = queue->nr_filled > queue->nr_taken;
	pthread_mutex_unlock(&ordered->lock);
	return has_batch;
}

static inline struct filled *in_hand(const struct queue *queue)
{
	return &queue->ring[queue->nr_taken % queue->nr_ring];
}

static inline uint64_t next_ts(const struct queue *queue)
{
	return in_hand(queue)->batch.ts_ns[queue->next];
}

/* Whether the next row of `a` comes before that of `b`. */
static inline bool is_before(const struct queue *a, const struct queue *b)
{
	const uint64_t x = next_ts(a), y = next_ts(b);

	return x != y ? x < y : a->number < b->number;
}

/* Puts the queue at `at` of the heap where it belongs, from there on down. */
static void sift_down(struct ordered *ordered, size_t at)
{
	struct queue **heap = ordered->heap;

	for (;;) {
		size_t child = 2 * at + 1;
		struct queue *queue = heap[at];

		if (child >= ordered->nr_heap)
			return;
		if (child + 1 < ordered->nr_heap && is_before(heap[child + 1], heap[child]))
			child++;
		if (!is_before(heap[child], queue))
			return;
		heap[at] = heap[child];
		heap[child] = queue;
		at = child;
	}
}

/* The second of the heap's queues, or NULL. */
static const struct queue *second(const struct ordered *ordered)
{
	struct queue *const *heap = ordered->heap;

	if (ordered->nr_heap < 2)
		return NULL;
	return ordered->nr_heap > 2 && is_before(heap[2], heap[1]) ? heap[2] : heap[1];
}

/* The end of the run of rows of a queue that are not after the next of `other`. */
static uint32_t run_end(const struct queue *queue, const struct queue *other)
{
	const struct km_batch *batch = &in_hand(queue)->batch;
	uint32_t to = queue->next + 1;
	uint64_t limit;

	if (!other)
		return batch->nr;
	/* of one time goes first what is of the queue with the lower number */
	limit = next_ts(other) - (queue->number > other->number);
	while (to + RUN_STEP <= batch->nr && batch->ts_ns[to + RUN_STEP - 1] <= limit)
		to += RUN_STEP;
	while (to < batch->nr && batch->ts_ns[to] <= limit)
		to++;
	return to;
}

static struct km_error *give_run(struct ordered *ordered, const struct queue *queue, uint32_t to)
{
	const struct km_scan_options *options = ordered->options;
	struct filled *filled = in_hand(queue);
	const struct km_rows rows = {
		.batch = &filled->batch,
		.from = queue->next,
		.to = to,
		.queue = queue->number,
		.groups = km_groups_list(queue->worker.groups),
		.stacks = filled->stacks,
		.cache_names = filled->cache_names,
	};
	struct km_error *error = NULL;

	if (options->interval_ns) {
		km_taken_add(&ordered->taken, &filled->batch, queue->next, to);
		error = km_groups_number_rows(queue->worker.groups, &filled->batch, queue->next,
					      to);
	}
	for (size_t i = 0; i < options->nr_takers && !error; i++)
		if (!options->takers[i].is_cut)
			error = options->takers[i].add(options->takers[i].arg, &rows);
	return error;
}

/*
 * Between two batches, whose ends are the same for any number of threads: who has so much that it
 * would exceed its share if it doubled its tables, which it copies then, gets no more.
 */
static void cut_takers(const struct ordered *ordered)
{
	const struct km_scan_options *options = ordered->options;

	for (size_t i = 0; i < options->nr_takers; i++) {
		struct km_taker *taker = &options->takers[i];

		if (taker->bytes && taker->most_bytes && !taker->is_cut)
			taker->is_cut = taker->bytes(taker->arg) > taker->most_bytes / 3;
	}
}

static void show_progress(struct ordered *ordered)
{
	const struct km_scan_options *options = ordered->options;
	const uint64_t done = atomic_load(&ordered->bytes_done);

	if (!options->progress || done == ordered->bytes_shown)
		return;
	ordered->bytes_shown = done;
	options->progress(options->progress_arg, done, ordered->bytes_total,
			  atomic_load(&ordered->events_done));
}

/* Before the row at `ts`, which is the earliest: gives a report of the interval that has ended. */
static struct km_error *end_interval(struct ordered *ordered, uint64_t ts)
{
	const struct km_scan_options *options = ordered->options;
	const uint64_t end = ordered->interval_end;
	struct km_error *error;

	if (!end) {
		ordered->interval_end = km_sat_add(ts, options->interval_ns);
		return NULL;
	}
	*options->interval_at_ns = end;
	error = report_now(ordered);
	if (error || ts - end < options->interval_ns)
		ordered->interval_end = km_sat_add(end, options->interval_ns);
	else
		/* nothing happened for longer: the interval with the row is the next but one */
		ordered->interval_end =
			end + (ts - end) / options->interval_ns * options->interval_ns;
	return error;
}

/* Gives the reports that are due before the next row, and cuts the run where the next one is. */
static struct km_error *settle_interval(struct ordered *ordered, uint32_t *to)
{
	const struct queue *queue = ordered->heap[0];
	const struct km_batch *batch = &in_hand(queue)->batch;
	const uint64_t ts = next_ts(queue);
	struct km_error *error = NULL;

	while (!error && (!ordered->interval_end || ts >= ordered->interval_end) &&
	       ordered->interval_end != UINT64_MAX)
		error = end_interval(ordered, ts);
	while (*to > queue->next + 1 && batch->ts_ns[*to - 1] >= ordered->interval_end)
		(*to)--;
	return error;
}

static bool is_ended(const struct ordered *ordered)
{
	const struct km_scan_options *options = ordered->options;

	return (options->has_enough && *options->has_enough) ||
	       (options->interval_ns && options->stop && *options->stop);
}

static struct km_error *merge(struct ordered *ordered)
{
	struct km_error *error = NULL;

	ordered->next_interval = km_now() + ordered->options->interval_s;
	for (size_t i = 0; i < ordered->nr_queues; i++)
		if (take_batch(ordered, &ordered->queues[i], true))
			ordered->heap[ordered->nr_heap++] = &ordered->queues[i];
	for (size_t i = ordered->nr_heap; i-- > 0;)
		sift_down(ordered, i);
	while (ordered->nr_heap && !error && !is_ended(ordered)) {
		struct queue *queue = ordered->heap[0];
		uint32_t to = run_end(queue, second(ordered));

		if (ordered->options->interval_ns)
			error = settle_interval(ordered, &to);
		if (!error)
			error = give_run(ordered, queue, to);
		queue->next = to;
		if (to == in_hand(queue)->batch.nr) {
			show_progress(ordered);
			cut_takers(ordered);
			if (!error)
				error = pause_merge(ordered);
			if (!take_batch(ordered, queue, false))
				ordered->heap[0] = ordered->heap[--ordered->nr_heap];
		}
		sift_down(ordered, 0);
	}
	return error;
}

/* Threads wait for the lock until it is known how many there are; without any, none is needed. */
static void start_fillers(struct ordered *ordered)
{
	size_t nr = 0;

	pthread_mutex_lock(&ordered->lock);
	for (; nr < ordered->nr_fillers; nr++) {
		struct filler *filler = &ordered->fillers[nr];

		*filler = (struct filler){ .ordered = ordered, .is_first = nr == 0 };
		if (pthread_create(&filler->thread, NULL, run_filler, filler))
			break;
	}
	ordered->nr_fillers = nr;
	pthread_mutex_unlock(&ordered->lock);
}

static void end_fillers(struct ordered *ordered)
{
	pthread_mutex_lock(&ordered->lock);
	ordered->is_over = true;
	pthread_cond_broadcast(&ordered->has_room);
	pthread_mutex_unlock(&ordered->lock);
	for (size_t i = 0; i < ordered->nr_fillers; i++)
		pthread_join(ordered->fillers[i].thread, NULL);
}

static void queue_deinit(struct queue *queue)
{
	for (size_t i = 0; i < queue->nr_ring; i++)
		free(queue->ring[i].stacks);
	while (queue->names) {
		struct names *before = queue->names->before;

		free(queue->names);
		queue->names = before;
	}
	if (queue->has_worker)
		km_worker_deinit(&queue->worker);
	free(queue->ring);
	free(queue->parts);
}

/* Adds up what the queues' readers found. */
static struct km_error *finish(struct ordered *ordered, struct km_report_parts *ret,
			       struct km_groups *groups)
{
	size_t nr;
	struct km_worker **workers = list_workers(ordered, &nr);
	struct km_error *error;

	if (!workers)
		return &km_error_memory;
	error = km_workers_merge(ordered->source, workers, nr, ret, groups);
	free(workers);
	return error;
}

/* A file may name tens of thousands of CPUs. */
static struct km_error *check_queues(const struct ordered *ordered)
{
	const uint64_t bytes = ordered->nr_queues * (uint64_t)QUEUE_BYTES;

	if (!ordered->options->groups_bytes || bytes <= ordered->options->groups_bytes / 2)
		return NULL;
	return km_error_advise(km_error_create(KM_ERR_INPUT, km_source_info(ordered->source)->path,
					       "to read the buffers of %zu CPUs side by side takes "
					       "%" PRIu64 " MiB: more than the memory limit allows",
					       ordered->nr_queues, bytes >> 20),
			       "give a larger --memory-limit, or --no-pairing");
}

static struct km_error *run(struct ordered *ordered, struct km_report_parts *ret,
			    struct km_groups *groups)
{
	struct km_error *error = make_rings(ordered);

	if (error)
		return error;
	start_fillers(ordered);
	if (!ordered->nr_fillers && ordered->options->beside)
		ordered->options->beside(ordered->options->beside_arg);
	error = merge(ordered);
	end_fillers(ordered);
	if (error || ordered->error) {
		if (error)
			km_error_free(ordered->error);
		else
			error = ordered->error;
		ordered->error = NULL;
		return error;
	}
	return finish(ordered, ret, groups);
}

struct km_error *km_scan_ordered(struct km_source *source, const struct km_scan_options *options,
				 struct km_report_parts *ret, struct km_groups *groups)
{
	struct ordered ordered = {
		.source = source,
		.options = options,
		/* what is in hand at the end of an interval is counted by its kind */
		.want = options->sift || options->interval_ns ? KM_WANT_ALL : KM_WANT_PAIRS,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.has_filled = PTHREAD_COND_INITIALIZER,
		.has_room = PTHREAD_COND_INITIALIZER,
	};
	struct km_error *error = assign_parts(&ordered);

	for (size_t i = 0; i < options->nr_takers; i++)
		if (options->takers[i].wants_all)
			ordered.want = KM_WANT_ALL;
	/* reports on the way show what has been taken: nothing is to be read ahead then */
	if (!error && !options->on_interval && !options->stop) {
		ordered.nr_fillers = km_scan_nr_threads(options) - 1;
		if (ordered.nr_fillers > ordered.nr_queues)
			ordered.nr_fillers = ordered.nr_queues;
		ordered.fillers = calloc(ordered.nr_fillers + 1, sizeof(*ordered.fillers));
		if (!ordered.fillers)
			error = &km_error_memory;
	}
	if (!error)
		error = check_queues(&ordered);
	if (!error)
		error = run(&ordered, ret, groups);
	for (size_t i = 0; i < ordered.nr_queues; i++)
		queue_deinit(&ordered.queues[i]);
	free(ordered.queues);
	free(ordered.heap);
	free(ordered.fillers);
	return error;
}
