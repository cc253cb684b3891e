/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Samples put in order of time. perf record empties the CPUs' buffers one after the other, and then
 * writes FINISHED_ROUND: whatever comes later is younger than the youngest of the round before
 * (tools/perf/util/ordered-events.c, v6.1). So what waits is that of two rounds.
 */
#include <assert.h>
#include <stdlib.h>

#include "source/perfdata.h"

/* A recorder that never ends a round must not use up the memory: about 256 MB with call chains. */
#define MAX_WAITING_EVENTS (1U << 20)
#define MAX_WAITING_BYTES  (256U << 20)

static void lot_deinit(struct pd_lot *lot)
{
	free(lot->events);
	free(lot->bytes);
	*lot = (struct pd_lot){ 0 };
}

void pd_queue_deinit(struct pd_queue *queue)
{
	lot_deinit(&queue->waiting);
	lot_deinit(&queue->ready);
	free(queue->order);
	free(queue->scratch);
	*queue = (struct pd_queue){ 0 };
}

void pd_queue_clear(struct pd_queue *queue)
{
	queue->waiting.nr = queue->waiting.nr_bytes = 0;
	queue->ready.nr = queue->ready.nr_bytes = 0;
	queue->next = queue->nr_ready = 0;
	queue->newest_ns = queue->flush_ns = 0;
}

/* Appends an event with `size` bytes, which are at *ret_bytes to be filled in. */
static struct km_error *lot_add(struct pd_lot *lot, const struct pd_queued *event, size_t size,
				uint8_t **ret_bytes)
{
	if (lot->nr == lot->room) {
		const size_t room = lot->room ? 2 * lot->room : 4096;
		void *events = reallocarray(lot->events, room, sizeof(*lot->events));

		if (!events)
			return &km_error_memory;
		lot->events = events;
		lot->room = room;
	}
	if (size > lot->room_bytes - lot->nr_bytes) {
		const size_t room = 2 * lot->room_bytes + size + (1U << 18);
		uint8_t *bytes = realloc(lot->bytes, room);

		if (!bytes)
			return &km_error_memory;
		lot->bytes = bytes;
		lot->room_bytes = room;
	}
	lot->events[lot->nr] = *event;
	lot->events[lot->nr++].data_at = lot->nr_bytes;
	*ret_bytes = lot->bytes + lot->nr_bytes;
	lot->nr_bytes += size;
	return NULL;
}

/* What an event takes: the addresses after it stay aligned. */
static size_t event_bytes(const struct pd_queued *event)
{
	return 8 * (size_t)event->nr_chain + ((size_t)event->raw_size + 7) / 8 * 8;
}

struct km_error *pd_queue_add(struct pd_queue *queue, const struct pd_sample *sample, uint16_t cpu,
			      const uint64_t *chain, size_t nr_chain)
{
	const struct pd_queued event = {
		.ts_ns = sample->time_ns,
		.raw_size = sample->raw_size,
		.nr_chain = (uint16_t)nr_chain,
		.cpu = cpu,
	};
	uint8_t *bytes;
	struct km_error *error = lot_add(&queue->waiting, &event, event_bytes(&event), &bytes);

	if (error)
		return error;
	if (nr_chain)
		memcpy(bytes, chain, 8 * nr_chain);
	memcpy(bytes + 8 * nr_chain, sample->raw, sample->raw_size);
	if (sample->time_ns > queue->newest_ns)
		queue->newest_ns = sample->time_ns;
	return NULL;
}

bool pd_queue_is_full(const struct pd_queue *queue)
{
	return queue->waiting.nr >= MAX_WAITING_EVENTS ||
	       queue->waiting.nr_bytes >= MAX_WAITING_BYTES;
}

/* Merges the runs order[from..mid) and order[mid..to) into `ret`. */
static void merge(const struct pd_queued *events, const uint32_t *order, size_t from, size_t mid,
		  size_t to, uint32_t *ret)
{
	size_t a = from, b = mid;

	for (size_t i = from; i < to; i++) {
		if (b >= to || (a < mid && events[order[a]].ts_ns <= events[order[b]].ts_ns))
			ret[i] = order[a++];
		else
			ret[i] = order[b++];
	}
}

static size_t run_end(const struct pd_queued *events, const uint32_t *order, size_t from, size_t nr)
{
	size_t i = from + 1;

	while (i < nr && events[order[i]].ts_ns >= events[order[i - 1]].ts_ns)
		i++;
	return i < nr ? i : nr;
}

/*
 * Sorts queue->order by time, and what is of one time as it came. The events are in few runs, one
 * of each CPU, which are merged two by two until one is left.
 */
static void sort(struct pd_queue *queue, size_t nr)
{
	const struct pd_queued *events = queue->ready.events;

	for (;;) {
		uint32_t *swap = queue->order;
		size_t from = 0;
		bool is_sorted = run_end(events, queue->order, 0, nr) >= nr;

		if (is_sorted)
			return;
		while (from < nr) {
			const size_t mid = run_end(events, queue->order, from, nr);
			const size_t to = mid < nr ? run_end(events, queue->order, mid, nr) : nr;

			merge(events, queue->order, from, mid, to, queue->scratch);
			from = to;
		}
		queue->order = queue->scratch;
		queue->scratch = swap;
	}
}

/* Makes what waits ready, in order. */
static struct km_error *make_order(struct pd_queue *queue)
{
	struct pd_lot lot = queue->ready;

	assert(queue->next == queue->nr_ready);
	lot.nr = lot.nr_bytes = 0;
	queue->ready = queue->waiting;
	queue->waiting = lot;
	if (queue->room_order < queue->ready.nr) {
		const size_t room = queue->ready.room;

		free(queue->order);
		free(queue->scratch);
		queue->order = calloc(room, sizeof(*queue->order));
		queue->scratch = calloc(room, sizeof(*queue->scratch));
		queue->room_order = queue->order && queue->scratch ? room : 0;
		if (!queue->room_order)
			return &km_error_memory;
	}
	for (size_t i = 0; i < queue->ready.nr; i++)
		queue->order[i] = (uint32_t)i;
	sort(queue, queue->ready.nr);
	queue->next = 0;
	return NULL;
}

/* Of what is in order the first `nr` are let out, the others wait again. */
static struct km_error *let_out(struct pd_queue *queue, size_t nr)
{
	for (size_t i = nr; i < queue->ready.nr; i++) {
		const struct pd_queued *event = &queue->ready.events[queue->order[i]];
		uint8_t *bytes;
		struct km_error *error =
			lot_add(&queue->waiting, event, event_bytes(event), &bytes);

		if (error)
			return error;
		memcpy(bytes, queue->ready.bytes + event->data_at, event_bytes(event));
	}
	queue->nr_ready = nr;
	return NULL;
}

struct km_error *pd_queue_end_round(struct pd_queue *queue)
{
	struct km_error *error = make_order(queue);
	size_t low = 0, high = queue->ready.nr;

	if (error)
		return error;
	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (queue->ready.events[queue->order[mid]].ts_ns <= queue->flush_ns)
			low = mid + 1;
		else
			high = mid;
	}
	queue->flush_ns = queue->newest_ns;
	return let_out(queue, low);
}

struct km_error *pd_queue_flush_half(struct pd_queue *queue)
{
	struct km_error *error = make_order(queue);

	return error ? error : let_out(queue, (queue->ready.nr + 1) / 2);
}

struct km_error *pd_queue_flush_all(struct pd_queue *queue)
{
	struct km_error *error = make_order(queue);

	return error ? error : let_out(queue, queue->ready.nr);
}

const struct pd_queued *pd_queue_next(struct pd_queue *queue)
{
	if (queue->next == queue->nr_ready)
		return NULL;
	return &queue->ready.events[queue->order[queue->next++]];
}
