/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the buffers of all CPUs in rounds, and gives their events in the order of time.
 *
 * A CPU that does nothing has no event that tells how late it is, and must not hold up the others.
 * So before each round the clock is read: when all buffers have been emptied, whatever was written
 * before is here, and those events can be put into order and given away. Events become visible some
 * time after their stamp is taken, for a virtual CPU can be off meanwhile: what is younger than
 * SLACK_NS waits for the next round. What comes later still is given as soon as it is there.
 *
 * Pages are kept as they were read, and decoded a batch at a time, when the batch before is used
 * up.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "decode/pages.h"
#include "source/tracefs.h"

enum {
	CHUNK_BYTES = 64 << 10,
	/* of pages that wait on a CPU because of another's: the kernel keeps the rest */
	MOST_LANE_BYTES = 64 << 20,
	SLACK_NS = 2 * 1000 * 1000,
	/* a round without being woken; and the shortest time between two */
	TICK_NS = 100 * 1000 * 1000,
	LEAST_NS = 10 * 1000 * 1000,
	COMMS_NS = 1000 * 1000 * 1000,
};

/* Pages of a CPU as they were read. */
struct chunk {
	struct chunk *next;
	size_t size;
	uint8_t data[];
};

/* What is of one CPU. */
struct lane {
	int fd;
	struct km_pages pages;
	struct km_batch batch;
	uint32_t next;              /* row of the batch */
	struct chunk *first, *last; /* not decoded, or with is_fed the first being decoded */
	bool is_fed;
	bool is_drained; /* the buffer was found empty in the last round */
	uint64_t kept_bytes;
};

struct live_reader {
	struct km_reader base;
	enum km_want want;
	uint32_t page_bytes;
	size_t chunk_bytes;
	struct lane *lanes; /* by CPU */
	struct lane **heap; /* those with rows, the earliest first */
	size_t nr_lanes, nr_heap;
	size_t lane_in_hand;  /* without order: the one that is decoded */
	struct pollfd *polls; /* end_fds, then the lanes' */
	struct chunk *spare;
	struct km_intern names;   /* of caches, of all lanes */
	struct km_records stacks; /* of the last batch */
	struct km_stream_stats *streams;
	struct km_part_stats stats;
	uint64_t *slots;
	uint64_t until_ns; /* events up to here are all there */
	uint64_t round_ns; /* when the last round began */
	uint64_t comms_ns;
	bool is_blocked; /* a lane that is not drained has no rows */
	bool is_ending;  /* recording is stopped */
	bool is_last;    /* and all has been read */
	bool is_finished;
};

static struct km_tracefs *live_of(const struct live_reader *reader)
{
	return (struct km_tracefs *)reader->base.source;
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static struct km_error *init_lanes(struct live_reader *reader)
{
	const struct km_tracefs *live = live_of(reader);
	const struct km_formats *formats = &reader->base.source->formats;
	struct km_error *error = NULL;

	for (size_t i = 0; i < live->nr_cpus && !error; i++) {
		struct lane *lane = &reader->lanes[i];
		const struct km_clock clock = { 0 };

		lane->fd = live->pipes[i];
		error = km_pages_init(&lane->pages, formats, reader->want, reader->page_bytes);
		if (error)
			break;
		reader->nr_lanes++;
		km_pages_begin(&lane->pages, i, (uint16_t)i, &clock);
		reader->polls[live->nr_end_fds + i] =
			(struct pollfd){ .fd = lane->fd, .events = POLLIN };
	}
	for (size_t i = 0; i < live->nr_end_fds; i++)
		reader->polls[i] = (struct pollfd){ .fd = live->end_fds[i], .events = POLLIN };
	return error;
}

struct km_error *km_tracefs_reader_create(struct km_source *source, enum km_want want,
					  struct km_reader **ret)
{
	const struct km_tracefs *live = (const struct km_tracefs *)source;
	const size_t nr = live->nr_cpus;
	struct live_reader *reader = calloc(1, sizeof(*reader));
	struct km_error *error;

	if (!reader)
		return &km_error_memory;
	reader->base.source = source;
	reader->want = want;
	reader->page_bytes = source->info.subbuf_bytes;
	reader->chunk_bytes = reader->page_bytes > CHUNK_BYTES
				      ? reader->page_bytes
				      : CHUNK_BYTES / reader->page_bytes * reader->page_bytes;
	reader->lanes = calloc(nr + 1, sizeof(*reader->lanes));
	reader->heap = calloc(nr + 1, sizeof(struct lane *));
	reader->polls = calloc(nr + live->nr_end_fds + 1, sizeof(*reader->polls));
	reader->streams = calloc(nr + 1, sizeof(*reader->streams));
	reader->slots = calloc(source->formats.nr_infos + 1, sizeof(*reader->slots));
	error = km_records_init(&reader->stacks, &source->formats, want);
	if (!reader->lanes || !reader->heap || !reader->polls || !reader->streams ||
	    !reader->slots) {
		km_error_free(error);
		error = &km_error_memory;
	}
	if (!error)
		error = init_lanes(reader);
	if (error)
		km_tracefs_reader_destroy(&reader->base);
	else
		*ret = &reader->base;
	return error;
}

static void free_chunks(struct chunk *chunk)
{
	while (chunk) {
		struct chunk *next = chunk->next;

		free(chunk);
		chunk = next;
	}
}

void km_tracefs_reader_destroy(struct km_reader *base)
{
	struct live_reader *reader = (struct live_reader *)base;

	for (size_t i = 0; i < reader->nr_lanes; i++) {
		km_pages_deinit(&reader->lanes[i].pages);
		free_chunks(reader->lanes[i].first);
	}
	free_chunks(reader->spare);
	km_intern_deinit(&reader->names);
	km_records_deinit(&reader->stacks);
	free(reader->lanes);
	free(reader->heap);
	free(reader->polls);
	free(reader->streams);
	free(reader->slots);
	free(reader);
}

struct km_error *km_tracefs_reader_start(struct km_reader *base, size_t part)
{
	struct live_reader *reader = (struct live_reader *)base;
	struct km_tracefs *live = live_of(reader);

	(void)part;
	if (live->is_begun)
		return km_error_create(KM_ERR_INPUT, live->tracefs,
				       "a live source can be read once only");
	live->is_begun = true;
	for (size_t i = 0; i < reader->nr_lanes; i++)
		reader->lanes[i].pages.known = base->known;
	return NULL;
}

static struct chunk *take_chunk(struct live_reader *reader)
{
	struct chunk *chunk = reader->spare;

	if (chunk)
		reader->spare = chunk->next;
	else
		chunk = malloc(sizeof(*chunk) + reader->chunk_bytes);
	if (chunk) {
		chunk->next = NULL;
		chunk->size = 0;
	}
	return chunk;
}

static void give_back(struct live_reader *reader, struct chunk *chunk)
{
	chunk->next = reader->spare;
	reader->spare = chunk;
}

/* Pages until the chunk is full or the buffer empty. */
static struct km_error *read_chunk(struct live_reader *reader, struct lane *lane,
				   struct chunk *chunk)
{
	const size_t page_bytes = reader->page_bytes;

	while (chunk->size + page_bytes <= reader->chunk_bytes) {
		uint8_t *page = chunk->data + chunk->size;
		const ssize_t got = read(lane->fd, page, page_bytes);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno != EAGAIN)
			return km_error_os(KM_ERR_INPUT, live_of(reader)->tracefs, errno,
					   "cannot read trace_pipe_raw");
		if (got <= 0) {
			lane->is_drained = true;
			return NULL;
		}
		memset(page + got, 0, page_bytes - (size_t)got);
		chunk->size += page_bytes;
	}
	return NULL;
}

/* Takes what is in the buffer of a CPU. */
static struct km_error *read_lane(struct live_reader *reader, struct lane *lane)
{
	struct km_error *error = NULL;

	lane->is_drained = false;
	while (!error && !lane->is_drained && lane->kept_bytes < MOST_LANE_BYTES) {
		struct chunk *chunk = take_chunk(reader);

		if (!chunk)
			return &km_error_memory;
		error = read_chunk(reader, lane, chunk);
		if (!chunk->size) {
			give_back(reader, chunk);
			continue;
		}
		lane->kept_bytes += chunk->size;
		live_of(reader)->streams[lane - reader->lanes].bytes += chunk->size;
		if (lane->last)
			lane->last->next = chunk;
		else
			lane->first = chunk;
		lane->last = chunk;
	}
	return error;
}

/* Adds events of a CPU to a batch until it is full, which is true, or there are no more. */
static bool decode(struct live_reader *reader, struct lane *lane, struct km_batch *batch)
{
	struct km_pages *pages = &lane->pages;
	bool is_full = false;

	/* a stack would go to the row before, which is not in this batch */
	if (!batch->nr && !pages->has_kept)
		pages->records.has_target = false;
	while (!is_full) {
		struct chunk *chunk = lane->first;

		if (!lane->is_fed) {
			if (!chunk)
				return false;
			km_pages_feed(pages, chunk->data, chunk->size);
			lane->is_fed = true;
		}
		/* one table for all CPUs, so that groups and takers see one name for a cache */
		pages->records.names = reader->names;
		is_full = km_pages_fill(pages, batch);
		reader->names = pages->records.names;
		pages->records.names = (struct km_intern){ 0 };
		if (is_full)
			break;
		lane->is_fed = false;
		lane->first = chunk->next;
		if (!lane->first)
			lane->last = NULL;
		lane->kept_bytes -= chunk->size;
		give_back(reader, chunk);
	}
	return is_full;
}

/* The next rows of a lane; false if there are none. */
static bool refill(struct live_reader *reader, struct lane *lane)
{
	struct km_batch *batch = &lane->batch;

	lane->next = batch->nr = 0;
	batch->has_new = batch->has_others = batch->has_stacks = false;
	decode(reader, lane, batch);
	return batch->nr > 0;
}

static inline uint64_t next_ts(const struct lane *lane)
{
	return lane->batch.ts_ns[lane->next];
}

static inline bool is_before(const struct lane *a, const struct lane *b)
{
	const uint64_t x = next_ts(a), y = next_ts(b);

	return x != y ? x < y : a < b;
}

/* Puts the lane at `at` of the heap where it belongs, from there on down. */
static void sift_down(struct live_reader *reader, size_t at)
{
	struct lane **heap = reader->heap;

	for (;;) {
		size_t child = 2 * at + 1;
		struct lane *lane = heap[at];

		if (child >= reader->nr_heap)
			return;
		if (child + 1 < reader->nr_heap && is_before(heap[child + 1], heap[child]))
			child++;
		if (!is_before(heap[child], lane))
			return;
		heap[at] = heap[child];
		heap[child] = lane;
		at = child;
	}
}

/* Up to where rows of the first lane come before those of all others. */
static uint64_t run_limit(const struct live_reader *reader)
{
	struct lane *const *heap = reader->heap;
	const struct lane *second = reader->nr_heap > 1 ? heap[1] : NULL;
	uint64_t limit = reader->until_ns;

	if (reader->nr_heap > 2 && is_before(heap[2], heap[1]))
		second = heap[2];
	/* of one time goes first what is of the lower CPU; the first is before the second */
	if (second && next_ts(second) - (heap[0] > second) < limit)
		limit = next_ts(second) - (heap[0] > second);
	return limit;
}

/* Copies a stack into the table of the batch that is given away. */
static km_stack_id copy_stack(struct live_reader *reader, const struct lane *lane, km_stack_id id)
{
	const uint64_t *frames;
	const size_t nr = km_records_stack(&lane->pages.records, id, &frames);

	return km_records_add_stack(&reader->stacks, frames, nr);
}

#define COPY(column) memcpy(&batch->column[to], &from->column[first], nr * sizeof(from->column[0]))

/* Copies rows of a lane to the end of the batch. */
static void copy_rows(struct live_reader *reader, const struct lane *lane, uint32_t nr,
		      struct km_batch *batch)
{
	const struct km_batch *from = &lane->batch;
	const uint32_t first = lane->next, to = batch->nr;
	const bool has_all = reader->want == KM_WANT_ALL;

	COPY(call_site);
	COPY(size);
	COPY(what);
	COPY(ts_ns);
	COPY(ptr);
	COPY(group);
	if (has_all || from->has_others) {
		COPY(pid);
		COPY(more);
	}
	batch->has_new |= from->has_new;
	for (uint32_t i = 0; i < nr; i++) {
		const bool is_other = km_batch_is_other(from, first + i);

		batch->cpu[to + i] = lane->pages.cpu;
		batch->stack[to + i] = 0;
		if (is_other || batch->has_others)
			km_batch_set_other(batch, to + i, is_other);
		if (from->has_stacks && (has_all || is_other) && from->stack[first + i]) {
			batch->stack[to + i] = copy_stack(reader, lane, from->stack[first + i]);
			batch->has_stacks = true;
		}
	}
	batch->nr += nr;
}

/* Adds to the batch what can be put into order; true if it is full. */
static bool emit(struct live_reader *reader, struct km_batch *batch)
{
	while (reader->nr_heap && !reader->is_blocked) {
		struct lane *lane = reader->heap[0];
		const struct km_batch *from = &lane->batch;
		const uint64_t limit = run_limit(reader);
		uint32_t end = lane->next, most = lane->next + KM_BATCH_EVENTS - batch->nr;

		if (most > from->nr)
			most = from->nr;
		if (next_ts(lane) > reader->until_ns)
			return false;
		/* the first goes in any case: stamps of a CPU can go back a little */
		for (end++; end < most && from->ts_ns[end] <= limit; end++)
			;
		copy_rows(reader, lane, end - lane->next, batch);
		lane->next = end;
		if (end == from->nr && !refill(reader, lane)) {
			reader->is_blocked = !lane->is_drained;
			reader->heap[0] = reader->heap[--reader->nr_heap];
		}
		if (reader->nr_heap)
			sift_down(reader, 0);
		if (batch->nr == KM_BATCH_EVENTS)
			return true;
	}
	return false;
}

/* The lanes that have rows. */
static void make_heap(struct live_reader *reader)
{
	reader->nr_heap = 0;
	reader->is_blocked = false;
	for (size_t i = 0; i < reader->nr_lanes; i++) {
		struct lane *lane = &reader->lanes[i];

		if (lane->next < lane->batch.nr || refill(reader, lane))
			reader->heap[reader->nr_heap++] = lane;
		else if (!lane->is_drained)
			reader->is_blocked = true;
	}
	for (size_t i = reader->nr_heap; i-- > 0;)
		sift_down(reader, i);
}

/* Whether it is to end, asked of the flag and of the descriptors as they were polled. */
static bool has_end(const struct live_reader *reader)
{
	const struct km_tracefs *live = live_of(reader);

	if (live->stop && *live->stop)
		return true;
	for (size_t i = 0; i < live->nr_end_fds; i++)
		if (reader->polls[i].revents)
			return true;
	return false;
}

static void wait_until(struct live_reader *reader, size_t nr_polls, uint64_t ns)
{
	const uint64_t now = now_ns(CLOCK_MONOTONIC);
	const uint64_t left = ns > now ? ns - now : 0;
	const struct timespec timeout = { .tv_sec = (time_t)(left / 1000000000),
					  .tv_nsec = (long)(left % 1000000000) };

	if (ppoll(reader->polls, nr_polls, &timeout, NULL) < 0)
		for (size_t i = 0; i < nr_polls; i++)
			reader->polls[i].revents = 0;
}

/* Until a buffer is filled as far as buffer_percent says, or the next tick. */
static void wait_for_events(struct live_reader *reader)
{
	const size_t nr_end_fds = live_of(reader)->nr_end_fds;

	/* before Linux 6.1 any event wakes us, and a page read for each costs more than it tells */
	wait_until(reader, nr_end_fds, reader->round_ns + LEAST_NS);
	if (!has_end(reader))
		wait_until(reader, nr_end_fds + reader->nr_lanes, reader->round_ns + TICK_NS);
}

/* Empties all buffers. */
static struct km_error *read_lanes(struct live_reader *reader)
{
	struct km_tracefs *live = live_of(reader);
	const uint64_t now = now_ns(live->clock);
	struct km_error *error = NULL;
	bool is_drained = true;

	reader->round_ns = now_ns(CLOCK_MONOTONIC);
	if (reader->want == KM_WANT_ALL && reader->round_ns - reader->comms_ns > COMMS_NS) {
		reader->comms_ns = reader->round_ns;
		km_tracefs_note_comms(live);
	}
	for (size_t i = 0; i < reader->nr_lanes && !error; i++) {
		error = read_lane(reader, &reader->lanes[i]);
		is_drained &= reader->lanes[i].is_drained;
	}
	reader->is_last = reader->is_ending && is_drained;
	reader->until_ns = reader->is_last ? UINT64_MAX : now > SLACK_NS ? now - SLACK_NS : 0;
	return error;
}

/* Waits, or ends, and reads what there is. */
static struct km_error *do_round(struct live_reader *reader)
{
	struct km_error *error = NULL;

	if (!reader->is_ending && !has_end(reader)) {
		if (reader->base.idle)
			error = reader->base.idle(reader->base.idle_arg);
		if (error)
			return error;
		if (!reader->is_blocked)
			wait_for_events(reader);
	}
	if (!reader->is_ending && has_end(reader)) {
		error = km_instance_stop(live_of(reader)->instance);
		if (error)
			return error;
		reader->is_ending = true;
	}
	return read_lanes(reader);
}

static void finish(struct live_reader *reader)
{
	reader->is_finished = true;
	if (reader->want == KM_WANT_ALL)
		km_tracefs_note_comms(live_of(reader));
}

/* Allocations alone, as they come. */
static struct km_error *fill_any_order(struct live_reader *reader, struct km_batch *batch)
{
	struct km_error *error = NULL;

	while (!error) {
		for (; reader->lane_in_hand < reader->nr_lanes; reader->lane_in_hand++)
			if (decode(reader, &reader->lanes[reader->lane_in_hand], batch))
				return NULL;
		if (batch->nr || reader->is_finished)
			return NULL;
		if (reader->is_last) {
			finish(reader);
			return NULL;
		}
		error = do_round(reader);
		reader->lane_in_hand = 0;
	}
	return error;
}

struct km_error *km_tracefs_reader_fill(struct km_reader *base, struct km_batch *batch)
{
	struct live_reader *reader = (struct live_reader *)base;
	struct km_error *error = NULL;

	if (reader->want == KM_WANT_ALLOCS)
		return fill_any_order(reader, batch);
	km_records_clear_stacks(&reader->stacks);
	while (!error) {
		if (emit(reader, batch) || batch->nr || reader->is_finished)
			return NULL;
		if (reader->is_last && !reader->is_blocked) {
			finish(reader);
			return NULL;
		}
		error = do_round(reader);
		if (!error)
			make_heap(reader);
	}
	return error;
}

/* Takes a row that was decoded, and is not given away yet, out of the counts again. */
static void uncount(enum km_event_kind kind, uint64_t ptr, struct km_quality *quality,
		    uint64_t kinds[static KM_NR_EVENT_KINDS])
{
	kinds[kind]++;
	if (kind == KM_EV_KFREE && !ptr)
		quality->count[KM_NULL_FREES]--;
	else if (kind == KM_EV_KFREE && ptr == KM_ZERO_SIZE_PTR)
		quality->count[KM_ZERO_SIZE_FREES]--;
	else if (km_event_is_alloc(kind) && !ptr)
		quality->count[KM_FAILED_ALLOCS]--;
}

/* The same of all such rows of a CPU; kinds is how many there are of each. */
static void uncount_pending(const struct lane *lane, struct km_quality *quality,
			    uint64_t kinds[static KM_NR_EVENT_KINDS])
{
	const struct km_batch *batch = &lane->batch;

	memset(kinds, 0, KM_NR_EVENT_KINDS * sizeof(kinds[0]));
	for (uint32_t i = lane->next; i < batch->nr; i++)
		uncount(batch->what[i].kind, batch->ptr[i], quality, kinds);
	/* one that the decoder keeps back, for its stack may come next */
	if (lane->pages.has_kept)
		uncount(lane->pages.kept.what.kind, lane->pages.kept.ptr, quality, kinds);
}

/* What the kernel says is lost, which pages tell only when one comes after the loss. */
static void count_lost(struct live_reader *reader, size_t i, struct km_quality *quality)
{
	struct km_tracefs *live = live_of(reader);
	struct km_instance_stats stats;
	struct km_error *error = km_instance_cpu_stats(live->instance, (uint32_t)i, &stats);
	const uint64_t lost = error ? 0 : km_sat_add(stats.overrun, stats.dropped);

	km_error_free(error);
	if (error)
		return;
	live->streams[i].has_recorder_stats = true;
	live->streams[i].overrun = stats.overrun;
	live->streams[i].dropped = stats.dropped;
	if (lost > quality->count[KM_EVENTS_LOST])
		quality->count[KM_EVENTS_LOST] = lost;
	/* its number is in there */
	if (lost)
		quality->count[KM_GAPS_UNKNOWN] = 0;
}

static void sum_lane(struct live_reader *reader, size_t i)
{
	const struct lane *lane = &reader->lanes[i];
	const struct km_formats *formats = &reader->base.source->formats;
	struct km_stream_stats *stream = &reader->streams[i];
	uint64_t pending[KM_NR_EVENT_KINDS];

	*stream = lane->pages.stream;
	uncount_pending(lane, &stream->quality, pending);
	for (size_t slot = 0; slot < formats->nr_infos; slot++) {
		const enum km_event_kind kind = formats->infos[slot].kind;
		uint64_t nr = lane->pages.records.slots[slot];

		if (kind != KM_EV_OTHER) {
			const uint64_t less = pending[kind] < nr ? pending[kind] : nr;

			nr -= less;
			pending[kind] -= less;
		}
		reader->slots[slot] += nr;
		reader->stats.kinds[kind] += nr;
		stream->quality.count[kind == KM_EV_OTHER ? KM_EVENTS_OTHER : KM_EVENTS_USED] += nr;
	}
	if (lane->pages.has_first)
		stream->last_ns = lane->pages.last_raw;
	count_lost(reader, i, &stream->quality);
}

const struct km_part_stats *km_tracefs_reader_stats(const struct km_reader *base)
{
	/* they are made when they are asked for: that is seldom */
	struct live_reader *reader = (struct live_reader *)base;
	const size_t nr_slots = base->source->formats.nr_infos;

	memset(reader->slots, 0, nr_slots * sizeof(*reader->slots));
	reader->stats = (struct km_part_stats){
		.streams = reader->streams,
		.nr_streams = reader->nr_lanes,
		.slots = reader->slots,
		.nr_slots = nr_slots,
	};
	for (size_t i = 0; i < reader->nr_lanes; i++)
		sum_lane(reader, i);
	return &reader->stats;
}

const struct km_intern *km_tracefs_reader_names(const struct km_reader *base)
{
	return &((const struct live_reader *)base)->names;
}

size_t km_tracefs_reader_stack(const struct km_reader *base, km_stack_id id, const uint64_t **ret)
{
	return km_records_stack(&((const struct live_reader *)base)->stacks, id, ret);
}
